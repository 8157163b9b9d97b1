"""A running plan after a disturbance: pushed at once, improved, compared, released apart."""

import json
import random
import time

import pytest

from scenarios.schedule import Limits, Schedule, SchedulingProblem, dispatch, solve, violations
from scenarios.schedule.from_line import problem_from_line
from scenarios.schedule.replan import StalePlanError, difference, release, replan, right_shift
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import factory_problem, job, placed, shop
from tests.scenarios.schedule.lines import random_line
from twin import SimulationOptions, fold, simulate


def plan_of_three() -> tuple[SchedulingProblem, Schedule]:
    """Return three jobs on two machines with a plan by due dates."""
    jobs = [
        job(name, [("a", 10), ("b", 10)], due_date_s=due)
        for name, due in (("A", 20), ("B", 30), ("C", 40))
    ]
    problem = shop(jobs, ["a", "b"], objective="total_tardiness")
    return problem, dispatch(Network.of(problem), "edd")


def later(problem: SchedulingProblem, **machine: object) -> SchedulingProblem:
    """Return the problem at 5 s: A/o0 is under way with 5 s left, and machine a has changed."""
    document = json.loads(problem.to_json())
    document["start_s"] = 5.0
    document["jobs"][0]["operations"][0]["modes"][0]["duration_s"] = 5.0
    document["machines"][0] |= {"running": ["A/o0"], **machine}
    return SchedulingProblem(**document)


def test_without_a_disturbance_the_plan_runs_on() -> None:
    """From the state in its midst the plan is what it was, but for the work that is done."""
    problem, running = plan_of_three()
    shifted = right_shift(later(problem), running)
    ends = {p.key: p.end_s for p in running.placements}
    assert {p.key: p.end_s for p in shifted.placements} == ends


def test_a_breakdown_pushes_the_plan() -> None:
    """A machine that is back after 20 s pushes all that waits for it, in the planned order."""
    problem, running = plan_of_three()
    asked = later(problem, ready_s=25.0)
    shifted = right_shift(asked, running)
    assert violations(asked, shifted) == []
    assert [p.key for p in shifted.by_machine()["a"]] == ["A/o0", "B/o0", "C/o0"]
    assert placed(shifted, "A/o0").start_s == 25.0
    found = difference(running, shifted)
    assert found.shift_s == pytest.approx(sum(abs(m.to_s - m.from_s) for m in found.moves))
    assert found.later == ("A", "B", "C")


def test_what_is_frozen_stays() -> None:
    """Inside the frozen zone nothing moves, however much better that would be."""
    problem, running = plan_of_three()
    asked = later(problem, ready_s=25.0)
    proposal = replan(asked, running, Limits(seconds=1, engine="dispatch"), freeze_s=40.0)
    for p in proposal.shifted.placements:
        if p.start_s < 45.0:
            assert placed(proposal.schedule, p.key).start_s == p.start_s
    assert violations(proposal.problem, proposal.schedule) == []


def test_changes_have_a_price() -> None:
    """A new urgent order goes first if changes are free, and waits if they are dear."""
    problem, running = plan_of_three()
    document = json.loads(later(problem).to_json())
    urgent = job("U", [("a", 2), ("b", 2)], due_date_s=15, weight=5)
    document |= {"jobs": [*document["jobs"], urgent], "objective": "total_weighted_tardiness"}
    asked = SchedulingProblem(**document)
    limits = Limits(seconds=4, engine="highs")
    free = replan(asked, running, limits)
    dear = replan(asked, running, limits, stability=1000.0)
    assert placed(free.schedule, "U/o0").start_s < placed(free.schedule, "B/o0").start_s
    assert dear.difference.moves == ()
    assert free.difference.moves != ()
    assert free.schedule.stability_s == pytest.approx(free.difference.shift_s)


def test_release_is_an_act_of_its_own() -> None:
    """A proposal changes nothing; it cannot be released over a plan that has changed since."""
    problem, running = plan_of_three()
    proposal = replan(later(problem), running, Limits(seconds=1, engine="dispatch"))
    assert release(proposal, running) is proposal.schedule
    with pytest.raises(StalePlanError, match="make a new proposal"):
        release(proposal, right_shift(later(problem, ready_s=60.0), running))


def test_a_rich_plan_is_pushed() -> None:
    """People, ways, waits and blocking hold in the pushed plan too."""
    problem = factory_problem()
    running = dispatch(Network.of(problem), "edd")
    document = json.loads(problem.to_json())
    document["machines"][0]["ready_s"] = 7.0
    asked = SchedulingProblem(**document)
    assert violations(asked, right_shift(asked, running)) == []


def test_a_thousand_operations_are_pushed_at_once() -> None:
    """The first valid plan for 1,000 operations is there in well under a second."""
    machines = [f"m{m}" for m in range(10)]
    jobs = [
        job(f"j{n}", [(machines[(n + k) % 10], 3 + (n * k) % 7) for k in range(10)])
        for n in range(100)
    ]
    problem = shop(jobs, [*machines])
    running = dispatch(Network.of(problem), "most_work")
    document = json.loads(problem.to_json())
    document["machines"][3]["ready_s"] = 50.0
    asked = SchedulingProblem(**document)
    began = time.process_time()
    shifted = right_shift(asked, running)
    assert time.process_time() - began < 1.0
    assert violations(asked, shifted) == []


@pytest.mark.parametrize(("number", "flows"), [(22, True), (41, True), (42, False), (59, False)])
def test_a_bound_holds_whatever_is_frozen_or_priced(number: int, flows: bool) -> None:
    """Bars of a line under way begin now, though their work may wait: nothing follows from it."""
    line = random_line(number, flow=flows)
    now_s = random.Random(number).uniform(100, 2500)
    state = fold(simulate(line, SimulationOptions(horizon_s=now_s, seed=number)), line)
    problem = problem_from_line(line, line.orders, state)
    running = solve(problem, Limits(engine="dispatch")).schedule
    assert running is not None
    for stability in (0.0, 0.01):
        found = replan(
            problem, running, Limits(engine="dispatch"), freeze_s=300.0, stability=stability
        )
        assert found.result.bound <= found.schedule.objective + 1e-6
