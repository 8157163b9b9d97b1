"""The kernel's timers: an indexed heap by due time, with the arithmetic of the reference's ``Timer``."""

from __future__ import annotations

import math

from twin.engine.compiled.tables import (
    ANTITHETIC,
    CODE,
    DUE_S,
    FIRST_PARAMETER,
    GIVEN_S,
    HEAP,
    N_HEAP,
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
from twin.engine.streams import quantile, residual, uniform


@inner
def draw(M: Ints, X: Floats, distribution: int, key: int, a: int, b: int) -> float:
    """Return the time that belongs to index (a, b), s."""
    u = uniform(key, M[REPLICATION], a, b)
    if M[ANTITHETIC]:
        u = 1.0 - u
    first, last = M[M[FIRST_PARAMETER] + distribution], M[M[FIRST_PARAMETER] + distribution + 1]
    return quantile(M[M[CODE] + distribution], X[M[PARAMETERS] + first : M[PARAMETERS] + last], u)


@inner
def draw_left(
    M: Ints, X: Floats, distribution: int, key: int, age_s: float, a: int, b: int
) -> float:
    """Return the time left given an age, for index (a, b), s."""
    u = uniform(key, M[REPLICATION], a, b)
    if M[ANTITHETIC]:
        u = 1.0 - u
    first, last = M[M[FIRST_PARAMETER] + distribution], M[M[FIRST_PARAMETER] + distribution + 1]
    return residual(
        M[M[CODE] + distribution], X[M[PARAMETERS] + first : M[PARAMETERS] + last], age_s, u
    )


@inner
def _up(M: Ints, X: Floats, hole: int, timer: int) -> None:
    heap, place, due_s = M[HEAP], M[PLACE], M[DUE_S]
    time_s = X[due_s + timer]
    while hole > 0:
        parent = (hole - 1) >> 1
        other = M[heap + parent]
        if X[due_s + other] <= time_s:
            break
        M[heap + hole] = other
        M[place + other] = hole
        hole = parent
    M[heap + hole] = timer
    M[place + timer] = hole


@inner
def _down(M: Ints, X: Floats, hole: int, timer: int) -> None:
    heap, place, due_s = M[HEAP], M[PLACE], M[DUE_S]
    size = M[N_HEAP]
    time_s = X[due_s + timer]
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and X[due_s + M[heap + child + 1]] < X[due_s + M[heap + child]]:
            child += 1
        other = M[heap + child]
        if time_s <= X[due_s + other]:
            break
        M[heap + hole] = other
        M[place + other] = hole
        hole = child
    M[heap + hole] = timer
    M[place + timer] = hole


@inner
def push(M: Ints, X: Floats, timer: int, due_s: float) -> None:
    """Put a timer on the heap; one that is due in the past is due now."""
    X[M[DUE_S] + timer] = max(due_s, X[NOW])
    size = M[N_HEAP]
    M[N_HEAP] = size + 1
    _up(M, X, size, timer)


@inner
def remove(M: Ints, X: Floats, timer: int) -> None:
    """Take a timer off the heap, if it is on it."""
    hole = M[M[PLACE] + timer]
    if hole < 0:
        return
    M[M[PLACE] + timer] = -1
    size = M[N_HEAP] - 1
    M[N_HEAP] = size
    if hole == size:
        return
    last = M[M[HEAP] + size]
    if hole > 0 and X[M[DUE_S] + last] < X[M[DUE_S] + M[M[HEAP] + ((hole - 1) >> 1)]]:
        _up(M, X, hole, last)
    else:
        _down(M, X, hole, last)


@inner
def load(M: Ints, X: Floats, timer: int, total_s: float) -> None:
    """Set a new activity, not yet running."""
    remove(M, X, timer)
    X[M[TOTAL_S] + timer], X[M[WORKED_S] + timer], X[M[SINCE_S] + timer] = total_s, 0.0, math.nan
    X[M[GIVEN_S] + timer] = X[M[REMAINING_S] + timer] = math.nan


@inner
def resume(M: Ints, X: Floats, timer: int) -> None:
    """Run from now; nothing if it runs already."""
    if math.isnan(X[M[SINCE_S] + timer]):
        resume_from(M, X, timer, X[NOW])


@inner
def resume_from(M: Ints, X: Floats, timer: int, since_s: float) -> None:
    """Run from a moment in the past; nothing if it runs already."""
    if math.isnan(X[M[SINCE_S] + timer]):
        X[M[SINCE_S] + timer] = since_s
        push(M, X, timer, since_s + (X[M[TOTAL_S] + timer] - X[M[WORKED_S] + timer]))


@inner
def resume_at(M: Ints, X: Floats, timer: int, due_s: float) -> None:
    """Be due at an absolute moment, s."""
    X[M[SINCE_S] + timer] = X[NOW]
    push(M, X, timer, due_s)


@inner
def pause(M: Ints, X: Floats, timer: int) -> None:
    """Stand still; nothing if it does already."""
    if not math.isnan(X[M[SINCE_S] + timer]):
        X[M[WORKED_S] + timer] += X[NOW] - X[M[SINCE_S] + timer]
        X[M[SINCE_S] + timer] = math.nan
        remove(M, X, timer)
