"""Optimising a design: search, then a selection whose guarantee is stated.

The search may be fooled by the luck of its own runs, so what it names is judged anew on fresh
random numbers: among the finalists the best is selected by the procedure of Kim and Nelson (2001),
and the figures that are told come from these fresh runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scenarios.whatif.climbing import Archive, Effort, Ground, beginning, climb
from scenarios.whatif.comparison import KPIS
from scenarios.whatif.costs import CostModel
from scenarios.whatif.design import Design, Space, Total, Tried, Variable, space
from scenarios.whatif.scenario import Scenario
from scenarios.whatif.selection import Floats, pick_best
from twin.engine.options import SimulationOptions
from twin.errors import Finding, InvalidInputError, UnknownNameError
from twin.events.state import LineState
from twin.kpi.output_analysis import mean_interval
from twin.line import Line

FINALISTS = 6
"""Designs among which the best is selected."""
SEARCH_SHARE = 0.6
"""Share of the effort that goes into the search; the rest selects."""
FIRST = 8
"""Replications of each design in the first round of the search; each round doubles them."""
JUDGED = 10
"""Fresh replications of each finalist before the first look, and of each design of the front."""
FRESH = 1_000_000
"""Number of the first fresh replication, beyond all that the search uses."""
RELEVANT = 0.0025
"""Share of the best mean that matters, where no ``delta`` is given."""


@dataclass(frozen=True, slots=True)
class Optimised:
    """The best design that was found, how sure that is, and what else money buys."""

    best: Tried
    """Its figures come from runs that had no part in the search."""
    line: Line
    """The line of the best design."""
    start: Tried
    """Where the search began: the line as it is, or the nearest design that is allowed."""
    front: tuple[Tried, ...]
    """Designs of which none costs less and brings more, cheapest first."""
    figure: str
    decided: bool
    """Whether the guarantee holds: among the finalists the best is named, with at least
    ``probability``, if it leads by ``delta``."""
    probability: float
    delta: float
    """Smallest difference that matters, in the figure's unit."""
    finalists: int
    designs: int
    """Designs that were simulated."""
    runs: int
    """Runs in all."""
    seconds: float
    """Time it took."""
    scenario: Scenario
    """The best design as a scenario, to be compared with others."""

    def document(self) -> dict[str, Any]:
        """Return it as plain data, the scenario in place of the line."""
        told = {
            key: getattr(self, key)
            for key in ("figure", "decided", "probability", "delta", "finalists", "designs")
        }
        return {
            "best": asdict(self.best),
            "start": asdict(self.start),
            "front": [asdict(one) for one in self.front],
            **told,
            "runs": self.runs,
            "seconds": self.seconds,
            "changes": self.scenario.changes,
        }


