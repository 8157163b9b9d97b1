"""The kernel's failure modes, supposed faults and shifts: what ``reference.interruptions`` does."""

from __future__ import annotations

from twin.engine.compiled.log import account, note
from twin.engine.compiled.looks import look_at_station, room_at
from twin.engine.compiled.memory import (
    add,
    add_whole,
    get,
    moment,
    put,
    put_real,
    put_whole,
    real,
    whole,
)
from twin.engine.compiled.servers import go_on, runs, stop_work
from twin.engine.compiled.tables import (
    BUFFERS,
    CREW_FREE,
    CREW_HEAD,
    CREW_TAIL,
    CREWS,
    FAILED,
    FAILS,
    FIRST_MODE,
    FIRST_SWITCH,
    FIRST_TIMER,
    MODE_CALENDAR,
    MODE_COUNT,
    MODE_CREW,
    MODE_FAILED_S,
    MODE_LIFE,
    MODE_LIFE_KEY,
    MODE_NEXT,
    MODE_REPAIR,
    MODE_REPAIR_KEY,
    MODE_STATION,
    MODE_STATUS,
    N_FAILS,
    N_SLOWED,
    NAN,
    NOW,
    OUTAGE_ACTIVE,
    OUTAGE_LENGTH_S,
    OUTAGE_STATION,
    QUEUED,
    REPAIR_STARTED,
    REPAIRED,
    REPAIRING,
    RUNNING,
    SHIFT_ENDED,
    SHIFT_STARTED,
    SLOW_ORDER,
    STATION_ELEMENT,
    STATION_ON,
    STATION_STOPS,
    STATION_SWITCH,
    STATION_WORKING,
    SWITCH_ON,
    SWITCH_S,
    T_LIFE,
    T_REPAIR,
    T_SHIFT,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import draw, load, resume, resume_at
from twin.engine.jit import inner
from twin.events.kinds import OUTAGE


@inner
def new_life(M: Ints, X: Floats, m: int) -> None:
    """Draw the age at the next failure and begin to age."""
    timer = get(M, FIRST_TIMER, T_LIFE) + m
    load(
        M,
        X,
        timer,
        draw(M, X, get(M, MODE_LIFE, m), get(M, MODE_LIFE_KEY, m), get(M, MODE_COUNT, m), 0),
    )
    if get(M, MODE_CALENDAR, m) or get(M, STATION_WORKING, get(M, MODE_STATION, m)):
        resume(M, X, timer)


@inner
def fail(M: Ints, X: Floats, m: int) -> None:
    """Stop the station: a mode fails."""
    s = get(M, MODE_STATION, m)
    account(M, X, s)
    put(M, MODE_STATUS, m, QUEUED)
    put_real(M, X, MODE_FAILED_S, m, moment(X, NOW))
    add(M, MODE_COUNT, m, 1)
    add(M, STATION_STOPS, s, 1)
    stop_work(M, X, s)
    note(M, X, FAILED, get(M, STATION_ELEMENT, s), -1, m - get(M, FIRST_MODE, s), NAN)
    put(M, FAILS, whole(M, N_FAILS), m)
    add_whole(M, N_FAILS, 1)


@inner
def begin_repair(M: Ints, X: Floats, m: int) -> None:
    """Begin a repair: a crew is there."""
    s = get(M, MODE_STATION, m)
    put(M, MODE_STATUS, m, REPAIRING)
    time_s = draw(
        M, X, get(M, MODE_REPAIR, m), get(M, MODE_REPAIR_KEY, m), get(M, MODE_COUNT, m) - 1, 0
    )
    note(M, X, REPAIR_STARTED, get(M, STATION_ELEMENT, s), -1, m - get(M, FIRST_MODE, s), time_s)
    timer = get(M, FIRST_TIMER, T_REPAIR) + m
    load(M, X, timer, time_s)
    resume(M, X, timer)


@inner
def repaired(M: Ints, X: Floats, m: int) -> None:
    """Make a mode as new; the station goes on unless something else stops it."""
    s = get(M, MODE_STATION, m)
    account(M, X, s)
    put(M, MODE_STATUS, m, RUNNING)
    put_real(M, X, MODE_FAILED_S, m, NAN)
    note(M, X, REPAIRED, get(M, STATION_ELEMENT, s), -1, m - get(M, FIRST_MODE, s), NAN)
    if get(M, MODE_CREW, m) >= 0:
        add(M, CREW_FREE, get(M, MODE_CREW, m), 1)
    new_life(M, X, m)
    add(M, STATION_STOPS, s, -1)
    go_on(M, X, s)


@inner
def outage_began(M: Ints, X: Floats, k: int) -> None:
    """Begin a supposed stop."""
    s = get(M, OUTAGE_STATION, k)
    account(M, X, s)
    put(M, OUTAGE_ACTIVE, k, 1)
    add(M, STATION_STOPS, s, 1)
    stop_work(M, X, s)
    length_s = real(M, X, OUTAGE_LENGTH_S, k)
    note(M, X, FAILED, get(M, STATION_ELEMENT, s), -1, OUTAGE, length_s)


@inner
def outage_over(M: Ints, X: Floats, k: int) -> None:
    """End a supposed stop."""
    s = get(M, OUTAGE_STATION, k)
    account(M, X, s)
    put(M, OUTAGE_ACTIVE, k, 0)
    add(M, STATION_STOPS, s, -1)
    note(M, X, REPAIRED, get(M, STATION_ELEMENT, s), -1, OUTAGE, NAN)
    go_on(M, X, s)


@inner
def quicken(M: Ints, X: Floats, k: int) -> None:
    """End a slowdown."""
    at = 0
    while get(M, SLOW_ORDER, at) != k:
        at += 1
    for i in range(at, whole(M, N_SLOWED) - 1):
        put(M, SLOW_ORDER, i, get(M, SLOW_ORDER, i + 1))
    add_whole(M, N_SLOWED, -1)


@inner
def switch(M: Ints, X: Floats, s: int) -> None:
    """Switch a station on or off by its calendar."""
    on = get(M, SWITCH_ON, get(M, FIRST_SWITCH, s) + get(M, STATION_SWITCH, s))
    if on and (not get(M, STATION_ON, s)):
        account(M, X, s)
        put(M, STATION_ON, s, 1)
        look_at_station(M, s)
        room_at(M, whole(M, BUFFERS) + s)
        note(M, X, SHIFT_STARTED, get(M, STATION_ELEMENT, s), -1, -1, NAN)
        go_on(M, X, s)
    elif not on and get(M, STATION_ON, s):
        account(M, X, s)
        put(M, STATION_ON, s, 0)
        note(M, X, SHIFT_ENDED, get(M, STATION_ELEMENT, s), -1, -1, NAN)
        if not runs(M, X, s):
            stop_work(M, X, s)
    add(M, STATION_SWITCH, s, 1)
    arm_shift(M, X, s)


@inner
def arm_shift(M: Ints, X: Floats, s: int) -> None:
    """Wait for the next switch of a station's calendar."""
    at = get(M, FIRST_SWITCH, s) + get(M, STATION_SWITCH, s)
    if at < get(M, FIRST_SWITCH, s + 1):
        resume_at(M, X, get(M, FIRST_TIMER, T_SHIFT) + s, real(M, X, SWITCH_S, at))


@inner
def queue_for_crew(M: Ints, X: Floats, m: int) -> None:
    """Put a failed mode at the end of its crew's queue."""
    crew = get(M, MODE_CREW, m)
    put(M, MODE_NEXT, m, -1)
    if get(M, CREW_TAIL, crew) >= 0:
        put(M, MODE_NEXT, get(M, CREW_TAIL, crew), m)
    else:
        put(M, CREW_HEAD, crew, m)
    put(M, CREW_TAIL, crew, m)


@inner
def _call_crews(M: Ints, X: Floats) -> None:
    count = whole(M, N_FAILS)
    put_whole(M, N_FAILS, 0)
    for i in range(1, count):
        m, at = (get(M, FAILS, i), i)
        while at > 0 and get(M, FAILS, at - 1) > m:
            put(M, FAILS, at, get(M, FAILS, at - 1))
            at -= 1
        put(M, FAILS, at, m)
    for i in range(count):
        m = get(M, FAILS, i)
        if get(M, MODE_CREW, m) < 0:
            begin_repair(M, X, m)
        else:
            queue_for_crew(M, X, m)


@inner
def crews(M: Ints, X: Floats) -> None:
    """Let new failures queue and free crews begin."""
    if whole(M, N_FAILS):
        _call_crews(M, X)
    for crew in range(whole(M, CREWS)):
        while get(M, CREW_FREE, crew) > 0 and get(M, CREW_HEAD, crew) >= 0:
            m = get(M, CREW_HEAD, crew)
            put(M, CREW_HEAD, crew, get(M, MODE_NEXT, m))
            if get(M, CREW_HEAD, crew) < 0:
                put(M, CREW_TAIL, crew, -1)
            add(M, CREW_FREE, crew, -1)
            begin_repair(M, X, m)
