"""The kernel's timers: a tree of what is due first, with the arithmetic of ``reference.clock``.

Each timer is a leaf of a tree; each node knows the earliest of the group of children that it has.
Groups are looked at as a whole, without a branch: in a line of ten the tree is one group. A timer
that changes sets its leaf and walks up once. The timer that is due is taken out late, at the end of
its round: mostly it has been set anew by then.
"""

from __future__ import annotations

import math

from twin.engine.bits import lowest_bit, unsigned
from twin.engine.compiled.memory import (
    GROUP,
    add_real,
    equals,
    get,
    least,
    moment,
    put,
    put_real,
    put_whole,
    real,
    reals,
    start,
    whole,
)
from twin.engine.compiled.tables import (
    ANTITHETIC,
    CODE,
    COMING_ON,
    CREW_COMING,
    DUE,
    FIRST_COMING,
    FIRST_PARAMETER,
    FIRST_SWITCH,
    GIVEN_S,
    LEAF,
    N_DUE,
    N_FIRED,
    N_STALE,
    NAN,
    NODE_S,
    NOW,
    PARAMETERS,
    RANK_SHIFT,
    REMAINING_S,
    REPLICATION,
    SHIFT_END_DUE,
    SHIFT_START_DUE,
    SINCE_S,
    STATION_SWITCH,
    SWITCH_ON,
    T_CREW,
    T_SHIFT,
    TIMER_KIND,
    TIMER_OWNER,
    TIMER_RANK,
    TOTAL_S,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.jit import aside, inlined, inner, outlined
from twin.engine.streams import quantile_at, residual_at, uniform


@outlined
def chance(M: Ints, key: int, a: int, b: int) -> float:
    """Return the uniform number that belongs to index (a, b)."""
    u = uniform(unsigned(key), whole(M, REPLICATION), a, b)
    return 1.0 - u if whole(M, ANTITHETIC) else u


@outlined
def draw(M: Ints, X: Floats, distribution: int, key: int, a: int, b: int) -> float:
    """Return the time that belongs to index (a, b), s."""
    begin = start(M, PARAMETERS)
    first = begin + get(M, FIRST_PARAMETER, distribution)
    last = begin + get(M, FIRST_PARAMETER, distribution + 1)
    code, u = get(M, CODE, distribution), chance(M, key, a, b)
    return quantile_at(code, reals(M, X), first, last, u)


@outlined
def draw_left(
    M: Ints, X: Floats, distribution: int, key: int, age_s: float, a: int, b: int
) -> float:
    """Return the time left given an age, for index (a, b), s."""
    begin = start(M, PARAMETERS)
    first = begin + get(M, FIRST_PARAMETER, distribution)
    last = begin + get(M, FIRST_PARAMETER, distribution + 1)
    u = chance(M, key, a, b)
    return residual_at(get(M, CODE, distribution), reals(M, X), first, last, age_s, u)


@inlined
def set_leaf(M: Ints, X: Floats, timer: int, time_s: float) -> None:
    """Let a timer be due at a moment, or never (infinity)."""
    node = whole(M, LEAF) + timer
    put_real(M, X, NODE_S, node, time_s)
    while node >= GROUP:
        group = node // GROUP
        node = group - 1
        put_real(M, X, NODE_S, node, least(M, X, NODE_S, group * GROUP))


@inlined
def next_s(M: Ints, X: Floats) -> float:
    """Return the moment at which the next timer is due, s."""
    return least(M, X, NODE_S, 0)


@inlined
def next_timer(M: Ints, X: Floats, time_s: float) -> int:
    """Return a timer that is due at the moment that is the next; -1 - it if others are too."""
    leaf = whole(M, LEAF)
    same = equals(M, X, NODE_S, 0, time_s)
    node, others = lowest_bit(same), same & (same - 1)
    while node < leaf:
        first = (node + 1) * GROUP
        same = equals(M, X, NODE_S, first, time_s)
        node, others = first + lowest_bit(same), others | (same & (same - 1))
    return -1 - (node - leaf) if others else node - leaf


@inlined
def due_s(M: Ints, X: Floats, timer: int) -> float:
    """Return the moment at which a timer is due, s; infinite if it is not."""
    return real(M, X, NODE_S, whole(M, LEAF) + timer)


@inlined
def is_set(M: Ints, X: Floats, timer: int) -> bool:
    """Tell whether a timer is due at some moment."""
    return due_s(M, X, timer) < math.inf


@inlined
def tidy(M: Ints, X: Floats) -> None:
    """Take the timer out that was due, unless it has been set anew."""
    stale = whole(M, N_STALE)
    if stale >= 0:
        put_whole(M, N_STALE, -1)
        set_leaf(M, X, stale, math.inf)


@inlined
def push(M: Ints, X: Floats, timer: int, time_s: float) -> None:
    """Let a timer be due; what is due in the past is due now."""
    if whole(M, N_STALE) == timer:
        put_whole(M, N_STALE, -1)
    now = moment(M, X, NOW)
    set_leaf(M, X, timer, max(now, time_s))


@outlined
def remove(M: Ints, X: Floats, timer: int) -> None:
    """Let a timer not be due."""
    if whole(M, N_STALE) != timer and is_set(M, X, timer):
        set_leaf(M, X, timer, math.inf)


@inlined
def load(M: Ints, X: Floats, timer: int, total_s: float) -> None:
    """Set a new activity, not yet running. The one before it has ended or stands still."""
    put_real(M, X, TOTAL_S, timer, total_s)
    put_real(M, X, WORKED_S, timer, 0.0)
    put_real(M, X, SINCE_S, timer, NAN)
    put_real(M, X, GIVEN_S, timer, NAN)
    put_real(M, X, REMAINING_S, timer, NAN)


@inlined
def begin_now(M: Ints, X: Floats, timer: int, total_s: float) -> None:
    """Set a new activity and run it: ``load`` and ``resume`` in one."""
    now = moment(M, X, NOW)
    put_real(M, X, TOTAL_S, timer, total_s)
    put_real(M, X, WORKED_S, timer, 0.0)
    put_real(M, X, SINCE_S, timer, now)
    put_real(M, X, GIVEN_S, timer, NAN)
    put_real(M, X, REMAINING_S, timer, NAN)
    push(M, X, timer, now + (total_s - 0.0))


@inner
def resume(M: Ints, X: Floats, timer: int) -> None:
    """Run from now; nothing if it runs already."""
    resume_from(M, X, timer, moment(M, X, NOW))


@inlined
def resume_until(M: Ints, X: Floats, timer: int, end_s: float) -> None:
    """Run from now; not due if it would be after ``end_s``, when it is paused for certain."""
    if math.isnan(real(M, X, SINCE_S, timer)):
        now = moment(M, X, NOW)
        put_real(M, X, SINCE_S, timer, now)
        time_s = now + (real(M, X, TOTAL_S, timer) - real(M, X, WORKED_S, timer))
        if time_s <= end_s:
            push(M, X, timer, time_s)


@outlined
def resume_from(M: Ints, X: Floats, timer: int, since_s: float) -> None:
    """Run from a moment in the past; nothing if it runs already."""
    if math.isnan(real(M, X, SINCE_S, timer)):
        put_real(M, X, SINCE_S, timer, since_s)
        push(M, X, timer, since_s + (real(M, X, TOTAL_S, timer) - real(M, X, WORKED_S, timer)))


@outlined
def resume_at(M: Ints, X: Floats, timer: int, time_s: float) -> None:
    """Be due at an absolute moment, s."""
    put_real(M, X, SINCE_S, timer, moment(M, X, NOW))
    push(M, X, timer, time_s)


@inner
def pause(M: Ints, X: Floats, timer: int) -> None:
    """Stand still; nothing if it does already."""
    if not math.isnan(real(M, X, SINCE_S, timer)):
        add_real(M, X, WORKED_S, timer, moment(M, X, NOW) - real(M, X, SINCE_S, timer))
        put_real(M, X, SINCE_S, timer, NAN)
        remove(M, X, timer)


@outlined
def rank(M: Ints, timer: int) -> int:
    """Return the rank of a timer among those that are due at one moment."""
    if get(M, TIMER_KIND, timer) == T_SHIFT:
        s = get(M, TIMER_OWNER, timer)
        on = get(M, SWITCH_ON, get(M, FIRST_SWITCH, s) + get(M, STATION_SWITCH, s))
        due = SHIFT_START_DUE if on else SHIFT_END_DUE
        return get(M, TIMER_RANK, timer) + (due << RANK_SHIFT)
    if get(M, TIMER_KIND, timer) == T_CREW:
        crew = get(M, TIMER_OWNER, timer)
        on = get(M, COMING_ON, get(M, FIRST_COMING, crew) + get(M, CREW_COMING, crew))
        due = SHIFT_START_DUE if on else SHIFT_END_DUE
        return get(M, TIMER_RANK, timer) + (due << RANK_SHIFT)
    return get(M, TIMER_RANK, timer)


@aside
def due_now(M: Ints, timer: int) -> None:
    """Let a timer fire in this round, once, behind those of lower rank that have not fired yet."""
    first, count = whole(M, N_FIRED), whole(M, N_DUE)
    for i in range(first, count):
        if get(M, DUE, i) == timer:
            return
    mine, at = rank(M, timer), count
    while at > first and rank(M, get(M, DUE, at - 1)) > mine:
        put(M, DUE, at, get(M, DUE, at - 1))
        at -= 1
    put(M, DUE, at, timer)
    put_whole(M, N_DUE, count + 1)


@aside
def not_due(M: Ints, X: Floats, timer: int) -> None:
    """Take back what would be due, in this round or later."""
    kept = whole(M, N_FIRED)
    for i in range(kept, whole(M, N_DUE)):
        if get(M, DUE, i) != timer:
            put(M, DUE, kept, get(M, DUE, i))
            kept += 1
    put_whole(M, N_DUE, kept)
    remove(M, X, timer)
