"""HiGHS, CP-SAT and trying everything agree on random problems over every kind of demand."""

import json
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from scenarios.schedule import Schedule, SchedulingProblem, dispatch, lower_bound, violations
from scenarios.schedule.protocol import Request
from scenarios.schedule.queues import shared_bound
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.rich import rich_problems

_NEAR = 0.1
"""Distance from a proof where no unit of time fits all times: each is rounded down."""
ENGINES = {"highs": "scenarios.schedule.mip.engine", "cpsat": "scenarios.schedule.cpsat.engine"}


def answers(problems: list[SchedulingProblem], engine: str) -> list[dict[str, Any]]:
    """Return what an engine says to each problem, from one process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __name__, ENGINES[engine]],
        input=json.dumps([problem.to_json() for problem in problems]),
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def solved(problem: SchedulingProblem, module: str) -> dict[str, Any]:
    """Return the best schedule and the bound of an engine that is loaded here."""
    from importlib import import_module  # noqa: PLC0415 - only one of the two may be loaded

    network = Network.of(problem)
    start = dispatch(network, "edd")
    if violations(problem, start):
        start = None
    request = Request(network=network, start=start, until=time.monotonic() + 2.0, iterations=40)
    outcome = import_module(module).improve(request)
    return {
        "schedule": None if outcome.schedule is None else outcome.schedule.to_json(),
        "bound": outcome.bound if outcome.bound > -1e300 else None,
        "infeasible": outcome.infeasible,
    }


def drawn(count: int, number: int) -> list[SchedulingProblem]:
    """Return random problems, the same at every run."""
    found: list[SchedulingProblem] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(rich_problems(2))
    def collect(problem: SchedulingProblem) -> None:
        found.append(problem)

    collect()
    return found


def stretched(problem: SchedulingProblem, factor: float) -> SchedulingProblem:
    """Return a problem all of whose times are longer by a factor."""

    def times(value: Any, *, inside: bool = False) -> Any:
        if isinstance(value, dict):
            return {k: times(v, inside=inside or k.endswith("_s")) for k, v in value.items()}
        if isinstance(value, list):
            return [times(item, inside=inside) for item in value]
        return value * factor if inside and isinstance(value, int | float) else value

    return SchedulingProblem(**times(problem.model_dump(mode="json")))


def check(count: int, number: int, factor: float = 1.0) -> int:
    """Compare all engines on random problems; return how often an optimum was proven by two."""
    problems, proven = [stretched(one, factor) for one in drawn(count, number)], 0
    with ThreadPoolExecutor() as pool:
        said = dict(zip(ENGINES, pool.map(partial(answers, problems), ENGINES), strict=True))
    for at, problem in enumerate(problems):
        best = {}
        for name in ENGINES:
            answer = said[name][at]
            assert not answer["infeasible"], (name, problem.to_json())
            schedule = Schedule.from_json(answer["schedule"])
            assert violations(problem, schedule) == [], (name, problem.to_json())
            best[name] = schedule.objective
        network = Network.of(problem)
        bounds = [
            lower_bound(network).value,
            shared_bound(network).value,
            *(said[name][at]["bound"] for name in ENGINES),
        ]
        known = [bound for bound in bounds if bound is not None]
        least = min(best.values())
        assert max(known) <= least + 1e-4 * max(1.0, least), (bounds, best, problem.to_json())
        near = 1e-4 if factor == 1.0 else _NEAR
        proven += sum(value <= max(known) + near for value in best.values()) == len(best)
    return proven


@pytest.mark.skipif(find_spec("ortools") is None, reason="ortools is not installed")
def test_no_bound_is_above_a_schedule() -> None:
    """No engine's bound lies above any engine's schedule, and all schedules pass the checker."""
    assert check(8, 1) > 0


@pytest.mark.skipif(find_spec("ortools") is None, reason="ortools is not installed")
def test_no_bound_is_above_a_schedule_where_no_unit_of_time_fits() -> None:
    """Times that are no fractions of a second leave bounds valid, and almost as close."""
    assert check(2, 3, factor=1 / math.pi) > 0


@pytest.mark.skipif(find_spec("ortools") is None, reason="ortools is not installed")
@pytest.mark.parametrize(("running", "best_s"), [((), 54.0), (("A/oven", "C/oven"), 58.0)])
def test_jobs_that_keep_their_order_may_share_a_batch(
    running: tuple[str, ...], best_s: float
) -> None:
    """Nobody overtakes who starts at the same moment, in the oven or already in it.

    The rule that CP-SAT begins with lets the longest go first, which its due date asks for.
    """
    bake = (("B", "h", 30, 1), ("D", "k", 1, 2), ("A", "g", 5, 3), ("C", "g", 5, 4))
    jobs = [
        {
            "id": name,
            "due_date_s": due_s,
            "operations": [
                {"id": m, "setup_group": group, "modes": [{"machine": m, "duration_s": s}]}
                for m, s in (("oven", bake_s), ("pack", 1))
            ],
        }
        for name, group, bake_s, due_s in bake
    ]
    problem = SchedulingProblem(
        machines=[{"id": "oven", "batch_size": 2, "running": running}, {"id": "pack"}],
        jobs=jobs,
        same_order=[("oven", "pack")],
        objective="flow_time",
    )
    (said,) = answers([problem], "cpsat")
    assert said["bound"] <= best_s + 1e-6
    assert Schedule.from_json(said["schedule"]).objective == best_s


@pytest.mark.proof
@pytest.mark.skipif(find_spec("ortools") is None, reason="ortools is not installed")
@pytest.mark.parametrize("factor", [1.0, 1 / 3, 1 / math.pi])
def test_engines_agree_on_many(factor: float) -> None:
    """The same on many more problems; many are proven optimal by both."""
    assert check(200, 2, factor) > 60


if __name__ == "__main__":
    for text in json.load(sys.stdin):
        answer = json.dumps(solved(SchedulingProblem.from_json(text), sys.argv[1]))
        sys.stdout.write(answer + "\n")
