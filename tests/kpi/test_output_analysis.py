"""Intervals of means and shares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from twin.kpi import mean_interval, proportion_interval


def test_mean_interval_is_students() -> None:
    """Mean and half-width as the t distribution gives them."""
    values = np.array([1.0, 2.0, 4.0, 7.0])
    found = mean_interval(values, 0.9)
    low, high = stats.t.interval(0.9, 3, loc=values.mean(), scale=stats.sem(values))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((3.5, low, high, 4))


def test_one_value_has_a_mean_but_no_interval() -> None:
    """Nothing can be said of the spread of one."""
    found = mean_interval([3.0, np.nan])
    assert found.mean == 3.0
    assert found.n == 1
    assert np.isnan(found.half_width)


@pytest.mark.parametrize("n", [1, 2, 7, 38, 42, 1000])
def test_share_lies_in_its_interval_at_both_ends(n: int) -> None:
    """All and none are inside, whatever the rounding."""
    for successes in (0, n // 2, n):
        found = proportion_interval(successes, n)
        assert 0 <= found.low <= found.mean <= found.high <= 1


def test_share_interval_is_wilsons() -> None:
    """The score interval of 7 in 10, as published software gives it."""
    found = proportion_interval(7, 10)
    reference = stats.binomtest(7, 10).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5])
def test_impossible_levels_are_refused(level: float) -> None:
    """A level lies between 0 and 1."""
    with pytest.raises(ValueError, match="not between 0 and 1"):
        mean_interval([1.0, 2.0], level)
