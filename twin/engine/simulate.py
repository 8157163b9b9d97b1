"""Run a line: once for the events, many times for the numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twin.engine.options import SimulationOptions
from twin.engine.runs import Runs
from twin.events import EventLog, LineState
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr


def simulate(line: Line, options: SimulationOptions, state: LineState | None = None) -> EventLog:
    """Simulate a line once.

    Parameters
    ----------
    line : Line
        What runs.
    options : SimulationOptions
        Horizon, warm-up, seed, faults, plan. The horizon counts from where the run begins.
    state : LineState, optional
        Where to begin; none: the empty line at its time zero.

    Returns
    -------
    EventLog
        Every event of the run.

    Raises
    ------
    OptionsError, StateError
        If options or state do not fit the line.
    NotSupportedError
        If the compiled engine is asked for by name and declines the line.
    SimulationError
        If zero-time work never ends.
    DeadlockError
        If parts wait for one another in a circle at the end; the error names it.
    """
    return Runs(line, options, state).log(options.replication)


def replicate(  # noqa: PLR0913 - the last three are keywords
    line: Line,
    options: SimulationOptions,
    replications: int,
    state: LineState | None = None,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Simulate a line several times with independent random numbers.

    Parameters
    ----------
    line, options, state
        As for ``simulate``. ``options.replication`` is the number of the first replication.
    replications : int
        How many, at least 1.
    workers : int
        Threads or, on the reference engine, processes to use; the numbers do not depend on it.
    progress : callable, optional
        Called with (done, total) after each replication.
    cancelled : callable, optional
        Asked after each replication; true: what is done so far is returned.

    Returns
    -------
    xarray.Dataset
        The variables of ``summarise`` with a leading dimension ``replication``.

    Raises
    ------
    OptionsError, StateError, SimulationError
        As ``simulate``; also for fewer than 1 replication.
    """
    from twin.engine.replications import run_replications  # noqa: PLC0415 - xarray is heavy

    return run_replications(
        line, options, replications, state, workers=workers, progress=progress, cancelled=cancelled
    )
