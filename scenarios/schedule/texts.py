"""Readers of the classic text formats."""

from __future__ import annotations

from collections.abc import Iterator

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.problem import SchedulingProblem
from twin.errors import Finding


def from_jobshop_text(
    text: str, name: str = "jobshop", objective: str = "makespan"
) -> SchedulingProblem:
    """Read a classic job shop.

    First line ``jobs machines``, then a line per job with pairs ``machine duration`` in the order
    of work. Machines count from 0 and are named ``m0``, ``m1``, ...; jobs ``j0``, ``j1``, ...

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.
    """
    reader = _Reader(text, name)
    lines = reader.body()
    jobs = []
    for j, (number, values) in enumerate(lines):
        if len(values) % 2:
            reader.note(number, f"{len(values)} numbers", "pairs: machine duration")
            continue
        pairs = zip(values[::2], values[1::2], strict=True)
        jobs.append((f"j{j}", [[pair] for pair in pairs]))
    return reader.problem(jobs, objective)


def from_flexible_text(
    text: str, name: str = "flexible", objective: str = "makespan"
) -> SchedulingProblem:
    """Read a classic flexible job shop.

    First line ``jobs machines``, then a line per job: the number of operations, and for each the
    number of eligible machines followed by that many pairs ``machine duration``. Machines count
    from 0.

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.
    """
    reader = _Reader(text, name)
    jobs = []
    for j, (number, values) in enumerate(reader.body()):
        operations = _flexible(values)
        if operations is None:
            message = "the numbers do not add up"
            reader.note(number, message, "operations, then per operation: n and n pairs")
        else:
            jobs.append((f"j{j}", operations))
    return reader.problem(jobs, objective)


def _flexible(values: list[float]) -> list[list[tuple[float, float]]] | None:
    """Return the pairs of each operation of one line, or None if the counts do not fit."""
    rest: Iterator[float] = iter(values)
    operations = []
    try:
        for _ in range(int(next(rest))):
            count = int(next(rest))
            operations.append([(next(rest), next(rest)) for _ in range(count)])
    except (StopIteration, RuntimeError):
        return None
    return operations if next(rest, None) is None else None


class _Reader:
    """The lines of a text as numbers, and what is wrong with them."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self.findings: list[Finding] = []
        self.machines = 0
        self.lines: list[tuple[int, list[float]]] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            try:
                self.lines.append((number, [float(word) for word in line.split()]))
            except ValueError as error:
                self.note(number, str(error), "numbers and blanks")

    def note(self, number: int, message: str, expected: str = "") -> None:
        self.findings.append(Finding("", message, expected, file=self.name, line=number))

    def body(self) -> list[tuple[int, list[float]]]:
        """Return the lines of the jobs; the first line says how many there must be."""
        if not self.lines:
            if not self.findings:
                self.note(1, "the text is empty", "first line: jobs machines")
            return []
        (number, head), rest = self.lines[0], self.lines[1:]
        if len(head) < 2 or head[0] < 1 or head[1] < 1:  # noqa: PLR2004 - jobs, machines
            self.note(number, f"found {head}", "first line: jobs machines, both above zero")
            return []
        self.machines = int(head[1])
        if len(rest) != int(head[0]):
            self.note(number, f"{int(head[0])} jobs are promised, {len(rest)} lines follow")
        return rest

    def problem(
        self, jobs: list[tuple[str, list[list[tuple[float, float]]]]], objective: str
    ) -> SchedulingProblem:
        if self.findings:
            raise ProblemError(f"the text {self.name!r}", self.findings)
        document = {
            "id": self.name,
            "objective": objective,
            "machines": [{"id": f"m{m}"} for m in range(self.machines)],
            "jobs": [
                {
                    "id": job,
                    "operations": [
                        {
                            "id": f"o{o}",
                            "modes": [{"machine": f"m{m:g}", "duration_s": d} for m, d in pairs],
                        }
                        for o, pairs in enumerate(operations)
                    ],
                }
                for job, operations in jobs
            ],
        }
        return SchedulingProblem(**document)
