"""The kernel's parts: made, moved, gone."""

from __future__ import annotations

from twin.engine.compiled.following import follow
from twin.engine.compiled.log import account, buffer_changed, content_changed, flow_ended, note
from twin.engine.compiled.looks import look_at_station, part_at, room_at, tell
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
from twin.engine.compiled.people import ask
from twin.engine.compiled.phases import lacks
from twin.engine.compiled.tables import (
    ASIDE,
    BUFFER_ELEMENT,
    BUFFER_ENTERED,
    BUFFER_HEAD,
    BUFFER_TAIL,
    BUFFERS,
    DONE,
    DONE_COUNT,
    DONE_LIST,
    FIRST_SERVER,
    FIRST_STEP,
    FRESH,
    GROUPED,
    LACKING,
    LACKING_COUNT,
    LATE_HEAD,
    LATE_NEXT,
    LATE_TAIL,
    LOOKS,
    N_CREATED,
    N_FINISHED,
    N_FREE,
    N_MOVES,
    N_PARTS,
    N_SCRAPPED,
    N_STATUS,
    NAN,
    NOW,
    OBSERVE,
    ORDER_FINISHED,
    ORDER_LAST_S,
    ORDER_SCRAPPED,
    PART_ASKED_S,
    PART_AT,
    PART_BEFORE,
    PART_CALLED,
    PART_CREATED,
    PART_CREATED_S,
    PART_DONE_S,
    PART_ENTERED_S,
    PART_FAMILY,
    PART_FINISHED,
    PART_ID,
    PART_KITTED,
    PART_MATE,
    PART_MOVE,
    PART_NEXT,
    PART_ORDER,
    PART_PRODUCT,
    PART_READY_S,
    PART_REWORKS,
    PART_ROW,
    PART_SERVER,
    PART_SLOWED,
    PART_STAGE,
    PART_STATUS,
    PART_STEP,
    PART_VISITS,
    PARTS_FULL,
    PRODUCT_FINISHED,
    PRODUCT_SINK,
    ROOM_PARTS,
    SERVER_CLEARED,
    SERVER_PART,
    SLOTS,
    SOURCE_CREATED,
    SOURCE_DRAWN_S,
    SOURCE_ELEMENT,
    SOURCE_HEAD,
    SOURCE_SINCE_S,
    SOURCE_TAIL,
    STATION_ELEMENT,
    STATION_ENTERED,
    STATION_FREE,
    STATION_MANNED,
    STATION_SEVERAL,
    WAITING,
    WATCHED,
    Floats,
    Ints,
)
from twin.engine.compiled.waits import look_out_for, watch
from twin.engine.jit import aside, inlined, inner, outlined
from twin.events.beginning import PARTS_PER_SLOT


@inner
def new_part(M: Ints, X: Floats) -> int:
    """Return a free slot for a part, or -1 when there is none."""
    p = whole(M, N_FREE)
    if p >= 0:
        put_whole(M, N_FREE, get(M, PART_NEXT, p))
    elif whole(M, N_PARTS) < whole(M, ROOM_PARTS):
        p = whole(M, N_PARTS)
        put_whole(M, N_PARTS, p + 1)
    else:
        put_whole(M, N_STATUS, PARTS_FULL)
        return -1
    for slot in range(whole(M, SLOTS)):
        put(M, PART_REWORKS, p * whole(M, SLOTS) + slot, 0)
    return p


@inlined
def first_number(slot: int) -> int:
    """Return the number of the first part of a source or maker by its slot."""
    return slot * PARTS_PER_SLOT


