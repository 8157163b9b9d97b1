"""Make rare failures frequent, and know exactly how much more frequent.

A run is drawn from one of several laws: the line's own law p, or one law q_j per station whose
failure modes live shorter by a factor. With shares a_0 (own law) and a_j, the weight of a run is

    w = p / (a_0 p + sum_j a_j q_j) = 1 / (a_0 + sum_j a_j L_j),

where L_j = q_j / p is the likelihood ratio of the lives that the run shows: densities of the lives
that ended, survival of those that did not. Weights never exceed 1 / a_0, and their mean is 1.

References
----------
Veach, Guibas (1995), Optimally combining sampling techniques for Monte Carlo rendering. SIGGRAPH
95. (The balance heuristic.)
Hesterberg (1995), Weighted average importance sampling and defensive mixture distributions.
Technometrics 37.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import log_ndtr

from twin.events.fold import fold
from twin.events.kinds import Kind
from twin.events.log import EventLog, Stream
from twin.line import AnyDistribution, Failure, Line, scaled
from twin.line.distributions import Exponential, Lognormal, Normal, Weibull
from twin.line.spec import Spec
from twin.signals.wear import lives_of

Floats = NDArray[np.float64]
OWN_LAW = ""
"""Name of the component that changes nothing."""


class Sampling(Spec):
    """How runs are drawn."""

    own_share: float = Field(default=0.5, gt=0, le=1)
    """Share of the runs that follow the line's own law; 1 tilts nothing. It bounds the weights:
    none exceeds its inverse."""
    failures_per_run: float = Field(default=1.0, gt=0, le=10)
    """Failures that a tilted mode should have in a run; one that has more anyway is left alone."""
    smallest_factor: float = Field(default=0.02, gt=0, le=1)
    """Lives are never shortened by more than this factor."""
    null_twins: bool = False
    """Whether each tilted run has a twin on the same random numbers that is not tilted. Twins are
    for paired comparison; they carry weight 0, so that nothing is counted twice."""


@dataclass(frozen=True, slots=True)
class Component:
    """One law of the mixture."""

    station: str
    """Station whose modes live shorter; empty for the line's own law."""
    factors: tuple[tuple[str, float], ...]
    """Failure mode and factor on its lives."""
    share: float
    """Share of the runs."""


def components(line: Line, run_s: float, runs: int, sampling: Sampling) -> tuple[Component, ...]:
    """Return the laws that the runs of one line are drawn from, the line's own first.

    Parameters
    ----------
    line : Line
        Line whose failures are rare.
    run_s : float
        Length of a run, s.
    runs : int
        Runs in all; a law that would get none is left out.
    sampling : Sampling
        How to tilt.
    """
    tilted = []
    for station in sorted(line.stations, key=lambda item: item.id):
        # Maintenance breaks off the lives that it renews, so what a run shows does not tell them.
        renewed = {name for planned in station.maintenance for name in planned.renews}
        found = (
            (mode.id, _factor(mode, run_s, sampling))
            for mode in sorted(station.failures, key=lambda item: item.id)
            if mode.id not in renewed
        )
        factors = tuple((name, factor) for name, factor in found if factor < 1.0)
        if factors:
            tilted.append((station.id, factors))
    own = max(1, min(runs, math.ceil(sampling.own_share * runs)))
    if own >= runs or not tilted:
        return (Component(OWN_LAW, (), 1.0),)
    # The rarest come first, so that they are not the ones left out where runs are few.
    tilted.sort(key=lambda item: (min(factor for _, factor in item[1]), item[0]))
    counts = [len(range(k, runs - own, len(tilted))) for k in range(len(tilted))]
    return (
        Component(OWN_LAW, (), own / runs),
        *(
            Component(name, factors, count / runs)
            for (name, factors), count in zip(tilted, counts, strict=True)
            if count
        ),
    )


def _factor(mode: Failure, run_s: float, sampling: Sampling) -> float:
    life = mode.life
    usual = isinstance(life, Exponential | Weibull | Lognormal | Normal)
    if mode.clock == "cycles" or not usual:
        return 1.0  # lives with bounds or of a few values have no ratio of densities
    wanted = run_s / (sampling.failures_per_run * life.expected_s())
    return min(1.0, max(sampling.smallest_factor, wanted))


def allocation(laws: Sequence[Component], runs: int) -> list[int]:
    """Return which law each run follows, the laws taking turns."""
    left = [round(law.share * runs) for law in laws]
    order: list[int] = []
    while len(order) < runs:
        before = len(order)
        for number, count in enumerate(left):
            if count > 0 and len(order) < runs:
                order.append(number)
                left[number] -= 1
        if len(order) == before:  # shares are whole runs, so this is rounding of the last digit
            order.extend([0] * (runs - before))
    return order


