"""An ETag for every read: what did not change is not sent again."""

from __future__ import annotations

import hashlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Tagged:
    """Gives answers of ``GET /v1/...`` an ETag and answers If-None-Match with 304.

    A handler that knows the version of what it gives sets the ETag itself; else it is a hash of the
    body. Streams pass as they are.

    Parameters
    ----------
    app : ASGI application
        Whose answers are tagged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        reads = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        if not reads or not scope["path"].startswith("/v1"):
            await self._app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("if-none-match")
        await self._app(scope, receive, _Answer(send, wanted))


class _Answer:
    """Holds a JSON answer back until its hash is known."""

    def __init__(self, send: Send, wanted: str | None) -> None:
        self._send = send
        self._wanted = wanted
        self._head: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if message["status"] != 200 or not kind.startswith("application/json"):  # noqa: PLR2004
                await self._send(message)
            else:
                self._head = message
            return
        if self._head is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish(self._head)

    async def _finish(self, head: Message) -> None:
        headers = MutableHeaders(scope=head)
        etag = headers.setdefault("ETag", f'"{hashlib.sha256(self._body).hexdigest()[:32]}"')
        headers.setdefault("Cache-Control", "private, no-cache")
        body = bytes(self._body)
        if matches(self._wanted, etag):
            head["status"], body = 304, b""
            del headers["Content-Length"]
            del headers["Content-Type"]
        await self._send(head)
        await self._send({"type": "http.response.body", "body": body})


def matches(header: str | None, etag: str) -> bool:
    """Tell whether an If-Match or If-None-Match header names this version."""
    if header is None:
        return False
    names = {name.strip().removeprefix("W/") for name in header.split(",")}
    return "*" in names or etag.removeprefix("W/") in names
