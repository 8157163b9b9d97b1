"""Settings of the sync in YAML files: everything that is wrong with one is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from twin.errors import Finding, InvalidInputError
from twin.line.files import located
from twin.line.reading import Lines, read_yaml
from twin.line.spec import Spec, worded

S = TypeVar("S", bound=Spec)
MAX_BYTES = 50_000_000


def document_of(path: str | Path, title: str) -> tuple[dict[str, Any], Lines]:
    """Return what a YAML file says, and the row of each key.

    Raises
    ------
    InvalidInputError
        If it cannot be read, or is no mapping of keys to values.
    """
    found = Path(path)
    try:
        if found.stat().st_size > MAX_BYTES:
            raise InvalidInputError(title, [Finding("", f"larger than {MAX_BYTES} bytes")])
        text = found.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        garbled = isinstance(error, UnicodeDecodeError)
        reason = "it is no UTF-8 text" if garbled else getattr(error, "strerror", None) or error
        remedy = "save it as UTF-8" if garbled else "check the path"
        finding = Finding("", f"cannot be read: {reason}", remedy=remedy)
        raise InvalidInputError(title, [finding]) from error
    document, rows, unread = read_yaml(text)
    if unread:
        raise InvalidInputError(title, [located(item, str(path), rows) for item in unread])
    if not isinstance(document, dict):
        finding = Finding("", "no mapping of keys to values", "keys such as endpoint and nodes")
        raise InvalidInputError(title, [finding])
    return document, rows


def spec_of(kind: type[S], document: dict[str, Any], title: str, file: str, rows: Lines) -> S:
    """Return a document as a spec; raises InvalidInputError with every finding."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        findings = [worded(item, "", document, kind) for item in error.errors()]
        raise InvalidInputError(title, [located(item, file, rows) for item in findings]) from error
