"""Logarithm and exponential in our own arithmetic: sums, products and one division each.

Every such step is rounded as IEEE 754 says, everywhere alike; so a time drawn through them is the
same on every machine, while the functions of a system's library differ in the last bit from one to
the next. And a loop over them works on several numbers at once, which calls do not.

The coefficients of the polynomials are those whose largest error is least, 2**-59 and 2**-60.

References
----------
Muller (2016), Elementary Functions: Algorithms and Implementation, 3rd ed. Birkhaeuser.
(Reduction of the argument, ch. 11; polynomials of least largest error, ch. 3)
"""

from __future__ import annotations

import math

from twin.engine.bits import bits_of, real_of
from twin.engine.jit import folded

_ONE = 0x3FF0000000000000
_FRACTION = 0x000FFFFFFFFFFFFF
# The square root of 1/2, rounded: the fraction of a number lies between it and twice its value.
_LEAST = 0x3FE6A09E00000000
# A whole number below 2**52 in these bits is a real number, larger by 2**52.
_WHOLE = 0x4330000000000000
_WHOLE_AT = 4503599627370496.0 + 1023.0
# Of log 2: what has no bit below 2**-33, so that a whole number times it is exact, and the rest.
_LOG_2, _LOG_2_REST = 0.6931471803691238, 1.9082149292705877e-10
# Beyond these the exponential is no number, or not a normal one.
_LEAST_EXPONENT, _MOST_EXPONENT = -707.0, 709.782712893384
# A sum with it is rounded to a whole number, which then stands in the last bits.
_ROUND = 6755399441055744.0


@folded
def log(x: float) -> float:
    """Return the natural logarithm of a positive normal number; wrong by less than one last bit.

    With x = 2**e (1 + f) and s = f / (2 + f), log(1 + f) = f - f**2 / 2 + s (f**2 / 2 + r), where r
    is a polynomial in s**2.
    """
    bits = bits_of(x) + (_ONE - _LEAST)
    e = real_of((bits >> 52) | _WHOLE) - _WHOLE_AT
    f = real_of((bits & _FRACTION) + _LEAST) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (0.22222198573174817 + w * 0.1531405053738838) + 0.39999999999414676
    odd = w * (w * 0.14795949856391497 + 0.18183564326660567) + 0.2857142874238771
    r = w * even + z * (w * odd + 0.6666666666666734)
    half = 0.5 * f * f
    return e * _LOG_2 - ((half - (s * (half + r) + e * _LOG_2_REST)) - f)


@folded
def log_rest(u: float) -> float:
    """Return the logarithm of 1 - u with all digits of a small u, as ``math.log1p(-u)`` does.

    Where 1 - u is exact, as for a number that was drawn, it is ``log(1.0 - u)`` to the last bit.
    """
    rest = 1.0 - u
    return log(rest) + ((1.0 - rest) - u) / rest


@folded
def exp(x: float) -> float:
    """Return the exponential of x; wrong by less than one last bit, and nought below 1e-307.

    With x = k log 2 + r, exp(r) = 1 + r + r c / (2 - c), where c is r less a polynomial in r**2.
    """
    if x > _MOST_EXPONENT:
        return math.inf
    if x < _LEAST_EXPONENT:
        return 0.0
    rounded = x * 1.4426950408889634 + _ROUND
    k = rounded - _ROUND
    above, below = x - k * _LOG_2, k * _LOG_2_REST
    r = above - below
    z = r * r
    p = z * (z * (z * (z * 4.13813636553841e-08 - 1.6533902184098333e-06) + 6.613756321394847e-05)
             - 0.0027777777777015225) + 0.16666666666666602  # fmt: skip
    c = r - z * p
    value = 1.0 - ((below - (r * c) / (2.0 - c)) - above)
    power = bits_of(rounded) - bits_of(_ROUND)
    half = power >> 1  # twice, as 2**1024 is no number
    return value * real_of((half + 1023) << 52) * real_of((power - half + 1023) << 52)
