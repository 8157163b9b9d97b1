"""``twin schedule``: a schedule for a line's orders, checked and replayed."""

from __future__ import annotations

import math
import time
from dataclasses import replace
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
    noted,
    progress,
)
from api.commands.problem import (
    Answer,
    EngineName,
    Form,
    Wanted,
    finish,
    is_problem,
    read,
    schedule_problem,
    search,
)
from api.commands.simulate import Seed

if TYPE_CHECKING:
    from scenarios.schedule import OrderOutlook, ScheduleResult, SchedulingProblem
    from twin.line import Line as Model

_LEAST = 10
"""Replays of each plan at least where the one that holds up best is taken."""


def schedule(  # noqa: PLR0913, PLR0917 - the options of a command
    file: Annotated[
        str,
        typer.Argument(help="A line file, an example line's name, or a file with a problem."),
    ],
    form: Annotated[
        Form | None,
        typer.Option("--format", help="Format of a problem file; none: as its content says."),
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option("--objective", help="What is to be small in a problem, e.g. makespan."),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option("--instance", help="Name or number of a problem in a file with several."),
    ] = None,
    engine: Annotated[EngineName, typer.Option("--engine", help="Who searches.")] = EngineName.AUTO,
    order: Annotated[
        list[str] | None, typer.Option("--order", help="Orders to schedule; none: all.")
    ] = None,
    budget: Annotated[float, duration_option("--budget", "Time for the search.", "10s")] = 10.0,
    iterations: Annotated[
        int | None,
        typer.Option("--iterations", min=1, help="Steps in place of time: repeats exactly."),
    ] = None,
    replications: Annotated[
        int, typer.Option("--replications", "-n", min=0, help="Replays in the twin; 0: none.")
    ] = 10,
    robust: Annotated[
        bool,
        typer.Option("--robust", help="Of several good plans take the one that holds up best."),
    ] = False,
    seed: Seed = 0,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Cores for the search and replays.")
    ] = 2,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write it to this file: .json, .csv or .xlsx."),
    ] = None,
    json: Json = False,
) -> None:
    """Schedule a line's orders, or a problem in a file; exit code 1: no feasible schedule.

    Problem files: jobshop and fjsp (classic shops), tardiness (OR-Library), setups (Cicirello),
    json. Ctrl-C ends the search: the best schedule so far is kept, and the exit code is 130.
    """
    began_s = time.monotonic()
    check_file(out)
    with noted() as asked:  # whoever stops now has what is found at once
        from scenarios.schedule import Limits  # noqa: PLC0415

        limits = Limits(
            seconds=budget, iterations=iterations, seed=seed, engine=engine.value, workers=workers
        )
        wanted = Wanted(limits, out, json, asked, began_s)
        model: Model | None = None
        if form is not None or is_problem(file):
            problem = read(Path(file), form, objective, instance)
        else:
            model, problem = _read_line(file, order)
    if model is None:
        schedule_problem(problem, wanted)
    else:
        _schedule_line(model, problem, (replications, robust), wanted)


def _read_line(file: str, order: list[str] | None) -> tuple[Model, SchedulingProblem]:
    from scenarios.schedule.from_line import problem_from_line  # noqa: PLC0415
    from twin.line import load_line  # noqa: PLC0415

    model = load_line(file)
    if not model.orders:
        raise fail(ExitCode.USAGE, f"{model.id} has no orders; add some to its line file")
    orders = [model.order(name) for name in order] if order else None
    return model, problem_from_line(model, orders)


