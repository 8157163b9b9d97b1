"""The kernel's servers: what ``reference.servers`` does."""

from __future__ import annotations

from twin.engine.compiled.ahead import work_s
from twin.engine.compiled.log import account, note
from twin.engine.compiled.looks import look_at_station, tell
from twin.engine.compiled.memory import (
    add,
    add_real,
    add_whole,
    get,
    moment,
    put,
    put_real,
    real,
    whole,
)
from twin.engine.compiled.parts import gone, part_from, server_freed
from twin.engine.compiled.people import ask, keep, let_go
from twin.engine.compiled.phases import choice, lacks, needs_at, needs_people, next_phase, setup_now
from twin.engine.compiled.replacing import held, replace
from twin.engine.compiled.stations import begin_due, count_operation, work_began, work_ended
from twin.engine.compiled.tables import (
    BACK,
    BAD,
    BUSY,
    CHANGING,
    CHOICE_LOAD,
    CHOICE_MEAN_S,
    CHOICE_TIMES,
    CHOICE_UNLOAD,
    DONE,
    DONE_COUNT,
    DONE_LIST,
    FIRST_MODE,
    FIRST_SERVER,
    GOOD,
    GROUPED,
    HANDLING,
    LEVEL_SCRAP,
    LIMITED,
    LOADED,
    LOADING,
    LOADING_ENDED,
    LOADING_STARTED,
    LOST,
    MODE_SLOW,
    MODE_STATUS,
    N_LOST,
    N_SLOWED,
    NAN,
    NOW,
    OBSERVE,
    PART_ASKED_S,
    PART_DONE_S,
    PART_FATE,
    PART_ID,
    PART_MATE,
    PART_PRODUCT,
    PART_REWORKS,
    PART_ROW,
    PART_SCRAPPED,
    PART_SLOWED,
    PART_STAGE,
    PART_STATUS,
    PART_STEP,
    PART_VISITS,
    PLANNED_S,
    PROCESSED,
    PROCESSING,
    PROCESSING_ENDED,
    PROCESSING_STARTED,
    PRODUCT_GROUP,
    REWORK_SENT,
    RUNNING,
    SERVER_CHOICE,
    SERVER_PART,
    SERVER_PEOPLE,
    SERVER_STATION,
    SERVER_TOLD,
    SETUP,
    SETUP_ENDED,
    SETUP_STARTED,
    SLOTS,
    SLOW_FACTOR,
    SLOW_ORDER,
    SLOW_STATION,
    STATION_AWAITS,
    STATION_ELEMENT,
    STATION_FINISHED,
    STATION_GROUP,
    STATION_LOAD,
    STATION_MANNED,
    STATION_MORE,
    STATION_ON,
    STATION_QUALITY,
    STATION_SETUP,
    STATION_SEVERAL,
    STATION_SLOWS,
    STATION_STOPS,
    STATION_UNLOAD,
    STATION_WEARS,
    STEP_BACK,
    STEP_LIMIT,
    STEP_LUCK,
    STEP_REWORK,
    STEP_SCRAP,
    STEP_SLOT,
    TO_LOAD,
    TO_SET_UP,
    TO_UNLOAD,
    UNLOADING,
    UNLOADING_ENDED,
    UNLOADING_STARTED,
    WAITING,
    WORKED,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import (
    begin_now,
    chance,
    draw,
)
from twin.engine.compiled.waits import ready
from twin.engine.compiled.wear import level_of, worn_time
from twin.engine.jit import aside, inlined, inner, outlined


@outlined
def slowdown(M: Ints, X: Floats, s: int, p: int) -> float:
    """Return the factor on the processing time that begins now; the part keeps the station's."""
    factor = 1.0
    if get(M, STATION_SLOWS, s):
        for m in range(get(M, FIRST_MODE, s), get(M, FIRST_MODE, s + 1)):
            if get(M, MODE_STATUS, m) != RUNNING:
                factor *= real(M, X, MODE_SLOW, m)
        if get(M, STATION_WEARS, s):
            factor *= worn_time(M, X, s)
        put_real(M, X, PART_SLOWED, p, factor)
    for i in range(whole(M, N_SLOWED)):
        k = get(M, SLOW_ORDER, i)
        if get(M, SLOW_STATION, k) == s:
            factor *= real(M, X, SLOW_FACTOR, k)
    return factor


@outlined
def _ready_for(M: Ints, X: Floats, v: int, p: int, s: int) -> int:
    """Return the phase that begins on a server with more to it than work, or -1.

    Loading and unloading begin here.
    """
    if get(M, STATION_AWAITS, s) or (whole(M, GROUPED) and lacks(M, p)):
        return -1
    if get(M, STATION_MANNED, s):
        if get(M, SERVER_PEOPLE, v) == 0 and needs_people(M, X, p, s):
            return -1
        put_real(M, X, PART_ASKED_S, p, NAN)
    phase = next_phase(M, X, p, s)
    if phase == TO_LOAD or phase == TO_UNLOAD:  # noqa: PLR1714, SIM109 - no tuples here
        _handle(M, X, v, p, s, phase == TO_LOAD)
        return -1
    return phase


@aside
def _handle(M: Ints, X: Floats, v: int, p: int, s: int, loads: bool) -> None:
    """Begin to load or to unload a part."""
    row = choice(M, X, get(M, PART_ROW, p), s)
    times = get(M, CHOICE_LOAD, row) if loads else get(M, CHOICE_UNLOAD, row)
    key = get(M, STATION_LOAD, s) if loads else get(M, STATION_UNLOAD, s)
    number, step = get(M, PART_ID, p), get(M, PART_STEP, p)
    time_s = draw(M, X, times, key, number, get(M, PART_VISITS, p) - 1)
    account(M, X, s)
    add(M, HANDLING, s, 1)
    put(M, PART_STATUS, p, LOADING if loads else UNLOADING)
    kind = LOADING_STARTED if loads else UNLOADING_STARTED
    note(M, X, kind, get(M, STATION_ELEMENT, s), number, step, time_s)
    begin_now(M, X, v, time_s)


@outlined
def wake(M: Ints, X: Floats, v: int) -> None:
    """Let a server begin what it can."""
    put(M, SERVER_TOLD, v, 0)
    p, s = (get(M, SERVER_PART, v), get(M, SERVER_STATION, v))
    if (
        p < 0
        or get(M, PART_STATUS, p) != WAITING
        or (not get(M, STATION_ON, s))
        or get(M, STATION_STOPS, s)
    ):
        return
    product = get(M, PART_PRODUCT, p)
    group = get(M, PRODUCT_GROUP, product)
    phase = TO_SET_UP
    if get(M, STATION_MORE, s):
        phase = _ready_for(M, X, v, p, s)
        if phase < 0:
            return
    if phase == TO_SET_UP and get(M, STATION_SETUP, s) >= 0:
        time_s = setup_now(M, X, s, group)
        if time_s > 0.0:
            account(M, X, s)
            add(M, CHANGING, s, 1)
            put(M, PART_STATUS, p, SETUP)
            note(
                M, X, SETUP_STARTED, get(M, STATION_ELEMENT, s), get(M, PART_ID, p), product, time_s
            )
            begin_now(M, X, v, time_s)
            return
    _process(M, X, v, p, s, group)


@inlined
def _process(M: Ints, X: Floats, v: int, p: int, s: int, group: int) -> None:
    """Begin to process a part."""
    account(M, X, s)
    put(M, STATION_GROUP, s, group)
    row = choice(M, X, get(M, PART_ROW, p), s)
    put(M, SERVER_CHOICE, v, row)
    number = get(M, PART_ID, p)
    time_s = work_s(M, X, s, get(M, CHOICE_TIMES, row), number, get(M, PART_VISITS, p) - 1)
    if whole(M, N_SLOWED) or get(M, STATION_SLOWS, s):
        time_s *= slowdown(M, X, s, p)
    put(M, PART_STATUS, p, PROCESSING)
    add(M, BUSY, s, 1)
    element, place = get(M, STATION_ELEMENT, s), get(M, PART_STEP, p)
    note(M, X, PROCESSING_STARTED, element, number, place, time_s)
    begin_now(M, X, v, time_s)
    work_began(M, X, s)


@inner
def finish(M: Ints, X: Floats, v: int) -> None:
    """End a phase of the work on a server."""
    p, s = (get(M, SERVER_PART, v), get(M, SERVER_STATION, v))
    product, status, number = get(M, PART_PRODUCT, p), get(M, PART_STATUS, p), get(M, PART_ID, p)
    account(M, X, s)
    if status == PROCESSING:
        add(M, BUSY, s, -1)
        work_ended(M, X, s)
        add(M, STATION_FINISHED, s, 1)
        _processed(M, X, v, p, s)
    elif status == SETUP:
        add(M, CHANGING, s, -1)
        put(M, STATION_GROUP, s, get(M, PRODUCT_GROUP, product))
        note(M, X, SETUP_ENDED, get(M, STATION_ELEMENT, s), get(M, PART_ID, p), product, NAN)
        put(M, PART_STATUS, p, WAITING)
    else:
        _handled(M, X, v, p, s)
    if get(M, STATION_MORE, s):
        if status == PROCESSING:
            count_operation(M, X, s)
        if get(M, STATION_MANNED, s):
            _people_after(M, X, v, p, s, number)
        if get(M, STATION_AWAITS, s):
            begin_due(M, X, s)
    tell(M, X, v)


@outlined
def _people_after(M: Ints, X: Floats, v: int, p: int, s: int, number: int) -> None:
    """Let go of whoever is not needed for what comes next; ``number``: of their part."""
    element = get(M, STATION_ELEMENT, s)
    if get(M, SERVER_PART, v) != p or get(M, PART_STATUS, p) != WAITING:
        let_go(M, X, v, number, element)
        return
    put_real(M, X, PART_ASKED_S, p, moment(M, X, NOW))
    if get(M, SERVER_PEOPLE, v):
        keep(M, X, v, number, element, needs_at(M, X, p, s))
    ask(M, v)


@aside
def _handled(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """End the loading or unloading of a part."""
    add(M, HANDLING, s, -1)
    element, number, place = get(M, STATION_ELEMENT, s), get(M, PART_ID, p), get(M, PART_STEP, p)
    if get(M, PART_STATUS, p) == LOADING:
        put(M, PART_STATUS, p, WAITING)
        put(M, PART_STAGE, p, LOADED)
        note(M, X, LOADING_ENDED, element, number, place, NAN)
    else:
        note(M, X, UNLOADING_ENDED, element, number, place, NAN)
        outcome(M, X, v, p, s)


@inlined
def _processed(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """Count an operation; unless the part has yet to be unloaded, decide what becomes of it."""
    row, unloads = get(M, SERVER_CHOICE, v), False
    if get(M, STATION_MORE, s):
        put_real(M, X, PART_SLOWED, p, 1.0)
        unloads = get(M, CHOICE_UNLOAD, row) >= 0
    element, number, place = get(M, STATION_ELEMENT, s), get(M, PART_ID, p), get(M, PART_STEP, p)
    note(M, X, PROCESSING_ENDED, element, number, place, 1.0 if unloads else NAN)
    if moment(M, X, NOW) >= moment(M, X, OBSERVE):
        add(M, PROCESSED, s, held(M, v) if get(M, STATION_SEVERAL, s) else 1)
        add_real(M, X, PLANNED_S, s, real(M, X, CHOICE_MEAN_S, row))
    if unloads:
        put(M, PART_STATUS, p, WAITING)
        put(M, PART_STAGE, p, WORKED)
    else:
        outcome(M, X, v, p, s)


@inner
def outcome(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """Decide what becomes of the part, or of each of several."""
    if get(M, STATION_SEVERAL, s):
        if not _outcomes(M, X, v, p, s):
            return
    elif _fate(M, X, p, s) == LOST:
        put(M, SERVER_PART, v, -1)
        server_freed(M, X, v, s)
        gone(M, X, p, False)
        return
    put(M, DONE_LIST, get(M, FIRST_SERVER, s) + get(M, DONE_COUNT, s), v)
    add(M, DONE_COUNT, s, 1)
    look_at_station(M, s)


@inner
def _outcomes(M: Ints, X: Floats, v: int, first: int, s: int) -> bool:
    """Decide about each part on a server, and let those that are good become others.

    Tell whether any is left.
    """
    family, good, p = get(M, PART_ID, first), -1, get(M, SERVER_PART, v)
    while p >= 0:
        after, fate = get(M, PART_MATE, p), _fate(M, X, p, s)
        put(M, PART_FATE, p, fate)
        if fate == LOST:
            part_from(M, p, v)
            gone(M, X, p, False)
        elif fate == GOOD and good < 0:
            good = p
        p = after
    if good >= 0:
        replace(M, X, v, s, good, family)
    if get(M, SERVER_PART, v) >= 0:
        return True
    server_freed(M, X, v, s)
    return False


@inlined
def _fate(M: Ints, X: Floats, p: int, s: int) -> int:
    """Decide whether a part is good, goes back or is scrapped."""
    place = get(M, PART_STEP, p)
    step = get(M, PART_ROW, p)
    element = get(M, STATION_ELEMENT, s)
    counts = moment(M, X, NOW) >= moment(M, X, OBSERVE)
    put(M, PART_STATUS, p, DONE)
    put_real(M, X, PART_DONE_S, p, moment(M, X, NOW))
    next_place, fate = place + 1, GOOD
    if get(M, STEP_LUCK, step):
        scrap, rework = (real(M, X, STEP_SCRAP, step), real(M, X, STEP_REWORK, step))
        if get(M, STATION_WEARS, s):
            scrap += real(M, X, LEVEL_SCRAP, level_of(M, s))
        key, visit = get(M, STATION_QUALITY, s), get(M, PART_VISITS, p) - 1
        u = chance(M, key, get(M, PART_ID, p), visit)
        back = get(M, STEP_BACK, step) >= 0 and scrap <= u < scrap + rework
        counter = p * whole(M, SLOTS) + get(M, STEP_SLOT, step)
        if u < scrap or (back and get(M, PART_REWORKS, counter) >= get(M, STEP_LIMIT, step)):
            note(M, X, PART_SCRAPPED, element, get(M, PART_ID, p), place, NAN)
            if counts:
                add(M, BAD, s, 1)
                add_whole(M, N_LOST, 1)
            return LOST
        if back:
            fate = BACK
            add(M, PART_REWORKS, counter, 1)
            next_place = get(M, STEP_BACK, step)
            if counts:
                add(M, BAD, s, 1)
            note(M, X, REWORK_SENT, element, get(M, PART_ID, p), next_place, NAN)
    put(M, PART_STEP, p, next_place)
    put(M, PART_ROW, p, step + (next_place - place))
    if whole(M, LIMITED):
        ready(M, X, p)
    return fate
