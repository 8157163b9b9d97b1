"""Plain lines without events: when each part leaves each station, by sums and maxima alone.

In a line of single-server stations in a row with one product and blocking after service, part k
enters station i when it has left station i - 1 and part k - 1 has left station i, and leaves it when
its work is done and there is room behind. So the moments of a part follow from those of the parts
before it, and no list of events is needed. Operating-time failures fit in: they happen inside the
work. The arithmetic is that of section 7 of the semantics and the numbers drawn are the same, so
every moment is that of the other engines to the last bit; what is added up from them agrees to
1e-9, as additions come in another order.

References
----------
Baccelli, Cohen, Olsder, Quadrat (1992), Synchronization and Linearity. Wiley.
"""

from __future__ import annotations

import math

import numpy as np

from twin.engine.compiled.flows import BINS, EXACT, LOWEST, SHIFT
from twin.engine.compiled.memory import bits_of
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import compiled, inlined, inner
from twin.engine.streams import quantile_at, uniform

BLOCK = 64
"""Parts whose times are drawn at once."""

# Columns of ``ints``, one row for each station, and one more for the source.
(KEY, CODE, FIRST, LAST, FAILS, LIFE_KEY, LIFE_CODE, LIFE_FIRST, LIFE_LAST, REPAIR_KEY, REPAIR_CODE,
 REPAIR_FIRST, REPAIR_LAST, RING, ROOM, LIVES, PROCESSED) = range(17)  # fmt: skip
INTS = 17
"""Its columns: draws of work, of a failure's age and repair; first place and number of places in
``ring`` of the buffer before the station (-1: without limit, 0: no buffer); counts."""
# Columns of ``reals``.
(LEFT_S, READY_S, LIFE_S, AGED_S, PROCESSING_S, BLOCKED_S, FAILED_S, CONTENT_AREA) = range(8)
REALS = 8
# What is told of the whole line.
CREATED, FINISHED, FLOW_TOTAL, WIP_AREA = range(4)


@inlined
def _inside(begin_s: float, end_s: float, from_s: float, until_s: float) -> float:
    """Return how much of a stretch of time is observed, s."""
    begin_s = from_s if begin_s < from_s else begin_s
    end_s = until_s if end_s > until_s else end_s
    return end_s - begin_s if end_s > begin_s else 0.0


@inlined
def _number(key: int, replication: int, antithetic: bool, a: int, b: int) -> float:
    u = uniform(key, replication, a, b)
    return 1.0 - u if antithetic else u


@inner
def _draw_block(  # noqa: PLR0913 - what a draw needs
    ints: Ints, table: Floats, times: Floats, replication: int, antithetic: bool, k: int, i: int
) -> None:
    """Draw the times of the next parts at a station; a loop without branches, then the quantiles."""
    key, visit = ints[i, KEY], i
    for j in range(BLOCK):
        times[i, j] = uniform(key, replication, k + j, visit)
    if antithetic:
        for j in range(BLOCK):
            times[i, j] = 1.0 - times[i, j]
    code, first, last = ints[i, CODE], ints[i, FIRST], ints[i, LAST]
    if code == EXPONENTIAL:
        mean_s = table[first]
        for j in range(BLOCK):
            times[i, j] = -mean_s * math.log1p(-times[i, j])
    else:
        for j in range(BLOCK):
            times[i, j] = quantile_at(code, table, first, last, times[i, j])
