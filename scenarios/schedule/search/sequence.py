"""One machine and one step a job: annealing over the sequence, each move judged at once.

A move takes a block elsewhere or swaps two jobs. How bad it may be at most is drawn first, so that
most moves are given up after a few places: what comes behind a delay never costs less than before.

References
----------
Congram, Potts and Van de Velde (2002), An iterated dynasearch algorithm for the single-machine
total weighted tardiness scheduling problem.
Cicirello and Smith (2005), Enhancing stochastic search performance by value-biased randomization.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers, below, share
from twin.engine.jit import compiled, inlined

Amounts = NDArray[np.float64]
BLOCK = 256
"""Moves between two changes of the temperature."""
_LONGEST = 5
"""Jobs that may move together."""


class Jobs(NamedTuple):
    """The jobs in ticks; one entry per job unless said otherwise."""

    work: Numbers
    release: Numbers
    due: Numbers
    late: Amounts
    """Cost of a tick of tardiness."""
    flow: Amounts
    """Cost of a tick until the end."""
    setup: Numbers
    """Setup before each job behind each other one, row 0 behind none; shape (jobs + 1, jobs)."""
    costs: Amounts
    """Cost of a tick of makespan, and of setup."""
    rules: Numbers
    """Moment from which the machine can work; 1 if it is set up only when the part has come."""


class Sequence(NamedTuple):
    """One solution; one entry per place."""

    order: Numbers
    trial: Numbers
    """The stretch that a move would change."""
    end: Numbers
    cost: Amounts
    """Cost up to and with each place, without the makespan's."""


@inlined
def ended(d: Jobs, before: int, i: int, time: int) -> int:
    """Return when a job ends behind another one (-1: none) that ended at a moment."""
    setup = d.setup[before + 1, i]
    if d.rules[1]:
        return max(time, d.release[i]) + setup + d.work[i]
    return max(time + setup, d.release[i]) + d.work[i]


@inlined
def price(d: Jobs, before: int, i: int, end: int) -> float:
    """Return what a job costs that ends at a moment."""
    cost = d.flow[i] * end + d.costs[1] * d.setup[before + 1, i]
    if end > d.due[i]:
        cost += d.late[i] * (end - d.due[i])
    return cost


@compiled
def settle(d: Jobs, s: Sequence, first: int) -> float:
    """Work out ends and costs from a place on; return the value."""
    count = len(s.order)
    before = s.order[first - 1] if first > 0 else -1
    time = s.end[first - 1] if first > 0 else d.rules[0]
    cost = s.cost[first - 1] if first > 0 else 0.0
    for z in range(first, count):
        i = s.order[z]
        time = ended(d, before, i, time)
        cost += price(d, before, i, time)
        s.end[z], s.cost[z] = time, cost
        before = i
    return cost + d.costs[0] * time


@inlined
def propose(s: Sequence, chance: NDArray[np.uint64], span: Numbers) -> bool:
    """Write a move into ``trial``, from ``span[0]`` up to ``span[1]``; False if there is none."""
    order, trial = s.order, s.trial
    count = len(order)
    kind = below(chance, 8)
    size = 1 if kind < 6 else 2 + below(chance, _LONGEST - 1)
    if size >= count:
        return False
    i = below(chance, count - size + 1)
    u = share(chance)
    far = 1 + int((u if below(chance, 4) == 0 else u * u * u) * (count - size - 1))
    forward = below(chance, 2) == 0
    far = min(far, count - size - i if forward else i)
    if far <= 0:
        return False
    low = i if forward else i - far
    high = low + size + far - 1
    if kind < 3:
        for z in range(low, high + 1):
            trial[z] = order[z]
        trial[low], trial[high] = order[high], order[low]
    else:
        shift = far if forward else -far
        for z in range(i, i + size):
            trial[z + shift] = order[z]
        shift = size if forward else -size
        for z in range(i + size, high + 1) if forward else range(low, i):
            trial[z - shift] = order[z]
    span[0], span[1] = low, high
    return True


@inlined
def judge(d: Jobs, s: Sequence, low: int, high: int, limit: float) -> float:
    """Return the value with the stretch in ``trial``; if above ``limit``, it may be too small."""
    count = len(s.order)
    before = s.order[low - 1] if low > 0 else -1
    time = s.end[low - 1] if low > 0 else d.rules[0]
    cost = s.cost[low - 1] if low > 0 else 0.0
    for z in range(low, count):
        i = s.trial[z] if z <= high else s.order[z]
        time = ended(d, before, i, time)
        cost += price(d, before, i, time)
        if cost > limit:
            return cost
        if z > high and time >= s.end[z]:  # from here on the sequence is the same, only later
            least = cost + (s.cost[count - 1] - s.cost[z]) + d.costs[0] * s.end[count - 1]
            if least > limit or time == s.end[z]:
                return least
        before = i
    return cost + d.costs[0] * time


@compiled
def slope(d: Jobs, s: Sequence, chance: NDArray[np.uint64], span: Numbers, count: int) -> float:
    """Return the average rise over moves that are not made; 0 if there is none."""
    value = s.cost[-1] + d.costs[0] * s.end[-1]
    total, met = 0.0, 0
    for _ in range(count):
        if propose(s, chance, span):
            rise = judge(d, s, span[0], span[1], math.inf) - value
            if rise > 0:
                total += rise
                met += 1
    return total / max(met, 1)


@compiled
def run(
    d: Jobs,
    s: Sequence,
    best: Numbers,
    chance: NDArray[np.uint64],
    span: Numbers,
    terms: Amounts,
    moves: int,
) -> float:
    """Try moves while it cools; return the best value.

    ``terms``: value now, best value, temperature now and factor by which it falls in a block; all
    but the last are written back.
    """
    value, found, heat = terms[0], terms[1], terms[2]
    for step in range(moves):
        if step % BLOCK == 0:
            heat *= terms[3]
        if not propose(s, chance, span):
            continue
        limit = value - heat * math.log(share(chance))
        here = judge(d, s, span[0], span[1], limit)
        if here > limit:
            continue
        for z in range(span[0], span[1] + 1):
            s.order[z] = s.trial[z]
        value = settle(d, s, span[0])
        if value < found - 1e-9 * abs(found):
            found = value
            for z in range(len(best)):
                best[z] = s.order[z]
    terms[0], terms[1], terms[2] = value, found, heat
    return found
