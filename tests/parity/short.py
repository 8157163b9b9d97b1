"""A short comparison of both engines, for an interpreter in which Numba is told otherwise.

``python -m tests.parity.short [horizon in s]``; ends with a code above zero at a difference.
"""

from __future__ import annotations

import sys

import numpy as np

from tests.benchmarks.contests import assembly, vehicles
from tests.parity.comparing import assert_same
from twin.engine.compiled.engine import Program
from twin.engine.compiled.plainness import is_plain
from twin.engine.options import Fault, SimulationOptions
from twin.line import Exponential, Line, load_line, serial_line

LINES = ("two_station", "electronics", "bottling", "machining", "assembly", "grinding", "transport")
NEAR = 1e-9


def main(horizon_s: float) -> None:
    """Compare rows, states and figures on the example lines, and the shorter way on plain ones."""
    for name in LINES:
        line = load_line(name)
        fault = Fault(station=line.flow_order[-1], after_s=0.3 * horizon_s, duration_s=60.0)
        assert_same(line, SimulationOptions(horizon_s=horizon_s, seed=5, faults=(fault,)))
    _compare(serial_line([Exponential(mean_s=20.0)] * 3, [2, 0]), horizon_s)
    for contest in (assembly(), vehicles()):
        _compare(contest.line, horizon_s / 10)


def _compare(plain: Line, horizon_s: float) -> None:
    """Compare the figures of a plain line with those without events."""
    assert is_plain(plain, SimulationOptions(horizon_s=horizon_s))
    program = Program(plain, SimulationOptions(horizon_s=horizon_s, seed=5), None)
    expected, found = program.figures(0)[0], program.plain_figures(0)[0]
    for name, (_, values) in expected.items():
        np.testing.assert_allclose(found[name][1], values, rtol=NEAR, atol=NEAR, err_msg=name)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)
