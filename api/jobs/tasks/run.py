"""Scenarios against the line as it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from api.jobs.tasks.context import Context, LineCache, finite, interval_document

if TYPE_CHECKING:
    import xarray as xr

    from scenarios.whatif import Comparison, Interim

CHARTED = ("throughput_rate", "finished", "wip_mean", "flow_time_mean_s")
"""Figures of the line whose values in each replication go along, for charts."""
FIRST_TOLD = "throughput_rate"
"""Figure that is told while the runs go on."""


def run(payload: dict[str, Any], context: Context, lines: LineCache) -> dict[str, Any]:
    """Run an experiment and compare each scenario with the base.

    Parameters
    ----------
    payload : dict
        ``run_id``, ``line``, ``line_hash``, ``scenarios`` (id, name, changes, faults, events),
        ``options``, ``replications``, ``level``, ``state`` (or None) and ``provenance``.

    Returns
    -------
    dict
        ``RunResults``.
    """
    from scenarios.whatif import Experiment, Scenario, compare, run_experiment  # noqa: PLC0415
    from twin.engine import SimulationOptions  # noqa: PLC0415
    from twin.events import LineState  # noqa: PLC0415

    line = lines.line(payload["line"], payload["line_hash"])
    state = LineState.model_validate(payload["state"]) if payload["state"] else None
    scenarios = [
        Scenario(
            name=item["id"],
            changes=item["changes"],
            faults=item["faults"],
            events=item.get("events", ()),
        )
        for item in payload["scenarios"]
    ]
    experiment = Experiment(
        line=line,
        scenarios=tuple(scenarios),
        options=SimulationOptions(**payload["options"]),
        replications=payload["replications"],
        state=state,
    )

    def step(done: int, total: int) -> None:
        context.progress(done / total, f"{done} of {total} runs")

    def tell(found: Interim) -> None:
        context.interim(_so_far(found), finite(found.left_s))

    results = run_experiment(experiment, progress=step, cancelled=context.cancelled, interim=tell)
    comparison = compare(results, level=payload["level"])
    names = {"base": line.name or line.id} | {
        item["id"]: item["name"] for item in payload["scenarios"]
    }
    return {
        "run_id": payload["run_id"],
        "line_id": line.id,
        "provenance": payload["provenance"],
        "scenarios": [{"id": name, "name": names[name]} for name in comparison.scenarios],
        "horizon_s": experiment.options.horizon_s,
        "warm_up_s": experiment.options.warm_up_s,
        "replications": comparison.replications,
        "level": comparison.level,
        "correction": comparison.correction,
        "rows": _rows(comparison, names),
        "samples": _samples(results),
    }


def _so_far(found: Interim) -> list[dict[str, Any]]:
    """Return what the runs so far say about throughput."""
    from scenarios.whatif import compare  # noqa: PLC0415

    comparison = compare(found.results[[FIRST_TOLD]])
    base = finite(comparison.rows[0].mean.mean) if comparison.rows else None
    return [
        {
            "scenario_id": row.scenario,
            "kpi": row.kpi,
            "replications": comparison.replications,
            "base": base,
            "difference": finite(row.difference.mean),
            "low": finite(row.difference.low),
            "high": finite(row.difference.high),
            "verdict": str(row.verdict),
        }
        for row in comparison.rows
        if row.difference is not None
    ]


def _rows(comparison: Comparison, names: dict[str, str]) -> list[dict[str, Any]]:
    base = {
        (row.kpi, row.element): interval_document(row.mean, comparison.level)
        for row in comparison.rows
        if row.scenario == comparison.base
    }
    rows = []
    for row in comparison.rows:
        if row.difference is None or row.verdict is None:
            continue
        reference = base[row.kpi, row.element]
        difference = interval_document(row.difference, comparison.level)
        rows.append(
            {
                "scenario_id": row.scenario,
                "scenario": names[row.scenario],
                "kpi": row.kpi,
                "element": row.element or None,
                "unit": row.unit,
                "base": reference,
                "value": interval_document(row.mean, comparison.level),
                "difference": difference,
                "relative": _relative(reference, difference),
                "higher_is_better": row.higher_is_better,
                "relevance": finite(row.relevance) or 0.0,
                "verdict": row.verdict.value,
                "replications_needed": row.replications_needed,
                "note": row.note,
            }
        )
    return sorted(rows, key=lambda item: item["element"] is not None)


def _relative(base: dict[str, Any] | None, difference: dict[str, Any] | None) -> float | None:
    if base is None or difference is None or base["mean"] == 0:
        return None
    return finite(difference["mean"] / base["mean"])


def _samples(results: xr.Dataset) -> dict[str, dict[str, list[float | None]]]:
    names = [str(name) for name in results["scenario"].values]
    return {
        kpi: {
            name: [value if math.isfinite(value) else None for value in row]
            for name, row in zip(
                names,
                results[kpi].transpose("scenario", "replication").values.astype(float).tolist(),
                strict=True,
            )
        }
        for kpi in CHARTED
        if kpi in results
    }
