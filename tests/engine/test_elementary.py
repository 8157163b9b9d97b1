"""The logarithm and the exponential of our own: right to the last bit, and the same in a block."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from twin.engine.elementary import exp, log, log_rest
from twin.engine.jit import compiled
from twin.engine.streams import uniform

LOWEST = 0.5 / 4503599627370496.0
"""The smallest number that is drawn."""


def _last_bits(found: float, exact: Decimal) -> float:
    """Return the error in units of the last bit of the exact value."""
    return abs(float((Decimal(found) - exact) / Decimal(math.ulp(float(exact)))))


def _spread(low: float, high: float, count: int) -> list[float]:
    return [float(x) for x in np.random.default_rng(5).uniform(low, high, count)]


@pytest.mark.parametrize(("low", "high"), [(-36.0, 0.0), (-0.4, 0.4), (-700.0, 700.0)])
def test_the_logarithm_is_wrong_by_less_than_one_last_bit(low: float, high: float) -> None:
    """Over all that is drawn, near 1 where it is nearly nought, and over all sizes."""
    with localcontext() as context:
        context.prec = 40
        for x in [math.exp(at) for at in _spread(low, high, 2_000)]:
            assert _last_bits(log(x), Decimal(x).ln()) < 1.0


def test_the_logarithm_of_one_is_nought() -> None:
    """To the last bit, as are those of the numbers at both ends of what is drawn."""
    assert log(1.0) == 0.0
    assert log(1.0 - LOWEST) == -LOWEST
    assert log(LOWEST) == math.log(LOWEST)


@pytest.mark.parametrize(("low", "high"), [(-0.35, 0.35), (-30.0, 30.0), (-700.0, 709.0)])
def test_the_exponential_is_wrong_by_less_than_one_last_bit(low: float, high: float) -> None:
    """Over small, usual and extreme exponents."""
    with localcontext() as context:
        context.prec = 40
        for x in _spread(low, high, 2_000):
            assert _last_bits(exp(x), Decimal(x).exp()) < 1.0


def test_the_exponential_keeps_to_its_ends() -> None:
    """Nothing wraps around: infinity above, nought below, and the largest number itself."""
    assert exp(0.0) == 1.0
    assert exp(710.0) == math.inf
    assert exp(-math.inf) == 0.0
    assert exp(709.782712893384) == pytest.approx(math.exp(709.782712893384), rel=1e-15)


@pytest.mark.parametrize("u", [1e-300, 1e-18, 1e-12, 1e-9, 0.3, 0.5, 0.9, 1.0 - 1e-12])
def test_small_shares_keep_their_digits(u: float) -> None:
    """As with log1p, where 1 - u alone has lost them."""
    assert log_rest(u) == pytest.approx(math.log1p(-u), rel=3e-16)


@compiled
def _block(key: int, found: np.ndarray) -> None:
    for j in range(32):
        found[j] = uniform(key, 3, j, 1)
    for j in range(32):
        found[j] = log(1.0 - found[j])


def test_several_at_once_are_the_same_as_one_at_a_time() -> None:
    """The compiler may work on several; each is what it is alone, drawn with all digits or not."""
    for key in range(40):
        found = np.zeros(32)
        _block(key, found)
        drawn = [uniform(key, 3, j, 1) for j in range(32)]
        assert list(found) == [log(1.0 - u) for u in drawn] == [log_rest(u) for u in drawn]
