"""Tabu search for flexible job shops: a critical step goes to the best place on any machine.

With the step taken out, heads and tails of all others say between which neighbours it may stand
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
    cut,
    find_heads,
    find_tails,
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
    """A flexible job shop in ticks; one entry per operation unless said otherwise."""

    jp: Numbers
    js: Numbers
    release: Numbers
    ends: Numbers
    """Last operations of the jobs; shape (jobs,)."""
    choice_at: Numbers
    """Where the choices of each operation begin; shape (operations + 1,)."""
    machine: Numbers
    """Machine of each choice."""
    duration: Numbers
    """Duration of each choice."""
    ready: Numbers
    """Moment from which each machine can work."""


class FlexPlace(NamedTuple):
    """One solution with its paths, and memory for moves; one entry per operation."""

    mp: Numbers
    ms: Numbers
    choice: Numbers
    order: Numbers
    place: Numbers
    work: Numbers
    """Duration of the choice that was made."""
    head: Numbers
    tail: Numbers
    line: Numbers
    """Operations that change places on a machine."""
    heads: Numbers
    """Their heads there."""
    moved: Numbers
    spare: Numbers
    path: Numbers
    floor: Numbers
    """Earliest start by release and by the machine that was chosen."""
    front: Numbers
    """First operation on each machine; shape (machines,)."""


@compiled
def settle(shop: FlexShop, here: FlexPlace) -> int:
    """Work out order and paths of the chains; return the makespan, -1 if they are a cycle."""
    count = len(shop.jp)
    for i in range(count):
        c = here.choice[i]
        here.work[i] = shop.duration[c]
        here.floor[i] = max(shop.release[i], shop.ready[shop.machine[c]])
    if sort(shop.js, shop.jp, here.mp, here.ms, here.order, here.place) < count:
        return -1
    for z in range(count):
        here.place[here.order[z]] = z
    return find_paths(shop, here, 0, count - 1)


@inlined
def find_paths(shop: FlexShop, here: FlexPlace, first: int, last: int) -> int:
    """Work out heads behind and tails before a stretch of the order; return the makespan."""
    find_heads(first, here.order, shop.jp, here.mp, here.work, here.floor, here.head)
    find_tails(last, here.order, shop.js, here.ms, here.work, here.tail)
    return longest(shop.ends, here.head, here.work)


@inlined
def remove(shop: FlexShop, here: FlexPlace, v: int) -> None:
    """Take an operation out of its chain."""
    if here.mp[v] < 0:
        here.front[shop.machine[here.choice[v]]] = here.ms[v]
    cut(v, here.mp, here.ms)


@inlined
def insert(shop: FlexShop, here: FlexPlace, v: int, c: int, a: int) -> None:
    """Put an operation behind ``a`` on the machine of a choice; -1: first."""
    m = shop.machine[c]
    b = here.ms[a] if a >= 0 else here.front[m]
    if a < 0:
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
    x = -1
    ties = 0
    for i in shop.ends:
        if here.head[i] + here.work[i] == makespan:
            ties += 1
            if below(chance, ties) == 0:
                x = i
    count = 0
    while x >= 0:
        here.path[count] = x
        count += 1
        p, q = shop.jp[x], here.mp[x]
        by_job = p >= 0 and here.head[p] + here.work[p] == here.head[x]
        by_machine = q >= 0 and here.head[q] + here.work[q] == here.head[x]
        if by_job and by_machine:
            x = p if below(chance, 2) == 0 else q
        elif by_job:
            x = p
        else:
            x = q if by_machine else -1
    return count


@inlined
def weigh(
    shop: FlexShop,
    here: FlexPlace,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    now: int,
    v: int,
) -> None:
    """Judge every place of one operation on other machines; note the best in ``pick``.

    ``pick``: value, operation, choice, the one before it and ties of the best allowed place; value,
    operation, choice and the one before of the best forbidden one; the best makespan known.
    """
    head, tail, work = here.head, here.tail, here.work
    p = shop.jp[v]
    come = max(shop.release[v], head[p] + work[p]) if p >= 0 else shop.release[v]
    s = shop.js[v]
    rest = tail[s] + work[s] if s >= 0 else 0
    for c in range(shop.choice_at[v], shop.choice_at[v + 1]):
        m = shop.machine[c]
        floor = max(come, shop.ready[m])
        if c == here.choice[v] or floor + shop.duration[c] + rest > max(pick[0], pick[5]):
            continue
        a = -1
        b = here.front[m]
        while b >= 0 and head[b] + work[b] <= floor:
            a = b
            b = here.ms[b]
        while True:
            start = max(floor, head[a] + work[a]) if a >= 0 else floor
            then = max(rest, tail[b] + work[b]) if b >= 0 else rest
            note(tabu, chance, pick, now, v, m, c, a, start + shop.duration[c] + then)
            if b < 0 or tail[b] + work[b] <= rest:
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
    u: int,
    v: int,
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
        here.place,
        here.head,
        here.tail,
        here.moved,
        here.spare,
        here.line,
        here.heads,
        path,
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
    v: int,
    m: int,
    c: int,
    a: int,
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
def move(shop: FlexShop, here: FlexPlace, v: int, c: int, a: int) -> bool:
    """Put an operation elsewhere and work out paths; False, and nothing changed, if a cycle."""
    old_choice, old_before = here.choice[v], here.mp[v]
    first = last = here.place[v]
    remove(shop, here, v)
    insert(shop, here, v, c, a)
    b = here.ms[v]
    sound = True
    if a >= 0 and here.place[a] > here.place[v]:
        last = here.place[a]
        sound = push_behind(v, a, shop.jp, here.mp, here.order, here.place, here.moved, here.spare)
    elif b >= 0 and here.place[b] < here.place[v]:
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
    v: int,
    wish: int,
) -> bool:
    """Give an operation another choice, at the best place there; ``tabu`` is all zero."""
    for c in range(shop.choice_at[v], shop.choice_at[v + 1]):
        tabu[v, shop.machine[c]] = c != wish
    pick[0], pick[1], pick[4], pick[5], pick[9] = _ENDLESS, -1, 0, -_ENDLESS, -_ENDLESS
    weigh(shop, here, tabu, chance, pick, 0, v)
    for c in range(shop.choice_at[v], shop.choice_at[v + 1]):
        tabu[v, shop.machine[c]] = 0
    return pick[1] >= 0 and move(shop, here, v, pick[2], pick[3])


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
        v = below(chance, len(here.order))
        options = shop.choice_at[v + 1] - shop.choice_at[v]
        wish = shop.choice_at[v] + below(chance, options)
        if wish != here.choice[v]:
            change(shop, here, tabu, chance, pick, v, wish)


@compiled
def run(
    shop: FlexShop,
    here: FlexPlace,
    best_ms: Numbers,
    best_choice: Numbers,
    best_front: Numbers,
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
    makespan = longest(shop.ends, here.head, here.work)
    while now < until and since < terms[1]:
        now += 1
        since += 1
        length = critical_path(shop, here, makespan, chance)
        pick[0], pick[1], pick[4], pick[5], pick[6], pick[9] = _ENDLESS, -1, 0, _ENDLESS, -1, best
        scan(shop, here, tabu, chance, pick, now, length)
        k = 0 if pick[1] >= 0 else 5
        v, c, a = pick[k + 1], pick[k + 2], pick[k + 3]
        if v < 0:
            break
        tenure = length + shop.choice_at[v + 1] - shop.choice_at[v] + below(chance, 5)
        tabu[v, shop.machine[here.choice[v]]] = now + tenure
        if not move(shop, here, v, c, a):
            continue
        makespan = longest(shop.ends, here.head, here.work)
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
