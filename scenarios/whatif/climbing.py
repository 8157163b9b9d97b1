"""Better designs by local search on common random numbers.

With the random numbers held fixed, the mean of some replications is a plain function of the design.
It is climbed to where no move helps; then with more replications, from there (retrospective
optimisation: Chen and Schmeiser, 2001, Stochastic root finding via retrospective approximation.
IIE Transactions 33). Which moves are tried first is told by the effect of one more and one less of
each variable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scenarios.whatif.costs import CostModel
from scenarios.whatif.design import Design, Space
from scenarios.whatif.experiment import Experiment
from scenarios.whatif.trials import Trials
from twin.engine.options import SimulationOptions
from twin.errors import Finding, InvalidInputError
from twin.events.state import LineState
from twin.kpi.table import Floats

TRIED_MOVES = 6
"""Exchanges that are simulated of those that promise most."""
STRIDES = (4, 2, 1)
"""By how much variables are changed at first and at the end."""
LARGEST_STRIDE_SHARE = 0.1
"""Share of a variable's largest span that a stride may be."""


@dataclass(slots=True)
class Effort:
    """How much may be spent; what is spent is counted."""

    runs: int
    seconds: float
    spent_runs: int = 0
    _began_s: float = field(default_factory=time.monotonic)

    @property
    def spent_s(self) -> float:
        """Time since the beginning, s."""
        return time.monotonic() - self._began_s

    @property
    def share(self) -> float:
        """Share that is spent, of runs or time, whichever is more."""
        return max(self.spent_runs / self.runs, self.spent_s / self.seconds)

    def affordable(self, designs: int) -> int:
        """Return for how many replications of some designs the rest suffices, about."""
        pace = self.spent_runs / max(self.spent_s, 1e-9)
        rest = min(self.runs - self.spent_runs, pace * (self.seconds - self.spent_s))
        return int(rest / designs)


@dataclass(frozen=True, slots=True)
class Ground:
    """What designs are tried on."""

    space: Space
    options: SimulationOptions
    state: LineState | None
    figure: str
    sign: float
    """1 if more of the figure is better, -1 if less is."""
    costs: CostModel | None
    workers: int
    cancelled: Callable[[], bool] | None

    def trials(self, designs: Sequence[Design]) -> Trials:
        """Return designs ready to run."""
        scenarios = tuple(self.space.scenario(one, f"d{n}") for n, one in enumerate(designs))
        asked = Experiment(
            line=self.space.line, scenarios=scenarios, options=self.options, state=self.state
        )
        return Trials(asked, self.figure, self.costs, self.workers, self.cancelled)


class Archive:
    """Designs with what their runs gave; each run is done once."""

    def __init__(self, ground: Ground, effort: Effort) -> None:
        self._ground = ground
        self.effort = effort
        self.seen: dict[Design, Floats] = {}

    def values(self, designs: Sequence[Design], count: int) -> Floats:
        """Return the figure of designs in the first replications, larger is better.

        Returns
        -------
        ndarray of shape (len(designs), count)
        """
        wanted = list(dict.fromkeys(designs))
        for have in sorted({len(self.seen.get(one, ())) for one in wanted}):
            behind = [one for one in wanted if len(self.seen.get(one, ())) == have]
            if have < count:
                self._grow(behind, have, count)
        return np.stack([self.seen[one][:count] for one in designs])

    def mean(self, design: Design, count: int) -> float:
        """Return the mean over the first replications."""
        return float(self.values([design], count).mean())

    def _grow(self, designs: list[Design], have: int, count: int) -> None:
        trials = self._ground.trials(designs)
        found = trials.values(range(1, len(designs) + 1), have, count - have)
        self.effort.spent_runs += trials.runs
        if not np.isfinite(found).all():
            message = f"{self._ground.figure} has no value in some runs"
            finding = Finding("objective", message, remedy="take a longer horizon")
            raise InvalidInputError("the design question", [finding])
        for design, row in zip(designs, self._ground.sign * found, strict=True):
            before = self.seen.get(design, np.empty(0))
            self.seen[design] = np.concatenate([before, row])


def moved(design: Design, *steps: tuple[int, int]) -> Design:
    """Return a design with some variables changed by an amount."""
    values = list(design)
    for place, amount in steps:
        values[place] += amount
    return tuple(values)


