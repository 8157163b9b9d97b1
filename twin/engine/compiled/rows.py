"""What ``maxplus`` reads and writes: its arrays, and the numbers drawn for it.

``row`` holds a record of whole numbers for each station, then one for each product at each station,
then one for each level of wear. ``table`` holds the parameters of all distributions and behind them
what else is real and never changes. ``state`` holds what changes, by station.
"""

from __future__ import annotations

from twin.engine.bits import unsigned
from twin.engine.compiled.blocks import draw_block, formed, time_of
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import inlined, inner
from twin.engine.streams import EXPONENTIAL, NOTHING, SHARE, quantile_at, uniform

BLOCK = 32
"""Parts whose times are drawn at once."""

# Columns of a distribution, wherever one stands.
CODE, FIRST, LAST = range(3)
# Columns of ``row``, for each station.
(KEY, FORM, FAILS, LIFE_KEY, LIFE, _, _, REPAIR_KEY, REPAIR, _, _, ROOM, RING, AT, COUNT, SETUP,
 GROUP, SCRAP, QUALITY_KEY, BAD, WEARS, LEVEL_ROW, LEVEL_S, LEVEL, STEPS, MENDED, WEAR_KEY, MENDS,
 SLOW, INTS) = range(30)  # fmt: skip
"""``ROOM``: places in the buffer before it; 0: none, -1: without limit. ``RING``: first of its
places in ``ring``: when the last parts left that buffer; ``AT``: the next of them. ``SETUP``,
``SCRAP``, ``WEARS``: where in ``table`` the times between groups, the shares of the products and
the factors of the levels begin; -1: none. ``LEVEL_ROW``, ``LEVEL_S``: where in ``row`` and
``state`` its levels begin. ``SLOW``: there is more to it than work."""
BY_AGE, BY_CALENDAR = 1, 2
"""``FAILS``: whether it has a failure mode, and by which clock."""
# Columns of ``row``, for each product at each station, behind the distribution of its work.
PIECE_FORM, PIECE_GROUP, PROCESSED, PIECE_INTS = range(3, 7)
# Columns of ``row``, for each level of wear, behind the distribution of the use up to the next.
LEVEL_LASTS, LEVEL_INTS = range(3, 5)
# Columns of ``table``, for each level of a station's wear.
FAILURE_FACTOR, TIME_FACTOR, LEVEL_REALS = range(3)
# Columns of ``state``, for each station.
(LEFT_S, READY_S, LIFE_S, AGED_S, PROCESSING_S, BLOCKED_S, FAILED_S, CONTENT_AREA, SETUP_S, WEAR_S,
 USED_S, RATE, WORN_S, REALS) = range(14)  # fmt: skip
"""When the part before left; from when on no failure is in force; age at the next failure and age
reached, or the moment of the next failure by calendar; then what is counted; then use up to the
next level of wear, use so far, how fast it ages and since when it is at its level. Behind all
stations: time at each level, s."""
# ``told``: what is counted of the whole line. ``ENDLESS``: time did not go on.
CREATED, FINISHED, SCRAPPED, FLOW_TOTAL, WIP_AREA, ENDLESS, MADE = range(7)
"""From ``MADE`` on: parts finished, by product."""
# ``run``: replication, 1 - u or u; how many there are; how parts come; whether the last was lost.
(REPLICATION, ANTITHETIC, STATIONS, PRODUCTS, GROUPS, FIRST_SHARE, LAST_SHARE, PRODUCT_KEY,
 ARRIVAL_KEY, ARRIVAL, _, _, LOST, WHICH) = range(14)  # fmt: skip
"""``FIRST_SHARE``: where in ``table`` the shares of the products begin, added up. ``ARRIVAL``: code
of the time between arrivals; -1: there is always a part. ``WHICH``: products of the parts of a
block, then those that the source makes in the order of their shares."""
# ``span``: begin, observed from, end.
BEGIN, FROM, UNTIL = range(3)


@inlined
def observed(begin_s: float, end_s: float, span: Floats) -> float:
    """Return how much of a stretch of time is observed, s."""
    begin_s = span[FROM] if begin_s < span[FROM] else begin_s  # noqa: FURB136 - quicker than max
    end_s = span[UNTIL] if end_s > span[UNTIL] else end_s  # noqa: FURB136
    return end_s - begin_s if end_s > begin_s else 0.0


@inlined
def piece(run: Ints, i: int, product: int) -> int:
    """Return where the record of a product at a station begins in ``row``."""
    return run[STATIONS] * INTS + (i * run[PRODUCTS] + product) * PIECE_INTS


@inner
def share(run: Ints, key: int, a: int, b: int) -> float:
    """Return the uniform number that belongs to index (a, b)."""
    u = uniform(unsigned(key), run[REPLICATION], a, b)
    return 1.0 - u if run[ANTITHETIC] else u


@inner
def draw(run: Ints, row: Ints, table: Floats, key: int, distribution: int, a: int, b: int) -> float:
    """Return the time that belongs to index (a, b), s; ``distribution``: its place in ``row``."""
    first, last = row[distribution + FIRST], row[distribution + LAST]
    return quantile_at(row[distribution + CODE], table, first, last, share(run, key, a, b))


@inner
def draw_products(run: Ints, table: Floats, k: int) -> None:
    """Draw the products of the next parts."""
    first, last = run[FIRST_SHARE], run[LAST_SHARE]
    for j in range(BLOCK):
        u, at = share(run, run[PRODUCT_KEY], k + j, 0) * table[last], first
        while at < last and table[at] < u:
            at += 1
        run[WHICH + j] = run[WHICH + BLOCK + at - first]


@inner
def draw_works(run: Ints, row: Ints, table: Floats, times: Floats, i: int, k: int) -> None:
    """Draw the working times of the next parts at a station: first all numbers, then all times."""
    to, form, one = i * BLOCK, row[i * INTS + FORM], piece(run, i, 0)
    if form != NOTHING:
        key = unsigned(row[i * INTS + KEY])
        draw_block(times, to, BLOCK, key, run[REPLICATION], k, i, form, run[ANTITHETIC])
    if run[PRODUCTS] > 1:
        for j in range(BLOCK):
            of = piece(run, i, run[WHICH + j])
            own, value = row[of + PIECE_FORM], times[to + j]
            value = formed(own, value) if form == SHARE and own != SHARE else value
            first, last = row[of + FIRST], row[of + LAST]
            times[to + j] = time_of(own, row[of + CODE], table, first, last, value)
    elif row[one + CODE] == EXPONENTIAL:
        scale_s = -table[row[one + FIRST]]
        for j in range(to, to + BLOCK):
            times[j] = scale_s * times[j]
    else:
        first, last = row[one + FIRST], row[one + LAST]
        for j in range(to, to + BLOCK):
            times[j] = time_of(form, row[one + CODE], table, first, last, times[j])


@inner
def draw_arrivals(run: Ints, table: Floats, times: Floats, k: int) -> None:
    """Draw the times between the next arrivals; they stand behind those of the stations."""
    first, last, to = run[ARRIVAL + FIRST], run[ARRIVAL + LAST], run[STATIONS] * BLOCK
    for j in range(BLOCK):
        u = share(run, run[ARRIVAL_KEY], k + j, 0)
        times[to + j] = quantile_at(run[ARRIVAL + CODE], table, first, last, u)
