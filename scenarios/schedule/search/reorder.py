"""Annealing over one order of all steps: a bundle goes to another place in it, or a step elsewhere.

Most moves bring a step of a costly job, or what stands before it on its machine, to another place.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.anneal import BLOCK, costly_job, jump
from scenarios.schedule.search.chance import Numbers, below, share
from scenarios.schedule.search.decode import Amounts, Tables
from scenarios.schedule.search.roster import Crew, Row, retime
from twin.engine.jit import compiled, inlined

_BACK = 3
"""Of this many times the way back along a costly job goes on all but once."""


@inlined
def held_up(t: Tables, s: Row, chance: NDArray[np.uint64]) -> int:
    """Return a step on the way to the end of a costly job; -1 if no job costs anything."""
    j = costly_job(t, s, chance)
    if j < 0:
        return -1
    x = t.ends[t.end_at[j] + below(chance, t.end_at[j + 1] - t.end_at[j])]
    while below(chance, _BACK) > 0:
        last = s.mp[x]
        for k in range(t.before_at[x], t.before_at[x + 1]):
            b = t.before[k]
            if last < 0 or s.end[b] >= s.end[last]:
                last = b
        if last < 0:
            break
        x = last
    return x


@inlined
def target(k: Crew, s: Row, v: int, front: int, chance: NDArray[np.uint64]) -> int:
    """Return another place for a step's bundle, between those that come before and after it."""
    b = k.of[v]
    count, here = len(s.order), s.place[b]
    low, high = front, count - 1
    for x in range(k.ahead_at[b], k.ahead_at[b + 1]):
        low = max(low, s.place[k.ahead[x]] + 1)
    for x in range(k.behind_at[b], k.behind_at[b + 1]):
        high = min(high, s.place[k.behind[x]] - 1)
    if below(chance, 2) == 0 and s.mp[v] >= 0:
        to = s.place[k.of[s.mp[v]]]  # right before the one that has the machine
    else:
        far = jump(chance, count)
        to = here - far if below(chance, 2) == 0 else here + far
    return min(max(to, low), high)


@inlined
def carry(s: Row, here: int, to: int) -> None:
    """Move the bundle at one place to another one."""
    v = s.order[here]
    step = 1 if to > here else -1
    z = here
    while z != to:
        x = s.order[z + step]
        s.order[z] = x
        s.place[x] = z
        z += step
    s.order[to] = v
    s.place[v] = to


@compiled
def run(
    t: Tables,
    k: Crew,
    s: Row,
    best_order: Numbers,
    best_choice: Numbers,
    chance: NDArray[np.uint64],
    moves: Numbers,
    terms: Amounts,
) -> float:
    """Try moves while it cools; return the best value.

    ``moves``: how many, and how many bundles in front stay where they are. ``terms`` as in
    :func:`scenarios.schedule.search.anneal.run`.
    """
    value, best, heat = terms[0], terms[1], terms[2]
    count, front = len(s.order), moves[1]
    stale = 0  # from this place on times are those of a move that was taken back
    for step in range(moves[0]):
        if step % BLOCK == 0:
            heat *= terms[3]
        v = held_up(t, s, chance) if below(chance, 2) == 0 else -1
        if v < 0:
            b = s.order[front + below(chance, count - front)]
            v = k.bundle[k.bundle_at[b] + below(chance, k.bundle_at[b + 1] - k.bundle_at[b])]
        here, old = s.place[k.of[v]], s.choice[v]
        if here < front:
            continue
        options = t.choice_at[v + 1] - t.choice_at[v]
        if options > 1 and below(chance, 3) == 0:
            s.choice[v] = t.choice_at[v] + below(chance, options)
        to = target(k, s, v, front, chance)
        if to == here and s.choice[v] == old:
            continue
        carry(s, here, to)
        found = retime(t, k, s, min(here, to, stale))
        rise = found - value
        if rise > 0:
            terms[4] += rise
            terms[5] += 1.0
        if rise > -heat * math.log(share(chance)):
            carry(s, to, here)
            s.choice[v] = old
            stale = min(here, to)
            continue
        stale = count
        value = found
        if value < best - 1e-9 * abs(best):
            best = value
            for z in range(count):
                best_order[z] = s.order[z]
            for i in range(len(best_choice)):
                best_choice[i] = s.choice[i]
    terms[0], terms[1], terms[2] = value, best, heat
    return best
