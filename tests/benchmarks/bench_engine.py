"""Speed of the compiled engine, as ratios to idiomatic SimPy and to the reference engine.

All three do the same work in one process, turn by turn, so that a busy machine slows them alike.
An operation is one service finished at one station; initial compilation is not counted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.case import Case
from tests.benchmarks.contests import Contest, contests
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import Program
from twin.engine.compiled.plainness import is_plain
from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine

TURNS = 3
"""Turns of each contender; the median counts."""


def program_of(contest: Contest) -> Program:
    """Return the contest's line, ready to be run."""
    return Program(contest.line, SimulationOptions(horizon_s=contest.horizon_s, seed=1), None)


def _plain(program: Program, replication: int) -> int:
    return int(program.plain_figures(replication)[0]["processed"][1].sum())


def compiled_operations(program: Program, replication: int) -> int:
    """Run the kernel once and return how many operations ended."""
    memory = program.run(replication, program.end_s, with_log=False)
    return int(memory.ints(t.STATION_FINISHED, len(program.lowering.stations)).sum())


def _reference(contest: Contest, replication: int) -> int:
    options = SimulationOptions(horizon_s=contest.horizon_s, seed=1, replication=replication)
    engine = ReferenceEngine(contest.line, options)
    engine.advance(engine.end_s)
    return sum(station.finished for station in engine.stations.values())


def _rate_per_s(run: Callable[[int], int], turn: int, repeats: int) -> float:
    """Return operations per second of processor time."""
    started_s = time.process_time()
    done = sum(run(turn * repeats + i) for i in range(repeats))
    return done / (time.process_time() - started_s)


def _contest(contest: Contest) -> dict[str, Any]:
    program = program_of(contest)
    contenders: dict[str, tuple[Callable[[int], int], int]] = {
        "compiled": (lambda turn: compiled_operations(program, turn), 20),
        "reference": (lambda turn: _reference(contest, turn), 1),
        "simpy": (contest.simpy, 1),
    }
    if is_plain(contest.line, program.options):
        contenders["max_plus"] = (lambda turn: _plain(program, turn), 100)
    for run, _ in contenders.values():
        run(0)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(TURNS):
        for name, (run, repeats) in contenders.items():
            rates[name].append(_rate_per_s(run, turn, repeats))
    median = {name: statistics.median(found) for name, found in rates.items()}
    found: dict[str, Any] = {
        "operations_per_s": {name: round(rate) for name, rate in median.items()},
        "compiled_to_simpy": round(median["compiled"] / median["simpy"], 1),
        "compiled_to_reference": round(median["compiled"] / median["reference"], 1),
        "reference_to_simpy": round(median["reference"] / median["simpy"], 2),
    }
    if "max_plus" in median:
        found["max_plus_to_simpy"] = round(median["max_plus"] / median["simpy"], 1)
    return found


def report() -> dict[str, Any]:
    """Return operations per second of each contender, and the ratios between them."""
    return {contest.name: _contest(contest) for contest in contests()}


def cases() -> list[Case]:
    """Return one replication of each line, lowered before, as a user's replications run."""

    def case(contest: Contest) -> Case:
        program = program_of(contest)
        return Case(
            f"compiled engine, {contest.name}",
            lambda: float(compiled_operations(program, 0)),
            "operations",
            repeats=20,
        )

    return [case(contest) for contest in contests()]
