"""Quantiles of the gamma and the beta distribution, for Python and compiled code alike.

Both are found on the logarithm of the share below (or above, whichever is smaller). In the
logarithm of a gamma time, and in the log-odds of a beta share, densities are log-concave, so that
function is concave and Newton's method converges from wherever it begins; near the end Halley's,
which knows how the slope changes, comes closer by the third power. Shares come as a pair, below and
above, because one of the two has lost its digits in a tail.

References
----------
Press, Teukolsky, Vetterling, Flannery (2007), Numerical Recipes, 3rd edition, chapter 6: the series
and continued fractions of the incomplete gamma and beta functions.
Wilson, Hilferty (1931), The distribution of chi-square. PNAS 17: the first guess for a gamma time.
Abramowitz, Stegun (1964), Handbook of Mathematical Functions, 26.5.22: that for a beta share.
"""

from __future__ import annotations

import math

from twin.engine.elementary import exp, log
from twin.engine.jit import compiled, folded

TERMS = 20_000
"""Most terms of a series or fraction; far more than the shapes allowed need."""
STEPS = 200
"""Most steps; two or three are needed."""
CLOSE = 1e-10
"""Square of a step, in spreads of the distribution, that is the last: the next would be of the
order of the third power of the step."""
BENT = 0.5
"""Half the change of slope over a step beyond which the change is not believed."""
TINY = 1e-300
FAR_ROOT = 0.1
"""Below this the first guess of Wilson and Hilferty is none."""
ROUNDING = 1e-16


@folded
def _step(newton: float, bend: float) -> float:
    """Return the step that knows how the slope changes, by the share of it ``bend`` to a unit."""
    half = 0.5 * newton * bend
    return newton / (1.0 + half) if abs(half) < BENT else newton


@compiled
def gamma_shares(shape: float, log_gamma: float, x: float) -> tuple[float, float]:
    """Return the shares below and above ``x`` of the gamma distribution of scale 1.

    ``log_gamma`` is the logarithm of the gamma function at ``shape``.
    """
    if x <= 0.0:
        return 0.0, 1.0
    front = exp(shape * log(x) - x - log_gamma)
    if x < shape + 1.0:
        term = 1.0 / shape
        total = term
        for n in range(1, TERMS):
            term *= x / (shape + n)
            total += term
            if term < total * ROUNDING:
                break
        below = min(1.0, front * total)
        return below, 1.0 - below
    b = x + 1.0 - shape
    c = 1.0 / TINY
    d = 1.0 / b
    fraction = d
    for n in range(1, TERMS):
        a = -n * (n - shape)
        b += 2.0
        d = a * d + b
        d = TINY if abs(d) < TINY else d
        c = b + a / c
        c = TINY if abs(c) < TINY else c
        d = 1.0 / d
        change = d * c
        fraction *= change
        if abs(change - 1.0) < ROUNDING * 10.0:
            break
    above = min(1.0, front * fraction)
    return 1.0 - above, above


@compiled
def gamma_quantile(shape: float, log_gamma: float, below: float, above: float, z: float) -> float:
    """Return the point of a gamma distribution of scale 1 that has these shares beside it.

    ``z`` is the standard normal quantile of ``below``, for the first guess.
    """
    left = below <= above
    root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * math.sqrt(shape))
    if shape >= 1.0 and root > FAR_ROOT:
        y = log(shape) + 3.0 * log(root)
    elif left or -log(above) - log_gamma < 1.0:
        left = True
        y = (log(below) + log_gamma + log(shape)) / shape
    else:
        y = log(-log(above) - log_gamma)
    wanted = log(below) if left else log(above)
    for _ in range(STEPS):
        x = exp(y)
        under, over = gamma_shares(shape, log_gamma, x)
        share = under if left else over
        if share <= 0.0:
            # Beyond what a number can hold; half way back towards the middle.
            y += 1.0 if left else -1.0
            continue
        slope = exp(shape * y - x - log_gamma) / share
        if slope <= 0.0:
            y += -1.0 if left else 1.0
            continue
        slope = slope if left else -slope
        step = _step((wanted - log(share)) / slope, shape - x - slope)
        if not left:
            step = max(-1.0, min(1.0, step))
        y += step
        if step * step * max(shape, 1.0) < CLOSE:
            break
    return exp(y)


