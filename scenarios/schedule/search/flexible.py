"""Flexible job shops: tabu search from good solutions that were shaken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import modes
from scenarios.schedule.search.chance import Numbers, chance_of
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.general import answer, state_of, tables_of
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.timing import Network

_ELITE = 6
_PATIENCE = 6_000
"""Iterations without an improvement after which a tabu search ends."""
_CHUNK = 500
"""Iterations between two looks at the clock, in a shop of some hundred operations."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Chains and choices with their makespan in ticks."""

    value: int
    ms: Numbers
    choice: Numbers
    front: Numbers


class FlexibleSearch:
    """One search.

    Parameters
    ----------
    network : Network
        A flexible job shop; :func:`scenarios.schedule.search.supports.is_shop` says what counts.
    start : Schedule
        Where to begin.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        self.effort = effort
        self.tables = t = tables_of(network, Ticks.of(network))
        steps = network.steps
        self.shop = modes.FlexShop(
            jp=np.array([next(iter(step.before), -1) for step in steps], dtype=np.int64),
            js=np.array([next(iter(step.after), -1) for step in steps], dtype=np.int64),
            release=t.release,
            ends=np.array([i for i, step in enumerate(steps) if not step.after], dtype=np.int64),
            choice_at=t.choice_at,
            machine=t.machine,
            duration=t.work,
            ready=t.ready,
        )
        self.chance = chance_of(effort.request.seed)
        self.generator = np.random.default_rng(effort.request.seed)
        self.tabu = np.zeros((len(steps), len(network.machines)), dtype=np.int32)
        self.pick = np.zeros(10, dtype=np.int64)
        self.chunk = max(20, _CHUNK * 100 // max(len(steps), 100))
        self.best = self._solution(start)

    def run(self) -> None:
        """Search until the effort is over."""
        here = self._place(self.best)
        elite: list[Solution] = []
        while not self.effort.over():
            elite.append(self._improved(here))
            elite = sorted(elite, key=lambda solution: solution.value)[:_ELITE]
            found = self.effort.news()
            if found is not None:
                self.best = self._solution(found)
                elite[-1] = self.best
            base = elite[int(self.generator.integers(len(elite)))]
            here = self._place(base)
            share = 3 if self.generator.random() < 0.15 else 15
            steps = max(2, len(self.network.steps) // share)
            self.tabu.fill(0)
            modes.jolt(self.shop, here, self.tabu, self.chance, self.pick, steps)

    def _improved(self, here: modes.FlexPlace) -> Solution:
        """Return what tabu search makes of a solution, and tell if it is better than all before."""
        value = modes.settle(self.shop, here)
        kept = (here.ms.copy(), here.choice.copy(), here.front.copy())
        terms = np.array([0, _PATIENCE, value, 0, 0], dtype=np.int64)
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
                self.effort.offer(*answer(self.network, self.tables, *kept))
            if done < terms[0]:
                break
        return Solution(int(terms[2]), *kept)

    def _solution(self, schedule: Schedule) -> Solution:
        s = state_of(self.network, self.tables, schedule)
        here = self._place(Solution(0, s.ms, s.choice, s.front))
        return Solution(modes.settle(self.shop, here), s.ms, s.choice, s.front)

    def _place(self, solution: Solution) -> modes.FlexPlace:
        count = len(self.network.steps)
        mp = np.full(count, -1, dtype=np.int64)
        followed = solution.ms >= 0
        mp[solution.ms[followed]] = np.flatnonzero(followed)
        rest = [np.zeros(count, dtype=np.int64) for _ in range(len(modes.FlexPlace._fields) - 4)]
        chains = [mp, solution.ms.copy(), solution.choice.copy()]
        here = modes.FlexPlace._make([*chains, *rest, solution.front.copy()])
        modes.settle(self.shop, here)
        return here
