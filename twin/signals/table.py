"""The sensors of a whole log at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from twin.errors import Finding, InvalidInputError
from twin.events.fold import empty_state
from twin.events.kinds import Kind, Status
from twin.events.log import EventLog, Stream
from twin.events.state import LineState
from twin.kpi.times import slow_modes
from twin.line import Line, Signal, Station
from twin.signals.wear import (
    Floats,
    ModeStart,
    Whole,
    counts_at_start,
    modes_at_start,
    noise,
    noise_key,
    severity_of,
    ticks_of,
)

if TYPE_CHECKING:
    import xarray as xr

STATUSES: tuple[Status, ...] = tuple(Status)
"""Statuses in the order of their numbers in a signal table."""
MAX_SAMPLES = 50_000_000
"""Most values of one variable that a signal table may hold."""

_MOVES = (Kind.BUFFER_ENTERED, Kind.STATION_ENTERED, Kind.PART_FINISHED, Kind.PART_SCRAPPED)


def signal_table(
    log: EventLog, line: Line, step_s: float = 10.0, *, noisy: bool = True
) -> xr.Dataset:
    """Return what the sensors of a simulated line read, with what the stations did and their wear.

    Parameters
    ----------
    log : EventLog
        A simulated log; its stream says which lives were drawn.
    line : Line
        The line the log was simulated with.
    step_s : float
        Time between samples, s, above zero; the first sample is at the log's beginning.
    noisy : bool
        Whether readings carry noise.

    Returns
    -------
    xarray.Dataset
        Dimensions ``time`` (s since the line's start) and ``station``. One variable per signal,
        NaN at stations that do not have it; ``status``, a number into ``STATUSES``; ``wear``, age
        over life of the most worn failure mode, 0 to 1, which no plant could tell:
        its attribute ``hidden_truth`` is 1. A sample at t shows the events before t.

    Raises
    ------
    InvalidInputError
        If the log was not simulated, belongs to another line, or the step makes no sense.
    """
    import xarray as xr  # noqa: PLC0415 - heavy, and a run does not need it

    stream = _checked(log, line, step_s)
    count = math.floor((log.end_s - log.begin_s) / step_s) + 1
    times_s: Floats = log.begin_s + step_s * np.arange(count, dtype=np.float64)
    stations = sorted(line.stations, key=lambda station: station.id)
    names = sorted({name for station in stations for name in station.signals})
    shape = (len(times_s), len(stations))
    values = {name: np.full(shape, np.nan) for name in names}
    status = np.zeros(shape, dtype=np.int8)
    wear = np.zeros(shape)
    initial = _initial(log, line)
    left = _left(log, initial)
    ticks = ticks_of(times_s)
    for column, station in enumerate(stations):
        trace = _Trace.of(log, station, left, initial)
        ageing = [
            _Ageing.of(log, trace, station, number, mode)
            for number, mode in enumerate(modes_at_start(station, stream, initial))
        ]
        status[:, column] = trace.status[trace.before(times_s)]
        wear[:, column] = _worst(ageing, times_s)
        means = _Means.of(trace, ageing, station, times_s)
        for name, signal in station.signals.items():
            reading = means.reading(signal)
            if noisy and signal.noise_sd > 0:
                key = noise_key(stream, station.id, name)
                reading += signal.noise_sd * noise(key, stream.replication, ticks)
            values[name][:, column] = reading
    dims = ("time", "station")
    table = xr.Dataset(
        {name: (dims, values[name], {"unit": _unit(stations, name)}) for name in names},
        coords={
            "time": ("time", times_s, {"unit": "s"}),
            "station": [station.id for station in stations],
        },
        attrs={"line_id": log.line_id, "line_hash": log.line_hash, "step_s": step_s},
    )
    words = " ".join(STATUSES)
    table["status"] = (dims, status, {"flag_values": list(range(len(STATUSES))),
                                      "flag_meanings": words})  # fmt: skip
    about = "age over life of the most worn failure mode; no plant can measure it"
    table["wear"] = (dims, wear, {"unit": "1", "hidden_truth": 1, "description": about})
    return table


def _initial(log: EventLog, line: Line) -> LineState:
    if log.initial is None:
        return empty_state(line, log.begin_s)
    return LineState.model_validate(log.initial)


def _checked(log: EventLog, line: Line, step_s: float) -> Stream:
    findings = []
    if log.stream is None:
        message = "it was not simulated, so wear and noise are unknown"
        remedy = "read a plant's sensors instead"
        findings.append(Finding("log", message, "a log from simulate()", remedy))
    if log.line_hash != line.hash:
        message = f"it belongs to line {log.line_id!r} as it was then, not to this one"
        findings.append(Finding("log", message, "the line it was simulated with"))
    samples = (log.end_s - log.begin_s) / step_s if math.isfinite(step_s) and step_s > 0 else 0
    if not (math.isfinite(step_s) and step_s > 0):
        findings.append(Finding("step_s", f"{step_s!r} is no step", "a time above zero, s"))
    elif samples * len(line.stations) > MAX_SAMPLES:
        message = f"{step_s:g} s makes {samples:.3g} samples of {len(line.stations)} stations"
        findings.append(Finding("step_s", message, f"at most {MAX_SAMPLES} values",
                                "take a longer step or a shorter log"))  # fmt: skip
    if findings or log.stream is None:
        raise InvalidInputError("the signal table", findings)
    return log.stream


def _unit(stations: list[Station], name: str) -> str:
    units = {station.signals[name].unit for station in stations if name in station.signals}
    return units.pop() if len(units) == 1 else "mixed"


def _left(log: EventLog, initial: LineState) -> NDArray[np.int32]:
    """Return, for each row by which a part moves on, the place it left; -1 elsewhere."""
    left = np.full(len(log), -1, dtype=np.int32)
    rows = np.flatnonzero(np.isin(log.kind, _MOVES))
    rows = rows[np.argsort(log.part[rows], kind="stable")]
    parts = log.part[rows]
    follows = parts[1:] == parts[:-1]
    left[rows[1:][follows]] = log.element[rows[:-1][follows]]
    if len(rows):
        place = {name: number for number, name in enumerate(log.names.elements)}
        home = {part.id: place[part.location] for part in initial.parts}
        first = rows[np.concatenate(([True], ~follows))]
        left[first] = [home.get(part, -1) for part in log.part[first].tolist()]
    return left


@dataclass(frozen=True, slots=True)
class _Trace:
    """What one station did, as steps; step i holds from time_s[i] to time_s[i + 1]."""

    time_s: Floats
    status: NDArray[np.int8]
    load: Floats
    operated_s: Floats
    """Time it had processed when the step began, s since the log began."""
    turns_s: Floats
    """Moments at which processing begins or ends, or something stops or lets go the station."""

    @staticmethod
    def of(log: EventLog, station: Station, left: NDArray[np.int32], initial: LineState) -> _Trace:
        number = log.names.elements.index(station.id)
        here = log.element == number

        def change(up: Kind, down: Kind) -> NDArray[np.int8]:
            begun, over = here & (log.kind == up), here & (log.kind == down)
            net: NDArray[np.int8] = begun.astype(np.int8) - over.astype(np.int8)
            return net

        slow = slow_modes(station)
        entered = (here & (log.kind == Kind.STATION_ENTERED)).astype(np.int8)
        changes = np.stack(
            [
                entered - (left == number).astype(np.int8),
                change(Kind.SETUP_STARTED, Kind.SETUP_ENDED),
                change(Kind.PROCESSING_STARTED, Kind.PROCESSING_ENDED),
                np.where(np.isin(log.detail, slow), 0, change(Kind.FAILED, Kind.REPAIRED)),
                change(Kind.SHIFT_ENDED, Kind.SHIFT_STARTED),
            ]
        )
        rows = np.flatnonzero(changes.any(axis=0))
        began = counts_at_start(station, initial)
        base = np.array([began.inside, began.setup, began.processing, began.down, began.off])
        levels = np.cumsum(changes[:, rows], axis=1, dtype=np.int64) + base[:, None]
        times_s = np.concatenate(([log.begin_s], log.time_s[rows]))
        levels = np.concatenate((base[:, None], levels), axis=1)
        # Of the rows of one moment only the last one tells what holds afterwards; where the log
        # begins, what held before stays as a step of its own.
        last = np.append(times_s[1:] != times_s[:-1], True)
        last[0] = True
        turns_s = log.time_s[rows[changes[2:, rows].any(axis=0)]]
        return _Trace._of_levels(station, times_s[last], levels[:, last], turns_s, log.end_s)

    @staticmethod
    def _of_levels(
        station: Station, times_s: Floats, levels: Whole, turns_s: Floats, end_s: float
    ) -> _Trace:
        inside, setup, processing, down, off = levels
        paused = (off > 0) & (station.at_shift_end == "stop")
        works = (processing > 0) & (down == 0) & ~paused
        status = np.full(len(times_s), STATUSES.index(Status.STARVED), dtype=np.int8)
        # What is written later overrules what was written before.
        for word, holds in (
            (Status.BLOCKED, inside > 0),
            (Status.OFF, off > 0),
            (Status.SETUP, setup > 0),
            (Status.PROCESSING, processing > 0),
            (Status.OFF, paused),
            (Status.FAILED, down > 0),
        ):
            status[holds] = STATUSES.index(word)
        lasting = np.diff(times_s, append=max(end_s, times_s[-1]))
        operated_s = np.concatenate(([0.0], np.cumsum(lasting * works)[:-1]))
        load = np.where(works, processing / station.servers, 0.0)
        return _Trace(times_s, status, load, operated_s, turns_s)

    def at(self, times_s: Floats) -> Whole:
        """Return the step that holds from each moment on."""
        return np.searchsorted(self.time_s, times_s, side="right") - 1

    def before(self, times_s: Floats) -> Whole:
        """Return the step that held up to each moment."""
        return np.maximum(np.searchsorted(self.time_s, times_s, side="left") - 1, 0)

    def operated_at(self, times_s: Floats) -> Floats:
        """Return the time it had processed up to each moment, s since the log began."""
        step = self.at(times_s)
        return self.operated_s[step] + (times_s - self.time_s[step]) * (self.load[step] > 0)


@dataclass(frozen=True, slots=True)
class _Ageing:
    """The lives of one failure mode that a log shows."""

    failed_s: Floats
    repaired_s: Floats
    up: bool
    begun: Floats
    """Reading of the clock at age zero, for each life."""
    lives_s: Floats
    trace: _Trace | None
    """Whose operating time is the clock; None: the calendar."""

    @staticmethod
    def of(log: EventLog, trace: _Trace, station: Station, number: int, mode: ModeStart) -> _Ageing:
        here = (log.element == log.names.elements.index(station.id)) & (log.detail == number)
        failed_s = log.time_s[here & (log.kind == Kind.FAILED)]
        repaired_s = log.time_s[here & (log.kind == Kind.REPAIRED)]
        clock = None if mode.clock == "calendar" else trace
        start = log.begin_s if mode.clock == "calendar" else 0.0
        repaired = repaired_s if clock is None else clock.operated_at(repaired_s)
        # A mode that begins failed has its first life after its first repair, with the same number.
        begun = np.concatenate(([start - mode.age_s] if mode.up else [], repaired))
        lives = [mode.lives(mode.number + i) for i in range(len(begun))]
        if mode.up and lives:
            lives[0] = mode.life_s
        if mode.clock == "cycles":
            lives = [math.inf] * len(lives)  # sensors follow time, so they do not show its wear
        return _Ageing(failed_s, repaired_s, mode.up, begun, np.array(lives), clock)

    def wear(self, times_s: Floats, *, after: bool) -> Floats:
        """Return age over life; events at the moment itself count if ``after``."""
        side: Literal["left", "right"] = "right" if after else "left"
        failed = np.searchsorted(self.failed_s, times_s, side=side)
        repaired = np.searchsorted(self.repaired_s, times_s, side=side)
        running = failed - repaired == (0 if self.up else -1)
        if not len(self.begun):
            return np.ones(len(times_s))
        life = np.clip(repaired - (0 if self.up else 1), 0, len(self.begun) - 1)
        now = times_s if self.trace is None else self.trace.operated_at(times_s)
        age = now - self.begun[life]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(self.lives_s[life] > 0, age / self.lives_s[life], 1.0)
        return np.where(running, np.clip(share, 0.0, 1.0), 1.0)


def _worst(ageing: list[_Ageing], times_s: Floats, *, after: bool = False) -> Floats:
    worst = np.zeros(len(times_s))
    for mode in ageing:
        np.maximum(worst, mode.wear(times_s, after=after), out=worst)
    return worst


@dataclass(frozen=True, slots=True)
class _Means:
    """Load and severity of one station between samples and events."""

    times_s: Floats
    begin_s: Floats
    end_s: Floats
    load: Floats
    severity: Floats
    load_before: Floats
    severity_before: Floats

    @staticmethod
    def of(trace: _Trace, ageing: list[_Ageing], station: Station, times_s: Floats) -> _Means:
        turns_s = trace.turns_s
        inner = turns_s[(turns_s > times_s[0]) & (turns_s < times_s[-1])]
        cuts = np.union1d(times_s, inner)
        begin_s, end_s = cuts[:-1], cuts[1:]
        worn = severity_of(_worst(ageing, begin_s, after=True), station.wear_onset)
        worn_before = severity_of(_worst(ageing, times_s), station.wear_onset)
        load_before = trace.load[trace.before(times_s)]
        return _Means(times_s, begin_s, end_s, trace.load[trace.at(begin_s)], worn,
                      load_before, worn_before)  # fmt: skip

    def reading(self, signal: Signal) -> Floats:
        """Return the values of a sensor without noise."""
        before = _mean(signal, self.load_before, self.severity_before)
        tau = signal.time_constant_s
        if tau <= 0.0 or len(self.times_s) == 1:
            return before
        from scipy.signal import lfilter  # noqa: PLC0415 - heavy, and only sensors that lag need it

        mean = _mean(signal, self.load, self.severity)
        sample = np.searchsorted(self.times_s, self.begin_s, side="right")
        reached_s = self.times_s[sample]
        # What a mean that holds from b to e has added to the value by the sample that follows.
        share = np.exp((self.end_s - reached_s) / tau) - np.exp((self.begin_s - reached_s) / tau)
        added = np.bincount(sample - 1, weights=mean * share, minlength=len(self.times_s) - 1)
        step_s = self.times_s[1] - self.times_s[0]
        keep = math.exp(-step_s / tau)
        followed, _ = lfilter([1.0], [1.0, -keep], added, zi=[keep * before[0]])
        return np.concatenate(([before[0]], followed))


def _mean(signal: Signal, load: Floats, severity: Floats) -> Floats:
    loaded = signal.running + (signal.worn - signal.running) * severity
    return signal.idle + (loaded - signal.idle) * load
