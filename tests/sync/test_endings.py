"""How a recording ends: what a server had and did not tell any more is a gap."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.sync.peers.harness import Recording, counter, law, recording, values_of
from tests.sync.peers.proxy import Proxy
from tests.sync.test_odd_servers import RATE


def before_the_last_look(running: Recording, do: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen when the recording has just been told to end."""
    probe = running.recorder._parts[0].supervisor._probe  # noqa: SLF001 - to be there at the moment
    settle = probe.settle

    async def after(wait_s: float) -> None:
        await do()
        await settle(wait_s)

    monkeypatch.setattr(probe, "settle", after)


@pytest.mark.parametrize("noticed", [False, True])
async def test_subscription_that_ends_with_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, noticed: bool
) -> None:
    """The server gives it up between the last values and the end, its clock set back besides."""
    async with (
        counter("asyncua", rate=RATE) as server,
        recording(tmp_path, server.port) as running,
    ):
        await running.until()
        await running.until_more()

        async def given_up() -> None:
            await server.say("end subscriptions")
            await server.say("clock -100")
            await asyncio.sleep(0.2)
            if noticed:
                await running.until("reconnecting")

        before_the_last_look(running, given_up, monkeypatch)
        await running.end()
        made = await server.halt()
    law(tmp_path, made)


@pytest.mark.parametrize("ways", [{"equalStamps": True}, {"resolutionS": 1.0}], ids=str)
async def test_times_too_coarse_to_tell_values_apart(ways: dict[str, Any], tmp_path: Path) -> None:
    """What is on its way at the end is waited for, though its time is that of values before."""
    async with (
        counter("asyncua", rate=RATE, **ways) as server,
        recording(tmp_path, server.port, publishing_s=0.5) as running,
    ):
        await running.until()
        await running.until_more()
        await asyncio.sleep(0.7)
        made = await server.halt()
        await running.end()
    assert law(tmp_path, made)["open"] == 0
    assert values_of(tmp_path).value.max() == made


async def test_silence_at_the_end_when_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values of an earlier time than those before are news all the same; not told is a gap."""
    async with (
        counter("asyncua", rate=RATE) as server,
        Proxy(server.port) as proxy,
        recording(tmp_path, proxy.port) as running,
    ):
        await running.until()
        await running.until_more()

        async def silent() -> None:
            await server.say('set {"mute": ["Publish"]}')
            await server.say("clock -100")
            await asyncio.sleep(1.0)

        before_the_last_look(running, silent, monkeypatch)
        await running.end()
        made = await server.halt()
    assert law(tmp_path, made)["open"] >= 5