@compiled
def _beta_fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = TINY if abs(d) < TINY else d
    d = 1.0 / d
    fraction = d
    for n in range(1, TERMS):
        even = n * (b - n) * x / ((a + 2.0 * n - 1.0) * (a + 2.0 * n))
        d = 1.0 + even * d
        d = TINY if abs(d) < TINY else d
        c = 1.0 + even / c
        c = TINY if abs(c) < TINY else c
        d = 1.0 / d
        fraction *= d * c
        odd = -(a + n) * (a + b + n) * x / ((a + 2.0 * n) * (a + 2.0 * n + 1.0))
        d = 1.0 + odd * d
        d = TINY if abs(d) < TINY else d
        c = 1.0 + odd / c
        c = TINY if abs(c) < TINY else c
        d = 1.0 / d
        change = d * c
        fraction *= change
        if abs(change - 1.0) < ROUNDING * 10.0:
            break
    return fraction


@compiled
def beta_shares(a: float, b: float, log_beta: float, x: float, w: float) -> tuple[float, float]:
    """Return the shares below and above ``x`` of the beta distribution on (0, 1); ``w`` is 1 - x.

    ``log_beta`` is the logarithm of the beta function at ``a`` and ``b``.
    """
    if x <= 0.0:
        return 0.0, 1.0
    if w <= 0.0:
        return 1.0, 0.0
    front = exp(a * log(x) + b * log(w) - log_beta)
    if x < (a + 1.0) / (a + b + 2.0):
        below = min(1.0, front * _beta_fraction(a, b, x) / a)
        return below, 1.0 - below
    above = min(1.0, front * _beta_fraction(b, a, w) / b)
    return 1.0 - above, above


@compiled
def _beta_odds(a: float, b: float, log_beta: float, below: float, z: float) -> float:
    """Return the log-odds of the point below which a share, at most about a half, lies."""
    if a >= 1.0 and b >= 1.0:
        one, other = 1.0 / (2.0 * a - 1.0), 1.0 / (2.0 * b - 1.0)
        mean, lam = 2.0 / (one + other), (z * z - 3.0) / 6.0
        skew = (other - one) * (lam + 5.0 / 6.0 - 2.0 / (3.0 * mean))
        t = log(a / b) + 2.0 * (z * math.sqrt(max(0.0, mean + lam)) / mean + skew)
    else:
        t = min(30.0, (log(below) + log(a) + log_beta) / a)
    wanted = log(below)
    for _ in range(STEPS):
        x, w = 1.0 / (1.0 + exp(-t)), 1.0 / (1.0 + exp(t))
        under, _ = beta_shares(a, b, log_beta, x, w)
        if under <= 0.0:
            t += 1.0
            continue
        slope = exp(a * log(x) + b * log(w) - log_beta) / under
        if slope <= 0.0:
            t -= 1.0
            continue
        step = _step((wanted - log(under)) / slope, a * w - b * x - slope)
        t = max(-700.0, min(700.0, t + step))
        if step * step * max(a * b / (a + b), 1.0) < CLOSE:
            break
    return t


@compiled
def beta_quantile(
    a: float, b: float, log_beta: float, below: float, above: float, z: float
) -> tuple[float, float]:
    """Return the point ``x`` that has these shares beside it, and ``1 - x`` with its own digits.

    ``z`` is the standard normal quantile of ``below``, for the first guess.
    """
    if below <= above:
        t = _beta_odds(a, b, log_beta, below, z)
    else:
        t = -_beta_odds(b, a, log_beta, above, -z)
    return 1.0 / (1.0 + exp(-t)), 1.0 / (1.0 + exp(t))
