"""Annealing for every kind of problem: a step goes to another place in a sequence, or elsewhere.

Most moves are chosen where they can help: among the steps that wait for their machine on the path
that makes a costly job as late as it is. Times are exact for each move that is tried.

References
----------
Van Laarhoven, Aarts and Lenstra (1992), Job shop scheduling by simulated annealing.
Pearce and Kelly (2007), A dynamic topological sort algorithm for directed acyclic graphs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers, below, share
from scenarios.schedule.search.decode import (
    Amounts,
    State,
    Tables,
    Timed,
    arrival,
    finished,
    replay,
    worth,
)
from twin.engine.jit import compiled, inlined

_FAR = 60
"""Places that a step may jump in its sequence at most."""
_GUIDED = 3
"""Of this many moves all but one are chosen on a critical path."""
BLOCK = 128
"""Moves between two changes of the temperature."""


@inlined
def take_out(t: Tables, s: State, v: int) -> None:
    """Take a step out of its machine's sequence."""
    m = t.machine[s.choice[v]]
    a = s.mp[v]
    b = s.ms[v]
    if a >= 0:
        s.ms[a] = b
    else:
        s.front[m] = b
    if b >= 0:
        s.mp[b] = a
    else:
        s.back[m] = a


@inlined
def put_in(t: Tables, s: State, v: int, c: int, a: int) -> None:
    """Put a step behind ``a`` on the machine of choice ``c``; -1: first."""
    m = t.machine[c]
    b = s.ms[a] if a >= 0 else s.front[m]
    s.choice[v] = c
    s.mp[v] = a
    s.ms[v] = b
    if a >= 0:
        s.ms[a] = v
    else:
        s.front[m] = v
    if b >= 0:
        s.mp[b] = v
    else:
        s.back[m] = v


@inlined
def behind(t: Tables, s: State, v: int, target: int) -> bool:
    """Repair the order after ``v`` came to stand behind ``target``; False if that is a cycle."""
    first, last = s.place[v], s.place[target]
    count = 0
    for z in range(first, last + 1):
        x = s.order[z]
        s.old_order[z] = x
        goes = x == v or (s.mp[x] >= 0 and s.moved[s.mp[x]] == 1)
        k = t.before_at[x]
        while not goes and k < t.before_at[x + 1]:
            goes = s.moved[t.before[k]] == 1
            k += 1
        if goes:
            s.moved[x] = 1
            s.spare[count] = x
            count += 1
    sound = s.moved[target] == 0
    if sound:
        free = first
        for z in range(first, last + 1):
            x = s.order[z]
            if s.moved[x] == 0:
                s.order[free] = x
                s.place[x] = free
                free += 1
        for k in range(count):
            s.order[free] = s.spare[k]
            s.place[s.spare[k]] = free
            free += 1
    for k in range(count):
        s.moved[s.spare[k]] = 0
    return sound


@inlined
def ahead(t: Tables, s: State, v: int, target: int) -> bool:
    """Repair the order after ``v`` came to stand before ``target``; False if that is a cycle."""
    first, last = s.place[target], s.place[v]
    count = 0
    for z in range(last, first - 1, -1):
        x = s.order[z]
        s.old_order[z] = x
        goes = x == v or (s.ms[x] >= 0 and s.moved[s.ms[x]] == 1)
        k = t.after_at[x]
        while not goes and k < t.after_at[x + 1]:
            goes = s.moved[t.after[k]] == 1
            k += 1
        if goes:
            s.moved[x] = 1
            s.spare[count] = x
            count += 1
    sound = s.moved[target] == 0
    if sound:
        free = last
        for z in range(last, first - 1, -1):
            x = s.order[z]
            if s.moved[x] == 0:
                s.order[free] = x
                s.place[x] = free
                free -= 1
        for k in range(count):
            s.order[free] = s.spare[k]
            s.place[s.spare[k]] = free
            free -= 1
    for k in range(count):
        s.moved[s.spare[k]] = 0
    return sound


@inlined
def costly_job(t: Tables, s: Timed, chance: NDArray[np.uint64]) -> int:
    """Return a random job that costs something: late, last of all, or paid by its end."""
    count = len(t.due)
    last = 0
    if t.costs[0] > 0:
        for j in range(count):
            last = max(last, finished(t, s, j))
    found = -1
    ties = 0
    for j in range(count):
        time = finished(t, s, j)
        costs = (time > t.due[j] and t.late[j] > 0) or t.flow[j] > 0 or time > t.deadline[j]
        if costs or (t.costs[0] > 0 and time == last):
            ties += 1
            if below(chance, ties) == 0:
                found = j
    return found


@inlined
def waiting_step(t: Tables, s: State, j: int, chance: NDArray[np.uint64]) -> int:
    """Return a random step that waits for its machine on the path that leads to a job's end."""
    x = -1
    for k in range(t.end_at[j], t.end_at[j + 1]):
        if x < 0 or s.end[t.ends[k]] > s.end[x]:
            x = t.ends[k]
    found = -1
    ties = 0
    while x >= 0:
        come = arrival(t, s, x)
        p = s.mp[x]
        free = s.end[p] + s.setup[x] if p >= 0 else -1
        if p >= 0 and free >= come:
            ties += 1
            if below(chance, ties) == 0:
                found = x
            if free > come or below(chance, 2) == 0:
                x = p
                continue
        last = -1
        for k in range(t.before_at[x], t.before_at[x + 1]):
            b = t.before[k]
            if last < 0 or s.end[b] > s.end[last]:
                last = b
        x = last if come > t.release[x] else -1
    return found


