"""The mirror against a real plant on loopback: equal while linked, honest while not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.sync.plants import comparable, differences
from twin.emulator import Plant, Rehearsal
from twin.engine.options import Fault
from twin.events import Kind, Status, fold
from twin.history import SqliteStore
from twin.line import Line, example_line
from twin.sync import (
    ChangeKind,
    Mirror,
    OpcUaConnector,
    ScaledClock,
    SourceState,
    default_mapping,
)
from twin.sync.machine import Limits
from twin.sync.mapping import Heartbeat, NodeSpec

SPEED = 30.0


@asynccontextmanager
async def mirrored(
    line: Line, endpoint: str, store: SqliteStore | None = None
) -> AsyncIterator[Mirror]:
    """Follow a plant for the length of a test."""
    clock = ScaledClock(line.start_utc, SPEED)
    connector = OpcUaConnector(default_mapping(line, endpoint), clock=clock)
    mirror = Mirror(line, connector, clock, store)
    task = asyncio.create_task(mirror.run())
    try:
        yield mirror
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(mirror: Mirror, state: SourceState, timeout_s: float = 15.0) -> None:
    """Wait until the link is in a state."""
    await eventually(lambda: mirror.status().state is state, timeout_s)


async def eventually(holds: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Look again and again until something holds."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + timeout_s
    while not holds():
        assert loop.time() < end_s, f"not within {timeout_s} s"
        await asyncio.sleep(0.02)


def off_by(plant: Plant, mirror: Mirror) -> list[str]:
    """Return how the mirror's state differs from the plant's own at that moment.

    The ages of failure modes are left out: the mirror saw less of them.
    """
    found = mirror.state()
    truth = fold(plant.log().until(found.time_s), plant.line)
    pairs = differences(comparable(truth, 3), comparable(found, 3))
    return [line for line in pairs if ".age." not in line]


# A server takes seconds to build, so tests that only look share one.
@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["electronics", "bottling"])
async def plant(request: pytest.FixtureRequest) -> AsyncIterator[Plant]:
    """Return a plant that nobody stops."""
    async with Plant(example_line(request.param), speed=SPEED, seed=3) as running:
        yield running


@pytest.mark.asyncio(loop_scope="module")
async def test_state_equals_the_plants(plant: Plant) -> None:
    """Sampled while it runs: places, statuses, clocks, counts and orders are the plant's.

    The mirror begins when the plant has run for a moment only, so there is no past it missed.
    """
    line = plant.line
    async with mirrored(line, plant.endpoint) as mirror:
        await mirror.wait_ready(15)
        for _ in range(4):
            await asyncio.sleep(0.4)
            assert off_by(plant, mirror) == []
        status = mirror.status()
        assert (status.state, status.quality) == (SourceState.LIVE, "good")
        assert status.gaps == ()
        assert status.tally.late == status.tally.unexplained == 0
        folded = fold(mirror.log(), line)
        assert differences(comparable(folded), comparable(mirror.state())) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_injected_fault_and_signals_are_seen(plant: Plant) -> None:
    """A breakdown shows in the state, and the sensors' past can be asked for."""
    station = plant.line.flow_order[0]
    async with mirrored(plant.line, plant.endpoint) as mirror:
        await mirror.wait_ready(15)
        plant.inject(Fault(station=station, duration_s=600.0))
        await eventually(lambda: mirror.state().stations[station].outages)
        assert set(mirror.statuses()[station]) == {Status.FAILED}
        await eventually(lambda: len(mirror.signal_history(station, 0.0)["vibration"]) > 2)
        assert mirror.signals()[station]["vibration"].unit == "mm/s"
        times = [item.time_s for item in mirror.signal_history(station, 0.0)["vibration"]]
        assert times == sorted(set(times))


