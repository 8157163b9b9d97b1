"""What a plan of a line does not know of it, so that nobody takes the plan for more than it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from twin.line import JobOrder, Line


class Omission(StrEnum):
    """What plans leave out; replays of a plan in the twin have all of it."""

    VEHICLES = "vehicles"
    """Parts that need a vehicle are planned as if they were at once where they go."""
    WEAR = "wear"
    """Stations are planned as new: worn ones may work more slowly, fail and scrap more."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thing that a plan leaves out."""

    kind: Omission
    """What it is."""
    elements: tuple[str, ...]
    """Pools of vehicles, or stations, that it is about."""

    def __str__(self) -> str:
        """Return it in words."""
        names = ", ".join(self.elements)
        if self.kind is Omission.VEHICLES:
            return f"the time that parts wait for and spend on vehicles is not planned: {names}"
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
    pools = tuple(pool.id for pool in line.vehicles) if used else ()
    worn = tuple(name for name in line.flow_order if name in used and line.station(name).wear)
    found = ((Omission.VEHICLES, pools), (Omission.WEAR, worn))
    return tuple(LeftOut(kind, elements) for kind, elements in found if elements)
