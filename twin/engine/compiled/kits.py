"""Components that go into parts: what ``reference.places`` does with them."""

from __future__ import annotations

from twin.engine.compiled.log import note
from twin.engine.compiled.looks import takes, tell
from twin.engine.compiled.memory import add, get, moment, put, real
from twin.engine.compiled.parts import leave_buffer, taken_out
from twin.engine.compiled.people import ask
from twin.engine.compiled.tables import (
    BUFFER_HEAD,
    COMPONENT_COUNT,
    COMPONENT_PRODUCT,
    COMPONENT_STOCK,
    FIRST_COMPONENT,
    FIRST_SERVER,
    LACKING,
    LACKING_COUNT,
    NOW,
    PART_CONSUMED,
    PART_ENTERED_S,
    PART_ID,
    PART_KITTED,
    PART_NEXT,
    PART_PRODUCT,
    PART_ROW,
    PART_STATUS,
    PART_STEP,
    SERVER_PART,
    STATION_ELEMENT,
    STATION_MANNED,
    TRANSIT_S,
    WAITING,
    Floats,
    Ints,
)
from twin.engine.jit import inner, outlined


@outlined
def supply(M: Ints, X: Floats, s: int) -> bool:
    """Take components for parts that wait for them, all of a part at once; tell if any came."""
    if not takes(M, s):
        return False
    moved, at, first = False, 0, get(M, FIRST_SERVER, s)
    while at < get(M, LACKING_COUNT, s):
        v = get(M, LACKING, first + at)
        p = get(M, SERVER_PART, v)
        if not _all_there(M, X, get(M, PART_ROW, p)):
            at += 1
            continue
        _consume(M, X, p, s)
        put(M, PART_KITTED, p, 1)
        for i in range(at, get(M, LACKING_COUNT, s) - 1):
            put(M, LACKING, first + i, get(M, LACKING, first + i + 1))
        add(M, LACKING_COUNT, s, -1)
        if get(M, STATION_MANNED, s):
            ask(M, v)
        tell(M, X, v)
        moved = True
    return moved


@inner
def _is_there(M: Ints, X: Floats, p: int, product: int, b: int) -> bool:
    """Tell whether a part in a stock is of a product, and at the end."""
    return (
        get(M, PART_PRODUCT, p) == product
        and get(M, PART_STATUS, p) == WAITING
        and real(M, X, PART_ENTERED_S, p) + real(M, X, TRANSIT_S, b) <= moment(M, X, NOW)
    )


@inner
def _all_there(M: Ints, X: Floats, step: int) -> bool:
    """Tell whether the stocks have all components of one part."""
    for i in range(get(M, FIRST_COMPONENT, step), get(M, FIRST_COMPONENT, step + 1)):
        product, b = get(M, COMPONENT_PRODUCT, i), get(M, COMPONENT_STOCK, i)
        missing, p = get(M, COMPONENT_COUNT, i), get(M, BUFFER_HEAD, b)
        while p >= 0 and missing > 0:
            missing -= _is_there(M, X, p, product, b)
            p = get(M, PART_NEXT, p)
        if missing > 0:
            return False
    return True


@inner
def _consume(M: Ints, X: Floats, whole_part: int, s: int) -> None:
    """Let the components that came first go into a part."""
    step, number = get(M, PART_ROW, whole_part), float(get(M, PART_ID, whole_part))
    element, place = get(M, STATION_ELEMENT, s), get(M, PART_STEP, whole_part)
    for i in range(get(M, FIRST_COMPONENT, step), get(M, FIRST_COMPONENT, step + 1)):
        product, b = get(M, COMPONENT_PRODUCT, i), get(M, COMPONENT_STOCK, i)
        missing, p = get(M, COMPONENT_COUNT, i), get(M, BUFFER_HEAD, b)
        while missing > 0:
            after = get(M, PART_NEXT, p)
            if _is_there(M, X, p, product, b):
                leave_buffer(M, X, p, b)
                note(M, X, PART_CONSUMED, element, get(M, PART_ID, p), place, number)
                taken_out(M, X, p, True)
                missing -= 1
            p = after
