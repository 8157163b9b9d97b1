"""Vehicles in what the API tells of a line: the state document and the key figures."""

from datetime import UTC, datetime

import pytest

from api.kpis import vehicle_kpis
from api.live import LiveLine, Picture
from api.schemas import Link, LinkStatus, Quality
from twin.engine import SimulationOptions, simulate
from twin.events import Folder, fold
from twin.events.state import CrewState
from twin.kpi import summarise
from twin.line import example_line


def test_state_tells_who_is_away() -> None:
    """Each crew with how many of it are there; a crew of which nothing is told is complete."""
    line = example_line("bottling")
    state = fold(simulate(line, SimulationOptions(horizon_s=600.0, seed=5)), line)
    state = state.model_copy(update={"crews": {"operators": CrewState(away=1)}})
    now = datetime.now(UTC)
    picture = Picture(
        state=state,
        statuses=Folder(line, state).statuses(),
        signals={},
        as_of=line.moment(state.time_s),
        received_at=now,
        quality=Quality.GOOD,
        link=Link(status=LinkStatus.CONNECTED),
    )
    told = [(crew.id, crew.size, crew.on, crew.away) for crew in LiveLine(line).view(picture).crews]
    assert told == [("operators", 2, True, 1), ("maintenance", 1, True, 0)]


def test_state_tells_where_each_vehicle_is_and_what_for() -> None:
    """Each vehicle of each pool: what it does, its part, from where to where, as in the state."""
    line = example_line("transport")
    state = fold(simulate(line, SimulationOptions(horizon_s=3000.0, seed=5)), line)
    now = datetime.now(UTC)
    picture = Picture(
        state=state,
        statuses=Folder(line, state).statuses(),
        signals={},
        as_of=line.moment(state.time_s),
        received_at=now,
        quality=Quality.GOOD,
        link=Link(status=LinkStatus.CONNECTED),
    )
    view = LiveLine(line).view(picture)
    assert [(found.pool, found.number) for found in view.vehicles] == [
        *(("agv", 0), ("agv", 1)),
        ("hoist", 0),
    ]
    told = [vehicle for pool in line.vehicles for vehicle in state.vehicles[pool.id]]
    for found, known in zip(view.vehicles, told, strict=True):
        assert (found.status, found.place, found.goal) == (known.status, known.place, known.goal)
        assert found.part == (None if known.part is None else str(known.part))
    busy = [found for found in view.vehicles if found.part is not None]
    assert busy
    places = {part.id: part.location for part in state.parts}
    for found in busy:
        aboard = found.status in ("carrying", "unloading")
        assert found.product == "housing"
        assert found.origin == (found.place if aboard else places[int(found.part or 0)])


def test_figures_tell_how_busy_vehicles_were() -> None:
    """Shares of each pool add up to 1 and trips are counted; a line without vehicles tells none."""
    line = example_line("transport")
    figures = summarise(simulate(line, SimulationOptions(horizon_s=7200.0, seed=5)), line)
    agv, hoist = vehicle_kpis(figures)
    assert (agv.id, hoist.id) == ("agv", "hoist")
    assert min(agv.trips, hoist.trips) > 20
    for pool in (agv, hoist):
        assert sum(pool.share.values()) == pytest.approx(1.0, abs=1e-9)
        assert 0.0 < pool.share["loaded"] < 1.0
    other = example_line("two_station")
    assert vehicle_kpis(summarise(simulate(other, SimulationOptions(horizon_s=600)), other)) == ()
