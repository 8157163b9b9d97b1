"""Closes gaps from a server's history, as far as it goes and no further."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from asyncua import ua

from twin.sync.clock import Clock
from twin.sync.compat import sample_of
from twin.sync.continuity import Opened
from twin.sync.protocol import Origin, Sample
from twin.sync.session import Session
from twin.sync.target import Sink

NODES = 20
"""Nodes read in one call where the server states no limit of its own."""
ROUNDS = 1000
"""Continuations of one read at most: a history that never ends gives what it gave so far."""
PAUSE_S = 0.01
"""Pause between two reads, s: live values come first."""
MARGIN = timedelta(milliseconds=2)
REFUSED_AFTER = 3
"""Calls without any answer after which a server counts as having no history."""


class Backfill:
    """One pass over the gaps that are open.

    Parameters
    ----------
    session : Session
        A session with live subscriptions.
    sink : Sink
        Where values go that were missing.
    clock : Clock
        Clock for times of receipt.
    """

    def __init__(self, session: Session, sink: Sink, clock: Clock) -> None:
        self._session = session
        self._sink = sink
        self._clock = clock
        self._barren = 0

    async def run(self) -> None:
        """Read until every gap was tried, or the server turns out to have no history."""
        session = self._session
        assert session.channel is not None
        stated = await session.channel.limit(
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData
        )
        size = min(stated or NODES, NODES)
        waiting = [item for item in session.continuity.opened if _usable(item)]
        for start in range(0, len(waiting), size):
            await self._fill(waiting[start : start + size])
            if self._barren >= REFUSED_AFTER:
                return
            await asyncio.sleep(PAUSE_S)

    async def _fill(self, items: Sequence[Opened]) -> None:
        found: dict[int, list[Sample]] = {}
        points: dict[int, bytes] = dict.fromkeys(range(len(items)), b"")
        for _ in range(ROUNDS):
            if not points:
                break
            try:
                points = await self._round(items, points, found)
            except (ua.UaError, TimeoutError, OSError):
                break  # what it gave so far is kept
        self._barren = 0 if found else self._barren + 1
        for number, item in enumerate(items):
            if number in found and item in self._session.continuity.opened:
                fresh = self._session.continuity.history(item, found[number])
                if fresh:
                    self._sink.take(fresh)

    async def _round(
        self, items: Sequence[Opened], points: dict[int, bytes], found: dict[int, list[Sample]]
    ) -> dict[int, bytes]:
        """Read once for each node that has more to give; return where to go on."""
        session = self._session
        assert session.channel is not None
        numbers = list(points)
        ids = [session.nodes.ids[items[number].track.name] for number in numbers]
        begin = min(items[number].begin.source_time for number in numbers) - MARGIN
        end = max(items[number].end.source_time for number in numbers) + MARGIN
        answers = await session.channel.history(
            ids, begin, end, [points[number] for number in numbers]
        )
        left: dict[int, bytes] = {}
        now = self._clock.now()
        for number, (values, point) in zip(numbers, answers, strict=False):
            if values is None:
                continue
            item = items[number]
            known = found.setdefault(number, [])
            before = known[-1].source_time if known else None
            for data in values:
                sample = sample_of(data, item.track.name, now, item.end.epoch, Origin.HISTORY)
                if sample.stamped:
                    known.append(sample)
            # One that gives the same again and again, or nothing new, is at its end.
            if point and values and (before is None or known[-1].source_time > before):
                left[number] = point
        return left


def _usable(item: Opened) -> bool:
    return (
        item.begin.stamped and item.end.stamped and (item.begin.source_time < item.end.source_time)
    )
