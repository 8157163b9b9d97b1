"""Plain lines without events: when each part leaves each station, by sums and maxima alone.

In a row of single-server stations with one product and blocking after service, part k enters
station i when it has left station i - 1 and part k - 1 has left station i; it leaves when its work
is done and there is room behind. So the moments of a part follow from those of the parts before it,
and no list of events is needed. Failures by operating time happen inside the work, those by
calendar come whatever the parts do. The arithmetic is that of section 7 of the semantics and the
numbers drawn are the same, so every moment is that of the other engines to the last bit; what is
added up from them agrees to 1e-9, as additions come in another order.

References
----------
Baccelli, Cohen, Olsder, Quadrat (1992), Synchronization and Linearity. Wiley.
"""

from __future__ import annotations

import math

from twin.engine.bits import bits_of, unsigned
from twin.engine.compiled.blocks import draw_block, time_of
from twin.engine.compiled.flows import BINS, EXACT, LOWEST, SHIFT
from twin.engine.compiled.memory import address
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import compiled, inlined, inner, outlined
from twin.engine.streams import EXPONENTIAL, quantile_at, uniform

BLOCK = 32
"""Parts whose times are drawn at once."""

# Columns of ``row``, for each station: draws of work, of the age at a failure, of repairs.
(KEY, CODE, FIRST, LAST, FORM, LIFE_KEY, LIFE_CODE, LIFE_FIRST, LIFE_LAST, LIFE_FORM, REPAIR_KEY,
 REPAIR_CODE, REPAIR_FIRST, REPAIR_LAST, REPAIR_FORM) = range(15)  # fmt: skip
FAILS = 15  # whether it has a failure mode, and by which clock
BY_AGE, BY_CALENDAR = 1, 2
ROOM = 16  # places in the buffer before it; 0: none, -1: without limit
RING = 17  # first of its places in ``ring``: when the last parts left that buffer
AT = 18  # the next of them, from 0
COUNT = 19  # failures so far
PROCESSED = 20
INTS = 21
# Columns of ``state``, for each station.
(LEFT_S, READY_S, LIFE_S, AGED_S, PROCESSING_S, BLOCKED_S, FAILED_S, CONTENT_AREA) = range(8)
REALS = 8
"""When the part before left; from when on no failure is in force; age at the next failure and age
reached, or the moment of the next failure by calendar; then what is counted."""
# ``told``: what is counted of the whole line.
CREATED, FINISHED, FLOW_TOTAL, WIP_AREA = range(4)
TOLD = 4
# ``run``: replication, 1 - u or u, number of stations.
REPLICATION, ANTITHETIC, STATIONS = range(3)
# ``span``: begin, observed from, end.
BEGIN, FROM, UNTIL = range(3)


@inlined
def _observed(begin_s: float, end_s: float, span: Floats) -> float:
    """Return how much of a stretch of time is observed, s."""
    begin_s = span[FROM] if begin_s < span[FROM] else begin_s  # noqa: FURB136 - quicker than max
    end_s = span[UNTIL] if end_s > span[UNTIL] else end_s  # noqa: FURB136
    return end_s - begin_s if end_s > begin_s else 0.0


@inner
def _draw(run: Ints, row: Ints, at: int, table: Floats, column: int, a: int) -> float:
    """Return the time that belongs to index a of one of a station's draws, s."""
    u = uniform(unsigned(row[at + column]), run[REPLICATION], a, 0)
    u = 1.0 - u if run[ANTITHETIC] else u
    first, last = row[at + column + 2], row[at + column + 3]
    return quantile_at(row[at + column + 1], table, first, last, u)


@inner
def _draw_block(run: Ints, row: Ints, table: Floats, times: Floats, i: int, k: int) -> None:
    """Draw the working times of the next parts at a station: first all numbers, then all times."""
    at, to, form = i * INTS, i * BLOCK, row[i * INTS + FORM]
    code, first, last = row[at + CODE], row[at + FIRST], row[at + LAST]
    key = unsigned(row[at + KEY])
    draw_block(times, to, BLOCK, key, run[REPLICATION], k, i, form, run[ANTITHETIC])
    if code == EXPONENTIAL:
        scale_s = -table[first]
        for j in range(to, to + BLOCK):
            times[j] = scale_s * times[j]
    else:
        for j in range(to, to + BLOCK):
            times[j] = time_of(form, code, table, first, last, times[j])


