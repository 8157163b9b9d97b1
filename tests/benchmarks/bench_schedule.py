"""Schedules within a budget, beside the best known values and CP-SAT on the same cores.

`report` takes a spread sample; `LINETWIN_BENCH_FULL=1` takes every instance, `LINETWIN_BENCH_S`
sets the budget of each solver in wall seconds (default 5). Without the instances there is nothing.
"""

from __future__ import annotations

import csv
import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scenarios.schedule import Limits, solve, violations
from scenarios.schedule.formats import read_problem
from tests.benchmarks.case import Case

SEED = 1
SAMPLES = {
    "jobshop": ("abz8", "swv03", "swv12", "ta05", "ta16", "ta52", "ta71"),
    "flexible": ("brandimarte/mk06", "brandimarte/mk10", "edata/la21", "rdata/la26"),
}
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


def report() -> dict[str, Any]:
    """Return gaps to the best known values for the portfolio and for CP-SAT alone."""
    table = folder() / "best_known.csv"
    if not table.is_file():
        return {"skipped": "no reference instances; set LINETWIN_BENCHMARKS"}
    seconds = float(os.environ.get("LINETWIN_BENCH_S", "5"))
    every = os.environ.get("LINETWIN_BENCH_FULL") == "1"
    with table.open(encoding="utf-8", newline="") as lines:
        known = list(csv.DictReader(lines))
    rows = [
        _measured(row, seconds)
        for row in known
        if every or row["instance"] in SAMPLES.get(row["problem"], ())
    ]
    return {
        "budget_s": seconds,
        "seed": SEED,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "mean_gap_percent": {
            engine: round(statistics.fmean(row[engine] for row in rows), 2)
            for engine in ("auto", "cpsat")
        },
        "rows": rows,
    }


def _measured(row: dict[str, str], seconds: float) -> dict[str, Any]:
    problem = read_problem(folder() / row["problem"] / f"{row['instance']}.txt")
    best = float(row["ub"])
    told: dict[str, Any] = {"instance": row["instance"], "best_known": best}
    for engine in ("auto", "cpsat"):
        found = solve(problem, Limits(seconds=seconds, engine=engine, seed=SEED))
        assert found.schedule is not None
        assert not violations(problem, found.schedule)
        told[engine] = round(100 * (found.objective / best - 1), 2)
        told[f"{engine}_bound"] = found.bound
    return told
