"""Distributions of times. Each one is data; ``twin.engine.streams`` draws from them.

A distribution names its ``code`` and the flat ``parameters`` that the shared draw function needs,
so that both engines draw the same number from the same uniform.
"""

from __future__ import annotations

import itertools
import math
from enum import IntEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from twin.line.spec import Spec
from twin.units import Duration, PositiveDuration, duration_s

LEAST_SHARE = 1e-18
"""A share so much smaller than any number that is drawn, 2**-53, is none."""


class Code(IntEnum):
    """Number of each distribution in the shared draw function."""

    CONSTANT = 0
    EXPONENTIAL = 1
    UNIFORM = 2
    TRIANGULAR = 3
    NORMAL = 4
    LOGNORMAL = 5
    WEIBULL = 6
    DISCRETE = 7
    EMPIRICAL = 8
    GAMMA = 9
    BETA = 10


class Constant(Spec):
    """Always the same time."""

    kind: Literal["constant"] = "constant"
    value_s: Duration
    """The time, s."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        return Code.CONSTANT, (self.value_s,)

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.value_s


class Exponential(Spec):
    """Exponential times: the future does not depend on the age."""

    kind: Literal["exponential"] = "exponential"
    mean_s: PositiveDuration
    """Mean, s."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        return Code.EXPONENTIAL, (self.mean_s,)

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.mean_s


class Uniform(Spec):
    """Any time between two limits, all equally likely."""

    kind: Literal["uniform"] = "uniform"
    low_s: Duration
    """Shortest time, s."""
    high_s: Duration
    """Longest time, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high_s < self.low_s:
            raise ValueError("high_s must not be below low_s")
        return self

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        return Code.UNIFORM, (self.low_s, self.high_s)

    def expected_s(self) -> float:
        """Return the mean, s."""
        return (self.low_s + self.high_s) / 2


class Triangular(Spec):
    """Least, most likely and greatest time: what people can estimate."""

    kind: Literal["triangular"] = "triangular"
    low_s: Duration
    """Shortest time, s."""
    mode_s: Duration
    """Most likely time, s."""
    high_s: Duration
    """Longest time, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low_s <= self.mode_s <= self.high_s:
            raise ValueError("low_s <= mode_s <= high_s must hold")
        return self

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        if self.high_s == self.low_s:
            return Code.CONSTANT, (self.low_s,)
        return Code.TRIANGULAR, (self.low_s, self.mode_s, self.high_s)

    def expected_s(self) -> float:
        """Return the mean, s."""
        return (self.low_s + self.mode_s + self.high_s) / 3


class Normal(Spec):
    """Normal times cut off at zero, so none is negative."""

    kind: Literal["normal"] = "normal"
    mean_s: PositiveDuration
    """Mean before the cut, s."""
    sd_s: PositiveDuration
    """Standard deviation before the cut, s."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        below_zero = 0.5 * math.erfc(self.mean_s / (self.sd_s * math.sqrt(2)))
        cut = below_zero if below_zero > LEAST_SHARE else 0.0
        return Code.NORMAL, (self.mean_s, self.sd_s, cut)

    def expected_s(self) -> float:
        """Return the mean after the cut, s."""
        z = self.mean_s / self.sd_s
        density = math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
        return self.mean_s + self.sd_s * density / (1 - 0.5 * math.erfc(z / math.sqrt(2)))


class Lognormal(Spec):
    """Times whose logarithm is normal: repairs, manual work, long right tail."""

    kind: Literal["lognormal"] = "lognormal"
    mean_s: PositiveDuration
    """Mean of the time itself, s."""
    sd_s: PositiveDuration
    """Standard deviation of the time itself, s; at most 1000 times the mean."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.sd_s > 1000 * self.mean_s:
            raise ValueError("sd_s must be at most 1000 times mean_s")
        return self

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        variance = math.log1p((self.sd_s / self.mean_s) ** 2)
        return Code.LOGNORMAL, (math.log(self.mean_s) - variance / 2, math.sqrt(variance))

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.mean_s


class Weibull(Spec):
    """Lifetimes: shape above 1 wears out, below 1 fails young."""

    kind: Literal["weibull"] = "weibull"
    scale_s: PositiveDuration
    """Characteristic life, s: 63.2 % fail before it."""
    shape: float = Field(ge=0.1, le=100)
    """Shape, no unit, 0.1 to 100."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        return Code.WEIBULL, (self.scale_s, self.shape)

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.scale_s * math.gamma(1 + 1 / self.shape)


class Gamma(Spec):
    """Skewed times between the exponential (shape 1) and the normal (a large shape)."""

    kind: Literal["gamma"] = "gamma"
    scale_s: PositiveDuration
    """Scale, s: the mean is shape times scale."""
    shape: float = Field(ge=0.05, le=10_000)
    """Shape, no unit, 0.05 to 10 000."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        return Code.GAMMA, (self.scale_s, self.shape, math.lgamma(self.shape))

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.scale_s * self.shape


