"""All demands together, drawn at random: refused in words, or answered by every engine by name."""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from scenarios.schedule import Limits, Schedule, SchedulingProblem, SolveStatus, solve, violations
from scenarios.schedule.checks import ProblemError
from scenarios.schedule.results import Engine
from tests.scenarios.schedule.rich import hard_documents
from tests.scenarios.schedule.test_engines_agree import ENGINES, answers
from twin.errors import Finding

SAME = 1e-4
"""Share of an objective by which a bound may be above it."""


def drawn(count: int, number: int) -> list[SchedulingProblem]:
    """Return the problems among some random documents; what is refused is refused in words."""
    found: list[SchedulingProblem] = []
    refused: list[Finding] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(hard_documents())
    def collect(document: dict[str, Any]) -> None:
        try:
            found.append(SchedulingProblem(**document))
        except ProblemError as error:
            refused.extend(error.findings or [Finding("", "")])

    collect()
    assert all(finding.message for finding in refused)
    return found


def found_by(problem: SchedulingProblem, limits: Limits) -> tuple[float | None, float, bool]:
    """Return objective, bound, and whether no schedule is said to exist; a schedule is checked."""
    found = solve(problem, limits)
    if found.schedule is None:
        assert found.messages, problem.to_json()
        return None, found.bound, found.status is SolveStatus.INFEASIBLE
    assert violations(problem, found.schedule) == [], problem.to_json()
    assert 0.0 <= found.gap <= 1.0
    return found.objective, found.bound, False


def survey(
    count: int, number: int, here: tuple[tuple[Engine, int | None], ...], apart: tuple[str, ...]
) -> int:
    """Compare what engines say to random problems; return how many had a schedule.

    No bound of one is above a schedule of another, and no problem with a schedule is said to have
    none.
    """
    problems = drawn(count, number)
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(partial(answers, problems), apart))
    solved = 0
    for at, problem in enumerate(problems):
        told = [
            found_by(problem, Limits(engine=name, iterations=steps, seconds=1.0))
            for name, steps in here
        ]
        for answer in (some[at] for some in said):
            value = None
            if answer["schedule"] is not None:
                schedule = Schedule.from_json(answer["schedule"])
                assert violations(problem, schedule) == [], problem.to_json()
                value = schedule.objective
            bound = -math.inf if answer["bound"] is None else answer["bound"]
            told.append((value, bound, answer["infeasible"]))
        values = [value for value, _, _ in told if value is not None]
        if values:
            solved += 1
            least = min(values)
            assert not any(none for _, _, none in told), problem.to_json()
            most = max(bound for _, bound, _ in told)
            assert most <= least + SAME * max(1.0, abs(least)), problem.to_json()
    return solved


def test_any_demands_together_are_refused_or_met() -> None:
    """Rules and the search, on a few dozen problems."""
    assert survey(40, 1, (("dispatch", 1), ("search", 60)), ()) > 20


@pytest.mark.skipif(find_spec("ortools") is None, reason="ortools is not installed")
def test_solvers_meet_any_demands_together() -> None:
    """HiGHS, CP-SAT and rules, on a few problems."""
    assert survey(8, 2, (("dispatch", 1),), tuple(ENGINES)) > 1


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("ortools") is None, reason="ortools is not installed")
@pytest.mark.parametrize("number", range(10, 14))
def test_hundreds_of_combinations(number: int) -> None:
    """Every engine by name, and on some of the problems all side by side."""
    assert survey(150, number, (("dispatch", 1), ("search", 60)), tuple(ENGINES)) > 75
    assert survey(20, number + 100, (("auto", None),), ()) > 10
