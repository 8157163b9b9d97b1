"""Worker efficiency: who is at work, and who is there, worked out by hand on both engines."""

from typing import Any

import pytest

from tests.engine.test_semantics import cell, product
from twin import SimulationOptions, simulate, summarise
from twin.engine.runs import Runs
from twin.line import Line

SHIFT = {"days": ["mon"], "start": "06:00", "end": "06:01"}


def manned(work_s: float = 10, **crew: Any) -> Line:
    """Return a line whose first station is never without work, each part takes one person."""
    return cell(
        stations=[
            {"id": "a", "needs": [{"crew": "team"}]},
            {"id": "b", "input_buffer": "mid"},
        ],
        products=[product("p", ("a", work_s), ("b", 10))],
        crews=[{"id": "team", "size": 2, **crew}],
        calendars=[{"id": "early", "shifts": [SHIFT]}] if "calendar" in crew else [],
    )


def people(line: Line, engine: str, horizon_s: float, **more: Any) -> list[float]:
    """Return time at work, time there and their share of the one crew, from a log or a kernel."""
    options = SimulationOptions(horizon_s=horizon_s, engine=engine, **more)
    names = ("crew_work_s", "crew_attendance_s", "worker_efficiency")
    if engine == "compiled":
        values, coordinates = Runs(line, options).figures(0)
        assert list(coordinates["crew"]) == ["team"]
        return [float(values[name][1][0]) for name in names]
    found = summarise(simulate(line, options), line)
    return [float(found[name].sel(crew="team")) for name in names]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_one_of_two_people_at_work_is_half(engine: str) -> None:
    """One of two works all the time that is observed."""
    found = people(manned(), engine, 100.0, warm_up_s=25.0)
    assert found == [75.0, 150.0, 0.5]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_who_ends_work_after_the_shift_is_there_so_long(engine: str) -> None:
    """The shift ends at 60 with the sixth part; with parts of 11 s the last is ended at 66."""
    assert people(manned(calendar="early"), engine, 200.0) == [60.0, 120.0, 0.5]
    longer = manned(11, calendar="early")
    assert people(longer, engine, 200.0) == [66.0, 126.0, pytest.approx(66 / 126)]


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_repairs_are_work(engine: str) -> None:
    """A failure after each 30 s of work needs both people for 10 s."""
    jam = {
        "id": "jam",
        "time_to_failure_s": 30,
        "time_to_repair_s": 10,
        "crew": "team",
        "people": 2,
    }
    line = cell(
        stations=[{"id": "a", "failures": [jam]}, {"id": "b", "input_buffer": "mid"}],
        crews=[{"id": "team", "size": 2}],
    )
    assert people(line, engine, 80.0) == [40.0, 160.0, 0.25]
