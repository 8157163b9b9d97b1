"""Quantiles with intervals that assume no distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from twin.kpi import quantile_interval


def test_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    """The textbook case: 97.9 % at the level 0.95."""
    found = quantile_interval(np.arange(10.0, 0.0, -1.0), 0.5)
    assert (found.mean, found.low, found.high, found.n) == (5.5, 2.0, 9.0, 10)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [7, 40, 333])
@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_ends_are_the_narrowest_order_statistics(share: float, n: int, level: float) -> None:
    """Each end is missed with at most half of the rest, and the next one inwards with more."""
    found = quantile_interval(np.arange(1, n + 1), share, level)
    miss = (1 - level) / 2
    lower = [k for k in range(1, n + 1) if stats.binom.cdf(k - 1, n, share) <= miss]
    upper = [k for k in range(1, n + 1) if stats.binom.sf(k - 1, n, share) <= miss]
    expected = (
        min(float(max(lower)), found.mean) if lower else np.nan,
        max(float(min(upper)), found.mean) if upper else np.nan,
    )
    np.testing.assert_array_equal([found.low, found.high], expected)


def test_an_end_that_cannot_be_told_is_nan() -> None:
    """The upper end of a 0.9 quantile needs 36 observations at the level 0.95."""
    assert np.isnan(quantile_interval(np.arange(35), 0.9).high)
    assert quantile_interval(np.arange(36), 0.9).high == 35.0
    assert np.isnan(quantile_interval([np.nan], 0.9).mean)
    assert quantile_interval([1.0, np.nan], 0.9).n == 1


def test_quantile_intervals_hold_as_often_as_they_say() -> None:
    """The 0.9 quantile of an exponential time from 60 of them, 2000 times over."""
    times = np.random.default_rng(7).exponential(1.0, (2000, 60))
    found = [quantile_interval(row, 0.9, 0.9) for row in times]
    truth = -np.log(0.1)
    held = np.mean([one.low <= truth <= one.high for one in found])
    # Order statistics come in steps: what these two hold exactly, give or take three errors.
    low = max(k for k in range(1, 61) if stats.binom.cdf(k - 1, 60, 0.9) <= 0.05)
    high = min(k for k in range(1, 61) if stats.binom.sf(k - 1, 60, 0.9) <= 0.05)
    exact = stats.binom.cdf(high - 1, 60, 0.9) - stats.binom.cdf(low - 1, 60, 0.9)
    assert exact >= 0.9
    assert held == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 2000))


@pytest.mark.parametrize(("share", "level"), [(0.0, 0.95), (1.0, 0.95), (0.5, 1.0), (np.nan, 0.5)])
def test_impossible_shares_and_levels_are_refused(share: float, level: float) -> None:
    """Both lie between 0 and 1."""
    with pytest.raises(ValueError, match="not between 0 and 1"):
        quantile_interval([1.0, 2.0], share, level)
