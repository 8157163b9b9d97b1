"""A bound on sums over jobs: never above an optimum, and what it is where it can be worked out."""

import math

import pytest
from hypothesis import given

from scenarios.schedule import Limits, SchedulingProblem, dispatch, solve
from scenarios.schedule.bounds import overloads
from scenarios.schedule.queues import shared_bound
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import brute_force, job, shop, small_problems


@given(small_problems())
def test_no_optimum_is_below(problem: SchedulingProblem) -> None:
    """Whatever the sum over jobs is made of, trying everything finds nothing below the bound."""
    for objective in ("total_weighted_tardiness", "flow_time", {"tardiness": 2.0, "makespan": 1.0}):
        asked = SchedulingProblem(**problem.model_dump() | {"objective": objective})
        assert shared_bound(Network.of(asked)).value <= brute_force(asked) + 1e-6


def test_one_machine_and_two_that_share_work() -> None:
    """Shortest first is the best on one machine; two machines share the same work at will."""
    times = (4, 2, 6)
    alone = shop([job(f"j{t}", [("m", t)]) for t in times], ["m"], objective="flow_time")
    found = shared_bound(Network.of(alone))
    assert found.value == 2 + 6 + 12
    assert found.source.endswith(" on m")
    either = [job(name, [("m", 4)]) for name in "ABC"]
    for one in either:
        one["operations"][0]["modes"].append({"machine": "n", "duration_s": 4})
    both = shop(either, ["m", "n"], objective="flow_time")
    # Shared at will, work is done at 2, 4 and 6; but no job ends before it could alone.
    assert shared_bound(Network.of(both)).value == pytest.approx(4 + 4 + 6)


def test_what_comes_behind_a_machine_counts() -> None:
    """Of two jobs that share a machine one is late by what the other holds it, and by its tail."""
    jobs = [job(name, [("m", 5), ("n", 3)], due_date_s=8) for name in "AB"]
    problem = shop(jobs, ["m", "n"], objective="total_tardiness")
    assert shared_bound(Network.of(problem)).value == pytest.approx(5)


@given(small_problems())
def test_dates_that_can_be_met_overload_no_machine(problem: SchedulingProblem) -> None:
    """Where a schedule meets all deadlines no machine has too much to do before them."""
    ends_s = {job.job: job.completion_s for job in dispatch(Network.of(problem), "spt").jobs}
    document = problem.model_dump()
    for one in document["jobs"]:
        one["deadline_s"] = max(ends_s[one["id"]], one["release_s"] + 1.0)
    assert overloads(Network.of(SchedulingProblem(**document))) == {}


def test_too_much_work_before_deadlines_is_told_at_once() -> None:
    """Each job alone would be in time; that the machine cannot do them all needs no solver."""
    jobs = [job(f"j{k}", [("m", 5), ("n", 3)], deadline_s=20) for k in range(5)]
    found = solve(shop(jobs, ["m", "n"]), Limits(seconds=20, engine="dispatch"))
    assert found.status == "infeasible"
    # Five times five on the first machine, then three on the other one: eight too many.
    assert any("machine m:" in text and " 8 s late" in text for text in found.messages)


def test_it_says_nothing_of_a_makespan() -> None:
    """Where no job costs anything by itself there is no such bound."""
    problem = shop([job("A", [("m", 5)])], ["m"], objective="makespan")
    assert shared_bound(Network.of(problem)).value == -math.inf


def test_answers_have_it() -> None:
    """A schedule is told optimal by it, with its source."""
    jobs = [job(f"j{t}", [("m", t), ("n", 1)]) for t in (9, 4, 7, 5, 8, 3, 6)]
    problem = shop(jobs, ["m", "n"], objective="flow_time")
    found = solve(problem, Limits(seconds=20, engine="search", workers=1))
    assert found.status == "optimal"
    assert found.bound_source.startswith("each job gets one of the ends")
