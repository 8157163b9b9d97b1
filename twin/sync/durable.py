"""Durable before believed: values go to the store first, and a full disk stops nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime

from twin.errors import JournalError
from twin.sync.clock import Clock
from twin.sync.protocol import Store, Value

_log = logging.getLogger(__name__)


class DurableWriter:
    """Writes values to a store; keeps them in memory for a while if it cannot.

    Parameters
    ----------
    store : Store or None
        Where values are kept; None: nowhere.
    clock : Clock
        Clock for the pauses between attempts on a store that fails.
    ring : int
        Values kept in memory while the store fails; beyond that the oldest are dropped, and the gap
        is declared when the store works again.
    retry_s : float
        Pause between attempts on a store that fails, s.
    """

    def __init__(
        self, store: Store | None, clock: Clock, ring: int = 100_000, retry_s: float = 1.0
    ) -> None:
        self.alarm: str | None = None
        """Why the store fails; None while it works."""
        self.stored = 0
        """Values that were new to the store."""
        self.dropped = 0
        """Values that were never stored."""
        self._store = store
        self._clock = clock
        self._ring: deque[Value] = deque()
        self._limit = ring
        self._retry_s = retry_s
        self._next_s = 0.0
        self._lost: tuple[datetime, datetime] | None = None

    async def write(self, values: Sequence[Value]) -> None:
        """Store values; returns when they are safe, or when the store has failed."""
        if self._store is None or not (values or self._ring):
            return
        if self.alarm is not None and self._clock.steady_s() < self._next_s:
            self._keep(values)
            return
        batch = [*self._ring, *values]
        try:
            # The disk is waited for in a thread, so that the connection stays alive meanwhile.
            self.stored += await asyncio.to_thread(self._store.append, batch)
            self._ring.clear()
            if self.alarm is not None:
                await asyncio.to_thread(self._cleared, batch[-1].source)
        except JournalError as error:
            if self.alarm is None:
                _log.error("%s; values are kept in memory meanwhile", error)
                self._ring.clear()
            self.alarm = str(error)
            self._next_s = self._clock.steady_s() + self._retry_s
            self._keep(values)

    async def gap(self, source: str, begin: datetime, end: datetime, reason: str) -> None:
        """Store a declared gap; a store that fails says so by its alarm."""
        if self._store is not None:
            try:
                await asyncio.to_thread(self._store.declare_gap, source, begin, end, reason)
            except JournalError as error:
                self.alarm = str(error)
                self._next_s = self._clock.steady_s() + self._retry_s

    def _keep(self, values: Sequence[Value]) -> None:
        self._ring.extend(values)
        while len(self._ring) > self._limit:
            dropped = self._ring.popleft()
            self.dropped += 1
            first = self._lost[0] if self._lost else dropped.source_time
            self._lost = (
                min(first, dropped.source_time),
                max(self._lost[1] if self._lost else first, dropped.source_time),
            )

    def _cleared(self, source: str) -> None:
        """Say what was lost for good while the store failed."""
        assert self._store is not None
        if self._lost is not None:
            self._store.declare_gap(source, *self._lost, f"not stored: {self.alarm}")
            self._lost = None
        _log.warning("the store works again")
        self.alarm = None
