"""``twin whatif``: scenarios against the line as it is; ``twin whatif template``: a workbook."""

from __future__ import annotations

import json as plain_json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.commands.about import Json
from api.commands.compare import Correction, Costs, Level, Relevance, document, says, show, tell
from api.commands.console import (
    ExitCode,
    check_file,
    check_folder,
    emit_json,
    fail,
    parse_duration,
    plus_minus,
    progress,
    writing,
)
from api.commands.groups import UsualGroup
from api.commands.sheets import Language
from api.commands.simulate import HOUR_S, Horizon, Replications, Seed, WarmUp, Workers

if TYPE_CHECKING:
    import xarray as xr

    from scenarios.whatif import Experiment, Interim, Scenario
    from twin.events import LineState
    from twin.line import Line as LineSpec

FAULT_PARTS = (2, 3, 4)
ID_DIGITS = 16
"""Digits of an experiment's id that name its folder."""
DEFAULT_FOLDER = Path("experiments")

whatif = typer.Typer(cls=UsualGroup, help="Compare scenarios with the line as it is.")


@whatif.command("run")
def run(  # noqa: PLR0913, PLR0917 - the options of a command
    line: Annotated[
        str | None, typer.Argument(help="A line file, or the name of an example line.")
    ] = None,
    scenarios: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Scenario files (.yaml, .xlsx); none: --change, --event and --fault make one."
        ),
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
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            metavar="KIND:FIELD=VALUE,...",
            help="e.g. demand:factor=1.15, material_late:source=silo,after_s=1h,duration_s=30min.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Begin at this state (JSON); none: empty, see --warm-up."),
    ] = None,
    horizon: Horizon = 8 * HOUR_S,
    warm_up: WarmUp = 0.0,
    replications: Replications = 20,
    seed: Seed = 0,
    workers: Workers = 1,
    executor: Annotated[
        str, typer.Option("--executor", help="auto, serial, threads, processes or dask.")
    ] = "auto",
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", help="A Dask scheduler, e.g. tcp://10.0.0.5:8786."),
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option("--precision", help="Stop when throughput is known this well, e.g. 0.01."),
    ] = None,
    decided: Annotated[
        bool, typer.Option("--decided", help="Stop when every throughput verdict is decided.")
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Stop after this time, at the latest.")
    ] = None,
    level: Level = 0.95,
    relevance: Relevance = None,
    correction: Correction = "bonferroni",
    costs: Costs = None,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store", help="Keep the experiment in this folder; begun ones go on where they were."
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            "--replay", help="Run an experiment again (folder, file or id), compare bits."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", help="Write results: .nc, .xlsx, .csv, .parquet, .zarr or .json.gz."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Compare scenarios with the line as it is, on common random numbers.

    `twin whatif template LINE --out scenarios.xlsx` writes a workbook to fill in.
    """
    place = cluster or executor
    if replay is not None:
        _replay(replay, store or DEFAULT_FOLDER, workers, place, json=json)
        return
    check_file(save)
    if line is None:
        raise fail(ExitCode.USAGE, "no line: give a line file, the name of one, or --replay")
    experiment = _experiment(
        line, scenarios or [], (change or [], fault or [], event or []), state,
        {"horizon_s": horizon, "warm_up_s": warm_up, "seed": seed}, replications,
    )  # fmt: skip
    until = _until(precision, seconds, level, decided=decided)
    results = _run(experiment, workers, place, store, until, quiet=json)
    told = tell(results, "base", level, relevance, correction, costs)
    if json:
        model = experiment.line
        about = {"line": model.id, "model_hash": model.hash, "simulated": True, "seed": seed}
        emit_json(about | {"horizon_s": horizon, "warm_up_s": warm_up} | document(*told))
    else:
        show(*told)
        typer.echo(f"experiment {results.attrs['experiment_id'][:ID_DIGITS]}")
    if save is not None:  # after the answer, which a full disk must not take with it
        from twin.kpi.results import save_results  # noqa: PLC0415 - heavy

        with writing(save):
            save_results(told[1], save)


@whatif.command("template")
def template(
    line: Annotated[str, typer.Argument(help="A line file, or the name of an example line.")],
    target: Annotated[
        Path, typer.Option("--out", "-o", help="Workbook to write, e.g. scenarios.xlsx.")
    ],
    scenarios: Annotated[
        list[Path] | None, typer.Argument(help="Scenarios to write into it (.yaml, .xlsx).")
    ] = None,
    language: Language = "en",
) -> None:
    """Write a workbook with the line's parameters, to be filled with scenarios."""
    from scenarios.whatif.workbook import write_template  # noqa: PLC0415 - heavy
    from twin.line import load_line  # noqa: PLC0415 - heavy

    check_file(target)
    model = load_line(line)
    found = [one for path in scenarios or () for one in _load(path, model)]
    with writing(target):
        write_template(model, target, found, language)
    typer.echo(f"{target}: fill in the sheets, then: twin whatif {line} {target}")


