"""What a schedule is worth: every term of the objective, worked out from the placements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scenarios.schedule.parts import TERMS, Machine, Price
from scenarios.schedule.problem import SchedulingProblem

_SAME_S = 1e-6
"""Difference up to which an operation counts as not moved, s."""


@dataclass(frozen=True, slots=True)
class Held:
    """One operation on a machine, as far as the objective sees it."""

    key: str
    job: str
    machine: str
    start_s: float
    end_s: float
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """Terms of the objective, and what else counts."""

    terms: Mapping[str, float]
    """Value of each term by its name, before weights."""
    moved: int
    """Operations of the running plan that start at another time or are on another machine."""
    machine_changes: int
    """Operations of the running plan that are on another machine."""

    def objective(self, problem: SchedulingProblem) -> float:
        """Return the weighted sum."""
        weights = problem.objective
        return float(sum(getattr(weights, name) * self.terms[name] for name in TERMS))


def measured(
    problem: SchedulingProblem, held: Sequence[Held], ends_s: Mapping[str, float]
) -> Measures:
    """Return the measures of a schedule.

    Parameters
    ----------
    problem : SchedulingProblem
        What counts.
    held : sequence of Held
        Operations by start.
    ends_s : mapping of str to float
        Completion of each job, s.
    """
    makespan_s = max(ends_s.values(), default=problem.start_s) - problem.start_s
    tardiness_s = total_s = flow_s = 0.0
    for job in problem.jobs:
        end_s = ends_s.get(job.id, problem.start_s)
        late_s = 0.0 if job.due_date_s is None else max(0.0, end_s - job.due_date_s)
        tardiness_s += job.weight * late_s
        total_s += late_s
        flow_s += max(0.0, end_s - job.release_s)
    shift_s, moved, changes = _changes(problem, held) if problem.plan else (0.0, 0, 0)
    terms = {
        "makespan": makespan_s,
        "tardiness": tardiness_s,
        "total_tardiness": total_s,
        "flow_time": flow_s,
        "setup_time": _setup_s(problem, held),
        "energy": _energy(problem, held) if problem.prices else 0.0,
        "stability": shift_s + problem.objective.machine_change_s * changes,
    }
    return Measures(terms, moved, changes)


def _setup_s(problem: SchedulingProblem, held: Iterable[Held]) -> float:
    machines = {machine.id: machine for machine in problem.machines if machine.setup_s}
    if not machines:
        return 0.0
    groups = {f"{j.id}/{o.id}": o.setup_group for j in problem.jobs for o in j.operations}
    present = {name: machine.setup_group or "" for name, machine in machines.items()}
    latest: dict[str, tuple[float, float]] = {}
    total_s = 0.0
    for item in sorted(held, key=lambda one: (one.start_s, one.end_s)):
        machine = machines.get(item.machine)
        if machine is None:
            continue
        own = groups.get(item.key, "")
        together = machine.batch_size > 1 and latest.get(machine.id) == (item.start_s, item.end_s)
        if not together or present[machine.id] != own:
            total_s += _between_s(machine, present[machine.id], own)
        present[machine.id], latest[machine.id] = own, (item.start_s, item.end_s)
    return total_s


def _between_s(machine: Machine, left: str, right: str) -> float:
    return machine.setup_s.get(left, {}).get(right, 0.0) if left and right else 0.0


def _energy(problem: SchedulingProblem, held: Iterable[Held]) -> float:
    power_kw = {
        (f"{job.id}/{operation.id}", mode.machine): mode.power_kw
        for job in problem.jobs
        for operation in job.operations
        for mode in operation.modes
        if mode.power_kw > 0
    }
    closed = {m.id: [(c.start_s, c.end_s) for c in m.unavailable] for m in problem.machines}
    off = {r.id: [(c.start_s, c.end_s) for c in r.unavailable] for r in problem.resources}
    total = 0.0
    for item in held:
        power = power_kw.get((item.key, item.machine), 0.0)
        if power > 0:
            pauses = [*closed.get(item.machine, ())]
            pauses += [pause for one in item.resources for pause in off.get(one, ())]
            total += power * priced(problem.prices, pauses, item.start_s, item.end_s) / 3600
    return total


def priced(
    prices: Sequence[Price], pauses: Sequence[tuple[float, float]], start_s: float, end_s: float
) -> float:
    """Return the integral of the price over the open time between two moments, money x s / kWh."""
    total = 0.0
    for price in prices:
        low_s, high_s = max(start_s, price.start_s), min(end_s, price.end_s)
        here_s, paid_s = low_s, 0.0
        for begin, end in sorted(pauses) if high_s > low_s else ():
            paid_s += max(0.0, min(begin, high_s) - here_s)
            here_s = max(here_s, end)
        total += price.per_kwh * (paid_s + max(0.0, high_s - max(here_s, low_s)))
    return total


def _changes(problem: SchedulingProblem, held: Iterable[Held]) -> tuple[float, int, int]:
    now = {item.key: item for item in held}
    shift_s, moved, changes = 0.0, 0, 0
    for planned in problem.plan:
        item = now.get(planned.operation)
        if item is None:
            continue
        away_s, other = abs(item.start_s - planned.start_s), item.machine != planned.machine
        shift_s += away_s
        changes += other
        moved += other or away_s > _SAME_S
    return shift_s, moved, changes
