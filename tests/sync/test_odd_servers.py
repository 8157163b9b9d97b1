"""Servers that answer in their own way: what is missing is declared, with what went wrong."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.sync.peers.harness import VENDORS, Counter, Recording, counter, law, recording, values_of
from tests.sync.peers.proxy import Proxy

RATE = 50.0
LIFE = 1_000_000
HELLO = b"HEL"
ACKNOWLEDGE = b"ACKF\x1c\0\0\0" + b"\0" * 4 + b"\0\0\1\0" * 2 + b"\0" * 8


def reasons(found: dict[str, Any], resolved: str = "unrecoverable") -> set[str]:
    """Return why there are gaps of one kind."""
    gaps = found["gaps"]
    return set(gaps[gaps.resolved == resolved].reason)


async def ended(running: Recording, server: Counter) -> int:
    """Let the counter stop, the last values come in, and the recording end; return the last one."""
    made = await server.halt()
    await asyncio.sleep(0.5)
    await running.end()
    return made


async def set_ways(server: Counter, **ways: Any) -> None:
    """Let a server behave otherwise from now on."""
    await server.say(f"set {json.dumps(ways)}")


async def sent_in_vain(server: Counter, proxy: Proxy, running: Recording) -> None:
    """Let the server send for a second what nobody receives, then mend the network."""
    await running.until_more()
    proxy.mute_down = True
    await asyncio.sleep(1.0)
    proxy.heal()
    await running.until_more(60)
    await running.until("live", 60)


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_queue_of_one(vendor: str, tmp_path: Path) -> None:
    """A server that grants room for one value loses most, and each loss is inside a gap."""
    options: dict[str, Any] = {"ways": {"queue": 1}} if vendor == "asyncua" else {"maxQueue": 1}
    async with (
        counter(vendor, rate=RATE, **options) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("live", 60)
        await asyncio.sleep(1.0)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] > 0
    unheard = {"a value that was read was never told"}  # it was lost too
    assert reasons(found) - unheard == {"the server's queue of 1 value was full"}
    assert {node["queue_size"] for node in found["summary"]["nodes"]} == {1}


async def test_some_nodes_refused(tmp_path: Path) -> None:
    """Nodes that are not to be had are gaps with the server's own word; the others go on."""
    refused = {"c1": "BadNodeIdUnknown", "c2": "BadNotReadable", "c3": "BadUserAccessDenied"}
    async with (
        counter("asyncua", rate=RATE, ways={"items": refused}) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("degraded")
        await running.until_more()
        summary = await running.end()
    found = law(tmp_path)
    assert found["lost"] == 0
    gaps = {gap["node"].rpartition("=")[2]: gap["reason"] for gap in summary["gaps"]}
    assert gaps == refused
    told = {node["node"].rpartition("=")[2]: node["received"] for node in summary["nodes"]}
    assert [name for name, count in told.items() if not count] == list(refused)
    missing = [item.rpartition("=")[2] for item in summary["sources"][0]["missing"]]
    assert missing == [f"{name}: {code}" for name, code in refused.items()]


@pytest.mark.parametrize(
    ("says_hello", "step"),
    [(False, "connect"), pytest.param(True, "secure", marks=pytest.mark.proof)],
)
async def test_mute_from_the_beginning(tmp_path: Path, step: str, *, says_hello: bool) -> None:
    """Somebody who takes connections and says nothing is a gap from the beginning to the end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            if says_hello and piece.startswith(HELLO):
                writer.write(ACKNOWLEDGE)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = int(server.sockets[0].getsockname()[1])
    async with server, recording(tmp_path, port, nodes=["i=2258", "/Plant/*"]) as running:
        await running.until("reconnecting")
        summary = await asyncio.wait_for(running.end(), 10)
    told = f"opc.tcp://127.0.0.1:{port} did not answer in time (step: {step})"
    assert summary["finished"]
    assert summary["sources"][0]["reason"] in {told, ""}, "none while it tries again"
    assert {gap["node"]: gap["reason"] for gap in summary["gaps"]} == {
        "i=2258": told, "/Plant/*": "the server was never reached"
    }  # fmt: skip


@pytest.mark.proof
@pytest.mark.timeout(120)
async def test_everything_but_publications(tmp_path: Path) -> None:
    """A server that answers and publishes nothing is told so, at the beginning and later."""
    async with (
        counter("asyncua", rate=RATE, ways={"mute": ["Publish"]}) as server,
        recording(tmp_path / "never", server.port) as never,
    ):
        await never.until("reconnecting")
        summary = await never.end()
        told = f"opc.tcp://127.0.0.1:{server.port} answers, but publishes nothing"
        assert {gap["reason"] for gap in summary["gaps"]} == {told}
        await set_ways(server, mute=[])
        async with recording(tmp_path / "later", server.port) as later:
            await later.until()
            await set_ways(server, mute=["Publish"])
            await later.until("reconnecting")
            await set_ways(server, mute=[])
            await later.until("live", 60)
            await later.until_more()
            made = await ended(later, server)
    assert law(tmp_path / "later", made)["lost"] == 0


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "code", ["BadNoSubscription", "BadSubscriptionIdInvalid", "BadSessionIdInvalid"]
)
async def test_publish_refused(code: str, tmp_path: Path) -> None:
    """A server that says that there is no subscription is believed: a new one, and a gap."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await set_ways(server, refuse={"Publish": code})
        async with asyncio.timeout(30):
            while running.state() == "live":
                await asyncio.sleep(0.01)
        await set_ways(server, refuse={})
        await running.until("live", 60)
        await running.until_more()
        made = await ended(running, server)
    law(tmp_path, made)


@pytest.mark.parametrize(
    "code",
    ["BadServiceUnsupported", pytest.param("BadMessageNotAvailable", marks=pytest.mark.proof)],
)
async def test_nothing_is_sent_again(code: str, tmp_path: Path) -> None:
    """What was sent in vain and cannot be had again is a gap that says why."""
    async with (
        counter("asyncua", rate=RATE, ways={"refuse": {"Republish": code}}) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        await sent_in_vain(server, proxy, running)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] > 0
    (reason,) = reasons(found)
    assert reason.startswith("the connection broke: ")
    assert "; the server does not send notifications " in reason
    assert f" again ({code})" in reason


@pytest.mark.proof
@pytest.mark.timeout(120)
async def test_broken_while_it_sends_again(tmp_path: Path) -> None:
    """A connection that breaks in the middle of what is sent again costs nothing."""
    async with (
        counter("asyncua", rate=RATE) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        await set_ways(server, reset=["Republish", "Republish"])
        await sent_in_vain(server, proxy, running)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] == 0
    assert (found["gaps"].resolved == "republish").any()


async def forgotten(server: Counter, proxy: Proxy, running: Recording, then: str = "live") -> None:
    """Lose the subscriptions and the network for a second."""
    await running.until_more()
    await asyncio.sleep(1.0)
    proxy.mute()
    running.recorder._parts[0].supervisor.session.forget("broken off by a test")  # noqa: SLF001
    await asyncio.sleep(1.0)
    proxy.heal()
    async with asyncio.timeout(60):
        while running.recorder._parts[0].supervisor.link.epoch < 2:  # noqa: SLF001
            await asyncio.sleep(0.02)
    await running.until(then, 60)


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("way", "closed"),
    [("", True), ("pages", True), ("bare", True), ("loop", True), ("half", False),
     ("no data", False), ("other times", False), ("reversed", False)],
)  # fmt: skip
async def test_histories(way: str, tmp_path: Path, *, closed: bool) -> None:
    """A history closes what it has of a gap, page by page, and no more than that."""
    async with (
        counter("asyncua", rate=RATE, history=True, ways={"history": way}) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        await forgotten(server, proxy, running)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert (found["lost"] == 0) == closed
    assert bool(reasons(found, "history")) == (closed or way == "half")


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("always", [False, True])
async def test_broken_while_history_is_read(tmp_path: Path, *, always: bool) -> None:
    """History is read again after a further loss; if it is what breaks, it is left alone."""
    async with (
        counter("asyncua", rate=RATE, history=True) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        await set_ways(server, reset=["HistoryRead"] * (100 if always else 2))
        await forgotten(server, proxy, running)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert (found["lost"] == 0) != always


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_clean_shutdown(vendor: str, tmp_path: Path) -> None:
    """A server that says goodbye leaves a gap from its last value to the end."""
    async with (
        counter(vendor, rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("live", 60)
        await running.until_more()
        await server.say("stop")
        await running.until("reconnecting")
        await asyncio.sleep(1.0)
        summary = await running.end()
    found = law(tmp_path)
    assert found["open"] == 5
    assert all(gap["end"] > summary["nodes"][0]["last_source_time"] for gap in summary["gaps"])


@pytest.mark.proof
@pytest.mark.timeout(120)
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "restart",
    [{"type": "Double"}, {"type": "String"}, {"statuses": ["Good", "UncertainSubNormal"]}],
    ids=str,
)
async def test_comes_back_with_other_values(
    vendor: str, restart: dict[str, Any], tmp_path: Path
) -> None:
    """Another type of value, or values of doubtful quality, after a restart: each is kept."""
    async with (
        counter(vendor, rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("live", 60)
        await running.until_more()
        await server.kill()
        await server.start(start=LIFE + 1, **restart)
        await running.until_more(60)
        await asyncio.sleep(1.0)
        made = await ended(running, server)
    found = law(tmp_path, made, life=LIFE)
    assert found["open"] == 5
    assert all("the server was started again" in told for told in reasons(found))
    values = values_of(tmp_path)
    told = values[values.epoch > 1]
    assert set(told.status) == set(restart.get("statuses", ["Good"]))
    assert told.text.notna().all() == (restart.get("type") == "String")


@pytest.mark.proof
@pytest.mark.timeout(120)
async def test_values_without_times(tmp_path: Path) -> None:
    """Where neither source nor server gives a time, gaps are as wide as receipt can tell."""
    async with (
        counter("asyncua", rate=RATE, stamps=False) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await running.until_more()
        await server.kill()
        await server.start(start=LIFE + 1)
        await running.until_more(60)
        made = await ended(running, server)
    assert law(tmp_path, made, life=LIFE)["open"] >= 5
    assert values_of(tmp_path).source_time.isna().all()


@pytest.mark.proof
@pytest.mark.timeout(400)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_two_thousand_nodes_by_wildcard(vendor: str, tmp_path: Path) -> None:
    """Found by one path, broken off, and each accounted for."""
    async with (
        counter(vendor, nodes=2000, rate=0.2) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until("live", 120)
        await running.until_more()
        proxy.refusing = True
        proxy.reset()
        await asyncio.sleep(1.0)
        proxy.heal()
        await running.until_more(60)
        await running.until("live", 120)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert len(found["summary"]["nodes"]) == 2000
    assert found["lost"] == 0
