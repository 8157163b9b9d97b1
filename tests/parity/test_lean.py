"""The leaner kernels give what the whole one gives, on the lines that they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.parity.test_engines import LINES
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import FORMS, Program
from twin.engine.compiled.lean import form_of
from twin.engine.drafts import COMMON, LEAN, WHOLE
from twin.engine.options import SimulationOptions
from twin.line import Batch, Constant, Exponential, Line, serial_line
from twin.testing.strategies import lines, options_for

pytestmark = pytest.mark.timeout(600)  # the first one may have to compile
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
Run = tuple[Line, SimulationOptions]


def simpler(line: Line) -> Line:
    """Return a line without what only the whole kernel knows."""
    plain = {"maintenance": (), "needs": (), "batch": None, "wear": None, "claim": 0.0}
    stations = tuple(
        station.model_copy(
            update=plain
            | {
                "failures": tuple(
                    mode.model_copy(update={"effect": "stop", "slow_factor": 1.0})
                    for mode in station.failures
                    if mode.clock != "cycles"
                )
            }
        )
        for station in line.stations
    )
    at_once = Constant(value_s=0.0)
    step = {"needs": (), "load_time_s": at_once, "unload_time_s": at_once, "max_wait_s": None}
    step |= {"max_wait_to": None, "choice": "preference", "weights": {}}
    products = tuple(
        product.model_copy(
            update={"routing": tuple(x.model_copy(update=step) for x in product.routing)}
        )
        for product in line.products
    )
    buffers = tuple(b.model_copy(update={"transit_time_s": 0.0}) for b in line.buffers)
    fields = {name: getattr(line, name) for name in Line.model_fields}
    fields |= {"stations": stations, "products": products, "buffers": buffers}
    fields |= {"loops": (), "vehicles": ()}
    return Line(**fields)


@st.composite
def simple_runs(draw: st.DrawFn) -> Run:
    """Return a line for the lean kernel, and options for it."""
    line = simpler(draw(lines(grouped=False)))
    options = draw(options_for(line))
    faults = tuple(fault for fault in options.faults if fault.kind != "slowdown")
    return line, options.model_copy(update={"faults": faults, "plan": None})


@st.composite
def common_runs(draw: st.DrawFn) -> Run:
    """Return any line that our engines run, and options for it."""
    line = draw(lines())
    return line, draw(options_for(line))


def compare(run: Run, form: int) -> None:
    """Compare all that a replication knows at its end by the whole kernel and by another form."""
    program = Program(*run, None)
    ends = []
    for kernel in (FORMS[WHOLE], FORMS[form]):
        memory = program.memory(run[1].replication, with_log=False)
        assume(form_of(memory) >= form)
        status = kernel(memory.m, memory.x, program.end_s)
        assert status in (t.OK, t.PARTS_FULL, t.ENDLESS)
        ends.append(memory)
    assert np.array_equal(ends[0].m, ends[1].m)


@given(run=simple_runs())
def test_a_replication_ends_the_same_by_the_lean_kernel(run: Run) -> None:
    """Every number of a replication's memory is the same, counters and clocks included."""
    compare(run, LEAN)


@given(run=common_runs())
def test_a_replication_ends_the_same_by_the_common_kernel(run: Run) -> None:
    """So it is on lines with anything, without a log."""
    compare(run, COMMON)


@pytest.mark.proof
@settings(max_examples=max(1, LINES // 5), suppress_health_check=SLOW)
@given(run=simple_runs())
def test_a_replication_ends_the_same_at_length(run: Run) -> None:
    """As above, on thousands of lines."""
    compare(run, LEAN)


@pytest.mark.proof
@settings(max_examples=max(1, LINES // 5), suppress_health_check=SLOW)
@given(run=common_runs())
def test_a_replication_with_anything_ends_the_same_at_length(run: Run) -> None:
    """As above, on lines with anything."""
    compare(run, COMMON)


def test_who_needs_more_is_told_from_the_memory() -> None:
    """A log or very many stations ask for the whole kernel, a batch for the common one."""
    line = serial_line([Exponential(mean_s=1.0)] * 3, [2, 2])
    options = SimulationOptions(horizon_s=10.0)
    assert form_of(Program(line, options, None).memory(0, with_log=False)) == LEAN
    assert form_of(Program(line, options, None).memory(0, with_log=True)) == WHOLE
    station = line.stations[1].model_copy(update={"batch": Batch(min=2, max=2)})
    batched = line.model_copy(update={"stations": (line.stations[0], station, line.stations[2])})
    assert form_of(Program(batched, options, None).memory(0, with_log=False)) == COMMON
    long = serial_line([Exponential(mean_s=1.0)] * 80, [2] * 79)
    assert form_of(Program(long, options, None).memory(0, with_log=False)) == WHOLE


def test_what_is_more_than_the_common_layout_has_room_for_stands_elsewhere() -> None:
    """A line of few stations with very many operations runs on the whole kernel."""
    line = serial_line([Exponential(mean_s=1.0)] * 3, [2, 2])
    products = tuple(line.products[0].model_copy(update={"id": f"p{k}"}) for k in range(60))
    line = line.model_copy(
        update={
            "products": products,
            "sources": (
                line.sources[0].model_copy(update={"products": {p.id: 1.0 for p in products}}),
            ),
        }
    )
    program = Program(line, SimulationOptions(horizon_s=100.0, engine="compiled"), None)
    memory = program.memory(0, with_log=False)
    assert form_of(memory) == WHOLE
    assert program.figures(0)[0]["finished"][1] > 0
