"""Bottlenecks against figures worked out by hand, definitions, and lines where it is known."""

from __future__ import annotations

import time

import numpy as np
import pytest
import xarray as xr

from twin import EventLog, Line, SimulationOptions, example_line, serial_line, simulate
from twin.events import EventLogBuilder, Kind, Status, fold
from twin.kpi import bottlenecks
from twin.kpi.bottleneck import neighbours
from twin.kpi.rows import Table
from twin.kpi.times import status_counts
from twin.line import Constant, Exponential


def run(line: Line, horizon_s: float, warm_up_s: float = 0.0, seed: int = 0) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, warm_up_s=warm_up_s, seed=seed))


def values(found: xr.Dataset, name: str) -> list[float]:
    """Return a figure by station, in flow order."""
    return [float(value) for value in found[name].values]


def test_two_stations_by_hand() -> None:
    """Stations of 4 s and 10 s with one place between: the second takes over at 4.

    The first is active to 12, then 4 s of every 10; the second from 4 to the end at 44.
    """
    line = serial_line([Constant(value_s=4.0), Constant(value_s=10.0)], buffers=[1])
    found = bottlenecks(run(line, 44.0), line)
    assert values(found, "momentary_share") == pytest.approx([4 / 44, 40 / 44])
    assert values(found, "sole_share") == pytest.approx([4 / 44, 32 / 44])
    assert values(found, "shifting_share") == pytest.approx([8 / 44, 8 / 44])
    assert values(found, "active_share") == pytest.approx([24 / 44, 40 / 44])
    assert values(found, "active_period_mean_s") == [6.0, 40.0]
    assert values(found, "chain_share") == pytest.approx([4 / 44, 20 / 44])
    assert found["turning_point"].values.tolist() == [False, True]


def test_only_observed_time_counts_but_periods_keep_their_length() -> None:
    """From 10 on the second station is alone, in a period that began at 4."""
    line = serial_line([Constant(value_s=4.0), Constant(value_s=10.0)], buffers=[1])
    found = bottlenecks(run(line, 44.0, warm_up_s=10.0), line)
    assert values(found, "momentary_share") == pytest.approx([0.0, 1.0])
    assert values(found, "sole_share") == pytest.approx([0.0, 32 / 34])
    assert values(found, "active_period_mean_s") == [6.0, 40.0]


def log_of(line: Line, periods: dict[str, list[tuple[float, float]]], end_s: float) -> EventLog:
    """Return a log in which each station processes one part in each of its periods."""
    builder = EventLogBuilder(line)
    rows = []
    part = 0
    for name, stretches in periods.items():
        step = line.flow_order.index(name)
        for begin_s, stop_s in stretches:
            rows.append((begin_s, 1, Kind.PART_CREATED, "source", part, 0))
            rows.append((begin_s, 2, Kind.STATION_ENTERED, name, part, step))
            rows.append((begin_s, 3, Kind.PROCESSING_STARTED, name, part, step))
            rows.append((stop_s, 0, Kind.PROCESSING_ENDED, name, part, step))
            rows.append((stop_s, 0, Kind.PART_FINISHED, "out", part, -1))
            part += 1
    for time_s, _, kind, name, number, detail in sorted(rows, key=lambda row: row[:2]):
        builder.add(time_s, kind, builder.index[name], number, detail)
    return builder.log(end_s)


def test_bottleneck_shifts_along_a_chain_of_periods() -> None:
    """Three stations hand over, and a short period inside a longer one never counts."""
    line = serial_line([Constant(value_s=1.0)] * 3)
    periods = {"s1": [(0.0, 10.0)], "s2": [(1.0, 12.0), (20.0, 22.0)], "s3": [(9.0, 19.0)]}
    found = bottlenecks(log_of(line, periods, 30.0), line)
    assert values(found, "momentary_share") == pytest.approx([1 / 30, 13 / 30, 7 / 30])
    # s1 alone to 1, s2 nowhere but in its second period, s3 from 12 on.
    assert values(found, "sole_share") == pytest.approx([1 / 30, 2 / 30, 7 / 30])
    assert values(found, "shifting_share") == pytest.approx([9 / 30, 11 / 30, 3 / 30])
    assert values(found, "active_period_mean_s") == [10.0, 6.5, 10.0]


def test_equal_periods_go_upstream() -> None:
    """Two stations active over the same stretch: the first one has it."""
    line = serial_line([Constant(value_s=1.0)] * 2)
    found = bottlenecks(log_of(line, {"s2": [(5.0, 9.0)], "s1": [(5.0, 9.0)]}, 10.0), line)
    assert values(found, "momentary_share") == pytest.approx([0.4, 0.0])


