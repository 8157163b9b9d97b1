"""Plans around what a planner locked, with the times at which the line does them.

A line waits for no moment: what is locked stays where it is because of who goes before it. So the
search goes on from plans that are known to come close (the one in which the bars were locked, and
the best of a picture in which machines wait), and a start that is away from its moment costs more
than lateness does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from scenarios.schedule.bounds import lower_bound
from scenarios.schedule.conflicts import reasoned
from scenarios.schedule.from_line import loosened
from scenarios.schedule.locking import Places, lock, missing, on_the_line, pulled
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.replan import Proposal, difference, replan, replanning, right_shift
from scenarios.schedule.results import Limits, Progress, ScheduleResult, SolveStatus
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.solve import share_left, solve
from scenarios.schedule.timing import Network
from scenarios.schedule.violations import violations

_PICTURE_SHARE = 0.4
"""Share of the time for the picture in which machines wait."""
_LEAST_S = 0.1
"""Least time for the search on the line, s."""
_OnTheLine = tuple[SchedulingProblem, Schedule]
"""A line's problem in which orders enter late enough, and a plan with its times."""


def solve_around(
    problem: SchedulingProblem,
    places: Places,
    limits: Limits | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[SchedulingProblem, ScheduleResult]:
    """Return the best plan found around what is locked, and the problem that it is a plan of.

    Parameters
    ----------
    problem : SchedulingProblem
        What is to be planned, before anything is locked.
    places : mapping
        What is locked, as for ``lock``.
    limits, progress, cancelled
        As for ``solve``.

    Returns
    -------
    tuple
        The problem has a line if the plan has its times; without one the line does not finish what
        is planned, and the times are those of machines that do one operation after the other.
    """
    asked, limits = lock(problem, places), limits or Limits()
    if problem.twin is None or not places:
        found = solve(asked, limits, progress=progress, cancelled=cancelled)
        return asked, reasoned(asked, found)
    began_s, part = time.monotonic(), _part(limits, _PICTURE_SHARE)
    found = solve(asked, part, progress=progress, cancelled=cancelled)
    known = found.schedule
    if known is None:
        # What has no place in the picture may have one on the line.
        known = solve(problem, part, progress=progress, cancelled=cancelled).schedule
    closest = _closest(problem, places, [known])
    if closest is None:
        return asked, reasoned(asked, found)
    plan = _improved(*closest, places, _left(limits, began_s), cancelled)
    return closest[0], _timed(found, closest[0], plan, began_s)


def replan_around(  # noqa: PLR0913 - what stands, what may change, and how long
    problem: SchedulingProblem,
    places: Places,
    running: Schedule,
    limits: Limits | None = None,
    *,
    freeze_s: float = 0.0,
    stability: float = 0.0,
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Proposal:
    """Return a proposal for another plan than the running one, around what is locked.

    Parameters
    ----------
    problem, places
        As for :func:`solve_around`.
    running, limits, freeze_s, stability, progress, cancelled
        As for ``replan``.
    """
    limits, began_s = limits or Limits(), time.monotonic()
    on_line = problem.twin is not None and bool(places)
    # What is frozen or has a price is searched for in the picture alone.
    goes_on = on_line and not (freeze_s or stability)
    found = replan(
        lock(problem, places),
        running,
        _part(limits, _PICTURE_SHARE) if goes_on else limits,
        freeze_s=freeze_s,
        stability=stability,
        progress=progress,
        cancelled=cancelled,
    )
    if not on_line:
        return found
    shifted = on_the_line(problem, places, right_shift(problem, running))
    known = [found.schedule] if shifted is None else [shifted[1], found.schedule]
    closest = _closest(problem, places, known)
    if closest is None:
        return found
    there, plan = closest
    if goes_on:
        plan = _improved(there, plan, places, _left(limits, began_s), cancelled)
    reference = plan if shifted is None else shifted[1]
    there = replanning(there, reference, freeze_s, stability)
    reference, plan = (Schedule.of(there, one.placements) for one in (reference, plan))
    frozen = freeze_s > 0 and violations(there, plan) and not violations(there, reference)
    if frozen or plan.placements == reference.placements:
        plan = reference
    return replace(
        found,
        problem=there,
        shifted=reference,
        result=_timed(found.result, there, plan, began_s),
        schedule=plan,
        difference=difference(reference, plan),
    )


def _closest(
    problem: SchedulingProblem, places: Places, known: Iterable[Schedule | None]
) -> _OnTheLine | None:
    """Return the plan that is best where moments that are missed count; None: none ends."""
    played = [on_the_line(problem, places, one) for one in known if one is not None]
    found = [one for one in played if one is not None]
    return min(found, key=lambda one: missing(one[0], one[1], places), default=None)


def _improved(
    problem: SchedulingProblem,
    plan: Schedule,
    places: Places,
    limits: Limits,
    cancelled: Callable[[], bool] | None,
) -> Schedule:
    """Return the best plan that a search on the line finds, from one that is known."""
    found = solve(pulled(problem, places), limits, cancelled=cancelled, start=plan).schedule
    return plan if found is None else Schedule.of(problem, found.placements)


def _part(limits: Limits, share: float) -> Limits:
    return limits.model_copy(update={"seconds": share * limits.seconds})


def _left(limits: Limits, began_s: float) -> Limits:
    seconds = max(_LEAST_S, limits.seconds - (time.monotonic() - began_s))
    return limits.model_copy(update={"seconds": seconds})


def _timed(
    found: ScheduleResult, problem: SchedulingProblem, plan: Schedule, began_s: float
) -> ScheduleResult:
    """Return a result with a plan in the line's times; what was proven of the picture goes."""
    bound = lower_bound(Network.of(loosened(problem)))
    gap = share_left(plan.objective, bound.value)
    return replace(
        found,
        status=SolveStatus.OPTIMAL if gap == 0.0 else SolveStatus.FEASIBLE,
        schedule=plan,
        objective=plan.objective,
        bound=bound.value,
        bound_source=bound.source,
        gap=gap,
        seconds=time.monotonic() - began_s,
    )
