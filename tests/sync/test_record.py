"""A recording of counter servers: received + declared gaps = made, whatever happens on the way."""

import asyncio
import itertools
import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sync.peers.harness import (
    VENDORS,
    Counter,
    child,
    counter,
    guard_of,
    law,
    protection,
    recording,
    values_of,
)
from tests.sync.peers.proxy import Proxy

RATE = 50.0
LIFE = 1_000_000
FAULTS = ("reset", "black hole", "up cut", "down cut", "delay", "kill", "freeze")
OUTAGES_S = (0.5, 3.0, 60.0)
HELD_UP = {"a longer pause than ever while values waited at the server"}
"""A server that is held up while nobody fetches makes a pause that looks like a loss."""


def left_open(found: dict[str, Any]) -> set[str]:
    """Return why there are gaps that nothing closed."""
    return set(found["gaps"].query("resolved == 'unrecoverable'").reason)


async def harm(fault: str, outage_s: float, server: Counter, proxy: Proxy) -> None:
    """Let a fault happen for a while, then mend it."""
    if fault == "reset":
        proxy.refusing = True
        proxy.reset()
    elif fault in {"black hole", "up cut", "down cut"}:
        proxy.mute(up=fault != "down cut", down=fault != "up cut")
    elif fault == "delay":
        proxy.delay_s = 0.5
    elif fault == "freeze":
        await server.freeze(outage_s)
        return
    elif fault == "kill":
        await server.kill()
    await asyncio.sleep(outage_s)
    if fault == "kill":
        await server.start(start=LIFE + 1)
    proxy.heal()


async def ended(running: Any, server: Counter) -> int:
    """Let the counter stop, the last values come in, and the recording end; return the last one."""
    made = await server.halt()
    await asyncio.sleep(0.5)
    await running.end()
    return made


async def faulted(
    vendor: str, fault: str, outage_s: float, folder: Path, *, protected: bool = False
) -> Any:
    """Record a server through a fault and check the law."""
    wait_s = 45.0 + outage_s
    guard = guard_of(folder / "server") if protected else {}
    async with counter(vendor, rate=RATE, **guard) as server, Proxy(server.port) as proxy:
        safe = await protection(server, folder) if protected else {}
        async with recording(folder / "out", proxy.port, queue_size=5000, **safe) as running:
            await running.until()
            await running.until_more()
            await harm(fault, outage_s, server, proxy)
            await running.until_more(wait_s)
            await running.until("live", wait_s)
            made = await ended(running, server)
    return law(folder / "out", made, life=LIFE)


