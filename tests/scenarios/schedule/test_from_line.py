"""A line and its live state become a problem that says what is left to do."""

import math

import pytest

from scenarios.schedule import (
    Limits,
    Objective,
    ProblemError,
    SchedulingProblem,
    solve,
    violations,
)
from scenarios.schedule.from_line import problem_from_line
from scenarios.schedule.live import mean_residual_s
from scenarios.schedule.quality import passes
from tests.scenarios.schedule.lines import random_line
from twin import fold, simulate
from twin.engine import Fault, SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events import LineState
from twin.line import (
    Buffer,
    Calendar,
    Constant,
    Exponential,
    JobOrder,
    Line,
    Operation,
    Product,
    Rework,
    Setup,
    Shift,
    Source,
    Station,
    example_line,
)


def flow(capacity: int | None = 5, **fields: object) -> Line:
    """Return two stations, 2 s and 3 s per part, with a changeover of 60 s on the second."""
    matrix = {"red": {"blue": 60.0}, "blue": {"red": 60.0}}
    routing = (
        Operation(id="cut", stations=("saw",), processing_time_s=Constant(value_s=2.0)),
        Operation(id="paint", stations=("booth",), processing_time_s=Constant(value_s=3.0)),
    )
    document: dict[str, object] = {
        "id": "flow",
        "sources": (Source(id="store", arrivals="orders"),),
        "stations": (
            Station(id="saw"),
            Station(
                id="booth",
                input_buffer="rack",
                setup=Setup(matrix_s=matrix, initial_group="red"),
            ),
        ),
        "buffers": (Buffer(id="rack", capacity=capacity),),
        "products": (Product(id="red", routing=routing), Product(id="blue", routing=routing)),
        "orders": (
            JobOrder(id="R", product="red", quantity=100, due_date_s=400.0, priority=2.0),
            JobOrder(id="B", product="blue", quantity=50, due_date_s=1000.0),
        ),
    }
    return Line(**{**document, **fields})


def state_at(line: Line, time_s: float, *faults: Fault) -> LineState:
    """Return the state of a run at a moment."""
    options = SimulationOptions(horizon_s=max(2 * time_s, 10.0), seed=1, faults=faults)
    engine = ReferenceEngine(line, options)
    engine.advance(time_s)
    return engine.state()


def test_an_order_of_what_needs_no_work_is_no_job() -> None:
    """What is bought comes to its stock as it is; other orders are planned."""
    line = flow()
    buffers = [*line.buffers, Buffer(id="shelf", capacity=9)]
    products = [*line.products, Product(id="bought", routing=(), stock="shelf")]
    with_it = line.products[0].routing[1].model_copy(update={"components": {"bought": 1}})
    routing = (line.products[0].routing[0], with_it)
    products[0] = products[0].model_copy(update={"routing": routing})
    orders = [*line.orders, JobOrder(id="Q", product="bought", quantity=100)]
    changed = {"products": products, "orders": orders, "buffers": buffers}
    problem = SchedulingProblem.from_line(line.changed(changed))
    assert [job.id for job in problem.jobs] == ["R", "B"]


def test_orders_become_jobs() -> None:
    """Quantity times processing time, lead of a part, due date and weight are taken over."""
    problem = SchedulingProblem.from_line(flow())
    red = problem.jobs[0]
    assert (red.id, red.due_date_s, red.weight) == ("R", 400.0, 2.0)
    mode = red.operations[1].modes[0]
    assert (mode.machine, mode.duration_s, mode.first_part_s) == ("booth", 300.0, 3.0)
    assert [operation.overlap for operation in red.operations] == [False, True]
    assert problem.machines[1].setup_s["red"]["blue"] == 60.0


@pytest.mark.parametrize(("capacity", "expected"), [(5, (("saw", "booth"),)), (None, ())])
def test_small_buffers_ask_for_one_order(
    capacity: int | None, expected: tuple[tuple[str, ...], ...]
) -> None:
    """A buffer that can fill up makes a permutation schedule; unlimited ones leave it free."""
    assert SchedulingProblem.from_line(flow(capacity)).same_order == expected


def test_servers_share_a_lot() -> None:
    """Three servers need ceil(100 / 3) rounds."""
    line = flow().changed({"stations.saw.servers": 3})
    mode = SchedulingProblem.from_line(line).jobs[0].operations[0].modes[0]
    assert mode.duration_s == 34 * 2.0


def test_rework_and_scrap_in_the_mean() -> None:
    """Half of the parts repeat the second operation: two passes of it; a tenth never get there."""
    time_s = Constant(value_s=1.0)
    product = Product(
        id="p",
        routing=(
            Operation(id="a", stations=("s",), processing_time_s=time_s, scrap_probability=0.1),
            Operation(
                id="b",
                stations=("t",),
                processing_time_s=time_s,
                rework=Rework(probability=0.5, to="b"),
            ),
        ),
    )
    assert passes(product)[0].tolist() == pytest.approx([1.0, 1.8])


def test_live_state_leaves_what_is_left() -> None:
    """After 100 s the saw has cut 50 parts, the booth painted 32; the rest is the problem."""
    line = flow(capacity=None)
    state = state_at(line, 101.0)
    problem = SchedulingProblem.from_line(line, state=state)
    assert problem.start_s == 101.0
    cut, paint = problem.jobs[0].operations
    # In process at 101 s: part 51 at the saw, half done, and part 33 at the booth since 98 s.
    assert cut.modes[0].duration_s == pytest.approx(49 * 2.0 + 1.0)
    assert paint.modes[0].duration_s == pytest.approx(300.0 - 99.0)
    assert cut.modes[0].first_part_s == 0.0
    assert problem.machines[0].running == ("R/cut",)
    assert problem.machines[1].running == ("R/paint",)


