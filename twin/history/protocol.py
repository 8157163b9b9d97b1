"""What a store of received values takes and gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Scalar = bool | int | float | str | datetime | tuple[int, ...] | None
"""A value that can be stored."""


class Sample(Protocol):
    """A value to be stored. Its key is source, node, source time and sequence."""

    @property
    def source(self) -> str:
        """Name of the source."""
        ...

    @property
    def node(self) -> str:
        """Node id with its namespace spelled out."""
        ...

    @property
    def element(self) -> str:
        """Element of the line."""
        ...

    @property
    def source_time(self) -> datetime:
        """Moment at the plant, aware."""
        ...

    @property
    def received_at(self) -> datetime:
        """Moment at which it came in, aware."""
        ...

    @property
    def value(self) -> Scalar:
        """What the node read."""
        ...

    @property
    def quality(self) -> str:
        """``good``, ``uncertain`` or ``bad``."""
        ...

    @property
    def sequence(self) -> int:
        """Number among values of one node and source time, from 0."""
        ...

    @property
    def epoch(self) -> int:
        """Number of the subscription."""
        ...

    @property
    def property(self) -> str:
        """What it says about the element."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """A stored value."""

    row: int
    """Number in order of writing, from 1; greater ones are newer."""
    source: str
    """Name of the source."""
    node: str
    """Node id with its namespace spelled out."""
    element: str
    """Element of the line."""
    property: str
    """What it says about the element."""
    source_time: datetime
    """Moment at the plant, aware, UTC."""
    received_at: datetime
    """Moment at which it came in, aware, UTC."""
    value: Scalar
    """The value."""
    quality: str
    """``good``, ``uncertain`` or ``bad``."""
    sequence: int
    """Number among values of one node and source time, from 0."""
    epoch: int
    """Number of the subscription."""


@dataclass(frozen=True, slots=True)
class GapRecord:
    """A stored gap: values between two moments may be missing."""

    source: str
    """Name of the source."""
    begin: datetime
    """Last moment before it, aware, UTC."""
    end: datetime
    """First moment after it, aware, UTC."""
    reason: str
    """Why, in words."""


class Store(Protocol):
    """Keeps values for good. What ``append`` returned from is still there after a power cut."""

    def append(self, values: Sequence[Sample]) -> int:
        """Write values and return how many were new.

        Raises
        ------
        JournalError
            If they could not be written; none of them is stored then.
        """
        ...

    def declare_gap(self, source: str, begin: datetime, end: datetime, reason: str) -> None:
        """Write that values may be missing between two moments."""
        ...

    def watermark(self) -> int:
        """Return the number of the newest stored row; 0 for an empty store."""
        ...

    def replay(self, after_row: int = 0) -> Iterator[Record]:
        """Yield what was stored, in order of writing."""
        ...

    def last_values(self, source: str) -> Sequence[Record]:
        """Return the newest value of each node of a source."""
        ...

    def gaps(self, source: str) -> Sequence[GapRecord]:
        """Return the gaps of a source, oldest first."""
        ...

    def close(self) -> None:
        """Release the store."""
        ...
