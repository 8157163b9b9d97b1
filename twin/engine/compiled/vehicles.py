"""The kernel's vehicles: what ``reference.vehicles`` does, and its part in ``reference.settle``.

Only lines with vehicles come here. Whatever vehicles change for others has everything looked at
where parts wait for one another's turn; else those who call vehicles, and where a part left.
"""

from __future__ import annotations

import math

from twin.engine.compiled.cards import reserve
from twin.engine.compiled.carriers import (
    keep_place,
    place_at,
    site_of,
    waited,
)
from twin.engine.compiled.log import note
from twin.engine.compiled.looks import look_at, look_at_station, look_everywhere
from twin.engine.compiled.memory import (
    add,
    add_real,
    add_whole,
    get,
    moment,
    put,
    put_real,
    put_whole,
    real,
    whole,
)
from twin.engine.compiled.parts import drop, enter, leave_line
from twin.engine.compiled.tables import (
    BUFFERS,
    CALLER,
    CALLERS,
    CARRIES,
    CONTENDED,
    DROP_STARTED,
    DROPS,
    FETCHES,
    FIRST_SOURCE,
    FIRST_TIMER,
    FIRST_TRAVEL,
    FIRST_VEHICLE,
    IS_IDLE,
    LIMITED,
    LOOPS,
    N_MOVES,
    N_OVERDUE,
    N_READY,
    NAN,
    NOW,
    OBSERVE,
    OVERDUE,
    PART_AT,
    PART_CALLED,
    PART_ENTERED_S,
    PART_ID,
    PART_LOADED,
    PART_MOVE,
    PART_PRODUCT,
    PART_ROW,
    PART_STATUS,
    PART_VISITS,
    PICKS,
    PICKUP_STARTED,
    POOL_ELEMENT,
    POOL_HOME,
    POOL_IDLE,
    POOL_LOAD,
    POOL_LOAD_KEY,
    POOL_S,
    POOL_TRIPS,
    POOL_UNLOAD,
    POOL_UNLOAD_KEY,
    POOL_WIDTH,
    READY,
    RETURNS,
    SITE_ELEMENT,
    SITE_ROW,
    SITES,
    SOURCES,
    STATIONS,
    STEP_WATCH,
    T_VEHICLE,
    TRAVEL_S,
    VEHICLE_FREE,
    VEHICLE_GOAL,
    VEHICLE_PART,
    VEHICLE_PLACE,
    VEHICLE_POOL,
    VEHICLE_SINCE_S,
    VEHICLE_STATES,
    VEHICLE_STATUS,
    WAITING,
    WATCH_LONGEST_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import begin_now, draw
from twin.engine.compiled.waits import waits_from_s
from twin.engine.jit import aside, inner, outlined


@inner
def travel_s(M: Ints, X: Floats, pool: int, origin: int, goal: int) -> float:
    """Return the time from one site to another, s."""
    first = pool * whole(M, SITES)
    row, column = get(M, SITE_ROW, first + origin), get(M, SITE_ROW, first + goal)
    at = get(M, FIRST_TRAVEL, pool) + row * get(M, POOL_WIDTH, pool) + column
    return real(M, X, TRAVEL_S, at)


@aside
def way_s(M: Ints, X: Floats, v: int) -> float:
    """Return how long what a vehicle does now takes, s."""
    status, place = get(M, VEHICLE_STATUS, v), get(M, VEHICLE_PLACE, v)
    pool, p = get(M, VEHICLE_POOL, v), get(M, VEHICLE_PART, v)
    if status == RETURNS:
        return travel_s(M, X, pool, place, get(M, POOL_HOME, pool))
    if status == FETCHES:
        return travel_s(M, X, pool, place, site_of(M, get(M, PART_AT, p)))
    if status == CARRIES:
        return travel_s(M, X, pool, place, get(M, VEHICLE_GOAL, v))
    number, visits = get(M, PART_ID, p), get(M, PART_VISITS, p)
    if status == PICKS:
        return draw(M, X, get(M, POOL_LOAD, pool), get(M, POOL_LOAD_KEY, pool), number, visits)
    return draw(M, X, get(M, POOL_UNLOAD, pool), get(M, POOL_UNLOAD_KEY, pool), number, visits)


@inner
def _note(M: Ints, X: Floats, kind: int, v: int, value: float) -> None:
    """Write what a vehicle does to the log."""
    pool, p = get(M, VEHICLE_POOL, v), get(M, VEHICLE_PART, v)
    number = get(M, PART_ID, p) if p >= 0 else -1
    detail = v - get(M, FIRST_VEHICLE, pool)
    note(M, X, kind, get(M, POOL_ELEMENT, pool), number, detail, value)


@inner
def _be(M: Ints, X: Floats, v: int, status: int) -> None:
    """Do something else from now on; the time until now is counted."""
    time_s = moment(M, X, NOW) - real(M, X, VEHICLE_SINCE_S, v)
    if time_s > 0.0:
        before_it = get(M, VEHICLE_STATUS, v)
        add_real(M, X, POOL_S, get(M, VEHICLE_POOL, v) * VEHICLE_STATES + before_it, time_s)
        put_real(M, X, VEHICLE_SINCE_S, v, moment(M, X, NOW))
    put(M, VEHICLE_STATUS, v, status)


@outlined
def begin_way(M: Ints, X: Floats, v: int, status: int, kind: int, value: float) -> None:
    """Begin the next piece of its way; ``value``: in the log, NaN for the time it takes."""
    _be(M, X, v, status)
    total_s = way_s(M, X, v)
    _note(M, X, kind, v, total_s if math.isnan(value) else value)
    begin_now(M, X, get(M, FIRST_TIMER, T_VEHICLE) + v, total_s)


@inner
def is_crowded(M: Ints) -> bool:
    """Tell whether parts may wait for one another, for cards, or only so long."""
    return bool(whole(M, CONTENDED) or whole(M, LOOPS) or whole(M, LIMITED))


@outlined
def vehicle_moved(M: Ints, is_free: bool, at: int) -> None:
    """Let those look for whom it matters that a vehicle is free, or that a part is no more there.

    ``at``: entrance that the part left, or -1 - source.
    """
    stations, buffers = whole(M, STATIONS), whole(M, BUFFERS)
    if is_crowded(M):
        look_everywhere(M)
    elif is_free:
        for k in range(whole(M, CALLERS)):
            sender = get(M, CALLER, k)
            look_at(M, stations - 1 - sender if sender < stations else sender)
    elif at >= buffers:
        look_at_station(M, at - buffers)
    elif at < 0:
        look_at(M, whole(M, FIRST_SOURCE) - 1 - at)


@aside
def _free(M: Ints, X: Floats, v: int, site: int) -> None:
    """Stand idle at a site."""
    _be(M, X, v, IS_IDLE)
    put(M, VEHICLE_PLACE, v, site)
    put(M, VEHICLE_PART, v, -1)
    put(M, VEHICLE_GOAL, v, -1)
    add(M, POOL_IDLE, get(M, VEHICLE_POOL, v), 1)
    _note(M, X, VEHICLE_FREE, v, float(get(M, SITE_ELEMENT, site)))
    vehicle_moved(M, True, 0)


@outlined
def drove(M: Ints, X: Floats, v: int) -> None:
    """End a piece of its way; what concerns others waits for ``settle``."""
    status, pool = get(M, VEHICLE_STATUS, v), get(M, VEHICLE_POOL, v)
    if status == FETCHES:
        put(M, VEHICLE_PLACE, v, site_of(M, get(M, PART_AT, get(M, VEHICLE_PART, v))))
        begin_way(M, X, v, PICKS, PICKUP_STARTED, NAN)
    elif status == CARRIES:
        if moment(M, X, NOW) >= moment(M, X, OBSERVE):
            add(M, POOL_TRIPS, pool, 1)
        begin_way(M, X, v, DROPS, DROP_STARTED, NAN)
    elif status == RETURNS:
        _free(M, X, v, get(M, POOL_HOME, pool))
    else:
        put(M, READY, whole(M, N_READY), v)
        add_whole(M, N_READY, 1)


@outlined
def settle_arrivals(M: Ints, X: Floats) -> None:
    """Let parts that were loaded leave their place, and those unloaded come to one."""
    for i in range(whole(M, N_READY)):
        v = get(M, READY, i)
        if get(M, VEHICLE_STATUS, v) == PICKS:
            _board(M, X, get(M, VEHICLE_PART, v), get(M, VEHICLE_POOL, v))
            begin_way(M, X, v, CARRIES, PART_LOADED, -1.0)
        else:
            _put_down(M, X, v)
    put_whole(M, N_READY, 0)


@inner
def _board(M: Ints, X: Floats, p: int, pool: int) -> None:
    """Let a part be on a vehicle; it keeps the cards of where it was."""
    waited(M, X, p)
    vehicle_moved(M, False, get(M, PART_AT, p))
    if get(M, PART_AT, p) >= 0:
        drop(M, X, p)
    put(M, PART_AT, p, -1 - whole(M, SOURCES) - pool)
    put_real(M, X, PART_ENTERED_S, p, moment(M, X, NOW))
    put(M, PART_STATUS, p, WAITING)
    put(M, PART_MOVE, p, whole(M, N_MOVES))
    add_whole(M, N_MOVES, 1)


@inner
def _put_down(M: Ints, X: Floats, v: int) -> None:
    """Let a part be where it was brought."""
    p, goal = get(M, VEHICLE_PART, v), get(M, VEHICLE_GOAL, v)
    keep_place(M, goal, -1)
    put(M, PART_CALLED, p, 0)
    put(M, PART_AT, p, place_at(M, get(M, VEHICLE_PLACE, v)))
    hold_cards(M, X, p, goal, 1)
    if goal >= whole(M, BUFFERS) + whole(M, STATIONS):
        leave_line(M, X, p)
    else:
        enter(M, X, p, goal)
        if whole(M, LIMITED) and goal < whole(M, BUFFERS):
            _look_at(M, X, p)
    _free(M, X, v, goal)


@inner
def hold_cards(M: Ints, X: Floats, p: int, goal: int, change: int) -> None:
    """Take the cards of where a part is brought, or give them back."""
    if whole(M, LOOPS) and goal < whole(M, BUFFERS) + whole(M, STATIONS):
        reserve(M, X, get(M, PART_PRODUCT, p), get(M, PART_AT, p), goal, change)


@inner
def _look_at(M: Ints, X: Floats, p: int) -> None:
    """Have a part taken for overdue whose limit has passed on the way."""
    w = get(M, STEP_WATCH, get(M, PART_ROW, p))
    if w < 0 or waits_from_s(M, X, p) + real(M, X, WATCH_LONGEST_S, w) > moment(M, X, NOW):
        return
    count = whole(M, N_OVERDUE)
    for i in range(count):
        if get(M, OVERDUE, i) == p:
            return
    put(M, OVERDUE, count, p)
    put_whole(M, N_OVERDUE, count + 1)
