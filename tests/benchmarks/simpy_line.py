"""A line as a SimPy user would write it: a process per machine, a Store per buffer, part objects.

The yardstick of the engine's speed: the same work as the cases of ``bench_engine``, in the style of
SimPy's own examples; machines count their time in each status, and parts when they left each, as
our engine does. Nothing of ours is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import simpy
from simpy.events import Event

from tests.benchmarks.simpy_parts import Tally

Process = Generator[Event, Any, Any]
Clock = Literal["none", "operating", "calendar"]


COMPONENTS = 5
"""Places for components before the machine that needs them."""


@dataclass
class Part:
    """One part and the moments at which stations let it go, s."""

    number: int
    group: int = 0
    left_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """What is simulated: stations in a row with buffers between them."""

    times: tuple[Callable[[np.random.Generator], float], ...]
    capacities: tuple[float, ...]
    horizon_s: float
    clock: Clock = "none"
    to_failure_s: tuple[float, ...] = ()
    to_repair_s: tuple[float, ...] = ()
    crews: int = 0
    """Repair crews that all machines share; 0: each has its own."""
    operators: int = 0
    """Operators whom all machines share, one for each operation; 0: nobody is needed."""
    change_over_s: float = 0.0
    """Two groups of parts come at random; time to change over between them."""
    shift_s: tuple[float, float] = (0.0, 0.0)
    """Time on and time off; what has begun is finished."""
    rework_share: float = 0.0
    rework_to: int = 0
    """Share of the parts that go back from the last machine, and to which."""
    batch: tuple[int, int] = (-1, 1)
    """Machine that works on several parts at once, and on how many."""
    kitted: int = -1
    """Machine that puts a component into each part; another machine makes them."""
    carried: int = -1
    """Machine whose parts vehicles carry to the next buffer."""
    vehicles: int = 0
    ride_s: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Time to load, to drive one way, to unload."""
    wear_s: float = 0.0
    """Mean operating time from one level of wear to the next; a repair takes one off."""
    worn_factors: tuple[float, ...] = ()
    """On the processing times, by level."""


@dataclass
class Vehicle:
    """Stands where it takes parts, or where it puts them down."""

    away: bool = False


class Plant:
    """What the machines share."""

    def __init__(self, env: simpy.Environment, work: Work) -> None:
        self.env, self.work = env, work
        self.stores = [simpy.Store(env, capacity) for capacity in work.capacities]
        self.crews = simpy.Resource(env, work.crews) if work.crews else None
        self.operators = simpy.PriorityResource(env, work.operators) if work.operators else None
        self.components = simpy.Store(env, COMPONENTS)
        self.vehicles = simpy.Store(env)
        for _ in range(work.vehicles):
            self.vehicles.put(Vehicle())
        if work.vehicles:
            places = work.capacities[work.carried]
            self.places = simpy.Container(env, places, init=places)
        self.open = True
        self.opened = env.event()
        if work.shift_s[0]:
            env.process(self.shifts())

    def shifts(self) -> Process:
        """Open and close, for ever."""
        while True:
            yield self.env.timeout(self.work.shift_s[0])
            self.open, self.opened = False, self.env.event()
            yield self.env.timeout(self.work.shift_s[1])
            self.open = True
            self.opened.succeed()