@pytest.mark.parametrize("fault", ["reset", "kill"])
async def test_recording_survives(fault: str, tmp_path: Path) -> None:
    """After a reset nothing is lost; after a restart of the server the loss is declared."""
    found = await faulted("asyncua", fault, 0.5, tmp_path)
    if fault == "reset":
        assert found["lost"] == 0
        assert left_open(found) <= HELD_UP
        assert found["summary"]["reconnects"] == 1
    else:
        assert found["open"] == 5
    states = [item["state"] for item in found["summary"]["sources"][0]["states"]]
    assert {"securing", "session", "browsing", "subscribing", "verifying", "live",
            "reconnecting"} <= set(states)  # fmt: skip


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("vendor", "protected", "fault", "outage_s"),
    [
        *itertools.product(VENDORS, [False], FAULTS, OUTAGES_S),
        *itertools.product(VENDORS, [True], FAULTS, OUTAGES_S[:2]),
    ],
)
async def test_fault_matrix(
    vendor: str, fault: str, outage_s: float, tmp_path: Path, *, protected: bool
) -> None:
    """Two vendors, open and protected, every fault, short and long: nothing missing silently."""
    found = await faulted(vendor, fault, outage_s, tmp_path, protected=protected)
    if fault != "kill":
        # The server lived, and the outage fits into its queue.
        assert found["lost"] == 0
    if fault not in {"kill", "freeze"}:  # a server that stood still made a pause like a loss
        assert left_open(found) <= HELD_UP


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "restart",
    [
        {"uris": ["urn:counter:b", "urn:x", "urn:counter:a"]},
        {"nodes": 3},
        {"maxItemsPerCall": 1},
        {"maxItemsPerCall": 20, "nodes": 100},
        {"maxQueue": 1},
        {"clockOffsetS": -3600},
        {"clockOffsetS": 3600},
        {"equalStamps": True},
        {"coarse": True},
    ],
    ids="-".join,
)
async def test_server_comes_back_changed(
    vendor: str, restart: dict[str, Any], tmp_path: Path
) -> None:
    """Another namespace order, fewer nodes, limits, a capped queue, another clock."""
    async with (
        counter(vendor, rate=RATE) as server,
        recording(tmp_path / "out", server.port) as running,
    ):
        await running.until()
        await server.kill()
        await server.start(start=LIFE + 1, **restart)
        await running.until_more(60)
        await asyncio.sleep(3.0)
        made = await server.halt()
        await asyncio.sleep(1.0)
        await running.end()
    found = law(tmp_path / "out", made, life=LIFE)
    assert found["open"] >= 5


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_outage_longer_than_the_queue(vendor: str, tmp_path: Path) -> None:
    """What the server's queue could not hold is declared, to one sample."""
    async with (
        counter(vendor, rate=RATE) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path / "out", proxy.port, queue_size=20) as running,
    ):
        await running.until()
        await harm("reset", 3.0, server, proxy)
        await running.until_more(60)
        await running.until()
        made = await ended(running, server)
    found = law(tmp_path / "out", made)
    gaps = found["gaps"]
    assert found["lost"] > 0
    open_s = (gaps[gaps.resolved == "unrecoverable"].eval("end - start")).dt.total_seconds()
    assert open_s.max() < 4.5  # not wider than outage and back-off


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_server_that_keeps_less_than_it_says(tmp_path: Path) -> None:
    """Five values kept, a thousand promised, no overflow bit: reading directly finds it out."""
    async with (
        counter("asyncua", rate=200, realQueue=5) as server,
        recording(tmp_path / "out", server.port) as running,
    ):
        await running.until()
        await asyncio.sleep(6.0)
        made = await ended(running, server)
    found = law(tmp_path / "out", made)
    assert found["lost"] > 100
    assert {node["queue_size"] for node in found["summary"]["nodes"]} == {1000}
    assert set(found["gaps"].reason) >= {"the server's queue keeps less than it says"}


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_outage_longer_than_the_queue_that_is_there(tmp_path: Path) -> None:
    """After an outage the oldest values are no more, whatever queue was promised."""
    async with (
        counter("asyncua", rate=RATE, realQueue=30) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path / "out", proxy.port) as running,
    ):
        await running.until()
        await asyncio.sleep(2.0)
        await harm("reset", 3.0, server, proxy)
        await running.until_more(60)
        await running.until()
        made = await ended(running, server)
    found = law(tmp_path / "out", made)
    assert found["lost"] > 0


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_overload(vendor: str, tmp_path: Path) -> None:
    """More than server and recording can do, ended in the middle: the law holds to the end."""
    async with (
        counter(vendor, nodes=200, rate=100) as server,
        recording(tmp_path / "out", server.port, queue_size=50) as running,
    ):
        await running.until_more(60)  # it may never be well enough to be called live
        await asyncio.sleep(8.0)
        made = await server.halt()
        await running.end()
    law(tmp_path / "out", made)


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_history_closes_gaps(vendor: str, tmp_path: Path) -> None:
    """A subscription that the server gave up leaves a gap that its history closes."""
    async with (
        counter(vendor, rate=RATE, history=True) as server,
        recording(tmp_path / "out", server.port) as running,
    ):
        await running.until()
        await running.until_more()
        await asyncio.sleep(1.0)
        session = running.recorder._parts[0].supervisor.session  # noqa: SLF001 - to break it
        session.forget("broken off by a test")
        await asyncio.sleep(1.0)
        await running.until("live")
        made = await ended(running, server)
    found = law(tmp_path / "out", made)
    assert found["lost"] == 0
    gaps = found["gaps"]
    closed, left = gaps[gaps.resolved == "history"], gaps[gaps.resolved != "history"]
    assert len(set(closed.node)) == 5
    # A pause of the server itself looks like a hole of its history: declared, and nothing in it.
    assert (left.value_after.astype(int) == left.value_before.astype(int) + 1).all()
    assert left.reason.str.endswith("not in the server's history").all()
    assert (values_of(tmp_path / "out").origin == "history").any()


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_history_of_many_pages(vendor: str, tmp_path: Path) -> None:
    """More values than one answer holds; a server may end a full page without a word."""
    async with (
        counter(vendor, nodes=2, rate=400, history=True) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path / "out", proxy.port) as running,
    ):
        await running.until()
        await running.until_more()
        await asyncio.sleep(1.0)
        running.recorder._parts[0].supervisor.session.forget("by a test")  # noqa: SLF001
        await harm("reset", 6.0, server, proxy)
        await running.until_more(60)
        await running.until("live", 60)
        made = await ended(running, server)
    found = law(tmp_path / "out", made)
    assert (values_of(tmp_path / "out").origin == "history").sum() > 2 * 2000
    assert found["lost"] == 0


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("sampling_s", [0.01, 0.1])
@pytest.mark.parametrize("vendor", VENDORS)
async def test_samples_that_were_asked_for(vendor: str, sampling_s: float, tmp_path: Path) -> None:
    """What changes between two samples is told as left out, not as lost."""
    async with (
        counter(vendor, rate=100) as server,
        recording(tmp_path / "out", server.port, sampling_s=sampling_s) as running,
    ):
        await running.until()
        await asyncio.sleep(4.0)
        made = await ended(running, server)
    gaps = law(tmp_path / "out", made)["gaps"]
    if vendor == "node-opcua":  # it samples every 0.05 s at most; the other one tells every change
        expected = "sampled" if sampling_s > 0.05 else "unrecoverable"
        assert (gaps.resolved == expected).sum() >= 5


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("sampling_s", [0.01, 0.1])
async def test_changes_at_odd_moments(sampling_s: float, tmp_path: Path) -> None:
    """What changes by chance may change twice between two samples, however seldom it changes."""
    async with (
        counter("node-opcua", rate=4, random=True, coarse=True) as server,
        recording(tmp_path / "out", server.port, sampling_s=sampling_s) as running,
    ):
        await running.until("live", 60)
        await asyncio.sleep(12.0)
        made = await ended(running, server)
    found = law(tmp_path / "out", made)
    assert found["lost"] > 0
    assert "sampled" in set(found["gaps"].resolved)


