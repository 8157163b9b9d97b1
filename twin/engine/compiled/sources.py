"""The kernel's sources: what ``reference.sources`` does."""

from __future__ import annotations

import math

from twin.engine.compiled.looks import look_at
from twin.engine.compiled.memory import add, get, put, real, whole
from twin.engine.compiled.parts import first_number, make
from twin.engine.compiled.tables import (
    FIRST_SHARE,
    FIRST_SOURCE,
    FIRST_TIMER,
    HEAD_KNOWN,
    HEAD_ORDER,
    HEAD_PRODUCT,
    INTERARRIVAL,
    ORDER_COUNT,
    ORDER_CREATED,
    ORDER_PRODUCT,
    ORDER_QUANTITY,
    ORDER_RELEASED,
    ORDER_URGENCY,
    ORDERS,
    PART_CREATED_S,
    PART_ID,
    PART_NEXT,
    PART_ORDER,
    PART_PRODUCT,
    SHARE,
    SHARE_PRODUCT,
    SOURCE_ARRIVAL_KEY,
    SOURCE_CREATED,
    SOURCE_DRAWN_S,
    SOURCE_FIRST_S,
    SOURCE_HEAD,
    SOURCE_KIND,
    SOURCE_PRODUCT_KEY,
    SOURCE_SHORT,
    SOURCE_SINCE_S,
    SOURCE_TAIL,
    SOURCE_TIMES,
    T_ARRIVAL,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import chance, draw, draw_left, load, resume_from
from twin.engine.dispatch import LAST
from twin.engine.jit import aside, inner, outlined


@outlined
def arrive(M: Ints, X: Floats, source: int) -> None:
    """Make the part that arrives; it waits in front of the line."""
    p = make(M, X, source, _next_product(M, X, source), -1)
    if p < 0:
        return
    put(M, PART_NEXT, p, -1)
    if get(M, SOURCE_TAIL, source) >= 0:
        put(M, PART_NEXT, get(M, SOURCE_TAIL, source), p)
    else:
        put(M, SOURCE_HEAD, source, p)
    put(M, SOURCE_TAIL, source, p)
    look_at(M, whole(M, FIRST_SOURCE) + source)
    expect(M, X, source)


@inner
def expect(M: Ints, X: Floats, source: int) -> None:
    """Wait for the next arrival."""
    if get(M, SOURCE_KIND, source) != INTERARRIVAL:
        return
    timer = get(M, FIRST_TIMER, T_ARRIVAL) + source
    times, key = (get(M, SOURCE_TIMES, source), get(M, SOURCE_ARRIVAL_KEY, source))
    created, since_s = (get(M, SOURCE_CREATED, source), real(M, X, SOURCE_SINCE_S, source))
    drawn_s = real(M, X, SOURCE_DRAWN_S, source)
    if created == 0 and not math.isnan(real(M, X, SOURCE_FIRST_S, source)):
        load(M, X, timer, max(0.0, real(M, X, SOURCE_FIRST_S, source) - since_s))
        resume_from(M, X, timer, since_s)
    elif math.isnan(drawn_s):
        load(M, X, timer, draw(M, X, times, key, created, 0))
        resume_from(M, X, timer, since_s)
    else:
        load(M, X, timer, draw_left(M, X, times, key, drawn_s - since_s, created, 0))
        resume_from(M, X, timer, drawn_s)


@inner
def _next_product(M: Ints, X: Floats, source: int) -> int:
    first, last = (get(M, FIRST_SHARE, source), get(M, FIRST_SHARE, source + 1) - 1)
    if first == last:
        return get(M, SHARE_PRODUCT, first)
    u = chance(M, get(M, SOURCE_PRODUCT_KEY, source), get(M, SOURCE_CREATED, source), 0)
    u *= real(M, X, SHARE, last)
    at = first
    while at < last and real(M, X, SHARE, at) < u:
        at += 1
    return get(M, SHARE_PRODUCT, at)


@aside
def _next_order(M: Ints, X: Floats) -> int:
    """Return the order being fed: the one begun, else the most urgent of those released."""
    best, best_key = (-1, 0)
    for order in range(whole(M, ORDER_COUNT)):
        if not get(M, ORDER_RELEASED, order) or get(M, ORDER_CREATED, order) >= get(
            M, ORDER_QUANTITY, order
        ):
            continue
        key = get(M, ORDER_URGENCY, order)
        if get(M, ORDER_CREATED, order) == 0:
            key += LAST
        if best < 0 or key < best_key:
            best, best_key = (order, key)
    return best


@inner
def look(M: Ints, X: Floats, source: int) -> bool:
    """Find out what would enter next; tell whether there is anything."""
    if get(M, SOURCE_SHORT, source):
        return False
    p = get(M, SOURCE_HEAD, source)
    if p >= 0:
        put(M, HEAD_PRODUCT, source, get(M, PART_PRODUCT, p))
        put(M, HEAD_ORDER, source, get(M, PART_ORDER, p))
        put(M, HEAD_KNOWN, source, 0)
        return True
    if get(M, SOURCE_KIND, source) == INTERARRIVAL:
        return False
    if not get(M, HEAD_KNOWN, source):
        put(M, HEAD_KNOWN, source, 1)
        put(M, HEAD_ORDER, source, -1)
        if get(M, SOURCE_KIND, source) == ORDERS:
            order = _next_order(M, X)
            put(M, HEAD_ORDER, source, order)
            put(M, HEAD_PRODUCT, source, get(M, ORDER_PRODUCT, order) if order >= 0 else -1)
        else:
            put(M, HEAD_PRODUCT, source, _next_product(M, X, source))
    return get(M, HEAD_PRODUCT, source) >= 0


@inner
def pop(M: Ints, X: Floats, source: int) -> int:
    """Return the part that enters now, or -1 when there is no slot for one."""
    p = get(M, SOURCE_HEAD, source)
    if p >= 0:
        put(M, SOURCE_HEAD, source, get(M, PART_NEXT, p))
        if get(M, SOURCE_HEAD, source) < 0:
            put(M, SOURCE_TAIL, source, -1)
        return p
    order = get(M, HEAD_ORDER, source)
    put(M, HEAD_KNOWN, source, 0)
    p = make(M, X, source, get(M, HEAD_PRODUCT, source), order)
    if p >= 0 and order >= 0:
        add(M, ORDER_CREATED, order, 1)
        if get(M, ORDER_CREATED, order) < get(M, ORDER_QUANTITY, order):
            put(M, HEAD_KNOWN, source, 1)  # an order that is begun stays the next
    return p


@inner
def next_number(M: Ints, X: Floats, source: int) -> int:
    """Return the number of the part that would enter next."""
    p = get(M, SOURCE_HEAD, source)
    return get(M, PART_ID, p) if p >= 0 else first_number(source) + get(M, SOURCE_CREATED, source)


@inner
def waits_since_s(M: Ints, X: Floats, source: int) -> float:
    """Return the moment since which the part that would enter next waits, s."""
    if get(M, SOURCE_HEAD, source) >= 0:
        return real(M, X, PART_CREATED_S, get(M, SOURCE_HEAD, source))
    return real(M, X, SOURCE_SINCE_S, source)
