"""Plans of a line have the times at which the line, without chance, does what they tell it."""

from itertools import permutations

import numpy as np
import pytest

from scenarios.schedule import (
    Limits,
    Placement,
    Schedule,
    SchedulingProblem,
    ViolationKind,
    dispatch,
    kept,
    on_time,
    plan_of,
    replan,
    replay,
    solve,
    violations,
)
from scenarios.schedule.from_line import loosened
from scenarios.schedule.keeping import worth
from scenarios.schedule.neighbours import moved
from scenarios.schedule.straight import straight
from scenarios.schedule.timing import Network, decisions, timed
from tests.engine.test_semantics import cell, product
from tests.scenarios.schedule.lines import random_line
from tests.scenarios.schedule.test_from_line import flow, state_at
from twin.engine import SimulationOptions, replicate
from twin.events import LineState
from twin.line import JobOrder, Line, example_line, line_from_document


def ruled(problem: SchedulingProblem) -> Schedule:
    """Return a schedule of rules; its bound must hold."""
    result = solve(problem, Limits(engine="dispatch"))
    assert result.schedule is not None, result.messages
    assert result.bound <= result.objective + 1e-6
    return result.schedule


def away_s(
    line: Line, problem: SchedulingProblem, schedule: Schedule, state: LineState | None
) -> float:
    """Return by how much a run of the reference engine differs in the end of an order, s."""
    options = SimulationOptions(
        horizon_s=200_000.0, plan=plan_of(schedule, problem), engine="reference"
    )
    ends = replicate(line, options, 1, None if state is None else state.opened())
    found = [float(ends.order_completion_s.sel(order=job.job)[0]) for job in schedule.jobs]
    return float(np.abs(np.array(found) - [job.completion_s for job in schedule.jobs]).max())


def compared(numbers: range, *, along: bool) -> tuple[int, float]:
    """Return how many pictures of plans were wrong, and the worst of the plans themselves, s."""
    wrong, worst_s = 0, 0.0
    for number in numbers:
        line = random_line(number, flow=along)
        for state in (None, state_at(line, 400.0)):
            problem = SchedulingProblem.from_line(line, state=state)
            if not problem.jobs:
                continue
            picture = solve(problem.without_line(), Limits(engine="dispatch")).schedule
            wrong += picture is None or away_s(line, problem, picture, state) > 1e-6
            worst_s = max(worst_s, away_s(line, problem, ruled(problem), state))
    return wrong, worst_s


@pytest.mark.parametrize("along", [True, False])
def test_random_lines_keep_their_plans_to_the_tick(along: bool) -> None:
    """Releases, shifts, setups, small buffers, servers, live states: each order ends as planned.

    What searches go by is wrong about many of them, so this says something.
    """
    wrong, worst_s = compared(range(7), along=along)
    assert wrong > 0
    assert worst_s <= 1e-6


@pytest.mark.proof
@pytest.mark.timeout(280)
@pytest.mark.parametrize("first", range(100, 400, 50))
@pytest.mark.parametrize("along", [True, False])
def test_hundreds_of_random_lines_keep_their_plans(first: int, along: bool) -> None:
    """The same for three hundred lines of each kind; each has a plan."""
    assert compared(range(first, first + 50), along=along)[1] <= 1e-6


@pytest.mark.parametrize("along", [True, False])
def test_what_a_plan_is_worth_is_told_without_events_too(along: bool) -> None:
    """Plans played one after the other on a line made ready once are those of a line made anew."""
    generator, played = np.random.default_rng(3), 0
    for number in range(8):
        line = random_line(number, flow=along)
        for state in (None, state_at(line, 400.0)):
            problem = SchedulingProblem.from_line(line, state=state)
            network = Network.of(problem.without_line())
            move = decisions(network, dispatch(network, "edd", "non_delay"))
            for _ in range(3 if problem.jobs else 0):
                move = moved(network, *move, generator) or move
                plan = timed(network, *move)
                if plan is None:
                    break
                anew = kept(problem, plan, anew=True)
                assert kept(problem, plan) == anew
                told = np.inf if anew is None else anew.objective
                assert worth(problem, plan) == pytest.approx(told, abs=1e-9)
                played += 1
    assert played > 20


@pytest.mark.parametrize("number", [68, 75, 88, 99])
def test_lines_on_which_plans_of_rules_come_to_a_stop_have_one(number: int) -> None:
    """Parts wait at a station that the plan does not name, or rules choose ones in a circle."""
    line = random_line(number)
    for state in (None, state_at(line, 400.0)):
        problem = SchedulingProblem.from_line(line, state=state)
        assert away_s(line, problem, ruled(problem), state) <= 1e-6


