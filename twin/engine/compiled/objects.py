"""The kernel's stations, modes and parts: what ``reference.places`` and ``interruptions`` do."""

from __future__ import annotations

import math

import numpy as np

from twin.engine.compiled.tables import (
    ANTITHETIC,
    BAD,
    BUFFER_ELEMENT,
    BUFFER_HEAD,
    BUFFER_LENGTH,
    BUFFER_TAIL,
    BUFFERS,
    BUSY,
    CHANGING,
    CHOICE_MEAN_S,
    CHOICE_TIMES,
    CONTENT_AREA,
    CONTENT_SINCE_S,
    CREW_FREE,
    DONE,
    DONE_COUNT,
    DONE_LIST,
    END,
    FAILS,
    FIRST_MODE,
    FIRST_SERVER,
    FIRST_STEP,
    FIRST_TIMER,
    FLOW_S,
    GROUPS,
    LOG_NUMBERS,
    LOG_TIMES,
    LONGEST,
    MODE_CALENDAR,
    MODE_COUNT,
    MODE_CREW,
    MODE_FAILED_S,
    MODE_LIFE,
    MODE_LIFE_KEY,
    MODE_REPAIR,
    MODE_REPAIR_KEY,
    MODE_STATION,
    MODE_STATUS,
    N_CREATED,
    N_FAILS,
    N_FINISHED,
    N_FLOWS,
    N_FREE,
    N_IN_LINE,
    N_LOGGED,
    N_LOST,
    N_MOVES,
    N_PARTS,
    N_SCRAPPED,
    N_SLOWED,
    N_STATUS,
    N_WAKES,
    NOW,
    OBSERVE,
    ORDER_FINISHED,
    ORDER_LAST_S,
    ORDER_SCRAPPED,
    OUTAGE_ACTIVE,
    OUTAGE_LENGTH_S,
    OUTAGE_STATION,
    PART_AT,
    PART_BEFORE,
    PART_CREATED_S,
    PART_DONE_S,
    PART_ENTERED_S,
    PART_ID,
    PART_MOVE,
    PART_NEXT,
    PART_ORDER,
    PART_PRODUCT,
    PART_REWORKS,
    PART_SERVER,
    PART_STATUS,
    PART_STEP,
    PART_VISITS,
    PARTS_FULL,
    PLANNED_S,
    PROCESSED,
    PROCESSING,
    PRODUCT_FINISHED,
    PRODUCT_GROUP,
    PRODUCT_SINK,
    QUEUED,
    REPAIRING,
    REPLICATION,
    ROOM_FLOWS,
    ROOM_LOG,
    ROOM_PARTS,
    RUNNING,
    SERVER_PART,
    SERVER_STATION,
    SERVER_TOLD,
    SETUP,
    SETUP_S,
    SINCE_S,
    SLOW_FACTOR,
    SLOW_ORDER,
    SLOW_STATION,
    SOURCE_CREATED,
    SOURCE_DRAWN_S,
    SOURCE_ELEMENT,
    SOURCE_SINCE_S,
    STATION_ELEMENT,
    STATION_FINISH,
    STATION_FINISHED,
    STATION_FREE,
    STATION_GROUP,
    STATION_ON,
    STATION_QUALITY,
    STATION_SETUP,
    STATION_STOPS,
    STATION_WORK,
    STATION_WORKING,
    STATIONS,
    STATUS_S,
    STATUS_SINCE_S,
    STEP_BACK,
    STEP_CHOICE,
    STEP_LIMIT,
    STEP_REWORK,
    STEP_SCRAP,
    T_LIFE,
    T_REPAIR,
    WAITING,
    WAKES,
    WIP_AREA,
    WIP_SINCE,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import draw, load, pause, resume
from twin.engine.jit import inner
from twin.engine.streams import uniform as _uniform
from twin.events.kinds import OUTAGE, Kind

PART_CREATED = int(Kind.PART_CREATED)
BUFFER_ENTERED = int(Kind.BUFFER_ENTERED)
STATION_ENTERED = int(Kind.STATION_ENTERED)
SETUP_STARTED = int(Kind.SETUP_STARTED)
SETUP_ENDED = int(Kind.SETUP_ENDED)
PROCESSING_STARTED = int(Kind.PROCESSING_STARTED)
PROCESSING_ENDED = int(Kind.PROCESSING_ENDED)
REWORK_SENT = int(Kind.REWORK_SENT)
PART_SCRAPPED = int(Kind.PART_SCRAPPED)
PART_FINISHED = int(Kind.PART_FINISHED)
FAILED = int(Kind.FAILED)
REPAIR_STARTED = int(Kind.REPAIR_STARTED)
REPAIRED = int(Kind.REPAIRED)
SHIFT_STARTED = int(Kind.SHIFT_STARTED)
SHIFT_ENDED = int(Kind.SHIFT_ENDED)
NAN = math.nan


@inner
def note(M: Ints, X: Floats, kind: int, element: int, part: int, detail: int, value: float) -> None:
    """Write one row of the log; a log that is full only counts what it would need."""
    room = M[ROOM_LOG]
    if room == 0:
        return
    row = M[N_LOGGED]
    M[N_LOGGED] = row + 1
    if row < room:
        numbers, times = M[LOG_NUMBERS] + 4 * row, M[LOG_TIMES] + 2 * row
        M[numbers] = kind
        M[numbers + 1] = element
        M[numbers + 2] = part
        M[numbers + 3] = detail
        X[times] = X[NOW]
        X[times + 1] = value


@inner
def observed(M: Ints, X: Floats, since_s: float) -> float:
    """Return how much of the time since ``since_s`` lies in the observed stretch, s."""
    return min(X[NOW], X[END]) - max(since_s, X[OBSERVE])


@inner
def account(M: Ints, X: Floats, s: int) -> None:
    """Add the time since the last change of a station's condition to its statuses."""
    time_s = observed(M, X, X[M[STATUS_SINCE_S] + s])
    X[M[STATUS_SINCE_S] + s] = X[NOW]
    if time_s <= 0.0:
        return
    servers = M[M[FIRST_SERVER] + s + 1] - M[M[FIRST_SERVER] + s]
    busy, changing, done = M[M[BUSY] + s], M[M[CHANGING] + s], M[M[DONE_COUNT] + s]
    row = M[STATUS_S] + 6 * s
    if M[M[STATION_STOPS] + s]:
        X[row + 4] += servers * time_s
    elif M[M[STATION_ON] + s]:
        X[row + 0] += busy * time_s
        X[row + 1] += changing * time_s
        X[row + 2] += done * time_s
        X[row + 3] += (servers - busy - changing - done) * time_s
    elif M[M[STATION_FINISH] + s]:
        X[row + 0] += busy * time_s
        X[row + 1] += changing * time_s
        X[row + 5] += (servers - busy - changing) * time_s
    else:
        X[row + 5] += servers * time_s


@inner
def content_changed(M: Ints, X: Floats, change: int) -> None:
    """Keep the area under the number of parts in the line."""
    time_s = observed(M, X, X[WIP_SINCE])
    if time_s > 0.0:
        X[WIP_AREA] += M[N_IN_LINE] * time_s
    X[WIP_SINCE] = X[NOW]
    M[N_IN_LINE] += change


@inner
def buffer_changed(M: Ints, X: Floats, b: int, change: int) -> None:
    """Keep the area under the content of a buffer."""
    time_s = observed(M, X, X[M[CONTENT_SINCE_S] + b])
    if time_s > 0.0:
        X[M[CONTENT_AREA] + b] += M[M[BUFFER_LENGTH] + b] * time_s
    X[M[CONTENT_SINCE_S] + b] = X[NOW]
    M[M[BUFFER_LENGTH] + b] += change


# -- servers ---------------------------------------------------------------------------------


@inner
def tell(M: Ints, X: Floats, v: int) -> None:
    """Let a server look again, once, in the order of being told."""
    if not M[M[SERVER_TOLD] + v]:
        M[M[SERVER_TOLD] + v] = 1
        M[M[WAKES] + M[N_WAKES]] = v
        M[N_WAKES] += 1


@inner
def choice(M: Ints, X: Floats, step: int, s: int) -> int:
    """Return the row of choices for a step at a station, or -1."""
    return M[M[STEP_CHOICE] + step * M[STATIONS] + s]


@inner
def setup_between(M: Ints, X: Floats, row: int, before: int, after: int) -> float:
    """Return the time of a change-over, s."""
    return X[M[SETUP_S] + (row * M[GROUPS] + before) * M[GROUPS] + after]


@inner
def slowdown(M: Ints, X: Floats, s: int) -> float:
    """Return the factor on processing times that begin now."""
    factor = 1.0
    for i in range(M[N_SLOWED]):
        k = M[M[SLOW_ORDER] + i]
        if M[M[SLOW_STATION] + k] == s:
            factor *= X[M[SLOW_FACTOR] + k]
    return factor


@inner
def wake(M: Ints, X: Floats, v: int) -> None:
    """Let a server begin what it can."""
    M[M[SERVER_TOLD] + v] = 0
    p, s = M[M[SERVER_PART] + v], M[M[SERVER_STATION] + v]
    if (
        p < 0
        or M[M[PART_STATUS] + p] != WAITING
        or not M[M[STATION_ON] + s]
        or M[M[STATION_STOPS] + s]
    ):
        return
    product = M[M[PART_PRODUCT] + p]
    group = M[M[PRODUCT_GROUP] + product]
    row = M[M[STATION_SETUP] + s]
    if row >= 0 and M[M[STATION_GROUP] + s] >= 0:
        time_s = setup_between(M, X, row, M[M[STATION_GROUP] + s], group)
        if time_s > 0.0:
            account(M, X, s)
            M[M[CHANGING] + s] += 1
            M[M[PART_STATUS] + p] = SETUP
            note(M, X, SETUP_STARTED, M[M[STATION_ELEMENT] + s], M[M[PART_ID] + p], product, time_s)
            load(M, X, v, time_s)
            resume(M, X, v)
            return
    account(M, X, s)
    M[M[STATION_GROUP] + s] = group
    row = choice(M, X, M[M[FIRST_STEP] + product] + M[M[PART_STEP] + p], s)
    time_s = draw(
        M,
        X,
        M[M[CHOICE_TIMES] + row],
        np.uint64(M[M[STATION_WORK] + s]),
        M[M[PART_ID] + p],
        M[M[PART_VISITS] + p] - 1,
    ) * slowdown(M, X, s)
    M[M[PART_STATUS] + p] = PROCESSING
    M[M[BUSY] + s] += 1
    note(
        M,
        X,
        PROCESSING_STARTED,
        M[M[STATION_ELEMENT] + s],
        M[M[PART_ID] + p],
        M[M[PART_STEP] + p],
        time_s,
    )
    load(M, X, v, time_s)
    resume(M, X, v)
    work_began(M, X, s)


@inner
def work_began(M: Ints, X: Floats, s: int) -> None:
    """One more server processes: failure modes on the operating clock age."""
    M[M[STATION_WORKING] + s] += 1
    if M[M[STATION_WORKING] + s] == 1:
        for m in range(M[M[FIRST_MODE] + s], M[M[FIRST_MODE] + s + 1]):
            if not M[M[MODE_CALENDAR] + m]:
                resume(M, X, M[M[FIRST_TIMER] + T_LIFE] + m)


@inner
def work_ended(M: Ints, X: Floats, s: int) -> None:
    """One server fewer processes."""
    M[M[STATION_WORKING] + s] -= 1
    if M[M[STATION_WORKING] + s] == 0:
        for m in range(M[M[FIRST_MODE] + s], M[M[FIRST_MODE] + s + 1]):
            if not M[M[MODE_CALENDAR] + m]:
                pause(M, X, M[M[FIRST_TIMER] + T_LIFE] + m)


@inner
def runs(M: Ints, X: Floats, s: int) -> bool:
    """Tell whether work in process goes on."""
    return not M[M[STATION_STOPS] + s] and bool(M[M[STATION_ON] + s] or M[M[STATION_FINISH] + s])


@inner
def stop_work(M: Ints, X: Floats, s: int) -> None:
    """Work in process stands still."""
    for v in range(M[M[FIRST_SERVER] + s], M[M[FIRST_SERVER] + s + 1]):
        if not math.isnan(X[M[SINCE_S] + v]):
            pause(M, X, v)
            p = M[M[SERVER_PART] + v]
            if p >= 0 and M[M[PART_STATUS] + p] == PROCESSING:
                work_ended(M, X, s)


@inner
def go_on(M: Ints, X: Floats, s: int) -> None:
    """Work in process goes on, and parts inside may begin."""
    if not runs(M, X, s):
        return
    for v in range(M[M[FIRST_SERVER] + s], M[M[FIRST_SERVER] + s + 1]):
        p = M[M[SERVER_PART] + v]
        if p >= 0 and (M[M[PART_STATUS] + p] == SETUP or M[M[PART_STATUS] + p] == PROCESSING):
            if math.isnan(X[M[SINCE_S] + v]):
                resume(M, X, v)
                if M[M[PART_STATUS] + p] == PROCESSING:
                    work_began(M, X, s)
        else:
            tell(M, X, v)


@inner
def finish(M: Ints, X: Floats, v: int) -> None:
    """Setup or processing is over."""
    p, s = M[M[SERVER_PART] + v], M[M[SERVER_STATION] + v]
    product = M[M[PART_PRODUCT] + p]
    account(M, X, s)
    if M[M[PART_STATUS] + p] == SETUP:
        M[M[CHANGING] + s] -= 1
        M[M[STATION_GROUP] + s] = M[M[PRODUCT_GROUP] + product]
        note(M, X, SETUP_ENDED, M[M[STATION_ELEMENT] + s], M[M[PART_ID] + p], product, NAN)
        M[M[PART_STATUS] + p] = WAITING
    else:
        M[M[BUSY] + s] -= 1
        work_ended(M, X, s)
        M[M[STATION_FINISHED] + s] += 1
        outcome(M, X, v, p, s)
    tell(M, X, v)


@inner
def outcome(M: Ints, X: Floats, v: int, p: int, s: int) -> None:
    """Decide whether the part is good, goes back or is scrapped."""
    place = M[M[PART_STEP] + p]
    step = M[M[FIRST_STEP] + M[M[PART_PRODUCT] + p]] + place
    element = M[M[STATION_ELEMENT] + s]
    note(M, X, PROCESSING_ENDED, element, M[M[PART_ID] + p], place, NAN)
    counts = X[NOW] >= X[OBSERVE]
    if counts:
        M[M[PROCESSED] + s] += 1
        X[M[PLANNED_S] + s] += X[M[CHOICE_MEAN_S] + choice(M, X, step, s)]
    M[M[PART_STATUS] + p], X[M[PART_DONE_S] + p] = DONE, X[NOW]
    next_place = place + 1
    scrap, rework = X[M[STEP_SCRAP] + step], X[M[STEP_REWORK] + step]
    if scrap > 0.0 or M[M[STEP_BACK] + step] >= 0:
        u = quality(M, X, s, M[M[PART_ID] + p], M[M[PART_VISITS] + p] - 1)
        back = M[M[STEP_BACK] + step] >= 0 and scrap <= u < scrap + rework
        if u < scrap or (
            back and M[M[PART_REWORKS] + p * M[LONGEST] + place] >= M[M[STEP_LIMIT] + step]
        ):
            note(M, X, PART_SCRAPPED, element, M[M[PART_ID] + p], place, NAN)
            if counts:
                M[M[BAD] + s] += 1
                M[N_LOST] += 1
            M[M[SERVER_PART] + v] = -1
            M[M[STATION_FREE] + s] += 1
            gone(M, X, p, False)
            return
        if back:
            M[M[PART_REWORKS] + p * M[LONGEST] + place] += 1
            next_place = M[M[STEP_BACK] + step]
            if counts:
                M[M[BAD] + s] += 1
            note(M, X, REWORK_SENT, element, M[M[PART_ID] + p], next_place, NAN)
    M[M[PART_STEP] + p] = next_place
    M[M[DONE_LIST] + M[M[FIRST_SERVER] + s] + M[M[DONE_COUNT] + s]] = v
    M[M[DONE_COUNT] + s] += 1


@inner
def quality(M: Ints, X: Floats, s: int, a: int, b: int) -> float:
    """Return the uniform number that decides what becomes of a part."""
    u = _uniform(np.uint64(M[M[STATION_QUALITY] + s]), M[REPLICATION], a, b)
    return 1.0 - u if M[ANTITHETIC] else u


@inner
def gone(M: Ints, X: Floats, p: int, good: bool) -> None:
    """Take a part out of the line and count it."""
    content_changed(M, X, -1)
    order = M[M[PART_ORDER] + p]
    if order >= 0:
        X[M[ORDER_LAST_S] + order] = X[NOW]
    if good:
        M[N_FINISHED] += 1
        if order >= 0:
            M[M[ORDER_FINISHED] + order] += 1
    else:
        M[N_SCRAPPED] += 1
        if order >= 0:
            M[M[ORDER_SCRAPPED] + order] += 1
    M[M[PART_ID] + p] = -1
    M[M[PART_NEXT] + p] = M[N_FREE]
    M[N_FREE] = p


# -- parts -----------------------------------------------------------------------------------


@inner
def new_part(M: Ints, X: Floats) -> int:
    """Return a free slot for a part, or -1 when there is none."""
    p = M[N_FREE]
    if p >= 0:
        M[N_FREE] = M[M[PART_NEXT] + p]
    elif M[N_PARTS] < M[ROOM_PARTS]:
        p = M[N_PARTS]
        M[N_PARTS] = p + 1
    else:
        M[N_STATUS] = PARTS_FULL
        return -1
    for place in range(M[LONGEST]):
        M[M[PART_REWORKS] + p * M[LONGEST] + place] = 0
    return p


@inner
def make(M: Ints, X: Floats, source: int, product: int, order: int) -> int:
    """Make the next part of a source; -1 when there is no slot."""
    p = new_part(M, X)
    if p < 0:
        return p
    content_changed(M, X, 1)
    M[M[PART_ID] + p] = source * 1099511627776 + M[M[SOURCE_CREATED] + source]
    M[M[SOURCE_CREATED] + source] += 1
    X[M[SOURCE_SINCE_S] + source] = X[NOW]
    X[M[SOURCE_DRAWN_S] + source] = math.nan
    M[M[PART_PRODUCT] + p], M[M[PART_ORDER] + p] = product, order
    X[M[PART_CREATED_S] + p] = X[M[PART_ENTERED_S] + p] = X[M[PART_DONE_S] + p] = X[NOW]
    M[M[PART_STEP] + p], M[M[PART_STATUS] + p], M[M[PART_VISITS] + p], M[M[PART_SERVER] + p] = (
        0,
        WAITING,
        0,
        -1,
    )
    M[M[PART_AT] + p] = -1 - source
    M[M[PART_MOVE] + p] = M[N_MOVES]
    M[N_MOVES] += 1
    if X[NOW] >= X[OBSERVE]:
        M[N_CREATED] += 1
    note(
        M, X, PART_CREATED, M[M[SOURCE_ELEMENT] + source], M[M[PART_ID] + p], product, float(order)
    )
    return p


@inner
def _move(M: Ints, X: Floats, p: int, entrance: int) -> None:
    M[M[PART_AT] + p], X[M[PART_ENTERED_S] + p], M[M[PART_STATUS] + p] = entrance, X[NOW], WAITING
    M[M[PART_MOVE] + p] = M[N_MOVES]
    M[N_MOVES] += 1


@inner
def enter(M: Ints, X: Floats, p: int, entrance: int) -> None:
    """Put a part into a buffer or straight into a station."""
    buffers = M[BUFFERS]
    if entrance >= buffers:
        enter_station(M, X, p, entrance - buffers, -1)
        return
    _move(M, X, p, entrance)
    tail = M[M[BUFFER_TAIL] + entrance]
    M[M[PART_BEFORE] + p], M[M[PART_NEXT] + p] = tail, -1
    if tail >= 0:
        M[M[PART_NEXT] + tail] = p
    else:
        M[M[BUFFER_HEAD] + entrance] = p
    M[M[BUFFER_TAIL] + entrance] = p
    buffer_changed(M, X, entrance, 1)
    note(M, X, BUFFER_ENTERED, M[M[BUFFER_ELEMENT] + entrance], M[M[PART_ID] + p], -1, NAN)


@inner
def leave_buffer(M: Ints, X: Floats, p: int, b: int) -> None:
    """Take a part out of a buffer."""
    before, after = M[M[PART_BEFORE] + p], M[M[PART_NEXT] + p]
    if before >= 0:
        M[M[PART_NEXT] + before] = after
    else:
        M[M[BUFFER_HEAD] + b] = after
    if after >= 0:
        M[M[PART_BEFORE] + after] = before
    else:
        M[M[BUFFER_TAIL] + b] = before
    buffer_changed(M, X, b, -1)


@inner
def enter_station(M: Ints, X: Floats, p: int, s: int, given: int) -> None:
    """Put a part into a given server, or the first free one."""
    v = given
    if v < 0:
        v = M[M[FIRST_SERVER] + s]
        while M[M[SERVER_PART] + v] >= 0:
            v += 1
    number = v - M[M[FIRST_SERVER] + s]
    _move(M, X, p, M[BUFFERS] + s)
    M[M[PART_SERVER] + p] = number
    M[M[PART_VISITS] + p] += 1
    M[M[SERVER_PART] + v] = p
    M[M[STATION_FREE] + s] -= 1
    note(
        M,
        X,
        STATION_ENTERED,
        M[M[STATION_ELEMENT] + s],
        M[M[PART_ID] + p],
        M[M[PART_STEP] + p],
        float(number),
    )
    tell(M, X, v)


@inner
def leave_station(M: Ints, X: Floats, v: int, s: int) -> None:
    """Let a part that is done go."""
    account(M, X, s)
    first, count = M[M[FIRST_SERVER] + s], M[M[DONE_COUNT] + s]
    at = 0
    while M[M[DONE_LIST] + first + at] != v:
        at += 1
    for i in range(at, count - 1):
        M[M[DONE_LIST] + first + i] = M[M[DONE_LIST] + first + i + 1]
    M[M[DONE_COUNT] + s] = count - 1
    M[M[PART_SERVER] + M[M[SERVER_PART] + v]] = -1
    M[M[SERVER_PART] + v] = -1
    M[M[STATION_FREE] + s] += 1
    tell(M, X, v)


@inner
def leave_line(M: Ints, X: Floats, p: int) -> None:
    """Finish a part."""
    product = M[M[PART_PRODUCT] + p]
    note(M, X, PART_FINISHED, M[M[PRODUCT_SINK] + product], M[M[PART_ID] + p], -1, NAN)
    if X[NOW] >= X[OBSERVE]:
        M[M[PRODUCT_FINISHED] + product] += 1
        row = M[N_FLOWS]
        M[N_FLOWS] = row + 1
        if row < M[ROOM_FLOWS]:
            X[M[FLOW_S] + row] = X[NOW] - X[M[PART_CREATED_S] + p]
    gone(M, X, p, True)


# -- failure modes ---------------------------------------------------------------------------


@inner
def new_life(M: Ints, X: Floats, m: int) -> None:
    """Draw the age at the next failure and begin to age."""
    timer = M[M[FIRST_TIMER] + T_LIFE] + m
    load(
        M,
        X,
        timer,
        draw(
            M, X, M[M[MODE_LIFE] + m], np.uint64(M[M[MODE_LIFE_KEY] + m]), M[M[MODE_COUNT] + m], 0
        ),
    )
    if M[M[MODE_CALENDAR] + m] or M[M[STATION_WORKING] + M[M[MODE_STATION] + m]]:
        resume(M, X, timer)


@inner
def fail(M: Ints, X: Floats, m: int) -> None:
    """A mode fails: the station stops."""
    s = M[M[MODE_STATION] + m]
    account(M, X, s)
    M[M[MODE_STATUS] + m], X[M[MODE_FAILED_S] + m] = QUEUED, X[NOW]
    M[M[MODE_COUNT] + m] += 1
    M[M[STATION_STOPS] + s] += 1
    stop_work(M, X, s)
    note(M, X, FAILED, M[M[STATION_ELEMENT] + s], -1, m - M[M[FIRST_MODE] + s], NAN)
    M[M[FAILS] + M[N_FAILS]] = m
    M[N_FAILS] += 1


@inner
def begin_repair(M: Ints, X: Floats, m: int) -> None:
    """A crew is there."""
    s = M[M[MODE_STATION] + m]
    M[M[MODE_STATUS] + m] = REPAIRING
    time_s = draw(
        M,
        X,
        M[M[MODE_REPAIR] + m],
        np.uint64(M[M[MODE_REPAIR_KEY] + m]),
        M[M[MODE_COUNT] + m] - 1,
        0,
    )
    note(M, X, REPAIR_STARTED, M[M[STATION_ELEMENT] + s], -1, m - M[M[FIRST_MODE] + s], time_s)
    timer = M[M[FIRST_TIMER] + T_REPAIR] + m
    load(M, X, timer, time_s)
    resume(M, X, timer)


@inner
def repaired(M: Ints, X: Floats, m: int) -> None:
    """A mode is as new; the station goes on unless something else stops it."""
    s = M[M[MODE_STATION] + m]
    account(M, X, s)
    M[M[MODE_STATUS] + m], X[M[MODE_FAILED_S] + m] = RUNNING, NAN
    note(M, X, REPAIRED, M[M[STATION_ELEMENT] + s], -1, m - M[M[FIRST_MODE] + s], NAN)
    if M[M[MODE_CREW] + m] >= 0:
        M[M[CREW_FREE] + M[M[MODE_CREW] + m]] += 1
    new_life(M, X, m)
    M[M[STATION_STOPS] + s] -= 1
    go_on(M, X, s)


@inner
def outage_began(M: Ints, X: Floats, k: int) -> None:
    """A supposed stop begins."""
    s = M[M[OUTAGE_STATION] + k]
    account(M, X, s)
    M[M[OUTAGE_ACTIVE] + k] = 1
    M[M[STATION_STOPS] + s] += 1
    stop_work(M, X, s)
    length_s = X[M[OUTAGE_LENGTH_S] + k]
    note(M, X, FAILED, M[M[STATION_ELEMENT] + s], -1, OUTAGE, length_s)


@inner
def outage_over(M: Ints, X: Floats, k: int) -> None:
    """A supposed stop ends."""
    s = M[M[OUTAGE_STATION] + k]
    account(M, X, s)
    M[M[OUTAGE_ACTIVE] + k] = 0
    M[M[STATION_STOPS] + s] -= 1
    note(M, X, REPAIRED, M[M[STATION_ELEMENT] + s], -1, OUTAGE, NAN)
    go_on(M, X, s)
