"""Which of the parts that wait for a station it takes: what ``reference.places`` does."""

from __future__ import annotations

from twin.engine.compiled.cards import admits
from twin.engine.compiled.goals import assigned
from twin.engine.compiled.keys import goes_before, key
from twin.engine.compiled.memory import get, moment, real, whole
from twin.engine.compiled.phases import choice
from twin.engine.compiled.tables import (
    ATC,
    BUFFER_HEAD,
    BUFFERS,
    CHOICE_MEAN_S,
    FIFO,
    FIRST_RULE,
    NOW,
    PART_AT,
    PART_ENTERED_S,
    PART_NEXT,
    PART_ORDER,
    PART_PRODUCT,
    PART_ROW,
    PART_STATUS,
    STATION_INPUT,
    STATION_PICKY,
    STATION_RULE,
    TRANSIT_S,
    WAITING,
    Floats,
    Ints,
)
from twin.engine.jit import inner, outlined


@outlined
def choose(M: Ints, X: Floats, s: int, b: int) -> int:
    """Return the part in a buffer that a station takes by its rule, or -1."""
    best, best_key, best_row, best_position = (-1, 0.0, -1, -1)
    rule, several = (get(M, STATION_RULE, s), get(M, FIRST_RULE, s + 1) > get(M, FIRST_RULE, s) + 1)
    mean_s = mean_time_s(M, X, s, b) if rule == ATC or several else 0.0
    p, position = (get(M, BUFFER_HEAD, b), 0)
    while p >= 0:
        row = choice_here(M, X, s, p)
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
def choice_here(M: Ints, X: Floats, s: int, p: int) -> int:
    """Return the row of choices by which a station does what a part waits for, or -1."""
    if get(M, STATION_PICKY, s) and not _may_go(M, X, s, p):
        return -1
    given = assigned(M, X, get(M, PART_ORDER, p), get(M, PART_ROW, p))
    # What waits where the station that is given does not take from stays for who is there.
    if given >= 0 and given != s and get(M, STATION_INPUT, given) == get(M, PART_AT, p):
        return -1
    return choice(M, X, get(M, PART_ROW, p), s)


@inner
def _may_go(M: Ints, X: Floats, s: int, p: int) -> bool:
    """Tell whether a part is at the end of its buffer, waits there, and has its cards."""
    b = get(M, PART_AT, p)
    return (
        get(M, PART_STATUS, p) == WAITING
        and real(M, X, PART_ENTERED_S, p) + real(M, X, TRANSIT_S, b) <= moment(M, X, NOW)
        and admits(M, X, get(M, PART_PRODUCT, p), b, whole(M, BUFFERS) + s)
    )


@inner
def mean_time_s(M: Ints, X: Floats, s: int, b: int) -> float:
    """Return the mean expected time of the parts in a buffer that wait for a station, s."""
    total_s, count, p = (0.0, 0, get(M, BUFFER_HEAD, b))
    while p >= 0:
        row = choice_here(M, X, s, p)
        if row >= 0:
            total_s += real(M, X, CHOICE_MEAN_S, row)
            count += 1
        p = get(M, PART_NEXT, p)
    return total_s / count if count > 0 else 0.0
