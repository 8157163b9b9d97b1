"""Readings of sensors: the newest of each, and a bounded stretch of the past for forecasts."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass

from twin.line import Line
from twin.sync.protocol import Quality, Value

PREFIX = "signals."


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sensor read."""

    time_s: float
    """Source time, s since the line's start."""
    value: float
    """Reading, in ``unit``."""
    unit: str
    """Unit, e.g. ``mm/s``."""
    quality: Quality
    """How far it can be trusted."""


class _Past:
    """The newest readings of one sensor, in columns: they are many, and looked at seldom."""

    __slots__ = ("doubts", "times", "unit", "values")

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.times = array("d")
        self.values = array("d")
        self.doubts = bytearray()
        """Whether each is uncertain."""

    def since(self, first: int) -> list[Reading]:
        """Return the readings from the ``first`` on."""
        columns = (self.times[first:], self.values[first:], self.doubts[first:])
        return [
            Reading(time_s, value, self.unit, Quality.UNCERTAIN if doubt else Quality.GOOD)
            for time_s, value, doubt in zip(*columns, strict=True)
        ]

    def cut(self, begin: int, end: int) -> None:
        """Keep the readings from ``begin`` to before ``end``."""
        for column in (self.times, self.values, self.doubts):
            del column[end:]
            del column[:begin]


class Signals:
    """Readings by station and sensor.

    Parameters
    ----------
    line : Line
        Line whose stations are sensed.
    units : dict of (str, str) to str
        Unit by station and sensor, from the mapping; where it has none, the line's file says.
    limit : int
        Readings of one sensor that are kept.
    together : int
        Readings of all sensors that are kept; each has the same share.
    """

    def __init__(
        self,
        line: Line,
        units: dict[tuple[str, str], str] | None = None,
        limit: int = 20_000,
        together: int = 4_000_000,
    ) -> None:
        self._units = {
            (station.id, name): signal.unit
            for station in line.stations
            for name, signal in station.signals.items()
        } | {key: unit for key, unit in (units or {}).items() if unit}
        self._past: dict[str, dict[str, _Past]] = defaultdict(dict)
        self._nodes: dict[tuple[str, str], _Past] = {}
        self._limit = self._most = limit
        self._together = together

    def take(self, value: Value, time_s: float) -> bool:
        """Take a reading in; False if the value is none."""
        shown = value.value
        if not value.property.startswith(PREFIX) or not isinstance(shown, int | float):
            return False
        past = self._nodes.get((value.element, value.property)) or self._begin(value)
        times = past.times
        if not times or time_s > times[-1]:
            times.append(time_s)
            past.values.append(shown)
            past.doubts.append(value.quality is not Quality.GOOD)
            if len(times) > self._most + self._most // 4:  # seldom, as all of them move
                past.cut(len(times) - self._most, len(times))
        return True

    def _begin(self, value: Value) -> _Past:
        name = value.property.removeprefix(PREFIX)
        past = _Past(self._units.get((value.element, name), ""))
        self._past[value.element][name] = self._nodes[value.element, value.property] = past
        self._most = max(1, min(self._limit, self._together // len(self._nodes)))
        return past

    def latest(self) -> dict[str, dict[str, Reading]]:
        """Return the newest reading of each sensor, by station and sensor."""
        return {
            station: {
                name: past.since(len(past.times) - 1)[0]
                for name, past in sensors.items()
                if past.times
            }
            for station, sensors in self._past.items()
        }

    def history(self, station: str, since_s: float) -> dict[str, list[Reading]]:
        """Return the kept readings of a station's sensors from ``since_s`` on, oldest first."""
        return {
            name: past.since(bisect_left(past.times, since_s))
            for name, past in self._past.get(station, {}).items()
        }

    def forget_after(self, time_s: float) -> None:
        """Drop readings after a moment: the plant's clock was set back to it."""
        for past in self._nodes.values():
            past.cut(0, bisect_right(past.times, time_s))