@pytest.mark.proof
@pytest.mark.timeout(300)
async def test_clock_steps_while_it_runs(tmp_path: Path) -> None:
    """Source times that jump an hour, back and forth, neither lose nor double a value."""
    async with (
        counter("node-opcua", rate=RATE) as server,
        recording(tmp_path / "out", server.port) as running,
    ):
        await running.until()
        for offset_s in (3600, -3600, 0):
            await server.say(f"clock {offset_s}")
            await asyncio.sleep(1.0)
        made = await ended(running, server)
    assert law(tmp_path / "out", made)["lost"] == 0


@pytest.mark.proof
@pytest.mark.timeout(1500)
async def test_ten_thousand_items_in_three_sources(tmp_path: Path) -> None:
    """One source in a black hole does not disturb the other two."""
    async with (
        counter("node-opcua", nodes=3334, rate=0.2) as one,
        counter("node-opcua", nodes=3333, rate=0.2) as two,
        counter("node-opcua", nodes=3333, rate=0.2) as three,
        Proxy(three.port) as proxy,
        recording(tmp_path / "out", one.port, two.port, proxy.port) as running,
    ):
        for number in range(3):
            async with asyncio.timeout(300):
                while running.state(number) != "live":
                    await asyncio.sleep(0.1)
        proxy.mute()
        await asyncio.sleep(8.0)
        assert [running.state(0), running.state(1)] == ["live", "live"]
        assert running.state(2) != "live"
        proxy.heal()
        async with asyncio.timeout(200):
            while running.state(2) != "live":
                await asyncio.sleep(0.1)
        await asyncio.sleep(3.0)
        await running.end()
    found = law(tmp_path / "out")
    assert found["lost"] == 0
    assert len(found["summary"]["nodes"]) == 10_000


