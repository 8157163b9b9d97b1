"""Where each step can lie, and which orders are still open: all that keeps the model small."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from scenarios.schedule.bounds import heads
from scenarios.schedule.timing import Choice, Network

_SLACK_S = 1e-6
"""Room for rounding when an order is ruled out, s."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two steps that may meet on a machine, and what must lie between them there."""

    first: int
    second: int
    first_choice: Choice
    second_choice: Choice
    forward_s: float
    """Least setup if ``first`` comes first, s."""
    backward_s: float
    """Least setup if ``second`` comes first, s."""
    name: tuple[str, str, str]
    """Index of the order variable: group of machines (or empty) and the two jobs or steps."""
    forward: bool
    """Whether ``first`` may come first."""
    backward: bool
    """Whether ``second`` may come first."""


@dataclass(frozen=True, slots=True)
class Helped:
    """Two steps that may need the same resource, and the orders that their windows allow."""

    first: int
    second: int
    resource: int
    forward: bool
    backward: bool


@dataclass(frozen=True, slots=True)
class Windows:
    """Earliest and latest start and end of every step, s."""

    start_lo: tuple[float, ...]
    start_hi: tuple[float, ...]
    end_lo: tuple[float, ...]
    end_hi: tuple[float, ...]
    horizon_s: float
    """Moment by which everything has ended, s."""


def serial_horizon_s(network: Network) -> float:
    """Return a moment by which some best schedule has ended, s.

    Whatever is waited for (releases, repairs, calendars, frozen starts) is over at some time; after
    it, at every moment some machine works or is set up, or all could be shifted to the left.
    """
    problem = network.problem
    waits = [problem.start_s, *(machine.ready_s for machine in network.machines)]
    waits += [job.release_s for job in problem.jobs]
    waits += [end for clock in network.clocks for _, end in clock.closed]
    waits += [step.fixed_s for step in network.steps if step.fixed_s is not None]
    waits += [one.ready_s for one in network.resources]
    waits += [c.end_s for one in network.resources for c in one.unavailable]
    # It may pay to wait for a price, or for the moment that was planned.
    waits += [price.end_s for price in problem.prices if problem.objective.energy]
    waits += [planned.start_s for planned in problem.plan if problem.objective.stability]
    ways_s = len(network.steps) * max(network.lag_s.values(), default=0.0)
    work_s = sum(max(choice.duration_s for choice in step.choices) for step in network.steps)
    times = [
        t for machine in network.machines for row in machine.setup_s.values() for t in row.values()
    ]
    setups_s = len(network.steps) * max(times, default=0.0)
    return max(waits) + work_s + setups_s + ways_s


def windows(network: Network, upper: float | None, *, room: float = 1.0) -> Windows:
    """Return the windows of every step.

    Parameters
    ----------
    network : Network
        The problem.
    upper : float or None
        Objective of a known schedule: worse ones may be left out. None: none may.
    room : float
        Factor on the length of the horizon, for constraints of a user's own that delay steps.
    """
    problem, early = network.problem, heads(network)
    horizon_s = problem.start_s + room * (serial_horizon_s(network) - problem.start_s)
    if problem.horizon_s is not None:
        horizon_s = min(horizon_s, problem.horizon_s)
    limits = [_latest_completion_s(network, j, horizon_s, upper) for j in range(len(problem.jobs))]
    count = len(network.steps)
    end_hi, start_hi = [math.inf] * count, [math.inf] * count
    for i in reversed(network.topological):
        step = network.steps[i]
        latest = limits[step.job]
        first_s = min(choice.first_part_s for choice in step.choices)
        begin = math.inf
        for j in step.after:
            after = network.steps[j]
            if after.overlap:
                latest = min(latest, end_hi[j] - min(c.last_part_s for c in after.choices))
                begin = min(begin, start_hi[j] - first_s)
            else:
                latest = min(latest, start_hi[j])
        end_hi[i] = latest
        start_hi[i] = min(begin, latest - step.least_s)
        if step.fixed_s is not None:
            start_hi[i] = min(start_hi[i], step.fixed_s)
    return Windows(
        early.start_s, tuple(start_hi), early.end_s, tuple(end_hi), max(limits, default=0.0)
    )


def latest_ends_s(network: Network, limits: Windows, upper: float) -> list[float]:
    """Return the latest end of every step if the objective must not exceed ``upper``, s."""
    jobs = [
        _latest_completion_s(network, j, limits.horizon_s, upper)
        for j in range(len(network.problem.jobs))
    ]
    return [min(limits.end_hi[i], jobs[step.job]) for i, step in enumerate(network.steps)]


