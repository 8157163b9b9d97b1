"""Lines of numbers, with what is wrong in them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.problem import SchedulingProblem
from twin.errors import Finding

_COMMENT = re.compile(r"#|//|%|!")
_BETWEEN = re.compile(r"[,;]")
_CROWDED = re.compile(r"[^,;\s]\s+[^,;\s]")
"""Two numbers with nothing but a blank between them."""
_TITLES = frozenset({"times", "processing times", "machines", "machine order"})
"""What stands above Taillard's tables."""


@dataclass(slots=True)
class Source:
    """A text and what was found in it."""

    text: str
    name: str
    findings: list[Finding] = field(default_factory=list)

    def note(self, line: int, message: str, expected: str = "", remedy: str = "") -> None:
        """Keep a finding."""
        self.findings.append(Finding("", message, expected, remedy, file=self.name, line=line))

    def rows(self) -> list[tuple[int, list[float]]]:
        """Return the lines that hold numbers, with their places.

        Numbers are set apart by blanks, tabs, semicolons or commas. ``#``, ``//``, ``%`` and ``!``
        begin a comment; lines of words before the first number and behind the last are remarks.
        """
        found: list[tuple[int, list[float]]] = []
        remarks: list[tuple[int, str]] = []
        for at, line in enumerate(self.text.splitlines(), start=1):
            words = _words(line)
            if not words or is_title(line):
                continue
            if not is_number(words[0]):
                remarks += [(at, words[0])] if found else []
                continue
            for place, word in remarks:  # words among the numbers
                self.note(place, f"{word!r} is no number", "numbers and blanks")
            remarks = []
            try:
                found.append((at, [float(word) for word in words]))
            except ValueError:
                word = next(word for word in words if not is_number(word))
                self.note(at, f"{word!r} is no number", "numbers and blanks")
        if not found and not self.findings:
            self.note(1, "there are no numbers" if self.text.strip() else "the text is empty")
        return found

    def duration(self, line: int, value: float, what: str) -> float:
        """Return a duration, and note one that cannot be."""
        if not math.isfinite(value) or value < 0:
            self.note(line, f"{what} takes {value:g} s", "a finite duration, 0 or more")
        return value

    def refuse(self) -> None:
        """Raise if anything was found.

        Raises
        ------
        ProblemError
            With all findings.
        """
        if self.findings:
            raise ProblemError(f"the text {self.name!r}", self.findings)

    def problem(
        self, objective: str, machines: Sequence[Any], jobs: Sequence[dict[str, Any]]
    ) -> SchedulingProblem:
        """Return the problem that was read.

        Raises
        ------
        ProblemError
            If there are findings.
        """
        self.refuse()
        return SchedulingProblem(id=self.name, objective=objective, machines=machines, jobs=jobs)


def is_title(line: str) -> bool:
    """Say whether a line is the title of one of Taillard's tables."""
    return line.strip().rstrip(": \t").lower() in _TITLES


def _words(line: str) -> list[str]:
    text = _COMMENT.split(line, maxsplit=1)[0]
    # Where blanks set numbers apart too, a comma may be a decimal sign: it is not guessed.
    if ";" in text or not _CROWDED.search(text):
        text = _BETWEEN.sub(" ", text)
    return text.split()


def is_number(word: str) -> bool:
    """Say whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True
