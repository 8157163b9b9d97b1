"""What would make a late order on time, and which demands contradict each other."""

from typing import Any

from scenarios.schedule import Limits, SchedulingProblem, SolveStatus, dispatch, solve, violations
from scenarios.schedule.conflicts import conflict, reasoned
from scenarios.schedule.relax import relaxations
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import job, shop


def late_for_a_break() -> SchedulingProblem:
    """Return an order that would be on time if its machine worked on for an hour."""
    closed = {"start_s": 7200, "end_s": 36000}
    filler: dict[str, Any] = {"id": "filler", "unavailable": [closed]}
    jobs = [
        job("X", [("filler", 7200)]),
        job("Y", [("filler", 3000)], due_date_s=12000),
    ]
    return shop(jobs, [filler], objective="makespan")


def test_an_hour_of_overtime() -> None:
    """The cheapest overtime that suffices is told, with the machine and the moment."""
    problem = late_for_a_break()
    schedule = dispatch(Network.of(problem), "most_work")
    found = relaxations(problem, schedule, "Y", seconds=3)
    overtime = [r for r in found if "longer" in r.text]
    assert overtime[0].text == "filler works 3600 s longer from 7200 s on"
    assert overtime[0].on_time
    assert overtime[0].others_later_s == 0


def test_another_order_steps_back() -> None:
    """Without overtime, the order in front may go behind."""
    problem = late_for_a_break()
    schedule = dispatch(Network.of(problem), "most_work")
    found = relaxations(problem, schedule, "Y", seconds=3)
    assert any(r.on_time and ("goes before" in r.text or "after" in r.text) for r in found)


def test_an_order_on_time_needs_nothing() -> None:
    """Nothing is proposed for what is not late."""
    problem = late_for_a_break()
    schedule = dispatch(Network.of(problem), "spt")
    assert relaxations(problem, schedule, "Y") == ()


def test_contradicting_deadlines_are_named_alone() -> None:
    """Two deadlines on one machine contradict; a third on another machine is not named."""
    jobs = [
        job("A", [("m", 10)], deadline_s=15),
        job("B", [("m", 10)], deadline_s=15),
        job("C", [("n", 10)], deadline_s=15),
    ]
    problem = shop(jobs, ["m", "n"])
    found = conflict(problem)
    assert found is not None
    assert (found.proven, found.minimal) == (True, True)
    assert [demand.where for demand in found.demands] == ["A", "B"]
    assert "A is finished by its deadline at 15 s; B is finished" in found.text


def test_a_closure_that_is_in_the_way_is_named() -> None:
    """A deadline and a closure contradict; without either a schedule exists."""
    closed = {"start_s": 5, "end_s": 100}
    problem = shop([job("A", [("m", 10)], deadline_s=50)], [{"id": "m", "unavailable": [closed]}])
    found = conflict(problem)
    assert found is not None
    assert [demand.where for demand in found.demands] == ["m", "A"]
    for demand in found.demands:
        less = demand.without(problem)
        assert violations(less, dispatch(Network.of(less), "edd")) == []


def test_no_conflict_where_a_schedule_exists() -> None:
    """A problem with a schedule has no contradiction."""
    assert conflict(shop([job("A", [("m", 10)], deadline_s=50)], ["m"])) is None


def test_what_contradicts_is_said_first_where_no_schedule_exists() -> None:
    """An answer without a schedule begins with the demands that rule each other out; few are told.

    What is possible is left as it is, and an order that was due before it begins is named.
    """
    late = [job(f"j{n}", [("saw", 10)], deadline_s=10) for n in range(20)]
    problem = shop(late, ["saw"])
    found = reasoned(problem, solve(problem, Limits(engine="dispatch")))
    assert found.status is SolveStatus.INFEASIBLE
    first, *others = found.messages
    assert first.startswith("These cannot all hold: ")
    assert first.count("finished by its deadline") == 2
    assert len(others) <= 15
    assert "further hard demands" in others[-1]
    over = shop([job("A", [("saw", 10)], due_date_s=30)], ["saw"], start_s=50)
    told = solve(over, Limits(engine="dispatch"))
    assert reasoned(over, told) is told
    assert told.messages == ("due before the schedule begins, so late whatever is done: A",)