@pytest.mark.proof
@pytest.mark.timeout(280)
@pytest.mark.parametrize("batch", range(20))
async def test_kill_at_random_moments(batch: int, tmp_path: Path) -> None:
    """A hundred times killed at any moment: what was written is readable, whole and lawful.

    Five by five, each with a server of their own: one that keeps what a hundred dead clients left
    is busy with nothing else.
    """
    draws = np.random.default_rng([4, batch])
    async with counter("asyncua", rate=RATE) as server:
        connection = tmp_path / "connection.yaml"
        connection.write_text(
            f"endpoint: opc.tcp://127.0.0.1:{server.port}\nnodes: ['/Plant/*']\n", encoding="utf-8"
        )
        for number in range(5):
            out = tmp_path / f"out{number}"
            given = ["record", str(connection), "--out", str(out)]
            with child(sys.executable, "-m", "api.cli", *given) as process:
                if number:  # else it may be killed before it has written anything
                    async with asyncio.timeout(100):
                        while not (
                            list(out.glob("values*.parquet")) and (out / "summary.json").exists()
                        ):
                            await asyncio.sleep(0.02)
                await asyncio.sleep(3.0 * float(draws.random()))
                process.kill()
            told = list(out.glob("values*.parquet")) and (out / "summary.json").exists()
            assert told or not number
            if told:
                assert not values_of(out).empty
                assert json.loads((out / "summary.json").read_text())["finished"] is False
                law(out)


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGHUP, pytest.param(signal.SIGINT, marks=pytest.mark.proof)],
)
async def test_signal_ends_it_cleanly(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, SIGTERM and a terminal that is closed leave whole files and exit code 0."""
    async with counter("asyncua", rate=RATE) as server:
        connection = tmp_path / "connection.yaml"
        connection.write_text(
            f"endpoint: opc.tcp://127.0.0.1:{server.port}\n"
            "nodes: ['nsu=urn:counter:b;s=c0', 'ns=3;s=c1']\n",
            encoding="utf-8",
        )
        out = tmp_path / "out"
        command = [sys.executable, "-m", "api.cli", "record", str(connection), "--out", str(out)]
        # Under nohup the tests, and whatever they start, would not hear of a closed terminal.
        kept = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with child(*command) as process:
            signal.signal(signal.SIGHUP, kept)
            async with asyncio.timeout(60):
                while not list(out.glob("values-*.parquet")):
                    await asyncio.sleep(0.05)
            process.send_signal(number)
            code = await asyncio.to_thread(process.wait, 20)
        assert code == 0
    assert {item.name for item in out.iterdir()} == {
        "values.parquet", "gaps.parquet", "summary.json"
    }  # fmt: skip
    found = law(out)
    assert found["summary"]["finished"] is True
    nodes = {item["node"]: item for item in found["summary"]["nodes"]}
    assert nodes["ns=3;s=c1"]["node_id"] == "nsu=urn:counter:b;s=c1"
    assert nodes["ns=3;s=c1"]["received"] > 0
