"""How long a search goes on, and what it gives and takes meanwhile."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from scenarios.schedule.protocol import Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Choice, timed
from scenarios.schedule.violations import violations

_ENDLESS = 1 << 60
_PATIENCE = 2_000
"""Steps per pair of operations without a better schedule after which a search ends by itself."""
_LEAST_PATIENCE = 200_000
_IDLE = 50
"""Steps that count at least when a search was asked to go on."""
_TELLING = 0.1
"""Share of the time for exact times of what is found: in the beginning better ones come quickly."""


class Effort:
    """The request as a search sees it: steps to go, better schedules to tell, others to take over.

    Parameters
    ----------
    request : Request
        What is asked. With ``iterations`` nothing but their number ends the search, so that a seed
        gives the same schedule on any machine.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.network = request.network
        self.best = request.start
        self.steps = 0
        count = len(self.network.steps)
        self._patience = max(_LEAST_PATIENCE, _PATIENCE * count * count)
        self._found_at = 0
        self._seen = request.start
        self._waiting: Callable[[], Schedule | None] | None = None
        self._told_s = -math.inf
        """Processor time from which on something may be told again, s."""

    def over(self) -> bool:
        """Say whether to stop now."""
        idle = self.steps - self._found_at
        return self.left() <= 0 or idle > self._patience or self.request.over()

    def spend(self, steps: int) -> None:
        """Count steps; a search that found no move to make has made one all the same."""
        self.steps += max(steps, _IDLE)
        if time.thread_time() >= self._told_s:
            self.tell()

    def left(self) -> int:
        """Return the number of steps still allowed."""
        return _ENDLESS if self.request.iterations is None else self.request.iterations - self.steps

    def offer(self, sequences: Sequence[Sequence[int]], choices: dict[int, Choice]) -> None:
        """Tell of a solution, soon, if exact times make it better than all before."""
        self.take(lambda: timed(self.network, sequences, choices))

    def take(self, exact: Callable[[], Schedule | None]) -> None:
        """Tell of a schedule that is yet to be worked out, soon, if it is better than all before.

        What is offered next takes its place if that comes sooner. Where steps are counted in place
        of time it is told at once.
        """
        self._waiting = exact
        if self.request.iterations is not None or time.thread_time() >= self._told_s:
            self.tell()

    def tell(self) -> None:
        """Tell of what was offered last, now, if it is better and meets all demands."""
        if self._waiting is None:
            return
        began_s = time.thread_time()
        found, self._waiting = self._waiting(), None
        better = found and (self.best is None or found.objective < self.best.objective)
        if found and better and not violations(self.network.problem, found):
            self.best = self._seen = found
            self._found_at = self.steps
            self.request.on_schedule(found)
        now_s = time.thread_time()
        self._told_s = now_s + (now_s - began_s) * (1 / _TELLING - 1)

    def news(self) -> Schedule | None:
        """Return a better schedule that somebody else has found since the last call, if any."""
        if self.request.iterations is not None:
            return None
        self.tell()
        found = self.request.incumbent()
        if found is None or found is self._seen:
            return None
        self._seen = found
        if self.best is not None and found.objective >= self.best.objective:
            return None
        self.best = found
        return found
