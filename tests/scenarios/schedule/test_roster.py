"""The compiled search with people, batches, and jobs in one order: exact, valid, better."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.schedule import Limits, SchedulingProblem, dispatch, solve, violations
from scenarios.schedule.protocol import Request
from scenarios.schedule.results import Engine
from scenarios.schedule.search import roster
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.engine import improve
from scenarios.schedule.search.rostering import Rostering, bundles_of
from scenarios.schedule.search.supports import declined, kind_of
from scenarios.schedule.timing import Network, in_order
from tests.scenarios.schedule.builders import job, shop
from tests.scenarios.schedule.rich import rich_problems

KNOWN = (
    "setups", "closures", "needs", "setup_needs", "transport", "batches", "alternatives",
    "same_order",
)  # fmt: skip


@settings(max_examples=40)
@given(rich_problems(kinds=5, among=KNOWN), st.randoms(use_true_random=False))
def test_kernel_says_the_times_that_the_meaning_says(
    problem: SchedulingProblem, chance: object
) -> None:
    """Any order with any choices is timed as the decoder for all demands times it."""
    assert declined(problem) == ()
    network = Network.of(problem)
    start = dispatch(network, "edd")
    search = Rostering(network, start, Effort(Request(network, start, math.inf, iterations=1)))
    bundles = bundles_of(network)
    turns = _shuffled([_ahead(search, b) for b in range(len(bundles))], chance)
    order = [i for b in turns for i in bundles[b]]
    options = [chance.randrange(len(step.choices)) for step in network.steps]  # type: ignore[attr-defined]
    choice = search.tables.choice_at[:-1] + np.array(options)
    row = roster.row_of(search.tables, search.crew, np.array(turns), choice)
    roster.settle(search.tables, search.crew, row)
    chosen = {i: step.choices[options[i]] for i, step in enumerate(network.steps)}
    for placed in in_order(network, order, chosen).placements:
        i = network.index[placed.key]
        assert (row.start[i], row.end[i]) == (placed.start_s, placed.end_s), placed.key


def _ahead(search: Rostering, bundle: int) -> set[int]:
    """Return the bundles that must come before one."""
    crew = search.crew
    return set(crew.ahead[crew.ahead_at[bundle] : crew.ahead_at[bundle + 1]].tolist())


def _shuffled(before: list[set[int]], chance: object) -> list[int]:
    """Return numbers in a random order, each after those before it."""
    order: list[int] = []
    while len(order) < len(before):
        free = [i for i, some in enumerate(before) if i not in order and some <= set(order)]
        order.append(chance.choice(free))  # type: ignore[attr-defined]
    return order


@settings(max_examples=20)
@given(rich_problems(kinds=5, among=KNOWN))
def test_what_is_found_meets_every_demand(problem: SchedulingProblem) -> None:
    """The independent checker has nothing against a schedule, and no rule has a better one."""
    network = Network.of(problem)
    start = dispatch(network, "edd")
    found = improve(Request(network, start, math.inf, iterations=2_000)).schedule
    assert found is not None
    assert violations(problem, found) == []
    assert found.objective <= start.objective


def test_the_only_welder_goes_where_it_is_urgent() -> None:
    """Two machines wait for one person: the search finds the one order that is never late."""
    jobs = [
        job("A", [("m", 9)], due_date_s=30),
        job("B", [("n", 5)], due_date_s=5),
        job("C", [("m", 7)], due_date_s=12),
        job("D", [("n", 8)], due_date_s=21),
    ]
    for one in jobs:
        one["operations"][0]["modes"][0]["needs"] = ["weld"]
    problem = shop(
        jobs, ["m", "n"], resources=[{"id": "ann", "skills": ["weld"]}], objective="total_tardiness"
    )
    network = Network.of(problem)
    assert kind_of(network) == "crew"
    found = improve(Request(network, dispatch(network, "spt"), math.inf, iterations=4_000))
    assert found.schedule is not None
    assert found.schedule.objective == pytest.approx(0.0)


@pytest.mark.parametrize("engine", ["search", "auto"])
def test_where_all_has_begun_there_is_nothing_to_move(engine: Engine) -> None:
    """Nobody overtakes, and every order stands in the line: it goes on as it stands."""
    steps = [{"id": m, "modes": [{"machine": m, "duration_s": 3}]} for m in "ab"]
    problem = SchedulingProblem(
        machines=[{"id": m, "running": [f"j{j}/{m}" for j in range(3)]} for m in "ab"],
        jobs=[{"id": f"j{j}", "operations": steps, "due_date_s": 1} for j in range(3)],
        same_order=[("a", "b")],
    )
    found = solve(
        problem, Limits(engine=engine, iterations=500 if engine == "search" else None, seconds=1.0)
    )
    assert found.schedule is not None
    assert not violations(problem, found.schedule)
    assert found.objective == 5 + 8 + 11


def test_who_can_do_more_is_left_for_that() -> None:
    """Ann could weld too, and is named first; Bob does, so that she can check meanwhile."""
    jobs = [
        {
            "id": need,
            "operations": [
                {"id": "o", "modes": [{"machine": need, "duration_s": 5, "needs": [need]}]}
            ],
        }
        for need in ("weld", "check")
    ]
    people = [{"id": "ann", "skills": ["weld", "check"]}, {"id": "bob", "skills": ["weld"]}]
    problem = shop(jobs, ["weld", "check"], resources=people)
    found = dispatch(Network.of(problem), "edd")
    assert violations(problem, found) == []
    assert {p.job: p.resources for p in found.placements} == {"weld": ("bob",), "check": ("ann",)}
    assert found.makespan_s == 5.0
