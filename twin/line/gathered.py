"""The pieces of a line that could be read, and what was found wrong with them so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from twin.errors import Finding

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Parts:
    """The pieces of a line that could be read, and every id that was named."""

    items: Mapping[str, Sequence[object]]
    """Readable items by section."""
    ids: Mapping[str, Sequence[str]]
    """Ids by section, those of unreadable items included, so that one error does not breed more."""
    complete: bool = True
    """Whether every item could be read."""
    findings: list[Finding] = field(default_factory=list)

    def of(self, section: str, kind: type[_Item]) -> Iterable[_Item]:
        """Return the readable items of a section."""
        return (item for item in self.items.get(section, ()) if isinstance(item, kind))

    def add(self, path: str, message: str, expected: str = "", remedy: str = "") -> None:
        """Note a finding."""
        self.findings.append(Finding(path, message, expected, remedy))

    def known(self, section: str, name: str | None, path: str, what: str) -> bool:
        """Note a finding unless ``name`` is in ``section``; None is always fine."""
        names = self.ids.get(section, ())
        if name is None or name in names:
            return True
        shown = ", ".join(sorted(set(names))[:12]) or f"none: the line has no {section}"
        self.add(path, f"unknown {what} {name!r}", f"one of: {shown}", f"add it to {section}")
        return False
