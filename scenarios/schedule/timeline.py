"""A schedule that grows: each step goes behind what its machine has, as early as demands allow."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scenarios.schedule.network import Choice, Network, Step
from scenarios.schedule.schedule import Placement, Schedule

_MOST_SHIFTS = 10_000
"""How often a step gives way to what its resources are busy with, at most."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a step would lie."""

    start_s: float
    end_s: float
    team: tuple[int, ...] = ()
    """Resources, one for each need."""
    setup_start_s: float | None = None
    """Beginning of a setup that needs resources, s."""
    setup_end_s: float = -math.inf
    setup_team: tuple[int, ...] = ()
    joins: bool = False
    """Whether it goes into the machine's last batch."""


@dataclass(slots=True)
class Timeline:
    """A schedule that grows by appending to machines. One network, one timeline, one schedule."""

    network: Network
    start_s: list[float] = field(init=False)
    end_s: list[float] = field(init=False)
    leave_s: list[float] = field(init=False)
    choice: list[Choice | None] = field(init=False)
    slots: list[Slot | None] = field(init=False)
    batch: list[list[int]] = field(init=False)
    """Steps on each machine that were placed last: one, or a batch."""
    busy: list[list[tuple[float, float]]] = field(init=False)
    """When each resource is busy, s."""
    waiting: list[list[tuple[float, float]]] = field(init=False)
    """When a job waits before each machine with a limited buffer, s."""
    reserved: dict[int, tuple[int, ...]] = field(init=False)
    """Teams of the steps whose start is fixed."""
    trail: list[Callable[[], object]] | None = field(init=False, default=None)
    """What takes back each change; None: nothing is noted."""

    def __post_init__(self) -> None:
        """Begin with nothing placed but the people for what has a fixed start."""
        count = len(self.network.steps)
        self.start_s = [math.nan] * count
        self.end_s = [math.nan] * count
        self.leave_s = [math.nan] * count
        self.choice = [None] * count
        self.slots = [None] * count
        self.batch = [[] for _ in self.network.machines]
        self.busy = [[] for _ in self.network.resources]
        self.waiting = [[] for _ in self.network.machines]
        self.reserved = {}
        fixed = [
            (step.fixed_s, i)
            for i, step in enumerate(self.network.steps)
            if step.fixed_s is not None and step.choices[0].teams[0]
        ]
        for fixed_s, i in sorted(fixed):
            step = self.network.steps[i]
            slot = self._best_team(step, step.choices[0], step.choices[0].teams, fixed_s)
            self.reserved[i] = slot.team
            self._occupy(slot.team, slot.start_s, slot.end_s)

    def last(self, machine: int) -> int | None:
        """Return the step that was placed last on a machine."""
        return self.batch[machine][-1] if self.batch[machine] else None

    def arrival_s(self, step: int, machine: int) -> float:
        """Return when the predecessors and the release let a step start on a machine, s."""
        network, this = self.network, self.network.steps[step]
        job = network.problem.jobs[this.job]
        time_s = max(network.problem.start_s, job.release_s)
        for before in this.before:
            chosen = self.choice[before]
            if chosen is None:
                raise AssertionError(f"{this.key} is placed before its predecessors")
            here_s = self.end_s[before]
            if this.overlap:
                clock = network.clock(chosen.machine, self.team(before))
                first_s = clock.finish(self.start_s[before], chosen.first_part_s)
                here_s = min(first_s, here_s)
            time_s = max(time_s, here_s + network.transport_s(chosen.machine, machine))
        return time_s

    def team(self, step: int) -> tuple[int, ...]:
        """Return the resources of a step that is placed."""
        slot = self.slots[step]
        return () if slot is None else slot.team

    def free_s(self, machine: int) -> float:
        """Return when a machine has done what was given to it, s."""
        if not self.batch[machine]:
            spec = self.network.machines[machine]
            return max(self.network.problem.start_s, spec.ready_s)
        return max(self.leave_s[i] for i in self.batch[machine])

    def earliest(self, step: int, choice: Choice, not_before_s: float = -math.inf) -> Slot:
        """Return where a step would lie if it came next on the machine of ``choice``."""
        network, this, machine = self.network, self.network.steps[step], choice.machine
        arrival_s = self.arrival_s(step, machine)
        shared = self._joined(step, choice, max(arrival_s, not_before_s))
        if shared is not None:
            return shared
        setup_s = network.setup_time_s(machine, self.last(machine), step)
        setup = Slot(-math.inf, self.free_s(machine))
        if setup_s > 0:
            from_s = setup.end_s
            if network.machines[machine].setup_waits:
                from_s = max(from_s, arrival_s)
            work = Choice(machine, setup_s, setup_s, setup_s)
            setup = self._best_team(None, work, network.setup_teams[machine], from_s)
        time_s = max(setup.end_s, arrival_s, not_before_s)
        if this.fixed_s is not None:
            time_s = max(time_s, this.fixed_s)
        teams = (self.reserved[step],) if step in self.reserved else choice.teams
        slot = self._best_team(this, choice, teams, time_s, held=step in self.reserved)
        end_s = slot.end_s
        for before in this.before if this.overlap else ():
            other = self.choice[before]
            way_s = 0.0 if other is None else network.transport_s(other.machine, machine)
            clock = network.clock(machine, slot.team)
            end_s = max(end_s, clock.finish(self.end_s[before] + way_s, choice.last_part_s))
        if not setup.team:
            return Slot(slot.start_s, end_s, slot.team)
        return Slot(slot.start_s, end_s, slot.team, setup.start_s, setup.end_s, setup.team)

    def _best_team(
        self,
        step: Step | None,
        choice: Choice,
        teams: Sequence[tuple[int, ...]],
        time_s: float,
        *,
        held: bool = False,
    ) -> Slot:
        """Return the earliest work with any of the teams; ``step`` None: a setup, which pauses."""
        best: Slot | None = None
        for team in teams:
            start_s, end_s = self._span(step, choice, team, time_s, held=held)
            if best is None or (end_s, start_s) < (best.end_s, best.start_s):
                best = Slot(start_s, end_s, team)
        if best is None:
            raise AssertionError("a problem without a team for a need was let through")
        return best

    def _span(
        self, step: Step | None, choice: Choice, team: tuple[int, ...], time_s: float, *, held: bool
    ) -> tuple[float, float]:
        clock = self.network.clock(choice.machine, team)
        for one in team:
            time_s = max(time_s, self.network.resources[one].ready_s)
        for _ in range(_MOST_SHIFTS):
            if step is None:
                start_s, end_s = time_s, clock.finish(time_s, choice.duration_s)
            elif step.splittable:
                start_s = clock.ready(time_s)
                end_s = clock.finish(start_s, choice.duration_s)
            else:
                start_s = clock.begin_whole(time_s, choice.duration_s)
                end_s = start_s + choice.duration_s
            until_s = -math.inf if held else self._conflict_s(team, start_s, end_s)
            if until_s <= start_s:
                return start_s, end_s
            time_s = until_s
        raise AssertionError("a resource is never free")

    def _conflict_s(self, team: tuple[int, ...], start_s: float, end_s: float) -> float:
        """Return when the first thing that a team is busy with in a stretch is over, s."""
        until_s = -math.inf
        for one in team:
            busy = self.busy[one]
            at = bisect_right(busy, (start_s, math.inf)) - 1
            if at >= 0 and busy[at][1] > start_s and end_s > start_s:
                until_s = max(until_s, busy[at][1])
            elif at + 1 < len(busy) and busy[at + 1][0] < end_s:
                until_s = max(until_s, busy[at + 1][1])
        return until_s

    def _joined(self, step: int, choice: Choice, from_s: float) -> Slot | None:
        """Return the slot of the machine's last batch if a step can go into it."""
        network, this, machine = self.network, self.network.steps[step], choice.machine
        members = self.batch[machine]
        if not members or len(members) >= network.machines[machine].batch_size:
            return None
        head = network.steps[members[0]]
        slot, chosen = self.slots[members[0]], self.choice[members[0]]
        if slot is None or chosen is None or this.overlap or head.overlap:
            return None
        fits = (
            head.group == this.group
            and head.splittable == this.splittable
            and choice.duration_s <= chosen.duration_s
            and from_s <= slot.start_s
            and this.fixed_s in (None, slot.start_s)
            and slot.team in choice.teams
            and step not in self.reserved
            and all(j not in members for j in this.before)
        )
        return Slot(slot.start_s, slot.end_s, slot.team, joins=True) if fits else None

    def place(self, step: int, choice: Choice, slot: Slot) -> None:
        """Append a step to its machine."""
        machine = choice.machine
        self.start_s[step], self.end_s[step] = slot.start_s, slot.end_s
        self.leave_s[step] = slot.end_s
        self.choice[step], self.slots[step] = choice, slot
        before, place = self.batch[machine], [step]
        if slot.joins:
            place = [*before, step]
        else:
            if step not in self.reserved:
                self._occupy(slot.team, slot.start_s, slot.end_s)
            if slot.setup_start_s is not None:
                self._occupy(slot.setup_team, slot.setup_start_s, slot.setup_end_s)
        self.batch[machine] = place
        if self.trail is not None:
            self.trail.append(lambda: self._take_back(step, machine, before))
        self._let_go(step, machine)

    def _take_back(self, step: int, machine: int, before: list[int]) -> None:
        self.batch[machine] = before
        self.choice[step] = self.slots[step] = None

    def _occupy(self, team: tuple[int, ...], start_s: float, end_s: float) -> None:
        for one in team if end_s > start_s else ():
            insort(self.busy[one], (start_s, end_s))
            if self.trail is not None:
                busy = self.busy[one]
                self.trail.append(lambda busy=busy: busy.remove((start_s, end_s)))  # type: ignore[misc]

    def _let_go(self, step: int, machine: int) -> None:
        """Decide when the job leaves the machines before, if it needs a place to wait."""
        room = self.network.machines[machine].input_buffer
        this = self.network.steps[step]
        if room is None or this.overlap:
            return
        for before in this.before:
            other = self.choice[before]
            if other is None or self.network.steps[before].job != this.job:
                continue
            way_s = self.network.transport_s(other.machine, machine)
            here_s = self._place_free_s(machine, self.end_s[before] + way_s, self.start_s[step])
            # With several steps after it, it has left when the last of them has it.
            self.leave_s[before] = max(self.leave_s[before], here_s - way_s)
            if here_s < self.start_s[step]:
                queue, item = self.waiting[machine], (here_s, self.start_s[step])
                insort(queue, item)
                if self.trail is not None:
                    self.trail.append(lambda queue=queue, item=item: queue.remove(item))  # type: ignore[misc]

    def _place_free_s(self, machine: int, arrival_s: float, start_s: float) -> float:
        """Return the first moment from which there is a place before a machine until a start, s."""
        room = self.network.machines[machine].input_buffer or 0
        if arrival_s >= start_s or not room:
            return start_s
        others = [(a, b) for a, b in self.waiting[machine] if b > arrival_s and a < start_s]
        # Jobs leave the buffer at starts: only after one of them can there be a place again.
        for from_s in sorted({arrival_s, *(b for _, b in others if b < start_s)}):
            moments = [from_s, *(a for a, _ in others if a > from_s)]
            if all(sum(a <= t < b for a, b in others) < room for t in moments):
                return from_s
        return start_s

    def undo(self) -> None:
        """Take back everything since ``trail`` was begun, and stop noting."""
        while self.trail:
            self.trail.pop()()
        self.trail = None

    def schedule(self) -> Schedule:
        """Return what was placed as a schedule."""
        return Schedule.of(
            self.network.problem, [self._placement(i) for i in range(len(self.network.steps))]
        )

    def _placement(self, i: int) -> Placement:
        network, step = self.network, self.network.steps[i]
        chosen, slot = self.choice[i], self.slots[i]
        if chosen is None or slot is None:
            raise AssertionError(f"{step.key} was not placed")
        job, _, operation = step.key.partition("/")
        return Placement(
            job=job,
            operation=operation,
            machine=network.machines[chosen.machine].id,
            start_s=slot.start_s,
            end_s=slot.end_s,
            leave_s=self.leave_s[i] if self.leave_s[i] > slot.end_s else None,
            resources=tuple(network.resources[one].id for one in slot.team),
            setup_start_s=slot.setup_start_s,
            setup_resources=tuple(network.resources[one].id for one in slot.setup_team),
        )
