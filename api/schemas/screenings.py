"""Shapes of screenings: what matters most over the ranges in which settings may lie."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from api.schemas.common import Handle, Moment, Provenance, Shape
from api.schemas.jobs import JobStatus
from api.schemas.scenarios import Start
from scenarios.whatif.screening import Method
from scenarios.whatif.sensitivity import Kind
from twin.line.spec import Id

MOST_SETTINGS = 12
"""Settings of one screening; each costs as many points as the samples."""
Figure = Literal[
    "throughput_rate",
    "finished",
    "scrapped",
    "wip_mean",
    "flow_time_mean_s",
    "flow_time_p90_s",
]
Factor = Annotated[float, Field(gt=0, le=1000.0)]


class Setting(Shape):
    """Something that may lie anywhere in a range."""

    kind: Kind
    """What it is, as for sensitivities: ``processing time``, ``mtbf``, ``place`` and so on."""
    element: str = Field(min_length=1, max_length=200)
    """Station, ``station.mode``, buffer, crew, pool or loop."""
    low: Factor = 0.8
    """Least factor on what it is now."""
    high: Factor = 1.2
    """Largest factor; what is counted is rounded to whole numbers."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} must lie below high {self.high:g}")
        return self


class SettingView(Shape):
    """Something of a line that a screening can vary."""

    kind: Kind
    """What it is."""
    element: str
    """Station, ``station.mode``, buffer, crew, pool or loop."""
    now: int | None
    """How many there are now; none: it is a time."""


class ScreeningIn(Shape):
    """Which settings to vary, all at once, and which figure is looked at."""

    line_id: Id
    """Line."""
    settings: tuple[Setting, ...] = Field(min_length=2, max_length=MOST_SETTINGS)
    """What to vary."""
    figure: Figure = "throughput_rate"
    """Figure of the line."""
    method: Method = "morris"
    """``morris``: mean and spread of effects, for a first look; ``sobol``: the share of the
    variance that each has part in, for more runs."""
    samples: int = Field(default=16, ge=2, le=512)
    """Walks through the settings (morris), or base points, a power of two (sobol)."""
    replications: int = Field(default=4, ge=1, le=100)
    """Runs at each point, with the same random numbers at all of them."""
    horizon_s: float = Field(default=8 * 3600.0, gt=0)
    """Time to look ahead, s, warm-up included."""
    warm_up_s: float = Field(default=0.0, ge=0)
    """Time at the beginning that is not counted, s."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Seed of the random numbers and of the points."""
    start: Start = "live"
    """Where it begins; ``live`` is ``empty`` for a line without a plant."""


class Influence(Setting):
    """How much one setting matters."""

    value: float
    """Morris: mean size of its effect over its range, in the figure's unit. Sobol: share of the
    variance that it has part in."""
    value_low: float
    """Lower end of the 95 % interval of ``value``."""
    value_high: float
    """Upper end."""
    spread: float
    """Morris: standard deviation of its effects. Sobol: share of the variance that it explains
    alone."""
    direction: Literal["more", "less", "either"]
    """What the figure does as the setting grows; ``either``: it depends, or is not told."""
    says: Literal["matters", "hardly matters", "not told"]
    """Whether the interval lies above or below a tenth of the largest. Where the figure varies
    by less than 1 % in all, nothing matters."""
    together: bool
    """How much it does depends on the other settings, or on where in its range it lies."""


class ScreeningResult(Shape):
    """What matters, most first."""

    method: Method
    """How it was found."""
    figure: Figure
    """Figure of the line."""
    unit: str
    """Its unit."""
    influences: tuple[Influence, ...]
    """Settings, the one that matters most first."""
    lowest: float
    """Least that the figure came to at any point."""
    mean: float
    """Its mean over all points."""
    highest: float
    """Most."""
    points: int
    """Combinations of settings that were tried."""
    replications: int
    """Runs of each."""
    horizon_s: float
    """Time looked ahead, s."""
    provenance: Provenance
    """State it starts from; ``simulated``."""


class ScreeningView(Shape):
    """A screening that was asked for."""

    id: Handle
    """Id."""
    line_id: str
    """Line."""
    job_id: Handle
    """Job that makes it."""
    status: JobStatus
    """How far the job has come."""
    created_at: Moment
    """Asked for at."""
    result: ScreeningResult | None = None
    """What came out, once it is there."""
