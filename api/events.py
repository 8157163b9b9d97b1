"""The stream of what happens at the site, for everyone who follows it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from api.schemas import EventKind, EventReset, Shape


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream."""

    id: str
    """Id; a client that comes back gives the last one it saw."""
    kind: EventKind
    """What it is."""
    line_id: str
    """Line it is about."""
    wire: bytes
    """As it goes over the wire: written once for all clients."""

    @classmethod
    def of(cls, identity: str, kind: EventKind, line_id: str, body: Shape) -> Self:
        """Return an event with a body."""
        text = f"id: {identity}\nevent: {kind}\ndata: {body.model_dump_json()}\n\n"
        return cls(identity, kind, line_id, text.encode())


class Follower:
    """One client of the stream. A slow one loses old states first, then is told to read anew."""

    def __init__(self, limit: int, line_id: str | None) -> None:
        self._limit = limit
        self._line_id = line_id
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self.closed = False

    def put(self, event: Event, *, reset: Callable[[], Event]) -> None:
        """Have an event wait for the client."""
        if self._line_id is not None and event.line_id not in {"", self._line_id}:
            return
        if event.kind is EventKind.STATE:
            # Nobody needs a state of the line that a newer one has replaced.
            self._waiting = deque(
                old
                for old in self._waiting
                if old.kind is not EventKind.STATE or old.line_id != event.line_id
            )
        if len(self._waiting) >= self._limit:
            self._waiting.clear()
            self._waiting.append(reset())
        self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        """End the stream of the client."""
        self.closed = True
        self._news.set()

    async def events(self, heartbeat_s: float) -> AsyncIterator[bytes]:
        """Yield events, and a comment whenever nothing happened for a while."""
        yield b"retry: 2000\n\n"
        while not self.closed:
            while self._waiting:
                yield self._waiting.popleft().wire
            self._news.clear()
            try:
                async with asyncio.timeout(heartbeat_s):
                    await self._news.wait()
            except TimeoutError:
                yield b": heartbeat\n\n"


class Hub:
    """Gives events to everyone who follows, and keeps the last ones for those who come back.

    Parameters
    ----------
    ring : int
        Events that are kept.
    queue : int
        Events that may wait for one client.
    """

    def __init__(self, ring: int, queue: int) -> None:
        self._ring: deque[Event] = deque(maxlen=ring)
        self._queue = queue
        self._followers: set[Follower] = set()
        # A new start begins a new series: ids of the old one are then known to be of another.
        self._series = f"{int(datetime.now(UTC).timestamp() * 1000):x}"
        self._number = 0
        self._closed = False

    @property
    def followers(self) -> int:
        """Number of clients."""
        return len(self._followers)

    def publish(self, kind: EventKind, line_id: str, body: Shape) -> None:
        """Tell everyone; to be called in the event loop."""
        self._number += 1
        event = Event.of(f"{self._series}-{self._number}", kind, line_id, body)
        self._ring.append(event)
        for follower in self._followers:
            follower.put(event, reset=lambda: self._reset(event.id))

    def follow(self, last_id: str | None, line_id: str | None = None) -> Follower:
        """Return a new client that first gets what it missed."""
        follower = Follower(self._queue, line_id)
        for event in self._missed(last_id):
            follower.put(event, reset=lambda: self._reset(last_id or ""))
        self._followers.add(follower)
        if self._closed:
            follower.close()
        return follower

    def leave(self, follower: Follower) -> None:
        """Forget a client."""
        self._followers.discard(follower)

    def close(self) -> None:
        """End the streams of all clients."""
        self._closed = True
        for follower in self._followers:
            follower.close()

    def _missed(self, last_id: str | None) -> list[Event]:
        """Return what came after an event; a reset first where that cannot be known."""
        kept = list(self._ring)
        if last_id is None:
            # A new client reads the resources itself; the newest states save it a wait.
            newest = {event.line_id: event for event in kept if event.kind is EventKind.STATE}
            return list(newest.values())
        for place, event in enumerate(kept):
            if event.id == last_id:
                return kept[place + 1 :]
        if last_id == f"{self._series}-{self._number}":
            return []
        return [self._reset(last_id), *self._missed(None)]

    def _reset(self, last_id: str) -> Event:
        safe = "".join(letter for letter in last_id if letter.isalnum() or letter in "-_")[:64]
        body = EventReset(missed_after=safe)
        return Event.of(f"{self._series}-{self._number}", EventKind.RESET, "", body)
