"""One machine, jobs with weights and due dates; with or without setups that depend on the order."""

from __future__ import annotations

import math
import re
from typing import Any

from scenarios.schedule.formats.numbers import Source
from scenarios.schedule.problem import SchedulingProblem

_MACHINE = "m0"
_START = "start"
"""Setup group that is in place at the beginning."""
_SECTIONS = {
    "process times": "duration_s",
    "weights": "weight",
    "duedates": "due_date_s",
    "setup times": "setups",
}


def from_tardiness_text(
    text: str,
    name: str = "tardiness",
    objective: str = "total_weighted_tardiness",
    *,
    instance: int | str = 1,
    jobs: int | None = None,
) -> SchedulingProblem:
    """Read one instance of weighted tardiness on one machine, in the OR-Library's layout.

    Per instance the durations of all jobs, then their weights, then their due dates; line breaks
    mean nothing.

    Parameters
    ----------
    text : str
        Text, with one or more instances.
    name : str
        Name; its first number is taken for the number of jobs, as in ``wt40``.
    objective : str
        What is to be small.
    instance : int or str
        Which instance: its number, from 1.
    jobs : int, optional
        Jobs per instance; default: as the name says if that fits, else all numbers are one.

    Raises
    ------
    ProblemError
        If the text is something else, or has no such instance.
    """
    source = Source(text, name)
    numbers = [(at, number) for at, row in source.rows() for number in row]
    source.refuse()
    told = re.search(r"\d+", name)
    count = jobs or (int(told.group()) if told else 0)
    if not jobs and (count < 1 or len(numbers) % (3 * count)):
        count = len(numbers) // 3  # the name says something else
    if count < 1 or len(numbers) % (3 * count):
        message = f"{len(numbers)} numbers are no instances of {count} jobs"
        source.note(1, message, "per instance: durations, weights, due dates of all jobs")
        source.refuse()
    last = len(numbers) // (3 * count)
    number = int(instance) if str(instance).isdecimal() else 0
    if not 1 <= number <= last:
        source.note(1, f"there is no instance {instance}", f"one of 1 to {last}")
        source.refuse()
    here = numbers[3 * count * (number - 1) : 3 * count * number]
    rows = [
        {"duration_s": here[j], "weight": here[count + j], "due_date_s": here[2 * count + j]}
        for j in range(count)
    ]
    if last > 1:
        source.name = f"{name}-{number}"
    return source.problem(objective, [{"id": _MACHINE}], _jobs(source, rows, grouped=False))


def from_setup_text(
    text: str, name: str = "setups", objective: str = "total_weighted_tardiness"
) -> SchedulingProblem:
    """Read weighted tardiness with sequence-dependent setups on one machine, as Cicirello wrote it.

    Sections ``Process Times:``, ``Weights:``, ``Duedates:`` with a number per job, and ``Setup
    Times:`` with lines ``from to time``; from -1 is the setup of the first job.

    Raises
    ------
    ProblemError
        If the text is something else; all findings at once.

    References
    ----------
    Cicirello (2003), Weighted tardiness scheduling with sequence-dependent setups: a benchmark
    library.
    """
    source = Source(text, name)
    columns, setups = _sections(source)
    lengths = {what: len(values) for what, values in columns.items()}
    if len(set(lengths.values())) > 1 or not all(lengths.values()):
        told = ", ".join(f"{number} of {what}" for what, number in lengths.items())
        source.note(1, f"the sections differ: {told}", "one number per job in each")
    source.refuse()
    count = lengths["duration_s"]
    rows = [{what: values[j] for what, values in columns.items()} for j in range(count)]
    times: dict[str, dict[str, float]] = {}
    for at, values in setups:
        if len(values) != 3 or not (-1 <= values[0] < count and 0 <= values[1] < count):  # noqa: PLR2004
            told = " ".join(f"{number:g}" for number in values)
            source.note(at, f"found {told}", f"from to time; jobs from 0 to {count - 1}, -1: start")
            continue
        setup_s = source.duration(at, values[2], "the setup")
        before = _START if values[0] == -1 else f"j{values[0]:g}"
        times.setdefault(before, {})[f"j{values[1]:g}"] = setup_s
    machine = {"id": _MACHINE, "setup_group": _START, "setup_s": times}
    return source.problem(objective, [machine], _jobs(source, rows, grouped=True))


def _sections(
    source: Source,
) -> tuple[dict[str, list[tuple[int, float]]], list[tuple[int, list[float]]]]:
    """Return the numbers per job by meaning, and the lines of the setups."""
    columns: dict[str, list[tuple[int, float]]] = {
        what: [] for what in _SECTIONS.values() if what != "setups"
    }
    setups: list[tuple[int, list[float]]] = []
    section = ""
    for at, line in enumerate(source.text.splitlines(), start=1):
        words = line.strip()
        title = words.rstrip(":").lower()
        if title in _SECTIONS:
            section = _SECTIONS[title]
        elif not words or not section or title == "end problem specification":
            continue
        else:
            try:
                values = [float(word) for word in words.split()]
            except ValueError:
                source.note(at, f"{words!r} is no number", "numbers and blanks")
                continue
            if section == "setups":
                setups.append((at, values))
            else:
                columns[section] += [(at, value) for value in values]
    return columns, setups


def _jobs(
    source: Source, rows: list[dict[str, tuple[int, float]]], *, grouped: bool
) -> list[dict[str, Any]]:
    jobs = []
    for j, row in enumerate(rows):
        at, duration_s = row["duration_s"]
        source.duration(at, duration_s, f"job {j}")
        for what, words in (("weight", "weighs"), ("due_date_s", "is due at")):
            at, value = row[what]
            if not math.isfinite(value) or value < 0:
                source.note(at, f"job {j} {words} {value:g}", "a finite number, 0 or more")
        operation: dict[str, Any] = {
            "id": "o0",
            "modes": [{"machine": _MACHINE, "duration_s": duration_s}],
        }
        if grouped:
            operation["setup_group"] = f"j{j}"
        jobs.append(
            {
                "id": f"j{j}",
                "weight": row["weight"][1],
                "due_date_s": row["due_date_s"][1],
                "operations": [operation],
            }
        )
    return jobs
