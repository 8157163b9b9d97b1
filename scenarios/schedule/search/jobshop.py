"""Job shops: tabu searches, and paths between what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import tabu
from scenarios.schedule.search.chance import chance_of
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.evolution import Evolution
from scenarios.schedule.search.graph import Links
from scenarios.schedule.search.lowering import Ticks, begun
from scenarios.schedule.search.relink import approach, distance, rank, shake
from scenarios.schedule.timing import Network, decisions

_PATIENCE = 12_500
"""Iterations of tabu search without an improvement after which it ends."""
_CHUNK = 4_000
"""Iterations between two looks at the clock, in a shop of some hundred operations."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One order on every machine."""

    value: int
    mp: Links
    ms: Links


def shop_of(network: Network, ticks: Ticks) -> tabu.Shop:
    """Return a job shop as arrays; what is under way is alone on a machine of its own."""
    steps, jobs = network.steps, network.problem.jobs
    starts, free_s = begun(network)
    machine = [step.choices[0].machine for step in steps]
    release = [
        starts.get(i, max(jobs[step.job].release_s, free_s[m]))
        for i, (step, m) in enumerate(zip(steps, machine, strict=True))
    ]
    for apart, i in enumerate(starts, start=len(network.machines)):
        machine[i] = apart
    seen: dict[int, int] = {}
    local = []
    for m in machine:
        local.append(seen.get(m, 0))
        seen[m] = local[-1] + 1
    count = len(steps)
    return tabu.Shop(
        jp=_links([*(next(iter(step.before), count) for step in steps), count]),
        js=_links([*(next(iter(step.after), count) for step in steps), count]),
        work=ticks.lengths([*(step.choices[0].duration_s for step in steps), 0.0]),
        release=np.append(ticks.moments(release), 0),
        machine=_links(machine),
        local=_links(local),
        ends=_links([i for i, step in enumerate(steps) if not step.after]),
    )


def _links(operations: Sequence[int]) -> Links:
    return np.array(operations, dtype=np.uint32)


class JobShopSearch(Evolution[Solution]):
    """One search.

    Parameters
    ----------
    network : Network
        A job shop; :func:`scenarios.schedule.search.supports.kind_of` says what counts as one.
    start : Schedule
        Where to begin.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        self.shop = shop_of(network, Ticks.of(network))
        self.begun = [[network.index[key] for key in m.running] for m in network.machines]
        count, crowd = len(network.steps), int(self.shop.local.max()) + 1
        self.chance = chance_of(effort.request.seed)
        self.ranks = np.zeros(count, dtype=np.int64)
        self.tabu = np.zeros((count, crowd), dtype=np.int32)
        self.pick = np.zeros(10, dtype=np.int64)
        jobs, machines = len(self.shop.ends), len(network.machines)
        self.least = 10 + jobs // machines
        self.greatest = int((1.4 if jobs <= 2 * machines else 1.5) * self.least)
        self.chunk = max(200, _CHUNK * 200 // max(count, 200))
        self.count = count
        super().__init__(effort, self.solution(start), count)

    def between(self, left: Solution, right: Solution, share: float) -> Solution:
        """Return chains that lie a share of the way from one solution to another."""
        far = self.distance(left, right)
        here = tabu.place_of(left.mp, left.ms)
        tabu.settle(self.shop, here)
        approach(self.shop, here, self.ranks, int(far * share), self.chance)
        return self._taken(here)

    def distance(self, left: Solution, right: Solution) -> int:
        """Return the number of pairs that stand in another order."""
        rank(right.mp, right.ms, self.ranks)
        return distance(left.ms, self.ranks)

    def shaken(self, solution: Solution, steps: int) -> Solution:
        """Return chains with random critical neighbours swapped."""
        here = tabu.place_of(solution.mp, solution.ms)
        tabu.settle(self.shop, here)
        shake(self.shop, here, steps, self.chance)
        return self._taken(here)

    def improved(self, solution: Solution) -> Solution:
        """Return what tabu search makes of chains, and tell if it is better than all before."""
        here = tabu.place_of(solution.mp, solution.ms)
        value = tabu.settle(self.shop, here)
        best_mp, best_ms = here.mp.copy(), here.ms.copy()
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

    def solution(self, schedule: Schedule) -> Solution:
        """Return the orders of a schedule."""
        mp = np.full(self.count + 1, self.count, dtype=np.uint32)
        ms = mp.copy()
        sequences = decisions(self.network, schedule)[0]
        for sequence, begun_here in zip(sequences, self.begun, strict=True):
            for left, right in pairwise(sequence[len(begun_here) :]):
                ms[left], mp[right] = right, left
        here = tabu.place_of(mp, ms)
        tabu.settle(self.shop, here)
        return self._taken(here)

    def _taken(self, here: tabu.Place) -> Solution:
        return Solution(int(here.end[self.shop.ends].max()), here.mp, here.ms)

    def _tell(self, solution: Solution) -> None:
        sequences = [[*begun_here] for begun_here in self.begun]
        for i in np.flatnonzero(solution.mp[: self.count] == self.count).tolist():
            x = i if self.shop.machine[i] < len(sequences) else self.count
            while x != self.count:
                sequences[self.shop.machine[i]].append(x)
                x = int(solution.ms[x])
        choices = {i: step.choices[0] for i, step in enumerate(self.network.steps)}
        self.effort.offer(sequences, choices)
