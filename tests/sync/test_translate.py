"""Values become events: the mirror's state equals the plant's, moment by moment."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sync.plants import Moment, comparable, differences, moments_of, rows_of
from twin.engine.options import Fault, SimulationOptions
from twin.engine.simulate import simulate
from twin.events import EventLog, Folder, Kind, Status, fold
from twin.events.fold import empty_state
from twin.line import Constant, Exponential, Line, example_line, serial_line
from twin.sync.protocol import Quality, Value
from twin.sync.translate import Translator


class Follower:
    """A translator and the state it leads to."""

    def __init__(self, line: Line, moments: Iterator[Moment]) -> None:
        self.line = line
        self.moments = moments
        self.translator = Translator(line)
        time_s, values = next(moments)
        self.translator.take((value, time_s) for value in values)
        self.initial = self.translator.begin(time_s)
        self.folder = Folder(line, self.initial)
        self.rows: list[object] = []

    def feed(self, time_s: float, values: list[Value]) -> None:
        """Take one moment."""
        rows = self.translator.moment(time_s, values)
        self.rows += rows
        self.folder.apply_all(rows)


def check_equal(line: Line, log: EventLog, every: int) -> Follower:
    """Compare the followed state with the fold of the plant's own log at every n-th moment."""
    truth, rows = Folder(line, empty_state(line)), rows_of(log)
    follower = Follower(line, moments_of(line, log))
    done = 0
    for number, (time_s, values) in enumerate(follower.moments):
        follower.feed(time_s, values)
        while done < len(rows) and rows[done].time_s <= time_s:
            truth.apply(rows[done])
            done += 1
        if number % every == 0:
            found = differences(
                comparable(truth.state(time_s)), comparable(follower.folder.state(time_s))
            )
            assert not found, f"at {time_s} s:\n" + "\n".join(found[:10])
            assert truth.statuses() == follower.folder.statuses()
    return follower


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        *(("two_station", 3.0), ("bottling", 0.7), ("electronics", 2.5)),
        *(("transport", 3.0), ("grinding", 8.0), ("assembly", 1.5), ("machining", 4.5)),
    ],
)
def test_state_equals_the_plants_on_example_lines(name: str, hours: float) -> None:
    """Setups, stops, shifts, rework, scrap, orders, vehicles, wear, batches, kits, people."""
    line = example_line(name)
    log = simulate(line, SimulationOptions(horizon_s=hours * 3600, seed=5))
    follower = check_equal(line, log, every=20)
    assert follower.translator.tally.unexplained == 0
    assert follower.translator.tally.corrected == 0


def test_loading_and_unloading_are_told_from_processing() -> None:
    """Where the plant tells the phase of the work, each server does what the plant's own does."""
    line = example_line("machining")
    log = simulate(line, SimulationOptions(horizon_s=3 * 3600, seed=5))
    truth, rows = Folder(line, empty_state(line)), rows_of(log)
    follower = Follower(line, moments_of(line, log))
    seen = set()
    for time_s, values in follower.moments:
        follower.feed(time_s, values)
        while rows and rows[0].time_s <= time_s:
            truth.apply(rows.pop(0))
        assert truth.statuses() == follower.folder.statuses()
        seen |= {status for found in truth.statuses().values() for status in found}
    assert {Status.HANDLING, Status.SETUP} <= seen


