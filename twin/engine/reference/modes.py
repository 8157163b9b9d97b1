"""What takes a station out of work: failures, and maintenance that is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.places import StationPlace
from twin.engine.reference.run import Run
from twin.engine.streams import Purpose
from twin.events.kinds import Kind
from twin.events.state import ModeStatus
from twin.line import Failure, Maintenance, Need
from twin.line.switching import next_beginning_s

if TYPE_CHECKING:
    from twin.engine.reference.people import Workforce

NO_PART = -2
"""What stands in place of a part for the people of a mode, less its number."""


class StationMode:
    """One failure mode or maintenance: it ages, is due, waits for people, is seen to."""

    started: Kind
    ended: Kind

    def __init__(
        self,
        run: Run,
        station: StationPlace,
        spec: Failure | Maintenance,
        number: int,
        workforce: Workforce,
    ) -> None:
        self.run = run
        self.station = station
        self.spec = spec
        self.number = number
        self.workforce = workforce
        self.status: ModeStatus = "running"
        self.count = 0
        self.renewed = 0
        self.failed_s: float | None = None
        self.team: dict[str, int] = {}
        self.needs: tuple[Need, ...] = ()
        if spec.crew is not None or spec.skill is not None:
            self.needs = (Need(crew=spec.crew, skill=spec.skill, count=spec.people),)
        element = f"{station.id}/{spec.id}"
        life = spec.life
        self.life_time = run.draws.time(life, element, Purpose.FAILURE) if life else None
        self.work_time = run.draws.time(spec.work_s, element, Purpose.REPAIR)
        clock, rank = run.clock, station.rank
        self.life = Timer(clock, (Due.FAILURE, rank, number), element, self._due)
        self.work = Timer(clock, (Due.REPAIR, rank, number), element, self._over)
        self.begun = False
        """Whether the work on it was begun and interrupted."""
        if spec.clock == "operating":
            station.ageing.append(self)
        elif spec.clock == "cycles":
            station.counting.append(self)

    @property
    def slow_factor(self) -> float:
        """Times this on processing times until it is over; 1: it does not slow."""
        return self.spec.slow_factor if isinstance(self.spec, Failure) else 1.0

    @property
    def number_in_log(self) -> int:
        """What stands for it in place of a part."""
        return NO_PART - self.number

    def named_team(self, team: dict[str, int]) -> dict[str, int]:
        """Return the people whom the log has to tell: those chosen by skill."""
        return team if self.spec.skill is not None else {}

    def new_life(self) -> None:
        """Draw the age at which it is due next and begin to age."""
        if self.life_time is None:
            self.expect()
            return
        self.life.load(self.life_time(self.count, self.renewed))
        if self.spec.clock == "calendar" or (self.spec.clock == "operating" and self._used()):
            self.life.resume()

    def _used(self) -> bool:
        return self.station.working > 0

    def expect(self, *, inclusive: bool = False) -> None:
        """Wait for the next beginning of its calendar; ``inclusive``: this moment may be one."""
        assert isinstance(self.spec, Maintenance)
        if self.spec.calendar is None:
            return  # it is due by wear
        line = self.run.line
        calendar, now_s = line.calendar(self.spec.calendar), self.run.clock.now
        due_s = next_beginning_s(line, calendar, now_s, inclusive=inclusive)
        if due_s is not None:
            self.life.resume_at(due_s)

    def renew(self) -> None:
        """Be as new, unless it has failed."""
        if self.status == "running":
            self.renewed += 1
            self.run.clock.not_due(self.life)
            self.new_life()

    def operation_ended(self) -> None:
        """Phase 1: one operation more, for what ages with them; it may be due in this round."""
        if self.status == "running":
            self.life.worked_s += self.life.rate
            if self.life.worked_s >= self.life.total_s:
                self.run.clock.due_now(self.life)

    def _due(self) -> None:
        raise NotImplementedError

    def begin_work(self, team: dict[str, int]) -> None:
        """Phase 2: everybody is there."""
        self.status, self.team = "repair", team
        if not self.begun:
            self.work.load(self.work_time(self.count - 1))
        self.begun = True
        self.run.note(
            self.started, self.station.number, detail=self.number, value=self.work.total_s
        )
        self.work.resume()

    def people_left(self) -> None:
        """Phase 1: the work stands still until there are people again."""
        self.work.pause()
        self.status = "waiting"
        self.run.note(Kind.REPAIR_PAUSED, self.station.number, detail=self.number)
        self._release()
        self.run.newly_waiting.append(self)

    def _release(self) -> None:
        team, self.team = self.team, {}
        if self.spec.skill is not None:
            self.workforce.release(self.station, self.number_in_log, team)
        else:
            for name, count in team.items():
                self.workforce.pools[name].busy -= count

    def _over(self) -> None:
        """Phase 1: it is as new; the station goes on unless something else stops it."""
        self.status, self.failed_s, self.begun = "running", None, False
        self.run.note(self.ended, self.station.number, detail=self.number)
        self._release()
        self.new_life()
        if self.station.wear is not None:
            self.station.wear.mended(self.spec.id)
        self._back()

    def _back(self) -> None:
        self.station.stops -= 1
        self.station.go_on()


class FailureMode(StationMode):
    """One way in which one station breaks down."""

    spec: Failure
    started, ended = Kind.REPAIR_STARTED, Kind.REPAIRED

    def _due(self) -> None:
        """Phase 1: the station stops, or goes slower."""
        station = self.station
        self.status, self.failed_s = "waiting", self.run.clock.now
        self.count += 1
        self.run.note(Kind.FAILED, station.number, detail=self.number)
        if self.spec.stops:
            station.stops += 1
            if self.spec.effect != "stop":
                station.break_off(self.number, scrap=self.spec.effect == "scrap")
            station.pause()
        self.run.newly_waiting.append(self)

    def _back(self) -> None:
        if self.spec.stops:
            super()._back()


class MaintenanceMode(StationMode):
    """Planned work on one station: by itself it waits until no work goes on."""

    spec: Maintenance
    started, ended = Kind.MAINTENANCE_STARTED, Kind.MAINTENANCE_ENDED

    def _due(self) -> None:
        """Phase 1: nothing new begins."""
        station = self.station
        self.status = "due"
        self.count += 1
        self.run.note(Kind.MAINTENANCE_DUE, station.number, detail=self.number)
        station.due.append(self)
        if self.spec.interrupts:
            station.pause()
        station.begin_due()

    def worn(self, level: int) -> None:
        """Phase 1: the station is worn so far; it may be due in this round."""
        wanted = self.spec.at_level
        if wanted is not None and level >= wanted and self.status == "running":
            self.run.clock.due_now(self.life)

    def ready(self) -> None:
        """Phase 1: no work goes on any more."""
        self.status = "waiting"
        self.station.stops += 1
        self.run.note(Kind.MAINTENANCE_READY, self.station.number, detail=self.number)
        self.run.newly_waiting.append(self)

    def _over(self) -> None:
        for mode in self.station.modes:
            if mode.spec.id in self.spec.renews:
                mode.renew()
        super()._over()
