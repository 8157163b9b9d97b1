"""When a line does what a plan tells it to: the times of its plans come from the twin itself.

Lots of parts overlap along a route, starve, block each other through full buffers and share people
part by part. What a line does with a plan then follows from nothing simpler than the line, so a
plan says who goes first, and a run without chance says when.
"""

from __future__ import annotations

import math

from scenarios.schedule.outcome import measured
from scenarios.schedule.playing import Player
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.replay import plan_of
from scenarios.schedule.schedule import Placement, Schedule
from scenarios.schedule.spans import Span
from scenarios.schedule.timing import Network, decisions, timed

_SAME_S = 1e-6
"""Difference up to which two moments count as one, s."""
_NEEDS_EVENTS = ("setup_time", "energy", "stability")
"""Terms of an objective that follow from more than the ends of orders."""


def kept(problem: SchedulingProblem, schedule: Schedule, *, anew: bool = False) -> Schedule | None:
    """Return a plan as its line keeps it: with the times of the twin without chance.

    A station takes what is there while what has its turn has not come: its orders may begin in
    another order than they have turns, and overlap.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem of a line; one of no line leaves a schedule as it is.
    schedule : Schedule
        Whose sequences count; its times do not.
    anew : bool
        Whether nothing is to be used that was made ready for another plan.

    Returns
    -------
    Schedule or None
        With the turn of each operation. None: the line does not finish what is planned.
    """
    if problem.twin is None:
        return schedule
    player = Player(problem.twin.line, problem.twin.state) if anew else problem.twin.player
    played = player.spans(plan_of(schedule, problem), schedule.makespan_s)
    if played is None:
        return None
    worked, done_s = played
    # What is left only in the mean, as of rework, is nothing without chance.
    done = Span(problem.start_s, problem.start_s)
    rows = [(placed, worked.get(placed.key, done)) for placed in schedule.in_turn()]
    last: dict[str, tuple[float, str]] = {}
    for placed, span in rows:
        last[placed.job] = max(last.get(placed.job, (-math.inf, "")), (span.end_s, placed.key))
    placements = []
    for turn, (placed, span) in enumerate(rows):
        later = placed.key == last[placed.job][1] and done_s[placed.job] > span.end_s
        placements.append(
            Placement(
                job=placed.job,
                operation=placed.operation,
                machine=placed.machine,
                start_s=span.start_s,
                end_s=span.end_s,
                resources=span.people,
                turn=turn,
                done_s=done_s[placed.job] if later else None,
            )
        )
    return Schedule.of(problem, placements)


def worth(problem: SchedulingProblem, schedule: Schedule) -> float:
    """Return the objective of a plan as its line keeps it; infinite if it never ends, or too late.

    Much quicker than :func:`kept` where ends of orders are all that counts: no event is looked at.
    Of hard demands only deadlines are seen. For comparing plans alone: an order ends here when its
    last part has left the line.
    """
    if problem.twin is None:
        return schedule.objective
    if any(getattr(problem.objective, name) > 0 for name in _NEEDS_EVENTS):
        found = kept(problem, schedule)
        return math.inf if found is None else found.objective
    ends_s = problem.twin.player.ends_s(plan_of(schedule, problem), schedule.makespan_s)
    if ends_s is None or any(
        ends_s[job.id] > job.deadline_s + _SAME_S
        for job in problem.jobs
        if job.deadline_s is not None
    ):
        return math.inf
    return measured(problem, (), ends_s).objective(problem)


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
