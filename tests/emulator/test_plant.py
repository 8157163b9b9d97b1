"""A plant on the loopback interface, watched by a real OPC UA client."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, timedelta
from itertools import groupby, pairwise

import pytest
import pytest_asyncio
from asyncua import Client, ua

from tests.emulator.small import small_line
from tests.emulator.watching import browse, until, watched
from twin.emulator import NAMESPACE_URI, PACKML_NUMBER, Plant, PlantError, RealityGap
from twin.engine import Fault, SimulationOptions, simulate
from twin.errors import NotSupportedError, OptionsError, SimulationError
from twin.events import Folder, Kind
from twin.line import Constant, Line, serial_line

SPEED = 50.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Plant]:
    """Yield one plant that several tests look at and none disturbs."""
    async with Plant(small_line(), speed=SPEED, seed=3) as running:
        yield running


def expected_paths(line: Line) -> dict[str, ua.VariantType]:
    """Return the nodes that the plant promises, with their types."""
    kinds = ua.VariantType
    found = {"time": kinds.DateTime}
    for station in line.stations:
        at = f"stations.{station.id}"
        found[f"{at}.state"] = kinds.Int32
        for k in range(station.servers):
            found |= {
                f"{at}.servers.{k}.state": kinds.Int32,
                f"{at}.servers.{k}.part": kinds.Int64,
                f"{at}.servers.{k}.product": kinds.String,
                f"{at}.servers.{k}.order": kinds.String,
                f"{at}.servers.{k}.operation": kinds.Int32,
            }
        found |= {
            f"{at}.failure_mode": kinds.String,
            f"{at}.repairing": kinds.Boolean,
            f"{at}.on": kinds.Boolean,
            f"{at}.setup_group": kinds.String,
            f"{at}.processed": kinds.UInt32,
            f"{at}.scrapped": kinds.UInt32,
        }
        found |= {f"{at}.signals.{name}": kinds.Double for name in station.signals}
    for buffer in line.buffers:
        found[f"buffers.{buffer.id}.level"] = kinds.Int32
        found[f"buffers.{buffer.id}.parts"] = kinds.Int64
    for source in line.sources:
        found[f"sources.{source.id}.created"] = kinds.UInt32
        found[f"sources.{source.id}.waiting"] = kinds.Int32
    for sink in line.sinks:
        found[f"sinks.{sink.id}.finished"] = kinds.UInt32
        found[f"sinks.{sink.id}.last_part"] = kinds.Int64
    return found


def expected_changes(plant: Plant) -> dict[str, list[tuple[object, object]]]:
    """Return every change of ``part`` and ``state`` of each server, by folding the log."""
    line, folder = plant.line, Folder(plant.line)
    shown: dict[str, object] = {}
    changes: dict[str, list[tuple[object, object]]] = {}
    rows = plant.engine.builder.rows
    for moment, group in groupby(rows, key=lambda row: plant.moment(row.time_s)):
        time_s = 0.0
        for row in group:
            folder.apply(row)
            time_s = row.time_s
        inside = {
            (part.location, part.server): part.id
            for part in folder.state(time_s).parts
            if part.server is not None
        }
        for station in line.stations:
            for k, status in enumerate(folder.statuses()[station.id]):
                at = f"stations.{station.id}.servers.{k}"
                now = {
                    f"{at}.part": inside.get((station.id, k), -1),
                    f"{at}.state": PACKML_NUMBER[status],
                }
                for path, value in now.items():
                    if shown.get(path) != value:
                        shown[path] = value
                        changes.setdefault(path, []).append((moment, value))
    return changes


def after(seen: list[tuple[object, object]], first: object, last: object) -> list[object]:
    """Return what was seen later than ``first`` and not later than ``last``."""
    return [item for item in seen if first < item[0] <= last]  # type: ignore[operator]


@pytest.mark.asyncio(loop_scope="module")
async def test_address_space_is_complete_typed_and_read_only(plant: Plant) -> None:
    """Every promised node is there with its type and a value of the plant's time; none beyond."""
    line = plant.line
    async with Client(plant.endpoint) as client:
        nodes = await browse(client)
        expected = expected_paths(line)
        assert set(nodes) == set(expected)
        for path, kind in expected.items():
            value = await client.get_node(nodes[path]).read_data_value()
            assert value.Value.VariantType is kind, path
            assert value.Value.is_array == path.endswith(".parts")
            assert value.SourceTimestamp >= line.start_utc
            assert value.SourceTimestamp <= plant.moment(plant.now_s)
        namespace = await client.get_namespace_index(NAMESPACE_URI)
        names = ["0:Objects", *(f"{namespace}:{name}" for name in ("small", "stations", "saw"))]
        assert await client.nodes.root.get_child([*names, f"{namespace}:state"])
        level = client.get_node(nodes["buffers.rack.level"])
        with pytest.raises(ua.UaStatusCodeError):
            await level.write_value(ua.Variant(3, ua.VariantType.Int32))
        booth = client.get_node(nodes["stations.booth.signals.current"])
        unit = await (await booth.get_child("0:EngineeringUnits")).read_value()
        assert unit.DisplayName.Text == "A"


