"""Search: optimal where it can be proven, honest everywhere, stopped at once."""

import math
import subprocess
import sys
import threading
import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyomo.environ as pyo
import pytest
from hypothesis import given

from scenarios.schedule import (
    Limits,
    Progress,
    Schedule,
    SchedulingProblem,
    SolveStatus,
    from_flexible_text,
    from_jobshop_text,
    lower_bound,
    solve,
    violations,
)
from scenarios.schedule.arriving import as_it_comes
from scenarios.schedule.partner import Partner
from scenarios.schedule.protocol import Request
from scenarios.schedule.team import team
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.builders import (
    FT06,
    brute_force,
    job,
    placed,
    rich_problem,
    shop,
    small_problems,
)
from twin.errors import InvalidInputError, OptionsError


@given(small_problems())
def test_optimum_of_small_problems(problem: SchedulingProblem) -> None:
    """What is called optimal is the best of all sequences; bounds never exceed it."""
    best = brute_force(problem)
    result = solve(problem, Limits(seconds=20))
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    assert lower_bound(Network.of(problem)).value <= best + 1e-6
    assert result.bound <= best + 1e-6
    if result.status is SolveStatus.OPTIMAL:
        assert result.objective == pytest.approx(best)
    # Only setups that wait or pause, and leads inside closures, are beyond the model.
    plain = not any(machine.setup_s or machine.unavailable for machine in problem.machines)
    assert result.status is SolveStatus.OPTIMAL or not plain


@pytest.mark.parametrize(
    ("objective", "seconds", "sources"),
    [
        ("makespan", 20, ["search", "CP-SAT", "search"]),
        ("makespan", 1, ["search", "search"]),
        ("flow_time", 20, ["search", "CP-SAT"]),
    ],
)
def test_who_runs_side_by_side(objective: str, seconds: float, sources: list[str]) -> None:
    """A solver proves what is small; in shops a second search takes its core from it later."""
    pytest.importorskip("ortools")
    machines = " ".join(f"{m} {m + 1}" for m in range(8))
    problem = from_jobshop_text(f"8 8\n{(machines + chr(10)) * 8}", objective=objective)
    members, told = team(Network.of(problem), Limits(seconds=seconds), None)
    assert [member.source for member in members] == sources
    assert len({member.seed for member in members if member.source == "search"}) == sources.count(
        "search"
    )
    assert told == []


def test_ft06_is_solved_to_optimality() -> None:
    """The classic 6 by 6 has makespan 55, to the digit, and it is proven."""
    problem = from_jobshop_text(FT06, "ft06")
    result = solve(problem, Limits(seconds=60))
    assert result.status is SolveStatus.OPTIMAL
    assert (result.objective, result.bound, result.gap) == (55.0, 55.0, 0.0)
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    assert all(p.start_s.is_integer() for p in result.schedule.placements)


def test_every_kind_of_demand_at_once() -> None:
    """A problem with nearly all features is solved and accepted by the checker."""
    problem = rich_problem()
    result = solve(problem, Limits(seconds=20))
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    assert result.bound <= result.objective <= 2 * result.bound


def test_flexible_shop() -> None:
    """With two machines to choose from, the work is shared."""
    problem = from_flexible_text("3 2\n1 2 0 4 1 4\n1 2 0 4 1 4\n1 2 0 2 1 9\n")
    result = solve(problem, Limits(seconds=10))
    assert (result.status, result.objective) == (SolveStatus.OPTIMAL, 6.0)


def test_a_plan_that_is_known_is_gone_on_from() -> None:
    """What is returned is no worse; what is no plan of the problem is passed over, and said so."""
    problem = from_jobshop_text(FT06)
    best = solve(problem, Limits(seconds=20)).schedule
    assert best is not None
    found = solve(problem, Limits(engine="dispatch"), start=best)
    assert (found.objective, found.engine) == (55.0, "the plan given")
    assert solve(problem, Limits(engine="dispatch")).objective > 55.0
    part = Schedule.of(problem, best.placements[1:])
    left_out = solve(problem, Limits(engine="dispatch"), start=part)
    assert left_out.objective > 55.0
    assert any("passed over" in message for message in left_out.messages)
    early = [p.model_copy(update={"start_s": 0.0}) for p in best.placements]
    wrong = solve(problem, Limits(engine="dispatch"), start=Schedule.of(problem, early)).schedule
    assert wrong is not None
    assert violations(problem, wrong) == []


