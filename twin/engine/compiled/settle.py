"""What is shared, settled in the stated order: what ``reference.settle`` does."""

from __future__ import annotations

from twin.engine.compiled.keys import key_of_part, key_of_times
from twin.engine.compiled.looks import look_everywhere, room_at
from twin.engine.compiled.memory import add, get, lowest_bit, put, real, whole
from twin.engine.compiled.modes import crews
from twin.engine.compiled.parts import (
    enter,
    enter_station,
    leave_buffer,
    leave_line,
    leave_station,
    make,
)
from twin.engine.compiled.servers import choice
from twin.engine.compiled.sources import look, waits_since_s
from twin.engine.compiled.tables import (
    ATC,
    BUFFER_HEAD,
    BUFFER_LENGTH,
    BUFFERS,
    CAPACITY,
    CHOICE_MEAN_S,
    CONTENDED,
    DONE_COUNT,
    DONE_LIST,
    EXITS,
    FEEDERS,
    FIFO,
    FIRST_EXIT,
    FIRST_SENDER,
    FIRST_SERVER,
    FIRST_STEP,
    FULL_SETTLE,
    GIVEN_STATIONS,
    HEAD_KNOWN,
    HEAD_ORDER,
    HEAD_PRODUCT,
    LEAVES,
    LIFO,
    LONGEST,
    LOOK,
    LOOK_ANY,
    LOOK_BITS,
    LOOK_WORDS,
    MODES,
    N_STATUS,
    OK,
    OPEN,
    OPERATION_DUE_DATE,
    ORDER_CREATED,
    ORDER_STATION,
    PART_DONE_S,
    PART_NEXT,
    PART_ORDER,
    PART_ROW,
    PART_STEP,
    SENDER,
    SERVER_PART,
    SOURCE_HEAD,
    SOURCE_TAIL,
    STATION_FREE,
    STATION_INPUT,
    STATION_ON,
    STATION_RULE,
    STATION_TAKES_ANY,
    STATIONS,
    STEP_TARGET,
    Floats,
    Ints,
)
from twin.engine.jit import inlined, inner


@inner
def settle(M: Ints, X: Floats) -> None:
    """Decide what is shared: crews, then parts, in passes until nothing moves.

    Only senders and takers are visited for which something has changed since they last could do
    nothing; ``FULL_SETTLE`` visits all of them in each pass, with the same result.
    """
    if whole(M, MODES):
        crews(M, X)
    full = whole(M, FULL_SETTLE)
    moved = True
    while moved and whole(M, N_STATUS) == OK:
        if full:
            look_everywhere(M)
        moved = _pass(M, X)
        if not full and whole(M, LOOK_WORDS) == 1:
            moved = get(M, LOOK, 0) != 0


@inner
def _pass(M: Ints, X: Floats) -> bool:
    """Visit stations from the last one upstream, then sources; tell whether a part moved."""
    moved = _visits(M, X, 0)
    if whole(M, LOOK_WORDS) > 1 and _far_visits(M, X):
        moved = True
    return moved


@inner
def _far_visits(M: Ints, X: Floats) -> bool:
    """Visit the places beyond the first word of bits."""
    moved = False
    for part in range((whole(M, LOOK_WORDS) + LOOK_BITS - 1) // LOOK_BITS):
        words = get(M, LOOK_ANY, part) & (-1 if part else -2)
        while words:
            at = lowest_bit(words)
            if _visits(M, X, LOOK_BITS * part + at):
                moved = True
            if get(M, LOOK, LOOK_BITS * part + at) == 0:
                put(M, LOOK_ANY, part, get(M, LOOK_ANY, part) & ~(1 << at))
            words = get(M, LOOK_ANY, part) & ~((2 << at) - 1)
    return moved


@inner
def _visits(M: Ints, X: Floats, word: int) -> bool:
    """Visit the places in one word of bits, in their order."""
    moved, stations = False, whole(M, STATIONS)
    bits = get(M, LOOK, word)
    while bits:
        at = lowest_bit(bits)
        put(M, LOOK, word, get(M, LOOK, word) & ~(1 << at))
        place = LOOK_BITS * word + at
        if place < stations:
            s = stations - 1 - place
            if get(M, DONE_COUNT, s) and _send(M, X, s):
                moved = True
            b = get(M, STATION_INPUT, s)
            if b >= 0 and _take(M, X, s, b):
                moved = True
        elif _feed(M, X, place - stations):
            moved = True
        # What lies before this place waits for the next pass.
        bits = get(M, LOOK, word) & ~((2 << at) - 1)
    return moved


@inner
def _feed(M: Ints, X: Floats, source: int) -> bool:
    moved = False
    while look(M, X, source):
        product, order = (get(M, HEAD_PRODUCT, source), get(M, HEAD_ORDER, source))
        step = get(M, FIRST_STEP, product)
        given = _given(M, X, order, 0)
        target = _open(M, X, step, given, waits_since_s(M, X, source), whole(M, STATIONS) + source)
        if target < 0:
            return moved
        p = get(M, SOURCE_HEAD, source)
        if p >= 0:
            put(M, SOURCE_HEAD, source, get(M, PART_NEXT, p))
            if get(M, SOURCE_HEAD, source) < 0:
                put(M, SOURCE_TAIL, source, -1)
        else:
            put(M, HEAD_KNOWN, source, 0)
            p = make(M, X, source, product, order)
            if p < 0:
                return False
            if order >= 0:
                add(M, ORDER_CREATED, order, 1)
        if whole(M, CONTENDED):
            _gave_way(M, X, step, given)
        enter(M, X, p, target)
        moved = True
    return moved


@inner
def _gave_way(M: Ints, X: Floats, step: int, given: int) -> None:
    """Let those look again who may have waited behind a part, wherever it could have gone."""
    if given >= 0:
        room_at(M, _entrance(M, X, given))
        return
    for i in range(get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1)):
        if get(M, FEEDERS, get(M, EXITS, i)) > 1:
            room_at(M, get(M, EXITS, i))


