"""Does a schedule do what its problem demands? Written apart from every engine, on purpose.

Nothing here is shared with the code that makes schedules: a mistake in the one is not forgiven by
the same mistake in the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise, zip_longest

from scenarios.schedule.problem import Job, Machine, Mode, Operation, SchedulingProblem
from scenarios.schedule.schedule import Placement, Schedule


class ViolationKind(StrEnum):
    """Which demand is not met."""

    MISSING = "missing"
    DUPLICATED = "duplicated"
    UNKNOWN = "unknown"
    NOT_FINITE = "not_finite"
    ELIGIBILITY = "eligibility"
    DURATION = "duration"
    PRECEDENCE = "precedence"
    OVERLAP = "overlap"
    MACHINE = "machine"
    SETUP = "setup"
    RELEASE = "release"
    DEADLINE = "deadline"
    CALENDAR = "calendar"
    FROZEN = "frozen"
    SAME_ORDER = "same_order"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Violation:
    """One demand that is not met."""

    kind: ViolationKind
    """Which."""
    where: str
    """``job/operation``, job or machine."""
    amount_s: float
    """By how much, s; NaN where it cannot be measured."""
    message: str
    """In words."""

    def __str__(self) -> str:
        """Return where and what, one line."""
        return f"{self.where}: {self.message}"


def violations(
    problem: SchedulingProblem, schedule: Schedule, tolerance_s: float = 1e-6
) -> list[Violation]:
    """Return every demand of the problem that the schedule does not meet.

    Parameters
    ----------
    problem : SchedulingProblem
        What is demanded.
    schedule : Schedule
        What is proposed.
    tolerance_s : float
        Excess up to which times count as equal, s.

    Returns
    -------
    list of Violation
        Empty if the schedule is feasible and its stated outcome is right.
    """
    return list(_Checker(problem, schedule, tolerance_s).all())


class _Checker:
    """The placements by key, and one method per demand."""

    def __init__(self, problem: SchedulingProblem, schedule: Schedule, tolerance_s: float) -> None:
        self.problem = problem
        self.schedule = schedule
        self.tolerance_s = tolerance_s
        self.machines = {machine.id: machine for machine in problem.machines}
        self.operations: dict[str, tuple[Job, Operation]] = {
            f"{job.id}/{operation.id}": (job, operation)
            for job in problem.jobs
            for operation in job.operations
        }
        self.sound: dict[str, tuple[Placement, Mode]] = {}
        """Placements that can be measured: known, finite, on an eligible machine, first of key."""

    def all(self) -> Iterator[Violation]:
        yield from self._complete()
        for key, (placed, mode) in self.sound.items():
            yield from self._alone(key, placed, mode)
            yield from self._predecessors(key, placed, mode)
        for machine in self.problem.machines:
            yield from self._machine(machine)
        yield from self._jobs()
        yield from self._same_order()
        yield from self._outcome()

    def _late(
        self, kind: ViolationKind, where: str, amount_s: float, message: str
    ) -> Iterator[Violation]:
        if amount_s > self.tolerance_s:
            yield Violation(kind, where, amount_s, f"{message} (by {amount_s:g} s)")

    def _complete(self) -> Iterator[Violation]:
        seen: set[str] = set()
        for placed in self.schedule.placements:
            key = placed.key
            if key not in self.operations:
                yield Violation(
                    ViolationKind.UNKNOWN, key, math.nan, "the problem has no such operation"
                )
                continue
            if key in seen:
                yield Violation(
                    ViolationKind.DUPLICATED, key, math.nan, "is scheduled more than once"
                )
                continue
            seen.add(key)
            if not (math.isfinite(placed.start_s) and math.isfinite(placed.end_s)):
                message = f"start {placed.start_s} s and end {placed.end_s} s must be finite"
                yield Violation(ViolationKind.NOT_FINITE, key, math.nan, message)
                continue
            modes = self.operations[key][1].modes
            mode = next((mode for mode in modes if mode.machine == placed.machine), None)
            if mode is None:
                names = ", ".join(mode.machine for mode in modes)
                message = f"cannot be done on {placed.machine!r}, only on {names}"
                yield Violation(ViolationKind.ELIGIBILITY, key, math.nan, message)
                continue
            self.sound[key] = (placed, mode)
        for key in self.operations:
            if key not in seen:
                yield Violation(ViolationKind.MISSING, key, math.nan, "is not scheduled")

    def _closed(self, machine: str) -> list[tuple[float, float]]:
        found: list[list[float]] = []
        for closed in sorted(self.machines[machine].unavailable, key=lambda c: c.start_s):
            if found and closed.start_s <= found[-1][1]:
                found[-1][1] = max(found[-1][1], closed.end_s)
            else:
                found.append([closed.start_s, closed.end_s])
        return [(begin, end) for begin, end in found]

    def _work_s(self, machine: str, from_s: float, to_s: float) -> float:
        """Return the working time of a machine between two moments, s; negative if swapped."""
        if to_s < from_s:
            return -self._work_s(machine, to_s, from_s)
        pauses = (
            max(0.0, min(end, to_s) - max(begin, from_s)) for begin, end in self._closed(machine)
        )
        return to_s - from_s - math.fsum(pauses)

    def _alone(self, key: str, placed: Placement, mode: Mode) -> Iterator[Violation]:
        job, operation = self.operations[key]
        kind = ViolationKind
        first_s = max(job.release_s, self.problem.start_s)
        yield from self._late(
            kind.RELEASE, key, first_s - placed.start_s, "starts before its release"
        )
        ready_s = self.machines[placed.machine].ready_s
        message = f"starts before {placed.machine} is ready"
        yield from self._late(kind.MACHINE, key, ready_s - placed.start_s, message)
        if operation.fixed_start_s is not None:
            moved_s = abs(placed.start_s - operation.fixed_start_s)
            yield from self._late(kind.FROZEN, key, moved_s, "does not start when it was frozen to")
        work_s = self._work_s(placed.machine, placed.start_s, placed.end_s)
        if operation.splittable or operation.overlap:
            for begin, end in self._closed(placed.machine):
                moments = [(placed.start_s, "starts")]
                # One that waits for its predecessor's last part may be released at any moment.
                moments += [] if operation.overlap else [(placed.end_s, "ends")]
                for moment_s, what in moments if mode.duration_s > 0 else ():
                    inside_s = min(moment_s - begin, end - moment_s)
                    message = f"{what} while {placed.machine} is closed"
                    yield from self._late(kind.CALENDAR, key, inside_s, message)
        else:
            paused_s = placed.end_s - placed.start_s - work_s
            message = f"runs while {placed.machine} is closed and may not pause"
            yield from self._late(kind.CALENDAR, key, paused_s, message)
            work_s = placed.end_s - placed.start_s
        missing_s = mode.duration_s - work_s
        message = f"has {work_s:g} s of {mode.duration_s:g} s of work"
        yield from self._late(kind.DURATION, key, missing_s, message)
        if not operation.overlap:
            message = f"holds {placed.machine} for {work_s:g} s instead of {mode.duration_s:g} s"
            yield from self._late(kind.DURATION, key, -missing_s, message)

    def _before(self, key: str) -> list[str]:
        job, operation = self.operations[key]
        if operation.after is not None:
            return [name if "/" in name else f"{job.id}/{name}" for name in operation.after]
        at = job.operations.index(operation)
        return [f"{job.id}/{job.operations[at - 1].id}"] if at else []

    def _predecessors(self, key: str, placed: Placement, mode: Mode) -> Iterator[Violation]:
        for name in self._before(key):
            if name not in self.sound:
                continue
            other, its_mode = self.sound[name]
            if not self.operations[key][1].overlap:
                early_s = other.end_s - placed.start_s
                message = f"starts before {name} has ended"
                yield from self._late(ViolationKind.PRECEDENCE, key, early_s, message)
                continue
            lead_s = its_mode.duration_s if its_mode.first_part_s is None else its_mode.first_part_s
            done_s = self._work_s(other.machine, other.start_s, placed.start_s)
            short_s = min(lead_s, its_mode.duration_s) - done_s
            message = f"starts before the first part of {name} has come"
            yield from self._late(ViolationKind.OVERLAP, key, short_s, message)
            last_s = mode.duration_s if mode.last_part_s is None else mode.last_part_s
            done_s = self._work_s(placed.machine, other.end_s, placed.end_s)
            short_s = min(last_s, mode.duration_s) - done_s
            message = f"ends before the last part of {name} has gone through"
            yield from self._late(ViolationKind.OVERLAP, key, short_s, message)

    def _machine(self, machine: Machine) -> Iterator[Violation]:
        here = sorted(
            (
                (p.start_s, p.end_s, key)
                for key, (p, _) in self.sound.items()
                if p.machine == machine.id
            )
        )
        for (_, left_end, left), (start, _, right) in pairwise(here):
            both_s = left_end - start
            message = f"starts while {left} is on {machine.id}"
            yield from self._late(ViolationKind.MACHINE, right, both_s, message)
        yield from self._setups(machine, here)
        expected = [key for key in machine.running if key in self.sound]
        actual = [key for _, _, key in here]
        for key, found in zip_longest(expected, actual[: len(expected)], fillvalue="nothing"):
            if key != found:
                message = f"is under way on {machine.id}, but {found} comes first there"
                yield Violation(ViolationKind.FROZEN, key, math.nan, message)

    def _setups(
        self, machine: Machine, here: list[tuple[float, float, str]]
    ) -> Iterator[Violation]:
        group, free_s = machine.setup_group or "", max(machine.ready_s, self.problem.start_s)
        for start_s, end_s, key in here:
            own = self.operations[key][1].setup_group
            needed_s = machine.setup_s.get(group, {}).get(own, 0.0) if group and own else 0.0
            if needed_s > 0:
                begin_s = max(free_s, self._arrival_s(key)) if machine.setup_waits else free_s
                had_s = self._work_s(machine.id, begin_s, start_s)
                message = f"leaves {had_s:g} s of {needed_s:g} s to set up {machine.id} for {own}"
                yield from self._late(ViolationKind.SETUP, key, needed_s - had_s, message)
            group, free_s = own, end_s

    def _arrival_s(self, key: str) -> float:
        """Return when the first part of an operation has come, s."""
        job, operation = self.operations[key]
        moments = [job.release_s, self.problem.start_s]
        for name in self._before(key):
            if name not in self.sound:
                continue
            other, mode = self.sound[name]
            if not operation.overlap or mode.first_part_s is None:
                moments.append(other.end_s)
                continue
            left_s, moment_s = min(mode.first_part_s, mode.duration_s), other.start_s
            for begin, end in self._closed(other.machine):
                if left_s > 0 and end > moment_s:
                    step_s = max(0.0, begin - moment_s)
                    if left_s <= step_s:
                        break
                    left_s, moment_s = left_s - step_s, end
            moments.append(min(moment_s + left_s, other.end_s))
        return max(moments)

    def _jobs(self) -> Iterator[Violation]:
        ends: dict[str, float] = {}
        for placed, _ in self.sound.values():
            ends[placed.job] = max(ends.get(placed.job, -math.inf), placed.end_s)
        for job in self.problem.jobs:
            end_s = ends.get(job.id, -math.inf)
            if job.deadline_s is not None:
                late_s = end_s - job.deadline_s
                yield from self._late(ViolationKind.DEADLINE, job.id, late_s, "misses its deadline")
            if self.problem.horizon_s is not None:
                late_s = end_s - self.problem.horizon_s
                message = "is not finished by the horizon"
                yield from self._late(ViolationKind.DEADLINE, job.id, late_s, message)

    def _same_order(self) -> Iterator[Violation]:
        for group in self.problem.same_order:
            visits: dict[str, dict[str, tuple[float, float]]] = {name: {} for name in group}
            for placed, _ in self.sound.values():
                if placed.machine in visits:
                    visits[placed.machine][placed.job] = (placed.start_s, placed.end_s)
            for left, right in combinations([visits[name] for name in group], 2):
                yield from self._overtaking(left, right)

    def _overtaking(
        self, left: Mapping[str, tuple[float, float]], right: Mapping[str, tuple[float, float]]
    ) -> Iterator[Violation]:
        common = sorted(set(left) & set(right), key=lambda job: left[job])
        for first, second in combinations(common, 2):
            # Two that take no time at one and the same moment have no order.
            if left[first] < left[second] and right[second] < right[first]:
                ahead_s = max(a - b for a, b in zip(right[first], right[second], strict=True))
                message = f"overtakes {first} between machines that must see one order"
                yield from self._late(ViolationKind.SAME_ORDER, second, ahead_s, message)

    def _outcome(self) -> Iterator[Violation]:
        if len(self.sound) < len(self.operations):
            return
        problem = self.problem
        ends: dict[str, float] = {}
        for placed, _ in self.sound.values():
            ends[placed.job] = max(ends.get(placed.job, -math.inf), placed.end_s)
        late = [
            job.weight * max(0.0, ends[job.id] - job.due_date_s)
            for job in problem.jobs
            if job.due_date_s is not None
        ]
        makespan_s = max(ends.values(), default=problem.start_s) - problem.start_s
        weights = problem.objective
        value = weights.makespan * makespan_s + weights.tardiness * sum(late)
        slack = self.tolerance_s + 1e-9 * abs(value)
        if not abs(value - self.schedule.objective) <= slack:
            message = f"states an objective of {self.schedule.objective:g}; it is {value:g}"
            amount = abs(value - self.schedule.objective)
            yield Violation(ViolationKind.OUTCOME, problem.id, amount, message)
        stated = {outcome.job: outcome.completion_s for outcome in self.schedule.jobs}
        for job, end_s in ends.items():
            wrong_s = abs(stated.get(job, math.nan) - end_s)
            if not wrong_s <= self.tolerance_s:
                message = f"states another completion than {end_s:g} s"
                yield Violation(ViolationKind.OUTCOME, job, wrong_s, message)
