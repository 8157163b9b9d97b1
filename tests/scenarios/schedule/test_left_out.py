"""What a plan does not know of a line is said, not passed over."""

from typing import get_args

import pytest

from api.jobs.tasks.check import check
from api.jobs.tasks.context import LineCache
from api.jobs.tasks.schedule import schedule
from api.schemas import Provenance, ScheduleResult, ScheduleWarning
from scenarios.schedule import (
    Limits,
    Omission,
    SchedulingProblem,
    left_out,
    not_kept,
    plan_of,
    replay_options,
    solve,
    violations,
)
from scenarios.schedule.around import replan_around, solve_around
from scenarios.schedule.locking import entering
from tests.scenarios.schedule.lines import random_line
from tests.scenarios.schedule.test_from_line import flow
from twin import SimulationOptions, simulate, summarise
from twin.engine.options import DispatchPlan
from twin.events.fold import empty_state
from twin.line import JobOrder, example_line


def test_wear_is_named() -> None:
    """Worn stations are named; vehicles are planned, and a plain line leaves nothing out."""
    grinding = example_line("grinding")
    worn = [JobOrder(id="a", product=grinding.products[0].id, quantity=1)]
    (found,) = left_out(grinding, worn)
    assert found.kind is Omission.WEAR
    assert all(grinding.station(name).wear for name in found.elements)
    for name in ("electronics", "transport"):
        line = example_line(name)
        assert left_out(line, [JobOrder(id="a", product=line.products[0].id, quantity=1)]) == ()


def test_no_plan_is_good_because_parts_perish() -> None:
    """What waits too long is lost in the replays, and made in the plan, which says so."""
    line = flow()
    document = line.model_dump(mode="json")
    document["products"][0]["routing"][1]["max_wait_s"] = 1.0
    short = type(line).model_validate(document)
    limits = Limits(engine="dispatch")
    plans = [solve(SchedulingProblem.from_line(one), limits).schedule for one in (line, short)]
    assert plans[0] is not None
    assert plans[1] is not None
    assert plans[1].jobs == plans[0].jobs
    lost = simulate(short, replay_options(plans[1]).model_copy(update={"plan": plan_of(plans[1])}))
    assert summarise(lost, short).scrapped > 0
    (found,) = left_out(short, short.orders)
    assert (found.kind, found.elements) == (Omission.WAITS, ("booth",))
    assert "as long as it takes" in str(found)
    assert left_out(line, line.orders) == ()


def test_a_locked_moment_that_the_line_does_not_wait_for_is_told() -> None:
    """The plan has the line's times; how far they are from what is locked is said."""
    problem = SchedulingProblem.from_line(flow())
    free = solve(problem, Limits(engine="dispatch")).schedule
    assert free is not None
    last = free.placements[-1]
    assert not_kept({(last.job, last.operation): (last.machine, last.start_s)}, free) == ()
    places = {(last.job, last.operation): (last.machine, last.start_s + 500.0)}
    there, found = solve_around(problem, places, Limits(engine="dispatch"))
    assert there.twin is not None
    assert found.schedule is not None
    assert violations(there, found.schedule) == []
    assert found.bound <= found.objective
    (told,) = not_kept(places, found.schedule)
    assert told.kind is Omission.TIMES
    assert told.elements == (last.job,)
    assert told.late_s == pytest.approx(-500.0, abs=60.0)
    assert "500 s earlier" in str(told)
    (stopped,) = not_kept(places, None)
    assert "does not finish" in str(stopped)


