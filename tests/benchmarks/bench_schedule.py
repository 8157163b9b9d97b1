"""Schedules within a budget, beside the best known values and CP-SAT on the same cores.

Seven families: job shops with and without setups, flexible job shops, hybrid flow lines with and
without setups and due dates, setups on one machine, and tardiness.

`report` takes a spread sample; `LINETWIN_BENCH_FULL=1` takes every instance, `LINETWIN_BENCH_S`
sets the budget of each solver in wall seconds (default 5). Without the instances there is nothing.
"""

from __future__ import annotations

import csv
import os
import platform
import random
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from scenarios.schedule import Limits, SchedulingProblem, solve, violations
from scenarios.schedule.formats import read_problem
from tests.benchmarks.case import Case

SEED = 1
SAMPLES = {
    "jobshop": ("swv03", "swv12", "ta16"),
    "flexible": ("brandimarte/mk10", "edata/la21", "rdata/la26"),
}
LATE = (("abz5", "1.3"), ("ft10", "1.3"), ("la19", "1.3"))
LINES = range(3)
"""Hybrid flow lines of the sample; with all instances ten times as many."""
LIBRARIES = ("linetwin", "numba", "numpy", "highspy", "ortools")
STEPS = 50_000.0


def folder() -> Path:
    """Return where the instances are, whether they are there or not."""
    named = os.environ.get("LINETWIN_BENCHMARKS")
    root = Path(__file__).resolve().parents[2]
    return (Path(named) if named else root.parent / "shared" / "benchmarks") / "scheduling"


def cases() -> list[Case]:
    """Return the speed of the job-shop search on one instance, in steps."""
    path = folder() / "jobshop" / "ta01.txt"
    if not path.is_file():
        return []
    problem = read_problem(path)

    def run() -> float:
        solve(problem, Limits(engine="search", iterations=int(STEPS), seed=SEED))
        return STEPS

    return [Case("schedule search, ta01", run, "steps", repeats=3)]


class Instance(NamedTuple):
    """One problem of a family, and the best value that is known of it."""

    family: str
    name: str
    read: Callable[[], SchedulingProblem]
    best_known: float | None


