"""What would make a late order on time: small changes of the problem, tried, the cheapest first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from scenarios.schedule.explain import HoldKind, explain
from scenarios.schedule.keeping import pictured
from scenarios.schedule.neighbours import polish
from scenarios.schedule.parts import Interval, Job, Machine, Resource
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network, decisions, timed
from scenarios.schedule.violations import violations

_OVERTIME_S = (1800.0, 3600.0, 7200.0, 14400.0)
"""Overtime that is tried, s."""
_ON_TIME_S = 1e-6
"""Lateness that counts as none, s."""
_WEIGHT = 1e4
"""Weight that an order gets to be put before the others, in weights of its own."""


class RelaxationKind(StrEnum):
    """What is changed."""

    OVERTIME = "overtime"
    """A machine or a person works longer."""
    READY = "ready"
    """A machine is ready at once."""
    RELEASE = "release"
    """The order is released earlier."""
    FIRST = "first"
    """The order goes before the others."""
    WITHOUT = "without"
    """Another order steps back."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """One change, and what comes of it."""

    kind: RelaxationKind
    """What is changed."""
    element: str
    """Machine, person or order that it is about."""
    at_s: float
    """From when on, s."""
    text: str
    """In words."""
    cost_s: float
    """How much of it, s: overtime, or the time by which something is given up."""
    tardiness_s: float
    """By how much the order would still be late, s."""
    others_later_s: float
    """Sum over the other orders of how much later they would be, in tardiness, s."""
    schedule: Schedule
    """A schedule of the changed problem."""

    @property
    def on_time(self) -> bool:
        """Whether the order would be on time."""
        return self.tardiness_s <= _ON_TIME_S


@dataclass(frozen=True, slots=True)
class _Change:
    kind: RelaxationKind
    element: str
    at_s: float
    text: str
    cost_s: float
    problem: SchedulingProblem
    reorders: bool = False
    """Whether it is about the order of work; all others are judged with the order as it is."""


def relaxations(
    problem: SchedulingProblem,
    schedule: Schedule,
    job: str,
    seconds: float = 10.0,
    seed: int = 0,
) -> tuple[Relaxation, ...]:
    """Return changes that would help a late order: those that suffice first, cheapest first.

    What holds the order up (:func:`scenarios.schedule.explain`) says what is tried: overtime where
    a closed machine or an absent operator is in its chain, an earlier release, a faster repair,
    another order that steps back, a higher weight.

    Parameters
    ----------
    problem : SchedulingProblem
        The problem.
    schedule : Schedule
        A feasible schedule of it.
    job : str
        Late order.
    seconds : float
        Time for all tries, s.
    seed : int
        Seed of the search in each try.

    Raises
    ------
    UnknownNameError
        If the problem has no such job.
    """
    problem, schedule = pictured(problem, schedule)
    before = {outcome.job: outcome.tardiness_s for outcome in schedule.jobs}
    if explain(problem, schedule, job).tardiness_s <= _ON_TIME_S:
        return ()
    tries = list(_changes(problem, schedule, job))
    until, found = time.monotonic() + seconds, []
    enough: set[tuple[RelaxationKind, str, float]] = set()
    for at, change in enumerate(tries):
        same = (change.kind, change.element, change.at_s)
        if same in enough:
            continue  # less of the same already suffices
        limit = time.monotonic() + max(0.05, (until - time.monotonic()) / (len(tries) - at))
        best = _solved(change, schedule, job, seed, limit)
        if best is None:
            continue
        after = {outcome.job: outcome.tardiness_s for outcome in best.jobs}
        others_s = sum(max(0.0, after[name] - before[name]) for name in after if name != job)
        relaxation = Relaxation(*same, change.text, change.cost_s, after[job], others_s, best)
        if relaxation.on_time:
            enough.add(same)
        if relaxation.tardiness_s < before[job] - _ON_TIME_S:
            found.append(relaxation)
    return tuple(
        sorted(found, key=lambda r: (not r.on_time, r.cost_s + r.others_later_s, r.tardiness_s))
    )


def _solved(
    change: _Change, schedule: Schedule, job: str, seed: int, until: float
) -> Schedule | None:
    """Return a schedule of a changed problem, from the sequences of the old one."""
    problem = change.problem
    if not (problem.objective.tardiness or problem.objective.total_tardiness):
        counted = problem.objective.model_copy(update={"tardiness": 1.0})
        problem = problem.model_copy(update={"objective": counted})
    network = Network.of(problem)
    start = timed(network, *decisions(network, schedule))
    if start is None or violations(problem, start):
        return None
    if not change.reorders:
        return start

    def over() -> bool:
        late_s = next(o.tardiness_s for o in best[0].jobs if o.job == job)
        return late_s <= _ON_TIME_S or time.monotonic() >= until

    best = [start]
    return polish(network, start, seed, over, lambda found: best.__setitem__(0, found))


def _changes(problem: SchedulingProblem, schedule: Schedule, job: str) -> Iterator[_Change]:
    """Yield what could be changed; less of one thing comes before more of it."""
    chain = explain(problem, schedule, job).chain
    operations = {hold.operation for hold in chain}
    placed = {p.key: p for p in schedule.placements}
    machines = {placed[key].machine for key in operations if key in placed}
    people = {name for key in operations if key in placed for name in placed[key].resources}
    end_s = next(outcome.completion_s for outcome in schedule.jobs if outcome.job == job)
    for machine in problem.machines:
        if machine.id in machines:
            yield from _overtime(problem, machine, end_s)
            if machine.ready_s > problem.start_s and any(
                hold.kind is HoldKind.READY and hold.held_by == machine.id for hold in chain
            ):
                gone = machine.model_copy(update={"ready_s": problem.start_s})
                cost_s = machine.ready_s - problem.start_s
                text = f"{machine.id} is ready at once"
                what = (RelaxationKind.READY, machine.id, problem.start_s)
                yield _Change(*what, text, cost_s, _with_machine(problem, gone))
    for resource in problem.resources:
        if resource.id in people:
            yield from _overtime(problem, resource, end_s)
    own = next(item for item in problem.jobs if item.id == job)
    if own.release_s > problem.start_s:
        early = own.model_copy(update={"release_s": problem.start_s})
        cost_s = own.release_s - problem.start_s
        text = f"{job} is released {cost_s:g} s earlier"
        what = (RelaxationKind.RELEASE, job, problem.start_s)
        yield _Change(*what, text, cost_s, _with_job(problem, early))
    first = own.model_copy(update={"weight": max(own.weight, 1.0) * _WEIGHT})
    what = (RelaxationKind.FIRST, job, problem.start_s)
    text = f"{job} goes before the others"
    yield _Change(*what, text, 0.0, _with_job(problem, first), reorders=True)
    for name in sorted({key.partition("/")[0] for key in operations} - {job}):
        rival = next(item for item in problem.jobs if item.id == name)
        if rival.deadline_s is None and name not in _running(problem):
            text = f"{name} is made after everything else"
            back = rival.model_copy(update={"release_s": max(end_s, rival.release_s)})
            cost_s = max(0.0, end_s - rival.release_s)
            what = (RelaxationKind.WITHOUT, name, end_s)
            yield _Change(*what, text, cost_s, _with_job(problem, back), reorders=True)


def _running(problem: SchedulingProblem) -> set[str]:
    return {key.partition("/")[0] for machine in problem.machines for key in machine.running}


def _overtime(
    problem: SchedulingProblem, one: Machine | Resource, end_s: float
) -> Iterator[_Change]:
    """Yield each closure before an order's end, opened by a while at its beginning."""
    for closed in one.unavailable:
        if closed.start_s >= end_s or closed.end_s <= problem.start_s:
            continue
        length_s = closed.end_s - closed.start_s
        for overtime_s in (*(t for t in _OVERTIME_S if t < length_s), length_s):
            rest = tuple(
                c
                for old in one.unavailable
                for c in ([old] if old is not closed else _later(closed, overtime_s))
            )
            text = f"{one.id} works {overtime_s:g} s longer from {closed.start_s:g} s on"
            changed = one.model_copy(update={"unavailable": rest})
            what = (RelaxationKind.OVERTIME, one.id, closed.start_s)
            yield _Change(*what, text, overtime_s, _with(problem, changed))


def _later(closed: Interval, overtime_s: float) -> list[Interval]:
    begin_s = closed.start_s + overtime_s
    if begin_s >= closed.end_s:
        return []
    return [Interval(start_s=begin_s, end_s=closed.end_s)]


def _with(problem: SchedulingProblem, one: Machine | Resource) -> SchedulingProblem:
    if isinstance(one, Machine):
        return _with_machine(problem, one)
    resources = tuple(one if r.id == one.id else r for r in problem.resources)
    return problem.model_copy(update={"resources": resources})


def _with_machine(problem: SchedulingProblem, machine: Machine) -> SchedulingProblem:
    machines = tuple(machine if m.id == machine.id else m for m in problem.machines)
    return problem.model_copy(update={"machines": machines})


def _with_job(problem: SchedulingProblem, job: Job) -> SchedulingProblem:
    jobs = tuple(job if j.id == job.id else j for j in problem.jobs)
    return problem.model_copy(update={"jobs": jobs})