def _latest_completion_s(network: Network, j: int, horizon_s: float, upper: float | None) -> float:
    problem = network.problem
    job, weights = problem.jobs[j], problem.objective
    limit_s = horizon_s if job.deadline_s is None else min(horizon_s, job.deadline_s)
    if upper is None:
        return limit_s
    if weights.energy and any(price.per_kwh < 0 for price in problem.prices):
        return limit_s
    room = upper * (1 + 1e-9) + _SLACK_S
    if weights.makespan > 0:
        limit_s = min(limit_s, problem.start_s + room / weights.makespan)
    if weights.flow_time > 0:
        limit_s = min(limit_s, job.release_s + room / weights.flow_time)
    cost = weights.tardiness * job.weight + weights.total_tardiness
    if cost > 0 and job.due_date_s is not None:
        limit_s = min(limit_s, job.due_date_s + room / cost)
    return limit_s


def pairs(network: Network, limits: Windows) -> Iterator[Pair]:
    """Yield every two steps that can meet on a machine and whose order matters there."""
    ancestors = _ancestors(network)
    for m, machine in enumerate(network.machines):
        lags = _Lags(network, m)
        place = {network.index[key]: at for at, key in enumerate(machine.running)}
        here = [
            (i, choice)
            for i, step in enumerate(network.steps)
            for choice in step.choices
            if choice.machine == m
        ]
        for (a, first), (b, second) in combinations(here, 2):
            if machine.batch_size > 1 and network.steps[a].group == network.steps[b].group:
                # They may be one batch; which ones are, exact times decide.
                continue
            forward_s, backward_s = lags.between_s(a, b), lags.between_s(b, a)
            forward = _fits(limits, a, first, forward_s, b) and not ancestors[a] >> b & 1
            backward = _fits(limits, b, second, backward_s, a) and not ancestors[b] >> a & 1
            if a in place or b in place:
                ahead = place.get(a, len(here)) < place.get(b, len(here))
                forward, backward = forward and ahead, backward and not ahead
            name = _name(network, m, a, b)
            yield Pair(a, b, first, second, forward_s, backward_s, name, forward, backward)


def helped(network: Network, limits: Windows) -> Iterator[Helped]:
    """Yield every two steps that may need one resource at the same time."""
    ancestors = _ancestors(network) if network.resources else []
    for one in range(len(network.resources)):
        here = [
            i
            for i, step in enumerate(network.steps)
            if any(one in team for choice in step.choices for team in choice.teams)
        ]
        for a, b in combinations(here, 2):
            left, right = network.steps[a], network.steps[b]
            machines = {choice.machine for step in (left, right) for choice in step.choices}
            apart = len(machines) == 1 and network.machines[min(machines)].batch_size == 1
            meet = {c.machine for c in left.choices} & {c.machine for c in right.choices}
            shared = left.group == right.group and any(
                network.machines[m].batch_size > 1 for m in meet
            )
            before = bool(ancestors[a] >> b & 1 or ancestors[b] >> a & 1)
            if apart or shared or (before and not (left.overlap or right.overlap)):
                continue
            forward = limits.start_lo[a] + left.least_s <= limits.start_hi[b] + _SLACK_S
            backward = limits.start_lo[b] + right.least_s <= limits.start_hi[a] + _SLACK_S
            yield Helped(a, b, one, forward, backward)


def _fits(limits: Windows, a: int, choice: Choice, lag_s: float, b: int) -> bool:
    return limits.start_lo[a] + choice.duration_s + lag_s <= limits.start_hi[b] + _SLACK_S


def _name(network: Network, machine: int, a: int, b: int) -> tuple[str, str, str]:
    """Return the index of the order variable of two steps; one for all machines of a group."""
    left, right = network.steps[a], network.steps[b]
    group = network.group_of.get(machine)
    if group is None or left.job == right.job:
        return ("", left.key, right.key)
    jobs = network.problem.jobs
    # Steps are numbered job by job, so the first one's job comes first here too.
    return (f"group{group}", jobs[left.job].id, jobs[right.job].id)


def _ancestors(network: Network) -> list[int]:
    """Return, as bits of a number, the steps that come before each step."""
    found = [0] * len(network.steps)
    for i in network.topological:
        for j in network.steps[i].before:
            found[i] |= found[j] | 1 << j
    return found


class _Lags:
    """Least setup between two steps of one machine, others in between allowed.

    A short cut over a third group makes the direct setup avoidable, so only the shortest way may be
    demanded of two steps that need not follow each other.
    """

    def __init__(self, network: Network, machine: int) -> None:
        self.network = network
        shortest: dict[str, float] = {}
        for step in network.steps:
            for choice in step.choices:
                if choice.machine == machine:
                    known_s = shortest.get(step.group, math.inf)
                    shortest[step.group] = min(known_s, choice.duration_s)
        matrix = network.machines[machine].setup_s
        names = list(shortest)
        self.lag_s = {
            (g, h): matrix.get(g, {}).get(h, 0.0) if g and h else 0.0 for g in names for h in names
        }
        if not matrix:
            return
        for k in names:
            for g in names:
                for h in names:
                    way_s = self.lag_s[g, k] + shortest[k] + self.lag_s[k, h]
                    self.lag_s[g, h] = min(self.lag_s[g, h], way_s)

    def between_s(self, a: int, b: int) -> float:
        return self.lag_s[self.network.steps[a].group, self.network.steps[b].group]
