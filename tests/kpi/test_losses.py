"""Where a station's time went, by hand and as a sum that has to come out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from twin import EventLog, Line, SimulationOptions, example_line, serial_line, simulate, summarise
from twin.engine import Fault
from twin.events import EventLogBuilder, Kind, fold
from twin.kpi import Loss, loss_tree
from twin.line import Constant, line_from_document


def run(line: Line, horizon_s: float, warm_up_s: float = 0.0, seed: int = 0) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, warm_up_s=warm_up_s, seed=seed))


def time_of(found: pd.DataFrame, station: str, loss: Loss, cause: str = "") -> float:
    """Return the time in one row."""
    rows = found[
        (found["station"] == station) & (found["loss"] == loss) & (found["cause"] == cause)
    ]
    return float(rows["time_s"].item())


def two_stations() -> Line:
    """Return stations of 4 s and 10 s with one place between them."""
    return serial_line([Constant(value_s=4.0), Constant(value_s=10.0)], buffers=[1])


def test_two_stations_by_hand() -> None:
    """Three operations of 10 s ended in 40 s of work; the fourth is under way at the end."""
    line = two_stations()
    found = loss_tree(run(line, 44.0, warm_up_s=4.0), line)
    assert time_of(found, "s2", Loss.GOOD) == 30.0
    assert time_of(found, "s2", Loss.SLOW) == 10.0
    assert time_of(found, "s1", Loss.BLOCKED) == 20.0
    # 20 s of work, but six operations ended: the first at 4, when the observed time began.
    assert time_of(found, "s1", Loss.GOOD) == 24.0
    assert time_of(found, "s1", Loss.SLOW) == -4.0
    row = found[(found["station"] == "s1") & (found["loss"] == "blocked")]
    assert float(row["operations"].item()) == 5.0
    assert float(row["share"].item()) == 0.5


def two_modes() -> Line:
    """Return one station of two servers with two failure modes."""
    mode = {"time_to_failure_s": 1e6, "time_to_repair_s": 60}
    return line_from_document(
        {
            "id": "modes",
            "sources": [{"id": "in"}],
            "stations": [
                {
                    "id": "a",
                    "servers": 2,
                    "failures": [{"id": "belt", **mode}, {"id": "arm", **mode}],
                }
            ],
            "products": [
                {"id": "p", "routing": [{"id": "o", "stations": ["a"], "processing_time_s": 5}]}
            ],
        }
    )


def stops(line: Line, rows: list[tuple[float, Kind, int]], end_s: float) -> EventLog:
    """Return a log in which station a fails and is repaired."""
    builder = EventLogBuilder(line)
    for time_s, kind, mode in rows:
        builder.add(time_s, kind, builder.index["a"], detail=mode)
    return builder.log(end_s)


def test_failed_time_goes_to_the_mode_that_failed_first() -> None:
    """Overlapping failures share nothing: the first has it until its repair, then the next."""
    line = two_modes()
    arm, belt, outage = 0, 1, -1
    log = stops(
        line,
        [
            (10.0, Kind.FAILED, belt),
            (15.0, Kind.FAILED, arm),
            (20.0, Kind.REPAIRED, belt),
            (30.0, Kind.REPAIRED, arm),
            (40.0, Kind.FAILED, outage),
            (42.0, Kind.FAILED, outage),
            (44.0, Kind.REPAIRED, outage),
            (45.0, Kind.REPAIRED, outage),
            (50.0, Kind.FAILED, arm),
            (51.0, Kind.REPAIRED, arm),
            (51.0, Kind.FAILED, belt),
        ],
        60.0,
    )
    found = loss_tree(log, line)
    # Two servers stand still.
    assert time_of(found, "a", Loss.FAILED, "belt") == 2 * (10.0 + 9.0)
    assert time_of(found, "a", Loss.FAILED, "arm") == 2 * (10.0 + 1.0)
    assert time_of(found, "a", Loss.FAILED, "outage") == 2 * 5.0
    assert time_of(found, "a", Loss.STARVED) == 2 * 60.0 - 38.0 - 22.0 - 10.0
    assert np.isnan(found["operations"]).all()


def test_scrap_and_rework_are_lost_at_the_station_that_found_them() -> None:
    """Bad operations cost their own planned time, not that of where the part goes back to."""
    document = {
        "id": "quality",
        "sources": [{"id": "in", "arrivals": "interarrival", "interarrival_s": 12}],
        "stations": [{"id": "a", "input_buffer": "room"}, {"id": "b"}],
        "buffers": [{"id": "room", "capacity": 100}],
        "products": [
            {
                "id": "p",
                "routing": [
                    {"id": "o", "stations": ["a"], "processing_time_s": 3},
                    {
                        "id": "q",
                        "stations": ["b"],
                        "processing_time_s": 5,
                        "scrap_probability": 0.1,
                        "rework": {"probability": 0.3, "to": "o", "limit": 2},
                    },
                ],
            }
        ],
    }
    line = line_from_document(document)
    log = run(line, 5_000.0, seed=1)
    summary, found = summarise(log, line), loss_tree(log, line)
    ended = float(summary["processed"].sel(station="b"))
    bad = ended * (1 - float(summary["quality_ratio"].sel(station="b")))
    assert bad > 100
    assert time_of(found, "b", Loss.QUALITY) == pytest.approx(5.0 * bad)
    assert time_of(found, "b", Loss.GOOD) == pytest.approx(5.0 * (ended - bad))
    assert time_of(found, "a", Loss.QUALITY) == 0.0


@pytest.mark.parametrize("name", ["bottling", "electronics", "two_station"])
def test_losses_add_up_to_the_time_of_the_servers(name: str) -> None:
    """Over an example line with a supposed breakdown, whole and from a state onwards."""
    line = example_line(name)
    fault = Fault(station=line.flow_order[0], after_s=9_000.0, duration_s=1_500.0)
    options = SimulationOptions(horizon_s=60_000.0, warm_up_s=3_000.0, seed=6, faults=(fault,))
    log = simulate(line, options)
    rest = simulate(line, SimulationOptions(horizon_s=20_000.0, seed=7), fold(log, line))
    for each in (log, rest):
        found, summary = loss_tree(each, line), summarise(each, line)
        observed_s = float(summary["observed_s"])
        sums = found.groupby("station")["time_s"].sum()
        by_loss = found.groupby(["station", "loss"])["time_s"].sum()
        for station in line.flow_order:
            whole_s = line.station(station).servers * observed_s
            assert sums[station] == pytest.approx(whole_s, rel=1e-12)
            spent = summary["status_time_s"].sel(station=station)
            for loss in (Loss.SETUP, Loss.FAILED, Loss.STARVED, Loss.BLOCKED, Loss.OFF):
                expected = float(spent.sel(status=loss.value))
                assert by_loss[station, loss.value] == pytest.approx(expected, abs=1e-6)
            good_s = by_loss[station, "good"] + by_loss[station, "quality"]
            processing_s = float(spent.sel(status="processing"))
            assert good_s + by_loss[station, "slow"] == pytest.approx(processing_s, abs=1e-6)
        np.testing.assert_allclose(found.groupby("station")["share"].sum(), 1.0)
    assert time_of(loss_tree(log, line), line.flow_order[0], Loss.FAILED, "outage") > 0


def test_log_of_nothing_has_no_shares() -> None:
    """Nothing observed: times of zero, shares and operations unknown."""
    line = two_stations()
    found = loss_tree(EventLogBuilder(line).log(0.0), line)
    assert (found["time_s"] == 0).all()
    assert found["share"].isna().all()
