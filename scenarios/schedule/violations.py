"""Does a schedule do what its problem demands? Written apart from every engine, on purpose.

Nothing here is shared with the code that makes schedules: a mistake in the one is not forgiven by
the same mistake in the other. What a line can do, the twin decides, here too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations, zip_longest

from scenarios.schedule.demands import DEMANDS, frozen_zone, outcome, setups
from scenarios.schedule.keeping import kept
from scenarios.schedule.problem import Machine, Mode, SchedulingProblem
from scenarios.schedule.schedule import Placement, Schedule
from scenarios.schedule.verdicts import Facts, Violation, ViolationKind

__all__ = ["Violation", "ViolationKind", "violations"]


def violations(
    problem: SchedulingProblem,
    schedule: Schedule,
    tolerance_s: float = 1e-6,
    *,
    played: bool = True,
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
    played : bool
        Whether the line of the problem, if it has one, is to show that it keeps these times; False:
        they are its own.

    Returns
    -------
    list of Violation
        Empty if the schedule is feasible and its stated outcome is right.
    """
    checker = _Checker(problem, schedule, tolerance_s)
    return list(checker.all() if problem.twin is None else checker.of_line(played=played))


class _Checker(Facts):
    """One method per demand; those beyond machines and precedences stand in ``demands``."""

    def all(self) -> Iterator[Violation]:
        yield from self._complete()
        for key, (placed, mode) in self.sound.items():
            yield from self._alone(key, placed, mode)
            yield from self._predecessors(key, placed, mode)
        for machine in self.problem.machines:
            yield from self._machine(machine)
        yield from self._jobs()
        yield from self._same_order()
        for demand in DEMANDS:
            yield from demand(self)

    def of_line(self, *, played: bool) -> Iterator[Violation]:
        """Yield what people demand and do not get; what machines can do the line itself shows."""
        yield from self._complete()
        for key, (placed, _) in self.sound.items():
            yield from self._fixed(key, placed)
        if played and len(self.sound) == len(self.operations):
            yield from self._kept()
        yield from self._jobs()
        yield from frozen_zone(self)
        yield from outcome(self)

    def _kept(self) -> Iterator[Violation]:
        found = kept(self.problem, self.schedule, anew=True)
        if found is None:
            message = "the line does not finish what is planned"
            yield Violation(ViolationKind.TWIN, self.problem.id, math.nan, message)
            return
        for line in found.placements:
            plan = self.sound[line.key][0]
            for what, said_s, done_s in (
                ("begins", plan.start_s, line.start_s),
                ("ends", plan.end_s, line.end_s),
                ("is all done", plan.done_s or plan.end_s, line.done_s or line.end_s),
            ):
                message = f"{what} at {said_s:g} s, the line does it at {done_s:g} s"
                yield from self.late(ViolationKind.TWIN, line.key, abs(said_s - done_s), message)

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
                able = tuple(mode.machine for mode in modes)
                message = f"cannot be done on {placed.machine!r}, only on {', '.join(able)}"
                yield Violation(ViolationKind.ELIGIBILITY, key, math.nan, message, able)
                continue
            self.sound[key] = (placed, mode)
            self.on[placed.machine].append(placed)
        for key in self.operations:
            if key not in seen:
                yield Violation(ViolationKind.MISSING, key, math.nan, "is not scheduled")

    def _alone(self, key: str, placed: Placement, mode: Mode) -> Iterator[Violation]:
        job = self.operations[key][0]
        kind = ViolationKind
        first_s = max(job.release_s, self.problem.start_s)
        yield from self.late(
            kind.RELEASE, key, first_s - placed.start_s, "starts before its release"
        )
        ready_s = self.machines[placed.machine].ready_s
        message = f"starts before {placed.machine} is ready"
        yield from self.late(kind.MACHINE, key, ready_s - placed.start_s, message, placed.machine)
        yield from self._fixed(key, placed)
        if placed.leave_s is not None:
            early_s = placed.end_s - placed.leave_s
            yield from self.late(kind.BUFFER, key, early_s, "leaves before it has ended")
        yield from self._work(key, placed, mode)

    def _fixed(self, key: str, placed: Placement) -> Iterator[Violation]:
        start_s = self.operations[key][1].fixed_start_s
        if start_s is not None:
            moved_s = abs(placed.start_s - start_s)
            message = "does not start when it was frozen to"
            yield from self.late(ViolationKind.FROZEN, key, moved_s, message)

    def _work(self, key: str, placed: Placement, mode: Mode) -> Iterator[Violation]:
        operation, kind = self.operations[key][1], ViolationKind
        work_s = self.work_s(placed, placed.start_s, placed.end_s)
        who = (placed.machine, *placed.resources)
        if operation.splittable or operation.overlap:
            for begin, end in self.closed(placed):
                moments = [(placed.start_s, "starts")]
                # One that waits for its predecessor's last part may be released at any moment.
                moments += [] if operation.overlap else [(placed.end_s, "ends")]
                for moment_s, what in moments if mode.duration_s > 0 else ():
                    inside_s = min(moment_s - begin, end - moment_s)
                    message = f"{what} while {' or '.join(who)} is closed"
                    yield from self.late(kind.CALENDAR, key, inside_s, message, *who)
        else:
            paused_s = placed.end_s - placed.start_s - work_s
            message = f"runs while {' or '.join(who)} is closed and may not pause"
            yield from self.late(kind.CALENDAR, key, paused_s, message, *who)
            work_s = placed.end_s - placed.start_s
        message = f"has {work_s:g} s of {mode.duration_s:g} s of work"
        yield from self.late(kind.DURATION, key, mode.duration_s - work_s, message)
        longest_s = mode.duration_s
        if self.machines[placed.machine].batch_size > 1:
            together = [p.key for p in self.on[placed.machine] if self.same_batch(p, placed)]
            longest_s = max(self.sound[key][1].duration_s for key in together)
        if not operation.overlap:
            message = f"holds {placed.machine} for {work_s:g} s instead of {longest_s:g} s"
            yield from self.late(kind.DURATION, key, work_s - longest_s, message)

    def _predecessors(self, key: str, placed: Placement, mode: Mode) -> Iterator[Violation]:
        for name in self.before(key):
            if name not in self.sound:
                continue
            other, its_mode = self.sound[name]
            way_s = self.way_s(other, placed)
            if not self.operations[key][1].overlap:
                early_s = other.end_s - placed.start_s
                message = f"starts before {name} has ended"
                yield from self.late(ViolationKind.PRECEDENCE, key, early_s, message, name)
                if early_s <= self.tolerance_s:
                    message = f"starts before it can have come from {other.machine} after {name}"
                    short_s = early_s + way_s
                    yield from self.late(ViolationKind.TRANSPORT, key, short_s, message, name)
                continue
            lead_s = its_mode.duration_s if its_mode.first_part_s is None else its_mode.first_part_s
            done_s = self.work_s(other, other.start_s, placed.start_s - way_s)
            # Once all of it has ended, its first part has come in any case.
            left_s = other.end_s + way_s - placed.start_s
            short_s = min(min(lead_s, its_mode.duration_s) - done_s, left_s)
            message = f"starts before the first part of {name} has come"
            yield from self.late(ViolationKind.OVERLAP, key, short_s, message, name)
            last_s = mode.duration_s if mode.last_part_s is None else mode.last_part_s
            done_s = self.work_s(placed, other.end_s + way_s, placed.end_s)
            short_s = min(last_s, mode.duration_s) - done_s
            message = f"ends before the last part of {name} has gone through"
            yield from self.late(ViolationKind.OVERLAP, key, short_s, message, name)

    def _machine(self, machine: Machine) -> Iterator[Violation]:
        here = sorted((p.start_s, p.end_s, p.key) for p in self.on[machine.id])
        busy: Placement | None = None
        for start_s, _, key in here:
            placed = self.sound[key][0]
            if busy is not None and not self.same_batch(busy, placed):
                message = f"starts while {busy.key} is on {machine.id}"
                yield from self.late(
                    ViolationKind.MACHINE, key, busy.free_s - start_s, message, busy.key
                )
            if busy is None or placed.free_s >= busy.free_s:
                busy = placed
        yield from setups(self, machine, here)
        expected = [key for key in machine.running if key in self.sound]
        actual = [key for _, _, key in here]
        for key, found in zip_longest(expected, actual[: len(expected)], fillvalue="nothing"):
            if key != found:
                message = f"is under way on {machine.id}, but {found} comes first there"
                yield Violation(ViolationKind.FROZEN, key, math.nan, message)

    def _jobs(self) -> Iterator[Violation]:
        ends: dict[str, float] = {}
        for placed, _ in self.sound.values():
            last_s = (placed.end_s, placed.done_s or -math.inf)
            ends[placed.job] = max(ends.get(placed.job, -math.inf), *last_s)
        for job in self.problem.jobs:
            end_s = ends.get(job.id, -math.inf)
            if job.deadline_s is not None:
                late_s = end_s - job.deadline_s
                yield from self.late(ViolationKind.DEADLINE, job.id, late_s, "misses its deadline")
            if self.problem.horizon_s is not None:
                late_s = end_s - self.problem.horizon_s
                message = "is not finished by the horizon"
                yield from self.late(ViolationKind.DEADLINE, job.id, late_s, message)

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
                yield from self.late(ViolationKind.SAME_ORDER, second, ahead_s, message, first)
