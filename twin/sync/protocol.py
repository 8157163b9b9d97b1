"""What a source of values gives, and what it must be able to do. OPC UA is one such source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

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
    RESOLVING = "resolving"
    CONNECTING = "connecting"
    SECURING = "securing"
    SESSION = "session"
    BROWSING = "browsing"
    SUBSCRIBING = "subscribing"
    VERIFYING = "verifying"
    LIVE = "live"
    DEGRADED = "degraded"
    GAP_FILL = "gap_fill"
    RECONNECTING = "reconnecting"
    FAULTED = "faulted"


CONNECTED = frozenset({SourceState.LIVE, SourceState.DEGRADED})
"""States in which values flow and the picture of the plant is complete, or nearly so."""


class Value(NamedTuple):
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
    late: bool = False
    """Whether it was kept elsewhere, such as in a history: newer ones of its node may be here."""


class Origin(StrEnum):
    """On which way a value came."""

    LIVE = "live"
    """As it was made."""
    REPUBLISH = "republish"
    """Sent again by the server after it had been sent in vain."""
    HISTORY = "history"
    """Read from the server's history."""


class Sample(NamedTuple):
    """One value of one node as the server gave it: what a recording keeps."""

    node: str
    """Name of the node."""
    source_time: datetime
    """Moment at the plant, aware, UTC; the server's or ours where the source gave none."""
    server_time: datetime | None
    """Moment at which the server took it over, aware, UTC."""
    received_at: datetime
    """Moment at which it came in here, aware, UTC."""
    value: Any
    """The value itself, as the server's type has it."""
    status: int
    """Status code of OPC UA; 0 is good."""
    epoch: int
    """Number of the subscription, from 1."""
    origin: Origin
    """On which way it came."""
    stamped: bool
    """Whether source or server gave it a time."""


class Resolution(StrEnum):
    """What became of a gap."""

    REPUBLISH = "republish"
    """Closed: the server sent again what it had sent in vain."""
    HISTORY = "history"
    """Closed: the server's history had every value."""
    UNRECOVERABLE = "unrecoverable"
    """Open: values may be missing for good."""
    SAMPLED = "sampled"
    """The server only takes samples, as it was asked or as often as it can: what a node did between
    two of them is left out."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of time in which values may be missing, or were and came later."""

    begin: datetime
    """Source time of the last value before it."""
    end: datetime
    """Source time of the first value after it; never before ``begin``."""
    reason: str
    """Why, in words."""
    epoch: int
    """Subscription that begins after it, or in which it lies."""
    node: str = ""
    """Name of the node; empty: all of the source."""
    resolved: Resolution = Resolution.UNRECOVERABLE
    """What became of it."""
    before: Any = None
    """Last value before it."""
    after: Any = None
    """First value after it; None if none has come."""
    step_s: float | None = None
    """How far the plant's clock was set, s, below 0 for back; None: it is no step of the clock."""


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


Received = Value | LinkEvent | Gap


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
        sequence of Value, LinkEvent or Gap
            Empty if nothing came within ``wait_s``.
        """
        ...


class Stored(Protocol):
    """What a store gives back of one value; ``twin.sync.protocol.Value`` is one."""

    @property
    def source(self) -> str:
        """Name of the source."""
        ...

    @property
    def node(self) -> str:
        """Node id."""
        ...

    @property
    def element(self) -> str:
        """Element of the line."""
        ...

    @property
    def source_time(self) -> datetime:
        """Moment at the plant."""
        ...

    @property
    def received_at(self) -> datetime:
        """Moment at which it came in."""
        ...

    @property
    def value(self) -> Reading:
        """The value itself."""
        ...

    @property
    def quality(self) -> str:
        """``good``, ``uncertain`` or ``bad``."""
        ...

    @property
    def sequence(self) -> int:
        """Number among values of one node and source time."""
        ...

    @property
    def epoch(self) -> int:
        """Number of the subscription."""
        ...

    @property
    def property(self) -> str:
        """What it says about the element."""
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

    def replay(self, after_row: int = 0, source: str | None = None) -> Iterator[Stored]:
        """Yield what was stored after a row, in order of writing."""
        ...

    def save_snapshot(self, source: str, document: dict[str, Any]) -> None:
        """Write a picture that stands on every row so far."""
        ...

    def last_snapshot(self, source: str) -> tuple[int, dict[str, Any]] | None:
        """Return the newest picture and the last row it stands on; None if there is none."""
        ...
