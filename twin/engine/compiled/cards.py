"""The kernel's loops of cards: what ``reference.cards`` does."""

from __future__ import annotations

from twin.engine.compiled.looks import look_at
from twin.engine.compiled.memory import add, get, whole
from twin.engine.compiled.tables import (
    BATCHES,
    CARD,
    FIRST_CARD,
    FIRST_LOOKER,
    FIRST_RIVAL,
    LOOKER,
    LOOP_FREE,
    LOOPS,
    PART_AT,
    PART_PRODUCT,
    PRODUCTS,
    RIVAL,
    Floats,
    Ints,
)
from twin.engine.jit import aside, inlined, inner, outlined


@inner
def _covers(M: Ints, X: Floats, loop: int, product: int, entrance: int) -> bool:
    """Tell whether a part of a product holds a card of a loop at a place; at no source it does."""
    if entrance < 0:
        return False
    row = entrance * whole(M, PRODUCTS) + product
    for i in range(get(M, FIRST_CARD, row), get(M, FIRST_CARD, row + 1)):
        if get(M, CARD, i) == loop:
            return True
    return False


@inlined
def admits(M: Ints, X: Floats, product: int, origin: int, goal: int) -> bool:
    """Tell whether there are cards for a part to go from one place, or a source, to another."""
    return whole(M, LOOPS) == 0 or _admits(M, X, product, origin, goal)


@outlined
def _admits(M: Ints, X: Floats, product: int, origin: int, goal: int) -> bool:
    row = goal * whole(M, PRODUCTS) + product
    for i in range(get(M, FIRST_CARD, row), get(M, FIRST_CARD, row + 1)):
        loop = get(M, CARD, i)
        if get(M, LOOP_FREE, loop) <= 0 and not _covers(M, X, loop, product, origin):
            return False
    return True


@inner
def asks_for(M: Ints, X: Floats, loop: int, product: int, origin: int, goal: int) -> bool:
    """Tell whether a part needs a card of a loop to go from one place to another."""
    return _covers(M, X, loop, product, goal) and not _covers(M, X, loop, product, origin)


@outlined
def carry(M: Ints, X: Floats, p: int, goal: int) -> None:
    """Let a part give back and take the cards that it does between where it is and a goal.

    A goal below zero is outside of every loop. Who may go now that could not looks again.
    """
    product, origin = (get(M, PART_PRODUCT, p), get(M, PART_AT, p))
    if origin >= 0:
        row = origin * whole(M, PRODUCTS) + product
        for i in range(get(M, FIRST_CARD, row), get(M, FIRST_CARD, row + 1)):
            loop = get(M, CARD, i)
            if not _covers(M, X, loop, product, goal):
                add(M, LOOP_FREE, loop, 1)
                if get(M, LOOP_FREE, loop) == 1 or whole(M, BATCHES):
                    for k in range(get(M, FIRST_LOOKER, loop), get(M, FIRST_LOOKER, loop + 1)):
                        look_at(M, get(M, LOOKER, k))
    if goal >= 0:
        row = goal * whole(M, PRODUCTS) + product
        for i in range(get(M, FIRST_CARD, row), get(M, FIRST_CARD, row + 1)):
            loop = get(M, CARD, i)
            if not _covers(M, X, loop, product, origin):
                take(M, X, loop)


@inner
def take(M: Ints, X: Floats, loop: int) -> None:
    """Take a card; who has waited behind one that has none now looks again."""
    add(M, LOOP_FREE, loop, -1)
    if get(M, LOOP_FREE, loop) == 0:
        for k in range(get(M, FIRST_RIVAL, loop), get(M, FIRST_RIVAL, loop + 1)):
            look_at(M, get(M, RIVAL, k))


@aside
def reserve(M: Ints, X: Floats, product: int, origin: int, goal: int, change: int) -> None:
    """Take the cards of a goal for a part on its way there, or give them back."""
    row = goal * whole(M, PRODUCTS) + product
    for i in range(get(M, FIRST_CARD, row), get(M, FIRST_CARD, row + 1)):
        if not _covers(M, X, get(M, CARD, i), product, origin):
            add(M, LOOP_FREE, get(M, CARD, i), change)


@aside
def take_at(M: Ints, X: Floats, p: int) -> None:
    """Let a new part take the cards of where it stands, without asking."""
    if get(M, PART_AT, p) >= 0:
        row = get(M, PART_AT, p) * whole(M, PRODUCTS) + get(M, PART_PRODUCT, p)
        for i in range(get(M, FIRST_CARD, row), get(M, FIRST_CARD, row + 1)):
            take(M, X, get(M, CARD, i))
