"""What the kernel counts: rows of the log, times in status, areas under contents, flow times.

What is counted from some moment on keeps that moment; before the observed stretch it is the
stretch's beginning, so that nothing is added before.
"""

from __future__ import annotations

from twin.engine.bits import bits_of
from twin.engine.compiled.flows import BINS, EXACT, LOWEST, SHIFT
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
    BLOCKED_S,
    BUFFER_LENGTH,
    BUSY,
    CHANGING,
    CONTENT_AREA,
    CONTENT_SINCE_S,
    DONE_COUNT,
    FAILED_S,
    FIRST_SERVER,
    FLOW_BINS,
    FLOW_S,
    FLOW_TOTAL,
    HANDLING,
    HANDLING_S,
    LOG_DETAIL,
    LOG_ELEMENT,
    LOG_KIND,
    LOG_PART,
    LOG_TIME_S,
    LOG_VALUE,
    MAINTENANCE_S,
    N_FLOWS,
    N_IN_LINE,
    N_LOGGED,
    NO_OPERATOR_S,
    NOW,
    OFF_S,
    PROCESSING_S,
    ROOM_LOG,
    SETUP_STATUS_S,
    STARVED_S,
    STATION_ATTENDED,
    STATION_AWAITS,
    STATION_COMING,
    STATION_FINISH,
    STATION_FREE,
    STATION_MAINTAINED,
    STATION_ON,
    STATION_STOPS,
    STATUS_SINCE_S,
    WIP_AREA,
    WIP_SINCE,
    Floats,
    Ints,
)
from twin.engine.jit import inlined, outlined


@inlined
def note(M: Ints, X: Floats, kind: int, element: int, part: int, detail: int, value: float) -> None:
    """Write one row of the log, if there is one."""
    if whole(M, ROOM_LOG):
        _write(M, X, kind, element, part, detail, value)


@outlined
def _write(
    M: Ints, X: Floats, kind: int, element: int, part: int, detail: int, value: float
) -> None:
    """Write one row; a log that is full only counts what it would need."""
    row = whole(M, N_LOGGED)
    put_whole(M, N_LOGGED, row + 1)
    if row < whole(M, ROOM_LOG):
        put(M, LOG_KIND, row, kind)
        put(M, LOG_ELEMENT, row, element)
        put(M, LOG_PART, row, part)
        put(M, LOG_DETAIL, row, detail)
        put_real(M, X, LOG_TIME_S, row, moment(M, X, NOW))
        put_real(M, X, LOG_VALUE, row, value)


@inlined
def account(M: Ints, X: Floats, s: int) -> None:
    """Add the time since the last change of a station's condition to its statuses."""
    if moment(M, X, NOW) > real(M, X, STATUS_SINCE_S, s):
        _account(M, X, s)


@outlined
def _account(M: Ints, X: Floats, s: int) -> None:
    time_s = moment(M, X, NOW) - real(M, X, STATUS_SINCE_S, s)
    put_real(M, X, STATUS_SINCE_S, s, moment(M, X, NOW))
    servers = get(M, FIRST_SERVER, s + 1) - get(M, FIRST_SERVER, s)
    busy, changing, done = get(M, BUSY, s), get(M, CHANGING, s), get(M, DONE_COUNT, s)
    on = get(M, STATION_ON, s)
    planned = get(M, STATION_AWAITS, s) + get(M, STATION_MAINTAINED, s) > 0
    if get(M, STATION_STOPS, s) > get(M, STATION_MAINTAINED, s):
        add_real(M, X, FAILED_S, s, servers * time_s)
    elif get(M, STATION_STOPS, s) or (not on and not get(M, STATION_FINISH, s)):
        # Nothing goes on.
        add_real(M, X, MAINTENANCE_S, s, planned * servers * time_s)
        add_real(M, X, OFF_S, s, (1 - planned) * servers * time_s)
    else:
        handling = get(M, HANDLING, s)
        idle = servers - busy - changing - handling
        if busy:
            add_real(M, X, PROCESSING_S, s, busy * time_s)
        if changing:
            add_real(M, X, SETUP_STATUS_S, s, changing * time_s)
        if handling:
            add_real(M, X, HANDLING_S, s, handling * time_s)
        if planned:
            add_real(M, X, MAINTENANCE_S, s, idle * time_s)
        elif not on:
            add_real(M, X, OFF_S, s, idle * time_s)
        elif idle:
            add_real(M, X, BLOCKED_S, s, done * time_s)
            alone = 0
            if get(M, STATION_ATTENDED, s):  # who is neither worked on nor done waits for people
                free = get(M, STATION_FREE, s) + get(M, STATION_COMING, s)
                alone = idle - done - free
                add_real(M, X, NO_OPERATOR_S, s, alone * time_s)
            add_real(M, X, STARVED_S, s, (idle - done - alone) * time_s)


@inlined
def content_changed(M: Ints, X: Floats, change: int) -> None:
    """Keep the area under the number of parts in the line."""
    time_s = moment(M, X, NOW) - moment(M, X, WIP_SINCE)
    if time_s > 0.0:
        put_moment(M, X, WIP_AREA, moment(M, X, WIP_AREA) + whole(M, N_IN_LINE) * time_s)
        put_moment(M, X, WIP_SINCE, moment(M, X, NOW))
    add_whole(M, N_IN_LINE, change)


@inlined
def buffer_changed(M: Ints, X: Floats, b: int, change: int) -> None:
    """Keep the area under the content of a buffer."""
    time_s = moment(M, X, NOW) - real(M, X, CONTENT_SINCE_S, b)
    if time_s > 0.0:
        add_real(M, X, CONTENT_AREA, b, get(M, BUFFER_LENGTH, b) * time_s)
        put_real(M, X, CONTENT_SINCE_S, b, moment(M, X, NOW))
    add(M, BUFFER_LENGTH, b, change)


@outlined
def flow_ended(M: Ints, X: Floats, time_s: float) -> None:
    """Count the flow time of a part that is finished; see ``flows``."""
    count = whole(M, N_FLOWS)
    put_whole(M, N_FLOWS, count + 1)
    put_moment(M, X, FLOW_TOTAL, moment(M, X, FLOW_TOTAL) + time_s)
    if count < EXACT:
        put_real(M, X, FLOW_S, count, time_s)
    at = min(max((bits_of(time_s) >> SHIFT) - LOWEST, 0), BINS - 1) if time_s > 0.0 else 0
    add(M, FLOW_BINS, at, 1)
