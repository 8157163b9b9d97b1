"""Reference and compiled engine give the same sample path: rows and states to the last bit.

`PARITY_LINES` says how many random lines `make proof` compares, 10,000 if it says nothing.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.parity.comparing import assert_same, first_difference, outcome, report
from tests.parity.runs import options_with_slowdowns, reported, rest_of
from tests.parity.short import LINES as EXAMPLES
from twin.engine.compiled import kernel
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import CompiledEngine, Program
from twin.engine.options import Fault, SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events.state import LineState
from twin.line import Constant, Line, load_line, serial_line
from twin.testing.strategies import lines, moments

pytestmark = pytest.mark.timeout(600)  # the first one may have to compile
LINES = int(os.environ.get("PARITY_LINES", "10000"))
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
LONG = settings(max_examples=LINES, suppress_health_check=SLOW)
CUTS = settings(max_examples=max(1, LINES // 5), suppress_health_check=SLOW)
LONGEST_S = 4 * 3600
"""Time for all lines of a proof, on a machine that has other work too."""
Run = tuple[Line, SimulationOptions]


@st.composite
def random_runs(draw: st.DrawFn) -> Run:
    """Return a line over any features with options for it."""
    line = draw(lines())
    return line, draw(options_with_slowdowns(line))


def whole(run: Run) -> None:
    """Compare a run from the empty line to its end."""
    assert_same(*run)


def state_of(engine: type[ReferenceEngine | CompiledEngine], run: Run, cut_s: float) -> LineState:
    """Return where a run stands at a moment."""
    line, options = run
    made = engine(line, options)
    made.advance(cut_s)
    return made.state()


def cut(run: Run, cut_s: float) -> None:
    """Compare what each engine makes of the other's state, and both with the uncut run."""
    line, options = run
    uncut = outcome(ReferenceEngine, line, options)
    if uncut.log is None:
        return
    state = state_of(ReferenceEngine, run, cut_s)
    assert state_of(CompiledEngine, run, cut_s) == state
    rest = rest_of(options, cut_s)
    one, other = assert_same(line, rest, state)
    same_faults = all(f.kind == "breakdown" for f in options.faults) and {
        cut_s + fault.after_s for fault in rest.faults
    } <= {fault.after_s for fault in options.faults}
    # What has begun by then is not in the state.
    begun = [one for one in (*options.absences, *options.shortages) if one.after_s < cut_s]
    if cut_s + rest.horizon_s == options.horizon_s and same_faults and not begun:
        assert other.state == uncut.state
        done = len(uncut.log.until(cut_s))
        assert one.log is not None
        assert len(one.log) == len(uncut.log) - done


def other_future(data: st.DataObject, run: Run, cut_s: float) -> None:
    """Compare futures on other random numbers, from states with gaps and known times left."""
    line, options = run
    if outcome(ReferenceEngine, line, options).log is None:
        return
    state = state_of(CompiledEngine, run, cut_s)
    if data.draw(st.booleans()):
        state = data.draw(reported(state))
    changes = {"seed": options.seed + data.draw(st.integers(0, 1)), "horizon_s": 200.0}
    other = rest_of(options, cut_s).model_copy(update=changes)
    _, after = assert_same(line, other, state)
    if after.state is not None:
        onward = other.model_copy(update={"faults": (), "horizon_s": 100.0})
        assert_same(line, onward, after.state)


@given(run=random_runs())
def test_rows_states_and_figures_are_equal(run: Run) -> None:
    """On any line each engine writes the same rows, ends in the same state, gives equal figures."""
    whole(run)


@given(run=random_runs(), cut_s=moments())
def test_each_engine_continues_the_state_of_the_other(run: Run, cut_s: float) -> None:
    """A run cut on one engine goes on, on the other, as if it had not been cut."""
    cut(run, cut_s)


@given(data=st.data(), run=random_runs(), cut_s=moments())
def test_another_future_is_the_same_on_both(data: st.DataObject, run: Run, cut_s: float) -> None:
    """From a state of another stream or of a real line, what is left is drawn alike."""
    other_future(data, run, cut_s)


@given(run=random_runs(), at=st.lists(moments(), min_size=1, max_size=8))
def test_a_round_in_which_nothing_happens_changes_nothing(run: Run, at: list[float]) -> None:
    """What can begin begins at its own moment, and does not wait for whatever happens next."""
    line, options = run
    quiet = [
        Fault(station=line.stations[0].id, kind="slowdown", after_s=after_s, duration_s=1e6)
        for after_s in at
    ]
    given = outcome(ReferenceEngine, line, options)
    more = options.model_copy(update={"faults": (*options.faults, *quiet)})
    other = outcome(ReferenceEngine, line, more)
    if given.log is not None and other.log is not None:
        assert first_difference(given.log, other.log) is None


@pytest.mark.proof
@pytest.mark.timeout(LONGEST_S)
@LONG
@given(run=random_runs())
def test_rows_states_and_figures_are_equal_at_length(run: Run) -> None:
    """As above, on thousands of lines."""
    whole(run)


@pytest.mark.proof
@pytest.mark.timeout(LONGEST_S)
@CUTS
@given(run=random_runs(), cut_s=moments())
def test_each_engine_continues_the_other_at_length(run: Run, cut_s: float) -> None:
    """As above, on thousands of lines."""
    cut(run, cut_s)


@pytest.mark.proof
@pytest.mark.timeout(LONGEST_S)
@CUTS
@given(data=st.data(), run=random_runs(), cut_s=moments())
def test_another_future_is_the_same_at_length(data: st.DataObject, run: Run, cut_s: float) -> None:
    """As above, on thousands of lines."""
    other_future(data, run, cut_s)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_lines_agree_over_two_hours(name: str) -> None:
    """The example lines agree over two hours, setups and rework included."""
    assert_same(load_line(name), SimulationOptions(horizon_s=7200.0, seed=3, warm_up_s=600.0))


def test_endless_zero_time_work_is_refused_alike() -> None:
    """Both engines stop at work that never ends and name the same place."""
    line = serial_line([Constant(value_s=0.0)], [])
    one, other = assert_same(line, SimulationOptions(horizon_s=1.0))
    assert one.refusal == other.refusal
    assert "zero-time" in str(other.refusal)


@given(run=random_runs())
def test_visiting_only_what_changed_equals_visiting_everything(run: Run) -> None:
    """A settle that visits only what has changed moves the same parts as one that visits all."""
    program = Program(*run, None)
    replication = run[1].replication
    memory = program.memory(replication, with_log=True)
    memory.m[t.FULL_SETTLE] = 1
    assume(kernel.run(memory.m, memory.x, program.end_s) == t.OK)
    full = program.log(memory, replication, program.end_s)
    log = program.log(
        program.run(replication, program.end_s, with_log=True), replication, program.end_s
    )
    at = first_difference(full, log)
    assert at is None, report(full, log, at)


def test_a_difference_is_reported_with_the_rows_before_it() -> None:
    """The report names the first row that differs and shows what led to it, from both engines."""
    line = serial_line([Constant(value_s=1.0)] * 2, [1])
    one = outcome(ReferenceEngine, line, SimulationOptions(horizon_s=40.0)).log
    other = outcome(CompiledEngine, line, SimulationOptions(horizon_s=30.0)).log
    assert one is not None
    assert other is not None
    at = first_difference(one, other)
    assert at == len(other)
    text = report(one, other, at)
    assert f"from row {at} on" in text
    assert text.count("processing_started") >= 2