@inner
def _send(M: Ints, X: Floats, s: int) -> bool:
    """Let the parts that are done leave, as far as there is room."""
    moved, at, first = (False, 0, get(M, FIRST_SERVER, s))
    while at < get(M, DONE_COUNT, s):
        v = get(M, DONE_LIST, first + at)
        p = get(M, SERVER_PART, v)
        step = get(M, PART_ROW, p)
        target = get(M, STEP_TARGET, step)
        if target >= 0 and not _has_room(M, X, target):
            at += 1
            continue
        if target != OPEN:
            leave_station(M, X, v, s)
            if target >= 0:
                enter(M, X, p, target)
            else:
                leave_line(M, X, p)
            moved = True
            continue
        given = _given(M, X, get(M, PART_ORDER, p), get(M, PART_STEP, p))
        if _stays(M, X, step, given, s):
            leave_station(M, X, v, s)
            enter_station(M, X, p, s, v)
            moved = True
            continue
        target = _open(M, X, step, given, real(M, X, PART_DONE_S, p), s)
        if target < 0:
            at += 1
            continue
        leave_station(M, X, v, s)
        if whole(M, CONTENDED):
            _gave_way(M, X, step, given)
        enter(M, X, p, target)
        moved = True
    return moved


@inlined
def _given(M: Ints, X: Floats, order: int, place: int) -> int:
    """Return the station that the plan gives an operation of an order, or -1."""
    if order < 0 or whole(M, GIVEN_STATIONS) == 0:
        return -1
    return get(M, ORDER_STATION, order * whole(M, LONGEST) + place)


@inlined
def _stays(M: Ints, X: Floats, step: int, given: int, s: int) -> bool:
    return given == s if given >= 0 else choice(M, X, step, s) >= 0


@inlined
def _entrance(M: Ints, X: Floats, s: int) -> int:
    return get(M, STATION_INPUT, s) if get(M, STATION_INPUT, s) >= 0 else whole(M, BUFFERS) + s


@inlined
def _has_room(M: Ints, X: Floats, entrance: int) -> bool:
    buffers = whole(M, BUFFERS)
    if entrance < buffers:
        return get(M, BUFFER_LENGTH, entrance) < get(M, CAPACITY, entrance)
    return (
        bool(get(M, STATION_ON, entrance - buffers))
        and get(M, STATION_FREE, entrance - buffers) > 0
    )


@inner
def _open(M: Ints, X: Floats, step: int, given: int, since_s: float, sender: int) -> int:
    """Return the first place that has room and where nobody has waited longer, or -1."""
    if given >= 0:
        entrance = _entrance(M, X, given)
        if _has_room(M, X, entrance) and (
            get(M, FEEDERS, entrance) <= 1 or _is_first(M, X, entrance, since_s, sender)
        ):
            return entrance
        return -1
    for i in range(get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1)):
        entrance = get(M, EXITS, i)
        if _has_room(M, X, entrance) and (
            get(M, FEEDERS, entrance) <= 1 or _is_first(M, X, entrance, since_s, sender)
        ):
            return entrance
    return -1


@inner
def _leads_to(M: Ints, X: Floats, step: int, given: int, entrance: int) -> bool:
    if given >= 0:
        return _entrance(M, X, given) == entrance
    for i in range(get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1)):
        if get(M, EXITS, i) == entrance:
            return True
    return False


