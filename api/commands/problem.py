"""``twin schedule`` on a file with a scheduling problem, and what both kinds of file share."""

from __future__ import annotations

import io
import math
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.commands.console import ExitCode, emit_json, stopping, writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from scenarios.schedule import (
        Limits,
        Progress,
        Schedule,
        ScheduleResult,
        SchedulingProblem,
    )


_LOADING_S = 3.0
"""How long nothing is said while the search is loaded, s: from the cache it takes less."""
_ASIDE_S = 0.4
"""Time for Python to start and for the answer, s."""
_GLANCE_S = 0.3
"""How long rules may take before anything is loaded, s."""
_LEAST_SHARE = 0.5
"""Share of the budget that is for searching at least."""
_COMPILING_S = 300.0
"""How long is waited for it at most, s."""


class Form(StrEnum):
    """Formats of problem files, as :data:`scenarios.schedule.formats.Format` has them."""

    JOBSHOP = "jobshop"
    FJSP = "fjsp"
    TARDINESS = "tardiness"
    SETUPS = "setups"
    JSON = "json"


class EngineName(StrEnum):
    """Engines, as :data:`scenarios.schedule.results.Engine` has them."""

    AUTO = "auto"
    DISPATCH = "dispatch"
    SEARCH = "search"
    HIGHS = "highs"
    CPSAT = "cpsat"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for, whatever the file."""

    limits: Limits
    out: Path | None
    json: bool
    stop: threading.Event
    """Set if somebody has asked to stop before the search."""
    began_s: float
    """Moment of ``time.monotonic`` at which the command began, s."""


def is_problem(file: str) -> bool:
    """Say whether a file holds a scheduling problem rather than a line, which is YAML."""
    from scenarios.schedule.formats import detect_format  # noqa: PLC0415 - keeps --help quick

    path = Path(file)
    if path.suffix.lower() in {".yaml", ".yml"} or not path.is_file():
        return False
    if path.suffix:
        return True
    try:
        return detect_format(path.read_text(encoding="utf-8-sig")) is not None
    except (OSError, UnicodeDecodeError):
        return False  # the line's reader says what is wrong with it


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found, and how long it took to get the search itself ready."""

    result: ScheduleResult
    ready_s: float
    """Time to load or compile the search, s."""


def search(problem: SchedulingProblem, wanted: Wanted) -> Answer:
    """Solve within the limits.

    The budget is for all of the command; but at least half of it is for searching, also where the
    search must be compiled first, once per installation. Who stops meanwhile gets what the rules
    find at once.
    """
    from scenarios.schedule.conflicts import reasoned  # noqa: PLC0415

    first: ScheduleResult | None = None
    with stopping(wished=False):
        try:
            if wanted.stop.is_set():
                return Answer(_at_once(problem, wanted.limits), 0.0)
            first = _glance(problem, wanted)
            if first is not None and (first.status in {"optimal", "infeasible"} or first.stopped):
                return Answer(reasoned(problem, first), 0.0)
            answer = _searched(problem, wanted)
            return replace(answer, result=reasoned(problem, answer.result))
        except KeyboardInterrupt:
            if first is None or first.schedule is None:
                return Answer(_at_once(problem, wanted.limits), 0.0)
            said = "stopped on request; what the rules found is returned"
            return Answer(replace(first, stopped=True, messages=(*first.messages, said)), 0.0)


def _glance(problem: SchedulingProblem, wanted: Wanted) -> ScheduleResult | None:
    """Return what rules find in a moment: what they prove needs nothing to be loaded."""
    from scenarios.schedule import solve  # noqa: PLC0415

    limits = wanted.limits
    if limits.engine != "auto" or limits.iterations is not None:
        return None
    seconds = min(_GLANCE_S, limits.seconds)
    rules = limits.model_copy(update={"engine": "dispatch", "seconds": seconds})
    return solve(problem, rules, progress=None if wanted.json else _tell)


def _searched(problem: SchedulingProblem, wanted: Wanted) -> Answer:
    """Load the search, and search for what is left of the budget."""
    from scenarios.schedule import solve  # noqa: PLC0415

    limits, ready_s = wanted.limits, _load_search(problem, wanted)
    left_s = limits.seconds - (time.monotonic() - wanted.began_s) - _ASIDE_S
    seconds = max(left_s, _LEAST_SHARE * limits.seconds)
    limits = limits.model_copy(update={"seconds": seconds})
    if not wanted.json:
        most = (
            f"{limits.seconds:.3g} s" if limits.iterations is None else f"{limits.iterations} steps"
        )
        typer.echo(f"searching for at most {most} ...", err=True)
    return Answer(solve(problem, limits, progress=None if wanted.json else _tell), ready_s)


def _at_once(problem: SchedulingProblem, limits: Limits) -> ScheduleResult:
    """Return what a rule finds, for one who does not wait."""
    from scenarios.schedule import solve  # noqa: PLC0415

    rules = limits.model_copy(update={"engine": "dispatch"})
    return solve(problem, rules, cancelled=lambda: True)


def _load_search(problem: SchedulingProblem, wanted: Wanted) -> float:
    """Wait until the compiled search for a problem is loaded; return how long that took, s."""
    if wanted.limits.engine not in {"auto", "search"}:
        return 0.0
    began_s = time.monotonic()
    done = threading.Event()

    def load() -> None:
        from scenarios.schedule.search.engine import warm_up  # noqa: PLC0415 - loads the compiler

        try:
            warm_up(problem)
        finally:
            done.set()

    threading.Thread(target=load, name="load", daemon=True).start()
    if not done.wait(_LOADING_S):
        typer.echo(
            "the search is being compiled, once per installation (`twin warmup` does it "
            "beforehand); at least half of the budget is left for searching",
            err=True,
        )
        if not done.wait(_COMPILING_S):
            typer.echo(
                f"it is not ready after {_COMPILING_S:g} s; rules and solvers begin", err=True
            )
    return time.monotonic() - began_s


