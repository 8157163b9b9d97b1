"""A small population of searches, and paths between its members.

References
----------
Peng, Lu and Cheng (2015), A tabu search/path relinking algorithm to solve the job shop scheduling
problem.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search.effort import Effort

_POPULATION = 10
_FEW = 4
"""Members with which breeding begins: in a short time it does more than further members."""
_NEAR = 10
"""Differences below which two solutions are the same for the population."""
_NEIGHBOURS = 4
"""Operations per difference up to which two solutions are of one kind."""
_STALE = 30
"""Pairs of parents in a row without a better child after which a population is replaced."""


class Valued(Protocol):
    """What a population knows of a solution."""

    @property
    def value(self) -> int:
        """Makespan in ticks."""


S = TypeVar("S", bound=Valued)


class Evolution(ABC, Generic[S]):
    """One search; a subclass says what a solution is and how one is improved.

    Parameters
    ----------
    effort : Effort
        How long, and whom to tell.
    start : Valued
        Where to begin.
    count : int
        Operations.
    """

    def __init__(self, effort: Effort, start: S, count: int) -> None:
        self.effort = effort
        self.start = start
        self.best = start
        self.count = count
        self.generator = np.random.default_rng(effort.request.seed)

    @abstractmethod
    def improved(self, solution: S) -> S:
        """Return what a local search makes of a solution; tell if it is better than all before."""

    @abstractmethod
    def shaken(self, solution: S, steps: int) -> S:
        """Return a solution some random steps away."""

    @abstractmethod
    def between(self, left: S, right: S, share: float) -> S:
        """Return a solution that lies a share of the way from one to another."""

    @abstractmethod
    def distance(self, left: S, right: S) -> int:
        """Return in how much two solutions differ."""

    @abstractmethod
    def solution(self, schedule: Schedule) -> S:
        """Return a schedule as a solution."""

    def run(self) -> None:
        """Search until the effort is over."""
        self.best = self.improved(self.start)
        while not self.effort.over():
            self._evolve([self.best])
            self.start = self.shaken(self.best, self.count)

    def _evolve(self, crowd: list[S]) -> None:
        """Breed; let a new one in when nothing better comes of it, until the population is full."""
        stale = 0
        while not self.effort.over() and stale < _STALE:
            if len(crowd) < _FEW or (stale >= len(crowd) and len(crowd) < _POPULATION):
                crowd.append(self.improved(self.shaken(self.start, self.count)))
                stale = 0
                continue
            stale = 0 if self._breed(crowd) else stale + 1
            found = self.effort.news()
            if found is not None:
                self.enters(crowd, self.solution(found))

    def _breed(self, crowd: list[S]) -> bool:
        """Walk between two members of the population, both ways; say if anything came of it."""
        i, j = self.generator.choice(len(crowd), 2, replace=False)
        entered = False
        for left, right in ((crowd[i], crowd[j]), (crowd[j], crowd[i])):
            child = self.improved(self._child(left, right))
            if self.effort.over():
                break
            entered |= self.enters(crowd, child)
        return entered

    def _child(self, left: S, right: S) -> S:
        if self.distance(left, right) < _NEAR:
            return self.shaken(left, self.count // 4)
        return self.between(left, right, self.generator.uniform(0.35, 0.65))

    def enters(self, crowd: list[S], child: S) -> bool:
        """Let a child in if it is good enough; say whether it is better than the one that goes.

        Near a member it may take that one's place only: else all would soon be alike, and paths
        between them lead nowhere. Far from all it may take the place of the worst.
        """
        far = [self.distance(other, child) for other in crowd]
        k = min(range(len(crowd)), key=far.__getitem__)
        if far[k] >= self.count // _NEIGHBOURS:
            k = max(range(len(crowd)), key=lambda k: crowd[k].value)
        better = child.value < crowd[k].value
        if better or (child.value == crowd[k].value and far[k] >= _NEAR):
            crowd[k] = child
        return better
