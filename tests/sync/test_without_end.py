"""Servers that never come to an end, or change what they have meanwhile: bounded, and told."""

import asyncio
from pathlib import Path

import pytest

from tests.sync.peers.harness import VENDORS, counter, law, recording, values_of
from tests.sync.peers.proxy import Proxy
from tests.sync.test_odd_servers import ended, forgotten, reasons

RATE = 50.0
ENDS_OF_TIME = ["1601-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"]


@pytest.mark.parametrize("queue", [0, 2])
async def test_more_is_said_to_come_for_ever(queue: int, tmp_path: Path) -> None:
    """More is always to come: what a full queue lost is told all the same, and nothing else is."""
    ways = {"more": True, "queue": queue}
    async with (
        counter("asyncua", rate=RATE, ways=ways) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await asyncio.sleep(6.0)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert (found["lost"] > 0) == bool(queue)
    assert bool(reasons(found)) == bool(queue)


NOT_ALL = {
    "pages": "",
    "loop": "the server tells the same again and again",
    "endless": "the server comes to no end",
    "broken": "the server does not tell all of it: BadServiceUnsupported",
    "refused": "the server does not tell all of it: BadContinuationPointInvalid",
}


@pytest.mark.parametrize(
    "way", ["pages", "loop", pytest.param("endless", marks=pytest.mark.proof), "broken", "refused"]
)
async def test_browsing_without_an_end(way: str, tmp_path: Path) -> None:
    """What is found is recorded; that there is more, or may be, is told."""
    async with (
        counter("asyncua", rate=RATE, ways={"browse": way}) as server,
        recording(tmp_path, server.port, nodes=["/Plant/*", "nsu=urn:counter:b;s=c4"]) as running,
    ):
        await running.until("live" if way == "pages" else "degraded", 60)
        await running.until_more()
        made = await ended(running, server)
    found = law(tmp_path, made)
    counters = {
        node["node"].rpartition("=")[2]: node["received"]
        for node in found["summary"]["nodes"]
        if node["received"]
    }
    assert counters.pop("c4") > 0
    assert len(counters) == (4 if way == "pages" else 1)
    gaps = {gap["node"]: gap["reason"] for gap in found["summary"]["gaps"]}
    assert gaps.get("/Plant/*", "") == NOT_ALL[way]


@pytest.mark.proof
async def test_history_without_an_end(tmp_path: Path) -> None:
    """A history that goes on beyond what it was asked for closes nothing, and keeps nobody."""
    async with (
        counter("asyncua", rate=RATE, history=True, ways={"history": "endless"}) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        began = asyncio.get_running_loop().time()
        await forgotten(server, proxy, running)
        took_s = asyncio.get_running_loop().time() - began
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] > 0
    assert not (values_of(tmp_path).origin == "history").any()
    assert took_s < 15.0


async def test_times_at_the_ends_of_time(tmp_path: Path) -> None:
    """Source times of 1601 and 9999 among those of today: kept, gaps as wide as it takes."""
    async with (
        counter("asyncua", rate=RATE, times=ENDS_OF_TIME) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        await forgotten(server, proxy, running)
        await running.until_more()
        await asyncio.sleep(1.0)
        proxy.mute()
        await running.until("reconnecting")
        await running.end()
    law(tmp_path)
    years = set(values_of(tmp_path).source_time.dt.year)
    assert {1601, 9999} <= years


@pytest.mark.parametrize("vendor", VENDORS)
async def test_node_that_is_deleted_and_made_anew(vendor: str, tmp_path: Path) -> None:
    """The server forgets our item with the node, and the item is asked for again; others go on."""
    async with (
        counter(vendor, rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await running.until_more()
        await server.say("delete c1")
        await running.until("degraded")
        await server.say("anew c1")
        await running.until("live")
        await running.until_more()
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] > 0
    ((node, reason),) = {(gap["node"][-2:], gap["reason"]) for gap in found["summary"]["gaps"]}
    assert node == "c1"
    assert "BadNodeId" in reason
    assert found["summary"]["reconnects"] == 0


@pytest.mark.proof
@pytest.mark.parametrize("code", ["BadUserAccessDenied", "BadNodeIdUnknown", "BadNoCommunication"])
async def test_value_that_is_not_to_be_had_for_a_while(code: str, tmp_path: Path) -> None:
    """What a node made while the server had no value of it is inside a gap that says so."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await running.until_more()
        await server.say(f"deny c1 {code}")
        await running.until("degraded")
        await asyncio.sleep(1.0)
        await server.say("allow c1")
        await running.until("live")
        await running.until_more()
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] > 0
    assert reasons(found) == {f"the server had no value: {code}"}


@pytest.mark.proof
async def test_type_that_changes_while_it_is_recorded(tmp_path: Path) -> None:
    """Numbers become text, and numbers again: each value is kept."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        for kind in ("String", "Double", "UInt32"):
            await running.until_more()
            await server.say(f"type c1 {kind}")
            await asyncio.sleep(0.5)
        made = await ended(running, server)
    assert law(tmp_path, made)["lost"] == 0


@pytest.mark.proof
@pytest.mark.parametrize("lifetime_ms", [0, 100, 2**32 - 1])
async def test_channel_of_an_odd_lifetime(lifetime_ms: int, tmp_path: Path) -> None:
    """No storm of renewals, and no loss."""
    async with (
        counter("asyncua", rate=RATE, ways={"lifetime_ms": lifetime_ms}) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await asyncio.sleep(3.0)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] == 0
    assert found["summary"]["reconnects"] == 0
