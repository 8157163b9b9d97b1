"""Every demand at once: rules meet it, and the checker, which shares no code, agrees."""

import pytest
from hypothesis import given, settings

from scenarios.schedule import SchedulingProblem, dispatch, explain, lock, violations
from scenarios.schedule.dispatching import RULES
from scenarios.schedule.explain import HoldKind
from scenarios.schedule.timing import Network, decisions, timed
from tests.scenarios.schedule import builders
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


@given(rich_problems())
def test_every_end_is_explained(problem: SchedulingProblem) -> None:
    """The chain of every job leads back to something that nothing in the schedule holds."""
    schedule = dispatch(Network.of(problem), "edd")
    for job in problem.jobs:
        explanation = explain(problem, schedule, job.id)
        assert explanation.chain
        assert all(hold.text for hold in explanation.chain)


def test_an_operator_who_is_busy_is_named() -> None:
    """Two steps on two machines need the only welder: the second waits for him by name."""
    weld = {"duration_s": 5, "needs": ["weld"]}
    jobs = [
        {"id": name, "operations": [{"id": "o0", "modes": [{"machine": machine, **weld}]}]}
        for name, machine in (("A", "m"), ("B", "n"))
    ]
    problem = SchedulingProblem(
        machines=[{"id": "m"}, {"id": "n"}],
        jobs=jobs,
        resources=[{"id": "ann", "skills": ["weld"]}],
        objective="makespan",
    )
    chain = explain(problem, dispatch(Network.of(problem), "edd"), "B").chain
    assert [(hold.kind, hold.held_by) for hold in chain][1] == (HoldKind.OPERATOR, "A/o0")
    assert "waits for ann, who does A/o0 until 5 s" in chain[1].text


@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_comes_before_a_locked_step_goes_first(rule: str) -> None:
    """Jobs that a rule prefers wait where they would keep a locked step from its time."""
    due_s = {"A": 50, "B": 50, "C": 500}
    jobs = [builders.job(name, [("a", 10), ("b", 10)], due_date_s=due_s[name]) for name in due_s]
    problem = lock(builders.shop(jobs, ["a", "b"]), {("C", "o1"): ("b", 15.0)})
    found = dispatch(Network.of(problem), rule)
    assert violations(problem, found) == []
    assert next(placed.start_s for placed in found.placements if placed.key == "C/o1") == 15.0


def test_who_works_meanwhile_sets_up_later() -> None:
    """A setup that could begin at once waits for the only fitter, who was given other work."""
    late = builders.job("A", [("m", 9)], due_date_s=90)
    late["operations"][0]["setup_group"] = "h"
    first = builders.job("B", [("n", 4)], due_date_s=4)
    first["operations"][0]["modes"][0]["needs"] = ["fit"]
    fitted = {"id": "m", "setup_group": "g", "setup_s": {"g": {"h": 5}}, "setup_needs": ["fit"]}
    resources = [{"id": "bob", "skills": ["fit"]}]
    problem = builders.shop([late, first], [fitted, {"id": "n"}], resources=resources)
    for style in ("non_delay", "active"):
        schedule = dispatch(Network.of(problem), "edd", style)
        assert violations(problem, schedule) == []
        assert schedule.makespan_s == 18
