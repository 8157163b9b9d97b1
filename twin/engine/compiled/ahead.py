"""Numbers for the work of the parts that come next, drawn several at once.

A number belongs to a part and its visit, whenever it is drawn. Parts mostly come to a station one
after the other, and several numbers at once are little more work than one.
"""

from __future__ import annotations

from twin.engine.bits import unsigned
from twin.engine.compiled.memory import (
    get,
    put,
    put_real,
    real,
    reals,
    start,
    whole,
)
from twin.engine.compiled.tables import (
    AHEAD,
    AHEAD_FROM,
    AHEAD_KIND,
    AHEAD_TO,
    ANTITHETIC,
    CODE,
    FIRST_PARAMETER,
    PARAMETERS,
    REPLICATION,
    STATION_WORK,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import chance
from twin.engine.elementary import log
from twin.engine.jit import inlined, outlined
from twin.engine.streams import EXPONENTIAL, quantile_at, uniform

BLOCK = 8
"""Numbers that are drawn at once; those of one station stand side by side."""


@inlined
def work_s(M: Ints, X: Floats, s: int, distribution: int, number: int, visit: int) -> float:
    """Return the processing time of a part at a station, s, as ``timers.draw`` does.

    What is ready is a number, or, for an exponential time, its logarithm already.
    """
    exponential = get(M, CODE, distribution) == EXPONENTIAL
    kind = 2 * visit + exponential
    valid = get(M, AHEAD_FROM, s) <= number < get(M, AHEAD_TO, s)
    if not (valid and get(M, AHEAD_KIND, s) == kind):
        _ahead(M, X, s, number, kind)
    u = real(M, X, AHEAD, (s + 1) * BLOCK + number - get(M, AHEAD_TO, s))
    begin, table = start(M, PARAMETERS), reals(M, X)
    first = begin + get(M, FIRST_PARAMETER, distribution)
    if exponential:
        return -table[first] * u
    last = begin + get(M, FIRST_PARAMETER, distribution + 1)
    return quantile_at(get(M, CODE, distribution), table, first, last, u)


@outlined
def _ahead(M: Ints, X: Floats, s: int, number: int, kind: int) -> None:
    """Draw for a part, and for those after it if the one before it came."""
    follows = get(M, AHEAD_TO, s) == number and get(M, AHEAD_KIND, s) == kind
    put(M, AHEAD_FROM, s, number)
    put(M, AHEAD_KIND, s, kind)
    if follows:
        put(M, AHEAD_TO, s, number + BLOCK)
        _draw(M, X, s, number, kind)
    else:  # alone, in the last place
        put(M, AHEAD_TO, s, number + 1)
        u = chance(M, get(M, STATION_WORK, s), number, kind >> 1)
        put_real(M, X, AHEAD, s * BLOCK + BLOCK - 1, log(1.0 - u) if kind & 1 else u)


@inlined
def _draw(M: Ints, X: Floats, s: int, number: int, kind: int) -> None:
    """Draw a block of numbers."""
    key, replication, to = unsigned(get(M, STATION_WORK, s)), whole(M, REPLICATION), s * BLOCK
    for i in range(BLOCK):
        put_real(M, X, AHEAD, to + i, uniform(key, replication, number + i, kind >> 1))
    if whole(M, ANTITHETIC):
        for i in range(BLOCK):
            put_real(M, X, AHEAD, to + i, 1.0 - real(M, X, AHEAD, to + i))
    if kind & 1:
        for i in range(BLOCK):
            put_real(M, X, AHEAD, to + i, log(1.0 - real(M, X, AHEAD, to + i)))
