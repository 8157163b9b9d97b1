"""Durable before believed: values go to the store first; what it cannot take waits."""

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
    """Writes values and gaps to a store; those it cannot write wait, and nobody may believe them.

    Whoever gives the values is to give no more while there is an ``alarm``: what comes meanwhile
    is kept where it comes from, and what cannot be kept there is declared there.

    Parameters
    ----------
    store : Store or None
        Where values are kept; None: nowhere.
    clock : Clock
        Clock for the pauses between attempts on a store that fails.
    retry_s : float
        Pause between attempts on a store that fails, s.
    """

    def __init__(self, store: Store | None, clock: Clock, retry_s: float = 1.0) -> None:
        self.alarm: str | None = None
        """Why the store fails; None while it works."""
        self.stored = 0
        """Values that were new to the store."""
        self._store = store
        self._clock = clock
        self._waiting: list[Value] = []
        self._gaps: deque[tuple[str, datetime, datetime, str]] = deque()
        self._retry_s = retry_s
        self._next_s = 0.0

    async def write(self, values: Sequence[Value] = ()) -> Sequence[Value]:
        """Store values, after those that wait; return what is safe by now and was not before.

        Returns
        -------
        sequence of Value
            None of them while the store fails; once it works again, those that waited too.
        """
        if self._store is None:
            return values
        self._waiting += values
        if self.alarm is not None and self._clock.steady_s() < self._next_s:
            return ()
        safe: Sequence[Value] = ()
        try:
            if self._waiting:
                # The disk is waited for in a thread, so that the connection stays alive meanwhile.
                self.stored += await asyncio.to_thread(self._store.append, self._waiting)
                safe, self._waiting = self._waiting, []
            await self._declare()
        except JournalError as error:
            self._failed(error)
            return safe
        if self.alarm is not None:
            _log.warning("the store works again")
            self.alarm = None
        return safe

    async def gap(self, source: str, begin: datetime, end: datetime, reason: str) -> None:
        """Store a declared gap, as soon as the store works."""
        if self._store is None:
            return
        self._gaps.append((source, begin, end, reason))
        if self.alarm is None:
            try:
                await self._declare()
            except JournalError as error:
                self._failed(error)

    async def _declare(self) -> None:
        assert self._store is not None
        while self._gaps:
            await asyncio.to_thread(self._store.declare_gap, *self._gaps[0])
            self._gaps.popleft()

    def _failed(self, error: JournalError) -> None:
        if self.alarm is None:
            _log.error("%s; the state stands still until it can be written", error)
        self.alarm = str(error)
        self._next_s = self._clock.steady_s() + self._retry_s