def test_an_order_is_kept_back_to_the_moment_at_which_it_is_locked() -> None:
    """What is locked where it enters begins then, whatever is set up before; the line does it."""
    late, exact = 0, 0
    for number in range(0, 24, 2):
        line = random_line(number, flow=True)
        problem = SchedulingProblem.from_line(line)
        free = solve(problem, Limits(engine="dispatch")).schedule
        assert free is not None
        first = {job.id: job.operations[0].id for job in problem.jobs}
        entries = [p for p in free.in_turn() if p.operation == first[p.job]]
        places = {(entries[-1].job, entries[-1].operation): (entries[-1].machine, 4000.0)}
        there, found = solve_around(problem, places, Limits(engine="dispatch"))
        assert found.schedule is not None
        assert there.twin is not None
        assert violations(there, found.schedule) == []
        begins = {p.key: p.start_s for p in found.schedule.placements}[entries[-1].key]
        exact += begins == pytest.approx(4000.0, abs=1e-6)
        late += begins > 4000.0 + 1e-6
        assert bool(not_kept(places, found.schedule)) == (abs(begins - 4000.0) > 0.01)
        release = {order.id: order.release_s for order in there.twin.line.orders}
        run = simulate(entering(line, None, release)[0], replay_options(found.schedule).model_copy(
            update={"plan": plan_of(found.schedule, there)}))  # fmt: skip
        ends = summarise(run, line).order_completion_s
        for job in found.schedule.jobs:
            assert float(ends.sel(order=job.job)) == pytest.approx(job.completion_s, abs=1e-6)
    assert exact + late == 12
    assert exact >= 10


def test_a_plan_around_locked_bars_is_compared_in_the_lines_times() -> None:
    """Another plan than the running one, a bar locked: what changes is what the line does."""
    line = flow()
    problem = SchedulingProblem.from_line(line)
    running = solve(problem, Limits(engine="dispatch")).schedule
    assert running is not None
    first = running.placements[0]
    places = {(first.job, first.operation): (first.machine, first.start_s)}
    found = replan_around(problem, places, running, Limits(engine="dispatch"), stability=0.1)
    assert found.problem.twin is not None
    assert found.shifted.jobs == running.jobs
    assert violations(found.problem, found.schedule) == []
    assert found.schedule.objective <= found.shifted.objective


@pytest.mark.parametrize("flows", [False, True])
def test_a_bar_that_is_locked_where_it_stands_stays_there(flows: bool) -> None:
    """The plan in which it was locked is known to have it there, whatever a picture of it says."""
    for number in range(12):
        line = random_line(number, flow=flows)
        problem = SchedulingProblem.from_line(line)
        plan = solve(problem, Limits(engine="dispatch")).schedule
        assert plan is not None
        bar = plan.placements[number % len(plan.placements)]
        places = {(bar.job, bar.operation): (bar.machine, bar.start_s)}
        found = replan_around(problem, places, plan, Limits(engine="dispatch"))
        assert found.problem.twin is not None
        assert not_kept(places, found.schedule) == ()
        assert violations(found.problem, found.schedule) == []
        assert found.schedule.objective <= plan.objective + 1e-6


class _Alone:
    """Somebody who waits for nothing."""

    def progress(self, *_told: object) -> None:
        """Hear how far it is."""

    def interim(self, *_told: object) -> None:
        """Hear what is known so far."""

    def cancelled(self) -> bool:
        """Never."""
        return False


def test_a_schedule_tells_when_its_stations_are_closed() -> None:
    """The break of the day and the night, from where the line stands to the end of the plan."""
    line = example_line("electronics")
    told = Provenance(
        as_of=line.start_utc, received_at=line.start_utc, quality="simulated", age_ms=0.0,
        model_version=line.hash,
    )  # fmt: skip
    payload = {
        "line": line.model_dump(mode="json"), "line_hash": line.hash, "order_ids": None,
        "state": empty_state(line).model_dump(mode="json"), "time_limit_s": 0.5, "replications": 2,
        "seed": 1, "level": 0.95, "locked": [], "running": None, "freeze_s": 0.0, "stability": 0.0,
        "provenance": told.model_dump(mode="json"),
    }  # fmt: skip
    found = ScheduleResult.model_validate(schedule(payload, _Alone(), LineCache()))
    end = max(bar.end for bar in found.operations)
    assert found.closed
    assert all(line.start_utc <= pause.start < pause.end <= end for pause in found.closed)
    pauses = {(line.seconds(p.start) % 86400, line.seconds(p.end) % 86400) for p in found.closed}
    begins = line.start.hour * 3600
    assert (12 * 3600 - begins, 13 * 3600 - begins) in pauses
    inside = {(p.station, p.start) for p in found.closed}
    assert not any((bar.station, bar.start) in inside for bar in found.operations)


