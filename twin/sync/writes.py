"""What may be written to a plant, and the trail of what was: both outlive the program."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from twin.errors import Finding, InvalidInputError, JournalError
from twin.events.kinds import Status
from twin.line.spec import Id, Spec
from twin.sync.mapping import NodeText
from twin.sync.specfile import document_of, spec_of
from twin.units import PositiveDuration

Written = bool | int | float | str
EXPIRY_LONGEST_S = 30.0
"""Longest time between a proposal and its approval, s."""


class WritableNode(Spec):
    """One node that may be written, and within which bounds."""

    node: NodeText
    """Node id at the plant, with its namespace spelled out."""
    type: Literal["boolean", "int", "float", "string"] = "float"
    """Type of its value."""
    low: float | None = None
    """Smallest number that may be written."""
    high: float | None = None
    """Greatest number that may be written."""
    choices: tuple[str, ...] = ()
    """Texts that may be written."""
    change: float | None = Field(default=None, gt=0)
    """Greatest step from the value that the plant shows; none: any within the range."""
    every_s: PositiveDuration
    """Shortest time between two writes, s."""
    station: Id
    """Station that it acts on."""
    states: tuple[Status, ...] = Field(min_length=1)
    """What the station may be doing when it is written, each of its servers."""
    tolerance: float = Field(default=0.0, ge=0)
    """Difference within which the number that is read back is the one that was written."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        number = self.type in {"int", "float"}
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if len(bounds) != 2 * number or not all(math.isfinite(bound) for bound in bounds):
            raise ValueError("a number needs low and high, both finite; nothing else has them")
        if bounds != sorted(bounds):
            raise ValueError("low is above high")
        if self.type == "string" and not self.choices:
            raise ValueError("a text needs its choices; any text at all is no allow-list")
        return self

    def findings(self, value: Written) -> Iterator[str]:
        """Yield what speaks against a value by itself."""
        if not self._typed(value):
            yield f"{value!r} is not of type {self.type}"
        elif isinstance(value, str) and value not in self.choices:
            yield f"{value!r} is not one of: {', '.join(self.choices)}"
        elif self.low is not None and self.high is not None:
            outside = not self.low <= float(value) <= self.high
            yield from [f"{value} is outside {self.low:g} to {self.high:g}"] * outside

    def _typed(self, value: Written) -> bool:
        if self.type in {"boolean", "string"}:
            return isinstance(value, bool if self.type == "boolean" else str)
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (self.type == "float" and isinstance(value, float))

    def step_finding(self, value: Written, shown: Any) -> str | None:
        """Return what speaks against the step from what the plant shows; None if nothing does."""
        if self.change is None or isinstance(value, str | bool):
            return None
        if isinstance(shown, bool) or not isinstance(shown, int | float):
            return f"the plant shows {shown!r}, from which no step can be told"
        step = abs(value - shown)
        if step <= self.change:
            return None
        return f"a step of {step:g} from {shown:g}; at most {self.change:g}"

    def same(self, value: Written, shown: Any) -> bool:
        """Tell whether what is read back is what was written."""
        if isinstance(value, bool | str) or isinstance(shown, bool):
            return type(shown) is type(value) and bool(shown == value)
        return isinstance(shown, int | float) and abs(shown - value) <= self.tolerance


class WriteRules(Spec):
    """What may be written to one plant. Without ``enabled`` nothing may."""

    enabled: bool = False
    """Whether anything may be written at all."""
    nodes: tuple[WritableNode, ...] = ()
    """The nodes; no other is ever written."""
    expiry_s: PositiveDuration = Field(default=EXPIRY_LONGEST_S, le=EXPIRY_LONGEST_S)
    """Time in which a proposal must be approved, s."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [item.node for item in self.nodes]
        if len(set(names)) < len(names):
            raise ValueError("a node is named more than once")
        return self


def load_rules(path: str | Path) -> WriteRules:
    """Read what may be written from a YAML file; raises InvalidInputError with every finding."""
    title = f"the write rules {path}"
    document, rows = document_of(path, title)
    return spec_of(WriteRules, document, title, str(path), rows)


class Step(StrEnum):
    """What an entry of the trail says."""

    PROPOSED = "proposed"
    """Somebody wants a value to be written."""
    BARRED = "barred"
    """An interlock said no; nothing was sent."""
    REFUSED = "refused"
    """The server said no, or was not there; nothing was written."""
    WRITING = "writing"
    """The value is about to be sent. Without a later entry nobody knows what came of it."""
    VERIFIED = "verified"
    """The plant shows the value."""
    DIFFERENT = "different"
    """The plant took the write, and shows another value."""
    UNKNOWN = "unknown"
    """No answer came: the value may have been written or not."""
    RELEASED = "released"
    """A person has looked, and the node may be written again."""


class Trail:
    """A file of everything that was proposed and written, each entry chained to the last.

    An entry is on the disk before ``add`` returns. Entries that were changed or taken out are
    noticed when the file is opened.

    Parameters
    ----------
    path : Path
        The file, one JSON document a line; made if it is not there.

    Raises
    ------
    InvalidInputError
        If the file is no trail, or somebody changed it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        """Everything so far, oldest first."""
        self._head = ""
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise self._wrong(0, "cannot be read") from error
        for number, line in enumerate(text.splitlines(), 1):
            self._check(number, line)

    def _check(self, number: int, line: str) -> None:
        try:
            entry = json.loads(line)
            known = entry.pop("hash")
            step = Step(entry["step"])
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise self._wrong(number, "is no entry") from error
        if entry.get("before_hash") != self._head or _hash(entry) != known:
            raise self._wrong(number, "was changed, or one before it was")
        self._head = known
        self.entries.append({**entry, "step": step})

    def _wrong(self, number: int, what: str) -> InvalidInputError:
        remedy = "find out who did it, and keep this file; begin another one"
        found = Finding("", f"entry {number} {what}" if number else what, remedy=remedy)
        return InvalidInputError(f"the trail {self.path}", [found])

    def add(self, step: Step, at: datetime, **told: Any) -> None:
        """Write an entry to the disk; raises JournalError if that cannot be done."""
        entry = {"step": step.value, "at": at.isoformat(), **told, "before_hash": self._head}
        head = _hash(entry)
        line = json.dumps({**entry, "hash": head}, ensure_ascii=False) + "\n"
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JournalError(
                f"the trail {self.path} cannot be written: {error.strerror}; nothing is written to "
                "the plant without it"
            ) from error
        self._head = head
        self.entries.append({**entry, "step": step})

    def last(self, node: str, *steps: Step) -> dict[str, Any] | None:
        """Return the newest entry of a node that says one of these; None if there is none."""
        found = (e for e in reversed(self.entries) if e.get("node") == node and e["step"] in steps)
        return next(found, None)


def _hash(entry: dict[str, Any]) -> str:
    text = json.dumps(entry, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
