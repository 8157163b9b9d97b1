"""What is shared, settled in the stated order: what ``reference.settle`` does."""

from __future__ import annotations

from twin.engine.bits import lowest_bit
from twin.engine.compiled.asking import send_away, settle_work
from twin.engine.compiled.batches import take_batches
from twin.engine.compiled.calls import call, end_calls, has_callers
from twin.engine.compiled.carriers import sink_of, source_walks, walks
from twin.engine.compiled.goals import (
    has_room,
    is_in_company,
    leads_to,
    open_to,
    sole_goal,
    sole_goal_of_source,
    stays,
    took_turn,
    went,
)
from twin.engine.compiled.kits import supply
from twin.engine.compiled.lateness import end_waits
from twin.engine.compiled.looks import is_shut, look_everywhere, takes
from twin.engine.compiled.memory import get, put, real, whole
from twin.engine.compiled.modes import crews
from twin.engine.compiled.parts import (
    drop,
    enter,
    enter_station,
    leave_buffer,
    leave_line,
    leave_station,
)
from twin.engine.compiled.picking import choose
from twin.engine.compiled.sources import look, pop, waits_since_s
from twin.engine.compiled.tables import (
    BATCH_MIN,
    BATCHES,
    BUFFER_HEAD,
    DONE_COUNT,
    DONE_LIST,
    FIRST_SERVER,
    FIRST_SOURCE,
    FIRST_STEP,
    FULL_SETTLE,
    GROUPED,
    HEAD_PRODUCT,
    LACKING_COUNT,
    LATE_HEAD,
    LATE_NEXT,
    LOOK,
    LOOK_ANY,
    LOOK_BITS,
    LOOK_WORDS,
    MANNED,
    MODES,
    N_OVERDUE,
    N_READY,
    N_STATUS,
    OK,
    OPEN,
    PART_CALLED,
    PART_DONE_S,
    PART_MATE,
    PART_PRODUCT,
    PART_ROW,
    POOLS,
    ROUND_ROBIN,
    SERVER_PART,
    STATION_FREE,
    STATION_INPUT,
    STATION_SEVERAL,
    STATION_TAKES_ANY,
    STATIONS,
    STEP_CHOICE,
    STEP_TARGET,
    Floats,
    Ints,
)
from twin.engine.compiled.vehicles import settle_arrivals
from twin.engine.jit import aside, inlined, inner, outlined


@outlined
def settle(M: Ints, X: Floats) -> None:
    """Decide what is shared: crews, then parts, in passes until nothing moves, then people.

    Only senders and takers are visited for which something has changed since they last could do
    nothing; ``FULL_SETTLE`` visits all of them in each pass, with the same result.
    """
    if whole(M, N_READY):
        settle_arrivals(M, X)
    if whole(M, N_OVERDUE):
        end_waits(M, X)
    if whole(M, MANNED):
        send_away(M, X)
    if whole(M, MODES):
        crews(M, X)
    full = whole(M, FULL_SETTLE)
    # Who could not set out on a vehicle can do so only after something that lets him look.
    calls = whole(M, POOLS) and (full or whole(M, LOOK_WORDS) > 1 or get(M, LOOK, 0))
    calls = calls and has_callers(M)
    moved = True
    while moved and whole(M, N_STATUS) == OK:
        if full:
            look_everywhere(M)
        moved = _pass(M, X)
        if not full and whole(M, LOOK_WORDS) == 1:
            moved = get(M, LOOK, 0) != 0
        if calls and not moved and whole(M, N_STATUS) == OK:
            moved = call(M, X)
    if calls:
        end_calls(M, X)
    if whole(M, MANNED):
        settle_work(M, X)


@inner
def _pass(M: Ints, X: Floats) -> bool:
    """Visit stations from the last one upstream, then sources; tell whether a part moved."""
    moved = _visits(M, X, 0)
    if whole(M, LOOK_WORDS) > 1 and _far_visits(M, X):
        moved = True
    return moved


@outlined
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


@outlined
def _visits(M: Ints, X: Floats, word: int) -> bool:
    """Visit the places in one word of bits, in their order."""
    moved, stations, grouped = False, whole(M, STATIONS), whole(M, GROUPED)
    bits = get(M, LOOK, word)
    while bits:
        at = lowest_bit(bits)
        put(M, LOOK, word, get(M, LOOK, word) & ~(1 << at))
        place = LOOK_BITS * word + at
        if place < stations:
            s = stations - 1 - place
            if get(M, DONE_COUNT, s) and not is_shut(M, s) and _send(M, X, s):
                moved = True
            b = get(M, STATION_INPUT, s)
            if b >= 0 and _take(M, X, s, b):
                moved = True
            if grouped and get(M, LACKING_COUNT, s) and supply(M, X, s):
                moved = True
        elif place >= whole(M, FIRST_SOURCE):
            if _feed(M, X, place - whole(M, FIRST_SOURCE)):
                moved = True
        elif _send_late(M, X, place - stations):
            moved = True
        # What lies before this place waits for the next pass.
        bits = get(M, LOOK, word) & ~((2 << at) - 1)
    return moved


