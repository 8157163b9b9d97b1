"""Rules that choose: which of the parts that wait goes first, and which station a part goes to.

A rule gives each candidate a key; the smallest goes first, ties go to whoever came first, or stands
first in the operation's list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twin.errors import UnknownNameError
from twin.plugins import DISPATCH, ROUTING

LEAST_S = 1e-9
"""Stands for a time of zero where a rule divides by it, s."""
LOOK_AHEAD = 2.0
"""How many mean processing times before its due date a part becomes urgent for ``atc``."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a rule may know about a part that waits for a station."""

    product: str
    """What it is."""
    order: str | None
    """Order it belongs to."""
    attributes: Mapping[str, float]
    """Attributes of its product and, before those, of its order."""
    processing_time_s: float
    """Expected time of its next operation at this station, s."""
    rest_s: float
    """Expected time of the operations after that one, each at its first station, s."""
    operations: int
    """Operations that are left, the next one included."""
    share: float
    """Share of its expected work that is done when the next operation is, 0 to 1."""
    mean_time_s: float
    """Mean of ``processing_time_s`` over all parts that wait here for this station, s."""
    setup_s: float
    """Time of the setup that it would need now, s."""
    due_date_s: float
    """Due date of its order, s; infinite without one."""
    release_s: float
    """Release of its order, s; infinite without an order."""
    priority: float
    """Priority of its order; 0 without an order."""
    place: int
    """Place of its order in the plan of this station; large without one."""
    position: int
    """Place among the parts in the buffer, 0 for the one that came first."""
    entered_s: float
    """Moment it came into the buffer, s."""
    created_s: float
    """Moment it was made, s."""

    @property
    def work_s(self) -> float:
        """Expected time of all operations that are left, s."""
        return self.processing_time_s + self.rest_s


@dataclass(frozen=True, slots=True)
class Target:
    """What a routing rule may know about a station that could do a part's next operation."""

    station: str
    """Its name."""
    parts: int
    """Parts in its input buffer and on its servers."""
    servers: int
    """Its servers."""
    processing_time_s: float
    """Expected time of the operation there, s."""
    product: str
    """Product of the part."""


Rule = Callable[[Candidate, float], float]
RoutingRule = Callable[[Target, float], float]


def fifo(part: Candidate, now_s: float) -> float:
    """First come, first served."""
    del part, now_s
    return 0.0


def lifo(part: Candidate, now_s: float) -> float:
    """Last come, first served."""
    del now_s
    return float(-part.position)


def longest_waiting(part: Candidate, now_s: float) -> float:
    """Longest in the buffer first."""
    del now_s
    return part.entered_s


def oldest(part: Candidate, now_s: float) -> float:
    """Longest in the line first."""
    del now_s
    return part.created_s


def spt(part: Candidate, now_s: float) -> float:
    """Shortest processing time first."""
    del now_s
    return part.processing_time_s


def lpt(part: Candidate, now_s: float) -> float:
    """Longest processing time first."""
    del now_s
    return -part.processing_time_s


def edd(part: Candidate, now_s: float) -> float:
    """Earliest due date first; parts without one last."""
    del now_s
    return part.due_date_s


def operation_due_date(part: Candidate, now_s: float) -> float:
    """Earliest due date of the operation first: the order's time is shared out by work."""
    del now_s
    if math.isinf(part.due_date_s):
        return part.due_date_s
    return part.release_s + (part.due_date_s - part.release_s) * part.share


def earliest_release(part: Candidate, now_s: float) -> float:
    """Earliest release of the order first."""
    del now_s
    return part.release_s


def slack(part: Candidate, now_s: float) -> float:
    """Least time to spare until the due date first."""
    return part.due_date_s - now_s - part.work_s


def critical_ratio(part: Candidate, now_s: float) -> float:
    """Least time until the due date per work that is left first: the most critical part."""
    return (part.due_date_s - now_s) / max(part.work_s, LEAST_S)


def atc(part: Candidate, now_s: float) -> float:
    """Apparent tardiness cost: weighted shortest processing time, the more the closer it is due.

    References
    ----------
    Vepsalainen, Morton (1987), Priority rules for job shops with weighted tardiness costs.
    Management Science 33.
    """
    spare_s = max(0.0, slack(part, now_s))
    urgency = math.exp(-spare_s / (LOOK_AHEAD * max(part.mean_time_s, LEAST_S)))
    return -(part.priority / max(part.processing_time_s, LEAST_S)) * urgency


def most_work(part: Candidate, now_s: float) -> float:
    """Most work left first."""
    del now_s
    return -part.work_s


def least_work(part: Candidate, now_s: float) -> float:
    """Least work left first."""
    del now_s
    return part.work_s


def most_operations(part: Candidate, now_s: float) -> float:
    """Most operations left first."""
    del now_s
    return float(-part.operations)


def least_operations(part: Candidate, now_s: float) -> float:
    """Fewest operations left first."""
    del now_s
    return float(part.operations)


def least_setup(part: Candidate, now_s: float) -> float:
    """Shortest setup from what is in place now first."""
    del now_s
    return part.setup_s


def priority(part: Candidate, now_s: float) -> float:
    """Highest priority first."""
    del now_s
    return -part.priority


def plan(part: Candidate, now_s: float) -> float:
    """As the plan says; orders that it does not name last."""
    del now_s
    return float(part.place)


def shortest_queue(target: Target, now_s: float) -> float:
    """Fewest parts in the buffer and on the servers first."""
    del now_s
    return float(target.parts)


RULES: dict[str, Rule] = {
    found.__name__: found
    for found in (
        *(fifo, lifo, longest_waiting, oldest, spt, lpt, edd, operation_due_date),
        *(earliest_release, slack, critical_ratio, atc, most_work, least_work),
        *(most_operations, least_operations, least_setup, priority, plan),
    )
}
"""Rules by the name that a line file uses."""
LAST = 2**31
"""Place of an order that a plan does not name."""
NO_DUE_DATE = math.inf


def rule(name: str) -> Rule:
    """Return the rule of that name, or raise UnknownNameError."""
    found: Rule | None = RULES.get(name) or DISPATCH.get(name)
    if found is None:
        raise UnknownNameError("dispatch rule", name, [*RULES, *DISPATCH.names()])
    return found


def routing_rule(name: str) -> RoutingRule:
    """Return the routing rule of that name that compares stations, or raise UnknownNameError."""
    found: RoutingRule | None = shortest_queue if name == "shortest_queue" else ROUTING.get(name)
    if found is None:
        raise UnknownNameError("routing rule", name, ["shortest_queue", *ROUTING.names()])
    return found
