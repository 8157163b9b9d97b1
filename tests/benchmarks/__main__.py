"""Run the benchmarks: `python -m tests.benchmarks [--json FILE] [word ...]`.

A table of the cases and, without words, what the modules report beyond times. With words, modules
whose name is one of them report as well. `--json` keeps all of it with versions and machine.
"""

import argparse
import importlib
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.case import Case, Timing, measure

LIBRARIES = ("linetwin", "llvmlite", "numba", "numpy", "simpy")


def modules() -> list[ModuleType]:
    """Return every `bench_*.py` beside this file, in the order of names."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    return [importlib.import_module(f"{__package__}.{name}") for name in names]


def registered() -> list[Case]:
    """Return the cases of every module."""
    return [case for module in modules() for case in module.cases()]


def reports(words: list[str]) -> dict[str, Any]:
    """Return what modules with a `report` say beyond times, by their subject."""
    found = {module.__name__.rpartition("bench_")[2]: module for module in modules()}
    return {
        subject: module.report()
        for subject, module in found.items()
        if hasattr(module, "report") and (not words or subject in words)
    }


def machine() -> dict[str, Any]:
    """Return what ran the benchmarks."""
    try:
        names = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        names = []
    models = [name.partition(":")[2].strip() for name in names if "model name" in name]
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": models[0] if models else platform.processor() or "unknown",
        "processors": os.cpu_count(),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def table(timings: list[Timing]) -> Table:
    """Return the timings as a table."""
    made = Table("case", "work", "fastest s", "median s", "slowest s", "per second")
    for timing in timings:
        made.add_row(
            timing.name,
            f"{timing.done:g} {timing.unit}",
            f"{timing.fastest_s:.4f}",
            f"{timing.median_s:.4f}",
            f"{timing.slowest_s:.4f}",
            f"{timing.rate_per_s:,.0f}",
        )
    return made


def main(arguments: list[str]) -> int:
    """Measure the cases whose name holds one of the words; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument(
        "words", nargs="*", help="cases by words of their names, reports by subject"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the results here")
    asked = parser.parse_args(arguments)
    words: list[str] = asked.words
    chosen = [c for c in registered() if not words or any(word in c.name for word in words)]
    subjects = [word for word in words if any(m.__name__.endswith(f"_{word}") for m in modules())]
    console = Console()
    if not chosen and not subjects:
        console.print(f"no benchmark matches {words}" if words else "no benchmark is registered")
        return 1
    timings = [measure(case) for case in chosen]
    console.print(table(timings))
    told = reports(subjects) if subjects or not words else {}
    results = {
        "machine": machine(),
        "cases": [asdict(timing) | {"per_second": timing.rate_per_s} for timing in timings],
        "reports": told,
    }
    console.print_json(data={"machine": results["machine"], **told})
    if asked.json is not None:
        asked.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