@pytest.mark.asyncio(loop_scope="module")
async def test_every_change_reaches_a_client_with_a_queue(plant: Plant) -> None:
    """All changes of part and state arrive once, in order, with the time of their event."""
    wanted = (".part", ".state")
    servers = lambda path: ".servers." in path and path.endswith(wanted)  # noqa: E731
    async with watched(plant, servers) as (_, seen):
        await until(lambda: sum(map(len, seen.values.values())) > 220)
        end = plant.moment(plant.reached_s)
    expected = expected_changes(plant)
    compared = 0
    for path, values in seen.values.items():
        first = values[0][0]
        assert after(values, first, end) == after(expected.get(path, []), first, end), path
        compared += len(after(values, first, end))
    assert len(seen.values) == 2 * 4
    assert compared > 150


@pytest.mark.asyncio(loop_scope="module")
async def test_counters_agree_with_the_log(plant: Plant) -> None:
    """What the counters read is what the plant's own log counts up to their time."""
    line = plant.line
    async with Client(plant.endpoint) as client:
        nodes = await browse(client)
        counters = [path for path in nodes if path.endswith(("processed", "created", "finished"))]
        values = {
            path: await client.get_node(nodes[path]).read_data_value() for path in sorted(counters)
        }
        log = plant.log()
        kinds = {"processed": Kind.PROCESSING_ENDED, "created": Kind.PART_CREATED}
        for path, value in values.items():
            _, element, word = path.split(".")
            kind = kinds.get(word, Kind.PART_FINISHED)
            number = log.names.elements.index(element)
            times_s = log.time_s[(log.kind == kind) & (log.element == number)]
            stamp_s = (value.SourceTimestamp - line.start_utc).total_seconds()
            counted = int((times_s <= stamp_s + 1e-6).sum())
            assert value.Value.Value == counted > 0, path


