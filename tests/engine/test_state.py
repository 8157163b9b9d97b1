"""Begin from a state: what is known counts, the rest is drawn by age, what is wrong is told."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from twin import LineState, SimulationOptions, example_line, fold, load_line, simulate
from twin.engine.options import Fault
from twin.engine.reference.engine import ReferenceEngine
from twin.errors import StateError
from twin.events import EventLog, Kind
from twin.events.beginning import beginning, empty_state
from twin.events.state import Clock, ModeState, PartState, SourceState, StationState, StreamState
from twin.line import Line, line_from_document

ENGINES = ["auto", "reference"]


def press(**station: Any) -> Line:
    """Return one station that takes exactly 10 s a part."""
    return line_from_document(
        {
            "id": "one",
            "start": "2026-01-05T06:00:00",
            "sources": [{"id": "in"}],
            "stations": [{"id": "a", **station}],
            "products": [
                {"id": "p", "routing": [{"id": "op", "stations": ["a"], "processing_time_s": 10}]}
            ],
            "crews": [{"id": "fitter"}],
            "calendars": [{"id": "c", "shifts": [{"start": "06:00", "end": "06:02"}]}],
        }
    )


WEAR = {
    "id": "m",
    "time_to_failure_s": {"kind": "weibull", "scale_s": 100, "shape": 2},
    "time_to_repair_s": {"kind": "uniform", "low_s": 10, "high_s": 30},
}


def from_state(
    line: Line, state: LineState, horizon_s: float = 60.0, engine: str = "auto", **options: Any
) -> EventLog:
    """Return a run that begins with a state."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, engine=engine, **options), state)


def busy(clock: Clock | None, **station: Any) -> LineState:
    """Return the state at 100 s of a station with one part in process."""
    part = PartState(
        id=7, product="p", created_s=90.0, location="a", entered_s=90.0, server=0,
        status="processing", visits=1, clock=clock,
    )  # fmt: skip
    return LineState(
        line_id="one",
        time_s=100.0,
        parts=(part,),
        stations={"a": StationState(**station)},
        sources={"in": SourceState(created=8)},
    )


def first(log: EventLog, kind: Kind) -> float:
    """Return the moment of the first event of a kind."""
    return float(log.time_s[log.kind == kind][0])


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("clock", "end_s"),
    [
        (Clock(since_s=96.0), 106.0),  # 4 s worked of 10
        (Clock(worked_s=3.0, since_s=98.0), 105.0),  # 3 + 2 s worked
        (Clock(worked_s=3.0, since_s=98.0, remaining_s=1.5), 101.5),  # stated outright
        (Clock(worked_s=3.0, remaining_s=4.0), 104.0),  # stands still, and goes on at once
        (Clock(since_s=50.0), 100.0),  # should be over by all that is known: due now
        (None, 110.0),  # nothing known: as if just begun
    ],
)
def test_part_in_process_is_finished_by_what_is_known(
    engine: str, clock: Clock | None, end_s: float
) -> None:
    """Worked time counts, and a stated remaining time counts more."""
    log = from_state(press(), busy(clock), engine=engine)
    assert first(log, Kind.PROCESSING_ENDED) == end_s


@pytest.mark.parametrize("engine", ENGINES)
def test_part_in_a_failed_station_goes_on_after_the_repair(engine: str) -> None:
    """Work stands still while the station is failed, with the time it had left."""
    failed = ModeState(status="repair", count=1, failed_s=98.0, repair=Clock(remaining_s=12.0))
    state = busy(Clock(worked_s=4.0), modes={"m": failed})
    log = from_state(press(failures=[WEAR]), state, engine=engine)
    assert first(log, Kind.REPAIRED) == 112.0
    assert first(log, Kind.PROCESSING_ENDED) == 118.0


