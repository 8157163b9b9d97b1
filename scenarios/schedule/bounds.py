"""Lower bounds that need no solver: what no schedule can beat, and why."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.schedule.network import Choice, Network, Step
from scenarios.schedule.parts import TERMS, Machine, Resource

_LATE_S = 1e-6
"""Lateness up to which a hard date counts as met, s."""
_ROUNDING = 1e-4
"""Excess over a whole number that counts as an error of rounding."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A value that no schedule can fall below."""

    value: float
    """In the objective's unit."""
    source: str
    """What it follows from."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Earliest start and end of every step if it had the machines to itself, s."""

    start_s: tuple[float, ...]
    end_s: tuple[float, ...]


def heads(network: Network) -> Heads:
    """Return the earliest times of every step without rivals; calendars are respected."""
    start = [0.0] * len(network.steps)
    end = [0.0] * len(network.steps)
    problem = network.problem
    for i in network.topological:
        step = network.steps[i]
        first_s = max(
            problem.start_s,
            problem.jobs[step.job].release_s,
            -math.inf if step.fixed_s is None else step.fixed_s,
        )
        spans = [
            _alone(network, step, choice, team, (first_s, start, end))
            for choice in step.choices
            for team in choice.teams
        ]
        start[i] = min(begin for begin, _ in spans)
        end[i] = min(last for _, last in spans)
    return Heads(tuple(start), tuple(end))


def _alone(
    network: Network,
    step: Step,
    choice: Choice,
    team: tuple[int, ...],
    known: tuple[float, list[float], list[float]],
) -> tuple[float, float]:
    """Return start and end of a step if it had a machine and a team to itself, s."""
    first_s, start, end = known
    clock, time_s = network.clock(choice.machine, team), first_s
    ends = []
    for j in step.before:
        other = network.steps[j]
        way_s = min(network.transport_s(c.machine, choice.machine) for c in other.choices)
        here_s = end[j]
        if step.overlap:
            here_s = min(here_s, start[j] + min(c.first_part_s for c in other.choices))
            ends.append(clock.finish(end[j] + way_s, choice.last_part_s))
        time_s = max(time_s, here_s + way_s)
    time_s = max(time_s, network.machines[choice.machine].ready_s)
    time_s = max([time_s, *(network.resources[one].ready_s for one in team)])
    if step.splittable:
        begin_s = clock.ready(time_s)
        return begin_s, max([clock.finish(begin_s, choice.duration_s), *ends])
    begin_s = clock.begin_whole(time_s, choice.duration_s)
    return begin_s, begin_s + choice.duration_s


def tails(network: Network, *, of_job: bool = False) -> tuple[float, ...]:
    """Return the shortest time from the end of every step to the end of its last successor, s.

    ``of_job``: only successors of the same job count.
    """
    tail = [0.0] * len(network.steps)
    for i in reversed(network.topological):
        for j in network.steps[i].after:
            step = network.steps[j]
            last = min(c.last_part_s if step.overlap else c.duration_s for c in step.choices)
            if not of_job or step.job == network.steps[i].job:
                tail[i] = max(tail[i], tail[j] + last)
    return tuple(tail)


def lower_bound(network: Network) -> Bound:
    """Return the best bound on the objective that follows without a search, and its source."""
    problem, early, weights = network.problem, heads(network), network.problem.objective
    completion = [max(job.release_s, problem.start_s) for job in problem.jobs]
    for i, step in enumerate(network.steps):
        completion[step.job] = max(completion[step.job], early.end_s[i])
    value = sum(
        (weights.tardiness * job.weight + weights.total_tardiness)
        * max(0.0, completion[j] - job.due_date_s)
        for j, job in enumerate(problem.jobs)
        if job.due_date_s is not None
    )
    value += weights.flow_time * sum(
        completion[j] - job.release_s for j, job in enumerate(problem.jobs)
    )
    value += weights.setup_time * sum(
        least_setup_s(network, m) for m in range(len(network.machines))
    )
    if weights.energy and any(price.per_kwh < 0 for price in problem.prices):
        # Who is paid for using energy may hold a machine longer than the work takes.
        return Bound(-math.inf, "nothing: energy has a price below zero")
    value += weights.stability * sum(
        max(0.0, early.start_s[i] - step.planned_s)
        for i, step in enumerate(network.steps)
        if step.planned_s is not None
    )
    source = "each job without rivals"
    if weights.makespan:
        found = _makespan(network, early, completion)
        value, source = value + weights.makespan * found.value, found.source
    return Bound(value, source)


def is_integral(network: Network) -> bool:
    """Say whether every schedule that is shifted to the left has an integer objective."""
    problem, weights = network.problem, network.problem.objective
    if weights.energy or weights.stability:
        return False
    numbers = [problem.start_s, *(getattr(weights, name) for name in TERMS)]
    for job in problem.jobs:
        numbers += [job.release_s, job.weight, job.due_date_s or 0.0]
    there: list[Machine | Resource] = [*problem.machines, *problem.resources]
    for one in there:
        numbers += [one.ready_s]
        numbers += [t for closed in one.unavailable for t in (closed.start_s, closed.end_s)]
    for machine in problem.machines:
        numbers += [t for row in machine.setup_s.values() for t in row.values()]
    numbers += network.lag_s.values()
    for step in network.steps:
        numbers += [step.fixed_s or 0.0, step.max_wait_s or 0.0]
        numbers += [t for c in step.choices for t in (c.duration_s, c.first_part_s, c.last_part_s)]
    return all(float(number).is_integer() for number in numbers)


