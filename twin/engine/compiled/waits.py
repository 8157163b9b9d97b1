"""What of a part's waiting the clock has a say in: longest waits, and belts.

A step with a longest wait has a list of the parts that wait for it, in the order in which they
began, and one timer for the first of them; a buffer has one timer for the next moment at which a
part has come to its end, or has waited there long enough for a batch.
"""

from __future__ import annotations

import math

from twin.engine.compiled.looks import part_at
from twin.engine.compiled.memory import (
    add_whole,
    get,
    moment,
    put,
    put_real,
    real,
    whole,
)
from twin.engine.compiled.tables import (
    BUFFER_SORTED,
    BUFFER_TAIL,
    FIRST_TIMER,
    FIRST_WAIT,
    N_OVERDUE,
    NOW,
    OVERDUE,
    PART_BEFORE,
    PART_CREATED_S,
    PART_ENTERED_S,
    PART_ID,
    PART_PRODUCT,
    PART_READY_S,
    PART_ROW,
    PART_STATUS,
    PRODUCT_LIMITED,
    STEP_WATCH,
    T_LOOK,
    T_OVERDUE,
    TRANSIT_S,
    WAIT_S,
    WAITING,
    WATCH_BEFORE,
    WATCH_HEAD,
    WATCH_LONGEST_S,
    WATCH_NEXT,
    WATCH_TAIL,
    WATCHED,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import due_s, resume_at
from twin.engine.jit import aside, inner, outlined


@outlined
def ready(M: Ints, X: Floats, p: int) -> None:
    """Note that a part waits for its next operation from now on."""
    if get(M, PRODUCT_LIMITED, get(M, PART_PRODUCT, p)):
        put_real(M, X, PART_READY_S, p, moment(M, X, NOW))
        watch(M, X, p)


@inner
def waits_from_s(M: Ints, X: Floats, p: int) -> float:
    """Return since when a part waits for its next operation, s."""
    ready_s = real(M, X, PART_READY_S, p)
    return real(M, X, PART_CREATED_S, p) if math.isnan(ready_s) else ready_s


@outlined
def watch(M: Ints, X: Floats, p: int) -> None:
    """Have a look at a part when it has waited too long for its next operation."""
    w = get(M, STEP_WATCH, get(M, PART_ROW, p))
    if w < 0:
        return
    since_s, before = (waits_from_s(M, X, p), get(M, WATCH_TAIL, w))
    while before >= 0 and waits_from_s(M, X, before) > since_s:
        before = get(M, WATCH_BEFORE, before)
    after = get(M, WATCH_NEXT, before) if before >= 0 else get(M, WATCH_HEAD, w)
    put(M, WATCHED, p, 1)
    put(M, WATCH_BEFORE, p, before)
    put(M, WATCH_NEXT, p, after)
    if after >= 0:
        put(M, WATCH_BEFORE, after, p)
    else:
        put(M, WATCH_TAIL, w, p)
    if before >= 0:
        put(M, WATCH_NEXT, before, p)
    else:
        put(M, WATCH_HEAD, w, p)
        _arm(M, X, w)


@inner
def _arm(M: Ints, X: Floats, w: int) -> None:
    """Wait for the first part of a list."""
    p = get(M, WATCH_HEAD, w)
    if p >= 0:
        due = waits_from_s(M, X, p) + real(M, X, WATCH_LONGEST_S, w)
        resume_at(M, X, get(M, FIRST_TIMER, T_OVERDUE) + w, max(due, moment(M, X, NOW)))


@outlined
def unwatch(M: Ints, X: Floats, p: int) -> None:
    """Take a part out of its list: it no longer waits. The timer may come for nothing."""
    if not get(M, WATCHED, p):
        return
    w = get(M, STEP_WATCH, get(M, PART_ROW, p))
    before, after = (get(M, WATCH_BEFORE, p), get(M, WATCH_NEXT, p))
    put(M, WATCHED, p, 0)
    if before >= 0:
        put(M, WATCH_NEXT, before, after)
    else:
        put(M, WATCH_HEAD, w, after)
    if after >= 0:
        put(M, WATCH_BEFORE, after, before)
    else:
        put(M, WATCH_TAIL, w, before)


@aside
def overdue(M: Ints, X: Floats, w: int) -> None:
    """Gather the parts of a list that have waited too long, all of them by number."""
    p = get(M, WATCH_HEAD, w)
    while p >= 0 and waits_from_s(M, X, p) + real(M, X, WATCH_LONGEST_S, w) <= moment(M, X, NOW):
        unwatch(M, X, p)
        at = whole(M, N_OVERDUE)
        while at > 0 and get(M, PART_ID, get(M, OVERDUE, at - 1)) > get(M, PART_ID, p):
            put(M, OVERDUE, at, get(M, OVERDUE, at - 1))
            at -= 1
        put(M, OVERDUE, at, p)
        add_whole(M, N_OVERDUE, 1)
        p = get(M, WATCH_HEAD, w)
    _arm(M, X, w)


@outlined
def look_out_for(M: Ints, X: Floats, p: int, b: int) -> None:
    """Look again when a part has come to the end of its buffer, and waited there for a batch."""
    ready_s = real(M, X, PART_ENTERED_S, p) + real(M, X, TRANSIT_S, b)
    at_s = ready_s if ready_s > moment(M, X, NOW) else math.inf
    for i in range(get(M, FIRST_WAIT, b), get(M, FIRST_WAIT, b + 1)):
        waited_s = ready_s + real(M, X, WAIT_S, i)
        if waited_s > moment(M, X, NOW):
            at_s = min(at_s, waited_s)
    timer = get(M, FIRST_TIMER, T_LOOK) + b
    due = due_s(M, X, timer)  # in the past: it has just come
    if at_s < due or (due <= moment(M, X, NOW) and at_s < math.inf):
        resume_at(M, X, timer, at_s)


@aside
def look_again(M: Ints, X: Floats, b: int) -> None:
    """Let those look who take from a buffer; wait for what comes to its end next."""
    part_at(M, b)
    now, last = moment(M, X, NOW), get(M, FIRST_WAIT, b + 1)
    longest_s = real(M, X, WAIT_S, last - 1) if last > get(M, FIRST_WAIT, b) else 0.0
    p = get(M, BUFFER_TAIL, b)
    while p >= 0:
        ready_s = real(M, X, PART_ENTERED_S, p) + real(M, X, TRANSIT_S, b)
        if ready_s + longest_s <= now and get(M, BUFFER_SORTED, b):
            return  # what stands before it came before it
        if get(M, PART_STATUS, p) == WAITING:
            look_out_for(M, X, p, b)
        p = get(M, PART_BEFORE, p)
