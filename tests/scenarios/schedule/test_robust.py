"""Schedules in the twin: distinct ones, the race, slack, and whether probabilities hold."""

import numpy as np
import pytest

from scenarios.schedule import (
    Limits,
    Schedule,
    SchedulingProblem,
    on_time,
    replay,
    replay_options,
    solve,
    violations,
)
from scenarios.schedule.robust import Reliability, choose, distinct, reliability
from scenarios.schedule.sturdy import sturdiest, told
from tests.scenarios.schedule.test_from_line import flow
from twin.emulator.gap import Range, RealityGap
from twin.engine import SimulationOptions
from twin.errors import OptionsError
from twin.line import JobOrder, Line, Lognormal, Operation, Product, example_line


def uncertain(orders: int = 4, **due: float) -> Line:
    """Return a line whose times vary, with orders of two colours."""
    routing = (
        Operation(id="cut", stations=("saw",), processing_time_s=Lognormal(mean_s=2.0, sd_s=2.0)),
        Operation(
            id="paint", stations=("booth",), processing_time_s=Lognormal(mean_s=3.0, sd_s=3.0)
        ),
    )
    return flow(
        products=tuple(Product(id=name, routing=routing) for name in ("red", "blue")),
        orders=tuple(
            JobOrder(
                id=f"O{n}",
                product="red" if n % 2 else "blue",
                quantity=15,
                due_date_s=due.get("first_s", 60.0) + due.get("step_s", 70.0) * n,
            )
            for n in range(orders)
        ),
    )


def test_distinct_schedules_are_valid_and_different() -> None:
    """Neighbours of a schedule differ in their sequences, and are hardly worse."""
    problem = SchedulingProblem.from_line(uncertain())
    best = solve(problem, Limits(seconds=1, engine="dispatch")).schedule
    assert best is not None
    found = distinct(problem, best, 5, slack=0.5)
    orders = {tuple(p.job for p in s.by_machine()["booth"]) for s in found}
    assert len(orders) == len(found) > 1
    assert all(violations(problem, s) == [] for s in found)


def test_the_choice_is_the_best_of_those_played() -> None:
    """What is chosen has the least expected tardiness of all that stayed; both numbers are told."""
    line = uncertain()
    problem = SchedulingProblem.from_line(line)
    best = solve(problem, Limits(seconds=1, engine="dispatch")).schedule
    assert best is not None
    choice = choose(line, problem, distinct(problem, best, 4, slack=0.5), replications=16)
    staying = [c for c in choice.candidates if not c.dropped]
    assert choice.chosen.expected.mean == min(c.expected.mean for c in staying)
    assert all(c.replications < 16 for c in choice.candidates if c.dropped)
    assert choice.chosen.expected.low <= choice.chosen.expected.mean <= choice.chosen.tail
    assert [o.order for o in choice.outlooks] == [job.id for job in problem.jobs]


def test_nothing_to_choose_from_is_told() -> None:
    """Without a schedule there is a message."""
    line = uncertain()
    with pytest.raises(OptionsError, match="at least one schedule"):
        choose(line, SchedulingProblem.from_line(line), ())


def test_reliability_counts_what_came_true() -> None:
    """Rows of the diagram hold mean probability and share; the Brier score is the mean square."""
    rows, brier = reliability([0.1, 0.1, 0.9, 0.9], [False, False, True, False])
    assert [(row.said, row.seen.mean) for row in rows] == [(0.1, 0.0), (0.9, 0.5)]
    assert brier == pytest.approx((0.01 + 0.01 + 0.01 + 0.81) / 4)


@pytest.mark.proof
def test_on_time_probabilities_hold_on_the_plant() -> None:
    """Where the plant is as the twin believes, said and seen agree; where it is slower, less so.

    The plant is the emulator's: its true line, run with chances of its own. Due dates lie around
    the planned ends, so that every probability occurs; who says how often orders are on time in
    general does worse.
    """
    rows, brier = _diagram(1.0)
    assert len(rows) >= 4
    assert sum(row.holds for row in rows) >= len(rows) - 1
    share = sum(row.seen.mean * row.seen.n for row in rows) / sum(row.seen.n for row in rows)
    assert brier < 0.7 * share * (1 - share)
    _, worse = _diagram(1.3)
    assert worse > brier


