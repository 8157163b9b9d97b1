"""Timers on SimPy's event list, and the round that takes everything due at one moment.

At each moment, **phase 1** fires every timer that is due, in a written order; a handler changes
only its own object, so the order of the event list can never show. **Phase 2**, ``settle``, then
decides all that is shared. SimPy keeps the time: timers have its normal priority, the round comes
after them.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from enum import IntEnum
from heapq import heappush

import simpy
from simpy.events import NORMAL, Event

from twin.errors import SimulationError
from twin.events.state import Clock

ROUND_PRIORITY = NORMAL + 1
MAX_ROUNDS_AT_ONE_TIME = 100_000


class Due(IntEnum):
    """Order of what is due at one moment: finish beats failure, return beats leaving."""

    FINISH = 0
    REPAIR = 1
    OUTAGE_END = 2
    SHIFT_START = 3
    FAILURE = 4
    OUTAGE_START = 5
    SHIFT_END = 6
    RELEASE = 7
    ARRIVAL = 8
    LOOK = 9
    OVERDUE = 10
    VEHICLE = 11


class LineClock(simpy.Environment):
    """SimPy's environment with timers at absolute times and one round per moment."""

    def __init__(self, begin_s: float, settle: Callable[[], None]) -> None:
        super().__init__(begin_s)
        self._settle = settle
        self._due: list[Timer] = []
        self._asked = False
        self._rounds = 0
        self._round_time_s = begin_s

    def at(self, timer: Timer, time_s: float) -> Event:
        """Put a timer on the event list at an absolute time, s."""
        event = Event(self)
        event._ok, event._value = True, timer  # noqa: SLF001 - as SimPy's own Timeout does
        assert event.callbacks is not None
        event.callbacks.append(self._fired)
        # Not schedule(delay): now + (time - now) is not always time.
        # Rounding may put what is due now a hair into the past, and time must not run back.
        heappush(self._queue, (max(time_s, self.now), NORMAL, next(self._eid), event))
        return event

    def _fired(self, event: Event) -> None:
        timer: Timer = event._value  # noqa: SLF001
        if timer.event is event:
            timer.event = None
            self._due.append(timer)
            self.ask()

    def ask(self) -> None:
        """Ask for a round at this moment, after everything else that happens now."""
        if not self._asked:
            self._asked = True
            event = Event(self)
            event._ok, event._value = True, None  # noqa: SLF001
            assert event.callbacks is not None
            event.callbacks.append(self._round)
            self.schedule(event, priority=ROUND_PRIORITY)  # type: ignore[arg-type]

    def _round(self, _: Event) -> None:
        self._asked = False
        self._count_rounds()
        if len(self._due) > 1:
            self._due.sort(key=_rank)
        # A handler may add what is due in this same round; it ranks behind what has come.
        while self._due:
            self._due.pop(0).fire()
        self._settle()

    def not_due(self, timer: Timer) -> None:
        """Take back what was due in this round and has not fired yet."""
        if timer in self._due:
            self._due.remove(timer)

    def is_due(self, timer: Timer) -> bool:
        """Tell whether a timer fires in this round yet."""
        return timer in self._due

    def due_now(self, timer: Timer) -> None:
        """Let a timer fire in this round; its rank must lie behind that of what fires now."""
        if timer not in self._due:
            insort(self._due, timer, key=_rank)

    def _count_rounds(self) -> None:
        if self.now > self._round_time_s:
            self._round_time_s, self._rounds = self.now, 0
        self._rounds += 1
        if self._rounds > MAX_ROUNDS_AT_ONE_TIME:
            owners = ", ".join(sorted({timer.owner for timer in self._due})) or "unknown"
            raise SimulationError(
                f"endless loop of zero-time work at {self.now:g} s around: {owners}; "
                "give one of these activities a time above zero"
            )


def _rank(timer: Timer) -> tuple[int, int, int]:
    return timer.rank


class Timer:
    """One timed activity that can be paused and resumed.

    Progress is kept as ``worked_s`` up to ``since_s``; the moment it is due is always
    ``since_s + (total_s - worked_s) / rate``, in this grouping, so that another engine, or a run
    that goes on from here, gets the same bits. The rate is 1, which changes no bit, except where a
    worn station ages faster.
    """

    __slots__ = (
        "clock",
        "event",
        "given_s",
        "handler",
        "owner",
        "rank",
        "rate",
        "remaining_s",
        "since_s",
        "total_s",
        "worked_s",
    )

    def __init__(
        self,
        clock: LineClock,
        rank: tuple[int, int, int],
        owner: str,
        handler: Callable[[], None],
    ) -> None:
        self.clock = clock
        self.rank = rank
        self.owner = owner
        self.handler = handler
        self.total_s = 0.0
        self.worked_s = 0.0
        self.since_s: float | None = None
        self.event: Event | None = None
        self.rate = 1.0
        """How fast it runs: what is due grows nearer by so many s per s."""
        self.given_s: float | None = None
        """Age given which the rest was drawn, as the state that the run began with says it."""
        self.remaining_s: float | None = None
        """Time that was left at that age, where the state says it."""

    def load(self, total_s: float) -> None:
        """Set a new activity of ``total_s``, not yet running."""
        self.total_s, self.worked_s, self.since_s, self.event = total_s, 0.0, None, None
        self.given_s, self.remaining_s = None, None

    def restore(self, clock: Clock, total_s: float) -> None:
        """Go on with an activity of a state, of ``total_s`` in all."""
        self.load(total_s)
        self.given_s, self.remaining_s = clock.given_s, clock.remaining_s
        self.worked_s = clock.worked_s
        if clock.since_s is not None:
            self.resume(clock.since_s)

    def resume(self, since_s: float | None = None) -> None:
        """Run, from now or from a moment in the past; nothing if it runs already."""
        if self.since_s is None:
            self.since_s = self.clock.now if since_s is None else since_s
            left_s = (self.total_s - self.worked_s) / self.rate
            self.event = self.clock.at(self, self.since_s + left_s)

    def resume_at(self, due_s: float) -> None:
        """Be due at an absolute moment, s; for what is not an activity, such as a shift."""
        self.since_s, self.event = self.clock.now, self.clock.at(self, due_s)

    def pause(self) -> None:
        """Stand still; nothing if it does already."""
        if self.since_s is not None:
            self.worked_s += (self.clock.now - self.since_s) * self.rate
            self.since_s, self.event = None, None

    def set_rate(self, rate: float) -> None:
        """Run faster or slower from now on; what is due in this round stays so."""
        if rate == self.rate:
            return
        runs = self.since_s is not None and not self.clock.is_due(self)
        if runs:
            self.pause()
        self.rate = rate
        if runs:
            self.resume()

    def fire(self) -> None:
        """Do what is due."""
        self.since_s, self.worked_s = None, self.total_s
        self.handler()
