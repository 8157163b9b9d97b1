"""The kernel's vehicles: what ``reference.vehicles`` does, and its part in ``reference.settle``.

Only lines with vehicles come here. Whatever vehicles change for others has everything looked at
where parts wait for one another's turn; else those who call vehicles, and where a part left.
"""

from __future__ import annotations

import math

from twin.engine.compiled.cards import reserve
from twin.engine.compiled.carriers import (
    can_set_out,
    carrier,
    keep_place,
    place_at,
    sink_of,
    site_of,
    waited,
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
from twin.engine.compiled.looks import is_shut, look_at, look_at_station, look_everywhere
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
from twin.engine.compiled.sources import look, pop, waits_since_s
from twin.engine.compiled.tables import (
    BUFFERS,
    CALLER,
    CALLERS,
    CARRIES,
    CONTENDED,
    DONE_COUNT,
    DONE_LIST,
    DROP_STARTED,
    DROPS,
    FETCHES,
    FIRST_SERVER,
    FIRST_SOURCE,
    FIRST_STEP,
    FIRST_TIMER,
    FIRST_TRAVEL,
    FIRST_VEHICLE,
    HEAD_PRODUCT,
    IS_IDLE,
    LATE_HEAD,
    LATE_NEXT,
    LIMITED,
    LOOPS,
    N_MOVES,
    N_OVERDUE,
    N_READY,
    NAN,
    NOW,
    OBSERVE,
    OVERDUE,
    PART_ASKED_S,
    PART_AT,
    PART_CALLED,
    PART_DONE_S,
    PART_ENTERED_S,
    PART_ID,
    PART_LOADED,
    PART_MATE,
    PART_MOVE,
    PART_PRODUCT,
    PART_ROW,
    PART_SERVER,
    PART_STATUS,
    PART_VISITS,
    PICKS,
    PICKUP_STARTED,
    POOL_ELEMENT,
    POOL_HOME,
    POOL_IDLE,
    POOL_LOAD,
    POOL_LOAD_KEY,
    POOL_RETURNS,
    POOL_S,
    POOL_TRIPS,
    POOL_UNLOAD,
    POOL_UNLOAD_KEY,
    POOL_WIDTH,
    POOLS,
    READY,
    RETURNS,
    SERVER_PART,
    SITE_ELEMENT,
    SITE_ROW,
    SITES,
    SOURCES,
    STATION_SEVERAL,
    STATIONS,
    STEP_WATCH,
    SUPPOSED,
    T_VEHICLE,
    TRAVEL_S,
    VEHICLE_ASKED,
    VEHICLE_FREE,
    VEHICLE_GOAL,
    VEHICLE_PART,
    VEHICLE_PLACE,
    VEHICLE_POOL,
    VEHICLE_SENT,
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

NO_CALL, SOURCE_CALLS = -1, -2
"""Nobody calls a vehicle; from the second one down: the next part of a source does."""


@inner
def _travel_s(M: Ints, X: Floats, pool: int, origin: int, goal: int) -> float:
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
        return _travel_s(M, X, pool, place, get(M, POOL_HOME, pool))
    if status == FETCHES:
        return _travel_s(M, X, pool, place, site_of(M, get(M, PART_AT, p)))
    if status == CARRIES:
        return _travel_s(M, X, pool, place, get(M, VEHICLE_GOAL, v))
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
def _begin(M: Ints, X: Floats, v: int, status: int, kind: int, value: float) -> None:
    """Begin the next piece of its way; ``value``: in the log, NaN for the time it takes."""
    _be(M, X, v, status)
    total_s = way_s(M, X, v)
    _note(M, X, kind, v, total_s if math.isnan(value) else value)
    begin_now(M, X, get(M, FIRST_TIMER, T_VEHICLE) + v, total_s)


@inner
def _is_crowded(M: Ints) -> bool:
    """Tell whether parts may wait for one another, for cards, or only so long."""
    return bool(whole(M, CONTENDED) or whole(M, LOOPS) or whole(M, LIMITED))


@outlined
def _vehicle_moved(M: Ints, is_free: bool, at: int) -> None:
    """Let those look for whom it matters that a vehicle is free, or that a part is no more there.

    ``at``: entrance that the part left, or -1 - source.
    """
    stations, buffers = whole(M, STATIONS), whole(M, BUFFERS)
    if _is_crowded(M):
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
    _vehicle_moved(M, True, 0)


@outlined
def drove(M: Ints, X: Floats, v: int) -> None:
    """End a piece of its way; what concerns others waits for ``settle``."""
    status, pool = get(M, VEHICLE_STATUS, v), get(M, VEHICLE_POOL, v)
    if status == FETCHES:
        put(M, VEHICLE_PLACE, v, site_of(M, get(M, PART_AT, get(M, VEHICLE_PART, v))))
        _begin(M, X, v, PICKS, PICKUP_STARTED, NAN)
    elif status == CARRIES:
        if moment(M, X, NOW) >= moment(M, X, OBSERVE):
            add(M, POOL_TRIPS, pool, 1)
        _begin(M, X, v, DROPS, DROP_STARTED, NAN)
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
            _begin(M, X, v, CARRIES, PART_LOADED, -1.0)
        else:
            _put_down(M, X, v)
    put_whole(M, N_READY, 0)


@inner
def _board(M: Ints, X: Floats, p: int, pool: int) -> None:
    """Let a part be on a vehicle; it keeps the cards of where it was."""
    waited(M, X, p)
    _vehicle_moved(M, False, get(M, PART_AT, p))
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
    _hold_cards(M, X, p, goal, 1)
    if goal >= whole(M, BUFFERS) + whole(M, STATIONS):
        leave_line(M, X, p)
    else:
        enter(M, X, p, goal)
        if whole(M, LIMITED) and goal < whole(M, BUFFERS):
            _look_at(M, X, p)
    _free(M, X, v, goal)


@inner
def _hold_cards(M: Ints, X: Floats, p: int, goal: int, change: int) -> None:
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
    _hold_cards(M, X, p, goal, -1)
    nearest, nearest_s = -1, 0.0
    for v in range(get(M, FIRST_VEHICLE, pool), get(M, FIRST_VEHICLE, pool + 1)):
        if get(M, VEHICLE_STATUS, v) == IS_IDLE:
            time_s = _travel_s(M, X, pool, get(M, VEHICLE_PLACE, v), origin)
            if nearest < 0 or time_s < nearest_s:
                nearest, nearest_s = v, time_s
    put(M, VEHICLE_PART, nearest, p)
    put(M, VEHICLE_GOAL, nearest, goal)
    add(M, POOL_IDLE, pool, -1)
    _begin(M, X, nearest, FETCHES, VEHICLE_SENT, float(get(M, SITE_ELEMENT, goal)))
    _vehicle_moved(M, False, get(M, PART_AT, p))


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
            _begin(M, X, v, RETURNS, VEHICLE_SENT, float(get(M, SITE_ELEMENT, home)))
            if _is_crowded(M):
                look_everywhere(M)
