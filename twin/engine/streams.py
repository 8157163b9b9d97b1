"""Random numbers as a pure function of what they are for.

A uniform is ``philox(key(seed, element, purpose), (a, b, replication))``: ``a`` and ``b`` name what
the number decides (part and visit; the how-manieth failure), never the order of asking. So two
engines agree by construction, and a change at one place of a line leaves every other number where
it was. Both engines call these compiled functions; ``math`` functions agree between Python and
compiled code to the last bit, NumPy's vector functions do not, so only ``math`` is used here.

References
----------
Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3. SC11.
(Philox4x32-10)
Wichura (1988), Algorithm AS 241: the percentage points of the normal distribution. Applied
Statistics 37. (PPND16)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from twin.engine.elementary import exp, log, log_rest
from twin.engine.incomplete import beta_quantile, beta_shares, gamma_quantile, gamma_shares
from twin.engine.jit import compiled, folded
from twin.engine.nodes import BETA_OWN, GAMMA_OWN, at_deviate
from twin.line.distributions import Code

Floats = NDArray[np.float64]
Polynomial = tuple[float, float, float, float, float, float, float, float]

# As plain numbers: members of an enumeration take the compiler longer.
(
    CONSTANT,
    EXPONENTIAL,
    UNIFORM,
    TRIANGULAR,
    NORMAL,
    LOGNORMAL,
    WEIBULL,
    DISCRETE,
    GAMMA,
    BETA,
) = (
    int(Code.CONSTANT),
    int(Code.EXPONENTIAL),
    int(Code.UNIFORM),
    int(Code.TRIANGULAR),
    int(Code.NORMAL),
    int(Code.LOGNORMAL),
    int(Code.WEIBULL),
    int(Code.DISCRETE),
    int(Code.GAMMA),
    int(Code.BETA),
)

SHARE, LOGARITHM, DEVIATE, NOTHING = range(4)
"""Forms in which numbers are drawn ahead: as they are, as log(1 - u), as a standard normal deviate,
or not at all. What a time needs beyond its form depends on its distribution's parameters."""


class Purpose(StrEnum):
    """What a stream of numbers is for."""

    PROCESSING = "processing"
    QUALITY = "quality"
    LOAD = "load"
    UNLOAD = "unload"
    FAILURE = "failure"
    REPAIR = "repair"
    ARRIVAL = "arrival"
    PRODUCT = "product"
    ROUTE = "route"
    WEAR = "wear"
    SIGNAL = "signal"
    GAP = "gap"


def stream_key(seed: int, element: str, purpose: str) -> np.uint64:
    """Return the key of the stream of one element and purpose; names count, not positions."""
    text = f"{seed}|{element}|{purpose}".encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


