"""Which ways need a vehicle, and whether one is there: what others ask of ``vehicles``.

A *site* is wherever a vehicle may be: the entrances, then sources, sinks, and homes of their own.
"""

from __future__ import annotations

import math

from twin.engine.compiled.memory import add, add_real, get, moment, put_real, real, whole
from twin.engine.compiled.tables import (
    BUFFER_COMING,
    BUFFERS,
    CAPACITY,
    DONE,
    FIRST_EXIT,
    FIRST_SOURCE,
    MOVE_FROM,
    MOVE_INTO,
    MOVE_POOL,
    MOVES,
    NAN,
    NOW,
    OBSERVE,
    PART_ASKED_S,
    PART_AT,
    PART_CALLED,
    PART_PRODUCT,
    PART_ROW,
    PART_STATUS,
    POOL_IDLE,
    PRODUCT_SINK_SITE,
    SITES,
    STATION_COMING,
    STATION_FREE,
    STATIONS,
    SUPPOSED,
    VEHICLE_WAIT_S,
    Floats,
    Ints,
)
from twin.engine.jit import aside, inner


@inner
def site_of(M: Ints, at: int) -> int:
    """Return the site of an entrance, or of a source as -1 - source."""
    return at if at >= 0 else whole(M, BUFFERS) + whole(M, STATIONS) - 1 - at


@inner
def place_at(M: Ints, site: int) -> int:
    """Return the entrance that a site is, or -1 - source."""
    entrances = whole(M, BUFFERS) + whole(M, STATIONS)
    return site if site < entrances else entrances - 1 - site


@aside
def carrier(M: Ints, origin: int, goal: int) -> int:
    """Return the pool that carries what goes from one site to another; -1: it needs none."""
    sites = whole(M, SITES)
    for move in range(whole(M, MOVES)):
        if get(M, MOVE_FROM, move * sites + origin) and get(M, MOVE_INTO, move * sites + goal):
            return -1 if origin == goal else get(M, MOVE_POOL, move)
    return -1


@aside
def can_set_out(M: Ints, origin: int, goal: int) -> bool:
    """Tell whether what goes from one site to another needs no vehicle, or one is idle."""
    pool = carrier(M, origin, goal)
    return pool < 0 or get(M, POOL_IDLE, pool) > 0


@aside
def may_set_out(M: Ints, sender: int, goal: int) -> bool:
    """Tell the same of who sends; as if vehicles were idle while that is supposed."""
    stations, first_source = whole(M, STATIONS), whole(M, FIRST_SOURCE)
    if sender < stations:
        origin = whole(M, BUFFERS) + sender
    elif sender < first_source:
        origin = sender - stations
    else:
        origin = site_of(M, first_source - 1 - sender)
    return whole(M, SUPPOSED) != 0 or can_set_out(M, origin, goal)


@aside
def can_be_sent(M: Ints, p: int, entrance: int) -> bool:
    """Tell whether no vehicle was sent for a part that is done, and it needs none or has one."""
    return not get(M, PART_CALLED, p) and can_set_out(M, site_of(M, get(M, PART_AT, p)), entrance)


@inner
def sink_of(M: Ints, p: int) -> int:
    """Return the site at which a part leaves the line next, or -1: it does not."""
    step = get(M, PART_ROW, p)
    if get(M, FIRST_EXIT, step) < get(M, FIRST_EXIT, step + 1):
        return -1
    return get(M, PRODUCT_SINK_SITE, get(M, PART_PRODUCT, p))


@aside
def walks(M: Ints, p: int, goal: int) -> bool:
    """Tell whether a part goes to a site by itself, from where it is."""
    return carrier(M, site_of(M, get(M, PART_AT, p)), goal) < 0


@aside
def source_walks(M: Ints, source: int, goal: int) -> bool:
    """Tell whether the next part of a source goes to a site by itself."""
    return carrier(M, site_of(M, -1 - source), goal) < 0


@aside
def keep_place(M: Ints, goal: int, change: int) -> None:
    """Keep a place for a part that is on its way, or no more: it counts as if it were taken."""
    buffers = whole(M, BUFFERS)
    if goal < buffers:
        add(M, CAPACITY, goal, -change)
        add(M, BUFFER_COMING, goal, change)
    elif goal < buffers + whole(M, STATIONS):
        add(M, STATION_FREE, goal - buffers, -change)
        add(M, STATION_COMING, goal - buffers, change)


@aside
def waited(M: Ints, X: Floats, p: int) -> None:
    """Count how long a part that leaves its station waited there for nothing but a vehicle."""
    asked_s, s = real(M, X, PART_ASKED_S, p), get(M, PART_AT, p) - whole(M, BUFFERS)
    if math.isnan(asked_s):
        return
    if s >= 0 and get(M, PART_STATUS, p) == DONE:
        time_s = moment(M, X, NOW) - max(asked_s, moment(M, X, OBSERVE))
        add_real(M, X, VEHICLE_WAIT_S, s, max(0.0, time_s))
    put_real(M, X, PART_ASKED_S, p, NAN)
