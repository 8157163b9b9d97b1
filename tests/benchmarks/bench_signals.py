"""Speed of the sensors: a whole shift at once, and event by event as a plant reads them."""

from __future__ import annotations

from tests.benchmarks.case import Case
from twin.emulator.tracker import Tracker
from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events.log import Stream
from twin.line import example_line
from twin.signals import SignalModel, signal_table

SHIFT_S = 8 * 3600.0
STEP_S = 10.0


def cases() -> list[Case]:
    """Return the benchmarks of sensors and of the nodes a plant serves."""
    line = example_line("bottling")
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=SHIFT_S, seed=1))
    engine.advance(SHIFT_S)
    log, rows = engine.log(), engine.builder.rows

    def table() -> float:
        return float(signal_table(log, line, STEP_S).wear.size)

    def model() -> float:
        sensors, taken, samples = SignalModel(line, Stream(1)), 0, 0
        for second in range(3600):
            while taken < len(rows) and rows[taken].time_s < second:
                sensors.apply(rows[taken])
                taken += 1
            sensors.sample(float(second))
            samples += 1
        return float(samples)

    def nodes() -> float:
        tracker, changed = Tracker(line), 0
        for row in rows:
            tracker.apply(row)
            changed += len(tracker.changes())
        return float(changed)

    return [
        Case("signal table, bottling, 8 h, step 10 s", table, "samples"),
        Case("signal model, bottling, 1 h, step 1 s", model, "samplings"),
        Case("plant nodes, bottling, 8 h", nodes, "changes"),
    ]