def test_faults_from_outside_are_recovered() -> None:
    """An outage that no failure mode explains is seen, and so is its end."""
    line = example_line("two_station")
    faults = tuple(Fault(station="press", after_s=600.0 * k, duration_s=120.0) for k in range(1, 5))
    log = simulate(line, SimulationOptions(horizon_s=3600, seed=2, faults=faults))
    check_equal(line, log, every=1)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Return small lines: 1 to 3 stations, servers, buffers, scrap and rework, failures."""
    count = draw(st.integers(1, 3))
    times = [
        draw(st.sampled_from([Constant(value_s=3.0), Exponential(mean_s=2.0)]))
        for _ in range(count)
    ]
    buffers = [draw(st.sampled_from([0, 1, 3])) for _ in range(count - 1)]
    line = serial_line(times, buffers=buffers)
    changes: dict[str, object] = {}
    for k in range(1, count + 1):
        changes[f"stations.s{k}.servers"] = draw(st.integers(1, 2))
        if draw(st.booleans()):
            mode = {
                "id": "jam",
                "time_to_failure_s": {"kind": "exponential", "mean_s": 20.0},
                "time_to_repair_s": {"kind": "exponential", "mean_s": 5.0},
                "clock": draw(st.sampled_from(["operating", "calendar"])),
            }
            changes[f"stations.s{k}.failures"] = [mode]
        path = f"products.part.routing.op{k}"
        changes[f"{path}.scrap_probability"] = draw(st.sampled_from([0.0, 0.1]))
        if draw(st.booleans()):
            back = draw(st.integers(1, k))
            changes[f"{path}.rework"] = {"probability": 0.2, "to": f"op{back}", "limit": 2}
    return line.changed(changes)


@given(lines(), st.integers(0, 1000))
def test_parts_and_places_are_recovered_on_any_line(line: Line, seed: int) -> None:
    """Parts, places and counts are exact wherever routings and counters decide the case."""
    log = simulate(line, SimulationOptions(horizon_s=300, seed=seed))
    truth, rows = Folder(line, empty_state(line)), rows_of(log)
    follower = Follower(line, moments_of(line, log))
    done = 0
    for time_s, values in follower.moments:
        follower.feed(time_s, values)
        while done < len(rows) and rows[done].time_s <= time_s:
            truth.apply(rows[done])
            done += 1
        ours, theirs = follower.folder.state(time_s), truth.state(time_s)
        assert {p.id: (p.location, p.server) for p in ours.parts} == {
            p.id: (p.location, p.server) for p in theirs.parts
        }
        assert (ours.finished, ours.scrapped) == (theirs.finished, theirs.scrapped)
        assert follower.folder.statuses() == truth.statuses()


def test_begins_from_a_running_line() -> None:
    """From one picture: parts, places, products, orders and counts; the past stays unknown."""
    line = example_line("bottling")
    log = simulate(line, SimulationOptions(horizon_s=3 * 3600, seed=1))
    picture: dict[str, Value] = {}
    for _, values in moments_of(line, log):
        picture |= {value.node: value for value in values}
    translator = Translator(line)
    translator.take((v, line.seconds(v.source_time)) for v in picture.values())
    ours, theirs = translator.begin(3 * 3600.0), fold(log, line)
    assert {p.id: (p.location, p.product, p.order, p.operation) for p in ours.parts} == {
        p.id: (p.location, p.product, p.order, p.operation) for p in theirs.parts
    }
    assert {p.id: p.status for p in ours.parts} == {p.id: p.status for p in theirs.parts}
    assert (ours.finished, ours.scrapped) == (theirs.finished, theirs.scrapped)
    assert {n: o.created for n, o in ours.orders.items()} == {
        n: o.created for n, o in theirs.orders.items()
    }
    clocks = {p.id: p.clock for p in theirs.parts if p.clock and p.clock.worked_s == 0.0}
    found = {p.id: p.clock for p in ours.parts if p.id in clocks}
    for number, clock in clocks.items():
        assert found[number] is not None
        assert found[number].since_s == pytest.approx(clock.since_s, abs=1e-5)  # type: ignore[union-attr]


def test_picture_can_be_simulated_on() -> None:
    """What a picture shows is a state from which a run begins."""
    line = example_line("electronics")
    log = simulate(line, SimulationOptions(horizon_s=4 * 3600, seed=1))
    picture: dict[str, Value] = {}
    for _, values in moments_of(line, log):
        picture |= {value.node: value for value in values}
    translator = Translator(line)
    translator.take((v, line.seconds(v.source_time)) for v in picture.values())
    state = translator.begin(4 * 3600.0)
    ahead = simulate(line, SimulationOptions(horizon_s=3600, seed=9), state)
    assert len(ahead) > 0
    assert fold(ahead, line).finished >= state.finished


def test_guessed_products_are_corrected() -> None:
    """In a buffer a part is a number only; what it is shows in the first server, and counts."""
    line = example_line("two_station")
    twins = [{**line.products[0].model_dump(mode="json"), "id": name} for name in ("left", "right")]
    line = line.changed(
        {
            "products": twins,
            "sources.coil.products": {"left": 1.0, "right": 1.0},
            "buffers": [{"id": "rack", "capacity": 5}, *line.model_dump(mode="json")["buffers"]],
            "stations.press.input_buffer": "rack",
        }
    )
    log = simulate(line, SimulationOptions(horizon_s=3600, seed=2))
    follower = Follower(line, moments_of(line, log))
    for time_s, values in follower.moments:
        follower.feed(time_s, values)
    ours, theirs = follower.folder.state(3600.0), fold(log, line)
    assert follower.translator.tally.corrected > 10
    assert {p.id: p.product for p in ours.parts if p.location != "rack"} == {
        p.id: p.product for p in theirs.parts if p.location != "rack"
    }
    assert ours.sources["coil"] == theirs.sources["coil"].model_copy(
        update={"since_s": ours.sources["coil"].since_s}
    )


def busy_moments() -> tuple[Line, list[Moment]]:
    """Return a line and what its plant showed."""
    line = example_line("two_station")
    log = simulate(line, SimulationOptions(horizon_s=1800, seed=4))
    return line, list(moments_of(line, log))


def test_moment_in_two_halves_ends_the_same() -> None:
    """A moment whose values come apart is put right by its second half."""
    line, moments = busy_moments()
    whole, halved = Follower(line, iter(moments)), Follower(line, iter(moments))
    for time_s, values in moments[1:]:
        whole.feed(time_s, values)
        halved.feed(time_s, values[::2])
        halved.feed(time_s, values[1::2])
    ours, theirs = (f.folder.state(1800.0) for f in (halved, whole))
    assert {p.id: (p.location, p.server, p.status) for p in ours.parts} == {
        p.id: (p.location, p.server, p.status) for p in theirs.parts
    }
    assert (ours.finished, ours.scrapped) == (theirs.finished, theirs.scrapped)


def test_unknown_state_numbers_and_parts_do_not_stop_it() -> None:
    """Codes of no table and parts of no source are counted and followed, never raised."""
    line, moments = busy_moments()
    follower = Follower(line, iter(moments))
    for time_s, values in moments[1:]:
        odd = [
            v._replace(value=77)
            if v.property.endswith("state")
            else v._replace(value=v.value + 5 * 2**40)
            if v.property.endswith(".part") and isinstance(v.value, int) and v.value > 0
            else v
            for v in values
        ]
        follower.feed(time_s, odd)
    assert follower.translator.tally.unknown > 0
    created = [row for row in follower.rows if row.kind == Kind.PART_CREATED]  # type: ignore[attr-defined]
    assert created
    assert any(row.quality == 1 for row in created)  # type: ignore[attr-defined]


@given(st.data())
def test_missing_and_bad_values_never_raise(data: st.DataObject) -> None:
    """Whatever is lost on the way, the translation goes on and the state stays well formed."""
    line, moments = busy_moments()
    follower = Follower(line, iter(moments))
    keep = data.draw(st.lists(st.integers(0, 9), min_size=50, max_size=50))
    for number, (time_s, values) in enumerate(moments[1:300]):
        chance = keep[number % 50]
        kept = [v for k, v in enumerate(values) if (k + number) % 10 != chance]
        kept = [v._replace(quality=Quality.BAD, value=None) if k == chance else v
                for k, v in enumerate(kept)]  # fmt: skip
        follower.feed(time_s, kept)
    state, lost = follower.folder.state(1800.0), follower.translator.lost()
    assert state.finished > 0
    servers = [
        (p.location, p.server) for p in state.parts if p.server is not None and p.id not in lost
    ]
    assert len(set(servers)) == len(servers)


def test_late_value_never_overwrites_a_newer_one() -> None:
    """A value that comes after its moment counts as history where its node has a newer one."""
    line, moments = busy_moments()
    follower = Follower(line, iter(moments))
    for time_s, values in moments[1:200]:
        follower.feed(time_s, values)
    translator = follower.translator
    before = translator.image.station("press")
    newest = next(
        value
        for _, values in reversed(moments[:200])
        for value in values
        if (value.element, value.property) == ("press", "processed")
    )
    old = newest._replace(source_time=line.start_utc, value=0)
    follower.feed(time_s + 1.0, [old])
    assert translator.tally.historical == 1
    assert translator.image.station("press") == before
