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

_COMMENT = re.compile(r"#|//")


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

        ``#`` and ``//`` begin a comment; lines of words before the first number are a title.
        """
        found: list[tuple[int, list[float]]] = []
        for at, line in enumerate(self.text.splitlines(), start=1):
            words = _COMMENT.split(line, maxsplit=1)[0].split()
            if not words or (not found and not _is_number(words[0])):
                continue
            try:
                found.append((at, [float(word) for word in words]))
            except ValueError:
                word = next(word for word in words if not _is_number(word))
                self.note(at, f"{word!r} is no number", "numbers and blanks")
        if not found and not self.findings:
            self.note(1, "the text is empty")
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


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
