"""Numbers drawn several at once, in the form in which times need them.

Loops without a branch work on several numbers together, so a block is little more work than one
number. What seldom is otherwise, a deviate far out, is seen to afterwards.
"""

from __future__ import annotations

import numpy as np

from twin.engine.compiled.tables import Floats
from twin.engine.elementary import log
from twin.engine.jit import inlined, outlined
from twin.engine.streams import (
    DEVIATE,
    LOGARITHM,
    formed_time,
    is_far_out,
    normal_far_out,
    normal_near,
    normal_quantile,
    quantile_at,
    uniform,
)

# Times a power of two a number is exact, and no deviate that is not far out is as large.
_MARK, _UNMARK, _LEAST_MARKED = 2.0**60, 2.0**-60, 64.0


@inlined
def formed(form: int, u: float) -> float:
    """Return a number in a form of its own, the number being given."""
    if form == LOGARITHM:
        return log(1.0 - u)
    return normal_quantile(u) if form == DEVIATE else u


@inlined
def time_of(form: int, code: int, table: Floats, first: int, last: int, value: float) -> float:
    """Return the time of a distribution for a number in a form, s."""
    if form == LOGARITHM or form == DEVIATE:  # noqa: PLR1714, SIM109 - a tuple compiles slowly
        return formed_time(code, table, first, value)
    return quantile_at(code, table, first, last, value)


@inlined
def draw_block(
    values: Floats, to: int, count: int, key: np.uint64 | int, replication: int, a: int, b: int,
    form: int, mirrored: int,
) -> None:  # fmt: skip
    """Draw the numbers of a, a + 1, ... in a form; ``mirrored``: 1 - u in place of u."""
    for i in range(to, to + count):
        values[i] = uniform(key, replication, a + (i - to), b)
    if mirrored:
        for i in range(to, to + count):
            values[i] = 1.0 - values[i]
    if form == LOGARITHM:
        for i in range(to, to + count):
            values[i] = log(1.0 - values[i])
    elif form == DEVIATE:
        for i in range(to, to + count):
            u = values[i]
            values[i] = u * _MARK if is_far_out(u) else normal_near(u)
        _far_out(values, to, count)


@outlined
def _far_out(values: Floats, to: int, count: int) -> None:
    for i in range(to, to + count):
        if values[i] >= _LEAST_MARKED:
            values[i] = normal_far_out(values[i] * _UNMARK)
