"""The disjunctive graph in place: machine chains, a topological order, longest paths.

An operation has at most one predecessor and one successor in its job (``jp``, ``js``) and on its
machine (``mp``, ``ms``). Behind the last operation each array has an entry for none: links that
lead nowhere lead there, where all paths are 0, so that nobody need ask. ``order`` lists the
operations so that each comes after its predecessors, ``place`` is its inverse. A move repairs only
the stretch of the order that it touches, and paths are worked out anew only behind (``end``) or
before (``rest``) it.

Links are unsigned: an index that may be negative costs a comparison at each access.

References
----------
Pearce and Kelly (2007), A dynamic topological sort algorithm for directed acyclic graphs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers
from twin.engine.jit import compiled, inlined

Links = NDArray[np.uint32]
"""Operations; none has the number that is how many there are."""
Link = np.uint32 | int
"""One of them."""


@compiled
def sort(js: Links, jp: Links, mp: Links, ms: Links, order: Links, place: Numbers) -> int:
    """Put the operations in order; return how many could be: fewer than all means a cycle."""
    count = len(order)
    end = 0
    for i in range(count):
        # Predecessors still to come, until it is placed.
        place[i] = (jp[i] != count) + (mp[i] != count)
        if place[i] == 0:
            order[end] = i
            end += 1
    at = 0
    while at < end:
        i = order[at]
        at += 1
        for after in (js[i], ms[i]):
            if after != count:
                place[after] -= 1
                if place[after] == 0:
                    order[end] = after
                    end += 1
    for z in range(end):
        place[order[z]] = z
    return end


@inlined
def find_ends(
    start: int,
    order: Links,
    jp: Links,
    mp: Links,
    work: Numbers,
    release: Numbers,
    end: Numbers,
) -> None:
    """Work out the earliest ends from place ``start`` of the order on."""
    for z in range(start, len(order)):
        i = order[z]
        end[i] = max(release[i], end[jp[i]], end[mp[i]]) + work[i]


@inlined
def find_rests(last: int, order: Links, js: Links, ms: Links, work: Numbers, rest: Numbers) -> None:
    """Work out the longest paths from the start of each operation, from place ``last`` down."""
    for z in range(last, -1, -1):
        i = order[z]
        rest[i] = max(rest[js[i]], rest[ms[i]]) + work[i]


@inlined
def longest(ends: Links, end: Numbers) -> int:
    """Return the makespan: ``ends`` are the last operations of the jobs."""
    time = 0
    for i in ends:
        time = max(time, end[i])
    return time


@inlined
def cut(v: Link, mp: Links, ms: Links) -> None:
    """Take an operation out of its machine's chain."""
    a = mp[v]
    b = ms[v]
    ms[a] = b
    mp[b] = a


@inlined
def join(a: Link, v: Link, b: Link, mp: Links, ms: Links) -> None:
    """Put an operation between two neighbours."""
    mp[v] = a
    ms[v] = b
    ms[a] = v
    mp[b] = v


@inlined
def push_behind(
    v: Link,
    target: Link,
    jp: Links,
    mp: Links,
    order: Links,
    place: Numbers,
    moved: NDArray[np.uint8],
    spare: Links,
) -> bool:
    """Repair the order after ``v`` came to stand behind ``target``; False if that is a cycle.

    What follows ``v`` goes along. ``moved`` is all zero before and after; ``spare`` is scratch.
    """
    first = place[v]
    last = place[target]
    moved[v] = 1
    count = 0
    for z in range(first, last + 1):
        x = order[z]
        if moved[x] | moved[jp[x]] | moved[mp[x]]:
            moved[x] = 1
            spare[count] = x
            count += 1
    sound = moved[target] == 0
    if sound:
        free = first
        for z in range(first, last + 1):
            x = order[z]
            if not moved[x]:
                order[free] = x
                place[x] = free
                free += 1
        for k in range(count):
            order[free] = spare[k]
            place[spare[k]] = free
            free += 1
    for k in range(count):
        moved[spare[k]] = 0
    return sound


@inlined
def pull_before(
    v: Link,
    target: Link,
    js: Links,
    ms: Links,
    order: Links,
    place: Numbers,
    moved: NDArray[np.uint8],
    spare: Links,
) -> bool:
    """Repair the order after ``v`` came to stand before ``target``; False if that is a cycle."""
    first = place[target]
    last = place[v]
    moved[v] = 1
    count = 0
    for z in range(last, first - 1, -1):
        x = order[z]
        if moved[x] | moved[js[x]] | moved[ms[x]]:
            moved[x] = 1
            spare[count] = x
            count += 1
    sound = moved[target] == 0
    if sound:
        free = last
        for z in range(last, first - 1, -1):
            x = order[z]
            if not moved[x]:
                order[free] = x
                place[x] = free
                free -= 1
        for k in range(count):
            order[free] = spare[k]
            place[spare[k]] = free
            free -= 1
    for k in range(count):
        moved[spare[k]] = 0
    return sound
