"""From a file to a problem, whatever its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.formats.numbers import Source
from scenarios.schedule.formats.shops import (
    from_flexible_text,
    from_jobshop_text,
    is_flexible,
    is_jobshop,
)
from scenarios.schedule.formats.single import from_setup_text, from_tardiness_text
from scenarios.schedule.problem import SchedulingProblem
from twin.errors import Finding

Format = Literal["jobshop", "fjsp", "tardiness", "setups", "json"]
"""``jobshop`` and ``fjsp``, the classic (flexible) job shop; ``tardiness``, the OR-Library's
weighted tardiness; ``setups``, Cicirello's sequence-dependent setups; ``json``, our own."""
FORMATS: tuple[Format, ...] = get_args(Format)
_LATE = "total_weighted_tardiness"
_READERS: dict[str, tuple[Callable[[str, str, str], SchedulingProblem], str]] = {
    "jobshop": (from_jobshop_text, "makespan"),
    "fjsp": (from_flexible_text, "makespan"),
    "setups": (from_setup_text, _LATE),
}


def detect_format(text: str) -> Format | None:
    """Return the format that a text is in; None if it is none that is known."""
    if text.lstrip()[:1] == "{":
        return "json"
    if "process times:" in text.lower() and "setup times:" in text.lower():
        return "setups"
    # The number of jobs, told and counted, tells the shops from a plain list of numbers.
    if is_flexible(text):
        return "fjsp"
    if is_jobshop(text):
        return "jobshop"
    source = Source(text, "")
    numbers = sum(len(values) for _, values in source.rows())
    return "tardiness" if numbers and not source.findings and numbers % 3 == 0 else None


def read_problem(
    path: Path, form: Format | None = None, objective: str | None = None, instance: int = 1
) -> SchedulingProblem:
    """Read a scheduling problem from a file.

    Parameters
    ----------
    path : Path
        File.
    form : Format, optional
        Its format; default: as its content says.
    objective : str, optional
        Name of what is to be small; default: as the file says, else what is usual in its format.
    instance : int
        Which problem of a file that holds several, from 1.

    Raises
    ------
    ProblemError
        If it cannot be read; all findings at once, with their lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        finding = Finding("", str(reason), "a readable text file", file=str(path))
        raise ProblemError(f"the problem file {path.name!r}", [finding]) from error
    form = form or detect_format(text)
    if form is None:
        message = "the format could not be told from the content"
        finding = Finding("", message, f"one of {', '.join(FORMATS)}", "name it", file=str(path))
        raise ProblemError(f"the problem file {path.name!r}", [finding])
    if form == "json":
        problem = SchedulingProblem.from_json(text)
        if objective is None:
            return problem
        return SchedulingProblem(**{**dict(problem), "objective": objective})
    if form == "tardiness":
        return from_tardiness_text(text, path.stem, objective or _LATE, instance=instance)
    reader, usual = _READERS[form]
    return reader(text, path.stem, objective or usual)