@pytest.mark.parametrize("engine", ENGINES)
def test_failure_that_waits_for_a_crew_gets_one(engine: str) -> None:
    """Even where the state left it out of the queue, or where no crew is needed any more."""
    waiting = ModeState(status="waiting", count=1, failed_s=98.0)
    state = busy(Clock(worked_s=4.0), modes={"m": waiting})
    for line in (press(failures=[WEAR | {"crew": "fitter"}]), press(failures=[WEAR])):
        log = from_state(line, state, engine=engine)
        assert first(log, Kind.REPAIR_STARTED) == 100.0
    queued = state.model_copy(update={"queue": ("a/m",)})
    assert first(from_state(press(failures=[WEAR]), queued, engine=engine), Kind.REPAIRED) > 100.0


@pytest.mark.parametrize("engine", ENGINES)
def test_more_repairs_than_crews_finish_first(engine: str) -> None:
    """A crew that a scenario made smaller finishes what it does and takes no more until then."""
    modes = [WEAR | {"id": name, "crew": "fitter"} for name in ("m1", "m2", "m3")]
    under = ModeState(status="repair", count=1, failed_s=90.0, repair=Clock(remaining_s=5.0))
    last = ModeState(status="waiting", count=1, failed_s=95.0)
    state = busy(Clock(), modes={"m1": under, "m2": under, "m3": last})
    log = from_state(press(failures=modes), state, engine=engine)
    assert first(log, Kind.REPAIR_STARTED) == 105.0


@pytest.mark.parametrize("engine", ENGINES)
def test_station_that_works_outside_its_hours_follows_the_next_switch(engine: str) -> None:
    """Overtime goes on until the calendar ends a shift; a late start waits for the next one."""
    line = press(calendar="c")
    state = busy(Clock(), on=False)  # off at 100 s, within the shift that ends at 120 s
    log = from_state(line, state, 100_000.0, engine)
    assert first(log, Kind.SHIFT_STARTED) == 86_400.0
    late = busy(Clock(), on=True).model_copy(update={"time_s": 300.0})
    log = from_state(line, late, 100_000.0, engine)
    assert Kind.SHIFT_STARTED not in log.kind
    assert first(log, Kind.SHIFT_ENDED) == 86_520.0


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_state_leaves_out_is_as_new(engine: str) -> None:
    """A state without stations, sources or orders is completed by the calendar and by zeros."""
    line = press(calendar="c", failures=[WEAR])
    bare = LineState(line_id="one", time_s=500.0)
    log = from_state(line, bare, 100_000.0, engine)
    assert first(log, Kind.SHIFT_STARTED) == 86_400.0
    assert fold(log, line).stations["a"].finished > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_supposed_stop_in_force_ends_in_the_continuation(engine: str) -> None:
    """A stop that has begun belongs to the state; its end is known there."""
    line = press()
    options = SimulationOptions(
        horizon_s=100.0, engine=engine, faults=(Fault(station="a", after_s=13, duration_s=30),)
    )
    whole = simulate(line, options)
    state = fold(whole.until(20.0), line)
    assert [outage.until_s for outage in state.stations["a"].outages] == [43.0]
    rest = from_state(line, state, 80.0, engine)
    assert np.array_equal(rest.time_s, whole.time_s[len(whole.until(20.0)) :])


def test_life_left_follows_the_age_in_a_real_state() -> None:
    """From a real line the next failure comes by the conditional distribution of its age."""
    line = press(failures=[WEAR])
    age_s = 80.0
    running = ModeState(age=Clock(worked_s=age_s - 4.0, since_s=96.0))
    state = busy(Clock(since_s=96.0), modes={"m": running})
    left_s = [
        first(from_state(line, state, 1000.0, seed=seed, engine="reference"), Kind.FAILED) - 100.0
        for seed in range(300)
    ]
    survived = np.exp(-((age_s / 100.0) ** 2))

    def conditional(t: np.ndarray) -> np.ndarray:
        return 1.0 - np.exp(-(((age_s + t) / 100.0) ** 2)) / survived

    assert stats.kstest(left_s, conditional).pvalue > 0.01


