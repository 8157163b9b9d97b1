"""Schedules played in the twin: what was planned, what is to be expected."""

import numpy as np
import pytest

from scenarios.schedule import (
    Limits,
    Schedule,
    SchedulingProblem,
    dispatch,
    on_time,
    plan_of,
    replay,
    solve,
)
from scenarios.schedule.timing import Network
from tests.scenarios.schedule.test_from_line import flow, state_at
from twin.engine import DispatchPlan, SimulationOptions
from twin.errors import OptionsError
from twin.line import Buffer, JobOrder, Line, Lognormal, Operation, Product, Source, Station
from twin.line.distributions import AnyDistribution, Constant


def scheduled(line: Line, problem: SchedulingProblem | None = None) -> Schedule:
    """Return a schedule of a line's orders."""
    result = solve(problem or SchedulingProblem.from_line(line), Limits(seconds=5))
    assert result.schedule is not None
    return result.schedule


def planned(schedule: Schedule) -> list[float]:
    """Return the planned completions in the order of the jobs."""
    return [outcome.completion_s for outcome in schedule.jobs]


def test_deterministic_line_keeps_the_plan_to_the_tick() -> None:
    """Without chance and without limits on buffers the twin ends each order when it was planned."""
    line = flow(capacity=None)
    schedule = scheduled(line)
    results = replay(line, schedule, replications=1)
    names = [outcome.job for outcome in schedule.jobs]
    found = results.order_completion_s.sel(order=names).values[0]
    assert found.tolist() == pytest.approx(planned(schedule), abs=1e-6)


def test_live_deterministic_line_keeps_the_plan() -> None:
    """The same from the middle of a run, with parts in process and a setup in place."""
    line = flow(capacity=None)
    state = state_at(line, 101.0)
    schedule = scheduled(line, SchedulingProblem.from_line(line, state=state))
    results = replay(line, schedule, replications=1, state=state)
    names = [outcome.job for outcome in schedule.jobs]
    found = results.order_completion_s.sel(order=names).values[0]
    assert found.tolist() == pytest.approx(planned(schedule), abs=1e-6)


def test_the_twin_follows_the_sequence() -> None:
    """Two schedules of the same orders end them in the order that each asks for."""
    line = flow()
    network = Network.of(SchedulingProblem.from_line(line))
    jobs = [network.problem.jobs[step.job].id for step in network.steps]
    for first, second in (("R", "B"), ("B", "R")):
        place = {first: 0, second: 1}
        schedule = dispatch(network, lambda c, at=place: at[jobs[c.step]])
        assert plan_of(schedule).release == (first, second)
        results = replay(line, schedule, replications=1)
        ends = {name: float(results.order_completion_s.sel(order=name)[0]) for name in place}
        assert ends[first] < ends[second]


def lane(time_s: AnyDistribution) -> Line:
    """Return one station with two orders of ten parts."""
    operation = Operation(id="do", stations=("s",), processing_time_s=time_s)
    return Line(
        id="lane",
        sources=(Source(id="in", arrivals="orders"),),
        stations=(Station(id="s", input_buffer="b"),),
        buffers=(Buffer(id="b"),),
        products=(Product(id="p", routing=(operation,)),),
        orders=(
            JobOrder(id="A", product="p", quantity=10, due_date_s=110.0),
            JobOrder(id="B", product="p", quantity=10, due_date_s=200.0),
        ),
    )


def test_on_time_probability_lies_between_the_certain_cases() -> None:
    """With chance an order is on time in some of the runs; the interval holds the share."""
    line = lane(Lognormal(mean_s=10.0, sd_s=5.0))
    schedule = scheduled(line)
    results = replay(line, schedule, replications=200)
    tight, even = on_time(results, schedule)
    assert tight.on_time is not None
    assert even.on_time is not None
    ends = results.order_completion_s.sel(order="A").values
    assert tight.on_time.mean == np.mean(ends <= 110.0)
    assert 0.5 < tight.on_time.mean < 1
    assert tight.on_time.low < tight.on_time.mean < tight.on_time.high
    # Twenty parts of 10 s against 200 s: about an even chance.
    assert even.on_time.low < 0.6
    assert even.on_time.high > 0.4
    assert even.expected_s.low < 200 < even.expected_s.high
    assert even.p50_s < even.p90_s


def test_without_chance_it_is_certain() -> None:
    """Constant times: on time in every run or in none."""
    line = lane(Constant(value_s=10.0)).changed({"orders.B.due_date_s": 199.0})
    schedule = scheduled(line)
    early, late = on_time(replay(line, schedule, replications=3), schedule)
    assert (early.on_time and early.on_time.mean, late.on_time and late.on_time.mean) == (1, 0)
    assert late.planned_s == late.p90_s == 200.0


def test_order_without_due_date_has_no_probability() -> None:
    """Where there is no date there is no share, but still a completion."""
    line = lane(Constant(value_s=10.0)).changed({"orders.A.due_date_s": None})
    schedule = scheduled(line)
    outlook = next(
        o for o in on_time(replay(line, schedule, replications=2), schedule) if o.order == "A"
    )
    assert outlook.on_time is None
    assert outlook.expected_s.mean == outlook.planned_s


def test_plan_without_times_needs_options() -> None:
    """A bare plan has no length; the error says what is missing."""
    line = flow()
    with pytest.raises(OptionsError, match="horizon"):
        replay(line, DispatchPlan(release=("R", "B")), replications=1)
    results = replay(
        line, DispatchPlan(release=("B", "R")), SimulationOptions(horizon_s=2000.0), replications=1
    )
    ends = results.order_completion_s.sel(order=["B", "R"]).values[0]
    assert ends[0] < ends[1]


def test_orders_that_the_line_does_not_have() -> None:
    """A schedule of other orders is refused by name."""
    line = flow()
    strange = JobOrder(id="X", product="blue", quantity=3)
    schedule = scheduled(line, SchedulingProblem.from_line(line, [strange]))
    with pytest.raises(OptionsError, match="unknown order 'X'"):
        replay(line, schedule, replications=1)


def test_progress_and_cancel_reach_the_replications() -> None:
    """A replay tells how far it is and stops when asked."""
    line, seen = flow(), []
    schedule = scheduled(line)
    results = replay(
        line,
        schedule,
        replications=5,
        progress=lambda done, total: seen.append((done, total)),
        cancelled=lambda: len(seen) == 2,
    )
    assert seen == [(1, 5), (2, 5)]
    assert results.sizes["replication"] == 2
