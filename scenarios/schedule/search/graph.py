"""The disjunctive graph in place: machine chains, a topological order, longest paths.

An operation has at most one predecessor and one successor in its job (``jp``, ``js``) and on its
machine (``mp``, ``ms``); -1 says there is none. ``order`` lists the operations so that each comes
after its predecessors, ``place`` is its inverse. A move repairs only the stretch of the order that
it touches, and paths are worked out anew only behind (``head``) or before (``tail``) it.

References
----------
Pearce and Kelly (2007), A dynamic topological sort algorithm for directed acyclic graphs.
"""

from __future__ import annotations

from scenarios.schedule.search.chance import Numbers
from twin.engine.jit import compiled, inlined


@compiled
def sort(js: Numbers, jp: Numbers, mp: Numbers, ms: Numbers, order: Numbers, place: Numbers) -> int:
    """Put the operations in order; return how many could be: fewer than all means a cycle."""
    count = len(jp)
    end = 0
    for i in range(count):
        place[i] = (jp[i] >= 0) + (mp[i] >= 0)  # predecessors still to come, until it is placed
        if place[i] == 0:
            order[end] = i
            end += 1
    at = 0
    while at < end:
        i = order[at]
        at += 1
        for after in (js[i], ms[i]):
            if after >= 0:
                place[after] -= 1
                if place[after] == 0:
                    order[end] = after
                    end += 1
    for z in range(end):
        place[order[z]] = z
    return end


@inlined
def find_heads(
    start: int,
    order: Numbers,
    jp: Numbers,
    mp: Numbers,
    work: Numbers,
    release: Numbers,
    head: Numbers,
) -> None:
    """Work out the earliest starts from place ``start`` of the order on."""
    for z in range(start, len(order)):
        i = order[z]
        time = release[i]
        p = jp[i]
        if p >= 0:
            time = max(time, head[p] + work[p])
        p = mp[i]
        if p >= 0:
            time = max(time, head[p] + work[p])
        head[i] = time


@inlined
def find_tails(
    last: int, order: Numbers, js: Numbers, ms: Numbers, work: Numbers, tail: Numbers
) -> None:
    """Work out the longest paths behind each operation, from place ``last`` of the order down."""
    for z in range(last, -1, -1):
        i = order[z]
        time = 0
        s = js[i]
        if s >= 0:
            time = tail[s] + work[s]
        s = ms[i]
        if s >= 0:
            time = max(time, tail[s] + work[s])
        tail[i] = time


@inlined
def longest(ends: Numbers, head: Numbers, work: Numbers) -> int:
    """Return the makespan: ``ends`` are the last operations of the jobs."""
    time = 0
    for i in ends:
        time = max(time, head[i] + work[i])
    return time


@inlined
def cut(v: int, mp: Numbers, ms: Numbers) -> None:
    """Take an operation out of its machine's chain."""
    a = mp[v]
    b = ms[v]
    if a >= 0:
        ms[a] = b
    if b >= 0:
        mp[b] = a


@inlined
def join(a: int, v: int, b: int, mp: Numbers, ms: Numbers) -> None:
    """Put an operation between two neighbours; -1 where there is none."""
    mp[v] = a
    ms[v] = b
    if a >= 0:
        ms[a] = v
    if b >= 0:
        mp[b] = v


@inlined
def push_behind(
    v: int,
    target: int,
    jp: Numbers,
    mp: Numbers,
    order: Numbers,
    place: Numbers,
    moved: Numbers,
    spare: Numbers,
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
        p = jp[x]
        q = mp[x]
        if moved[x] or (p >= 0 and moved[p]) or (q >= 0 and moved[q]):
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
    v: int,
    target: int,
    js: Numbers,
    ms: Numbers,
    order: Numbers,
    place: Numbers,
    moved: Numbers,
    spare: Numbers,
) -> bool:
    """Repair the order after ``v`` came to stand before ``target``; False if that is a cycle."""
    first = place[target]
    last = place[v]
    moved[v] = 1
    count = 0
    for z in range(last, first - 1, -1):
        x = order[z]
        s = js[x]
        t = ms[x]
        if moved[x] or (s >= 0 and moved[s]) or (t >= 0 and moved[t]):
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
