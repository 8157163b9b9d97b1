"""As many replications as a figure needs.

References
----------
Chow and Robbins (1965), On the asymptotic theory of fixed-width sequential confidence intervals for
the mean. Annals of Mathematical Statistics 36 (2).
Law (2015), Simulation modeling and analysis, 5th edition, section 9.4.1: relative precision by
sequential replications, and how often the interval then holds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twin.engine.options import SimulationOptions
from twin.errors import Finding, OptionsError, UnknownNameError
from twin.events import LineState
from twin.kpi.output_analysis import Interval, mean_interval
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr

FIRST_BLOCK = 10
"""Replications before the spread is believed at all."""


def replicate_until(  # noqa: PLR0913 - keywords
    line: Line,
    options: SimulationOptions,
    relative_half_width: float,
    level: float = 0.95,
    *,
    kpi: str = "throughput_rate",
    budget: int = 1000,
    state: LineState | None = None,
    workers: int = 1,
) -> tuple[xr.Dataset, Interval]:
    """Simulate until the mean of a figure is known to a stated share of itself.

    Ten replications come first; then blocks as large as the spread so far asks for, at most as many
    as are there already. The runs are those of ``replicate``: as many of them give the same data.

    An interval that decided when to stop holds somewhat less often than its level says: runs end
    more readily on a spread that happens to look small. The less so the more replications there
    are; below some 30, ask for a higher level or a smaller width than needed.

    Parameters
    ----------
    line, options, state
        As for ``replicate``. ``options.replication`` is the number of the first replication.
    relative_half_width : float
        Half of the interval's width over the size of the mean, e.g. 0.01.
    level : float
        Confidence level.
    kpi : str
        A figure of ``summarise`` with one value for each replication, e.g. ``wip_mean``.
    budget : int
        Replications at most, at least 2.
    workers : int
        As for ``replicate``.

    Returns
    -------
    runs : xarray.Dataset
        As from ``replicate``.
    interval : Interval
        Of the figure. Where the budget was spent first it is wider than was asked for; so it is
        where the figure is NaN throughout the first ten runs, after which there are no more.

    Raises
    ------
    OptionsError
        If the width is not above zero, the level not between 0 and 1 or the budget below 2; and as
        ``replicate``.
    UnknownNameError
        If there is no such figure with one value for each replication.
    StateError, SimulationError
        As ``replicate``.
    """
    import xarray as xr  # noqa: PLC0415 - heavy, and a run does not need it

    from twin.engine.replications import run_replications  # noqa: PLC0415

    _check(relative_half_width, level, budget)
    blocks: list[xr.Dataset] = []
    done, size = 0, min(FIRST_BLOCK, budget)
    while True:
        numbered = options.model_copy(update={"replication": options.replication + done})
        blocks.append(run_replications(line, numbered, size, state, workers=workers))
        done += size
        runs = blocks[0] if len(blocks) == 1 else xr.concat(blocks, "replication")
        blocks = [runs]
        interval = mean_interval(_values(runs, kpi), level)
        size = min(_missing(interval, relative_half_width, done), done, budget - done)
        if size <= 0:
            return runs, interval


def _missing(interval: Interval, relative_half_width: float, done: int) -> int:
    """Return how many more replications the spread so far asks for."""
    if interval.n == 0:
        return 0
    if interval.n == 1:
        return done
    wanted = relative_half_width * abs(interval.mean)
    if interval.half_width <= wanted:
        return 0
    if wanted == 0:
        return done
    # As the width falls with the square root; at least one, or it would stand still. The ratio is
    # limited, because a tiny mean would ask for more than can be counted.
    ratio = min(interval.half_width / wanted, 1e3)
    return max(1, math.ceil(done * ratio**2) - done)


def _values(runs: xr.Dataset, kpi: str) -> xr.DataArray:
    known = sorted(str(name) for name, found in runs.items() if found.dims == ("replication",))
    if kpi not in known:
        raise UnknownNameError("figure of one value", kpi, known)
    return runs[kpi]


def _check(relative_half_width: float, level: float, budget: int) -> None:
    findings = []
    if not 0 < relative_half_width < math.inf:
        message = f"is {relative_half_width!r}"
        findings.append(Finding("relative_half_width", message, "above 0, e.g. 0.01"))
    if not 0 < level < 1:
        findings.append(Finding("level", f"is {level!r}", "between 0 and 1, e.g. 0.95"))
    if budget < 2:  # noqa: PLR2004 - one run has no spread
        findings.append(Finding("budget", f"is {budget!r}", "at least 2 replications"))
    if findings:
        raise OptionsError("the precision to reach", findings)
