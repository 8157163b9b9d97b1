"""Charts of a forecast: the fan of the throughput, and the risk of faults by station."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from twin.kpi.charts import ACCENT, NEUTRAL, WORSE, Width, worded

WORDS = {
    "parts_h": "parts/h",
    "clock": "time of day",
    "from": "from",
    "measured": "measured, parts/h",
    "below": "{share} % below",
    "station": "station",
    "probability": "probability of a fault",
    "naive": "naive",
}
"""Words of the charts by key; other languages give others."""


def fan_chart(
    fan: pd.DataFrame,
    history: pd.DataFrame | None = None,
    *,
    width: Width = 720,
    words: Mapping[str, str] | None = None,
) -> alt.LayerChart:
    """Return the throughput gone by as a line and the throughput ahead as bands around a line.

    Parameters
    ----------
    fan : pandas.DataFrame
        Columns ``begin``, ``end`` (moments without a zone, plant's clock) and one column per
        quantile, named by its number as text, e.g. ``"0.05"``, ``"0.5"``, ``"0.95"``; parts per h.
    history : pandas.DataFrame, optional
        Columns ``begin``, ``end``, ``parts_per_h``.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words by the keys of ``WORDS``, in the language of the reader.

    Raises
    ------
    ValueError
        If the fan holds no median.
    """
    levels = sorted((float(name), name) for name in fan.columns if _is_level(str(name)))
    named = {level: str(name) for level, name in levels}
    if 0.5 not in named:  # noqa: PLR2004 - the median
        raise ValueError(f"the fan has no quantile '0.5'; it has {list(named.values())}")
    said = worded(WORDS, words)
    steps = _steps(fan, named)
    layers: list[alt.Chart] = []
    if history is not None and len(history):
        layers.append(_history(history, said))
    pairs = [(low, 1 - low) for low in named if low < 0.5]  # noqa: PLR2004
    for low, high in pairs:
        match = min(named, key=lambda level, high=high: abs(level - high))  # type: ignore[misc]
        layers.append(_band(steps, (named[low], named[match]), 0.18 + 0.22 * low, said))
    layers.append(_median(steps, named, said))
    if history is not None and len(history):
        now = pd.DataFrame({"at": [fan["begin"].min()]})
        layers.append(
            alt.Chart(now).mark_rule(color=NEUTRAL, strokeDash=[4, 4]).encode(x=alt.X("at:T"))
        )
    return alt.layer(*layers).properties(width=width, height=280)


def _is_level(name: str) -> bool:
    return name.replace(".", "", 1).isdigit() and 0 < float(name) < 1


def _steps(fan: pd.DataFrame, named: dict[float, str]) -> pd.DataFrame:
    """Return the fan with its last stretch drawn to the end."""
    last = fan.iloc[[-1]].assign(begin=fan["end"].iloc[-1])
    table = pd.concat([fan, last], ignore_index=True)
    return table.rename(columns={name: _column(name) for name in named.values()})


def _column(level: str) -> str:
    # A dot in a field's name would mean a nested field.
    return f"q{level.replace('.', '_')}"


def _moment(said: Mapping[str, str]) -> alt.X:
    return alt.X("begin:T", title=said["clock"]).axis(format="%H:%M", tickCount=10)


def _rate(field: str, said: Mapping[str, str]) -> alt.Y:
    return alt.Y(f"{field}:Q", title=said["parts_h"]).scale(zero=False)


def _history(history: pd.DataFrame, said: Mapping[str, str]) -> alt.Chart:
    end = history.sort_values("begin").iloc[[-1]]
    last = pd.concat([history, end.assign(begin=end["end"])], ignore_index=True)
    return (
        alt.Chart(last)
        .mark_line(color=NEUTRAL, strokeWidth=2, interpolate="step-after")
        .encode(
            x=_moment(said),
            y=_rate("parts_per_h", said),
            tooltip=[
                alt.Tooltip("begin:T", title=said["from"], format="%a %H:%M"),
                alt.Tooltip("parts_per_h:Q", title=said["measured"], format=",.0f"),
            ],
        )
    )


def _band(
    table: pd.DataFrame, ends: tuple[str, str], opacity: float, said: Mapping[str, str]
) -> alt.Chart:
    low, high = ends
    return (
        alt.Chart(table)
        .mark_area(color=ACCENT, opacity=opacity, interpolate="step-after")
        .encode(
            x=_moment(said),
            y=_rate(_column(low), said),
            y2=alt.Y2(f"{_column(high)}:Q"),
        )
    )


def _median(table: pd.DataFrame, named: dict[float, str], said: Mapping[str, str]) -> alt.Chart:
    told = [
        alt.Tooltip(
            f"{_column(name)}:Q",
            title=said["below"].format(share=f"{100 * level:g}"),
            format=",.0f",
        )
        for level, name in named.items()
    ]
    return (
        alt.Chart(table)
        .mark_line(color=ACCENT, strokeWidth=2.5, interpolate="step-after", point=False)
        .encode(
            x=_moment(said),
            y=_rate(_column(named[0.5]), said),
            tooltip=[alt.Tooltip("begin:T", title=said["from"], format="%a %H:%M"), *told],
        )
    )


def risk_chart(
    risks: pd.DataFrame, *, width: Width = 460, words: Mapping[str, str] | None = None
) -> alt.LayerChart:
    """Return bars: the probability of a fault by station, with the naive rate as a tick.

    Parameters
    ----------
    risks : pandas.DataFrame
        Columns ``station``, ``probability``, ``naive`` (may be missing values), the most
        endangered station first.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words by the keys of ``WORDS``, in the language of the reader.
    """
    said = worded(WORDS, words)
    order = risks["station"].tolist()
    place = alt.Y("station:N", title=None, sort=order)
    told = [
        alt.Tooltip("station:N", title=said["station"]),
        alt.Tooltip("probability:Q", title=said["probability"], format=".1%"),
        alt.Tooltip("naive:Q", title=said["naive"], format=".1%"),
    ]
    bars = (
        alt.Chart(risks)
        .mark_bar(height=14, cornerRadiusEnd=3)
        .encode(
            x=alt.X("probability:Q", title=said["probability"]).axis(format="%", tickCount=6),
            y=place,
            color=alt.condition("datum.probability > 0.5", alt.value(WORSE), alt.value(ACCENT)),
            tooltip=told,
        )
    )
    known = risks.dropna(subset=["naive"])
    layers = [bars]
    if len(known):
        layers.append(
            alt.Chart(known)
            .mark_tick(color=NEUTRAL, thickness=3, height=22)
            .encode(x=alt.X("naive:Q"), y=place, tooltip=told)
        )
    return alt.layer(*layers).properties(width=width, height=28 * max(1, len(order)))
