"""Plain lines without events: when each part leaves each station, by sums and maxima alone.

In a row of single-server stations with one order of parts and blocking after service, part k enters
station i when it has left station i - 1 and part k - 1 has left station i; it leaves when its work
is done and there is room behind, or is scrapped. So the moments of a part follow from those of the
parts before it, and no list of events is needed. What happens inside a station is in ``stretches``,
how components come to it from rows of their own in ``strands``, how vehicles take parts from it in
``rides``.
The numbers drawn are the same as elsewhere, so every moment is that of the other engines to the
last bit; what is added up from them agrees to 1e-9, as additions come in another order.

References
----------
Baccelli, Cohen, Olsder, Quadrat (1992), Synchronization and Linearity. Wiley.
"""

from __future__ import annotations

import math

from twin.engine.bits import bits_of
from twin.engine.compiled.flows import BINS, EXACT, LOWEST, SHIFT
from twin.engine.compiled.memory import address
from twin.engine.compiled.rides import boarded_s
from twin.engine.compiled.rows import (
    ARRIVAL,
    ASSEMBLES,
    AT,
    BAD,
    BEGIN,
    BEGINS,
    BLOCK,
    BLOCKED_S,
    CONTENT_AREA,
    CREATED,
    ENDLESS,
    ENDS,
    FINISHED,
    FLOW_TOTAL,
    FROM,
    INTS,
    IS_OVER,
    KITS,
    LEFT_S,
    LOST,
    MADE,
    MADE_S,
    NUMBER,
    PARTS,
    PLACES,
    PROCESSED,
    PROCESSING_S,
    QUALITY_KEY,
    READY_S,
    REALS,
    RIDE,
    RIDES_ON,
    RING,
    ROOM,
    SCRAP,
    SCRAPPED,
    SIZE,
    SLOW,
    STILL,
    STRAND,
    STRAND_INTS,
    STRANDS,
    UNTIL,
    VISIT,
    WHICH,
    WIP_AREA,
    observed,
    piece,
    room_s,
    share,
)
from twin.engine.compiled.strands import (
    kitted_s,
    leave_in_stock,
    put_in_stock,
    supplier,
    upcoming,
)
from twin.engine.compiled.stretches import begin_ageing, count_blocked, done_s, fail_until
from twin.engine.compiled.tables import MAX_ROUNDS, Floats, Ints
from twin.engine.jit import compiled, inlined, inner, outlined


@inlined
def _through(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, span: Floats, told: Floats,
    i: int, product: int, number: int, arrived_s: float, total_s: float,
) -> float:  # fmt: skip
    """Take a part through a station; return when it comes to the place behind, s."""
    at, of = i * INTS, i * REALS
    left_s = state[of + LEFT_S]
    entered_s = left_s if left_s > arrived_s else arrived_s  # noqa: FURB136 - quicker than max
    room = row[at + ROOM]
    if room > 0:
        place = row[at + AT]
        ring[row[at + RING] + place] = entered_s
        row[at + AT] = place + 1 if place + 1 < room else 0
    if row[at + SLOW]:
        return _slowly(
            run, row, table, state, ring, span, told, i, product, number, arrived_s, entered_s,
            total_s,
        )  # fmt: skip
    ended_s = entered_s + (total_s - 0.0)
    left_s = room_s(row, state, ring, i + 1)
    left_s = left_s if left_s > ended_s else ended_s  # noqa: FURB136
    state[of + LEFT_S] = left_s
    done = piece(run, i, product) + PROCESSED
    if arrived_s >= span[FROM] and left_s < span[UNTIL]:  # mostly all of it is observed
        row[done] += 1
        state[of + CONTENT_AREA] += entered_s - arrived_s
        state[of + PROCESSING_S] += ended_s - entered_s
        state[of + BLOCKED_S] += left_s - ended_s
    else:
        row[done] += span[FROM] <= ended_s < span[UNTIL]
        state[of + CONTENT_AREA] += observed(arrived_s, entered_s, span)
        state[of + PROCESSING_S] += observed(entered_s, ended_s, span)
        state[of + BLOCKED_S] += observed(ended_s, left_s, span)
    return left_s


@inner
def _slowly(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, span: Floats, told: Floats,
    i: int, product: int, number: int, arrived_s: float, entered_s: float, total_s: float,
) -> float:  # fmt: skip
    """Take a part that has entered through a station where there is more to it than work."""
    at, of, since_s = i * INTS, i * REALS, entered_s
    if row[at + KITS]:
        since_s = kitted_s(run, row, state, ring, span, told, i, product, entered_s)
    ended_s = done_s(run, row, table, state, span, i, product, since_s, total_s)
    left_s = there_s = ended_s
    if _is_scrapped(run, row, table, span, told, i, product, number, ended_s):
        run[LOST] = 1
    elif row[at + RIDE]:
        left_s = boarded_s(run, row, table, state, ring, span, i, number, ended_s)
        there_s = state[row[at + RIDE] * REALS + LEFT_S]
    else:
        left_s = there_s = max(ended_s, room_s(row, state, ring, i + 1))
    state[of + LEFT_S] = left_s
    done = piece(run, i, product) + PROCESSED
    if arrived_s >= span[FROM] and left_s < span[UNTIL]:
        row[done] += 1
        state[of + CONTENT_AREA] += entered_s - arrived_s
    else:
        row[done] += span[FROM] <= ended_s < span[UNTIL]
        state[of + CONTENT_AREA] += observed(arrived_s, entered_s, span)
    count_blocked(run, row, table, state, span, i, ended_s, left_s)
    return there_s


