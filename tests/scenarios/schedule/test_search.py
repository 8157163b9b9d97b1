"""The compiled search: exact times, sound orders, optima of small problems, seeds that repeat."""

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from scenarios.schedule import Limits, SchedulingProblem, SolveStatus, solve, violations
from scenarios.schedule.formats import from_flexible_text, from_jobshop_text, read_problem
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.search import decode
from scenarios.schedule.search.engine import improve
from scenarios.schedule.search.general import state_of, tables_of
from scenarios.schedule.search.lowering import Ticks
from scenarios.schedule.search.supports import declined, kind_of
from scenarios.schedule.timing import Network, decisions, timed
from tests.scenarios.schedule.builders import (
    FT06,
    brute_force,
    job,
    rich_problem,
    shop,
    small_problems,
)

STEPS = 4_000


def searched(problem: SchedulingProblem, iterations: int = STEPS, seed: int = 0) -> Outcome:
    """Return what the search finds in some steps."""
    request = Request(Network.of(problem), None, math.inf, seed=seed, iterations=iterations)
    return improve(request)


@given(small_problems())
def test_optimum_of_small_problems(problem: SchedulingProblem) -> None:
    """A few thousand steps find the best of all sequences, and the checker accepts it."""
    found = searched(problem).schedule
    assert found is not None
    assert violations(problem, found) == []
    assert found.objective == pytest.approx(brute_force(problem))


@given(small_problems())
def test_kernel_says_the_times_that_the_meaning_says(problem: SchedulingProblem) -> None:
    """Start and end of every step are the same in ticks as in seconds."""
    network = Network.of(problem)
    schedule = searched(problem, 50).schedule
    assert schedule is not None
    exact = timed(network, *decisions(network, schedule))
    assert exact is not None
    assert_same_times(network, exact)


def test_kernel_says_the_same_times_with_every_demand_it_knows() -> None:
    """Closures, overlap, setups, what is running and frozen starts are decoded alike."""
    problem = rich_problem()
    assert declined(problem) == ()
    schedule = searched(problem).schedule
    assert schedule is not None
    assert violations(problem, schedule) == []
    assert_same_times(Network.of(problem), schedule)


def assert_same_times(network: Network, schedule: Schedule) -> None:
    """Compare the kernel's times with those of a schedule that is shifted to the left."""
    ticks = Ticks.of(network)
    tables = tables_of(network, ticks)
    state = state_of(network, tables, schedule)
    assert decode.settle(tables, state) >= 0
    for placed in schedule.placements:
        i = network.index[placed.key]
        found = np.array([state.start[i], state.end[i]]) / ticks.per_second + ticks.origin_s
        assert found == pytest.approx([placed.start_s, placed.end_s], abs=1e-6), placed.key


def test_classic_job_shop_is_solved() -> None:
    """Tabu search and path relinking find the optimum 55 of the 6 by 6, whatever the seed."""
    problem = from_jobshop_text(FT06)
    assert kind_of(Network.of(problem)) == "job shop"
    for seed in range(3):
        found = searched(problem, 150_000, seed).schedule
        assert found is not None
        assert found.objective == 55


def test_flexible_shop_shares_the_work() -> None:
    """Alternatives of different speed: the optimum needs both machines."""
    problem = from_flexible_text("3 2\n1 2 0 4 1 4\n1 2 0 4 1 4\n1 2 0 2 1 9\n")
    assert kind_of(Network.of(problem)) == "flexible job shop"
    found = searched(problem).schedule
    assert found is not None
    assert found.objective == 6


@pytest.mark.parametrize("flexible", [False, True])
def test_what_is_under_way_comes_first_in_shops(flexible: bool) -> None:
    """After a breakdown the shops' own searches go on: what is begun stays, the rest is optimal."""
    jobs = [
        job("A", [("m", 4), ("n", 3)], release_s=10),
        job("B", [("n", 5), ("m", 6)], release_s=10),
        job("C", [("m", 2), ("n", 9)], release_s=11),
    ]
    if flexible:
        jobs[2]["operations"][1]["modes"].append({"machine": "k", "duration_s": 10})
    machines = [
        {"id": "m", "ready_s": 12, "running": ["A/o0"]},
        {"id": "n", "ready_s": 10, "running": ["B/o0"]},
        {"id": "k", "ready_s": 10},
    ]
    problem = shop(jobs, machines, start_s=10)
    assert kind_of(Network.of(problem)) == ("flexible job shop" if flexible else "job shop")
    found = searched(problem).schedule
    assert found is not None
    assert violations(problem, found) == []
    assert found.objective == pytest.approx(brute_force(problem))


