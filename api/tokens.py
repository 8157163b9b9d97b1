"""Bearer tokens of an OpenID Connect provider, checked with its public keys from a file.

Nothing is fetched: the file is put there by whoever runs the site, and read again when it changes.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from api.keys import Principal, Scope
from api.problems import FORBIDDEN, NOT_READY, UNAUTHENTICATED, RefusalError
from api.settings import Settings

if TYPE_CHECKING:
    from jwt import PyJWKSet

LEEWAY_S = 30
"""Difference of clocks that is forgiven, s."""
MAX_TOKEN = 8192
PREFIX = "twin:"
"""May stand before a scope's name in a token."""


class TokenCheck:
    """Tells who holds a token.

    Parameters
    ----------
    settings : Settings
        Issuer, audience, algorithms, and the file with the keys.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.oidc_keys_file is not None, "the settings have checked it"
        self._settings = settings
        self._path: Path = settings.oidc_keys_file
        self._stamp: tuple[int, int] | None = None
        self._keys: PyJWKSet | None = None
        self._lock = Lock()

    def principal(self, token: str) -> Principal:
        """Return who holds a token.

        Raises
        ------
        RefusalError
            If it is not good, or allows nothing here.
        """
        import jwt  # noqa: PLC0415 - only sites with a provider need it

        if len(token) > MAX_TOKEN:
            raise _refused("it is too long")
        try:
            claims = jwt.decode(
                token,
                self._key(jwt.get_unverified_header(token)),
                algorithms=list(self._settings.oidc_algorithms),
                audience=self._settings.oidc_audience,
                issuer=self._settings.oidc_issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _refused(str(error)) from error
        scope = _scope(claims.get(self._settings.oidc_scope_claim))
        if scope is None:
            names = ", ".join(Scope)
            detail = f"the token has none of the scopes {names}"
            raise RefusalError(FORBIDDEN, detail)
        return Principal(f"oidc:{claims['sub']}"[:128], scope)

    def _key(self, header: dict[str, Any]) -> Any:
        """Return the key that a token names; one without a name fits a file with one key."""
        known = self._known()
        identity = header.get("kid")
        if identity is None and len(known.keys) == 1:
            return known.keys[0]
        for key in known.keys:
            if key.key_id == identity and identity is not None:
                return key
        raise _refused("its key is not known here")

    def _known(self) -> PyJWKSet:
        import jwt  # noqa: PLC0415

        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            with self._lock:
                if stamp != self._stamp or self._keys is None:
                    self._keys = jwt.PyJWKSet.from_json(self._path.read_text("utf-8"))
                    self._stamp = stamp
                return self._keys
        except (OSError, ValueError, jwt.PyJWTError) as error:
            detail = "the keys of the identity provider cannot be read; see oidc_keys_file"
            raise RefusalError(NOT_READY, detail, headers={"Retry-After": "10"}) from error


def _scope(claim: object) -> Scope | None:
    """Return the widest of our scopes that a claim names."""
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list):
        return None
    named = {str(word).removeprefix(PREFIX) for word in words}
    return next((scope for scope in reversed(Scope) if scope in named), None)


def _refused(why: str) -> RefusalError:
    return RefusalError(
        UNAUTHENTICATED,
        f"this token is not taken: {why[:200]}",
        headers={"WWW-Authenticate": 'Bearer realm="linetwin", error="invalid_token"'},
    )
