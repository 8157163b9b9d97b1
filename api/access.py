"""Who asks: by API key, by a bearer token of the plant's identity provider, or by page session."""

from __future__ import annotations

import ipaddress
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.types import Scope

from api.keys import KeyRing, Principal
from api.problems import CROSS_SITE, UNAUTHENTICATED, RefusalError
from api.settings import Settings
from api.tokens import TokenCheck

COOKIE = "linetwin_session"


class Access:
    """Tells who sent a request.

    Parameters
    ----------
    settings : Settings
        Access to the page, and whose tokens are taken.
    keys : KeyRing
        Knows keys and sessions.
    """

    def __init__(self, settings: Settings, keys: KeyRing) -> None:
        self._settings = settings
        self._keys = keys
        self._tokens = TokenCheck(settings) if settings.oidc_issuer else None

    def principal(self, headers: Headers) -> Principal | None:
        """Return who sent the request; None: nobody who says so.

        Raises
        ------
        RefusalError
            If a key or token is there but not good.
        """
        authorization = headers.get("authorization")
        key = headers.get("x-api-key")
        if authorization is not None:
            kind, _, value = authorization.partition(" ")
            key = value.strip() if kind.lower() == "bearer" else ""
        if key is None:
            cookie = _cookie(headers.get("cookie", ""))
            return self._keys.by_session(cookie) if cookie else None
        is_token = self._tokens is not None and not key.startswith("ltk_") and key.count(".") == 2  # noqa: PLR2004
        if is_token and self._tokens is not None:
            return self._tokens.principal(key)
        found = self._keys.principal(key)
        if found is None:
            raise RefusalError(
                UNAUTHENTICATED,
                "this key is unknown, or was revoked",
                headers={"WWW-Authenticate": 'Bearer realm="linetwin", error="invalid_token"'},
            )
        return found

    def is_local(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether a page is asked for from this machine, and nobody stands in between."""
        client = scope.get("client")
        forwarded = "forwarded" in headers or "x-forwarded-for" in headers
        if self._settings.page_access != "local" or client is None or forwarded:
            return False
        try:
            return ipaddress.ip_address(client[0]).is_loopback
        except ValueError:
            return False


def check_same_site(headers: Headers) -> None:
    """Refuse a change that another site makes a browser send along with our cookie."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None:
        same = site in {"same-origin", "none"}
    else:
        same = origin is None or origin.partition("://")[2] == headers.get("host", "")
    if not same:
        raise RefusalError(CROSS_SITE, "use an API key instead of the page's session")


def cookie_header(value: str, *, secure: bool, max_age_s: int = 30 * 86400) -> str:
    """Return the header that gives a browser the page's session; no script can read it."""
    flags = "; Secure" if secure else ""
    return f"{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{flags}"


def _cookie(header: str) -> str:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""
