"""Charts of what-if: what scenarios change and scatter, what a little brings, what money buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import xarray as xr

from scenarios.whatif.comparison import KPIS
from twin.kpi.charts import ACCENT, BETTER, NEUTRAL, OPEN, WORSE, Width, worded

if TYPE_CHECKING:
    from scenarios.whatif.comparison import Comparison
    from scenarios.whatif.design import Tried

NAMES = {
    "throughput_rate": "throughput",
    "finished": "finished",
    "scrapped": "scrapped",
    "wip_mean": "in the line, mean",
    "flow_time_mean_s": "flow time, mean",
    "flow_time_p90_s": "flow time, 90 %",
}
"""Names of the line's own figures, in the order in which they are drawn."""
VERDICTS = {"better": BETTER, "worse": WORSE, "cannot tell yet": OPEN}
"""Colours of verdicts; that nothing relevant is different is neutral."""
SEVERAL = (ACCENT, "#e08a1e", "#8467d7", "#1f9d67", "#d9463b", "#2aa5a0")
"""Colours of scenarios side by side, the same in every chart."""
LETTER_PX = 7
"""Width of a letter below an axis, about, pixels: longer names are told by a legend."""
LEGEND_PX, SIGN_PX = 320, 30
"""Room for a legend in the narrowest chart of the page, and for one of its signs, pixels."""


