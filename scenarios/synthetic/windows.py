"""What can be seen in a window of the past, and what the future then brought.

The same functions make features of simulated and of measured tables, so a model sees in the plant
what it was trained on. Nothing that a plant cannot measure is among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.errors import Finding, InvalidInputError
from twin.events.fold import fold
from twin.events.kinds import Kind, Status
from twin.events.log import EventLog
from twin.line import Line
from twin.signals import STATUSES

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

HIDDEN = "hidden_truth"
"""Attribute of variables that no plant could measure; they never become features."""
STATISTICS = ("mean", "sd", "slope", "last", "running")
"""Of each signal over a window: mean, standard deviation, change per hour, last value, and mean
while processing."""


def signals_in(table: xr.Dataset) -> list[str]:
    """Return the names of a table's measurable signals, in alphabetical order."""
    return sorted(
        str(name)
        for name, variable in table.data_vars.items()
        if name != "status" and not variable.attrs.get(HIDDEN) and variable.dtype.kind == "f"
    )


def feature_names(signals: list[str]) -> list[str]:
    """Return the names of the features of one station, in their order."""
    return [
        *(f"{signal}_{statistic}" for signal in signals for statistic in STATISTICS),
        *(f"share_{status.value}" for status in STATUSES),
        "station_number",
    ]


def station_features(table: xr.Dataset, ends: Whole, samples: int) -> Floats:
    """Return what each station shows in the windows that end at given samples.

    Parameters
    ----------
    table : xarray.Dataset
        Signals and ``status`` with dims ``time`` and ``station``, evenly sampled, as
        ``signal_table`` gives it or a history of a plant.
    ends : ndarray of int, shape (windows,)
        Last sample of each window.
    samples : int
        Samples in a window, at least 2.

    Returns
    -------
    ndarray, shape (windows, stations, features)
        In the order of ``feature_names``; NaN for signals that a station does not have.
    """
    time_s = np.asarray(table["time"].values, dtype=np.float64)
    step_h = (time_s[1] - time_s[0]) / 3600.0
    status = np.asarray(table["status"].transpose("time", "station").values)
    works = status == STATUSES.index(Status.PROCESSING)
    columns: list[Floats] = []
    for name in signals_in(table):
        values = np.asarray(table[name].transpose("time", "station").values, dtype=np.float64)
        columns += _statistics(values, works, ends, samples, step_h)
    for number in range(len(STATUSES)):
        columns.append(_window_sum((status == number).astype(np.float64), ends, samples) / samples)
    numbers = np.arange(status.shape[1], dtype=np.float64)
    columns.append(np.broadcast_to(numbers, columns[-1].shape))
    return np.stack(columns, axis=-1)


def _statistics(
    values: Floats, works: NDArray[np.bool_], ends: Whole, samples: int, step_h: float
) -> list[Floats]:
    # Sums of deviations from the first value lose no digits where values are large.
    level = np.nan_to_num(values[0])
    moved = values - level
    total = _window_sum(moved, ends, samples)
    mean = total / samples
    square = _window_sum(moved**2, ends, samples) / samples - mean**2
    place = np.arange(len(values), dtype=np.float64)[:, None]
    cross = _window_sum(moved * place, ends, samples)
    middle = (ends[:, None] - (samples - 1) / 2.0).astype(np.float64)
    spread = samples * (samples**2 - 1) / 12.0
    slope = (cross - middle * total) / spread / step_h
    count = _window_sum(works.astype(np.float64), ends, samples)
    busy = _window_sum(np.where(works, moved, 0.0), ends, samples)
    with np.errstate(invalid="ignore", divide="ignore"):
        running = np.where(count > 0, busy / count, np.nan) + level
    return [mean + level, np.sqrt(np.maximum(square, 0.0)), slope, values[ends], running]


def _window_sum(values: Floats, ends: Whole, samples: int) -> Floats:
    """Return the sum over each window; a NaN anywhere in a column makes all its windows NaN."""
    gone = np.isnan(values).any(axis=0)
    sums = np.cumsum(np.where(gone, 0.0, values), axis=0)
    sums = np.concatenate((np.zeros((1, values.shape[1])), sums))
    found = sums[ends + 1] - sums[ends + 1 - samples]
    return np.where(gone, np.nan, found)


@dataclass(frozen=True, slots=True)
class Labels:
    """What became of each station after each moment."""

    known: NDArray[np.bool_]
    """Whether the station was up and its fate within the horizon is seen; (moments, stations)."""
    fails: NDArray[np.bool_]
    """Whether a failure mode stopped it within the horizon."""
    fault: NDArray[np.object_]
    """The mode that did, or an empty text."""
    time_to_failure_s: Floats
    """Time to the next failure, or to the end of the log when there was none, s."""
    censored: NDArray[np.bool_]
    """Whether the log ended first."""


