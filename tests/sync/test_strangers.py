"""Servers with limits, numbers and memories of their own: nothing is lost without a word."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.sync.peers.harness import Recording, counter, law, recording
from tests.sync.peers.proxy import Proxy
from tests.sync.test_odd_servers import LIFE, RATE, ended, forgotten, reasons, set_ways

CLOCK = "2258"
"""Number of the node of a server's own clock."""


def ids(*names: str) -> list[str]:
    """Return counters by node id."""
    return [f"nsu=urn:counter:b;s={name}" for name in names]


async def live(running: Recording) -> None:
    """Wait until values flow."""
    await running.until("live", 60)
    await running.until_more()


def epochs(found: dict[str, Any]) -> int:
    """Return how many subscriptions were made, one after the other."""
    return int(found["summary"]["sources"][0]["epochs"])


async def test_limits_that_nobody_states(tmp_path: Path) -> None:
    """Less is asked for in one call until the server takes it, for each of its services."""
    most = {"Read": 3, "Browse": 2, "CreateMonitoredItems": 3, "HistoryRead": 2}
    async with (
        counter("asyncua", rate=RATE, nodes=20, history=True, ways={"most": most}) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await live(running)
        await forgotten(server, proxy, running)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] == 0
    assert len(found["summary"]["nodes"]) == 20
    assert reasons(found, "history")


async def test_node_that_spoils_a_whole_call(tmp_path: Path) -> None:
    """A server answers a call with a fault because of one node in it: the others are read."""
    poison = dict.fromkeys(("Read", "CreateMonitoredItems", "HistoryRead"), "c7")
    async with (
        counter("asyncua", rate=RATE, nodes=20, history=True, ways={"poison": poison}) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until("degraded")
        await running.until_more()
        await forgotten(server, proxy, running, "degraded")
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] == 0
    assert [node["received"] > 0 for node in found["summary"]["nodes"]].count(False) == 1
    assert reasons(found) == {"BadInternalError"}
    assert reasons(found, "history")


async def test_node_that_spoils_a_call_for_a_while(tmp_path: Path) -> None:
    """It is asked for again by itself, and what it makes from then on is read."""
    poison = {"CreateMonitoredItems": "c1"}
    async with (
        counter("asyncua", rate=RATE, ways={"poison": poison}) as server,
        recording(tmp_path, server.port, nodes=ids("c0", "c1")) as running,
    ):
        await running.until("degraded")
        await set_ways(server, poison={})
        await live(running)
        made = await ended(running, server)
    assert law(tmp_path, made)["open"] == 1


async def test_value_that_cannot_be_read_beside_others(tmp_path: Path) -> None:
    """One node faults each call that reads it, at the end too: the others have no gap for that."""
    async with (
        counter("asyncua", rate=RATE, ways={"poison": {"Read": "c1"}}) as server,
        recording(tmp_path, server.port) as running,
    ):
        await live(running)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] == found["open"] == 0


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_full_subscriptions(tmp_path: Path) -> None:
    """What fits into no subscription is a gap; the other items are read all the same."""
    ways = {"room": 8, "subscriptions": 2}
    async with (
        counter("asyncua", rate=RATE, nodes=20, ways=ways) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("degraded", 60)
        await asyncio.sleep(6.0)  # they are asked for again and again meanwhile
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] == found["summary"]["reconnects"] == 0
    received = [node["received"] > 0 for node in found["summary"]["nodes"]]
    assert received == [True] * 14 + [False] * 6  # each has a clock of its own
    assert reasons(found) == {"the server takes no more items"}


@pytest.mark.parametrize(
    "way",
    ["anew", *(pytest.param(way, marks=pytest.mark.proof) for way in ("same", "twice", "high"))],
)
async def test_numbers_that_mean_nothing(way: str, tmp_path: Path) -> None:
    """One number for all, a count that begins anew, a notification told twice, the last number."""
    ways = {"numbers": way} if way == "high" else {}
    async with (
        counter("asyncua", rate=RATE, ways=ways) as server,
        recording(tmp_path, server.port) as running,
    ):
        await live(running)
        await asyncio.sleep(1.0)
        if way != "high":
            await set_ways(server, numbers=way)
        await asyncio.sleep(1.0)
        if way == "same":
            await set_ways(server, numbers="")
        await running.until("live", 60)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert (found["open"] == 0) == (way in {"twice", "high"})
    assert (epochs(found) == 1) == (way in {"twice", "high"})
    assert (sum(node["duplicates"] for node in found["summary"]["nodes"]) > 0) == (way == "twice")


