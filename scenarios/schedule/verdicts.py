"""What the checker finds, and the facts it looks at: placements that can be measured, by key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from scenarios.schedule.parts import Interval, Job, Mode, Operation
from scenarios.schedule.problem import SchedulingProblem
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
    RESOURCE = "resource"
    TRANSPORT = "transport"
    WAIT = "wait"
    BUFFER = "buffer"
    BATCH = "batch"
    CAMPAIGN = "campaign"
    TWIN = "twin"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Violation:
    """One demand that is not met."""

    kind: ViolationKind
    """Which."""
    where: str
    """``job/operation``, job, machine or problem."""
    amount_s: float
    """By how much, s; NaN where it is no time or cannot be measured."""
    message: str
    """In words."""
    others: tuple[str, ...] = ()
    """What else it is about: operations, machines or people that are in its way."""

    def __str__(self) -> str:
        """Return where and what, one line."""
        return f"{self.where}: {self.message}"


class Facts:
    """A problem and a schedule of it, with what can be measured of the schedule."""

    def __init__(self, problem: SchedulingProblem, schedule: Schedule, tolerance_s: float) -> None:
        self.problem = problem
        self.schedule = schedule
        self.tolerance_s = tolerance_s
        self.machines = {machine.id: machine for machine in problem.machines}
        self.resources = {resource.id: resource for resource in problem.resources}
        self.operations: dict[str, tuple[Job, Operation]] = {
            f"{job.id}/{operation.id}": (job, operation)
            for job in problem.jobs
            for operation in job.operations
        }
        self.sound: dict[str, tuple[Placement, Mode]] = {}
        """Placements that can be measured: known, finite, on an eligible machine, first of key."""
        self.on: dict[str, list[Placement]] = {machine.id: [] for machine in problem.machines}
        """The same placements by machine."""
        self._before = {
            f"{job.id}/{operation.id}": [f"{job.id}/{other.id}"] if other else []
            for job in problem.jobs
            for other, operation in pairwise([None, *job.operations])
            if operation is not None
        }

    def late(
        self, kind: ViolationKind, where: str, amount_s: float, message: str, *others: str
    ) -> Iterator[Violation]:
        """Yield a violation if an amount is more than the tolerance."""
        if amount_s > self.tolerance_s:
            yield Violation(kind, where, amount_s, f"{message} (by {amount_s:g} s)", others)

    def closed(self, placed: Placement) -> list[tuple[float, float]]:
        """Return when a machine, or one of the people it works with, is not there; merged."""
        intervals = [*self.machines[placed.machine].unavailable]
        for name in placed.resources:
            if name in self.resources:
                intervals += self.resources[name].unavailable
        return merged(intervals)

    def work_s(self, placed: Placement, from_s: float, to_s: float) -> float:
        """Return the time between two moments in which a placement can be worked on, s."""
        return open_s(self.closed(placed), from_s, to_s)

    def before(self, key: str) -> list[str]:
        """Return the keys of the operations that come directly before one."""
        job, operation = self.operations[key]
        if operation.after is not None:
            return [name if "/" in name else f"{job.id}/{name}" for name in operation.after]
        return self._before[key]

    def way_s(self, source: Placement, target: Placement) -> float:
        """Return the transport between two placements, s."""
        return self.problem.transport_s.get(source.machine, {}).get(target.machine, 0.0)

    def same_batch(self, left: Placement, right: Placement) -> bool:
        """Say whether two placements are done in one go."""
        return (
            left.machine == right.machine
            and self.machines[left.machine].batch_size > 1
            and self.operations[left.key][1].setup_group
            == self.operations[right.key][1].setup_group
            and abs(left.start_s - right.start_s) <= self.tolerance_s
            and abs(left.end_s - right.end_s) <= self.tolerance_s
        )


def merged(intervals: Sequence[Interval]) -> list[tuple[float, float]]:
    """Return intervals by start, those that touch or overlap as one."""
    found: list[list[float]] = []
    for closed in sorted(intervals, key=lambda c: c.start_s):
        if found and closed.start_s <= found[-1][1]:
            found[-1][1] = max(found[-1][1], closed.end_s)
        else:
            found.append([closed.start_s, closed.end_s])
    return [(begin, end) for begin, end in found]


def open_s(closed: Sequence[tuple[float, float]], from_s: float, to_s: float) -> float:
    """Return the time between two moments that is not closed, s; negative if they are swapped."""
    if to_s < from_s:
        return -open_s(closed, to_s, from_s)
    pauses = (max(0.0, min(end, to_s) - max(begin, from_s)) for begin, end in closed)
    return to_s - from_s - math.fsum(pauses)
