"""Shifts, breaks and holidays, worked out as absolute times.

Wall-clock times are turned into moments in the calendar's time zone before anything is added up, so
a night shift over the change to summer time is an hour shorter, as it is in the plant. Both engines
read the same list of switches; neither adds periods of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, model_validator

from twin.line.spec import CLOCK_PATTERN, Id, Spec

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ClockTime = Annotated[str, StringConstraints(pattern=CLOCK_PATTERN)]
"""Wall-clock time, ``HH:MM``; ``24:00`` is the end of the day."""


class Period(Spec):
    """A stretch of the wall clock; an end at or before the start lies on the next day."""

    start: ClockTime
    """When it begins."""
    end: ClockTime
    """When it ends."""


class Shift(Period):
    """Working time that comes back on the given days of the week."""

    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    """Days on which it begins."""
    breaks: tuple[Period, ...] = ()
    """Pauses inside the shift."""


class Calendar(Spec):
    """When somebody works."""

    later: ClassVar[frozenset[str]] = frozenset({"name"})

    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people; empty: the id is shown."""
    shifts: tuple[Shift, ...] = Field(min_length=1)
    """Working times."""
    holidays: tuple[date, ...] = ()
    """Days on which no shift begins."""

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if not any(shift.days for shift in self.shifts):
            raise ValueError("no shift has a day: the calendar leaves no working time")
        return self

    def working_intervals(
        self, start: datetime, zone: ZoneInfo, from_s: float, until_s: float
    ) -> list[tuple[float, float]]:
        """Return the working time as disjoint intervals in rising order.

        Parameters
        ----------
        start : datetime
            The line's time zero, aware.
        zone : ZoneInfo
            Time zone of the wall clock.
        from_s, until_s : float
            Stretch of interest, s since ``start``.

        Returns
        -------
        list of (float, float)
            Beginning and end of each interval, s since ``start``; whole intervals, so the first may
            begin before ``from_s`` and the last may end after ``until_s``.
        """
        first = (start + timedelta(seconds=from_s)).astimezone(zone).date() - timedelta(days=2)
        last = (start + timedelta(seconds=until_s)).astimezone(zone).date() + timedelta(days=1)
        pieces: list[tuple[float, float]] = []
        for day in _days(first, last):
            if day in self.holidays:
                continue
            for shift in self.shifts:
                if DAYS[day.weekday()] in shift.days:
                    pieces.extend(_pieces(shift, day, start, zone))
        return [(begin, end) for begin, end in _merged(pieces) if end > from_s and begin < until_s]


def _days(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _pieces(shift: Shift, day: date, start: datetime, zone: ZoneInfo) -> list[tuple[float, float]]:
    """Return the shift of one day less its breaks."""
    begin, end = _span(shift, day, day, start, zone)
    # A shift inside the hour that summer time leaves out does not happen.
    pieces = [(begin, end)] if begin < end else []
    for pause in shift.breaks:
        # A break after midnight belongs to the shift that began the evening before.
        late = _minutes(pause.start) < _minutes(shift.start)
        pause_day = day + timedelta(days=1) if late else day
        out_s, in_s = _span(pause, pause_day, pause_day, start, zone)
        pieces = [
            kept
            for left, right in pieces
            for kept in ((left, min(right, out_s)), (max(left, in_s), right))
            if kept[0] < kept[1]
        ]
    return pieces


def _span(
    period: Period, first: date, last: date, start: datetime, zone: ZoneInfo
) -> tuple[float, float]:
    over_midnight = _minutes(period.end) <= _minutes(period.start)
    end_day = last + timedelta(days=1) if over_midnight else last
    return _seconds(first, period.start, start, zone), _seconds(end_day, period.end, start, zone)


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _seconds(day: date, clock: str, start: datetime, zone: ZoneInfo) -> float:
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    moment = datetime.combine(day, time.fromisoformat(clock), tzinfo=zone)
    # Through UTC: subtracting two moments of one zone would ignore a change of summer time.
    return moment.timestamp() - start.timestamp()


def _merged(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(pieces):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged
