"""Turns answers of the API into chart specifications, with the charts that notebooks use too."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.schemas import (
    ComparisonRow,
    ForecastResult,
    RunResults,
    ScheduleResult,
    ScreeningResult,
    SensitivityResult,
)

if TYPE_CHECKING:
    import pandas as pd

SHOWN = {
    "throughput_rate": (3600.0, 1, "unit.parts_h"),
    "finished": (1.0, 1, "unit.parts"),
    "scrapped": (1.0, 1, "unit.parts"),
    "wip_mean": (1.0, 1, "unit.parts"),
    "flow_time_mean_s": (1 / 60, 1, "unit.min"),
    "flow_time_p90_s": (1 / 60, 1, "unit.min"),
}
"""Scale, digits and unit of the figures of a comparison."""
MOST_SAMPLES = 200
"""Runs drawn per scenario; more dots say no more."""


def warm_up() -> None:
    """Load the chart library, which takes about a second."""
    import scenarios.forecast.charts  # noqa: PLC0415 - heavy, and a page may never need it
    import scenarios.whatif.charts  # noqa: F401, PLC0415


def comparison(results: RunResults, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart of what a scenario changes in the line's own figures."""
    import pandas as pd  # noqa: PLC0415 - heavy

    from scenarios.whatif.charts import NAMES, comparison_chart  # noqa: PLC0415

    rows = [
        {"scenario": row.scenario, "figure": NAMES[row.kpi], **_relative(row)}
        for row in results.rows
        if row.element is None and row.kpi in NAMES and _drawable(row)
    ]
    columns = ["scenario", "figure", "change", "low", "high", "verdict"]
    table = pd.DataFrame(rows, columns=columns)
    return _spec(comparison_chart(table, width="container", words=_chart_words(words)))


def _drawable(row: ComparisonRow) -> bool:
    return row.difference is not None and row.base is not None and row.base.mean != 0


def _relative(row: ComparisonRow) -> dict[str, float | str]:
    assert row.difference is not None
    assert row.base is not None
    scale = 1 / row.base.mean
    return {
        "change": row.difference.mean * scale,
        "low": row.difference.low * scale,
        "high": row.difference.high * scale,
        "verdict": row.verdict,
    }


