"""Shapes of what goes to and fro between an MES and the twin: orders in, work done in."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Moment, Provenance, Shape
from twin.line.spec import Id


class OperationsRequest(Shape):
    """One order of an operations schedule."""

    id: Id
    """Order."""
    product: Id
    """What is made; ISA-95 calls it the material definition."""
    quantity: int = Field(ge=1, le=10_000_000)
    """Parts."""
    release: Moment | None = None
    """From when on its parts may enter; none: at once."""
    due_date: Moment | None = None
    """By when the last part should be finished."""
    priority: float = Field(default=1.0, gt=0, le=1e6)
    """Weight; a higher one is more urgent."""


class OperationsScheduleIn(Shape):
    """Orders that an MES wants made on a line."""

    line_id: Id
    """Line."""
    requests: tuple[OperationsRequest, ...] = Field(min_length=1, max_length=2000)
    """Orders; one of an id that the line has already replaces it."""


class OperationsScheduleView(OperationsScheduleIn):
    """An operations schedule that is kept."""

    external_id: str
    """Name that the MES gave it."""
    version: int = Field(ge=1)
    """Counts its changes; also its ETag."""
    created_at: Moment
    """First sent at."""
    updated_at: Moment
    """Last sent at."""


class OperationsResponse(Shape):
    """What an MES says was done of one order so far."""

    order_id: Id
    """Order."""
    good: int = Field(ge=0, le=1_000_000_000)
    """Good parts so far."""
    scrapped: int = Field(default=0, ge=0, le=1_000_000_000)
    """Scrapped parts so far."""
    begin: Moment | None = None
    """Work began at."""
    end: Moment | None = None
    """Work ended at; none: it goes on."""


class OperationsPerformanceIn(Shape):
    """What an MES says was done on a line."""

    line_id: Id
    """Line."""
    responses: tuple[OperationsResponse, ...] = Field(min_length=1, max_length=2000)
    """By order."""


class ReconciledResponse(OperationsResponse):
    """What the MES says of an order beside what the twin has seen."""

    seen_good: int | None = None
    """Good parts that the twin counted; none: it has not seen the order."""
    seen_scrapped: int | None = None
    """Scrapped parts that the twin counted."""
    agrees: bool | None = None
    """Whether both say the same; none: the twin has not seen the order."""


class OperationsPerformanceView(Shape):
    """A report that is kept, beside what the twin had seen when it came."""

    id: str
    """Id."""
    line_id: str
    """Line."""
    created_at: Moment
    """Received at."""
    provenance: Provenance
    """What the twin's own figures rest on."""
    responses: tuple[ReconciledResponse, ...]
    """By order."""
