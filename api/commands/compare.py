"""``twin compare``: what results say, and how a comparison is shown."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from api.commands.about import Json
from api.commands.console import ExitCode, emit_json, emit_table, fail, plus_minus
from api.commands.simulate import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

    from scenarios.whatif import Comparison, Row
    from twin.kpi.output_analysis import Interval

Level = Annotated[
    float, typer.Option("--level", min=0.5, max=0.9999, help="Confidence of the intervals.")
]
Relevance = Annotated[
    list[str] | None,
    typer.Option(
        "--relevance",
        metavar="SHARE or KPI=AMOUNT",
        help="Smallest difference that matters, e.g. 0.02, or wip_mean=5; may be given often.",
    ),
]
Correction = Annotated[
    str,
    typer.Option(
        "--correction",
        help="bonferroni: the level holds for all scenarios together; none: for each alone.",
    ),
]
Costs = Annotated[
    str | None, typer.Option("--costs", help="Price the runs: a cost model (YAML), thb or eur.")
]
SPREAD = ("throughput_rate", "wip_mean", "flow_time_mean_s", "cost_total")
"""Figures whose P10, P50 and P90 are shown."""


def compare(  # noqa: PLR0913, PLR0917 - the options of a command
    results: Annotated[Path, typer.Argument(help="A folder or file of results.")],
    base: Annotated[str, typer.Option("--base", help="Scenario to compare with.")] = "base",
    level: Level = 0.95,
    relevance: Relevance = None,
    correction: Correction = "bonferroni",
    costs: Costs = None,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write the results as .nc, .parquet, .csv, .xlsx, .zarr, ..."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare scenarios from results that were kept; other prices or limits need no new runs."""
    from twin.kpi.results import load_results, save_results  # noqa: PLC0415 - heavy

    found = load_results(results)
    if "scenario" not in found.dims:
        raise fail(ExitCode.USAGE, f"{results} holds runs of one line and no scenarios")
    told = tell(found, base, level, relevance, correction, costs)
    if json:
        emit_json(document(*told))
    else:
        show(*told)
    if save is not None:
        save_results(told[1], save)


def tell(
    results: xr.Dataset,
    base: str,
    level: float,
    relevance: list[str] | None,
    correction: str,
    costs: str | None,
) -> tuple[Comparison, xr.Dataset]:
    """Return the comparison, and the results with costs where they are wanted."""
    from scenarios.whatif import compare as compared  # noqa: PLC0415 - heavy
    from scenarios.whatif.costs import load_costs, priced  # noqa: PLC0415 - heavy
    from scenarios.whatif.experiment import Experiment  # noqa: PLC0415 - heavy

    if costs is not None:
        results = priced(results, load_costs(costs, Experiment.from_results(results).line))
    limits = amounts(relevance or [])
    return compared(results, base, level, limits, correction_of(correction)), results


def correction_of(text: str) -> Literal["none", "bonferroni"]:
    """Return a correction by its name."""
    if text == "none":
        return "none"
    if text == "bonferroni":
        return "bonferroni"
    raise fail(ExitCode.USAGE, f"--correction {text}: expected bonferroni or none")


def amounts(texts: list[str]) -> float | dict[str, float]:
    """Return what ``--relevance`` says: a share, or amounts by figure."""
    from scenarios.whatif.comparison import KPIS  # noqa: PLC0415 - heavy

    found: dict[str, float] = {}
    share = 0.01
    for text in texts:
        kpi, sign, amount = text.rpartition("=")
        try:
            value = float(amount)
        except ValueError:
            value = -1.0
        if not value >= 0 or (sign and kpi not in KPIS):
            known = ", ".join(KPIS)
            message = f"--relevance {text}: expected a share such as 0.02, or KPI=AMOUNT of {known}"
            raise fail(ExitCode.USAGE, message)
        if sign:
            found[kpi] = value
        else:
            share = value
    if found and share != 0.01:  # noqa: PLR2004 - as it stands above
        raise fail(ExitCode.USAGE, "--relevance: give one share, or amounts by figure, not both")
    return found or share


def document(comparison: Comparison, results: xr.Dataset) -> dict[str, Any]:
    """Return a comparison and the spread of its figures for JSON."""
    from dataclasses import asdict  # noqa: PLC0415 - heavy

    from scenarios.whatif.chances import spreads  # noqa: PLC0415 - heavy

    about = {"experiment_id": results.attrs.get("experiment_id")}
    found = [asdict(one) for kpi in SPREAD if kpi in results for one in spreads(results, kpi)]
    return about | comparison.document() | {"spreads": found}


def show(comparison: Comparison, results: xr.Dataset) -> None:
    """Print a comparison and how the figures scatter."""
    base = {
        (row.kpi, row.element): row for row in comparison.rows if row.scenario == comparison.base
    }
    shown = [
        row
        for row in comparison.rows
        if row.scenario != comparison.base and (not row.element or _tells(row))
    ]
    together = (
        f" for all {len(comparison.scenarios) - 1} scenarios together (Bonferroni)"
        if comparison.correction == "bonferroni" and len(comparison.scenarios) > 2  # noqa: PLR2004 - base and one
        else ""
    )
    emit_table(
        f"Scenarios against {comparison.base}: {comparison.replications} simulated runs each, "
        f"{comparison.level:.0%} intervals, paired differences{together}",
        ("scenario", "figure", "base", "scenario ", "difference", "says"),
        [
            (row.scenario, _figure(row.kpi, row.element, row.unit),
             *_figures(row, base[row.kpi, row.element]), says(row))
            for row in shown
        ],
    )  # fmt: skip
    _show_spreads(comparison, results)


def _show_spreads(comparison: Comparison, results: xr.Dataset) -> None:
    from scenarios.whatif.chances import spreads  # noqa: PLC0415 - heavy

    units = {row.kpi: row.unit for row in comparison.rows}
    rows = []
    for kpi in SPREAD:
        for one in spreads(results, kpi) if kpi in units else ():
            scale = HOUR_S if units[kpi] == "parts/s" else 1.0
            cells = [_quantile(found, scale) for _, found in one.quantiles]
            rows.append((one.scenario, _figure(kpi, "", units[kpi]), *cells))
    emit_table(
        f"From run to run: P10, P50, P90 with {comparison.level:.0%} intervals "
        "(- : too few runs to tell that end)",
        ("scenario", "figure", "P10", "P50", "P90"),
        rows,
    )


def _quantile(found: Interval, scale: float) -> str:
    def told(value: float) -> str:
        return f"{value * scale:,.1f}" if math.isfinite(value) else "-"

    return f"{told(found.mean)} [{told(found.low)}, {told(found.high)}]"


def says(row: Row) -> str:
    """Return a verdict with the runs that it still takes."""
    more = f" (about {row.replications_needed} runs would)" if row.replications_needed else ""
    return f"{row.verdict}{more}"


def _tells(row: Row) -> bool:
    return row.kpi in {"order_on_time", "oee_index"} and str(row.verdict) in {"better", "worse"}


def _figures(row: Row, base: Row) -> tuple[str, str, str]:
    scale = HOUR_S if row.unit == "parts/s" else 1.0
    digits = 4 if abs(base.mean.mean * scale) < 1 else 2

    def told(found: Interval | None) -> str:
        if found is None:
            return "–"
        return plus_minus(found.mean * scale, found.half_width * scale, digits)

    return told(base.mean), told(row.mean), told(row.difference)


def _figure(kpi: str, element: str, unit: str) -> str:
    unit = "parts/h" if unit == "parts/s" else unit
    return " ".join(filter(None, [kpi, element, f"({unit})" if unit else ""]))
