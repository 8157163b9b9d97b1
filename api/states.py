"""The question that is asked most, answered first: where a line is now.

Routing, dependencies and checked shapes take longer than this answer does, and MES and wall boards
ask for it many times a second. The guard stands before this as before all else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.etags import matches
from api.keys import Scope as KeyScope
from api.live import LiveLine

PATH = "/v1/lines/{line_id}/state"
"""The route that this stands for."""
_PATH = re.compile(r"/v1/lines/([^/]+)/state")


@dataclass(frozen=True, slots=True)
class _Route:
    """What metrics call it."""

    path: str = PATH


class States:
    """Answers ``GET /v1/lines/{id}/state`` of now from memory; all else goes on to the application.

    What is not plainly so, such as a past moment, an unknown line or a key that may not read, goes
    on too, so that the route alone decides about it.

    Parameters
    ----------
    app : ASGI application
        Answers everything else.
    lines : callable
        Gives the lines of the site, by id.
    """

    def __init__(self, app: ASGIApp, lines: Callable[[], Mapping[str, LiveLine]]) -> None:
        self._app = app
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        live = self._asked(scope)
        if live is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = _Route()
        told = live.told()
        headers = [(b"etag", told.etag.encode()), (b"cache-control", b"private, no-cache")]
        if matches(Headers(scope=scope).get("if-none-match"), told.etag):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        body = told.body(datetime.now(UTC))
        headers += [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _asked(self, scope: Scope) -> LiveLine | None:
        """Return the line whose state of now is asked for by somebody who may read it."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["query_string"]:
            return None
        found = _PATH.fullmatch(scope["path"])
        principal = scope["state"].get("principal")
        if found is None or principal is None or not principal.scope.allows(KeyScope.READ):
            return None
        return self._lines().get(found[1])