@inlined
def _is_scrapped(
    run: Ints, row: Ints, table: Floats, span: Floats, told: Floats, i: int, product: int,
    number: int, ended_s: float,
) -> bool:  # fmt: skip
    """Tell whether a part that is done is scrapped, and count it."""
    at = i * INTS
    if row[at + SCRAP] < 0:
        return False
    if (
        share(run, row[at + QUALITY_KEY], number, row[at + VISIT])
        >= table[row[at + SCRAP] + product]
    ):
        return False
    if span[FROM] <= ended_s < span[UNTIL]:
        row[at + BAD] += 1
        told[SCRAPPED] += 1.0
    return True


@inner
def _finished(
    flows: Floats, bins: Ints, told: Floats, product: int, created_s: float, left_s: float
) -> None:
    """Count a part that leaves the line while observed; see ``flows``."""
    flow_s, count = left_s - created_s, int(told[FINISHED])
    told[FINISHED] += 1.0
    told[MADE + product] += 1.0
    told[FLOW_TOTAL] += flow_s
    if count < EXACT:
        flows[count] = flow_s
        return
    if count == EXACT:
        _fill(flows, bins)
    bins[_bin(flow_s)] += 1


@outlined
def _fill(flows: Floats, bins: Ints) -> None:
    """Put the first flow times into bins, which mostly are not needed."""
    for i in range(BINS):
        bins[i] = 0
    for i in range(EXACT):
        bins[_bin(flows[i])] += 1


@inlined
def _bin(flow_s: float) -> int:
    return min(max((bits_of(flow_s) >> SHIFT) - LOWEST, 0), BINS - 1) if flow_s > 0.0 else 0


@compiled
def run_plain(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, times: Floats, span: Floats,
    told: Floats, flows: Floats, bins: Ints,
) -> None:  # fmt: skip
    """Run one replication of a plain line; all arrays are flat, see ``rows``."""
    for place in range(len(ring)):
        ring[place] = span[BEGIN]
    _run(
        address(run), address(row), address(table), address(state), address(ring), address(times),
        address(span), address(told), address(flows), address(bins),
    )  # fmt: skip


@inner
def _run(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, times: Floats, span: Floats,
    told: Floats, flows: Floats, bins: Ints,
) -> None:  # fmt: skip
    for i in range(run[PLACES]):
        state[i * REALS + LEFT_S] = state[i * REALS + READY_S] = span[BEGIN]
        begin_ageing(run, row, table, state, span, i)
    for strand in range(STRAND, STRAND + run[STRANDS] * STRAND_INTS, STRAND_INTS):
        if strand > STRAND:
            leave_in_stock(run, row, state, ring, span, told, strand)
        while not run[strand + IS_OVER]:
            of = supplier(run, row, table, times, strand) if run[strand + ASSEMBLES] else strand
            _next(run, row, table, state, ring, times, span, told, flows, bins, of)
    for i in range(run[PLACES]):
        fail_until(run, row, table, state, span, i, span[UNTIL])


@inlined
def _next(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, times: Floats, span: Floats,
    told: Floats, flows: Floats, bins: Ints, strand: int,
) -> None:  # fmt: skip
    """Take the next part of a strand as far as it comes."""
    from_s, until_s, k = span[FROM], span[UNTIL], run[strand + PARTS]
    i, end, j = run[strand + BEGINS], run[strand + ENDS], upcoming(run, row, table, times, strand)
    at_s = created_s = max(room_s(row, state, ring, i), span[BEGIN])
    came_s = state[end * REALS + MADE_S]
    if run[strand + ARRIVAL] >= 0:
        created_s = came_s + (times[end * BLOCK + j] - 0.0)
        at_s = max(at_s, created_s)
    still = run[strand + STILL] + 1 if created_s == came_s else 0
    if created_s >= until_s or still > MAX_ROUNDS:
        told[ENDLESS] += still > MAX_ROUNDS
        run[strand + IS_OVER] = 1
        return
    state[end * REALS + MADE_S], run[strand + STILL] = created_s, still
    told[CREATED] += 1.0 if created_s >= from_s else 0.0
    product, number = run[strand + WHICH + j], run[strand + NUMBER] + k
    run[LOST], run[strand + PARTS] = 0, k + 1
    # What is on a vehicle at the end goes on, or others would not find its place behind taken.
    stop_s = math.inf if run[strand + RIDES_ON] else until_s
    while i < end and at_s < stop_s and not run[LOST]:
        total_s = times[i * BLOCK + j]
        at_s = _through(run, row, table, state, ring, span, told, i, product, number, at_s, total_s)
        i += 1
    told[WIP_AREA] += observed(created_s, at_s, span)
    if i < end or run[LOST]:
        return
    if row[end * INTS + SIZE] > 0:
        if at_s < stop_s:
            put_in_stock(run, row, state, ring, span, told, strand, at_s)
    elif from_s <= at_s < until_s:
        _finished(flows, bins, told, product, created_s, at_s)
