"""Every demand at once: rules meet it, and the checker, which shares no code, agrees."""

import pytest
from hypothesis import given, settings

from scenarios.schedule import SchedulingProblem, dispatch, violations
from scenarios.schedule.dispatching import RULES
from scenarios.schedule.timing import Network, decisions, timed
from tests.scenarios.schedule.rich import rich_problems


@pytest.mark.parametrize("rule", sorted(RULES))
@settings(max_examples=40)
@given(rich_problems())
def test_rules_meet_every_demand(rule: str, problem: SchedulingProblem) -> None:
    """A rule's schedule passes the checker, in both styles."""
    network = Network.of(problem)
    for style in ("non_delay", "active"):
        assert violations(problem, dispatch(network, rule, style)) == []


@given(rich_problems())
def test_decisions_lead_back_to_a_valid_schedule(problem: SchedulingProblem) -> None:
    """Sequences and choices of a schedule, timed again, meet every demand."""
    network = Network.of(problem)
    again = timed(network, *decisions(network, dispatch(network, "edd")))
    assert again is not None
    assert violations(problem, again) == []
