"""What happens when, told event by event: the rules of one moment and of each feature."""

from typing import Any

import numpy as np
import pytest

from twin import SimulationOptions, example_line, load_line, serial_line, simulate, summarise
from twin.engine.options import DispatchPlan, Fault
from twin.engine.reference.engine import ReferenceEngine
from twin.errors import LineError, OptionsError, SimulationError
from twin.events import EventLog, Kind, fold
from twin.line import Constant, Line, line_from_document

ENGINES = ["auto", "reference"]


def cell(**changes: Any) -> Line:
    """Return two stations with a buffer of two between them; keywords replace sections."""
    document: dict[str, Any] = {
        "id": "cell",
        "start": "2026-01-05T06:00:00",
        "sources": [{"id": "in"}],
        "stations": [{"id": "a"}, {"id": "b", "input_buffer": "mid"}],
        "buffers": [{"id": "mid", "capacity": 2}],
        "products": [product("p", ("a", 10), ("b", 10))],
    }
    return line_from_document(document | changes)


def product(name: str, *steps: tuple[str, float], **more: Any) -> dict[str, Any]:
    """Return a product from stations and times; several stations are joined by '|'."""
    routing = [
        {"id": f"op{k}", "stations": names.split("|"), "processing_time_s": time_s}
        for k, (names, time_s) in enumerate(steps)
    ]
    return {"id": name, "routing": routing, **more}


def run(line: Line, horizon_s: float = 100.0, engine: str = "auto", **options: Any) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, engine=engine, **options))


def told(log: EventLog, *kinds: Kind, element: str | None = None) -> list[tuple[float, str, int]]:
    """Return time, kind and part of the events of some kinds, at one element or at any."""
    frame = log.frame()
    names = [kind.name.lower() for kind in kinds]
    frame = frame[frame["kind"].isin(names)]
    if element is not None:
        frame = frame[frame["element"] == element]
    return list(zip(frame["time_s"], frame["kind"], frame["part"], strict=True))


def times_of(log: EventLog, kind: Kind, element: str | None = None) -> list[float]:
    """Return the moments of one kind of event."""
    return [time_s for time_s, _, _ in told(log, kind, element=element)]


def failing(after_s: float, repair_s: float, **more: Any) -> dict[str, Any]:
    """Return a failure mode of constant times."""
    return {"id": "m", "time_to_failure_s": after_s, "time_to_repair_s": repair_s, **more}


def calendar(*spans: tuple[str, str]) -> list[dict[str, Any]]:
    """Return a calendar that works every day in these spans."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    return [{"id": "c", "shifts": [{"days": days, "start": a, "end": b} for a, b in spans]}]


@pytest.mark.parametrize("engine", ENGINES)
def test_finish_beats_failure_at_one_moment(engine: str) -> None:
    """A part that is due when its station fails is finished first, then the station is down."""
    line = cell(stations=[{"id": "a", "failures": [failing(20, 5)]}], buffers=[],
                products=[product("p", ("a", 10))])  # fmt: skip
    log = run(line, 46.0, engine)
    assert times_of(log, Kind.FAILED) == [20.0, 45.0]
    assert times_of(log, Kind.PROCESSING_ENDED) == [10.0, 20.0, 35.0, 45.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_work_resumes_where_it_stopped(engine: str) -> None:
    """A repair in the middle of a part delays it by the repair, no more."""
    line = cell(stations=[{"id": "a", "failures": [failing(14, 7)]}], buffers=[],
                products=[product("p", ("a", 10))])  # fmt: skip
    # Fails at 14 with 6 left, and at 35, after 14 of work, with 2 left.
    assert times_of(run(line, 45.0, engine), Kind.PROCESSING_ENDED) == [10.0, 27.0, 44.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_setup_is_interrupted_too(engine: str) -> None:
    """A failure on the calendar clock stops a setup, which goes on after the repair."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[
            {
                "id": "a",
                "failures": [failing(15, 10, clock="calendar")],
                "setup": {"matrix_s": {"p": {"q": 8}, "q": {"p": 8}}, "initial_group": "p"},
            }
        ],
        buffers=[],
        products=[product("p", ("a", 10)), product("q", ("a", 10))],
        orders=[
            {"id": "o1", "product": "p", "quantity": 1},
            {"id": "o2", "product": "q", "quantity": 1, "release_s": 1},
        ],
    )
    log = run(line, 100.0, engine)
    # Setup from 10, stopped from 15 to 25, three seconds left; processing fails again at 40.
    assert times_of(log, Kind.SETUP_STARTED) == [10.0]
    assert times_of(log, Kind.SETUP_ENDED) == [28.0]
    assert times_of(log, Kind.PROCESSING_ENDED) == [10.0, 38.0]
    assert log.initial is None
    shares = summarise(log, line).status_time_s.sel(station="a")
    assert float(shares.sel(status="setup")) == 8.0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("policy", "ends"), [("stop", [40.0, 140.0]), ("finish", [40.0, 80.0])])
