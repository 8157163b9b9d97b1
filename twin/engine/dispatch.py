"""Dispatch rules: which of the parts that wait goes first.

A rule gives each waiting part a key; the smallest goes first, ties go to whoever came first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from twin.errors import UnknownNameError


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a rule may know about a part that waits for a station."""

    processing_time_s: float
    """Expected time of its next operation at this station, s."""
    due_date_s: float
    """Due date of its order, s; infinite without one."""
    priority: float
    """Priority of its order; 0 without an order."""
    place: int
    """Place of its order in the plan of this station; large without one."""


Rule = Callable[[Candidate], float]


def fifo(candidate: Candidate) -> float:
    """First come, first served."""
    del candidate
    return 0.0


def spt(candidate: Candidate) -> float:
    """Shortest processing time first."""
    return candidate.processing_time_s


def edd(candidate: Candidate) -> float:
    """Earliest due date first; parts without one last."""
    return candidate.due_date_s


def priority(candidate: Candidate) -> float:
    """Highest priority first."""
    return -candidate.priority


def plan(candidate: Candidate) -> float:
    """As the plan says; orders that it does not name last."""
    return float(candidate.place)


RULES: dict[str, Rule] = {"fifo": fifo, "spt": spt, "edd": edd, "priority": priority, "plan": plan}
"""Rules by the name that a line file uses."""
LAST = 2**31
"""Place of an order that a plan does not name."""
NO_DUE_DATE = math.inf


def rule(name: str) -> Rule:
    """Return the rule of that name, or raise UnknownNameError."""
    if name not in RULES:
        raise UnknownNameError("dispatch rule", name, list(RULES))
    return RULES[name]
