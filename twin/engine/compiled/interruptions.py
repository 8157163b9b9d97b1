"""The kernel's shifts and supposed faults: what ``reference.interruptions`` does."""

from __future__ import annotations

from twin.engine.compiled.log import account, note
from twin.engine.compiled.looks import door_moved, look_at_station, look_everywhere, room_at
from twin.engine.compiled.memory import add, add_whole, get, put, put_whole, real, whole
from twin.engine.compiled.modes import people_left_mode
from twin.engine.compiled.people import account_crew
from twin.engine.compiled.stations import go_on, people_left, runs, stop_work
from twin.engine.compiled.tables import (
    ABSENCE_CREW,
    ABSENCE_PEOPLE,
    BUFFERS,
    COMING_ON,
    COMING_S,
    CREW_AWAY,
    CREW_CAME,
    CREW_COMING,
    CREW_FREE,
    CREW_LEFT,
    CREW_ON,
    CREW_SIZE,
    CREW_STOPS,
    CREWS,
    FAILED,
    FIRST_COMING,
    FIRST_SWITCH,
    FIRST_TIMER,
    MODE_STATUS,
    MODE_TEAM,
    MODES,
    N_SLOWED,
    NAN,
    OUTAGE_ACTIVE,
    OUTAGE_LENGTH_S,
    OUTAGE_STATION,
    PEOPLE_NEWS,
    REPAIRED,
    REPAIRING,
    SERVER_PART,
    SERVER_TEAM,
    SERVERS,
    SHIFT_ENDED,
    SHIFT_STARTED,
    SHORTAGE_SOURCE,
    SLOW_ORDER,
    SOURCE_SHORT,
    STATION_ELEMENT,
    STATION_ON,
    STATION_STOPS,
    STATION_SWITCH,
    SWITCH_ON,
    SWITCH_S,
    T_CREW,
    T_SHIFT,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import resume_at
from twin.engine.jit import aside, inner
from twin.events.kinds import OUTAGE


@aside
def outage_began(M: Ints, X: Floats, k: int) -> None:
    """Begin a supposed stop."""
    s = get(M, OUTAGE_STATION, k)
    account(M, X, s)
    put(M, OUTAGE_ACTIVE, k, 1)
    add(M, STATION_STOPS, s, 1)
    door_moved(M, s)
    stop_work(M, X, s)
    length_s = real(M, X, OUTAGE_LENGTH_S, k)
    note(M, X, FAILED, get(M, STATION_ELEMENT, s), -1, OUTAGE, length_s)


@aside
def outage_over(M: Ints, X: Floats, k: int) -> None:
    """End a supposed stop."""
    s = get(M, OUTAGE_STATION, k)
    account(M, X, s)
    put(M, OUTAGE_ACTIVE, k, 0)
    add(M, STATION_STOPS, s, -1)
    door_moved(M, s)
    note(M, X, REPAIRED, get(M, STATION_ELEMENT, s), -1, OUTAGE, NAN)
    go_on(M, X, s)


@aside
def quicken(M: Ints, X: Floats, k: int) -> None:
    """End a slowdown."""
    at = 0
    while get(M, SLOW_ORDER, at) != k:
        at += 1
    for i in range(at, whole(M, N_SLOWED) - 1):
        put(M, SLOW_ORDER, i, get(M, SLOW_ORDER, i + 1))
    add_whole(M, N_SLOWED, -1)


@aside
def switch(M: Ints, X: Floats, s: int) -> None:
    """Switch a station on or off by its calendar."""
    on = get(M, SWITCH_ON, get(M, FIRST_SWITCH, s) + get(M, STATION_SWITCH, s))
    if on and (not get(M, STATION_ON, s)):
        account(M, X, s)
        put(M, STATION_ON, s, 1)
        door_moved(M, s)
        look_at_station(M, s)
        room_at(M, whole(M, BUFFERS) + s)
        note(M, X, SHIFT_STARTED, get(M, STATION_ELEMENT, s), -1, -1, NAN)
        go_on(M, X, s)
    elif not on and get(M, STATION_ON, s):
        account(M, X, s)
        put(M, STATION_ON, s, 0)
        door_moved(M, s)
        note(M, X, SHIFT_ENDED, get(M, STATION_ELEMENT, s), -1, -1, NAN)
        if not runs(M, X, s):
            stop_work(M, X, s)
    add(M, STATION_SWITCH, s, 1)
    arm_shift(M, X, s)


@aside
def arm_shift(M: Ints, X: Floats, s: int) -> None:
    """Wait for the next switch of a station's calendar."""
    at = get(M, FIRST_SWITCH, s) + get(M, STATION_SWITCH, s)
    if at < get(M, FIRST_SWITCH, s + 1):
        resume_at(M, X, get(M, FIRST_TIMER, T_SHIFT) + s, real(M, X, SWITCH_S, at))


@aside
def come_or_go(M: Ints, X: Floats, crew: int) -> None:
    """Let a crew come or go by its calendar."""
    on = get(M, COMING_ON, get(M, FIRST_COMING, crew) + get(M, CREW_COMING, crew))
    account_crew(M, X, crew)
    if on and not get(M, CREW_ON, crew):
        put(M, CREW_ON, crew, 1)
        add(M, CREW_FREE, crew, get(M, CREW_SIZE, crew) - get(M, CREW_AWAY, crew))
        put_whole(M, PEOPLE_NEWS, 1)
        note(M, X, CREW_CAME, -1, -1, crew, NAN)
    elif not on and get(M, CREW_ON, crew):
        put(M, CREW_ON, crew, 0)
        add(M, CREW_FREE, crew, get(M, CREW_AWAY, crew) - get(M, CREW_SIZE, crew))
        note(M, X, CREW_LEFT, -1, -1, crew, NAN)
        if get(M, CREW_STOPS, crew):
            _leave(M, X, crew)
    add(M, CREW_COMING, crew, 1)
    arm_crew(M, X, crew)


@aside
def arm_crew(M: Ints, X: Floats, crew: int) -> None:
    """Wait for a crew to come or to go."""
    at = get(M, FIRST_COMING, crew) + get(M, CREW_COMING, crew)
    if at < get(M, FIRST_COMING, crew + 1):
        resume_at(M, X, get(M, FIRST_TIMER, T_CREW) + crew, real(M, X, COMING_S, at))


@inner
def _leave(M: Ints, X: Floats, crew: int) -> None:
    """Let the people of a crew go in the middle of their work."""
    crews = whole(M, CREWS)
    for v in range(whole(M, SERVERS)):
        if get(M, SERVER_PART, v) >= 0 and get(M, SERVER_TEAM, v * crews + crew):
            people_left(M, X, v)
    for m in range(whole(M, MODES)):
        if get(M, MODE_STATUS, m) == REPAIRING and get(M, MODE_TEAM, m * crews + crew):
            people_left_mode(M, X, m)


@aside
def absent(M: Ints, X: Floats, k: int, change: int) -> None:
    """Let people of a crew be away, or back again."""
    crew, people = get(M, ABSENCE_CREW, k), change * get(M, ABSENCE_PEOPLE, k)
    add(M, CREW_AWAY, crew, people)
    if get(M, CREW_ON, crew):
        add(M, CREW_FREE, crew, -people)
    put_whole(M, PEOPLE_NEWS, 1)


@aside
def short(M: Ints, X: Floats, k: int, change: int) -> None:
    """Let a source have nothing, or something again; who waited behind its part may go."""
    add(M, SOURCE_SHORT, get(M, SHORTAGE_SOURCE, k), change)
    look_everywhere(M)
