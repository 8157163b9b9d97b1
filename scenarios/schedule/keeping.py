"""When a line does what a plan tells it to: the times of its plans come from the twin itself.

Lots of parts overlap along a route, starve, block each other through full buffers and share people
part by part. What a line does with a plan then follows from nothing simpler than the line, so a
plan says who goes first, and a run without chance says when.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.replay import plan_of
from scenarios.schedule.schedule import Placement, Schedule
from scenarios.schedule.spans import Span, complete, spans
from scenarios.schedule.steady import SteadyLine
from scenarios.schedule.timing import Network, decisions, timed
from twin.errors import SimulationError

# The engine takes a moment to import; who only makes problems does not wait.
if TYPE_CHECKING:
    from twin.engine.options import DispatchPlan

_SAME_S = 1e-6
"""Difference up to which two moments count as one, s."""
_MOST_DOUBLINGS = 8
"""How often a run that does not finish all orders is tried twice as long."""
_ROOM = 1.5
"""Length of the first run in lengths of the plan."""
_LEAST_S = 3600.0


def kept(problem: SchedulingProblem, schedule: Schedule) -> Schedule | None:
    """Return a plan as its line keeps it: with the times of the twin without chance.

    A station takes what is there while what has its turn has not come: its orders may begin in
    another order than they have turns, and overlap.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem of a line; one of no line leaves a schedule as it is.
    schedule : Schedule
        Whose sequences count; its times do not.

    Returns
    -------
    Schedule or None
        With the turn of each operation. None: the line does not finish what is planned.
    """
    if problem.twin is None:
        return schedule
    worked = played(problem.twin, plan_of(schedule, problem), schedule.makespan_s)
    if worked is None:
        return None
    # What is left only in the mean, as of rework, is nothing without chance.
    done = Span(problem.start_s, problem.start_s)
    placements = []
    for turn, placed in enumerate(schedule.in_turn()):
        span = worked.get(placed.key, done)
        placements.append(
            Placement(
                job=placed.job,
                operation=placed.operation,
                machine=placed.machine,
                start_s=span.start_s,
                end_s=span.end_s,
                turn=turn,
            )
        )
    return Schedule.of(problem, placements)


def pictured(problem: SchedulingProblem, schedule: Schedule) -> tuple[SchedulingProblem, Schedule]:
    """Return the picture of a line's problem and plan in which machines do one thing at a time.

    Dates are moved by as much as the picture is wrong about an order, so lateness is the line's.
    Times change where the picture says other ones; without a line nothing changes.
    """
    if problem.twin is None:
        return problem, schedule
    plain = problem.without_line()
    network = Network.of(plain)
    picture = timed(network, *decisions(network, schedule))
    if picture is None:
        return plain, schedule
    late_s = {
        job.job: job.completion_s - seen.completion_s
        for job, seen in zip(schedule.jobs, picture.jobs, strict=True)
    }
    jobs = tuple(
        job.model_copy(update={"due_date_s": job.due_date_s - late_s[job.id]})
        if job.due_date_s is not None
        else job
        for job in plain.jobs
    )
    plain = plain.model_copy(update={"jobs": jobs})
    return plain, Schedule.of(plain, picture.placements)


def astray(problem: SchedulingProblem, schedule: Schedule) -> dict[str, float]:
    """Return orders that the line ends at other times than a plan says, and how much later, s.

    Below zero: earlier. A plan whose times are the line's has none.
    """
    found = kept(problem, schedule)
    if found is None:
        return {job.job: math.inf for job in schedule.jobs}
    pairs = zip(schedule.jobs, found.jobs, strict=True)
    away_s = {plan.job: line.completion_s - plan.completion_s for plan, line in pairs}
    return {job: late_s for job, late_s in away_s.items() if abs(late_s) > _SAME_S}


def played(twin: SteadyLine, plan: DispatchPlan, length_s: float) -> dict[str, Span] | None:
    """Return when a line works on each ``order/operation`` under a plan; None: it never ends.

    Parameters
    ----------
    twin : SteadyLine
        Line and state.
    plan : DispatchPlan
        What it is told.
    length_s : float
        How long it is thought to take, s.
    """
    from twin.engine.options import SimulationOptions  # noqa: PLC0415 - heavy
    from twin.engine.simulate import simulate  # noqa: PLC0415 - heavy

    # A stay at the end costs nothing; a run that is too short is done again.
    wanted = set(plan.release)
    horizon_s = max(_LEAST_S, _ROOM * length_s)
    for _ in range(_MOST_DOUBLINGS):
        options = SimulationOptions(horizon_s=horizon_s, plan=plan)
        try:
            log = simulate(twin.line, options, twin.state)
        except SimulationError:
            return None
        if wanted <= complete(twin.line, twin.state, log):
            return spans(twin.line, twin.state, log)
        horizon_s *= 2
    return None
