"""``twin schedule``: a schedule for a line's orders, checked and replayed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.console import (
    ExitCode,
    check_file,
    duration_option,
    emit_json,
    emit_table,
    fail,
    progress,
    writing,
)
from api.commands.simulate import Line, Seed, Workers

if TYPE_CHECKING:
    from scenarios.schedule import OrderOutlook, ScheduleResult
    from twin.line import Line as Model


def schedule(  # noqa: PLR0913, PLR0917 - the options of a command
    line: Line,
    order: Annotated[
        list[str] | None, typer.Option("--order", help="Orders to schedule; none: all.")
    ] = None,
    budget: Annotated[float, duration_option("--budget", "Time for the search.", "10s")] = 10.0,
    replications: Annotated[
        int, typer.Option("--replications", "-n", min=0, help="Replays in the twin; 0: none.")
    ] = 10,
    seed: Seed = 0,
    workers: Workers = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the schedule to this JSON file.")
    ] = None,
    json: Json = False,
) -> None:
    """Schedule a line's orders; exit code 1 when there is no feasible schedule."""
    from scenarios.schedule import Limits, on_time, replay, solve, violations  # noqa: PLC0415
    from scenarios.schedule.from_line import problem_from_line  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    check_file(out)
    model = load_line(line)
    if not model.orders:
        raise fail(ExitCode.USAGE, f"{model.id} has no orders; add some to its line file")
    orders = [model.order(name) for name in order] if order else None
    problem = problem_from_line(model, orders)
    if not json:
        typer.echo(f"searching for at most {budget:g} s ...", err=True)
    found = solve(problem, Limits(seconds=budget, seed=seed))
    outlook: tuple[OrderOutlook, ...] = ()
    objections: list[str] = []
    if found.schedule is not None:
        objections = [str(item) for item in violations(problem, found.schedule)]
        if replications:
            with progress("replaying", quiet=json) as step:
                results = replay(
                    model,
                    found.schedule,
                    replications=replications,
                    workers=workers,
                    progress=step,
                )
            outlook = on_time(results, found.schedule)
    document = _document(model, found, objections, outlook, replications)
    if json:
        emit_json(document)
    else:
        _show(model, document)
    if out is not None and found.schedule is not None:
        with writing(out):
            out.write_text(found.schedule.to_json() + "\n", encoding="utf-8")
    if found.schedule is None or objections:
        raise typer.Exit(int(ExitCode.FAILED))


def _document(
    model: Model,
    found: ScheduleResult,
    objections: list[str],
    outlook: tuple[OrderOutlook, ...],
    replications: int,
) -> dict[str, Any]:
    from api.jobs.tasks.schedule import OBJECTIVE  # noqa: PLC0415 - heavy

    known = {item.order: item for item in outlook}
    jobs = found.schedule.jobs if found.schedule else ()
    return {
        "line": model.id,
        "model_hash": model.hash,
        "simulated": True,
        "status": found.status.value,
        "objective": found.objective,
        "objective_name": OBJECTIVE,
        "bound": found.bound,
        "gap": found.gap,
        "engine": found.engine,
        "seconds": found.seconds,
        "messages": list(found.messages),
        "violations": objections,
        "replications": replications,
        "orders": [_order(job, known.get(job.job)) for job in jobs],
        "operations": [
            item.model_dump() for item in (found.schedule.placements if found.schedule else ())
        ],
    }


def _order(job: Any, outlook: OrderOutlook | None) -> dict[str, Any]:
    share = outlook.on_time if outlook else None
    return {
        "order": job.job,
        "due_date_s": job.due_date_s,
        "completion_s": job.completion_s,
        "tardiness_s": job.tardiness_s,
        "completion_p90_s": outlook.p90_s if outlook else None,
        "on_time_probability": None
        if share is None
        else {"mean": share.mean, "low": share.low, "high": share.high, "n": share.n},
    }


def _show(model: Model, document: dict[str, Any]) -> None:
    gap = document["gap"]
    told = f"{gap:.1%}" if math.isfinite(gap) else "unknown"
    typer.echo(
        f"{document['status']} by {document['engine']} in {document['seconds']:.1f} s: objective "
        f"{document['objective']:,.1f}, bound {document['bound']:,.1f}, gap {told}, "
        f"violations: {len(document['violations']) or 'none'}"
    )
    typer.echo(f"the objective is {document['objective_name']}")
    for text in [*document["messages"], *document["violations"]]:
        typer.echo(f"  - {text}")
    if document["orders"]:
        emit_table(
            f"Orders of {model.id}; on time in {document['replications']} simulated replays",
            ("order", "due", "planned", "late by, min", "on time", "95 % interval"),
            [_row(model, item) for item in document["orders"]],
        )


def _row(model: Model, item: dict[str, Any]) -> tuple[str, ...]:
    def clock(time_s: float | None) -> str:
        return "–" if time_s is None else f"{model.moment(time_s):%a %H:%M}"

    share = item["on_time_probability"]
    return (
        item["order"],
        clock(item["due_date_s"]),
        clock(item["completion_s"]),
        f"{item['tardiness_s'] / 60:.0f}",
        "–" if share is None else f"{share['mean']:.0%}",
        "–" if share is None else f"{share['low']:.0%} to {share['high']:.0%}",
    )