@pytest.mark.asyncio(loop_scope="module")
async def test_timestamps_are_plant_times(plant: Plant) -> None:
    """The plant's clock runs at its speed; sensors are read at even steps of plant time."""
    async with watched(plant, lambda path: path == "time" or "signals" in path) as (_, seen):
        await until(lambda: seen.count("stations.booth.signals.current") > 15)
        await until(lambda: seen.count("time") > 5)
    clock = seen.values["time"]
    assert all(stamp == value.replace(tzinfo=UTC) for stamp, value in clock)
    assert all(a < b for (a, _), (b, _) in pairwise(clock))
    steps = [(b - a).total_seconds() for (a, _), (b, _) in pairwise(clock)]
    assert 0.19 * SPEED <= sorted(steps)[len(steps) // 2] <= 2.0 * SPEED  # 0.2 s, if it can
    readings = [stamp for stamp, _ in seen.values["stations.booth.signals.current"]]
    steps = [(b - a).total_seconds() for a, b in pairwise(readings)]
    assert set(steps) == {SPEED * 0.05}
    assert len(readings) >= 15


@pytest.mark.asyncio(loop_scope="module")
async def test_values_of_one_moment_share_their_timestamp(plant: Plant) -> None:
    """A part that moves from server to buffer changes both nodes at one and the same time."""
    nodes = ("buffers.rack.level", "stations.saw.servers.0.part")
    async with watched(plant, lambda path: path in nodes) as (_, seen):
        await until(lambda: seen.count(*nodes) > 10)
    levels = {stamp for stamp, _ in seen.values["buffers.rack.level"][1:]}
    row_times = {plant.moment(row.time_s) for row in plant.engine.builder.rows}
    parts = {stamp for stamp, _ in seen.values["stations.saw.servers.0.part"][1:]}
    assert len(levels) > 5
    assert levels <= row_times
    assert levels & parts


async def test_a_fault_shows(line: Line) -> None:
    """An injected breakdown stops the station for its time and is told as an outage."""
    gap = RealityGap.none()
    async with Plant(line, speed=50.0, reality_gap=gap) as plant:
        keep = ("stations.booth.state", "stations.booth.failure_mode")
        async with watched(plant, lambda path: path in keep) as (client, seen):
            await until(lambda: seen.count(*keep) > 0)
            namespace = await client.get_namespace_index(NAMESPACE_URI)
            message = await client.get_node(ua.NodeId("line", namespace)).call_method(
                ua.NodeId("inject_fault", namespace), "booth", "breakdown", 30.0, 1.0
            )
            mode = seen.values["stations.booth.failure_mode"]
            await until(lambda: mode[-1][1] == "" and any(item[1] == "outage" for item in mode))
        assert message.startswith("breakdown of booth for 30 s of plant time from 2026-01-05T0")
        modes = [item for item in seen.values["stations.booth.failure_mode"] if item[1] == "outage"]
        over = [item for item in seen.values["stations.booth.failure_mode"][1:] if item[1] == ""]
        assert (over[0][0] - modes[0][0]).total_seconds() == pytest.approx(30.0, abs=1e-5)
        aborted = [stamp for stamp, value in seen.values["stations.booth.state"] if value == 9]
        assert aborted == [modes[0][0]]
        log = plant.log()
        assert Counter(log.kind[log.detail == -1].tolist())[Kind.FAILED] == 1


async def test_faults_given_at_the_start_happen(line: Line) -> None:
    """A fault told on opening comes after its time, counted from then."""
    fault = Fault(station="saw", after_s=5.0, duration_s=10.0)
    async with Plant(line, speed=50.0, faults=[fault]) as plant:
        await until(lambda: plant.reached_s > 20.0)
        log = plant.log()
    saw = log.names.elements.index("saw")
    outages = (log.element == saw) & (log.detail == -1)
    assert log.time_s[outages & (log.kind == Kind.FAILED)].tolist() == [5.0]
    assert log.time_s[outages & (log.kind == Kind.REPAIRED)].tolist() == [15.0]


async def test_a_plant_started_again_goes_on_with_the_same_day(line: Line) -> None:
    """Opened at a later moment with the same seed, the line has the same past."""
    start = line.start_utc + timedelta(seconds=200)
    plant = Plant(line, speed=1.0, seed=9, start=start)
    async with plant, Client(plant.endpoint) as client:
        assert plant.reached_s >= 200.0
        nodes = await browse(client)
        value = await client.get_node(nodes["sinks.out.finished"]).read_data_value()
        log = plant.log().until(200.0)
    past = simulate(plant.true_line, SimulationOptions(horizon_s=200, seed=9))
    assert log.time_s.tolist() == past.time_s.tolist()
    assert value.SourceTimestamp >= start
    assert value.Value.Value >= int((past.kind == Kind.PART_FINISHED).sum()) > 10


async def test_a_plant_that_was_held_up_catches_up(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost or shifted when the process could not run; the lag is told."""
    async with Plant(line, speed=100.0, seed=2) as plant:
        async with watched(plant, lambda path: path == "stations.saw.servers.0.part") as (_, seen):
            await until(lambda: seen.count("stations.saw.servers.0.part") > 0)
            with caplog.at_level(logging.WARNING, logger="twin.emulator.plant"):
                time.sleep(1.6)  # noqa: ASYNC251 - holding up the whole process is the test
                assert plant.lag_s > 1.5
                await until(lambda: plant.lag_s < 0.5)
            end = plant.moment(plant.reached_s)
        values = seen.values["stations.saw.servers.0.part"]
        expected = expected_changes(plant)["stations.saw.servers.0.part"]
        assert after(values, values[0][0], end) == after(expected, values[0][0], end)
        assert plant.now_s == pytest.approx(plant.reached_s, abs=100.0)


def test_the_truth_differs_from_the_file_and_is_told(line: Line) -> None:
    """The plant's own line carries the reality gap; its log belongs to that line."""
    plant = Plant(line)
    plant.engine.advance(100.0)
    assert plant.true_line.hash != line.hash
    assert plant.true_line.hash == RealityGap().apply(line).hash
    assert plant.log().line_hash == plant.true_line.hash
    assert plant.log().names == simulate(line, SimulationOptions(horizon_s=1)).names


async def test_port_in_use_is_told(line: Line) -> None:
    """Who else listens on the port is named as the problem, with a remedy."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PlantError, match=f"port {port} on 127.0.0.1 is in use; stop what"):
            async with Plant(line, port=port):
                pass


async def test_a_cancelled_plant_leaves_nothing_behind(line: Line) -> None:
    """Cancelling whoever waits for the plant closes it: no task is left and the port is free."""
    plant = Plant(line, speed=10.0)

    async def live() -> None:
        async with plant:
            await plant.wait()

    running = asyncio.create_task(live())
    await until(lambda: plant.reached_s > 0.0)
    running.cancel()
    await asyncio.wait({running}, timeout=5)
    assert running.cancelled()
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", int(plant.endpoint.rsplit(":", 1)[1])))


async def test_a_line_that_cannot_go_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stops the engine comes out of ``wait``."""
    monkeypatch.setattr("twin.engine.reference.clock.MAX_ROUNDS_AT_ONE_TIME", 1000)
    endless = serial_line([Constant(value_s=0.0)])
    async with Plant(endless, reality_gap=RealityGap.none()) as plant:
        with pytest.raises(SimulationError, match="endless loop"):
            await asyncio.wait_for(plant.wait(), 20)


async def test_a_plant_that_forgets_says_so(line: Line) -> None:
    """With a limit on memory the log is refused rather than given in part."""
    async with Plant(line, speed=100.0, rows_kept=50) as plant:
        await until(lambda: plant.reached_s > 150.0)
        assert len(plant.engine.builder.rows) <= 100
        with pytest.raises(NotSupportedError, match="open it without rows_kept"):
            plant.log()


@pytest.mark.parametrize(
    ("options", "finding"),
    [
        ({"speed": 0.0}, "speed: 0.0 is no speed"),
        ({"speed": -1.0}, "speed: -1.0 is no speed"),
        ({"speed": math.nan}, "speed: nan is no speed"),
        ({"speed": 1e6}, "expected above 0, up to 1000"),
        ({"port": 70_000}, "port: 70000 is no port"),
        ({"faults": [Fault(station="nope", duration_s=1.0)]}, "unknown station 'nope'"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_options_are_refused(
    line: Line, options: dict[str, object], finding: str
) -> None:
    """Each says what was wrong and what would do."""
    with pytest.raises(OptionsError) as caught:
        Plant(line, **options)  # type: ignore[arg-type]
    assert finding in str(caught.value)


def test_a_start_before_the_line_is_refused(line: Line) -> None:
    """A plant cannot open before its line begins."""
    with pytest.raises(OptionsError, match="change the line's start"):
        Plant(line, start=line.start_utc - timedelta(seconds=1))
