"""Vehicles as followed: who is sent for which part, and where on its way it is.

Where the plant tells what its vehicles do, the events follow from that. Where it tells nothing, a
part that left a place out of which a pool carries is taken to be on one of its vehicles until it
shows up again; all that is said of such a trip is uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from twin.events.kinds import Kind
from twin.events.state import LineState, VehicleStatus
from twin.events.vehicles import NO_PLACE
from twin.line import Vehicles
from twin.sync.belief import Part
from twin.sync.follow import Follower
from twin.sync.image import NO_PART, VehicleView
from twin.sync.routes import Routes

TRIP: tuple[VehicleStatus, ...] = ("fetching", "loading", "carrying", "unloading")
"""What a vehicle does on one trip, in order."""
ABOARD = frozenset(TRIP[2:])
"""What it does while it has its part."""
LATE_TRIPS = 5.0
"""Times the longest trip, as expected, after which a part that nobody shows is taken to be gone."""


class Mover(Protocol):
    """What brings parts to where they are seen."""

    def lead(self, part: Part, place: str) -> int:
        """Bring a part to the operation for which it goes to a place; return that operation."""

    def put(self, part: Part, goal: str) -> None:
        """Put a part where it is seen, or else where it was brought to."""

    def known(self, number: int) -> Part:
        """Return a part, made if it is new."""


@dataclass(slots=True)
class Vehicle:
    """One vehicle, as believed."""

    place: str
    status: VehicleStatus = "idle"
    part: int = NO_PART
    goal: str = ""


class Fleet:
    """Writes the events of vehicles and keeps the belief they lead to.

    Parameters
    ----------
    routes : Routes
        Look-ups on the line.
    follower : Follower
        The rest of the line, as believed.
    state : LineState
        Where everything is at the beginning.
    """

    def __init__(self, routes: Routes, follower: Follower, state: LineState) -> None:
        self._routes = routes
        self._follower = follower
        self._specs = {pool.id: pool for pool in routes.pools}
        self.pools = {
            pool.id: [Vehicle(pool.home) for _ in range(pool.count)] for pool in routes.pools
        }
        for name, found in state.vehicles.items():
            for vehicle, known in zip(self.pools[name], found, strict=False):
                vehicle.place, vehicle.status = known.place, known.status
                vehicle.part = NO_PART if known.part is None else known.part
                vehicle.goal = known.goal or ""
        for part in state.parts:
            if part.asked_s is not None and part.id in follower.parts:
                follower.parts[part.id].asked = True

    # --- what the plant tells -------------------------------------------------------------------

    def goes_on(self, pool: str, views: tuple[VehicleView, ...], mover: Mover) -> None:
        """Bring the trips that vehicles were on to where they are now, or to their end."""
        for k, view, status in _told(views):
            vehicle = self.pools[pool][k]
            if vehicle.status == "returning" and status != "returning":
                self._free(pool, k, self._specs[pool].home)
            elif vehicle.status in TRIP:
                same = (view.part, view.goal or vehicle.goal) == (vehicle.part, vehicle.goal)
                on_it = same and status in TRIP
                if on_it and TRIP.index(status) >= TRIP.index(vehicle.status):
                    self._advance(pool, k, status, mover)
                else:
                    self._advance(pool, k, "unloading", mover)
                    mover.put(mover.known(vehicle.part), vehicle.goal)
                    stands = status == "idle" and view.place in self._routes.index
                    self._free(pool, k, view.place if stands else vehicle.goal)

    def set_out(self, pool: str, views: tuple[VehicleView, ...], mover: Mover) -> None:
        """Send the vehicles that are on a trip which is new."""
        for k, view, status in _told(views):
            vehicle = self.pools[pool][k]
            if vehicle.status != "idle" or status == "idle":
                continue
            if status == "returning":
                self._home(pool, k)
            elif view.part != NO_PART:
                part = mover.known(view.part)
                self._send(pool, k, part, self._goal(pool, part, view), mover)
                self._advance(pool, k, status, mover)

    def ask(self, numbers: tuple[int, ...]) -> None:
        """Tell of the parts for which no vehicle was free when they could have gone on."""
        for number in numbers:
            part = self._follower.parts.get(number)
            if part is not None and not part.asked:
                self._follower.finish_work(part)
                part.asked = True
                self._follower.write(Kind.VEHICLE_ASKED, part.place, number)

    def _goal(self, pool: str, part: Part, view: VehicleView) -> str:
        """Return where a part goes: as the plant says, else where its way leads first."""
        if view.goal in self._routes.entrances:
            return view.goal
        return self._way(part, [self._specs[pool]])[1]

    def _way(self, part: Part, pools: list[Vehicles]) -> tuple[str, str]:
        """Return the first of some pools that brings a part on, and where; else empty words."""
        goals = list(self._routes.goals(part.product, part.operation))
        if part.status == "done":
            back = self._routes.rework_to(part.product, part.operation - 1)
            goals += self._routes.goals(part.product, back) if back is not None else ()
        ways = ((pool.id, goal) for goal in goals for pool in pools
                if pool.carries(part.place, goal))  # fmt: skip
        return next(ways, ("", goals[0] if goals else part.place))

    # --- what nobody tells ----------------------------------------------------------------------

    def take_away(self, part: Part, silent: list[str], mover: Mover) -> None:
        """Let a part that nobody shows be on an idle vehicle of a pool that tells nothing."""
        pool, goal = self._way(part, [self._specs[name] for name in silent])
        idle = [k for k, found in enumerate(self.pools.get(pool, ())) if found.status == "idle"]
        if idle:
            with self._follower.doubtful():
                self._send(pool, idle[0], part, goal, mover)
                self._advance(pool, idle[0], "carrying", mover)
            part.lost_s = self._follower.time_s

    def put_down(self, part: Part) -> None:
        """Let the vehicle that a part is on come to its end, if a part is on one."""
        for pool, k in self._with(part.id, part.place):
            if self.pools[pool][k].status == "carrying":
                self.pools[pool][k].status = "unloading"
                with self._follower.doubtful():
                    self._write(Kind.DROP_STARTED, pool, k)

    def release(self, silent: list[str]) -> None:
        """Free the vehicles whose part is elsewhere by now."""
        for pool in silent:
            for k, vehicle in enumerate(self.pools[pool]):
                part = self._follower.parts.get(vehicle.part)
                if vehicle.part != NO_PART and (part is None or part.place != pool):
                    with self._follower.doubtful():
                        self._free(pool, k, part.place if part else vehicle.goal)

    def _with(self, number: int, place: str) -> list[tuple[str, int]]:
        found = enumerate(self.pools.get(place, ()))
        return [(place, k) for k, vehicle in found if vehicle.part == number]

    def patience_s(self, part: Part, silent: list[str]) -> float:
        """Return how long a part may be on its way, s; 0 where none of these pools carries it."""
        origin = part.left if part.place in self.pools else part.place
        trips = [
            pool.travel_s(origin, goal)
            + pool.load_time_s.expected_s()
            + pool.unload_time_s.expected_s()
            for pool in (self._specs[name] for name in silent)
            for goal in self._routes.entrances
            if pool.carries(origin, goal)
        ]
        return LATE_TRIPS * max(trips, default=0.0)

    # --- events ---------------------------------------------------------------------------------

    def _send(self, pool: str, k: int, part: Part, goal: str, mover: Mover) -> None:
        self._follower.finish_work(part)
        if goal not in self._follower.finished:
            part.operation = mover.lead(part, goal)
        vehicle = self.pools[pool][k]
        vehicle.status, vehicle.part, vehicle.goal = "fetching", part.id, goal
        part.asked = True
        self._write(Kind.VEHICLE_SENT, pool, k, float(self._routes.index[goal]))

    def _home(self, pool: str, k: int) -> None:
        self.pools[pool][k].status = "returning"
        home = self._routes.index.get(self._specs[pool].home, NO_PLACE)
        self._write(Kind.VEHICLE_SENT, pool, k, float(home))

    def _advance(self, pool: str, k: int, until: VehicleStatus, mover: Mover) -> None:
        """Let a vehicle do what comes next on its trip, up to what it does now."""
        vehicle = self.pools[pool][k]
        part = mover.known(vehicle.part)
        while vehicle.status != until:
            vehicle.status = TRIP[TRIP.index(vehicle.status) + 1]
            if vehicle.status == "loading":
                vehicle.place = part.place
                self._write(Kind.PICKUP_STARTED, pool, k)
            elif vehicle.status == "carrying":
                self._follower.board(part, pool)
                self._write(Kind.PART_LOADED, pool, k)
            else:
                self._write(Kind.DROP_STARTED, pool, k)

    def _free(self, pool: str, k: int, place: str) -> None:
        vehicle = self.pools[pool][k]
        vehicle.status, vehicle.place = "idle", place
        vehicle.part, vehicle.goal = NO_PART, ""
        self._write(Kind.VEHICLE_FREE, pool, k, float(self._routes.index.get(place, NO_PLACE)))

    def _write(self, kind: Kind, pool: str, k: int, value: float = float("nan")) -> None:
        self._follower.write(kind, pool, self.pools[pool][k].part, k, value)


def _told(views: tuple[VehicleView, ...]) -> Iterator[tuple[int, VehicleView, VehicleStatus]]:
    """Yield the vehicles of which the plant says what they do."""
    for k, view in enumerate(views):
        if view.status is not None:
            yield k, view, view.status
