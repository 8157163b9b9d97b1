"""Names of the rules that choose: which part goes first, and which station it goes to."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from twin.plugins import DISPATCH, ROUTING, Registry

DISPATCH_RULES = (
    "fifo",
    "lifo",
    "longest_waiting",
    "oldest",
    "spt",
    "lpt",
    "edd",
    "operation_due_date",
    "earliest_release",
    "slack",
    "critical_ratio",
    "atc",
    "most_work",
    "least_work",
    "most_operations",
    "least_operations",
    "least_setup",
    "priority",
    "plan",
)
"""Dispatch rules that every installation has."""
ROUTING_RULES = ("preference", "shortest_queue", "round_robin", "probability")
"""Rules for alternative stations that every installation has."""


def _known(name: str, own: tuple[str, ...], registry: Registry) -> str:
    if name not in own and registry.get(name) is None:
        known = ", ".join((*own, *registry.names()))
        raise ValueError(f"unknown {registry.what} {name!r}; known: {known}")
    return name


def _dispatch(name: str) -> str:
    return _known(name, DISPATCH_RULES, DISPATCH)


def _routing(name: str) -> str:
    return _known(name, ROUTING_RULES, ROUTING)


DispatchRule = Annotated[
    str, AfterValidator(_dispatch), Field(json_schema_extra={"examples": list(DISPATCH_RULES)})
]
"""Name of a dispatch rule: one of ``DISPATCH_RULES``, or that of a plug-in."""
RoutingRule = Annotated[
    str, AfterValidator(_routing), Field(json_schema_extra={"examples": list(ROUTING_RULES)})
]
"""Name of a routing rule: one of ``ROUTING_RULES``, or that of a plug-in."""