def test_shift_end_with_a_part_inside(engine: str, policy: str, ends: list[float]) -> None:
    """A part of 40 begun at 40: stopped at 60 and resumed at 120, or finished at 80."""
    line = cell(
        stations=[{"id": "a", "calendar": "c", "at_shift_end": policy}],
        buffers=[],
        products=[product("p", ("a", 40))],
        calendars=calendar(("06:00", "06:01"), ("06:02", "06:05")),
    )
    assert times_of(run(line, 141.0, engine), Kind.PROCESSING_ENDED) == ends


@pytest.mark.parametrize("engine", ENGINES)
def test_failed_at_shift_end_with_finish(engine: str) -> None:
    """A station that is failed when its shift ends finishes its part after the repair."""
    line = cell(
        stations=[
            {"id": "a", "calendar": "c", "at_shift_end": "finish", "failures": [failing(50, 30)]}
        ],
        buffers=[],
        products=[product("p", ("a", 55))],
        calendars=calendar(("06:00", "06:01"), ("06:03", "06:05")),
    )
    log = run(line, 300.0, engine)
    # Fails at 50, is repaired at 80 while off, works its last 5 s, begins again at 180.
    assert times_of(log, Kind.PROCESSING_ENDED)[0] == 85.0
    assert times_of(log, Kind.PROCESSING_STARTED)[1] == 180.0
    spent = summarise(log.until(180.0), line).status_time_s.sel(station="a")
    shares = {str(k): float(v) for k, v in zip(spent.status.values, spent.values, strict=True)}
    assert {name: time_s for name, time_s in shares.items() if time_s} == {
        "processing": 55.0,
        "failed": 30.0,
        "off": 95.0,
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_supposed_stop_ends_at_the_shift_edge(engine: str) -> None:
    """A stop that ends exactly when the shift does, or begins: work goes on with the shift."""
    line = cell(
        stations=[{"id": "a", "calendar": "c"}],
        buffers=[],
        products=[product("p", ("a", 25))],
        calendars=calendar(("06:00", "06:01"), ("06:02", "06:05")),
    )
    for begin_s, length_s in ((30.0, 30.0), (50.0, 70.0), (60.0, 60.0)):
        fault = Fault(station="a", after_s=begin_s, duration_s=length_s)
        log = run(line, 160.0, engine, faults=(fault,))
        worked_s = min(begin_s, 60.0) - 25.0
        ends = times_of(log, Kind.PROCESSING_ENDED)
        if worked_s >= 25.0:
            assert ends[:2] == [25.0, 50.0]
            worked_s -= 25.0
        assert ends[-1 if worked_s == 0 else ends.index(120.0 + 25.0 - worked_s)] >= 120.0


@pytest.mark.parametrize("engine", ENGINES)
def test_two_stops_overlap(engine: str) -> None:
    """A failure inside a supposed stop: the station goes on when both are over."""
    line = cell(
        stations=[{"id": "a", "failures": [failing(20, 30, clock="calendar")]}],
        buffers=[],
        products=[product("p", ("a", 10))],
    )
    faults = (Fault(station="a", after_s=15, duration_s=10),)
    log = run(line, 60.0, engine, faults=faults)
    assert times_of(log, Kind.PROCESSING_ENDED) == [10.0, 55.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_slowdown_stretches_what_begins_meanwhile(engine: str) -> None:
    """Parts that begin during a slowdown take longer, to their end; others do not."""
    line = cell(stations=[{"id": "a"}], buffers=[], products=[product("p", ("a", 10))])
    fault = Fault(station="a", kind="slowdown", after_s=15, duration_s=20, factor=3)
    log = run(line, 75.0, engine, faults=(fault,))
    assert times_of(log, Kind.PROCESSING_ENDED) == [10.0, 20.0, 50.0, 60.0, 70.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_blocked_part_moves_the_moment_there_is_room(engine: str) -> None:
    """Blocking after service: the part waits in its station, which takes no other meanwhile."""
    line = serial_line([Constant(value_s=1.0), Constant(value_s=10.0)])
    log = run(line, 31.0, engine)
    assert times_of(log, Kind.STATION_ENTERED, "s1") == [0.0, 1.0, 11.0, 21.0]
    blocked = summarise(log, line).status_time_s.sel(station="s1", status="blocked")
    assert float(blocked) == 9.0 * 3 + 0.0


@pytest.mark.parametrize("engine", ENGINES)
def test_crew_serves_first_come_first_and_ties_by_flow(engine: str) -> None:
    """Two stations fail at one moment: the one upstream is repaired first, whatever its name."""
    line = cell(
        stations=[
            {"id": "z", "failures": [failing(10, 6, crew="fitter", clock="calendar")]},
            {"id": "a", "failures": [failing(10, 6, crew="fitter", clock="calendar")]},
        ],
        buffers=[],
        crews=[{"id": "fitter"}],
        products=[product("p", ("z", 5), ("a", 5))],
    )
    log = run(line, 25.0, engine)
    repairs = told(log, Kind.REPAIR_STARTED)
    frame = log.frame()
    names = frame[frame["kind"] == "repair_started"]["element"].tolist()
    assert [time_s for time_s, _, _ in repairs] == [10.0, 16.0]
    assert names == ["z", "a"]


@pytest.mark.parametrize("engine", ENGINES)
def test_rework_on_the_same_server_gives_no_way(engine: str) -> None:
    """A part that repeats its operation stays on its server, with several servers as with one."""
    step = {
        "id": "op",
        "stations": ["a"],
        "processing_time_s": 10,
        "rework": {"probability": 1.0, "to": "op", "limit": 2},
    }
    line = cell(
        stations=[{"id": "a", "servers": 2}],
        buffers=[],
        products=[{"id": "p", "routing": [step]}],
    )
    log = run(line, 31.0, engine)
    servers = log.value[log.kind == Kind.STATION_ENTERED]
    parts = log.part[log.kind == Kind.STATION_ENTERED]
    for part in np.unique(parts):
        assert len(set(servers[parts == part].tolist())) == 1
    # Twice back, then the third time is one too many: scrapped at 30.
    assert times_of(log, Kind.PART_SCRAPPED) == [30.0, 30.0]
    assert times_of(log, Kind.REWORK_SENT) == [10.0, 10.0, 20.0, 20.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_part_inside_a_station_that_is_off_waits(engine: str) -> None:
    """A part that came straight in before the shift ended begins with the next shift."""
    line = cell(
        stations=[{"id": "a"}, {"id": "b", "calendar": "c"}],
        buffers=[],
        products=[product("p", ("a", 30), ("b", 50))],
        calendars=calendar(("06:00", "06:01"), ("06:02", "06:05")),
    )
    log = run(line, 200.0, engine)
    # First part: in at 30, stopped at 60 with 20 left, goes on at 120.
    assert times_of(log, Kind.PROCESSING_ENDED, "b") == [140.0, 190.0]
    assert times_of(log, Kind.STATION_ENTERED, "b") == [30.0, 140.0, 190.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_whoever_waited_longest_goes_first_where_ways_meet(engine: str) -> None:
    """Two stations feed one slow station without a buffer: they take turns."""
    line = cell(
        sources=[{"id": "in1", "products": {"p": 1}}, {"id": "in2", "products": {"q": 1}}],
        stations=[{"id": "a"}, {"id": "b"}, {"id": "join"}],
        buffers=[],
        products=[product("p", ("a", 2), ("join", 10)), product("q", ("b", 3), ("join", 10))],
    )
    log = run(line, 100.0, engine)
    source = (log.part[(log.kind == Kind.STATION_ENTERED) & (log.detail == 1)] >= 2**40).tolist()
    assert source == [k % 2 == 1 for k in range(len(source))]
    assert len(source) > 8


@pytest.mark.parametrize("engine", ENGINES)
def test_arrivals_and_endless_supply_share_an_entrance(engine: str) -> None:
    """An endless source fills what arrivals leave free, and arrivals are not shut out."""
    line = cell(
        sources=[
            {"id": "arrive", "arrivals": "interarrival", "interarrival_s": 25},
            {"id": "fill"},
        ],
        stations=[{"id": "a"}],
        buffers=[],
        products=[product("p", ("a", 10))],
    )
    log = run(line, 1000.0, engine)
    slots = log.part[log.kind == Kind.PART_FINISHED] // 2**40
    assert np.count_nonzero(slots == 0) == 38
    assert len(slots) == 99


@pytest.mark.parametrize("engine", ENGINES)
def test_orders_by_priority_then_due_date(engine: str) -> None:
    """Among released orders the urgent one begins; one begun is not interrupted."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "a"}],
        buffers=[],
        products=[product("p", ("a", 10))],
        orders=[
            {"id": "late", "product": "p", "quantity": 2, "due_date_s": 500},
            {"id": "soon", "product": "p", "quantity": 2, "due_date_s": 100},
            {"id": "vip", "product": "p", "quantity": 2, "priority": 5, "release_s": 5},
        ],
    )
    log = run(line, 70.0, engine)
    frame = log.frame()
    order = [log.names.orders[int(v)] for v in frame[frame["kind"] == "part_created"]["value"]]
    assert order == ["soon", "soon", "vip", "vip", "late", "late"]
    done = summarise(log, line).order_completion_s
    assert done.sel(order=["soon", "vip", "late"]).values.tolist() == [20.0, 40.0, 60.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_that_wait_elsewhere_are_not_stranded_by_a_plan(engine: str) -> None:
    """A plan made now says `b2`; what came to `b1` before is done there, what comes goes to b2."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "a"}, {"id": "b1", "input_buffer": "one"}, {"id": "b2"}],
        products=[product("p", ("a", 1), ("b1|b2", 10))],
        buffers=[{"id": "one", "capacity": 9}],
        orders=[{"id": "x", "product": "p", "quantity": 6}],
    )
    begun = ReferenceEngine(line, SimulationOptions(horizon_s=60.0))
    begun.advance(4.5)
    assert [part.id for part in begun.state().parts if part.location == "one"] == [1, 2, 3]
    plan = DispatchPlan(release=("x",), assignment={"x/op1": "b2"})
    options = SimulationOptions(horizon_s=100.0, engine=engine, plan=plan)
    log = simulate(line, options, begun.state())
    frame = log.frame()
    entered = frame[frame["kind"] == "station_entered"]
    assert entered[entered["element"] == "b1"]["part"].tolist() == [1, 2, 3]
    assert entered[entered["element"] == "b2"]["part"].tolist() == [4, 5]
    assert summarise(log, line).order_completion_s.values.tolist() == [41.0]


@pytest.mark.parametrize("engine", ENGINES)
def test_plan_decides_release_sequence_and_station(engine: str) -> None:
    """A plan overrules priorities, the order in a queue, and the choice among stations."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "a"}, {"id": "b1", "input_buffer": "mid"}, {"id": "b2"}],
        products=[product("p", ("a", 1), ("b1|b2", 10))],
        buffers=[{"id": "mid", "capacity": 9}],
        orders=[
            {"id": "x", "product": "p", "quantity": 2, "priority": 9},
            {"id": "y", "product": "p", "quantity": 2},
        ],
    )
    plan = DispatchPlan(
        release=("y", "x"),
        sequence={"b1": ("x", "y")},
        assignment={"x/op1": "b1", "y/op1": "b1"},
    )
    log = run(line, 60.0, engine, plan=plan)
    frame = log.frame()
    entered = frame[frame["kind"] == "station_entered"]
    # y0 is there first and alone; then x goes before the other y.
    assert entered[entered["element"] == "b1"]["part"].tolist() == [0, 2, 3, 1]
    assert entered[entered["element"] == "b2"].empty
    assert entered[entered["element"] == "a"]["part"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rule", "first"), [("fifo", "slow"), ("spt", "fast"), ("edd", "fast"), ("priority", "slow")]
)
def test_dispatch_rules(rule: str, first: str) -> None:
    """While the station is busy with a third part, two wait; the rule says which goes next."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "a", "input_buffer": "q", "dispatch_rule": rule}],
        buffers=[{"id": "q", "capacity": 5}],
        products=[
            product("slow", ("a", 20)),
            product("fast", ("a", 5)),
            product("start", ("a", 9)),
        ],
        orders=[
            {"id": "o0", "product": "start", "quantity": 1, "priority": 9, "due_date_s": 10},
            {
                "id": "o1",
                "product": "slow",
                "quantity": 1,
                "priority": 8,
                "due_date_s": 90,
                "release_s": 1,
            },
            {
                "id": "o2",
                "product": "fast",
                "quantity": 1,
                "priority": 7,
                "due_date_s": 60,
                "release_s": 1,
            },
        ],
    )
    log = run(line, 100.0)
    frame = log.frame()
    part = frame[frame["kind"] == "processing_started"]["part"].tolist()[1]
    made = frame[(frame["kind"] == "part_created") & (frame["part"] == part)]
    assert log.names.products[int(made["detail"].iloc[0])] == first


def test_unknown_dispatch_rule_names_those_there_are() -> None:
    """A rule that nobody knows is told with those that are known."""
    stations = [{"id": "a", "input_buffer": "mid", "dispatch_rule": "magic"}]
    with pytest.raises(LineError, match=r"stations\.a\.dispatch_rule.*fifo"):
        cell(stations=stations, products=[product("p", ("a", 1))])


@pytest.mark.parametrize("engine", ENGINES)
def test_zero_time_work_without_end_names_its_owner(engine: str) -> None:
    """A loop in which no time passes is stopped, and says where it goes round."""
    line = cell(stations=[{"id": "a"}], buffers=[], products=[product("p", ("a", 0))])
    with pytest.raises(SimulationError, match=r"zero-time work at 0 s.*a"):
        run(line, 10.0, engine)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"horizon_s": 0}, "horizon_s"),
        ({"horizon_s": -5}, "horizon_s"),
        ({"horizon_s": float("nan")}, "finite"),
        ({"horizon_s": 1e12}, "horizon_s"),
        ({"horizon_s": "2 moons"}, "unknown unit"),
        ({"horizon_s": 10, "warm_up_s": 10}, "leaves nothing"),
        ({"horizon_s": 10, "seed": -1}, "seed"),
        ({"horizon_s": 10, "seed": 2**70}, "seed"),
        ({"horizon_s": 10, "speed": 2}, "unknown key"),
        ({"horizon_s": 10, "engine": "warp"}, "engine"),
        ({"horizon_s": 10, "faults": ({"station": "a", "duration_s": 0},)}, "duration_s"),
    ],
)
def test_absurd_options_are_refused(options: dict[str, Any], word: str) -> None:
    """Options that make no sense are findings, before anything runs."""
    with pytest.raises(OptionsError, match=word):
        SimulationOptions(**options)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"faults": (Fault(station="z", duration_s=1),)}, "unknown station 'z'"),
        ({"plan": DispatchPlan(release=("nope",))}, "unknown order 'nope'"),
        ({"plan": DispatchPlan(sequence={"z": ()})}, "unknown station 'z'"),
        ({"plan": DispatchPlan(sequence={"tester_1": ("nope",)})}, "unknown order 'nope'"),
        ({"plan": DispatchPlan(assignment={"nope/test": "tester_1"})}, "unknown order 'nope'"),
        ({"plan": DispatchPlan(assignment={"EL-201/fly": "tester_1"})}, "unknown operation 'fly'"),
        ({"plan": DispatchPlan(assignment={"EL-201/test": "oven"})}, "does not do operation"),
    ],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_names_in_options_must_be_in_the_line(
    options: dict[str, Any], word: str, engine: str
) -> None:
    """Faults and plans are checked against the line, on either engine."""
    with pytest.raises(OptionsError, match=word):
        run(example_line("electronics"), 10.0, engine, **options)


@pytest.mark.parametrize("name", ["bottling", "electronics", "two_station"])
def test_examples_run_and_make_parts(name: str) -> None:
    """A day of each example makes what it should: the folded state agrees with the figures."""
    line = load_line(name)
    log = run(line, 86_400.0, seed=4)
    found = summarise(log, line)
    assert float(found.finished) > 100
    assert fold(log, line).finished == float(found.finished)
    if line.orders:
        # Scrapped parts are not made up for.
        assert float(found.finished + found.scrapped) <= sum(o.quantity for o in line.orders)


def test_a_run_is_a_function_of_its_seed() -> None:
    """The same seed gives the same rows; another seed, or replication, others."""
    line = load_line("two_station")
    one, two, three, four = (
        run(line, 3600.0, seed=seed, replication=number)
        for seed, number in ((1, 0), (1, 0), (2, 0), (1, 1))
    )
    assert np.array_equal(one.time_s, two.time_s)
    assert not np.array_equal(one.time_s, three.time_s)
    assert not np.array_equal(one.time_s, four.time_s)