@inlined
def jump(chance: NDArray[np.uint64], longest: int) -> int:
    """Return how far a step goes: mostly to the next place, at times anywhere."""
    if below(chance, 2) == 0:
        return 1
    u = share(chance)
    return 1 + int((u if below(chance, 3) == 0 else u * u * u) * (longest - 1))


@inlined
def elsewhere(t: Tables, s: State, v: int, c: int, chance: NDArray[np.uint64]) -> int:
    """Return the step behind which ``v`` fits by time on the machine of another choice."""
    moment = s.start[v]
    if below(chance, 2) == 0:
        moment = arrival(t, s, v)
    a = s.back[t.machine[c]]
    while a >= 0 and s.start[a] >= moment:
        a = s.mp[a]
    shift = below(chance, 4)
    if shift == 1 and a >= 0:
        a = s.mp[a]
    elif shift == 2:
        b = s.ms[a] if a >= 0 else s.front[t.machine[c]]
        if b >= 0:
            a = b
    return a


@inlined
def propose(t: Tables, s: State, chance: NDArray[np.uint64], move: Numbers) -> bool:
    """Choose a move: step, choice, and the step behind which it comes; False if there is none."""
    count = len(s.order)
    x = -1
    if below(chance, _GUIDED) > 0:
        j = costly_job(t, s, chance)
        if j >= 0:
            x = waiting_step(t, s, j, chance)
    guided = x >= 0
    if not guided:
        x = below(chance, count)
    v = x
    if guided and below(chance, 3) == 0:
        v = s.mp[x]
    options = t.choice_at[v + 1] - t.choice_at[v]
    c = s.choice[v]
    if options > 1 and below(chance, 5) < 2:
        other = t.choice_at[v] + below(chance, options - 1)
        c = other if other < c else other + 1
        a = elsewhere(t, s, v, c, chance)
    else:
        # No further than there are steps on a machine: most others would end at the same place.
        far = jump(chance, min(_FAR, 1 + count // len(s.front)))
        back = below(chance, 2) == 0 if not guided else v == x
        if back:
            a = s.mp[v]
            if a < 0:
                return False
            while far > 0 and a >= 0:
                a = s.mp[a]
                far -= 1
        else:
            a = s.ms[v]
            if a < 0:
                return False
            while far > 1 and s.ms[a] >= 0:
                a = s.ms[a]
                far -= 1
    b = s.ms[a] if a >= 0 else s.front[t.machine[c]]
    if t.pinned[v] or (b >= 0 and t.pinned[b]):
        return False
    move[0], move[1], move[2] = v, c, a
    return True


@inlined
def attempt(t: Tables, s: State, move: Numbers, span: Numbers) -> bool:
    """Make a move and work out times; False, and nothing has changed, if it is a cycle.

    ``span``: first and last place whose order changed, first and last place with new times; before
    them the choice and the predecessor that :func:`revert` needs.
    """
    v, c, a = move[0], move[1], move[2]
    span[0], span[1] = s.choice[v], s.mp[v]
    here = s.place[v]
    old = s.ms[v]
    take_out(t, s, v)
    put_in(t, s, v, c, a)
    b = s.ms[v]
    first = here
    span[2], span[3] = 0, -1
    sound = True
    if a >= 0 and s.place[a] > here:
        span[2], span[3] = here, s.place[a]
        sound = behind(t, s, v, a)
    elif b >= 0 and s.place[b] < here:
        first = s.place[b]
        span[2], span[3] = first, here
        sound = ahead(t, s, v, b)
    if not sound:
        take_out(t, s, v)
        put_in(t, s, v, span[0], span[1])
        return False
    until = max(here, s.place[v])
    if b >= 0:
        until = max(until, s.place[b])
    if old >= 0:
        until = max(until, s.place[old])
    for k in range(t.after_at[v], t.after_at[v + 1]):  # transport may differ
        until = max(until, s.place[t.after[k]])
    span[4] = first
    span[5] = replay(t, s, first, until)
    return True


@inlined
def revert(t: Tables, s: State, v: int, span: Numbers) -> None:
    """Take back the last move."""
    for z in range(span[4], span[5] + 1):
        i = s.order[z]
        s.start[i], s.end[i], s.setup[i] = s.old_start[i], s.old_end[i], s.old_setup[i]
    for z in range(span[2], span[3] + 1):
        i = s.old_order[z]
        s.order[z] = i
        s.place[i] = z
    take_out(t, s, v)
    put_in(t, s, v, span[0], span[1])


@compiled
def run(
    t: Tables,
    s: State,
    best_ms: Numbers,
    best_choice: Numbers,
    best_front: Numbers,
    chance: NDArray[np.uint64],
    moves: Numbers,
    terms: Amounts,
) -> float:
    """Try moves while it cools; return the best value.

    ``moves``: how many; then scratch. ``terms``: value now, best value, temperature now, factor by
    which it falls in a block, and the sum and number of rises that were met; all are written back.
    """
    value, best, heat = terms[0], terms[1], terms[2]
    move, span = moves[1:4], moves[4:10]
    for step in range(moves[0]):
        if step % BLOCK == 0:
            heat *= terms[3]
        if not propose(t, s, chance, move) or not attempt(t, s, move, span):
            continue
        found = worth(t, s)
        rise = found - value
        if rise > 0:
            terms[4] += rise
            terms[5] += 1.0
        if rise > -heat * math.log(share(chance)):
            revert(t, s, move[0], span)
            continue
        value = found
        if value < best - 1e-9 * abs(best):
            best = value
            for i in range(len(best_ms)):
                best_ms[i] = s.ms[i]
                best_choice[i] = s.choice[i]
            for m in range(len(best_front)):
                best_front[m] = s.front[m]
    terms[0], terms[1], terms[2] = value, best, heat
    return best