def test_another_seed_draws_another_future() -> None:
    """A simulated state goes on exactly with its own numbers and differently with others."""
    line = load_line("two_station")
    options = SimulationOptions(horizon_s=7200.0, seed=1)
    whole = simulate(line, options)
    state = fold(whole.until(3600.0), line)
    assert state.stream == StreamState(seed=1)
    same = from_state(line, state, 3600.0, seed=1)
    other = from_state(line, state, 3600.0, seed=2)
    opened = from_state(line, state.opened(), 3600.0, seed=1)
    done = len(whole.until(3600.0))
    assert np.array_equal(same.time_s, whole.time_s[done:])
    assert not np.array_equal(other.time_s, same.time_s)
    assert not np.array_equal(opened.time_s, same.time_s)


def test_beginning_twice_changes_nothing() -> None:
    """A state that is ready stays as it is."""
    line = example_line("electronics")
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=20_000.0, seed=3))
    engine.advance(15_000.0)
    stream = StreamState(seed=8)
    once = beginning(line, engine.state().opened(), stream)
    assert beginning(line, once, stream) == once
    assert beginning(line, engine.state(), StreamState(seed=3)) == engine.state()


def test_empty_state_is_where_an_engine_begins() -> None:
    """The engine and the fold agree on what an empty line is."""
    for name in ("bottling", "electronics", "two_station"):
        line = example_line(name)
        engine = ReferenceEngine(line, SimulationOptions(horizon_s=1.0))
        assert engine.state().opened() == empty_state(line)


def test_state_comes_back_from_json() -> None:
    """The document is JSON and back without a digit lost."""
    line = example_line("bottling")
    log = simulate(line, SimulationOptions(horizon_s=30_000.0, seed=3))
    state = fold(log, line)
    assert LineState.model_validate_json(state.model_dump_json()) == state


def part(**changes: Any) -> dict[str, Any]:
    """Return a part that waits in the two-station line's chute."""
    return {"id": 1, "product": "bushing", "created_s": 0, "location": "chute", "entered_s": 1,
            "operation": 1} | changes  # fmt: skip


WRONG = [
    ({"line_id": "other"}, "line_id"),
    ({"parts": [part(product="gear")]}, "unknown product 'gear'"),
    ({"parts": [part(location="moon")]}, "unknown place 'moon'"),
    ({"parts": [part(order="o9")]}, "unknown order 'o9'"),
    ({"parts": [part(operation=5)]}, "no operation 5"),
    ({"parts": [part(), part()]}, "stands in the state 2 times"),
    ({"parts": [part(status="processing")]}, "is 'processing' in 'chute'"),
    ({"parts": [part(location="press", operation=1)]}, "does not do operation 'turn'"),
    (
        {"parts": [part(location="lathe", id=k, status="done", operation=2) for k in (1, 2)]},
        "holds 2 parts",
    ),
    ({"parts": [part(location="lathe", server=3, visits=2)]}, "no such server"),
    ({"stations": {"oven": {}}}, "unknown station 'oven'"),
    ({"sources": {"well": {}}}, "unknown source 'well'"),
    ({"orders": {"o9": {}}}, "unknown order 'o9'"),
    ({"stations": {"press": {"modes": {"rust": {}}}}}, "unknown failure mode 'press/rust'"),
    ({"queue": ["press/rust"]}, "unknown failure mode 'press/rust'"),
    ({"queue": ["press/jam"], "stations": {"press": {"modes": {"jam": {}}}}}, "a mode that waits"),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("changes", "word"), WRONG, ids=[word for _, word in WRONG])
def test_state_that_does_not_fit_is_refused(
    changes: dict[str, Any], word: str, engine: str
) -> None:
    """Each kind of misfit is a finding, never a traceback."""
    line = load_line("two_station")
    state = LineState.model_validate({"line_id": line.id, "time_s": 10.0} | changes)
    with pytest.raises(StateError, match=word):
        from_state(line, state, engine=engine)


def test_all_misfits_come_at_once() -> None:
    """A state with three mistakes gives three findings."""
    line = load_line("two_station")
    parts = [part(product="gear"), part(id=2, location="moon"), part(id=3, operation=5)]
    state = LineState.model_validate({"line_id": line.id, "time_s": 1.0, "parts": parts})
    with pytest.raises(StateError) as caught:
        from_state(line, state)
    assert len(caught.value.findings) == 3
