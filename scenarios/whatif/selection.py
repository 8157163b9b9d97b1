"""Which of many alternatives is best, with a stated probability of being right.

References
----------
Kim and Nelson (2001), A fully sequential procedure for indifference-zone selection in simulation.
ACM Transactions on Modeling and Computer Simulation 11.
Jennison, Johnstone and Turnbull (1982), Asymptotically optimal procedures for sequential adaptive
selection of the best of several normal means. Statistical Decision Theory and Related Topics III.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.whatif.comparison import KPIS
from scenarios.whatif.costs import CostModel
from scenarios.whatif.experiment import Experiment
from scenarios.whatif.trials import Trials
from twin.errors import Finding, InvalidInputError, UnknownNameError

Floats = NDArray[np.float64]
Draw = Callable[[Sequence[int], int, int], Floats]
"""Given alternatives, the first replication and how many, returns an observation of each."""

FIRST = 20
"""Replications of every alternative before any is ruled out; their scatter is estimated then."""
FEWEST = 5
"""Fewer would say too little about the scatter."""
GROWTH = 0.1
"""Share by which replications grow between two looks."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What the procedure says about alternatives by number; larger is better."""

    best: int
    survivors: tuple[int, ...]
    """Alternatives that were not ruled out; more than one: the replications did not suffice."""
    means: tuple[float, ...]
    replications: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The best scenario, and how sure that is."""

    best: str
    """The best, or the one that leads where it is not decided."""
    decided: bool
    """Whether the stated probability holds; if not, ``most`` came first."""
    probability: float
    """At least this likely, the best scenario is the one named, if it leads by ``delta``."""
    delta: float
    """Smallest difference that matters, in the figure's unit."""
    figure: str
    means: dict[str, float]
    """Mean of each scenario over its replications."""
    replications: dict[str, int]
    """Replications of each scenario until it was ruled out or the end."""
    survivors: tuple[str, ...]
    """Scenarios that were not ruled out."""

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def pick_best(
    draw: Draw,
    count: int,
    delta: float,
    probability: float = 0.95,
    *,
    first: int = FIRST,
    most: int = 10_000,
) -> Picked:
    """Select the alternative with the largest mean by the procedure KN of Kim and Nelson (2001).

    After ``first`` replications of each, alternatives are ruled out one by one as soon as another
    one is ahead by more than a margin that shrinks as replications grow. Observations are normal,
    independent between replications, and may depend on each other within one: common random
    numbers are allowed and save replications. Looks come at times fixed beforehand; fewer of them
    than one per replication make the error no larger (Jennison and others, 1982).

    Parameters
    ----------
    draw : callable
        Gives observations of shape (alternatives asked for, replications).
    count : int
        Alternatives.
    delta : float
        Smallest lead that matters.
    probability : float
        Least probability of naming the best one when it leads by ``delta`` or more; more than
        ``1 / count``.
    first : int
        Replications before the first look.
    most : int
        Replications of an alternative at which it is given up to tell.

    Raises
    ------
    ValueError
        If a number makes no sense.
    """
    _check(count, delta, probability, first, most)
    observed = draw(range(count), 0, first)
    sums, seen = observed.sum(axis=1), np.full(count, first)
    alive = list(range(count))
    if count == 1:
        return Picked(0, (0,), tuple(sums / seen), tuple(seen.tolist()))
    pairs = observed[:, None, :] - observed[None, :, :]
    spread = pairs.var(axis=2, ddof=1)
    eta = 0.5 * ((2 * (1 - probability) / (count - 1)) ** (-2 / (first - 1)) - 1)
    h2 = 2 * eta * (first - 1)
    r = first
    while True:
        margin = np.maximum(0.0, delta / (2 * r) * (h2 * spread / delta**2 - r))
        lead = (sums[:, None] - sums[None, :]) / r
        alive = [i for i in alive if all(lead[i, j] >= -margin[i, j] for j in alive if j != i)]
        enough = h2 * spread[np.ix_(alive, alive)].max() / delta**2 < r
        if len(alive) == 1 or enough or r >= most:
            break
        more = min(max(1, int(GROWTH * r)), most - r)
        sums[alive] += draw(alive, r, more).sum(axis=1)
        r += more
        seen[alive] = r
    means = sums / seen
    best = max(alive, key=lambda i: (means[i], -i))
    # With enough replications the margin is nil, and only exact equals are left.
    survivors = (best,) if enough else tuple(alive)
    return Picked(best, survivors, tuple(means.tolist()), tuple(seen.tolist()))


