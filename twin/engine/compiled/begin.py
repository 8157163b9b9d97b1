"""A replication's beginning: what is pending is drawn and every clock started.

It does what ``reference.restore`` does, for a state that ``twin.events.beginning`` has made ready.
"""

from __future__ import annotations

import math

from twin.engine.compiled.interruptions import arm_crew, arm_shift
from twin.engine.compiled.memory import (
    add,
    add_whole,
    address,
    get,
    moment,
    put,
    put_real,
    real,
    whole,
)
from twin.engine.compiled.modes import expect_beginning, queue_for_people
from twin.engine.compiled.people import ask
from twin.engine.compiled.phases import choice, needs_people
from twin.engine.compiled.sources import expect
from twin.engine.compiled.stations import runs
from twin.engine.compiled.tables import (
    ABSENCE_SINCE_S,
    ABSENCES,
    BUFFERS,
    CHOICE_LOAD,
    CHOICE_TIMES,
    CHOICE_UNLOAD,
    CREWS,
    DONE,
    DROPS,
    FAILS,
    FIRST_TIMER,
    FIRST_VEHICLE,
    GIVEN_S,
    IS_IDLE,
    LEVEL_AFTER,
    LIMITED,
    LOADING,
    LOOKS,
    MODE_BEGUN,
    MODE_COUNT,
    MODE_LIFE,
    MODE_LIFE_KEY,
    MODE_NEED,
    MODE_RATE,
    MODE_RENEWED,
    MODE_REPAIR,
    MODE_REPAIR_KEY,
    MODE_STATUS,
    MODES,
    N_FAILS,
    N_PARTS,
    NOW,
    ORDER_COUNT,
    ORDER_RELEASE_S,
    ORDER_RELEASED,
    OUTAGE_ACTIVE,
    OUTAGE_SINCE_S,
    OUTAGE_UNTIL_S,
    OUTAGES,
    PART_ID,
    PART_ROW,
    PART_SERVER,
    PART_SLOWED,
    PART_STATUS,
    PART_VISITS,
    PICKS,
    POOL_LOAD,
    POOL_LOAD_KEY,
    POOL_UNLOAD,
    POOL_UNLOAD_KEY,
    POOLS,
    PROCESSING,
    QUEUED,
    REMAINING_S,
    REPAIRING,
    RUNNING,
    SERVER_CHOICE,
    SERVER_PART,
    SERVER_PEOPLE,
    SERVER_STATION,
    SERVERS,
    SETUP,
    SETUP_TOTAL_S,
    SHORTAGE_SINCE_S,
    SHORTAGES,
    SINCE_S,
    SLOW_SINCE_S,
    SLOWDOWNS,
    SOURCES,
    STATE_QUEUE,
    STATION_LOAD,
    STATION_MANNED,
    STATION_UNLOAD,
    STATION_WEARS,
    STATION_WORK,
    STATION_WORKING,
    STATIONS,
    T_AWAY_START,
    T_LIFE,
    T_OUT_END,
    T_OUT_START,
    T_RELEASE,
    T_REPAIR,
    T_SHORT_START,
    T_SLOW_START,
    T_VEHICLE,
    T_WEAR,
    UNLOADING,
    VEHICLE_PART,
    VEHICLE_POOL,
    VEHICLE_STATUS,
    WAITING_MODES,
    WEAR_KEY,
    WEAR_MENDED,
    WEAR_STEPS,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import draw, draw_left, load, push, resume, resume_at
from twin.engine.compiled.vehicles import way_s
from twin.engine.compiled.waits import look_again, watch
from twin.engine.compiled.wear import level_of
from twin.engine.jit import aside, compiled, inner, outlined


@compiled
def begin(M: Ints, X: Floats) -> None:
    """Draw what is pending and start every clock, in the order of ``reference.restore``."""
    _begin(address(M), address(X))


@inner
def _begin(M: Ints, X: Floats) -> None:
    for k in range(whole(M, OUTAGES)):
        if get(M, OUTAGE_ACTIVE, k) and real(M, X, OUTAGE_UNTIL_S, k) < math.inf:
            until_s = max(real(M, X, OUTAGE_UNTIL_S, k), moment(M, X, NOW))
            resume_at(M, X, get(M, FIRST_TIMER, T_OUT_END) + k, until_s)
    for v in range(whole(M, SERVERS)):
        _begin_server(M, X, v)
    for s in range(whole(M, STATIONS)):
        if get(M, STATION_WEARS, s):
            _begin_wear(M, X, s)
    for m in range(whole(M, MODES)):
        _begin_mode(M, X, m)
    for i in range(whole(M, WAITING_MODES)):
        queue_for_people(M, X, get(M, STATE_QUEUE, i))
    for s in range(whole(M, STATIONS)):
        arm_shift(M, X, s)
    for crew in range(whole(M, CREWS)):
        arm_crew(M, X, crew)
    for order in range(whole(M, ORDER_COUNT)):
        if not get(M, ORDER_RELEASED, order):
            release_s = max(real(M, X, ORDER_RELEASE_S, order), moment(M, X, NOW))
            resume_at(M, X, get(M, FIRST_TIMER, T_RELEASE) + order, release_s)
    for source in range(whole(M, SOURCES)):
        expect(M, X, source)
    for v in range(get(M, FIRST_VEHICLE, whole(M, POOLS))):
        if get(M, VEHICLE_STATUS, v) != IS_IDLE:
            _begin_vehicle(M, X, v)
    _begin_waits(M, X)
    for k in range(whole(M, OUTAGES)):
        if not get(M, OUTAGE_ACTIVE, k):
            timer = get(M, FIRST_TIMER, T_OUT_START) + k
            resume_at(M, X, timer, real(M, X, OUTAGE_SINCE_S, k))
    for k in range(whole(M, ABSENCES)):
        timer = get(M, FIRST_TIMER, T_AWAY_START) + k
        resume_at(M, X, timer, real(M, X, ABSENCE_SINCE_S, k))
    for k in range(whole(M, SHORTAGES)):
        timer = get(M, FIRST_TIMER, T_SHORT_START) + k
        resume_at(M, X, timer, real(M, X, SHORTAGE_SINCE_S, k))
    for k in range(whole(M, SLOWDOWNS)):
        timer = get(M, FIRST_TIMER, T_SLOW_START) + k
        resume_at(M, X, timer, real(M, X, SLOW_SINCE_S, k))


@inner
def _begin_waits(M: Ints, X: Floats) -> None:
    """Watch the parts that wait, and what comes to the end of its buffer."""
    if whole(M, LIMITED):
        for p in range(whole(M, N_PARTS)):
            if get(M, PART_SERVER, p) < 0 or get(M, PART_STATUS, p) == DONE:
                watch(M, X, p)
    if whole(M, LOOKS):
        for b in range(whole(M, BUFFERS)):
            look_again(M, X, b)


@outlined
def _restore(M: Ints, X: Floats, timer: int, total_s: float, rate: float) -> None:
    worked_s, since_s = (real(M, X, WORKED_S, timer), real(M, X, SINCE_S, timer))
    given_s, remaining_s = (real(M, X, GIVEN_S, timer), real(M, X, REMAINING_S, timer))
    load(M, X, timer, total_s)
    put_real(M, X, WORKED_S, timer, worked_s)
    put_real(M, X, GIVEN_S, timer, given_s)
    put_real(M, X, REMAINING_S, timer, remaining_s)
    if not math.isnan(since_s):
        put_real(M, X, SINCE_S, timer, since_s)
        push(M, X, timer, since_s + (total_s - worked_s) / rate)


@inner
def _age_s(M: Ints, X: Floats, timer: int, rate: float) -> float:
    if not math.isnan(real(M, X, GIVEN_S, timer)):
        return real(M, X, GIVEN_S, timer)
    since_s = real(M, X, SINCE_S, timer)
    run_s = 0.0 if math.isnan(since_s) else (moment(M, X, NOW) - since_s) * rate
    return real(M, X, WORKED_S, timer) + run_s


@outlined
def _activity(
    M: Ints,
    X: Floats,
    timer: int,
    distribution: int,
    key: int,
    a: int,
    b: int,
    slowed: float,
    rate: float,
) -> None:
    """Load a timer with an activity that has begun already; ``rate``: how fast it runs."""
    remaining_s, given_s = (real(M, X, REMAINING_S, timer), real(M, X, GIVEN_S, timer))
    if not math.isnan(remaining_s):
        total_s = _age_s(M, X, timer, rate) + remaining_s
    elif not math.isnan(given_s):
        left_s = draw_left(M, X, distribution, key, given_s / slowed, a, b) * slowed
        total_s = given_s + left_s
    else:
        total_s = draw(M, X, distribution, key, a, b) * slowed
    _restore(M, X, timer, total_s, rate)


@inner
def _begin_server(M: Ints, X: Floats, v: int) -> None:
    p, s = (get(M, SERVER_PART, v), get(M, SERVER_STATION, v))
    if p < 0:
        return
    manned = get(M, STATION_MANNED, s)
    if manned:
        ask(M, v)
    status, number, visit = get(M, PART_STATUS, p), get(M, PART_ID, p), get(M, PART_VISITS, p) - 1
    row = -1 if status == DONE else choice(M, X, get(M, PART_ROW, p), s)
    if status == PROCESSING:
        put(M, SERVER_CHOICE, v, row)
        times, key = get(M, CHOICE_TIMES, row), get(M, STATION_WORK, s)
        _activity(M, X, v, times, key, number, visit, real(M, X, PART_SLOWED, p), 1.0)
    elif status == LOADING:
        times, key = get(M, CHOICE_LOAD, row), get(M, STATION_LOAD, s)
        _activity(M, X, v, times, key, number, visit, 1.0, 1.0)
    elif status == UNLOADING:
        times, key = get(M, CHOICE_UNLOAD, row), get(M, STATION_UNLOAD, s)
        _activity(M, X, v, times, key, number, visit, 1.0, 1.0)
    elif status == SETUP:
        total_s = real(M, X, SETUP_TOTAL_S, v)
        if not math.isnan(real(M, X, REMAINING_S, v)):
            total_s = _age_s(M, X, v, 1.0) + real(M, X, REMAINING_S, v)
        _restore(M, X, v, total_s, 1.0)
    else:
        return
    if runs(M, X, s) and (not manned or get(M, SERVER_PEOPLE, v) or not needs_people(M, X, p, s)):
        resume(M, X, v)
    if status == PROCESSING and (not math.isnan(real(M, X, SINCE_S, v))):
        add(M, STATION_WORKING, s, 1)


@aside
def _begin_wear(M: Ints, X: Floats, s: int) -> None:
    times = get(M, LEVEL_AFTER, level_of(M, s))
    if times >= 0:
        timer, key = get(M, FIRST_TIMER, T_WEAR) + s, get(M, WEAR_KEY, s)
        steps, mended = get(M, WEAR_STEPS, s), get(M, WEAR_MENDED, s)
        _activity(M, X, timer, times, key, steps, mended, 1.0, 1.0)


@aside
def _begin_vehicle(M: Ints, X: Floats, v: int) -> None:
    timer, status = get(M, FIRST_TIMER, T_VEHICLE) + v, get(M, VEHICLE_STATUS, v)
    pool, p = get(M, VEHICLE_POOL, v), get(M, VEHICLE_PART, v)
    loads = status == PICKS
    if loads or status == DROPS:
        times = get(M, POOL_LOAD, pool) if loads else get(M, POOL_UNLOAD, pool)
        key = get(M, POOL_LOAD_KEY, pool) if loads else get(M, POOL_UNLOAD_KEY, pool)
        _activity(M, X, timer, times, key, get(M, PART_ID, p), get(M, PART_VISITS, p), 1.0, 1.0)
        return
    total_s = way_s(M, X, v)
    if not math.isnan(real(M, X, REMAINING_S, timer)):
        total_s = _age_s(M, X, timer, 1.0) + real(M, X, REMAINING_S, timer)
    _restore(M, X, timer, total_s, 1.0)


@inner
def _begin_mode(M: Ints, X: Floats, m: int) -> None:
    status, count = (get(M, MODE_STATUS, m), get(M, MODE_COUNT, m))
    if status == RUNNING:
        if get(M, MODE_LIFE, m) < 0:
            expect_beginning(M, X, m, True)
        else:
            key, renewed = get(M, MODE_LIFE_KEY, m), get(M, MODE_RENEWED, m)
            timer = get(M, FIRST_TIMER, T_LIFE) + m
            life, rate = get(M, MODE_LIFE, m), real(M, X, MODE_RATE, m)
            _activity(M, X, timer, life, key, count, renewed, 1.0, rate)
    if get(M, MODE_BEGUN, m):
        key = get(M, MODE_REPAIR_KEY, m)
        timer = get(M, FIRST_TIMER, T_REPAIR) + m
        _activity(M, X, timer, get(M, MODE_REPAIR, m), key, count - 1, 0, 1.0, 1.0)
    if status == REPAIRING:
        resume(M, X, get(M, FIRST_TIMER, T_REPAIR) + m)
    elif status == QUEUED and get(M, MODE_NEED, m) < 0:
        put(M, FAILS, whole(M, N_FAILS), m)
        add_whole(M, N_FAILS, 1)
