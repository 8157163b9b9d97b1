"""Parts that have waited too long: what ``reference.settle`` does with them before all else."""

from __future__ import annotations

from twin.engine.compiled.log import note
from twin.engine.compiled.looks import look_everywhere
from twin.engine.compiled.memory import (
    add,
    add_whole,
    get,
    moment,
    put,
    put_real,
    put_whole,
    whole,
)
from twin.engine.compiled.parts import drop, gone, not_late
from twin.engine.compiled.tables import (
    BAD,
    BUFFER_ELEMENT,
    BUFFERS,
    DONE,
    LATE_HEAD,
    LATE_NEXT,
    LATE_TAIL,
    N_LOST,
    N_OVERDUE,
    NAN,
    NOW,
    OBSERVE,
    OVERDUE,
    PART_AT,
    PART_CALLED,
    PART_DONE_S,
    PART_ID,
    PART_ROW,
    PART_SCRAPPED,
    PART_SERVER,
    PART_STATUS,
    PART_STEP,
    POOLS,
    SOURCE_ELEMENT,
    STATION_ELEMENT,
    STEP_WATCH,
    WAIT_EXCEEDED,
    WATCH_BACK,
    Floats,
    Ints,
)
from twin.engine.compiled.waits import ready
from twin.engine.jit import aside, inner


@aside
def end_waits(M: Ints, X: Floats) -> None:
    """Scrap or send back the parts that have waited too long."""
    for i in range(whole(M, N_OVERDUE)):
        p = get(M, OVERDUE, i)
        if whole(M, POOLS) and not _waits(M, p):
            continue
        back = get(M, WATCH_BACK, get(M, STEP_WATCH, get(M, PART_ROW, p)))
        if back >= 0:
            _send_back(M, X, p, back)
            continue
        note(M, X, PART_SCRAPPED, element_of(M, p), get(M, PART_ID, p), get(M, PART_STEP, p), NAN)
        if moment(M, X, NOW) >= moment(M, X, OBSERVE):
            add_whole(M, N_LOST, 1)
            if get(M, PART_AT, p) >= whole(M, BUFFERS):
                add(M, BAD, get(M, PART_AT, p) - whole(M, BUFFERS), 1)
        drop(M, X, p)
        gone(M, X, p, False)
    put_whole(M, N_OVERDUE, 0)
    look_everywhere(M)


@aside
def _waits(M: Ints, p: int) -> bool:
    """Tell whether a part has neither been called by a vehicle nor come to a server or a sink."""
    if get(M, PART_ID, p) < 0 or get(M, PART_CALLED, p):
        return False
    return get(M, PART_SERVER, p) < 0 or get(M, PART_STATUS, p) == DONE


@inner
def element_of(M: Ints, p: int) -> int:
    """Return the number in the log of where a part is."""
    at, buffers = (get(M, PART_AT, p), whole(M, BUFFERS))
    if at < 0:
        return get(M, SOURCE_ELEMENT, -1 - at)
    return get(M, BUFFER_ELEMENT, at) if at < buffers else get(M, STATION_ELEMENT, at - buffers)


@inner
def _send_back(M: Ints, X: Floats, p: int, back: int) -> None:
    """Let a part wait for an earlier operation; out of a buffer it has to leave first."""
    note(M, X, WAIT_EXCEEDED, element_of(M, p), get(M, PART_ID, p), back, NAN)
    put(M, PART_ROW, p, get(M, PART_ROW, p) + back - get(M, PART_STEP, p))
    put(M, PART_STEP, p, back)
    b = get(M, PART_AT, p)
    if 0 <= b < whole(M, BUFFERS):
        if get(M, PART_STATUS, p) == DONE:
            not_late(M, p, b)  # it goes to the end of those who leave
        put(M, PART_STATUS, p, DONE)
        put_real(M, X, PART_DONE_S, p, moment(M, X, NOW))
        put(M, LATE_NEXT, p, -1)
        if get(M, LATE_TAIL, b) >= 0:
            put(M, LATE_NEXT, get(M, LATE_TAIL, b), p)
        else:
            put(M, LATE_HEAD, b, p)
        put(M, LATE_TAIL, b, p)
    ready(M, X, p)
