"""What a source of values gives, and what it must be able to do. OPC UA is one such source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

Scalar = bool | int | float | str | datetime
Reading = Scalar | tuple[int, ...] | None
"""A decoded value; None where the source gave none that could be used."""


class Quality(StrEnum):
    """How far a value can be trusted."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class SourceState(StrEnum):
    """Where a source stands. ``twin.sync.machine`` says how it moves."""

    DISABLED = "disabled"
    CONNECTING = "connecting"
    BROWSING = "browsing"
    SUBSCRIBING = "subscribing"
    VERIFYING = "verifying"
    LIVE = "live"
    DEGRADED = "degraded"
    RECONNECTING = "reconnecting"
    FAULTED = "faulted"


CONNECTED = frozenset({SourceState.LIVE, SourceState.DEGRADED})
"""States in which values flow and the picture of the plant is complete, or nearly so."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of one node, as it was received."""

    source: str
    """Name of the source."""
    node: str
    """Node id with its namespace spelled out: ``nsu=...;s=...``."""
    element: str
    """Station, buffer, source or sink it belongs to; empty for the plant as a whole."""
    property: str
    """What it says about the element, e.g. ``servers.0.part`` or ``signals.vibration``."""
    source_time: datetime
    """Moment at the plant, aware, UTC: the truth."""
    server_time: datetime | None
    """Moment at which the server took it over, aware, UTC."""
    received_at: datetime
    """Moment at which it came in here, aware, UTC."""
    value: Reading
    """The value itself; None with bad quality."""
    quality: Quality = Quality.GOOD
    """How far it can be trusted."""
    sequence: int = 0
    """Number among values of this node with the same source time, from 0."""
    epoch: int = 0
    """Number of the subscription it came through, from 1."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """The source moved from one state to another."""

    state: SourceState
    """State it is in now."""
    at: datetime
    """When, aware, UTC, on the plant's clock as we know it."""
    reason: str = ""
    """Why, in words."""
    epoch: int = 0
    """Number of the subscription, from 1; it rises with each new one."""
    missing: tuple[str, ...] = ()
    """Mapped nodes that gave no usable value."""


Received = Value | LinkEvent


class Connector(Protocol):
    """A source of timestamped values that looks after its own connection.

    Values and changes of the link come in one stream, in the order in which they took effect.
    Nothing is dropped without notice: a source that cannot keep up ends its subscription, which
    shows as a new epoch and so as a gap.
    """

    @property
    def source(self) -> str:
        """Name of the source."""
        ...

    @property
    def endpoint(self) -> str:
        """Where the values come from, for people."""
        ...

    async def connect(self) -> None:
        """Begin; returns at once and keeps trying until ``close``."""
        ...

    async def close(self) -> None:
        """End, within a bounded time."""
        ...

    async def receive(self, limit: int, wait_s: float) -> Sequence[Received]:
        """Return what came in, oldest first.

        Parameters
        ----------
        limit : int
            Greatest number of items.
        wait_s : float
            Time to wait for the first one, s.

        Returns
        -------
        sequence of Value or LinkEvent
            Empty if nothing came within ``wait_s``.
        """
        ...


class Stored(Protocol):
    """What a store gives back of one value; ``twin.sync.protocol.Value`` is one."""

    @property
    def node(self) -> str:
        """Node id."""
        ...

    @property
    def source_time(self) -> datetime:
        """Moment at the plant."""
        ...

    @property
    def value(self) -> Reading:
        """The value itself."""
        ...

    @property
    def sequence(self) -> int:
        """Number among values of one node and source time."""
        ...


class Store(Protocol):
    """Where values are written before the twin believes them. ``SqliteStore`` is one."""

    def append(self, values: Sequence[Value]) -> int:
        """Write values for good and return how many were new; raise JournalError if it cannot."""
        ...

    def declare_gap(self, source: str, begin: datetime, end: datetime, reason: str) -> None:
        """Write that values may be missing between two moments."""
        ...

    def last_values(self, source: str) -> Sequence[Stored]:
        """Return the newest value of each node."""
        ...
