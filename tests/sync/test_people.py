"""People are mirrored where the plant tells of them, and expected, uncertain, where it does not."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.sync.plants import Moment, comparable, differences, moments_of, rows_of, values_at
from twin.engine.options import SimulationOptions
from twin.engine.simulate import replicate, simulate
from twin.events import EventLog, EventLogBuilder, Folder, Kind, LineState, Row
from twin.events.fold import empty_state
from twin.events.state import CrewState
from twin.kpi import summarise
from twin.line import Line, example_line
from twin.sync.protocol import Value
from twin.sync.translate import Translator

CREW_KINDS = (Kind.CREW_TAKEN, Kind.CREW_RELEASED, Kind.CREW_CAME, Kind.CREW_LEFT)
SILENT = ("team", "on_shift")


def followed(
    line: Line, moments: Iterator[Moment], until_s: float
) -> tuple[LineState, list[Row], LineState]:
    """Return the first state of a plant, the events written since, and the last state."""
    translator = Translator(line)
    time_s, values = next(moments)
    translator.take((value, time_s) for value in values)
    initial = translator.begin(time_s)
    rows: list[Row] = []
    for time_s, values in moments:
        rows += translator.moment(time_s, values)
    folder = Folder(line, initial)
    folder.apply_all(rows)
    return initial, rows, folder.state(until_s)


def silent(moments: Iterator[Moment]) -> Iterator[Moment]:
    """Leave out what tells of people."""
    for time_s, values in moments:
        yield time_s, [value for value in values if not value.property.endswith(SILENT)]


def log_of(line: Line, initial: LineState, rows: list[Row], end_s: float) -> EventLog:
    """Return events as a log, for the key figures."""
    builder = EventLogBuilder(line, initial.time_s, initial=initial.model_dump(mode="json"))
    builder.rows.extend(rows)
    return builder.log(end_s)


def truth_of(line: Line, log: EventLog) -> LineState:
    """Return the plant's own state at the end of a log."""
    folder = Folder(line, empty_state(line))
    folder.apply_all(rows_of(log))
    return folder.state(log.end_s)


@pytest.fixture(scope="module")
def cell() -> tuple[Line, EventLog]:
    """Return a line on which people serve several machines, and four and a half hours of it."""
    line = example_line("machining")
    return line, simulate(line, SimulationOptions(horizon_s=4.5 * 3600, seed=3))


def test_figures_of_people_are_the_plants_own(cell: tuple[Line, EventLog]) -> None:
    """Where the plant tells who is with what, work and attendance of each crew are exact."""
    line, log = cell
    initial, rows, _ = followed(line, moments_of(line, log), log.end_s)
    ours, theirs = summarise(log_of(line, initial, rows, log.end_s), line), summarise(log, line)
    for name in ("crew_work_s", "crew_attendance_s", "worker_efficiency"):
        assert ours[name].values == pytest.approx(theirs[name].values, rel=1e-6), name
    assert {row.kind for row in rows} >= {*CREW_KINDS[:2], Kind.WORK_PAUSED, Kind.WORK_RESUMED}
    assert all(row.quality == 0 for row in rows)


def test_people_nobody_tells_of_are_expected_and_uncertain(cell: tuple[Line, EventLog]) -> None:
    """Crews keep their calendars, work has whom it needs; all of that is marked uncertain."""
    line, log = cell
    initial, rows, last = followed(line, silent(moments_of(line, log)), log.end_s)
    assert last.crews == truth_of(line, log).crews
    about = [row for row in rows if row.kind in CREW_KINDS]
    assert {row.kind for row in about} == set(CREW_KINDS)
    assert all(row.quality == 1 for row in about)
    ours, theirs = summarise(log_of(line, initial, rows, log.end_s), line), summarise(log, line)
    assert ours.crew_work_s.sum() == pytest.approx(float(theirs.crew_work_s.sum()), rel=0.02)


def test_repair_waits_while_its_people_are_away() -> None:
    """A crew that goes in the middle of a repair leaves it; it is seen, and so is its going on."""
    shift = {"start": "06:00", "end": "22:00", "breaks": [{"start": "09:00", "end": "09:30"}]}
    line = example_line("two_station").changed(
        {
            "calendars": [{"id": "day", "shifts": [shift]}],
            "crews.setter.calendar": "day",
            "crews.setter.at_shift_end": "stop",
            "stations.press.failures": [
                {
                    "id": "jam",
                    "time_to_failure_s": {"kind": "constant", "value_s": 3300.0},
                    "time_to_repair_s": {"kind": "constant", "value_s": 1200.0},
                    "clock": "calendar",
                    "crew": "setter",
                }
            ],
        }
    )
    log = simulate(line, SimulationOptions(horizon_s=2 * 3600, seed=1))
    assert Kind.REPAIR_PAUSED in log.kind
    half = log.until(3700.0)
    for part in (half, log):
        _, rows, last = followed(line, moments_of(line, part), part.end_s)
        assert differences(comparable(truth_of(line, part)), comparable(last)) == []
    kinds = [row.kind for row in rows]
    assert kinds.count(Kind.REPAIR_PAUSED) == np.count_nonzero(log.kind == Kind.REPAIR_PAUSED)


