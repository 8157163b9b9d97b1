"""API keys and page sessions: who asks, and what they may do.

A key is shown once, when it is made; kept is its SHA-256 (the key has 256 random bits, so a slow
hash would guard nothing more). A page session is a cookie that this site signed; it outlives a
restart.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from twin.errors import Finding, InvalidInputError
from twin.line.spec import Spec

SESSION_S = 30 * 86400
"""Time for which a page session is good, s."""


class Scope(StrEnum):
    """What a key may do; each also allows what the one before it does."""

    READ = "read"
    WRITE = "write"
    RELEASE = "release"
    """Release a schedule to the plant: its own scope, because people then work by it."""
    ADMIN = "admin"

    def allows(self, wanted: Scope) -> bool:
        """Tell whether this scope is enough for what is wanted."""
        order = list(Scope)
        return order.index(self) >= order.index(wanted)


class KeyRecord(Spec):
    """What is kept of one key."""

    id: str = Field(pattern=r"^[0-9a-f]{12}$")
    """Id, part of the key."""
    name: str
    """Whose it is."""
    scope: Scope
    """What it may do."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Hash of the key."""
    created_at: AwareDatetime
    """Made at."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    id: str
    """Id of the key, or ``page``."""
    scope: Scope
    """What they may do."""
    by_cookie: bool = False
    """Whether a browser sent the proof on its own."""


_RECORDS = TypeAdapter(list[KeyRecord])


def create_key(path: Path, name: str, scope: Scope = Scope.WRITE) -> str:
    """Make a key, keep its hash, and return it; it cannot be shown again.

    Parameters
    ----------
    path : Path
        File with the hashed keys, see ``Settings.keys_path``; made when it is not there.
    name : str
        Whose it is.
    scope : Scope
        What it may do.

    Raises
    ------
    InvalidInputError
        If the file is there but holds no keys.
    OSError
        If it cannot be written.
    """
    records = read_keys(path)
    identity = secrets.token_hex(6)
    key = f"ltk_{identity}_{secrets.token_urlsafe(32)}"
    record = KeyRecord(
        id=identity, name=name, scope=scope, sha256=_hash(key), created_at=datetime.now(UTC)
    )
    _write(path, _RECORDS.dump_json([*records, record], indent=1))
    return key


def revoke_key(path: Path, identity: str) -> bool:
    """Forget the key of that id; tell whether there was one."""
    records = read_keys(path)
    kept = [record for record in records if record.id != identity]
    if len(kept) == len(records):
        return False
    _write(path, _RECORDS.dump_json(kept, indent=1))
    return True


def read_keys(path: Path) -> list[KeyRecord]:
    """Return what is kept of the keys; a file that is not there holds none.

    Raises
    ------
    InvalidInputError
        If the file is there but holds no keys.
    """
    try:
        return _RECORDS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return []
    except ValidationError as error:
        finding = Finding(
            "",
            f"{error.error_count()} findings",
            remedy="restore it, or remove it and make keys",
        )
        raise InvalidInputError(f"the key file {path}", [finding]) from error


class KeyRing:
    """Tells who asks. A key made or revoked while the service runs counts at once.

    Parameters
    ----------
    path : Path
        File with the hashed keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._records: dict[str, KeyRecord] = {}
        self._secret = b""
        self._lock = Lock()
        self._changing = Lock()

    def open(self) -> None:
        """Read the keys, and the secret that signs sessions; make the secret when there is none."""
        secret_path = self._path.with_name("session-secret")
        if not secret_path.exists():
            _write(secret_path, secrets.token_hex(32).encode())
        self._secret = secret_path.read_bytes()
        self._refresh()

    def make(self, name: str, scope: Scope) -> str:
        """Make a key, as ``create_key`` does."""
        with self._changing:
            return create_key(self._path, name, scope)

    def revoke(self, identity: str) -> bool:
        """Forget a key, as ``revoke_key`` does."""
        with self._changing:
            return revoke_key(self._path, identity)

    def records(self) -> list[KeyRecord]:
        """Return what is kept of the keys, oldest first."""
        return read_keys(self._path)

    def principal(self, key: str) -> Principal | None:
        """Return who holds the key; None: nobody."""
        self._refresh()
        parts = key.split("_", 2)
        if len(parts) != 3 or parts[0] != "ltk":  # noqa: PLR2004 - prefix, id, random part
            return None
        record = self._records.get(parts[1])
        given = _hash(key)
        # Compare even when the id is unknown, so that the time taken does not tell.
        matches = hmac.compare_digest(given, record.sha256 if record else "0" * 64)
        return Principal(record.id, record.scope) if record and matches else None

    def session(self, principal: Principal) -> str:
        """Return the value of a cookie that stands for the principal."""
        head = f"{principal.id}.{principal.scope}.{int(time.time()) + SESSION_S}"
        return f"{head}.{self._sign(head)}"

    def by_session(self, cookie: str) -> Principal | None:
        """Return whom a cookie stands for; None: nobody, or not any more."""
        head, _, signature = cookie.rpartition(".")
        if not head or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), self._sign(head).encode()
        ):
            return None
        identity, scope, until = head.split(".")
        if int(until) < time.time():
            return None
        self._refresh()
        if identity != PAGE.id and identity not in self._records:
            return None
        return Principal(identity, Scope(scope), by_cookie=True)

    def _sign(self, head: str) -> str:
        assert self._secret, "open() comes first"
        return hmac.new(self._secret, head.encode("utf-8", "replace"), "sha256").hexdigest()

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except FileNotFoundError:
            stamp = None
        with self._lock:
            if stamp != self._stamp:
                self._records = {record.id: record for record in read_keys(self._path)}
                self._stamp = stamp


PAGE = Principal("page", Scope.WRITE, by_cookie=True)
"""The page on this machine, where ``page_access`` is ``local``."""


def key_id(key: str) -> str:
    """Return the id that a key holds."""
    return key.split("_", 2)[1]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
