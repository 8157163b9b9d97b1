"""Sensors of simulated lines: bounds, repetition, and one answer from two ways of reading."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.engine import SimulationOptions, simulate
from twin.engine.reference.engine import ReferenceEngine
from twin.errors import InvalidInputError, StateError
from twin.events import EventLog, Folder, Kind, LineState, Row, Status, Stream
from twin.line import (
    Calendar,
    Constant,
    Crew,
    Exponential,
    Failure,
    Line,
    Lognormal,
    Operation,
    Product,
    Shift,
    Signal,
    Sink,
    Source,
    Station,
    Uniform,
    Weibull,
)
from twin.signals import STATUSES, SignalModel, severity_of, signal_table

VIBRATION = Signal(idle=0.2, running=2.0, worn=8.0, noise_sd=0.1, time_constant_s=20, unit="mm/s")
CURRENT = Signal(idle=1.0, running=9.0, worn=12.0, noise_sd=0.2, unit="A")


def a_line(
    *,
    servers: int = 1,
    clock: Literal["operating", "calendar"] = "operating",
    at_shift_end: Literal["stop", "finish"] = "stop",
    onset: float = 0.6,
    modes: int = 2,
) -> Line:
    """Return two stations of which the first fails, wears and goes off shift."""
    failures = [
        Failure(
            id="jam",
            time_to_failure_s=Exponential(mean_s=300.0),
            time_to_repair_s=Lognormal(mean_s=40.0, sd_s=20.0),
            crew="crew",
        ),
        Failure(
            id="bearing",
            clock=clock,
            time_to_failure_s=Weibull(scale_s=900.0, shape=3.0),
            time_to_repair_s=Constant(value_s=120.0),
            crew="crew",
        ),
    ]
    shift = Shift(start="06:00", end="06:40", days=("mon", "tue", "wed", "thu", "fri"))
    return Line(
        id="worn",
        sources=(Source(id="source"),),
        crews=(Crew(id="crew"),),
        calendars=(Calendar(id="short", shifts=(shift,)),),
        stations=(
            Station(
                id="press",
                servers=servers,
                failures=tuple(failures[:modes]),
                calendar="short",
                at_shift_end=at_shift_end,
                wear_onset=onset,
                signals={"vibration": VIBRATION, "current": CURRENT},
            ),
            Station(id="check", signals={"current": CURRENT}),
        ),
        sinks=(Sink(id="out"),),
        products=(
            Product(
                id="part",
                routing=(
                    Operation(
                        id="form",
                        stations=("press",),
                        processing_time_s=Uniform(low_s=5.0, high_s=15.0),
                        scrap_probability=0.1,
                    ),
                    Operation(
                        id="look", stations=("check",), processing_time_s=Exponential(mean_s=6.0)
                    ),
                ),
            ),
        ),
    )


LINES = st.builds(
    a_line,
    servers=st.integers(1, 3),
    clock=st.sampled_from(["operating", "calendar"]),
    at_shift_end=st.sampled_from(["stop", "finish"]),
    onset=st.sampled_from([0.0, 0.6, 0.9]),
    modes=st.integers(0, 2),
)


def rows_of(log: EventLog) -> list[Row]:
    """Return the rows of a log."""
    columns = (log.time_s, log.kind, log.element, log.part, log.detail, log.value, log.quality)
    return [Row(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


@given(line=LINES, seed=st.integers(0, 1000), step_s=st.sampled_from([1.0, 7.3, 60.0]))
def test_wear_and_readings_stay_in_their_bounds(line: Line, seed: int, step_s: float) -> None:
    """Wear lies in [0, 1]; without noise each reading lies between idle and worn."""
    table = signal_table(
        simulate(line, SimulationOptions(horizon_s=3000, seed=seed)), line, step_s, noisy=False
    )
    wear = table.wear.to_numpy()
    assert wear.min() >= 0.0
    assert wear.max() <= 1.0
    for name, signal in {"vibration": VIBRATION, "current": CURRENT}.items():
        values = table[name].to_numpy()
        assert np.nanmin(values) >= signal.idle - 1e-9
        assert np.nanmax(values) <= signal.worn + 1e-9
    assert np.isnan(table["vibration"].sel(station="check")).all()


@given(line=LINES, seed=st.integers(0, 1000), step_s=st.sampled_from([1.0, 7.3, 60.0]))
def test_table_and_model_agree(line: Line, seed: int, step_s: float) -> None:
    """Reading a whole log at once gives what reading it event by event gives."""
    log = simulate(line, SimulationOptions(horizon_s=2000, seed=seed))
    table = signal_table(log, line, step_s)
    truth = {name: table[name].to_numpy() for name in ("wear", "vibration", "current")}
    stations = table.station.to_numpy().tolist()
    assert log.stream is not None
    model, rows, taken = SignalModel(line, log.stream), rows_of(log), 0
    for index, time_s in enumerate(table.time.to_numpy().tolist()):
        while taken < len(rows) and rows[taken].time_s < time_s:
            model.apply(rows[taken])
            taken += 1
        readings, wear = model.sample(time_s), model.wear()
        for column, station in enumerate(stations):
            found = {"wear": wear[station], **readings[station]}
            for name, value in found.items():
                assert abs(value - truth[name][index, column]) < 1e-9, (station, name, time_s)


@given(line=LINES, seed=st.integers(0, 100), cut_s=st.sampled_from([100.0, 777.7, 2500.0]))
def test_wear_goes_on_from_a_state(line: Line, seed: int, cut_s: float) -> None:
    """A run that goes on from a state of its own stream shows the wear of the uncut run."""
    options = SimulationOptions(horizon_s=4000, seed=seed)
    engine = ReferenceEngine(line, options)
    engine.advance(cut_s)
    rest = simulate(line, SimulationOptions(horizon_s=4000 - cut_s, seed=seed), engine.state())
    whole = signal_table(simulate(line, options), line, 10.0)
    after = signal_table(rest, line, 10.0)
    times_s = after.time.to_numpy()
    shifted = signal_table(simulate(line, options), line, cut_s / 10.0)
    at_cut = shifted.sel(time=cut_s, method="nearest")
    assert np.allclose(at_cut.wear, after.wear.isel(time=0), atol=1e-9)
    if cut_s % 10.0 == 0.0:
        same = whole.sel(time=times_s)
        assert np.allclose(same.wear, after.wear, atol=1e-9)
        assert np.array_equal(same.status[1:], after.status[1:])


def test_open_state_draws_what_is_left_given_the_age() -> None:
    """A run with other random numbers takes up the age and never has a life below it."""
    line = a_line()
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=4000, seed=3))
    engine.advance(600.0)
    state = engine.state()
    for seed in range(20):
        log = simulate(line, SimulationOptions(horizon_s=3000, seed=1000 + seed), state)
        failures = log.time_s[log.kind == Kind.FAILED]
        table = signal_table(log.until(float(failures[0])), line, float(failures[0]) - 600.0)
        assert float(table.wear.sel(station="press")[0]) < 1.0
        assert float(table.wear.sel(station="press")[-1]) == pytest.approx(1.0, abs=1e-9)


def test_wear_is_one_at_each_failure_and_zero_after_repair() -> None:
    """The life that wear is measured against is the life the engine drew."""
    line = a_line(modes=1)
    log = simulate(line, SimulationOptions(horizon_s=2400, seed=5))
    failed = log.time_s[log.kind == Kind.FAILED]
    repaired = log.time_s[log.kind == Kind.REPAIRED]
    assert len(failed) > 3
    for moment in failed.tolist():
        at = signal_table(log, line, moment).wear.sel(station="press")
        assert float(at[1]) == pytest.approx(1.0, abs=1e-9)
    for moment in repaired.tolist():
        just_after = math.nextafter(moment, math.inf)
        at = signal_table(log, line, just_after).wear.sel(station="press")
        assert float(at[1]) == pytest.approx(0.0, abs=1e-9)


def test_same_seed_same_readings_other_seed_others() -> None:
    """Noise comes from the run's stream and from nowhere else."""
    line = a_line()
    tables = [
        signal_table(simulate(line, SimulationOptions(horizon_s=1000, seed=seed)), line)
        for seed in (1, 1, 2)
    ]
    assert tables[0].identical(tables[1])
    assert not np.allclose(tables[0].current, tables[2].current)


