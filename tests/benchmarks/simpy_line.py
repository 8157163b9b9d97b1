"""A line as a SimPy user would write it: a process per machine, a Store per buffer, part objects.

The yardstick of the engine's speed: the same work as the cases of ``bench_engine``, in the style of
SimPy's own examples. Nothing of ours is used.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import simpy
from simpy.events import Event

Process = Generator[Event, Any, None]
Clock = Literal["none", "operating", "calendar"]


@dataclass
class Part:
    """One part and the moments at which stations let it go, s."""

    number: int
    left_s: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """What is simulated: stations in a row with buffers between them."""

    times: tuple[Callable[[np.random.Generator], float], ...]
    capacities: tuple[int, ...]
    horizon_s: float
    clock: Clock = "none"
    to_failure_s: tuple[float, ...] = ()
    to_repair_s: tuple[float, ...] = ()


class Machine:
    """A station: takes a part, works, lets it go; breaks down by its own or by calendar clock."""

    def __init__(
        self, env: simpy.Environment, work: Work, place: int, stores: list[simpy.Store], seed: int
    ) -> None:
        self.env, self.work, self.place = env, work, place
        self.source = stores[place - 1] if place else None
        self.target = stores[place] if place < len(stores) else None
        seeds = np.random.SeedSequence(seed, spawn_key=(place,)).spawn(3)
        self.service, self.life, self.repair = (np.random.default_rng(s) for s in seeds)
        self.operations = 0
        self.made: list[Part] = []
        self.down = False
        self.working = False
        self.repaired = env.event()
        self.process = env.process(self.run())
        if work.clock == "calendar":
            env.process(self.breakdowns())

    def run(self) -> Process:
        """Live for ever."""
        left_s = self._life() if self.work.clock == "operating" else 0.0
        while True:
            if self.source is None:
                part = Part(self.operations)
            else:
                part = yield self.source.get()
            time_s = self.work.times[self.place](self.service)
            if self.work.clock == "operating":
                while time_s >= left_s:
                    yield self.env.timeout(left_s)
                    time_s -= left_s
                    yield self.env.timeout(self._repair())
                    left_s = self._life()
                left_s -= time_s
                yield self.env.timeout(time_s)
            elif self.work.clock == "calendar":
                yield from self._interrupted(time_s)
            else:
                yield self.env.timeout(time_s)
            self.operations += 1
            if self.target is not None:
                yield self.target.put(part)
            else:
                self.made.append(part)
            part.left_s.append(self.env.now)

    def _interrupted(self, time_s: float) -> Process:
        done = False
        while not done:
            if self.down:
                yield self.repaired
            since_s, self.working = self.env.now, True
            try:
                yield self.env.timeout(time_s)
                done = True
            except simpy.Interrupt:
                time_s -= self.env.now - since_s
            self.working = False

    def breakdowns(self) -> Process:
        """Fail and be repaired, whatever the machine does."""
        while True:
            yield self.env.timeout(self._life())
            self.down, self.repaired = True, self.env.event()
            if self.working:
                self.process.interrupt()
            yield self.env.timeout(self._repair())
            self.down = False
            self.repaired.succeed()

    def _life(self) -> float:
        return float(self.life.exponential(self.work.to_failure_s[self.place]))

    def _repair(self) -> float:
        return float(self.repair.exponential(self.work.to_repair_s[self.place]))


def operations(work: Work, seed: int) -> int:
    """Run the line once and return how many operations were finished."""
    env = simpy.Environment()
    stores = [simpy.Store(env, capacity) for capacity in work.capacities]
    machines = [Machine(env, work, place, stores, seed) for place in range(len(work.times))]
    env.run(until=work.horizon_s)
    return sum(machine.operations for machine in machines)
