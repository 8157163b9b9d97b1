"""What the kernel counts: rows of the log, times in status, areas under contents."""

from __future__ import annotations

from twin.engine.compiled.memory import (
    add,
    add_real,
    add_whole,
    get,
    moment,
    put,
    put_moment,
    put_real,
    put_whole,
    real,
    whole,
)
from twin.engine.compiled.tables import (
    BUFFER_LENGTH,
    BUSY,
    CHANGING,
    CONTENT_AREA,
    CONTENT_SINCE_S,
    DONE_COUNT,
    END,
    FIRST_SERVER,
    LOG_NUMBERS,
    LOG_TIMES,
    N_IN_LINE,
    N_LOGGED,
    NOW,
    OBSERVE,
    ROOM_LOG,
    STATION_FINISH,
    STATION_ON,
    STATION_STOPS,
    STATUS_S,
    STATUS_SINCE_S,
    WIP_AREA,
    WIP_SINCE,
    Floats,
    Ints,
)
from twin.engine.jit import inner


@inner
def note(M: Ints, X: Floats, kind: int, element: int, part: int, detail: int, value: float) -> None:
    """Write one row of the log; a log that is full only counts what it would need."""
    room = whole(M, ROOM_LOG)
    if room == 0:
        return
    row = whole(M, N_LOGGED)
    put_whole(M, N_LOGGED, row + 1)
    if row < room:
        put(M, LOG_NUMBERS, 4 * row, kind)
        put(M, LOG_NUMBERS, 4 * row + 1, element)
        put(M, LOG_NUMBERS, 4 * row + 2, part)
        put(M, LOG_NUMBERS, 4 * row + 3, detail)
        put_real(M, X, LOG_TIMES, 2 * row, moment(X, NOW))
        put_real(M, X, LOG_TIMES, 2 * row + 1, value)


@inner
def observed(M: Ints, X: Floats, since_s: float) -> float:
    """Return how much of the time since ``since_s`` lies in the observed stretch, s."""
    return min(moment(X, NOW), moment(X, END)) - max(since_s, moment(X, OBSERVE))


@inner
def account(M: Ints, X: Floats, s: int) -> None:
    """Add the time since the last change of a station's condition to its statuses."""
    time_s = observed(M, X, real(M, X, STATUS_SINCE_S, s))
    put_real(M, X, STATUS_SINCE_S, s, moment(X, NOW))
    if time_s <= 0.0:
        return
    servers = get(M, FIRST_SERVER, s + 1) - get(M, FIRST_SERVER, s)
    busy, changing, done = get(M, BUSY, s), get(M, CHANGING, s), get(M, DONE_COUNT, s)
    row, on = 6 * s, get(M, STATION_ON, s)
    if get(M, STATION_STOPS, s):
        add_real(M, X, STATUS_S, row + 4, servers * time_s)
    elif not on and not get(M, STATION_FINISH, s):
        add_real(M, X, STATUS_S, row + 5, servers * time_s)
    else:
        idle = servers - busy - changing
        if busy:
            add_real(M, X, STATUS_S, row, busy * time_s)
        if changing:
            add_real(M, X, STATUS_S, row + 1, changing * time_s)
        if not on:
            add_real(M, X, STATUS_S, row + 5, idle * time_s)
        elif idle:
            add_real(M, X, STATUS_S, row + 2, done * time_s)
            add_real(M, X, STATUS_S, row + 3, (idle - done) * time_s)


@inner
def content_changed(M: Ints, X: Floats, change: int) -> None:
    """Keep the area under the number of parts in the line."""
    time_s = observed(M, X, moment(X, WIP_SINCE))
    if time_s > 0.0:
        put_moment(X, WIP_AREA, moment(X, WIP_AREA) + whole(M, N_IN_LINE) * time_s)
    put_moment(X, WIP_SINCE, moment(X, NOW))
    add_whole(M, N_IN_LINE, change)


@inner
def buffer_changed(M: Ints, X: Floats, b: int, change: int) -> None:
    """Keep the area under the content of a buffer."""
    time_s = observed(M, X, real(M, X, CONTENT_SINCE_S, b))
    if time_s > 0.0:
        add_real(M, X, CONTENT_AREA, b, get(M, BUFFER_LENGTH, b) * time_s)
    put_real(M, X, CONTENT_SINCE_S, b, moment(X, NOW))
    add(M, BUFFER_LENGTH, b, change)
