"""Folding real events, which may be out of step with what an engine would do."""

import math

import pytest

from twin import SimulationOptions, load_line, simulate
from twin.events import Folder, Kind, Row, Status, fold
from twin.events.state import LineState
from twin.line import Line


def folder() -> tuple[Line, Folder]:
    """Return a fold over the smallest example."""
    line = load_line("two_station")
    return line, Folder(line)


def number(found: Folder, name: str) -> int:
    """Return the number of a place."""
    return found.names.elements.index(name)


def begin_a_part(found: Folder, time_s: float = 10.0) -> None:
    """Let one part begin at the press."""
    press = number(found, "press")
    found.apply_all(
        [
            Row(time_s, Kind.PART_CREATED, number(found, "coil"), 0, 0, -1.0),
            Row(time_s, Kind.STATION_ENTERED, press, 0, 0, 0.0),
            Row(time_s, Kind.PROCESSING_STARTED, press, 0, 0),
        ]
    )


def test_stop_of_unknown_length_is_open() -> None:
    """A stop that nobody explains stands in the state until it is over, without an end."""
    _, found = folder()
    press = number(found, "press")
    begin_a_part(found)
    found.apply(Row(14.0, Kind.FAILED, press, detail=-1, value=math.nan))
    assert found.statuses()["press"] == [Status.FAILED]
    (outage,) = found.state(20.0).stations["press"].outages
    assert (outage.since_s, outage.until_s) == (14.0, None)
    found.apply(Row(30.0, Kind.REPAIRED, press, detail=-1))
    state = found.state(31.0)
    assert state.stations["press"].outages == ()
    clock = state.parts[0].clock
    assert clock is not None
    assert clock.elapsed_s(31.0) == 5.0
    assert found.statuses()["press"] == [Status.PROCESSING]


def test_repair_without_a_failure_changes_nothing() -> None:
    """A lost message may leave a repair alone; it is no reason to fall over."""
    _, found = folder()
    before = found.state(5.0)
    found.apply(Row(5.0, Kind.REPAIRED, number(found, "press"), detail=-1))
    assert found.state(5.0) == before


def test_part_taken_out_in_the_middle_of_its_work() -> None:
    """Somebody throws away a part that is being processed: the station no longer works."""
    _, found = folder()
    begin_a_part(found)
    found.apply(Row(15.0, Kind.PART_SCRAPPED, number(found, "press"), 0, 0))
    state = found.state(40.0)
    assert state.parts == ()
    assert state.scrapped == 1
    assert state.stations["press"].modes["jam"].age.elapsed_s(40.0) == 5.0
    assert found.statuses()["press"] == [Status.STARVED]


@pytest.mark.parametrize("kind", [Kind.LINK_LOST, Kind.LINK_RESTORED, Kind.GAP])
def test_words_about_the_link_leave_the_line_alone(kind: Kind) -> None:
    """Losing the link is no event of the line."""
    _, found = folder()
    begin_a_part(found)
    before = found.state(20.0)
    found.apply(Row(20.0, kind, value=19.0))
    assert found.state(20.0) == before


def test_fold_step_by_step_is_fold_at_once() -> None:
    """The mirror, which takes row after row, comes to the same state."""
    line = load_line("electronics")
    log = simulate(line, SimulationOptions(horizon_s=20_000.0, seed=2))
    found = Folder(line)
    columns = (log.time_s, log.kind, log.element, log.part, log.detail, log.value)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        found.apply(Row(*row))
    assert found.state(log.end_s) == fold(log, line).opened()


def test_fold_of_nothing_is_where_it_began() -> None:
    """A state without events after it stays, whatever it holds."""
    line = load_line("bottling")
    state = fold(simulate(line, SimulationOptions(horizon_s=9000.0, seed=2)), line)
    assert Folder(line, state).state(state.time_s, state.stream) == state
    assert isinstance(state, LineState)