def labels_of(
    log: EventLog, stations: list[str], times_s: Floats, status: NDArray[np.int8], horizon_s: float
) -> Labels:
    """Return the labels of all stations at given moments.

    Parameters
    ----------
    log : EventLog
        What happened.
    stations : list of str
        Stations, in the order of the columns.
    times_s : ndarray, shape (moments,)
        Moments, s.
    status : ndarray of int, shape (moments, stations)
        Status at these moments, numbers into ``STATUSES``.
    horizon_s : float
        How far to look ahead, s.
    """
    shape = (len(times_s), len(stations))
    left_s = np.repeat((log.end_s - times_s)[:, None], len(stations), axis=1)
    fault = np.full(shape, "", dtype=object)
    censored = np.ones(shape, dtype=bool)
    failed = (log.kind == Kind.FAILED) & (log.detail >= 0)
    for column, name in enumerate(stations):
        rows = np.flatnonzero(failed & (log.element == log.names.elements.index(name)))
        following = np.searchsorted(log.time_s[rows], times_s, side="left")
        seen = following < len(rows)
        row = rows[following[seen]]
        modes = np.array(log.names.modes[name], dtype=object)
        left_s[seen, column] = log.time_s[row] - times_s[seen]
        fault[seen, column] = modes[log.detail[row]]
        censored[seen, column] = False
    fails = ~censored & (left_s <= horizon_s)
    up = status != STATUSES.index(Status.FAILED)
    known = up & (fails | (left_s > horizon_s))
    return Labels(known, fails, np.where(fails, fault, ""), left_s, censored)


def line_feature_names(line: Line, horizons_s: tuple[float, ...]) -> list[str]:
    """Return the names of the features of the line as a whole, in their order."""
    stations = sorted(station.id for station in line.stations)
    return [
        "finished_in_window",
        "wip",
        *(f"{name}_{status.value}" for name in stations for status in STATUSES),
        *(f"manned_share_{horizon_s:.0f}s" for horizon_s in horizons_s),
    ]


def line_features(
    table: xr.Dataset, log: EventLog, line: Line, ends: Whole, rule: tuple[int, tuple[float, ...]]
) -> Floats:
    """Return what the line as a whole shows in the windows that end at given samples.

    Parameters
    ----------
    table : xarray.Dataset
        With ``status`` by ``time`` and ``station``.
    log : EventLog
        Events of the same time.
    line : Line
        For its calendars.
    ends : ndarray of int
        Last sample of each window.
    rule : (int, tuple of float)
        Samples in a window; horizons, s.

    Returns
    -------
    ndarray, shape (windows, features)
        In the order of ``line_feature_names``.
    """
    samples, horizons_s = rule
    time_s = np.asarray(table["time"].values, dtype=np.float64)
    step_s = time_s[1] - time_s[0]
    status = np.asarray(table["status"].transpose("time", "station").values)
    now_s = time_s[ends]
    # A rate, not a count over the window, so that a first, shorter stretch reads the same.
    out = finished_between(log, now_s - (samples - 1) * step_s, now_s)
    columns = [out, _inside(log, line, now_s)]
    for station in range(status.shape[1]):
        for number in range(len(STATUSES)):
            share = (status[:, [station]] == number).astype(np.float64)
            columns.append(_window_sum(share, ends, samples)[:, 0] / samples)
    columns += [manned_share(line, now_s, horizon_s) for horizon_s in horizons_s]
    return np.stack(columns, axis=-1)


def finished_between(log: EventLog, begin_s: Floats, end_s: Floats) -> Floats:
    """Return the parts finished from each beginning to before each end."""
    moments = log.time_s[log.kind == Kind.PART_FINISHED]
    last = np.searchsorted(moments, end_s, side="left")
    return (last - np.searchsorted(moments, begin_s, side="left")).astype(np.float64)


def _inside(log: EventLog, line: Line, now_s: Floats) -> Floats:
    came = log.time_s[log.kind == Kind.PART_CREATED]
    went = log.time_s[np.isin(log.kind, (Kind.PART_FINISHED, Kind.PART_SCRAPPED))]
    initial = len(fold(log.until(log.begin_s), line).parts) if log.initial else 0
    change = np.searchsorted(came, now_s) - np.searchsorted(went, now_s)
    return (initial + change).astype(np.float64)


def manned_share(line: Line, now_s: Floats, horizon_s: float) -> Floats:
    """Return the share of the stations' time that their calendars leave within the horizon."""
    shares = np.zeros(len(now_s))
    if not len(now_s):
        return shares
    for station in line.stations:
        if station.calendar is None:
            shares += 1.0
            continue
        spans = np.array(
            line.calendar(station.calendar).working_intervals(
                line.start_utc, line.zone, float(now_s.min()), float(now_s.max()) + horizon_s
            )
        ).reshape(-1, 2)
        begin = np.maximum(spans[:, 0], now_s[:, None])
        end = np.minimum(spans[:, 1], now_s[:, None] + horizon_s)
        shares += np.maximum(end - begin, 0.0).sum(axis=1) / horizon_s
    return shares / len(line.stations)


def samples_of(window_s: float, step_s: float) -> int:
    """Return the samples in a window.

    Raises
    ------
    InvalidInputError
        If the window holds fewer than two samples.
    """
    if not (math.isfinite(window_s) and math.isfinite(step_s) and step_s > 0):
        finding = Finding("window_s", f"{window_s!r} s at {step_s!r} s", "times above zero, s")
        raise InvalidInputError("the windows", [finding])
    samples = math.floor(window_s / step_s + 1e-9) + 1
    if samples < 3:  # noqa: PLR2004 - below that a slope says nothing
        message = f"a window of {window_s:g} s holds {samples} samples at a step of {step_s:g} s"
        finding = Finding("window_s", message, "at least 3", "lengthen it or shorten the step")
        raise InvalidInputError("the windows", [finding])
    return samples
