"""Parts that go together to a station: what ``reference.grouping.batch_of`` does."""

from __future__ import annotations

import math

from twin.engine.compiled.cards import asks_for
from twin.engine.compiled.keys import goes_before, key
from twin.engine.compiled.looks import takes
from twin.engine.compiled.memory import get, moment, put, put_real, real, whole
from twin.engine.compiled.parts import enter_station, join, leave_buffer
from twin.engine.compiled.picking import choice_here, mean_time_s
from twin.engine.compiled.tables import (
    ATC,
    BATCH_ALIKE,
    BATCH_MAX,
    BATCH_MIN,
    BATCH_PLAIN,
    BATCH_WAIT_S,
    BUFFER_HEAD,
    BUFFER_LENGTH,
    BUFFERS,
    BY_FAMILY,
    BY_GROUP,
    BY_NOTHING,
    FIRST_RULE,
    LOOP_FREE,
    LOOPS,
    NOW,
    PART_ENTERED_S,
    PART_FAMILY,
    PART_NEXT,
    PART_PRODUCT,
    PART_ROW,
    PRODUCT_GROUP,
    RANKED,
    RANKED_KEY,
    RANKED_PLACE,
    RANKED_ROW,
    RANKED_SEEN,
    STATION_FREE,
    STATION_RULE,
    TRANSIT_S,
    Floats,
    Ints,
)
from twin.engine.jit import inner, outlined


@outlined
def take_batches(M: Ints, X: Floats, s: int, b: int) -> bool:
    """Fill free servers with batches from the input buffer; tell whether any moved."""
    moved = False
    if get(M, BATCH_PLAIN, s):
        while takes(M, s) and get(M, STATION_FREE, s) > 0 and _first_go(M, X, s, b):
            moved = True
        return moved
    while takes(M, s) and get(M, STATION_FREE, s) > 0:
        few = get(M, BUFFER_LENGTH, b) < get(M, BATCH_MIN, s)
        if get(M, BUFFER_HEAD, b) < 0 or (few and real(M, X, BATCH_WAIT_S, s) == math.inf):
            break
        count = _rank(M, X, s, b)
        first = _ready(M, X, s, b, count)
        if first == count:
            break
        _go(M, X, s, b, first, count)
        moved = True
    return moved


@inner
def _first_go(M: Ints, X: Floats, s: int, b: int) -> bool:
    """Let the first parts of a buffer go to a server if they are enough; tell whether they are."""
    p, count = get(M, BUFFER_HEAD, b), get(M, BUFFER_LENGTH, b)
    if count < get(M, BATCH_MIN, s) and (
        p < 0 or moment(M, X, NOW) < real(M, X, PART_ENTERED_S, p) + real(M, X, BATCH_WAIT_S, s)
    ):
        return False
    before = -1
    for _ in range(min(count, get(M, BATCH_MAX, s))):
        after = get(M, PART_NEXT, p)
        leave_buffer(M, X, p, b)
        if before < 0:
            enter_station(M, X, p, s, -1)
        else:
            join(M, X, p, before, s)
        before, p = p, after
    return True


@inner
def _rank(M: Ints, X: Floats, s: int, b: int) -> int:
    """Sort the parts that wait for a station by its rule; tell how many they are."""
    rule, several = (get(M, STATION_RULE, s), get(M, FIRST_RULE, s + 1) > get(M, FIRST_RULE, s) + 1)
    mean_s = mean_time_s(M, X, s, b) if rule == ATC or several else 0.0
    count, place, p = (0, 0, get(M, BUFFER_HEAD, b))
    while p >= 0:
        row = choice_here(M, X, s, p)
        if row >= 0:
            found = key(M, X, rule, s, p, row, place, mean_s)
            at = count
            while at > 0 and _goes_before(M, X, s, p, row, place, found, at - 1, several, mean_s):
                put(M, RANKED, at, get(M, RANKED, at - 1))
                put(M, RANKED_ROW, at, get(M, RANKED_ROW, at - 1))
                put(M, RANKED_PLACE, at, get(M, RANKED_PLACE, at - 1))
                put_real(M, X, RANKED_KEY, at, real(M, X, RANKED_KEY, at - 1))
                at -= 1
            put(M, RANKED, at, p)
            put(M, RANKED_ROW, at, row)
            put(M, RANKED_PLACE, at, place)
            put_real(M, X, RANKED_KEY, at, found)
            put(M, RANKED_SEEN, count, 0)
            count += 1
        p = get(M, PART_NEXT, p)
        place += 1
    return count


