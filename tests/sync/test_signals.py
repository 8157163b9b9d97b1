"""Readings of sensors: as many as fit, in order, with what they are worth."""

from datetime import timedelta

from twin.line import Line, example_line
from twin.sync.protocol import Quality, Value
from twin.sync.signals import Signals


def reading(line: Line, name: str, time_s: float, shown: float) -> Value:
    """Return a reading of the first station, uncertain at odd values."""
    moment = line.start_utc + timedelta(seconds=time_s)
    quality = Quality.UNCERTAIN if shown % 2 else Quality.GOOD
    prop = f"signals.{name}"
    return Value("plant", name, line.stations[0].id, prop, moment, None, moment, shown, quality)


def fed(line: Line, signals: Signals, name: str, count: int) -> None:
    """Give a sensor's readings, one a second."""
    for k in range(count):
        assert signals.take(reading(line, name, k, k), float(k))


def test_readings_come_back_with_unit_and_quality() -> None:
    """What was taken is told again: the newest, and what was since a moment."""
    line = example_line("bottling")
    station = line.stations[0].id
    signals = Signals(line, {(station, "x"): "mm/s"})
    fed(line, signals, "x", 10)
    newest = signals.latest()[station]["x"]
    assert (newest.time_s, newest.value, newest.unit) == (9.0, 9.0, "mm/s")
    assert newest.quality is Quality.UNCERTAIN
    told = signals.history(station, 7.0)["x"]
    assert [item.time_s for item in told] == [7.0, 8.0, 9.0]
    assert not signals.take(reading(line, "x", 3, 3)._replace(value="text"), 11.0)


def test_sensors_share_what_memory_there_is() -> None:
    """Each keeps its newest readings: fewer where there are many sensors."""
    line = example_line("bottling")
    station = line.stations[0].id
    signals = Signals(line, limit=100, together=200)
    names = [f"x{k}" for k in range(10)]
    for name in names:
        fed(line, signals, name, 500)
    kept = signals.history(station, 0.0)
    assert all(20 <= len(kept[name]) <= 125 and kept[name][-1].time_s == 499 for name in names)
    assert len(kept["x9"]) <= 25


def test_readings_after_a_moment_are_forgotten() -> None:
    """A clock that was set back takes the readings with it, and new ones go on from there."""
    line = example_line("bottling")
    signals = Signals(line)
    fed(line, signals, "x", 10)
    signals.forget_after(5.0)
    signals.take(reading(line, "x", 5.5, 77), 5.5)
    told = signals.history(line.stations[0].id, 0.0)["x"]
    assert [item.value for item in told] == [0, 1, 2, 3, 4, 5, 77]
