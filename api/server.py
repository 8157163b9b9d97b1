"""Serve a site over HTTP, and end all of it cleanly."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import uvicorn
from fastapi import FastAPI

from api.settings import Settings
from api.site import Site

COLLECT_AFTER = 10_000
"""New objects after which garbage is looked for: one request makes some hundred."""
DRAIN_S = 5
"""Time that open requests may take to end once the service is told to, s."""


class SiteServer(uvicorn.Server):
    """The server of one site.

    Event streams never end by themselves: they are ended first, so that the rest can end in peace.

    Parameters
    ----------
    app : FastAPI
        From ``create_app``.
    settings : Settings
        Host and port.
    on_ready : callable, optional
        Called with the address once requests are answered.
    """

    def __init__(
        self, app: FastAPI, settings: Settings, on_ready: Callable[[str], None] | None = None
    ) -> None:
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_S,
            timeout_keep_alive=30,
            ws="none",
            # The site is started and ended here. Uvicorn would log what goes wrong and leave with a
            # code of its own.
            lifespan="off",
        )
        super().__init__(config)
        self._app = app
        self._life = AsyncExitStack()
        self._site: Site = app.state.site
        self._settings = settings
        self._on_ready = on_ready

    @property
    def address(self) -> str:
        """Where it answers, as a URL; the port is known once it has started."""
        port = self._settings.port
        if self.started and self.servers:
            port = self.servers[0].sockets[0].getsockname()[1]
        host = self._settings.host
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the site, then begin to answer."""
        await self._life.enter_async_context(self._app.router.lifespan_context(self._app))
        try:
            await super().startup(sockets)
        except BaseException:
            await self._life.aclose()
            raise
        if self.started and self._on_ready is not None:
            self._on_ready(self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End open streams, then requests, then everything behind them."""
        self._site.hub.close()
        await asyncio.sleep(0)
        await super().shutdown(sockets)
        await self._life.aclose()


def serve(app: FastAPI, settings: Settings, on_ready: Callable[[str], None] | None = None) -> None:
    """Serve until Ctrl-C or a signal, then end everything; returns once that is done.

    Parameters
    ----------
    app : FastAPI
        From ``create_app``.
    settings : Settings
        Host and port.
    on_ready : callable, optional
        Called with the address once requests are answered.

    Raises
    ------
    OSError
        If the port is taken (``errno.EADDRINUSE``) or the host is none of this machine's.
    TwinError
        If the site cannot start, for instance because its database cannot be written.
    """
    check_port(settings)

    def ready(address: str) -> None:
        _leave_out_of_collections()
        if on_ready is not None:
            on_ready(address)

    server = SiteServer(app, settings, ready)
    server.run()
    if not server.started:
        raise OSError(errno.EIO, "the service did not start; its log tells why")


def _leave_out_of_collections() -> None:
    """Have garbage be looked for only among what is made from now on.

    Modules, models and routes are some hundred thousand objects that stay for good. Going through
    them would hold every request up for a quarter of a second, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def check_port(settings: Settings) -> None:
    """Raise the system's own error now if the port cannot be listened on.

    Raises
    ------
    OSError
        See ``serve``.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere it would let two programs share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise OSError(
                error.errno, f"{error.strerror} ({where}); choose another port"
            ) from error
