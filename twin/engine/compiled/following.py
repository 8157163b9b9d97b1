"""What is known of parts wherever they go: cards, waits for vehicles, longest waits."""

from __future__ import annotations

import math

from twin.engine.compiled.cards import carry
from twin.engine.compiled.carriers import waited
from twin.engine.compiled.memory import real, whole
from twin.engine.compiled.tables import (
    BUFFERS,
    FOLLOWED,
    LIMITED,
    LOOPS,
    PART_ASKED_S,
    POOLS,
    Floats,
    Ints,
)
from twin.engine.compiled.waits import unwatch
from twin.engine.jit import inlined, outlined


@inlined
def follow(M: Ints, X: Floats, p: int, goal: int) -> None:
    """Follow a part to its goal."""
    if whole(M, POOLS) and not math.isnan(real(M, X, PART_ASKED_S, p)):
        waited(M, X, p)
    if whole(M, FOLLOWED):
        _follow_far(M, X, p, goal)


@outlined
def _follow_far(M: Ints, X: Floats, p: int, goal: int) -> None:
    """Follow cards, and waits that end: a part that comes to a server waits no longer."""
    if whole(M, LOOPS):
        carry(M, X, p, goal)
    if whole(M, LIMITED) and (goal < 0 or goal >= whole(M, BUFFERS)):
        unwatch(M, X, p)
