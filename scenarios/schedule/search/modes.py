"""Tabu search for flexible job shops: a critical step goes to the best place on any machine.

With the step taken out, the paths of all others say between which neighbours it may stand
without a cycle, and how long the path through it will be.

References
----------
Mastrolilli and Gambardella (2000), Effective neighbourhood functions for the flexible job shop
problem.
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
from scenarios.schedule.search.tabu import Place, Shop, judge, may_shift
from twin.engine.jit import compiled, inlined

_ENDLESS = 1 << 60


class FlexShop(NamedTuple):
    """A flexible job shop in ticks; one entry per operation and one for none, unless said else."""

    jp: Links
    js: Links
    release: Numbers
    ends: Links
    """Last operations of the jobs; shape (jobs,)."""
    choice_at: Links
    """Where the choices of each operation begin; shape (operations + 1,)."""
    machine: Links
    """Machine of each choice."""
    duration: Numbers
    """Duration of each choice."""
    ready: Numbers
    """Moment from which each machine can work."""


class FlexPlace(NamedTuple):
    """One solution with its paths, and memory for moves; entries as in :class:`FlexShop`."""

    mp: Links
    ms: Links
    choice: Links
    order: Links
    """Operations, each after its predecessors; shape (operations,)."""
    line: Links
    """Operations that change places on a machine."""
    path: Links
    spare: Links
    place: Numbers
    work: Numbers
    """Duration of the choice that was made."""
    end: Numbers
    rest: Numbers
    """Longest path from the start of each operation."""
    ends: Numbers
    """Ends of the operations in ``line``."""
    floor: Numbers
    """Earliest start by release and by the machine that was chosen."""
    moved: NDArray[np.uint8]
    front: Links
    """First operation on each machine; shape (machines,)."""


def place_of(mp: Links, ms: Links, choice: Links, front: Links) -> FlexPlace:
    """Return memory for a search that begins with these chains and choices, which are copied."""
    some = len(mp)
    links = (np.zeros(some - (k == 0), dtype=np.uint32) for k in range(4))
    times = (np.zeros(some, dtype=np.int64) for _ in range(6))
    moved = np.zeros(some, dtype=np.uint8)
    chains = [mp.copy(), ms.copy(), choice.copy()]
    return FlexPlace._make([*chains, *links, *times, moved, front.copy()])


@compiled
def settle(shop: FlexShop, here: FlexPlace) -> int:
    """Work out order and paths of the chains; return the makespan, -1 if they are a cycle."""
    count = len(here.order)
    for i in range(count):
        c = here.choice[i]
        here.work[i] = shop.duration[c]
        here.floor[i] = max(shop.release[i], shop.ready[shop.machine[c]])
    if sort(shop.js, shop.jp, here.mp, here.ms, here.order, here.place) < count:
        return -1
    return find_paths(shop, here, 0, count - 1)


@inlined
def find_paths(shop: FlexShop, here: FlexPlace, first: int, last: int) -> int:
    """Work out paths to what is behind, and from what is before; return the makespan."""
    find_ends(first, here.order, shop.jp, here.mp, here.work, here.floor, here.end)
    find_rests(last, here.order, shop.js, here.ms, here.work, here.rest)
    return longest(shop.ends, here.end)


@inlined
def remove(shop: FlexShop, here: FlexPlace, v: Link) -> None:
    """Take an operation out of its chain."""
    if here.mp[v] == len(here.order):
        here.front[shop.machine[here.choice[v]]] = here.ms[v]
    cut(v, here.mp, here.ms)


@inlined
def insert(shop: FlexShop, here: FlexPlace, v: Link, c: Link, a: Link) -> None:
    """Put an operation behind ``a``, or first, on the machine of a choice."""
    m = shop.machine[c]
    first = a == len(here.order)
    b = here.front[m] if first else here.ms[a]
    if first:
        here.front[m] = v
    join(a, v, b, here.mp, here.ms)
    here.choice[v] = c
    here.work[v] = shop.duration[c]
    here.floor[v] = max(shop.release[v], shop.ready[m])


@inlined
def critical_path(
    shop: FlexShop, here: FlexPlace, makespan: int, chance: NDArray[np.uint64]
) -> int:
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
        p, q = shop.jp[x], here.mp[x]
        start = here.end[x] - here.work[x]
        by_job = p != none and here.end[p] == start
        by_machine = q != none and here.end[q] == start
        if by_job and by_machine:
            x = p if below(chance, 2) == 0 else q
        elif by_job:
            x = p
        else:
            x = q if by_machine else none
    return count


@inlined
def weigh(
    shop: FlexShop,
    here: FlexPlace,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    v: Link,
) -> None:
    """Judge every place of one operation on other machines; note the best in ``pick``.

    ``pick``: value, operation, choice, the one before it and ties of the best allowed place; value,
    operation, choice and the one before of the best forbidden one; the best makespan known.
    """
    end, rest = here.end, here.rest
    none = np.uint32(len(here.order))
    come = max(shop.release[v], end[shop.jp[v]])
    left = rest[shop.js[v]]
    for c in range(shop.choice_at[v], shop.choice_at[v + 1]):
        m = shop.machine[c]
        floor = max(come, shop.ready[m])
        if c == here.choice[v] or floor + shop.duration[c] + left > max(pick[0], pick[5]):
            continue
        a = none
        b = here.front[m]
        while b != none and end[b] <= floor:
            a = b
            b = here.ms[b]
        while True:
            through = max(floor, end[a]) + shop.duration[c] + max(left, rest[b])
            note(tabu, chance, pick, now, v, m, c, a, through)
            if rest[b] <= left:
                break
            a = b
            b = here.ms[b]


@inlined
def reorder(
    shop: FlexShop,
    here: FlexPlace,
    fixed: Shop,
    there: Place,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    u: Link,
    v: Link,
    forward: bool,
) -> None:
    """Judge ``u`` right behind ``v``, or else ``v`` right before ``u``, on their machine."""
    if not may_shift(fixed, there, u, v, forward):
        return
    value = judge(fixed, there, u, v, forward, max(pick[0], pick[5]))
    x, a = (u, v) if forward else (v, here.mp[u])
    c = here.choice[x]
    note(tabu, chance, pick, now, x, shop.machine[c], c, a, value)


@inlined
def scan(
    shop: FlexShop,
    here: FlexPlace,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    length: int,
) -> None:
    """Consider other machines for critical operations, and the ends of their critical blocks."""
    path = here.path
    fixed = Shop(shop.jp, shop.js, here.work, here.floor, shop.machine, shop.machine, shop.ends)
    there = Place(
        here.mp,
        here.ms,
        here.order,
        here.line,
        path,
        here.spare,
        here.place,
        here.end,
        here.rest,
        here.ends,
        here.moved,
    )
    for k in range(length):
        weigh(shop, here, tabu, chance, pick, now, path[k])
    i = length - 1
    while i >= 0:
        j = i
        while j > 0 and here.ms[path[j]] == path[j - 1]:
            j -= 1
        f, last = path[i], path[j]
        for z in range(i, j, -1):
            reorder(shop, here, fixed, there, tabu, chance, pick, now, path[z], last, True)
        if i - j > 1:
            for z in range(i - 1, j - 1, -1):
                reorder(shop, here, fixed, there, tabu, chance, pick, now, f, path[z], False)
            for z in range(i - 1, j, -1):
                reorder(shop, here, fixed, there, tabu, chance, pick, now, f, path[z], True)
                reorder(shop, here, fixed, there, tabu, chance, pick, now, path[z], last, False)
        i = j - 1


@inlined
def note(
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    v: Link,
    m: Link,
    c: Link,
    a: Link,
    value: int,
) -> None:
    """Keep a place if it is the best so far; ties are broken at random."""
    if tabu[v, m] > now and value >= pick[9]:
        if value < pick[5]:
            pick[5], pick[6], pick[7], pick[8] = value, v, c, a
        return
    if value > pick[0]:
        return
    pick[4] = 1 if value < pick[0] else pick[4] + 1
    if below(chance, pick[4]) == 0:
        pick[0], pick[1], pick[2], pick[3] = value, v, c, a


@inlined
def move(shop: FlexShop, here: FlexPlace, v: Link, c: Link, a: Link) -> bool:
    """Put an operation elsewhere and work out paths; False, and nothing changed, if a cycle."""
    old_choice, old_before = here.choice[v], here.mp[v]
    first = last = here.place[v]
    remove(shop, here, v)
    insert(shop, here, v, c, a)
    b = here.ms[v]
    sound = True
    none = len(here.order)
    if a != none and here.place[a] > here.place[v]:
        last = here.place[a]
        sound = push_behind(v, a, shop.jp, here.mp, here.order, here.place, here.moved, here.spare)
    elif b != none and here.place[b] < here.place[v]:
        first = here.place[b]
        sound = pull_before(v, b, shop.js, here.ms, here.order, here.place, here.moved, here.spare)
    if not sound:
        remove(shop, here, v)
        insert(shop, here, v, old_choice, old_before)
        return False
    find_paths(shop, here, first, last)
    return True


@inlined
def change(
    shop: FlexShop,
    here: FlexPlace,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    v: Link,
    wish: Link,
) -> bool:
    """Give an operation another choice, at the best place there; ``tabu`` is all zero."""
    for c in range(shop.choice_at[v], shop.choice_at[v + 1]):
        tabu[v, shop.machine[c]] = c != wish
    pick[0], pick[1], pick[4], pick[5], pick[9] = _ENDLESS, -1, 0, -_ENDLESS, -_ENDLESS
    weigh(shop, here, tabu, chance, pick, 0, v)
    for c in range(shop.choice_at[v], shop.choice_at[v + 1]):
        tabu[v, shop.machine[c]] = 0
    return pick[1] >= 0 and move(shop, here, v, np.uint32(pick[2]), np.uint32(pick[3]))


@compiled
def jolt(
    shop: FlexShop,
    here: FlexPlace,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    steps: int,
) -> None:
    """Move random operations to a random machine each, to the best place there."""
    for _ in range(steps):
        v = np.uint32(below(chance, len(here.order)))
        options = shop.choice_at[v + 1] - shop.choice_at[v]
        wish = shop.choice_at[v] + below(chance, options)
        if wish != here.choice[v]:
            change(shop, here, tabu, chance, pick, v, wish)


@compiled
def run(
    shop: FlexShop,
    here: FlexPlace,
    best_ms: Links,
    best_choice: Links,
    best_front: Links,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    terms: Numbers,
) -> int:
    """Search from the chains in ``here``, whose paths are known; return the best makespan.

    ``terms``: iterations at most, iterations without a new best at most, best makespan so far,
    iteration that it begins with, iterations since the best; the last three are written back.
    """
    best, now, since = terms[2], terms[3], terms[4]
    until = now + terms[0]
    makespan = longest(shop.ends, here.end)
    while now < until and since < terms[1]:
        now += 1
        since += 1
        length = critical_path(shop, here, makespan, chance)
        pick[0], pick[1], pick[4], pick[5], pick[6], pick[9] = _ENDLESS, -1, 0, _ENDLESS, -1, best
        scan(shop, here, tabu, chance, pick, now, length)
        k = 0 if pick[1] >= 0 else 5
        if pick[k + 1] < 0:
            break
        v, c, a = np.uint32(pick[k + 1]), np.uint32(pick[k + 2]), np.uint32(pick[k + 3])
        tenure = length + shop.choice_at[v + 1] - shop.choice_at[v] + below(chance, 5)
        tabu[v, shop.machine[here.choice[v]]] = now + tenure
        if not move(shop, here, v, c, a):
            continue
        makespan = longest(shop.ends, here.end)
        if makespan < best:
            best = makespan
            since = 0
            for i in range(len(best_ms)):
                best_ms[i] = here.ms[i]
                best_choice[i] = here.choice[i]
            for m in range(len(best_front)):
                best_front[m] = here.front[m]
    terms[2], terms[3], terms[4] = best, now, since
    return best
