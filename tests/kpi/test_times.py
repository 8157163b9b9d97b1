"""Times in status: whatever a log leaves out, a server is in one status at each moment."""

from functools import cache
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.engine import SimulationOptions, simulate
from twin.events import EventLog, Kind
from twin.events.builder import EventLogBuilder, Row
from twin.kpi import summarise
from twin.line import Line, example_line

HORIZON_S = 1200.0
KEPT = {Kind.PART_CREATED, Kind.PART_MADE, Kind.PART_REPLACED, Kind.PART_CONSUMED}
"""What no log leaves out: parts that came, and what became of them."""


@cache
def whole(name: str) -> tuple[Line, EventLog]:
    """Return an example line and its first minutes."""
    line = example_line(name)
    return line, simulate(line, SimulationOptions(horizon_s=HORIZON_S, seed=7))


def shares(log: EventLog, line: Line) -> np.ndarray:
    """Return the share of each station's server time in each status."""
    times = summarise(log, line)["status_time_s"]
    servers = np.array([line.station(str(name)).servers for name in times.station.values])
    return np.asarray(times.transpose("station", "status").values) / servers[:, None] / HORIZON_S


@pytest.mark.parametrize("name", ["transport", "bottling", "machining", "assembly"])
@settings(max_examples=8)
@given(data=st.data())
def test_shares_hold_with_rows_missing_twice_or_late(name: str, data: st.DataObject) -> None:
    """Rows missing, doubled or out of place: no share is below zero, and they add up to 1."""
    line, log = whole(name)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    missing, doubled, swapped = (data.draw(st.sampled_from([0.0, 0.05, 0.5])) for _ in range(3))
    rows = [Row(*row) for row in zip(*(getattr(log, c).tolist() for c in Row._fields), strict=True)]
    kept = [row for row in rows if Kind(row.kind) in KEPT or rng.random() >= missing]
    twice = [
        row for row in kept for _ in range(1 + (row.kind not in KEPT and rng.random() < doubled))
    ]
    for at in np.flatnonzero(rng.random(len(twice) - 1) < swapped).tolist():
        if not {twice[at].kind, twice[at + 1].kind} & KEPT:
            twice[at], twice[at + 1] = twice[at + 1], twice[at]
    builder = EventLogBuilder(line)
    late_s = accumulate((row.time_s for row in twice), max)
    builder.rows = [row._replace(time_s=time_s) for row, time_s in zip(twice, late_s, strict=True)]
    found = shares(builder.log(HORIZON_S), line)
    assert found.min() >= 0.0
    assert np.abs(found.sum(axis=1) - 1.0).max() < 1e-9


def test_part_that_did_not_leave_makes_room_for_the_next() -> None:
    """A server that a second part comes to is not blocked by the first one any more."""
    line, _ = whole("transport")
    builder = EventLogBuilder(line)
    store, lathe = builder.index["store"], builder.index["lathe"]
    for number, came_s in enumerate((0.0, 200.0)):
        builder.add(came_s, Kind.PART_CREATED, store, number, 0)
        builder.add(came_s, Kind.STATION_ENTERED, lathe, number, 0, 0.0)
        builder.add(came_s, Kind.PROCESSING_STARTED, lathe, number, 0)
        builder.add(came_s + 100.0, Kind.PROCESSING_ENDED, lathe, number, 0)
    builder.add(260.0, Kind.PART_SCRAPPED, lathe, 0, 0)  # long gone: nobody saw it leave
    times = summarise(builder.log(1000.0), line)["status_time_s"].sel(station="lathe")
    found = {str(name): float(times.sel(status=name)) for name in times.status.values}
    assert {name: time_s for name, time_s in found.items() if time_s} == {
        "processing": 200.0,
        "blocked": 800.0,
    }
