"""While a search goes on, the line shows what it makes of the plans that the search finds."""

from __future__ import annotations

import math
import time

from scenarios.schedule.keeping import kept, worth
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.replay import plan_of
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.straight import straight
from scenarios.schedule.violations import violations

_SHARE = 0.3
"""Share of the time that the line may take: early plans are soon followed by better ones."""


class Judge:
    """Tells how good plans are on the line of a problem; without a line they are as they say.

    Parameters
    ----------
    problem : SchedulingProblem
        What is solved.
    loose : SchedulingProblem
        What its line cannot beat.
    hurried : bool
        Whether plans that are soon followed by a better one may be passed over.
    """

    def __init__(
        self, problem: SchedulingProblem, loose: SchedulingProblem, *, hurried: bool
    ) -> None:
        self.problem = problem
        self.hurried = hurried
        self.messages: list[str] = []
        self._waiting: tuple[Schedule, str] | None = None
        self._next_s = -math.inf
        self._least = math.inf
        self._straight = straight(problem, loose)

    @property
    def same_bounds(self) -> bool:
        """Whether nothing that engines prove of their picture is wrong for the line."""
        return self.problem.twin is None or self._straight

    def asked(self, schedule: Schedule, source: str) -> tuple[Schedule, str] | None:
        """Return a schedule as it is kept, with its source, if there is time for that now."""
        if self.problem.twin is None:
            return schedule, source
        self._waiting = schedule, source
        return self.due()

    def due(self) -> tuple[Schedule, str] | None:
        """Return what waits, as it is kept, if it is time."""
        if self.hurried and time.monotonic() < self._next_s:
            return None
        return self.last()

    def last(self) -> tuple[Schedule, str] | None:
        """Return what waits, as it is kept, now."""
        if self._waiting is None:
            return None
        (schedule, source), self._waiting = self._waiting, None
        began_s = time.monotonic()
        found = self._better(schedule)
        ended_s = time.monotonic()
        self._next_s = ended_s + (ended_s - began_s) * (1 / _SHARE - 1)
        return None if found is None else (found, source)

    def _better(self, schedule: Schedule) -> Schedule | None:
        """Return a schedule as it is kept if it is better than those before."""
        value = worth(self.problem, schedule)
        # One that is not kept at all is looked at for the reason, once.
        if value >= self._least and (value < math.inf or self.messages):
            return None
        found = self.kept(schedule)
        if found is not None:
            self._least = value
        return found

    def kept(self, schedule: Schedule) -> Schedule | None:
        """Return a schedule as it is kept; None, and why, if that meets not all demands."""
        found = kept(self.problem, schedule)
        if found is None:
            self._say_why(schedule)
            return None
        unmet = violations(self.problem, found, played=False)
        if unmet:
            self._say(f"as the line keeps it a plan leaves demands unmet, e.g. {unmet[0]}")
            return None
        return found

    def _say_why(self, schedule: Schedule) -> None:
        twin = self.problem.twin
        if twin is not None and not self.messages:
            why = twin.player.why_not(plan_of(schedule, self.problem), schedule.makespan_s)
            self._say(f"the line does not finish a plan that looked good: {why}")

    def _say(self, message: str) -> None:
        if not self.messages:
            self.messages.append(message)