@outlined
def make(M: Ints, X: Floats, source: int, product: int, order: int) -> int:
    """Make the next part of a source; -1 when there is no slot."""
    p = new_part(M, X)
    if p < 0:
        return p
    number = first_number(source) + get(M, SOURCE_CREATED, source)
    fresh(M, X, p, number, product, order, -1 - source)
    add(M, SOURCE_CREATED, source, 1)
    put_real(M, X, SOURCE_SINCE_S, source, moment(M, X, NOW))
    put_real(M, X, SOURCE_DRAWN_S, source, NAN)
    if whole(M, ASIDE):
        put_aside(M, X, p, -1)
        watch(M, X, p)
    if moment(M, X, NOW) >= moment(M, X, OBSERVE):
        add_whole(M, N_CREATED, 1)
    note(M, X, PART_CREATED, get(M, SOURCE_ELEMENT, source), number, product, float(order))
    return p


@inlined
def fresh(M: Ints, X: Floats, p: int, number: int, product: int, order: int, at: int) -> None:
    """Begin a part's record; ``at``: entrance, or -1 - source."""
    content_changed(M, X, 1)
    put(M, PART_ID, p, number)
    put(M, PART_PRODUCT, p, product)
    put(M, PART_ORDER, p, order)
    put_real(M, X, PART_CREATED_S, p, moment(M, X, NOW))
    put_real(M, X, PART_ENTERED_S, p, moment(M, X, NOW))
    put_real(M, X, PART_DONE_S, p, moment(M, X, NOW))
    put(M, PART_STEP, p, 0)
    put(M, PART_ROW, p, get(M, FIRST_STEP, product))
    put(M, PART_STATUS, p, WAITING)
    put(M, PART_VISITS, p, 0)
    put(M, PART_STAGE, p, FRESH)
    put_real(M, X, PART_SLOWED, p, 1.0)
    put_real(M, X, PART_ASKED_S, p, NAN)
    put(M, PART_SERVER, p, -1)
    put(M, PART_AT, p, at)
    put(M, PART_MOVE, p, whole(M, N_MOVES))
    add_whole(M, N_MOVES, 1)


@aside
def put_aside(M: Ints, X: Floats, p: int, family: int) -> None:
    """Begin what only some lines need to know of a part."""
    put_real(M, X, PART_READY_S, p, NAN)
    put(M, PART_KITTED, p, 0)
    put(M, PART_MATE, p, -1)
    put(M, PART_CALLED, p, 0)
    put(M, PART_FAMILY, p, family)
    put(M, WATCHED, p, 0)


@inlined
def _move(M: Ints, X: Floats, p: int, entrance: int) -> None:
    follow(M, X, p, entrance)
    put(M, PART_AT, p, entrance)
    put_real(M, X, PART_ENTERED_S, p, moment(M, X, NOW))
    put(M, PART_STATUS, p, WAITING)
    put(M, PART_MOVE, p, whole(M, N_MOVES))
    add_whole(M, N_MOVES, 1)


@inner
def enter(M: Ints, X: Floats, p: int, entrance: int) -> None:
    """Put a part into a buffer or straight into a station."""
    buffers = whole(M, BUFFERS)
    if entrance >= buffers:
        enter_station(M, X, p, entrance - buffers, -1)
        return
    _move(M, X, p, entrance)
    tail = get(M, BUFFER_TAIL, entrance)
    put(M, PART_BEFORE, p, tail)
    put(M, PART_NEXT, p, -1)
    if tail >= 0:
        put(M, PART_NEXT, tail, p)
    else:
        put(M, BUFFER_HEAD, entrance, p)
    put(M, BUFFER_TAIL, entrance, p)
    buffer_changed(M, X, entrance, 1)
    part_at(M, entrance)
    note(M, X, BUFFER_ENTERED, get(M, BUFFER_ELEMENT, entrance), get(M, PART_ID, p), -1, NAN)
    if whole(M, LOOKS):
        look_out_for(M, X, p, entrance)


@inlined
def leave_buffer(M: Ints, X: Floats, p: int, b: int) -> None:
    """Take a part out of a buffer."""
    before, after = (get(M, PART_BEFORE, p), get(M, PART_NEXT, p))
    if before >= 0:
        put(M, PART_NEXT, before, after)
    else:
        put(M, BUFFER_HEAD, b, after)
    if after >= 0:
        put(M, PART_BEFORE, after, before)
    else:
        put(M, BUFFER_TAIL, b, before)
    buffer_changed(M, X, b, -1)
    room_at(M, b)


