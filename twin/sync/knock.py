"""Finds a server again as soon as it answers, however many connections that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from twin.sync.compat import Channel


async def knock(make: Callable[[], Channel], every_s: float, within_s: float) -> Channel:
    """Return the first connection on which the server answers.

    Where nothing comes back a further connection is tried beside the ones that wait: a network that
    is mended tells nothing of it to a connection that was opened before.

    Parameters
    ----------
    make : callable
        Returns a fresh channel.
    every_s : float
        Time after which another one is tried, s.
    within_s : float
        Time after which all are given up, s.

    Raises
    ------
    TimeoutError
        If nobody answers in time.
    OSError, ua.UaError
        If one of them is refused.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    attempts: dict[asyncio.Task[None], Channel] = {}
    try:
        while (left_s := end_s - loop.time()) > 0:
            channel = make()
            attempts[asyncio.create_task(channel.connect())] = channel
            wait_s = min(every_s, left_s)
            done, _ = await asyncio.wait(
                attempts, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                task.result()
                return attempts.pop(task)
        raise TimeoutError
    finally:
        for task in attempts:
            task.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)
        for channel in attempts.values():
            channel.drop()
