"""Flexible job shops: tabu searches over orders and machines, and paths between their finds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import modes, pathways
from scenarios.schedule.search.chance import chance_of
from scenarios.schedule.search.decode import Tables
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.evolution import Evolution
from scenarios.schedule.search.general import answer, tables_of
from scenarios.schedule.search.graph import Links
from scenarios.schedule.search.lowering import Ticks, begun
from scenarios.schedule.timing import Network, decisions

_PATIENCE = 12_500
"""Iterations without an improvement after which a tabu search ends."""
_CHUNK = 2_000
"""Iterations between two looks at the clock, in a shop of some hundred operations."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Chains and choices with their makespan in ticks."""

    value: int
    ms: Links
    choice: Links
    front: Links


def _apart(network: Network, ticks: Ticks) -> Tables:
    """Return a shop as tables in which what is under way is alone on a machine of its own."""
    t = tables_of(network, ticks)
    starts, free_s = begun(network)
    machine = t.machine.copy()
    for apart, i in enumerate(starts, start=len(network.machines)):
        machine[t.choice_at[i]] = apart
    ready = ticks.moments([*free_s, *starts.values()])
    return t._replace(machine=machine, ready=ready)


def _shop_of(network: Network, t: Tables) -> modes.FlexShop:
    steps, count = network.steps, len(network.steps)
    return modes.FlexShop(
        jp=_links([*(next(iter(step.before), count) for step in steps), count]),
        js=_links([*(next(iter(step.after), count) for step in steps), count]),
        release=np.append(t.release, 0),
        ends=_links([i for i, step in enumerate(steps) if not step.after]),
        choice_at=_links(t.choice_at),
        machine=_links(t.machine),
        duration=t.work,
        ready=t.ready,
    )


def _links(numbers: ArrayLike) -> Links:
    return np.asarray(numbers, dtype=np.uint32)


class FlexibleSearch(Evolution[Solution]):
    """One search.

    Parameters
    ----------
    network : Network
        A flexible job shop; :func:`scenarios.schedule.search.supports.kind_of` says what counts.
    start : Schedule
        Where to begin.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        self.begun = [[network.index[key] for key in m.running] for m in network.machines]
        self.tables = _apart(network, Ticks.of(network))
        self.shop = _shop_of(network, self.tables)
        self.chance = chance_of(effort.request.seed)
        count, machines = len(network.steps), len(self.shop.ready)
        self.tabu = np.zeros((count, machines), dtype=np.int32)
        self.pick = np.zeros(10, dtype=np.int64)
        self.chunk = max(100, _CHUNK * 100 // max(count, 100))
        super().__init__(effort, self.solution(start), count)

    def improved(self, solution: Solution) -> Solution:
        """Return what tabu search makes of a solution, and tell if it is better than all before."""
        here = self._place(solution)
        kept = (here.ms.copy(), here.choice.copy(), here.front.copy())
        terms = np.array([0, _PATIENCE, solution.value, 0, 0], dtype=np.int64)
        self.tabu.fill(0)
        while terms[4] < _PATIENCE and not self.effort.over():
            terms[0] = min(self.chunk, self.effort.left())
            before = int(terms[3])
            modes.run(self.shop, here, *kept, self.tabu, self.chance, self.pick, terms)
            done = int(terms[3]) - before
            self.effort.spend(done)
            if terms[2] < self.best.value:
                ms, choice, front = kept
                self.best = Solution(int(terms[2]), ms.copy(), choice.copy(), front.copy())
                self._tell(self.best)
            if done < terms[0]:
                break
        return Solution(int(terms[2]), *kept)

    def shaken(self, solution: Solution, steps: int) -> Solution:
        """Return a solution with random operations on random machines."""
        here = self._place(solution)
        self.tabu.fill(0)
        modes.jolt(self.shop, here, self.tabu, self.chance, self.pick, max(2, steps // 3))
        return self._taken(here)

    def between(self, left: Solution, right: Solution, share: float) -> Solution:
        """Return a solution that lies a share of the way from one to another."""
        steps = int(self.distance(left, right) * share)
        here, there = self._place(left), self._place(right)
        self.tabu.fill(0)
        pathways.approach(self.shop, here, there, self.tabu, self.chance, self.pick, steps)
        return self._taken(here)

    def distance(self, left: Solution, right: Solution) -> int:
        """Return how many operations are on other machines, and pairs in another order."""
        return pathways.distance(self._place(left), self._place(right))

    def solution(self, schedule: Schedule) -> Solution:
        """Return the chains and choices of a schedule."""
        count = len(self.network.steps)
        ms, choice = (np.full(count + 1, count, dtype=np.uint32) for _ in range(2))
        front = np.full(len(self.shop.ready), count, dtype=np.uint32)
        sequences, chosen = decisions(self.network, schedule)
        for i, one in chosen.items():
            choice[i] = self.shop.choice_at[i] + self.network.steps[i].choices.index(one)
        alone = [[i] for here in self.begun for i in here]
        shared = [s[len(b) :] for s, b in zip(sequences, self.begun, strict=True)]
        for m, sequence in enumerate([*shared, *alone]):
            front[m] = next(iter(sequence), count)
            for left, right in pairwise(sequence):
                ms[left] = right
        return self._taken(self._place(Solution(0, ms, choice, front)))

    def _tell(self, solution: Solution) -> None:
        count = len(self.network.steps)
        links = (solution.ms[:count], solution.front[: len(self.begun)])
        ms, front = (np.where(one == count, -1, one.astype(np.int64)) for one in links)
        choice = solution.choice.astype(np.int64)
        sequences, choices = answer(self.network, self.tables, ms, choice, front)
        sequences = [[*b, *s] for b, s in zip(self.begun, sequences, strict=True)]
        self.effort.offer(sequences, choices)

    def _taken(self, here: modes.FlexPlace) -> Solution:
        return Solution(int(here.end[self.shop.ends].max()), here.ms, here.choice, here.front)

    def _place(self, solution: Solution) -> modes.FlexPlace:
        count = len(self.network.steps)
        mp = np.full(count + 1, count, dtype=np.uint32)
        ms = solution.ms[:count]
        followed = ms != count
        mp[ms[followed]] = np.flatnonzero(followed)
        here = modes.place_of(mp, solution.ms, solution.choice, solution.front)
        modes.settle(self.shop, here)
        return here
