"""Values and servers that break the rules: what can be kept is kept, and the rest is told."""

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.sync.peers.harness import VENDORS, counter, law, recording, values_of
from tests.sync.peers.proxy import Proxy
from twin.sync.compat import Channel

GARBLE = (b"\x0c\x06\x00\x00\x00GARBLE", b"\x0c\xff\xff\xff\x7fGARBLE")
"""A text, and the same with a length beyond the end."""
NODES = ["/Plant/*", "/Odd/*", "/Late/*", "/Plant/none*", "nsu=urn:counter:b;s=none",
         "nsu=urn:elsewhere;s=x"]  # fmt: skip


async def test_odd_values_and_missing_nodes(tmp_path: Path) -> None:
    """Every type is kept; what is not there is a gap from the beginning on, with the reason."""
    out = tmp_path / "out"
    async with (
        counter("asyncua", odd=True, rate=20) as server,
        recording(out, server.port, nodes=NODES) as running,
    ):
        await running.until("degraded")
        await running.until_more()
        await server.say("grow")
        await running.until_node("nsu=urn:counter:late;s=x")
        await running.until_node("nsu=urn:counter:b;s=megabyte", count=18)  # all of its turns
        await server.halt()
        summary = await running.end()
    found = law(out)
    assert found["lost"] == 0
    gaps = {gap["node"]: gap for gap in summary["gaps"]}
    assert {name: gap["reason"] for name, gap in gaps.items()} == {
        "nsu=urn:counter:late;s=x": "nothing is there",
        "/Plant/none*": "nothing is there",
        "nsu=urn:counter:b;s=none": "BadNodeIdUnknown",
        "nsu=urn:elsewhere;s=x": "its namespace is unknown to the server",
    }
    live = next(
        item["at"] for item in summary["sources"][0]["states"] if item["state"] == "degraded"
    )
    assert all(gap["start"] < live for gap in gaps.values())
    values = values_of(out)
    told = {
        name.rpartition("=")[2]: set(group.text.dropna()) | set(group.value.dropna())
        for name, group in values.groupby("node", observed=True)
    }
    assert told["text"] == {"a\\udcff", "GARBLE"}
    assert told["list"] == {"[1.0, NaN]", "[]"}
    assert told["bytes"] == {"00ff"}
    assert told["moment"] == {"9999-12-31T23:59:59+00:00", "1601-01-01T00:00:00+00:00"}
    assert str(2**64 - 1) in told["large"]
    assert told["words"] == {"Läuft"}
    assert "Argument" in told["thing"].pop()
    assert math.inf in told["nan"]
    statuses = values[values.node.str.endswith("=bad")].status
    assert set(statuses) == {"Good", "BadSensorFailure"}
    assert {len(text) for text in told["megabyte"]} == {0, 1, 1_000_000}
    assert told["matrix"] == {"[[1, 2], [3, 4]]", "[[5, 6]]"}
    assert {text[-1] for text in told["guid"]} == {"1", "2"}
    assert told["null"] == set()
    assert "[]" in told["mixed"]
    assert told["colon"] == {1.0, 2.0}
    assert {"bare", "ahead"} <= set(told)
    assert json.loads((out / "summary.json").read_text(encoding="utf-8")) == summary


async def test_notification_that_cannot_be_read(tmp_path: Path) -> None:
    """What it held is inside a declared gap, and the recording goes on."""
    out = tmp_path / "out"
    async with (
        counter("asyncua", odd=True, rate=20) as server,
        Proxy(server.port) as proxy,
        recording(out, proxy.port, nodes=["/Plant/*", "/Odd/text"]) as running,
    ):
        await running.until()
        await running.until_more()
        proxy.garble = GARBLE
        async with asyncio.timeout(30):
            while running.state() in {"live", "degraded"}:
                await asyncio.sleep(0.01)
        proxy.garble = None
        await running.until("live", 60)
        await running.until_more()
        made = await server.halt()
        summary = await running.end()
    found = law(out, made)
    assert found["open"] >= 5
    assert summary["finished"]
    assert any("cannot be read" in gap["reason"] for gap in summary["gaps"])


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", ["subscriptions", "sessions"])
async def test_server_ends_what_we_have(what: str, tmp_path: Path) -> None:
    """Given up by the server: new ones are made, and what was made in between is a gap."""
    out = tmp_path / "out"
    async with (
        counter("asyncua", rate=50) as server,
        recording(out, server.port) as running,
    ):
        await running.until()
        await running.until_more()
        await server.say(f"end {what}")
        async with asyncio.timeout(60):
            while running.recorder._parts[0].supervisor.link.epoch < 2:  # noqa: SLF001
                await asyncio.sleep(0.02)
        await running.until("live", 60)
        await running.until_more()
        made = await server.halt()
        await running.end()
    assert law(out, made)["open"] >= 5


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("vendor", VENDORS)
async def test_channel_of_a_short_life(
    vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renewed again and again, a channel loses nothing and is never broken off."""
    made = Channel.__init__

    def short(self: Channel, *given: Any) -> None:
        made(self, *given)
        self._client.secure_channel_timeout = 2000

    monkeypatch.setattr(Channel, "__init__", short)
    out = tmp_path / "out"
    async with (
        counter(vendor, rate=50) as server,
        recording(out, server.port) as running,
    ):
        await running.until()
        await asyncio.sleep(8.0)
        last = await server.halt()
        summary = await running.end()
    assert law(out, last)["lost"] == 0
    assert summary["reconnects"] == 0


async def test_an_error_of_its_own_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording that breaks off never says that it is finished."""
    out = tmp_path / "out"
    async with (
        counter("asyncua", rate=20) as server,
        recording(out, server.port) as running,
    ):
        await running.until()

        def broken(*_: object) -> None:
            raise RuntimeError("out of order")

        monkeypatch.setattr(running.recorder._files, "write", broken)  # noqa: SLF001
        with pytest.raises(RuntimeError, match="out of order"):
            await asyncio.wait_for(running.task, 30)
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert not summary["finished"]


@pytest.mark.proof
@pytest.mark.timeout(300)
@pytest.mark.parametrize("most", [1, 7])
async def test_publications_in_many_pieces(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few values in one notification and many notifications: each is taken, and none twice."""
    monkeypatch.setattr("twin.sync.subscribing.NOTIFICATIONS", most)
    out = tmp_path / "out"
    async with (
        counter("node-opcua", rate=10) as server,
        Proxy(server.port) as proxy,
        recording(out, proxy.port) as running,
    ):
        await running.until("live", 120)
        await running.until_more()
        proxy.refusing = True
        proxy.reset()
        await asyncio.sleep(1.0)
        proxy.heal()
        await running.until_more(60)
        await running.until("live", 60)
        made = await server.halt()
        await asyncio.sleep(1.0)
        await running.end()
    found = law(out, made)
    assert found["lost"] == 0
