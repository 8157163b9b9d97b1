"""What the mirror tells of itself: news, how the link stands, and what did not go by the book."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from twin.sync.protocol import Gap, SourceState

CHANGES_KEPT = 256
"""News kept for a reader who is slow."""


@dataclass(slots=True)
class Tally:
    """What did not go by the book."""

    unexplained: int = 0
    """Changes that no routing or counter explains; the mirror follows the plant all the same."""
    corrected: int = 0
    """Parts whose product or order turned out otherwise than guessed."""
    bad: int = 0
    """Values of bad quality: they changed nothing."""
    late: int = 0
    """Values that came after their moment had been translated."""
    historical: int = 0
    """Values older than what was known of their node: they are in the journal and changed
    nothing."""
    unknown: int = 0
    """States that no table knows."""
    resets: int = 0
    """Counters that were set back or corrected."""
    inferred: int = 0
    """Moves of parts that no part number showed; they followed from counters and states."""


class ChangeKind(StrEnum):
    """What news is about."""

    STATE = "state"
    LINK = "link"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Change:
    """News for whoever follows the mirror."""

    kind: ChangeKind
    """What it is about."""
    time_s: float
    """Plant time of the mirror, s since the line's start."""
    text: str = ""
    """In words, for link and gap."""
    events: int = 0
    """Events since the last news about the state."""


class Listeners:
    """Whoever follows the mirror."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Change]] = set()

    def tell(self, change: Change) -> None:
        """Give news to everybody; who is too slow loses the oldest."""
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(change)

    async def changes(self) -> AsyncIterator[Change]:
        """Yield news from now on."""
        queue: asyncio.Queue[Change] = asyncio.Queue(CHANGES_KEPT)
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How far the mirror can be trusted."""

    state: SourceState
    """Where the link stands."""
    since: datetime
    """Since when, aware, UTC, on the mirror's clock."""
    as_of: datetime | None
    """Plant time up to which the state is known, aware, UTC; None before the first picture."""
    age_s: float | None
    """Time since the plant was last heard, s on our clock; None before the first value."""
    quality: str
    """Quality of the state: ``good``, ``uncertain``, ``gap`` (the link is back, but its first
    picture is not whole yet), ``stale`` (the link is lost) or ``bad`` (there is no state). What is
    missing of the past is in ``gaps``."""
    endpoint: str
    """Where the values come from."""
    reason: str
    """Why the link is in its state, in words."""
    received: int
    """Values that came in and were new."""
    duplicates: int
    """Values that had come in before."""
    gaps: tuple[Gap, ...]
    """Stretches of time in which values may be missing, oldest first."""
    missing: tuple[str, ...]
    """Mapped nodes that give no usable value."""
    last_error: str
    """What last went wrong, in words; empty if nothing did."""
    mapping_hash: str
    """Hash of the mapping in use."""
    skew_s: float | None
    """Plant's clock less ours when last heard, s."""
    alarm: str | None
    """Why values cannot be stored; None if they can."""
    tally: Tally
    """What did not go by the book in the translation."""
