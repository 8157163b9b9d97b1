"""What every request passes first: host, proof of who asks, size and content of the body.

Nothing is open unless it is listed here: a route that nobody thought about asks for a key.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.keys import PAGE, KeyRing, Principal
from api.keys import Scope as KeyScope
from api.problems import (
    BAD_HOST,
    CROSS_SITE,
    FORBIDDEN,
    TOO_LARGE,
    UNAUTHENTICATED,
    RefusalError,
    refusal,
    respond,
    strict_json,
)
from api.settings import Settings

COOKIE = "linetwin_session"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs", "/login", "/favicon.ico"})
"""Paths that need no key."""
OPEN_FOLDERS = ("/docs/", "/static/")
"""Folders whose files need no key: they hold nothing about the site."""
OPEN_CALLS = frozenset({("POST", "/v1/session"), ("DELETE", "/v1/session")})
"""Calls that need no key: the first brings one."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""What a page may load, unless it says so itself: nothing from elsewhere."""

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
    """

    def __init__(self, app: ASGIApp, settings: Settings, keys: KeyRing) -> None:
        self._app = app
        self._settings = settings
        self._keys = keys

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
        try:
            answer = self._admit(scope, headers, reply)
            if answer is None:
                receive = await self._checked_body(scope, headers, receive)
                await self._app(scope, receive, reply)
            else:
                await answer(scope, receive, reply)
        except _GoneError:
            return
        except RefusalError as error:
            await respond(error, scope["path"], request_id)(scope, receive, reply)
        except Exception as error:  # the last fence: a caller never sees a traceback
            _log.exception("request %s failed", request_id)
            if reply.started:
                raise
            await respond(refusal(error), scope["path"], request_id)(scope, receive, reply)

    def _admit(
        self, scope: Scope, headers: Headers, reply: _Reply
    ) -> Callable[[Scope, Receive, Send], Awaitable[None]] | None:
        """Note who asks; return an answer where the request ends here, None where it goes on."""
        self._check_host(headers)
        method, path = scope["method"], scope["path"]
        principal = self._principal(headers)
        scope["state"]["principal"] = principal
        if principal is not None:
            if principal.by_cookie and method not in READING:
                _check_same_site(headers)
            return None
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDERS) or (method, path) in OPEN_CALLS:
            return None
        is_page = method in {"GET", "HEAD"} and path != "/v1" and not path.startswith("/v1/")
        if is_page and self._is_local(scope, headers):
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

    def _check_host(self, headers: Headers) -> None:
        """Refuse names that are not ours, so that no outside name can be bent to this machine."""
        hosts = self._settings.hosts
        name = _host_name(headers.get("host", ""))
        if hosts is not None and name not in hosts:
            detail = f"the host {name[:100]!r} is not among allowed_hosts"
            raise RefusalError(BAD_HOST, detail)

    def _principal(self, headers: Headers) -> Principal | None:
        authorization = headers.get("authorization")
        key = headers.get("x-api-key")
        if authorization is not None:
            kind, _, value = authorization.partition(" ")
            key = value.strip() if kind.lower() == "bearer" else ""
        if key is not None:
            found = self._keys.principal(key)
            if found is None:
                raise RefusalError(
                    UNAUTHENTICATED,
                    "this key is unknown, or was revoked",
                    headers={"WWW-Authenticate": 'Bearer realm="linetwin", error="invalid_token"'},
                )
            return found
        cookie = _cookie(headers.get("cookie", ""))
        return self._keys.by_session(cookie) if cookie else None

    def _is_local(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether a page is asked for from this machine, and nobody stands in between."""
        client = scope.get("client")
        forwarded = "forwarded" in headers or "x-forwarded-for" in headers
        if self._settings.page_access != "local" or client is None or forwarded:
            return False
        try:
            return ipaddress.ip_address(client[0]).is_loopback
        except ValueError:
            return False

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


class _GoneError(Exception):
    """The client left before it had told all."""


class _Reply:
    """Sends an answer on, with the headers that every answer carries."""

    def __init__(self, send: Send, request_id: str, path: str, *, secure: bool) -> None:
        self.started = False
        self.session: str | None = None
        self._send = send
        self._request_id = request_id
        self._path = path
        self._secure = secure

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            if self._path.startswith("/v1"):
                headers.setdefault("Cache-Control", "no-store")
            else:
                headers.setdefault("Content-Security-Policy", POLICY)
            if self.session is not None:
                headers.append("Set-Cookie", cookie_header(self.session, secure=self._secure))
        await self._send(message)


def cookie_header(value: str, *, secure: bool, max_age_s: int = 30 * 86400) -> str:
    """Return the header that gives a browser the page's session; no script can read it."""
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{flags}"


@dataclass(frozen=True, slots=True)
class Require:
    """A dependency that lets only those pass who may do what ``scope`` names."""

    scope: KeyScope
    """What is needed."""

    def __call__(self, request: Request) -> Principal:
        """Return who asks.

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


def _check_same_site(headers: Headers) -> None:
    """Refuse a change that another site makes a browser send along with our cookie."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        same = site in {"same-origin", "none"}
    else:
        same = origin is None or origin.partition("://")[2] == headers.get("host", "")
    if not same:
        raise RefusalError(CROSS_SITE, "use an API key instead of the page's session")


def _host_name(host: str) -> str:
    """Return the name of a Host header without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _cookie(header: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a source of messages that gives the body once, then whatever comes."""
    waiting = [True]

    async def first_body() -> Message:
        if waiting:
            waiting.clear()
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return first_body
