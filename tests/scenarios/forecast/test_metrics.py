"""Figures of merit, against their definitions and scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from scenarios.forecast.baselines import BaseRates, Persistence, weighted_quantile
from scenarios.forecast.metrics import average_precision, bootstrap, brier, coverage, pinball


def test_average_precision_is_the_known_one() -> None:
    """Equal to scikit-learn's, ties included."""
    rng = np.random.default_rng(1)
    truth = rng.random(400) < 0.2
    risk = np.round(rng.random(400) + 0.4 * truth, 1)
    assert average_precision(truth, risk) == pytest.approx(average_precision_score(truth, risk))
    assert np.isnan(average_precision(np.zeros(3, dtype=bool), np.zeros(3)))


def test_pinball_is_least_at_the_quantile() -> None:
    """No constant beats the sample's own quantile."""
    values = np.random.default_rng(2).gamma(2.0, 10.0, 500)
    best = np.quantile(values, 0.9)
    losses = [
        pinball(values, np.full((500, 1), best + shift), (0.9,)) for shift in (-5.0, 0.0, 5.0)
    ]
    assert losses[1] < min(losses[0], losses[2])


def test_brier_and_coverage() -> None:
    """Worked by hand."""
    assert brier(np.array([True, False]), np.array([0.8, 0.4])) == pytest.approx(0.1)
    low, high = np.array([0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0])
    assert coverage(np.array([0.0, 1.0, 2.0]), low, high) == pytest.approx(2 / 3)


def test_bootstrap_draws_whole_units() -> None:
    """Ten copies of each run are no more evidence than one of each."""
    rng = np.random.default_rng(4)
    runs = rng.normal(size=12)
    rows = np.repeat(runs, 10)
    wide = bootstrap(lambda k: float(rows[k].mean()), np.repeat(np.arange(12), 10), 0.9, 0)
    narrow = bootstrap(lambda k: float(rows[k].mean()), np.arange(120), 0.9, 0)
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    assert np.isnan(bootstrap(lambda _: 1.0, np.zeros(5, dtype=np.int64), 0.9, 0)).all()


def test_base_rates_are_weighted() -> None:
    """A window that counts double counts double."""
    stations = np.array(["a", "a", "b"])
    rates = BaseRates.of(stations, np.array([True, False, True]), np.array([2.0, 1.0, 1.0]))
    assert rates.rates == pytest.approx({"a": 2 / 3, "b": 1.0})
    assert rates.predict(np.array(["b", "c"])).tolist() == pytest.approx([1.0, 0.75])


def test_persistence_holds_its_own_past() -> None:
    """On the data it was made from, a share of 80 % lies between its outer levels."""
    rng = np.random.default_rng(5)
    rates = rng.uniform(0.05, 0.1, 500)
    future = (rates * 600 + rng.normal(0, 5, 500))[:, None]
    naive = Persistence.of(rates, future, np.array([600.0]), (0.1, 0.5, 0.9), np.ones(500))
    found = naive.predict(rates, 600.0)
    assert coverage(future[:, 0], found[:, 0], found[:, 2]) == pytest.approx(0.8, abs=0.02)


def test_weighted_quantile_counts_weight() -> None:
    """The median of 1 (weight 3) and 2 (weight 1) is 1."""
    assert weighted_quantile(np.array([2.0, 1.0]), np.array([1.0, 3.0]), 0.5) == 1.0
