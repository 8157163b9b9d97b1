"""What a plan of a line does not know of it, so that nobody takes the plan for more than it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scenarios.schedule.locking import Places
from scenarios.schedule.schedule import Schedule
from twin.line import JobOrder, Line

_SAME_S = 0.01
"""Difference up to which two moments are one: a page gives them in full milliseconds, s."""


class Omission(StrEnum):
    """What plans leave out; replays of a plan in the twin have all of it."""

    WEAR = "wear"
    """Stations are planned as new: worn ones may work more slowly, fail and scrap more."""
    WAITS = "waits"
    """Parts are planned as if they could wait for these stations as long as it takes."""
    TIMES = "times"
    """Moments are locked that the line does not wait for, or has not come to."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thing that a plan leaves out."""

    kind: Omission
    """What it is."""
    elements: tuple[str, ...]
    """Stations or orders that it is about."""
    late_s: float = 0.0
    """By how much the line begins the one that is furthest away later than locked, s; below zero:
    earlier; not finite: it never does."""

    def __str__(self) -> str:
        """Return it in words."""
        names = ", ".join(self.elements)
        if self.kind is Omission.WEAR:
            return f"stations are planned as if they were as new: {names}"
        if self.kind is Omission.WAITS:
            return f"parts are planned as if they could wait as long as it takes: {names}"
        if not math.isfinite(self.late_s):
            return f"the line does not finish a plan around what is locked: {names}"
        way = "later" if self.late_s > 0 else "earlier"
        amount = f"{abs(self.late_s):.0f} s {way} at most"
        return f"the line begins orders at other moments than locked, {amount}: {names}"


def left_out(line: Line, orders: Sequence[JobOrder]) -> tuple[LeftOut, ...]:
    """Return what a plan of these orders leaves out of a line.

    Parameters
    ----------
    line : Line
        The line.
    orders : sequence of JobOrder
        What is planned.

    Returns
    -------
    tuple of LeftOut
        Empty where the plan knows all that matters.
    """
    steps = [step for order in orders for step in line.product(order.product).routing]
    used = {name for step in steps for name in step.stations}
    perish = [step for step in steps if step.max_wait_s is not None and step.max_wait_to is None]
    soon = {name for step in perish for name in step.stations}
    found = {
        Omission.WEAR: [n for n in line.flow_order if n in used and line.station(n).wear],
        Omission.WAITS: [n for n in line.flow_order if n in soon],
    }
    return tuple(LeftOut(kind, tuple(names)) for kind, names in found.items() if names)


def not_kept(
    places: Places, schedule: Schedule | None, tolerance_s: float = _SAME_S
) -> tuple[LeftOut, ...]:
    """Return which locked moments a plan as the line does it is away from; empty if from none.

    Parameters
    ----------
    places : mapping
        What is locked, as for ``lock``.
    schedule : Schedule or None
        Plan with the line's times; None: the line does not finish what is planned.
    tolerance_s : float
        How far from its moment a bar may begin, s.
    """
    if schedule is None:
        names = tuple(dict.fromkeys(job for job, _ in places))
        return (LeftOut(Omission.TIMES, names, math.inf),) if names else ()
    away_s: dict[str, float] = {}
    for placed in schedule.placements:
        _, moment_s = places.get((placed.job, placed.operation), ("", placed.start_s))
        late_s = placed.start_s - moment_s
        if abs(late_s) > max(tolerance_s, abs(away_s.get(placed.job, 0.0))):
            away_s[placed.job] = late_s
    if not away_s:
        return ()
    return (LeftOut(Omission.TIMES, tuple(away_s), max(away_s.values(), key=abs)),)
