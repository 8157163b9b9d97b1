"""Plain lines without events: when each part leaves each station, by sums and maxima alone.

In a row of single-server stations with one product and blocking after service, part k enters
station i when it has left station i - 1 and part k - 1 has left station i; it leaves when its work
is done and there is room behind. So the moments of a part follow from those of the parts before it,
and no list of events is needed. Failures by operating time happen inside the work. The arithmetic
is that of section 7 of the semantics and the numbers drawn are the same, so every moment is that of
the other engines to the last bit; what is added up from them agrees to 1e-9, as additions come in
another order.

References
----------
Baccelli, Cohen, Olsder, Quadrat (1992), Synchronization and Linearity. Wiley.
"""

from __future__ import annotations

import math

from twin.engine.compiled.flows import BINS, EXACT, LOWEST, SHIFT
from twin.engine.compiled.memory import bits_of, unsigned
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import compiled, inlined, inner
from twin.engine.streams import EXPONENTIAL, quantile_at, uniform

BLOCK = 32
"""Parts whose times are drawn at once."""

# Columns of ``ints``, one row for each station: draws of work, of the age at a failure, of repairs.
(KEY, CODE, FIRST, LAST, LIFE_KEY, LIFE_CODE, LIFE_FIRST, LIFE_LAST, REPAIR_KEY, REPAIR_CODE,
 REPAIR_FIRST, REPAIR_LAST) = range(12)  # fmt: skip
FAILS = 12  # whether it has a failure mode
ROOM = 13  # places in the buffer before it; 0: none, -1: without limit
RING = 14  # first of its places in ``ring``: when the last parts left that buffer
AT = 15  # the next of them, from 0
COUNT = 16  # failures so far
PROCESSED = 17
INTS = 18
# Columns of ``reals``, one row for each station.
(LEFT_S, READY_S, LIFE_S, AGED_S, PROCESSING_S, BLOCKED_S, FAILED_S, CONTENT_AREA) = range(8)
REALS = 8
"""When the part before left; from when on no failure is in force; age at the next failure and age
reached; then what is counted."""
# ``told``: what is counted of the whole line.
CREATED, FINISHED, FLOW_TOTAL, WIP_AREA = range(4)
TOLD = 4
# ``run``: replication, 1 - u or u, number of stations.
REPLICATION, ANTITHETIC, STATIONS = range(3)
# ``span``: begin, observed from, end.
BEGIN, FROM, UNTIL = range(3)


@inlined
def _observed(begin_s: float, end_s: float, from_s: float, until_s: float) -> float:
    """Return how much of a stretch of time is observed, s."""
    begin_s = max(begin_s, from_s)
    end_s = min(end_s, until_s)
    return end_s - begin_s if end_s > begin_s else 0.0


@inner
def _draw(run: Ints, ints: Ints, table: Floats, i: int, column: int, a: int) -> float:
    """Return the time that belongs to index a of one of a station's draws, s."""
    u = uniform(unsigned(ints[i, column]), run[REPLICATION], a, 0)
    u = 1.0 - u if run[ANTITHETIC] else u
    code, first, last = ints[i, column + 1], ints[i, column + 2], ints[i, column + 3]
    return quantile_at(code, table, first, last, u)


@inner
def _draw_block(run: Ints, ints: Ints, table: Floats, times: Floats, i: int, k: int) -> None:
    """Draw the working times of the next parts at a station: first all numbers, then all times."""
    key, replication = unsigned(ints[i, KEY]), run[REPLICATION]
    for j in range(BLOCK):
        times[i, j] = uniform(key, replication, k + j, i)
    if run[ANTITHETIC]:
        for j in range(BLOCK):
            times[i, j] = 1.0 - times[i, j]
    code, first, last = ints[i, CODE], ints[i, FIRST], ints[i, LAST]
    if code == EXPONENTIAL:
        for j in range(BLOCK):
            times[i, j] = -table[first] * math.log1p(-times[i, j])
    else:
        for j in range(BLOCK):
            times[i, j] = quantile_at(code, table, first, last, times[i, j])


