"""Closes gaps from a server's history, as far as it goes and no further."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from asyncua import ua

from twin.sync.clock import Clock
from twin.sync.continuity import Opened
from twin.sync.pace import equal, shifted
from twin.sync.protocol import Origin, Sample
from twin.sync.samples import sample_of
from twin.sync.session import Session
from twin.sync.target import Sink

NODES = 20
"""Nodes read in one call where the server states no limit of its own."""
ROUNDS = 1000
"""Continuations of one read at most: a history that never ends gives what it gave so far."""
PAUSE_S = 0.01
"""Pause between two reads, s: live values come first."""
MARGIN = timedelta(milliseconds=2)
PAGE = 1000
"""Values of one node asked for at a time."""
REFUSED_AFTER = 3
"""Calls without any answer after which a server counts as having no history."""


class _Cursor(NamedTuple):
    """Where the reading of one node goes on."""

    begin: datetime
    point: bytes = b""


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
        first = shifted(min(item.begin.source_time for item in items), -MARGIN)
        cursors = {number: _Cursor(first) for number in range(len(items))}
        for _ in range(ROUNDS):
            if not cursors:
                break
            try:
                await self._round(items, cursors, found)
            except (ua.UaError, TimeoutError, OSError):
                break  # what it gave so far is kept
        self._barren = 0 if found else self._barren + 1
        for number, item in enumerate(items):
            if number in found and item in self._session.continuity.opened:
                fresh = self._session.continuity.history(item, found[number])
                if fresh:
                    self._sink.take(fresh)

    async def _round(
        self, items: Sequence[Opened], cursors: dict[int, _Cursor], found: dict[int, list[Sample]]
    ) -> None:
        """Read once for the nodes that stand at one moment; take those at their end off."""
        session = self._session
        assert session.channel is not None
        begin = min(cursor.begin for cursor in cursors.values())
        numbers = [number for number, cursor in cursors.items() if cursor.begin == begin]
        ids = [session.nodes.ids[items[number].track.name] for number in numbers]
        end = shifted(max(items[number].end.source_time for number in numbers), MARGIN)
        answers = await session.channel.history(
            ids, begin, end, [cursors[number].point for number in numbers], PAGE
        )
        now = self._clock.now()
        for number, (values, point) in zip(numbers, answers, strict=False):
            resumed = not cursors.pop(number).point
            if values is None:
                continue
            item, known = items[number], found.setdefault(number, [])
            page = [
                sample_of(data, item.track.name, now, item.end.epoch, Origin.HISTORY)
                for data in values
            ]
            page = [sample for sample in page if sample.stamped]
            left = _next(begin, point, full=len(values) >= PAGE, page=page, known=known)
            if page and page[-1].source_time > end:
                left = None  # more than was asked for: it may go on for ever
            known += page[_told_before(known, page) if resumed else 0 :]
            if left is not None:
                cursors[number] = left


def _next(
    begin: datetime, point: bytes | None, *, full: bool, page: list[Sample], known: list[Sample]
) -> _Cursor | None:
    """Return where to go on; None where a history is at its end, or gives the same again."""
    if not page or (known and page[-1].source_time <= known[-1].source_time):
        return None
    if point:
        return _Cursor(begin, point)
    # A full page without a word on how to go on: some servers simply stop there.
    return _Cursor(page[-1].source_time) if full else None


def _told_before(known: Sequence[Sample], page: Sequence[Sample]) -> int:
    """Return how many values at the beginning of a page are the end of what is known."""
    for size in range(min(len(known), len(page)), 0, -1):
        if all(_same(*pair) for pair in zip(known[-size:], page, strict=False)):
            return size
    return 0


def _same(one: Sample, other: Sample) -> bool:
    return one.source_time == other.source_time and equal(one.value, other.value)


def _usable(item: Opened) -> bool:
    return (
        item.begin.stamped and item.end.stamped and (item.begin.source_time < item.end.source_time)
    )
