"""The problem as numbers: what every engine starts from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scenarios.schedule.checks import edges, teams
from scenarios.schedule.parts import Machine, Mode, Operation, Planned, Resource
from scenarios.schedule.problem import SchedulingProblem


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
    """A mode with its defaults worked out; machine and resources as indices."""

    machine: int
    duration_s: float
    first_part_s: float
    last_part_s: float
    teams: tuple[tuple[int, ...], ...] = ((),)
    """Ways to meet its needs: a resource for each."""
    power_kw: float = 0.0


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
    max_wait_s: float | None = None
    planned_s: float | None = None
    """Start in the running plan, s."""
    planned_machine: int | None = None

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
    resources: tuple[Resource, ...] = ()
    setup_teams: tuple[tuple[tuple[int, ...], ...], ...] = ()
    """Ways to meet the needs of a setup, for each machine."""
    lag_s: Mapping[tuple[int, int], float] = field(default_factory=dict)
    """Transport between two machines, s; a pair that is missing takes no time."""
    joint: dict[tuple[int, tuple[int, ...]], WorkClock] = field(default_factory=dict)
    """Working time of machines together with resources, as far as it was asked for."""

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
        planned = {item.operation: item for item in problem.plan}
        crew = _crew(problem)
        steps = tuple(
            _step(
                (problem, j, operation),
                (tuple(before[i]), tuple(after[i])),
                running.get(f"{job.id}/{operation.id}"),
                planned.get(f"{job.id}/{operation.id}"),
                (machine_index, crew),
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
            resources=problem.resources,
            setup_teams=tuple(
                _teams(machine.setup_needs, problem, crew) for machine in problem.machines
            ),
            lag_s={
                (machine_index[source], machine_index[target]): time_s
                for source, row in problem.transport_s.items()
                for target, time_s in row.items()
                if time_s > 0
            },
        )

    def clock(self, machine: int, team: tuple[int, ...] = ()) -> WorkClock:
        """Return when a machine and resources can work together."""
        if not team:
            return self.clocks[machine]
        found = self.joint.get((machine, team))
        if found is None:
            closed = list(self.clocks[machine].closed)
            for one in team:
                closed += [(c.start_s, c.end_s) for c in self.resources[one].unavailable]
            found = self.joint[machine, team] = WorkClock(closed)
        return found

    def transport_s(self, source: int, target: int) -> float:
        """Return how long a job is on its way between two machines, s."""
        return self.lag_s.get((source, target), 0.0)

    def setup_time_s(self, machine: int, previous: int | None, step: int) -> float:
        """Return the setup between two steps that follow each other on a machine, s.

        ``previous`` None: ``step`` is the first one there.
        """
        spec = self.machines[machine]
        group = spec.setup_group if previous is None else self.steps[previous].group
        if not group or not self.steps[step].group:
            return 0.0
        return spec.setup_s.get(group, {}).get(self.steps[step].group, 0.0)


def is_frozen(problem: SchedulingProblem, release_s: float, planned_s: float) -> bool:
    """Say whether an operation of the running plan lies in the frozen zone.

    What was planned for a moment that has gone, and has not begun, is late: it is free to start.
    """
    until_s = problem.freeze_until_s
    return until_s is not None and max(problem.start_s, release_s) <= planned_s < until_s


def _step(
    what: tuple[SchedulingProblem, int, Operation],
    around: tuple[tuple[int, ...], tuple[int, ...]],
    place: str | None,
    plan: Planned | None,
    numbers: tuple[Mapping[str, int], Mapping[str, int]],
) -> Step:
    """Return one operation as a step: ``place`` is where it is under way."""
    (problem, j, operation), (before, after), (machines, crew) = what, around, numbers
    job, fixed_s = problem.jobs[j], operation.fixed_start_s
    if plan is not None and is_frozen(problem, job.release_s, plan.start_s):
        fixed_s, place = plan.start_s, place or plan.machine
    return Step(
        key=f"{job.id}/{operation.id}",
        job=j,
        before=before,
        after=after,
        # What is under way, or frozen, stays where it is.
        choices=tuple(
            _choice(mode, machines[mode.machine], problem, crew)
            for mode in operation.modes
            if mode.machine == (place or mode.machine)
        ),
        overlap=operation.overlap and bool(before),
        splittable=operation.splittable or operation.overlap,
        group=operation.setup_group,
        fixed_s=fixed_s,
        max_wait_s=operation.max_wait_s,
        planned_s=None if plan is None else plan.start_s,
        planned_machine=None if plan is None else machines[plan.machine],
    )


def _choice(
    mode: Mode, machine: int, problem: SchedulingProblem, crew: Mapping[str, int]
) -> Choice:
    return Choice(
        machine=machine,
        duration_s=mode.duration_s,
        first_part_s=_either(mode.first_part_s, mode.duration_s),
        last_part_s=_either(mode.last_part_s, mode.duration_s),
        teams=_teams(mode.needs, problem, crew),
        power_kw=mode.power_kw,
    )


def _crew(problem: SchedulingProblem) -> dict[str, int]:
    """Return the numbers of the resources, those first that can be asked for the fewest things.

    Of teams that are free at one time the first helps, and who can do more is left for that.
    """
    wanted = {need for machine in problem.machines for need in machine.setup_needs}
    for job in problem.jobs:
        for operation in job.operations:
            wanted.update(need for mode in operation.modes for need in mode.needs)
    asked = [sum(map(resource.offers, wanted)) for resource in problem.resources]
    order = sorted(range(len(asked)), key=asked.__getitem__)
    return {problem.resources[i].id: i for i in order}


def _teams(
    needs: Sequence[str], problem: SchedulingProblem, crew: Mapping[str, int]
) -> tuple[tuple[int, ...], ...]:
    found = teams(needs, [problem.resources[i] for i in crew.values()])
    return tuple(tuple(crew[resource.id] for resource in team) for team in found)


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