@inner
def _before(since_s: float, sender: int, mine_s: float, me: int, stations: int) -> bool:
    """Tell whether a sender stands before me: longer wait, else station, else downstream."""
    if since_s != mine_s:
        return since_s < mine_s
    if (sender < stations) != (me < stations):
        return sender < stations
    return sender > me if sender < stations else sender < me


@inner
def _is_first(M: Ints, X: Floats, entrance: int, since_s: float, me: int) -> bool:
    stations = whole(M, STATIONS)
    for k in range(get(M, FIRST_SENDER, entrance), get(M, FIRST_SENDER, entrance + 1)):
        s = stations - 1 - get(M, SENDER, k)
        if s < 0:
            if stations - 1 - s != me and _source_is_before(M, X, entrance, since_s, me, -1 - s):
                return False
            continue
        if s == me:
            continue
        for i in range(get(M, DONE_COUNT, s)):
            p = get(M, SERVER_PART, get(M, DONE_LIST, get(M, FIRST_SERVER, s) + i))
            if not _before(real(M, X, PART_DONE_S, p), s, since_s, me, stations):
                continue
            step = get(M, PART_ROW, p)
            if get(M, STEP_TARGET, step) == LEAVES:
                continue
            given = _given(M, X, get(M, PART_ORDER, p), get(M, PART_STEP, p))
            if _stays(M, X, step, given, s):
                if entrance == whole(M, BUFFERS) + s:
                    return False
            elif _leads_to(M, X, step, given, entrance):
                return False
    return True


@inner
def _source_is_before(
    M: Ints, X: Floats, entrance: int, since_s: float, me: int, source: int
) -> bool:
    """Tell whether the part that a source would send to an entrance has waited longer."""
    if not look(M, X, source):
        return False
    other, stations = whole(M, STATIONS) + source, whole(M, STATIONS)
    if not _before(waits_since_s(M, X, source), other, since_s, me, stations):
        return False
    step = get(M, FIRST_STEP, get(M, HEAD_PRODUCT, source))
    return _leads_to(M, X, step, _given(M, X, get(M, HEAD_ORDER, source), 0), entrance)


@inner
def _take(M: Ints, X: Floats, s: int, b: int) -> bool:
    """Fill free servers from the input buffer by the dispatch rule."""
    moved = False
    while get(M, STATION_ON, s) and get(M, STATION_FREE, s) > 0 and (get(M, BUFFER_HEAD, b) >= 0):
        p = get(M, BUFFER_HEAD, b) if get(M, STATION_TAKES_ANY, s) else _choose(M, X, s, b)
        if p < 0:
            break
        leave_buffer(M, X, p, b)
        enter_station(M, X, p, s, -1)
        moved = True
    return moved


@inner
def _choose(M: Ints, X: Floats, s: int, b: int) -> int:
    """Return the part in a buffer that a station takes by its rule, or -1."""
    best, best_key, rule = (-1, 0.0, get(M, STATION_RULE, s))
    mean_s = _mean_time_s(M, X, s, b) if rule == ATC else 0.0
    p, position = (get(M, BUFFER_HEAD, b), 0)
    while p >= 0:
        row = _choice_here(M, X, s, p)
        if row >= 0:
            if rule == FIFO:
                return p
            if rule == LIFO:
                key = float(-position)
            elif rule >= OPERATION_DUE_DATE:
                key = key_of_times(M, X, s, p, row, mean_s)
            else:
                key = key_of_part(M, X, s, p, row)
            if best < 0 or key < best_key:
                best, best_key = (p, key)
        p = get(M, PART_NEXT, p)
        position += 1
    return best


@inner
def _choice_here(M: Ints, X: Floats, s: int, p: int) -> int:
    """Return the row of choices by which a station does what a part waits for, or -1."""
    given = _given(M, X, get(M, PART_ORDER, p), get(M, PART_STEP, p))
    if given >= 0 and given != s:
        return -1
    return choice(M, X, get(M, PART_ROW, p), s)


@inner
def _mean_time_s(M: Ints, X: Floats, s: int, b: int) -> float:
    """Return the mean expected time of the parts in a buffer that wait for a station, s."""
    total_s, count, p = (0.0, 0, get(M, BUFFER_HEAD, b))
    while p >= 0:
        row = _choice_here(M, X, s, p)
        if row >= 0:
            total_s += real(M, X, CHOICE_MEAN_S, row)
            count += 1
        p = get(M, PART_NEXT, p)
    return total_s / count if count > 0 else 0.0
