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


async def test_values_wait_for_the_disk_and_are_not_believed() -> None:
    """While the disk is full the alarm stands and nothing is safe; afterwards all of it is."""
    shelf, clock = Shelf(), ManualClock(START)
    writer = DurableWriter(shelf, clock)
    assert await writer.write([value(0)]) == [value(0)]
    shelf.full = True
    assert await writer.write([value(1)]) == ()
    assert writer.alarm == "the disk is full"
    shelf.full = False
    assert await writer.write([value(2)]) == ()
    assert [item.value for item in shelf.values] == [0]  # not tried again at once
    clock.advance(1.0)
    assert await writer.write() == [value(1), value(2)]
    assert [item.value for item in shelf.values] == [0, 1, 2]
    assert writer.alarm is None
    assert await writer.write() == ()


async def test_gap_that_finds_no_room_is_stored_later() -> None:
    """A gap is no less durable than a value."""
    shelf, clock = Shelf(), ManualClock(START)
    writer = DurableWriter(shelf, clock)
    shelf.full = True
    gap = (value(0).source_time, value(6).source_time)
    await writer.gap("plant", *gap, "reset")
    assert (writer.alarm, shelf.gaps) == ("the disk is full", [])
    shelf.full = False
    clock.advance(1.0)
    await writer.write()
    assert (writer.alarm, shelf.gaps) == (None, [gap])
