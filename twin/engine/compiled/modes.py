"""The kernel's failures and maintenance: what ``reference.modes`` does."""

from __future__ import annotations

from twin.engine.compiled.log import account, note
from twin.engine.compiled.looks import door_moved
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
from twin.engine.compiled.people import find, release_mode, take_for_mode
from twin.engine.compiled.stations import begin_due, break_off, go_on, stop_work
from twin.engine.compiled.tables import (
    AWAITED,
    BEGINNING_S,
    BY_CALENDAR,
    CREW_FREE,
    CREW_HEAD,
    CREW_TAIL,
    CREWS,
    FAILED,
    FAILS,
    FIRST_BEGINNING,
    FIRST_MODE,
    FIRST_RENEWED,
    FIRST_TIMER,
    IS_MAINTAINED,
    MAINTENANCE_DUE,
    MAINTENANCE_ENDED,
    MAINTENANCE_STARTED,
    MODE_AGES,
    MODE_BEGINNING,
    MODE_BEGUN,
    MODE_CLOCK,
    MODE_COUNT,
    MODE_CREW,
    MODE_EFFECT,
    MODE_FAILED_S,
    MODE_INTERRUPTS,
    MODE_LIFE,
    MODE_LIFE_KEY,
    MODE_NEED,
    MODE_NEXT,
    MODE_RENEWED,
    MODE_REPAIR,
    MODE_REPAIR_KEY,
    MODE_SKILL,
    MODE_STATION,
    MODE_STATUS,
    N_FAILS,
    N_QUEUED,
    NAN,
    NOW,
    OPERATING,
    QUEUED,
    RENEWED,
    REPAIR_PAUSED,
    REPAIR_STARTED,
    REPAIRED,
    REPAIRING,
    RUNNING,
    SLOWS,
    STATION_AWAITS,
    STATION_ELEMENT,
    STATION_MAINTAINED,
    STATION_SLOWS,
    STATION_STOPS,
    STATION_WEARS,
    STATION_WORKING,
    STOPS,
    T_LIFE,
    T_REPAIR,
    TOTAL_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import draw, load, not_due, pause, resume, resume_at
from twin.engine.compiled.wear import age_from, mended
from twin.engine.jit import aside, inner, outlined


@inner
def _note(M: Ints, X: Floats, kind: int, m: int, value: float) -> None:
    s = get(M, MODE_STATION, m)
    note(M, X, kind, get(M, STATION_ELEMENT, s), -1, m - get(M, FIRST_MODE, s), value)


@aside
def new_life(M: Ints, X: Floats, m: int) -> None:
    """Draw the age at which it is due next and begin to age."""
    if get(M, MODE_LIFE, m) < 0:
        expect_beginning(M, X, m, False)
        return
    timer, count = get(M, FIRST_TIMER, T_LIFE) + m, get(M, MODE_COUNT, m)
    key, clock = get(M, MODE_LIFE_KEY, m), get(M, MODE_CLOCK, m)
    load(M, X, timer, draw(M, X, get(M, MODE_LIFE, m), key, count, get(M, MODE_RENEWED, m)))
    put(M, MODE_AGES, m, clock == OPERATING)
    used = get(M, STATION_WORKING, get(M, MODE_STATION, m)) > 0
    if clock == BY_CALENDAR or (clock == OPERATING and used):
        age_from(M, X, m, moment(M, X, NOW))


@aside
def expect_beginning(M: Ints, X: Floats, m: int, inclusive: bool) -> None:
    """Wait for the next beginning of its calendar; ``inclusive``: this moment may be one."""
    first, last = get(M, FIRST_BEGINNING, m), get(M, FIRST_BEGINNING, m + 1)
    at, now = first + get(M, MODE_BEGINNING, m), moment(M, X, NOW)
    while at < last:
        begin_s = real(M, X, BEGINNING_S, at)
        if begin_s > now or (inclusive and begin_s == now):
            break
        at += 1
    put(M, MODE_BEGINNING, m, at - first)
    if at < last:
        resume_at(M, X, get(M, FIRST_TIMER, T_LIFE) + m, real(M, X, BEGINNING_S, at))


@aside
def fail(M: Ints, X: Floats, m: int) -> None:
    """Stop the station, or slow it: a mode fails; or plan its maintenance."""
    s, effect = get(M, MODE_STATION, m), get(M, MODE_EFFECT, m)
    account(M, X, s)
    add(M, MODE_COUNT, m, 1)
    put(M, MODE_AGES, m, 0)
    if effect == IS_MAINTAINED:
        _due(M, X, m, s)
        return
    put(M, MODE_STATUS, m, QUEUED)
    put_real(M, X, MODE_FAILED_S, m, moment(M, X, NOW))
    _note(M, X, FAILED, m, NAN)
    if effect == SLOWS:
        add(M, STATION_SLOWS, s, 1)
    else:
        add(M, STATION_STOPS, s, 1)
        door_moved(M, s)
        if effect != STOPS:
            break_off(M, X, m)
        stop_work(M, X, s)
    put(M, FAILS, whole(M, N_FAILS), m)
    add_whole(M, N_FAILS, 1)


@inner
def _due(M: Ints, X: Floats, m: int, s: int) -> None:
    """Let nothing new begin: maintenance is due."""
    put(M, MODE_STATUS, m, AWAITED)
    _note(M, X, MAINTENANCE_DUE, m, NAN)
    add(M, STATION_AWAITS, s, 1)
    if get(M, MODE_INTERRUPTS, m):
        stop_work(M, X, s)
    begin_due(M, X, s)


@aside
def begin_repair(M: Ints, X: Floats, m: int) -> None:
    """Begin a repair or maintenance, or go on with it: everybody is there."""
    put(M, MODE_STATUS, m, REPAIRING)
    timer = get(M, FIRST_TIMER, T_REPAIR) + m
    if not get(M, MODE_BEGUN, m):
        key, count = get(M, MODE_REPAIR_KEY, m), get(M, MODE_COUNT, m) - 1
        load(M, X, timer, draw(M, X, get(M, MODE_REPAIR, m), key, count, 0))
    put(M, MODE_BEGUN, m, 1)
    planned = get(M, MODE_EFFECT, m) == IS_MAINTAINED
    kind = MAINTENANCE_STARTED if planned else REPAIR_STARTED
    _note(M, X, kind, m, real(M, X, TOTAL_S, timer))
    resume(M, X, timer)


@aside
def repaired(M: Ints, X: Floats, m: int) -> None:
    """Make a mode as new; the station goes on unless something else stops it."""
    s, effect = get(M, MODE_STATION, m), get(M, MODE_EFFECT, m)
    account(M, X, s)
    planned = effect == IS_MAINTAINED
    for i in range(get(M, FIRST_RENEWED, m), get(M, FIRST_RENEWED, m + 1)):
        _renew(M, X, get(M, RENEWED, i))
    put(M, MODE_STATUS, m, RUNNING)
    put(M, MODE_BEGUN, m, 0)
    put_real(M, X, MODE_FAILED_S, m, NAN)
    _note(M, X, MAINTENANCE_ENDED if planned else REPAIRED, m, NAN)
    release_mode(M, X, m, m - get(M, FIRST_MODE, s), get(M, STATION_ELEMENT, s))
    new_life(M, X, m)
    if get(M, STATION_WEARS, s):
        mended(M, X, m, s)
    if effect == SLOWS:
        add(M, STATION_SLOWS, s, -1)
        return
    add(M, STATION_STOPS, s, -1)
    door_moved(M, s)
    if planned:
        add(M, STATION_MAINTAINED, s, -1)
    go_on(M, X, s)


@inner
def _renew(M: Ints, X: Floats, m: int) -> None:
    """Make a mode as new, unless it has failed."""
    if get(M, MODE_STATUS, m) == RUNNING:
        add(M, MODE_RENEWED, m, 1)
        not_due(M, X, get(M, FIRST_TIMER, T_LIFE) + m)
        new_life(M, X, m)


@aside
def queue_for_people(M: Ints, X: Floats, m: int) -> None:
    """Put a mode at the end of the queue for its crew, or for those with a skill."""
    crew = whole(M, CREWS) if get(M, MODE_SKILL, m) else get(M, MODE_CREW, m)
    put(M, MODE_NEXT, m, -1)
    if get(M, CREW_TAIL, crew) >= 0:
        put(M, MODE_NEXT, get(M, CREW_TAIL, crew), m)
    else:
        put(M, CREW_HEAD, crew, m)
    put(M, CREW_TAIL, crew, m)
    add_whole(M, N_QUEUED, 1)


@aside
def _call(M: Ints, X: Floats) -> None:
    count = whole(M, N_FAILS)
    put_whole(M, N_FAILS, 0)
    for i in range(count):
        m = get(M, FAILS, i)
        if get(M, MODE_NEED, m) < 0:
            begin_repair(M, X, m)
        else:
            queue_for_people(M, X, m)


@outlined
def _serve(M: Ints, X: Floats, crew: int) -> None:
    """Let the modes in one queue begin for which there are people; nobody holds up others."""
    m, before = get(M, CREW_HEAD, crew), -1
    while m >= 0:
        after, need = get(M, MODE_NEXT, m), get(M, MODE_NEED, m)
        if find(M, need, need + 1):
            if before >= 0:
                put(M, MODE_NEXT, before, after)
            else:
                put(M, CREW_HEAD, crew, after)
            if after < 0:
                put(M, CREW_TAIL, crew, before)
            add_whole(M, N_QUEUED, -1)
            s = get(M, MODE_STATION, m)
            number, element = m - get(M, FIRST_MODE, s), get(M, STATION_ELEMENT, s)
            take_for_mode(M, X, m, number, element)
            begin_repair(M, X, m)
        else:
            before = m
        m = after


@outlined
def _serve_all(M: Ints, X: Floats) -> None:
    """Look through the queues, first by crew, then of those that need a skill."""
    for crew in range(whole(M, CREWS)):
        if get(M, CREW_HEAD, crew) >= 0 and get(M, CREW_FREE, crew) > 0:
            _serve(M, X, crew)
    if get(M, CREW_HEAD, whole(M, CREWS)) >= 0:
        _serve(M, X, whole(M, CREWS))


@inner
def crews(M: Ints, X: Floats) -> None:
    """Let new failures queue, and repairs begin while there are people."""
    if whole(M, N_FAILS):
        _call(M, X)
    if whole(M, N_QUEUED):
        _serve_all(M, X)


@aside
def people_left_mode(M: Ints, X: Floats, m: int) -> None:
    """Let a repair stand still until there are people again."""
    s = get(M, MODE_STATION, m)
    pause(M, X, get(M, FIRST_TIMER, T_REPAIR) + m)
    put(M, MODE_STATUS, m, QUEUED)
    _note(M, X, REPAIR_PAUSED, m, NAN)
    release_mode(M, X, m, m - get(M, FIRST_MODE, s), get(M, STATION_ELEMENT, s))
    put(M, FAILS, whole(M, N_FAILS), m)
    add_whole(M, N_FAILS, 1)
