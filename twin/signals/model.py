"""The sensors of a line, event by event."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from twin.errors import Finding, StateError
from twin.events.builder import Row
from twin.events.fold import empty_state
from twin.events.kinds import Kind
from twin.events.log import Names, Stream
from twin.events.state import LineState
from twin.line import Line, Signal, Station
from twin.signals.wear import (
    ModeStart,
    counts_at_start,
    modes_at_start,
    noise,
    noise_key,
    ticks_of,
)


@dataclass(slots=True)
class _Age:
    """One failure mode as time goes on."""

    mode: ModeStart
    up: bool
    number: int
    age_s: float
    life_s: float

    def wear(self) -> float:
        if not self.up or self.life_s <= 0:
            return 1.0
        return min(1.0, max(0.0, self.age_s / self.life_s))


@dataclass(slots=True)
class _Sensors:
    """One station as time goes on."""

    station: Station
    time_s: float
    processing: int
    down: int
    off: int
    ages: list[_Age]
    keys: dict[str, np.uint64]
    values: dict[str, float] = field(default_factory=dict)
    load: float = 0.0
    severity: float = 0.0

    def mean(self, signal: Signal) -> float:
        loaded = signal.running + (signal.worn - signal.running) * self.severity
        return signal.idle + (loaded - signal.idle) * self.load

    def wear(self) -> float:
        return max((age.wear() for age in self.ages), default=0.0)

    def advance(self, time_s: float) -> None:
        """Let time go on with everything as it is."""
        lasted_s = time_s - self.time_s
        if lasted_s <= 0.0:
            return
        for age in self.ages:
            if age.up and (self.load > 0 or age.mode.clock == "calendar"):
                age.age_s += lasted_s
        for name, signal in self.station.signals.items():
            if signal.time_constant_s > 0:
                mean = self.mean(signal)
                kept = math.exp(-lasted_s / signal.time_constant_s)
                self.values[name] = mean + (self.values[name] - mean) * kept
        self.time_s = time_s

    def refresh(self) -> None:
        """Read load and severity anew."""
        paused = self.off > 0 and self.station.at_shift_end == "stop"
        works = self.processing > 0 and self.down == 0 and not paused
        self.load = self.processing / self.station.servers if works else 0.0
        if self.ages:
            onset = self.station.wear_onset
            share = min(1.0, max(0.0, (self.wear() - onset) / (1.0 - onset)))
            self.severity = share * share


_STEPS: dict[int, tuple[str, int]] = {
    Kind.PROCESSING_STARTED: ("processing", 1),
    Kind.PROCESSING_ENDED: ("processing", -1),
    Kind.FAILED: ("down", 1),
    Kind.REPAIRED: ("down", -1),
    Kind.SHIFT_ENDED: ("off", 1),
    Kind.SHIFT_STARTED: ("off", -1),
}


class SignalModel:
    """The sensors of a line, fed with events as they happen.

    Parameters
    ----------
    line : Line
        The line the events come from.
    stream : Stream
        Random numbers the events come from: they say how long each life is.
    begin_s : float
        Moment at which the events begin, s since the line's start.
    initial : LineState or None
        State at that moment; None: an empty line.

    Raises
    ------
    StateError
        If the state is of another moment.
    """

    def __init__(
        self, line: Line, stream: Stream, begin_s: float = 0.0, initial: LineState | None = None
    ) -> None:
        initial = initial or empty_state(line, begin_s)
        if initial.time_s != begin_s:
            message = f"it is of {initial.time_s:g} s, the events begin at {begin_s:g} s"
            raise StateError("the state", [Finding("time_s", message)])
        self._names = Names.of(line).elements
        self._stream = stream
        self._sensors: dict[str, _Sensors] = {}
        for station in line.stations:
            counts = counts_at_start(station, initial)
            ages = [
                _Age(mode, mode.up, mode.number, mode.age_s, mode.life_s)
                for mode in modes_at_start(station, stream, initial)
            ]
            keys = {name: noise_key(stream, station.id, name) for name in station.signals}
            sensors = _Sensors(
                station, begin_s, counts.processing, counts.down, counts.off, ages, keys
            )
            sensors.refresh()
            sensors.values = {name: sensors.mean(item) for name, item in station.signals.items()}
            self._sensors[station.id] = sensors

    def apply(self, row: Row) -> None:
        """Take in one event; its time must not lie before that of the last one."""
        step = _STEPS.get(row.kind)
        if step is None:
            return
        sensors = self._sensors[self._names[row.element]]
        sensors.advance(row.time_s)
        counter, change = step
        setattr(sensors, counter, getattr(sensors, counter) + change)
        if counter == "down" and row.detail >= 0:
            age = sensors.ages[row.detail]
            age.up = change < 0
            if age.up:
                age.age_s, age.life_s = 0.0, age.mode.lives(age.number)
            else:
                age.number += 1
        sensors.refresh()

    def sample(self, time_s: float, *, noisy: bool = True) -> dict[str, dict[str, float]]:
        """Return the readings by station and signal, once all events before ``time_s`` are in."""
        tick = ticks_of(np.array([time_s]))
        readings: dict[str, dict[str, float]] = {}
        for name, sensors in self._sensors.items():
            sensors.advance(time_s)
            sensors.refresh()
            readings[name] = {}
            for word, signal in sensors.station.signals.items():
                value = sensors.values[word] if signal.time_constant_s > 0 else sensors.mean(signal)
                if noisy and signal.noise_sd > 0:
                    key = sensors.keys[word]
                    value += signal.noise_sd * float(noise(key, self._stream.replication, tick)[0])
                readings[name][word] = value
        return readings

    def wear(self) -> dict[str, float]:
        """Return age over life of the most worn mode of each station, as of the last sample."""
        return {name: sensors.wear() for name, sensors in self._sensors.items()}
