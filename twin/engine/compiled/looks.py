"""Who looks next: servers that were told, and places of the next pass of a settle."""

from __future__ import annotations

from twin.engine.compiled.memory import add_whole, get, put, whole
from twin.engine.compiled.tables import (
    DONE_COUNT,
    FIRST_SENDER,
    FIRST_SOURCE,
    FIRST_TAKER,
    GROUPED,
    LACKING_COUNT,
    LOOK,
    LOOK_ANY,
    LOOK_BITS,
    LOOK_WORDS,
    N_WAKES,
    SENDER,
    SERVER_TOLD,
    SOURCES,
    STATION_CLOSES,
    STATION_FREE,
    STATION_ON,
    STATION_STOPS,
    STATIONS,
    TAKER,
    WAKES,
    Floats,
    Ints,
)
from twin.engine.jit import aside, inlined, outlined


@inlined
def tell(M: Ints, X: Floats, v: int) -> None:
    """Let a server look again, once, in the order of being told."""
    if not get(M, SERVER_TOLD, v):
        put(M, SERVER_TOLD, v, 1)
        put(M, WAKES, whole(M, N_WAKES), v)
        add_whole(M, N_WAKES, 1)


@inlined
def look_at(M: Ints, place: int) -> None:
    """Let the next pass visit one station or source, by its place in a pass."""
    if place < LOOK_BITS:
        put(M, LOOK, 0, get(M, LOOK, 0) | (1 << place))
    else:
        _look_far(M, place)


@outlined
def _look_far(M: Ints, place: int) -> None:
    word = place // LOOK_BITS
    put(M, LOOK, word, get(M, LOOK, word) | (1 << (place - word * LOOK_BITS)))
    part = word // LOOK_BITS
    put(M, LOOK_ANY, part, get(M, LOOK_ANY, part) | (1 << (word - part * LOOK_BITS)))


@inlined
def look_at_station(M: Ints, s: int) -> None:
    """Let the next pass visit a station."""
    look_at(M, whole(M, STATIONS) - 1 - s)


@aside
def look_everywhere(M: Ints) -> None:
    """Let the next pass visit everything."""
    words, places = whole(M, LOOK_WORDS), whole(M, FIRST_SOURCE) + whole(M, SOURCES)
    for word in range(words):
        rest = places - word * LOOK_BITS
        put(M, LOOK, word, (1 << min(rest, LOOK_BITS)) - 1)
    for part in range((words + LOOK_BITS - 1) // LOOK_BITS):
        rest = words - part * LOOK_BITS
        put(M, LOOK_ANY, part, (1 << min(rest, LOOK_BITS)) - 1)


@inlined
def takes(M: Ints, s: int) -> bool:
    """Tell whether a station takes what it has a free server for."""
    closed = get(M, STATION_CLOSES, s) and get(M, STATION_STOPS, s)
    return bool(get(M, STATION_ON, s)) and not closed


@inlined
def is_shut(M: Ints, s: int) -> bool:
    """Tell whether nothing leaves a station: it is down, and closed then."""
    if not get(M, STATION_CLOSES, s):
        return False
    return bool(get(M, STATION_STOPS, s)) or not get(M, STATION_ON, s)


@inlined
def door_moved(M: Ints, s: int) -> None:
    """Look everywhere where a station that closes while it is down went down or came back.

    What waits inside may go, or lets those go who waited behind it.
    """
    if get(M, STATION_CLOSES, s):
        look_everywhere(M)


@inlined
def room_at(M: Ints, entrance: int) -> None:
    """Let the next pass visit whoever has something for an entrance that may have room now."""
    stations = whole(M, STATIONS)
    for i in range(get(M, FIRST_SENDER, entrance), get(M, FIRST_SENDER, entrance + 1)):
        place = get(M, SENDER, i)
        if place >= stations or get(M, DONE_COUNT, stations - 1 - place):
            look_at(M, place)


@inlined
def part_at(M: Ints, buffer: int) -> None:
    """Let the next pass visit whoever can take from a buffer that has one part more."""
    for i in range(get(M, FIRST_TAKER, buffer), get(M, FIRST_TAKER, buffer + 1)):
        s = get(M, TAKER, i)
        # A station with no free server may still lack components.
        lacks = whole(M, GROUPED) != 0 and get(M, LACKING_COUNT, s) > 0
        if get(M, STATION_ON, s) and (get(M, STATION_FREE, s) > 0 or lacks):
            look_at_station(M, s)
