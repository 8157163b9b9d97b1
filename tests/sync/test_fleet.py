"""Vehicles in the mirror: followed where the plant tells of them, supposed where it does not."""

import asyncio
from collections import Counter
from functools import cache

import numpy as np
import pytest

from api.kpis import vehicle_kpis
from tests.sync.plants import differences, moments_of
from tests.sync.test_mirror import eventually, mirrored, off_by, until
from tests.sync.test_translate import Follower, comparable
from twin.emulator import Plant
from twin.engine import SimulationOptions, simulate
from twin.events import EventLog, Kind, LineState, fold
from twin.events.builder import EventLogBuilder
from twin.kpi import summarise
from twin.line import Line, example_line
from twin.sync import SourceState
from twin.sync.protocol import Value
from twin.sync.translate import Translator

HOURS = 3.0
SPEED = 30.0


@cache
def driven() -> tuple[Line, EventLog]:
    """Return the example line with vehicles, and a morning of it."""
    line = example_line("transport")
    return line, simulate(line, SimulationOptions(horizon_s=HOURS * 3600, seed=5))


def picture(line: Line, log: EventLog, time_s: float) -> Translator:
    """Return a translator that knows what the plant shows at one moment, and nothing else."""
    seen: dict[str, Value] = {}
    for at_s, values in moments_of(line, log):
        if at_s <= time_s:
            seen |= {value.node: value for value in values}
    translator = Translator(line)
    translator.take((value, line.seconds(value.source_time)) for value in seen.values())
    return translator


def written(follower: Follower, end_s: float) -> EventLog:
    """Return what a mirror wrote as a log."""
    initial = follower.initial.model_dump(mode="json")
    builder = EventLogBuilder(follower.line, initial=initial)
    builder.rows = follower.rows  # type: ignore[assignment]
    return builder.log(end_s)


def test_figures_are_those_of_the_plants_own_log() -> None:
    """Every key figure of the mirrored log, those of vehicles among them, is the plant's."""
    line, log = driven()
    follower = Follower(line, moments_of(line, log))
    for time_s, values in follower.moments:
        follower.feed(time_s, values)
    ours, theirs = summarise(written(follower, log.end_s), line), summarise(log, line)
    assert float(theirs["vehicle_trips"].sum()) > 100
    for name, figure in theirs.items():
        # What a run supposes of a time, a plant does not tell.
        np.testing.assert_allclose(ours[name].values, figure.values, atol=1e-4, err_msg=str(name))


@pytest.mark.parametrize("minutes", [31.0, 50.0, 137.0])
def test_one_picture_shows_vehicles_and_can_be_simulated_on(minutes: float) -> None:
    """From one picture: who carries what from where to where; both engines go on from it."""
    line, log = driven()
    time_s = minutes * 60.0
    ours, theirs = picture(line, log, time_s).begin(time_s), fold(log.until(time_s), line)
    assert not differences(*(comparable(state)["vehicles"] for state in (theirs, ours)))
    assert {p.id: (p.location, p.operation) for p in ours.parts} == {
        p.id: (p.location, p.operation) for p in theirs.parts
    }
    runs = [
        simulate(line, SimulationOptions(horizon_s=1800, seed=2, engine=engine), ours)
        for engine in ("reference", "compiled")
    ]
    assert Kind.DROP_STARTED in runs[0].kind
    assert [run.kind.tolist() for run in runs[1:]] == [runs[0].kind.tolist()]


