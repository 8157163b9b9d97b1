"""``twin sensitivity`` and ``twin optimise``: what helps, and the best line for the money."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.compare import Costs, Level
from api.commands.console import (
    ExitCode,
    check_file,
    emit_json,
    emit_table,
    fail,
    plus_minus,
    progress,
    writing,
)
from api.commands.simulate import HOUR_S, Horizon, Replications, Seed, WarmUp, Workers

if TYPE_CHECKING:
    import xarray as xr

    from scenarios.whatif.costs import CostModel
    from scenarios.whatif.design import Total, Tried, Variable
    from scenarios.whatif.optimising import Optimised
    from twin.line import Line as LineSpec

LineName = Annotated[str, typer.Argument(help="A line file, or the name of an example line.")]
Chart = Annotated[
    Path | None, typer.Option("--chart", help="Draw the answer into this file, .svg or .png.")
]


def sensitivity(  # noqa: PLR0913, PLR0917 - the options of a command
    line: LineName,
    horizon: Horizon = 8 * HOUR_S,
    warm_up: WarmUp = 0.0,
    replications: Replications = 50,
    seed: Seed = 0,
    workers: Workers = 1,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="processing time, mtbf, mttr, mtbm and service (of maintenance), place, server, "
            "person, vehicle or card; may be given often.",
        ),
    ] = None,
    costs: Costs = None,
    level: Level = 0.95,
    chart: Chart = None,
    json: Json = False,
) -> None:
    """Tell what 1 % of each time, one place, one server or one person brings, with intervals."""
    from scenarios.whatif.sensitivity import KINDS, sensitivities  # noqa: PLC0415 - heavy
    from twin.engine import SimulationOptions  # noqa: PLC0415 - heavy
    from twin.line import load_line  # noqa: PLC0415 - heavy

    _check_chart(chart)
    model = load_line(line)
    options = SimulationOptions(horizon_s=horizon, warm_up_s=warm_up, seed=seed)
    with progress(f"changing {model.id} a little", quiet=json) as step:
        found = sensitivities(
            model, options, replications=replications, kinds=kind or KINDS,  # type: ignore[arg-type]
            costs=_prices(costs, model), level=level, workers=workers, progress=step,
        )  # fmt: skip
    if json:
        emit_json(_gains(found))
    else:
        _show_gains(found, model.id)
    if chart is not None:
        from scenarios.whatif.charts import tornado_chart, tornado_table  # noqa: PLC0415 - heavy

        _draw(tornado_chart(tornado_table(found)), chart)


def _gains(found: xr.Dataset) -> dict[str, Any]:
    return {
        **{key: found.attrs[key] for key in ("line_id", "line_hash", "seed", "replications")},
        "confidence_level": found.attrs["level"],
        "figures": {
            str(name): {
                "mean": float(found["mean"].sel(figure=name)),
                "gains": [
                    {key: found[key].values[n].item() for key in ("kind", "element", "unit")}
                    | {key: float(found[key].sel(figure=name).values[n])
                       for key in ("gain", "low", "high", "share")}
                    for n in range(found.sizes["factor"])
                ],
            }
            for name in found["figure"].values
        },
    }  # fmt: skip


def _show_gains(found: xr.Dataset, line_id: str) -> None:
    names = [str(name) for name in found["figure"].values]
    rows = []
    for n, factor in enumerate(found["factor"].values):
        cells = []
        for name in names:
            one = found.sel(figure=name)
            scale = HOUR_S if name == "throughput_rate" else 1.0
            gain, low, high = (float(one[key].values[n]) * scale for key in ("gain", "low", "high"))
            cells.append(f"{plus_minus(gain, (high - low) / 2)} ({float(one['share'][n]):+.2%})")
        rows.append((str(factor), str(found["unit"].values[n]), *cells))
    heads = ["throughput, parts/h" if name == "throughput_rate" else name for name in names]
    count, level = found.attrs["replications"], found.attrs["level"]
    title = f"{line_id}: what a little brings, {count} runs each, {level:.0%} intervals"
    emit_table(title, ("what", "by", *heads), rows)


def optimise(  # noqa: PLR0913, PLR0917 - the options of a command
    line: LineName,
    places: Annotated[
        int | None, typer.Option("--places", min=0, help="Share out this many buffer places.")
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH=LOW..HIGH[:COST]",
            help="e.g. stations.filler.servers=1..3:50000, loops.all.cards=5..60.",
        ),
    ] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", help="Most that all of it may cost.")
    ] = None,
    front: Annotated[
        int, typer.Option("--front", min=0, help="Budgets for a Pareto front, e.g. 8.")
    ] = 0,
    objective: Annotated[
        str, typer.Option("--objective", help="Figure to be made best.")
    ] = "throughput_rate",
    costs: Costs = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Time to search.")] = 60.0,
    runs: Annotated[
        int, typer.Option("--runs", min=100, help="Runs at most; the same answer anywhere.")
    ] = 1_000_000,
    delta: Annotated[
        float | None, typer.Option("--delta", help="Smallest difference that matters.")
    ] = None,
    probability: Annotated[
        float, typer.Option("--probability", help="Of naming the best of the finalists.")
    ] = 0.95,
    horizon: Horizon = 8 * HOUR_S,
    warm_up: WarmUp = 0.0,
    seed: Seed = 0,
    workers: Workers = 1,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the best line to this file (YAML).")
    ] = None,
    chart: Chart = None,
    json: Json = False,
) -> None:
    """Find the best design of a line for a number of places, or for a budget."""
    from scenarios.whatif.optimising import optimise_design  # noqa: PLC0415 - heavy
    from twin.engine import SimulationOptions  # noqa: PLC0415 - heavy
    from twin.line import load_line, save_line  # noqa: PLC0415 - heavy

    check_file(save)
    _check_chart(chart)
    model = load_line(line)
    variables, totals, most = _question(model, places, vary or [], budget, front)
    with progress(f"designing {model.id}", quiet=json) as step:
        found = optimise_design(
            model, variables, SimulationOptions(horizon_s=horizon, warm_up_s=warm_up, seed=seed),
            objective=objective, constraints=totals, most_cost=most, costs=_prices(costs, model),
            seconds=seconds, runs=runs, front=front, delta=delta, probability=probability,
            workers=workers, progress=lambda share: step(int(100 * min(share, 1.0)), 100),
        )  # fmt: skip
    if json:
        emit_json({"line": model.id, "model_hash": model.hash} | found.document())
    else:
        _show(found, model.id)
    if save is not None:
        save_line(found.line, save)
    if chart is not None:
        from scenarios.whatif.charts import pareto_chart, pareto_table, titled  # noqa: PLC0415 - heavy

        _draw(pareto_chart(pareto_table(found.front), titled(objective)), chart)


def _question(
    line: LineSpec, places: int | None, vary: list[str], budget: float | None, front: int
) -> tuple[list[Variable], list[Total], float | None]:
    """Return what may be chosen and the limits."""
    from scenarios.whatif.design import Total, Variable  # noqa: PLC0415 - heavy

    variables = [_variable(text) for text in vary]
    given = {one.path for one in variables}
    if places is None and not variables:
        raise fail(ExitCode.USAGE, "nothing to choose: give --places 40 or --vary PATH=LOW..HIGH")
    if places is None:
        return variables, [], budget
    rooms = [f"buffers.{one.id}.capacity" for one in line.buffers if one.capacity is not None]
    rooms = [path for path in rooms if path not in given]
    if not rooms:
        raise fail(ExitCode.USAGE, f"--places: {line.id} has no buffer with a limit")
    # A front asks what fewer places bring, so places are what is paid for.
    paid = front > 0 and budget is None
    high = max(1, places - len(rooms) + 1)
    variables += [Variable(path=path, high=high, cost=1.0 if paid else 0.0) for path in rooms]
    if paid:
        return variables, [], float(places)
    return variables, [Total(paths=tuple(rooms), exactly=places)], budget


def _variable(text: str) -> Variable:
    from scenarios.whatif.design import Variable  # noqa: PLC0415 - heavy

    path, _, span = text.partition("=")
    span, _, cost = span.partition(":")
    low, _, high = span.partition("..")
    try:
        numbers = int(low), int(high), float(cost or 0.0)
    except ValueError as error:
        expected = "expected PATH=LOW..HIGH[:COST], such as buffers.b1.capacity=1..20:300"
        raise fail(ExitCode.USAGE, f"--vary {text}: {expected}") from error
    return Variable(path=path.strip(), low=numbers[0], high=numbers[1], cost=numbers[2])


def _show(found: Optimised, line_id: str) -> None:
    scale, unit = (HOUR_S, "parts/h") if found.figure == "throughput_rate" else (1.0, found.figure)

    def told(one: Tried) -> str:
        return f"{plus_minus(one.mean * scale, (one.high - one.low) / 2 * scale)}"

    best, start = found.best, found.start
    rows = [(path, str(start.values[path]), str(best.values[path])) for path in best.values]
    rows += [("cost", f"{start.cost:,.2f}", f"{best.cost:,.2f}"), (unit, told(start), told(best))]
    sure = (
        f"best of {found.finalists} finalists with probability {found.probability:.0%}, "
        f"if it leads by {found.delta * scale:.3g}"
        if found.decided
        else "the finalists are not told apart yet: give it more time"
    )
    emit_table(f"{line_id}: {sure}", ("what", "start", "best"), rows)
    if len(found.front) > 1:
        emit_table(
            "Pareto front: what money buys",
            ("cost", unit, "design"),
            [
                (f"{one.cost:,.2f}", told(one), " ".join(map(str, one.values.values())))
                for one in found.front
            ],
        )
    typer.echo(f"{found.designs} designs, {found.runs} runs in {found.seconds:.0f} s")


def _prices(costs: str | None, line: LineSpec) -> CostModel | None:
    from scenarios.whatif.costs import load_costs  # noqa: PLC0415 - heavy

    return load_costs(costs, line) if costs is not None else None


def _check_chart(path: Path | None) -> None:
    check_file(path)
    if path is not None and path.suffix not in {".svg", ".png"}:
        raise fail(ExitCode.USAGE, f"--chart {path}: expected a file that ends in .svg or .png")


def _draw(chart: Any, path: Path) -> None:
    with writing(path):
        chart.save(str(path))
