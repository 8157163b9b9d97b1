"""Who calls a vehicle, and which one is sent: its part in ``reference.settle``."""

from __future__ import annotations

import math

from twin.engine.compiled.carriers import (
    can_set_out,
    carrier,
    keep_place,
    sink_of,
    site_of,
    walks,
)
from twin.engine.compiled.goals import (
    before,
    is_in_company,
    open_to,
    sole_goal,
    sole_goal_of_source,
    stays,
    went,
)
from twin.engine.compiled.lateness import element_of
from twin.engine.compiled.log import note
from twin.engine.compiled.looks import is_shut, look_everywhere
from twin.engine.compiled.memory import (
    add,
    get,
    moment,
    put,
    put_real,
    put_whole,
    real,
    whole,
)
from twin.engine.compiled.sources import look, pop, waits_since_s
from twin.engine.compiled.tables import (
    BUFFERS,
    CALLER,
    CALLERS,
    DONE_COUNT,
    DONE_LIST,
    FETCHES,
    FIRST_SERVER,
    FIRST_SOURCE,
    FIRST_STEP,
    FIRST_VEHICLE,
    HEAD_PRODUCT,
    IS_IDLE,
    LATE_HEAD,
    LATE_NEXT,
    NAN,
    NOW,
    PART_ASKED_S,
    PART_AT,
    PART_CALLED,
    PART_DONE_S,
    PART_ID,
    PART_MATE,
    PART_PRODUCT,
    PART_ROW,
    PART_SERVER,
    POOL_HOME,
    POOL_IDLE,
    POOL_RETURNS,
    POOLS,
    RETURNS,
    SERVER_PART,
    SITE_ELEMENT,
    STATION_SEVERAL,
    STATIONS,
    SUPPOSED,
    VEHICLE_ASKED,
    VEHICLE_GOAL,
    VEHICLE_PART,
    VEHICLE_PLACE,
    VEHICLE_POOL,
    VEHICLE_SENT,
    VEHICLE_STATUS,
    Floats,
    Ints,
)
from twin.engine.compiled.vehicles import begin_way, hold_cards, is_crowded, travel_s, vehicle_moved
from twin.engine.jit import aside, inner, outlined

NO_CALL, SOURCE_CALLS = -1, -2
"""Nobody calls a vehicle; from the second one down: the next part of a source does."""


@inner
def has_callers(M: Ints) -> bool:
    """Tell whether a part may call a vehicle, or an idle one may have to drive home."""
    for k in range(whole(M, CALLERS)):
        sender = get(M, CALLER, k)
        if sender >= whole(M, STATIONS) or get(M, DONE_COUNT, sender):
            return True
    returns = False
    for pool in range(whole(M, POOLS)):
        returns = returns or get(M, POOL_RETURNS, pool) != 0
    return returns


@outlined
def call(M: Ints, X: Floats) -> bool:
    """Send a vehicle for the part that has waited longest; tell whether there was one."""
    idle = 0
    for pool in range(whole(M, POOLS)):
        idle += get(M, POOL_IDLE, pool)
    first = _first_call(M, X) if idle else NO_CALL
    if first == NO_CALL:
        return False
    if first >= 0:
        p, goal = first, _goal(M, X, first, _sender(M, first))
    else:
        source = SOURCE_CALLS - first
        goal = _goal_of_source(M, X, source)
        p = pop(M, X, source)
        if p < 0:
            return False
    step, given = get(M, PART_ROW, p), sole_goal(M, X, p)
    _send(M, X, p, goal)
    went(M, X, step, given)
    return True


@inner
def _sender(M: Ints, p: int) -> int:
    """Return who would send a part that is done: its station, or the place of its buffer."""
    at, buffers = get(M, PART_AT, p), whole(M, BUFFERS)
    return at - buffers if at >= buffers else whole(M, STATIONS) + at


@outlined
def _send(M: Ints, X: Floats, p: int, goal: int) -> None:
    """Send the nearest idle vehicle for a part, and keep a place for it."""
    origin = site_of(M, get(M, PART_AT, p))
    pool = carrier(M, origin, goal)
    if math.isnan(real(M, X, PART_ASKED_S, p)):
        put_real(M, X, PART_ASKED_S, p, moment(M, X, NOW))
    put(M, PART_CALLED, p, 1)
    keep_place(M, goal, 1)
    hold_cards(M, X, p, goal, -1)
    nearest, nearest_s = -1, 0.0
    for v in range(get(M, FIRST_VEHICLE, pool), get(M, FIRST_VEHICLE, pool + 1)):
        if get(M, VEHICLE_STATUS, v) == IS_IDLE:
            time_s = travel_s(M, X, pool, get(M, VEHICLE_PLACE, v), origin)
            if nearest < 0 or time_s < nearest_s:
                nearest, nearest_s = v, time_s
    put(M, VEHICLE_PART, nearest, p)
    put(M, VEHICLE_GOAL, nearest, goal)
    add(M, POOL_IDLE, pool, -1)
    begin_way(M, X, nearest, FETCHES, VEHICLE_SENT, float(get(M, SITE_ELEMENT, goal)))
    vehicle_moved(M, False, get(M, PART_AT, p))


