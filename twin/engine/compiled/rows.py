"""What ``maxplus`` reads and writes: its arrays, and the numbers drawn for it.

A *strand* is a source and the stations in a row behind it; the first one leads out of the line,
each other one to a stock of components. Its *places* are those stations and an end: that stock, or
nothing. Each strand, with its places, stands before those that supply it. Behind all of them stand
*rides*, where vehicles bring parts from a station to the place behind it.

``run`` holds what there is one of, then a record for each strand. ``row`` holds a record of whole
numbers for each place, then one for each product at each place, then one for each level of wear,
then the components of each product. ``table`` holds the parameters of all distributions and behind
them what else is real and never changes. ``state`` holds what changes, by place.
"""

from __future__ import annotations

import math

from twin.engine.bits import unsigned
from twin.engine.compiled.blocks import draw_block, formed, time_of
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import inlined, inner
from twin.engine.streams import EXPONENTIAL, NOTHING, SHARE, quantile_at, uniform

BLOCK = 32
"""Parts whose times are drawn at once."""

# Columns of a distribution, wherever one stands.
CODE, FIRST, LAST = range(3)
# Columns of ``row``, for each place.
(ROOM, RING, AT, SLOW, KEY, FORM, VISIT, FAILS, LIFE_KEY, LIFE, _, _, REPAIR_KEY, REPAIR, _, _,
 SIZE, STOCKED, TAKEN, COUNT, SETUP, GROUP, SCRAP, QUALITY_KEY, BAD, WEARS, LEVEL_ROW, LEVEL_S,
 LEVEL, STEPS, MENDED, WEAR_KEY, MENDS, KITS, RIDE, INTS) = range(36)  # fmt: skip
"""``ROOM``: places in the buffer before it, or in the stock; 0: none, -1: without limit. ``RING``:
first of its places in ``ring``: when the last parts left that buffer; ``AT``: the next of them.
``SLOW``: there is more to it than work. Of a stock, ``ring`` tells when the components there came,
or when those that were taken left; ``SIZE``: how many places that are, ``STOCKED``: components
there, ``TAKEN``: place of the next that goes. ``SETUP``, ``SCRAP``, ``WEARS``: where in ``table``
the times between groups, the shares of the products and the factors of the levels begin; -1: none.
``LEVEL_ROW``, ``LEVEL_S``: where in ``row`` and ``state`` its levels begin. ``KITS``: whether parts
wait for components there; ``RIDE``: that by which parts leave it; 0: none."""
# The same columns, of a ride.
LOAD_KEY, LOAD, UNLOAD_KEY, UNLOAD, RIDES, WAYS = LIFE_KEY, LIFE, REPAIR_KEY, REPAIR, COUNT, SETUP
"""``RIDES``: how many have begun. ``WAYS``: where in ``table`` its times begin. ``SIZE``: vehicles;
``ring`` tells when they are free, the next one at ``AT``."""
BY_AGE, BY_CALENDAR = 1, 2
"""``FAILS``: whether it has a failure mode, and by which clock."""
# Columns of ``row``, for each product at each place, behind the distribution of its work.
PIECE_FORM, PIECE_GROUP, PROCESSED, FIRST_KIT, LAST_KIT, PIECE_INTS = range(3, 9)
"""Where in ``row`` its components there begin and end; at the end of a strand: all of its way."""
# Columns of ``row``, for each level of wear, behind the distribution of the use up to the next.
LEVEL_LASTS, LEVEL_INTS = range(3, 5)
# Columns of ``row``, for each kind of component of a product: place, number, strand of the stock.
KIT_STOCK, KIT_COUNT, KIT_STRAND, KIT_INTS = range(4)
# Columns of ``table``, for each ride: driving from home and from the goal to the part, and with it.
FROM_HOME, FROM_GOAL, WITH_PART, WAY_REALS = range(4)
# Columns of ``table``, for each level of a station's wear.
FAILURE_FACTOR, TIME_FACTOR, LEVEL_REALS = range(3)
# Columns of ``state``, for each place.
(LEFT_S, CONTENT_AREA, PROCESSING_S, BLOCKED_S, READY_S, LIFE_S, AGED_S, FAILED_S, SETUP_S, WEAR_S,
 USED_S, RATE, WORN_S, REALS) = range(14)  # fmt: skip
