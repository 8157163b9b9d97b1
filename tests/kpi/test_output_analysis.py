"""Intervals against textbook figures, and their coverage."""

import math

import numpy as np
import pytest

from twin.kpi import mean_interval, proportion_interval


def test_mean_interval_is_student_t() -> None:
    """Five observations against the t table: 2.776 at 95 %."""
    found = mean_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.half_width == pytest.approx(2.776445 * math.sqrt(2.5 / 5), rel=1e-6)
    assert (found.n, found.level) == (5, 0.95)


def test_missing_observations_are_left_out() -> None:
    """NaN is no observation; one observation has no interval; none has no mean."""
    assert mean_interval([1.0, np.nan, 3.0]).n == 2
    assert math.isnan(mean_interval([4.0]).half_width)
    assert mean_interval([4.0]).mean == 4.0
    assert math.isnan(mean_interval([]).mean)
    assert mean_interval([2.0, 2.0]).half_width == 0.0


def test_mean_interval_covers_as_often_as_it_says() -> None:
    """Of many samples of normal numbers nine tenths of the 90 % intervals hold the mean."""
    rng = np.random.default_rng(1)
    hits = [
        found.low <= 0.0 <= found.high
        for found in (mean_interval(rng.normal(size=8), 0.9) for _ in range(2000))
    ]
    assert np.mean(hits) == pytest.approx(0.9, abs=0.02)


def test_proportion_interval_is_wilson() -> None:
    """Against the published example 15 of 148, and at the ends."""
    found = proportion_interval(15, 148)
    assert (found.low, found.high) == (
        pytest.approx(0.0624, abs=5e-5),
        pytest.approx(0.1605, abs=5e-5),
    )
    none = proportion_interval(0, 20)
    assert none.low == 0.0
    assert none.high == pytest.approx(0.1611, abs=5e-5)
    assert proportion_interval(20, 20).high == 1.0
    assert proportion_interval(0, 0).low == 0.0


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, 95.0])
def test_levels_lie_between_zero_and_one(level: float) -> None:
    """Ninety-five is no level, 0.95 is."""
    with pytest.raises(ValueError, match="not between 0 and 1"):
        mean_interval([1.0, 2.0], level)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        proportion_interval(1, 2, level)


def test_impossible_shares_are_refused() -> None:
    """Three of two is no share."""
    with pytest.raises(ValueError, match="3 of 2"):
        proportion_interval(3, 2)
