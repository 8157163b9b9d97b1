"""Speed of the compiled engine, as ratios to idiomatic SimPy and to the reference engine.

All three do the same work in one process, turn by turn, so that a busy machine slows them alike.
An operation is one service finished at one station; initial compilation is not counted.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from tests.benchmarks import simpy_line
from tests.benchmarks.case import Case
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import Program
from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.line import Exponential, Failure, Line, example_line, serial_line

STATIONS, PLACES = 10, 5
HORIZON_S = 3_000.0
SHIFT_S = 8 * 3600.0
TO_FAILURE_S, TO_REPAIR_S = 100.0, 10.0
TURNS = 3
"""Turns of each contender; the median counts."""
LIBRARIES = ("linetwin", "llvmlite", "numba", "numpy", "simpy")


@dataclass(frozen=True)
class Contest:
    """One line, for our engines and for SimPy."""

    name: str
    line: Line
    horizon_s: float
    work: simpy_line.Work
    remark: str = ""


def contests() -> list[Contest]:
    """Return the lines that are compared."""
    return [
        _exponential("exponential line of 10", "none"),
        _exponential("line of 10, operating-time failures", "operating"),
        _exponential("line of 10, calendar failures", "calendar"),
        _bottling(),
    ]


def _exponential(name: str, clock: simpy_line.Clock) -> Contest:
    line = serial_line([Exponential(mean_s=1.0)] * STATIONS, [PLACES] * (STATIONS - 1))
    if clock != "none":
        failure = Failure(
            id="stop",
            clock=clock,
            time_to_failure_s=Exponential(mean_s=TO_FAILURE_S),
            time_to_repair_s=Exponential(mean_s=TO_REPAIR_S),
        )
        stations = [s.model_copy(update={"failures": (failure,)}) for s in line.stations]
        fields = {field: getattr(line, field) for field in Line.model_fields}
        line = Line(**(fields | {"stations": stations}))
    work = simpy_line.Work(
        times=(lambda generator: float(generator.exponential(1.0)),) * STATIONS,
        capacities=(PLACES,) * (STATIONS - 1),
        horizon_s=HORIZON_S,
        clock=clock,
        to_failure_s=(TO_FAILURE_S,) * STATIONS,
        to_repair_s=(TO_REPAIR_S,) * STATIONS,
    )
    return Contest(name, line, HORIZON_S, work)


def _bottling() -> Contest:
    line = example_line("bottling")
    stations = [line.station(name) for name in line.flow_order]
    means = [step.processing_time_s.expected_s() for step in line.products[0].routing]
    rooms = {buffer.id: buffer.capacity for buffer in line.buffers}

    def normal(mean_s: float) -> Callable[[np.random.Generator], float]:
        return lambda generator: float(generator.normal(mean_s, 0.03 * mean_s))

    work = simpy_line.Work(
        times=tuple(normal(mean_s) for mean_s in means),
        capacities=tuple(rooms[s.input_buffer] or 0 for s in stations if s.input_buffer),
        horizon_s=SHIFT_S,
        clock="operating",
        to_failure_s=tuple(s.failures[0].time_to_failure_s.expected_s() for s in stations),
        to_repair_s=tuple(s.failures[0].time_to_repair_s.expected_s() for s in stations),
    )
    remark = "SimPy does less: one product, one failure mode, no change-overs, crews, shifts, scrap"
    return Contest("bottling, 8 h", line, SHIFT_S, work, remark)


def _program(contest: Contest) -> Program:
    return Program(contest.line, SimulationOptions(horizon_s=contest.horizon_s, seed=1), None)


def _compiled(program: Program, replication: int) -> int:
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
    program = _program(contest)
    contenders: dict[str, tuple[Callable[[int], int], int]] = {
        "compiled": (lambda turn: _compiled(program, turn), 20),
        "reference": (lambda turn: _reference(contest, turn), 1),
        "simpy": (lambda turn: simpy_line.operations(contest.work, turn), 1),
    }
    for run, _ in contenders.values():
        run(0)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(TURNS):
        for name, (run, repeats) in contenders.items():
            rates[name].append(_rate_per_s(run, turn, repeats))
    median = {name: statistics.median(found) for name, found in rates.items()}
    found = {
        "operations_per_s": {name: round(rate) for name, rate in median.items()},
        "compiled_to_simpy": round(median["compiled"] / median["simpy"], 1),
        "compiled_to_reference": round(median["compiled"] / median["reference"], 1),
        "reference_to_simpy": round(median["reference"] / median["simpy"], 2),
    }
    return found | ({"remark": contest.remark} if contest.remark else {})


def report() -> dict[str, Any]:
    """Return the ratios with versions and machine; ``make bench`` prints them as JSON."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {_processor()}",
        "libraries": {name: version(name) for name in LIBRARIES},
        "ratios": {contest.name: _contest(contest) for contest in contests()},
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a device
            names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "processor unknown"


def cases() -> list[Case]:
    """Return one replication of each line, lowered before, as a user's replications run."""

    def case(contest: Contest) -> Case:
        program = _program(contest)
        return Case(
            f"compiled engine, {contest.name}",
            lambda: float(_compiled(program, 0)),
            "operations",
            repeats=20,
        )

    return [case(contest) for contest in contests()]
