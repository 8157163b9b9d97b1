"""What a plan of a line does not know of it, so that nobody takes the plan for more than it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from scenarios.schedule.keeping import astray
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.schedule import Schedule
from twin.line import JobOrder, Line


class Omission(StrEnum):
    """What plans leave out; replays of a plan in the twin have all of it."""

    WEAR = "wear"
    """Stations are planned as new: worn ones may work more slowly, fail and scrap more."""
    TIMES = "times"
    """Times are planned that the line does not keep, because it waits for no moment."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thing that a plan leaves out."""

    kind: Omission
    """What it is."""
    elements: tuple[str, ...]
    """Stations or orders that it is about."""
    late_s: float = 0.0
    """By how much the line ends the latest of the orders later than planned, s; below zero: all
    earlier."""

    def __str__(self) -> str:
        """Return it in words."""
        names = ", ".join(self.elements)
        if self.kind is Omission.TIMES:
            way = "later" if self.late_s > 0 else "earlier"
            amount = f"{abs(self.late_s):.0f} s {way} at most"
            return f"the line waits for no locked moment and ends at other times, {amount}: {names}"
        return f"stations are planned as if they were as new: {names}"


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
    used = {
        name
        for order in orders
        for operation in line.product(order.product).routing
        for name in operation.stations
    }
    worn = tuple(name for name in line.flow_order if name in used and line.station(name).wear)
    return (LeftOut(Omission.WEAR, worn),) if worn else ()


def not_kept(problem: SchedulingProblem, schedule: Schedule) -> tuple[LeftOut, ...]:
    """Return what of a plan's times the line of a problem does not keep; empty if it keeps all.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem of a line, as it was before something was locked.
    schedule : Schedule
        A plan of it.
    """
    away_s = astray(problem, schedule)
    if not away_s:
        return ()
    return (LeftOut(Omission.TIMES, tuple(away_s), max(away_s.values())),)
