"""Job shops: a small population of tabu searches, and paths between its members.

References
----------
Peng, Lu and Cheng (2015), A tabu search/path relinking algorithm to solve the job shop scheduling
problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import tabu
from scenarios.schedule.search.chance import Numbers, chance_of
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.search.relink import approach, distance, rank, shake
from scenarios.schedule.timing import Network, decisions

_POPULATION = 10
_FEW = 4
"""Members with which breeding begins: in a short time it does more than further members."""
_PATIENCE = 12_500
"""Iterations of tabu search without an improvement after which it ends."""
_CHUNK = 4_000
"""Iterations between two looks at the clock, in a shop of some hundred operations."""
_NEAR = 10
"""Pairs in another order below which two solutions are the same for the population."""
_STALE = 30
"""Pairs of parents in a row without a better child after which a population is replaced."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One order on every machine."""

    value: int
    mp: Numbers
    ms: Numbers


def shop_of(network: Network, ticks: Ticks) -> tabu.Shop:
    """Return a job shop as arrays."""
    steps, jobs, machines = network.steps, network.problem.jobs, network.machines
    machine = [step.choices[0].machine for step in steps]
    seen: dict[int, int] = {}
    local = []
    for m in machine:
        local.append(seen.get(m, 0))
        seen[m] = local[-1] + 1
    release = [
        max(jobs[step.job].release_s, machines[m].ready_s)
        for step, m in zip(steps, machine, strict=True)
    ]
    whole = np.int64
    return tabu.Shop(
        jp=np.array([next(iter(step.before), -1) for step in steps], dtype=whole),
        js=np.array([next(iter(step.after), -1) for step in steps], dtype=whole),
        work=ticks.lengths([step.choices[0].duration_s for step in steps]),
        release=ticks.moments(release),
        machine=np.array(machine, dtype=whole),
        local=np.array(local, dtype=whole),
        ends=np.array([i for i, step in enumerate(steps) if not step.after], dtype=whole),
    )


class JobShopSearch:
    """One search.

    Parameters
    ----------
    network : Network
        A job shop; :func:`scenarios.schedule.search.engine.supports` says what counts as one.
    start : Schedule
        Where to begin.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        self.effort = effort
        self.ticks = Ticks.of(network)
        self.shop = shop_of(network, self.ticks)
        self.chance = chance_of(effort.request.seed)
        self.generator = np.random.default_rng(effort.request.seed)
        count, crowd = len(network.steps), int(self.shop.local.max()) + 1
        self.ranks = np.zeros(count, dtype=np.int64)
        self.tabu = np.zeros((count, crowd), dtype=np.int32)
        self.pick = np.zeros(10, dtype=np.int64)
        jobs, machines = len(self.shop.ends), len(network.machines)
        self.least = 10 + jobs // machines
        self.greatest = int((1.4 if jobs <= 2 * machines else 1.5) * self.least)
        self.chunk = max(200, _CHUNK * 200 // max(count, 200))
        self.start = self._chains(start)
        self.best = self.start

    def run(self) -> None:
        """Search until the effort is over."""
        self.best = self._improved(self.start.mp, self.start.ms)
        while not self.effort.over():
            self._evolve([self.best])
            self.start = self._solution(*self._shaken(self.best, len(self.shop.jp)))

    def _evolve(self, crowd: list[Solution]) -> None:
        """Breed; let a new one in when nothing better comes of it, until the population is full."""
        stale = 0
        while not self.effort.over() and stale < _STALE:
            if len(crowd) < _FEW or (stale >= len(crowd) and len(crowd) < _POPULATION):
                crowd.append(self._improved(*self._shaken(self.start, len(self.shop.jp))))
                stale = 0
                continue
            stale = 0 if self._breed(crowd) else stale + 1
            found = self.effort.news()
            if found is not None:
                self._enters(crowd, self._chains(found))

    def _breed(self, crowd: list[Solution]) -> bool:
        """Walk between two members of the population, both ways; say if anything came of it."""
        i, j = self.generator.choice(len(crowd), 2, replace=False)
        entered = False
        for left, right in ((crowd[i], crowd[j]), (crowd[j], crowd[i])):
            child = self._improved(*self._between(left, right))
            if self.effort.over():
                break
            entered |= self._enters(crowd, child)
        return entered

    def _enters(self, crowd: list[Solution], child: Solution) -> bool:
        """Put a child in place of the worst member if it is better and not there already."""
        worst = max(range(len(crowd)), key=lambda k: crowd[k].value)
        if child.value > crowd[worst].value:
            return False
        rank(child.mp, child.ms, self.ranks)
        for other in crowd:
            if other.value == child.value and distance(other.mp, other.ms, self.ranks) < _NEAR:
                return False
        better = child.value < crowd[worst].value
        crowd[worst] = child
        return better

    def _between(self, left: Solution, right: Solution) -> tuple[Numbers, Numbers]:
        """Return chains about half way from one solution to another."""
        rank(right.mp, right.ms, self.ranks)
        far = distance(left.mp, left.ms, self.ranks)
        if far < _NEAR:
            return self._shaken(left, len(self.shop.jp) // 4)
        here = tabu.place_of(left.mp, left.ms)
        tabu.settle(self.shop, here)
        steps = int(far * self.generator.uniform(0.35, 0.65))
        approach(self.shop, here, self.ranks, steps, self.chance)
        return here.mp, here.ms

    def _shaken(self, solution: Solution, steps: int) -> tuple[Numbers, Numbers]:
        here = tabu.place_of(solution.mp, solution.ms)
        tabu.settle(self.shop, here)
        shake(self.shop, here, steps, self.chance)
        return here.mp, here.ms

    def _improved(self, mp: Numbers, ms: Numbers) -> Solution:
        """Return what tabu search makes of chains, and tell if it is better than all before."""
        here = tabu.place_of(mp, ms)
        value = tabu.settle(self.shop, here)
        best_mp, best_ms = mp.copy(), ms.copy()
        self.tabu.fill(0)
        terms = np.array([0, _PATIENCE, self.least, self.greatest, 0, value, 0, 0], dtype=np.int64)
        while terms[7] < _PATIENCE and not self.effort.over():
            terms[0] = min(self.chunk, self.effort.left())
            before = terms[6]
            tabu.run(self.shop, here, best_mp, best_ms, self.tabu, self.chance, self.pick, terms)
            self.effort.spend(int(terms[6] - before))
            if terms[5] < self.best.value:
                self.best = Solution(int(terms[5]), best_mp.copy(), best_ms.copy())
                self._tell(self.best)
            if terms[6] - before < terms[0]:
                break
        return Solution(int(terms[5]), best_mp, best_ms)

    def _tell(self, solution: Solution) -> None:
        sequences: list[list[int]] = [[] for _ in self.network.machines]
        for i in np.flatnonzero(solution.mp < 0).tolist():
            x = i
            while x >= 0:
                sequences[self.shop.machine[i]].append(x)
                x = int(solution.ms[x])
        choices = {i: step.choices[0] for i, step in enumerate(self.network.steps)}
        self.effort.offer(sequences, choices)

    def _chains(self, schedule: Schedule) -> Solution:
        mp = np.full(len(self.shop.jp), -1, dtype=np.int64)
        ms = mp.copy()
        for sequence in decisions(self.network, schedule)[0]:
            for left, right in pairwise(sequence):
                ms[left], mp[right] = right, left
        return self._solution(mp, ms)

    def _solution(self, mp: Numbers, ms: Numbers) -> Solution:
        return Solution(tabu.settle(self.shop, tabu.place_of(mp, ms)), mp, ms)
