"""Asks a service over HTTP with the standard library alone."""

from __future__ import annotations

import json
import secrets
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from twin.errors import TwinError

TIMEOUT_S = 45.0
"""Longest wait for one answer, s."""
ERRORS_FROM = 400


class RefusedError(TwinError):
    """The service answered with a problem."""


class Client:
    """Asks one service; a connection per question, so that a restart in between does no harm.

    Parameters
    ----------
    address : str
        For instance ``http://127.0.0.1:8000``.
    key : str
        API key.
    """

    def __init__(self, address: str, key: str) -> None:
        parts = urlsplit(address)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._headers = {"Authorization": f"Bearer {key}", "Host": parts.netloc}

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON that a route answers with.

        Raises
        ------
        RefusedError
            If the answer is a problem; the error carries its words.
        OSError
            If nobody answers.
        """
        headers = {"Accept": "application/json"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers |= {
                "Content-Type": "application/json",
                "Idempotency-Key": secrets.token_hex(16),
            }
        status, _kind, answer = self._exchange(method, path, headers, content)
        document = json.loads(answer) if answer else None
        if status >= ERRORS_FROM:
            raise RefusedError(f"{method} {path}: {status} {_worded(document)}")
        return document

    def fetch(self, path: str) -> tuple[bytes, str]:
        """Return the content of a page or file and its type.

        Raises
        ------
        RefusedError
            If there is none.
        """
        status, kind, answer = self._exchange("GET", path, {}, None)
        if status >= ERRORS_FROM:
            raise RefusedError(f"GET {path}: {status}")
        return answer, kind

    def _exchange(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None
    ) -> tuple[int, str, bytes]:
        connection = HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, content, self._headers | headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read()
        finally:
            connection.close()


def _worded(document: Any) -> str:
    if not isinstance(document, dict):
        return ""
    errors = "; ".join(
        f"{item['path']}: {item['message']}" for item in document.get("errors") or ()
    )
    return " ".join(filter(None, [document.get("detail") or document.get("title"), errors]))
