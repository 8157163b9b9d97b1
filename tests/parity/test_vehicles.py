"""Vehicles in rows where nobody waits for another's turn: there only who may act is looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parity.comparing import assert_same
from twin.engine.compiled import tables as t
from twin.engine.compiled.engine import Program
from twin.engine.options import SimulationOptions
from twin.line import (
    Batch,
    Constant,
    Exponential,
    Failure,
    Line,
    Move,
    Source,
    Vehicles,
    serial_line,
)

pytestmark = pytest.mark.timeout(600)  # the first one may have to compile
TIMES = st.sampled_from([Constant(value_s=1.0), Constant(value_s=0.5), Exponential(mean_s=1.0)])
HANDLING = st.sampled_from([Constant(value_s=0.0), Constant(value_s=0.5), Exponential(mean_s=0.5)])
STOP = Failure(
    id="stop",
    clock="calendar",
    time_to_failure_s=Exponential(mean_s=8.0),
    time_to_repair_s=Constant(value_s=2.0),
)


@st.composite
def rows(draw: st.DrawFn) -> Line:
    """Return rows of stations with one or two pools on any of their ways, the first among them."""
    size = draw(st.integers(1, 5))
    line = serial_line(
        [draw(TIMES) for _ in range(size)], [draw(st.integers(0, 3)) for _ in range(size - 1)]
    )
    changes = st.sampled_from(
        [
            {},
            {"servers": 2},
            {"failures": (STOP,)},
            {"failures": (STOP,), "while_down": "closed"},
            {"batch": Batch(min=1, max=2)},
        ]
    )
    stations = [
        station.model_copy(update=draw(changes) if station.input_buffer else {})
        for station in line.stations
    ]
    between = draw(st.none() | st.just(Exponential(mean_s=1.5)))
    source = Source(
        id=line.sources[0].id,
        arrivals="interarrival" if between else "unlimited",
        interarrival_s=between,
    )
    names = [source.id, *line.flow_order]
    goals = [station.input_buffer or station.id for station in line.stations] + [line.sinks[0].id]
    ways = draw(
        st.lists(st.sampled_from(list(zip(names, goals, strict=True))), min_size=1, unique=True)
    )
    middle = draw(st.integers(0, len(ways) - 1))
    pools = [
        Vehicles(
            id=f"pool{k}",
            count=draw(st.integers(1, 3)),
            moves=[Move(out_of=[origin], into=[goal]) for origin, goal in served],
            default_distance_m=draw(st.sampled_from([0.0, 0.5, 2.0])),
            load_time_s=draw(HANDLING),
            unload_time_s=draw(HANDLING),
            home=draw(st.sampled_from(served[0])),
            when_idle=draw(st.sampled_from(["stay", "home"])),
        )
        for k, served in enumerate([ways[:middle], ways[middle:]])
        if served
    ]
    fields = {name: getattr(line, name) for name in Line.model_fields}
    return Line(**fields | {"sources": [source], "stations": stations, "vehicles": pools})


@given(line=rows(), seed=st.integers(0, 1000))
def test_vehicles_in_rows_are_the_same_on_both(line: Line, seed: int) -> None:
    """Rows, states and figures are equal, and again from where a run ended."""
    options = SimulationOptions(horizon_s=60.0, seed=seed)
    assert not Program(line, options, None).memory(0, with_log=False).m[t.CONTENDED]
    one, _ = assert_same(line, options)
    if one.state is not None:
        assert_same(line, options.model_copy(update={"horizon_s": 20.0}), one.state)
