"""Job shops and flexible job shops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from scenarios.schedule.formats.numbers import Source, is_title
from scenarios.schedule.formats.several import chosen
from scenarios.schedule.problem import SchedulingProblem

Pairs = list[tuple[float, float]]
"""Machine and duration of each way to do one operation."""
_Line = tuple[int, list[float]]
"""Place and numbers of a line."""


class Fit(IntEnum):
    """How well a text fits a format."""

    NOT = 0
    IN_SHAPE = 1
    """Laid out like it, but with machines that there are not."""
    WHOLLY = 2


@dataclass(frozen=True, slots=True)
class _Row:
    """One job as it stands in the text."""

    line: int
    operations: list[Pairs]


def from_jobshop_text(
    text: str,
    name: str = "jobshop",
    objective: str = "makespan",
    *,
    instance: str | None = None,
) -> SchedulingProblem:
    """Read a classic job shop.

    First line ``jobs machines``, then a line per job with pairs ``machine duration`` in the order
    of work; or Taillard's layout, a table of times and a table of machines, with titles or without.
    Machines count from 0 (or from 1, if there is a last one and none numbered 0) and are named
    ``m0``, ``m1``, ...; jobs ``j0``, ``j1``, ... Where every job goes over all machines, line
    breaks mean nothing.

    Parameters
    ----------
    text : str
        Text, with one problem or, in the OR-Library's or Taillard's way, several.
    name : str
        What it is called.
    objective : str
        What is to be small.
    instance : str, optional
        Name or number of the problem in a text with several.

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.
    """
    source = Source(*chosen(text, name, instance))
    machines, lines = _jobshop(source)
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
    number of eligible machines followed by that many pairs ``machine duration``. The first line may
    go on with the mean number of machines per operation. Line breaks mean nothing otherwise.
    Machines count as in :func:`from_jobshop_text`.

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.
    """
    source = Source(text, name)
    machines, lines = _body(source, source.rows(), _by_counts)
    rows = []
    for at, values in lines:
        operations = flexible_row(values)
        if operations is None:
            expected = "operations, then per operation: n and n pairs machine duration"
            source.note(at, "the numbers do not add up", expected)
        else:
            rows.append(_Row(at, operations))
    return _problem(source, machines, rows, objective)


def is_jobshop(text: str) -> Fit:
    """Say how well a text fits a job shop."""
    source = Source(text, "")
    machines, lines = _jobshop(source)
    if source.findings or any(len(values) % 2 for _, values in lines):
        return Fit.NOT
    return _fit(machines, (values[::2] for _, values in lines))


def is_flexible(text: str) -> Fit:
    """Say how well a text fits a flexible job shop."""
    source = Source(text, "")
    there = source.rows()
    machines, lines = _body(source, there, _by_counts)
    rows = [flexible_row(values) for _, values in lines]
    if source.findings or any(row is None for row in rows):
        return Fit.NOT
    used = [[machine for pairs in row for machine, _ in pairs] for row in rows if row]
    fit = _fit(machines, used)
    by_chance = fit is Fit.IN_SHAPE and len(there) - 1 != len(lines)
    return Fit.NOT if by_chance else fit


def _fit(machines: int, used: Iterable[list[float]]) -> Fit:
    known = all(0 <= machine <= machines for row in used for machine in row)
    return Fit.WHOLLY if known else Fit.IN_SHAPE


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


def _jobshop(source: Source) -> tuple[int, list[_Line]]:
    titled = any(is_title(line) for line in source.text.splitlines())
    return _body(source, _paired(source.rows(), titled), _over_all_machines)


def _paired(rows: list[_Line], titled: bool) -> list[_Line]:
    """Return Taillard's two tables as one of pairs; any other text as it is."""
    if not rows or len(rows[0][1]) < 2:  # noqa: PLR2004
        return rows
    (at, head), rest = rows[0], rows[1:]
    jobs, machines = head[:2]
    if len(rest) != 2 * jobs or any(len(values) != machines for _, values in rest):
        return rows
    times, orders = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    known = [[float(m) for m in range(first, first + int(machines))] for first in (0, 1)]
    if not titled and not all(sorted(values) in known for _, values in orders):
        return rows
    pairs = [
        (line, [number for pair in zip(order, durations, strict=True) for number in pair])
        for (line, durations), (_, order) in zip(times, orders, strict=True)
    ]
    return [(at, head[:2]), *pairs]


def _over_all_machines(values: list[float], jobs: int, machines: int) -> list[int] | None:
    """Return how many of the numbers belong to each job if each goes over all machines."""
    return [2 * machines] * jobs if len(values) == 2 * machines * jobs else None


def _by_counts(values: list[float], jobs: int, machines: int) -> list[int] | None:
    """Return how many of the numbers belong to each job as the counts among them say."""
    del machines
    lengths, at = [], 0
    try:
        for _ in range(jobs):
            begin, operations = at, int(values[at])
            at += 1
            for _ in range(operations):
                at += 1 + 2 * max(0, int(values[at]))
            lengths.append(at - begin)
    except (IndexError, ValueError, OverflowError):
        return None
    return lengths if at == len(values) else None


_Split = Callable[[list[float], int, int], list[int] | None]


def _body(source: Source, lines: list[_Line], split: _Split) -> tuple[int, list[_Line]]:
    """Return the number of machines and the numbers of each job, with their lines."""
    if not lines:
        return 0, []
    (at, head), rest = lines[0], lines[1:]
    if len(head) < 2 or not all(n >= 1 and n.is_integer() for n in head[:2]):  # noqa: PLR2004
        found = " ".join(f"{number:g}" for number in head)
        source.note(at, f"begins with {found}", "first line: jobs machines, both above zero")
        return 0, []
    jobs, machines = int(head[0]), int(head[1])
    if len(rest) != jobs and not source.findings:
        numbers = [(line, number) for line, row in [(at, head[2:]), *rest] for number in row]
        for skipped in (0, 1):  # the mean number of machines, in a flexible shop
            lengths = split([number for _, number in numbers[skipped:]], jobs, machines)
            if lengths is not None:
                return machines, list(_cut(numbers[skipped:], lengths))
        source.note(at, f"{jobs} jobs are promised, {len(rest)} lines follow")
    return machines, rest


def _cut(numbers: list[tuple[int, float]], lengths: list[int]) -> Iterator[_Line]:
    at = 0
    for length in lengths:
        yield numbers[at][0], [number for _, number in numbers[at : at + length]]
        at += length


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
