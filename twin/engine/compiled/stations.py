"""The kernel's stations: what ``reference.places`` does with the work on their servers."""

from __future__ import annotations

import math

from twin.engine.compiled.log import account, note
from twin.engine.compiled.looks import door_moved, tell
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
from twin.engine.compiled.people import ask, let_go
from twin.engine.compiled.phases import needs_people, phase_at
from twin.engine.compiled.tables import (
    AWAITED,
    BAD,
    BUSY,
    CHANGING,
    CYCLES,
    DONE,
    FAILS,
    FIRST_MODE,
    FIRST_SERVER,
    FIRST_TIMER,
    HANDLING,
    MAINTENANCE_READY,
    MODE_AGES,
    MODE_CLOCK,
    MODE_EFFECT,
    MODE_RATE,
    MODE_STATION,
    MODE_STATUS,
    N_FAILS,
    N_LOST,
    NAN,
    NOW,
    OBSERVE,
    PART_ASKED_S,
    PART_ID,
    PART_MATE,
    PART_SCRAPPED,
    PART_SLOWED,
    PART_STATUS,
    PART_STEP,
    PROCESSED,
    PROCESSING,
    QUEUED,
    RUNNING,
    SCRAPS,
    SERVER_PART,
    SERVER_PEOPLE,
    SERVER_STATION,
    SETUP,
    SINCE_S,
    STATION_AWAITS,
    STATION_ELEMENT,
    STATION_FINISH,
    STATION_MAINTAINED,
    STATION_MANNED,
    STATION_ON,
    STATION_SEVERAL,
    STATION_STOPS,
    STATION_WEARS,
    STATION_WORKING,
    T_LIFE,
    TO_PROCESS,
    TOTAL_S,
    WAITING,
    WORK_ABORTED,
    WORK_PAUSED,
    WORK_RESUMED,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import due_now, due_s, load, pause, resume, resume_until
from twin.engine.compiled.wear import use_began, use_counted, use_ended
from twin.engine.jit import aside, inlined, inner, outlined


@inlined
def work_began(M: Ints, X: Floats, s: int) -> None:
    """One more server processes: failure modes on the operating clock age.

    A lone server's work stops them again at its end; one that would fail after that is not due.
    """
    add(M, STATION_WORKING, s, 1)
    if get(M, STATION_WORKING, s) == 1:
        v = get(M, FIRST_SERVER, s)
        end_s = due_s(M, X, v) if get(M, FIRST_SERVER, s + 1) == v + 1 else math.inf
        if get(M, STATION_WEARS, s):
            use_began(M, X, s, end_s)
            return
        for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
            if get(M, MODE_AGES, m):
                resume_until(M, X, get(M, FIRST_TIMER, T_LIFE) + m, end_s)


@inlined
def work_ended(M: Ints, X: Floats, s: int) -> None:
    """One server fewer processes."""
    add(M, STATION_WORKING, s, -1)
    if get(M, STATION_WORKING, s) == 0:
        if get(M, STATION_WEARS, s):
            use_ended(M, X, s)
            return
        for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
            if get(M, MODE_AGES, m):
                pause(M, X, get(M, FIRST_TIMER, T_LIFE) + m)


@inlined
def runs(M: Ints, X: Floats, s: int) -> bool:
    """Tell whether work in process goes on."""
    return not get(M, STATION_STOPS, s) and bool(get(M, STATION_ON, s) or get(M, STATION_FINISH, s))


@inner
def _pause(M: Ints, X: Floats, v: int, s: int) -> None:
    """Work on a server stands still; nothing if it does already."""
    if not math.isnan(real(M, X, SINCE_S, v)):
        pause(M, X, v)
        p = get(M, SERVER_PART, v)
        if p >= 0 and get(M, PART_STATUS, p) == PROCESSING:
            work_ended(M, X, s)


@inlined
def may_begin(M: Ints, X: Floats, s: int) -> bool:
    """Tell whether work on a part inside may begin."""
    held = get(M, STATION_STOPS, s) + get(M, STATION_AWAITS, s)
    return bool(get(M, STATION_ON, s)) and held == 0


@inner
def _level(M: Ints, X: Floats, p: int, s: int, change: int) -> None:
    """Count the parts at a station whose setup, handling or processing goes on."""
    status = get(M, PART_STATUS, p)
    if status == PROCESSING:
        add(M, BUSY, s, change)
    elif status == SETUP:
        add(M, CHANGING, s, change)
    else:
        add(M, HANDLING, s, change)


@aside
def people_left(M: Ints, X: Floats, v: int) -> None:
    """Work on a server stands still, and all its people go."""
    p, s = get(M, SERVER_PART, v), get(M, SERVER_STATION, v)
    number, element = get(M, PART_ID, p), get(M, STATION_ELEMENT, s)
    account(M, X, s)
    _pause(M, X, v, s)
    if get(M, PART_STATUS, p) != WAITING:
        put_real(M, X, PART_ASKED_S, p, moment(M, X, NOW))
        note(M, X, WORK_PAUSED, element, number, phase_at(M, X, p, s), NAN)
        _level(M, X, p, s, -1)
    let_go(M, X, v, number, element)
    ask(M, v)


@inner
def people_came(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """Everybody whom the work on a server needs is there."""
    put_real(M, X, PART_ASKED_S, p, NAN)
    if get(M, PART_STATUS, p) == WAITING:
        tell(M, X, v)
        return
    element, number = get(M, STATION_ELEMENT, s), get(M, PART_ID, p)
    note(M, X, WORK_RESUMED, element, number, phase_at(M, X, p, s), NAN)
    _level(M, X, p, s, 1)
    _go_on(M, X, v, p, s)


@inner
def _go_on(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """Work on a server that stood still goes on."""
    if math.isnan(real(M, X, SINCE_S, v)):
        resume(M, X, v)
        if get(M, PART_STATUS, p) == PROCESSING:
            work_began(M, X, s)


@aside
def stop_work(M: Ints, X: Floats, s: int) -> None:
    """Work in process stands still, and its people may go elsewhere."""
    for v in range(get(M, FIRST_SERVER, s), get(M, FIRST_SERVER, s + 1)):
        _pause(M, X, v, s)
        if get(M, SERVER_PEOPLE, v):
            people_left(M, X, v)
    if get(M, STATION_AWAITS, s):
        begin_due(M, X, s)


@aside
def begin_due(M: Ints, X: Floats, s: int) -> None:
    """Maintenance that is due begins once no work goes on."""
    for v in range(get(M, FIRST_SERVER, s), get(M, FIRST_SERVER, s + 1)):
        if not math.isnan(real(M, X, SINCE_S, v)):
            return
    account(M, X, s)
    put(M, STATION_AWAITS, s, 0)
    first = get(M, FIRST_MODE, s)
    for m in range(first, get(M, FIRST_MODE, s + 1)):
        if get(M, MODE_STATUS, m) == AWAITED:
            put(M, MODE_STATUS, m, QUEUED)
            add(M, STATION_STOPS, s, 1)
            add(M, STATION_MAINTAINED, s, 1)
            door_moved(M, s)
            note(M, X, MAINTENANCE_READY, get(M, STATION_ELEMENT, s), -1, m - first, NAN)
            put(M, FAILS, whole(M, N_FAILS), m)
            add_whole(M, N_FAILS, 1)


@aside
def break_off(M: Ints, X: Floats, m: int) -> None:
    """Lose what is in process at a station to a failure, and its parts with it or not."""
    s = get(M, MODE_STATION, m)
    element, mode = get(M, STATION_ELEMENT, s), float(m - get(M, FIRST_MODE, s))
    for v in range(get(M, FIRST_SERVER, s), get(M, FIRST_SERVER, s + 1)):
        p = get(M, SERVER_PART, v)
        if p < 0 or get(M, PART_STATUS, p) != PROCESSING:
            continue
        number, place = get(M, PART_ID, p), get(M, PART_STEP, p)
        if math.isnan(real(M, X, PART_ASKED_S, p)):
            add(M, BUSY, s, -1)
        else:  # what waits for people is not told as lost
            note(M, X, WORK_RESUMED, element, number, TO_PROCESS, NAN)
        _pause(M, X, v, s)
        load(M, X, v, 0.0)
        put_real(M, X, PART_SLOWED, p, 1.0)
        put(M, PART_STATUS, p, WAITING)
        put_real(M, X, PART_ASKED_S, p, moment(M, X, NOW) if get(M, STATION_MANNED, s) else NAN)
        note(M, X, WORK_ABORTED, element, number, place, mode)
        let_go(M, X, v, number, element)
        if get(M, MODE_EFFECT, m) == SCRAPS:
            _lose(M, X, v, s, mode)


@inner
def _lose(M: Ints, X: Floats, v: int, s: int, mode: float) -> None:
    """Scrap what is on a server: a failure did it."""
    p, element, several = (
        get(M, SERVER_PART, v),
        get(M, STATION_ELEMENT, s),
        get(M, STATION_SEVERAL, s),
    )
    while p >= 0:
        after = get(M, PART_MATE, p) if several else -1
        note(M, X, PART_SCRAPPED, element, get(M, PART_ID, p), get(M, PART_STEP, p), mode)
        if moment(M, X, NOW) >= moment(M, X, OBSERVE):
            add(M, PROCESSED, s, 1)
            add(M, BAD, s, 1)
            add_whole(M, N_LOST, 1)
        gone(M, X, p, False)
        p = after
    put(M, SERVER_PART, v, -1)
    server_freed(M, X, v, s)
    tell(M, X, v)


@aside
def go_on(M: Ints, X: Floats, s: int) -> None:
    """Work in process goes on, and parts inside may begin; people come first."""
    if not runs(M, X, s):
        return
    manned = get(M, STATION_MANNED, s)
    for v in range(get(M, FIRST_SERVER, s), get(M, FIRST_SERVER, s + 1)):
        p = get(M, SERVER_PART, v)
        if p < 0 or get(M, PART_STATUS, p) == WAITING or get(M, PART_STATUS, p) == DONE:
            tell(M, X, v)
        elif not manned or get(M, SERVER_PEOPLE, v) or not needs_people(M, X, p, s):
            _go_on(M, X, v, p, s)
        if manned and p >= 0:
            ask(M, v)


@outlined
def count_operation(M: Ints, X: Floats, s: int) -> None:
    """Let what ages with operations be one older; it may be due in this round."""
    for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
        if get(M, MODE_CLOCK, m) == CYCLES and get(M, MODE_STATUS, m) == RUNNING:
            timer = get(M, FIRST_TIMER, T_LIFE) + m
            add_real(M, X, WORKED_S, timer, real(M, X, MODE_RATE, m))
            if real(M, X, WORKED_S, timer) >= real(M, X, TOTAL_S, timer):
                due_now(M, timer)
    if get(M, STATION_WEARS, s):
        use_counted(M, X, s)