def tilted_line(line: Line, law: Component) -> Line:
    """Return the line with one station's lives shortened as a law says."""
    factors = dict(law.factors)
    if not factors:
        return line
    failures = [
        mode.model_copy(
            update={"time_to_failure_s": scaled(mode.life, factors[mode.id])}
        ).model_dump(mode="json")
        if mode.id in factors
        else mode.model_dump(mode="json")
        for mode in line.station(law.station).failures
    ]
    return line.changed({f"stations.{law.station}.failures": failures})


@dataclass(frozen=True, slots=True)
class Lives:
    """Lives of one failure mode in one run."""

    ended_s: Floats
    """Lives that ended in a failure, s on the mode's clock."""
    open_s: float
    """Age of the life that goes on at the end; 0 when the mode is down."""


def lives_in(log: EventLog, line: Line) -> dict[tuple[str, str], Lives]:
    """Return the lives that a simulated run shows, by station and failure mode.

    Parameters
    ----------
    log : EventLog
        A simulated run from the empty line.
    line : Line
        The line it was simulated with.
    """
    stream = log.stream or Stream(0)
    state = fold(log, line)
    failed = log.kind == Kind.FAILED
    found = {}
    for station in line.stations:
        here = failed & (log.element == log.names.elements.index(station.id))
        for mode in station.failures:
            name, number = mode.id, log.names.modes[station.id].index(mode.id)
            draw = lives_of(station, mode, stream)
            count = int(np.sum(here & (log.detail == number)))
            now = state.stations[station.id].modes[name]
            age_s = now.age.elapsed_s(log.end_s) if now.status == "running" else 0.0
            ended = np.array([draw(k) for k in range(count)], dtype=np.float64)
            found[station.id, name] = Lives(ended, age_s)
    return found


def log_ratio(line: Line, law: Component, lives: Mapping[tuple[str, str], Lives]) -> float:
    """Return log(q / p) of a run under a law, from the lives it shows."""
    modes = {mode.id: mode for mode in line.station(law.station).failures} if law.station else {}
    total = 0.0
    for name, factor in law.factors:
        seen, life = lives[law.station, name], modes[name].life
        ended = seen.ended_s
        total += float(np.sum(_log_density(life, ended / factor) - _log_density(life, ended)))
        total -= len(ended) * math.log(factor)
        total += _log_survival(life, seen.open_s / factor) - _log_survival(life, seen.open_s)
    return total


def weight_of(
    line: Line, laws: Sequence[Component], lives: Mapping[tuple[str, str], Lives]
) -> float:
    """Return a run's weight: how likely it is under the line's own law, over how likely here."""
    # exp of a large ratio may overflow to infinity, which is right: the weight is then zero.
    ratios = [min(log_ratio(line, law, lives), 700.0) for law in laws]
    return 1.0 / sum(law.share * math.exp(x) for law, x in zip(laws, ratios, strict=True))


def _log_density(life: AnyDistribution, x: Floats) -> Floats:
    """Return the log density up to a constant that does not depend on ``x``."""
    if isinstance(life, Exponential):
        return -x / life.mean_s
    if isinstance(life, Weibull):
        z = x / life.scale_s
        return np.asarray((life.shape - 1) * np.log(z) - z**life.shape)
    _, parameters = life.encode()
    if isinstance(life, Lognormal):
        return np.asarray(-np.log(x) - 0.5 * ((np.log(x) - parameters[0]) / parameters[1]) ** 2)
    return np.asarray(-0.5 * ((x - parameters[0]) / parameters[1]) ** 2)


def _log_survival(life: AnyDistribution, age_s: float) -> float:
    """Return the log of the share that lives longer, exact in the far tail, up to a constant."""
    if age_s <= 0:
        return _log_survival_at_zero(life)
    if isinstance(life, Exponential):
        return -age_s / life.mean_s
    if isinstance(life, Weibull):
        return float(-((age_s / life.scale_s) ** life.shape))
    _, parameters = life.encode()
    reached = math.log(age_s) if isinstance(life, Lognormal) else age_s
    return float(log_ndtr((parameters[0] - reached) / parameters[1]))


def _log_survival_at_zero(life: AnyDistribution) -> float:
    if not isinstance(life, Normal):
        return 0.0
    return float(log_ndtr(life.mean_s / life.sd_s))
