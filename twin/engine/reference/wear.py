"""Wear of one station: a level that rises with use and falls with repairs and maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.modes import MaintenanceMode
from twin.engine.streams import Purpose
from twin.events.kinds import Kind
from twin.line import Failure

if TYPE_CHECKING:
    from twin.engine.reference.places import StationPlace
    from twin.line.wear import Wear, WearLevel

BEFORE_MODES = -1
"""Third rank of a step among the failures of its station that are due with it."""


class StationWear:
    """How worn one station is."""

    def __init__(self, station: StationPlace, spec: Wear) -> None:
        run = station.run
        self.station = station
        self.spec = spec
        self.level = 0
        self.steps = 0
        """Steps up so far."""
        self.lowered = 0
        """Times it was lowered."""
        self.draws = [
            run.draws.time(level.after, station.id, Purpose.WEAR) for level in spec.levels
        ]
        rank = (Due.FAILURE, station.rank, BEFORE_MODES)
        self.timer = Timer(run.clock, rank, station.id, self._rises)

    @property
    def last(self) -> bool:
        """Whether it cannot wear any more."""
        return self.level == len(self.spec.levels)

    @property
    def now(self) -> WearLevel:
        """What the station is like."""
        return self.spec.at(self.level)

    def begin_step(self) -> None:
        """Draw the use to the next level and begin to wear."""
        if not self.last:
            self.timer.load(self.draws[self.level](self.steps, self.lowered))
            used = self.spec.clock == "operating" and self.station.working > 0
            if used or self.spec.clock == "calendar":
                self.timer.resume()

    def work_began(self) -> None:
        """Phase 1: the station processes."""
        if self.spec.clock == "operating" and not self.last:
            self.timer.resume()

    def work_ended(self) -> None:
        """Phase 1: the station processes no more."""
        if self.spec.clock == "operating":
            self.timer.pause()

    def operation_ended(self) -> None:
        """Phase 1: one operation more; the next level may be due in this round."""
        if self.spec.clock == "cycles" and not self.last:
            self.timer.worked_s += 1.0
            if self.timer.worked_s >= self.timer.total_s:
                self.station.run.clock.due_now(self.timer)

    def _rises(self) -> None:
        """Phase 1: the next level is reached; maintenance may be due with it."""
        self.level += 1
        self.steps += 1
        self._changed(Kind.WEAR_RISEN)
        for mode in self.station.modes:
            if isinstance(mode, MaintenanceMode):
                mode.worn(self.level)

    def mended(self, mode: str) -> None:
        """Phase 1: a repair or maintenance has ended."""
        levels = self.spec.lowered_by.get(mode)
        if levels is not None:
            self.station.run.clock.not_due(self.timer)
            self.level = max(0, self.level - levels)
            self.lowered += 1
            self._changed(Kind.WEAR_LOWERED)

    def _changed(self, kind: Kind) -> None:
        station = self.station
        station.run.note(kind, station.number, detail=self.level)
        self.timer.load(0.0)
        self.begin_step()
        self.set_rates()

    def set_rates(self) -> None:
        """Let the failure modes of the station age as fast as they do at this level."""
        for mode in self.station.modes:
            failure = isinstance(mode.spec, Failure)
            rate = self.spec.failure_factor(self.level, mode.spec.id, failure=failure)
            mode.life.set_rate(rate)
