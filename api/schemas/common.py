"""Shapes that several answers share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from twin.line.spec import Id
from twin.units import within_reach


class Shape(BaseModel):
    """One JSON shape of the API: frozen; unknown keys and non-finite numbers are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


Moment = Annotated[AwareDatetime, AfterValidator(within_reach)]
"""RFC 3339 moment with an offset, from the year 1900 to 2399: none of the Buddhist era."""
LineId = Id
"""Name of a line."""
Handle = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_\-]+$")]
"""Id that the server gave to a scenario, run, schedule, forecast or job."""


class Quality(StrEnum):
    """How far a value can be trusted. Simulated is never taken for measured."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    STALE = "stale"
    GAP = "gap"
    SIMULATED = "simulated"
    FORECAST = "forecast"


class Provenance(Shape):
    """Where an answer comes from and how old it is."""

    as_of: Moment
    """Moment on the plant's clock that the answer speaks of."""
    received_at: Moment
    """Wall-clock moment at which the newest value in it reached the twin."""
    quality: Quality
    """How far it can be trusted."""
    age_ms: float = Field(ge=0)
    """Wall-clock milliseconds since ``received_at``."""
    model_version: str
    """SHA-256 of the line model it was made with."""
    scenario_id: str | None = None
    """Scenario it belongs to; none: the line as it is."""


class Interval(Shape):
    """A mean or share with its confidence interval."""

    mean: float
    """Estimate."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    half_width: float = Field(ge=0)
    """Half the length of the interval."""
    n: int = Field(ge=0)
    """Observations behind it."""
    level: float = Field(default=0.95, gt=0, lt=1)
    """Confidence."""


class FieldProblem(Shape):
    """One thing that is wrong with a request."""

    path: str
    """Where: dotted path in the body, or the name of the parameter."""
    message: str
    """What is wrong."""
    expected: str = ""
    """What would have been accepted."""
    remedy: str = ""
    """What to do."""


class Problem(BaseModel):
    """Why a request or a job failed, after RFC 9457 (``application/problem+json``)."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    type: str
    """Stable name of the problem, ``urn:linetwin:problem:...``."""
    title: str
    """The problem in a few words; the same for each problem of one type."""
    status: int
    """HTTP status."""
    detail: str = ""
    """This very problem, for people."""
    instance: str = ""
    """Path of the request."""
    request_id: str = ""
    """Id of the request, also in the ``X-Request-ID`` header and in the log."""
    errors: tuple[FieldProblem, ...] = ()
    """All that is wrong, field by field."""


Item = TypeVar("Item")


class Page(Shape, Generic[Item]):
    """Part of a list, in a stable order."""

    items: tuple[Item, ...]
    """The items."""
    next_cursor: str | None = None
    """Give it as ``cursor`` for the items that follow; none: this was the last part."""


class Health(Shape):
    """Whether the service lives, and whether it is ready for work."""

    status: str
    """``ok`` or ``not ready``."""
    version: str
    """Version of the service."""
    checks: dict[str, str] = Field(default_factory=dict)
    """What was looked at, and what was found: ``ok`` or the reason why not."""


JsonValue = Any
"""Any JSON value; finiteness and depth are checked for the whole body."""
