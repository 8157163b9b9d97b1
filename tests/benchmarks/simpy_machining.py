"""The machining cell as a SimPy user would write it, with all that the example line has.

A class per kind of machine, a Store per buffer, and people as objects in a FilterStore who know
what they can do; breaks and nights interrupt those who go at once. Numbers come from the line's
description, drawn by NumPy one at a time; nothing of our engines is used. Energy is left out: it
would be the times in each status, times the power.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import simpy
from simpy.resources.resource import SortedQueue
from simpy.resources.store import FilterStoreGet

from tests.benchmarks.simpy_parts import Draw, Part, Process, Results, Tally, drawn, generators
from twin.line import Line, Station

HOUR_S = 3600.0
START_H = 6.0
"""Clock time at which a run begins, on a Monday."""
AT_WORK_H = ((6.0, 9.5), (9.5 + 1 / 3, 18.0), (18.0 + 1 / 3, 22.0))
WEEK_H, WORKING_DAYS, SERVICE_H = 7 * 24.0, 5, 4 * 24.0 + 13.0
GOING_HOME, REPAIR, WORK = range(3)
"""Who is asked for first."""


def working_hours() -> Iterator[tuple[float, float]]:
    """Yield when people come and when they go, s from the beginning of a run."""
    for day in count():
        if day % 7 < WORKING_DAYS:
            for come_h, go_h in AT_WORK_H:
                yield (
                    (day * 24 + come_h - START_H) * HOUR_S,
                    (day * 24 + go_h - START_H) * HOUR_S,
                )


@dataclass(eq=False)
class Worker:
    """One person."""

    rank: tuple[int, str]
    """Whoever can do least is asked first."""
    skills: frozenset[str]
    stops: bool
    """Goes at the end of the shift, whatever is under way."""
    there: bool = True
    task: simpy.Process | None = None
    """What stands still when they go."""


class Call(FilterStoreGet):
    """Asks for somebody; who is more urgent comes first, then who has asked longer."""

    def __init__(
        self, people: People, suits: Callable[[Worker], bool], priority: int, since_s: float
    ) -> None:
        self.key = (priority, since_s)
        super().__init__(people, suits)


class People(simpy.FilterStore):
    """People who are free."""

    GetQueue = SortedQueue

    def _do_put(self, event: Any) -> None:
        insort(self.items, event.item, key=lambda worker: worker.rank)
        event.succeed()


class Cell:
    """What the machines share."""

    def __init__(self, line: Line, seed: int) -> None:
        self.env = env = simpy.Environment()
        self.line, self.seed, self.results = line, seed, Results()
        self.buffers = {
            buffer.id: simpy.FilterStore(env, buffer.capacity or float("inf"))
            for buffer in line.buffers
        }
        hands, technician, inspector = People(env), People(env), People(env)
        self.people = {
            "load": hands,
            "set_up": hands,
            "technician": technician,
            "inspector": inspector,
        }
        for crew in line.crews:
            skills = frozenset(crew.skills) or frozenset({crew.id})
            for _ in range(crew.size):
                rank = (len(crew.skills), crew.id)
                worker = Worker(rank, skills, stops=crew.at_shift_end == "stop")
                env.process(self.shifts(worker, self.people[min(skills)]))

    def shifts(self, worker: Worker, people: People) -> Process:
        """Come and go."""
        env = self.env
        for come_s, go_s in working_hours():
            if come_s > env.now:
                yield env.timeout(come_s - env.now)
            worker.there = True
            people.put(worker)
            yield env.timeout(go_s - env.now)
            worker.there = False
            if worker.stops and worker.task is not None:
                worker.task.interrupt()
            yield Call(people, lambda free: free is worker, GOING_HOME, env.now)

    def call(self, skill: str, priority: int, since_s: float | None = None) -> Call:
        """Ask for somebody who can do this."""
        since_s = self.env.now if since_s is None else since_s
        return Call(self.people[skill], lambda free: skill in free.skills, priority, since_s)

    def mended(self, skill: str, time: Draw) -> Process:
        """Wait for somebody and be repaired or maintained."""
        worker = yield self.call(skill, REPAIR)
        yield self.env.timeout(time())
        self.people[skill].put(worker)


@dataclass
class Steps:
    """What a station does to one product."""

    time: Draw
    load: Draw | None
    unload: Draw | None
    scrap: float
    rework: float
    rework_limit: int


@dataclass
class Modes:
    """What stops a station: when, and for how long."""

    life: dict[str, Draw] = field(default_factory=dict)
    work: dict[str, Draw] = field(default_factory=dict)


class Machine:
    """A station that works on one part at a time."""

    def __init__(self, cell: Cell, station: Station, target: str | None) -> None:
        self.env, self.cell, self.id = cell.env, cell, station.id
        self.tally = Tally(cell.env)
        self.source = cell.buffers[station.input_buffer] if station.input_buffer else None
        self.target = cell.buffers[target] if target else None
        fresh = generators(cell.seed, station.id)
        service, hands = fresh(), fresh()
        self.luck = fresh()
        self.steps: dict[str, Steps] = {}
        for product in cell.line.products:
            step = next(step for step in product.routing if station.id in step.stations)
            load, unload, back = step.load_time_s, step.unload_time_s, step.rework
            self.steps[product.id] = Steps(
                time=drawn(service, step.processing_time_s),
                load=drawn(hands, load) if load else None,
                unload=drawn(hands, unload) if unload else None,
                scrap=step.scrap_probability,
                rework=back.probability if back else 0.0,
                rework_limit=back.limit if back else 0,
            )
        self.modes = Modes()
        for mode in (*station.failures, *station.maintenance):
            if mode.life is not None:
                self.modes.life[mode.id] = drawn(fresh(), mode.life)
            self.modes.work[mode.id] = drawn(fresh(), mode.work_s)
        self.closed: simpy.Event | None = None
        """Ends when maintenance does; nothing begins before."""
        self.quiet: simpy.Event | None = None
        """Comes when the work that maintenance waits for is over."""
        self.working = False
        self.process = cell.env.process(self.run())

    def run(self) -> Process:
        """Live for ever; as each kind of machine does."""
        raise NotImplementedError

    def worked(self, time_s: float) -> Process:
        """Do what nobody is needed for."""
        self.tally.tell("processing")
        yield self.env.timeout(time_s)
        self.cell.results.operations[self.id] += 1

    def attended(
        self, status: str, time_s: float, skill: str, worker: Worker | None = None
    ) -> Process:
        """Do what somebody is needed for; return who is with it in the end."""
        env, people, since_s = self.env, self.cell.people[skill], self.env.now
        while True:
            while worker is None:
                if self.closed is not None:
                    yield self.closed
                self.tally.tell("no_operator")
                worker = yield self.cell.call(skill, WORK, since_s)
                if self.closed is not None:
                    people.put(worker)
                    worker = None
            self.tally.tell(status)
            since_s, self.working, worker.task = env.now, True, self.process
            try:
                yield env.timeout(time_s)
            except simpy.Interrupt:
                time_s -= env.now - since_s
                since_s = env.now
            else:
                return worker
            finally:
                self.working, worker.task = False, None
                if self.quiet is not None and not self.quiet.triggered:
                    self.quiet.succeed()
            people.put(worker)
            worker = None

    def handled(self, time: Draw | None, worker: Worker | None = None) -> Process:
        """Load or unload; whoever stays from a setup loads too."""
        if time is not None:
            worker = yield from self.attended("handling", time(), "load", worker)
            self.cell.people["load"].put(worker)

    def handed_on(self, part: Part) -> Process:
        """Let a part go to the next buffer."""
        assert self.target is not None
        self.tally.tell("blocked")
        yield self.target.put(part)

    def scraps(self, part: Part) -> bool:
        """Decide whether a part is bad."""
        share = self.steps[part.product].scrap
        bad = share > 0 and self.luck.random() < share
        self.cell.results.scrapped += bad
        return bad


class Saw(Machine):
    """Cuts one part after the other, and stops when its band is worn."""

    def run(self) -> Process:
        """Live for ever."""
        env = self.env
        assert self.target is not None
        (source,) = self.cell.line.sources
        shares = source.products
        assert isinstance(shares, dict)
        names, whole = sorted(shares), sum(shares.values())
        left = self.modes.life["band"]()
        while True:
            first = self.luck.random() * whole < shares[names[0]]
            part = Part(names[0] if first else names[1], env.now)
            yield from self.worked(self.steps[part.product].time())
            left -= 1
            put = self.target.put(part)
            if left <= 0:
                self.tally.tell("failed")
                yield from self.cell.mended("set_up", self.modes.work["band"])
                left = self.modes.life["band"]()
            self.tally.tell("blocked")
            yield put


class Mill(Machine):
    """Takes what needs the least setup; its cutter wears with every part."""

    def __init__(self, cell: Cell, station: Station, target: str | None) -> None:
        super().__init__(cell, station, target)
        assert station.setup is not None
        self.group, self.setups_s = station.setup.initial_group, station.setup.matrix_s
        self.groups = {product.id: product.setup_group for product in cell.line.products}
        (care,) = station.maintenance
        self.care_after = care.every_cycles
        self.slow_factor = next(f.slow_factor for f in station.failures if f.id == "coolant")
        self.slow = 1.0
        cell.env.process(self.coolant())

    def coolant(self) -> Process:
        """Lose coolant now and then; work is slower until it is repaired."""
        while True:
            yield self.env.timeout(self.modes.life["coolant"]())
            self.slow = self.slow_factor
            yield from self.cell.mended("technician", self.modes.work["coolant"])
            self.slow = 1.0

    def run(self) -> Process:
        """Live for ever."""
        cutter, done = self.modes.life["cutter"](), 0
        while True:
            part = yield from self.next()
            worker = yield from self.changed_over(self.groups[part.product])
            step = self.steps[part.product]
            yield from self.handled(step.load, worker)
            self.group = self.groups[part.product]
            yield from self.worked(step.time() * self.slow)
            cutter, done = cutter - 1, done + 1
            if cutter <= 0:
                self.tally.tell("failed")
                yield from self.cell.mended("set_up", self.modes.work["cutter"])
                cutter = self.modes.life["cutter"]()
            if done >= self.care_after:
                self.tally.tell("maintenance")
                yield from self.cell.mended("set_up", self.modes.work["new_cutter"])
                cutter, done = self.modes.life["cutter"](), 0
            yield from self.handled(step.unload)
            yield from self.handed_on(part)

    def next(self) -> Process:
        """Take the first part of the group that is set up, or the first of all."""
        assert self.source is not None
        self.tally.tell("starved")
        groups, group = self.groups, self.group
        if any(groups[part.product] == group for part in self.source.items):
            return (yield self.source.get(lambda part: groups[part.product] == group))
        return (yield self.source.get())

    def changed_over(self, group: str | None) -> Process:
        """Set up if that is needed; whoever did it stays to load, unless the shift is over."""
        time_s = self.setups_s.get(self.group or "", {}).get(group or "", 0.0)
        if not time_s:
            return None
        worker = yield from self.attended("setup", time_s, "set_up")
        self.group = group
        if worker.there:
            return worker
        self.cell.people["set_up"].put(worker)
        return None


class Grinder(Machine):
    """Its spindle fails after so much work; once a week it is maintained."""

    def __init__(self, cell: Cell, station: Station, target: str | None) -> None:
        super().__init__(cell, station, target)
        self.spindle_s = self.modes.life["spindle"]()
        cell.env.process(self.weekly())

    def run(self) -> Process:
        """Live for ever."""
        assert self.source is not None
        while True:
            self.tally.tell("starved")
            part = yield self.source.get()
            step = self.steps[part.product]
            yield from self.handled(step.load)
            yield from self.ground(step.time())
            yield from self.handled(step.unload)
            if not self.scraps(part):
                yield from self.handed_on(part)

    def ground(self, time_s: float) -> Process:
        """Work, and wait for a repair if the spindle fails."""
        if self.closed is not None:
            yield self.closed
        self.working = True
        while time_s >= self.spindle_s:
            self.tally.tell("processing")
            yield self.env.timeout(self.spindle_s)
            time_s -= self.spindle_s
            self.tally.tell("failed")
            yield from self.cell.mended("technician", self.modes.work["spindle"])
            self.spindle_s = self.modes.life["spindle"]()
        self.spindle_s -= time_s
        yield from self.worked(time_s)
        self.working = False
        if self.quiet is not None:
            self.quiet.succeed()

    def weekly(self) -> Process:
        """Be maintained once a week, as soon as no work goes on."""
        env = self.env
        for week in count():
            yield env.timeout((week * WEEK_H + SERVICE_H - START_H) * HOUR_S - env.now)
            self.closed = env.event()
            if self.working:
                self.quiet = env.event()
                yield self.quiet
                self.quiet = None
            self.tally.tell_instead("maintenance")
            yield from self.cell.mended("technician", self.modes.work["weekly"])
            self.spindle_s = self.modes.life["spindle"]()
            self.tally.tell_instead("")
            self.closed.succeed()
            self.closed = None


class Washer(Machine):
    """Needs nobody and never fails."""

    def run(self) -> Process:
        """Live for ever."""
        assert self.source is not None
        while True:
            self.tally.tell("starved")
            part = yield self.source.get()
            yield from self.worked(self.steps[part.product].time())
            yield from self.handed_on(part)


class Inspection(Machine):
    """Sends some parts back to the grinder; the inspector goes when the shift is over."""

    def run(self) -> Process:
        """Live for ever."""
        cell, inspector = self.cell, self.cell.people["inspector"]
        assert self.source is not None
        while True:
            self.tally.tell("starved")
            part = yield self.source.get()
            step = self.steps[part.product]
            worker = yield from self.attended("processing", step.time(), "inspector")
            inspector.put(worker)
            cell.results.operations[self.id] += 1
            if self.luck.random() >= step.rework:
                cell.results.finish(part, self.env.now)
            elif part.sent_back == step.rework_limit:
                cell.results.scrapped += 1
            else:
                part.sent_back += 1
                self.tally.tell("blocked")
                yield cell.buffers["milled"].put(part)


KINDS = {
    "saw": (Saw, "blanks"),
    "mill_1": (Mill, "milled"),
    "mill_2": (Mill, "milled"),
    "grinder": (Grinder, "ground"),
    "washer": (Washer, "washed"),
    "inspection": (Inspection, None),
}


def run(line: Line, horizon_s: float, seed: int) -> Results:
    """Run the cell once and return what was counted."""
    cell = Cell(line, seed)
    # From the last one upstream: who waits behind asks before who waits in front.
    machines = [
        kind(cell, line.station(name), target) for name, (kind, target) in reversed(KINDS.items())
    ]
    cell.env.run(until=horizon_s)
    for machine in machines:
        machine.tally.count()
        cell.results.status_times_s[machine.id] = dict(machine.tally.times_s)
    return cell.results