@inner
def _worked(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, since_s: float,
    total_s: float,
) -> float:  # fmt: skip
    """Return when work that begins is done, failures and repairs included, s."""
    at, of, worked_s = i * INTS, i * REALS, 0.0
    while True:
        due_s = max(since_s + (total_s - worked_s), since_s)
        fails_s = max(since_s + (state[of + LIFE_S] - state[of + AGED_S]), since_s)
        if due_s < fails_s:
            state[of + PROCESSING_S] += _observed(since_s, due_s, span)
            state[of + AGED_S] += due_s - since_s
            return due_s
        state[of + PROCESSING_S] += _observed(since_s, fails_s, span)
        if fails_s >= span[UNTIL]:
            return fails_s
        row[at + COUNT] += 1
        count = row[at + COUNT]
        repaired_s = fails_s + (_draw(run, row, at, table, REPAIR_KEY, count - 1) - 0.0)
        state[of + FAILED_S] += _observed(fails_s, repaired_s, span)
        state[of + READY_S] = repaired_s
        state[of + LIFE_S] = _draw(run, row, at, table, LIFE_KEY, count)
        state[of + AGED_S] = 0.0
        if due_s == fails_s:  # work that ends at the moment of a failure is finished
            return due_s
        worked_s += fails_s - since_s
        since_s = repaired_s


@inner
def _fail(run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int) -> None:
    """Let a station whose failures come by calendar fail and be repaired."""
    at, of = i * INTS, i * REALS
    fails_s, count = state[of + LIFE_S], row[at + COUNT]
    repaired_s = fails_s + (_draw(run, row, at, table, REPAIR_KEY, count) - 0.0)
    row[at + COUNT] = count + 1
    state[of + FAILED_S] += _observed(fails_s, repaired_s, span)
    state[of + READY_S] = repaired_s
    state[of + LIFE_S] = repaired_s + (_draw(run, row, at, table, LIFE_KEY, count + 1) - 0.0)


@inner
def _worked_by_calendar(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, since_s: float,
    total_s: float,
) -> float:  # fmt: skip
    """Return when the work on a part that enters is done, s; failures come by calendar."""
    of, worked_s = i * REALS, 0.0
    since_s = max(since_s, state[of + READY_S])
    while state[of + LIFE_S] <= since_s:
        _fail(run, row, table, state, span, i)
        since_s = max(since_s, state[of + READY_S])
    while True:
        due_s, fails_s = max(since_s + (total_s - worked_s), since_s), state[of + LIFE_S]
        if due_s <= fails_s:  # at the same moment work ends first
            state[of + PROCESSING_S] += _observed(since_s, due_s, span)
            return due_s
        state[of + PROCESSING_S] += _observed(since_s, fails_s, span)
        if fails_s >= span[UNTIL]:
            return fails_s
        worked_s += fails_s - since_s
        _fail(run, row, table, state, span, i)
        since_s = state[of + READY_S]


@inner
def _blocked_by_calendar(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, done_s: float,
    left_s: float,
) -> None:  # fmt: skip
    """Count the time for which a part waits to leave, less that of failures by calendar."""
    of = i * REALS
    while state[of + LIFE_S] < left_s:
        state[of + BLOCKED_S] += _observed(done_s, state[of + LIFE_S], span)
        _fail(run, row, table, state, span, i)
        done_s = state[of + READY_S]
    state[of + BLOCKED_S] += _observed(done_s, left_s, span)


