"""A planner's own decisions, put into a problem: what is locked stays where it was put.

A station of a line waits for no moment. So a plan around locked ones is looked for in the picture
of the line, where machines do wait; then the line is told who goes first, and says when. An order
that is still to enter can be kept back: it is locked at its first station to the moment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.keeping import kept
from scenarios.schedule.live import begun_orders
from scenarios.schedule.parts import Operation, Planned
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.steady import SteadyLine
from twin.errors import Finding
from twin.events.state import LineState
from twin.line import JobOrder, Line

_SAME_S = 1e-6
"""Difference up to which two moments count as one, s."""
_ROUNDS = 4
"""How often a plan is played to find when orders have to enter."""
_PRICE = 10.0
"""Seconds of tardiness that a second away from a locked moment counts as."""
_ELSEWHERE_S = 30 * 86400.0
"""Seconds away that another machine than the locked one counts as, s."""
Places = Mapping[tuple[str, str], tuple[str, float]]
"""(job, operation) to (machine, start in s)."""


def lock(problem: SchedulingProblem, places: Places) -> SchedulingProblem:
    """Return the problem with operations held at a machine and a start.

    A line waits for no moment, so a problem in which something is locked has none: its times are
    those of machines that do one operation after the other. :func:`on_the_line` gives a plan of it
    the line's times.

    Parameters
    ----------
    problem : SchedulingProblem
        What is to be planned.
    places : mapping
        (job, operation) to (machine, start in s).

    Raises
    ------
    ProblemError
        If an operation is not in the problem or cannot be done at that machine; all findings.

    Examples
    --------
    >>> problem = SchedulingProblem(
    ...     machines=[{"id": "saw"}],
    ...     jobs=[
    ...         {"id": "A", "operations": [
    ...             {"id": "cut", "modes": [{"machine": "saw", "duration_s": 60}]}]},
    ...     ],
    ... )
    >>> lock(problem, {("A", "cut"): ("saw", 120.0)}).jobs[0].operations[0].fixed_start_s
    120.0
    """
    known = {(job.id, item.id): item for job in problem.jobs for item in job.operations}
    findings = list(_findings(known, places))
    if findings:
        raise ProblemError("what is locked", findings)
    jobs = [
        job.model_copy(
            update={
                "operations": tuple(
                    _held(item, places.get((job.id, item.id))) for item in job.operations
                )
            }
        )
        for job in problem.jobs
    ]
    twin = None if places else problem.twin
    return SchedulingProblem(**dict(problem) | {"jobs": tuple(jobs), "twin": twin})


def pulled(problem: SchedulingProblem, places: Places) -> SchedulingProblem:
    """Return the problem of a line in which a start away from its locked moment costs.

    A second away counts as ten of the tardiness of the job that weighs most: a planner's word goes
    before dates, but a moment that the line cannot keep to the second turns nothing upside down.
    """
    plan = tuple(
        Planned(operation=f"{job}/{operation}", machine=machine, start_s=start_s)
        for (job, operation), (machine, start_s) in places.items()
    )
    price = _PRICE * max((1.0, *(job.weight for job in problem.jobs)))
    weights = {"stability": price, "machine_change_s": _ELSEWHERE_S}
    objective = problem.objective.model_copy(update=weights)
    return problem.model_copy(update={"plan": plan, "objective": objective})


def missing(problem: SchedulingProblem, plan: Schedule, places: Places) -> float:
    """Return the objective of a plan in which moments that are missed count."""
    return Schedule.of(pulled(problem, places), plan.placements).objective


def on_the_line(
    problem: SchedulingProblem, places: Places, schedule: Schedule
) -> tuple[SchedulingProblem, Schedule] | None:
    """Return a plan around locked moments with the times at which the line does it.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem of a line, before anything was locked.
    places : mapping
        What is locked, as for :func:`lock`.
    schedule : Schedule
        Plan of the problem in which it is locked; machines and turns count.

    Returns
    -------
    tuple or None
        Problem of the line in which orders enter as late as they are locked, and the plan. None:
        the line does not finish what is planned.
    """
    latest_s = entries_s(problem, places)
    first = {job.id: (job.id, job.operations[0].id) for job in problem.jobs}

    def late_s(plan: Schedule) -> dict[str, float]:
        starts_s = {(p.job, p.operation): p.start_s for p in plan.placements}
        return {name: starts_s[first[name]] - places[first[name]][1] for name in latest_s}

    tried: list[tuple[SchedulingProblem, Schedule]] = []
    moments_s: dict[str, float] = {}
    for _ in range(_ROUNDS):
        found = _entering(problem, schedule, moments_s)
        if found is None:
            break
        tried.append(found)
        # Who begins too soon is kept back; a station that is set up by what comes needs it sooner.
        wrong_s = {
            name: late
            for name, late in late_s(found[1]).items()
            if late < -_SAME_S or (late > _SAME_S and name in moments_s)
        }
        if not wrong_s:
            break
        before_s = moments_s
        moments_s = before_s | {
            name: before_s.get(name, latest_s[name]) - max(0.0, late)
            for name, late in wrong_s.items()
        }
        if moments_s == before_s:
            break
    # While somebody is kept back others may go first: then it is better let in.
    return min(tried, key=lambda one: missing(one[0], one[1], places), default=None)


def entering(
    line: Line, state: LineState | None, entries_s: Mapping[str, float]
) -> tuple[Line, LineState | None]:
    """Return a line and where it stands, with orders that enter no sooner than at a moment."""
    orders = [_later(order, entries_s.get(order.id, -math.inf)) for order in line.orders]
    fields = {name: getattr(line, name) for name in type(line).model_fields}
    later = type(line)(**fields | {"orders": tuple(orders)})
    if state is None:
        return later, None
    known = {
        name: one.model_copy(update={"released": False})
        if entries_s.get(name, state.time_s) > state.time_s
        else one
        for name, one in state.orders.items()
    }
    return later, state.model_copy(update={"orders": known})


def entries_s(problem: SchedulingProblem, places: Places) -> dict[str, float]:
    """Return when orders have to enter that are locked at their first station, s.

    What has begun to enter is not kept back.
    """
    twin = problem.twin
    assert twin is not None
    begun = set() if twin.state is None else set(begun_orders(twin.state))
    found = {}
    for job in problem.jobs:
        place = places.get((job.id, job.operations[0].id))
        if place is not None and job.id not in begun:
            order = twin.line.order(job.id)
            way_s = job.release_s - max(order.release_s, problem.start_s)
            found[job.id] = place[1] - way_s
    return found


def _later(order: JobOrder, moment_s: float) -> JobOrder:
    if moment_s <= order.release_s:
        return order
    due_s = order.due_date_s
    if due_s is not None and due_s <= moment_s:
        due_s = math.nextafter(moment_s, math.inf)  # missed in any case, and still a date
    return order.model_copy(update={"release_s": moment_s, "due_date_s": due_s})


def _entering(
    problem: SchedulingProblem, schedule: Schedule, moments_s: Mapping[str, float]
) -> tuple[SchedulingProblem, Schedule] | None:
    assert problem.twin is not None
    line, state = entering(problem.twin.line, problem.twin.state, moments_s)
    there = problem.model_copy(update={"twin": SteadyLine(line=line, state=state)})
    plan = kept(there, schedule)
    return None if plan is None else (there, plan)


def _findings(
    known: Mapping[tuple[str, str], Operation],
    places: Places,
) -> Iterable[Finding]:
    for (job, operation), (machine, _) in places.items():
        found = known.get((job, operation))
        path = f"locked.{job}/{operation}"
        if found is None:
            yield Finding(path, "is not to be planned", "an operation that is not done yet")
        elif machine not in (able := [mode.machine for mode in found.modes]):
            yield Finding(path, f"cannot be done at {machine!r}", ", ".join(able))


def _held(operation: Operation, place: tuple[str, float] | None) -> Operation:
    if place is None:
        return operation
    machine, start_s = place
    modes = tuple(mode for mode in operation.modes if mode.machine == machine)
    return operation.model_copy(update={"modes": modes, "fixed_start_s": start_s})
