"""How long what goes on at one station of a plain line takes, with what interrupts it.

Failures by operating time happen inside the work, as wear does; those by calendar come whatever the
parts do. The arithmetic is that of section 7 of the semantics.
"""

from __future__ import annotations

import math

from twin.engine.compiled.rows import (
    AGED_S,
    BEGIN,
    BLOCKED_S,
    BY_CALENDAR,
    COUNT,
    FAILED_S,
    FAILS,
    FAILURE_FACTOR,
    GROUP,
    GROUPS,
    INTS,
    LEVEL,
    LEVEL_INTS,
    LEVEL_LASTS,
    LEVEL_REALS,
    LEVEL_ROW,
    LEVEL_S,
    LIFE,
    LIFE_KEY,
    LIFE_S,
    MENDED,
    MENDS,
    PIECE_GROUP,
    PROCESSING_S,
    RATE,
    READY_S,
    REALS,
    REPAIR,
    REPAIR_KEY,
    SETUP,
    SETUP_S,
    STEPS,
    TIME_FACTOR,
    UNTIL,
    USED_S,
    WEAR_KEY,
    WEAR_S,
    WEARS,
    WORN_S,
    draw,
    observed,
    piece,
)
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import inlined, inner, outlined


@inner
def begin_ageing(run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int) -> None:
    """Draw what comes first at a station that is as new."""
    at, of = i * INTS, i * REALS
    if row[at + FAILS]:
        life_s = draw(run, row, table, row[at + LIFE_KEY], at + LIFE, 0, 0)
        by_calendar = row[at + FAILS] == BY_CALENDAR
        state[of + LIFE_S] = span[BEGIN] + (life_s - 0.0) if by_calendar else life_s
    else:
        state[of + LIFE_S] = math.inf
    if row[at + WEARS] >= 0:
        state[of + WORN_S] = span[BEGIN]
        _be_at(run, row, table, state, span, i, 0, span[BEGIN])


@inner
def _be_at(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, level: int,
    now_s: float,
) -> None:  # fmt: skip
    """Let a station be worn so far, and draw the use up to the next level."""
    at, of = i * INTS, i * REALS
    state[row[at + LEVEL_S] + row[at + LEVEL]] += observed(state[of + WORN_S], now_s, span)
    state[of + WORN_S] = now_s
    up = row[at + LEVEL_ROW] + level * LEVEL_INTS
    row[at + LEVEL], state[of + USED_S], state[of + WEAR_S] = level, 0.0, math.inf
    if not row[up + LEVEL_LASTS]:
        key, steps, mended = row[at + WEAR_KEY], row[at + STEPS], row[at + MENDED]
        state[of + WEAR_S] = draw(run, row, table, key, up, steps, mended)
    state[of + RATE] = table[row[at + WEARS] + level * LEVEL_REALS + FAILURE_FACTOR]


@inner
def _repaired_s(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, fails_s: float
) -> float:
    """Let a station fail; return when it is repaired, s."""
    at, of = i * INTS, i * REALS
    key, count = row[at + REPAIR_KEY], row[at + COUNT]
    repaired_s = fails_s + (draw(run, row, table, key, at + REPAIR, count, 0) - 0.0)
    state[of + FAILED_S] += observed(fails_s, repaired_s, span)
    state[of + READY_S] = repaired_s
    row[at + COUNT] = count + 1
    state[of + LIFE_S] = draw(run, row, table, row[at + LIFE_KEY], at + LIFE, count + 1, 0)
    state[of + AGED_S] = 0.0
    return repaired_s


@inner
def _fail(run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int) -> None:
    """Let a station whose failures come by calendar fail and be repaired."""
    of = i * REALS
    repaired_s = _repaired_s(run, row, table, state, span, i, state[of + LIFE_S])
    state[of + LIFE_S] = repaired_s + (state[of + LIFE_S] - 0.0)


@inner
def fail_until(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, end_s: float
) -> None:
    """Let all failures by calendar happen that come before a moment."""
    while row[i * INTS + FAILS] == BY_CALENDAR and state[i * REALS + LIFE_S] < end_s:
        _fail(run, row, table, state, span, i)


@inner
def done_s(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, product: int,
    since_s: float, total_s: float,
) -> float:  # fmt: skip
    """Return when a part that enters is done, s: set up for, worked on, all failures included."""
    at, of = i * INTS, i * REALS
    by_calendar = row[at + FAILS] == BY_CALENDAR
    since_s = max(since_s, state[of + READY_S])
    if row[at + SETUP] >= 0:
        setup_s = _setup_s(run, row, table, i, row[piece(run, i, product) + PIECE_GROUP])
        if setup_s > 0.0 and by_calendar:
            since_s = _by_calendar(run, row, table, state, span, i, SETUP_S, since_s, setup_s)
        elif setup_s > 0.0:
            state[of + SETUP_S] += observed(since_s, since_s + (setup_s - 0.0), span)
            since_s += setup_s - 0.0
    if row[at + WEARS] >= 0:
        factor = table[row[at + WEARS] + row[at + LEVEL] * LEVEL_REALS + TIME_FACTOR]
        return _worn(run, row, table, state, span, i, since_s, total_s * factor)
    if by_calendar:
        return _by_calendar(run, row, table, state, span, i, PROCESSING_S, since_s, total_s)
    if row[at + FAILS]:
        return _by_age(run, row, table, state, span, i, since_s, total_s)
    state[of + PROCESSING_S] += observed(since_s, since_s + (total_s - 0.0), span)
    return since_s + (total_s - 0.0)


@inlined
def _setup_s(run: Ints, row: Ints, table: Floats, i: int, group: int) -> float:
    """Return the time that a change to a group takes now, s; the group is in place then."""
    at = i * INTS
    before, groups = row[at + GROUP], run[GROUPS]
    row[at + GROUP] = group
    return table[row[at + SETUP] + before * groups + group] if before >= 0 else 0.0


@inner
def _by_age(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, since_s: float,
    total_s: float,
) -> float:  # fmt: skip
    """Return when work that begins is done, s; failures come by operating time."""
    of, worked_s = i * REALS, 0.0
    while True:
        due_s = max(since_s + (total_s - worked_s), since_s)
        fails_s = max(since_s + (state[of + LIFE_S] - state[of + AGED_S]), since_s)
        if due_s < fails_s:
            state[of + PROCESSING_S] += observed(since_s, due_s, span)
            state[of + AGED_S] += due_s - since_s
            return due_s
        state[of + PROCESSING_S] += observed(since_s, fails_s, span)
        if fails_s >= span[UNTIL]:
            return fails_s
        repaired_s = _repaired_s(run, row, table, state, span, i, fails_s)
        if due_s == fails_s:  # work that ends at the moment of a failure is finished
            return due_s
        worked_s += fails_s - since_s
        since_s = repaired_s


@outlined
def _worn(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, since_s: float,
    total_s: float,
) -> float:  # fmt: skip
    """Return when work that begins is done, s; the station wears, and may fail, by operating time.

    It is slower for its wear from the next part on, and ages faster at once.
    """
    at, of, worked_s = i * INTS, i * REALS, 0.0
    while True:
        due_s = max(since_s + (total_s - worked_s), since_s)
        fails_s = _worn_until(run, row, table, state, span, i, since_s, due_s)
        end_s = min(due_s, fails_s)
        state[of + PROCESSING_S] += observed(since_s, end_s, span)
        if due_s < fails_s or end_s >= span[UNTIL]:
            return end_s
        repaired_s = _repaired_s(run, row, table, state, span, i, fails_s)
        if row[at + MENDS] > 0:
            row[at + MENDED] += 1
            level = max(row[at + LEVEL] - row[at + MENDS], 0)
            _be_at(run, row, table, state, span, i, level, repaired_s)
        if due_s == fails_s:
            return due_s
        worked_s += fails_s - since_s
        since_s = repaired_s


@inner
def _worn_until(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, since_s: float,
    due_s: float,
) -> float:  # fmt: skip
    """Let a station that works from a moment on wear until it fails or its work is done.

    Returns when it would fail, s.
    """
    at, of = i * INTS, i * REALS
    ages_s = wears_s = since_s
    while True:
        left_s = (state[of + LIFE_S] - state[of + AGED_S]) / state[of + RATE]
        fails_s = max(ages_s + left_s, since_s)
        end_s = min(due_s, fails_s)
        rises_s = max(wears_s + (state[of + WEAR_S] - state[of + USED_S]), since_s)
        if rises_s >= end_s:
            if fails_s > due_s:
                state[of + AGED_S] += (due_s - ages_s) * state[of + RATE]
            state[of + USED_S] += end_s - wears_s
        if rises_s > end_s:
            return fails_s
        rate = state[of + RATE]
        row[at + STEPS] += 1
        _be_at(run, row, table, state, span, i, row[at + LEVEL] + 1, rises_s)
        if rises_s == end_s:
            return fails_s
        if state[of + RATE] != rate:
            state[of + AGED_S] += (rises_s - ages_s) * rate
            ages_s = rises_s
        wears_s = since_s = rises_s


@inner
def _by_calendar(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, counter: int,
    since_s: float, total_s: float,
) -> float:  # fmt: skip
    """Return when what begins is done, s; failures come by calendar. ``counter``: what it is."""
    of, worked_s = i * REALS, 0.0
    since_s = max(since_s, state[of + READY_S])
    while state[of + LIFE_S] <= since_s:
        _fail(run, row, table, state, span, i)
        since_s = max(since_s, state[of + READY_S])
    while True:
        due_s, fails_s = max(since_s + (total_s - worked_s), since_s), state[of + LIFE_S]
        if due_s <= fails_s:  # at the same moment work ends first
            state[of + counter] += observed(since_s, due_s, span)
            return due_s
        state[of + counter] += observed(since_s, fails_s, span)
        if fails_s >= span[UNTIL]:
            return fails_s
        worked_s += fails_s - since_s
        _fail(run, row, table, state, span, i)
        since_s = state[of + READY_S]


@inner
def count_blocked(
    run: Ints, row: Ints, table: Floats, state: Floats, span: Floats, i: int, ended_s: float,
    left_s: float,
) -> None:  # fmt: skip
    """Count the time for which a part waits to leave, less that of failures."""
    of = i * REALS
    if row[i * INTS + FAILS] == BY_CALENDAR:
        while state[of + LIFE_S] < left_s:
            state[of + BLOCKED_S] += observed(ended_s, state[of + LIFE_S], span)
            _fail(run, row, table, state, span, i)
            ended_s = state[of + READY_S]
    else:
        ended_s = max(ended_s, state[of + READY_S])
    state[of + BLOCKED_S] += observed(ended_s, left_s, span)