def _schedule_line(
    model: Model, problem: SchedulingProblem, played: tuple[int, bool], wanted: Wanted
) -> None:
    from api.jobs.tasks.problem import objections  # noqa: PLC0415
    from scenarios.schedule import on_time, replay, violations  # noqa: PLC0415

    replications, robust = played
    answer = search(problem, wanted)
    if robust and not answer.result.stopped:
        answer = replace(answer, result=_sturdiest(model, problem, answer.result, played, wanted))
    found = answer.result
    outlook: tuple[OrderOutlook, ...] = ()
    objected: list[dict[str, Any]] = []
    if found.schedule is not None:
        objected = objections(violations(problem, found.schedule))
        if replications:
            with progress("replaying", quiet=wanted.json) as step:
                results = replay(
                    model,
                    found.schedule,
                    replications=replications,
                    workers=wanted.limits.workers,
                    progress=step,
                )
            outlook = on_time(results, found.schedule)
    document = _document(model, answer, objected, outlook, replications)
    if wanted.json:
        emit_json(document)
    else:
        _show(model, document)
    finish(found, objected, wanted, model.moment)


def _sturdiest(
    model: Model,
    problem: SchedulingProblem,
    found: ScheduleResult,
    played: tuple[int, bool],
    wanted: Wanted,
) -> ScheduleResult:
    """Return the plan that holds up best in the twin, and in the messages what it won against."""
    from scenarios.schedule.sturdy import sturdiest, told  # noqa: PLC0415

    with progress("choosing", quiet=wanted.json) as step:
        found, choice = sturdiest(
            model,
            problem,
            found,
            replications=max(_LEAST, played[0]),
            seed=wanted.limits.seed,
            seconds=wanted.limits.seconds,
            progress=step,
        )
    return found if choice is None else replace(found, messages=(*found.messages, told(choice)))


def _document(
    model: Model,
    answer: Answer,
    objected: list[dict[str, Any]],
    outlook: tuple[OrderOutlook, ...],
    replications: int,
) -> dict[str, Any]:
    from api.jobs.tasks.schedule import OBJECTIVE, warnings  # noqa: PLC0415 - heavy

    found = answer.result
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
        "ready_s": answer.ready_s,
        "messages": list(found.messages),
        "violations": objected,
        "warnings": warnings(model, [job.job for job in jobs]),
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
        "completion_p50_s": outlook.p50_s if outlook else None,
        "completion_p90_s": outlook.p90_s if outlook else None,
        "on_time_probability": None
        if share is None
        else {"mean": share.mean, "low": share.low, "high": share.high, "n": share.n},
    }


def _show(model: Model, document: dict[str, Any]) -> None:
    gap = document["gap"]
    told = f"{gap:.1%}" if math.isfinite(gap) else "unknown"
    typer.echo(
        f"{document['status']} by {document['engine']} in {document['seconds']:.1f} s, after "
        f"{document['ready_s']:.1f} s to get ready: objective "
        f"{document['objective']:,.1f}, bound {document['bound']:,.1f}, gap {told}, "
        f"violations: {len(document['violations']) or 'none'}"
    )
    typer.echo(f"the objective is {document['objective_name']}")
    found = [item["text"] for item in (*document["warnings"], *document["violations"])]
    for text in [*document["messages"], *found]:
        typer.echo(f"  - {text}")
    if document["orders"]:
        emit_table(
            f"Orders of {model.id}; on time in {document['replications']} simulated replays",
            ("order", "due", "planned", "in half by", "in 9 of 10 by", "on time", "95 % interval"),
            [_row(model, item) for item in document["orders"]],
        )
        if document["replications"]:
            typer.echo("planned: if nothing breaks down; the replays have what may happen")


def _row(model: Model, item: dict[str, Any]) -> tuple[str, ...]:
    def clock(time_s: float | None) -> str:
        if time_s is None:
            return "–"
        return f"{model.moment(time_s):%a %H:%M}" if math.isfinite(time_s) else "later"

    share = item["on_time_probability"]
    return (
        item["order"],
        clock(item["due_date_s"]),
        clock(item["completion_s"]),
        clock(item["completion_p50_s"]),
        clock(item["completion_p90_s"]),
        "–" if share is None else f"{share['mean']:.0%}",
        "–" if share is None else f"{share['low']:.0%} to {share['high']:.0%}",
    )