@folded
def philox4x32(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return the four 32-bit words of Philox4x32-10 for a counter and a key of 32-bit words."""
    mask = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    for _ in range(10):
        p0 = np.uint64(0xD2511F53) * c0
        p1 = np.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> shift) ^ c1 ^ k0, p1 & mask, (p0 >> shift) ^ c3 ^ k1, p0 & mask
        k0 = (k0 + np.uint64(0x9E3779B9)) & mask
        k1 = (k1 + np.uint64(0xBB67AE85)) & mask
    return c0, c1, c2, c3


@folded
def uniform(key: np.uint64 | int, replication: int, a: int, b: int) -> float:
    """Return the number in (0, 1) that belongs to this key, replication and index.

    ``a`` counts up to 2**64, ``b`` and ``replication`` up to 2**32. Neither 0 nor 1 ever comes, and
    the numbers lie symmetric about 1/2, so 1 - u is exact.
    """
    mask = np.uint64(0xFFFFFFFF)
    shift = np.uint64(32)
    wide = np.uint64(a)
    key = np.uint64(key)
    c0, c1, _, _ = philox4x32(
        wide & mask,
        wide >> shift,
        np.uint64(b) & mask,
        np.uint64(replication) & mask,
        key & mask,
        key >> shift,
    )
    word = ((c0 << shift) | c1) >> np.uint64(12)
    return (float(word) + 0.5) * (1.0 / 4503599627370496.0)


@folded
def _ratio(top: Polynomial, bottom: Polynomial, r: float) -> float:
    a0, a1, a2, a3, a4, a5, a6, a7 = top
    b0, b1, b2, b3, b4, b5, b6, b7 = bottom
    above = ((((((a0 * r + a1) * r + a2) * r + a3) * r + a4) * r + a5) * r + a6) * r + a7
    below = ((((((b0 * r + b1) * r + b2) * r + b3) * r + b4) * r + b5) * r + b6) * r + b7
    return above / below


# Coefficients of AS 241 (PPND16), highest power first: near the middle, and in two tails.
_A = (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
      4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
      1.3314166789178437745e2, 3.3871328727963666080e0)  # fmt: skip
_B = (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
      2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
      4.2313330701600911252e1, 1.0)  # fmt: skip
_C = (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
      1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
      4.63033784615654529590e0, 1.42343711074968357734e0)  # fmt: skip
_D = (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
      1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
      2.05319162663775882187e0, 1.0)  # fmt: skip
_E = (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
      2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
      5.46378491116411436990e0, 6.65790464350110377720e0)  # fmt: skip
_F = (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
      7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
      5.99832206555887937690e-1, 1.0)  # fmt: skip


@folded
def is_far_out(p: float) -> bool:
    """Tell whether a quantile of the normal distribution lies in one of its tails."""
    return abs(p - 0.5) > 0.425


@folded
def normal_near(p: float) -> float:
    """Return the standard normal quantile of ``p`` that is not far out."""
    q = p - 0.5
    return q * _ratio(_A, _B, 0.180625 - q * q)


@compiled
def normal_far_out(p: float) -> float:
    """Return the standard normal quantile of ``p`` that is far out."""
    r = math.sqrt(-log(p if p < 0.5 else 1.0 - p))
    value = _ratio(_C, _D, r - 1.6) if r <= 5.0 else _ratio(_E, _F, r - 5.0)
    return -value if p < 0.5 else value


@compiled
def normal_quantile(p: float) -> float:
    """Return the standard normal quantile of ``p`` in (0, 1), to about 1e-16 relative."""
    return normal_far_out(p) if is_far_out(p) else normal_near(p)


@compiled
def _discrete(table: Floats, first: int, last: int, u: float) -> float:
    count = (last - first) // 2
    low, high = 0, count - 1
    while low < high:
        middle = (low + high) // 2
        if table[first + count + middle] < u:
            low = middle + 1
        else:
            high = middle
    return table[first + low]


def form_of(code: int, parameters: Sequence[float] | Floats) -> int:
    """Return the form in which numbers for a distribution are best drawn ahead."""
    if code == CONSTANT:
        return NOTHING
    if code in {EXPONENTIAL, WEIBULL}:
        return LOGARITHM
    whole = code == NORMAL and parameters[2] == 0.0
    by_nodes = code in {GAMMA, BETA} and len(parameters) > BETA_OWN
    return DEVIATE if whole or by_nodes or code == LOGNORMAL else SHARE


@compiled
def formed_time(code: int, table: Floats, first: int, value: float) -> float:
    """Return the time for a number in the form of its distribution, which is no share, s."""
    if code == EXPONENTIAL:
        return -table[first] * value
    if code == NORMAL:
        return max(0.0, table[first] + table[first + 1] * value)
    if code == LOGNORMAL:
        return exp(table[first] + table[first + 1] * value)
    if code == WEIBULL:
        return table[first] * exp(log(-value) / table[first + 1])
    if code == GAMMA:
        return table[first] * exp(at_deviate(table, first + GAMMA_OWN, value))
    if code == BETA:
        odds = at_deviate(table, first + BETA_OWN, value)
        rest = exp(-abs(odds))
        away = rest / (1.0 + rest) * (table[first + 1] - table[first])
        return table[first] + away if odds < 0.0 else table[first + 1] - away
    return table[first]


@compiled
def quantile_at(code: int, table: Floats, first: int, last: int, u: float) -> float:
    """Return the time below which a share ``u`` of the distribution lies, s.

    Parameters
    ----------
    code : int
        Kind of distribution, as ``Distribution.encode`` gives it.
    table, first, last
        Its parameters are ``table[first:last]``; gamma and beta may have nodes behind them.
    u : float
        In (0, 1).
    """
    if code == CONSTANT:
        return table[first]
    if code == EXPONENTIAL or code == WEIBULL:  # noqa: PLR1714, SIM109 - a tuple compiles slowly
        return formed_time(code, table, first, log_rest(u))
    if code == NORMAL:
        kept = 1.0 - table[first + 2]
        if u > 0.5:  # from the upper end, where p below would have lost its digits
            return formed_time(code, table, first, -normal_quantile((1.0 - u) * kept))
        return formed_time(code, table, first, normal_quantile(table[first + 2] + u * kept))
    if code == LOGNORMAL:
        return formed_time(code, table, first, normal_quantile(u))
    if code == UNIFORM:
        return table[first] + u * (table[first + 1] - table[first])
    if code == TRIANGULAR:
        low, mode, high = table[first], table[first + 1], table[first + 2]
        rises = u * (high - low) < mode - low  # both roads are one: which it is cannot be foreseen
        share, side = (u, mode - low) if rises else (1.0 - u, high - mode)
        away = math.sqrt(share * (high - low) * side)
        return low + away if rises else high - away
    if code == DISCRETE:
        return _discrete(table, first, last, u)
    if code == GAMMA or code == BETA:  # noqa: PLR1714, SIM109
        if last - first > BETA_OWN:
            return formed_time(code, table, first, normal_quantile(u))
        return _between(code, table, first, u, 1.0 - u)
    place = u * (last - first - 1)
    left = int(place)
    if left >= last - first - 1:
        return table[last - 1]
    return table[first + left] + (place - left) * (table[first + left + 1] - table[first + left])


@compiled
def _between(code: int, table: Floats, first: int, below: float, above: float) -> float:
    """Return the gamma or beta time that has these shares below and above it, s."""
    z = normal_quantile(below) if below <= above else -normal_quantile(above)
    if code == GAMMA:
        scale, shape, log_gamma = table[first], table[first + 1], table[first + 2]
        return scale * gamma_quantile(shape, log_gamma, below, above, z)
    low, high, a, b = table[first], table[first + 1], table[first + 2], table[first + 3]
    x, w = beta_quantile(a, b, table[first + 4], below, above, z)
    return low + x * (high - low) if x < w else high - w * (high - low)


@compiled
def _shares(code: int, table: Floats, first: int, x: float) -> tuple[float, float]:
    """Return the shares of a gamma or beta distribution below and above a time ``x`` s."""
    if code == GAMMA:
        return gamma_shares(table[first + 1], table[first + 2], x / table[first])
    low, high = table[first], table[first + 1]
    share = (x - low) / (high - low)
    rest = (high - x) / (high - low)
    return beta_shares(table[first + 2], table[first + 3], table[first + 4], share, rest)


@compiled
def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@compiled
def cdf_at(code: int, table: Floats, first: int, last: int, x: float) -> float:
    """Return the share of the distribution at or below ``x`` s."""
    if code == CONSTANT:
        return 1.0 if x >= table[first] else 0.0
    if x <= 0.0:
        return _discrete_cdf(table, first, last, x) if code == DISCRETE else 0.0
    if code == EXPONENTIAL:
        return -math.expm1(-x / table[first])
    if code == UNIFORM:
        width = table[first + 1] - table[first]
        if width <= 0.0:
            return 1.0 if x >= table[first] else 0.0
        return min(1.0, max(0.0, (x - table[first]) / width))
    if code == TRIANGULAR:
        low, mode, high = table[first], table[first + 1], table[first + 2]
        if x <= low:
            return 0.0
        if x >= high:
            return 1.0
        if x < mode:
            return (x - low) ** 2 / ((high - low) * (mode - low))
        return 1.0 - (high - x) ** 2 / ((high - low) * (high - mode))
    if code == NORMAL:
        p = _normal_cdf((x - table[first]) / table[first + 1])
        return max(0.0, (p - table[first + 2]) / (1.0 - table[first + 2]))
    if code == LOGNORMAL:
        return _normal_cdf((math.log(x) - table[first]) / table[first + 1])
    if code == WEIBULL:
        return -math.expm1(-((x / table[first]) ** table[first + 1]))
    if code == DISCRETE:
        return _discrete_cdf(table, first, last, x)
    if code == GAMMA or code == BETA:  # noqa: PLR1714, SIM109 - a tuple compiles slowly
        below, _ = _shares(code, table, first, x)
        return below
    return _empirical_cdf(table, first, last, x)


@compiled
def _discrete_cdf(table: Floats, first: int, last: int, x: float) -> float:
    count = (last - first) // 2
    share = 0.0
    for i in range(count):
        if table[first + i] <= x:
            share = table[first + count + i]
    return share


@compiled
def _empirical_cdf(table: Floats, first: int, last: int, x: float) -> float:
    steps = last - first - 1
    if x >= table[last - 1]:
        return 1.0
    if x < table[first]:
        return 0.0
    left = 0
    for i in range(steps):
        if table[first + i] <= x:
            left = i
    width = table[first + left + 1] - table[first + left]
    inside = (x - table[first + left]) / width if width > 0.0 else 0.0
    return (left + inside) / steps


@compiled
def residual_at(code: int, table: Floats, first: int, last: int, age_s: float, u: float) -> float:
    """Return the time left, s, given that ``age_s`` has passed: the quantile of what remains.

    An age beyond the longest possible time leaves nothing: the activity is due now.
    """
    if age_s <= 0.0 or code == EXPONENTIAL:
        return quantile_at(code, table, first, last, u)
    if code == WEIBULL:
        # Through the cumulative hazard: exact in the far tail, where 1 - cdf has no digits left.
        hazard = exp(log(age_s / table[first]) * table[first + 1]) - log_rest(u)
        return max(0.0, table[first] * exp(log(hazard) / table[first + 1]) - age_s)
    if code == NORMAL or code == LOGNORMAL:  # noqa: PLR1714, SIM109 - a tuple compiles slowly
        # Through the share that survives, for the same reason: a stop of many times its mean lasts.
        at = age_s if code == NORMAL else log(age_s)
        survived = 0.5 * math.erfc((at - table[first]) / (table[first + 1] * math.sqrt(2.0)))
        if survived <= 0.0:
            return 0.0
        z = -normal_quantile(survived * (1.0 - u))
        end = table[first] + table[first + 1] * z
        return max(0.0, (end if code == NORMAL else exp(end)) - age_s)
    if code == GAMMA or code == BETA:  # noqa: PLR1714, SIM109
        _, survived = _shares(code, table, first, age_s)
        above = survived * (1.0 - u)
        if above <= 0.0:
            return 0.0
        if above >= 1.0:
            return quantile_at(code, table, first, last, u)
        return max(0.0, _between(code, table, first, 1.0 - above, above) - age_s)
    reached = cdf_at(code, table, first, last, age_s)
    if reached >= 1.0:
        return 0.0
    p = reached + u * (1.0 - reached)
    if p >= 1.0:
        return 0.0
    return max(0.0, quantile_at(code, table, first, last, p) - age_s)


@compiled
def quantile(code: int, parameters: Floats, u: float) -> float:
    """Return the time below which a share ``u`` of the times lies, s; see ``quantile_at``."""
    return quantile_at(code, parameters, 0, len(parameters), u)


@compiled
def cdf(code: int, parameters: Floats, x: float) -> float:
    """Return the share of the distribution at or below ``x`` s; see ``cdf_at``."""
    return cdf_at(code, parameters, 0, len(parameters), x)


@compiled
def residual(code: int, parameters: Floats, age_s: float, u: float) -> float:
    """Return the time left, s, given that ``age_s`` has passed; see ``residual_at``."""
    return residual_at(code, parameters, 0, len(parameters), age_s, u)
