"""The kernel's wear of stations: what ``reference.wear`` does.

Only stations that wear come here. The failure modes of such a station age at a rate; elsewhere the
rate is 1, which changes no bit, and is left out.
"""

from __future__ import annotations

import math

from twin.engine.compiled.log import note
from twin.engine.compiled.memory import add, add_real, get, moment, put, put_real, real, whole
from twin.engine.compiled.tables import (
    BY_CALENDAR,
    CYCLES,
    DUE,
    FIRST_LEVEL,
    FIRST_MODE,
    FIRST_TIMER,
    LEVEL_AFTER,
    LEVEL_FAILURE,
    LEVEL_S,
    LEVEL_TIME,
    MODE_AGES,
    MODE_AT_LEVEL,
    MODE_MENDS,
    MODE_RATE,
    MODE_STATUS,
    MODE_WORN,
    N_DUE,
    N_FIRED,
    NAN,
    NOW,
    OPERATING,
    RUNNING,
    SINCE_S,
    STATION_ELEMENT,
    STATION_WORKING,
    T_LIFE,
    T_WEAR,
    TOTAL_S,
    WEAR_CLOCK,
    WEAR_KEY,
    WEAR_LEVEL,
    WEAR_LOWERED,
    WEAR_MENDED,
    WEAR_RISEN,
    WEAR_SINCE_S,
    WEAR_STEPS,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import (
    draw,
    due_now,
    load,
    not_due,
    pause,
    push,
    remove,
    resume,
    resume_until,
)
from twin.engine.jit import aside, inlined, inner, outlined


@inner
def level_of(M: Ints, s: int) -> int:
    """Return the row of levels that tells what a station is like."""
    return get(M, FIRST_LEVEL, s) + get(M, WEAR_LEVEL, s)


@inner
def _is_last(M: Ints, s: int) -> bool:
    return get(M, LEVEL_AFTER, level_of(M, s)) < 0


@inner
def worn_time(M: Ints, X: Floats, s: int) -> float:
    """Return the factor of wear on the processing times that begin."""
    return real(M, X, LEVEL_TIME, level_of(M, s))


@aside
def age_from(M: Ints, X: Floats, m: int, since_s: float) -> None:
    """Let a mode age at its rate from a moment on; nothing if it does already."""
    timer = get(M, FIRST_TIMER, T_LIFE) + m
    if math.isnan(real(M, X, SINCE_S, timer)):
        left_s = real(M, X, TOTAL_S, timer) - real(M, X, WORKED_S, timer)
        put_real(M, X, SINCE_S, timer, since_s)
        push(M, X, timer, since_s + left_s / real(M, X, MODE_RATE, m))


@inlined
def _age_until(M: Ints, X: Floats, m: int, end_s: float) -> None:
    """Let a mode age from now; not due if it would be after ``end_s``: it ages no more then."""
    timer = get(M, FIRST_TIMER, T_LIFE) + m
    if math.isnan(real(M, X, SINCE_S, timer)):
        left_s, now = real(M, X, TOTAL_S, timer) - real(M, X, WORKED_S, timer), moment(M, X, NOW)
        put_real(M, X, SINCE_S, timer, now)
        time_s = now + left_s / real(M, X, MODE_RATE, m)
        if time_s <= end_s:
            push(M, X, timer, time_s)


@inner
def _stop_ageing(M: Ints, X: Floats, m: int) -> None:
    """Let a mode age no more; nothing if it does not."""
    timer = get(M, FIRST_TIMER, T_LIFE) + m
    since_s = real(M, X, SINCE_S, timer)
    if not math.isnan(since_s):
        add_real(M, X, WORKED_S, timer, (moment(M, X, NOW) - since_s) * real(M, X, MODE_RATE, m))
        put_real(M, X, SINCE_S, timer, NAN)
        remove(M, X, timer)


@outlined
def use_began(M: Ints, X: Floats, s: int, end_s: float) -> None:
    """Let what the station has age, and itself wear: it processes, until ``end_s`` at most."""
    for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
        if get(M, MODE_AGES, m):
            _age_until(M, X, m, end_s)
    if get(M, WEAR_CLOCK, s) == OPERATING and not _is_last(M, s):
        resume_until(M, X, get(M, FIRST_TIMER, T_WEAR) + s, end_s)


@outlined
def use_ended(M: Ints, X: Floats, s: int) -> None:
    """Let it age and wear no more: it processes no more."""
    for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
        if get(M, MODE_AGES, m):
            _stop_ageing(M, X, m)
    if get(M, WEAR_CLOCK, s) == OPERATING:
        pause(M, X, get(M, FIRST_TIMER, T_WEAR) + s)


@aside
def use_counted(M: Ints, X: Floats, s: int) -> None:
    """Count one operation more; the next level may be due in this round."""
    if get(M, WEAR_CLOCK, s) == CYCLES and not _is_last(M, s):
        timer = get(M, FIRST_TIMER, T_WEAR) + s
        add_real(M, X, WORKED_S, timer, 1.0)
        if real(M, X, WORKED_S, timer) >= real(M, X, TOTAL_S, timer):
            due_now(M, timer)


@aside
def rise(M: Ints, X: Floats, s: int) -> None:
    """Reach the next level; maintenance may be due with it."""
    _account_level(M, X, s)
    add(M, WEAR_LEVEL, s, 1)
    add(M, WEAR_STEPS, s, 1)
    _changed(M, X, s, WEAR_RISEN)
    for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
        at = get(M, MODE_AT_LEVEL, m)
        if 0 < at <= get(M, WEAR_LEVEL, s) and get(M, MODE_STATUS, m) == RUNNING:
            due_now(M, get(M, FIRST_TIMER, T_LIFE) + m)


@aside
def mended(M: Ints, X: Floats, m: int, s: int) -> None:
    """Take off the levels that the end of a repair or of maintenance does."""
    levels = get(M, MODE_MENDS, m)
    if levels > 0:
        not_due(M, X, get(M, FIRST_TIMER, T_WEAR) + s)
        _account_level(M, X, s)
        put(M, WEAR_LEVEL, s, max(0, get(M, WEAR_LEVEL, s) - levels))
        add(M, WEAR_MENDED, s, 1)
        _changed(M, X, s, WEAR_LOWERED)


@inner
def _account_level(M: Ints, X: Floats, s: int) -> None:
    """Add the time since the last change to that at the level."""
    time_s = moment(M, X, NOW) - real(M, X, WEAR_SINCE_S, s)
    if time_s > 0.0:
        add_real(M, X, LEVEL_S, level_of(M, s), time_s)
        put_real(M, X, WEAR_SINCE_S, s, moment(M, X, NOW))


@aside
def _changed(M: Ints, X: Floats, s: int, kind: int) -> None:
    note(M, X, kind, get(M, STATION_ELEMENT, s), -1, get(M, WEAR_LEVEL, s), NAN)
    timer, after, clock = get(M, FIRST_TIMER, T_WEAR) + s, level_of(M, s), get(M, WEAR_CLOCK, s)
    load(M, X, timer, 0.0)
    if not _is_last(M, s):
        times, ups = get(M, LEVEL_AFTER, after), get(M, WEAR_STEPS, s)
        load(M, X, timer, draw(M, X, times, get(M, WEAR_KEY, s), ups, get(M, WEAR_MENDED, s)))
        used = clock == OPERATING and get(M, STATION_WORKING, s) > 0
        if used or clock == BY_CALENDAR:
            resume(M, X, timer)
    for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
        if get(M, MODE_WORN, m):
            _set_rate(M, X, m, real(M, X, LEVEL_FAILURE, after))


@inner
def _set_rate(M: Ints, X: Floats, m: int, rate: float) -> None:
    """Let a mode age faster or slower from now on; what is due in this round stays so."""
    timer = get(M, FIRST_TIMER, T_LIFE) + m
    if rate == real(M, X, MODE_RATE, m):
        return
    runs = not math.isnan(real(M, X, SINCE_S, timer)) and not _is_due(M, timer)
    if runs:
        _stop_ageing(M, X, m)
    put_real(M, X, MODE_RATE, m, rate)
    if runs:
        age_from(M, X, m, moment(M, X, NOW))


@inner
def _is_due(M: Ints, timer: int) -> bool:
    """Tell whether a timer fires in this round yet."""
    found = False
    for i in range(whole(M, N_FIRED), whole(M, N_DUE)):
        found = found or get(M, DUE, i) == timer
    return found