@outlined
def _first_call(M: Ints, X: Floats) -> int:
    """Return the part that has waited longest of those that only lack their vehicle.

    NO_CALL: none; from SOURCE_CALLS down: the next part of a source. While vehicles are supposed,
    those parts are left out that have asked for one already.
    """
    best, best_s, best_sender, stations = NO_CALL, 0.0, 0, whole(M, STATIONS)
    for k in range(whole(M, CALLERS)):
        sender = get(M, CALLER, k)
        source = sender - whole(M, FIRST_SOURCE)
        if sender < stations:
            for i in range(0 if is_shut(M, sender) else get(M, DONE_COUNT, sender)):
                p = get(M, SERVER_PART, get(M, DONE_LIST, get(M, FIRST_SERVER, sender) + i))
                while p >= 0:
                    if _calls_before(M, X, p, sender, best, best_s, best_sender):
                        best, best_s, best_sender = p, real(M, X, PART_DONE_S, p), sender
                    p = get(M, PART_MATE, p) if get(M, STATION_SEVERAL, sender) else -1
        elif source < 0:
            p = get(M, LATE_HEAD, sender - stations)
            while p >= 0:
                if _calls_before(M, X, p, sender, best, best_s, best_sender):
                    best, best_s, best_sender = p, real(M, X, PART_DONE_S, p), sender
                p = get(M, LATE_NEXT, p)
        elif not whole(M, SUPPOSED) and look(M, X, source):
            wait_s = waits_since_s(M, X, source)
            earlier = best == NO_CALL or before(wait_s, sender, best_s, best_sender, stations)
            if earlier and _goal_of_source(M, X, source) >= 0:
                best, best_s, best_sender = SOURCE_CALLS - source, wait_s, sender
    return best


@outlined
def _calls_before(
    M: Ints, X: Floats, p: int, sender: int, best: int, best_s: float, best_sender: int
) -> bool:
    """Tell whether a part only lacks its vehicle, and stands before the best so far."""
    if get(M, PART_CALLED, p):
        return False
    if whole(M, SUPPOSED) and not math.isnan(real(M, X, PART_ASKED_S, p)):
        return False
    done_s = real(M, X, PART_DONE_S, p)
    if best != NO_CALL and not before(done_s, sender, best_s, best_sender, whole(M, STATIONS)):
        return False
    return _goal(M, X, p, sender) >= 0


@outlined
def _goal(M: Ints, X: Floats, p: int, sender: int) -> int:
    """Return the site that a part that is done could set out to on a vehicle, or -1."""
    step, given, stations = get(M, PART_ROW, p), sole_goal(M, X, p), whole(M, STATIONS)
    product, done_s = get(M, PART_PRODUCT, p), real(M, X, PART_DONE_S, p)
    if sender < stations and stays(M, X, step, given, sender):
        v = get(M, FIRST_SERVER, sender) + get(M, PART_SERVER, p)
        if not is_in_company(M, p, v, sender):
            return -1
    goal = sink_of(M, p)
    if goal >= 0:
        ready = whole(M, SUPPOSED) or can_set_out(M, site_of(M, get(M, PART_AT, p)), goal)
    else:
        goal = _open_to(M, X, product, step, given, done_s, sender)
        ready = goal >= 0
    return goal if ready and not walks(M, p, goal) else -1


@aside
def _goal_of_source(M: Ints, X: Floats, source: int) -> int:
    """Return the site that the next part of a source could set out to on a vehicle, or -1."""
    product, given = get(M, HEAD_PRODUCT, source), sole_goal_of_source(M, X, source)
    place, waits_s = whole(M, FIRST_SOURCE) + source, waits_since_s(M, X, source)
    goal = _open_to(M, X, product, get(M, FIRST_STEP, product), given, waits_s, place)
    return goal if goal >= 0 and carrier(M, site_of(M, -1 - source), goal) >= 0 else -1


@aside
def _open_to(
    M: Ints, X: Floats, product: int, step: int, given: int, waits_s: float, sender: int
) -> int:
    return open_to(M, X, product, step, given, waits_s, sender)


@outlined
def _ask(M: Ints, X: Floats) -> None:
    """Note which parts could set out if a vehicle were idle."""
    put_whole(M, SUPPOSED, 1)
    p = _first_call(M, X)
    while p >= 0:
        put_real(M, X, PART_ASKED_S, p, moment(M, X, NOW))
        note(M, X, VEHICLE_ASKED, element_of(M, p), get(M, PART_ID, p), -1, NAN)
        p = _first_call(M, X)
    put_whole(M, SUPPOSED, 0)


@outlined
def end_calls(M: Ints, X: Floats) -> None:
    """Note which parts could set out if there were a vehicle; send home whom nobody needs."""
    missing = False
    for pool in range(whole(M, POOLS)):
        missing = missing or get(M, POOL_IDLE, pool) == 0
    if missing:
        _ask(M, X)
    for v in range(get(M, FIRST_VEHICLE, whole(M, POOLS))):
        pool = get(M, VEHICLE_POOL, v)
        home, idle = get(M, POOL_HOME, pool), get(M, VEHICLE_STATUS, v) == IS_IDLE
        if get(M, POOL_RETURNS, pool) and idle and get(M, VEHICLE_PLACE, v) != home:
            add(M, POOL_IDLE, pool, -1)
            begin_way(M, X, v, RETURNS, VEHICLE_SENT, float(get(M, SITE_ELEMENT, home)))
            if is_crowded(M):
                look_everywhere(M)
