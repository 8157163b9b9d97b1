"""What stands in the way of a schedule: closed time, unmet demands, and what it does not know."""

from __future__ import annotations

from typing import Literal

from api.schemas.common import Moment, Shape


class ClosedTime(Shape):
    """Time in which a station does not work: off shift, in a break, under planned maintenance."""

    station: str
    """Where."""
    start: Moment
    """From."""
    end: Moment
    """To."""


class ScheduleWarning(Shape):
    """Something of the line that the plan does not know; its replays do."""

    kind: Literal["wear", "waits", "times"]
    """``wear``: stations are planned as new; ``waits``: what perishes when it waits too long for
    these stations is planned as if it did not; ``times``: the line begins bars of these orders at
    other moments than locked, because it waits for none."""
    elements: tuple[str, ...]
    """Stations or orders that it is about."""
    late_s: float | None = None
    """By how much the line begins the bar that is furthest away later than locked, s; below zero:
    earlier; none for other kinds, and where the line finishes no plan around what is locked."""
    text: str
    """In words."""


class ScheduleViolation(Shape):
    """One demand that a schedule does not meet."""

    kind: Literal[
        "missing", "duplicated", "unknown", "not_finite", "eligibility", "duration", "precedence",
        "overlap", "machine", "setup", "release", "deadline", "calendar", "frozen", "same_order",
        "resource", "transport", "wait", "buffer", "batch", "campaign", "twin", "outcome",
    ]  # fmt: skip
    """Which demand."""
    where: str
    """``order/operation``, order, station or line that it is about."""
    amount_s: float | None
    """By how much, s; none where it is no time or cannot be measured."""
    others: tuple[str, ...] = ()
    """What else it is about, such as ``order/operation`` or people that are in its way."""
    text: str
    """In words, times in s since the line's start."""