def optimise_design(  # noqa: PLR0913 - the later ones are keywords
    line: Line,
    variables: Sequence[Variable],
    options: SimulationOptions,
    *,
    objective: str = "throughput_rate",
    constraints: Sequence[Total] = (),
    most_cost: float | None = None,
    costs: CostModel | None = None,
    state: LineState | None = None,
    seconds: float = 60.0,
    runs: int = 1_000_000,
    front: int = 0,
    delta: float | None = None,
    probability: float = 0.95,
    workers: int = 1,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Optimised:
    """Find the best design of a line under limits of number and cost.

    Parameters
    ----------
    line : Line
        The line as it is.
    variables : sequence of Variable
        What may be chosen: places of buffers, servers, people, cards of a loop, shift patterns.
    options : SimulationOptions
        Horizon, warm-up, seed.
    objective : str
        Figure to be made best: more or less of it, as its nature is. With prices, ``profit``.
    constraints : sequence of Total
        Limits on sums, such as the places of all buffers.
    most_cost : float, optional
        Budget: most that the variables may cost.
    costs : CostModel, optional
        Prices, for an objective in money.
    state : LineState, optional
        Where runs begin; none: empty.
    seconds, runs : float, int
        Effort: what is reached first ends the search. Where ``runs`` ends it, the answer is the
        same on any machine.
    front : int
        Budgets between the cheapest design and ``most_cost`` for which the best design is sought
        as well, for the Pareto front; 0: the front is made of what the search came by.
    delta : float, optional
        Smallest difference that matters, in the objective's unit; none: 0.25 % of the best mean.
    probability : float
        Of the final selection.
    workers : int
        Threads, or processes on the reference engine.
    progress : callable, optional
        Told the share of the effort that is spent.
    cancelled : callable, optional
        Asked between runs.

    Returns
    -------
    Optimised
        The guarantee is about the finalists of the search; that the search finds the best design of
        all cannot be promised by any method that leaves designs out.

    Raises
    ------
    InvalidInputError, ScenarioError, StateError
        With everything that is wrong in variables, limits, options or state.
    UnknownNameError
        If the objective has no good direction or is no figure of the line.
    ExperimentCancelledError
        If it was told to stop.
    """
    if objective not in KPIS:
        raise UnknownNameError("figure with a good direction", objective, list(KPIS))
    _check(seconds, runs, delta, probability, most_cost, front)
    asked = space(line, variables, constraints, most_cost)
    sign = 1.0 if KPIS[objective].higher_is_better else -1.0
    ground = Ground(asked, options, state, objective, sign, costs, workers, cancelled)
    search = _Search(ground, Effort(runs, seconds), progress or (lambda _share: None))
    start = beginning(asked)
    leads = search.levels(start, front) if front else []
    search.rounds(leads[-1] if leads else start)
    return search.judged(start, leads, delta, probability)


def _check(
    seconds: float, runs: int, delta: float | None, probability: float, most_cost: float | None,
    front: int,
) -> None:  # fmt: skip
    wrong = [
        Finding(path, f"{value!r} makes no sense", expected)
        for path, value, expected, fine in (
            ("seconds", seconds, "above zero", seconds > 0),
            ("runs", runs, "100 or more", runs >= 100),  # noqa: PLR2004 - a selection alone takes some
            ("delta", delta, "above zero", delta is None or delta > 0),
            ("probability", probability, "above 0.5, below 1", 0.5 < probability < 1),  # noqa: PLR2004 - a coin
            ("front", front, "0, or 2 and more with most_cost",
             front == 0 or (front > 1 and most_cost is not None)),
        )
        if not fine
    ]  # fmt: skip
    if wrong:
        raise InvalidInputError("the design question", wrong)


class _Search:
    """A search under way."""

    def __init__(self, ground: Ground, effort: Effort, tell: Callable[[float], None]) -> None:
        self._ground = ground
        self._space = ground.space
        self._effort = effort
        self._tell = tell
        self._archive = Archive(ground, effort)
        self._count = FIRST

    def levels(self, start: Design, levels: int) -> list[Design]:
        """Return the best design found for each of some budgets, smallest first."""
        space_, most = self._space, self._space.most_cost
        assert most is not None
        lowest = tuple(
            min(range(len(one.choices)), key=one.cost_of) if one.choices else one.low
            for one in space_.variables
        )
        cheapest = space_.cost(lowest)
        found: list[Design] = []
        for number, budget in enumerate(np.linspace(cheapest, most, levels)):
            tight = Space(space_.line, space_.variables, space_.totals, float(budget))
            here = found[-1] if found else lowest
            if not tight.allows(here):
                here = start if tight.allows(start) else here
            if tight.allows(here):
                share = SEARCH_SHARE * (number + 1) / (levels + 1)
                found.append(climb(self._archive, tight, here, FIRST, share))
            self._tell(self._effort.share)
        return found

    def rounds(self, start: Design) -> None:
        """Climb with more and more replications, until the search has had its share."""
        here = start
        while True:
            here = climb(self._archive, self._space, here, self._count, SEARCH_SHARE)
            self._tell(self._effort.share)
            # A round costs about as much as all designs around the best, with twice the runs.
            next_runs = 2 * self._count * 2 * len(here)
            runs_left = SEARCH_SHARE * self._effort.runs - self._effort.spent_runs
            if self._effort.share >= SEARCH_SHARE or next_runs > runs_left:
                return
            self._count *= 2

    def judged(
        self, start: Design, leads: Sequence[Design], delta: float | None, probability: float
    ) -> Optimised:
        """Return the best of the finalists on fresh runs, and the front."""
        best, found, decided, delta, finalists = self._selected(delta, probability)
        also = [one for one in dict.fromkeys([start, *self._cheap(leads)]) if one not in found]
        if also:
            fresh = self._fresh(also)(range(len(also)), 0, JUDGED)
            found |= dict(zip(also, fresh, strict=True))
        told = {design: self._told(design, row) for design, row in found.items()}
        self._tell(1.0)
        scenario = self._space.scenario(best, "best_design")
        return Optimised(
            best=told[best],
            line=scenario.apply(self._space.line),
            start=told[start],
            front=self._front(told),
            figure=self._ground.figure,
            decided=decided,
            probability=probability,
            delta=delta,
            finalists=finalists,
            designs=len(self._archive.seen),
            runs=self._effort.spent_runs,
            seconds=self._effort.spent_s,
            scenario=scenario,
        )

    def _selected(
        self, delta: float | None, probability: float
    ) -> tuple[Design, dict[Design, Floats], bool, float, int]:
        ranked = [one for one in self._archive.seen if self._space.allows(one)]
        # Those with the most runs are known best; the others were left behind earlier.
        ranked.sort(key=lambda one: (-len(self._archive.seen[one]), -self._mean(one)))
        most_seen = [o for o in ranked if len(self._archive.seen[o]) == self._count]
        finalists = (most_seen or ranked)[:FINALISTS]
        lead = abs(self._mean(finalists[0]))
        delta = delta if delta is not None else max(RELEVANT * lead, 1e-12)
        rows: dict[Design, list[Floats]] = {one: [] for one in finalists}
        draw = self._fresh(finalists)

        def drawn(which: Sequence[int], first: int, count: int) -> Floats:
            found = draw(which, first, count)
            for n, row in zip(which, found, strict=True):
                rows[finalists[n]].append(row)
            self._tell(self._effort.share)
            return found

        most = max(JUDGED, self._effort.affordable(len(finalists)))
        picked = pick_best(drawn, len(finalists), delta, probability, first=JUDGED, most=most)
        found = {one: np.concatenate(parts) for one, parts in rows.items()}
        best = finalists[picked.best]
        return best, found, len(picked.survivors) == 1, delta, len(finalists)

    def _mean(self, design: Design) -> float:
        return float(self._archive.seen[design].mean())

    def _fresh(self, designs: Sequence[Design]) -> Callable[[Sequence[int], int, int], Floats]:
        """Return how to draw fresh runs of some designs."""
        trials = self._ground.trials(designs)

        def draw(which: Sequence[int], first: int, count: int) -> Floats:
            before = trials.runs
            found = trials.values([n + 1 for n in which], FRESH + first, count)
            self._effort.spent_runs += trials.runs - before
            return self._ground.sign * found

        return draw

    def _cheap(self, leads: Sequence[Design]) -> list[Design]:
        """Return the designs that a front may be made of."""
        if leads:
            return list(leads)
        best: dict[float, Design] = {}
        for design in self._archive.seen:
            if self._space.allows(design):
                cost = self._space.cost(design)
                if cost not in best or self._mean(design) > self._mean(best[cost]):
                    best[cost] = design
        kept: list[Design] = []
        for cost in sorted(best):
            if not kept or self._mean(best[cost]) > self._mean(kept[-1]):
                kept.append(best[cost])
        return kept[:: max(1, len(kept) // (2 * FINALISTS))]

    def _told(self, design: Design, row: Floats) -> Tried:
        found = mean_interval(self._ground.sign * row)
        values: Mapping[str, int | str] = self._space.named(design)
        cost = self._space.cost(design)
        return Tried(values, cost, found.mean, found.low, found.high, found.n)

    def _front(self, told: Mapping[Design, Tried]) -> tuple[Tried, ...]:
        sign = self._ground.sign
        kept: list[Tried] = []
        for one in sorted(told.values(), key=lambda one: (one.cost, -sign * one.mean)):
            if not kept or sign * one.mean > sign * kept[-1].mean:
                kept.append(one)
        return tuple(kept)
