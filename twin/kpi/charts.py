"""Charts of what a line did: shares of station time and throughput over time.

The same charts serve notebook, page and report. Neutral colours (axes, grid, text) are left to
whoever shows them, so a dark page can choose its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import pandas as pd
import xarray as xr

from twin.events.kinds import Status
from twin.events.log import EventLog
from twin.kpi.output_analysis import throughput_series
from twin.line import Line

Width = int | Literal["container"]
"""Width of a chart in pixels, or as wide as what holds it."""

ACCENT = "#2f7fd1"
"""Colour of what a chart is about."""
NEUTRAL = "#8a96a3"
"""Colour of what it is compared with; shows on light and on dark."""
BETTER = "#1f9d67"
"""Colour of a change for the better."""
WORSE = "#d9463b"
"""Colour of a change for the worse."""
OPEN = "#b58a16"
"""Colour of what more runs would decide."""
STATUS_COLOURS: dict[Status, str] = {
    Status.PROCESSING: "#1f9d67",
    Status.SETUP: "#8467d7",
    Status.BLOCKED: "#e08a1e",
    Status.STARVED: "#5b9bd5",
    Status.FAILED: "#d9463b",
    Status.OFF: "#a9b2bb",
    Status.HANDLING: "#3aa6a0",
    Status.MAINTENANCE: "#b07aa1",
    Status.NO_OPERATOR: "#c9a227",
}
"""Colour of each status, the same in every chart."""


def worded(own: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Return the words of a chart: those given, else its own, which are English.

    Parameters
    ----------
    own : mapping of str to str
        The chart's words by key.
    given : mapping of str to str, optional
        Words of another language by the same keys; what is not in it stays as it is.
    """
    return {key: (given or {}).get(key, text) for key, text in own.items()}


def status_chart(
    summary: xr.Dataset, stations: Sequence[str] | None = None, *, width: Width = 560
) -> alt.Chart:
    """Return stacked bars: how each station spends its time.

    Parameters
    ----------
    summary : xarray.Dataset
        From ``summarise`` or ``replicate``; over replications the mean is shown.
    stations : sequence of str, optional
        Stations from top to bottom, e.g. ``line.flow_order``; default: as in the data set.
    width : int or "container"
        Width, pixels.
    """
    share = summary["status_share"]
    if "replication" in share.dims:
        share = share.mean("replication")
    names = [str(name) for name in (stations or share["station"].values)]
    statuses = [str(status) for status in Status]
    rows = pd.DataFrame(
        [
            {
                "station": name,
                "status": status,
                "share": float(share.sel(station=name, status=status)),
                "rank": rank,
            }
            for name in names
            for rank, status in enumerate(statuses)
        ]
    )
    return (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="share of the time", stack="normalize").axis(format="%"),
            y=alt.Y("station:N", title=None, sort=names),
            color=alt.Color("status:N", title=None, sort=statuses)
            .scale(domain=statuses, range=[STATUS_COLOURS[Status(name)] for name in statuses])
            .legend(orient="top"),
            order=alt.Order("rank:Q"),
            tooltip=[
                alt.Tooltip("station:N"),
                alt.Tooltip("status:N"),
                alt.Tooltip("share:Q", format=".1%"),
            ],
        )
        .properties(width=width, height=24 * len(names))
    )


def throughput_chart(
    log: EventLog, line: Line, bin_s: float = 600.0, *, width: Width = 560
) -> alt.Chart:
    """Return bars: good parts finished in each stretch of time.

    Parameters
    ----------
    log : EventLog
        What happened.
    line : Line
        The line, for its clock.
    bin_s : float
        Length of a stretch, s.
    width : int or "container"
        Width, pixels.
    """
    edges_s, counts = throughput_series(log, bin_s)
    rows = pd.DataFrame(
        {
            "begin": [local(line, edge) for edge in edges_s[:-1]],
            "end": [local(line, edge) for edge in edges_s[1:]],
            "parts": counts,
        }
    )
    return (
        alt.Chart(rows)
        .mark_rect(color=ACCENT, opacity=0.8)
        .encode(
            x=alt.X("begin:T", title="time of day").axis(format="%H:%M"),
            x2="end:T",
            y=alt.Y("parts:Q", title=f"parts in {bin_s / 60:g} min"),
            y2=alt.datum(0),
            tooltip=[alt.Tooltip("begin:T", format="%a %H:%M"), alt.Tooltip("parts:Q")],
        )
        .properties(width=width, height=180)
    )


def local(line: Line, time_s: float) -> Any:
    """Return a moment on the plant's wall clock without its zone: charts show it as it stands."""
    return pd.Timestamp(line.moment(float(time_s))).tz_localize(None)