def test_noise_has_its_mean_and_spread() -> None:
    """The readings scatter about the mean value with the stated standard deviation."""
    line = a_line()
    log = simulate(line, SimulationOptions(horizon_s=20_000, seed=1))
    noisy, plain = signal_table(log, line, 1.0), signal_table(log, line, 1.0, noisy=False)
    errors = (noisy.current - plain.current).to_numpy().ravel()
    assert errors.mean() == pytest.approx(0.0, abs=5 * 0.2 / math.sqrt(errors.size))
    assert errors.std() == pytest.approx(0.2, rel=0.02)


def test_lag_follows_the_closed_form() -> None:
    """A sensor that lags goes to a new mean value as exp(-t / time constant)."""
    line = Line(
        id="plain",
        sources=(Source(id="source"),),
        stations=(Station(id="only", signals={"vibration": VIBRATION}),),
        products=(
            Product(
                id="part",
                routing=(
                    Operation(id="op", stations=("only",), processing_time_s=Constant(value_s=7.0)),
                ),
            ),
        ),
    )
    table = signal_table(simulate(line, SimulationOptions(horizon_s=300)), line, 4.0, noisy=False)
    time_s = table.time.to_numpy()
    expected = 2.0 + (0.2 - 2.0) * np.exp(-time_s / 20.0)
    assert np.allclose(table.vibration.sel(station="only"), expected, atol=1e-9)


