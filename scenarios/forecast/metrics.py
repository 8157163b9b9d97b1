"""Figures of merit for forecasts of rare events and of quantiles.

References
----------
Davis, Goadrich (2006), The relationship between precision-recall and ROC curves. ICML 23.
Brier (1950), Verification of forecasts expressed in terms of probability. Monthly Weather Review
78.
Koenker, Bassett (1978), Regression quantiles. Econometrica 46. (Pinball loss)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def average_precision(truth: NDArray[np.bool_], risk: Floats) -> float:
    """Return the area under the precision-recall curve, as the sum over its steps.

    Ties in ``risk`` are one step. NaN where nothing happened.
    """
    if not truth.any():
        return float("nan")
    order = np.argsort(-risk, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.diff(risk[order]) != 0, True)
    found, called = hits[last], np.flatnonzero(last) + 1
    gained = np.diff(found, prepend=0)
    return float(np.sum(gained * found / called) / hits[-1])


def brier(truth: NDArray[np.bool_], risk: Floats) -> float:
    """Return the mean squared error of probabilities."""
    return float(np.mean((risk - truth) ** 2)) if len(truth) else float("nan")


def pinball(truth: Floats, quantiles: Floats, levels: tuple[float, ...]) -> float:
    """Return the mean pinball loss over rows and levels, in the unit of ``truth``.

    ``quantiles`` has shape (n, levels).
    """
    missed = truth[:, None] - quantiles
    share = np.array(levels)
    return float(np.mean(np.maximum(share * missed, (share - 1) * missed)))


def coverage(truth: Floats, low: Floats, high: Floats) -> float:
    """Return the share of truths that lie inside, ends included."""
    return float(np.mean((low <= truth) & (truth <= high))) if len(truth) else float("nan")


def bootstrap(
    statistic: Callable[[Ints], float], units: Ints, level: float, seed: int, draws: int = 200
) -> tuple[float, float]:
    """Return a percentile interval of a statistic, whole units drawn with replacement.

    Parameters
    ----------
    statistic : callable
        Given row numbers, returns a figure.
    units : ndarray of int, shape (n,)
        Unit of each row; rows of one unit are drawn together, because they resemble each other.
    level : float
        Level of the interval, in (0, 1).
    seed : int
        Seed of the draws.
    draws : int
        Samples.

    Returns
    -------
    low, high : float
        NaN with fewer than two units.
    """
    names = np.unique(units)
    if len(names) < 2:  # noqa: PLR2004 - one unit says nothing about another
        return float("nan"), float("nan")
    rows = {name: np.flatnonzero(units == name) for name in names.tolist()}
    generator = np.random.Generator(np.random.PCG64(seed))
    values = []
    for _ in range(draws):
        drawn = generator.choice(names, size=len(names)).tolist()
        value = statistic(np.concatenate([rows[name] for name in drawn]))
        if np.isfinite(value):
            values.append(value)
    if not values:
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