def periods_by_definition(log: EventLog, line: Line) -> list[tuple[float, float, int]]:
    """Return the active periods of a log, station after station, step after step."""
    table = Table.of(log, line)
    exits = table.exits()
    found = []
    for rank, name in enumerate(line.flow_order):
        station = line.station(name)
        rows, counts = status_counts(table, station, log.names.elements.index(name), exits)
        times_s = [*np.append(table.time_s, log.end_s)[rows].tolist(), log.end_s]
        begun: float | None = None
        for i in range(len(rows)):
            if times_s[i + 1] == times_s[i]:
                continue
            busy = sum(
                counts[status][i] for status in (Status.PROCESSING, Status.SETUP, Status.FAILED)
            )
            if busy >= station.servers and begun is None:
                begun = times_s[i]
            elif busy < station.servers and begun is not None:
                found.append((begun, times_s[i], rank))
                begun = None
        if begun is not None:
            found.append((begun, log.end_s, rank))
    return found


@pytest.mark.parametrize("name", ["bottling", "electronics", "two_station"])
def test_momentary_bottleneck_is_the_longest_active_period(name: str) -> None:
    """At 20 000 moments of an example line; and no share is larger than what it is part of."""
    line = example_line(name)
    log = run(line, 30_000.0, warm_up_s=3_000.0, seed=2)
    periods = periods_by_definition(log, line)
    found = bottlenecks(log, line)
    count = np.zeros(len(line.flow_order))
    moments = np.linspace(3_000.0, 30_000.0, 20_000, endpoint=False)
    start, stop, rank = (np.array(column) for column in zip(*periods, strict=True))
    for moment in moments:
        covering = np.flatnonzero((start <= moment) & (moment < stop))
        if len(covering):
            length = stop[covering] - start[covering]
            longest = covering[length >= length.max() - 1e-9]
            count[int(rank[longest[np.lexsort((rank[longest], start[longest]))[0]]])] += 1
    np.testing.assert_allclose(found["momentary_share"], count / len(moments), atol=2e-3)
    assert (found["momentary_share"] <= found["active_share"] + 1e-12).all()
    both = found["sole_share"] + found["shifting_share"]
    assert (found["momentary_share"] <= both + 1e-12).all()
    assert (both <= found["active_share"] + 1e-12).all()


def test_slow_station_is_found_by_every_method() -> None:
    """Of five exponential stations the third takes half as long again."""
    times = [Exponential(mean_s=m) for m in (10.0, 10.0, 15.0, 10.0, 10.0)]
    line = serial_line(times, buffers=[3] * 4)
    found = bottlenecks(run(line, 200_000.0, 2_000.0, seed=4), line)
    assert found["turning_point"].values.tolist() == [False, False, True, False, False]
    for name in ("momentary_share", "sole_share", "active_period_mean_s", "active_share"):
        assert int(np.argmax(found[name].values)) == 2, name
    assert float(found["chain_share"][2]) > 0.2


def test_figures_go_on_from_a_state() -> None:
    """A log that begins inside active periods counts them from its beginning."""
    line = serial_line([Constant(value_s=4.0), Constant(value_s=10.0)], buffers=[1])
    rest = simulate(line, SimulationOptions(horizon_s=20.0), fold(run(line, 33.0), line))
    found = bottlenecks(rest, line)
    assert values(found, "momentary_share") == [0.0, 1.0]
    assert values(found, "active_share") == pytest.approx([8 / 20, 1.0])


def test_log_of_nothing_has_no_bottleneck() -> None:
    """Nobody is active: no shares, no periods, no turning point."""
    line = serial_line([Constant(value_s=4.0), Constant(value_s=10.0)])
    found = bottlenecks(EventLogBuilder(line).log(100.0), line)
    assert values(found, "momentary_share") == [0.0, 0.0]
    assert np.isnan(found["active_period_mean_s"]).all()
    assert not found["turning_point"].any()
    nothing = bottlenecks(EventLogBuilder(line).log(0.0), line)
    assert np.isnan(nothing["momentary_share"]).all()


def test_neighbours_are_read_from_the_routings() -> None:
    """In a serial line each station has the one before and the one after."""
    line = serial_line([Constant(value_s=1.0)] * 3)
    upstream, downstream = neighbours(line)
    assert np.array_equal(upstream, np.eye(3, k=-1, dtype=bool))
    assert np.array_equal(downstream, np.eye(3, k=1, dtype=bool))


def test_long_log_is_read_in_a_moment() -> None:
    """A day of bottling, some 190 000 events, costs under a second of CPU time."""
    line = example_line("bottling")
    log = run(line, 100_000.0, seed=3)
    bottlenecks(log, line)
    begun_s = time.process_time()
    bottlenecks(log, line)
    assert time.process_time() - begun_s < 1.0
