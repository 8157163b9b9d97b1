"""The state that a run begins with."""

from __future__ import annotations

import numpy as np
import pytest

from twin import LineState, SimulationOptions, example_line, simulate
from twin.events import Kind
from twin.events.beginning import UNKNOWN_STOP_S, beginning, empty_state
from twin.events.state import Outage, StreamState
from twin.line import Exponential, serial_line


def stopped(line_id: str, station: str) -> LineState:
    """Return an empty line of which one station has been down for ten minutes, nobody knows why."""
    state = empty_state(example_line(line_id), 7200.0)
    down = state.stations[station].model_copy(
        update={"outages": (Outage(since_s=6600.0),)},
    )
    return state.model_copy(update={"stations": {**state.stations, station: down}})


def test_stop_of_unknown_cause_is_expected_to_end() -> None:
    """A run from a live state does not keep a station down for ever that the plant reports down."""
    line = example_line("bottling")
    log = simulate(
        line,
        SimulationOptions(horizon_s=4 * 3600, engine="reference"),
        stopped("bottling", "filler"),
    )
    filler = log.names.elements.index("filler")
    began = log.time_s[(log.kind == Kind.PROCESSING_STARTED) & (log.element == filler)]
    valve, bearing = 3 * 3600.0, 60 * 3600.0 * 0.8856  # lives: mean of the Weibull of shape 2.2
    expected = (360 / valve + 4500 / bearing) / (1 / valve + 1 / bearing)
    assert began.min() == pytest.approx(7200.0 + expected, rel=1e-3)


def test_stop_at_a_station_without_failure_modes_has_a_stated_length() -> None:
    """With nothing to go by, the stated length counts."""
    line = serial_line([Exponential(mean_s=1.0)])
    state = empty_state(line)
    down = state.stations["s1"].model_copy(update={"outages": (Outage(since_s=-5.0),)})
    begun = beginning(
        line, state.model_copy(update={"stations": {"s1": down}}), StreamState(seed=1)
    )
    assert begun.stations["s1"].outages[0].until_s == UNKNOWN_STOP_S


def test_a_real_line_keeps_what_it_does_not_know() -> None:
    """Only a run needs an end; the state of a real line states none."""
    line = example_line("bottling")
    begun = beginning(line, stopped("bottling", "filler"), None)
    assert begun.stations["filler"].outages == (Outage(since_s=6600.0),)


def test_both_engines_end_the_stop_alike() -> None:
    """The expected end is part of the state that both begin with."""
    line = example_line("bottling")
    logs = [
        simulate(
            line,
            SimulationOptions(horizon_s=3600, engine=engine),
            stopped("bottling", "filler"),
        )
        for engine in ("reference", "compiled")
    ]
    for name in ("time_s", "kind", "element", "part", "detail"):
        np.testing.assert_array_equal(getattr(logs[0], name), getattr(logs[1], name))