def test_a_failed_station_reads_idle_and_a_worn_one_reads_more() -> None:
    """Current is idle while failed, and above its unworn value only past the onset of wear."""
    line = a_line(modes=1, onset=0.6)
    log = simulate(line, SimulationOptions(horizon_s=2400, seed=5))
    table = signal_table(log, line, 1.0, noisy=False).sel(station="press")
    status, wear, current = (table[name].to_numpy() for name in ("status", "wear", "current"))
    assert np.allclose(current[status == STATUSES.index(Status.FAILED)], CURRENT.idle)
    works = status == STATUSES.index(Status.PROCESSING)
    assert np.allclose(current[works & (wear < 0.6)], CURRENT.running)
    assert (current[works & (wear > 0.7)] > CURRENT.running).all()
    assert (status == STATUSES.index(Status.FAILED)).sum() > 10


@pytest.mark.parametrize("at_shift_end", ["stop", "finish"])
def test_status_is_that_of_the_fold(at_shift_end: Literal["stop", "finish"]) -> None:
    """With one server a station's status is that of its server, as folding the log tells it."""
    line = a_line(at_shift_end=at_shift_end)
    log = simulate(line, SimulationOptions(horizon_s=4000, seed=2))
    table = signal_table(log, line, 3.7)
    codes, stations = table.status.to_numpy(), table.station.to_numpy().tolist()
    folder, rows, taken = Folder(line), rows_of(log), 0
    seen = set()
    for index, time_s in enumerate(table.time.to_numpy().tolist()):
        while taken < len(rows) and rows[taken].time_s < time_s:
            folder.apply(rows[taken])
            taken += 1
        for station, (status,) in folder.statuses().items():
            found = STATUSES[codes[index, stations.index(station)]]
            assert found is status, (station, time_s)
            seen.add(status)
    assert {Status.PROCESSING, Status.FAILED, Status.OFF, Status.STARVED, Status.BLOCKED} <= seen


def test_severity_rises_from_the_onset() -> None:
    """Nothing is seen below the onset, everything at the end of the life."""
    wear = np.array([0.0, 0.5, 0.6, 0.8, 1.0])
    assert severity_of(wear, 0.6).tolist() == pytest.approx([0.0, 0.0, 0.0, 0.25, 1.0])


def test_truth_is_marked_as_hidden() -> None:
    """Nobody trains on wear by accident: the table says that it is hidden truth."""
    line = a_line()
    table = signal_table(simulate(line, SimulationOptions(horizon_s=100)), line)
    hidden = [name for name, item in table.data_vars.items() if item.attrs.get("hidden_truth")]
    assert hidden == ["wear"]
    assert table.vibration.attrs["unit"] == "mm/s"


@pytest.mark.parametrize("step_s", [0.0, -1.0, math.nan, math.inf, 1e-9])
def test_impossible_steps_are_refused(step_s: float) -> None:
    """A step that gives no samples, or too many to hold, is a finding."""
    line = a_line()
    log = simulate(line, SimulationOptions(horizon_s=1000))
    with pytest.raises(InvalidInputError, match="step_s"):
        signal_table(log, line, step_s)


def test_logs_of_real_or_other_lines_are_refused() -> None:
    """Without the stream that drew the lives, or with another line, wear cannot be known."""
    line = a_line()
    log = simulate(line, SimulationOptions(horizon_s=100))
    with pytest.raises(InvalidInputError, match="the line it was simulated with"):
        signal_table(log, a_line(servers=2))
    real = EventLog(**{name: getattr(log, name) for name in log.__slots__} | {"stream": None})
    with pytest.raises(InvalidInputError, match="was not simulated"):
        signal_table(real, line)


def test_model_refuses_a_state_of_another_moment() -> None:
    """A state that does not stand where the events begin is refused."""
    with pytest.raises(StateError, match="the events begin at 5 s"):
        SignalModel(a_line(), Stream(1), 5.0, LineState(line_id="worn", time_s=4.0))
