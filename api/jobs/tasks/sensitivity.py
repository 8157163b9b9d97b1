"""What a little of each thing brings."""

from __future__ import annotations

from typing import Any

from api.jobs.tasks.context import Context, LineCache, finite

HOUR_S = 3600.0
FIGURE = "throughput_rate"


def sensitivity(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Try a little of each thing, on the random numbers of the line as it is.

    Parameters
    ----------
    payload : dict
        ``line``, ``line_hash``, ``state`` (or None), ``options``, ``kinds`` (or None),
        ``replications``, ``level`` and ``provenance``.

    Returns
    -------
    dict
        ``SensitivityResult``.
    """
    from scenarios.whatif.sensitivity import KINDS, sensitivities  # noqa: PLC0415
    from twin.engine import SimulationOptions  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    found = sensitivities(
        line,
        SimulationOptions(**payload["options"]),
        replications=payload["replications"],
        figures=(FIGURE,),
        kinds=payload["kinds"] or KINDS,
        state=LineState.model_validate(payload["state"]) if payload["state"] else None,
        level=payload["level"],
        progress=lambda done, total: context.progress(done / total, f"{done} of {total} runs"),
        cancelled=context.cancelled,
    ).sel(figure=FIGURE)
    columns = ("kind", "element", "unit", "gain", "low", "high", "share")
    rows = zip(*(found[name].values.tolist() for name in columns), strict=True)
    return {
        "throughput_per_h": float(found["mean"]) * HOUR_S,
        "gains": [_gain(*row) for row in rows],
        "horizon_s": payload["options"]["horizon_s"],
        "replications": found.attrs["replications"],
        "level": found.attrs["level"],
        "provenance": payload["provenance"],
    }


def _gain(  # noqa: PLR0913, PLR0917 - the columns of a row
    kind: str, element: str, unit: str, gain: float, low: float, high: float, share: float
) -> dict[str, Any]:
    return {
        "kind": kind,
        "element": element,
        "unit": unit,
        "gain_per_h": finite(gain * HOUR_S),
        "low_per_h": finite(low * HOUR_S),
        "high_per_h": finite(high * HOUR_S),
        "share": finite(share),
        "effect": "better" if low > 0 else "worse" if high < 0 else "not told",
    }
