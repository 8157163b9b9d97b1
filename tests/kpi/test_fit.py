"""A line against its model: what holds is not accused, what changed is found."""

from __future__ import annotations

import math

from twin import EventLog, Line, SimulationOptions, serial_line, simulate
from twin.kpi.fit import Fit, failures, paces
from twin.line import Exponential, Failure, Triangular


def line_of(times_s: tuple[float, float], between_s: float = 2000.0) -> Line:
    """Return two stations, the second of which fails now and then."""
    line = serial_line(
        [Triangular(low_s=0.8 * mean, mode_s=mean, high_s=1.2 * mean) for mean in times_s],
        buffers=[5],
    )
    mode = Failure(
        id="jam",
        time_to_failure_s=Exponential(mean_s=between_s),
        time_to_repair_s=Exponential(mean_s=60.0),
    )
    station = line.stations[1].model_copy(update={"failures": (mode,)})
    return line.model_copy(update={"stations": (line.stations[0], station)})


def run(line: Line, horizon_s: float = 40_000.0) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, seed=5))


def test_line_that_does_as_modelled_agrees() -> None:
    """No interval of a run of the model itself misses the model's own figure."""
    line = line_of((9.0, 10.0))
    log = run(line)
    assert [item.station for item in paces(log, line)] == list(line.flow_order)
    assert {item.fit for item in paces(log, line)} == {Fit.AGREES}
    (jam,) = failures(log, line)
    assert (jam.station, jam.mode, jam.fit) == ("s2", "jam", Fit.AGREES)
    assert jam.low < jam.expected < jam.high


def test_slower_station_is_told_with_its_pace() -> None:
    """A station whose operations take a quarter longer works at 0.8 of the plan, and alone."""
    found = paces(run(line_of((10.0, 12.5))), line_of((10.0, 10.0)))
    assert [item.fit for item in found] == [Fit.AGREES, Fit.BELOW]
    assert found[1].pace.low < 0.8 < found[1].pace.high
    assert found[1].pace.high - found[1].pace.low < 0.02


def test_failures_beyond_the_model_are_told() -> None:
    """A mode that comes ten times as often as modelled is above, with the number seen."""
    log = run(line_of((9.0, 10.0), between_s=200.0))
    (jam,) = failures(log, line_of((9.0, 10.0), between_s=2000.0))
    assert jam.fit is Fit.ABOVE
    assert jam.expected < jam.low < jam.seen < jam.high
    assert jam.seen == sum(1 for kind in log.frame()["kind"] if kind == "failed")


def test_nothing_observed_says_nothing() -> None:
    """A minute is too little for a pace; that no failure came in it says nothing of their rate."""
    line = line_of((9.0, 10.0))
    log = run(line, 60.0)
    assert all(item.fit is Fit.UNKNOWN and math.isnan(item.pace.mean) for item in paces(log, line))
    assert [item.fit for item in failures(log, line)] == [Fit.UNKNOWN]
