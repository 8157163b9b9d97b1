"""Probabilities that mean what they say."""

import numpy as np
import pytest

from scenarios.forecast.calibration import corrected, fit_line, log_odds, unseen_predictions


def test_overconfidence_is_taken_back() -> None:
    """Log odds twice as large as they should be come back halved."""
    rng = np.random.default_rng(1)
    odds = rng.normal(-1.0, 1.5, 20_000)
    truth = (rng.random(20_000) < 1 / (1 + np.exp(-odds))).astype(float)
    slope, offset = fit_line(2.0 * odds, truth, np.ones(20_000))
    assert slope == pytest.approx(0.5, abs=0.03)
    assert offset == pytest.approx(0.0, abs=0.05)


def test_mean_risk_equals_the_rate() -> None:
    """After correction the weighted mean probability is what happened."""
    rng = np.random.default_rng(2)
    risk, weights = rng.uniform(0.3, 0.9, 5000), rng.uniform(0.1, 2.0, 5000)
    truth = (rng.random(5000) < 0.2).astype(float)
    line = fit_line(log_odds(risk), truth, weights)
    assert np.average(corrected(risk, line), weights=weights) == pytest.approx(
        np.average(truth, weights=weights), abs=0.005
    )


def test_useless_model_says_the_rate() -> None:
    """Predictions that run against the truth are ignored, not turned round."""
    truth = np.repeat([0.0, 1.0], 500)
    risk = np.where(truth > 0, 0.2, 0.8)
    slope, _ = fit_line(log_odds(risk), truth, np.ones(1000))
    assert slope == 0.0


def test_no_unit_is_predicted_by_its_own_model() -> None:
    """Every row is predicted once, by a model that saw no row of its unit."""
    units = np.repeat(np.arange(7), 3)

    def predict(learn: np.ndarray, out: np.ndarray) -> np.ndarray:
        assert not set(units[learn]) & set(units[out])
        return units[out].astype(float)

    np.testing.assert_array_equal(unseen_predictions(units, predict), units)
