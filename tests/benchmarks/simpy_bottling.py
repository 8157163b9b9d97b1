"""The bottling line as a SimPy user would write it, with all that the example line has.

A process per machine, a Store per conveyor, a Resource per crew. Failures on operating time are
part of the machine's own loop; the camera's, on the calendar, and the breaks interrupt it. Numbers
come from the line's description, drawn by NumPy one at a time; nothing of our engines is used.
"""

from __future__ import annotations

from collections.abc import Iterator

import simpy

from tests.benchmarks.simpy_parts import Draw, Part, Process, Results, Tally, drawn, generators
from twin.line import Failure, Line, Station

HOUR_S = 3600.0
BREAK_S = 20 * 60.0
BREAKS_AFTER_S = (4 * HOUR_S, 12 * HOUR_S, 20 * HOUR_S)
"""From the start at six in the morning, each day."""


class Plant:
    """What the machines share."""

    def __init__(self, line: Line, seed: int) -> None:
        self.env = env = simpy.Environment()
        self.line, self.seed, self.results = line, seed, Results()
        self.crews = {crew.id: simpy.Resource(env, crew.size) for crew in line.crews}
        self.conveyors = {
            buffer.id: simpy.Store(env, buffer.capacity or float("inf")) for buffer in line.buffers
        }
        self.orders = self.ordered()

    def ordered(self) -> Iterator[str]:
        """Return the products of the parts to make, one order after the other."""
        for order in sorted(self.line.orders, key=lambda order: order.due_date_s or 0.0):
            for _ in range(order.quantity):
                yield order.product


class Machine:
    """A station: takes a part, changes over, works, breaks down, lets the part go."""

    def __init__(self, plant: Plant, place: int, station: Station, after: Station | None) -> None:
        self.env, self.plant, self.id = plant.env, plant, station.id
        self.tally = Tally(plant.env)
        fresh = generators(plant.seed, station.id)
        service = fresh()
        steps = {product.id: product.routing[place] for product in plant.line.products}
        self.times = {name: drawn(service, step.processing_time_s) for name, step in steps.items()}
        self.scrap = {name: step.scrap_probability for name, step in steps.items()}
        self.luck = fresh()
        self.groups = {product.id: product.setup_group for product in plant.line.products}
        self.group = station.setup.initial_group if station.setup else None
        self.setups_s = station.setup.matrix_s if station.setup else {}
        self.source = plant.conveyors[station.input_buffer] if station.input_buffer else None
        self.target = plant.conveyors[after.input_buffer or ""] if after else None
        self.lives: dict[str, Draw] = {}
        self.repairs: dict[str, tuple[str, Draw]] = {}
        self.left_s: dict[str, float] = {}
        self.repaired: simpy.Event | None = None
        self.opened: simpy.Event | None = None
        self.working = self.idle = False
        self.process = plant.env.process(self.run())
        for failure in station.failures:
            life, repair = drawn(fresh(), failure.life), drawn(fresh(), failure.time_to_repair_s)
            self.repairs[failure.id] = (failure.crew or "", repair)
            if failure.clock == "calendar":
                plant.env.process(self.breakdowns(failure, life))
            else:
                self.lives[failure.id], self.left_s[failure.id] = life, life()
        if station.calendar:
            plant.env.process(self.breaks())

    def run(self) -> Process:
        """Live for ever, or until there are no more orders."""
        env, tally, results = self.env, self.tally, self.plant.results
        while True:
            tally.tell("starved")
            part = yield from self.next()
            if part is None:
                return
            group = self.groups[part.product]
            if self.setups_s and group != self.group:
                tally.tell("setup")
                yield env.timeout(self.setups_s[self.group][group])
                self.group = group
            time_s = self.times[part.product]()
            if self.left_s:
                yield from self.wearing(time_s)
            else:
                yield from self.interrupted(time_s)
            results.operations[self.id] += 1
            scrap = self.scrap[part.product]
            if scrap and self.luck.random() < scrap:
                results.scrapped += 1
            elif self.target is None:
                results.finish(part, env.now)
            else:
                tally.tell("blocked")
                yield self.target.put(part)

    def next(self) -> Process:
        """Take the next part; in a break there is none."""
        if self.source is None:
            product = next(self.plant.orders, None)
            return None if product is None else Part(product, self.env.now)
        while True:
            if self.opened is not None:
                yield self.opened
            getting = self.source.get()
            self.idle = True
            try:
                part = yield getting
            except simpy.Interrupt:
                getting.cancel()
            else:
                return part
            finally:
                self.idle = False

    def wearing(self, time_s: float) -> Process:
        """Work, and break down whenever something has worked as long as it lives."""
        env, tally, left_s = self.env, self.tally, self.left_s
        while True:
            tally.tell("processing")
            mode = min(left_s, key=left_s.__getitem__)
            stretch_s = min(time_s, left_s[mode])
            yield env.timeout(stretch_s)
            for name in left_s:
                left_s[name] -= stretch_s
            time_s -= stretch_s
            if time_s <= 0:
                break
            tally.tell("failed")
            yield from self.repair(mode)
            left_s[mode] = self.lives[mode]()
        if self.opened is not None:
            tally.tell_instead("off")

    def interrupted(self, time_s: float) -> Process:
        """Work, and wait for whoever repairs what fails meanwhile."""
        while time_s > 0:
            if self.repaired is not None:
                yield self.repaired
            self.tally.tell("processing")
            since_s, self.working = self.env.now, True
            try:
                yield self.env.timeout(time_s)
                time_s = 0.0
            except simpy.Interrupt:
                time_s -= self.env.now - since_s
            self.working = False

    def repair(self, mode: str) -> Process:
        """Wait for somebody of the crew and be repaired."""
        crew, repair = self.repairs[mode]
        with self.plant.crews[crew].request() as turn:
            yield turn
            yield self.env.timeout(repair())

    def breakdowns(self, failure: Failure, life: Draw) -> Process:
        """Fail and be repaired, whatever the machine does."""
        while True:
            yield self.env.timeout(life())
            self.repaired = self.env.event()
            self.tally.tell_instead("failed")
            if self.working:
                self.process.interrupt()
            yield from self.repair(failure.id)
            self.repaired.succeed()
            self.repaired = None
            self.tally.tell_instead("")

    def breaks(self) -> Process:
        """Begin nothing in breaks; what is begun is finished."""
        env, day_s = self.env, 0.0
        while True:
            for after_s in BREAKS_AFTER_S:
                yield env.timeout(day_s + after_s - env.now)
                self.opened = env.event()
                if self.tally.status not in {"processing", "failed"}:
                    self.tally.tell_instead("off")
                if self.idle:
                    self.process.interrupt()
                yield env.timeout(BREAK_S)
                self.opened.succeed()
                self.opened = None
                self.tally.tell_instead("")
            day_s += 24 * HOUR_S


def run(line: Line, horizon_s: float, seed: int) -> Results:
    """Run the line once and return what was counted."""
    plant = Plant(line, seed)
    stations = [line.station(name) for name in line.flow_order]
    behind = (*stations[1:], None)
    machines = [
        Machine(plant, place, station, after)
        for place, (station, after) in enumerate(zip(stations, behind, strict=True))
    ]
    plant.env.run(until=horizon_s)
    for machine in machines:
        machine.tally.count()
        plant.results.status_times_s[machine.id] = dict(machine.tally.times_s)
    return plant.results
