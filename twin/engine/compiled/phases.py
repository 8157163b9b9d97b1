"""What a part in a station waits for, or is in the middle of."""

from __future__ import annotations

from twin.engine.compiled.memory import get, real, whole
from twin.engine.compiled.tables import (
    CHOICE_LOAD,
    CHOICE_STATION,
    FIRST_CHOICE,
    FIRST_COMPONENT,
    FIRST_NEED,
    FRESH,
    GROUPS,
    LOADING,
    PART_KITTED,
    PART_PRODUCT,
    PART_ROW,
    PART_STAGE,
    PART_STATUS,
    PROCESSING,
    PRODUCT_GROUP,
    SETUP,
    SETUP_S,
    STATION_GROUP,
    STATION_SETUP,
    TO_LOAD,
    TO_PROCESS,
    TO_SET_UP,
    TO_UNLOAD,
    WAITING,
    WORKED,
    Floats,
    Ints,
)
from twin.engine.jit import inlined, inner


@inlined
def choice(M: Ints, X: Floats, step: int, s: int) -> int:
    """Return the row of choices for a step at a station, or -1."""
    for row in range(get(M, FIRST_CHOICE, step), get(M, FIRST_CHOICE, step + 1)):
        if get(M, CHOICE_STATION, row) == s:
            return row
    return -1


@inlined
def lacks(M: Ints, p: int) -> bool:
    """Tell whether a part on a server waits for components."""
    step = get(M, PART_ROW, p)
    needed = get(M, FIRST_COMPONENT, step + 1) > get(M, FIRST_COMPONENT, step)
    return needed and not get(M, PART_KITTED, p)


@inner
def setup_between(M: Ints, X: Floats, row: int, before: int, after: int) -> float:
    """Return the time of a change-over, s."""
    return real(M, X, SETUP_S, (row * whole(M, GROUPS) + before) * whole(M, GROUPS) + after)


@inner
def setup_now(M: Ints, X: Floats, s: int, group: int) -> float:
    """Return the time that a station would need now to be set up for a group, s."""
    row, before = get(M, STATION_SETUP, s), get(M, STATION_GROUP, s)
    return setup_between(M, X, row, before, group) if row >= 0 and before >= 0 else 0.0


@inner
def next_phase(M: Ints, X: Floats, p: int, s: int) -> int:
    """Return what a part that waits in a station waits for."""
    if get(M, PART_STAGE, p) == WORKED:
        return TO_UNLOAD
    if get(M, PART_STAGE, p) == FRESH:
        if setup_now(M, X, s, get(M, PRODUCT_GROUP, get(M, PART_PRODUCT, p))) > 0.0:
            return TO_SET_UP
        if get(M, CHOICE_LOAD, choice(M, X, get(M, PART_ROW, p), s)) >= 0:
            return TO_LOAD
    return TO_PROCESS


@inner
def phase_at(M: Ints, X: Floats, p: int, s: int) -> int:
    """Return the phase that a part in a station is in, or waits for."""
    status = get(M, PART_STATUS, p)
    if status == WAITING:
        return next_phase(M, X, p, s)
    if status == PROCESSING:
        return TO_PROCESS
    if status == SETUP:
        return TO_SET_UP
    return TO_LOAD if status == LOADING else TO_UNLOAD


@inner
def needs_at(M: Ints, X: Floats, p: int, s: int) -> int:
    """Return where the needs of the phase of a part begin in ``FIRST_NEED``."""
    return 4 * choice(M, X, get(M, PART_ROW, p), s) + phase_at(M, X, p, s)


@inner
def needs_people(M: Ints, X: Floats, p: int, s: int) -> bool:
    """Tell whether a part needs people now."""
    at = needs_at(M, X, p, s)
    return get(M, FIRST_NEED, at) < get(M, FIRST_NEED, at + 1)
