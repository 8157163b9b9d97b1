"""What matters most over the ranges in which settings may lie."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache

if TYPE_CHECKING:
    import xarray as xr

SMALL = 0.1
"""Share of the largest influence below which another one hardly matters."""
FLAT = 0.01
"""Share of the figure's mean: where it varies by less in all, nothing matters."""
SPREAD = 0.5
"""Share of the mean effect from which the spread says that effects differ from place to place."""


def screening(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Vary several settings at once, and tell which of them matter.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state`` (or None), ``options``, ``settings`` (kind, element, low,
        high), ``figure``, ``method``, ``samples``, ``replications`` and ``provenance``.

    Returns
    -------
    dict
        ``ScreeningResult``.
    """
    from scenarios.whatif.screening import screen  # noqa: PLC0415
    from scenarios.whatif.sensitivity import factors, scale  # noqa: PLC0415
    from twin.engine import SimulationOptions  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    known = {factor.name: factor for factor in factors(line)}
    settings = {f"{item['kind']} {item['element']}": item for item in payload["settings"]}
    found = screen(
        line,
        SimulationOptions(**payload["options"]),
        {name: (item["low"], item["high"]) for name, item in settings.items()},
        method=payload["method"],
        samples=payload["samples"],
        replications=payload["replications"],
        figure=payload["figure"],
        changes=lambda name, times: scale(line, known[name], times),
        state=LineState.model_validate(payload["state"]) if payload["state"] else None,
        progress=lambda done, total: context.progress(done / total, f"{done} of {total} runs"),
        cancelled=context.cancelled,
    )
    return {
        "method": payload["method"],
        "figure": payload["figure"],
        "unit": _unit(payload["figure"]),
        "influences": _influences(found, settings),
        "lowest": found.attrs["lowest"],
        "mean": found.attrs["mean"],
        "highest": found.attrs["highest"],
        "points": found.attrs["designs"],
        "replications": payload["replications"],
        "horizon_s": payload["options"]["horizon_s"],
        "provenance": payload["provenance"],
    }


def _unit(figure: str) -> str:
    from scenarios.whatif.comparison import KPIS  # noqa: PLC0415

    return KPIS[figure].unit


def _influences(found: xr.Dataset, settings: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    morris = found.attrs["method"] == "morris"
    value, spread = ("mu_star", "sigma") if morris else ("total", "first")
    # Where the figure does not vary at all, there are no shares of its variance.
    found = found.fillna(0.0)
    varies = found.attrs["highest"] - found.attrs["lowest"]
    flat = varies < FLAT * abs(found.attrs["mean"])
    small = math.inf if flat else SMALL * float(found[value].max())
    told = []
    for name in sorted(settings, key=lambda name: -float(found[value].sel(factor=name))):
        one = {key: float(values) for key, values in found.sel(factor=name).data_vars.items()}
        half = one[f"{value}_half_width"]
        low, high = one[value] - half, one[value] + half
        told.append(
            settings[name]
            | {
                "value": one[value],
                "value_low": low,
                "value_high": high,
                "spread": one[spread],
                "direction": _direction(one["mu"], one["mu_star"]) if morris else "either",
                "says": _says(low, high, small),
                "together": one["sigma"] > SPREAD * one["mu_star"]
                if morris
                else low > one["first"],
            }
        )
    return told


def _direction(mean: float, size: float) -> str:
    """Return what the figure does as a setting grows: effects of both signs mean either."""
    if abs(mean) < SPREAD * size or size == 0.0:
        return "either"
    return "more" if mean > 0 else "less"


def _says(low: float, high: float, small: float) -> str:
    if low > small:
        return "matters"
    return "hardly matters" if high <= small else "not told"