def _diagram(factor: float) -> tuple[tuple[Reliability, ...], float]:
    times = Range(low=factor, high=factor)
    gap = RealityGap.none().model_copy(update={"processing_time": times})
    said: list[float] = []
    seen: list[bool] = []
    for case in range(40):
        line, schedule = _tight(np.random.default_rng(case))
        options = SimulationOptions(horizon_s=3600.0, seed=1)
        outlooks = on_time(replay(line, schedule, options, 200), schedule)
        plant = replay(
            gap.apply(line), schedule, SimulationOptions(horizon_s=3600.0, seed=900 + case), 1
        )
        for outlook in outlooks:
            assert outlook.on_time is not None
            said.append(outlook.on_time.mean)
            seen.append(bool(plant.order_on_time.sel(order=outlook.order).values[0] > 0))
    return reliability(said, seen)


def _tight(generator: np.random.Generator) -> tuple[Line, Schedule]:
    """Return a line whose orders are due around when a plan ends them, and a plan."""
    line = uncertain(5)
    ends_s = {job.job: job.completion_s for job in _ruled(line).jobs}
    orders = tuple(
        order.model_copy(update={"due_date_s": ends_s[order.id] * generator.uniform(0.88, 1.14)})
        for order in line.orders
    )
    line = Line(**{name: getattr(line, name) for name in Line.model_fields} | {"orders": orders})
    return line, _ruled(line)


def _ruled(line: Line) -> Schedule:
    problem = SchedulingProblem.from_line(line)
    schedule = solve(problem, Limits(seconds=1, engine="dispatch")).schedule
    assert schedule is not None
    return schedule


def test_the_plan_that_holds_up_is_taken_with_what_it_won_against() -> None:
    """The result has the chosen plan, its objective and gap; nothing is chosen without dates."""
    line, heard = uncertain(first_s=45.0, step_s=75.0), []
    problem = SchedulingProblem.from_line(line)
    best = solve(problem, Limits(engine="dispatch"))
    found, choice = sturdiest(
        line,
        problem,
        best,
        replications=12,
        seconds=3.0,
        progress=lambda done, total: heard.append((done, total)),
    )
    assert choice is not None
    assert found.schedule is choice.chosen.schedule
    assert found.objective == found.schedule.objective
    assert found.bound == best.bound
    assert choice.chosen.expected.mean <= choice.candidates[0].expected.mean
    assert violations(problem, found.schedule) == []
    assert heard == sorted(heard)
    assert all(done <= total for done, total in heard)
    changed = found.schedule is not best.schedule
    assert ("is taken" if changed else "none is less late") in told(choice)
    undated = uncertain().changed({f"orders.O{n}.due_date_s": None for n in range(4)})
    nothing = solve(SchedulingProblem.from_line(undated), Limits(engine="dispatch"))
    assert sturdiest(undated, SchedulingProblem.from_line(undated), nothing) == (nothing, None)


def test_who_stops_the_comparison_of_plans_stops_it() -> None:
    """What the one who is told raises goes out to the one who asked."""

    def stop(_done: int, _total: int) -> None:
        raise TimeoutError

    line = uncertain()
    problem = SchedulingProblem.from_line(line)
    best = solve(problem, Limits(engine="dispatch"))
    with pytest.raises(TimeoutError):
        sturdiest(line, problem, best, seconds=1.0, progress=stop)


@pytest.mark.proof
@pytest.mark.timeout(280)
def test_bottling_is_on_time_more_often_by_the_plan_that_holds_up() -> None:
    """Two orders of the best plan on paper are hardly ever on time; of the other plan they are."""
    line = example_line("bottling")
    problem = SchedulingProblem.from_line(line)
    best = solve(problem, Limits(seconds=10, seed=1))
    found, choice = sturdiest(line, problem, best, replications=40, seed=1, seconds=10.0)
    assert choice is not None
    assert best.schedule is not None
    assert found.schedule is not None
    options = replay_options(best.schedule, seed=99)
    shares = [
        np.mean(
            [o.on_time.mean for o in on_time(replay(line, plan, options, 60), plan) if o.on_time]
        )
        for plan in (best.schedule, found.schedule)
    ]
    assert shares[1] >= max(0.95, shares[0])
