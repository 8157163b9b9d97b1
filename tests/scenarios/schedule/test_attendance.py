"""What people, maintenance, conveyors and batches of a line mean for its schedule."""

import random
from itertools import pairwise

import pytest

from scenarios.schedule import (
    Limits,
    ProblemError,
    Schedule,
    SchedulingProblem,
    replay,
    solve,
    violations,
)
from scenarios.schedule.staffing import staffed
from tests.scenarios.schedule.test_from_line import flow
from twin.line import (
    Batch,
    Buffer,
    Calendar,
    Constant,
    Crew,
    JobOrder,
    Line,
    Maintenance,
    Need,
    Operation,
    Product,
    Setup,
    Shift,
    Source,
    Station,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PEOPLE = (Need(crew="hands"),)


def kitchen(
    saw: dict[str, object] | None = None, booth: dict[str, object] | None = None, **fields: object
) -> Line:
    """Return a saw, a belt of 30 s, an oven for ten and a booth, with more about saw and booth."""
    routing = (
        Operation(
            id="cut",
            stations=("saw",),
            processing_time_s=Constant(value_s=2.0),
            load_time_s=Constant(value_s=1.0),
            unload_time_s=Constant(value_s=0.5),
        ),
        Operation(id="bake", stations=("oven",), processing_time_s=Constant(value_s=60.0)),
        Operation(id="paint", stations=("booth",), processing_time_s=Constant(value_s=3.0)),
    )
    stations = (
        Station(**{"id": "saw", **(saw or {})}),
        Station(id="oven", input_buffer="belt", batch=Batch(min=10, max=10)),
        Station(**{"id": "booth", "input_buffer": "rack", **(booth or {})}),
    )
    document: dict[str, object] = {
        "stations": stations,
        "buffers": (Buffer(id="belt", transit_time_s=30.0), Buffer(id="rack")),
        "products": tuple(Product(id=name, routing=routing) for name in ("red", "blue")),
    }
    return flow(**{**document, **fields})


def hours(start: str, end: str) -> Calendar:
    """Return a calendar of one shift every day."""
    return Calendar(id=f"from{start[:2]}", shifts=(Shift(start=start, end=end, days=DAYS),))


def planned(line: Line) -> Schedule:
    """Return a schedule of rules."""
    return ruled(SchedulingProblem.from_line(line))


def ruled(problem: SchedulingProblem) -> Schedule:
    """Return a schedule of rules."""
    schedule = solve(problem, Limits(engine="dispatch")).schedule
    assert schedule is not None
    return schedule


def test_handling_belts_and_batches_are_planned_to_the_tick() -> None:
    """Loading and unloading, a conveyor, and batches of ten end orders when the twin does."""
    line = kitchen()
    schedule = planned(line)
    found = replay(line, schedule, replications=1).order_completion_s
    for job in schedule.jobs:
        assert float(found.sel(order=job.job)[0]) == pytest.approx(job.completion_s, abs=1e-6)


def test_a_station_stands_still_without_its_people() -> None:
    """Where nobody who is needed is there the station is closed; breaks of others do not count."""
    calendars = (hours("06:00", "14:00"), hours("08:00", "09:00"))
    crews = (
        Crew(id="hands", calendar="from06"),
        Crew(id="other", calendar="from08"),
    )
    line = kitchen(saw={"needs": PEOPLE}, crews=crews, calendars=calendars)
    machines = {machine.id: machine for machine in SchedulingProblem.from_line(line).machines}
    closed = machines["saw"].unavailable[0]
    assert (closed.start_s, closed.end_s) == (8 * 3600.0, 24 * 3600.0)  # the line begins at six
    assert not machines["booth"].unavailable


def test_people_and_station_that_never_meet_are_told() -> None:
    """Shifts that do not overlap leave no time; the order does not vanish, both are named."""
    calendars = (hours("06:00", "14:00"), hours("14:00", "22:00"))
    line = kitchen(
        saw={"needs": PEOPLE, "calendar": "from14"},
        crews=(Crew(id="hands", calendar="from06"),),
        calendars=calendars,
    )
    with pytest.raises(ProblemError, match=r"from14: and from06, of people needed at saw"):
        SchedulingProblem.from_line(line)


def test_too_few_people_are_told_apart() -> None:
    """One person for two stations is held by one lot at a time; two people only have hours."""
    needs = {"needs": PEOPLE}
    alone = kitchen(saw=needs, booth=needs, crews=(Crew(id="hands"),))
    problem = SchedulingProblem.from_line(alone)
    assert [resource.id for resource in problem.resources] == ["hands"]
    placed = ruled(problem.without_line()).placements
    held = sorted((p.start_s, p.end_s) for p in placed if p.resources)
    assert len(held) == 4
    assert all(a[1] <= b[0] for a, b in pairwise(held))
    enough = kitchen(saw=needs, booth=needs, crews=(Crew(id="hands", size=2),))
    assert not SchedulingProblem.from_line(enough).resources


def test_servers_wait_for_people() -> None:
    """Four servers and a crew of two work as two."""
    needs = {"needs": PEOPLE, "servers": 4}
    jobs = SchedulingProblem.from_line(kitchen(saw=needs, crews=(Crew(id="hands", size=2),))).jobs
    assert jobs[0].operations[0].modes[0].duration_s == 50 * 3.5


def test_planned_maintenance_closes_and_use_takes_its_share() -> None:
    """By the clock it is a closure; by use it falls to every part."""
    by_clock = Maintenance(
        id="oil", every_s=Constant(value_s=100.0), duration_s=Constant(value_s=20.0)
    )
    by_use = Maintenance(
        id="blade", clock="cycles", every_cycles=10, duration_s=Constant(value_s=5.0)
    )
    problem = SchedulingProblem.from_line(kitchen(saw={"maintenance": (by_clock, by_use)}))
    closed = [(c.start_s, c.end_s) for c in problem.machines[0].unavailable]
    assert closed[:2] == [(100.0, 120.0), (220.0, 240.0)]
    assert problem.jobs[0].operations[0].modes[0].duration_s == 100 * (3.5 + 0.5)


def test_bars_without_names_get_people() -> None:
    """A plan of bars alone is as valid as the plan itself; a person in two places is told."""
    needs = {"needs": PEOPLE}
    line = kitchen(saw=needs, booth=needs, crews=(Crew(id="hands"),))
    problem = SchedulingProblem.from_line(line).without_line()
    bars = [p.model_copy(update={"resources": ()}) for p in ruled(problem).placements]
    assert violations(problem, Schedule.of(problem, staffed(problem, bars))) == []
    at_once = [p.model_copy(update={"start_s": 0.0}) for p in bars]
    told = violations(problem, Schedule.of(problem, staffed(problem, at_once)))
    assert any("hands" in str(one) for one in told)


def drawn(number: int) -> Line:
    """Return a random line without chance: servers, batches, setups, belts, loading."""
    draw = random.Random(number)
    stations, buffers, steps = [], [], []
    for k in range(draw.randint(1, 4)):
        kinds: list[dict[str, object]] = [
            {},
            {"servers": draw.choice((2, 3))},
            {"batch": Batch(min=5, max=5)},
            {"setup": Setup(matrix_s={"a": {"b": 40.0}, "b": {"a": 20.0}}, initial_group="a")},
        ]
        stations.append(Station(**{"id": f"s{k}", "input_buffer": f"b{k}", **draw.choice(kinds)}))
        buffers.append(Buffer(id=f"b{k}", transit_time_s=draw.choice((0.0, 25.0))))
        steps.append(
            Operation(
                id=f"o{k}",
                stations=(f"s{k}",),
                processing_time_s=Constant(value_s=float(draw.randint(1, 20))),
                load_time_s=Constant(value_s=draw.choice((0.0, 2.0))),
            )
        )
    return Line(
        id="drawn",
        sources=(Source(id="in", arrivals="orders"),),
        stations=tuple(stations),
        buffers=tuple(buffers),
        products=tuple(Product(id=name, routing=tuple(steps)) for name in "ab"),
        orders=tuple(
            JobOrder(id=f"O{j}", product=draw.choice("ab"), quantity=30, due_date_s=500.0)
            for j in range(draw.randint(1, 3))
        ),
    )


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_random_lines_end_orders_when_planned() -> None:
    """Most lines without chance end every order to the tick, all of them within their cycles."""
    exact = 0
    for number in range(40):
        line = drawn(number)
        schedule = planned(line)
        found = replay(line, schedule, replications=1).order_completion_s
        away_s = [
            abs(float(found.sel(order=job.job)[0]) - job.completion_s) for job in schedule.jobs
        ]
        cycle_s = sum(
            step.processing_time_s.expected_s() + step.load_time_s.expected_s()
            for step in line.products[0].routing
        )
        assert max(away_s) <= len(away_s) * cycle_s, number
        exact += max(away_s) < 1e-6
    assert exact >= 30
