"""Folding what vehicles do: where each of them is, with which part, on which way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twin.events.builder import Row
from twin.events.condition import PartNow, RunningClock
from twin.events.kinds import Kind
from twin.events.log import Names
from twin.events.state import LineState, VehicleState, VehicleStatus
from twin.line import Line

NO_PLACE = -1
"""Stands for a home that is no place of the line."""


@dataclass(slots=True)
class VehicleNow:
    """One vehicle; the fields are those of ``VehicleState``."""

    place: str
    status: VehicleStatus = "idle"
    part: int | None = None
    goal: str | None = None
    clock: RunningClock | None = None
    told: bool = True

    def goes_on(self, status: VehicleStatus, time_s: float) -> None:
        """Begin the next piece of its way."""
        self.status, self.clock = status, RunningClock(0.0, time_s)

    def state(self) -> VehicleState:
        """Return it as a piece of the state document."""
        return VehicleState(
            status=self.status,
            place=self.place,
            part=self.part,
            goal=self.goal,
            clock=self.clock.clock() if self.clock else None,
            told=self.told,
        )

    @staticmethod
    def of(state: VehicleState) -> VehicleNow:
        """Return a vehicle of the state document, ready to be folded."""
        clock = RunningClock.of(state.clock) if state.clock else None
        return VehicleNow(state.place, state.status, state.part, state.goal, clock, state.told)


class VehiclesNow:
    """The vehicles of a line that is being folded.

    Parameters
    ----------
    line : Line
        Line that the events belong to.
    names : Names
        What the numbers of the rows stand for.
    state : LineState
        State before the first event.
    parts : dict
        What is folded beside this; events here change it too.
    move : callable
        Takes the part of a row to the place of the row.
    """

    def __init__(
        self,
        line: Line,
        names: Names,
        state: LineState,
        parts: dict[int, PartNow],
        move: Callable[[Row], PartNow],
    ) -> None:
        self.pools = {
            pool.id: [VehicleNow.of(found) for found in state.vehicles.get(pool.id, ())]
            for pool in line.vehicles
        }
        self._homes = {pool.id: pool.home for pool in line.vehicles}
        self._names = names
        self._parts = parts
        self._move = move
        self.handlers: dict[int, Callable[[Row], None]] = {
            Kind.VEHICLE_ASKED: self._asked,
            Kind.PICKUP_STARTED: self._picks_up,
            Kind.PART_LOADED: self._loaded,
            Kind.DROP_STARTED: self._puts_down,
            Kind.VEHICLE_FREE: self._free,
        }

    def state(self) -> dict[str, tuple[VehicleState, ...]]:
        """Return them as a piece of the state document."""
        return {name: tuple(v.state() for v in self.pools[name]) for name in sorted(self.pools)}

    def sent(self, row: Row) -> None:
        """Let a vehicle drive to a part, or home."""
        vehicle = self._at(row)
        vehicle.goes_on("fetching" if row.part >= 0 else "returning", row.time_s)
        if row.part >= 0:
            vehicle.part, vehicle.goal = row.part, self._names.elements[int(row.value)]
            self._asked(row)

    def _at(self, row: Row) -> VehicleNow:
        return self.pools[self._names.elements[row.element]][row.detail]

    def _asked(self, row: Row) -> None:
        part = self._parts[row.part]
        if part.asked_s is None:
            part.asked_s = row.time_s

    def _picks_up(self, row: Row) -> None:
        vehicle = self._at(row)
        vehicle.place = self._parts[row.part].location
        vehicle.goes_on("loading", row.time_s)

    def _loaded(self, row: Row) -> None:
        self._move(row)
        self._at(row).goes_on("carrying", row.time_s)

    def _puts_down(self, row: Row) -> None:
        self._at(row).goes_on("unloading", row.time_s)

    def _free(self, row: Row) -> None:
        vehicle, pool = self._at(row), self._names.elements[row.element]
        number = int(row.value)
        vehicle.place = self._homes[pool] if number == NO_PLACE else self._names.elements[number]
        vehicle.status, vehicle.part, vehicle.goal, vehicle.clock = "idle", None, None, None