class Machine:
    """A station: takes a part, works, lets it go; breaks down by its own or by calendar clock."""

    def __init__(self, plant: Plant, place: int, seed: int) -> None:
        env, work, stores = plant.env, plant.work, plant.stores
        self.env, self.work, self.plant, self.place = env, work, plant, place
        self.source = stores[place - 1] if place else None
        self.target = stores[place] if place < len(stores) else None
        seeds = np.random.SeedSequence(seed, spawn_key=(place,)).spawn(4)
        self.service, self.life, self.repair, self.luck = map(np.random.default_rng, seeds)
        self.group = 0
        self.tally = Tally(env)
        self.operations = 0
        self.made: list[Part] = []
        self.level, self.unworn_s = 0, self._wear()
        self.down = False
        self.working = False
        self.repaired = env.event()
        if place == work.kitted:
            env.process(self.components())
        self.process = env.process(self.batches() if place == work.batch[0] else self.run())
        if work.clock == "calendar":
            env.process(self.breakdowns())

    def run(self) -> Process:
        """Live for ever."""
        left_s = self._life() if self.work.clock == "operating" else 0.0
        while True:
            self.tally.tell("starved")
            part = yield from self._next()
            if not self.plant.open:
                self.tally.tell("off")
                yield self.plant.opened
            if part.group != self.group:
                self.tally.tell("setup")
                yield self.env.timeout(self.work.change_over_s)
                self.group = part.group
            time_s = self._time_s()
            self.tally.tell("processing")
            if self.work.clock == "operating":
                while time_s >= left_s:
                    yield self.env.timeout(left_s)
                    time_s -= left_s
                    self._use(left_s)
                    self.tally.tell("failed")
                    yield self.env.timeout(self._repair())
                    self.tally.tell("processing")
                    left_s, self.level = self._life(), max(0, self.level - 1)
                    self.unworn_s = self._wear()
                left_s -= time_s
                yield self.env.timeout(time_s)
                self._use(time_s)
            elif self.work.clock == "calendar":
                yield from self._attended(time_s)
            else:
                yield self.env.timeout(time_s)
            self.operations += 1
            self.tally.tell("blocked")
            if self.place == self.work.carried:
                yield from self._fetched(part)
            elif self.target is not None:
                yield self.target.put(part)
            elif self.work.rework_share and self.luck.random() < self.work.rework_share:
                yield self.plant.stores[self.work.rework_to - 1].put(part)
            else:
                self.made.append(part)
            part.left_s.append(self.env.now)

    def _next(self) -> Process:
        if self.source is None:
            return Part(self.operations, self._group())
        part = yield self.source.get()
        if self.work.vehicles and self.place == self.work.carried + 1:
            yield self.plant.places.put(1)
        if self.place == self.work.kitted:
            yield self.plant.components.get()
        return part

    def batches(self) -> Process:
        """Work on several parts at once, for ever; only in the middle of a line."""
        assert self.source is not None
        assert self.target is not None
        while True:
            parts: list[Part] = []
            self.tally.tell("starved")
            while len(parts) < self.work.batch[1]:
                part = yield self.source.get()
                parts.append(part)
            self.tally.tell("processing")
            yield self.env.timeout(self.work.times[self.place](self.service))
            self.operations += 1
            self.tally.tell("blocked")
            for part in parts:
                yield self.target.put(part)
                part.left_s.append(self.env.now)

    def components(self) -> Process:
        """Make components, for ever: the work of a machine of its own."""
        tally = Tally(self.env)
        while True:
            part = Part(self.operations)
            tally.tell("processing")
            yield self.env.timeout(self.work.times[self.place](self.luck))
            self.operations += 1
            tally.tell("blocked")
            yield self.plant.components.put(part)

    def _time_s(self) -> float:
        """Draw the time of an operation; a worn machine is slower."""
        time_s, factors = self.work.times[self.place](self.service), self.work.worn_factors
        return time_s * factors[self.level] if factors else time_s

    def _use(self, time_s: float) -> None:
        """Be worn by so much work."""
        if not self.work.worn_factors:
            return
        last = len(self.work.worn_factors) - 1
        while self.level < last and time_s >= self.unworn_s:
            time_s -= self.unworn_s
            self.level, self.unworn_s = self.level + 1, self._wear()
        self.unworn_s -= time_s

    def _fetched(self, part: Part) -> Process:
        """Wait with a part for a place behind, for a vehicle, and until that has taken it."""
        load_s, drive_s, _ = self.work.ride_s
        yield self.plant.places.get(1)
        vehicle = yield self.plant.vehicles.get()
        if vehicle.away:
            yield self.env.timeout(drive_s)
        yield self.env.timeout(load_s)
        self.env.process(self._brought(vehicle, part))

    def _brought(self, vehicle: Vehicle, part: Part) -> Process:
        """Drive with a part to the next buffer and put it down there."""
        assert self.target is not None
        _, drive_s, unload_s = self.work.ride_s
        yield self.env.timeout(drive_s)
        yield self.env.timeout(unload_s)
        yield self.target.put(part)
        vehicle.away = True
        yield self.plant.vehicles.put(vehicle)

    def _attended(self, time_s: float) -> Process:
        """Work while the machine runs; an operator goes elsewhere while it is down."""
        since_s = self.env.now
        while time_s > 0:
            while self.down:
                yield self.repaired
            if self.plant.operators is None:
                time_s = yield from self._until_down(time_s)
                continue
            with self.plant.operators.request(priority=since_s) as turn:
                self.tally.tell("no_operator")
                yield turn
                if not self.down:
                    self.tally.tell("processing")
                    time_s = yield from self._until_down(time_s)
                    since_s = self.env.now

    def _until_down(self, time_s: float) -> Process:
        """Work until all is done or the machine fails; return what is left to do."""
        since_s, self.working = self.env.now, True
        try:
            yield self.env.timeout(time_s)
        except simpy.Interrupt:
            return time_s - (self.env.now - since_s)
        finally:
            self.working = False
        return 0.0

    def breakdowns(self) -> Process:
        """Fail and be repaired, whatever the machine does."""
        while True:
            yield self.env.timeout(self._life())
            self.down, self.repaired = True, self.env.event()
            self.tally.tell_instead("failed")
            if self.working:
                self.process.interrupt()
            if self.plant.crews is None:
                yield self.env.timeout(self._repair())
            else:
                with self.plant.crews.request() as turn:
                    yield turn
                    yield self.env.timeout(self._repair())
            self.down = False
            self.tally.tell_instead("")
            self.repaired.succeed()

    def _group(self) -> int:
        return int(self.luck.random() < 0.5) if self.work.change_over_s else 0

    def _life(self) -> float:
        return float(self.life.exponential(self.work.to_failure_s[self.place]))

    def _wear(self) -> float:
        return float(self.luck.exponential(self.work.wear_s)) if self.work.wear_s else 0.0

    def _repair(self) -> float:
        return float(self.repair.exponential(self.work.to_repair_s[self.place]))


def operations(work: Work, seed: int) -> int:
    """Run the line once and return how many operations were finished."""
    env = simpy.Environment()
    plant = Plant(env, work)
    machines = [Machine(plant, place, seed) for place in range(len(work.times))]
    env.run(until=work.horizon_s)
    for machine in machines:
        machine.tally.count()
    return sum(machine.operations for machine in machines)
