"""Readings of sensors: the newest of each, and a bounded stretch of the past for forecasts."""

from __future__ import annotations

from collections import defaultdict, deque
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
    """

    def __init__(
        self, line: Line, units: dict[tuple[str, str], str] | None = None, limit: int = 20_000
    ) -> None:
        self._units = {
            (station.id, name): signal.unit
            for station in line.stations
            for name, signal in station.signals.items()
        } | {key: unit for key, unit in (units or {}).items() if unit}
        self._past: dict[str, dict[str, deque[Reading]]] = defaultdict(dict)
        self._limit = limit

    def take(self, value: Value, time_s: float) -> bool:
        """Take a reading in; False if the value is none."""
        if not value.property.startswith(PREFIX) or not isinstance(value.value, int | float):
            return False
        name = value.property.removeprefix(PREFIX)
        past = self._past[value.element].setdefault(name, deque(maxlen=self._limit))
        if not past or time_s > past[-1].time_s:
            unit = self._units.get((value.element, name), "")
            past.append(Reading(time_s, float(value.value), unit, value.quality))
        return True

    def latest(self) -> dict[str, dict[str, Reading]]:
        """Return the newest reading of each sensor, by station and sensor."""
        return {
            station: {name: past[-1] for name, past in sensors.items() if past}
            for station, sensors in self._past.items()
        }

    def history(self, station: str, since_s: float) -> dict[str, list[Reading]]:
        """Return the kept readings of a station's sensors from ``since_s`` on, oldest first."""
        return {
            name: [reading for reading in past if reading.time_s >= since_s]
            for name, past in self._past.get(station, {}).items()
        }

    def forget_after(self, time_s: float) -> None:
        """Drop readings after a moment: the plant's clock was set back to it."""
        for sensors in self._past.values():
            for past in sensors.values():
                while past and past[-1].time_s > time_s:
                    past.pop()
