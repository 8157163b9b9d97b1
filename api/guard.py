"""What every request passes first: host, pace, proof of who asks, size and content of the body.

Nothing is open unless it is listed here: a route that nobody thought about asks for a key.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Access, check_same_site, cookie_header
from api.keys import PAGE, KeyRing, Principal
from api.keys import Scope as KeyScope
from api.limits import RateLimit
from api.metrics import Metrics
from api.problems import (
    BAD_HOST,
    FORBIDDEN,
    NOT_FOUND,
    TOO_LARGE,
    UNAUTHENTICATED,
    RefusalError,
    invalid,
    refusal,
    respond,
    strict_json,
)
from api.settings import Settings

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs", "/login", "/favicon.ico"})
"""Paths that need no key."""
OPEN_FOLDERS = ("/docs/", "/static/")
"""Folders whose files need no key: they hold nothing about the site."""
OPEN_CALLS = frozenset({("POST", "/v1/session"), ("DELETE", "/v1/session")})
"""Calls that need no key: the first brings one."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED_COST = 10.0
"""Requests that a wrong key counts for, so that nobody tries many."""
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""What a page may load, unless it says so itself: nothing from elsewhere."""
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""What an answer of the API may load when a browser shows it: nothing."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer."""

Header = tuple[bytes, bytes]
_EVERY: tuple[Header, ...] = tuple(
    (name.lower().encode(), value.encode()) for name, value in HEADERS.items()
)
_OF_API: tuple[Header, ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", API_POLICY.encode()),
)
_OF_PAGE: tuple[Header, ...] = ((b"content-security-policy", POLICY.encode()),)
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._\-]{1,64}$")
_log = logging.getLogger(__name__)


