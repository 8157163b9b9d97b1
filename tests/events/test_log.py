"""The event log on its way to disk and back, cut short, and as a table."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from twin import EventLog, SimulationOptions, load_line, simulate
from twin.errors import InvalidInputError, SimulationError
from twin.events import EventLogBuilder, Kind, Names, Status, fold
from twin.events.kinds import ISO_22400_TIME, MACHINERY_STATE, MEANING, PACKML_STATE
from twin.events.log import COLUMNS
from twin.line import Line
from twin.testing import lines, moments, options_for, same_events


def a_log(seed: int = 2) -> tuple[Line, EventLog]:
    """Return a short run of the smallest example."""
    line = load_line("two_station")
    return line, simulate(line, SimulationOptions(horizon_s=3600.0, warm_up_s=60.0, seed=seed))


def same(one: EventLog, other: EventLog) -> bool:
    """Tell whether two logs agree in rows and in all that is said about them."""
    about = ("line_id", "line_hash", "names", "begin_s", "end_s", "observe_from_s", "stream")
    told = all(getattr(one, name) == getattr(other, name) for name in (*about, "initial"))
    return told and same_events(one, other)


def test_log_comes_back_from_disk(tmp_path: Path) -> None:
    """Rows, names, stream, stretch and initial state are all in the file."""
    line, log = a_log()
    state = fold(log, line)
    rest = simulate(line, SimulationOptions(horizon_s=600.0, seed=2), state)
    for found in (log, rest):
        found.save(tmp_path / "log.parquet")
        assert same(EventLog.load(tmp_path / "log.parquet"), found)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_any_log_comes_back_from_disk(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever the line, saving and loading lose nothing."""
    line = data.draw(lines())
    options = data.draw(options_for(line))
    try:
        log = simulate(line, options)
    except SimulationError:
        assume(False)  # a random line may fill up for ever; that has tests of its own
        raise
    path = tmp_path_factory.mktemp("logs") / "log.parquet"
    log.save(path)
    assert same(EventLog.load(path), log)


def test_log_without_a_row_comes_back(tmp_path: Path) -> None:
    """A line on which nothing happened has a log all the same."""
    line = load_line("two_station")
    log = EventLogBuilder(line).log(50.0)
    assert len(log) == 0
    log.save(tmp_path / "empty.parquet")
    assert same(EventLog.load(tmp_path / "empty.parquet"), log)
    assert fold(log, line).parts == ()


@pytest.mark.parametrize("content", [b"", b"PAR1 but no more", b'{"kind": 1}'])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no event log is a finding with its path."""
    path = tmp_path / "other.parquet"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"other\.parquet.*\n.*no event log"):
        EventLog.load(path)
    with pytest.raises(InvalidInputError):
        EventLog.load(tmp_path / "gone.parquet")


def test_until_is_the_log_of_a_shorter_run() -> None:
    """Cutting a log at t gives the rows of a run that ended at t: those before it, none at it."""
    line, log = a_log()
    at_s = float(log.time_s[len(log) // 2])
    cut = log.until(at_s)
    assert cut.end_s == at_s
    assert cut.time_s[-1] < at_s
    short = simulate(line, SimulationOptions(horizon_s=at_s, warm_up_s=60.0, seed=2))
    assert same(cut, short)
    assert same(log.until(1e9), log)
    assert len(log.until(0.0)) == 0


@given(time_s=moments(3600.0))
def test_until_twice_is_until_the_earlier(time_s: float) -> None:
    """Cutting is idempotent, and the order of two cuts does not matter."""
    _, log = a_log()
    assert same(log.until(time_s).until(time_s), log.until(time_s))
    assert same(log.until(time_s).until(1800.0), log.until(1800.0).until(time_s))


def test_observed_stretch_stays_inside_the_log() -> None:
    """KPIs cannot be observed from before a log begins or after it ends."""
    _, log = a_log()
    assert log.observed_from(100.0).observe_from_s == 100.0
    assert log.observed_from(-5.0).observe_from_s == log.begin_s
    assert log.observed_from(1e9).observe_from_s == log.end_s


def test_frame_speaks_names() -> None:
    """The table holds ids and kinds in words, one row an event."""
    line, log = a_log()
    frame = log.frame()
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == len(log)
    assert set(frame["kind"]) <= {kind.name.lower() for kind in Kind}
    places = {p.id for s in (line.sources, line.stations, line.buffers, line.sinks) for p in s}
    assert set(frame["element"].dropna()) <= places
    # Orders are released at no place.
    bottling = load_line("bottling")
    orders = simulate(bottling, SimulationOptions(horizon_s=10.0)).frame()
    released = orders[orders["kind"] == "order_released"]
    assert len(released) == len(bottling.orders)
    assert released["element"].isna().all()


def test_rows_keep_the_order_they_took_effect() -> None:
    """Times rise; the numbers fit their columns."""
    _, log = a_log()
    assert np.all(np.diff(log.time_s) >= 0)
    for name, kind in COLUMNS.items():
        assert getattr(log, name).dtype == kind


def test_names_do_not_depend_on_the_order_of_declaration() -> None:
    """Numbers stand for ids in alphabetical order."""
    line = load_line("bottling")
    names = Names.of(line)
    assert list(names.elements) == sorted(names.elements)
    assert list(names.orders) == sorted(order.id for order in line.orders)
    assert names.modes["filler"] == ("bearing", "valve")


def test_every_word_is_explained_and_mapped() -> None:
    """Each kind says what its columns mean; each status has its place in the three standards."""
    assert set(MEANING) == set(Kind)
    for table in (MACHINERY_STATE, PACKML_STATE, ISO_22400_TIME):
        assert set(table) == set(Status)