def test_a_bound_between_whole_numbers_proves_the_next() -> None:
    """Where all times are whole, 8.5 s that two machines share mean 9 s; a rule alone is proven."""
    problem = from_flexible_text("3 2\n2 2 1 3 2 4 1 2 5\n1 1 1 4\n2 1 2 3 2 1 2 2 6\n")
    result = solve(problem, Limits(engine="dispatch"))
    assert (result.objective, result.bound, result.status.value) == (9, 9, "optimal")


def test_nothing_to_do() -> None:
    """No jobs: an empty schedule, optimal at once."""
    result = solve(shop([], ["m"]), Limits(seconds=1))
    assert (result.status, result.objective) == (SolveStatus.OPTIMAL, 0.0)


def test_deadline_that_nobody_can_meet() -> None:
    """Infeasible is a status, and the message says which job, which date, what is possible."""
    problem = shop([job("A", [("m", 10)], deadline_s=8)], ["m"])
    result = solve(problem, Limits(seconds=5))
    assert result.status is SolveStatus.INFEASIBLE
    assert result.schedule is None
    assert math.isinf(result.objective)
    assert any("job A" in text and "8 s" in text and "10 s" in text for text in result.messages)


def test_deadlines_that_conflict() -> None:
    """Two deadlines that are possible alone but not together are proven infeasible."""
    jobs = [job(name, [("m", 5)], deadline_s=9) for name in "AB"]
    result = solve(shop(jobs, ["m"]), Limits(seconds=30))
    assert result.status is SolveStatus.INFEASIBLE
    assert sum("would be possible" in text for text in result.messages) == 2


def test_deadline_that_rules_miss_is_met_by_the_model() -> None:
    """Where no rule finds a feasible schedule the model does."""
    jobs = [
        job("A", [("m", 3), ("n", 3)], deadline_s=20, due_date_s=3),
        job("B", [("m", 4), ("n", 1)], deadline_s=5, due_date_s=30),
    ]
    problem = shop(jobs, ["m", "n"], objective="total_weighted_tardiness")
    result = solve(problem, Limits(seconds=10))
    assert result.status is SolveStatus.OPTIMAL
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []


def big_shop(jobs: int, machines: int) -> SchedulingProblem:
    """Return a job shop with a fixed pattern of routes and durations, too big to be solved."""
    rows = []
    for j in range(jobs):
        route = [(j * 7 + k * (1 + 2 * (j % 2))) % machines for k in range(machines)]
        route = list(dict.fromkeys([*route, *range(machines)]))
        rows.append(" ".join(f"{m} {1 + (j * 13 + m * 29) % 97}" for m in route))
    return from_jobshop_text(f"{jobs} {machines}\n" + "\n".join(rows) + "\n")


