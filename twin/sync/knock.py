"""Finds a server again as soon as it answers, however many connections that takes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from itertools import cycle
from urllib.parse import urlsplit

from twin.sync.compat import Channel

MOST = 8
"""Connections that wait at once at most."""
ADDRESSES = 4
"""Addresses of a host that are tried at most."""


class Door:
    """Where a server is found: its host may have several addresses, and not all be right.

    Parameters
    ----------
    endpoint : str
        Address, ``opc.tcp://host:port/path``.
    """

    def __init__(self, endpoint: str) -> None:
        self._parts = urlsplit(endpoint)
        self._addresses: list[str] = []
        self._right = ""

    async def resolve(self, within_s: float) -> None:
        """Find the addresses of the host; those of before hold if nobody can be asked now.

        Raises socket.gaierror or TimeoutError if there are none.
        """
        loop, (host, port) = asyncio.get_running_loop(), (self._parts.hostname, self._parts.port)
        try:
            async with asyncio.timeout(within_s):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, TimeoutError):
            if not self._addresses:
                raise
        else:
            self._addresses = [*dict.fromkeys(str(info[4][0]) for info in found)][:ADDRESSES]

    async def knock(
        self, make: Callable[[str], Channel], every_s: float, within_s: float
    ) -> Channel:
        """Return the first connection that is answered; the address that was right goes first.

        Parameters and errors are those of ``knock``; ``make`` is told the address.
        """
        ways = sorted(self._addresses, key=lambda address: address != self._right)
        turns = cycle(ways)
        found = await knock(lambda: make(next(turns)), every_s, within_s, len(ways))
        self._right = found.address
        return found


async def knock(
    make: Callable[[], Channel], every_s: float, within_s: float, ways: int = 1
) -> Channel:
    """Return the first connection on which the server answers.

    Where nothing comes back a further connection is tried beside the ones that wait: a network that
    is mended tells nothing of it to a connection that was opened before.

    Parameters
    ----------
    make : callable
        Returns a fresh channel, to each of the server's addresses in turn.
    every_s : float
        Time after which another one is tried, s.
    within_s : float
        Time after which all are given up, s.
    ways : int
        How many addresses there are.

    Raises
    ------
    TimeoutError
        If nobody answers in time.
    OSError, ua.UaError
        If one of them is refused at each address.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    attempts: dict[asyncio.Task[None], Channel] = {}
    refused = 0
    try:
        while (left_s := end_s - loop.time()) > 0:
            channel = make()
            attempts[asyncio.create_task(channel.connect())] = channel
            await asyncio.wait(
                attempts, timeout=min(every_s, left_s), return_when=asyncio.FIRST_COMPLETED
            )
            for task in [task for task in attempts if task.done()]:
                channel = attempts.pop(task)
                error = task.exception()
                if error is None:
                    return channel
                channel.drop()
                refused += 1
                if refused >= ways and (ways == 1 or not attempts):
                    raise error
                if refused >= ways:  # another address may be slow
                    await asyncio.sleep(min(every_s, left_s))
            if len(attempts) > MOST:  # those that wait longest are the next to be answered
                task = list(attempts)[ways]
                task.cancel()
                attempts.pop(task).drop()
        raise TimeoutError
    finally:
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
        for channel in attempts.values():
            channel.drop()