@inner
def _goes_before(
    M: Ints,
    X: Floats,
    s: int,
    p: int,
    row: int,
    place: int,
    found: float,
    at: int,
    several: bool,
    mean_s: float,
) -> bool:
    """Tell whether a part goes before one that is ranked."""
    other_key = real(M, X, RANKED_KEY, at)
    if found != other_key or not several:
        return found < other_key
    other, other_row = get(M, RANKED, at), get(M, RANKED_ROW, at)
    other_place = get(M, RANKED_PLACE, at)
    return goes_before(M, X, s, p, row, place, other, other_row, other_place, mean_s)


@inner
def _are_alike(M: Ints, alike: int, p: int, other: int) -> bool:
    """Tell whether two parts may go together."""
    if alike == BY_NOTHING:
        return True
    if alike == BY_GROUP:
        mine = get(M, PRODUCT_GROUP, get(M, PART_PRODUCT, p))
        return mine == get(M, PRODUCT_GROUP, get(M, PART_PRODUCT, other))
    same = get(M, PART_ROW, p) == get(M, PART_ROW, other)
    return same and (alike != BY_FAMILY or get(M, PART_FAMILY, p) == get(M, PART_FAMILY, other))


@inner
def _ready(M: Ints, X: Floats, s: int, b: int, count: int) -> int:
    """Return the place of the first part of a batch that may go now; ``count``: there is none."""
    for first in range(count):
        if not get(M, RANKED_SEEN, first):
            enough = _are_enough(M, X, s, b, first, count)
            if enough and (whole(M, LOOPS) == 0 or _are_admitted(M, X, s, b, first, count)):
                return first
    return count


@inner
def _are_enough(M: Ints, X: Floats, s: int, b: int, first: int, count: int) -> bool:
    """Tell whether those like the first are a batch, or one of them has waited long enough."""
    p, alike, found = get(M, RANKED, first), get(M, BATCH_ALIKE, s), 0
    entered_s = math.inf
    for i in range(first, count):
        other = get(M, RANKED, i)
        if _are_alike(M, alike, p, other):
            put(M, RANKED_SEEN, i, 1)
            found += 1
            entered_s = min(entered_s, real(M, X, PART_ENTERED_S, other))
    ready_s = entered_s + real(M, X, TRANSIT_S, b)
    ends_s = ready_s + real(M, X, BATCH_WAIT_S, s)
    return found >= get(M, BATCH_MIN, s) or moment(M, X, NOW) >= ends_s


@inner
def _are_admitted(M: Ints, X: Floats, s: int, b: int, first: int, count: int) -> bool:
    """Tell whether there are cards for a batch to go together."""
    goal, lead, alike = whole(M, BUFFERS) + s, get(M, RANKED, first), get(M, BATCH_ALIKE, s)
    for loop in range(whole(M, LOOPS)):
        needed, size = 0, 0
        for i in range(first, count):
            p = get(M, RANKED, i)
            if size < get(M, BATCH_MAX, s) and _are_alike(M, alike, lead, p):
                size += 1
                needed += asks_for(M, X, loop, get(M, PART_PRODUCT, p), b, goal)
        if needed > 0 and needed > get(M, LOOP_FREE, loop):
            return False
    return True


@inner
def _go(M: Ints, X: Floats, s: int, b: int, first: int, count: int) -> None:
    """Let a batch go to a server, the first by the rule before the others."""
    lead, alike, size, before = get(M, RANKED, first), get(M, BATCH_ALIKE, s), 0, -1
    for i in range(first, count):
        p = get(M, RANKED, i)
        if size < get(M, BATCH_MAX, s) and _are_alike(M, alike, lead, p):
            leave_buffer(M, X, p, b)
            if size == 0:
                enter_station(M, X, p, s, -1)
            else:
                join(M, X, p, before, s)
            before = p
            size += 1