class Guard:
    """Lets a request through to the application, or refuses it with a problem document.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    settings : Settings
        Hosts, limits and access to the page.
    keys : KeyRing
        Tells who asks.
    metrics : Metrics
        Counts requests.
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyRing, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._keys = keys
        self._metrics = metrics
        self._access = Access(settings, keys)
        self._pace = RateLimit(settings.requests_per_s, settings.request_burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no WebSockets here; the server turns this into a refusal
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        reply = _Reply(send, request_id, scope["path"], secure=self._settings.secure_cookies)
        began_s = time.perf_counter()
        try:
            await self._handle(scope, headers, receive, reply)
        except _GoneError:
            return
        except RefusalError as error:
            await respond(error, scope["path"], request_id)(scope, receive, reply)
        except Exception as error:  # the last fence: a caller never sees a traceback
            _log.exception("request %s failed", request_id)
            if reply.started:
                raise
            await respond(refusal(error), scope["path"], request_id)(scope, receive, reply)
        finally:
            self._count(scope, reply.status, time.perf_counter() - began_s)

    async def _handle(
        self, scope: Scope, headers: Headers, receive: Receive, reply: _Reply
    ) -> None:
        answer = self._admit(scope, headers, reply)
        if answer is None:
            receive = await self._checked_body(scope, headers, receive)
            await self._app(scope, receive, reply)
        else:
            await answer(scope, receive, reply)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        """Tell metrics and log of an answer; a path stands there as its pattern only."""
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        if route != "/v1/events":  # a stream lasts as long as its client wants
            self._metrics.request_s.labels(route).observe(seconds)
        principal = scope["state"].get("principal")
        told = {
            "request_id": scope["state"]["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "who": principal.id if principal else None,
        }
        _log.info("answered", extra=told)

    def _admit(
        self, scope: Scope, headers: Headers, reply: _Reply
    ) -> Callable[[Scope, Receive, Send], Awaitable[None]] | None:
        """Note who asks; return an answer where the request ends here, None where it goes on."""
        self._check_host(headers)
        _check_text(scope)
        method, path = scope["method"], scope["path"]
        principal = self._principal(scope, headers)
        scope["state"]["principal"] = principal
        if principal is not None:
            if principal.by_cookie and method not in READING:
                check_same_site(headers)
            return None
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS) or (method, path) in OPEN_CALLS:
            return None
        is_page = method in {"GET", "HEAD"} and path != "/v1" and not path.startswith("/v1/")
        if is_page and self._access.is_local(scope, headers):
            scope["state"]["principal"] = PAGE
            reply.session = self._keys.session(PAGE)
            return None
        if is_page and "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        raise RefusalError(
            UNAUTHENTICATED,
            "send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
            headers={"WWW-Authenticate": 'Bearer realm="linetwin"'},
        )

    def _principal(self, scope: Scope, headers: Headers) -> Principal | None:
        """Return who asks, and count the request; health is asked for by machines, at any pace."""
        client = scope.get("client")
        address = f"address {client[0] if client else 'unknown'}"
        try:
            found = self._access.principal(headers)
        except RefusalError:
            self._pace.take(address, REFUSED_COST)
            raise
        if scope["path"] not in {"/healthz", "/readyz"}:
            self._pace.take(f"key {found.id}" if found else address)
        return found

    def _check_host(self, headers: Headers) -> None:
        """Refuse names that are not ours, so that no outside name can be bent to this machine."""
        hosts = self._settings.hosts
        name = _host_name(headers.get("host", ""))
        if hosts is not None and name not in hosts:
            detail = f"the host {name[:100]!r} is not among allowed_hosts"
            raise RefusalError(BAD_HOST, detail)

    async def _checked_body(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """Read the body, refuse one that cannot be used, and give it on."""
        if scope["method"] in READING:
            return receive
        limit = self._settings.body_limit_bytes
        too_large = RefusalError(TOO_LARGE, f"at most {limit} bytes are taken")
        length = headers.get("content-length", "0")
        if length.isdecimal() and (len(length) > 12 or int(length) > limit):  # noqa: PLR2004
            raise too_large
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            body += message.get("body", b"")
            if len(body) > limit:
                raise too_large
            more = message.get("more_body", False)
        whole = bytes(body)
        if whole and "json" in headers.get("content-type", "").lower():
            strict_json(whole)
        scope["state"]["body_sha256"] = hashlib.sha256(whole).hexdigest()
        return _replayed(whole, receive)


_METHODS = READING | {"POST", "PUT", "PATCH", "DELETE"}


class _GoneError(Exception):
    """The client left before it had told all."""


class _Reply:
    """Sends an answer on, with the headers that every answer carries."""

    def __init__(self, send: Send, request_id: str, path: str, *, secure: bool) -> None:
        self.started = False
        self.status = 0
        self.session: str | None = None
        self._send = send
        self._request_id = request_id
        self._path = path
        self._secure = secure

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._added(message["headers"])]
        await self._send(message)

    def _added(self, given: Iterable[Header]) -> Iterator[Header]:
        """Yield what an answer that has these headers already carries besides."""
        yield b"x-request-id", self._request_id.encode()
        yield from _EVERY
        if self._secure:
            yield b"strict-transport-security", b"max-age=31536000"
        names = {name for name, _ in given}
        yield from (
            header
            for header in (_OF_API if self._path.startswith("/v1") else _OF_PAGE)
            if header[0] not in names
        )
        if self.session is not None:
            yield b"set-cookie", cookie_header(self.session, secure=self._secure).encode()


@dataclass(frozen=True, slots=True)
class Require:
    """A dependency that lets only those pass who may do what ``scope`` names."""

    scope: KeyScope
    """What is needed."""

    async def __call__(self, request: Request) -> Principal:
        """Return who asks; a coroutine, because a plain function would be given to a thread.

        Raises
        ------
        RefusalError
            If they gave no key, or one that does not allow it.
        """
        principal: Principal | None = request.scope["state"].get("principal")
        if principal is None:
            raise RefusalError(UNAUTHENTICATED, "an API key is needed")
        if not principal.scope.allows(self.scope):
            detail = f"this needs the scope '{self.scope}'; the key has '{principal.scope}'"
            raise RefusalError(FORBIDDEN, detail)
        return principal


def clear_session(response: Response, settings: Settings) -> None:
    """Take the page's session away from a browser."""
    header = cookie_header("", secure=settings.secure_cookies, max_age_s=0)
    response.headers.append("Set-Cookie", header)


def _check_text(scope: Scope) -> None:
    """Refuse the one character that no database takes."""
    if "\x00" in scope["path"]:
        raise RefusalError(NOT_FOUND, "nothing has a name with a zero byte")
    if b"%00" in scope.get("query_string", b""):
        raise invalid("query", "holds a zero byte")


def _host_name(host: str) -> str:
    """Return the name of a Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a source of messages that gives the body once, then whatever comes."""
    waiting = [True]

    async def first_body() -> Message:
        if waiting:
            waiting.clear()
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return first_body
