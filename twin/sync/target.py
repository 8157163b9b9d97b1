"""What a supervisor is to read from one server, whoever asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from twin.sync.protocol import Gap, LinkEvent, Sample
from twin.sync.security import Security

SERVER_TIME = "i=2258"
"""Node id of every server's own clock, ``CurrentTime``."""


@dataclass(frozen=True, slots=True)
class Item:
    """One node to read."""

    name: str
    """Name under which its values are told."""
    node: str
    """Node id: ``nsu=...;s=...``, or ``ns=2;s=...`` with the index of the first connection."""
    sampling_s: float = 0.0
    """Time between samples, s; 0: every change, as far as the server can."""
    queue_size: int = 1000
    """Values the server is asked to keep between publications."""
    required: bool = True
    """Whether the link counts as degraded while it gives no good value."""
    max_age_s: float | None = None
    """Age of its newest value from which the link is degraded, s; None: it may rest for long."""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Nodes to read that the server is asked for: a browse path below Objects."""

    path: tuple[str, ...]
    """Browse names on the way; ``*`` stands for any one, ``**`` for any number of them."""
    template: Item
    """What holds for each node that is found."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server, and what to read from it."""

    source: str
    """Name of the source."""
    endpoint: str
    """Address, ``opc.tcp://host:port/path``."""
    items: tuple[Item, ...] = ()
    """Nodes."""
    wildcards: tuple[Wildcard, ...] = ()
    """Nodes that the server is asked for on each connection."""
    publishing_s: float = 0.1
    """Time between publications, s."""
    heartbeat: str = SERVER_TIME
    """Node id of a clock that proves by moving that values flow."""
    heartbeat_required: bool = False
    """Whether a server without that clock is of no use."""
    security: Security | None = None
    """How the connection is protected; None: not at all."""
    history: bool = True
    """Whether gaps may be closed from the server's history."""
    late: bool = False
    """Whether old values may come late: what a further loss kept from being read from history is
    then read after it."""
    max_skew_s: float | None = None
    """Difference between the server's clock and ours from which the link is degraded, s."""


class Sink(Protocol):
    """Where a supervisor puts what comes in."""

    def take(self, samples: list[Sample]) -> None:
        """Take the values of one notification, in order."""
        ...

    def gap(self, gap: Gap) -> None:
        """Take a gap of one node."""
        ...

    def link_changed(self, event: LinkEvent) -> None:
        """Take a change of the link."""
        ...

    async def room(self) -> None:
        """Wait until there is room; meanwhile the server keeps what is made."""
        ...