async def test_plant_that_dies_and_comes_back(tmp_path: Path) -> None:
    """Lost is said at once and with an age; restored comes with a declared gap and a true state."""
    line = example_line("two_station")
    store = SqliteStore(tmp_path / "journal.db")
    news = []
    async with Plant(line, speed=SPEED) as plant:
        port = int(plant.endpoint.rsplit(":", 1)[1])
        async with mirrored(line, plant.endpoint, store) as mirror:

            async def listen() -> None:
                async for change in mirror.changes():
                    news.append(change)  # noqa: PERF401 - it is cancelled in the middle

            listener = asyncio.create_task(listen())
            await mirror.wait_ready(15)
            await asyncio.sleep(0.5)
            await plant.__aexit__(None, None, None)
            await until(mirror, SourceState.RECONNECTING)
            lost = mirror.state().time_s
            await asyncio.sleep(0.5)
            status = mirror.status()
            assert status.quality == "stale"
            assert status.age_s is not None
            assert status.age_s > 0.4
            assert mirror.state().time_s == lost
            assert int(mirror.log().kind[-1]) == Kind.LINK_LOST
            begin = plant.moment(lost + 60.0)
            async with Plant(line, speed=SPEED, start=begin, port=port) as again:
                await until(mirror, SourceState.LIVE)
                await eventually(lambda: mirror.status().gaps)
                await asyncio.sleep(0.5)
                (gap,) = mirror.status().gaps
                assert line.seconds(gap.begin) == pytest.approx(lost, abs=10.0)
                assert gap.end > begin
                assert mirror.status().quality == "good"
                assert list(mirror.log().kind[:2]) == [Kind.LINK_RESTORED, Kind.GAP]
                assert len(mirror.logs()) == 2
                found = mirror.state()
                truth = fold(again.log().until(found.time_s), line)
                assert {p.id: (p.location, p.status) for p in found.parts} == {
                    p.id: (p.location, p.status) for p in truth.parts
                }
                assert (found.finished, found.scrapped) == (truth.finished, truth.scrapped)
            listener.cancel()
    assert [stored.reason for stored in store.gaps("plant")] == [gap.reason]
    assert store.watermark() > 0
    kinds = [change.kind for change in news]
    assert ChangeKind.GAP in kinds
    assert ChangeKind.STATE in kinds
    store.close()


async def test_history_closes_what_the_subscription_lost() -> None:
    """A server that gave up the subscription and knows its past: no gap, and a true state."""
    line = example_line("two_station")
    async with (
        Plant(line, speed=SPEED, rehearsal=Rehearsal(history_values=5000)) as plant,
        mirrored(line, plant.endpoint) as mirror,
    ):
        await mirror.wait_ready(30)
        await until(mirror, SourceState.LIVE)
        mirror.connector._supervisor.session.forget("by a test")  # type: ignore[attr-defined]  # noqa: SLF001
        await eventually(lambda: Kind.LINK_RESTORED in mirror.log().kind)
        lost_s = mirror.state().time_s
        await eventually(lambda: mirror.state().time_s > lost_s + SPEED)
        status = mirror.status()
        assert (status.gaps, status.quality) == ((), "good")
        assert (status.tally.unexplained, len(mirror.logs())) == (0, 1)
        assert off_by(plant, mirror) == []
        kinds = [int(kind) for kind in mirror.log().kind]
        assert kinds.count(Kind.LINK_LOST) == kinds.count(Kind.LINK_RESTORED) == 1


async def test_plant_that_is_not_there() -> None:
    """Nobody listens: the status says so in words, and asking for the state is told why not."""
    line = example_line("two_station")
    async with mirrored(line, "opc.tcp://127.0.0.1:1/") as mirror:
        await until(mirror, SourceState.RECONNECTING)
        assert "nobody listens at opc.tcp://127.0.0.1:1/" in mirror.status().last_error
        assert mirror.status().quality == "bad"
        with pytest.raises(LookupError, match=r"no picture of opc\.tcp"):
            mirror.state()
        with pytest.raises(TimeoutError):
            await mirror.wait_ready(0.2)


@pytest.mark.asyncio(loop_scope="module")
async def test_missing_nodes_degrade_the_link(plant: Plant) -> None:
    """Nodes that the plant does not have are named, and the rest is mirrored."""
    mapping = default_mapping(plant.line, plant.endpoint)
    station = plant.line.flow_order[0]
    extra = [
        NodeSpec(node="nsu=urn:linetwin:plant;s=nowhere", element=station, property="signals.a"),
        NodeSpec(node="nsu=urn:other;s=time", element=station, property="signals.b"),
    ]
    mapping = mapping.model_copy(update={"nodes": (*mapping.nodes, *extra)})
    connector = OpcUaConnector(mapping)
    await connector.connect()
    try:
        async with asyncio.timeout(15):
            while connector.link.state is not SourceState.DEGRADED:
                await connector.receive(100, 0.1)
        told = " ".join(connector.missing)
        assert "s=nowhere: BadNodeIdUnknown" in told
        assert "nsu=urn:other;s=time: its namespace is unknown" in told
    finally:
        await connector.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_heartbeat_that_stands_still_is_no_life(plant: Plant) -> None:
    """A plant whose clock does not move is never called live, however well it connects."""
    mapping = default_mapping(plant.line, plant.endpoint)
    still = Heartbeat(node="i=2257")  # when the server started: it never changes
    connector = OpcUaConnector(
        mapping.model_copy(update={"heartbeat": still}), limits=Limits(verify_s=0.5)
    )
    await connector.connect()
    try:
        async with asyncio.timeout(15):
            while connector.link.attempt < 2:
                await connector.receive(1000, 0.1)
                assert connector.link.state is not SourceState.LIVE
    finally:
        await connector.close()
