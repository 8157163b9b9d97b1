"""Vehicles: who is sent for which part, and what happens on the way.

A vehicle drives, loads and unloads by its own timer. All that it changes for others - a part that
leaves its place or comes to one, a place that is kept for it - is done in ``settle``.
"""

from __future__ import annotations

from collections.abc import Iterator

from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.places import BufferPlace, StationPlace
from twin.engine.reference.run import Part, Run
from twin.engine.reference.sources import SourcePlace
from twin.engine.streams import Purpose
from twin.events.kinds import Kind
from twin.events.state import VehicleStatus
from twin.events.vehicles import NO_PLACE
from twin.line import Vehicles

Place = StationPlace | BufferPlace | SourcePlace


class SinkPlace:
    """Where vehicles bring parts that leave the line; there is always room."""

    def __init__(self, run: Run, name: str) -> None:
        self.run = run
        self.id = name
        self.number = run.index[name]
        self.incoming = 0

    def enter(self, part: Part) -> None:
        """Let a part leave the line."""
        self.run.note(Kind.PART_FINISHED, self.number, part.id)
        self.run.leave(part, good=True)


Goal = StationPlace | BufferPlace | SinkPlace


class Vehicle:
    """One vehicle of a pool."""

    def __init__(self, pool: Pool, number: int) -> None:
        self.pool = pool
        self.number = number
        self.status: VehicleStatus = "idle"
        self.place = pool.spec.home
        """Where it stands or set out from; with a part on board, where it took that."""
        self.part: Part | None = None
        self.goal: Goal | None = None
        rank = (Due.VEHICLE, pool.slot, number)
        self.timer = Timer(pool.run.clock, rank, pool.spec.id, self._over)

    def total_s(self) -> float:
        """Return how long what it does now takes, s."""
        spec, part = self.pool.spec, self.part
        if self.status == "returning":
            return spec.travel_s(self.place, spec.home)
        assert part is not None
        assert self.goal is not None
        if self.status == "fetching":
            return spec.travel_s(self.place, part.place)
        if self.status == "carrying":
            return spec.travel_s(self.place, self.goal.id)
        draw = self.pool.load if self.status == "loading" else self.pool.unload
        return draw(part.id, part.visits)

    def begin(self, status: VehicleStatus, kind: Kind, value: float | None = None) -> None:
        """Begin the next piece of its way."""
        self.status = status
        total_s = self.total_s()
        self.note(kind, total_s if value is None else value)
        self.timer.load(total_s)
        self.timer.resume()

    def note(self, kind: Kind, value: float) -> None:
        """Write what it does to the log."""
        number = -1 if self.part is None else self.part.id
        self.pool.run.note(kind, self.pool.number, number, self.number, value)

    def free(self, place: str) -> None:
        """Stand idle at a place."""
        self.status, self.place, self.part, self.goal = "idle", place, None, None
        self.note(Kind.VEHICLE_FREE, self.pool.number_of(place))

    def _over(self) -> None:
        """Phase 1: a piece of its way is over; what concerns others waits for ``settle``."""
        if self.status == "fetching":
            assert self.part is not None
            self.place = self.part.place
            self.begin("loading", Kind.PICKUP_STARTED)
        elif self.status == "carrying":
            self.begin("unloading", Kind.DROP_STARTED)
        elif self.status == "returning":
            self.free(self.pool.spec.home)
        else:
            self.pool.ready.append(self)


class Pool:
    """The vehicles of one pool."""

    def __init__(self, run: Run, spec: Vehicles, slot: int) -> None:
        self.run = run
        self.spec = spec
        self.slot = slot
        self.number = run.index[spec.id]
        self.load = run.draws.time(spec.load_time_s, spec.id, Purpose.LOAD)
        self.unload = run.draws.time(spec.unload_time_s, spec.id, Purpose.UNLOAD)
        self.ready: list[Vehicle] = []
        """Vehicles that have loaded or unloaded in this round, by number."""
        self.vehicles = [Vehicle(self, number) for number in range(spec.count)]

    def number_of(self, place: str) -> float:
        """Return the number of a place in the log."""
        return float(self.run.index.get(place, NO_PLACE))

    @property
    def idle(self) -> list[Vehicle]:
        """Those that nobody needs, by number."""
        return [vehicle for vehicle in self.vehicles if vehicle.status == "idle"]

    def nearest(self, place: str) -> Vehicle:
        """Return the idle vehicle that is first at a place; ties by number."""
        return min(self.idle, key=lambda vehicle: self.spec.travel_s(vehicle.place, place))


class Transport:
    """All vehicles of a run."""

    def __init__(self, run: Run) -> None:
        ordered = sorted(run.line.vehicles, key=lambda pool: pool.id)
        self._run = run
        self.pools = {spec.id: Pool(run, spec, slot) for slot, spec in enumerate(ordered)}
        self.sinks = {sink.id: SinkPlace(run, sink.id) for sink in run.line.sinks}
        self._of: dict[tuple[str, str], Pool | None] = {}

    def carrier(self, origin: str, goal: str) -> Pool | None:
        """Return the pool that carries what goes from one place to another; None: it needs none."""
        if not self.pools:
            return None
        way = origin, goal
        if way not in self._of:
            found = (pool for pool in self.pools.values() if pool.spec.carries(origin, goal))
            self._of[way] = next(found, None)
        return self._of[way]

    def admits(self, origin: str, goal: str) -> bool:
        """Tell whether a part could set out now: it needs no vehicle, or one is idle."""
        pool = self.carrier(origin, goal)
        return pool is None or bool(pool.idle)

    def settle_arrivals(self, places: dict[str, Place]) -> None:
        """Phase 2: parts that were loaded leave their place; those unloaded come to one."""
        for vehicle in self._ready():
            part, goal = vehicle.part, vehicle.goal
            assert part is not None
            assert goal is not None
            if vehicle.status == "loading":
                places[part.place].hand_over(part)
                self._run.board(part, vehicle.pool.spec.id)
                vehicle.begin("carrying", Kind.PART_LOADED, -1.0)
                continue
            goal.incoming -= 1
            part.called = False
            self._run.cards.arrive(part.way.spec.id, vehicle.place, goal.id)
            goal.enter(part)
            if isinstance(goal, BufferPlace):
                self._run.look_at(part)
            vehicle.free(goal.id)

    def _ready(self) -> Iterator[Vehicle]:
        for pool in self.pools.values():
            ready, pool.ready = pool.ready, []
            yield from ready

    def send(self, part: Part, goal: Goal) -> None:
        """Phase 2: send the nearest idle vehicle for a part, and keep a place for it."""
        pool = self.carrier(part.place, goal.id)
        assert pool is not None
        if part.asked_s is None:
            part.asked_s = self._run.clock.now
        part.called = True
        goal.incoming += 1
        self._run.cards.set_out(part.way.spec.id, part.place, goal.id)
        vehicle = pool.nearest(part.place)
        vehicle.part, vehicle.goal = part, goal
        vehicle.begin("fetching", Kind.VEHICLE_SENT, float(goal.number))

    def send_home(self) -> None:
        """Phase 2: let those drive home that nobody needs and that do not stay where they are."""
        for pool in self.pools.values():
            if pool.spec.when_idle == "home":
                for vehicle in pool.idle:
                    if vehicle.place != pool.spec.home:
                        home = pool.number_of(pool.spec.home)
                        vehicle.begin("returning", Kind.VEHICLE_SENT, home)