def report() -> dict[str, Any]:
    """Return what the portfolio and CP-SAT alone reach in the same time, family by family."""
    if not (folder() / "best_known.csv").is_file():
        return {"skipped": "no reference instances; set LINETWIN_BENCHMARKS"}
    seconds = float(os.environ.get("LINETWIN_BENCH_S", "5"))
    every = os.environ.get("LINETWIN_BENCH_FULL") == "1"
    rows = [_measured(instance, seconds) for instance in instances(every)]
    families = list(dict.fromkeys(row["family"] for row in rows))
    return {
        "budget_s": seconds,
        "seed": SEED,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "families": {
            family: _summary([row for row in rows if row["family"] == family])
            for family in families
        },
        "rows": rows,
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the means of a family, and how often the portfolio is not worse than CP-SAT."""
    told = {"instances": len(rows)}
    for engine in ("auto", "cpsat"):
        gaps = [row[f"{engine}_gap_percent"] for row in rows if row["best_known"]]
        if gaps:
            told[f"{engine}_mean_gap_percent"] = round(statistics.fmean(gaps), 2)
    told["not_worse_than_cpsat"] = sum(row["auto"] <= row["cpsat"] + 1e-6 for row in rows)
    told["mean_percent_of_cpsat"] = round(
        statistics.fmean(
            100.0 if row["auto"] == row["cpsat"] else 100 * row["auto"] / max(row["cpsat"], 1.0)
            for row in rows
        ),
        2,
    )
    return told


def _measured(instance: Instance, seconds: float) -> dict[str, Any]:
    told: dict[str, Any] = {
        "family": instance.family,
        "instance": instance.name,
        "best_known": instance.best_known,
    }
    problem = instance.read()
    for engine in ("auto", "cpsat"):
        found = solve(problem, Limits(seconds=seconds, engine=engine, seed=SEED))
        assert found.schedule is not None
        assert not violations(problem, found.schedule)
        told[engine] = found.objective
        told[f"{engine}_bound"] = found.bound
        if instance.best_known:
            gap = 100 * (found.objective / instance.best_known - 1)
            told[f"{engine}_gap_percent"] = round(gap, 2)
    return told


def instances(every: bool) -> Iterator[Instance]:
    """Yield a sample of the problems of every family, or every problem."""
    with (folder() / "best_known.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            family, name = row["problem"], row["instance"]
            if every or name in SAMPLES.get(family, ()):
                path = folder() / family / f"{name}.txt"
                yield Instance(family, name, partial(read_problem, path), float(row["ub"]))
    for number in LINES if not every else range(10 * len(LINES)):
        yield Instance("hybrid flow shop", f"hybrid{number}", partial(_line, number), None)
        read = partial(_line, number, late=True)
        yield Instance("hybrid flow shop, setups, tardiness", f"late{number}", read, None)
        yield Instance("job shop, setups", f"changes{number}", partial(_changes, number), None)
    setups = sorted((folder() / "single_machine_setup_tardiness").glob("*"))
    for path in setups[:: 1 if every else 4]:
        read = partial(read_problem, path, "setups")
        yield Instance("setups and tardiness", path.stem, read, None)
    yield from _late_shops(every)
    path = folder() / "single_machine_tardiness" / "wt40.txt"
    best = (path.parent / "wtopt40.txt").read_text(encoding="utf-8").split()
    for number in range(1, len(best) + 1) if every else (19, 85, 112):
        read = partial(read_problem, path, instance=number)
        known = float(best[number - 1])
        yield Instance("single machine tardiness", f"wt40 {number}", read, known)


def _line(number: int, *, late: bool = False) -> SchedulingProblem:
    """Return a random hybrid flow line: thirty jobs, four stages of two or three machines.

    ``late``: jobs of five families with setups between them, weights and due dates.
    """
    draw = random.Random(number)
    stages = [draw.choice((2, 3)) for _ in range(4)]
    rooms = [[f"s{s}m{m}" for m in range(count)] for s, count in enumerate(stages)]
    jobs: list[dict[str, Any]] = []
    for j in range(30):
        operations = []
        for s, machines in enumerate(rooms):
            work_s = draw.randint(10, 99)
            modes = [{"machine": machine, "duration_s": work_s} for machine in machines]
            group = f"g{j % 5}" if late else ""
            operations.append({"id": f"o{s}", "modes": modes, "setup_group": group})
        jobs.append({"id": f"j{j}", "operations": operations})
        if late:
            jobs[-1] |= {"due_date_s": draw.randint(250, 1000), "weight": draw.randint(1, 5)}
    machines = [
        {"id": machine, "setup_s": _setups(draw, 5) if late else {}}
        for machines in rooms
        for machine in machines
    ]
    return SchedulingProblem(
        id=f"hybrid{number}",
        objective="total_weighted_tardiness" if late else "makespan",
        machines=machines,
        jobs=jobs,
    )


def _changes(number: int) -> SchedulingProblem:
    """Return a random job shop: twenty jobs, five machines, setups between every two jobs."""
    draw = random.Random(number)
    jobs = []
    for j in range(20):
        operations = [
            {
                "id": f"o{m}",
                "setup_group": f"g{j}",
                "modes": [{"machine": f"m{m}", "duration_s": draw.randint(1, 99)}],
            }
            for m in draw.sample(range(5), 5)
        ]
        jobs.append({"id": f"j{j}", "operations": operations})
    return SchedulingProblem(
        id=f"changes{number}",
        objective="makespan",
        machines=[{"id": f"m{m}", "setup_s": _setups(draw, 20)} for m in range(5)],
        jobs=jobs,
    )


def _setups(draw: random.Random, groups: int) -> dict[str, dict[str, int]]:
    return {
        f"g{a}": {f"g{b}": draw.randint(5, 50) for b in range(groups) if b != a}
        for a in range(groups)
    }


def _late_shops(every: bool) -> Iterator[Instance]:
    """Yield job shops with due dates after Singer and Pinedo."""
    dates: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with (folder() / "jobshop_due_dates.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            job = {"due_date_s": float(row["due"]), "weight": float(row["weight"])}
            dates.setdefault((row["instance"], row["factor"]), []).append(job)
    for (name, factor), jobs in dates.items():
        if every or (name, factor) in LATE:
            read = partial(_late_shop, name, factor, jobs)
            yield Instance("job shop tardiness", f"{name} x {factor}", read, None)


def _late_shop(name: str, factor: str, jobs: list[dict[str, Any]]) -> SchedulingProblem:
    document = read_problem(folder() / "jobshop" / f"{name}.txt").model_dump()
    document |= {"id": f"{name} x {factor}", "objective": "total_weighted_tardiness"}
    for job, more in zip(document["jobs"], jobs, strict=True):
        job.update(more)
    return SchedulingProblem(**document)
