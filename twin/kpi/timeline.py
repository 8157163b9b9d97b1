"""Where the time of each station went, stretch by stretch: what a heat map of a line shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from twin.events.log import EventLog
from twin.kpi.rows import Floats, Table
from twin.kpi.times import STATUSES, status_counts
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr


def status_shares(log: EventLog, line: Line, edges_s: Sequence[float]) -> xr.Dataset:
    """Return the share of each stretch of time that each station spent in each status.

    Parameters
    ----------
    log : EventLog
        Simulated or real.
    line : Line
        The line it belongs to.
    edges_s : sequence of float
        Where stretches begin and end, s, rising.

    Returns
    -------
    xarray.Dataset
        ``share`` by ``station`` (flow order), ``bin`` and ``status``: of the server-time of the
        stretch that lies within the log. NaN where nothing of a stretch does. ``begin_s`` and
        ``end_s`` by ``bin``.

    Raises
    ------
    ValueError
        If the edges are fewer than two, or do not rise.
    """
    import xarray as xr  # noqa: PLC0415 - heavy, and a run does not need it

    edges = np.asarray(edges_s, dtype=np.float64)
    if len(edges) < 2 or not bool(np.all(np.diff(edges) > 0)):  # noqa: PLR2004 - one stretch
        raise ValueError(f"edges_s = {list(edges_s)[:5]}: expected two or more that rise")
    table, index = Table.of(log, line), log.names.elements.index
    exits = table.exits()
    within_s = np.diff(np.clip(edges, log.begin_s, log.end_s))
    share = np.full((len(line.flow_order), len(edges) - 1, len(STATUSES)), np.nan)
    seen = within_s > 0
    for at, name in enumerate(line.flow_order):
        station = line.station(name)
        rows, counts = status_counts(
            table, station, index(name), exits, attended=name in line.attended
        )
        time_s = np.append(np.append(table.time_s, log.end_s)[rows], log.end_s)
        for k, status in enumerate(STATUSES):
            spent_s = _spent_s(time_s, counts[status], edges)
            share[at, seen, k] = spent_s[seen] / (within_s[seen] * station.servers)
    return xr.Dataset(
        {"share": (("station", "bin", "status"), share)},
        coords={
            "station": list(line.flow_order),
            "status": [str(status) for status in STATUSES],
            "begin_s": ("bin", edges[:-1]),
            "end_s": ("bin", edges[1:]),
        },
        attrs={"line_id": line.id, "line_hash": line.hash},
    )


def _spent_s(time_s: Floats, counts: Floats, edges_s: Floats) -> Floats:
    """Return the server-seconds between edges of a count that holds from each moment to the next.

    ``time_s`` has one moment more than there are counts: the end.
    """
    if not len(counts):
        return np.zeros(len(edges_s) - 1)
    total_s = np.append(0.0, np.cumsum(counts * np.diff(time_s)))
    reached_s = np.interp(edges_s, time_s, total_s)
    return np.asarray(np.diff(reached_s))
