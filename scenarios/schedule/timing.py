"""From decisions (who, in which order) to times: as early as the meaning of the problem allows."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from scenarios.schedule.checks import edges
from scenarios.schedule.problem import Machine, SchedulingProblem
from scenarios.schedule.schedule import Placement, Schedule


class WorkClock:
    """The working time of one machine: when it can work, and when work begun will be done.

    Parameters
    ----------
    closed : sequence of (float, float)
        Times without work, s; may touch or overlap, in any order.
    """

    __slots__ = ("begins", "closed")

    def __init__(self, closed: Sequence[tuple[float, float]] = ()) -> None:
        merged: list[tuple[float, float]] = []
        for begin, end in sorted(closed):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((begin, end))
        self.closed = merged
        self.begins = [begin for begin, _ in merged]

    def ready(self, time_s: float) -> float:
        """Return the first moment from ``time_s`` on at which work can go on, s."""
        at = bisect_right(self.begins, time_s) - 1
        return max(time_s, self.closed[at][1]) if at >= 0 else time_s

    def finish(self, time_s: float, work_s: float) -> float:
        """Return when ``work_s`` of work is done that begins, or waits, at ``time_s``."""
        if work_s <= 0:
            return time_s
        now_s = self.ready(time_s)
        for begin, end in self.closed[bisect_right(self.begins, now_s) :]:
            if now_s + work_s <= begin:
                break
            work_s -= begin - now_s
            now_s = end
        return now_s + work_s

    def begin_whole(self, time_s: float, work_s: float) -> float:
        """Return the first moment from ``time_s`` on at which the work fits without a pause, s."""
        now_s = self.ready(time_s)
        for begin, end in self.closed[bisect_right(self.begins, now_s) :]:
            if now_s + work_s <= begin:
                break
            now_s = end
        return now_s


@dataclass(frozen=True, slots=True)
class Choice:
    """A mode with its defaults worked out; the machine as an index."""

    machine: int
    duration_s: float
    first_part_s: float
    last_part_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """An operation with its neighbours as indices."""

    key: str
    job: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    choices: tuple[Choice, ...]
    overlap: bool
    splittable: bool
    group: str
    fixed_s: float | None

    @property
    def least_s(self) -> float:
        """Shortest duration over the choices, s."""
        return min(choice.duration_s for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Network:
    """The problem as arrays: what every engine starts from. Make one with :meth:`of`."""

    problem: SchedulingProblem
    steps: tuple[Step, ...]
    machines: tuple[Machine, ...]
    clocks: tuple[WorkClock, ...]
    index: Mapping[str, int]
    """Number of each ``job/operation``."""
    machine_index: Mapping[str, int]
    group_of: Mapping[int, int]
    """Machines that must see jobs in one order, with the number of their group."""
    topological: tuple[int, ...]
    """Steps so that each comes after those before it."""

    @staticmethod
    def of(problem: SchedulingProblem) -> Network:
        """Return the network of a problem."""
        machine_index = {machine.id: i for i, machine in enumerate(problem.machines)}
        operations = [(j, job, o) for j, job in enumerate(problem.jobs) for o in job.operations]
        index = {f"{job.id}/{o.id}": i for i, (_, job, o) in enumerate(operations)}
        running = {key: machine.id for machine in problem.machines for key in machine.running}
        before: list[list[int]] = [[] for _ in operations]
        after: list[list[int]] = [[] for _ in operations]
        for left, right in edges(problem.jobs):
            before[index[right]].append(index[left])
            after[index[left]].append(index[right])
        steps = tuple(
            Step(
                key=f"{job.id}/{operation.id}",
                job=j,
                before=tuple(before[i]),
                after=tuple(after[i]),
                choices=tuple(
                    Choice(
                        machine_index[mode.machine],
                        mode.duration_s,
                        _either(mode.first_part_s, mode.duration_s),
                        _either(mode.last_part_s, mode.duration_s),
                    )
                    for mode in operation.modes
                    # What is under way stays where it is.
                    if running.get(f"{job.id}/{operation.id}", mode.machine) == mode.machine
                ),
                overlap=operation.overlap and bool(before[i]),
                splittable=operation.splittable or operation.overlap,
                group=operation.setup_group,
                fixed_s=operation.fixed_start_s,
            )
            for i, (j, job, operation) in enumerate(operations)
        )
        groups = enumerate(problem.same_order)
        return Network(
            problem=problem,
            steps=steps,
            machines=problem.machines,
            clocks=tuple(
                WorkClock([(c.start_s, c.end_s) for c in machine.unavailable])
                for machine in problem.machines
            ),
            index=index,
            machine_index=machine_index,
            group_of={machine_index[name]: g for g, names in groups for name in names},
            topological=tuple(sort_topologically(before, after) or ()),
        )

    def setup_time_s(self, machine: int, previous: int | None, step: int) -> float:
        """Return the setup between two steps that follow each other on a machine, s.

        ``previous`` None: ``step`` is the first one there.
        """
        spec = self.machines[machine]
        group = spec.setup_group if previous is None else self.steps[previous].group
        if not group or not self.steps[step].group:
            return 0.0
        return spec.setup_s.get(group, {}).get(self.steps[step].group, 0.0)


def _either(value: float | None, default: float) -> float:
    return default if value is None else min(value, default)


def sort_topologically(
    before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]
) -> list[int] | None:
    """Return the nodes so that each comes after those before it; None if that cannot be."""
    waiting = [len(nodes) for nodes in before]
    free = [node for node, count in enumerate(waiting) if not count]
    order = []
    for node in free:  # grows while it is read
        order.append(node)
        for target in after[node]:
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
    return order if len(order) == len(before) else None


@dataclass(slots=True)
class Timeline:
    """A schedule that grows by appending to machines. One network, one timeline, one schedule."""

    network: Network
    start_s: list[float] = field(init=False)
    end_s: list[float] = field(init=False)
    choice: list[Choice | None] = field(init=False)
    last: list[int | None] = field(init=False)
    """Last step on each machine."""

    def __post_init__(self) -> None:
        """Begin with nothing placed."""
        count = len(self.network.steps)
        self.start_s = [math.nan] * count
        self.end_s = [math.nan] * count
        self.choice = [None] * count
        self.last = [None] * len(self.network.machines)

    def arrival_s(self, step: int) -> float:
        """Return when the predecessors and the release let a step start, s."""
        network, this = self.network, self.network.steps[step]
        job = network.problem.jobs[this.job]
        time_s = max(network.problem.start_s, job.release_s)
        for before in this.before:
            chosen = self.choice[before]
            if chosen is None:
                raise AssertionError(f"{this.key} is placed before its predecessors")
            if this.overlap:
                clock = network.clocks[chosen.machine]
                first_s = clock.finish(self.start_s[before], chosen.first_part_s)
                time_s = max(time_s, min(first_s, self.end_s[before]))
            else:
                time_s = max(time_s, self.end_s[before])
        return time_s

    def free_s(self, machine: int) -> float:
        """Return when a machine has done what was given to it, s."""
        last = self.last[machine]
        if last is None:
            spec = self.network.machines[machine]
            return max(self.network.problem.start_s, spec.ready_s)
        return self.end_s[last]

    def earliest(
        self, step: int, choice: Choice, arrival_s: float, not_before_s: float = -math.inf
    ) -> tuple[float, float]:
        """Return start and end of a step if it came next on the machine of ``choice``, s."""
        network, this = self.network, self.network.steps[step]
        clock, spec = network.clocks[choice.machine], network.machines[choice.machine]
        begin_s = self.free_s(choice.machine)
        setup_s = network.setup_time_s(choice.machine, self.last[choice.machine], step)
        if setup_s > 0:
            begin_s = clock.finish(
                max(begin_s, arrival_s) if spec.setup_waits else begin_s, setup_s
            )
        time_s = max(begin_s, arrival_s, not_before_s)
        if this.fixed_s is not None:
            time_s = max(time_s, this.fixed_s)
        if not this.splittable:
            start_s = clock.begin_whole(time_s, choice.duration_s)
            return start_s, start_s + choice.duration_s
        start_s = clock.ready(time_s)
        end_s = clock.finish(start_s, choice.duration_s)
        if this.overlap:
            for before in this.before:
                end_s = max(end_s, clock.finish(self.end_s[before], choice.last_part_s))
        return start_s, end_s

    def place(self, step: int, choice: Choice, times_s: tuple[float, float]) -> None:
        """Append a step to its machine."""
        self.start_s[step], self.end_s[step] = times_s
        self.choice[step] = choice
        self.last[choice.machine] = step

    def schedule(self) -> Schedule:
        """Return what was placed as a schedule."""
        problem, machines = self.network.problem, self.network.machines
        placements = []
        for i, step in enumerate(self.network.steps):
            chosen = self.choice[i]
            if chosen is None:
                raise AssertionError(f"{step.key} was not placed")
            job, _, operation = step.key.partition("/")
            placements.append(
                Placement(
                    job=job,
                    operation=operation,
                    machine=machines[chosen.machine].id,
                    start_s=self.start_s[i],
                    end_s=self.end_s[i],
                )
            )
        return Schedule.of(problem, placements)


def timed(
    network: Network,
    sequences: Sequence[Sequence[int]],
    choices: Mapping[int, Choice],
    not_before_s: Mapping[int, float] | None = None,
) -> Schedule | None:
    """Return the earliest schedule with given sequences; None if the precedences forbid them.

    Parameters
    ----------
    network : Network
        The problem.
    sequences : sequence of sequence of int
        Steps in order, for each machine.
    choices : mapping of int to Choice
        Choice of each step.
    not_before_s : mapping of int to float, optional
        Starts that must not be undercut, s.
    """
    before = [list(step.before) for step in network.steps]
    after = [list(step.after) for step in network.steps]
    for sequence in sequences:
        for left, right in pairwise(sequence):
            before[right].append(left)
            after[left].append(right)
    order = sort_topologically(before, after)
    if order is None:
        return None
    timeline, floor_s = Timeline(network), not_before_s or {}
    for step in order:
        arrival_s = timeline.arrival_s(step)
        limit_s = floor_s.get(step, -math.inf)
        times_s = timeline.earliest(step, choices[step], arrival_s, limit_s)
        timeline.place(step, choices[step], times_s)
    return timeline.schedule()


def decisions(network: Network, schedule: Schedule) -> tuple[list[list[int]], dict[int, Choice]]:
    """Return the sequence of each machine and the choice of each step in a schedule."""
    sequences: list[list[int]] = [[] for _ in network.machines]
    choices: dict[int, Choice] = {}
    position = {step: at for at, step in enumerate(network.topological)}
    rows = sorted(
        (placed.start_s, placed.end_s, position[network.index[placed.key]], placed)
        for placed in schedule.placements
    )
    for _, _, at, placed in rows:
        step, machine = network.topological[at], network.machine_index[placed.machine]
        sequences[machine].append(step)
        options = network.steps[step].choices
        choices[step] = next(choice for choice in options if choice.machine == machine)
    return sequences, choices
