"""Tabu search for the job shop: operations of critical blocks go to the ends of their block.

The neighbourhood is the one called N6, which contains N5. A neighbour is judged by the longest path
through the operations that change places, which needs only their own heads and tails.

References
----------
Balas and Vazacopoulos (1998), Guided local search with shifting bottleneck for job shop scheduling.
Zhang, Li, Rao and Guan (2008), A very fast TS/SA algorithm for the job shop scheduling problem.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers, below
from scenarios.schedule.search.graph import (
    cut,
    find_heads,
    find_tails,
    join,
    longest,
    pull_before,
    push_behind,
    sort,
)
from twin.engine.jit import compiled, inlined

_ENDLESS = 1 << 60


class Shop(NamedTuple):
    """A job shop in ticks; one entry per operation unless said otherwise."""

    jp: Numbers
    """Operation before it in its job; -1: none."""
    js: Numbers
    """Operation behind it in its job; -1: none."""
    work: Numbers
    """Duration."""
    release: Numbers
    """Moment before which it does not start."""
    machine: Numbers
    """Machine."""
    local: Numbers
    """Its number among the operations of its machine."""
    ends: Numbers
    """Last operations of the jobs; shape (jobs,)."""


class Place(NamedTuple):
    """One solution with its paths, and memory for moves; one entry per operation."""

    mp: Numbers
    ms: Numbers
    order: Numbers
    place: Numbers
    head: Numbers
    tail: Numbers
    moved: Numbers
    spare: Numbers
    line: Numbers
    """Operations that change places in a neighbour."""
    front: Numbers
    """Their heads there."""
    path: Numbers
    """One critical path."""


def place_of(mp: Numbers, ms: Numbers) -> Place:
    """Return memory for a search that begins with these chains, which are copied."""
    rest = (np.zeros(len(mp), dtype=np.int64) for _ in range(len(Place._fields) - 2))
    return Place(mp.copy(), ms.copy(), *rest)


@compiled
def settle(shop: Shop, here: Place) -> int:
    """Work out order and paths of the chains; return the makespan, -1 if they are a cycle."""
    count = len(shop.jp)
    if sort(shop.js, shop.jp, here.mp, here.ms, here.order, here.place) < count:
        return -1
    for z in range(count):
        here.place[here.order[z]] = z
    find_heads(0, here.order, shop.jp, here.mp, shop.work, shop.release, here.head)
    find_tails(count - 1, here.order, shop.js, here.ms, shop.work, here.tail)
    return longest(shop.ends, here.head, shop.work)


@inlined
def turn(shop: Shop, here: Place, u: int, v: int, forward: bool) -> bool:
    """Move ``u`` right behind ``v``, or else ``v`` right before ``u``, without paths.

    False, and nothing is changed, if that is a cycle.
    """
    mp, ms = here.mp, here.ms
    x = u if forward else v
    before, behind = mp[x], ms[x]
    cut(x, mp, ms)
    if forward:
        join(v, u, ms[v], mp, ms)
        sound = push_behind(u, v, shop.jp, mp, here.order, here.place, here.moved, here.spare)
    else:
        join(mp[u], v, u, mp, ms)
        sound = pull_before(v, u, shop.js, ms, here.order, here.place, here.moved, here.spare)
    if not sound:
        cut(x, mp, ms)
        join(before, x, behind, mp, ms)
    return sound


@inlined
def shift(shop: Shop, here: Place, u: int, v: int, forward: bool) -> bool:
    """Do as :func:`turn` does, and work out the paths that change."""
    first, last = here.place[u], here.place[v]
    if not turn(shop, here, u, v, forward):
        return False
    find_heads(first, here.order, shop.jp, here.mp, shop.work, shop.release, here.head)
    find_tails(last, here.order, shop.js, here.ms, shop.work, here.tail)
    return True


@inlined
def find_path(shop: Shop, here: Place, makespan: int, chance: NDArray[np.uint64]) -> int:
    """Write one random critical path, last operation first; return its length."""
    x = -1
    ties = 0
    for i in shop.ends:
        if here.head[i] + shop.work[i] == makespan:
            ties += 1
            if below(chance, ties) == 0:
                x = i
    count = 0
    while x >= 0:
        here.path[count] = x
        count += 1
        p = shop.jp[x]
        q = here.mp[x]
        by_job = p >= 0 and here.head[p] + shop.work[p] == here.head[x]
        by_machine = q >= 0 and here.head[q] + shop.work[q] == here.head[x]
        if by_job and by_machine:
            x = p if below(chance, 2) == 0 else q
        elif by_job:
            x = p
        elif by_machine:
            x = q
        else:
            x = -1
    return count


@inlined
def judge(shop: Shop, here: Place, u: int, v: int, forward: bool, limit: int) -> int:
    """Return the longest path through the operations that a move would change.

    Above ``limit`` it is enough to know that: any path that is as long ends the work.
    """
    line, front, head, tail, work = here.line, here.front, here.head, here.tail, shop.work
    count = 0
    if not forward:
        line[0] = v
        count = 1
    x = here.ms[u] if forward else u
    stop = here.ms[v] if forward else v
    while x != stop:
        line[count] = x
        count += 1
        x = here.ms[x]
    if forward:
        line[count] = u
        count += 1
    p = here.mp[u]
    time = head[p] + work[p] if p >= 0 else 0
    for k in range(count):
        x = line[k]
        time = max(time, shop.release[x])
        p = shop.jp[x]
        if p >= 0:
            time = max(time, head[p] + work[p])
        time += work[x]
        front[k] = time
        s = shop.js[x]
        if s >= 0 and time + tail[s] + work[s] > limit:
            return time + tail[s] + work[s]
    s = here.ms[v]
    time = tail[s] + work[s] if s >= 0 else 0
    value = 0
    for k in range(count - 1, -1, -1):
        x = line[k]
        s = shop.js[x]
        if s >= 0:
            time = max(time, tail[s] + work[s])
        value = max(value, front[k] + time)
        if value > limit:
            return value
        time += work[x]
    return value


@inlined
def may_shift(shop: Shop, here: Place, u: int, v: int, forward: bool) -> bool:
    """Say whether a move surely leads to no cycle, by heads and tails alone."""
    if forward:
        s = shop.js[u]
        return s < 0 or here.tail[v] + shop.work[v] >= here.tail[s] + shop.work[s]
    p = shop.jp[v]
    return p < 0 or here.head[u] + shop.work[u] >= here.head[p] + shop.work[p]


@inlined
def is_tabu(shop: Shop, here: Place, tabu: NDArray[np.int32], now: int, u: int, v: int) -> bool:
    """Say whether a forward move makes an order again that was left a short while ago."""
    x = u
    while x != v:
        x = here.ms[x]
        if tabu[x, shop.local[u]] > now:
            return True
    return False


@inlined
def is_tabu_back(
    shop: Shop, here: Place, tabu: NDArray[np.int32], now: int, u: int, v: int
) -> bool:
    """Say whether a backward move makes an order again that was left a short while ago."""
    x = u
    while x != v:
        if tabu[v, shop.local[x]] > now:
            return True
        x = here.ms[x]
    return False


@inlined
def forbid(
    shop: Shop, here: Place, tabu: NDArray[np.int32], until: int, u: int, v: int, forward: bool
) -> None:
    """Forbid for a while the orders that a move is about to leave."""
    x = u
    while x != v:
        if forward:
            x = here.ms[x]
            tabu[u, shop.local[x]] = until
        else:
            tabu[x, shop.local[v]] = until
            x = here.ms[x]


@inlined
def consider(
    shop: Shop,
    here: Place,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    u: int,
    v: int,
    forward: bool,
) -> None:
    """Judge one move and note it in ``pick`` if it is the best so far.

    ``pick``: value, u, v, forward and ties of the best allowed move; then value, u, v and forward
    of the best forbidden one; then the best makespan known, which a forbidden move must beat.
    """
    if not may_shift(shop, here, u, v, forward):
        return
    value = judge(shop, here, u, v, forward, pick[0])
    if forward:
        held = is_tabu(shop, here, tabu, now, u, v)
    else:
        held = is_tabu_back(shop, here, tabu, now, u, v)
    if held and value >= pick[9]:
        if value < pick[5] or (value == pick[5] and below(chance, 2) == 0):
            pick[5], pick[6], pick[7], pick[8] = value, u, v, forward
        return
    if value > pick[0]:
        return
    pick[4] = 1 if value < pick[0] else pick[4] + 1
    if below(chance, pick[4]) == 0:
        pick[0], pick[1], pick[2], pick[3] = value, u, v, forward


@inlined
def scan(
    shop: Shop,
    here: Place,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    length: int,
) -> None:
    """Consider the moves of every block of the critical path; it stands last operation first."""
    path = here.path
    pick[0], pick[1], pick[4], pick[5], pick[6] = _ENDLESS, -1, 0, _ENDLESS, -1
    i = length - 1
    while i >= 0:
        j = i
        while j > 0 and here.ms[path[j]] == path[j - 1]:
            j -= 1
        f, last = path[i], path[j]
        for z in range(i, j, -1):
            consider(shop, here, tabu, chance, pick, now, path[z], last, True)
        if i - j > 1:
            for z in range(i - 1, j - 1, -1):
                consider(shop, here, tabu, chance, pick, now, f, path[z], False)
            for z in range(i - 1, j, -1):
                consider(shop, here, tabu, chance, pick, now, f, path[z], True)
                consider(shop, here, tabu, chance, pick, now, path[z], last, False)
        i = j - 1


@compiled
def run(
    shop: Shop,
    here: Place,
    best_mp: Numbers,
    best_ms: Numbers,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    terms: Numbers,
) -> int:
    """Search from the chains in ``here``, whose paths are known; return the best makespan.

    ``terms``: iterations at most, iterations without a new best at most, least and greatest
    tenure, makespan that is good enough, best makespan so far, iteration that it begins with,
    iterations since the best; the last three are written back. ``best_mp`` and ``best_ms`` get the
    best chains where they are new.
    """
    now, best = terms[6], terms[5]
    until, since = now + terms[0], terms[7]
    makespan = longest(shop.ends, here.head, shop.work)
    while now < until and since < terms[1] and best > terms[4]:
        now += 1
        since += 1
        pick[9] = best
        scan(shop, here, tabu, chance, pick, now, find_path(shop, here, makespan, chance))
        k = 0 if pick[1] >= 0 else 5
        u, v, forward = pick[k + 1], pick[k + 2], pick[k + 3] == 1
        if u < 0:
            break
        tenure = terms[2] + below(chance, terms[3] + 1 - terms[2])
        forbid(shop, here, tabu, now + tenure, u, v, forward)
        if not shift(shop, here, u, v, forward):
            continue
        makespan = longest(shop.ends, here.head, shop.work)
        if makespan < best:
            best = makespan
            since = 0
            for i in range(len(best_mp)):
                best_mp[i] = here.mp[i]
                best_ms[i] = here.ms[i]
    terms[5], terms[6], terms[7] = best, now, since
    return best
