"""Probabilities that mean what they say: corrected on runs that the model had not seen.

Windows of one run resemble each other, so trees that saw a run are too sure of its neighbours. Each
run is therefore predicted by trees grown without it, and a straight line on the log odds maps these
predictions to what happened.

References
----------
Platt (1999), Probabilistic outputs for support vector machines. Advances in Large Margin
Classifiers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FOLDS = 4
"""Parts that the runs are divided into."""
_SURE = 1e-6
"""Probabilities nearer to 0 or 1 than this are moved here, so that log odds stay finite."""


def unseen_predictions(
    units: NDArray[np.int64], predict: Callable[[NDArray[np.bool_], NDArray[np.bool_]], Floats]
) -> Floats:
    """Return a prediction for each row by a model that saw no row of its unit.

    Parameters
    ----------
    units : ndarray of int, shape (n,)
        Run of each row.
    predict : callable
        Given which rows to learn from and which to predict, returns the predictions of the latter.
    """
    found = np.empty(len(units))
    place = np.unique(units, return_inverse=True)[1] % FOLDS
    for fold in np.unique(place).tolist():
        out = place == fold
        found[out] = predict(~out, out)
    return found


def log_odds(probability: Floats) -> Floats:
    """Return log(p / (1 - p))."""
    p = np.clip(probability, _SURE, 1 - _SURE)
    return np.asarray(np.log(p) - np.log1p(-p))


def fit_line(odds: Floats, truth: Floats, weights: Floats) -> tuple[float, float]:
    """Return slope and offset of the log odds, by weighted maximum likelihood.

    A weak pull towards slope 1 and offset 0, worth one row, keeps it finite where the two kinds of
    rows do not overlap.
    """
    weights = weights / weights.mean()
    beta = np.array([1.0, 0.0])
    rows = np.column_stack([odds, np.ones_like(odds)])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-np.clip(rows @ beta, -35.0, 35.0)))
        gradient = rows.T @ (weights * (truth - p)) - (beta - np.array([1.0, 0.0]))
        curvature = (rows * (weights * p * (1 - p))[:, None]).T @ rows + np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-10:  # noqa: PLR2004 - nothing moves any more
            break
    # A model that is no better than chance must not be turned upside down.
    return max(float(beta[0]), 0.0), float(beta[1])


def corrected(probability: Floats, line: tuple[float, float]) -> Floats:
    """Return probabilities mapped by a line on their log odds."""
    slope, offset = line
    limit = math.log(1 / _SURE)
    odds = np.clip(slope * log_odds(probability) + offset, -limit, limit)
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))
