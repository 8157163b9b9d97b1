"""Looks whether values flow at all: a server may answer and keep silent about its values."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any

from asyncua import ua

from twin.sync.clock import Clock
from twin.sync.compat import BAD
from twin.sync.continuity import Track
from twin.sync.session import Session, utc

EVERY_S = 1.0
"""Time between two looks, s."""
NODES = 20
"""Nodes looked at in one call."""
LAST_LOOK = 100
"""Nodes looked at in one call at the end, when all of them are."""


class Probe:
    """Reads a few nodes directly now and then, and compares with what the subscription brought.

    It also keeps the session alive where a server gives it little time.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._next_s = 0.0
        self._position = 0
        self._owed: dict[str, tuple[float, Any, datetime]] = {}
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin with a new connection."""
        self.end()
        self._owed.clear()
        self._next_s = self._clock.steady_s() + EVERY_S

    async def settle(self, wait_s: float) -> None:
        """Read every node a last time and wait for what is on its way; the rest is a gap."""
        session, deadline_s = self._session, self._clock.steady_s() + wait_s
        names = [name for name in session.ids if name not in session.bad]
        owed: dict[str, tuple[Any, datetime]] = {}
        with suppress(ua.UaError, OSError, TimeoutError):
            async with asyncio.timeout(wait_s):
                for start in range(0, len(names), LAST_LOOK):
                    owed |= await self._undelivered(names[start : start + LAST_LOOK])
        while owed and session.lost is None and self._clock.steady_s() < deadline_s:
            await asyncio.sleep(0.05)
            owed = {
                name: found
                for name, found in owed.items()
                if not _delivered(session.continuity.track(name), *found)
            }
        for name in owed:
            track = session.continuity.track(name)
            track.opening = track.opening or "not told before the end"

    async def _undelivered(self, names: list[str]) -> dict[str, tuple[Any, datetime]]:
        """Return the values, read directly, that no subscription has brought yet."""
        session = self._session
        if session.channel is None:
            return {}
        found = {}
        values = await session.channel.read([session.ids[name] for name in names])
        for name, data in zip(names, values, strict=False):
            good = data.StatusCode is None or data.StatusCode.value < BAD
            if not good or data.SourceTimestamp is None or data.Value is None:
                continue
            value, stamp = data.Value.Value, utc(data.SourceTimestamp)
            if not _delivered(session.continuity.track(name), value, stamp):
                found[name] = (value, stamp)
        return found

    def end(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def late(self) -> int:
        """Return how many nodes have a newest value that is older than it may be."""
        now = self._clock.now()
        late = 0
        for name, item in self._session.items.items():
            if item.max_age_s is not None:
                last = self._session.continuity.track(name).last
                late += last is None or (now - last.received_at).total_seconds() > item.max_age_s
        return late

    def look(self, dead_after_s: float) -> str | None:
        """Return why the values do not flow, or None if nothing speaks against it."""
        now_s = self._clock.steady_s()
        for name, (until_s, value, stamp) in list(self._owed.items()):
            track = self._session.continuity.track(name)
            if _delivered(track, value, stamp):
                del self._owed[name]
            elif now_s > until_s:
                return f"connected, but {name} changed and nothing was told"
        if now_s < self._next_s:
            return None
        self._next_s = now_s + EVERY_S
        if self._task is None or self._task.done():
            until_s = now_s + max(dead_after_s, self._session.dead_factor_s)
            self._task = asyncio.create_task(self._read(until_s))
        return None

    async def _read(self, until_s: float) -> None:
        """Read in the background: a server that does not answer must not delay the verdict."""
        with suppress(ua.UaError, OSError, TimeoutError):
            await self._compare(until_s)

    async def _compare(self, until_s: float) -> None:
        session = self._session
        names = [name for name in session.ids if name not in session.bad]
        if not names or session.channel is None:
            if session.channel is not None:
                await session.channel.read([ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)])
            return
        self._position %= len(names)
        chosen = list(islice(names, self._position, self._position + NODES))
        self._position += NODES
        for name, (value, stamp) in (await self._undelivered(chosen)).items():
            if name not in self._owed:
                coarse_s = session.continuity.track(name).coarse_s
                wait_s = 2.0 * (coarse_s or session.items[name].sampling_s)
                self._owed[name] = (until_s + wait_s, value, stamp)


def _delivered(track: Track, value: Any, stamp: datetime) -> bool:
    last = track.last
    return last is not None and (last.source_time >= stamp or last.value == value)
