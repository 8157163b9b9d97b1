"""A schedule played in the twin: what remains of it when times vary and stations fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.schedule import Schedule
from twin.errors import Finding, OptionsError
from twin.events.state import LineState
from twin.line import Line

# The engine and the statistics take seconds to import; who only makes schedules does not wait.
if TYPE_CHECKING:
    import xarray as xr

    from twin.engine.options import DispatchPlan, SimulationOptions
    from twin.kpi import Interval

_ROOM = 2.0
"""Length of a replay in lengths of its plan."""


def plan_of(schedule: Schedule, problem: SchedulingProblem | None = None) -> DispatchPlan:
    """Return the plan that lets the twin follow a schedule.

    Parameters
    ----------
    schedule : Schedule
        Whose sequences count; its times do not.
    problem : SchedulingProblem, optional
        Tells where a station was chosen; without it every operation is tied to its station.

    Returns
    -------
    DispatchPlan
    """
    from twin.engine.options import DispatchPlan  # noqa: PLC0415 - heavy

    release: dict[str, None] = {}
    sequence: dict[str, dict[str, None]] = {}
    for placed in schedule.in_turn():
        release.setdefault(placed.job)
        sequence.setdefault(placed.machine, {}).setdefault(placed.job)
    tied = None
    if problem is not None:
        tied = {
            f"{job.id}/{operation.id}"
            for job in problem.jobs
            for operation in job.operations
            if len(operation.modes) > 1
        }
    return DispatchPlan(
        release=tuple(release),
        sequence={machine: tuple(jobs) for machine, jobs in sequence.items()},
        assignment={
            placed.key: placed.machine
            for placed in schedule.placements
            if tied is None or placed.key in tied
        },
    )


def replay_options(
    schedule: Schedule, state: LineState | None = None, seed: int = 0
) -> SimulationOptions:
    """Return options whose horizon leaves room for every order to be finished or clearly late."""
    from twin.engine.options import SimulationOptions  # noqa: PLC0415 - heavy

    now_s = 0.0 if state is None else state.time_s
    last_s = max((outcome.completion_s for outcome in schedule.jobs), default=now_s)
    due_s = max((o.due_date_s for o in schedule.jobs if o.due_date_s is not None), default=now_s)
    horizon_s = max(_ROOM * (last_s - now_s), 1.01 * (due_s - now_s), 3600.0)
    return SimulationOptions(horizon_s=horizon_s, seed=seed)


def replay(  # noqa: PLR0913 - what is played, in what, how often
    line: Line,
    schedule: Schedule | DispatchPlan,
    options: SimulationOptions | None = None,
    replications: int = 50,
    state: LineState | None = None,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Play a schedule in the twin with randomness.

    Parameters
    ----------
    line : Line
        Line that has the orders.
    schedule : Schedule or DispatchPlan
        What to follow. A station takes, of the parts that wait, one of the order that comes first
        in its sequence; it does not wait for a part that has not come.
    options : SimulationOptions, optional
        Horizon, seed, faults; none: as :func:`replay_options` says.
    replications : int
        Runs, each with its own random numbers; common to all schedules that are played.
    state : LineState, optional
        Where the line stands; none: empty at its time zero.
    workers, progress, cancelled
        As for ``twin.replicate``.

    Returns
    -------
    xarray.Dataset
        As ``twin.replicate``; by ``replication`` and ``order`` among others.

    Raises
    ------
    OptionsError
        If the schedule names orders that the line does not have, or a DispatchPlan comes without
        options.
    """
    from twin.engine.simulate import replicate  # noqa: PLC0415 - heavy

    if isinstance(schedule, Schedule):
        plan = plan_of(schedule)
        options = options or replay_options(schedule, state)
    else:
        plan = schedule
    if options is None:
        finding = Finding("options", "is missing", "a horizon, because a plan has no times")
        raise OptionsError("the replay of a plan", [finding])
    options = options.model_copy(update={"plan": plan})
    # Whoever replays asks for many futures, not for the one the state came from.
    begin = None if state is None else state.opened()
    return replicate(
        line,
        options,
        replications,
        begin,
        workers=workers,
        progress=progress,
        cancelled=cancelled,
    )


@dataclass(frozen=True, slots=True)
class OrderOutlook:
    """What is planned for an order and what is to be expected."""

    order: str
    """Order."""
    due_date_s: float | None
    """When it is due, s; None: no date."""
    planned_s: float
    """Completion in the schedule, s."""
    expected_s: Interval
    """Mean completion over the replications in which it was finished, with its interval, s."""
    p50_s: float
    """Completion met in half of the replications, s; infinite if fewer finished it."""
    p90_s: float
    """Completion met in nine of ten, s; infinite if fewer finished it."""
    on_time: Interval | None
    """Share of the replications in which it was on time, with its Wilson interval; None: no due
    date."""


def on_time(
    results: xr.Dataset, schedule: Schedule, level: float = 0.95
) -> tuple[OrderOutlook, ...]:
    """Return the outlook for every order of a schedule.

    Parameters
    ----------
    results : xarray.Dataset
        What ``replay`` returned.
    schedule : Schedule
        The schedule that was played.
    level : float
        Confidence level of the intervals.

    Returns
    -------
    tuple of OrderOutlook
        In the order of the schedule's jobs.
    """
    return tuple(
        _outlook(results.sel(order=outcome.job), outcome.due_date_s, outcome.completion_s, level)
        for outcome in schedule.jobs
    )


def _outlook(
    results: xr.Dataset, due_s: float | None, planned_s: float, level: float
) -> OrderOutlook:
    from twin.kpi import mean_interval, proportion_interval  # noqa: PLC0415 - heavy

    completion_s = np.asarray(results.order_completion_s.values, dtype=np.float64)
    reached_s = np.where(np.isnan(completion_s), np.inf, completion_s)
    share = None
    if due_s is not None:
        decided = np.asarray(results.order_on_time.values, dtype=np.float64)
        decided = decided[~np.isnan(decided)]
        share = proportion_interval(int(decided.sum()), len(decided), level)
    p50_s, p90_s = np.quantile(reached_s, [0.5, 0.9], method="inverted_cdf").tolist()
    return OrderOutlook(
        order=str(results.order.values),
        due_date_s=due_s,
        planned_s=planned_s,
        expected_s=mean_interval(completion_s, level),
        p50_s=p50_s,
        p90_s=p90_s,
        on_time=share,
    )
