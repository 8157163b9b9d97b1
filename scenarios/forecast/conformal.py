"""Quantiles that keep their promise: corrected by how far they missed on data held back.

Windows of one run resemble each other, so the run is the unit: each of K runs held back carries
mass 1 / (K + 1) shared by its scores, and the last 1 / (K + 1) stands for the unseen run. With runs
of unequal weight the masses are in proportion to the weights.

References
----------
Romano, Patterson, Candes (2019), Conformalized quantile regression. NeurIPS 32.
Lee, Barber, Willett (2023), Distribution-free inference with hierarchical data. arXiv 2306.06342.
Tibshirani, Barber, Candes, Ramdas (2019), Conformal prediction under covariate shift. NeurIPS 32.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.errors import Finding, InvalidInputError

Floats = NDArray[np.float64]


class CalibrationError(InvalidInputError):
    """A coverage that so few runs cannot support."""


def least_units(coverage: float) -> int:
    """Return the runs that a coverage needs when all weigh the same: ``K / (K + 1) >= coverage``.

    Examples
    --------
    >>> least_units(0.8), least_units(0.95)
    (4, 19)
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage {coverage!r} is not inside (0, 1)")
    return math.ceil(coverage / (1 - coverage) - 1e-9)


def correction(
    scores: Floats, units: NDArray[np.int64], coverage: float, weights: Floats | None = None
) -> float:
    """Return by how much an interval must be widened at both ends to cover a new run.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        How far the truth lay outside the interval; negative inside. ``max(low - y, y - high)``.
    units : ndarray of int, shape (n,)
        Run of each score.
    coverage : float
        Share of the truths that should lie inside, in (0, 1).
    weights : ndarray, shape (n,), optional
        Weight of each score's run; none: equal.

    Returns
    -------
    float
        May be negative: the interval was too wide.

    Raises
    ------
    CalibrationError
        If so few runs, or runs so unequal, cannot support the coverage.
    """
    names, place, counts = np.unique(units, return_inverse=True, return_counts=True)
    of_run = np.ones(len(names))
    if weights is not None:
        of_run[place] = weights
    total = float(of_run.sum() + of_run.max()) if len(names) else 1.0
    reachable = 1.0 - float(of_run.max()) / total if len(names) else 0.0
    if not reachable >= coverage - 1e-12:
        message = f"{len(names)} runs held back support a coverage of {reachable:.3g}"
        expected = f"at least {least_units(coverage)} runs of equal weight for {coverage:g}"
        remedy = "draw more runs, hold back a larger share, or ask for a lower level"
        raise CalibrationError("the calibration", [Finding("coverage", message, expected, remedy)])
    mass = of_run[place] / counts[place] / total
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(mass[order])
    at = int(np.searchsorted(reached, coverage - 1e-12))
    return float(scores[order][min(at, len(scores) - 1)])
