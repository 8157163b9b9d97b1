"""When a run has settled down, and what one long run says: warm-up and batch means.

References
----------
White (1997), An effective truncation heuristic for bias reduction in simulation output. Simulation
69 (6). The marginal standard error rule (MSER).
Spratt (1998), An evaluation of the MSER-5 initialization truncation technique. Thesis, University
of Virginia. The rule on means of five.
Schmeiser (1982), Batch size effects in the analysis of simulation output. Operations Research 30
(3). More than 30 batches gain little, fewer than 10 lose much.
von Neumann (1941), Distribution of the ratio of the mean square successive difference to the
variance. Annals of Mathematical Statistics 12 (4); used on batch means by Fishman (1978), Grouping
observations in digital simulation. Management Science 24 (5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Finding, InvalidInputError
from twin.kpi.output_analysis import Interval, mean_interval, normal_quantile

Floats = NDArray[np.float64]

FEWEST_GROUPS = 10
"""Groups below which no warm-up is looked for: the half that may go would be five."""
BATCHES = (30, 20, 10)
"""Numbers of batches tried; the first whose means look uncorrelated is taken."""
SMALLEST_BATCH = 10
"""Observations in a batch of the coarsest grouping, at least."""
SIGNIFICANCE = 0.05
"""Share of uncorrelated series whose grouping is called correlated by chance."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Where the settled part of a series begins."""

    observations: int
    """Observations to leave out at the beginning; a multiple of ``batch``."""
    mean: float
    """Mean of the rest."""
    statistic: float
    """MSER of the rest: its sum of squared deviations over the square of its number of groups."""
    batch: int
    """Observations in a group."""


@dataclass(frozen=True, slots=True)
class BatchMeans:
    """What one long, settled run says of its mean."""

    interval: Interval
    """Mean of the batches with its Student-t interval; ``n`` is the number of batches."""
    batch_size: int
    """Observations in each batch."""
    lag_1: float
    """Correlation of neighbouring batch means; NaN where they are all the same."""
    left_out: int
    """Observations at the beginning that fill no batch."""


def warm_up_of(series: ArrayLike, batch: int = 5) -> WarmUp:
    """Return how much of a series belongs to its warm-up, by MSER on means of ``batch``.

    The cut is where the rest has the smallest squared standard error: leaving out more observations
    costs precision, leaving out biased ones gains it.

    Parameters
    ----------
    series : array_like, shape (observations,) or (replications, observations)
        Equally spaced, from the beginning of the run, e.g. the counts of ``throughput_series``.
        Replications are averaged first, which shows the warm-up more clearly.
    batch : int
        Observations averaged to one group; 5 is the rule's own. An incomplete last group is left
        out.

    Raises
    ------
    InvalidInputError
        If there are fewer than 10 groups, a value is not finite, or the best cut lies in the second
        half of the series: then the run is too short to tell whether it has settled.
    """
    if batch < 1:
        raise _refused("batch", f"is {batch}", "at least 1")
    values = _finite(series, dimensions=(1, 2))
    values = values.mean(axis=0) if values.ndim == 2 else values  # noqa: PLR2004 - rows and columns
    number = len(values) // batch
    if number < FEWEST_GROUPS:
        message = f"{len(values)} observations make {number} groups of {batch}"
        expected = f"at least {FEWEST_GROUPS * batch} observations"
        raise _refused("series", message, expected, "run longer, or count in shorter stretches")
    groups = values[: number * batch].reshape(number, batch).mean(axis=1)
    # Cuts close to the end are no candidates: a few neighbours are alike by chance.
    mser = _standard_errors(groups)[: number - FEWEST_GROUPS // 2 + 1]
    cut = int(np.argmin(mser))
    if cut > number // 2:
        message = (
            f"the best cut, {cut * batch} of {len(values)} observations, is in its second half"
        )
        remedy = "run longer; a line whose load goes on rising never settles"
        raise _refused("series", message, "a run that has settled by its middle", remedy)
    return WarmUp(cut * batch, float(groups[cut:].mean()), float(mser[cut]), batch)


def batch_means_interval(series: ArrayLike, level: float = 0.95) -> BatchMeans:
    """Return the mean of one long run with an interval that minds its correlation.

    Neighbouring observations of one run resemble each other, so their own spread says too little.
    Means of long batches are nearly independent. 30 batches are tried, then 20, then 10; the first
    is taken whose means pass von Neumann's test against positive correlation (5 %, one side).

    Parameters
    ----------
    series : array_like, shape (observations,)
        Equally spaced observations after the warm-up, in order of time.
    level : float
        Confidence level.

    Raises
    ------
    InvalidInputError
        If there are fewer than 100 observations, a value is not finite, or even ten batches are
        correlated: an interval would be too narrow, and a longer run is needed.
    ValueError
        If ``level`` is not between 0 and 1.
    """
    values = _finite(series, dimensions=(1,))
    least = BATCHES[-1] * SMALLEST_BATCH
    if len(values) < least:
        remedy = "run longer, or use replications and mean_interval"
        raise _refused("series", f"has {len(values)} observations", f"at least {least}", remedy)
    for number in BATCHES:
        size = len(values) // number
        # What fills no batch goes from the beginning, which is nearest to the warm-up.
        left_out = len(values) - number * size
        means = values[left_out:].reshape(number, size).mean(axis=1)
        if not _correlated(means):
            return BatchMeans(mean_interval(means, level), size, _lag_1(means), left_out)
    message = f"means of {size} observations are correlated (lag 1: {_lag_1(means):.2f})"
    remedy = "run at least four times as long, or use replications and mean_interval"
    raise _refused("series", message, "batches long enough to be independent", remedy)


def _standard_errors(groups: Floats) -> Floats:
    """Return the MSER for each number of groups left out, from 0 on."""
    # Taken from a typical settled value, so that sums of squares do not cancel each other.
    centred = groups - np.median(groups[len(groups) // 2 :])
    left = np.arange(len(groups), 0, -1)
    sums = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum(centred[::-1] ** 2)[::-1]
    return np.asarray(np.maximum(squares - sums**2 / left, 0.0) / left.astype(np.float64) ** 2)


def _correlated(means: Floats) -> bool:
    """Say whether successive means differ less than independent ones would."""
    n = len(means)
    spread = float(np.sum((means - means.mean()) ** 2))
    if spread == 0:
        return False
    ratio = float(np.sum(np.diff(means) ** 2)) / spread
    # Of independent normal means the ratio has mean 2 and this variance; it is nearly normal.
    deviation = np.sqrt(4 * (n - 2) / (n * n - 1))
    return bool((ratio - 2) / deviation < normal_quantile(SIGNIFICANCE))


def _lag_1(means: Floats) -> float:
    centred = means - means.mean()
    spread = float(np.sum(centred**2))
    return float(np.sum(centred[1:] * centred[:-1])) / spread if spread else float("nan")


def _finite(series: ArrayLike, dimensions: tuple[int, ...]) -> Floats:
    values = np.asarray(series, dtype=np.float64)
    if values.ndim not in dimensions:
        expected = " or ".join(str(number) for number in dimensions)
        raise _refused("series", f"has {values.ndim} dimensions", expected)
    if not np.isfinite(values).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        where = ", ".join(map(str, at))
        raise _refused(f"series[{where}]", f"is {values[at]}", "a finite number")
    return values


def _refused(path: str, message: str, expected: str, remedy: str = "") -> InvalidInputError:
    return InvalidInputError("the series", [Finding(path, message, expected, remedy)])
