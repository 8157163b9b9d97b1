"""Shapes of sensitivities: what a little of each thing brings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from api.schemas.common import Handle, Moment, Provenance, Shape
from api.schemas.jobs import JobStatus
from api.schemas.scenarios import Start
from scenarios.whatif.sensitivity import Kind
from twin.line.spec import Id

# What was kept, or is asked, with the name that it had at first is still understood.
_Kind = Annotated[
    Kind, BeforeValidator(lambda kind: "processing time" if kind == "cycle time" else kind)
]


class SensitivityIn(Shape):
    """What to try on a line, a little of each."""

    line_id: Id
    """Line."""
    kinds: tuple[_Kind, ...] | None = Field(default=None, min_length=1, max_length=10)
    """What to try: ``processing time``, ``mttr`` and ``service`` (time of maintenance) 1 % less,
    ``mtbf`` 1 % more, ``mtbm`` (between maintenance) 1 % or one operation more, one ``place``,
    ``server``, ``person``, ``vehicle`` or ``card`` more; none: all that the line has."""
    horizon_s: float = Field(default=8 * 3600.0, gt=0)
    """Time to look ahead, s, warm-up included."""
    warm_up_s: float = Field(default=0.0, ge=0)
    """Time at the beginning that is not counted, s."""
    replications: int = Field(default=20, ge=2)
    """Runs of each change, with the same random numbers in each."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Seed of the random numbers."""
    start: Start = "live"
    """Where it begins; ``live`` is ``empty`` for a line without a plant."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of each interval, for itself."""


class Gain(Shape):
    """What a little of one thing brings in throughput."""

    kind: _Kind
    """What was tried."""
    element: str
    """Station, ``station.mode``, buffer, crew or loop."""
    unit: str
    """How much of it: ``-1 %``, ``+1 %`` or ``+1``."""
    gain_per_h: float | None
    """Parts per hour more; none: it cannot be told."""
    low_per_h: float | None
    """Lower end of its interval."""
    high_per_h: float | None
    """Upper end."""
    share: float | None
    """Gain as a share of the line's throughput."""
    effect: Literal["better", "worse", "not told"]
    """``not told``: the interval holds zero."""


class SensitivityResult(Shape):
    """What a little of each thing brings, the largest gain first."""

    throughput_per_h: float
    """Throughput of the line as it is, parts per hour."""
    gains: tuple[Gain, ...]
    """What was tried."""
    horizon_s: float
    """Time looked ahead, s."""
    replications: int
    """Runs of each change."""
    level: float
    """Confidence of each interval."""
    provenance: Provenance
    """State it starts from; ``simulated``."""


class SensitivityView(Shape):
    """Sensitivities that were asked for."""

    id: Handle
    """Id."""
    line_id: str
    """Line."""
    job_id: Handle
    """Job that makes them."""
    status: JobStatus
    """How far the job has come."""
    created_at: Moment
    """Asked for at."""
    result: SensitivityResult | None = None
    """What came out, once it is there."""