@inlined
def _through(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, span: Floats, i: int,
    arrived_s: float, total_s: float,
) -> float:  # fmt: skip
    """Take a part through a station; return when it leaves, s."""
    at, of = i * INTS, i * REALS
    left_s = state[of + LEFT_S]
    entered_s = left_s if left_s > arrived_s else arrived_s  # noqa: FURB136 - quicker than max
    room = row[at + ROOM]
    if room > 0:
        place = row[at + AT]
        ring[row[at + RING] + place] = entered_s
        row[at + AT] = place + 1 if place + 1 < room else 0
    fails = row[at + FAILS]
    if fails == BY_CALENDAR:
        done_s = _worked_by_calendar(run, row, table, state, span, i, entered_s, total_s)
    elif fails:
        ready_s = max(entered_s, state[of + READY_S])
        done_s = _worked(run, row, table, state, span, i, ready_s, total_s)
    else:
        done_s = entered_s + (total_s - 0.0)
    left_s = done_s
    if i + 1 < run[STATIONS]:
        room_s = _room_s(row, state, ring, i + 1)
        left_s = room_s if room_s > done_s else done_s  # noqa: FURB136
    state[of + LEFT_S] = left_s
    if arrived_s >= span[FROM] and left_s < span[UNTIL]:  # mostly all of it is observed
        row[at + PROCESSED] += 1
        state[of + CONTENT_AREA] += entered_s - arrived_s
        if not fails:
            state[of + PROCESSING_S] += done_s - entered_s
            state[of + BLOCKED_S] += left_s - done_s
            return left_s
    else:
        row[at + PROCESSED] += span[FROM] <= done_s < span[UNTIL]
        state[of + CONTENT_AREA] += _observed(arrived_s, entered_s, span)
        if not fails:
            state[of + PROCESSING_S] += _observed(entered_s, done_s, span)
    if fails == BY_CALENDAR:
        _blocked_by_calendar(run, row, table, state, span, i, done_s, left_s)
        return left_s
    idle_s = max(done_s, state[of + READY_S]) if fails else done_s
    state[of + BLOCKED_S] += _observed(idle_s, left_s, span)
    return left_s


@inlined
def _room_s(row: Ints, state: Floats, ring: Floats, i: int) -> float:
    """Return when there is room before a station, s: in its buffer, or in itself."""
    at = i * INTS
    if row[at + ROOM] > 0:
        return ring[row[at + RING] + row[at + AT]]
    return state[i * REALS + LEFT_S] if row[at + ROOM] == 0 else -math.inf


@inner
def _finished(flows: Floats, bins: Ints, told: Floats, created_s: float, left_s: float) -> None:
    """Count a part that leaves the line while observed; see ``flows``."""
    flow_s, count = left_s - created_s, int(told[FINISHED])
    told[FINISHED] += 1.0
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
    """Run one replication of a plain line whose source always has a part; all arrays are flat."""
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
    from_s, until_s, stations = span[FROM], span[UNTIL], run[STATIONS]
    for i in range(stations):
        state[i * REALS + LEFT_S] = state[i * REALS + READY_S] = span[BEGIN]
        if row[i * INTS + FAILS]:
            life_s = _draw(run, row, i * INTS, table, LIFE_KEY, 0)
            by_calendar = row[i * INTS + FAILS] == BY_CALENDAR
            state[i * REALS + LIFE_S] = span[BEGIN] + (life_s - 0.0) if by_calendar else life_s
    k = drawn = 0
    while True:
        if k == drawn:
            for i in range(stations):
                _draw_block(run, row, table, times, i, k)
            drawn += BLOCK
        created_s = max(_room_s(row, state, ring, 0), span[BEGIN])
        if created_s >= until_s:
            break
        told[CREATED] += 1.0 if created_s >= from_s else 0.0
        at_s, i = created_s, 0
        while i < stations and at_s < until_s:
            total_s = times[i * BLOCK + BLOCK - drawn + k]
            at_s = _through(run, row, table, state, ring, span, i, at_s, total_s)
            i += 1
        told[WIP_AREA] += _observed(created_s, at_s, span)
        if i == stations and from_s <= at_s < until_s:
            _finished(flows, bins, told, created_s, at_s)
        k += 1
    for i in range(stations):
        while row[i * INTS + FAILS] == BY_CALENDAR and state[i * REALS + LIFE_S] < until_s:
            _fail(run, row, table, state, span, i)
