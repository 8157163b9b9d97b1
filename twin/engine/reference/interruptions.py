"""What comes from outside the flow of parts: shifts, supposed faults, releases of orders."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from twin.engine.options import Absence, Fault
from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.people import CrewPool
from twin.engine.reference.places import StationPlace
from twin.engine.reference.run import Run
from twin.engine.reference.sources import SourcePlace
from twin.events.kinds import OUTAGE, Kind
from twin.line import Calendar
from twin.line.switching import is_on, next_switch_s


class ShiftSwitch:
    """Switches one station on and off by its calendar."""

    def __init__(self, run: Run, station: StationPlace, calendar: Calendar) -> None:
        self.run = run
        self.station = station
        self.calendar = calendar
        clock, rank = run.clock, station.rank
        self._start = Timer(clock, (Due.SHIFT_START, rank, 0), station.id, self._started)
        self._end = Timer(clock, (Due.SHIFT_END, rank, 0), station.id, self._ended)

    def arm(self, *, inclusive: bool = False) -> None:
        """Wait for the next switch of the calendar, whatever the station does now.

        ``inclusive``: one that falls on this moment is still to come.
        """
        line = self.run.line
        due_s = next_switch_s(line, self.calendar, self.run.clock.now, inclusive=inclusive)
        if due_s is not None:
            on = is_on(line, self.calendar, due_s)
            (self._start if on else self._end).resume_at(due_s)

    def _started(self) -> None:
        if not self.station.on:
            self.station.on = True
            self.run.note(Kind.SHIFT_STARTED, self.station.number)
            self.station.go_on()
        self.arm()

    def _ended(self) -> None:
        if self.station.on:
            self.station.on = False
            self.run.note(Kind.SHIFT_ENDED, self.station.number)
            if not self.station.running:
                self.station.pause()
        self.arm()


class OutageSwitch:
    """Stops one station from one moment to another."""

    def __init__(
        self, run: Run, station: StationPlace, since_s: float, length_s: float = math.nan
    ) -> None:
        self.run = run
        self.station = station
        self.since_s = since_s
        self.length_s = length_s
        self.until_s: float | None = since_s + length_s
        self.active = False
        clock, rank = run.clock, station.rank
        self._start = Timer(clock, (Due.OUTAGE_START, rank, 0), station.id, self._started)
        self._end = Timer(clock, (Due.OUTAGE_END, rank, 0), station.id, self._ended)

    def arm(self) -> None:
        """Wait for the beginning."""
        self._start.resume_at(self.since_s)

    def go_on(self, until_s: float | None) -> None:
        """Be in force from the state that the run began with; None: nobody knows how long."""
        self.until_s = until_s
        self.active = True
        self.station.stops += 1
        if self.until_s is not None:
            self._end.resume_at(max(self.until_s, self.run.clock.now))

    def _started(self) -> None:
        assert self.until_s is not None
        self.active = True
        self.station.stops += 1
        self.station.pause()
        self.run.note(Kind.FAILED, self.station.number, detail=OUTAGE, value=self.length_s)
        self._end.resume_at(self.until_s)

    def _ended(self) -> None:
        self.active = False
        self.station.stops -= 1
        self.run.note(Kind.REPAIRED, self.station.number, detail=OUTAGE)
        self.station.go_on()


class _Supposed(ABC):
    """Something that holds from one moment to another because it was supposed.

    ``rank``: second and third rank of its beginning and its end among what is due at one moment.
    """

    def __init__(
        self, run: Run, owner: str, rank: tuple[int, int], since_s: float, length_s: float
    ) -> None:
        self._since_s = since_s
        self._until_s = since_s + length_s
        self._start = Timer(run.clock, (Due.OUTAGE_START, *rank), owner, self._started)
        self._end = Timer(run.clock, (Due.OUTAGE_END, *rank), owner, self._ended)

    def arm(self) -> None:
        """Wait for the beginning."""
        self._start.resume_at(self._since_s)

    def _started(self) -> None:
        self._end.resume_at(self._until_s)

    @abstractmethod
    def _ended(self) -> None:
        """Let it be as before."""


class SlowdownSwitch(_Supposed):
    """Makes what one station begins take longer, from one moment to another."""

    def __init__(self, run: Run, station: StationPlace, fault: Fault, since_s: float) -> None:
        super().__init__(run, station.id, (station.rank, 1), since_s, fault.duration_s)
        self.station = station
        self.factor = fault.factor

    def _started(self) -> None:
        self.station.factors.append(self.factor)
        super()._started()

    def _ended(self) -> None:
        self.station.factors.remove(self.factor)


class AbsenceSwitch(_Supposed):
    """Keeps people of one crew away, from one moment to another; they end what they are at."""

    def __init__(self, run: Run, pool: CrewPool, absence: Absence, since_s: float) -> None:
        rank = len(run.line.stations) + pool.number
        super().__init__(run, pool.spec.id, (rank, 0), since_s, absence.duration_s)
        self.pool = pool
        self.people = absence.people

    def _started(self) -> None:
        self.pool.away += self.people
        super()._started()

    def _ended(self) -> None:
        self.pool.away -= self.people


class ShortageSwitch(_Supposed):
    """Lets nothing enter from one source, from one moment to another."""

    def __init__(self, run: Run, source: SourcePlace, length_s: float, since_s: float) -> None:
        rank = len(run.line.stations) + len(run.line.crews) + source.slot
        super().__init__(run, source.id, (rank, 0), since_s, length_s)
        self.source = source

    def _started(self) -> None:
        self.source.shortages += 1
        super()._started()

    def _ended(self) -> None:
        self.source.shortages -= 1


class OrderRelease:
    """Lets the parts of one order enter from its release on."""

    def __init__(self, run: Run, order: str) -> None:
        self.run = run
        self.order = order
        rank = (Due.RELEASE, run.order_numbers[order], 0)
        self._timer = Timer(run.clock, rank, order, self._released)

    def arm(self) -> None:
        """Wait for the release; one that lies in the past comes now."""
        release_s = self.run.order_specs[self.order].release_s
        self._timer.resume_at(max(release_s, self.run.clock.now))

    def _released(self) -> None:
        self.run.orders[self.order].released = True
        self.run.releases += 1
        self.run.note(Kind.ORDER_RELEASED, -1, detail=self.run.order_numbers[self.order])
