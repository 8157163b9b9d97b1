"""Lower bounds that need no solver: what no schedule can beat, and why."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from scenarios.schedule.timing import Network


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
        arrival_s = max(
            problem.start_s, problem.jobs[step.job].release_s, step.fixed_s or -math.inf
        )
        for j in step.before:
            if step.overlap:
                other = network.steps[j]
                first_s = min(start[j] + choice.first_part_s for choice in other.choices)
                arrival_s = max(arrival_s, min(first_s, end[j]))
            else:
                arrival_s = max(arrival_s, end[j])
        starts, ends = [], []
        for choice in step.choices:
            clock = network.clocks[choice.machine]
            time_s = max(arrival_s, network.machines[choice.machine].ready_s)
            if step.splittable:
                begin_s = clock.ready(time_s)
                last_s = clock.finish(begin_s, choice.duration_s)
            else:
                begin_s = clock.begin_whole(time_s, choice.duration_s)
                last_s = begin_s + choice.duration_s
            if step.overlap:
                waits = [clock.finish(end[j], choice.last_part_s) for j in step.before]
                last_s = max(last_s, *waits)
            starts.append(begin_s)
            ends.append(last_s)
        start[i], end[i] = min(starts), min(ends)
    return Heads(tuple(start), tuple(end))


def tails(network: Network) -> tuple[float, ...]:
    """Return the shortest time from the end of every step to the end of its last successor, s."""
    tail = [0.0] * len(network.steps)
    for i in reversed(network.topological):
        for j in network.steps[i].after:
            step = network.steps[j]
            last = min(c.last_part_s if step.overlap else c.duration_s for c in step.choices)
            tail[i] = max(tail[i], tail[j] + last)
    return tuple(tail)


def lower_bound(network: Network) -> Bound:
    """Return the best bound on the objective that follows without a search."""
    problem, early = network.problem, heads(network)
    completion = [job.release_s for job in problem.jobs]
    for i, step in enumerate(network.steps):
        completion[step.job] = max(completion[step.job], early.end_s[i])
    late = sum(
        job.weight * max(0.0, completion[j] - job.due_date_s)
        for j, job in enumerate(problem.jobs)
        if job.due_date_s is not None
    )
    path_s = max(completion, default=problem.start_s) if network.steps else problem.start_s
    machine_s = max(_one_machine(network, early, m) for m in range(len(network.machines)))
    makespan_s = max(path_s, machine_s) - problem.start_s
    weights = problem.objective
    value = weights.makespan * makespan_s + weights.tardiness * late
    if weights.makespan and machine_s > path_s:
        source = "one machine, its work taken apart at will (Jackson)"
    else:
        source = "longest job without rivals" if weights.makespan else "each job without rivals"
    return Bound(value, source)


def _one_machine(network: Network, early: Heads, machine: int) -> float:
    """Return the least end of all steps that only this machine can do, with their tails, s.

    Jackson's preemptive schedule: at any moment the machine works on the step with the longest tail
    of those that could have come. It is optimal if work may be taken apart, so it bounds the rest.
    """
    tail_s = tails(network)
    items = sorted(
        (early.start_s[i], tail_s[i], step.choices[0].duration_s)
        for i, step in enumerate(network.steps)
        if len(step.choices) == 1 and step.choices[0].machine == machine
    )
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
