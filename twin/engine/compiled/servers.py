"""The kernel's stations and servers: what ``reference.places`` does."""

from __future__ import annotations

import math

from twin.engine.compiled.log import account, note
from twin.engine.compiled.looks import look_at_station, tell
from twin.engine.compiled.memory import (
    add,
    add_real,
    add_whole,
    get,
    moment,
    put,
    put_real,
    real,
    whole,
)
from twin.engine.compiled.parts import gone, server_freed
from twin.engine.compiled.tables import (
    BAD,
    BUSY,
    CHANGING,
    CHOICE_MEAN_S,
    CHOICE_STATION,
    CHOICE_TIMES,
    DONE,
    DONE_COUNT,
    DONE_LIST,
    FIRST_CHOICE,
    FIRST_MODE,
    FIRST_SERVER,
    FIRST_TIMER,
    GROUPS,
    MODE_CALENDAR,
    N_LOST,
    N_SLOWED,
    NAN,
    NOW,
    OBSERVE,
    PART_DONE_S,
    PART_ID,
    PART_PRODUCT,
    PART_REWORKS,
    PART_ROW,
    PART_SCRAPPED,
    PART_STATUS,
    PART_STEP,
    PART_VISITS,
    PLANNED_S,
    PROCESSED,
    PROCESSING,
    PROCESSING_ENDED,
    PROCESSING_STARTED,
    PRODUCT_GROUP,
    REWORK_SENT,
    SERVER_CHOICE,
    SERVER_PART,
    SERVER_STATION,
    SERVER_TOLD,
    SETUP,
    SETUP_ENDED,
    SETUP_S,
    SETUP_STARTED,
    SINCE_S,
    SLOTS,
    SLOW_FACTOR,
    SLOW_ORDER,
    SLOW_STATION,
    STATION_ELEMENT,
    STATION_FINISH,
    STATION_FINISHED,
    STATION_GROUP,
    STATION_ON,
    STATION_QUALITY,
    STATION_SETUP,
    STATION_STOPS,
    STATION_WORK,
    STATION_WORKING,
    STEP_BACK,
    STEP_LIMIT,
    STEP_LUCK,
    STEP_REWORK,
    STEP_SCRAP,
    STEP_SLOT,
    T_LIFE,
    WAITING,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import (
    begin_now,
    chance,
    draw,
    due_s,
    pause,
    resume,
    resume_until,
)
from twin.engine.jit import inlined, inner


@inlined
def choice(M: Ints, X: Floats, step: int, s: int) -> int:
    """Return the row of choices for a step at a station, or -1."""
    for row in range(get(M, FIRST_CHOICE, step), get(M, FIRST_CHOICE, step + 1)):
        if get(M, CHOICE_STATION, row) == s:
            return row
    return -1


@inner
def setup_between(M: Ints, X: Floats, row: int, before: int, after: int) -> float:
    """Return the time of a change-over, s."""
    return real(M, X, SETUP_S, (row * whole(M, GROUPS) + before) * whole(M, GROUPS) + after)


@inner
def slowdown(M: Ints, X: Floats, s: int) -> float:
    """Return the factor on processing times that begin now."""
    factor = 1.0
    for i in range(whole(M, N_SLOWED)):
        k = get(M, SLOW_ORDER, i)
        if get(M, SLOW_STATION, k) == s:
            factor *= real(M, X, SLOW_FACTOR, k)
    return factor


@inner
def wake(M: Ints, X: Floats, v: int) -> None:
    """Let a server begin what it can."""
    put(M, SERVER_TOLD, v, 0)
    p, s = (get(M, SERVER_PART, v), get(M, SERVER_STATION, v))
    if (
        p < 0
        or get(M, PART_STATUS, p) != WAITING
        or (not get(M, STATION_ON, s))
        or get(M, STATION_STOPS, s)
    ):
        return
    product = get(M, PART_PRODUCT, p)
    group = get(M, PRODUCT_GROUP, product)
    row = get(M, STATION_SETUP, s)
    if row >= 0 and get(M, STATION_GROUP, s) >= 0:
        time_s = setup_between(M, X, row, get(M, STATION_GROUP, s), group)
        if time_s > 0.0:
            account(M, X, s)
            add(M, CHANGING, s, 1)
            put(M, PART_STATUS, p, SETUP)
            note(
                M, X, SETUP_STARTED, get(M, STATION_ELEMENT, s), get(M, PART_ID, p), product, time_s
            )
            begin_now(M, X, v, time_s)
            return
    account(M, X, s)
    put(M, STATION_GROUP, s, group)
    row = choice(M, X, get(M, PART_ROW, p), s)
    put(M, SERVER_CHOICE, v, row)
    time_s = draw(
        M,
        X,
        get(M, CHOICE_TIMES, row),
        get(M, STATION_WORK, s),
        get(M, PART_ID, p),
        get(M, PART_VISITS, p) - 1,
    )
    if whole(M, N_SLOWED):
        time_s *= slowdown(M, X, s)
    put(M, PART_STATUS, p, PROCESSING)
    add(M, BUSY, s, 1)
    note(
        M,
        X,
        PROCESSING_STARTED,
        get(M, STATION_ELEMENT, s),
        get(M, PART_ID, p),
        get(M, PART_STEP, p),
        time_s,
    )
    begin_now(M, X, v, time_s)
    work_began(M, X, s)


@inlined
def work_began(M: Ints, X: Floats, s: int) -> None:
    """One more server processes: failure modes on the operating clock age.

    A lone server's work stops them again at its end; one that would fail after that is not due.
    """
    add(M, STATION_WORKING, s, 1)
    if get(M, STATION_WORKING, s) == 1:
        v = get(M, FIRST_SERVER, s)
        end_s = due_s(M, X, v) if get(M, FIRST_SERVER, s + 1) == v + 1 else math.inf
        for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
            if not get(M, MODE_CALENDAR, m):
                resume_until(M, X, get(M, FIRST_TIMER, T_LIFE) + m, end_s)


@inlined
def work_ended(M: Ints, X: Floats, s: int) -> None:
    """One server fewer processes."""
    add(M, STATION_WORKING, s, -1)
    if get(M, STATION_WORKING, s) == 0:
        for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
            if not get(M, MODE_CALENDAR, m):
                pause(M, X, get(M, FIRST_TIMER, T_LIFE) + m)


@inlined
def runs(M: Ints, X: Floats, s: int) -> bool:
    """Tell whether work in process goes on."""
    return not get(M, STATION_STOPS, s) and bool(get(M, STATION_ON, s) or get(M, STATION_FINISH, s))


@inner
def stop_work(M: Ints, X: Floats, s: int) -> None:
    """Work in process stands still."""
    for v in range(get(M, FIRST_SERVER, s), get(M, FIRST_SERVER, s + 1)):
        if not math.isnan(real(M, X, SINCE_S, v)):
            pause(M, X, v)
            p = get(M, SERVER_PART, v)
            if p >= 0 and get(M, PART_STATUS, p) == PROCESSING:
                work_ended(M, X, s)


@inner
def go_on(M: Ints, X: Floats, s: int) -> None:
    """Work in process goes on, and parts inside may begin."""
    if not runs(M, X, s):
        return
    for v in range(get(M, FIRST_SERVER, s), get(M, FIRST_SERVER, s + 1)):
        p = get(M, SERVER_PART, v)
        if p >= 0 and (get(M, PART_STATUS, p) == SETUP or get(M, PART_STATUS, p) == PROCESSING):
            if math.isnan(real(M, X, SINCE_S, v)):
                resume(M, X, v)
                if get(M, PART_STATUS, p) == PROCESSING:
                    work_began(M, X, s)
        else:
            tell(M, X, v)


@inner
def finish(M: Ints, X: Floats, v: int) -> None:
    """End the setup or processing on a server."""
    p, s = (get(M, SERVER_PART, v), get(M, SERVER_STATION, v))
    product = get(M, PART_PRODUCT, p)
    account(M, X, s)
    if get(M, PART_STATUS, p) == SETUP:
        add(M, CHANGING, s, -1)
        put(M, STATION_GROUP, s, get(M, PRODUCT_GROUP, product))
        note(M, X, SETUP_ENDED, get(M, STATION_ELEMENT, s), get(M, PART_ID, p), product, NAN)
        put(M, PART_STATUS, p, WAITING)
    else:
        add(M, BUSY, s, -1)
        work_ended(M, X, s)
        add(M, STATION_FINISHED, s, 1)
        outcome(M, X, v, p, s)
    tell(M, X, v)


@inner
def outcome(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """Decide whether the part is good, goes back or is scrapped."""
    place = get(M, PART_STEP, p)
    step = get(M, PART_ROW, p)
    element = get(M, STATION_ELEMENT, s)
    note(M, X, PROCESSING_ENDED, element, get(M, PART_ID, p), place, NAN)
    counts = moment(X, NOW) >= moment(X, OBSERVE)
    if counts:
        add(M, PROCESSED, s, 1)
        add_real(M, X, PLANNED_S, s, real(M, X, CHOICE_MEAN_S, get(M, SERVER_CHOICE, v)))
    put(M, PART_STATUS, p, DONE)
    put_real(M, X, PART_DONE_S, p, moment(X, NOW))
    next_place = place + 1
    if get(M, STEP_LUCK, step):
        scrap, rework = (real(M, X, STEP_SCRAP, step), real(M, X, STEP_REWORK, step))
        key, visit = get(M, STATION_QUALITY, s), get(M, PART_VISITS, p) - 1
        u = chance(M, key, get(M, PART_ID, p), visit)
        back = get(M, STEP_BACK, step) >= 0 and scrap <= u < scrap + rework
        counter = p * whole(M, SLOTS) + get(M, STEP_SLOT, step)
        if u < scrap or (back and get(M, PART_REWORKS, counter) >= get(M, STEP_LIMIT, step)):
            note(M, X, PART_SCRAPPED, element, get(M, PART_ID, p), place, NAN)
            if counts:
                add(M, BAD, s, 1)
                add_whole(M, N_LOST, 1)
            put(M, SERVER_PART, v, -1)
            server_freed(M, s)
            gone(M, X, p, False)
            return
        if back:
            add(M, PART_REWORKS, counter, 1)
            next_place = get(M, STEP_BACK, step)
            if counts:
                add(M, BAD, s, 1)
            note(M, X, REWORK_SENT, element, get(M, PART_ID, p), next_place, NAN)
    put(M, PART_STEP, p, next_place)
    put(M, PART_ROW, p, step + (next_place - place))
    put(M, DONE_LIST, get(M, FIRST_SERVER, s) + get(M, DONE_COUNT, s), v)
    add(M, DONE_COUNT, s, 1)
    look_at_station(M, s)
