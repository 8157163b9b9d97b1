"""A TCP proxy that breaks connections in the ways in which networks do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

import numpy as np


class Proxy:
    """Stands between a client and a server on loopback.

    Parameters
    ----------
    port : int
        Port of the server.
    """

    def __init__(self, port: int) -> None:
        self.server_port = port
        self.garble: tuple[bytes, bytes] | None = None
        """What the server says, and what the client hears instead."""
        self.delay_s = 0.0
        """Longest delay of each piece, s; drawn anew for each, order is kept."""
        self.greeting_s = 0.0
        """Time for which a new connection is not answered, s."""
        self.mute_up = False
        """Whether what the client sends goes nowhere."""
        self.mute_down = False
        """Whether what the server sends goes nowhere."""
        self.refusing = False
        """Whether new connections are broken off at once."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._draws = np.random.default_rng(1)

    @property
    def port(self) -> int:
        """Port on which clients find it."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Break everything off."""
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Break every connection with a TCP reset."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mute(self, *, up: bool = True, down: bool = True) -> None:
        """Swallow everything from now on, in one direction or in both: a black hole."""
        self.mute_up, self.mute_down = up, down

    def heal(self) -> None:
        """Be a good proxy again; connections that lost something are broken."""
        if self.mute_up or self.mute_down:
            self.reset()
        self.mute_up = self.mute_down = self.refusing = False
        self.delay_s = 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        for source, sink, up in ((reader, back, True), (there, writer, False)):
            task = asyncio.create_task(self._carry(source, sink, up=up))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool
    ) -> None:
        waits_s = 0.0 if up else self.greeting_s
        with suppress(OSError):
            while piece := await source.read(65536):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s * float(self._draws.random()))
                await asyncio.sleep(waits_s)
                waits_s = 0.0
                if self.mute_up if up else self.mute_down:
                    continue
                if self.garble is not None and self.garble[0] in piece and not up:
                    piece = piece.replace(*self.garble)
                sink.write(piece)
                await sink.drain()
        sink.transport.abort()