def test_what_has_come_to_other_stations_is_not_in_the_bound() -> None:
    """Parts stand at both ovens: whichever a plan names, both work, and a bound knows that."""
    oven = {"kind": "constant", "value_s": 100.0}
    line = line_from_document(
        {
            "id": "ovens",
            "sources": [{"id": "in", "arrivals": "orders"}],
            "stations": [
                {"id": "mixer"},
                {"id": "left", "input_buffer": "one"},
                {"id": "right", "input_buffer": "two"},
            ],
            "buffers": [{"id": "one", "capacity": 3}, {"id": "two", "capacity": 3}],
            "products": [
                {
                    "id": "bread",
                    "routing": [
                        {"id": "mix", "stations": ["mixer"], "processing_time_s": 5.0},
                        {"id": "bake", "stations": ["left", "right"], "processing_time_s": oven},
                    ],
                }
            ],
            "orders": [{"id": "A", "product": "bread", "quantity": 8}],
        }
    )
    state = state_at(line, 60.0)
    assert {part.location for part in state.parts} == {"left", "one", "right", "two"}
    problem = SchedulingProblem.from_line(line, state=state)
    result = solve(problem, Limits(engine="dispatch"))
    assert result.schedule is not None
    assert result.schedule.jobs[0].completion_s == 425.0
    assert result.bound <= result.objective
    assert away_s(line, problem, result.schedule, state) <= 1e-6


def test_a_line_that_finishes_no_plan_is_told_with_what_stops_it() -> None:
    """Both ways lead back through a full buffer: the circle is named; there is no schedule."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "a", "input_buffer": "one"}, {"id": "b", "input_buffer": "two"}],
        buffers=[{"id": name, "capacity": 2} for name in ("one", "two")],
        products=[product("p", ("a", 1), ("b", 5), ("a", 1))],
        orders=[{"id": "x", "product": "p", "quantity": 9}],
    )
    result = solve(SchedulingProblem.from_line(line), Limits(engine="dispatch"))
    assert result.schedule is None
    assert any("one (parts" in text and "for ever since" in text for text in result.messages)


def test_a_running_plan_that_stops_the_line_is_replaced() -> None:
    """All come back to `a`, which closes a circle: whatever its picture promises, `c` is better."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[
            {"id": "a", "input_buffer": "one"},
            {"id": "b", "input_buffer": "two"},
            {"id": "c", "input_buffer": "three"},
        ],
        buffers=[{"id": name, "capacity": 2} for name in ("one", "two", "three")],
        products=[product("p", ("a", 1), ("b", 5), ("c|a", 1))],
        orders=[{"id": "x", "product": "p", "quantity": 9}],
    )
    problem = SchedulingProblem.from_line(line)
    bars = [
        placed.model_copy(update={"machine": "a" if placed.operation == "op2" else placed.machine})
        for placed in ruled(problem).placements
    ]
    proposal = replan(problem, Schedule.of(problem, bars), Limits(engine="dispatch"))
    assert kept(problem, proposal.shifted) is None
    assert violations(proposal.problem, proposal.schedule) == []


def test_an_order_is_complete_when_it_is_out_of_the_line() -> None:
    """Vehicles take the last parts to the dispatch: planned ends and lateness have that too."""
    parts = example_line("transport").products
    orders = [
        JobOrder(id=f"O{at}", product=part.id, quantity=6, due_date_s=600.0)
        for at, part in enumerate([*parts, *parts])
    ]
    line = example_line("transport").changed(
        {"sources.store.arrivals": "orders", "orders": [o.model_dump(mode="json") for o in orders]}
    )
    problem = SchedulingProblem.from_line(line)
    plan = ruled(problem)
    ends_s = {job.job: job.completion_s for job in plan.jobs}
    worked_s = dict.fromkeys(ends_s, 0.0)
    for placed in plan.placements:
        worked_s[placed.job] = max(worked_s[placed.job], placed.end_s)
    assert all(ends_s[name] > worked_s[name] + 30.0 for name in ends_s)
    assert worth(problem, plan) == pytest.approx(plan.objective, abs=1e-9)
    assert violations(problem, plan) == []
    assert problem.twin is not None
    assert away_s(problem.twin.line, problem, plan, None) <= 1e-6
    short = [placed.model_copy(update={"done_s": None}) for placed in plan.placements]
    told = violations(problem, Schedule.of(problem, short))
    assert {item.kind for item in told} == {ViolationKind.TWIN}


