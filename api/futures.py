"""Runs ahead of the live line that answer more than one question."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

Completions = dict[str, list[float]]
"""Completion of each order in each replication, s since the line's start; infinite: not within the
horizon."""
FRESH_S = 5.0
"""How long runs ahead answer further questions, s of our time."""
MOST_KEPT = 16


class Futures:
    """Keeps the latest runs ahead for a few seconds; who asks meanwhile waits for the same runs."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, datetime, Completions]] = {}
        self._lock = asyncio.Lock()

    async def get(
        self, key: str, as_of: datetime, ask: Callable[[], Awaitable[Completions]]
    ) -> tuple[datetime, Completions]:
        """Return the runs of that key and the moment of the state they began with."""
        async with self._lock:
            now_s = time.monotonic()
            found = self._kept.get(key)
            if found is not None and now_s - found[0] < FRESH_S:
                return found[1], found[2]
            completions = await ask()
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (time.monotonic(), as_of, completions)
            return as_of, completions