def _experiment(
    line: str,
    files: list[Path],
    own: tuple[list[str], list[str], list[str]],
    state: Path | None,
    options: dict[str, Any],
    replications: int,
) -> Experiment:
    from scenarios.whatif import Experiment  # noqa: PLC0415 - heavy
    from twin.engine import SimulationOptions  # noqa: PLC0415 - heavy
    from twin.line import load_line  # noqa: PLC0415 - heavy

    model = load_line(line)
    chosen = [found for path in files for found in _load(path, model)]
    if any(own):
        chosen.append(_own(*own))
    if not chosen:
        message = "nothing to compare: give a scenario file, --change, --event or --fault"
        raise fail(ExitCode.USAGE, message)
    return Experiment(
        line=model,
        scenarios=tuple(chosen),
        options=SimulationOptions(**options),
        replications=replications,
        state=_state(state) if state is not None else None,
    )


def _load(path: Path, model: LineSpec) -> tuple[Scenario, ...]:
    from scenarios.whatif import load_scenarios  # noqa: PLC0415 - heavy

    return load_scenarios(path, model)


def _state(path: Path) -> LineState:
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    from twin.errors import StateError  # noqa: PLC0415 - heavy
    from twin.events import LineState  # noqa: PLC0415 - heavy
    from twin.line.spec import worded  # noqa: PLC0415 - heavy

    try:
        return LineState.model_validate_json(path.read_bytes())
    except ValidationError as error:
        findings = [worded(item) for item in error.errors()[:50]]
        raise StateError(f"the state {path}", findings) from error


def _until(precision: float | None, seconds: float | None, level: float, *, decided: bool) -> Any:
    from scenarios.whatif import Until  # noqa: PLC0415 - heavy

    if precision is None and seconds is None and not decided:
        return None
    if precision is not None and not 0 < precision < 1:
        raise fail(ExitCode.USAGE, f"--precision {precision:g}: expected a share such as 0.01")
    if seconds is not None and not seconds > 0:
        raise fail(ExitCode.USAGE, f"--seconds {seconds:g}: expected a time above zero")
    return Until(relative_half_width=precision, decided=decided, seconds=seconds, level=level)


def _run(
    experiment: Experiment,
    workers: int,
    place: str,
    store: Path | None,
    until: Any,
    *,
    quiet: bool,
) -> xr.Dataset:
    from scenarios.whatif import run_experiment  # noqa: PLC0415 - heavy

    path = None
    if store is not None:
        check_folder(store)
        path = store / f"{experiment.id[:ID_DIGITS]}.zarr"
    title = f"comparing {len(experiment.names)} scenarios"
    tells = _tell_interim if sys.stderr.isatty() and not quiet else None
    with progress(title, quiet=quiet) as step:
        try:
            return run_experiment(
                experiment, workers, step, executor=place, store=path, until=until, interim=tells
            )
        except ValueError as error:
            if "executor" in str(error):
                raise fail(ExitCode.USAGE, f"--executor {place}: {error}") from error
            raise


def _tell_interim(found: Interim) -> None:
    """Say on stderr what the experiment says so far, above the progress bar."""
    from scenarios.whatif import compare  # noqa: PLC0415 - heavy

    if found.complete:
        return
    rows = compare(found.results[["throughput_rate"]]).rows
    said = []
    for row in rows:
        if row.difference is not None:
            mean, half = row.difference.mean * HOUR_S, row.difference.half_width * HOUR_S
            said.append(f"{row.scenario} {plus_minus(mean, half)} parts/h: {says(row)}")
    typer.echo(f"after {found.results.sizes['replication']} runs: {'; '.join(said)}", err=True)


def _replay(wanted: str, folder: Path, workers: int, place: str, *, json: bool) -> None:
    from scenarios.whatif import load_results, replay_experiment  # noqa: PLC0415 - heavy
    from scenarios.whatif.replaying import find_results  # noqa: PLC0415 - heavy

    path = find_results(wanted, folder)
    with progress(f"replaying {path.name}", quiet=json) as step:
        found = replay_experiment(load_results(path), workers, place, step)
    if json:
        emit_json(
            {
                "experiment_id": found.experiment_id,
                "same": found.same,
                "different": found.different,
                "versions": [list(one) for one in found.versions],
            }
        )
    else:
        said = "the same bits" if found.same else f"other bits in {', '.join(found.different)}"
        typer.echo(f"experiment {found.experiment_id[:ID_DIGITS]}: {said}")
        for name, then, now in found.versions:
            typer.echo(f"  {name} was {then}, is {now}")
    if not found.same:
        raise typer.Exit(int(ExitCode.FAILED))


def _own(changes: list[str], faults: list[str], events: list[str]) -> Scenario:
    from scenarios.whatif import Scenario  # noqa: PLC0415 - heavy

    made = {}
    for text in changes:
        path, sign, value = text.partition("=")
        if not sign:
            raise fail(ExitCode.USAGE, f"--change {text}: expected path=value")
        made[path.strip()] = _value(value)
    return Scenario(
        name="change",
        changes=made,
        faults=tuple(_fault(text) for text in faults),
        events=tuple(_event(text) for text in events),
    )


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


def _event(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition(":")
    found: dict[str, Any] = {"kind": kind}
    for pair in filter(None, rest.split(",")):
        name, sign, value = pair.partition("=")
        if not sign:
            raise fail(ExitCode.USAGE, f"--event {text}: expected kind:field=value,field=value")
        found[name.strip()] = _value(value)
    return found
