"""Tabu search for the job shop: operations of critical blocks go to the ends of their block.

The neighbourhood is the one called N6, which contains N5. A neighbour is judged by the longest path
through the operations that change places, which needs only the paths to them and from them.

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
    Link,
    Links,
    cut,
    find_ends,
    find_rests,
    join,
    longest,
    pull_before,
    push_behind,
    sort,
)
from twin.engine.jit import compiled, inlined

_ENDLESS = 1 << 60


class Shop(NamedTuple):
    """A job shop in ticks; one entry per operation and one for none, unless said otherwise."""

    jp: Links
    """Operation before it in its job."""
    js: Links
    """Operation behind it in its job."""
    work: Numbers
    """Duration."""
    release: Numbers
    """Moment before which it does not start."""
    machine: Links
    """Machine."""
    local: Links
    """Its number among the operations of its machine."""
    ends: Links
    """Last operations of the jobs; shape (jobs,)."""


class Place(NamedTuple):
    """One solution with its paths, and memory for moves; entries as in :class:`Shop`."""

    mp: Links
    ms: Links
    order: Links
    """Operations, each after its predecessors; shape (operations,)."""
    line: Links
    """Operations that change places in a neighbour."""
    path: Links
    """One critical path."""
    spare: Links
    place: Numbers
    end: Numbers
    rest: Numbers
    """Longest path from the start of each operation."""
    front: Numbers
    """Ends of the operations in ``line``."""
    moved: NDArray[np.uint8]


def place_of(mp: Links, ms: Links) -> Place:
    """Return memory for a search that begins with these chains, which are copied."""
    some = len(mp)
    links = (np.zeros(some - (k == 0), dtype=np.uint32) for k in range(4))
    times = (np.zeros(some, dtype=np.int64) for _ in range(4))
    moved = np.zeros(some, dtype=np.uint8)
    return Place._make([mp.copy(), ms.copy(), *links, *times, moved])


@compiled
def settle(shop: Shop, here: Place) -> int:
    """Work out order and paths of the chains; return the makespan, -1 if they are a cycle."""
    count = len(here.order)
    if sort(shop.js, shop.jp, here.mp, here.ms, here.order, here.place) < count:
        return -1
    find_ends(0, here.order, shop.jp, here.mp, shop.work, shop.release, here.end)
    find_rests(count - 1, here.order, shop.js, here.ms, shop.work, here.rest)
    return longest(shop.ends, here.end)


@inlined
def turn(shop: Shop, here: Place, u: Link, v: Link, forward: bool) -> bool:
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
def shift(shop: Shop, here: Place, u: Link, v: Link, forward: bool) -> bool:
    """Do as :func:`turn` does, and work out the paths that change."""
    first, last = here.place[u], here.place[v]
    if not turn(shop, here, u, v, forward):
        return False
    find_ends(first, here.order, shop.jp, here.mp, shop.work, shop.release, here.end)
    find_rests(last, here.order, shop.js, here.ms, shop.work, here.rest)
    return True


@inlined
def find_path(shop: Shop, here: Place, makespan: int, chance: NDArray[np.uint64]) -> int:
    """Write one random critical path, last operation first; return its length."""
    none = np.uint32(len(here.order))
    x = none
    ties = 0
    for i in shop.ends:
        if here.end[i] == makespan:
            ties += 1
            if below(chance, ties) == 0:
                x = i
    count = 0
    while x != none:
        here.path[count] = x
        count += 1
        p = shop.jp[x]
        q = here.mp[x]
        start = here.end[x] - shop.work[x]
        by_job = p != none and here.end[p] == start
        by_machine = q != none and here.end[q] == start
        if by_job and by_machine:
            x = p if below(chance, 2) == 0 else q
        elif by_job:
            x = p
        elif by_machine:
            x = q
        else:
            x = none
    return count


@inlined
def judge(shop: Shop, here: Place, u: Link, v: Link, forward: bool, limit: int) -> int:
    """Return the longest path through the operations that a move would change.

    Above ``limit`` it is enough to know that: any path that is as long ends the work.
    """
    line, front, end, rest, work = here.line, here.front, here.end, here.rest, shop.work
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
    time = end[here.mp[u]]
    for k in range(count):
        x = line[k]
        time = max(time, shop.release[x], end[shop.jp[x]]) + work[x]
        front[k] = time
        through = time + rest[shop.js[x]]
        if through > limit:
            return through
    time = rest[here.ms[v]]
    value = 0
    for k in range(count - 1, -1, -1):
        x = line[k]
        time = max(time, rest[shop.js[x]])
        value = max(value, front[k] + time)
        if value > limit:
            return value
        time += work[x]
    return value


@inlined
def may_shift(shop: Shop, here: Place, u: Link, v: Link, forward: bool) -> bool:
    """Say whether a move surely leads to no cycle, by paths alone."""
    if forward:
        return here.rest[v] >= here.rest[shop.js[u]]
    return here.end[u] >= here.end[shop.jp[v]]


@inlined
def is_tabu(shop: Shop, here: Place, tabu: NDArray[np.int32], now: int, u: Link, v: Link) -> bool:
    """Say whether a forward move makes an order again that was left a short while ago."""
    x = u
    while x != v:
        x = here.ms[x]
        if tabu[x, shop.local[u]] > now:
            return True
    return False


@inlined
def is_tabu_back(
    shop: Shop, here: Place, tabu: NDArray[np.int32], now: int, u: Link, v: Link
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
    shop: Shop, here: Place, tabu: NDArray[np.int32], until: int, u: Link, v: Link, forward: bool
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
    u: Link,
    v: Link,
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
    best_mp: Links,
    best_ms: Links,
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
    makespan = longest(shop.ends, here.end)
    while now < until and since < terms[1] and best > terms[4]:
        now += 1
        since += 1
        pick[9] = best
        scan(shop, here, tabu, chance, pick, now, find_path(shop, here, makespan, chance))
        k = 0 if pick[1] >= 0 else 5
        if pick[k + 1] < 0:
            break
        u, v, forward = np.uint32(pick[k + 1]), np.uint32(pick[k + 2]), pick[k + 3] == 1
        tenure = terms[2] + below(chance, terms[3] + 1 - terms[2])
        forbid(shop, here, tabu, now + tenure, u, v, forward)
        if not shift(shop, here, u, v, forward):
            continue
        makespan = longest(shop.ends, here.end)
        if makespan < best:
            best = makespan
            since = 0
            for i in range(len(best_mp)):
                best_mp[i] = here.mp[i]
                best_ms[i] = here.ms[i]
    terms[5], terms[6], terms[7] = best, now, since
    return best
