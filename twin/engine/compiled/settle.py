"""What is shared, settled in the stated order: what ``reference.settle`` does."""

from __future__ import annotations

from twin.engine.compiled.asking import settle_work
from twin.engine.compiled.cards import admits
from twin.engine.compiled.goals import (
    assigned,
    has_room,
    leads_to,
    open_to,
    sole_goal,
    sole_goal_of_source,
    stays,
    took_turn,
    went,
)
from twin.engine.compiled.keys import goes_before, key
from twin.engine.compiled.lateness import end_waits
from twin.engine.compiled.looks import look_everywhere
from twin.engine.compiled.memory import add, get, lowest_bit, moment, put, real, whole
from twin.engine.compiled.modes import crews
from twin.engine.compiled.parts import (
    drop,
    enter,
    enter_station,
    leave_buffer,
    leave_line,
    leave_station,
    make,
)
from twin.engine.compiled.phases import choice
from twin.engine.compiled.sources import look, waits_since_s
from twin.engine.compiled.tables import (
    ATC,
    BUFFER_HEAD,
    BUFFERS,
    CHOICE_MEAN_S,
    DONE_COUNT,
    DONE_LIST,
    FIFO,
    FIRST_RULE,
    FIRST_SERVER,
    FIRST_SOURCE,
    FIRST_STEP,
    FULL_SETTLE,
    HEAD_KNOWN,
    HEAD_ORDER,
    HEAD_PRODUCT,
    LATE_HEAD,
    LATE_NEXT,
    LOOK,
    LOOK_ANY,
    LOOK_BITS,
    LOOK_WORDS,
    MANNED,
    MODES,
    N_OVERDUE,
    N_STATUS,
    NOW,
    OK,
    OPEN,
    ORDER_CREATED,
    PART_AT,
    PART_DONE_S,
    PART_ENTERED_S,
    PART_NEXT,
    PART_ORDER,
    PART_PRODUCT,
    PART_ROW,
    PART_STATUS,
    PART_STEP,
    ROUND_ROBIN,
    SERVER_PART,
    SOURCE_HEAD,
    SOURCE_TAIL,
    STATION_FREE,
    STATION_INPUT,
    STATION_ON,
    STATION_PICKY,
    STATION_RULE,
    STATION_TAKES_ANY,
    STATIONS,
    STEP_CHOICE,
    STEP_TARGET,
    TRANSIT_S,
    WAITING,
    Floats,
    Ints,
)
from twin.engine.jit import inner


@inner
def settle(M: Ints, X: Floats) -> None:
    """Decide what is shared: crews, then parts, in passes until nothing moves, then people.

    Only senders and takers are visited for which something has changed since they last could do
    nothing; ``FULL_SETTLE`` visits all of them in each pass, with the same result.
    """
    if whole(M, N_OVERDUE):
        end_waits(M, X)
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
    if whole(M, MANNED):
        settle_work(M, X)


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
        elif place >= whole(M, FIRST_SOURCE):
            if _feed(M, X, place - whole(M, FIRST_SOURCE)):
                moved = True
        elif _send_late(M, X, place - stations):
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
        given = sole_goal_of_source(M, X, source)
        since_s, sender = (waits_since_s(M, X, source), whole(M, FIRST_SOURCE) + source)
        target = open_to(M, X, product, step, given, since_s, sender)
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
        went(M, X, step, given)
        enter(M, X, p, target)
        moved = True
    return moved


@inner
def _send(M: Ints, X: Floats, s: int) -> bool:
    """Let the parts that are done leave, as far as there is room."""
    moved, at, first = (False, 0, get(M, FIRST_SERVER, s))
    while at < get(M, DONE_COUNT, s):
        v = get(M, DONE_LIST, first + at)
        p = get(M, SERVER_PART, v)
        step = get(M, PART_ROW, p)
        target = get(M, STEP_TARGET, step)
        if target >= 0 and not has_room(M, X, target):
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
        given = sole_goal(M, X, p)
        if stays(M, X, step, given, s):
            leave_station(M, X, v, s)
            if get(M, STEP_CHOICE, step) == ROUND_ROBIN:
                took_turn(M, X, step)
            enter_station(M, X, p, s, v)
            moved = True
            continue
        product, since_s = (get(M, PART_PRODUCT, p), real(M, X, PART_DONE_S, p))
        target = open_to(M, X, product, step, given, since_s, s)
        if target < 0:
            at += 1
            continue
        leave_station(M, X, v, s)
        went(M, X, step, given)
        enter(M, X, p, target)
        moved = True
    return moved


@inner
def _send_late(M: Ints, X: Floats, b: int) -> bool:
    """Let the parts leave a buffer that waited too long, as far as there is room."""
    moved, p = (False, get(M, LATE_HEAD, b))
    while p >= 0:
        after, step, given = (get(M, LATE_NEXT, p), get(M, PART_ROW, p), sole_goal(M, X, p))
        target, product = (b, get(M, PART_PRODUCT, p))
        if not leads_to(M, X, step, given, b):
            since_s, sender = (real(M, X, PART_DONE_S, p), whole(M, STATIONS) + b)
            target = open_to(M, X, product, step, given, since_s, sender)
        if target >= 0:
            drop(M, X, p)
            went(M, X, step, given)
            enter(M, X, p, target)
            moved = True
        p = after
    return moved


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
    best, best_key, best_row, best_position = (-1, 0.0, -1, -1)
    rule, several = (get(M, STATION_RULE, s), get(M, FIRST_RULE, s + 1) > get(M, FIRST_RULE, s) + 1)
    mean_s = _mean_time_s(M, X, s, b) if rule == ATC or several else 0.0
    p, position = (get(M, BUFFER_HEAD, b), 0)
    while p >= 0:
        row = _choice_here(M, X, s, p)
        if row >= 0:
            if rule == FIFO and not several:
                return p
            found = key(M, X, rule, s, p, row, position, mean_s)
            if (
                best < 0
                or found < best_key
                or (
                    several
                    and found == best_key
                    and goes_before(
                        M, X, s, p, row, position, best, best_row, best_position, mean_s
                    )
                )
            ):
                best, best_key, best_row, best_position = (p, found, row, position)
        p = get(M, PART_NEXT, p)
        position += 1
    return best


@inner
def _choice_here(M: Ints, X: Floats, s: int, p: int) -> int:
    """Return the row of choices by which a station does what a part waits for, or -1."""
    if get(M, STATION_PICKY, s) and not _may_go(M, X, s, p):
        return -1
    given = assigned(M, X, get(M, PART_ORDER, p), get(M, PART_STEP, p))
    if given >= 0 and given != s:
        return -1
    return choice(M, X, get(M, PART_ROW, p), s)


@inner
def _may_go(M: Ints, X: Floats, s: int, p: int) -> bool:
    """Tell whether a part is at the end of its buffer, waits there, and has its cards."""
    b = get(M, PART_AT, p)
    return (
        get(M, PART_STATUS, p) == WAITING
        and real(M, X, PART_ENTERED_S, p) + real(M, X, TRANSIT_S, b) <= moment(X, NOW)
        and admits(M, X, get(M, PART_PRODUCT, p), b, whole(M, BUFFERS) + s)
    )


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
