"""A replication's memory as Python sees it: fields laid out in records, and read back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from twin.engine.compiled import tables as t

COLUMN_MASK = (1 << t.COLUMN_BITS) - 1


def ints(values: Iterable[Any]) -> t.Ints:
    """Return whole numbers as an array."""
    return np.array(list(values), dtype=np.int64)


def floats(values: Iterable[Any]) -> t.Floats:
    """Return numbers as an array."""
    return np.array(list(values), dtype=np.float64)


def none(count: int) -> t.Ints:
    """Return so many times -1."""
    return np.full(count, -1, dtype=np.int64)


def nan(count: int) -> t.Floats:
    """Return so many times NaN."""
    return np.full(count, np.nan)


def zeros(count: int) -> t.Ints:
    """Return so many zeros."""
    return np.zeros(count, dtype=np.int64)


def offsets(lengths: Iterable[int]) -> t.Ints:
    """Return the first place of each stretch, and one past the last."""
    return ints([0, *accumulate(lengths)])


def all_bits(count: int) -> t.Ints:
    """Return so many bits, all set, in words."""
    whole, rest = divmod(count, t.LOOK_BITS)
    return ints([(1 << t.LOOK_BITS) - 1] * whole + [(1 << rest) - 1] * bool(rest))


@dataclass(frozen=True, slots=True)
class Memory:
    """One piece of memory, as whole numbers and as reals; see ``tables``."""

    m: t.Ints
    x: t.Floats

    @classmethod
    def of(cls, m: t.Ints) -> Memory:
        """Return the memory that an array is."""
        return cls(m, m.view(np.float64))

    def copy(self) -> Memory:
        """Return a copy of its own."""
        return Memory.of(self.m.copy())

    def ints(self, field: int, count: int) -> t.Ints:
        """Return the first values of a field of whole numbers, as a view."""
        return self.m[self._places(field, count)]

    def floats(self, field: int, count: int) -> t.Floats:
        """Return the first values of a field of reals, as a view."""
        return self.x[self._places(field, count)]

    def things(self, field: int, count: int) -> t.Ints:
        """Return the first things that have a field, one a row, with all that they have."""
        record = field >> t.COLUMN_BITS
        begin, width = int(self.m[t.BEGINS + record]), t.WIDTH[record]
        return self.m[begin : begin + count * width].reshape(count, width)

    def n(self, field: int, i: int) -> int:
        """Return a whole number of a field."""
        return int(self.m[self._places(field, i + 1)][i])

    def r(self, field: int, i: int) -> float:
        """Return a real number of a field."""
        return float(self.x[self._places(field, i + 1)][i])

    def known(self, field: int, i: int) -> float | None:
        """Return a real number of a field, None for NaN."""
        value = self.r(field, i)
        return None if math.isnan(value) else value

    def _places(self, field: int, count: int) -> slice:
        record = field >> t.COLUMN_BITS
        begin, width = int(self.m[t.BEGINS + record]) + (field & COLUMN_MASK), t.WIDTH[record]
        return slice(begin, begin + count * width, width)


def laid_out(fields: dict[str, Any]) -> Memory:
    """Return a memory with these fields, each named as in ``tables`` in small letters."""
    assert fields.keys() == t.FIELD.keys(), fields.keys() ^ t.FIELD.keys()
    rows = [0] * len(t.RECORDS)
    for name, values in fields.items():
        record = t.FIELD[name] >> t.COLUMN_BITS
        rows[record] = max(rows[record], len(values))
    begins, size = _places(rows)
    memory = Memory.of(np.zeros(size, dtype=np.int64))
    memory.m[t.BEGINS : t.HEADER] = begins
    for name, values in fields.items():
        real = values.dtype == np.float64
        view = memory.floats if real else memory.ints
        view(t.FIELD[name], len(values))[:] = values
    return memory


def _places(rows: list[int]) -> tuple[list[int], int]:
    """Return where each record begins, and the length of the whole.

    Where there is room for all, those of the common layout stand where it says (see ``lean``).
    """
    fits = all(rows[at] <= t.ROOM[at] for at in t.COMMON if t.ROOM[at] != t.ANY_ROOM)
    begins, end = [0] * len(rows), t.HEADER
    if fits:
        for at, begin in t.COMMON.items():
            begins[at], end = begin, begin + rows[at] * t.WIDTH[at]
    for at, count in enumerate(rows):
        if not (fits and at in t.COMMON):
            begins[at], end = end, end + count * t.WIDTH[at]
    return begins, end