@pytest.mark.skipif(find_spec("ortools") is None, reason="CP-SAT is not installed")
def test_where_rules_and_rows_find_nothing_another_solver_does() -> None:
    """No room before a machine, no time to wait, and setups that need the one who also works."""
    closed = [{"start_s": 8, "end_s": 11}]

    def machine(name: str, there_s: float, back_s: float, room: int) -> dict[str, Any]:
        return {
            "id": name,
            "unavailable": closed,
            "setup_s": {"g": {"h": there_s}, "h": {"g": back_s}},
            "setup_group": None if name == "m0" else "g",
            "setup_needs": ["weld"],
            "input_buffer": room,
        }

    def step(name: str, group: str, *modes: tuple[str, float, str], **more: Any) -> dict[str, Any]:
        able = [
            {"machine": machine, "duration_s": time_s, "needs": [need] if need else []}
            for machine, time_s, need in modes
        ]
        return {"id": name, "setup_group": group, "modes": able, **more}

    last = (("m1", 3, "weld"), ("m2", 7, "weld"))
    first = step("o0", "", ("m1", 5, "check"), ("m2", 7, ""))
    middle = step("o1", "g", ("m0", 4, ""), ("m1", 0, "weld"), max_wait_s=0)
    begin = step("o0", "h", ("m0", 1, "weld"), ("m2", 1, "check"), splittable=True)
    then = step("o1", "h", ("m0", 2, ""), splittable=True)
    problem = SchedulingProblem(
        machines=[
            machine("m0", 2, 3, 1) | {"ready_s": 1, "batch_size": 3},
            machine("m1", 3, 4, 0) | {"ready_s": 2},
            machine("m2", 0, 4, 0),
        ],
        jobs=[
            {
                "id": "j0",
                "release_s": 3,
                "operations": [first, middle, step("o2", "h", *last, splittable=True)],
            },
            {
                "id": "j1",
                "release_s": 2,
                "operations": [begin, then, step("o2", "g", *last, splittable=True)],
            },
        ],
        resources=[
            {
                "id": "ann",
                "skills": ["weld", "check"],
                "unavailable": [{"start_s": 12, "end_s": 15}],
            },
            {"id": "bob", "ready_s": 2},
        ],
        transport_s={
            "m0": {"m1": 4, "m2": 1},
            "m1": {"m0": 1, "m2": 2},
            "m2": {"m0": 2, "m1": 4},
        },
        objective="makespan",
    )
    assert solve(problem, Limits(engine="dispatch")).schedule is None
    result = solve(problem, Limits(seconds=25))
    assert result.schedule is not None, result.messages
    assert violations(problem, result.schedule) == []


def test_big_problem_returns_within_its_budget() -> None:
    """Beyond what a model can do, a good schedule comes back in time, with a bound."""
    problem = big_shop(40, 10)
    result = solve(problem, Limits(seconds=2))
    assert result.seconds < 12  # of an open end; how closely the budget is kept is a benchmark
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    assert 0 < result.bound <= result.objective
    assert result.gap < 0.15  # what a dispatch rule gives where there is no time to search


def test_cancel_is_honoured_soon() -> None:
    """Whoever cancels gets the best schedule so far, soon."""
    stop = threading.Event()
    timer = threading.Timer(2.0, stop.set)
    timer.start()
    began = time.monotonic()
    result = solve(big_shop(14, 10), Limits(seconds=60), cancelled=stop.is_set)
    timer.cancel()
    assert time.monotonic() - began < 20.0  # of 60; two after the request are promised
    assert result.schedule is not None
    assert any("stopped on request" in text for text in result.messages)


def test_a_partner_that_dies_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process that is gone leaves the start and a message, never an error."""
    monkeypatch.setattr("sys.executable", "/bin/false")
    network = Network.of(from_jobshop_text(FT06, "ft06"))
    outcome = Partner("cpsat", Request(network, None, time.monotonic() + 20)).run()
    assert "ended unexpectedly" in outcome.message


def test_a_partner_that_does_not_listen_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A question longer than a pipe holds waits for its reader; the answer does not."""
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    deaf.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(deaf))
    jobs = [job(f"j{j}", [("m", 1)] * 40) for j in range(100)]
    network = Network.of(shop(jobs, ["m"]))
    assert len(network.problem.to_json()) > 1 << 17
    began_s = time.monotonic()
    Partner("cpsat", Request(network, None, began_s + 0.2)).run()
    assert time.monotonic() - began_s < 20


def test_progress_is_monotonic() -> None:
    """Objectives fall, bounds rise, seconds pass; the trajectory is what was reported."""
    seen: list[Progress] = []
    result = solve(from_jobshop_text(FT06), Limits(seconds=60), progress=seen.append)
    assert tuple(seen) == result.trajectory
    objectives = [step.objective for step in seen if step.objective is not None]
    assert objectives == sorted(objectives, reverse=True)
    assert [step.bound for step in seen] == sorted(step.bound for step in seen)
    assert [step.seconds for step in seen] == sorted(step.seconds for step in seen)
    assert seen[-1].objective == result.objective


