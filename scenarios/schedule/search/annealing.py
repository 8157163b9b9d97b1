"""Annealing in rounds, each longer than the one before, from the best that is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import cycle

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import anneal, decode
from scenarios.schedule.search.chance import chance_of
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.general import answer, chain, state_of, tables_of
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.timing import Network

_BLOCKS = 3_200
"""Blocks of moves between two looks at the clock, divided by the steps that a move may time."""
_FIRST = 20_000
"""Moves of the first round at least."""
_GROWTH = 2.0
"""Factor from one round to the next."""
_HOT = (0.4, 0.15, 0.05)
"""Temperatures at which rounds begin, in turn, in average rises of the objective: where jobs are
late, only the hottest leave a good schedule that is not the best."""
_FINE = 0.003
"""Temperature of every other round where nothing is late, as a share of the value: a late job costs
far more than what is left to gain then, and rises say nothing of that."""
_COLD = 0.04
"""Temperature at which a round ends, as a share of that at its beginning."""


class Cooling(ABC):
    """Annealing in rounds; a subclass knows the solution.

    Parameters
    ----------
    effort : Effort
        How long, and whom to tell.
    value : float
        What the solution at the beginning is worth.
    """

    network: Network

    def __init__(self, effort: Effort, value: float) -> None:
        self.effort = effort
        self.chance = chance_of(effort.request.seed)
        self.terms = np.array([value, value, 0.0, 1.0, 0.0, 0.0])
        self.chunk = anneal.BLOCK * max(1, _BLOCKS // max(len(self.network.steps), 100))

    @abstractmethod
    def anneal(self, moves: int) -> None:
        """Try some moves."""

    @abstractmethod
    def tell(self) -> None:
        """Tell of the best."""

    @abstractmethod
    def go_back(self, found: Schedule | None) -> float:
        """Go back to the best, or on to what somebody else has found; return its value."""

    def on_time(self) -> bool:
        """Say whether there are dates and what the last round began with keeps them."""
        return False

    def run(self) -> None:
        """Search until the effort is over or nothing better comes any more."""
        self._round(self.chunk, 0.0, 0.0)
        moves = max(_FIRST, 50 * len(self.network.steps))
        heats, fine = cycle(_HOT), False
        while not self.effort.over():
            rise = self.terms[4] / max(self.terms[5], 1.0)
            self.terms[4:] = 0.0
            fine = not fine and self.on_time()
            hot = _FINE * abs(self.terms[1]) if fine else next(heats) * rise
            self._round(moves, hot, _COLD * hot)
            moves = int(moves * _GROWTH)
            self.terms[0] = self.go_back(self.effort.news())
            self.terms[1] = min(self.terms[0], self.terms[1])

    def _round(self, moves: int, hot: float, cold: float) -> None:
        """Cool down once."""
        fall = (cold / hot) ** (anneal.BLOCK / moves) if hot > 0 else 1.0
        self.terms[2], self.terms[3] = max(hot, 1e-12), fall
        done = 0
        while done < moves and not self.effort.over():
            some = min(self.chunk, moves - done, self.effort.left())
            before = self.terms[1]
            self.anneal(some)
            done += some
            self.effort.spend(some)
            if self.terms[1] < before:
                self.tell()


class Annealing(Cooling):
    """One search over sequences of machines.

    Parameters
    ----------
    network : Network
        A problem that :func:`scenarios.schedule.search.supports.declined` has nothing against.
    start : Schedule
        Where to begin; it may miss hard demands.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        self.tables = tables_of(network, Ticks.of(network))
        self.moves = np.zeros(10, dtype=np.int64)
        self.state = state_of(network, self.tables, start)
        super().__init__(effort, decode.settle(self.tables, self.state))
        self.best = (self.state.ms.copy(), self.state.choice.copy(), self.state.front.copy())

    def anneal(self, moves: int) -> None:
        """Try some moves."""
        self.moves[0] = moves
        anneal.run(self.tables, self.state, *self.best, self.chance, self.moves, self.terms)

    def tell(self) -> None:
        """Tell of the best."""
        self.effort.offer(*answer(self.network, self.tables, *self.best))

    def on_time(self) -> bool:
        """Say whether there are dates and what the last round began with keeps them."""
        t = self.tables
        ends = np.maximum.reduceat(self.state.end[t.ends], t.end_at[:-1])
        dated = (t.due < decode.NEVER) & (t.late > 0)
        return bool(dated.any() and np.all(ends[dated] <= t.due[dated]))

    def go_back(self, found: Schedule | None) -> float:
        """Go back to the best, or on to what somebody else has found; return its value."""
        if found is not None:
            state = state_of(self.network, self.tables, found)
            self.best = (state.ms, state.choice, state.front)
        t, s = self.tables, self.state
        sequences, _ = answer(self.network, t, *self.best)
        s.choice[:] = self.best[1]
        s.front.fill(-1)
        s.back.fill(-1)
        for sequence in sequences:
            chain(s, t, sequence)
        return decode.settle(t, s)
