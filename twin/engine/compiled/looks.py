"""Who looks next: servers that were told, and places of the next pass of a settle."""

from __future__ import annotations

from twin.engine.compiled.memory import add_whole, get, put, whole
from twin.engine.compiled.tables import (
    LOOK,
    LOOK_BITS,
    LOOK_WORDS,
    N_WAKES,
    SENDERS,
    SERVER_TOLD,
    SOURCES,
    STATIONS,
    TAKERS,
    WAKES,
    Floats,
    Ints,
)
from twin.engine.jit import inner


@inner
def tell(M: Ints, X: Floats, v: int) -> None:
    """Let a server look again, once, in the order of being told."""
    if not get(M, SERVER_TOLD, v):
        put(M, SERVER_TOLD, v, 1)
        put(M, WAKES, whole(M, N_WAKES), v)
        add_whole(M, N_WAKES, 1)


@inner
def look_at(M: Ints, place: int) -> None:
    """Let the next pass visit one station or source, by its place in a pass."""
    word = place // LOOK_BITS
    put(M, LOOK, word, get(M, LOOK, word) | (1 << (place - word * LOOK_BITS)))


@inner
def look_at_station(M: Ints, s: int) -> None:
    """Let the next pass visit a station."""
    look_at(M, whole(M, STATIONS) - 1 - s)


@inner
def look_everywhere(M: Ints) -> None:
    """Let the next pass visit everything: one who waited longest may have gone elsewhere."""
    words, places = whole(M, LOOK_WORDS), whole(M, STATIONS) + whole(M, SOURCES)
    for word in range(words):
        rest = places - word * LOOK_BITS
        put(M, LOOK, word, (1 << min(rest, LOOK_BITS)) - 1)


@inner
def room_at(M: Ints, entrance: int) -> None:
    """Let the next pass visit whoever sends to an entrance that may have room now."""
    words = whole(M, LOOK_WORDS)
    for word in range(words):
        put(M, LOOK, word, get(M, LOOK, word) | get(M, SENDERS, entrance * words + word))


@inner
def part_at(M: Ints, buffer: int) -> None:
    """Let the next pass visit whoever takes from a buffer that has one part more."""
    words = whole(M, LOOK_WORDS)
    for word in range(words):
        put(M, LOOK, word, get(M, LOOK, word) | get(M, TAKERS, buffer * words + word))