class Erlang(Spec):
    """The sum of several exponential times of equal mean: work in stages."""

    kind: Literal["erlang"] = "erlang"
    mean_s: PositiveDuration
    """Mean of the sum, s."""
    stages: int = Field(ge=1, le=10_000)
    """How many exponential times are added up."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        if self.stages == 1:
            return Code.EXPONENTIAL, (self.mean_s,)
        shape = float(self.stages)
        return Code.GAMMA, (self.mean_s / shape, shape, math.lgamma(shape))

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.mean_s


class Beta(Spec):
    """Times between two limits with a peak anywhere, or at either limit."""

    kind: Literal["beta"] = "beta"
    low_s: Duration
    """Shortest time, s."""
    high_s: Duration
    """Longest time, s."""
    alpha: float = Field(ge=0.05, le=1000)
    """First shape, no unit, 0.05 to 1000: larger, longer times."""
    beta: float = Field(ge=0.05, le=1000)
    """Second shape, no unit, 0.05 to 1000: larger, shorter times."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high_s < self.low_s:
            raise ValueError("high_s must not be below low_s")
        return self

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        if self.high_s == self.low_s:
            return Code.CONSTANT, (self.low_s,)
        a, b = self.alpha, self.beta
        log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
        return Code.BETA, (self.low_s, self.high_s, a, b, log_beta)

    def expected_s(self) -> float:
        """Return the mean, s."""
        return self.low_s + (self.high_s - self.low_s) * self.alpha / (self.alpha + self.beta)


class Discrete(Spec):
    """A few possible times, each with a weight."""

    kind: Literal["discrete"] = "discrete"
    values_s: tuple[Duration, ...] = Field(min_length=1)
    """Possible times, s."""
    weights: tuple[Annotated[float, Field(ge=0)], ...] = Field(min_length=1)
    """Weight of each, any positive sum."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if len(self.values_s) != len(self.weights):
            raise ValueError("values_s and weights must have the same length")
        if not sum(self.weights) > 0:
            raise ValueError("weights must not all be zero")
        return self

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        pairs = sorted(zip(self.values_s, self.weights, strict=True))
        total = sum(weight for _, weight in pairs)
        cumulative = itertools.accumulate(weight / total for _, weight in pairs)
        return Code.DISCRETE, (*(value for value, _ in pairs), *cumulative)

    def expected_s(self) -> float:
        """Return the mean, s."""
        pairs = zip(self.values_s, self.weights, strict=True)
        return sum(value * weight for value, weight in pairs) / sum(self.weights)


class Empirical(Spec):
    """Times as measured: drawn from the sample, or between its neighbours."""

    kind: Literal["empirical"] = "empirical"
    sample_s: tuple[Duration, ...] = Field(min_length=1, max_length=100_000)
    """Measured times, s, in any order."""
    interpolate: bool = True
    """Draw between neighbouring values (True) or only the values themselves."""

    def encode(self) -> tuple[Code, tuple[float, ...]]:
        """Return the code and parameters for the shared draw function."""
        ordered = sorted(self.sample_s)
        if self.interpolate:
            return Code.EMPIRICAL, tuple(ordered)
        n = len(ordered)
        return Code.DISCRETE, (*ordered, *((i + 1) / n for i in range(n)))

    def expected_s(self) -> float:
        """Return the mean, s."""
        ordered = sorted(self.sample_s)
        if not self.interpolate or len(ordered) == 1:
            return sum(ordered) / len(ordered)
        inner = sum(ordered) - (ordered[0] + ordered[-1]) / 2
        return inner / (len(ordered) - 1)


def _number_is_constant(value: Any) -> Any:
    """Let a bare number or duration text stand for a constant time."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return Constant(value_s=duration_s(value))
    return value


AnyDistribution = (
    Constant
    | Exponential
    | Uniform
    | Triangular
    | Normal
    | Lognormal
    | Weibull
    | Gamma
    | Erlang
    | Beta
    | Discrete
    | Empirical
)
Distribution = Annotated[
    Annotated[AnyDistribution, Field(discriminator="kind")],
    BeforeValidator(_number_is_constant, json_schema_input_type=float | str | AnyDistribution),
]
"""Any distribution; in a file, a bare number or duration means a constant."""


def scaled(distribution: AnyDistribution, factor: float) -> AnyDistribution:
    """Return the distribution of ``factor`` times the time.

    Parameters
    ----------
    distribution : Distribution
        Any distribution.
    factor : float
        Greater than zero.

    Raises
    ------
    ValueError
        If the factor is not finite and above zero.

    Examples
    --------
    >>> scaled(Exponential(mean_s=10.0), 1.5).mean_s
    15.0
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError(f"a time can be scaled by a finite factor above zero, not by {factor!r}")
    changes = {
        name: tuple(v * factor for v in value) if isinstance(value, tuple) else value * factor
        for name, value in distribution
        if name.endswith("_s")
    }
    return type(distribution).model_validate(distribution.model_dump() | changes)