def _check(count: int, delta: float, probability: float, first: int, most: int) -> None:
    if count < 1:
        raise ValueError("there is nothing to select from")
    if not (delta > 0 and math.isfinite(delta)):
        raise ValueError(f"delta must be above zero, not {delta!r}")
    if not 1 / max(count, 2) < probability < 1:
        raise ValueError(f"probability must be above {1 / max(count, 2):g} and below 1")
    if not FEWEST <= first <= most:
        raise ValueError(f"first must be {FEWEST} to {most} replications, not {first}")


def select_best(  # noqa: PLR0913 - the later ones are keywords
    experiment: Experiment,
    figure: str = "throughput_rate",
    delta: float = 0.0,
    probability: float = 0.95,
    *,
    first: int = FIRST,
    most: int = 10_000,
    costs: CostModel | None = None,
    workers: int = 1,
    cancelled: Callable[[], bool] | None = None,
) -> Selection:
    """Run the scenarios of an experiment until the best one is known with a stated probability.

    Scenarios that are clearly behind are given up early, so that runs go where they decide. See
    ``pick_best`` for the procedure and what it supposes; a run that is long enough to have many
    parts makes figures near enough to normal.

    Parameters
    ----------
    experiment : Experiment
        Scenarios to choose from, ``base`` among them; its number of replications has no part in it.
    figure : str
        Figure that decides, such as ``throughput_rate``, ``wip_mean`` or, with costs, ``profit``.
    delta : float
        Smallest difference that matters, in the figure's unit, above zero.
    probability : float
        Least probability that the scenario named is the best one, if that leads by ``delta``.
    first : int
        Replications of each scenario before any is ruled out.
    most : int
        Most replications of one scenario; the answer may then be undecided.
    costs : CostModel, optional
        Prices, for figures of money and energy.
    workers : int
        Threads, or processes on the reference engine; the answer does not depend on it.
    cancelled : callable, optional
        Asked between runs.

    Raises
    ------
    InvalidInputError
        If ``delta``, ``probability``, ``first`` or ``most`` make no sense, or a run has no value.
    UnknownNameError
        If there is no such figure, or it has no good direction.
    ExperimentCancelledError
        If it was told to stop.
    """
    if figure not in KPIS:
        raise UnknownNameError("figure with a good direction", figure, list(KPIS))
    trials = Trials(experiment, figure, costs, workers, cancelled)
    sign = 1.0 if KPIS[figure].higher_is_better else -1.0

    def draw(which: Sequence[int], begin: int, count: int) -> Floats:
        values = sign * trials.values(which, begin, count)
        if not np.isfinite(values).all():
            lost = [experiment.names[n] for n, row in zip(which, values, strict=True)
                    if not np.isfinite(row).all()]  # fmt: skip
            message = f"{figure} has no value in some runs of {', '.join(lost)}"
            finding = Finding("figure", message, remedy="take a longer horizon, or another figure")
            raise InvalidInputError("the selection", [finding])
        return values

    count = len(experiment.names)
    try:
        _check(count, delta, probability, first, most)
    except ValueError as error:
        raise InvalidInputError("the selection", [Finding("", str(error))]) from error
    found = pick_best(draw, count, delta, probability, first=first, most=most)
    names = experiment.names
    return Selection(
        best=names[found.best],
        decided=len(found.survivors) == 1,
        probability=probability,
        delta=delta,
        figure=figure,
        means={name: sign * mean for name, mean in zip(names, found.means, strict=True)},
        replications=dict(zip(names, found.replications, strict=True)),
        survivors=tuple(names[n] for n in found.survivors),
    )
