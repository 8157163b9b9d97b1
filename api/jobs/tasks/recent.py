"""The recent past of a plant as JSON for a worker, and there as the table a forecaster reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twin.events import EventLog, EventLogBuilder, Folder, LineState, Row, Status, fold
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr

Readings = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
"""Time, s since the line's start, and value, by station and sensor, oldest first."""
RANK = (
    Status.FAILED,
    Status.PROCESSING,
    Status.SETUP,
    Status.HANDLING,
    Status.MAINTENANCE,
    Status.NO_OPERATOR,
    Status.OFF,
    Status.BLOCKED,
    Status.STARVED,
)
"""A station as a whole is in the first of these in which any of its servers is, as in training."""
COLUMNS = ("time_s", "kind", "element", "part", "detail", "value", "quality")


def recent_document(
    log: EventLog, line: Line, since_s: float, readings: Readings
) -> dict[str, Any]:
    """Return the end of a plant's log, from ``since_s`` on, and its readings as a JSON object."""
    begin_s = max(since_s, log.begin_s)
    first = int(log.time_s.searchsorted(begin_s, side="left"))
    rows = [getattr(log, name)[first:].tolist() for name in COLUMNS]
    rows[5] = [value if math.isfinite(value) else None for value in rows[5]]
    return {
        "begin_s": begin_s,
        "end_s": log.end_s,
        "initial": fold(log.until(begin_s), line).model_dump(mode="json"),
        "rows": rows,
        "readings": {
            station: {name: [list(pair) for pair in pairs] for name, pairs in sensors.items()}
            for station, sensors in readings.items()
        },
    }


def log_of(document: Mapping[str, Any], line: Line) -> EventLog:
    """Return the log that a document holds."""
    builder = EventLogBuilder(line, document["begin_s"], initial=document["initial"])
    builder.rows.extend(_rows(document))
    return builder.log(document["end_s"])


def table_of(document: Mapping[str, Any], line: Line, window_s: float, step_s: float) -> xr.Dataset:
    """Return signals and statuses of the last window, evenly sampled.

    Parameters
    ----------
    document : dict
        From ``recent_document``.
    line : Line
        The line.
    window_s, step_s : float
        Length of the window and time between samples, s.

    Returns
    -------
    xarray.Dataset
        Dims ``time`` and ``station``; a sensor's value is its last one at each sample, NaN where a
        station lacks it. Shorter than the window where less was seen.
    """
    import numpy as np  # noqa: PLC0415 - a worker starts without it
    import xarray as xr  # noqa: PLC0415

    from twin.signals import STATUSES  # noqa: PLC0415

    count = round(window_s / step_s)
    times_s = document["end_s"] - step_s * np.arange(count, -1, -1)
    times_s = times_s[times_s >= document["begin_s"]]
    stations = sorted(station.id for station in line.stations)
    names = sorted({name for station in line.stations for name in station.signals})
    values = {name: np.full((len(times_s), len(stations)), np.nan) for name in names}
    for column, station in enumerate(stations):
        for name, pairs in document["readings"].get(station, {}).items():
            if name not in values or not pairs:
                continue
            read = np.asarray(pairs, dtype=np.float64)
            place = np.searchsorted(read[:, 0], times_s, side="right") - 1
            # Before a sensor's first value stands that first value: a gap there is no reading of 0.
            values[name][:, column] = read[np.maximum(place, 0), 1]
    status = _statuses(document, line, times_s.tolist(), stations)
    numbers = [[STATUSES.index(found) for found in row] for row in status]
    dims = ("time", "station")
    table = xr.Dataset(
        {name: (dims, values[name]) for name in names},
        coords={"time": ("time", times_s), "station": stations},
    )
    table["status"] = (dims, np.asarray(numbers, dtype=np.int8).reshape(len(times_s), -1))
    return table


def _statuses(
    document: Mapping[str, Any], line: Line, times_s: Sequence[float], stations: Sequence[str]
) -> list[list[Status]]:
    """Return the status of each station at each time, as the events before it say."""
    folder = Folder(line, LineState.model_validate(document["initial"]))
    rows = iter(_rows(document))
    following = next(rows, None)
    found = []
    for time_s in times_s:
        while following is not None and following.time_s < time_s:
            folder.apply(following)
            following = next(rows, None)
        by_server = folder.statuses()
        found.append(
            [next(status for status in RANK if status in by_server[name]) for name in stations]
        )
    return found


def _rows(document: Mapping[str, Any]) -> list[Row]:
    rows = zip(*document["rows"], strict=True)
    return [
        Row(time_s, kind, element, part, detail, math.nan if value is None else value, quality)
        for time_s, kind, element, part, detail, value, quality in rows
    ]