def rounded(bound: Bound) -> Bound:
    """Return a bound as the next whole number, for problems of whole numbers."""
    if not math.isfinite(bound.value):
        return bound
    return Bound(float(math.ceil(bound.value - _ROUNDING)), bound.source)


def _makespan(network: Network, early: Heads, completion: list[float]) -> Bound:
    problem = network.problem
    path_s = max(completion, default=problem.start_s) if network.steps else problem.start_s
    best = Bound(path_s - problem.start_s, "longest job without rivals")
    machine_s = max(_one_machine(network, early, tails(network)))
    if machine_s - problem.start_s > best.value:
        source = "one machine, its work taken apart at will (Jackson)"
        best = Bound(machine_s - problem.start_s, source)
    together_s = _capacity_s(network, early)
    if together_s > best.value:
        best = Bound(together_s, "all machines share all work at will (capacity)")
    return best


def _capacity_s(network: Network, early: Heads) -> float:
    """Return the makespan if any machine could do any work that some machine can, s."""
    if not network.steps or any(machine.batch_size > 1 for machine in network.machines):
        return 0.0
    used = {choice.machine for step in network.steps for choice in step.choices}
    work_s = math.fsum(step.least_s for step in network.steps)
    tail_s = tails(network)
    # Before its first step that could come, and after the last, a machine has nothing to do.
    idle_s = sorted(
        min(early.start_s[i] for i in here) - network.problem.start_s + min(tail_s[i] for i in here)
        for m in used
        for here in [
            [i for i, s in enumerate(network.steps) if any(c.machine == m for c in s.choices)]
        ]
    )
    best_s = math.inf
    for count in range(1, len(idle_s) + 1):
        best_s = min(best_s, (work_s + math.fsum(idle_s[:count])) / count)
    return best_s


def least_setup_s(network: Network, machine: int) -> float:
    """Return setup that a machine cannot avoid: each group that must come there has to be entered.

    A step without a group leaves no setup behind, so where one could come there is nothing to tell.
    """
    spec = network.machines[machine]
    here = [s for s in network.steps if any(c.machine == machine for c in s.choices)]
    groups = {step.group for step in here}
    if not spec.setup_s or "" in groups:
        return 0.0
    must = {step.group for step in here if len(step.choices) == 1} - {spec.setup_group or ""}
    sources = groups | ({spec.setup_group} if spec.setup_group else set())
    least = [
        min((spec.setup_s.get(g, {}).get(h, 0.0) for g in sources if g != h), default=0.0)
        for h in sorted(must)
    ]
    # Without a group in place the first one is entered for nothing.
    return math.fsum(least) - (0.0 if spec.setup_group else max(least, default=0.0))


def overloads(network: Network) -> dict[str, float]:
    """Return machines whose work does not fit before hard dates, and what is late there, s."""
    problem, early = network.problem, heads(network)
    horizon_s = math.inf if problem.horizon_s is None else problem.horizon_s
    limits_s = [
        min(math.inf if job.deadline_s is None else job.deadline_s, horizon_s)
        for job in problem.jobs
    ]
    if min(limits_s, default=math.inf) == math.inf:
        return {}
    left_s = tails(network, of_job=True)
    over_s = _one_machine(
        network, early, [left_s[i] - limits_s[step.job] for i, step in enumerate(network.steps)]
    )
    return {m.id: s for m, s in zip(problem.machines, over_s, strict=True) if s > _LATE_S}


def _one_machine(network: Network, early: Heads, tail_s: Sequence[float]) -> list[float]:
    """Return for each machine the least end of all steps that only it can do, with tails, s.

    Jackson's preemptive schedule: at any moment the machine works on the step with the longest tail
    of those that could have come. It is optimal if work may be taken apart, so it bounds the rest.
    """
    items: list[list[tuple[float, float, float]]] = [[] for _ in network.machines]
    for i, step in enumerate(network.steps):
        m = step.choices[0].machine
        if len(step.choices) == 1 and network.machines[m].batch_size == 1:
            items[m].append((early.start_s[i], tail_s[i], step.choices[0].duration_s))
    return [_last_end_s(sorted(some)) for some in items]


def _last_end_s(items: Sequence[tuple[float, float, float]]) -> float:
    """Return the end of Jackson's schedule of heads, tails and work; no items: minus infinity."""
    ready: list[tuple[float, float]] = []
    now_s = best_s = -math.inf
    at = 0
    while ready or at < len(items):
        if not ready:
            now_s = max(now_s, items[at][0])
        while at < len(items) and items[at][0] <= now_s:
            heapq.heappush(ready, (-items[at][1], items[at][2]))
            at += 1
        tail, left_s = heapq.heappop(ready)
        until_s = items[at][0] if at < len(items) else math.inf
        if now_s + left_s <= until_s:
            now_s += left_s
            best_s = max(best_s, now_s - tail)
        else:
            heapq.heappush(ready, (tail, left_s - (until_s - now_s)))
            now_s = until_s
    return best_s


def surely_late(network: Network) -> bool:
    """Say whether some job misses a hard date for sure, alone or beside others on a machine."""
    problem, early = network.problem, heads(network)
    for i, step in enumerate(network.steps):
        for limit_s in (problem.jobs[step.job].deadline_s, problem.horizon_s):
            if limit_s is not None and early.end_s[i] > limit_s + _LATE_S:
                return True
    return bool(overloads(network))
