"""Corrections that keep their promise, and refuse one they cannot keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.forecast.conformal import CalibrationError, correction, least_units


@pytest.mark.parametrize(("coverage", "units"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19)])
def test_least_units(coverage: float, units: int) -> None:
    """K runs support at most K / (K + 1)."""
    assert least_units(coverage) == units


def test_too_few_runs_are_refused() -> None:
    """Three runs never support 80 %, and the error says what would."""
    scores, units = np.arange(30.0), np.repeat(np.arange(3), 10)
    with pytest.raises(CalibrationError, match="at least 4 runs"):
        correction(scores, units, 0.8)
    with pytest.raises(CalibrationError, match="0 runs"):
        correction(np.empty(0), np.empty(0, dtype=np.int64), 0.8)


def test_one_heavy_run_is_no_support() -> None:
    """Many runs of which one weighs nearly all are as good as one."""
    units = np.arange(20)
    weights = np.where(units == 0, 1.0, 1e-6)
    with pytest.raises(CalibrationError):
        correction(np.arange(20.0), units, 0.8, weights)


@given(st.integers(4, 40), st.integers(1, 6))
def test_with_one_score_per_run_it_is_the_textbook_quantile(runs: int, seed: int) -> None:
    """One score per run gives the ceil((K + 1) coverage)-th smallest, as split conformal does."""
    scores = np.random.default_rng(seed).normal(size=runs)
    rank = int(np.ceil((runs + 1) * 0.8 - 1e-9))
    assert correction(scores, np.arange(runs), 0.8) == np.sort(scores)[rank - 1]


def test_new_runs_are_covered_as_promised() -> None:
    """Over 2000 repetitions with dependent windows, 80 % of new runs' windows lie inside."""
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(2000):
        runs = rng.normal(size=(10, 1)) + 0.3 * rng.normal(size=(10, 8))
        wider = correction(np.abs(runs[:9]).ravel(), np.repeat(np.arange(9), 8), 0.8)
        covered.append(np.mean(np.abs(runs[9]) <= wider))
    assert 0.79 < np.mean(covered) < 0.92
