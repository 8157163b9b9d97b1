"""Parts that become others: what ``reference.grouping`` does with them."""

from __future__ import annotations

from twin.engine.compiled.cards import take_at
from twin.engine.compiled.log import note
from twin.engine.compiled.memory import add, get, put, put_real, real, whole
from twin.engine.compiled.parts import (
    first_number,
    forgotten,
    fresh,
    new_part,
    part_from,
    put_aside,
    taken_out,
)
from twin.engine.compiled.tables import (
    BUFFERS,
    DONE,
    FIRST_MADE,
    FIRST_SERVER,
    GOOD,
    LIMITED,
    LOOPS,
    MADE_COUNT,
    MADE_PRODUCT,
    NAN,
    ORDER_EXTRA,
    PART_CREATED_S,
    PART_FATE,
    PART_ID,
    PART_MADE,
    PART_MATE,
    PART_ORDER,
    PART_REPLACED,
    PART_ROW,
    PART_SERVER,
    PART_STATUS,
    PART_STEP,
    SERVER_PART,
    STATION_ELEMENT,
    STATION_MADE,
    STATION_SLOT,
    Floats,
    Ints,
)
from twin.engine.compiled.waits import ready
from twin.engine.jit import inner, outlined


@outlined
def held(M: Ints, v: int) -> int:
    """Return how many parts are on a server."""
    count, p = 0, get(M, SERVER_PART, v)
    while p >= 0:
        count += 1
        p = get(M, PART_MATE, p)
    return count


@outlined
def replace(M: Ints, X: Floats, v: int, s: int, good: int, family: int) -> None:
    """Let the good parts on a server become others, if the operation that ended makes some.

    ``good`` is the first of them, ``family`` the number of the part that stood for all.
    """
    step = get(M, PART_ROW, good) - 1
    first, last = get(M, FIRST_MADE, step), get(M, FIRST_MADE, step + 1)
    if first == last:
        return
    order, count, created_s = get(M, PART_ORDER, good), 0, real(M, X, PART_CREATED_S, good)
    p = good
    while p >= 0:
        if get(M, PART_FATE, p) == GOOD:
            count += 1
            created_s = min(created_s, real(M, X, PART_CREATED_S, p))
            if get(M, PART_ORDER, p) != order:
                order = -1
        p = get(M, PART_MATE, p)
    p = good
    while p >= 0:
        after = get(M, PART_MATE, p)
        if get(M, PART_FATE, p) == GOOD:
            _give_up(M, X, p, v, s, order)
        p = after
    for i in range(first, last):
        for _ in range(get(M, MADE_COUNT, i)):
            _make(M, X, v, s, get(M, MADE_PRODUCT, i), order, created_s, family)
            count -= 1
    if order >= 0:
        add(M, ORDER_EXTRA, order, -count)


@inner
def _give_up(M: Ints, X: Floats, p: int, v: int, s: int, order: int) -> None:
    """Take a part out of the line whose place others take, of its order or of none."""
    element, place = get(M, STATION_ELEMENT, s), get(M, PART_STEP, p) - 1
    note(M, X, PART_REPLACED, element, get(M, PART_ID, p), place, NAN)
    part_from(M, p, v)
    if order < 0:
        taken_out(M, X, p, True)
    else:
        forgotten(M, X, p)


@inner
def _make(
    M: Ints, X: Floats, v: int, s: int, product: int, order: int, created_s: float, family: int
) -> None:
    """Make a part of others; it is done, behind those that are on the server."""
    p = new_part(M, X)
    if p < 0:
        return
    number = first_number(get(M, STATION_SLOT, s)) + get(M, STATION_MADE, s)
    add(M, STATION_MADE, s, 1)
    fresh(M, X, p, number, product, order, whole(M, BUFFERS) + s)
    put_aside(M, X, p, family)
    put_real(M, X, PART_CREATED_S, p, created_s)
    put(M, PART_STATUS, p, DONE)
    put(M, PART_SERVER, p, v - get(M, FIRST_SERVER, s))
    before = get(M, SERVER_PART, v)
    if before < 0:
        put(M, SERVER_PART, v, p)
    else:
        while get(M, PART_MATE, before) >= 0:
            before = get(M, PART_MATE, before)
        put(M, PART_MATE, before, p)
    if whole(M, LOOPS):
        take_at(M, X, p)
    note(M, X, PART_MADE, get(M, STATION_ELEMENT, s), number, product, float(order))
    if whole(M, LIMITED):
        ready(M, X, p)
