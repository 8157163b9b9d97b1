"""Run the benchmarks and print a table: `python -m tests.benchmarks [word ...]`."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.case import Case, measure


def modules() -> list[ModuleType]:
    """Return every `bench_*.py` beside this file, in the order of names."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    return [importlib.import_module(f"{__package__}.{name}") for name in names]


def registered() -> list[Case]:
    """Return the cases of every module."""
    return [case for module in modules() for case in module.cases()]


def reports() -> dict[str, Any]:
    """Return what modules with a `report` say beyond times, by their subject."""
    return {
        module.__name__.rpartition("bench_")[2]: module.report()
        for module in modules()
        if hasattr(module, "report")
    }


def main(words: list[str]) -> int:
    """Measure the cases whose name holds one of the words; return the exit code."""
    chosen = [c for c in registered() if not words or any(word in c.name for word in words)]
    console = Console()
    if not chosen:
        console.print(f"no benchmark matches {words}" if words else "no benchmark is registered")
        return 1
    table = Table("case", "work", "fastest s", "median s", "slowest s", "per second")
    for case in chosen:
        timing = measure(case)
        table.add_row(
            timing.name,
            f"{timing.done:g} {timing.unit}",
            f"{timing.fastest_s:.4f}",
            f"{timing.median_s:.4f}",
            f"{timing.slowest_s:.4f}",
            f"{timing.rate_per_s:,.0f}",
        )
    console.print(table)
    if not words:
        console.print_json(data=reports())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