"""When the part before left; from when on no failure is in force; age at the next failure and age
reached, or the moment of the next failure by calendar; then what is counted; then use up to the
next level of wear, use so far, how fast it ages and since when it is at its level. Behind all
places: time at each level, s."""
MADE_S = LEFT_S
"""Of the end of a strand: when its source made the last part, s."""
EMPTY_S, LOADING_S, LOADED_S, UNLOADING_S = PROCESSING_S, SETUP_S, BLOCKED_S, FAILED_S
WAIT_S, TRIPS = CONTENT_AREA, AGED_S
"""Of a ride: vehicle-seconds, part-seconds of waiting for a vehicle, parts brought. ``LEFT_S``:
when the last part was put down."""
# ``told``: what is counted of the whole line. ``ENDLESS``: time did not go on.
CREATED, FINISHED, SCRAPPED, FLOW_TOTAL, WIP_AREA, ENDLESS, MADE = range(7)
"""From ``MADE`` on: parts finished, by product."""
# ``run``: replication, 1 - u or u; how many there are; whether the last part was lost.
REPLICATION, ANTITHETIC, PLACES, PRODUCTS, GROUPS, LOST, STRANDS, STRAND = range(8)
# Columns of ``run``, for each strand.
(BEGINS, ENDS, NUMBER, PARTS, DRAWN, STILL, IS_OVER, IS_LAST, ASSEMBLES, RIDES_ON, KINDS, MAKES,
 FIRST_SHARE, LAST_SHARE, PRODUCT_KEY, ARRIVAL_KEY, ARRIVAL, _, _, WHICH) = range(20)  # fmt: skip
"""Its first place and its end; number of its first part; parts made and drawn, how many came at one
moment; whether its source makes no more, whether nobody takes its components any more; whether
parts need components, or vehicles; how many products it makes, and where in ``run`` they stand, in
the order of their shares, which stand in ``table``, added up. ``ARRIVAL``: code of the time between
arrivals; -1: there is always a part. ``WHICH``: products of the parts of a block."""
STRAND_INTS = WHICH + BLOCK
# ``span``: begin, observed from, end.
BEGIN, FROM, UNTIL = range(3)


@inlined
def observed(begin_s: float, end_s: float, span: Floats) -> float:
    """Return how much of a stretch of time is observed, s."""
    begin_s = span[FROM] if begin_s < span[FROM] else begin_s  # noqa: FURB136 - quicker than max
    end_s = span[UNTIL] if end_s > span[UNTIL] else end_s  # noqa: FURB136
    return end_s - begin_s if end_s > begin_s else 0.0


@inlined
def room_s(row: Ints, state: Floats, ring: Floats, i: int) -> float:
    """Return when there is room before a station, s: in its buffer, or in itself; or in a stock."""
    at = i * INTS
    if row[at + ROOM] > 0:
        return ring[row[at + RING] + row[at + AT]]
    return state[i * REALS + LEFT_S] if row[at + ROOM] == 0 else -math.inf


@inlined
def piece(run: Ints, i: int, product: int) -> int:
    """Return where the record of a product at a place begins in ``row``."""
    return run[PLACES] * INTS + (i * run[PRODUCTS] + product) * PIECE_INTS


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
def draw_products(run: Ints, table: Floats, strand: int, k: int) -> None:
    """Draw the products of the next parts."""
    first, last, to = run[strand + FIRST_SHARE], run[strand + LAST_SHARE], strand + WHICH
    for j in range(BLOCK):
        u, at = share(run, run[strand + PRODUCT_KEY], k + j, 0) * table[last], first
        while at < last and table[at] < u:
            at += 1
        run[to + j] = run[run[strand + MAKES] + at - first]


@inner
def draw_works(
    run: Ints, row: Ints, table: Floats, times: Floats, strand: int, i: int, k: int
) -> None:
    """Draw the working times of the next parts at a station: first all numbers, then all times."""
    to, at, which = i * BLOCK, i * INTS, strand + WHICH
    form, one = row[at + FORM], piece(run, i, run[which])
    if form != NOTHING:
        key, a, b = unsigned(row[at + KEY]), run[strand + NUMBER] + k, row[at + VISIT]
        draw_block(times, to, BLOCK, key, run[REPLICATION], a, b, form, run[ANTITHETIC])
    if run[strand + KINDS] > 1:
        for j in range(BLOCK):
            of = piece(run, i, run[which + j])
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
def draw_arrivals(run: Ints, table: Floats, times: Floats, strand: int, k: int) -> None:
    """Draw the times between the next arrivals; they stand at the end of the strand."""
    at, to = strand + ARRIVAL, run[strand + ENDS] * BLOCK
    code, first, last = run[at + CODE], run[at + FIRST], run[at + LAST]
    for j in range(BLOCK):
        u = share(run, run[strand + ARRIVAL_KEY], k + j, 0)
        times[to + j] = quantile_at(code, table, first, last, u)
