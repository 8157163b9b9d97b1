"""``twin whatif``: scenarios against the line as it is."""

from __future__ import annotations

import json as plain_json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.console import (
    ExitCode,
    check_file,
    emit_json,
    emit_table,
    fail,
    parse_duration,
    plus_minus,
    progress,
    writing,
)
from api.commands.simulate import HOUR_S, Horizon, Line, Replications, Seed, WarmUp, Workers

if TYPE_CHECKING:
    from scenarios.whatif import Comparison, Row, Scenario
    from twin.kpi.output_analysis import Interval

FAULT_PARTS = (2, 3, 4)


def whatif(  # noqa: PLR0913, PLR0917 - the options of a command
    line: Line,
    scenarios: Annotated[
        list[Path] | None,
        typer.Argument(help="Scenario files (YAML); none: --change and --fault make one."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--change",
            metavar="PATH=VALUE",
            help="e.g. buffers.b1.capacity=40, stations.capper.servers='{\"plus\": 1}'.",
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="STATION:DURATION[:AFTER[:FACTOR]]",
            help="e.g. filler:30min, filler:1h:2h, filler:8h:0:1.2 (slower by a fifth).",
        ),
    ] = None,
    horizon: Horizon = 8 * HOUR_S,
    warm_up: WarmUp = 0.0,
    replications: Replications = 20,
    seed: Seed = 0,
    workers: Workers = 1,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write all results here (gzipped JSON).")
    ] = None,
    json: Json = False,
) -> None:
    """Compare scenarios with the line as it is, on common random numbers."""
    from scenarios.whatif import (  # noqa: PLC0415 - heavy
        Experiment,
        compare,
        load_scenarios,
        run_experiment,
        save_results,
    )
    from twin.engine import SimulationOptions  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    check_file(save)
    model = load_line(line)
    chosen = [found for path in scenarios or () for found in load_scenarios(path, model)]
    if change or fault:
        chosen.append(_own(change or [], fault or []))
    if not chosen:
        raise fail(ExitCode.USAGE, "nothing to compare: give a scenario file, --change or --fault")
    experiment = Experiment(
        line=model,
        scenarios=tuple(chosen),
        options=SimulationOptions(horizon_s=horizon, warm_up_s=warm_up, seed=seed),
        replications=replications,
    )
    with progress(f"comparing {len(experiment.names)} scenarios", quiet=json) as step:
        results = run_experiment(experiment, workers=workers, progress=step)
    comparison = compare(results)
    if json:
        about = {"line": model.id, "model_hash": model.hash, "simulated": True, "seed": seed}
        emit_json(about | {"horizon_s": horizon, "warm_up_s": warm_up} | comparison.document())
    else:
        _show(comparison)
    if save is not None:  # after the answer, which a full disk must not take with it
        with writing(save):
            save_results(results, save)


def _own(changes: list[str], faults: list[str]) -> Scenario:
    from scenarios.whatif import Scenario  # noqa: PLC0415

    made = {}
    for text in changes:
        path, sign, value = text.partition("=")
        if not sign:
            raise fail(ExitCode.USAGE, f"--change {text}: expected path=value")
        made[path.strip()] = _value(value)
    return Scenario(name="change", changes=made, faults=tuple(_fault(text) for text in faults))


def _value(text: str) -> Any:
    """Return a value written as JSON, or as bare text."""
    try:
        return plain_json.loads(text)
    except ValueError:
        return text


def _fault(text: str) -> dict[str, Any]:
    parts = text.split(":")
    if len(parts) not in FAULT_PARTS:
        message = f"--fault {text}: expected station:duration, or with :after and :factor"
        raise fail(ExitCode.USAGE, message)
    found: dict[str, Any] = {"station": parts[0], "duration_s": parse_duration(parts[1])}
    if len(parts) > FAULT_PARTS[0]:
        found["after_s"] = parse_duration(parts[2])
    if len(parts) == FAULT_PARTS[-1]:
        found |= {"kind": "slowdown", "factor": _value(parts[3])}
    return found


def _show(comparison: Comparison) -> None:
    base = {
        (row.kpi, row.element): row for row in comparison.rows if row.scenario == comparison.base
    }
    shown = [
        row
        for row in comparison.rows
        if row.scenario != comparison.base and (not row.element or _tells(row))
    ]
    emit_table(
        f"Scenarios against {comparison.base}: {comparison.replications} simulated runs each, "
        f"{comparison.level:.0%} intervals, paired differences",
        ("scenario", "figure", "base", "scenario ", "difference", "says"),
        [
            (
                row.scenario,
                _figure(row),
                *_figures(row, base[row.kpi, row.element]),
                _says(row),
            )
            for row in shown
        ],
    )


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


def _figure(row: Row) -> str:
    unit = "parts/h" if row.unit == "parts/s" else row.unit
    return " ".join(filter(None, [row.kpi, row.element, f"({unit})" if unit else ""]))


def _says(row: Row) -> str:
    more = f" (about {row.replications_needed} runs would)" if row.replications_needed else ""
    return f"{row.verdict}{more}"
