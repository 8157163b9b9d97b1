"""Comparisons: scenarios of finished runs against each other, replication by replication."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter

from api.problems import CONFLICT, RefusalError, invalid, not_found
from api.routes.common import MayRead, TheSite
from api.schemas import (
    ComparisonIn,
    ComparisonRow,
    ComparisonView,
    Interval,
    RunResults,
    ScenarioName,
)
from api.site import Site
from api.store import Resource, ResourceKind

if TYPE_CHECKING:
    import xarray as xr

    from scenarios.whatif import Comparison

router = APIRouter(prefix="/v1/comparisons", tags=["what-if"])
SAME = ("line_id", "horizon_s", "warm_up_s", "replications", "seed", "start_as_of", "start")
"""What runs must share for their replications to be pairs."""
FEWEST = 2
"""Values that an interval needs."""


@router.post("")
def compare_runs(site: TheSite, _who: MayRead, body: ComparisonIn) -> ComparisonView:
    """Hold the scenarios of finished runs against one of them; keeps nothing."""
    results = _results(site, body)
    names = {
        item.id: item.name for result in reversed(results) for item in reversed(result.scenarios)
    }
    if body.reference not in names:
        raise invalid("reference", f"{body.reference!r} is in none of the runs", ", ".join(names))
    from scenarios.whatif import compare  # noqa: PLC0415 - brings in scipy

    found = compare(_dataset(results), base=body.reference, level=body.level)
    return ComparisonView(
        line_id=results[0].line_id,
        run_ids=body.run_ids,
        reference=body.reference,
        scenarios=tuple(ScenarioName(id=name, name=names[name]) for name in found.scenarios),
        replications=results[0].replications,
        level=body.level,
        rows=tuple(_rows(found, names, body.reference)),
        provenance=results[0].provenance.model_copy(update={"scenario_id": None}),
    )


def _results(site: Site, body: ComparisonIn) -> list[RunResults]:
    if len(set(body.run_ids)) < len(body.run_ids):
        raise invalid("run_ids", "names a run twice", "each run once")
    runs: list[Resource] = []
    with site.store.begin() as transaction:
        for identity in body.run_ids:
            found = transaction.find(ResourceKind.RUN, identity)
            if found is None:
                raise not_found("run", identity)
            if found.result is None:
                raise RefusalError(CONFLICT, f"the run {identity} has no results yet")
            runs.append(found)
    results = [RunResults.model_validate(run.result) for run in runs]
    for run, result in zip(runs, results, strict=True):
        facts, first = _facts(run, result), _facts(runs[0], results[0])
        apart = [name for name, value in facts.items() if first[name] != value]
        if apart:
            message = f"{run.id} differs from {runs[0].id} in {', '.join(apart)}"
            raise invalid("run_ids", message, "runs whose replications are pairs")
    return results


def _facts(run: Resource, result: RunResults) -> dict[str, Any]:
    told = run.document | {"line_id": run.line_id}
    return {name: told[name] for name in SAME} | {"model": result.provenance.model_version}


def _dataset(results: list[RunResults]) -> xr.Dataset:
    import xarray as xr  # noqa: PLC0415 - heavy

    samples: dict[str, dict[str, list[float]]] = {}
    for result in results:
        for kpi, by_scenario in result.samples.items():
            for name, values in by_scenario.items():
                row = [math.nan if value is None else value for value in values]
                samples.setdefault(kpi, {}).setdefault(name, row)
    scenarios = list(dict.fromkeys(name for rows in samples.values() for name in rows))
    return xr.Dataset(
        {
            kpi: (("scenario", "replication"), np.array([rows[name] for name in scenarios]))
            for kpi, rows in samples.items()
        },
        coords={"scenario": np.array(scenarios, dtype=object)},
    )


def _rows(found: Comparison, names: dict[str, str], reference: str) -> list[ComparisonRow]:
    base = {row.kpi: row.mean for row in found.rows if row.scenario == reference}
    rows = []
    for row in found.rows:
        if row.difference is None or row.verdict is None:
            continue
        mean = base[row.kpi].mean
        gap = row.difference.mean
        known = math.isfinite(mean) and mean != 0 and math.isfinite(gap)
        rows.append(
            ComparisonRow(
                scenario_id=row.scenario,
                scenario=names[row.scenario],
                kpi=row.kpi,
                unit=row.unit,
                base=_interval(base[row.kpi], found.level),
                value=_interval(row.mean, found.level),
                difference=_interval(row.difference, found.level),
                relative=gap / mean if known else None,
                higher_is_better=row.higher_is_better,
                relevance=row.relevance if math.isfinite(row.relevance) else 0.0,
                verdict=row.verdict.value,
                replications_needed=row.replications_needed,
                note=row.note,
            )
        )
    return rows


def _interval(found: Any, level: float) -> Interval | None:
    values = (found.mean, found.low, found.high, found.half_width)
    if found.n < FEWEST or not all(math.isfinite(value) for value in values):
        return None
    mean, low, high, half_width = values
    return Interval(mean=mean, low=low, high=high, half_width=half_width, n=found.n, level=level)
