"""Why an order is late: every link is true, and the chain ends at a cause."""

import pytest
from hypothesis import given

from scenarios.schedule import Limits, SchedulingProblem, dispatch, explain, solve
from scenarios.schedule.explain import HoldKind
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import job, rich_problem, shop, small_problems
from twin.errors import UnknownNameError
from twin.line import example_line

ROOTS = {HoldKind.START, HoldKind.RELEASE, HoldKind.READY, HoldKind.CALENDAR, HoldKind.FROZEN}


def test_queue_before_a_machine() -> None:
    """B is late because A holds the machine; A has it from the start."""
    jobs = [job("A", [("m", 10)], due_date_s=10), job("B", [("m", 4)], due_date_s=11)]
    problem = shop(jobs, ["m"])
    found = explain(problem, dispatch(Network.of(problem), "edd"), "B")
    assert found.tardiness_s == 3
    kinds = [hold.kind for hold in found.chain]
    assert kinds == [HoldKind.WORK, HoldKind.MACHINE, HoldKind.WORK, HoldKind.START]
    assert "B is late by 3 s" in found.text
    assert "waits for m, which does A/o0 until 10 s" in found.text


@pytest.mark.parametrize(
    ("machine", "fields", "kind"),
    [
        ({"id": "m", "ready_s": 9}, {}, HoldKind.READY),
        ({"id": "m"}, {"release_s": 9}, HoldKind.RELEASE),
        ({"id": "m", "unavailable": [{"start_s": 2, "end_s": 9}]}, {}, HoldKind.CALENDAR),
        ({"id": "m", "setup_s": {"a": {"b": 9}}, "setup_group": "a"}, {}, HoldKind.SETUP),
    ],
)
def test_each_cause_is_named(
    machine: dict[str, object], fields: dict[str, object], kind: HoldKind
) -> None:
    """Repair, release, calendar and setup are told apart."""
    problem = shop([job("A", [("m", 4)], {"setup_group": "b"}, due_date_s=5, **fields)], [machine])
    found = explain(problem, dispatch(Network.of(problem), "edd"), "A")
    assert found.tardiness_s == 8
    assert found.chain[1].kind is kind
    assert found.chain[1].until_s == 9


@given(small_problems())
def test_chains_end_at_a_cause(problem: SchedulingProblem) -> None:
    """In schedules of the rules every chain goes back in time to something outside the schedule."""
    schedule = dispatch(Network.of(problem), "atc")
    for outcome in schedule.jobs:
        chain = explain(problem, schedule, outcome.job).chain
        assert chain[0].until_s == outcome.completion_s
        times = [hold.until_s for hold in chain]
        assert times == sorted(times, reverse=True)
        assert chain[-1].kind in ROOTS | {HoldKind.SETUP}


def test_a_job_that_is_not_there() -> None:
    """An unknown job is refused with the known ones."""
    problem = rich_problem()
    schedule = dispatch(Network.of(problem), "edd")
    with pytest.raises(UnknownNameError, match="known: A, B, C, D"):
        explain(problem, schedule, "Z")


@pytest.mark.parametrize("name", ["electronics", "bottling"])
def test_no_cause_on_a_line_comes_after_what_it_held_up(name: str) -> None:
    """Orders share the machines of a line part by part; the chain still goes forward in time."""
    problem = SchedulingProblem.from_line(example_line(name))
    plan = solve(problem, Limits(engine="dispatch")).schedule
    assert plan is not None
    for order in problem.jobs:
        until = [hold.until_s for hold in explain(problem, plan, order.id).chain]
        assert until == sorted(until, reverse=True), order.id