@inner
def enter_station(M: Ints, X: Floats, p: int, s: int, given: int) -> None:
    """Put a part into a given server, or the first free one."""
    v = given
    if v < 0:
        v = get(M, FIRST_SERVER, s)
        while get(M, SERVER_PART, v) >= 0:
            v += 1
    number = v - get(M, FIRST_SERVER, s)
    _move(M, X, p, whole(M, BUFFERS) + s)
    put(M, PART_SERVER, p, number)
    put(M, PART_STAGE, p, FRESH)
    if get(M, STATION_MANNED, s):
        account(M, X, s)
        put_real(M, X, PART_ASKED_S, p, NAN)
        ask(M, v)
    add(M, PART_VISITS, p, 1)
    put(M, SERVER_PART, v, p)
    add(M, STATION_FREE, s, -1)
    note(
        M,
        X,
        STATION_ENTERED,
        get(M, STATION_ELEMENT, s),
        get(M, PART_ID, p),
        get(M, PART_STEP, p),
        float(number),
    )
    if whole(M, GROUPED):
        _came(M, p, v, s)
    tell(M, X, v)


@inner
def _came(M: Ints, p: int, v: int, s: int) -> None:
    """Begin what matters where parts come together; one may have to wait for components."""
    put(M, PART_KITTED, p, 0)
    put(M, PART_MATE, p, -1)
    if lacks(M, p):
        put(M, LACKING, get(M, FIRST_SERVER, s) + get(M, LACKING_COUNT, s), v)
        add(M, LACKING_COUNT, s, 1)
        look_at_station(M, s)


@outlined
def join(M: Ints, X: Floats, p: int, before: int, s: int) -> None:
    """Put a further part of a batch into the server of the one before it."""
    number = get(M, PART_SERVER, before)
    _move(M, X, p, whole(M, BUFFERS) + s)
    put(M, PART_SERVER, p, number)
    put(M, PART_STAGE, p, FRESH)
    put_real(M, X, PART_ASKED_S, p, NAN)
    put(M, PART_KITTED, p, 0)
    add(M, PART_VISITS, p, 1)
    put(M, PART_MATE, before, p)
    put(M, PART_MATE, p, -1)
    element, place = get(M, STATION_ELEMENT, s), get(M, PART_STEP, p)
    note(M, X, STATION_ENTERED, element, get(M, PART_ID, p), place, float(number))


@outlined
def part_from(M: Ints, p: int, v: int) -> None:
    """Take a part from among those on its server."""
    after, before = get(M, PART_MATE, p), get(M, SERVER_PART, v)
    if before == p:
        put(M, SERVER_PART, v, after)
        return
    while get(M, PART_MATE, before) != p:
        before = get(M, PART_MATE, before)
    put(M, PART_MATE, before, after)


@inlined
def server_freed(M: Ints, X: Floats, v: int, s: int) -> None:
    """One server more is free: the station may take, and parts may come straight in."""
    add(M, STATION_FREE, s, 1)
    look_at_station(M, s)
    room_at(M, whole(M, BUFFERS) + s)
    if get(M, STATION_SEVERAL, s):
        note_cleared(M, X, v, s)


@outlined
def note_cleared(M: Ints, X: Floats, v: int, s: int) -> None:
    """Tell that the last of several parts has left a server."""
    number = float(v - get(M, FIRST_SERVER, s))
    note(M, X, SERVER_CLEARED, get(M, STATION_ELEMENT, s), -1, -1, number)


