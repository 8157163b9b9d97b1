"""When a calendar switches a station on or off, as absolute times."""

from __future__ import annotations

from twin.line.calendars import Calendar
from twin.line.line import Line

LOOK_AHEAD_S = (14 * 86400.0, 90 * 86400.0, 800 * 86400.0)
"""Stretches that are searched for the next switch, one after the other, s."""


def is_on(line: Line, calendar: Calendar | None, time_s: float) -> bool:
    """Tell whether a calendar works at ``time_s``; the first moment of a shift belongs to it."""
    if calendar is None:
        return True
    spans = calendar.working_intervals(line.start_utc, line.zone, time_s - 1.0, time_s + 1.0)
    return any(begin <= time_s < end for begin, end in spans)


def next_switch_s(
    line: Line, calendar: Calendar, time_s: float, *, inclusive: bool = False
) -> float | None:
    """Return the first moment after ``time_s`` at which working time begins or ends.

    ``inclusive``: that moment itself counts too. None: it never switches again, as far as two
    years ahead can tell.
    """
    for ahead_s in LOOK_AHEAD_S:
        until_s = time_s + ahead_s
        spans = calendar.working_intervals(line.start_utc, line.zone, time_s - 1.0, until_s)
        # An end at the edge of the search may be the edge only, so it is not taken for a switch.
        edges = [
            edge
            for span in spans
            for edge in span
            if time_s < edge < until_s or (inclusive and edge == time_s)
        ]
        if edges:
            return min(edges)
    return None


def next_beginning_s(
    line: Line, calendar: Calendar, time_s: float, *, inclusive: bool = False
) -> float | None:
    """Return the first moment after ``time_s`` at which working time begins; None: never again."""
    found = next_switch_s(line, calendar, time_s, inclusive=inclusive)
    while found is not None and not is_on(line, calendar, found):
        found = next_switch_s(line, calendar, found)
    return found


def switches(
    line: Line, calendar: Calendar, from_s: float, until_s: float
) -> list[tuple[float, bool]]:
    """Return every switch between two moments: when, and whether working time begins then."""
    found: list[tuple[float, bool]] = []
    time_s = next_switch_s(line, calendar, from_s, inclusive=True)
    while time_s is not None and time_s < until_s:
        found.append((time_s, is_on(line, calendar, time_s)))
        time_s = next_switch_s(line, calendar, time_s)
    return found
