"""Vehicles of plain lines: when a part that is done is on board, and when it is put down.

A pool brings parts on one way, and none overtakes another. So the vehicles are free again in the
order in which they were sent, and each part gets the one that is free first; those that have not
been sent yet are at home, which is no farther away.
"""

from __future__ import annotations

from twin.engine.compiled.rows import (
    AT,
    CODE,
    EMPTY_S,
    FIRST,
    FROM,
    FROM_GOAL,
    FROM_HOME,
    INTS,
    LEFT_S,
    LOAD,
    LOAD_KEY,
    LOADED_S,
    LOADING_S,
    REALS,
    RIDE,
    RIDES,
    RING,
    SIZE,
    TRIPS,
    UNLOAD,
    UNLOAD_KEY,
    UNLOADING_S,
    UNTIL,
    VISIT,
    WAIT_S,
    WAYS,
    WITH_PART,
    draw,
    observed,
    room_s,
)
from twin.engine.compiled.tables import Floats, Ints
from twin.engine.jit import inner, outlined
from twin.engine.streams import CONSTANT


@outlined
def boarded_s(
    run: Ints, row: Ints, table: Floats, state: Floats, ring: Floats, span: Floats, i: int,
    number: int, done_s: float,
) -> float:  # fmt: skip
    """Send a vehicle for a part that is done at a station; return when it is on board, s."""
    ride = row[i * INTS + RIDE]
    at, of, ways = ride * INTS, ride * REALS, row[ride * INTS + WAYS]
    vehicle = row[at + RING] + row[at + AT]
    asked_s = max(done_s, room_s(row, state, ring, i + 1))
    sent_s = max(asked_s, ring[vehicle])
    way = FROM_HOME if row[at + RIDES] < row[at + SIZE] else FROM_GOAL
    there_s = sent_s + (table[ways + way] - 0.0)
    load_s = _handling_s(run, row, table, at, row[at + LOAD_KEY], LOAD, number)
    on_board_s = there_s + (load_s - 0.0)
    arrived_s = on_board_s + (table[ways + WITH_PART] - 0.0)
    unload_s = _handling_s(run, row, table, at, row[at + UNLOAD_KEY], UNLOAD, number)
    down_s = arrived_s + (unload_s - 0.0)
    state[of + WAIT_S] += observed(asked_s, on_board_s, span)
    state[of + EMPTY_S] += observed(sent_s, there_s, span)
    state[of + LOADING_S] += observed(there_s, on_board_s, span)
    state[of + LOADED_S] += observed(on_board_s, arrived_s, span)
    state[of + UNLOADING_S] += observed(arrived_s, down_s, span)
    state[of + TRIPS] += 1.0 if span[FROM] <= arrived_s < span[UNTIL] else 0.0
    state[of + LEFT_S] = ring[vehicle] = down_s
    row[at + RIDES] += 1
    row[at + AT] = (row[at + AT] + 1) % row[at + SIZE]
    return on_board_s


@inner
def _handling_s(
    run: Ints, row: Ints, table: Floats, at: int, key: int, distribution: int, number: int
) -> float:
    """Return how long a part is loaded or unloaded, s."""
    if row[at + distribution + CODE] == CONSTANT:
        return table[row[at + distribution + FIRST]]
    return draw(run, row, table, key, at + distribution, number, row[at + VISIT] + 1)