@outlined
def _feed(M: Ints, X: Floats, source: int) -> bool:
    moved = False
    while look(M, X, source):
        product = get(M, HEAD_PRODUCT, source)
        step = get(M, FIRST_STEP, product)
        given = sole_goal_of_source(M, X, source)
        since_s, sender = (waits_since_s(M, X, source), whole(M, FIRST_SOURCE) + source)
        target = open_to(M, X, product, step, given, since_s, sender)
        if target < 0 or (whole(M, POOLS) and not source_walks(M, source, target)):
            return moved
        p = pop(M, X, source)
        if p < 0:
            return False
        went(M, X, step, given)
        enter(M, X, p, target)
        moved = True
    return moved


@inner
def _send(M: Ints, X: Floats, s: int) -> bool:
    """Let the parts that are done leave, as far as there is room."""
    moved, at, first = (False, 0, get(M, FIRST_SERVER, s))
    several = get(M, STATION_SEVERAL, s)
    while at < get(M, DONE_COUNT, s):
        v = get(M, DONE_LIST, first + at)
        p, cleared = get(M, SERVER_PART, v), True
        while p >= 0:
            after = get(M, PART_MATE, p) if several else -1
            if _send_part(M, X, p, v, s):
                moved = True
            else:
                cleared = False
            p = after
        if not cleared:
            at += 1
    return moved


@inlined
def _send_part(M: Ints, X: Floats, p: int, v: int, s: int) -> bool:
    """Let a part that is done leave, if there is room; tell whether it did."""
    step = get(M, PART_ROW, p)
    target = get(M, STEP_TARGET, step)
    if target >= 0 and not has_room(M, X, target):
        return False
    if target != OPEN:
        leave_station(M, X, p, v, s)
        if target >= 0:
            enter(M, X, p, target)
        else:
            leave_line(M, X, p)
        return True
    if whole(M, POOLS) and (get(M, PART_CALLED, p) or sink_of(M, p) >= 0):
        return _leave_by_itself(M, X, p, v, s)
    given = sole_goal(M, X, p)
    if stays(M, X, step, given, s) and not (whole(M, GROUPED) and is_in_company(M, p, v, s)):
        leave_station(M, X, p, v, s)
        if get(M, STEP_CHOICE, step) == ROUND_ROBIN:
            took_turn(M, X, step)
        enter_station(M, X, p, s, v)
        return True
    product, since_s = (get(M, PART_PRODUCT, p), real(M, X, PART_DONE_S, p))
    target = open_to(M, X, product, step, given, since_s, s)
    if target < 0 or (whole(M, POOLS) and not walks(M, p, target)):
        return False
    leave_station(M, X, p, v, s)
    went(M, X, step, given)
    enter(M, X, p, target)
    return True


@aside
def _leave_by_itself(M: Ints, X: Floats, p: int, v: int, s: int) -> bool:
    """Finish a part that is done with all; one that a vehicle is sent for stays."""
    if _is_fetched(M, p, sink_of(M, p)):
        return False
    leave_station(M, X, p, v, s)
    leave_line(M, X, p)
    return True


@aside
def _is_fetched(M: Ints, p: int, goal: int) -> bool:
    """Tell whether a vehicle was sent for a part, or has to be."""
    return bool(get(M, PART_CALLED, p)) or not walks(M, p, goal)


@aside
def _send_late(M: Ints, X: Floats, b: int) -> bool:
    """Let the parts leave a buffer that waited too long, as far as there is room."""
    moved, p = (False, get(M, LATE_HEAD, b))
    while p >= 0:
        after, step, given = (get(M, LATE_NEXT, p), get(M, PART_ROW, p), sole_goal(M, X, p))
        target, product = (b, get(M, PART_PRODUCT, p))
        if not leads_to(M, X, step, given, b):
            since_s, sender = (real(M, X, PART_DONE_S, p), whole(M, STATIONS) + b)
            target = open_to(M, X, product, step, given, since_s, sender)
        if target >= 0 and not (whole(M, POOLS) and _is_fetched(M, p, target)):
            drop(M, X, p)
            went(M, X, step, given)
            enter(M, X, p, target)
            moved = True
        p = after
    return moved


@inner
def _take(M: Ints, X: Floats, s: int, b: int) -> bool:
    """Fill free servers from the input buffer by the dispatch rule."""
    if whole(M, BATCHES) and get(M, BATCH_MIN, s):
        return take_batches(M, X, s, b)
    moved = False
    while takes(M, s) and get(M, STATION_FREE, s) > 0 and (get(M, BUFFER_HEAD, b) >= 0):
        p = get(M, BUFFER_HEAD, b) if get(M, STATION_TAKES_ANY, s) else choose(M, X, s, b)
        if p < 0:
            break
        leave_buffer(M, X, p, b)
        enter_station(M, X, p, s, -1)
        moved = True
    return moved
