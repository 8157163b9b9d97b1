"""One machine, one step a job: rounds of annealing from the best that is known."""

from __future__ import annotations

from itertools import cycle

import numpy as np

from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import sequence
from scenarios.schedule.search.chance import chance_of
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.general import tables_of
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.timing import Network, decisions

_CHUNK = 16_384
"""Moves between two looks at the clock."""
_FIRST = 100_000
"""Moves of the first round."""
_GROWTH = 1.5
"""Factor from one round to the next."""
_MOST = 30_000_000
"""Moves of a round at most."""
_HOT = (0.05, 0.3, 0.02, 1.0)
"""Temperatures at which rounds begin, in turn, in average rises of the objective: where few jobs
are late, the best lies behind sequences that cost far more."""
_COLD = 2e-4
"""Temperature at which all rounds end."""
_SAMPLE = 2_000
"""Moves from which the average rise is taken."""


def jobs_of(network: Network, ticks: Ticks) -> sequence.Jobs:
    """Return a problem as tables; the jobs stand in the order of their steps."""
    t = tables_of(network, ticks)
    count = len(network.steps)
    setup = np.zeros((count + 1, count), dtype=np.int64)
    if t.matrix[0] >= 0:
        known = t.group >= 0
        between = t.setups[t.matrix[0]][np.ix_(t.group, t.group)]
        setup[1:] = np.where(known[:, None] & known, between, 0)
        if t.initial[0] >= 0:
            setup[0] = np.where(known, t.setups[t.matrix[0], t.initial[0]][t.group], 0)
    job = [step.job for step in network.steps]
    return sequence.Jobs(
        work=t.work,
        release=t.release,
        due=t.due[job],
        late=t.late[job],
        flow=t.flow[job],
        setup=setup,
        costs=t.costs[:2],
        rules=np.array([t.ready[0], t.waits[0]], dtype=np.int64),
    )


class SequenceSearch:
    """One search.

    Parameters
    ----------
    network : Network
        A problem of the kind "one machine"; :func:`scenarios.schedule.search.supports.kind_of`.
    start : Schedule
        Where to begin.
    effort : Effort
        How long, and whom to tell.
    """

    def __init__(self, network: Network, start: Schedule, effort: Effort) -> None:
        self.network = network
        self.effort = effort
        self.jobs = jobs_of(network, Ticks.of(network))
        self.chance = chance_of(effort.request.seed)
        self.span = np.zeros(2, dtype=np.int64)
        count = len(network.steps)
        order, trial, end = (np.zeros(count, dtype=np.int64) for _ in range(3))
        self.here = sequence.Sequence(order, trial, end, np.zeros(count))
        self.terms = np.zeros(4)
        self._go_to(start)

    def run(self) -> None:
        """Search until the effort is over or nothing better comes any more."""
        moves = _FIRST
        heats = cycle(_HOT)
        while not self.effort.over():
            rise = sequence.slope(self.jobs, self.here, self.chance, self.span, _SAMPLE)
            self._round(moves, next(heats), max(rise, 1e-9))
            moves = min(_MOST, int(moves * _GROWTH))
            found = self.effort.news()
            if found is not None:
                self._go_to(found)
            self.here.order[:] = self.best
            self.terms[0] = sequence.settle(self.jobs, self.here, 0)

    def _round(self, moves: int, hot: float, rise: float) -> None:
        """Cool down once."""
        self.terms[2], self.terms[3] = hot * rise, (_COLD / hot) ** (sequence.BLOCK / moves)
        done = 0
        while done < moves and not self.effort.over():
            count = min(_CHUNK, moves - done, self.effort.left())
            before = self.terms[1]
            sequence.run(self.jobs, self.here, self.best, self.chance, self.span, self.terms, count)
            done += count
            self.effort.spend(count)
            if self.terms[1] < before:
                choices = {i: step.choices[0] for i, step in enumerate(self.network.steps)}
                self.effort.offer([self.best.tolist()], choices)

    def _go_to(self, schedule: Schedule) -> None:
        """Make a schedule the best and begin anew from it."""
        (order,), _ = decisions(self.network, schedule)
        self.here.order[:] = order
        self.best = self.here.order.copy()
        self.terms[:2] = sequence.settle(self.jobs, self.here, 0)