def test_a_schedule_warns_of_what_it_left_out() -> None:
    """The answer of a schedule names it, in words and by a kind that the API declares."""
    line = example_line("grinding").changed({
        "sources.blanks.arrivals": "orders",
        "orders.a": {"product": "camshaft", "quantity": 2, "due_date_s": 7200.0},
    })  # fmt: skip
    state = empty_state(line)
    told = Provenance(
        as_of=line.start_utc, received_at=line.start_utc, quality="simulated", age_ms=0.0,
        model_version=line.hash,
    )  # fmt: skip
    payload = {
        "line": line.model_dump(mode="json"), "line_hash": line.hash, "order_ids": ["a"],
        "state": state.model_dump(mode="json"), "time_limit_s": 0.5, "replications": 2, "seed": 1,
        "level": 0.95, "locked": [], "running": None, "freeze_s": 0.0, "stability": 0.0,
        "provenance": told.model_dump(mode="json"),
    }  # fmt: skip
    found = ScheduleResult.model_validate(schedule(payload, _Alone(), LineCache()))
    assert found.choice is None
    again = schedule(payload | {"robust": True}, _Alone(), LineCache())
    choice = ScheduleResult.model_validate(again).choice
    assert choice is not None
    assert choice.late_s <= choice.late_on_paper_best_s
    bars = again["operations"]
    more = payload | {"robust": True, "running": bars, "freeze_s": 60.0, "stability": 0.01}
    anew = ScheduleResult.model_validate(schedule(more, _Alone(), LineCache()))
    assert anew.choice is not None
    assert anew.changes is not None
    assert anew.changes.improved == (anew.changes.moved + anew.changes.machine_changes > 0)
    assert anew.violations == ()
    locked = ScheduleResult.model_validate(
        schedule(more | {"locked": bars[:1]}, _Alone(), LineCache())
    )
    assert locked.choice is None
    assert locked.violations == ()
    assert "wear" in [item.kind for item in found.warnings]
    assert all(item.elements and item.text for item in found.warnings)
    declared = ScheduleWarning.model_fields["kind"].annotation
    assert set(get_args(declared)) == set(Omission)


def test_a_moved_bar_is_told_with_what_the_line_makes_of_the_order() -> None:
    """Put first at the saw, B goes first at the booth too, which does not wait for what comes."""
    line = flow()
    problem = SchedulingProblem.from_line(line)
    plan = solve(problem, Limits(engine="dispatch")).schedule
    assert plan is not None
    bars = [
        {"order": p.job, "operation": p.operation, "station": p.machine, "turn": p.turn}
        | {"start_s": p.start_s, "end_s": p.end_s}
        for p in plan.placements
    ]
    assert [bar["order"] for bar in bars if bar["station"] == "saw"] == ["R", "B"]
    ahead = [bar for bar in bars if (bar["order"], bar["station"]) == ("B", "saw")]
    ahead = [bar | {"start_s": -10.0, "end_s": 90.0} for bar in ahead]
    payload = {
        "line": line.model_dump(mode="json"), "line_hash": line.hash, "order_ids": None,
        "state": empty_state(line).model_dump(mode="json"), "operations": bars, "moved": bars,
        "objective": plan.objective, "provenance": {},
    }  # fmt: skip
    same = check(payload, _Alone(), LineCache())  # type: ignore[arg-type]
    assert (same["objective"], same["kept"], same["feasible"]) == (plan.objective, [], True)
    told = check(payload | {"moved": ahead}, _Alone(), LineCache())  # type: ignore[arg-type]
    sequence = {"saw": ("B", "R"), "booth": ("R", "B")}
    options = SimulationOptions(
        horizon_s=5000.0, plan=DispatchPlan(release=("B", "R"), sequence=sequence)
    )
    ends = summarise(simulate(line, options), line).order_completion_s
    assert {item["order"]: item["completion_s"] for item in told["kept"]} == {
        name: float(ends.sel(order=name)) for name in ("B", "R")
    }
    late_s = max(0.0, float(ends.sel(order="R")) - 400.0)
    last_s = float(ends.max())
    assert told["objective"] == pytest.approx(2.0 * late_s + 0.01 * last_s)
    assert not told["feasible"]