def test_one_seed_gives_one_schedule() -> None:
    """With a budget of steps the schedule depends on the seed alone, and the clock has no say."""
    problem = rich_problem()
    limits = Limits(engine="search", iterations=STEPS, seed=7)
    first, second = solve(problem, limits), solve(problem, limits)
    assert first.schedule == second.schedule
    assert first.schedule is not None


def test_fractions_of_seconds_are_exact() -> None:
    """Times such as 0.1 s add up without a rounding error where ticks can show them."""
    problem = shop([job("A", [("m", 0.1), ("n", 0.2)]), job("B", [("n", 0.25)])], ["m", "n"])
    assert Ticks.of(Network.of(problem)).per_second == 20
    found = searched(problem).schedule
    assert found is not None
    assert found.objective == pytest.approx(0.45)


def test_deadlines_are_met_at_the_cost_of_due_dates() -> None:
    """A hard demand outweighs every soft one, and a start that misses it is mended."""
    jobs = [
        job("A", [("m", 3), ("n", 3)], deadline_s=20, due_date_s=3),
        job("B", [("m", 4), ("n", 1)], deadline_s=5, due_date_s=30),
    ]
    problem = shop(jobs, ["m", "n"], objective="total_weighted_tardiness")
    found = searched(problem, 50_000).schedule
    assert found is not None
    assert found.objective == pytest.approx(7)


def test_unknown_demands_are_declined_by_name() -> None:
    """What the search cannot express it says, and alone it returns the rules' schedule."""
    problem = shop(
        [job(name, [("m", 1), ("n", 1)], due_date_s=1) for name in "AB"],
        ["m", "n", "o"],
        same_order=[["m", "o"]],
        objective="total_weighted_tardiness",
    )
    assert declined(problem) == ("same_order",)
    result = solve(problem, Limits(engine="search", seconds=1))
    assert any("same_order" in text for text in result.messages)


def test_engine_by_name_and_its_bound(shared_benchmarks: Path) -> None:
    """The search alone is near the best known 945 of la16 within half a second."""
    problem = read_problem(shared_benchmarks / "scheduling/jobshop/la16.txt")
    result = solve(problem, Limits(engine="search", iterations=60_000, seed=1))
    assert result.engine == "search"
    assert result.status is SolveStatus.FEASIBLE
    assert 945 <= result.objective <= 1.03 * 945
    assert result.bound <= 945
    assert result.bound_source


def test_known_optimum_of_weighted_tardiness(shared_benchmarks: Path) -> None:
    """The search finds the published optimum of an OR-Library instance with forty jobs."""
    path = shared_benchmarks / "scheduling/single_machine_tardiness/wt40.txt"
    problem = read_problem(path, instance=19)
    result = solve(problem, Limits(engine="search", iterations=1_500_000, seed=1))
    assert result.objective == 77122


def test_where_nothing_is_late_the_rest_is_still_searched_for() -> None:
    """A late job costs a hundred times a second of makespan, and no job need be late here."""
    draw = random.Random(1)
    jobs: list[dict[str, Any]] = []
    for number in range(20):
        way = list(range(6))
        draw.shuffle(way)
        steps = []
        for k in way:
            work_s = draw.randint(10, 99)
            mode = {"machine": f"m{k}", "duration_s": work_s}
            steps.append({"id": f"o{k}", "setup_group": draw.choice("ABC"), "modes": [mode]})
        jobs.append({"id": f"j{number}", "operations": steps, "due_date_s": 1_800.0})
    change = {a: {b: 20.0 for b in "ABC" if b != a} for a in "ABC"}
    machines = [{"id": f"m{k}", "setup_s": change} for k in range(6)]
    found = []
    for objective in ({"tardiness": 1.0, "makespan": 0.01}, {"makespan": 1.0}):
        problem = SchedulingProblem(machines=machines, jobs=jobs, objective=objective)
        plan = solve(problem, Limits(engine="search", iterations=300_000, seed=1)).schedule
        assert plan is not None
        assert plan.total_tardiness_s == 0.0
        found.append(plan.makespan_s)
    assert found[0] <= 1.02 * found[1]