def test_finished_orders_are_gone() -> None:
    """When all is finished nothing is left, and that is a valid problem."""
    line = flow()
    problem = SchedulingProblem.from_line(line, state=state_at(line, 2000.0))
    assert problem.jobs == ()
    assert solve(problem, Limits(seconds=1)).objective == 0.0


def test_setup_in_place() -> None:
    """A station that was set up to blue asks for no setup for blue, but for one back to red."""
    line = flow()
    state = state_at(line, 500.0)
    problem = SchedulingProblem.from_line(line, state=state)
    assert problem.machines[-1].setup_group == "blue"


def test_begun_orders_stay_ahead_on_a_flow_line() -> None:
    """Where nobody can overtake, the order under way comes first on every station."""
    line = flow()
    problem = SchedulingProblem.from_line(line, state=state_at(line, 10.0))
    result = solve(problem, Limits(seconds=5))
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    assert [p.job for p in result.schedule.by_machine()["booth"]] == ["R", "B"]


def test_station_that_is_down() -> None:
    """A station that was stopped from outside is ready when the outage ends."""
    line = flow()
    state = state_at(line, 50.0, Fault(station="booth", after_s=40.0, duration_s=200.0))
    problem = SchedulingProblem.from_line(line, state=state)
    assert problem.machines[1].ready_s == pytest.approx(240.0)
    assert problem.machines[0].ready_s == 50.0


def test_repair_that_is_still_expected() -> None:
    """What is left of an exponential repair is its mean; of a constant one, the rest."""
    assert mean_residual_s(Exponential(mean_s=60.0), 500.0) == pytest.approx(60.0, rel=0.02)
    assert mean_residual_s(Constant(value_s=60.0), 45.0) == pytest.approx(15.0)


def test_calendar_becomes_closures() -> None:
    """Shifts from six to two leave the nights closed, from the line's start on."""
    shift = Shift(start="06:00", end="14:00", days=("mon", "tue", "wed", "thu", "fri"))
    calendars = (Calendar(id="day", shifts=(shift,)),)
    stations = (Station(id="saw"), Station(id="booth", input_buffer="rack", calendar="day"))
    orders = (JobOrder(id="R", product="red", quantity=12_000),)
    line = flow(calendars=calendars, stations=stations, orders=orders)
    problem = SchedulingProblem.from_line(line)
    first = problem.machines[1].unavailable[0]
    assert (first.start_s, first.end_s) == (8 * 3600.0, 24 * 3600.0)
    result = solve(problem, Limits(seconds=5))
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    # Ten hours of painting in shifts of eight.
    assert result.schedule.makespan_s > 26 * 3600.0


def test_orders_of_ones_own() -> None:
    """Orders may be given instead of the line's; unknown products are all named."""
    order = JobOrder(id="X", product="blue", quantity=3)
    assert [job.id for job in SchedulingProblem.from_line(flow(), [order]).jobs] == ["X"]
    wrong = [JobOrder(id=name, product="green", quantity=1) for name in ("Y", "Z")]
    with pytest.raises(ProblemError, match=r"(?s)orders\.Y\.product.*orders\.Z\.product"):
        SchedulingProblem.from_line(flow(), wrong)


@pytest.mark.parametrize("name", ["bottling", "electronics"])
def test_example_lines_midway(name: str) -> None:
    """From a live state of an example line comes a schedule that the checker accepts."""
    line = example_line(name)
    problem = SchedulingProblem.from_line(line, state=state_at(line, 9000.0))
    assert problem.jobs
    result = solve(problem, Limits(seconds=3))
    assert result.schedule is not None
    assert violations(problem, result.schedule) == []
    assert all(placed.start_s >= 9000.0 for placed in result.schedule.placements)


@pytest.mark.parametrize(
    ("number", "flows", "now_s", "objective"),
    [
        (4, True, 450.7645163844337, Objective(total_tardiness=1)),
        (27, False, 2484.6564392934943, Objective(setup_time=1, makespan=0.001)),
        (41, True, 884.4452334556156, Objective(flow_time=1)),
    ],
)
def test_no_plan_of_a_line_under_way_beats_its_bound(
    number: int, flows: bool, now_s: float, objective: Objective
) -> None:
    """What has come to a station is worked on at once; who waits at the entrance may go first."""
    line = random_line(number, flow=flows)
    state = fold(simulate(line, SimulationOptions(horizon_s=now_s, seed=number)), line)
    problem = problem_from_line(line, line.orders, state, objective)
    quick = solve(problem, Limits(engine="dispatch"))
    longer = solve(problem, Limits(seconds=1.5, seed=number))
    bound = max(quick.bound, longer.bound)
    assert bound <= min(quick.objective, longer.objective) + 1e-6


def test_orders_that_wait_at_the_entrance_are_planned_by_their_dates() -> None:
    """Nothing of them is under way, so the one that came first need not go first."""
    line = random_line(4, flow=True)
    now_s = 450.7645163844337
    state = fold(simulate(line, SimulationOptions(horizon_s=now_s, seed=4)), line)
    assert {part.location for part in state.parts} == {"b0"}
    problem = problem_from_line(line, line.orders, state)
    assert not any(machine.running for machine in problem.machines)
    plan = solve(problem, Limits(seconds=1.5, seed=4)).schedule
    assert plan is not None
    due = {order.id: order.due_date_s or math.inf for order in line.orders}
    ends = {job.job: job.completion_s for job in plan.jobs}
    assert ends["O1"] <= due["O1"] < due["O0"]