def test_plant_that_tells_nothing_of_its_vehicles() -> None:
    """Parts on their way are on vehicles, uncertain, and come back as what they are: no scrap."""
    line, log = driven()
    pools = {pool.id for pool in line.vehicles}
    told = (
        (time_s, [value for value in values if value.element not in pools])
        for time_s, values in moments_of(line, log)
    )
    follower = Follower(line, told)
    for time_s, values in follower.moments:
        follower.feed(time_s, values)
    ours, theirs = written(follower, log.end_s), fold(log, line)
    state = fold(ours, line)
    assert follower.translator.tally.unexplained == 0
    assert (state.finished, state.scrapped) == (theirs.finished, theirs.scrapped)
    assert {p.id: p.location for p in state.parts if p.location not in pools} == {
        p.id: p.location for p in theirs.parts if p.location not in pools
    }
    counts = [Counter(found.kind.tolist()) for found in (ours, log)]
    for kind in (Kind.PART_CREATED, Kind.PART_SCRAPPED, Kind.REWORK_SENT, Kind.PART_LOADED):
        assert counts[0][kind] == counts[1][kind] > 0
    assert set(ours.quality[ours.kind == Kind.PART_LOADED].tolist()) == {1}
    figures = summarise(ours, line)
    assert not any(vehicle.told for found in state.vehicles.values() for vehicle in found)
    assert np.isnan(figures["vehicle_share"]).all()
    assert np.isnan(figures["vehicle_wait_s"]).any()
    assert all(pool.share == {} and pool.trips > 0 for pool in vehicle_kpis(figures))
    # Whoever simulates on knows again.
    runs = [
        simulate(line, SimulationOptions(horizon_s=3600, seed=1, engine=engine), state)
        for engine in ("reference", "compiled")
    ]
    for log in runs:
        shares = summarise(log, line)["vehicle_share"].sum("vehicle_state")
        np.testing.assert_allclose(shares, 1.0)


def test_trip_that_never_ends_is_declared_in_the_end() -> None:
    """A part that left for a vehicle and never comes is gone after several trips, not before."""
    line, log = driven()
    pools = {pool.id for pool in line.vehicles}
    moments = [
        (at_s, [v for v in values if v.element not in pools])
        for at_s, values in moments_of(line, log)
    ]
    follower = Follower(line, iter(moments))
    left = next(k for k, kind in enumerate(log.kind) if kind == Kind.PART_LOADED)
    gone, left_s = int(log.part[left]), float(log.time_s[left])
    for at_s, values in moments[1:]:
        if at_s > left_s + 700.0:
            break
        hidden = [v for v in values if not (at_s > left_s and shows(v, gone))]
        follower.feed(at_s, hidden)
        state = follower.folder.state(at_s)
        aboard = {part.id for part in state.parts if part.location in pools}
        if left_s < at_s < left_s + 5 * 70.0:
            assert gone in aboard
    assert gone not in {part.id for part in state.parts}
    assert follower.translator.tally.unexplained == 1


def shows(value: Value, part: int) -> bool:
    """Tell whether a value shows a part."""
    return value.value == part or (isinstance(value.value, tuple) and part in value.value)


def vehicles(state: LineState) -> object:
    """Return what the vehicles of a state do, to the millisecond."""
    return comparable(state, 3)["vehicles"]


async def test_vehicles_are_followed_over_a_real_link_and_a_gap() -> None:
    """Over OPC UA the state is the plant's; after a gap the vehicles are where they are again."""
    line = example_line("transport")
    async with Plant(line, speed=SPEED, seed=3) as plant, mirrored(line, plant.endpoint) as mirror:
        port = int(plant.endpoint.rsplit(":", 1)[1])
        await mirror.wait_ready(15)
        for _ in range(3):
            await asyncio.sleep(1.0)
            assert off_by(plant, mirror) == []
        assert {vehicle.status for vehicle in mirror.state().vehicles["agv"]} - {"idle"}
        assert mirror.status().tally.unexplained == 0
        await plant.__aexit__(None, None, None)
        await until(mirror, SourceState.RECONNECTING)
        begin = plant.moment(mirror.state().time_s + 100.0)
        # The same day goes on, 100 s later.
        async with Plant(line, speed=SPEED, seed=3, start=begin, port=port) as again:
            await eventually(lambda: mirror.status().gaps)
            await until(mirror, SourceState.LIVE)
            for _ in range(2):
                await asyncio.sleep(1.0)
                found = mirror.state()
                truth = fold(again.log().until(found.time_s), line)
                assert differences(vehicles(truth), vehicles(found)) == []
                assert places(found) == places(truth)
            assert (found.scrapped, mirror.status().tally.unexplained) == (truth.scrapped, 0)


def places(state: LineState) -> dict[int, tuple[str, int]]:
    """Return where each part is, and what for."""
    return {part.id: (part.location, part.operation) for part in state.parts}
