"""Job orders: what is to be made, from when on, by when."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from twin.line.spec import Id, Spec
from twin.units import Seconds, duration_s

MOST_TIME_S = 1100 * 365.25 * 86400.0
"""Latest time of a line that can still be told as a date, s."""


def _time_s(value: object) -> float:
    """Return a time in seconds; files turn moments into seconds before they come here."""
    try:
        time_s = duration_s(value)
    except ValueError as error:
        raise ValueError(f"{error}, or a moment such as 2026-01-05T14:00") from error
    if time_s > MOST_TIME_S:
        raise ValueError("this lies centuries ahead; leave it out where there is none")
    return time_s


LineTime = Annotated[Seconds, BeforeValidator(_time_s)]
"""A time since the line's start, s; files may give a moment."""


class JobOrder(Spec):
    """A quantity of one product with a due date.

    The due date is soft: being late costs. Times count from the line's ``start``; a file may give
    them as durations (``"8h"``) or as moments (``2026-11-23T14:00``).
    """

    later: ClassVar[frozenset[str]] = frozenset({"attributes"})

    id: Id
    """Name, unique in the line."""
    product: Id
    """What is made."""
    quantity: int = Field(ge=1, le=10_000_000)
    """Parts."""
    release_s: LineTime = 0.0
    """Moment from which parts may enter the line, s since the line's start."""
    due_date_s: LineTime | None = None
    """Moment by which the last part should be finished, s since the line's start."""
    priority: float = 1.0
    """Weight; a higher one is more urgent."""
    attributes: dict[Id, float] = Field(default_factory=dict)
    """Numbers of your own that rules of your own may look at; they come before the product's."""

    @model_validator(mode="after")
    def _due_after_release(self) -> Self:
        if self.due_date_s is not None and self.due_date_s <= self.release_s:
            raise ValueError("due_date_s must lie after release_s")
        return self