def test_picture_in_the_middle_shows_who_is_there(cell: tuple[Line, EventLog]) -> None:
    """Who comes later sees from the first picture which crews are there, and who is with what."""
    line, log = cell
    for time_s in (3.6 * 3600, 4.2 * 3600):  # in the morning's break, and behind it
        part = log.until(time_s)
        translator = Translator(line)
        for _, values in moments_of(line, part):
            translator.take((value, line.seconds(value.source_time)) for value in values)
        state, truth = translator.begin(time_s), truth_of(line, part)
        assert state.crews == truth.crews
        assert {p.id: p.team for p in state.parts} == {p.id: p.team for p in truth.parts}
        assert {p.id: p.status for p in state.parts} == {p.id: p.status for p in truth.parts}


def told_absent(crew: str, count: int, time_s: float, line: Line) -> Value:
    """Return that people of a crew are away."""
    (value,) = values_at(line, time_s, [(f"crews.{crew}.absent", count)])
    return value


def test_absent_people_are_in_the_state_and_in_its_futures() -> None:
    """One fewer from the moment at which it is told: state, log, snapshots, both engines alike."""
    line = example_line("machining")
    crew = max(line.crews, key=lambda crew: crew.size)
    log = simulate(line, SimulationOptions(horizon_s=2 * 3600, seed=3))
    translator = Translator(line)
    (time_s, values), *moments = moments_of(line, log)
    translator.take((value, time_s) for value in values)
    initial = translator.begin(time_s)
    rows: list[Row] = []
    for time_s, values in moments:
        extra = [told_absent(crew.id, crew.size, time_s, line)] if time_s > 3600 else []
        rows += translator.moment(time_s, [*values, *extra])
    (counted,) = [row for row in rows if row.kind == Kind.CREW_COUNTED]
    assert (counted.value, counted.quality) == (float(crew.size), 0)
    folder = Folder(line, initial)
    folder.apply_all(rows)
    state = folder.state(log.end_s)
    assert state.crews[crew.id] == CrewState(on=True, away=crew.size)
    full = state.model_copy(update={"crews": truth_of(line, log).crews})
    made = {}
    for name, begin in (("fewer", state), ("all", full)):
        for engine in ("reference", "compiled"):
            options = SimulationOptions(horizon_s=1800, seed=5, engine=engine)  # type: ignore[arg-type]
            future = simulate(line, options, begin.opened())
            made[name, engine] = rows_of(future)
            end = Folder(line, LineState.model_validate(future.initial))
            end.apply_all(rows_of(future))
            assert end.state(future.end_s).crews[crew.id].away == begin.crews[crew.id].away
    assert repr(made["fewer", "reference"]) == repr(made["fewer", "compiled"])
    taken = Kind.CREW_TAKEN, sorted(item.id for item in line.crews).index(crew.id)
    begun = {
        key: sum((row.kind, row.detail) == taken for row in found) for key, found in made.items()
    }
    assert begun["fewer", "compiled"] == 0 < begun["all", "compiled"]
    # Attendance is without them, but for work that is being ended, by log and kernel alike.
    options = SimulationOptions(horizon_s=1800, seed=5)
    for begin in (state, full):
        told = summarise(simulate(line, options, begin.opened()), line).sel(crew=crew.id)
        own = replicate(line, options, 1, begin.opened()).sel(crew=crew.id)
        there_s = float(told["crew_attendance_s"])
        assert there_s == pytest.approx(float(own["crew_attendance_s"].item()))
        if begin is full:
            assert there_s == pytest.approx(1800.0 * crew.size)
        else:
            assert there_s == pytest.approx(float(told["crew_work_s"]))
            assert there_s < 60.0
    # In the mirror's own log it is only work from then on: this plant works all the same.
    seen = log_of(line, initial, rows, log.end_s)
    moment_s = next(row.time_s for row in rows if row.kind == Kind.CREW_COUNTED)
    attended = float(summarise(seen, line).sel(crew=crew.id)["crew_attendance_s"])
    before_s = crew.size * (moment_s - initial.time_s)
    assert before_s < attended < 0.8 * crew.size * (log.end_s - initial.time_s)