def test_constraint_of_ones_own() -> None:
    """Five lines of Pyomo: B must wait for 7 s after A; the result obeys and is still optimal."""
    problem = shop([job("A", [("m", 3)]), job("B", [("n", 4)])], ["m", "n"])

    def rest(model: pyo.ConcreteModel) -> None:
        model.rest = pyo.Constraint(expr=model.start["B/o0"] >= model.end["A/o0"] + 7)

    result = solve(problem, Limits(seconds=10), extra=rest)
    assert result.status is SolveStatus.OPTIMAL
    assert result.schedule is not None
    assert result.objective == pytest.approx(14, abs=1e-4)
    gap_s = placed(result.schedule, "B/o0").start_s - placed(result.schedule, "A/o0").end_s
    assert gap_s == pytest.approx(7, abs=1e-4)
    assert violations(problem, result.schedule) == []


def test_constraint_of_ones_own_that_is_impossible() -> None:
    """A user's constraint that nothing can meet ends as infeasible, and the message says so."""

    def early(model: pyo.ConcreteModel) -> None:
        model.early = pyo.Constraint(expr=model.end["A/o0"] <= 2)

    result = solve(shop([job("A", [("m", 3)])], ["m"]), Limits(seconds=5), extra=early)
    assert result.status is SolveStatus.INFEASIBLE
    assert any("user's constraints" in text for text in result.messages)


def test_constraint_of_ones_own_that_is_not_linear() -> None:
    """HiGHS takes linear rows only; the error names the way out."""

    def product(model: pyo.ConcreteModel) -> None:
        model.bad = pyo.Constraint(expr=model.start["A/o0"] * model.end["A/o0"] <= 2)

    with pytest.raises(InvalidInputError, match="linear"):
        solve(shop([job("A", [("m", 3)]), job("B", [("m", 3)])], ["m"]), extra=product)


def test_limits_that_make_no_sense() -> None:
    """A budget of nothing and an unknown engine are refused together."""
    with pytest.raises(OptionsError) as caught:
        Limits(seconds=0, engine="magic")
    assert {finding.path for finding in caught.value.findings} == {"seconds", "engine"}


def test_solver_is_loaded_only_when_it_is_needed() -> None:
    """Whoever only reads schedules does not wait for Pyomo and HiGHS."""
    code = "import sys, scenarios.schedule; print({'pyomo', 'highspy'} & set(sys.modules))"
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=60,
        check=True,
    )
    assert run.stdout.strip() == "set()"


def test_a_process_ends_only_after_its_engines() -> None:
    """An engine that is slow to stop is in compiled code, which must not run when all is gone."""
    code = (
        "import time\n"
        "from scenarios.schedule.race import Race\n"
        "from scenarios.schedule.protocol import Request\n"
        "def improve(request):\n"
        "    time.sleep(3.0)\n"
        "    print('stopped', request.over(), flush=True)\n"
        "race = Race(None)\n"
        "race.enter('slow', improve, Request(network=None, start=None, until=0.0))\n"
        "print(list(race.news(lambda: True)), flush=True)\n"
    )
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.split() == ["[]", "stopped", "True"]


def test_who_stops_during_the_first_rule_has_a_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C before any rule is through leaves a schedule that meets all demands."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("scenarios.schedule.solve"), "best_of_rules", stopped)
    for problem in (rich_problem(), from_jobshop_text(FT06)):
        found = solve(problem, Limits(seconds=20))
        assert found.stopped
        assert found.schedule is not None
        assert violations(problem, found.schedule) == []


@given(small_problems())
def test_a_schedule_without_a_rule_meets_all_demands(problem: SchedulingProblem) -> None:
    """What comes as it comes breaks nothing: calendars, setups, one order of all jobs."""
    assert violations(problem, as_it_comes(Network.of(problem))) == []