def climb(archive: Archive, space: Space, start: Design, count: int, until: float) -> Design:
    """Return a design that no move improves, on the first ``count`` replications.

    Parameters
    ----------
    archive : Archive
        What was tried, and what may be spent.
    space : Space
        Which designs are allowed.
    start : tuple of int
        An allowed design.
    count : int
        Replications.
    until : float
        Share of the effort after which the best so far is returned.
    """
    here = start
    widest = max(one.span[1] - one.span[0] for one in space.variables)
    strides = [s for s in STRIDES if s == 1 or s <= LARGEST_STRIDE_SHARE * widest]
    while strides:
        if archive.effort.share >= until:
            break
        better = _step(archive, space, here, count, strides[0])
        if better is None:
            strides.pop(0)
        else:
            here = better
    return here


def _step(archive: Archive, space: Space, here: Design, count: int, stride: int) -> Design | None:
    """Return the best design that the most promising moves lead to, if it is better."""
    mean = archive.mean(here, count)
    steps = [(place, sign * stride) for place in range(len(here)) for sign in (1, -1)]
    single = {step: moved(here, step) for step in steps}
    inside = {step: design for step, design in single.items() if space.inside(design)}
    values = archive.values(list(inside.values()), count).mean(axis=1) - mean if inside else []
    gains = dict(zip(inside, map(float, values), strict=True))
    allowed = [design for design in inside.values() if space.allows(design)]
    pairs = sorted(_exchanges(space, here, gains), key=lambda pair: -pair[0])
    allowed += [design for gain, design in pairs[:TRIED_MOVES]]
    if not allowed:
        return None
    found = archive.values(allowed, count).mean(axis=1)
    best = int(np.argmax(found))
    return allowed[best] if float(found[best]) > mean else None


def _exchanges(
    space: Space, here: Design, gains: dict[tuple[int, int], float]
) -> list[tuple[float, Design]]:
    """Return what one more of this and less of that should bring, where only both are allowed."""
    found = []
    for (up, amount), gain in gains.items():
        if amount < 0 or space.allows(moved(here, (up, amount))):
            continue
        for down in range(len(here)):
            lost = gains.get((down, -amount))
            if down == up or lost is None:
                continue
            less = _enough(space, moved(here, (up, amount)), down)
            if less:
                design = moved(here, (up, amount), (down, -less))
                found.append((gain + lost * less / amount, design))
    return found


def _enough(space: Space, design: Design, place: int) -> int:
    """Return by how much a variable must be smaller to make a design allowed; 0: it cannot."""
    for less in range(1, design[place] - space.variables[place].span[0] + 1):
        if space.allows(moved(design, (place, -less))):
            return less
    return 0


def beginning(space: Space) -> Design:
    """Return an allowed design near the line as it is, evened out where that is not allowed.

    Raises
    ------
    InvalidInputError
        If none was found.
    """
    document = space.line.model_dump(mode="json")
    here = tuple(_nearest(document, space, n) for n in range(len(space.variables)))
    if space.excess(here) > 0.0:
        numbers = [v.low if not v.choices else here[n] for n, v in enumerate(space.variables)]
        exact = any(total.exactly is not None for total in space.totals)
        here = tuple(numbers) if exact else here
    while (far := space.excess(here)) > 0.0:
        near = [
            (space.excess(design), _evenness(design, place, sign), design)
            for place in range(len(here))
            for sign in (1, -1)
            if space.inside(design := moved(here, (place, sign)))
        ]
        best = min(near, default=None)
        if best is None or best[0] >= far:
            finding = Finding("constraints", "no allowed design was found", remedy="loosen one")
            raise InvalidInputError("the design question", [finding])
        here = best[2]
    return here


def _evenness(design: Design, place: int, sign: int) -> int:
    """Return a rank by which the smallest value grows and the largest one shrinks first."""
    return sign * design[place]


def _nearest(document: Any, space: Space, number: int) -> int:
    """Return the value that the line has, or the nearest one that may be chosen."""
    variable, here = space.variables[number], document
    for key in variable.path.split("."):
        if isinstance(here, list):
            here = next((item for item in here if item.get("id") == key), None)
        else:
            here = here.get(key) if isinstance(here, dict) else None
    if variable.choices:
        known = list(variable.choices.values())
        return known.index(here) if here in known else 0
    low, high = variable.span
    return high if here is None else int(min(max(here, low), high))