@inner
def leave_station(M: Ints, X: Floats, p: int, v: int, s: int) -> None:
    """Let a part that is done go; who visits the station lets it take afterwards."""
    account(M, X, s)
    put(M, PART_SERVER, p, -1)
    if get(M, STATION_SEVERAL, s):
        part_from(M, p, v)
        if get(M, SERVER_PART, v) >= 0:
            look_at_station(M, s)  # who is left alone may stay
            return
        note_cleared(M, X, v, s)
    first, count = (get(M, FIRST_SERVER, s), get(M, DONE_COUNT, s))
    if count > 1:
        at = 0
        while get(M, DONE_LIST, first + at) != v:
            at += 1
        for i in range(at, count - 1):
            put(M, DONE_LIST, first + i, get(M, DONE_LIST, first + i + 1))
    put(M, DONE_COUNT, s, count - 1)
    put(M, SERVER_PART, v, -1)
    add(M, STATION_FREE, s, 1)
    room_at(M, whole(M, BUFFERS) + s)
    tell(M, X, v)


@outlined
def leave_line(M: Ints, X: Floats, p: int) -> None:
    """Finish a part."""
    product = get(M, PART_PRODUCT, p)
    note(M, X, PART_FINISHED, get(M, PRODUCT_SINK, product), get(M, PART_ID, p), -1, NAN)
    if moment(M, X, NOW) >= moment(M, X, OBSERVE):
        add(M, PRODUCT_FINISHED, product, 1)
        flow_ended(M, X, moment(M, X, NOW) - real(M, X, PART_CREATED_S, p))
    gone(M, X, p, True)


@aside
def gone(M: Ints, X: Floats, p: int, good: bool) -> None:
    """Take a part out of the line and count it."""
    if good:
        add_whole(M, N_FINISHED, 1)
    else:
        add_whole(M, N_SCRAPPED, 1)
    taken_out(M, X, p, good)


@inlined
def taken_out(M: Ints, X: Floats, p: int, good: bool) -> None:
    """Take a part out of the line; only its order counts it."""
    order = get(M, PART_ORDER, p)
    if order >= 0:
        put_real(M, X, ORDER_LAST_S, order, moment(M, X, NOW))
        if good:
            add(M, ORDER_FINISHED, order, 1)
        else:
            add(M, ORDER_SCRAPPED, order, 1)
    forgotten(M, X, p)


@aside
def forgotten(M: Ints, X: Floats, p: int) -> None:
    """Take a part out of the line; nobody counts it."""
    content_changed(M, X, -1)
    follow(M, X, p, -1)
    put(M, PART_ID, p, -1)
    put(M, PART_NEXT, p, whole(M, N_FREE))
    put_whole(M, N_FREE, p)


@aside
def drop(M: Ints, X: Floats, p: int) -> None:
    """Take a part that waits out of where it is."""
    at, buffers = (get(M, PART_AT, p), whole(M, BUFFERS))
    if at >= buffers:
        s = at - buffers
        leave_station(M, X, p, get(M, FIRST_SERVER, s) + get(M, PART_SERVER, p), s)
    elif at >= 0:
        if get(M, PART_STATUS, p) == DONE:
            not_late(M, p, at)
        leave_buffer(M, X, p, at)
    else:
        _leave_source(M, p, -1 - at)


@aside
def not_late(M: Ints, p: int, b: int) -> None:
    """Take a part from those that leave a buffer because they waited too long."""
    before, after = (-1, get(M, LATE_HEAD, b))
    while after != p:
        before, after = (after, get(M, LATE_NEXT, after))
    if before >= 0:
        put(M, LATE_NEXT, before, get(M, LATE_NEXT, p))
    else:
        put(M, LATE_HEAD, b, get(M, LATE_NEXT, p))
    if get(M, LATE_TAIL, b) == p:
        put(M, LATE_TAIL, b, before)


@inner
def _leave_source(M: Ints, p: int, source: int) -> None:
    """Take a part out of the queue in front of the line."""
    before, after = (-1, get(M, SOURCE_HEAD, source))
    while after != p:
        before, after = (after, get(M, PART_NEXT, after))
    if before >= 0:
        put(M, PART_NEXT, before, get(M, PART_NEXT, p))
    else:
        put(M, SOURCE_HEAD, source, get(M, PART_NEXT, p))
    if get(M, SOURCE_TAIL, source) == p:
        put(M, SOURCE_TAIL, source, before)