def _tell(step: Progress) -> None:
    value = "none yet" if step.objective is None else f"{step.objective:,g}"
    typer.echo(
        f"{step.seconds:8.2f} s  objective {value}, bound {step.bound:,g}  {step.source}", err=True
    )


def _file(schedule: Schedule, suffix: str, clock: Callable[[float], datetime] | None) -> bytes:
    """Return a schedule as a table for ``.csv`` and ``.xlsx``, by start, else as JSON."""
    if suffix not in {".csv", ".xlsx"}:
        return (schedule.to_json() + "\n").encode()
    import pandas as pd  # noqa: PLC0415 - heavy

    rows = []
    for item in sorted(schedule.placements, key=lambda p: (p.start_s, p.machine)):
        row = {"job": item.job, "operation": item.operation, "machine": item.machine}
        if clock is not None:
            row["start"] = f"{clock(item.start_s):%Y-%m-%d %H:%M:%S}"
            row["end"] = f"{clock(item.end_s):%Y-%m-%d %H:%M:%S}"
        times = {"start_s": item.start_s, "end_s": item.end_s}
        rows.append(row | times | {"resources": ", ".join(item.resources)})
    table, target = pd.DataFrame(rows), io.BytesIO()
    if suffix == ".csv":
        # The mark at the beginning tells Excel that the text is UTF-8.
        table.to_csv(target, index=False, encoding="utf-8-sig")
    else:
        table.to_excel(target, index=False, freeze_panes=(1, 1), engine="openpyxl")
    return target.getvalue()


def finish(
    found: ScheduleResult,
    objected: list[dict[str, Any]],
    wanted: Wanted,
    clock: Callable[[float], datetime] | None = None,
) -> None:
    """Write the schedule where it is wanted and leave with the code that the answer asks for."""
    if wanted.out is not None and found.schedule is not None:
        with writing(wanted.out):
            wanted.out.write_bytes(_file(found.schedule, wanted.out.suffix.lower(), clock))
    if found.stopped:
        raise typer.Exit(int(ExitCode.INTERRUPTED))
    if found.schedule is None or objected:
        raise typer.Exit(int(ExitCode.FAILED))


def read(
    path: Path, form: Form | None, objective: str | None, instance: str | None
) -> SchedulingProblem:
    """Return the problem in a file."""
    from scenarios.schedule.formats import read_problem  # noqa: PLC0415

    if not path.is_file():
        raise FileNotFoundError(2, "no such file", str(path))
    return read_problem(path, None if form is None else form.value, objective, instance)


def schedule_problem(problem: SchedulingProblem, wanted: Wanted) -> None:
    """Schedule a problem and tell what came out."""
    from api.jobs.tasks.problem import objections  # noqa: PLC0415
    from scenarios.schedule import violations  # noqa: PLC0415

    answer = search(problem, wanted)
    found = answer.result
    objected: list[dict[str, Any]] = []
    if found.schedule is not None:
        objected = objections(violations(problem, found.schedule))
    document = _document(problem, answer, objected, wanted.limits)
    if wanted.json:
        emit_json(document)
    else:
        _show(document)
    finish(found, objected, wanted)


def _document(
    problem: SchedulingProblem, answer: Answer, objected: list[dict[str, Any]], limits: Limits
) -> dict[str, Any]:
    found = answer.result
    schedule = found.schedule
    return {
        "problem": problem.id,
        "status": found.status.value,
        "objective": found.objective,
        "objective_terms": problem.objective.model_dump(exclude_defaults=True),
        "bound": found.bound,
        "bound_source": found.bound_source,
        "gap": found.gap,
        "engine": found.engine,
        "seconds": found.seconds,
        "ready_s": answer.ready_s,
        "seed": limits.seed,
        "workers": limits.workers,
        "budget_s": None if limits.iterations else limits.seconds,
        "iterations": limits.iterations,
        "improvements": [step.model_dump() for step in found.trajectory],
        "messages": list(found.messages),
        "violations": objected,
        "makespan_s": schedule.makespan_s if schedule else None,
        "jobs": [job.model_dump() for job in (schedule.jobs if schedule else ())],
        "operations": [item.model_dump() for item in (schedule.placements if schedule else ())],
    }


def _show(document: dict[str, Any]) -> None:
    gap = document["gap"]
    told = f"{gap:.1%}" if math.isfinite(gap) else "unknown"
    terms = " + ".join(f"{w:g} x {name}" for name, w in document["objective_terms"].items())
    if document["makespan_s"] is None:
        typer.echo(
            f"no schedule after {document['seconds']:.1f} s: {document['status']}; none has less "
            f"than {document['bound']:,g} ({terms}; {document['bound_source']})"
        )
    else:
        typer.echo(
            f"{document['status']} by {document['engine']} in {document['seconds']:.1f} s, after "
            f"{document['ready_s']:.1f} s to get ready: "
            f"objective {document['objective']:,g} ({terms}), bound {document['bound']:,g} "
            f"({document['bound_source']}), gap {told}, "
            f"violations: {len(document['violations']) or 'none'}"
        )
    for text in [*document["messages"], *(item["text"] for item in document["violations"])]:
        typer.echo(f"  - {text}")