def titled(figure: str) -> str:
    """Return a figure's name and unit as the title of an axis, e.g. ``throughput, parts/s``."""
    unit = KPIS[figure].unit if figure in KPIS else ""
    return ", ".join(filter(None, (NAMES.get(figure, figure), unit)))


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Return what ``comparison_chart`` draws: relative changes of the line's own figures.

    Returns
    -------
    pandas.DataFrame
        Columns ``scenario``, ``figure``, ``change``, ``low``, ``high`` (shares of the base's mean),
        ``verdict``. A figure whose base is zero has no relative change and is left out.
    """
    base = {
        row.kpi: row.mean.mean
        for row in comparison.rows
        if row.scenario == comparison.base and not row.element
    }
    rows = [
        {
            "scenario": row.scenario,
            "figure": NAMES.get(row.kpi, row.kpi),
            "change": row.difference.mean / base[row.kpi],
            "low": row.difference.low / base[row.kpi],
            "high": row.difference.high / base[row.kpi],
            "verdict": str(row.verdict),
        }
        for row in comparison.rows
        if row.difference is not None and not row.element and base.get(row.kpi)
    ]
    columns = ["scenario", "figure", "change", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


WORDS = NAMES | {
    "change": "change against the base",
    "scenario": "scenario",
    "figure": "figure",
    "low": "low",
    "high": "high",
    "verdict": "says",
    "replication": "run",
    "value": "value",
    "better": "better",
    "worse": "worse",
    "cannot tell yet": "cannot tell yet",
    "no relevant difference": "no relevant difference",
}
"""Words of the charts by key; other languages give others."""


def comparison_chart(
    table: pd.DataFrame, *, width: Width = 460, words: Mapping[str, str] | None = None
) -> alt.LayerChart:
    """Return dots with intervals: the change of each figure in percent of the base.

    Parameters
    ----------
    table : pandas.DataFrame
        As from ``comparison_table``; figures by their English names.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words by the keys of ``WORDS``, in the language of the reader.
    """
    said = worded(WORDS, words)
    table = table.replace({"figure": {NAMES[key]: said[key] for key in NAMES}, "verdict": said})
    colours = {said[verdict]: colour for verdict, colour in VERDICTS.items()}
    names = list(dict.fromkeys(table["scenario"]))
    several = len(names) > 1
    order = [said[key] for key in NAMES if said[key] in set(table["figure"])]
    judged = sorted(set(table["verdict"]))
    place = alt.Y("figure:N", title=None, sort=order)
    offset = alt.YOffset("scenario:N", sort=names) if several else alt.Undefined
    tint = (
        _tint(names, SEVERAL)
        if several
        else _tint(judged, [colours.get(name, NEUTRAL) for name in judged], "verdict")
    )
    title = said["change"]
    change = alt.X("change:Q", title=title).axis(format="+.2~%", tickCount=6).scale(padding=10)
    told = [
        alt.Tooltip("scenario:N", title=said["scenario"]),
        alt.Tooltip("figure:N", title=said["figure"]),
        *(
            alt.Tooltip(f"{name}:Q", title=said[name], format="+.1%")
            for name in ("change", "low", "high")
        ),
        alt.Tooltip("verdict:N", title=said["verdict"]),
    ]
    shared = alt.Chart(table).encode(y=place, yOffset=offset, color=tint, tooltip=told)
    zero = alt.Chart(pd.DataFrame({"at": [0.0]})).mark_rule(color=NEUTRAL).encode(x="at:Q")
    spans = shared.mark_rule(strokeWidth=4, opacity=0.45, strokeCap="round").encode(
        x=alt.X("low:Q", title=title), x2="high:Q"
    )
    dots = shared.mark_point(filled=True, size=85, opacity=1).encode(x=change)
    step = 34 if not several else 18 * len(names)
    return alt.layer(zero, spans, dots).properties(width=width, height=step * max(1, len(order)))


def _tint(names: Sequence[str], colours: Sequence[str], field: str = "scenario") -> alt.Color:
    """Return colours by name, explained in a legend above with as many beside each other as fit."""
    longest = max(map(len, names), default=0)
    columns = max(1, min(3, int(LEGEND_PX / (SIGN_PX + LETTER_PX * longest))))
    return (
        alt.Color(f"{field}:N", title=None, sort=list(names))
        .scale(domain=list(names), range=list(colours[: len(names)]))
        .legend(orient="top", columns=columns, labelLimit=LEGEND_PX - SIGN_PX)
    )


def sample_table(results: xr.Dataset, figure: str = "throughput_rate") -> pd.DataFrame:
    """Return what ``samples_chart`` draws: one figure of the line in every run.

    Parameters
    ----------
    results : xarray.Dataset
        From ``run_experiment``, dims ``scenario`` and ``replication``.
    figure : str
        Variable without further dims.

    Returns
    -------
    pandas.DataFrame
        Columns ``scenario``, ``replication``, ``value``.
    """
    values = results[figure]
    return pd.DataFrame(
        [
            {"scenario": str(name), "replication": int(number), "value": float(value)}
            for name, runs in zip(values["scenario"].values, values.values, strict=True)
            for number, value in zip(values["replication"].values, runs, strict=True)
        ]
    )


def samples_chart(
    table: pd.DataFrame,
    title: str = "throughput",
    *,
    width: Width = 460,
    words: Mapping[str, str] | None = None,
) -> alt.LayerChart:
    """Return a dot per run, a line between runs that met the same luck, and a bar at each mean.

    Parameters
    ----------
    table : pandas.DataFrame
        As from ``sample_table``; the first scenario is the base.
    title : str
        Name and unit of the figure.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words by the keys of ``WORDS``, in the language of the reader.
    """
    said = worded(WORDS, words)
    names = list(dict.fromkeys(table["scenario"]))
    room = (width if isinstance(width, int) else 460) / max(1, len(names))
    crowded = LETTER_PX * max(map(len, names), default=0) > room
    tint = _tint(names, [NEUTRAL, *SEVERAL])
    tint = tint if crowded else tint.legend(None)
    at = alt.X("scenario:N", title=None, sort=names).axis(
        labelAngle=0, labelLimit=170, labels=not crowded, grid=False, ticks=False
    )
    value = alt.Y("value:Q", title=title).scale(zero=False, padding=8)
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=1, opacity=0.28, color=NEUTRAL)
        .encode(x=at, y=value, detail="replication:N")
    )
    dots = (
        alt.Chart(table)
        .mark_point(filled=True, size=38, opacity=0.6)
        .encode(
            x=at,
            y=value,
            color=tint,
            tooltip=[
                alt.Tooltip("scenario:N", title=said["scenario"]),
                alt.Tooltip("replication:N", title=said["replication"]),
                alt.Tooltip("value:Q", title=said["value"], format=",.2f"),
            ],
        )
    )
    means = (
        alt.Chart(table)
        .mark_tick(thickness=3, width=46)
        .encode(x=at, y=alt.Y("mean(value):Q", title=title), color=tint)
    )
    return alt.layer(lines, dots, means).properties(width=width, height=230)


def tornado_table(
    found: xr.Dataset, figure: str = "throughput_rate", most: int = 15
) -> pd.DataFrame:
    """Return what ``tornado_chart`` draws: what a little of each thing brings, most first.

    Parameters
    ----------
    found : xarray.Dataset
        From ``sensitivities``.
    figure : str
        One of its figures.
    most : int
        Rows at most.

    Returns
    -------
    pandas.DataFrame
        Columns ``factor`` (with its unit), ``gain``, ``low``, ``high`` (shares of the line's mean)
        and ``effect``: ``better`` or ``worse`` by the good direction of the figure (more of a cost
        is worse), ``not told`` where the interval holds zero.
    """
    one = found.sel(figure=figure)
    up, down = _judged(figure)
    mean = abs(float(one["mean"]))
    rows = [
        {
            "factor": f"{name} {unit}",
            "gain": gain / mean,
            "low": low / mean,
            "high": high / mean,
            "effect": up if low > 0 else down if high < 0 else "not told",
        }
        for name, unit, gain, low, high in zip(
            *(one[key].values.tolist() for key in ("factor", "unit", "gain", "low", "high")),
            strict=True,
        )
    ]
    table = pd.DataFrame(rows, columns=["factor", "gain", "low", "high", "effect"])
    return table.sort_values("gain", key=abs, ascending=False, kind="stable").head(most)


TORNADO_WORDS = {
    "better": "better",
    "worse": "worse",
    "not told": "not told",
    "factor": "factor",
    "gain": "gain",
    "low": "low",
    "high": "high",
    "effect": "effect",
}


def tornado_chart(
    table: pd.DataFrame,
    title: str = "change of the throughput, share of its mean",
    *,
    width: Width = 460,
    words: Mapping[str, str] | None = None,
) -> alt.LayerChart:
    """Return bars with intervals: what a little of each thing brings, in percent.

    Parameters
    ----------
    table : pandas.DataFrame
        As from ``tornado_table``.
    title : str
        What the bars show.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words of another language, by the keys of ``TORNADO_WORDS``.
    """
    said = worded(TORNADO_WORDS, words)
    tints = {said["better"]: BETTER, said["worse"]: WORSE, said["not told"]: NEUTRAL}
    table = table.assign(effect=[said[name] for name in table["effect"]])
    effects = [name for name in tints if name in set(table["effect"])]
    tint = _tint(effects, [tints[name] for name in effects], "effect")
    place = alt.Y("factor:N", title=None, sort=list(table["factor"])).axis(labelLimit=260)
    shared = alt.Chart(table).encode(
        y=place,
        tooltip=[
            alt.Tooltip("factor:N", title=said["factor"]),
            *(
                alt.Tooltip(f"{name}:Q", format="+.2%", title=said[name])
                for name in ("gain", "low", "high")
            ),
        ],
    )
    bars = shared.mark_bar(opacity=0.75).encode(
        x=alt.X("gain:Q", title=title).axis(format="+.2~%", tickCount=6).scale(padding=10),
        color=tint,
    )
    ends = {"x": alt.X("low:Q", title=title), "x2": "high:Q"}
    spans = shared.mark_rule(strokeWidth=2, color=NEUTRAL).encode(**ends)
    return alt.layer(bars, spans).properties(width=width, height=22 * max(1, len(table)))


SCREENING_WORDS = {
    "morris": "mean effect on {figure} over the range; tick: spread of the effects",
    "sobol": "share of the variance of {figure}, with others; tick: alone",
    "factor": "factor",
    "value": "value",
    "low": "low",
    "high": "high",
    "tick": "tick",
}


def screening_chart(
    found: xr.Dataset, *, most: int = 15, width: Width = 460, words: Mapping[str, str] | None = None
) -> alt.LayerChart:
    """Return what matters over wide ranges, most first: bars with intervals, and a tick on each.

    A bar is Morris' mean effect, its tick the spread: a long one does not work straight, or works
    with others. Or a bar is Sobol's total index, its tick the first-order one: what lies between
    them comes from working with others.

    Parameters
    ----------
    found : xarray.Dataset
        From ``scenarios.whatif.screening.screen``.
    most : int
        Factors at most.
    width : int or "container"
        Width, pixels.
    words : mapping of str to str, optional
        Words of another language, by the keys of ``SCREENING_WORDS``, and names of figures.
    """
    said = worded(SCREENING_WORDS, words)
    method = found.attrs["method"]
    value, tick = ("mu_star", "sigma") if method == "morris" else ("total", "first")
    table = found.to_dataframe().reset_index().nlargest(most, value)
    half = table[f"{value}_half_width"]
    table = table.assign(
        value=table[value], tick=table[tick], low=table[value] - half, high=table[value] + half
    )[["factor", "value", "tick", "low", "high"]]
    figure = found.attrs["figure"]
    name = (words or {}).get(figure) or NAMES.get(figure, figure)
    unit = found.attrs["unit"] if method == "morris" else ""  # a share of the variance has none
    # Two lines: one would be cut off where the chart is narrow.
    title = said[method].format(figure=", ".join(filter(None, (name, unit)))).split("; ")
    numbers = [
        alt.Tooltip(f"{name}:Q", format=".3~g", title=said[name])
        for name in ("value", "low", "high", "tick")
    ]
    shared = alt.Chart(table).encode(
        y=alt.Y("factor:N", title=None, sort=list(table["factor"])).axis(labelLimit=320),
        tooltip=[alt.Tooltip("factor:N", title=said["factor"]), *numbers],
    )
    bars = shared.mark_bar(opacity=0.75, color=ACCENT).encode(x=alt.X("value:Q", title=title))
    spans = shared.mark_rule(strokeWidth=2, color=NEUTRAL).encode(x="low:Q", x2="high:Q")
    ticks = shared.mark_tick(thickness=3, size=16, color=WORSE).encode(x="tick:Q")
    return alt.layer(bars, spans, ticks).properties(width=width, height=22 * max(1, len(table)))


def _judged(figure: str) -> tuple[str, str]:
    """Return what more and what less of a figure is."""
    if figure not in KPIS:
        return "not told", "not told"
    return ("better", "worse") if KPIS[figure].higher_is_better else ("worse", "better")


def pareto_table(designs: Sequence[Tried]) -> pd.DataFrame:
    """Return what ``pareto_chart`` draws: the designs of a front, cheapest first.

    Parameters
    ----------
    designs : sequence of Tried
        ``front`` of an optimised design.

    Returns
    -------
    pandas.DataFrame
        Columns ``cost``, ``mean``, ``low``, ``high``, ``design`` (values by path, in words).
    """
    rows = [
        {
            "cost": one.cost,
            "mean": one.mean,
            "low": one.low,
            "high": one.high,
            "design": ", ".join(f"{path} {value}" for path, value in one.values.items()),
        }
        for one in designs
    ]
    return pd.DataFrame(rows, columns=["cost", "mean", "low", "high", "design"])


def pareto_chart(
    table: pd.DataFrame,
    title: str = "throughput, parts/s",
    *,
    width: Width = 460,
) -> alt.LayerChart:
    """Return what each amount of money buys: a step line with intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        As from ``pareto_table``.
    title : str
        Name and unit of the figure.
    width : int or "container"
        Width, pixels.
    """
    shared = alt.Chart(table).encode(
        x=alt.X("cost:Q", title="cost, in the unit of the prices").scale(zero=False, padding=12),
        tooltip=[alt.Tooltip("cost:Q"), alt.Tooltip("mean:Q"), alt.Tooltip("design:N")],
    )
    value = alt.Y("mean:Q", title=title).scale(zero=False)
    line = shared.mark_line(interpolate="step-after", color=NEUTRAL).encode(y=value)
    spans = shared.mark_rule(strokeWidth=3, opacity=0.45, color=ACCENT).encode(
        y=alt.Y("low:Q", title=title), y2="high:Q"
    )
    dots = shared.mark_point(filled=True, size=70, opacity=1, color=ACCENT).encode(y=value)
    return alt.layer(line, spans, dots).properties(width=width, height=230)
