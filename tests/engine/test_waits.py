"""Parts that wait too long, and conveyors on which they take their time."""

from typing import Any

import pytest

from tests.engine.test_semantics import cell, product, told
from twin import SimulationOptions, fold, simulate
from twin.errors import LineError
from twin.events import EventLog, Kind
from twin.line import Line


def run(line: Line, horizon_s: float = 100.0, **options: Any) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, **options))


def glue(**limit: Any) -> Line:
    """Return parts that are glued in 2 s and pressed in 10 s, with a limit between the two."""
    steps = product("p", ("a", 2), ("b", 10))
    steps["routing"][1] |= limit
    return cell(products=[steps])


def test_part_that_waits_too_long_is_scrapped_where_it_is() -> None:
    """Glued at 2, 4, 6, 8: one is pressed until 12, two are in the buffer, one in the station."""
    log = run(glue(max_wait_s=5), 13.0)
    assert told(log, Kind.PART_SCRAPPED) == [
        (9.0, "part_scrapped", 1),
        (11.0, "part_scrapped", 2),
    ]
    frame = log.frame()
    rows = frame[frame["kind"] == "part_scrapped"]
    assert [str(name) for name in rows["element"]] == ["mid", "mid"]


def test_limit_that_is_reached_at_the_moment_of_the_server_is_too_late() -> None:
    """Glued at 4 with a limit of 8: at 12 the press is free, and the part is gone."""
    log = run(glue(max_wait_s=8), 12.5)
    assert told(log, Kind.PART_SCRAPPED)[0] == (12.0, "part_scrapped", 1)
    assert told(log, Kind.STATION_ENTERED, element="b")[1][2] == 2


def test_part_that_waits_too_long_is_glued_again() -> None:
    """Glued at 8, it has waited 5 s at 13; the first station is busy until 14."""
    line = glue(max_wait_s=5, max_wait_to="op0").changed(
        {
            "sources.in.arrivals": "interarrival",
            "sources.in.interarrival_s": 3,
            "buffers.mid.capacity": 9,
        }
    )
    log = run(line, 20.0)
    assert told(log, Kind.WAIT_EXCEEDED)[0] == (13.0, "wait_exceeded", 1)
    entered = told(log, Kind.STATION_ENTERED, element="a")
    assert [time_s for time_s, _, part in entered if part == 1] == [6.0, 14.0]
    assert not told(log, Kind.PART_SCRAPPED)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_part_to_be_done_again_goes_back_from_where_that_was_refused(engine: str) -> None:
    """Pressed at 12, badly; the press is down until 19: to be glued at 17, there is room at 20."""
    steps = product("p", ("a", 2), ("b", 10))
    steps["routing"][1] |= {"max_wait_s": 5, "max_wait_to": "op0"}
    steps["routing"][1] |= {"rework": {"probability": 1, "to": "op1", "limit": 1}}
    jam = {
        "id": "jam",
        "clock": "cycles",
        "cycles_to_failure": {"kind": "constant", "value_s": 1},
        "time_to_repair_s": {"kind": "constant", "value_s": 7},
    }
    seldom = {"arrivals": "interarrival", "interarrival_s": 1000, "first_s": 0}
    line = cell(
        sources=[
            {"id": "in", "products": {"p": 1}, **seldom},
            {"id": "more", "products": {"q": 1}},
        ],
        stations=[{"id": "a"}, {"id": "b", "failures": [jam], "while_down": "closed"}],
        buffers=[],
        products=[steps, product("q", ("a", 6))],
    )
    log = run(line, 25.0, engine=engine)
    assert told(log, Kind.WAIT_EXCEEDED) == [(17.0, "wait_exceeded", 0)]
    entered = told(log, Kind.STATION_ENTERED, element="a")
    assert [time_s for time_s, _, part in entered if part == 0] == [0.0, 20.0]


def test_wait_goes_on_from_a_state() -> None:
    """Since when a part waits belongs to the state."""
    line = glue(max_wait_s=5)
    state = fold(run(line, 8.5), line)
    log = simulate(line, SimulationOptions(horizon_s=1.0), state)
    assert told(log, Kind.PART_SCRAPPED) == [(9.0, "part_scrapped", 1)]


@pytest.mark.parametrize(
    ("limit", "told_"),
    [
        ({"max_wait_s": 5, "max_wait_to": "op1"}, "is not an operation before"),
        ({"max_wait_to": "op0"}, "there is no limit"),
        ({"max_wait_s": 0}, "max_wait_s"),
    ],
)
def test_limit_that_makes_no_sense_is_refused(limit: dict[str, Any], told_: str) -> None:
    """What is sent back goes to an earlier operation."""
    with pytest.raises(LineError, match=told_):
        glue(**limit)


def test_conveyor_takes_its_time_and_lets_parts_close_up() -> None:
    """Parts enter at 2, 4, 6 and are at the end 20 s later; the next station is the bottleneck."""
    line = cell(
        buffers=[{"id": "mid", "capacity": 20, "transit_time_s": 20}],
        products=[product("p", ("a", 2), ("b", 5))],
    )
    log = run(line, 40.0)
    begun = [time_s for time_s, _, _ in told(log, Kind.PROCESSING_STARTED, element="b")]
    assert begun == [22.0, 27.0, 32.0, 37.0]


def test_full_conveyor_blocks_whoever_stands_before_it() -> None:
    """Room for three: the fourth part waits in its station until the first has left."""
    line = cell(
        buffers=[{"id": "mid", "capacity": 3, "transit_time_s": 20}],
        products=[product("p", ("a", 2), ("b", 5))],
    )
    entered = [time_s for time_s, _, _ in told(run(line, 30.0), Kind.BUFFER_ENTERED)]
    assert entered == [2.0, 4.0, 6.0, 22.0, 27.0]


def test_transit_goes_on_from_a_state() -> None:
    """A part on its way at the cut arrives when it would have arrived."""
    line = cell(buffers=[{"id": "mid", "capacity": 3, "transit_time_s": 20}])
    whole = run(line, 60.0)
    state = fold(whole.until(25.0), line)
    after = simulate(line, SimulationOptions(horizon_s=35.0), state)
    assert told(after, Kind.PROCESSING_STARTED) == [
        row for row in told(whole, Kind.PROCESSING_STARTED) if row[0] >= 25.0
    ]
