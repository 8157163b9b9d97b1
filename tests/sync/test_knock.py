"""A server is found again quickly, whatever became of the connections that were tried before."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.sync.peers.harness import counter, law, recording
from tests.sync.peers.proxy import Proxy
from twin.sync import supervisor
from twin.sync.compat import Channel
from twin.sync.knock import knock

PATIENCE_S = 60.0


def channel(port: int) -> Channel:
    """Return a connection that has not been opened."""
    return Channel(f"opc.tcp://127.0.0.1:{port}", PATIENCE_S, lambda _: None)


async def test_connection_beside_those_that_wait() -> None:
    """What went into a black hole is never answered; once it is gone a further one is at once."""
    async with counter("asyncua") as server, Proxy(server.port) as proxy:
        proxy.mute()
        knocking = asyncio.create_task(knock(lambda: channel(proxy.port), 0.2, PATIENCE_S))
        await asyncio.sleep(0.5)
        assert not knocking.done()
        proxy.mute_up = proxy.mute_down = False  # nobody resets what was swallowed
        async with asyncio.timeout(PATIENCE_S / 2):
            (await knocking).drop()


async def test_nobody_answers() -> None:
    """After the time that was given all attempts are given up."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        with pytest.raises(TimeoutError):
            await knock(lambda: channel(port), 0.1, 0.3)


async def test_refusal_is_told_at_once() -> None:
    """Where nobody listens there is nothing to wait for."""
    with pytest.raises(ConnectionRefusedError):
        await knock(lambda: channel(1), PATIENCE_S, PATIENCE_S)


async def test_device_that_takes_its_time_to_greet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small controller may need seconds for its first word; it is waited for, longer each time.

    Other answers are not waited for any longer because of that.
    """
    monkeypatch.setattr(supervisor, "ANSWER_S", 0.5)
    async with counter("asyncua") as server, Proxy(server.port) as proxy:
        proxy.greeting_s = 1.5
        async with recording(tmp_path, proxy.port) as running:
            await running.until()
            proxy.reset()
            await running.until("reconnecting")
            await running.until()
            await running.until_more()
            assert running.recorder._parts[0].supervisor._answer_s == 0.5  # noqa: SLF001
            made = await server.halt()
            await running.end()
    assert law(tmp_path, made)["lost"] == 0


@pytest.mark.parametrize("dead", ["mute", "refusing"])
async def test_host_with_an_address_that_is_dead(
    dead: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host has two addresses, and nobody is at the first one: the second one is tried as well."""
    found = socket.getaddrinfo

    def two(host: Any, *rest: Any, **more: Any) -> Any:
        if host != "plant.test":
            return found(host, *rest, **more)
        return found("127.0.0.2", *rest, **more) + found("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    async with counter("asyncua") as server:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.2", server.port))
            if dead == "mute":
                deaf.listen()
            endpoint = f"opc.tcp://plant.test:{server.port}"
            async with recording(tmp_path, server.port, endpoint=endpoint) as running:
                await running.until()
                await running.until_more()
                made = await server.halt()
                await running.end()
    assert law(tmp_path, made)["lost"] == 0


async def test_end_while_nobody_greets(tmp_path: Path) -> None:
    """Whoever wants an end need not wait as long as a greeting may take."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with recording(tmp_path, deaf.getsockname()[1], nodes=["i=2258"]) as running:
            running.recorder._parts[0].supervisor._hello_s = PATIENCE_S  # noqa: SLF001
            await running.until("connecting")
            await asyncio.sleep(0.5)
            async with asyncio.timeout(3.0):
                summary = await running.end()
    assert [gap["reason"] for gap in summary["gaps"]] == ["it was never reached"]
