"""HiGHS as the optimiser of neighbourhoods: one model, orders fixed by bounds on their columns.

A neighbourhood is a set of steps that may be done in another order or elsewhere; everything else
keeps the order it has in the best schedule. Windows are worked out here, outside HiGHS, and only
schedules that are better than the best are asked for. Since rows never change, any constraint that
a user has added to the Pyomo model is kept.

References
----------
Carchrae and Beck (2009), Principles for the design of large neighborhood search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from scenarios.schedule.features import Feature, features
from scenarios.schedule.mip.highs import Program
from scenarios.schedule.mip.variables import Formulation
from scenarios.schedule.mip.windows import latest_ends_s
from scenarios.schedule.network import Choice
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import decisions

Numbers = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

KINDS = ("time", "machine", "job", "late")
"""How neighbourhoods are chosen, the more often the more they have brought per second of late."""
_MEMORY = 0.9
"""Weight of what a kind has brought before its last turn."""
_EVEN = 0.4
"""Share of the choice that is left to chance alone."""
_ROUNDS = 4
"""How often orders that windows imply are put into the windows again."""
_SMALLEST = 6.0
"""Steps of the smallest neighbourhood in time."""
_OPEN = -1
_PLAIN = frozenset({Feature.RELEASES, Feature.DEADLINES, Feature.FIXED, Feature.RUNNING})
"""Demands that the rows say completely."""


@dataclass(frozen=True, slots=True)
class Now:
    """The best schedule, as numbers."""

    schedule: Schedule
    start_s: Reals
    end_s: Reals
    machine: Numbers
    choices: dict[int, Choice]
    rank: Numbers
    """Place of each step in the order of starts."""


class Neighbourhoods:
    """Neighbourhoods of one model.

    Parameters
    ----------
    program : Program
        The model inside HiGHS.
    model : pyomo.environ.ConcreteModel
        The same model in Pyomo.
    form : Formulation
        What it was made from.
    seed : int
        Seed of the choice of neighbourhoods.
    sizes : mapping of str to float, optional
        Size of each kind to begin with.
    """

    def __init__(
        self,
        program: Program,
        model: pyo.ConcreteModel,
        form: Formulation,
        seed: int,
        sizes: Mapping[str, float] | None = None,
    ) -> None:
        self.program, self.form, self.network = program, form, form.network
        self.generator = np.random.default_rng(seed)
        column = program.index()
        steps = self.network.steps
        names = sorted({pair.name for pair in form.open_pairs})
        place = {name: at for at, name in enumerate(names)}
        self.order_column = np.array([column[id(model.order[n])] for n in names], dtype=np.int32)
        self.order = np.array([place[pair.name] for pair in form.open_pairs], dtype=np.int64)
        """Order variable of each open pair."""
        self.first = np.array([pair.first for pair in form.open_pairs], dtype=np.int64)
        self.second = np.array([pair.second for pair in form.open_pairs], dtype=np.int64)
        self.pair_machine = np.array(
            [pair.first_choice.machine for pair in form.open_pairs], dtype=np.int64
        )
        self.forward_s = np.array([pair.forward_s for pair in form.open_pairs])
        self.backward_s = np.array([pair.backward_s for pair in form.open_pairs])
        self.start_column = np.array([column.get(id(model.start[s.key]), -1) for s in steps])
        self.assign = [
            (self.network.index[key], self.network.machine_index[machine], column[id(variable)])
            for (key, machine), variable in model.assign.items()
        ]
        self.arcs = [
            (i, j) for j, step in enumerate(steps) for i in step.before if not step.overlap
        ]
        self.least_s = np.array([step.least_s for step in steps])
        self.several = np.array([len(step.choices) > 1 for step in steps])
        self.job = np.array([step.job for step in steps])
        self.lower, self.upper = program.bounds
        count = len(steps)
        usual = {"time": max(20.0, count / 8), "machine": 2.0, "job": 2.0, "late": 3.0}
        self.size = dict(sizes or usual)
        self.worth = dict.fromkeys(KINDS, 0.0)
        """Gain per second of each kind, of late."""
        self.covers_all = not self.several.any() and set(features(self.network.problem)) <= _PLAIN
        """Whether all orders open is the whole problem, and the rows say all there is to say."""

    def at(self, schedule: Schedule) -> Now:
        """Return the numbers of a schedule."""
        _, choices = decisions(self.network, schedule)
        count = len(self.network.steps)
        start_s, end_s = np.zeros(count), np.zeros(count)
        for placed in schedule.placements:
            i = self.network.index[placed.key]
            start_s[i], end_s[i] = placed.start_s, placed.end_s
        position = np.empty(count)
        position[list(self.network.topological)] = np.arange(count)
        rank = np.empty(count, dtype=np.int64)
        rank[np.lexsort((position, end_s, start_s))] = np.arange(count)
        machine = np.array([choices[i].machine for i in range(count)])
        return Now(schedule, start_s, end_s, machine, choices, rank)

    def choose(self, now: Now) -> tuple[str, Flags]:
        """Return a kind of neighbourhood and the open pairs in it."""
        kind = self._kind()
        count, size = len(now.start_s), self.size[kind]
        steps: Flags = np.zeros(count, dtype=bool)
        if kind == "time":
            centre_s = self.generator.uniform(now.start_s.min(), now.end_s.max())
            distance_s = np.abs((now.start_s + now.end_s) / 2 - centre_s)
            wanted = int(size * self.generator.uniform(0.6, 1.0))
            steps[np.argsort(distance_s, kind="stable")[: max(2, wanted)]] = True
            return kind, steps[self.first] & steps[self.second]
        if kind == "machine":
            machines = len(self.network.machines)
            chosen = self.generator.choice(machines, min(machines, max(1, int(size))), False)
            inside = np.isin(now.machine, chosen)
            return kind, inside[self.first] & inside[self.second]
        jobs = len(self.network.problem.jobs)
        weights = np.ones(jobs)
        if kind == "late":
            weights += 20.0 * np.array([job.tardiness_s > 0 for job in now.schedule.jobs])
        wanted = min(jobs, max(1, int(size)))
        chosen = self.generator.choice(jobs, wanted, False, weights / weights.sum())
        steps = np.isin(self.job, chosen)
        return kind, steps[self.first] | steps[self.second]

    def _kind(self) -> str:
        worth = np.array([self.worth[kind] for kind in KINDS])
        share = worth / worth.sum() if worth.sum() > 0 else np.zeros(len(KINDS))
        even = _EVEN if worth.sum() > 0 else 1.0
        chances = even / len(KINDS) + (1 - even) * share
        return KINDS[int(self.generator.choice(len(KINDS), p=chances / chances.sum()))]

    def adapt(
        self, kind: str, seconds: float, limit_s: float, *, gain: float, finished: bool
    ) -> None:
        """Make the next neighbourhoods of a kind larger or smaller, and it more or less likely."""
        if finished and not gain and seconds < limit_s * 0.4:
            self.size[kind] *= 1.05 if seconds > limit_s * 0.1 else 1.15
        elif not finished and not gain:
            self.size[kind] *= 0.85
        here = gain / max(seconds, 0.01)
        self.worth[kind] = _MEMORY * self.worth[kind] + (1 - _MEMORY) * here
        most = {"time": len(self.least_s), "machine": len(self.network.machines)}
        most_here = most.get(kind, len(self.network.problem.jobs))
        least = _SMALLEST if kind == "time" else 1.0
        self.size[kind] = min(max(self.size[kind], least), float(most_here))

    def enter(self, now: Now, free: Flags, cutoff: float) -> int:
        """Put bounds and cut-off for a neighbourhood into HiGHS; return how many orders are open.

        0: nothing better can be in it.
        """
        loose = np.zeros(len(now.start_s), dtype=bool)
        np.logical_or.at(loose, self.first[free], True)
        np.logical_or.at(loose, self.second[free], True)
        loose &= self.several
        duration_s = np.array([now.choices[i].duration_s for i in range(len(loose))])
        duration_s = np.where(loose, self.least_s, duration_s)
        found = self._windows(now, free, loose, duration_s, cutoff)
        if found is None:
            return 0
        fixed, start_lo, end_hi = found
        lower, upper = self.lower.copy(), self.upper.copy()
        per_order = np.full(len(self.order_column), _OPEN)
        per_order[self.order] = fixed
        # One variable may stand for pairs on several machines: open if any of them is.
        per_order[self.order[fixed == _OPEN]] = _OPEN
        known = per_order != _OPEN
        lower[self.order_column[known]] = upper[self.order_column[known]] = per_order[known]
        for i, machine, at in self.assign:
            if not loose[i]:
                lower[at] = upper[at] = float(now.machine[i] == machine)
        here = self.start_column >= 0
        start = self.start_column[here]
        lower[start] = np.maximum(lower[start], start_lo[here])
        upper[start] = np.minimum(upper[start], (end_hi - duration_s)[here] + 1e-6)
        if np.any(lower[start] > upper[start] + 1e-6):
            return 0
        upper[start] = np.maximum(lower[start], upper[start])
        self.program.bound(np.arange(len(lower), dtype=np.int32), lower, upper)
        self.program.cut_off(cutoff)
        return int((~known).sum()) + int(loose.sum())

    def _windows(
        self, now: Now, free: Flags, loose: Flags, duration_s: Reals, cutoff: float
    ) -> tuple[Numbers, Reals, Reals] | None:
        """Return the order of each pair (1, 0 or open), earliest starts and latest ends, s.

        None: no schedule in the neighbourhood keeps the cut-off.
        """
        ahead = now.rank[self.first] < now.rank[self.second]
        fixed = np.where(free, _OPEN, ahead.astype(np.int64))
        together = (
            (now.machine[self.first] == now.machine[self.second])
            & (now.machine[self.first] == self.pair_machine)
            & ~loose[self.first]
            & ~loose[self.second]
        )
        limits = np.array(latest_ends_s(self.network, self.form.limits, cutoff))
        base = np.array(self.form.limits.start_lo)
        for _ in range(_ROUNDS):
            arcs = self._arcs(fixed, together)
            times = _longest(arcs, duration_s, base, limits)
            if times is None:
                return None
            start_lo, end_hi = times
            if np.any(start_lo + duration_s > end_hi + 1e-6):
                return None
            open_ = np.flatnonzero((fixed == _OPEN) & together)
            a, b = self.first[open_], self.second[open_]
            work_s = duration_s[a] + duration_s[b]
            forward = start_lo[a] + work_s + self.forward_s[open_] <= end_hi[b] + 1e-6
            backward = start_lo[b] + work_s + self.backward_s[open_] <= end_hi[a] + 1e-6
            if np.any(~forward & ~backward):
                return None
            decided = forward != backward
            if not decided.any():
                break
            fixed[open_[decided]] = forward[decided].astype(np.int64)
        return fixed, start_lo, end_hi

    def _arcs(self, fixed: Numbers, together: Flags) -> tuple[Numbers, Numbers, Reals]:
        """Return from, to and lag of everything whose order is known."""
        forward, backward = together & (fixed == 1), together & (fixed == 0)
        own = np.array(self.arcs, dtype=np.int64).reshape(-1, 2)
        return (
            np.concatenate([own[:, 0], self.first[forward], self.second[backward]]),
            np.concatenate([own[:, 1], self.second[forward], self.first[backward]]),
            np.concatenate(
                [np.zeros(len(own)), self.forward_s[forward], self.backward_s[backward]]
            ),
        )


def _longest(
    arcs: tuple[Numbers, Numbers, Reals], duration_s: Reals, base_s: Reals, limit_s: Reals
) -> tuple[Reals, Reals] | None:
    """Return earliest starts and latest ends along arcs, s; None if they go in a circle."""
    source, target, lag_s = arcs
    count = len(duration_s)
    by_source = np.argsort(source, kind="stable")
    bounds = np.searchsorted(source[by_source], np.arange(count + 1)).tolist()
    targets, lags = target[by_source].tolist(), lag_s[by_source].tolist()
    waiting = np.bincount(target, minlength=count).tolist()
    lengths, early, late = duration_s.tolist(), base_s.tolist(), limit_s.tolist()
    ready = [i for i in range(count) if not waiting[i]]
    for i in ready:  # grows while it is read
        done_s = early[i] + lengths[i]
        for at in range(bounds[i], bounds[i + 1]):
            j = targets[at]
            early[j] = max(early[j], done_s + lags[at])
            waiting[j] -= 1
            if not waiting[j]:
                ready.append(j)
    if len(ready) < count:
        return None
    for i in reversed(ready):
        for at in range(bounds[i], bounds[i + 1]):
            j = targets[at]
            late[i] = min(late[i], late[j] - lengths[j] - lags[at])
    return np.array(early), np.array(late)