def samples(results: RunResults, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart of the throughput in every run."""
    import pandas as pd  # noqa: PLC0415 - heavy

    from scenarios.whatif.charts import samples_chart  # noqa: PLC0415

    found = results.samples.get("throughput_rate", {})
    names = {item.id: item.name for item in results.scenarios} | {"base": words["chart.base"]}
    table = pd.DataFrame(
        [
            {"scenario": names.get(key, key), "replication": number, "value": value * 3600}
            for key, values in found.items()
            for number, value in enumerate(values[:MOST_SAMPLES])
            if value is not None
        ],
        columns=["scenario", "replication", "value"],
    )
    return _spec(
        samples_chart(
            table, words["chart.throughput"], width="container", words=_chart_words(words)
        )
    )


def fan(result: ForecastResult, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart of the throughput ahead, in parts per hour."""
    import pandas as pd  # noqa: PLC0415 - heavy

    from scenarios.forecast.charts import fan_chart  # noqa: PLC0415

    ahead = pd.DataFrame(
        [
            {"begin": _wall(point.begin), "end": _wall(point.end)}
            | {
                level: parts / _hours(point.begin, point.end)
                for level, parts in point.quantiles.items()
            }
            for point in result.throughput
        ]
    )
    behind = pd.DataFrame(
        [
            {
                "begin": _wall(point.begin),
                "end": _wall(point.end),
                "parts_per_h": point.finished / _hours(point.begin, point.end),
            }
            for point in result.history
        ]
    )
    return _spec(fan_chart(ahead, behind, width="container", words=_chart_words(words)))


def risk(result: ForecastResult, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart of the fault risks."""
    import pandas as pd  # noqa: PLC0415 - heavy

    from scenarios.forecast.charts import risk_chart  # noqa: PLC0415

    table = pd.DataFrame(
        [
            {
                "station": item.station,
                "probability": item.probability,
                "naive": item.naive_probability,
            }
            for item in result.fault_risks
        ],
        columns=["station", "probability", "naive"],
    )
    table = table.astype({"naive": float})
    return _spec(risk_chart(table, width="container", words=_chart_words(words)))


def gains(result: SensitivityResult, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the tornado chart of what a little of each thing brings."""
    import pandas as pd  # noqa: PLC0415 - heavy

    from scenarios.whatif.charts import tornado_chart  # noqa: PLC0415

    mean = result.throughput_per_h
    rows = [
        {
            "factor": words["gain.named"].format(
                kind=words[f"gain.{gain.kind}"], element=gain.element
            )
            + f" {gain.unit}",
            "gain": gain.gain_per_h / mean,
            "low": (gain.low_per_h or 0.0) / mean,
            "high": (gain.high_per_h or 0.0) / mean,
            "effect": gain.effect,
        }
        for gain in result.gains
        if gain.gain_per_h is not None and mean > 0
    ]
    table = pd.DataFrame(rows, columns=["factor", "gain", "low", "high", "effect"])
    return _spec(
        tornado_chart(table, words["chart.gain"], width="container", words=_chart_words(words))
    )


def screening(result: ScreeningResult, words: Mapping[str, str]) -> dict[str, Any]:
    """Return the chart of what matters most; throughput in parts per hour, flow time in minutes."""
    import xarray as xr  # noqa: PLC0415 - heavy

    from scenarios.whatif.charts import screening_chart  # noqa: PLC0415

    scale, _, unit = SHOWN[result.figure]
    morris = result.method == "morris"
    value, tick = ("mu_star", "sigma") if morris else ("total", "first")
    by = scale if morris else 1.0
    found = xr.Dataset(
        {
            value: ("factor", [by * one.value for one in result.influences]),
            tick: ("factor", [by * one.spread for one in result.influences]),
            f"{value}_half_width": (
                "factor",
                [by * (one.value_high - one.value) for one in result.influences],
            ),
        },
        coords={
            "factor": [
                words["gain.named"].format(kind=words[f"gain.{one.kind}"], element=one.element)
                for one in result.influences
            ]
        },
        attrs={"method": result.method, "figure": result.figure, "unit": words[unit]},
    )
    return _spec(screening_chart(found, width="container", words=_chart_words(words)))


def gantt(
    result: ScheduleResult, names: Mapping[str, str], words: Mapping[str, str]
) -> dict[str, Any]:
    """Return the chart of a schedule; ``names`` of stations for people by id, in their order."""
    import pandas as pd  # noqa: PLC0415 - heavy

    from scenarios.schedule.charts import gantt_chart  # noqa: PLC0415

    bars = pd.DataFrame(
        [
            {
                "order": bar.order,
                "operation": bar.operation,
                "station": names.get(bar.station, bar.station),
                "start": _wall(bar.start),
                "end": _wall(bar.end),
            }
            for bar in result.operations
        ]
    )
    used = set(bars["station"]) if len(bars) else set()
    order = [name for name in dict.fromkeys(names.values()) if name in used]
    order += sorted(used - set(order))
    return _spec(gantt_chart(bars, stations=order, words=_chart_words(words)))


def _chart_words(words: Mapping[str, str]) -> dict[str, str]:
    """Return the words of charts by the keys that charts have."""
    groups = ("chart.", "verdict.")
    return {
        key.removeprefix(group): text
        for group in groups
        for key, text in words.items()
        if key.startswith(group)
    }


def _wall(moment: datetime) -> pd.Timestamp:
    """Return a moment on the plant's own clock: a chart draws times as they stand."""
    import pandas as pd  # noqa: PLC0415 - heavy

    return pd.Timestamp(moment.replace(tzinfo=None))


def _hours(begin: datetime, end: datetime) -> float:
    return max((end - begin).total_seconds() / 3600, 1e-9)


def _spec(chart: Any) -> dict[str, Any]:
    found: dict[str, Any] = chart.to_dict()
    return found
