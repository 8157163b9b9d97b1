"""From a file to a problem, whatever its format."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Literal, get_args

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.formats.numbers import Source
from scenarios.schedule.formats.several import chosen, sections
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


def detect_format(text: str) -> Format | None:
    """Return the format that a text is in; None if it is none that is known."""
    if text.lstrip()[:1] in {"{", "["}:
        return "json"
    text = next(iter(sections(text).values()))
    if "process times:" in text.lower() and "setup times:" in text.lower():
        return "setups"
    # The number of jobs, told and counted, tells the shops from a plain list of numbers.
    flexible, plain = is_flexible(text), is_jobshop(text)
    if flexible or plain:
        return "fjsp" if flexible >= plain else "jobshop"
    source = Source(text, "")
    numbers = sum(len(values) for _, values in source.rows())
    return "tardiness" if numbers and not source.findings and numbers % 3 == 0 else None


def read_problem(
    path: Path,
    form: Format | None = None,
    objective: str | None = None,
    instance: str | int | None = None,
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
    instance : str or int, optional
        Which problem of a file that holds several: its name, or its number from 1. Default: the
        only one; of weighted tardiness, the first.

    Raises
    ------
    ProblemError
        If it cannot be read; all findings at once, with their lines.
    """
    text = _read(path)
    form = form or detect_format(text)
    if form is None:
        message = "the format could not be told from the content"
        finding = Finding("", message, f"one of {', '.join(FORMATS)}", "name it", file=str(path))
        raise ProblemError(f"the problem file {path.name!r}", [finding])
    name = path.stem
    instance = None if instance is None else str(instance)
    if form == "json":
        problem = SchedulingProblem.from_json(text)
        if objective is None:
            return problem
        return SchedulingProblem(**{**dict(problem), "objective": objective})
    if form == "tardiness":
        return from_tardiness_text(text, name, objective or _LATE, instance=instance or "1")
    if form == "jobshop":
        return from_jobshop_text(text, name, objective or "makespan", instance=instance)
    text, name = chosen(text, name, instance)
    if form == "fjsp":
        return from_flexible_text(text, name, objective or "makespan")
    return from_setup_text(text, name, objective or _LATE)


def _read(path: Path) -> str:
    """Return the text of a file; a spreadsheet's mark at its beginning says how it is coded."""
    try:
        content = path.read_bytes()
    except OSError as error:
        finding = Finding("", str(error.strerror), "a readable text file", file=str(path))
        raise ProblemError(f"the problem file {path.name!r}", [finding]) from error
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if 0 not in content and content.lstrip()[:1] not in {b"{", b"["}:
            return content.decode("latin-1")  # remarks; among numbers it would be found
        message = f"it is no UTF-8 text at byte {error.start}"
        finding = Finding("", message, "a readable text file", "save it as UTF-8", file=str(path))
        raise ProblemError(f"the problem file {path.name!r}", [finding]) from error
