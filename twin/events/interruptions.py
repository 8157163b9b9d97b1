"""Folding what stops stations: failures and repairs, maintenance, shifts, and people."""

from __future__ import annotations

import math
from collections.abc import Callable

from twin.events.builder import Row
from twin.events.condition import ModeNow, PartNow, RunningClock, StationNow
from twin.events.kinds import OUTAGE, Kind
from twin.events.log import Names
from twin.events.state import CrewState, LineState, Outage
from twin.line import Line, Maintenance


class Interruptions:
    """The failure modes, maintenance, shifts and crews of a line that is being folded.

    Parameters
    ----------
    line : Line
        Line that the events belong to.
    names : Names
        What the numbers of the rows stand for.
    state : LineState
        State before the first event.
    stations, parts : dict
        What is folded beside this; events here change it too.
    """

    def __init__(
        self,
        line: Line,
        names: Names,
        state: LineState,
        stations: dict[str, StationNow],
        parts: dict[int, PartNow],
    ) -> None:
        self.names = names
        self.crews = dict(state.crews)
        self._stations = stations
        self._parts = parts
        self._queue = list(state.queue)
        self._modes = {
            f"{station.id}/{mode.id}": mode for station in line.stations for mode in station.modes
        }
        self.handlers: dict[int, Callable[[Row], None]] = {
            Kind.FAILED: self._failed,
            Kind.REPAIR_STARTED: self._repair_started,
            Kind.REPAIRED: self._repaired,
            Kind.REPAIR_PAUSED: self._repair_paused,
            Kind.MAINTENANCE_DUE: self._due,
            Kind.MAINTENANCE_READY: self._ready,
            Kind.MAINTENANCE_STARTED: self._repair_started,
            Kind.MAINTENANCE_ENDED: self._maintained,
            Kind.WEAR_RISEN: self._worn,
            Kind.WEAR_LOWERED: self._worn,
            Kind.SHIFT_ENDED: self._shift,
            Kind.SHIFT_STARTED: self._shift,
            Kind.CREW_TAKEN: self._taken,
            Kind.CREW_RELEASED: self._released,
            Kind.CREW_CAME: self._crew,
            Kind.CREW_LEFT: self._crew,
            Kind.CREW_COUNTED: self._crew,
        }

    @property
    def queue(self) -> tuple[str, ...]:
        """Failures and maintenance that wait for people; those for one crew stand together."""
        return tuple(sorted(self._queue, key=self._people_of))

    def _people_of(self, name: str) -> tuple[bool, str]:
        crew = self._modes[name].crew
        return crew is None, crew or ""

    def _at(self, row: Row) -> StationNow:
        return self._stations[self.names.elements[row.element]]

    def _mode(self, row: Row) -> tuple[str, ModeNow]:
        name = self.names.elements[row.element]
        mode = self.names.modes[name][row.detail]
        return f"{name}/{mode}", self._stations[name].modes[mode]

    def _failed(self, row: Row) -> None:
        station = self._at(row)
        if row.detail == OUTAGE:
            until_s = None if math.isnan(row.value) else row.time_s + row.value
            station.outages.append(Outage(since_s=row.time_s, until_s=until_s))
        else:
            name, mode = self._mode(row)
            mode.status, mode.failed_s, mode.age = "waiting", row.time_s, RunningClock()
            mode.count += 1
            self._wait(name, mode)
        if station.stopped:
            station.pause(row.time_s)

    def _wait(self, name: str, mode: ModeNow) -> None:
        """Let a mode that needs people wait for them."""
        if mode.spec.crew is not None or mode.spec.skill is not None:
            self._queue.append(name)

    def _repair_started(self, row: Row) -> None:
        name, mode = self._mode(row)
        mode.status = "repair"
        if mode.repair is None:
            mode.repair = RunningClock()
        mode.repair.resume(row.time_s)
        if name in self._queue:
            self._queue.remove(name)

    def _repaired(self, row: Row) -> None:
        station = self._at(row)
        if row.detail == OUTAGE:
            if station.outages:
                # The one that is due now; at equal times they are alike.
                ends = [o.until_s if o.until_s is not None else row.time_s for o in station.outages]
                station.outages.pop(ends.index(min(ends)))
        else:
            _, mode = self._mode(row)
            mode.status, mode.failed_s, mode.repair = "running", None, None
            station.new_life(mode, row.time_s)
        station.go_on(row.time_s)

    def _repair_paused(self, row: Row) -> None:
        name, mode = self._mode(row)
        mode.status = "waiting"
        if mode.repair is not None:
            mode.repair.pause(row.time_s)
        self._wait(name, mode)

    def _due(self, row: Row) -> None:
        _, mode = self._mode(row)
        mode.status, mode.age = "due", RunningClock()
        mode.count += 1
        if isinstance(mode.spec, Maintenance) and mode.spec.interrupts:
            self._at(row).pause(row.time_s)

    def _ready(self, row: Row) -> None:
        name, mode = self._mode(row)
        mode.status = "waiting"
        self._wait(name, mode)

    def _maintained(self, row: Row) -> None:
        _, mode = self._mode(row)
        station = self._at(row)
        if isinstance(mode.spec, Maintenance):
            for name in mode.spec.renews:
                other = station.modes[name]
                if other.status == "running":
                    other.renewed += 1
                    station.new_life(other, row.time_s)
        self._repaired(row)

    def _worn(self, row: Row) -> None:
        self._at(row).worn(row.detail, row.time_s, risen=row.kind == Kind.WEAR_RISEN)

    def _shift(self, row: Row) -> None:
        station = self._at(row)
        station.on = row.kind == Kind.SHIFT_STARTED
        if station.running:
            station.go_on(row.time_s)
        else:
            station.pause(row.time_s)

    def _crew(self, row: Row) -> None:
        name = self.names.crews[row.detail]
        crew = self.crews.get(name, CrewState())
        if row.kind == Kind.CREW_COUNTED:
            crew = crew.model_copy(update={"away": int(row.value)})
        else:
            crew = crew.model_copy(update={"on": row.kind == Kind.CREW_CAME})
        self.crews[name] = crew

    def _team(self, row: Row) -> dict[str, int] | None:
        """Return the people of the part or mode of a row; None: it is gone."""
        if row.part >= 0:
            part = self._parts.get(row.part)
            return part.team if part is not None else None
        name = self.names.elements[row.element]
        return self._stations[name].modes[self.names.modes[name][-2 - row.part]].team

    def _taken(self, row: Row) -> None:
        team = self._team(row)
        if team is not None:
            team[self.names.crews[row.detail]] = int(row.value)

    def _released(self, row: Row) -> None:
        team, crew = self._team(row), self.names.crews[row.detail]
        if team is not None:
            team[crew] = team.get(crew, 0) - int(row.value)
            if team[crew] <= 0:
                del team[crew]
