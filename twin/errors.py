"""The errors of the twin. Each is also the builtin it resembles, so callers may catch either."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an input, told so that its owner can mend it."""

    path: str
    """Where: dotted path inside the document, e.g. ``stations.filler.servers``."""
    message: str
    """What is wrong."""
    expected: str = ""
    """What would have been accepted."""
    remedy: str = ""
    """What to do."""
    file: str = ""
    """File the input came from, empty for input that had none."""
    line: int = 0
    """Line in the file, counted from 1; 0 when unknown."""

    def __str__(self) -> str:
        """Return ``file:line: path: message; expected ...; remedy``, one line."""
        where = f"{self.file or 'line'}:{self.line}: " if self.line else ""
        if self.file and not self.line:
            where = f"{self.file}: "
        text = f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.remedy:
            text += f"; {self.remedy}"
        return text


class TwinError(Exception):
    """Base of every error that this product raises on purpose."""


class InvalidInputError(TwinError, ValueError):
    """Input that cannot be used. Carries every finding, not only the first.

    Parameters
    ----------
    title : str
        What was being read, e.g. ``"the line file bottling.yaml"``.
    findings : sequence of Finding
        All that is wrong, at least one.
    """

    def __init__(self, title: str, findings: list[Finding] | tuple[Finding, ...]) -> None:
        self.title = title
        self.findings = tuple(findings)
        count = len(self.findings)
        head = f"{title} cannot be used: {count} finding{'' if count == 1 else 's'}"
        super().__init__("\n".join([head, *(f"  - {finding}" for finding in self.findings)]))


class LineError(InvalidInputError):
    """A line description that is incomplete, contradictory or impossible."""


class StateError(InvalidInputError):
    """A state document that does not fit the line it is used with."""


class OptionsError(InvalidInputError):
    """Options of a run that make no sense, such as a negative horizon."""


class SimulationError(TwinError, RuntimeError):
    """A run that cannot go on, such as an endless loop of zero-time work."""


class DeadlockError(SimulationError):
    """A run in which parts wait for one another in a circle, for ever.

    Parameters
    ----------
    message : str
        What waits for what, and the remedy.
    elements : sequence of str
        Places of the circle, each waiting for the next and the last for the first.
    parts : sequence of int
        Numbers of the parts that are stuck there.
    """

    def __init__(
        self, message: str, elements: tuple[str, ...] = (), parts: tuple[int, ...] = ()
    ) -> None:
        super().__init__(message)
        self.elements = elements
        self.parts = parts


class PluginError(TwinError, ImportError):
    """A plug-in that cannot be loaded, or takes a name that is another's."""


class UnknownNameError(TwinError, LookupError):
    """A name that is not there. Says what names are."""

    def __init__(self, what: str, name: str, known: list[str] | tuple[str, ...]) -> None:
        self.name = name
        self.known = tuple(known)
        shown = ", ".join(self.known[:20]) or "none"
        super().__init__(f"unknown {what} {name!r}; known: {shown}")


class NotSupportedError(TwinError, TypeError):
    """A feature that the chosen engine or method declines, by the feature's name."""


class JournalError(TwinError, OSError):
    """The journal cannot be written, for instance because the disk is full."""


class ConnectionLostError(TwinError, ConnectionError):
    """A peer that is not there or went away."""
