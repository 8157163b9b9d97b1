"""How the compiled engine grows: stations, parts, replications, memory, and the first answer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from tests.benchmarks.case import Case
from tests.benchmarks.contests import exponential, plain
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import Program
from twin.engine.options import SimulationOptions
from twin.engine.simulate import replicate
from twin.line import Exponential, Line, serial_line

SIZES = (10, 100, 1000)
PARTS = (10_000, 100_000, 1_000_000, 10_000_000)
OPERATIONS = 300_000
"""Operations of each run in the comparison of sizes."""
REPLICATIONS, UNITS_S = 1000, 11_000.0
WORKERS = 2
FIRST_ANSWER = """
import time
begun_s = time.perf_counter()
from twin.engine.compiled.engine import warm_up
warm_up()
print(time.perf_counter() - begun_s, time.process_time())
"""
LONGEST_S = 600.0


def _operations(program: Program) -> tuple[int, float]:
    """Return the operations of one replication, and per second of processor time."""
    started_s = time.process_time()
    memory = program.run(0, program.end_s, with_log=False)
    spent_s = time.process_time() - started_s
    done = int(memory.ints(t.STATION_FINISHED, len(program.lowering.stations)).sum())
    return done, done / spent_s


def _program(line: Line, horizon_s: float) -> Program:
    return Program(line, SimulationOptions(horizon_s=horizon_s, seed=1), None)


def stations() -> dict[str, Any]:
    """Return operations per second by number of stations, and what is left of the rate of 10."""
    programs = {size: _program(plain(size), max(3000.0, size * 4.0)) for size in SIZES}
    rates: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(5):
        for size, program in programs.items():
            done, rate = 0, []
            while done < OPERATIONS:
                more, per_s = _operations(program)
                done += more
                rate.append(per_s)
            rates[size].append(max(rate))
    best = {size: max(found) for size, found in rates.items()}
    return {
        str(size): {"operations_per_s": round(rate), "of_10_stations": round(rate / best[10], 2)}
        for size, rate in best.items()
    }


def parts() -> dict[str, Any]:
    """Return time and memory of one replication by the number of parts it makes."""
    line, found = serial_line([Exponential(mean_s=1.0)] * 3, [5, 5]), {}
    for count in PARTS:
        program = _program(line, count * 1.35)
        started_s = time.process_time()
        memory = program.run(0, program.end_s, with_log=False)
        found[f"{count:.0e}"] = {
            "finished": int(memory.m[t.N_FLOWS]),
            "processor_s": round(time.process_time() - started_s, 3),
            "memory_kb": round(memory.m.nbytes / 1024),
        }
    return found


def replications() -> dict[str, Any]:
    """Return how long 1,000 replications of the line of 10 with failures take on two threads."""
    contest = exponential("", "operating")
    found: dict[str, Any] = {}
    for engine in ("auto", "compiled"):
        options = SimulationOptions(horizon_s=UNITS_S, warm_up_s=1000.0, seed=1, engine=engine)
        replicate(contest.line, options, 2, workers=WORKERS)
        started_s, spent_s = time.perf_counter(), time.process_time()
        result = replicate(contest.line, options, REPLICATIONS, workers=WORKERS)
        found[result.attrs["engine"]] = {
            "elapsed_s": round(time.perf_counter() - started_s, 2),
            "processor_s": round(time.process_time() - spent_s, 2),
        }
    return found


def first_answer() -> dict[str, Any]:
    """Return how long a new process takes to its first answer, with and without a cache."""
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"NUMBA_CACHE_DIR": cache}
        for name in ("cold", "warm"):
            done = subprocess.run(
                [sys.executable, "-c", FIRST_ANSWER],
                env=environment,
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
                check=True,
            )
            elapsed_s, processor_s = map(float, done.stdout.split())
            found[name] = {"elapsed_s": round(elapsed_s, 2), "processor_s": round(processor_s, 2)}
    return found


def report() -> dict[str, Any]:
    """Return all of it."""
    return {
        "stations": stations(),
        "parts": parts(),
        "replications": replications(),
        "first_answer": first_answer(),
    }


def cases() -> list[Case]:
    """Return one replication of a long line."""
    program = _program(plain(100), 3000.0)
    return [
        Case("compiled engine, line of 100", lambda: float(_operations(program)[0]), "operations")
    ]
