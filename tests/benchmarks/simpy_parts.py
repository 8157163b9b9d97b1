"""What the larger SimPy scripts share: times drawn one at a time, parts, and a station's shares."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy
from simpy.events import Event

from twin.line import AnyDistribution

Process = Generator[Event, Any, Any]
Draw = Callable[[], float]


@dataclass
class Part:
    """One part, when it came in, and how often it was sent back."""

    product: str
    made_s: float
    sent_back: int = 0


@dataclass
class Results:
    """What a run counted."""

    operations: Counter[str] = field(default_factory=Counter)
    """Ended, by station."""
    finished: Counter[str] = field(default_factory=Counter)
    """Parts, by product."""
    scrapped: int = 0
    flow_times_s: list[float] = field(default_factory=list)
    status_times_s: dict[str, dict[str, float]] = field(default_factory=dict)
    """By station and status."""

    def finish(self, part: Part, now_s: float) -> None:
        """Count a good part."""
        self.finished[part.product] += 1
        self.flow_times_s.append(now_s - part.made_s)


class Tally:
    """Adds up how long a station is in each status."""

    def __init__(self, env: simpy.Environment) -> None:
        self.env = env
        self.times_s: defaultdict[str, float] = defaultdict(float)
        self.status, self.instead, self.since_s = "starved", "", env.now

    def tell(self, status: str) -> None:
        """Be in a status from now on."""
        self.count()
        self.status = status

    def tell_instead(self, status: str) -> None:
        """Let this status stand above what is told otherwise; the empty one ends that."""
        self.count()
        self.instead = status

    def count(self) -> None:
        """Count the time until now."""
        now_s = self.env.now
        self.times_s[self.instead or self.status] += now_s - self.since_s
        self.since_s = now_s


def drawn(g: np.random.Generator, spec: AnyDistribution) -> Draw:  # noqa: PLR0911  (one for each)
    """Return a function that draws one time after the other."""
    match spec.kind:
        case "constant":
            value = spec.value_s
            return lambda: value
        case "exponential":
            return lambda: float(g.exponential(spec.mean_s))
        case "triangular":
            return lambda: float(g.triangular(spec.low_s, spec.mode_s, spec.high_s))
        case "normal":
            return lambda: float(g.normal(spec.mean_s, spec.sd_s))
        case "lognormal":
            variance = math.log(1 + (spec.sd_s / spec.mean_s) ** 2)
            mu, sigma = math.log(spec.mean_s) - variance / 2, math.sqrt(variance)
            return lambda: float(g.lognormal(mu, sigma))
        case "weibull":
            return lambda: spec.scale_s * float(g.weibull(spec.shape))
        case "gamma":
            return lambda: float(g.gamma(spec.shape, spec.scale_s))
        case "erlang":
            return lambda: float(g.gamma(spec.stages, spec.mean_s / spec.stages))
        case "beta":
            width_s = spec.high_s - spec.low_s
            return lambda: spec.low_s + width_s * float(g.beta(spec.alpha, spec.beta))
        case _:
            raise ValueError(f"no line that is compared draws {spec.kind!r}; add it here")


def generators(seed: int, name: str) -> Callable[[], np.random.Generator]:
    """Return a source of generators for the station of a name, one for each thing that is drawn."""
    root = np.random.SeedSequence([seed, *name.encode()])
    return lambda: np.random.default_rng(root.spawn(1)[0])
