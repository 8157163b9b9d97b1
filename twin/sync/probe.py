"""Looks whether values flow at all: a server may answer and keep silent about its values."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from asyncua import ua

from twin.sync.clock import Clock
from twin.sync.compat import BAD
from twin.sync.pace import equal
from twin.sync.protocol import Sample
from twin.sync.samples import utc
from twin.sync.session import Session
from twin.sync.subscribing import GONE

STILL_S = 1.2
"""Time without a sign of life from which the server's clock is read directly, s."""
EVERY_S = 1.0
"""Time between two looks, s."""
NODES = 20
"""Nodes looked at in one call."""
STEP_S = 0.02
"""Time between two looks at what came in at the end, s."""
LAST_LOOK = 100
"""Nodes looked at in one call at the end, when all of them are."""


class _Owed(NamedTuple):
    """A value that was read, and that the subscription had not brought by then."""

    value: Any
    stamp: datetime | None
    last: Sample | None
    published: dict[int, int]
    """Publications of each subscription until then."""


class Probe:
    """Reads a few nodes directly now and then, and compares with what the subscription brought.

    A server that answers and tells nothing is found out, one that tells less than its queue should
    have kept too; and the session is kept alive where a server gives it little time.
    """

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._next_s = 0.0
        self._position = 0
        self._owed: dict[str, tuple[float, _Owed]] = {}
        self._task: asyncio.Task[None] | None = None
        self._clocking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin with a new connection."""
        self.end()
        self._owed.clear()
        self._next_s = self._clock.steady_s() + EVERY_S

    async def settle(self, wait_s: float) -> None:
        """Read every node a last time and wait for what is on its way; the rest is a gap."""
        session, deadline_s = self._session, self._clock.steady_s() + wait_s
        names = session.nodes.readable()
        owed: dict[str, _Owed] = {}
        unread = dict.fromkeys(names, "it could not be read at the end")
        with suppress(ua.UaError, OSError, TimeoutError):
            async with asyncio.timeout(wait_s):
                while unread:
                    part = list(unread)[:LAST_LOOK]
                    owed |= await self._read(part, last_time=True)
                    for name in part:
                        del unread[name]
        read, told = session.published(), False
        while session.lost is None and self._clock.steady_s() < deadline_s:
            told = session.told_since(read)
            owed = {name: item for name, item in owed.items() if not self._came(name, item)}
            if told and not owed:
                break
            await asyncio.sleep(STEP_S)
        for name, reason in (unread | dict.fromkeys(owed, "not told before the end")).items():
            track = session.continuity.track(name)
            track.opening = track.opening or reason

    def _came(self, name: str, item: _Owed) -> bool:
        """Tell whether a value that was read has come, or is known to be no news."""
        session = self._session
        last = session.continuity.track(name).last
        if last is None:
            return False
        same = equal(last.value, item.value)
        if session.told_since(item.published):  # then whatever was to come is here
            past = item.stamp is None or last.source_time >= item.stamp
            return past or (same and last is item.last)
        if item.stamp is None or last is item.last:
            return False
        # Times may be too coarse to tell values apart, and a clock may have been set back.
        ahead = item.last is not None and item.last.source_time > item.stamp
        past = last.source_time > item.stamp or (same and last.source_time == item.stamp)
        return past and not ahead

    async def _read(self, names: list[str], *, last_time: bool = False) -> dict[str, _Owed]:
        """Return the values, read directly, that no subscription has brought yet.

        The ``last_time`` values that are bad count too: what was before them may be on its way.
        """
        session = self._session
        if session.channel is None:
            raise ConnectionError
        values = await session.channel.read([session.nodes.ids[name] for name in names])
        found = {}
        for name, data in zip(names, values, strict=True):
            good = data.StatusCode is None or data.StatusCode.value < BAD
            if not (good and data.Value is not None) and not last_time:
                if not good and data.StatusCode.name in GONE:
                    session.nodes.lose(name, str(data.StatusCode.name))
                continue
            stamp = None if data.SourceTimestamp is None else utc(data.SourceTimestamp)
            track = session.continuity.track(name)
            last, value = track.last, None if data.Value is None else data.Value.Value
            news = last is None or stamp is None or last.source_time < stamp
            same = last is not None and last.source_time == stamp and equal(last.value, value)
            if news or (last_time and not same):
                found[name] = _Owed(value, stamp, last, session.published())
                if not (good and news):
                    continue
                changed = last is None or not equal(last.value, value)
                if stamp is not None and changed and not session.nodes.items[name].sampling_s:
                    track.pace.testify(value, stamp)
        return found

    def end(self) -> None:
        """Look no more."""
        for task in (self._task, self._clocking):
            if task is not None:
                task.cancel()
        self._task = self._clocking = None

    def late(self) -> int:
        """Return how many nodes have a newest value that is older than it may be."""
        now = self._clock.now()
        late = 0
        for name, item in self._session.nodes.items.items():
            if item.max_age_s is not None:
                last = self._session.continuity.track(name).last
                late += last is None or (now - last.received_at).total_seconds() > item.max_age_s
        return late

    def look(self, dead_after_s: float) -> str | None:
        """Return why the values do not flow, or None if nothing speaks against it."""
        now_s, pulse = self._clock.steady_s(), self._session.pulse
        quiet = pulse.beating and pulse.silent_s() > STILL_S
        if quiet and (self._clocking is None or self._clocking.done()):
            self._clocking = asyncio.create_task(self.clock())
        for name, (until_s, item) in list(self._owed.items()):
            last = self._session.continuity.track(name).last
            if last is not None and (
                equal(last.value, item.value)
                or (item.stamp is not None and last.source_time >= item.stamp)
            ):
                del self._owed[name]
            elif now_s > until_s and self._session.told_since(item.published):
                return f"connected, but {name} changed and nothing was told"
        if now_s < self._next_s:
            return None
        self._next_s = now_s + EVERY_S
        if self._task is None or self._task.done():
            until_s = now_s + max(dead_after_s, self._session.pulse.allowance_s)
            self._task = asyncio.create_task(self._compare(until_s))
        return None

    async def clock(self) -> None:
        """Read the server's clock: there are some that move every few seconds, or never."""
        session = self._session
        node = session.nodes.names.resolved(session.heartbeat) if session.heartbeat else None
        if node is None or session.channel is None:
            return
        with suppress(ua.UaError, OSError, TimeoutError):
            (data,) = await session.channel.read([node])
            shown = None if data.Value is None else data.Value.Value
            if isinstance(shown, datetime):
                session.pulse.seen(utc(shown))

    async def _compare(self, until_s: float) -> None:
        """Read in the background: a server that does not answer must not delay the verdict."""
        with suppress(ua.UaError, OSError, TimeoutError):
            await self._some(until_s)

    async def _some(self, until_s: float) -> None:
        session = self._session
        names = session.nodes.readable()
        if not names or session.channel is None:
            if session.channel is not None:
                await session.channel.read([ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)])
            return
        self._position %= len(names)
        chosen = list(islice(names, self._position, self._position + NODES))
        self._position += len(chosen)
        for name, item in (await self._read(chosen)).items():
            if item.stamp is None or (item.last is not None and equal(item.last.value, item.value)):
                continue
            pace = session.continuity.track(name).pace
            sampling_s = session.nodes.items[name].sampling_s
            if name not in self._owed:
                wait_s = 2.0 * (pace.coarse_s or sampling_s)
                self._owed[name] = (until_s + wait_s, item)
