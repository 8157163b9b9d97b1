"""A server is found again quickly, whatever became of the connections that were tried before."""

import asyncio
import socket

import pytest

from tests.sync.peers.harness import counter
from tests.sync.peers.proxy import Proxy
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
