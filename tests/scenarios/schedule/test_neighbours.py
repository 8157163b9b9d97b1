"""The search of neighbours: never worse, always feasible, the same for the same seed."""

import time
from itertools import permutations

import numpy as np
from hypothesis import given

from scenarios.schedule import Schedule, SchedulingProblem, dispatch, violations
from scenarios.schedule.neighbours import polish, roam, wander
from scenarios.schedule.protocol import Request
from scenarios.schedule.timing import Network, decisions, timed
from tests.scenarios.schedule.builders import job, shop, small_problems


def changeovers() -> SchedulingProblem:
    """Return eight jobs of two groups on a line of two stations with long changeovers."""
    jobs = [
        job(f"j{i}", [("fill", 5), ("label", 4)], {"setup_group": "ab"[i % 2]}, due_date_s=12 * i)
        for i in range(8)
    ]
    setups = {"a": {"b": 20}, "b": {"a": 20}}
    machines = [{"id": name, "setup_s": setups, "setup_waits": True} for name in ("fill", "label")]
    return shop(jobs, machines, same_order=[["fill", "label"]])


def search(problem: SchedulingProblem, start: Schedule, seed: int = 1) -> Schedule:
    """Search until patience is at its end."""
    return polish(Network.of(problem), start, seed, lambda: False, lambda _: None)


def test_changeovers_are_saved() -> None:
    """From one changeover per job the search comes down to one in all."""
    problem = changeovers()
    start = dispatch(Network.of(problem), "edd")
    found = search(problem, start)
    assert start.makespan_s > 180
    # Four fillings, a changeover, one more filling; labels are changed, then four labellings.
    assert found.makespan_s == 4 * 5 + 20 + 5 + 20 + 4 * 4
    assert violations(problem, found) == []


def test_same_seed_same_schedule() -> None:
    """Nothing but the seed decides which changes are tried."""
    problem = changeovers()
    start = dispatch(Network.of(problem), "edd")
    assert search(problem, start, 7) == search(problem, start, 7)


@given(small_problems())
def test_a_way_aside_keeps_all_demands_and_its_limit(problem: SchedulingProblem) -> None:
    """Each schedule that random changes lead to is feasible and hardly worse than the first."""
    network = Network.of(problem)
    start = dispatch(network, "spt")
    limit = 1.2 * start.objective
    generator = np.random.default_rng(1)
    found = wander(network, start, generator, tries=20, limit=limit, over=lambda: False)
    assert violations(problem, found) == []
    assert found.objective <= limit


def test_jobs_that_must_not_wait_are_moved_as_one() -> None:
    """The search finds the best order of a line whose steps follow each other without a wait."""
    times = [(7, 2, 9), (3, 8, 1), (9, 1, 4), (2, 6, 8), (5, 5, 2)]
    jobs = [job(f"j{i}", list(zip("abc", row, strict=True))) for i, row in enumerate(times)]
    for one in jobs:
        for operation in one["operations"][1:]:
            operation["max_wait_s"] = 0
    network = Network.of(shop(jobs, ["a", "b", "c"]))
    start = dispatch(network, "edd")
    choices = decisions(network, start)[1]
    every = [
        timed(network, [[3 * j + k for j in order] for k in range(3)], choices)
        for order in permutations(range(len(times)))
    ]
    best = min(one.objective for one in every if one is not None)
    told: list[float] = []
    request = Request(network, start, time.monotonic() + 20, seed=1)
    request.on_schedule = lambda found: told.append(found.objective)
    request.cancelled = lambda: bool(told) and told[-1] == best
    found = roam(request).schedule
    assert found is not None
    assert violations(network.problem, found) == []
    assert found.objective == best < start.objective


def test_a_way_aside_leads_somewhere_else() -> None:
    """With room for it the way ends at another schedule; without time it does not begin."""
    network = Network.of(changeovers())
    start = dispatch(network, "edd")
    for over in (False, True):
        found = wander(
            network,
            start,
            np.random.default_rng(1),
            tries=20,
            limit=2 * start.objective,
            over=lambda ended=over: ended,
        )
        assert (found == start) is over


@given(small_problems())
def test_never_worse_and_always_feasible(problem: SchedulingProblem) -> None:
    """Whatever the demands, what comes back meets them and costs no more."""
    start = dispatch(Network.of(problem), "spt")
    found = search(problem, start)
    assert violations(problem, found) == []
    assert found.objective <= start.objective