async def test_server_that_gave_our_numbers_to_others(tmp_path: Path) -> None:
    """Started again, it has the session and subscription of somebody else under our numbers."""
    async with (
        counter("asyncua", rate=RATE) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path / "ours", proxy.port, nodes=ids("c0", "c1")) as ours,
    ):
        await live(ours)
        async with recording(tmp_path / "theirs", server.port, nodes=ids("c2", "c3")) as theirs:
            await live(theirs)
            proxy.refusing = True
            await server.kill()
            proxy.reset()
            await server.start(start=LIFE + 1)
            await theirs.until_more(60)
            await theirs.until("live", 60)
            proxy.heal()
            await ours.until_more(60)
            await ours.until("live", 60)
            await asyncio.sleep(1.0)
            made = await server.halt()
            await asyncio.sleep(0.5)
            await theirs.end()
            await ours.end()
    for name in ("ours", "theirs"):
        found = law(tmp_path / name, made, life=LIFE)
        assert found["open"] >= 2
        assert epochs(found) == 2
        assert any("started again" in reason for reason in reasons(found)), name


async def test_keep_alives_without_data(tmp_path: Path) -> None:
    """A subscription that lives and tells nothing is found out, and what it kept back is a gap."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await live(running)
        await set_ways(server, keep_alives=True)
        await running.until("reconnecting", 4.0)
        await asyncio.sleep(1.0)
        await set_ways(server, keep_alives=False)
        await running.until_more(60)
        await running.until("live", 60)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert found["lost"] > 0


@pytest.mark.parametrize("clock_s", [4.0, 1000.0])
async def test_slow_clock_and_quiet_nodes(clock_s: float, tmp_path: Path) -> None:
    """A server whose clock moves seldom, or stands still, is not left while nothing changes."""
    async with (
        counter("asyncua", rate=0.01, ways={"clock_s": clock_s}) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("live", 60)
        await asyncio.sleep(9.0)
        summary = await running.end()
    assert summary["reconnects"] == 0
    assert law(tmp_path)["open"] == 0


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_no_clock_and_few_keep_alives(tmp_path: Path) -> None:
    """A quiet server without a clock that need not speak for 4 s is not given up in between."""
    ways = {"items": {CLOCK: "BadNodeIdUnknown"}, "revised": {"RevisedMaxKeepAliveCount": 40}}
    async with (
        counter("asyncua", rate=0.01, ways=ways) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until("live", 60)
        await asyncio.sleep(5.0)
        summary = await running.end()
    assert summary["reconnects"] == 0
    assert law(tmp_path)["open"] == 0


@pytest.mark.proof
@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", ["BadTimeout", "GoodSubscriptionTransferred"])
async def test_subscription_ended_by_a_word(name: str, tmp_path: Path) -> None:
    """The server says that the subscription is over: a new one, and a gap that says why."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await live(running)
        await set_ways(server, ended=name)
        async with asyncio.timeout(30):
            while running.state() == "live":
                await asyncio.sleep(0.01)
        await running.until_more(60)
        await running.until("live", 60)
        made = await ended(running, server)
    found = law(tmp_path, made)
    assert epochs(found) == 2
    assert all(f"the server ended the subscription: {name}" in told for told in reasons(found))


@pytest.mark.proof
@pytest.mark.timeout(200)
@pytest.mark.parametrize("code", ["BadTimeout", "BadTooManyPublishRequests"])
async def test_publish_put_off(code: str, tmp_path: Path) -> None:
    """Requests that are sent back at once are not sent again as fast as they come; no loss."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await live(running)
        await set_ways(server, refuse={"Publish": code})
        await asyncio.sleep(1.5)
        await set_ways(server, refuse={})
        await running.until_more(60)
        await running.until("live", 60)
        made = await ended(running, server)
    assert law(tmp_path, made)["lost"] == 0


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_answers_that_are_too_short(tmp_path: Path) -> None:
    """A server that leaves out the last result of each answer ends no recording."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await live(running)
        await set_ways(server, short=["Read", "CreateMonitoredItems", "Browse"])
        session = running.recorder._parts[0].supervisor.session  # noqa: SLF001 - to break it
        session.forget("broken off by a test")
        await running.until("reconnecting")
        await asyncio.sleep(1.0)
        await set_ways(server, short=[])
        await running.until_more(60)
        await running.until("live", 60)
        made = await ended(running, server)
    law(tmp_path, made)


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_revised_beyond_reason(tmp_path: Path) -> None:
    """Times that no server can mean are not believed; a silence is noticed all the same."""
    for number, times in enumerate((float("inf"), float("nan"), -1.0, 1e300)):
        revised = {"RevisedPublishingInterval": times}
        async with (
            counter("asyncua", rate=RATE) as server,
            recording(tmp_path / str(number), server.port) as running,
        ):
            await set_ways(server, revised=revised)
            await live(running)
            made = await ended(running, server)
        assert law(tmp_path / str(number), made)["lost"] == 0
