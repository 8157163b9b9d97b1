"""The kernel's timers: an indexed heap by due time, with the arithmetic of ``reference.clock``."""

from __future__ import annotations

import math

from twin.engine.compiled.memory import add_real, get, moment, put, put_real, put_whole, real, whole
from twin.engine.compiled.tables import (
    ANTITHETIC,
    CODE,
    DUE_S,
    FIRST_PARAMETER,
    GIVEN_S,
    HEAP,
    N_HEAP,
    NAN,
    NOW,
    PARAMETERS,
    PLACE,
    REMAINING_S,
    REPLICATION,
    SINCE_S,
    TOTAL_S,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.jit import inner
from twin.engine.streams import quantile_at, residual_at, uniform


@inner
def draw(M: Ints, X: Floats, distribution: int, key: int, a: int, b: int) -> float:
    """Return the time that belongs to index (a, b), s."""
    u = uniform(key, whole(M, REPLICATION), a, b)
    if whole(M, ANTITHETIC):
        u = 1.0 - u
    begin = whole(M, PARAMETERS)
    first = begin + get(M, FIRST_PARAMETER, distribution)
    last = begin + get(M, FIRST_PARAMETER, distribution + 1)
    return quantile_at(get(M, CODE, distribution), X, first, last, u)


@inner
def draw_left(
    M: Ints, X: Floats, distribution: int, key: int, age_s: float, a: int, b: int
) -> float:
    """Return the time left given an age, for index (a, b), s."""
    u = uniform(key, whole(M, REPLICATION), a, b)
    if whole(M, ANTITHETIC):
        u = 1.0 - u
    begin = whole(M, PARAMETERS)
    first = begin + get(M, FIRST_PARAMETER, distribution)
    last = begin + get(M, FIRST_PARAMETER, distribution + 1)
    return residual_at(get(M, CODE, distribution), X, first, last, age_s, u)


@inner
def _up(M: Ints, X: Floats, hole: int, timer: int) -> None:
    time_s = real(M, X, DUE_S, timer)
    while hole > 0:
        parent = (hole - 1) >> 1
        other = get(M, HEAP, parent)
        if real(M, X, DUE_S, other) <= time_s:
            break
        put(M, HEAP, hole, other)
        put(M, PLACE, other, hole)
        hole = parent
    put(M, HEAP, hole, timer)
    put(M, PLACE, timer, hole)


@inner
def _down(M: Ints, X: Floats, hole: int, timer: int) -> None:
    size = whole(M, N_HEAP)
    time_s = real(M, X, DUE_S, timer)
    child = 2 * hole + 1
    while child < size:
        other = get(M, HEAP, child)
        other_s = real(M, X, DUE_S, other)
        if child + 1 < size:
            second = get(M, HEAP, child + 1)
            second_s = real(M, X, DUE_S, second)
            if second_s < other_s:
                child, other, other_s = child + 1, second, second_s
        if time_s <= other_s:
            break
        put(M, HEAP, hole, other)
        put(M, PLACE, other, hole)
        hole = child
        child = 2 * hole + 1
    put(M, HEAP, hole, timer)
    put(M, PLACE, timer, hole)


@inner
def push(M: Ints, X: Floats, timer: int, due_s: float) -> None:
    """Put a timer on the heap; one that is due in the past is due now."""
    put_real(M, X, DUE_S, timer, max(due_s, moment(X, NOW)))
    size = whole(M, N_HEAP)
    put_whole(M, N_HEAP, size + 1)
    _up(M, X, size, timer)


@inner
def remove(M: Ints, X: Floats, timer: int) -> None:
    """Take a timer off the heap, if it is on it."""
    hole = get(M, PLACE, timer)
    if hole < 0:
        return
    put(M, PLACE, timer, -1)
    size = whole(M, N_HEAP) - 1
    put_whole(M, N_HEAP, size)
    if hole == size:
        return
    last = get(M, HEAP, size)
    if hole > 0 and real(M, X, DUE_S, last) < real(M, X, DUE_S, get(M, HEAP, hole - 1 >> 1)):
        _up(M, X, hole, last)
    else:
        _down(M, X, hole, last)


@inner
def load(M: Ints, X: Floats, timer: int, total_s: float) -> None:
    """Set a new activity, not yet running."""
    remove(M, X, timer)
    put_real(M, X, TOTAL_S, timer, total_s)
    put_real(M, X, WORKED_S, timer, 0.0)
    put_real(M, X, SINCE_S, timer, NAN)
    put_real(M, X, GIVEN_S, timer, NAN)
    put_real(M, X, REMAINING_S, timer, NAN)


@inner
def resume(M: Ints, X: Floats, timer: int) -> None:
    """Run from now; nothing if it runs already."""
    if math.isnan(real(M, X, SINCE_S, timer)):
        resume_from(M, X, timer, moment(X, NOW))


@inner
def resume_from(M: Ints, X: Floats, timer: int, since_s: float) -> None:
    """Run from a moment in the past; nothing if it runs already."""
    if math.isnan(real(M, X, SINCE_S, timer)):
        put_real(M, X, SINCE_S, timer, since_s)
        push(M, X, timer, since_s + (real(M, X, TOTAL_S, timer) - real(M, X, WORKED_S, timer)))


@inner
def resume_at(M: Ints, X: Floats, timer: int, due_s: float) -> None:
    """Be due at an absolute moment, s."""
    put_real(M, X, SINCE_S, timer, moment(X, NOW))
    push(M, X, timer, due_s)


@inner
def pause(M: Ints, X: Floats, timer: int) -> None:
    """Stand still; nothing if it does already."""
    if not math.isnan(real(M, X, SINCE_S, timer)):
        add_real(M, X, WORKED_S, timer, moment(X, NOW) - real(M, X, SINCE_S, timer))
        put_real(M, X, SINCE_S, timer, NAN)
        remove(M, X, timer)
