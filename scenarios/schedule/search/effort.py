"""How long a search goes on, and what it gives and takes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

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

    def over(self) -> bool:
        """Say whether to stop now."""
        idle = self.steps - self._found_at
        return self.left() <= 0 or idle > self._patience or self.request.over()

    def spend(self, steps: int) -> None:
        """Count steps; a search that found no move to make has made one all the same."""
        self.steps += max(steps, _IDLE)

    def left(self) -> int:
        """Return the number of steps still allowed."""
        return _ENDLESS if self.request.iterations is None else self.request.iterations - self.steps

    def offer(self, sequences: Sequence[Sequence[int]], choices: dict[int, Choice]) -> bool:
        """Tell of a solution if exact times make it better; say whether they do."""
        return self.take(timed(self.network, sequences, choices))

    def take(self, found: Schedule | None) -> bool:
        """Tell of a schedule if it is better and meets all demands; say whether it does."""
        if found is None or (self.best and found.objective >= self.best.objective):
            return False
        if violations(self.network.problem, found):
            return False
        self.best = self._seen = found
        self._found_at = self.steps
        self.request.on_schedule(found)
        return True

    def news(self) -> Schedule | None:
        """Return a better schedule that somebody else has found since the last call, if any."""
        if self.request.iterations is not None:
            return None
        found = self.request.incumbent()
        if found is None or found is self._seen:
            return None
        self._seen = found
        if self.best is not None and found.objective >= self.best.objective:
            return None
        self.best = found
        return found
