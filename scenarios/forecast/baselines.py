"""Forecasts that know next to nothing: what every model has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BaseRates:
    """Every station fails as often as it did in the training data."""

    rates: Mapping[str, float]
    """Share of the windows of each station that a failure followed."""
    overall: float
    """Share over all stations."""

    @staticmethod
    def of(stations: NDArray[np.str_], fails: NDArray[np.bool_], weights: Floats) -> BaseRates:
        """Return the weighted rates of a data set."""
        rates = {}
        for name in sorted({str(name) for name in stations}):
            here = stations == name
            mass = float(weights[here].sum())
            if mass > 0:
                rates[name] = float(weights[here] @ fails[here]) / mass
        total = float(weights.sum())
        return BaseRates(rates, float(weights @ fails) / total if total > 0 else 0.0)

    def predict(self, stations: NDArray[np.str_]) -> Floats:
        """Return the rate of each station."""
        return np.array([self.rates.get(str(name), self.overall) for name in stations])


@dataclass(frozen=True, slots=True)
class Persistence:
    """The line goes on as in the last window, give or take what that missed by before."""

    spread: Mapping[float, tuple[float, ...]]
    """For each horizon, what is added to the persisted rate at each level, parts/s."""

    @staticmethod
    def of(
        rates: Floats,
        future: Floats,
        horizons_s: Floats,
        levels: tuple[float, ...],
        weights: Floats,
    ) -> Persistence:
        """Return persistence with the weighted quantiles of its errors in a data set.

        Parameters
        ----------
        rates : ndarray, shape (moments,)
            Rate in the window, parts/s.
        future : ndarray, shape (moments, horizons)
            Parts finished within each horizon; NaN where unknown.
        horizons_s : ndarray, shape (horizons,)
            Horizons, s.
        levels : tuple of float
            Quantile levels.
        weights : ndarray, shape (moments,)
            Weight of each moment.
        """
        spread = {}
        for column, horizon_s in enumerate(horizons_s.tolist()):
            known = np.isfinite(future[:, column]) & (weights > 0)
            missed = future[known, column] / horizon_s - rates[known]
            spread[horizon_s] = tuple(
                weighted_quantile(missed, weights[known], level) for level in levels
            )
        return Persistence(spread)

    def predict(self, rates: Floats, horizon_s: float) -> Floats:
        """Return parts finished within a horizon; shape (moments, levels)."""
        nearest = min(self.spread, key=lambda known: abs(known - horizon_s))
        added = np.array(self.spread[nearest])
        return np.asarray(np.maximum((rates[:, None] + added) * horizon_s, 0.0))


def weighted_quantile(values: Floats, weights: Floats, level: float) -> float:
    """Return the smallest value that at least a share ``level`` of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    at = int(np.searchsorted(reached, level * reached[-1]))
    return float(values[order][min(at, len(values) - 1)])
