"""Charts of a schedule: a Gantt chart for paper and notebook, and how sure each date is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd

from twin.kpi.charts import ACCENT, BETTER, NEUTRAL, WORSE, Width, worded

ORDER_COLOURS = (
    "#3f7fbf", "#e08a3c", "#4aa564", "#a970c9", "#d1495b", "#2a9d8f",
    "#c9a227", "#6c757d", "#8d6e4f", "#5b6ee1", "#b5838d", "#7fb069",
)  # fmt: skip
"""Colours of orders, in the order of their names; the page uses the same."""
ROW_PX, LEGEND_ROW_PX = 26, 15
"""Height of a station's row, and of a name in the legend, pixels."""
_NAMED = ("order", "operation", "station")


WORDS = {
    "order": "order",
    "operation": "operation",
    "station": "station",
    "start": "start",
    "end": "end",
    "due": "due",
    "on_time": "probability of being on time",
    "low": "low",
    "high": "high",
    "seconds": "time, s",
    "clock": "time of day",
}
"""What charts say, by key."""


def gantt_chart(
    bars: pd.DataFrame,
    due_dates: pd.DataFrame | None = None,
    stations: Sequence[str] | None = None,
    *,
    width: Width = 720,
    words: Mapping[str, str] | None = None,
) -> alt.LayerChart:
    """Return operations by station over time, coloured by order; due dates as dashed lines.

    Parameters
    ----------
    bars : pandas.DataFrame
        Columns ``order``, ``operation``, ``station``, ``start``, ``end`` (moments without a zone,
        plant's clock, or s).
    due_dates : pandas.DataFrame, optional
        Columns ``order``, ``due``, in the unit of ``start``.
    stations : sequence of str, optional
        Stations from top to bottom; default: by first use.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words of another language, by the keys of ``WORDS``.
    """
    said = worded(WORDS, words)
    orders = sorted(bars["order"].unique())
    rows = list(stations or bars.sort_values("start")["station"].unique())
    kind = "T" if pd.api.types.is_datetime64_any_dtype(bars["start"]) else "Q"
    colours = [ORDER_COLOURS[index % len(ORDER_COLOURS)] for index in range(len(orders))]
    # As many columns of names as let the legend be no higher than the chart.
    columns = max(1, math.ceil(LEGEND_ROW_PX * len(orders) / max(ROW_PX * len(rows), 1)))
    tint = (
        alt.Color("order:N", title=None, sort=orders)
        .scale(domain=orders, range=colours)
        .legend(columns=columns, symbolLimit=0)
    )
    drawn = (
        alt.Chart(bars)
        .mark_bar(cornerRadius=2, height=18)
        .encode(
            x=_start(bars, kind, said),
            x2="end",
            y=alt.Y("station:N", title=None, sort=rows),
            color=tint,
            tooltip=[
                *(alt.Tooltip(f"{name}:N", title=said[name]) for name in _NAMED),
                *(alt.Tooltip(f"{name}:{kind}", title=said[name]) for name in ("start", "end")),
            ],
        )
    )
    layers: list[alt.Chart] = [drawn]
    if due_dates is not None and len(due_dates):
        dated = due_dates.dropna(subset=["due"])
        layers.append(
            alt.Chart(dated)
            .mark_rule(strokeDash=[5, 4], strokeWidth=1.5)
            .encode(
                x=alt.X(f"due:{kind}"),
                color=tint,
                tooltip=[
                    alt.Tooltip("order:N", title=said["order"]),
                    alt.Tooltip(f"due:{kind}", title=said["due"]),
                ],
            )
        )
    return alt.layer(*layers).properties(width=width, height=ROW_PX * len(rows))


def _start(bars: pd.DataFrame, kind: str, said: Mapping[str, str]) -> alt.X:
    if kind == "Q":
        return alt.X("start:Q", title=said["seconds"])
    within_a_day = bars["end"].max() - bars["start"].min() <= pd.Timedelta(hours=24)
    return alt.X("start:T", title=said["clock"]).axis(
        format="%H:%M" if within_a_day else "%a %H:%M"
    )


def on_time_chart(
    orders: pd.DataFrame, *, width: Width = 460, words: Mapping[str, str] | None = None
) -> alt.LayerChart:
    """Return dots with intervals: the probability that each order keeps its due date.

    Parameters
    ----------
    orders : pandas.DataFrame
        Columns ``order``, ``probability``, ``low``, ``high``, in the order to be drawn.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words of another language, by the keys of ``WORDS``.
    """
    said = worded(WORDS, words)
    place = alt.Y("order:N", title=None, sort=orders["order"].tolist())
    title = said["on_time"]
    tint = (
        alt.when("datum.probability >= 0.8")
        .then(alt.value(BETTER))
        .when("datum.probability < 0.5")
        .then(alt.value(WORSE))
        .otherwise(alt.value(ACCENT))
    )
    told = [
        alt.Tooltip("order:N", title=said["order"]),
        alt.Tooltip("probability:Q", format=".0%", title=title),
        *(alt.Tooltip(f"{name}:Q", format=".0%", title=said[name]) for name in ("low", "high")),
    ]
    spans = (
        alt.Chart(orders)
        .mark_rule(strokeWidth=4, opacity=0.4, strokeCap="round", color=NEUTRAL)
        .encode(
            x=alt.X("low:Q", title=title).axis(format="%").scale(domain=[0, 1]),
            x2="high:Q",
            y=place,
            tooltip=told,
        )
    )
    dots = (
        alt.Chart(orders)
        .mark_point(filled=True, size=90, opacity=1)
        .encode(x=alt.X("probability:Q", title=title), y=place, color=tint, tooltip=told)
    )
    return alt.layer(spans, dots).properties(width=width, height=26 * max(1, len(orders)))
