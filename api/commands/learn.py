"""``twin generate`` and ``twin train``: rare-fault data, and a forecaster that learns from them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.console import check_folder, duration_option, emit_json, emit_table, progress
from api.commands.simulate import HOUR_S, Line, Seed, Workers

if TYPE_CHECKING:
    from scenarios.forecast import Metric


def generate(  # noqa: PLR0913, PLR0917 - the options of a command
    line: Line,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    runs: Annotated[int, typer.Option("--runs", min=1, help="Simulated runs.")] = 24,
    run: Annotated[float, duration_option("--run", "Length of a run.", "4h")] = 4 * HOUR_S,
    window: Annotated[
        float, duration_option("--window", "What a window looks back on.", "15min")
    ] = HOUR_S / 4,
    horizon: Annotated[
        float, duration_option("--horizon", "How far a label looks ahead.", "1h")
    ] = HOUR_S,
    seed: Seed = 0,
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Simulate days in which rare faults are frequent; write labelled windows as Parquet."""
    from scenarios.synthetic import checksum, generate_dataset, write_dataset  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    check_folder(out)
    model = load_line(line)
    with progress(f"simulating {model.id}", quiet=json) as step:
        dataset = generate_dataset(
            model,
            window,
            horizon,
            run_s=run,
            runs=runs,
            seed=seed,
            workers=workers,
            progress=step,
        )
    manifest = write_dataset(dataset, out)
    weight = dataset["weight"].values
    document = {
        "manifest": str(manifest),
        "checksum": checksum(dataset),
        "line": model.id,
        "model_hash": model.hash,
        "simulated": True,
        "windows": int(dataset.sizes["sample"]),
        "moments": int(dataset.sizes["moment"]),
        "runs": int(dataset.sizes["run"]),
        "fault_share": float(dataset["fails"].values.mean()),
        "fault_share_weighted": float((dataset["fails"].values * weight).sum() / weight.sum()),
    }
    if json:
        emit_json(document)
        return
    typer.echo(
        f"{document['windows']} windows of {document['runs']} simulated runs in {out}; "
        f"{document['fault_share']:.1%} lead to a fault ({document['fault_share_weighted']:.2%} "
        "by their weights, as on the line itself)"
    )
    typer.echo(f"manifest {manifest}, checksum {document['checksum']}")


def train(  # noqa: PLR0913, PLR0917 - the options of a command
    dataset: Annotated[Path, typer.Argument(help="Folder that `twin generate` wrote.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the model.")],
    line: Annotated[
        str | None,
        typer.Option("--backtest", metavar="LINE", help="Score it on a plant of this line."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", min=2, help="Plant days to score it on.")] = 8,
    seed: Seed = 1,
    workers: Workers = 1,
    json: Json = False,
) -> None:
    """Train a forecaster of fault risk and throughput; score it against naive forecasts."""
    from scenarios.forecast import BacktestOptions, Forecaster, backtest  # noqa: PLC0415
    from scenarios.synthetic import read_dataset  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    check_folder(out)
    data = read_dataset(dataset)
    model = load_line(line) if line else None
    if not json:
        typer.echo("training ...", err=True)
    forecaster = Forecaster().fit(data)
    if model is not None:
        options = BacktestOptions(runs=runs, seed=seed)
        with progress(f"scoring on a plant of {model.id}", quiet=json) as step:
            score = backtest(forecaster, model, options=options, workers=workers, progress=step)
        forecaster = forecaster.scored(score)
    manifest = forecaster.save(out)
    metrics = [_metric(item) for item in forecaster.score.metrics]
    if json:
        emit_json(
            {
                "model_id": forecaster.id,
                "manifest": str(manifest),
                "scored_on": forecaster.score.about,
                "scores": metrics,
            }
        )
        return
    typer.echo(f"model {forecaster.id} in {out}; {forecaster.score.about}")
    if metrics:
        emit_table(
            "Scores on days it had not seen, 95 % intervals",
            ("score", "model", "interval", "naive"),
            [_row(item) for item in metrics],
        )


def _metric(metric: Metric) -> dict[str, Any]:
    names = ("name", "value", "low", "high", "naive", "higher_is_better")
    return {name: getattr(metric, name) for name in names}


def _row(item: dict[str, Any]) -> tuple[str, ...]:
    def figure(value: float) -> str:
        return f"{value:.4f}" if math.isfinite(value) else "–"

    return (
        item["name"],
        figure(item["value"]),
        f"{figure(item['low'])} to {figure(item['high'])}",
        figure(item["naive"]),
    )
