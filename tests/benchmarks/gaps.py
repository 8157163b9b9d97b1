"""Gaps to the best known values, engine by engine, in processor seconds: for busy machines.

`python -m tests.benchmarks.gaps --cpu 20 jobshop/la2 hybrid` runs every instance whose name holds
one of the words; `=` before a word: whose name it is. The search and HiGHS have one thread, CP-SAT
has eight and twice the processor time: what two cores give it. Each run is a process of its own,
since CP-SAT and HiGHS do not share one.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.table import Table

from scenarios.schedule.bounds import lower_bound
from scenarios.schedule.dispatching import best_of_rules
from scenarios.schedule.protocol import Request
from scenarios.schedule.timing import Network
from scenarios.schedule.violations import violations
from tests.benchmarks.bench_schedule import Instance, instances

ENGINES = {
    "search": "scenarios.schedule.search.engine",
    "highs": "scenarios.schedule.mip.engine",
    "cpsat": "scenarios.schedule.cpsat.engine",
}
CORES = {"search": 1, "highs": 1, "cpsat": 2}
THREADS = {"search": 1, "highs": 1, "cpsat": 8}
PATIENCE = 20
"""How many times its processor seconds a run may take, on a busy machine."""


def alone(engine: str, instance: Instance, cpu_s: float, seed: int) -> dict[str, Any]:
    """Run one engine in this process; return what it found, and when, in processor seconds."""
    problem = instance.read()
    network = Network.of(problem)
    module = import_module(ENGINES[engine])
    if engine == "search":
        module.warm_up()
    began_s = time.process_time()
    start, _ = best_of_rules(network, lambda: False)
    valid = not violations(problem, start)
    found = [(0.0, start.objective)] if valid else []

    def spent_s() -> float:
        return (time.process_time() - began_s) / CORES[engine]

    floor = lower_bound(network).value
    outcome = module.improve(
        Request(
            network=network,
            start=start if valid else None,
            until=time.monotonic() + PATIENCE * cpu_s,
            seed=seed,
            workers=THREADS[engine],
            on_schedule=lambda schedule: found.append((spent_s(), schedule.objective)),
            cancelled=lambda: (
                spent_s() >= cpu_s or (bool(found) and found[-1][1] <= floor * (1 + 1e-9))
            ),
        )
    )
    best = outcome.schedule
    assert best is None or not violations(problem, best)
    return {
        "objective": None if best is None else best.objective,
        "bound": max(floor, outcome.bound) if math.isfinite(outcome.bound) else floor,
        "cpu_s": round(spent_s(), 1),
        "found": [(round(at_s, 2), value) for at_s, value in found],
    }


def apart(engine: str, instance: Instance, cpu_s: float, seed: int) -> dict[str, Any]:
    """Run one engine in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.gaps", "--alone", engine]
    command += ["--cpu", str(cpu_s), "--seed", str(seed), f"={instance.name}"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60 + 2 * PATIENCE * cpu_s, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def at(found: list[list[float]], cpu_s: float) -> float:
    """Return the best value that was known after some processor seconds."""
    return min((value for at_s, value in found if at_s <= cpu_s), default=math.inf)


def row(
    instance: Instance, engines: list[str], cpu_s: float, marks_s: list[float], seed: int
) -> dict[str, Any]:
    """Return an instance's values, and its gaps in percent after each mark where one is known."""
    told: dict[str, Any] = {
        "family": instance.family,
        "instance": instance.name,
        "best_known": instance.best_known,
    }
    for engine in engines:
        result = apart(engine, instance, cpu_s, seed)
        told[engine] = result
        for mark_s in marks_s:
            value = at(result["found"], mark_s)
            known = instance.best_known
            gap = 100 * (value / known - 1) if known else math.nan
            told[f"{engine} {mark_s:g} s"] = (value, gap)
    return told


def main(arguments: list[str]) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gaps")
    parser.add_argument(
        "words", nargs="+", help="parts of names of instances; = in front: all of it"
    )
    parser.add_argument("--cpu", type=float, default=10.0, help="processor seconds for each core")
    parser.add_argument("--marks", type=float, nargs="*", default=[], help="seconds to look at")
    parser.add_argument("--engines", nargs="*", default=["search", "cpsat"], choices=list(ENGINES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alone", choices=list(ENGINES), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    chosen = [
        one
        for one in instances(every=True)
        if any(
            word in f"{one.family}/{one.name}" if word[0] != "=" else word[1:] == one.name
            for word in asked.words
        )
    ]
    if asked.alone:
        sys.stdout.write(json.dumps(alone(asked.alone, chosen[0], asked.cpu, asked.seed)) + "\n")
        return 0
    marks = [*asked.marks, asked.cpu]
    columns = [f"{engine} {mark_s:g} s" for engine in asked.engines for mark_s in marks]
    rows = []
    for one in chosen:
        rows.append(row(one, asked.engines, asked.cpu, marks, asked.seed))
        sys.stderr.write(f"{one.name}: {[rows[-1][name] for name in columns]}\n")
    Console(width=140).print(table(rows, columns))
    return 0


def table(rows: list[dict[str, Any]], columns: list[str]) -> Table:
    """Return values with gaps in percent, and the mean gap of each family."""
    made = Table("family", "instance", "best known", *columns)
    for family in dict.fromkeys(one["family"] for one in rows):
        members = [one for one in rows if one["family"] == family]
        for one in members:
            cells = [
                f"{value:g}" + ("" if math.isnan(gap) else f" ({gap:.2f})")
                for value, gap in (one[name] for name in columns)
            ]
            made.add_row(family, one["instance"], str(one["best_known"] or ""), *cells)
        means = [statistics.fmean(one[name][1] for one in members) for name in columns]
        made.add_row(family, "mean gap, %", "", *(f"{mean:.2f}" for mean in means))
        made.add_section()
    return made


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