@inner
def _worked(
    run: Ints, ints: Ints, table: Floats, reals: Floats, span: Floats, i: int, since_s: float,
    total_s: float,
) -> float:  # fmt: skip
    """Return when work that begins is done, failures and repairs included, s."""
    worked_s = 0.0
    while True:
        due_s = max(since_s + (total_s - worked_s), since_s)
        fails_s = max(since_s + (reals[i, LIFE_S] - reals[i, AGED_S]), since_s)
        if due_s < fails_s:
            reals[i, PROCESSING_S] += _observed(since_s, due_s, span[FROM], span[UNTIL])
            reals[i, AGED_S] += due_s - since_s
            return due_s
        reals[i, PROCESSING_S] += _observed(since_s, fails_s, span[FROM], span[UNTIL])
        if fails_s >= span[UNTIL]:
            return fails_s
        ints[i, COUNT] += 1
        count = ints[i, COUNT]
        repaired_s = fails_s + (_draw(run, ints, table, i, REPAIR_KEY, count - 1) - 0.0)
        reals[i, FAILED_S] += _observed(fails_s, repaired_s, span[FROM], span[UNTIL])
        reals[i, READY_S] = repaired_s
        reals[i, LIFE_S] = _draw(run, ints, table, i, LIFE_KEY, count)
        reals[i, AGED_S] = 0.0
        if due_s == fails_s:  # work that ends at the moment of a failure is finished
            return due_s
        worked_s += fails_s - since_s
        since_s = repaired_s


@inlined
def _through(
    run: Ints, ints: Ints, table: Floats, reals: Floats, ring: Floats, span: Floats, i: int,
    arrived_s: float, total_s: float,
) -> float:  # fmt: skip
    """Take a part through a station; return when it leaves, s."""
    entered_s = max(arrived_s, reals[i, LEFT_S])
    if ints[i, ROOM] > 0:
        ring[ints[i, RING] + ints[i, AT]] = entered_s
        ints[i, AT] = ints[i, AT] + 1 if ints[i, AT] + 1 < ints[i, ROOM] else 0
    if ints[i, ROOM] != 0 and entered_s > arrived_s:
        reals[i, CONTENT_AREA] += _observed(arrived_s, entered_s, span[FROM], span[UNTIL])
    if ints[i, FAILS]:
        done_s = _worked(
            run, ints, table, reals, span, i, max(entered_s, reals[i, READY_S]), total_s
        )
    else:
        done_s = entered_s + (total_s - 0.0)
        reals[i, PROCESSING_S] += _observed(entered_s, done_s, span[FROM], span[UNTIL])
    if span[FROM] <= done_s < span[UNTIL]:
        ints[i, PROCESSED] += 1
    left_s = done_s
    if i + 1 < run[STATIONS]:
        left_s = max(done_s, _room_s(ints, reals, ring, i + 1))
        if left_s > done_s:
            blocked_s = done_s
            if ints[i, FAILS]:
                blocked_s = max(done_s, reals[i, READY_S])
            reals[i, BLOCKED_S] += _observed(blocked_s, left_s, span[FROM], span[UNTIL])
    reals[i, LEFT_S] = left_s
    return left_s


@inlined
def _room_s(ints: Ints, reals: Floats, ring: Floats, i: int) -> float:
    """Return when there is room before a station, s: in its buffer, or in itself."""
    if ints[i, ROOM] > 0:
        return ring[ints[i, RING] + ints[i, AT]]
    return reals[i, LEFT_S] if ints[i, ROOM] == 0 else -math.inf


@inner
def _finished(flows: Floats, bins: Ints, told: Floats, created_s: float, left_s: float) -> None:
    """Count a part that leaves the line while observed; see ``flows``."""
    flow_s, count = left_s - created_s, int(told[FINISHED])
    told[FINISHED] += 1.0
    told[FLOW_TOTAL] += flow_s
    if count < EXACT:
        flows[count] = flow_s
    at = min(max((bits_of(flow_s) >> SHIFT) - LOWEST, 0), BINS - 1) if flow_s > 0.0 else 0
    bins[at] += 1


@compiled
def run_plain(
    run: Ints, ints: Ints, table: Floats, reals: Floats, ring: Floats, times: Floats, span: Floats,
    told: Floats, flows: Floats, bins: Ints,
) -> None:  # fmt: skip
    """Run one replication of a plain line whose source always has a part."""
    from_s, until_s, stations = span[FROM], span[UNTIL], run[STATIONS]
    for i in range(stations):
        reals[i, LEFT_S] = reals[i, READY_S] = span[BEGIN]
        if ints[i, FAILS]:
            reals[i, LIFE_S] = _draw(run, ints, table, i, LIFE_KEY, 0)
    for place in range(len(ring)):
        ring[place] = span[BEGIN]
    k = 0
    while True:
        if k % BLOCK == 0:
            for i in range(stations):
                _draw_block(run, ints, table, times, i, k)
        created_s = max(_room_s(ints, reals, ring, 0), span[BEGIN])
        if created_s >= until_s:
            return
        told[CREATED] += 1.0 if created_s >= from_s else 0.0
        at_s, i = created_s, 0
        while i < stations and at_s < until_s:
            at_s = _through(run, ints, table, reals, ring, span, i, at_s, times[i, k % BLOCK])
            i += 1
        told[WIP_AREA] += _observed(created_s, at_s, from_s, until_s)
        if i == stations and from_s <= at_s < until_s:
            _finished(flows, bins, told, created_s, at_s)
        k += 1
