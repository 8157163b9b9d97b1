"""Keys of the dispatch rules: what ``dispatch`` does, by the same arithmetic."""

from __future__ import annotations

import math

from twin.engine.compiled.memory import get, moment, real, whole
from twin.engine.compiled.phases import setup_between
from twin.engine.compiled.tables import (
    CHOICE_MEAN_S,
    CRITICAL_RATIO,
    EARLIEST_RELEASE,
    EDD,
    FIFO,
    FIRST_RULE,
    LEAST_OPERATIONS,
    LEAST_SETUP,
    LEAST_WORK,
    LIFO,
    LONGEST_WAITING,
    LPT,
    MOST_OPERATIONS,
    MOST_WORK,
    NOW,
    OLDEST,
    OPERATION_DUE_DATE,
    ORDER_COUNT,
    ORDER_DUE_S,
    ORDER_PLACE,
    ORDER_PRIORITY,
    ORDER_RELEASE_S,
    PART_CREATED_S,
    PART_ENTERED_S,
    PART_ORDER,
    PART_PRODUCT,
    PART_ROW,
    PRIORITY,
    PRODUCT_GROUP,
    RULE,
    SLACK,
    SPT,
    STATION_GROUP,
    STATION_SETUP,
    STEP_LEFT,
    STEP_REST_S,
    STEP_SHARE,
    Floats,
    Ints,
)
from twin.engine.dispatch import LAST, LEAST_S, LOOK_AHEAD
from twin.engine.jit import inner, outlined


@inner
def key(
    M: Ints, X: Floats, rule: int, s: int, p: int, row: int, position: int, mean_s: float
) -> float:
    """Return the key of a part that waits for a station; the smallest goes first."""
    if rule == FIFO:
        return 0.0
    if rule == LIFO:
        return float(-position)
    if rule >= OPERATION_DUE_DATE:
        return _of_times(M, X, rule, s, p, row, mean_s)
    return _of_part(M, X, rule, s, p, row)


@outlined
def goes_before(
    M: Ints,
    X: Floats,
    s: int,
    p: int,
    row: int,
    position: int,
    other: int,
    other_row: int,
    other_position: int,
    mean_s: float,
) -> bool:
    """Tell which of two parts goes first that a station's first rule does not tell apart."""
    for i in range(get(M, FIRST_RULE, s) + 1, get(M, FIRST_RULE, s + 1)):
        rule = get(M, RULE, i)
        mine = key(M, X, rule, s, p, row, position, mean_s)
        theirs = key(M, X, rule, s, other, other_row, other_position, mean_s)
        if mine != theirs:
            return mine < theirs
    return False


@inner
def _of_part(  # noqa: PLR0911 - one for each rule
    M: Ints, X: Floats, rule: int, s: int, p: int, row: int
) -> float:
    """Return the key of a part by a rule that looks at the part, or at one thing of its order."""
    order = get(M, PART_ORDER, p)
    if rule == SPT:
        return real(M, X, CHOICE_MEAN_S, row)
    if rule == LPT:
        return -real(M, X, CHOICE_MEAN_S, row)
    if rule == LONGEST_WAITING:
        return real(M, X, PART_ENTERED_S, p)
    if rule == OLDEST:
        return real(M, X, PART_CREATED_S, p)
    if rule == EDD:
        return real(M, X, ORDER_DUE_S, order) if order >= 0 else math.inf
    if rule == PRIORITY:
        return -real(M, X, ORDER_PRIORITY, order) if order >= 0 else 0.0
    if order >= 0:  # by the plan
        return float(get(M, ORDER_PLACE, s * whole(M, ORDER_COUNT) + order))
    return float(LAST)


@inner
def _of_times(  # noqa: PLR0911 - one for each rule
    M: Ints, X: Floats, rule: int, s: int, p: int, row: int, mean_s: float
) -> float:
    """Return the key of a part by a rule that looks at times, work and setups together."""
    order, step = (get(M, PART_ORDER, p), get(M, PART_ROW, p))
    time_s = real(M, X, CHOICE_MEAN_S, row)
    work_s = time_s + real(M, X, STEP_REST_S, step)
    due_s = real(M, X, ORDER_DUE_S, order) if order >= 0 else math.inf
    release_s = real(M, X, ORDER_RELEASE_S, order) if order >= 0 else math.inf
    if rule == OPERATION_DUE_DATE:
        if math.isinf(due_s):
            return due_s
        return release_s + (due_s - release_s) * real(M, X, STEP_SHARE, step)
    if rule == EARLIEST_RELEASE:
        return release_s
    if rule == MOST_WORK:
        return -work_s
    if rule == LEAST_WORK:
        return work_s
    if rule == MOST_OPERATIONS:
        return float(-get(M, STEP_LEFT, step))
    if rule == LEAST_OPERATIONS:
        return float(get(M, STEP_LEFT, step))
    if rule == LEAST_SETUP:
        setup, before = (get(M, STATION_SETUP, s), get(M, STATION_GROUP, s))
        if setup < 0 or before < 0:
            return 0.0
        return setup_between(M, X, setup, before, get(M, PRODUCT_GROUP, get(M, PART_PRODUCT, p)))
    if rule == CRITICAL_RATIO:
        return (due_s - moment(M, X, NOW)) / max(work_s, LEAST_S)
    spare_s = due_s - moment(M, X, NOW) - work_s
    if rule == SLACK:
        return spare_s
    weight = real(M, X, ORDER_PRIORITY, order) if order >= 0 else 0.0
    urgency = math.exp(-max(0.0, spare_s) / (LOOK_AHEAD * max(mean_s, LEAST_S)))
    return -(weight / max(time_s, LEAST_S)) * urgency
