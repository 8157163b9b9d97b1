"""Engines side by side: each in a thread of its own, what they find comes to one queue."""

from __future__ import annotations

import atexit
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule

Improve = Callable[[Request], Outcome]
"""An engine."""
_LOOK_S = 0.05
"""Longest wait for news before it is asked whether to go on, s."""
_GRACE_S = 1.5
"""Time that engines get to stop by themselves, s."""
_LEAVE_S = 30.0
"""Longest time that the end of the process waits for engines that have not stopped yet, s."""
_STARTED: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
"""Threads of engines, in all races of this process."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine tells: a schedule, a bound, or how it ended."""

    source: str
    """Engine."""
    schedule: Schedule | None = None
    bound: float | None = None
    outcome: Outcome | None = None
    error: Exception | None = None


@atexit.register
def _leave() -> None:
    """Wait for engines that still load or run compiled code: it crashes when its process ends."""
    ends = time.monotonic() + _LEAVE_S
    for thread in list(_STARTED):
        if thread.is_alive():
            thread.join(max(0.0, ends - time.monotonic()))


class Race:
    """Some engines and the best schedule that they share.

    Parameters
    ----------
    best : Schedule or None
        What is known at the start.
    """

    def __init__(self, best: Schedule | None) -> None:
        self.best = best
        self.running = 0
        self._news: queue.SimpleQueue[Found] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()

    def enter(self, source: str, improve: Improve, request: Request) -> None:
        """Start an engine; it hears of what the others find, and stops with the race."""
        request.on_schedule = lambda schedule: self._news.put(Found(source, schedule=schedule))
        request.on_bound = lambda bound: self._news.put(Found(source, bound=bound))
        request.cancelled = self._stopped.is_set
        request.incumbent = lambda: self.best
        thread = threading.Thread(
            target=self._run, args=(source, improve, request), name=source, daemon=True
        )
        self._threads.append(thread)
        _STARTED.add(thread)
        self.running += 1
        thread.start()

    def news(self, over: Callable[[], bool]) -> Iterator[Found]:
        """Yield what the engines tell until all have ended or it is over."""
        try:
            while self.running and not over():
                try:
                    found = self._news.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                self.running -= found.outcome is not None or found.error is not None
                yield found
        finally:
            self._stopped.set()
        for thread in self._threads:
            thread.join(_GRACE_S)
        while not self._news.empty():
            yield self._news.get()

    def stop(self) -> None:
        """Have every engine stop soon."""
        self._stopped.set()

    def _run(self, source: str, improve: Improve, request: Request) -> None:
        try:
            self._news.put(Found(source, outcome=improve(request)))
        except Exception as error:  # noqa: BLE001 - it is raised again by the one who waits for it
            self._news.put(Found(source, error=error))
