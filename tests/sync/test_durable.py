"""Durable before believed, and a store that fails stops nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from twin.errors import JournalError
from twin.sync.clock import ManualClock
from twin.sync.durable import DurableWriter
from twin.sync.protocol import Stored, Value

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def value(second: int) -> Value:
    """Return a value."""
    moment = START + timedelta(seconds=second)
    return Value("plant", "s=a", "x", "p", moment, None, moment, second)


class Shelf:
    """A store whose disk can be full."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.gaps: list[tuple[datetime, datetime]] = []
        self.full = False

    def append(self, values: Sequence[Value]) -> int:
        """Keep values, or fail."""
        if self.full:
            raise JournalError("the disk is full")
        self.values += values
        return len(values)

    def declare_gap(self, source: str, begin: datetime, end: datetime, reason: str) -> None:
        """Keep a gap, or fail."""
        if self.full:
            raise JournalError("the disk is full")
        self.gaps.append((begin, end))

    def last_values(self, source: str) -> Sequence[Stored]:
        """Return nothing."""
        return ()


async def test_values_wait_in_memory_for_the_disk() -> None:
    """While the disk is full the alarm stands; what fits into memory is stored afterwards."""
    shelf, clock = Shelf(), ManualClock(START)
    writer = DurableWriter(shelf, clock, ring=10)
    await writer.write([value(0)])
    shelf.full = True
    await writer.write([value(1)])
    assert writer.alarm == "the disk is full"
    shelf.full = False
    await writer.write([value(2)])
    assert [item.value for item in shelf.values] == [0]  # not tried again at once
    clock.advance(1.0)
    await writer.write([value(3)])
    assert [item.value for item in shelf.values] == [0, 1, 2, 3]
    assert writer.alarm is None
    assert shelf.gaps == []


async def test_what_memory_cannot_hold_is_a_declared_gap() -> None:
    """The oldest are dropped, counted, and declared once the disk works again."""
    shelf, clock = Shelf(), ManualClock(START)
    writer = DurableWriter(shelf, clock, ring=3)
    shelf.full = True
    for second in range(10):
        await writer.write([value(second)])
        clock.advance(1.0)
    assert writer.dropped == 7
    shelf.full = False
    await writer.write([value(10)])
    assert [item.value for item in shelf.values] == [7, 8, 9, 10]
    assert shelf.gaps == [(value(0).source_time, value(6).source_time)]
