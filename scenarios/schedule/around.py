"""Plans around what a planner locked, with the times at which the line does them.

The search knows a picture of the line, in which machines wait for a locked moment. What it finds is
then played: the line is told who goes first, and says when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scenarios.schedule.bounds import lower_bound
from scenarios.schedule.conflicts import reasoned
from scenarios.schedule.from_line import loosened
from scenarios.schedule.locking import Places, lock, on_the_line
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.replan import Proposal, difference, replan, replanning
from scenarios.schedule.results import Limits, Progress, ScheduleResult, SolveStatus
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.solve import share_left, solve
from scenarios.schedule.timing import Network


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
    asked = lock(problem, places)
    found = solve(asked, limits, progress=progress, cancelled=cancelled)
    if found.schedule is None or problem.twin is None or not places:
        return asked, reasoned(asked, found)
    played = on_the_line(problem, places, found.schedule)
    return (asked, found) if played is None else (played[0], _timed(found, *played))


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
    asked = lock(problem, places)
    found = replan(
        asked,
        running,
        limits,
        freeze_s=freeze_s,
        stability=stability,
        progress=progress,
        cancelled=cancelled,
    )
    if problem.twin is None or not places:
        return found
    shifted = on_the_line(problem, places, found.shifted)
    played = on_the_line(problem, places, found.schedule)
    if shifted is None or played is None:
        return found
    there = replanning(played[0], shifted[1], freeze_s, stability)
    reference, plan = (Schedule.of(there, some[1].placements) for some in (shifted, played))
    result = _timed(found.result, there, plan)
    schedule = plan if plan.objective < reference.objective else reference
    return replace(
        found,
        problem=there,
        shifted=reference,
        result=result,
        schedule=schedule,
        difference=difference(reference, schedule),
    )


def _timed(found: ScheduleResult, problem: SchedulingProblem, plan: Schedule) -> ScheduleResult:
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
    )
