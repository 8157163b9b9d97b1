"""Both engines side by side: run, compare to the last bit, show the first difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin.engine.compiled.engine import CompiledEngine, Program
from twin.engine.options import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.errors import TwinError
from twin.events.log import COLUMNS, EventLog
from twin.events.state import LineState
from twin.kpi.measures import figures
from twin.line import Line

SHOWN = 20
"""Rows of each engine in a report, up to and with the first that differs."""
NEAR = 1e-9
"""Sums are added up in another order, so figures agree to this, absolute and relative."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one engine made of a run: events and last state, or the message it refused with."""

    log: EventLog | None
    state: LineState | None
    refusal: str | None = None


def outcome(
    engine: type[ReferenceEngine | CompiledEngine],
    line: Line,
    options: SimulationOptions,
    state: LineState | None = None,
) -> Outcome:
    """Run a line to its end on one engine."""
    try:
        run = engine(line, options, state)
        run.advance(run.end_s)
    except TwinError as error:
        return Outcome(None, None, str(error))
    return Outcome(run.log(), run.state())


def first_difference(one: EventLog, other: EventLog) -> int | None:
    """Return the first row in which two logs differ; None: they are equal."""
    size = min(len(one), len(other))
    differs = np.zeros(size, dtype=bool)
    for name in COLUMNS:
        a, b = getattr(one, name)[:size], getattr(other, name)[:size]
        differs |= ~((a == b) | ((a != a) & (b != b)))  # noqa: PLR0124 - NaN is equal to NaN here
    found = np.flatnonzero(differs)
    if len(found):
        return int(found[0])
    return None if len(one) == len(other) else size


def report(one: EventLog, other: EventLog, at: int) -> str:
    """Return the rows of both engines up to their first difference, for a person."""
    parts = [f"the engines differ from row {at} on ({len(one)} and {len(other)} rows)"]
    for title, log in (("reference", one), ("compiled", other)):
        rows = log.frame().iloc[max(0, at + 1 - SHOWN) : at + 1]
        parts += [f"{title}, the last {len(rows)} rows:", rows.to_string(float_format=_digits)]
    return "\n".join(parts)


def _digits(value: float) -> str:
    """Return a number with all its digits."""
    return repr(float(value))


def assert_same_figures(
    log: EventLog, line: Line, options: SimulationOptions, state: LineState | None
) -> None:
    """Compare the figures from the kernel's counters with those from the reference's log."""
    expected, _ = figures(log, line)
    found, _ = Program(line, options, state).figures(options.replication)
    assert found.keys() == expected.keys()
    for name, (dimensions, values) in expected.items():
        assert found[name][0] == dimensions
        np.testing.assert_allclose(found[name][1], values, rtol=NEAR, atol=NEAR, err_msg=name)


def assert_same(
    line: Line, options: SimulationOptions, state: LineState | None = None
) -> tuple[Outcome, Outcome]:
    """Run a line on both engines; rows and last state must be equal to the last bit."""
    one = outcome(ReferenceEngine, line, options, state)
    other = outcome(CompiledEngine, line, options, state)
    assert other.refusal == one.refusal
    if one.log is None or other.log is None:
        return one, other
    at = first_difference(one.log, other.log)
    assert at is None, report(one.log, other.log, at)
    assert other.log.initial == one.log.initial
    assert other.log.stream == one.log.stream
    assert (other.log.begin_s, other.log.end_s) == (one.log.begin_s, one.log.end_s)
    assert other.log.observe_from_s == one.log.observe_from_s
    assert other.state == one.state
    assert_same_figures(one.log, line, options, state)
    return one, other