def test_bars_name_the_crews_that_do_the_work() -> None:
    """Who sets up, who loads and who is needed for all of it; also what a live state began with."""
    need = {"skill": "set_up", "during": ["setup"]}
    line = flow().changed(
        {
            "crews": [
                {"id": "fitters", "size": 1, "skills": ["set_up"]},
                {"id": "hands", "size": 3},
            ],
            "stations.booth.needs": [need, {"crew": "hands", "count": 2}],
        }
    )
    problem = SchedulingProblem.from_line(line)
    plan = ruled(problem)
    named = {placed.key: placed.resources for placed in plan.placements}
    assert named["R/cut"] == named["B/cut"] == ()
    # The booth is set up for red at first.
    assert named["R/paint"] == ("hands", "hands")
    assert named["B/paint"] == ("fitters", "hands", "hands")
    assert violations(problem, plan) == []
    late = SchedulingProblem.from_line(line, state=state_at(line, 30.0))
    named = {placed.key: placed.resources for placed in ruled(late).placements}
    assert named["R/paint"] == ("hands", "hands")


def test_a_full_buffer_holds_up_the_plan() -> None:
    """Ahead of the slower booth the saw can be six parts ahead, not a hundred."""
    problem = SchedulingProblem.from_line(flow(capacity=5))
    sawn = {p.job: p.end_s for p in ruled(problem).placements if p.operation == "cut"}
    apart = {p.job: p.end_s for p in ruled(problem.without_line()).placements}
    assert sawn["R"] > 2.0 * 100 + 50.0
    assert set(sawn) == set(apart)


def test_other_times_than_the_line_s_are_a_violation() -> None:
    """The checker asks the line: a bar that is moved is told with the amount."""
    problem = SchedulingProblem.from_line(flow())
    plan = ruled(problem)
    assert violations(problem, plan) == []
    late = [_later(placed) for placed in plan.placements]
    found = violations(problem, Schedule.of(problem, late))
    assert {item.kind for item in found} == {ViolationKind.TWIN}
    assert all(item.amount_s == pytest.approx(30.0) for item in found)


def _later(placed: Placement) -> Placement:
    update = {"start_s": placed.start_s + 30.0, "end_s": placed.end_s + 30.0}
    return placed.model_copy(update=update)


def test_a_kept_plan_is_kept_again() -> None:
    """Playing a plan as it was kept changes nothing: turns say who goes first, not starts."""
    for number in range(6):
        problem = SchedulingProblem.from_line(random_line(number))
        once = ruled(problem)
        assert kept(problem, once) == once


def test_a_problem_with_its_line_can_be_written_and_read() -> None:
    """The line goes with the problem, so its plans mean the same elsewhere."""
    problem = SchedulingProblem.from_line(example_line("bottling"))
    again = SchedulingProblem.from_json(problem.to_json())
    assert again == problem
    assert again.twin is not None


def test_a_plan_is_changed_midway_in_the_line_s_times() -> None:
    """The pushed plan and the proposal are both what the line does from where it stands."""
    line = flow()
    running = ruled(SchedulingProblem.from_line(line))
    state = state_at(line, 101.0)
    problem = SchedulingProblem.from_line(line, state=state)
    proposal = replan(problem, running, Limits(engine="dispatch"), stability=0.001)
    for schedule in (proposal.shifted, proposal.schedule):
        assert away_s(line, problem, schedule, state) <= 1e-6


def test_breakdowns_are_all_that_a_plan_does_not_know() -> None:
    """On `bottling` half of the replays end each order later than planned, by a seventh at most."""
    line = example_line("bottling")
    problem = SchedulingProblem.from_line(line)
    plan = ruled(problem)
    outlook = on_time(replay(line, plan, replications=20), plan)
    assert all(order.planned_s <= order.p50_s for order in outlook)
    assert all(order.p50_s < 1.15 * order.planned_s for order in outlook)


def best_of_all(problem: SchedulingProblem) -> float:
    """Return the best objective of all orders in which jobs may follow each other."""
    network = Network.of(problem.without_line())
    jobs = list(range(len(problem.jobs)))
    best = np.inf
    for order in permutations(jobs):
        place = {job: at for at, job in enumerate(order)}
        turns = {i: place[step.job] for i, step in enumerate(network.steps)}
        found = kept(problem, dispatch(network, lambda c, at=turns: at[c.step]))
        best = min(best, np.inf if found is None else found.objective)
    return float(best)


@pytest.mark.proof
@pytest.mark.timeout(280)
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_what_solvers_prove_of_the_picture_holds_for_straight_lines(first: int) -> None:
    """No order of jobs is better in the line than the bound of CP-SAT, from live states too."""
    trusted = 0
    for number in range(first, first + 10):
        line = random_line(number, flow=True)
        changed = {f"orders.{order.id}.release_s": 0.0 for order in line.orders}
        line = line.changed(changed)
        for state in (None, state_at(line, 400.0)):
            problem = SchedulingProblem.from_line(line, state=state)
            loose = loosened(problem)
            if not problem.jobs or not straight(problem, loose):
                continue
            trusted += 1
            result = solve(problem, Limits(seconds=3, engine="cpsat"))
            assert result.bound <= best_of_all(problem) + 1e-6, number
    assert trusted > 3
