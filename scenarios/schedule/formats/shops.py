"""Job shops and flexible job shops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scenarios.schedule.formats.numbers import Source
from scenarios.schedule.problem import SchedulingProblem

Pairs = list[tuple[float, float]]
"""Machine and duration of each way to do one operation."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One job as it stands in the text."""

    line: int
    operations: list[Pairs]


def from_jobshop_text(
    text: str, name: str = "jobshop", objective: str = "makespan"
) -> SchedulingProblem:
    """Read a classic job shop.

    First line ``jobs machines``, then a line per job with pairs ``machine duration`` in the order
    of work. Machines count from 0 (or from 1, if there is a last one and none numbered 0) and are
    named ``m0``, ``m1``, ...; jobs ``j0``, ``j1``, ...

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.
    """
    source = Source(text, name)
    machines, lines = _body(source)
    rows = []
    for at, values in lines:
        if len(values) % 2:
            source.note(at, f"{len(values)} numbers", "pairs: machine duration")
        else:
            pairs = zip(values[::2], values[1::2], strict=True)
            rows.append(_Row(at, [[pair] for pair in pairs]))
    return _problem(source, machines, rows, objective)


def from_flexible_text(
    text: str, name: str = "flexible", objective: str = "makespan"
) -> SchedulingProblem:
    """Read a classic flexible job shop.

    First line ``jobs machines``, then a line per job: the number of operations, and for each the
    number of eligible machines followed by that many pairs ``machine duration``. Machines count as
    in :func:`from_jobshop_text`.

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.
    """
    source = Source(text, name)
    machines, lines = _body(source)
    rows = []
    for at, values in lines:
        operations = flexible_row(values)
        if operations is None:
            expected = "operations, then per operation: n and n pairs machine duration"
            source.note(at, "the numbers do not add up", expected)
        else:
            rows.append(_Row(at, operations))
    return _problem(source, machines, rows, objective)


def flexible_row(values: list[float]) -> list[Pairs] | None:
    """Return the pairs of each operation of one line, or None if the counts do not fit."""
    rest: Iterator[float] = iter(values)
    operations = []
    try:
        for _ in range(int(next(rest))):
            count = int(next(rest))
            operations.append([(next(rest), next(rest)) for _ in range(count)])
    except (StopIteration, RuntimeError, ValueError, OverflowError):
        return None
    return operations if next(rest, None) is None else None


def _body(source: Source) -> tuple[int, list[tuple[int, list[float]]]]:
    """Return the number of machines and the lines of the jobs."""
    lines = source.rows()
    if not lines:
        return 0, []
    (at, head), rest = lines[0], lines[1:]
    if len(head) < 2 or not all(n >= 1 and n.is_integer() for n in head[:2]):  # noqa: PLR2004
        found = " ".join(f"{number:g}" for number in head)
        source.note(at, f"begins with {found}", "first line: jobs machines, both above zero")
        return 0, []
    if len(rest) != int(head[0]) and not source.findings:
        source.note(at, f"{int(head[0])} jobs are promised, {len(rest)} lines follow")
    return int(head[1]), rest


def _problem(source: Source, machines: int, rows: list[_Row], objective: str) -> SchedulingProblem:
    used = {machine for row in rows for pairs in row.operations for machine, _ in pairs}
    first = 1 if used and min(used) == 1 and max(used) == machines else 0
    jobs = []
    for j, row in enumerate(rows):
        operations: list[dict[str, Any]] = []
        for o, pairs in enumerate(row.operations):
            what = f"operation {o} of job {j}"
            if not pairs:
                source.note(row.line, f"no machine can do {what}", "at least one machine")
            modes = []
            for machine, duration_s in pairs:
                if not (first <= machine < first + machines and machine.is_integer()):
                    known = f"one of {first} to {first + machines - 1}"
                    source.note(row.line, f"{what} needs unknown machine {machine:g}", known)
                source.duration(row.line, duration_s, what)
                modes.append({"machine": f"m{machine:g}", "duration_s": duration_s})
            for machine, times in Counter(machine for machine, _ in pairs).items():
                if times > 1:
                    message = f"{what} names machine {machine:g} {times} times"
                    source.note(row.line, message, remedy="name it once")
            operations.append({"id": f"o{o}", "modes": modes})
        if not operations:
            source.note(row.line, f"job {j} has no operation", "at least one")
        jobs.append({"id": f"j{j}", "operations": operations})
    names = [{"id": f"m{m}"} for m in range(first, first + machines)]
    return source.problem(objective, names, jobs)
