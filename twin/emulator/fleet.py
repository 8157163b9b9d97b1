"""What the nodes of a pool of vehicles read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from twin.events.builder import Row
from twin.events.kinds import Kind
from twin.events.log import Names
from twin.events.state import VehicleStatus
from twin.events.vehicles import NO_PLACE
from twin.line import Vehicles

NOBODY = -1
"""Number of the part where there is none."""
VEHICLE_KINDS = (
    Kind.VEHICLE_ASKED,
    Kind.VEHICLE_SENT,
    Kind.PICKUP_STARTED,
    Kind.PART_LOADED,
    Kind.DROP_STARTED,
    Kind.VEHICLE_FREE,
)
"""Events that change the nodes of a pool."""


@dataclass(slots=True)
class _Vehicle:
    place: str
    status: VehicleStatus = "idle"
    part: int = NOBODY
    goal: str = ""


@dataclass(slots=True)
class Fleet:
    """One pool of vehicles, and the parts that wait for one."""

    spec: Vehicles
    names: Names
    asked: list[int] = field(default_factory=list)
    """Parts that a vehicle was asked for and none sent, longest wait first."""
    vehicles: list[_Vehicle] = field(init=False)

    def __post_init__(self) -> None:
        """Let all of them stand at home."""
        self.vehicles = [_Vehicle(self.spec.home) for _ in range(self.spec.count)]

    def values(self, path: str) -> Iterator[tuple[str, int | str | tuple[int, ...]]]:
        """Yield the nodes and what they read."""
        yield f"{path}.asked", tuple(self.asked)
        for k, vehicle in enumerate(self.vehicles):
            at = f"{path}.vehicles.{k}"
            yield f"{at}.status", vehicle.status
            yield f"{at}.part", vehicle.part
            yield f"{at}.place", vehicle.place
            yield f"{at}.goal", vehicle.goal

    def apply(self, row: Row, place: str) -> None:
        """Take in one event of a vehicle; ``place`` is where the event's part is."""
        vehicle = self.vehicles[row.detail]
        if row.kind == Kind.VEHICLE_SENT and row.part == NOBODY:
            vehicle.status = "returning"
        elif row.kind == Kind.VEHICLE_SENT:
            vehicle.status, vehicle.part = "fetching", row.part
            vehicle.goal = self.names.elements[int(row.value)]
            if row.part in self.asked:
                self.asked.remove(row.part)
        elif row.kind == Kind.PICKUP_STARTED:
            vehicle.status, vehicle.place = "loading", place
        elif row.kind == Kind.PART_LOADED:
            vehicle.status = "carrying"
        elif row.kind == Kind.DROP_STARTED:
            vehicle.status = "unloading"
        else:
            at_home = row.value == NO_PLACE
            vehicle.place = self.spec.home if at_home else self.names.elements[int(row.value)]
            vehicle.status, vehicle.part, vehicle.goal = "idle", NOBODY, ""
