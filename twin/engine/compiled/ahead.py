"""Numbers for the work of the parts that come next, drawn several at once.

A number belongs to a part and its visit, whenever it is drawn. Parts mostly come to a station one
after the other, and several numbers at once are little more work than one.
"""

from __future__ import annotations

from twin.engine.bits import unsigned
from twin.engine.compiled.blocks import draw_block, formed, time_of
from twin.engine.compiled.memory import get, put, put_real, real, reals, start, whole
from twin.engine.compiled.tables import (
    AHEAD,
    AHEAD_FROM,
    AHEAD_KIND,
    AHEAD_TO,
    ANTITHETIC,
    CODE,
    FIRST_PARAMETER,
    FORM,
    PARAMETERS,
    REPLICATION,
    STATION_WORK,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import chance
from twin.engine.jit import inlined, outlined
from twin.engine.streams import NOTHING

BLOCK = 8
"""Numbers that are drawn at once; those of one station stand side by side."""
FORM_BITS = 2


@inlined
def work_s(M: Ints, X: Floats, s: int, distribution: int, number: int, visit: int) -> float:
    """Return the processing time of a part at a station, s, as ``timers.draw`` does."""
    begin, table, form = start(M, PARAMETERS), reals(M, X), get(M, FORM, distribution)
    first = begin + get(M, FIRST_PARAMETER, distribution)
    if form == NOTHING:
        return table[first]
    kind = (visit << FORM_BITS) + form
    valid = get(M, AHEAD_FROM, s) <= number < get(M, AHEAD_TO, s)
    if not (valid and get(M, AHEAD_KIND, s) == kind):
        _ahead(M, X, s, number, kind)
    value = real(M, X, AHEAD, (s + 1) * BLOCK + number - get(M, AHEAD_TO, s))
    last = begin + get(M, FIRST_PARAMETER, distribution + 1)
    return time_of(form, get(M, CODE, distribution), table, first, last, value)


@outlined
def _ahead(M: Ints, X: Floats, s: int, number: int, kind: int) -> None:
    """Draw for a part, and for those after it if the one before it came."""
    follows = get(M, AHEAD_TO, s) == number and get(M, AHEAD_KIND, s) == kind
    put(M, AHEAD_FROM, s, number)
    put(M, AHEAD_KIND, s, kind)
    visit, form = kind >> FORM_BITS, kind & ((1 << FORM_BITS) - 1)
    if follows:
        put(M, AHEAD_TO, s, number + BLOCK)
        draw_block(
            reals(M, X), start(M, AHEAD) + s * BLOCK, BLOCK, unsigned(get(M, STATION_WORK, s)),
            whole(M, REPLICATION), number, visit, form, whole(M, ANTITHETIC),
        )  # fmt: skip
    else:  # alone, in the last place
        put(M, AHEAD_TO, s, number + 1)
        u = chance(M, get(M, STATION_WORK, s), number, visit)
        put_real(M, X, AHEAD, s * BLOCK + BLOCK - 1, formed(form, u))
