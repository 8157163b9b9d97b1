"""The kernel: rounds of what is due at one moment, and what is shared settled in the stated order.

It does what ``reference.clock`` and ``reference.settle`` do, on flat arrays; the two are compared row
by row. Nothing here decides anything of its own.
"""

from __future__ import annotations

import math

import numpy as np

from twin.engine.compiled.objects import (
    NAN,
    SHIFT_ENDED,
    SHIFT_STARTED,
    account,
    begin_repair,
    buffer_changed,
    choice,
    content_changed,
    enter,
    enter_station,
    fail,
    finish,
    go_on,
    leave_buffer,
    leave_line,
    leave_station,
    make,
    note,
    outage_began,
    outage_over,
    repaired,
    runs,
    stop_work,
    wake,
)
from twin.engine.compiled.tables import (
    ANTITHETIC,
    BUFFER_HEAD,
    BUFFER_LENGTH,
    BUFFERS,
    CAPACITY,
    CHOICE_MEAN_S,
    CREW_FREE,
    CREW_HEAD,
    CREW_TAIL,
    CREWS,
    DONE_COUNT,
    DONE_LIST,
    DUE,
    DUE_S,
    EDD,
    ENDLESS,
    EXITS,
    FAILS,
    FEEDERS,
    FIFO,
    FIRST_EXIT,
    FIRST_SERVER,
    FIRST_SHARE,
    FIRST_STEP,
    FIRST_SWITCH,
    FIRST_TIMER,
    GIVEN_STATIONS,
    HEAD_KNOWN,
    HEAD_ORDER,
    HEAD_PRODUCT,
    HEAP,
    INTERARRIVAL,
    LONGEST,
    MAX_ROUNDS,
    MODE_CREW,
    MODE_NEXT,
    N_FAILS,
    N_HEAP,
    N_ROUNDS,
    N_SLOWED,
    N_STARTED,
    N_STATUS,
    N_WAKES,
    NOW,
    OK,
    ORDER_COUNT,
    ORDER_CREATED,
    ORDER_DUE_S,
    ORDER_PLACE,
    ORDER_PRIORITY,
    ORDER_PRODUCT,
    ORDER_QUANTITY,
    ORDER_RELEASED,
    ORDER_STATION,
    ORDER_URGENCY,
    ORDERS,
    OUTAGE_UNTIL_S,
    PART_CREATED_S,
    PART_DONE_S,
    PART_NEXT,
    PART_ORDER,
    PART_PRODUCT,
    PART_STEP,
    PLAN,
    PRIORITY,
    REPLICATION,
    SERVER_PART,
    SERVERS,
    SHARE,
    SHARE_PRODUCT,
    SINCE_S,
    SLOW_ORDER,
    SLOW_UNTIL_S,
    SOURCE_ARRIVAL_KEY,
    SOURCE_CREATED,
    SOURCE_DRAWN_S,
    SOURCE_HEAD,
    SOURCE_KIND,
    SOURCE_PRODUCT_KEY,
    SOURCE_SINCE_S,
    SOURCE_TAIL,
    SOURCE_TIMES,
    SOURCES,
    SPT,
    STATION_ELEMENT,
    STATION_FREE,
    STATION_INPUT,
    STATION_ON,
    STATION_RULE,
    STATION_SWITCH,
    STATIONS,
    SWITCH_ON,
    SWITCH_S,
    T_ARRIVAL,
    T_FINISH,
    T_LIFE,
    T_OUT_END,
    T_OUT_START,
    T_RELEASE,
    T_REPAIR,
    T_SHIFT,
    T_SLOW_END,
    T_SLOW_START,
    TIMER_KIND,
    TIMER_OWNER,
    TIMER_RANK,
    TOTAL_S,
    WAKES,
    WORKED_S,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import draw, draw_left, load, remove, resume_at, resume_from
from twin.engine.dispatch import LAST
from twin.engine.jit import compiled, inner
from twin.engine.reference.clock import Due
from twin.engine.streams import uniform
from twin.events.kinds import Kind

RELEASE_NOTED = int(Kind.ORDER_RELEASED)
RANK_SHIFT = 42
"""Bits below the kind in a timer's rank."""
SHIFT_START_DUE, SHIFT_END_DUE = int(Due.SHIFT_START), int(Due.SHIFT_END)


@compiled
def run(M: Ints, X: Floats, until_s: float) -> int:
    """Take a replication forward to ``until_s``; what is due at that moment waits.

    Returns OK, or why it had to stop.
    """
    if not M[N_STARTED]:
        M[N_STARTED] = 1
        for v in range(M[SERVERS]):
            wake(M, X, v)
        _round(M, X)
    while M[N_STATUS] == OK:
        i = 0
        while i < M[N_WAKES]:
            wake(M, X, M[M[WAKES] + i])
            i += 1
        M[N_WAKES] = 0
        if M[N_HEAP] == 0 or X[M[DUE_S] + M[M[HEAP] + 0]] >= until_s:
            break
        if X[M[DUE_S] + M[M[HEAP] + 0]] > X[NOW]:
            X[NOW] = X[M[DUE_S] + M[M[HEAP] + 0]]
            M[N_ROUNDS] = 0
        M[N_ROUNDS] += 1
        if M[N_ROUNDS] > MAX_ROUNDS:
            M[N_STATUS] = ENDLESS
            break
        _round(M, X)
    if M[N_STATUS] == OK:
        X[NOW] = max(X[NOW], until_s)
        for s in range(M[STATIONS]):
            account(M, X, s)
        for b in range(M[BUFFERS]):
            buffer_changed(M, X, b, 0)
        content_changed(M, X, 0)
    return M[N_STATUS]


@inner
def _rank(M: Ints, X: Floats, timer: int) -> int:
    if M[M[TIMER_KIND] + timer] == T_SHIFT:
        s = M[M[TIMER_OWNER] + timer]
        on = M[M[SWITCH_ON] + M[M[FIRST_SWITCH] + s] + M[M[STATION_SWITCH] + s]]
        return M[M[TIMER_RANK] + timer] + ((SHIFT_START_DUE if on else SHIFT_END_DUE) << RANK_SHIFT)
    return M[M[TIMER_RANK] + timer]


@inner
def _round(M: Ints, X: Floats) -> None:
    now, count = X[NOW], 0
    while M[N_HEAP] > 0 and X[M[DUE_S] + M[M[HEAP] + 0]] == now:
        timer = M[M[HEAP] + 0]
        remove(M, X, timer)
        rank = _rank(M, X, timer)
        at = count
        while at > 0:
            other = M[M[DUE] + at - 1]
            before = _rank(M, X, other)
            if before < rank or (before == rank and other < timer):
                break
            M[M[DUE] + at] = other
            at -= 1
        M[M[DUE] + at] = timer
        count += 1
    for i in range(count):
        timer = M[M[DUE] + i]
        X[M[SINCE_S] + timer] = math.nan
        X[M[WORKED_S] + timer] = X[M[TOTAL_S] + timer]
        _fire(M, X, timer)
    _settle(M, X)


@inner
def _fire(M: Ints, X: Floats, timer: int) -> None:
    kind, owner = M[M[TIMER_KIND] + timer], M[M[TIMER_OWNER] + timer]
    if kind == T_FINISH:
        finish(M, X, owner)
    elif kind == T_LIFE:
        fail(M, X, owner)
    elif kind == T_REPAIR:
        repaired(M, X, owner)
    elif kind == T_SHIFT:
        _switch(M, X, owner)
    elif kind == T_RELEASE:
        M[M[ORDER_RELEASED] + owner] = 1
        for source in range(M[SOURCES]):
            M[M[HEAD_KNOWN] + source] = 0
        note(M, X, RELEASE_NOTED, -1, -1, owner, NAN)
    elif kind == T_ARRIVAL:
        _arrive(M, X, owner)
    elif kind == T_OUT_START:
        outage_began(M, X, owner)
        resume_at(M, X, M[M[FIRST_TIMER] + T_OUT_END] + owner, X[M[OUTAGE_UNTIL_S] + owner])
    elif kind == T_OUT_END:
        outage_over(M, X, owner)
    elif kind == T_SLOW_START:
        M[M[SLOW_ORDER] + M[N_SLOWED]] = owner
        M[N_SLOWED] += 1
        resume_at(M, X, M[M[FIRST_TIMER] + T_SLOW_END] + owner, X[M[SLOW_UNTIL_S] + owner])
    elif kind == T_SLOW_END:
        _quicken(M, X, owner)


@inner
def _quicken(M: Ints, X: Floats, k: int) -> None:
    at = 0
    while M[M[SLOW_ORDER] + at] != k:
        at += 1
    for i in range(at, M[N_SLOWED] - 1):
        M[M[SLOW_ORDER] + i] = M[M[SLOW_ORDER] + i + 1]
    M[N_SLOWED] -= 1


@inner
def _switch(M: Ints, X: Floats, s: int) -> None:
    on = M[M[SWITCH_ON] + M[M[FIRST_SWITCH] + s] + M[M[STATION_SWITCH] + s]]
    if on and not M[M[STATION_ON] + s]:
        account(M, X, s)
        M[M[STATION_ON] + s] = 1
        note(M, X, SHIFT_STARTED, M[M[STATION_ELEMENT] + s], -1, -1, NAN)
        go_on(M, X, s)
    elif not on and M[M[STATION_ON] + s]:
        account(M, X, s)
        M[M[STATION_ON] + s] = 0
        note(M, X, SHIFT_ENDED, M[M[STATION_ELEMENT] + s], -1, -1, NAN)
        if not runs(M, X, s):
            stop_work(M, X, s)
    M[M[STATION_SWITCH] + s] += 1
    arm_shift(M, X, s)


@inner
def arm_shift(M: Ints, X: Floats, s: int) -> None:
    """Wait for the next switch of a station's calendar."""
    at = M[M[FIRST_SWITCH] + s] + M[M[STATION_SWITCH] + s]
    if at < M[M[FIRST_SWITCH] + s + 1]:
        resume_at(M, X, M[M[FIRST_TIMER] + T_SHIFT] + s, X[M[SWITCH_S] + at])


# -- sources ---------------------------------------------------------------------------------


@inner
def _arrive(M: Ints, X: Floats, source: int) -> None:
    p = make(M, X, source, _next_product(M, X, source), -1)
    if p < 0:
        return
    M[M[PART_NEXT] + p] = -1
    if M[M[SOURCE_TAIL] + source] >= 0:
        M[M[PART_NEXT] + M[M[SOURCE_TAIL] + source]] = p
    else:
        M[M[SOURCE_HEAD] + source] = p
    M[M[SOURCE_TAIL] + source] = p
    expect(M, X, source)


@inner
def expect(M: Ints, X: Floats, source: int) -> None:
    """Wait for the next arrival."""
    if M[M[SOURCE_KIND] + source] != INTERARRIVAL:
        return
    timer = M[M[FIRST_TIMER] + T_ARRIVAL] + source
    times, key = M[M[SOURCE_TIMES] + source], np.uint64(M[M[SOURCE_ARRIVAL_KEY] + source])
    created, since_s = M[M[SOURCE_CREATED] + source], X[M[SOURCE_SINCE_S] + source]
    drawn_s = X[M[SOURCE_DRAWN_S] + source]
    if math.isnan(drawn_s):
        load(M, X, timer, draw(M, X, times, key, created, 0))
        resume_from(M, X, timer, since_s)
    else:
        load(M, X, timer, draw_left(M, X, times, key, drawn_s - since_s, created, 0))
        resume_from(M, X, timer, drawn_s)


@inner
def _next_product(M: Ints, X: Floats, source: int) -> int:
    first, last = M[M[FIRST_SHARE] + source], M[M[FIRST_SHARE] + source + 1] - 1
    if first == last:
        return M[M[SHARE_PRODUCT] + first]
    u = uniform(
        np.uint64(M[M[SOURCE_PRODUCT_KEY] + source]),
        M[REPLICATION],
        M[M[SOURCE_CREATED] + source],
        0,
    )
    if M[ANTITHETIC]:
        u = 1.0 - u
    u *= X[M[SHARE] + last]
    at = first
    while at < last and X[M[SHARE] + at] < u:
        at += 1
    return M[M[SHARE_PRODUCT] + at]


@inner
def _next_order(M: Ints, X: Floats) -> int:
    """Return the order being fed: the one begun, else the most urgent of those released."""
    best, best_key = -1, 0
    for order in range(M[ORDER_COUNT]):
        if (
            not M[M[ORDER_RELEASED] + order]
            or M[M[ORDER_CREATED] + order] >= M[M[ORDER_QUANTITY] + order]
        ):
            continue
        key = M[M[ORDER_URGENCY] + order]
        if M[M[ORDER_CREATED] + order] == 0:
            key += LAST
        if best < 0 or key < best_key:
            best, best_key = order, key
    return best


@inner
def _look(M: Ints, X: Floats, source: int) -> bool:
    """Find out what would enter next; tell whether there is anything."""
    p = M[M[SOURCE_HEAD] + source]
    if p >= 0:
        M[M[HEAD_PRODUCT] + source] = M[M[PART_PRODUCT] + p]
        M[M[HEAD_ORDER] + source] = M[M[PART_ORDER] + p]
        M[M[HEAD_KNOWN] + source] = 0
        return True
    if M[M[SOURCE_KIND] + source] == INTERARRIVAL:
        return False
    if not M[M[HEAD_KNOWN] + source]:
        M[M[HEAD_KNOWN] + source] = 1
        M[M[HEAD_ORDER] + source] = -1
        if M[M[SOURCE_KIND] + source] == ORDERS:
            order = _next_order(M, X)
            M[M[HEAD_ORDER] + source] = order
            M[M[HEAD_PRODUCT] + source] = M[M[ORDER_PRODUCT] + order] if order >= 0 else -1
        else:
            M[M[HEAD_PRODUCT] + source] = _next_product(M, X, source)
    return M[M[HEAD_PRODUCT] + source] >= 0


@inner
def _waits_since_s(M: Ints, X: Floats, source: int) -> float:
    if M[M[SOURCE_HEAD] + source] >= 0:
        return X[M[PART_CREATED_S] + M[M[SOURCE_HEAD] + source]]
    return X[M[SOURCE_SINCE_S] + source]


@inner
def _feed(M: Ints, X: Floats, source: int) -> bool:
    moved = False
    while _look(M, X, source):
        product, order = M[M[HEAD_PRODUCT] + source], M[M[HEAD_ORDER] + source]
        step = M[M[FIRST_STEP] + product]
        given = _given(M, X, order, 0)
        target = _open(M, X, step, given, _waits_since_s(M, X, source), M[STATIONS] + source)
        if target < 0:
            return moved
        p = M[M[SOURCE_HEAD] + source]
        if p >= 0:
            M[M[SOURCE_HEAD] + source] = M[M[PART_NEXT] + p]
            if M[M[SOURCE_HEAD] + source] < 0:
                M[M[SOURCE_TAIL] + source] = -1
        else:
            M[M[HEAD_KNOWN] + source] = 0
            p = make(M, X, source, product, order)
            if p < 0:
                return False
            if order >= 0:
                M[M[ORDER_CREATED] + order] += 1
        enter(M, X, p, target)
        moved = True
    return moved


# -- settle ----------------------------------------------------------------------------------


@inner
def _settle(M: Ints, X: Floats) -> None:
    if M[N_FAILS]:
        _call_crews(M, X)
    for crew in range(M[CREWS]):
        while M[M[CREW_FREE] + crew] > 0 and M[M[CREW_HEAD] + crew] >= 0:
            m = M[M[CREW_HEAD] + crew]
            M[M[CREW_HEAD] + crew] = M[M[MODE_NEXT] + m]
            if M[M[CREW_HEAD] + crew] < 0:
                M[M[CREW_TAIL] + crew] = -1
            M[M[CREW_FREE] + crew] -= 1
            begin_repair(M, X, m)
    moved = True
    while moved and M[N_STATUS] == OK:
        moved = False
        for s in range(M[STATIONS] - 1, -1, -1):
            if M[M[DONE_COUNT] + s] and _send(M, X, s):
                moved = True
            b = M[M[STATION_INPUT] + s]
            if (
                b >= 0
                and M[M[BUFFER_HEAD] + b] >= 0
                and M[M[STATION_FREE] + s]
                and _take(M, X, s, b)
            ):
                moved = True
        for source in range(M[SOURCES]):
            if _feed(M, X, source):
                moved = True


@inner
def queue_for_crew(M: Ints, X: Floats, m: int) -> None:
    """Put a failed mode at the end of its crew's queue."""
    crew = M[M[MODE_CREW] + m]
    M[M[MODE_NEXT] + m] = -1
    if M[M[CREW_TAIL] + crew] >= 0:
        M[M[MODE_NEXT] + M[M[CREW_TAIL] + crew]] = m
    else:
        M[M[CREW_HEAD] + crew] = m
    M[M[CREW_TAIL] + crew] = m


@inner
def _call_crews(M: Ints, X: Floats) -> None:
    count = M[N_FAILS]
    M[N_FAILS] = 0
    for i in range(1, count):
        m, at = M[M[FAILS] + i], i
        while at > 0 and M[M[FAILS] + at - 1] > m:
            M[M[FAILS] + at] = M[M[FAILS] + at - 1]
            at -= 1
        M[M[FAILS] + at] = m
    for i in range(count):
        m = M[M[FAILS] + i]
        if M[M[MODE_CREW] + m] < 0:
            begin_repair(M, X, m)
        else:
            queue_for_crew(M, X, m)


@inner
def _send(M: Ints, X: Floats, s: int) -> bool:
    """Let the parts that are done leave, as far as there is room."""
    moved, at, first = False, 0, M[M[FIRST_SERVER] + s]
    while at < M[M[DONE_COUNT] + s]:
        v = M[M[DONE_LIST] + first + at]
        p = M[M[SERVER_PART] + v]
        product, place = M[M[PART_PRODUCT] + p], M[M[PART_STEP] + p]
        step = M[M[FIRST_STEP] + product] + place
        if step == M[M[FIRST_STEP] + product + 1]:
            leave_station(M, X, v, s)
            leave_line(M, X, p)
            moved = True
            continue
        given = _given(M, X, M[M[PART_ORDER] + p], place)
        if _stays(M, X, step, given, s):
            leave_station(M, X, v, s)
            enter_station(M, X, p, s, v)
            moved = True
            continue
        target = _open(M, X, step, given, X[M[PART_DONE_S] + p], s)
        if target < 0:
            at += 1
            continue
        leave_station(M, X, v, s)
        enter(M, X, p, target)
        moved = True
    return moved


@inner
def _given(M: Ints, X: Floats, order: int, place: int) -> int:
    """Return the station that the plan gives an operation of an order, or -1."""
    if order < 0 or M[GIVEN_STATIONS] == 0:
        return -1
    return M[M[ORDER_STATION] + order * M[LONGEST] + place]


@inner
def _stays(M: Ints, X: Floats, step: int, given: int, s: int) -> bool:
    return given == s if given >= 0 else choice(M, X, step, s) >= 0


@inner
def _entrance(M: Ints, X: Floats, s: int) -> int:
    return M[M[STATION_INPUT] + s] if M[M[STATION_INPUT] + s] >= 0 else M[BUFFERS] + s


@inner
def _has_room(M: Ints, X: Floats, entrance: int) -> bool:
    buffers = M[BUFFERS]
    if entrance < buffers:
        return (
            M[M[CAPACITY] + entrance] < 0
            or M[M[BUFFER_LENGTH] + entrance] < M[M[CAPACITY] + entrance]
        )
    return (
        bool(M[M[STATION_ON] + entrance - buffers]) and M[M[STATION_FREE] + entrance - buffers] > 0
    )


@inner
def _open(M: Ints, X: Floats, step: int, given: int, since_s: float, sender: int) -> int:
    """Return the first place that has room and where nobody has waited longer, or -1."""
    if given >= 0:
        entrance = _entrance(M, X, given)
        if _has_room(M, X, entrance) and (
            M[M[FEEDERS] + entrance] < 2 or _is_first(M, X, entrance, since_s, sender)
        ):
            return entrance
        return -1
    for i in range(M[M[FIRST_EXIT] + step], M[M[FIRST_EXIT] + step + 1]):
        entrance = M[M[EXITS] + i]
        if _has_room(M, X, entrance) and (
            M[M[FEEDERS] + entrance] < 2 or _is_first(M, X, entrance, since_s, sender)
        ):
            return entrance
    return -1


@inner
def _leads_to(M: Ints, X: Floats, step: int, given: int, entrance: int) -> bool:
    if given >= 0:
        return _entrance(M, X, given) == entrance
    for i in range(M[M[FIRST_EXIT] + step], M[M[FIRST_EXIT] + step + 1]):
        if M[M[EXITS] + i] == entrance:
            return True
    return False


@inner
def _before(since_s: float, sender: int, mine_s: float, me: int, stations: int) -> bool:
    """Tell whether a sender stands before me in line: longer wait, else station, else downstream."""
    if since_s != mine_s:
        return since_s < mine_s
    if (sender < stations) != (me < stations):
        return sender < stations
    return sender > me if sender < stations else sender < me


@inner
def _is_first(M: Ints, X: Floats, entrance: int, since_s: float, me: int) -> bool:
    stations = M[STATIONS]
    for s in range(stations):
        if s == me:
            continue
        for i in range(M[M[DONE_COUNT] + s]):
            p = M[M[SERVER_PART] + M[M[DONE_LIST] + M[M[FIRST_SERVER] + s] + i]]
            if not _before(X[M[PART_DONE_S] + p], s, since_s, me, stations):
                continue
            product, place = M[M[PART_PRODUCT] + p], M[M[PART_STEP] + p]
            step = M[M[FIRST_STEP] + product] + place
            if step == M[M[FIRST_STEP] + product + 1]:
                continue
            given = _given(M, X, M[M[PART_ORDER] + p], place)
            if _stays(M, X, step, given, s):
                if entrance == M[BUFFERS] + s:
                    return False
            elif _leads_to(M, X, step, given, entrance):
                return False
    for source in range(M[SOURCES]):
        other = stations + source
        if other == me or not _look(M, X, source):
            continue
        waits_s = _waits_since_s(M, X, source)
        step = M[M[FIRST_STEP] + M[M[HEAD_PRODUCT] + source]]
        if _before(waits_s, other, since_s, me, stations) and _leads_to(
            M, X, step, _given(M, X, M[M[HEAD_ORDER] + source], 0), entrance
        ):
            return False
    return True


@inner
def _take(M: Ints, X: Floats, s: int, b: int) -> bool:
    """Fill free servers from the input buffer by the dispatch rule."""
    moved = False
    while M[M[STATION_ON] + s] and M[M[STATION_FREE] + s] > 0 and M[M[BUFFER_HEAD] + b] >= 0:
        p = _choose(M, X, s, b)
        if p < 0:
            break
        leave_buffer(M, X, p, b)
        enter_station(M, X, p, s, -1)
        moved = True
    return moved


@inner
def _choose(M: Ints, X: Floats, s: int, b: int) -> int:
    best, best_key, rule = -1, 0.0, M[M[STATION_RULE] + s]
    p = M[M[BUFFER_HEAD] + b]
    while p >= 0:
        step = M[M[FIRST_STEP] + M[M[PART_PRODUCT] + p]] + M[M[PART_STEP] + p]
        order = M[M[PART_ORDER] + p]
        given = _given(M, X, order, M[M[PART_STEP] + p])
        row = choice(M, X, step, s)
        if given == s or (given < 0 and row >= 0):
            if rule == FIFO:
                return p
            key = 0.0
            if rule == SPT:
                key = X[M[CHOICE_MEAN_S] + row]
            elif rule == EDD:
                key = X[M[ORDER_DUE_S] + order] if order >= 0 else math.inf
            elif rule == PRIORITY:
                key = -X[M[ORDER_PRIORITY] + order] if order >= 0 else 0.0
            elif rule == PLAN:
                key = float(LAST)
                if order >= 0:
                    key = float(M[M[ORDER_PLACE] + s * M[ORDER_COUNT] + order])
            if best < 0 or key < best_key:
                best, best_key = p, key
        p = M[M[PART_NEXT] + p]
    return best
