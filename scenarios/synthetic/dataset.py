"""Run the twin with injected degradation, and cut the runs into labelled windows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from scenarios.synthetic.sampling import (
    Component,
    Floats,
    Sampling,
    allocation,
    components,
    lives_in,
    tilted_line,
    weight_of,
)
from scenarios.synthetic.windows import (
    feature_names,
    finished_between,
    labels_of,
    line_feature_names,
    line_features,
    samples_of,
    signals_in,
    station_features,
)
from scenarios.whatif.executors import Task, run_tasks
from scenarios.whatif.experiment import (
    Experiment,
    ExperimentCancelledError,
    Planned,
    plan,
)
from scenarios.whatif.versions import versions
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.errors import Finding, InvalidInputError
from twin.events.kinds import Kind
from twin.line import Line
from twin.signals import signal_table

FORMAT = 1
WORST_WEIGHT_ERROR = 3.0
"""The mean weight must lie within so many of its standard errors of 1."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How runs are cut into windows."""

    window_s: float
    horizon_s: float
    step_s: float
    stride_s: float
    throughput_horizons_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Draw:
    """One law of one scenario, ready to run."""

    planned: Planned
    line: Line
    """The planned line, tilted."""
    law: int
    laws: tuple[Component, ...]
    cutting: Cutting


def generate_dataset(  # noqa: PLR0913 - what is made, and how it is run by keyword only
    source: Line | Experiment,
    window_s: float = 900.0,
    horizon_s: float = 3600.0,
    step_s: float = 30.0,
    *,
    run_s: float = 10_800.0,
    runs: int = 16,
    seed: int = 0,
    sampling: Sampling | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> xr.Dataset:
    """Return labelled windows of simulated runs in which rare failures are frequent.

    Parameters
    ----------
    source : Line or Experiment
        Line to run; or an experiment, whose scenarios are run alike, each ``replications`` times,
        with its options. Runs that begin at a state are not tilted.
    window_s, horizon_s, step_s : float
        What a window looks back on, how far its label looks ahead, and the time between samples, s.
    run_s, runs, seed : float, int, int
        Length of a run, s, runs and seed, for a line.
    sampling : Sampling, optional
        How failures are made frequent.
    workers, progress, cancelled
        As for ``run_experiment``.

    Returns
    -------
    xarray.Dataset
        Dim ``sample``, one per station and window: ``features`` (by ``feature``), ``fails`` within
        the horizon, ``fault``, ``time_to_failure_s``, ``censored``, ``weight``, with coordinates
        ``sample_time_s``, ``sample_station``, ``sample_run``. Dim ``moment``, one per window:
        ``line_features`` (by ``line_feature``), ``future_finished`` (by ``horizon``, NaN where the
        run ended first), ``moment_weight``. Dim ``run``: ``run_weight``, ``run_law``,
        ``run_scenario``, ``run_replication``, ``run_role`` (``drawn`` or ``null_twin``). Attributes
        tell seeds, versions, line, sampler, mean weight with its error, and the generation number.

    Raises
    ------
    InvalidInputError
        If windows, horizon and run do not fit each other.
    ScenarioError, StateError
        If the experiment cannot be run.
    ExperimentCancelledError
        If ``cancelled`` said so.
    """
    sampling = sampling or Sampling()
    if isinstance(source, Line):
        options = SimulationOptions(horizon_s=run_s, seed=seed)
        source = Experiment(line=source, options=options, replications=runs)
    cutting = Cutting(window_s, horizon_s, step_s, _stride_s(window_s, step_s),
                      (horizon_s / 4, horizon_s / 2, 3 * horizon_s / 4, horizon_s))  # fmt: skip
    _check(source, cutting)
    draws, tasks, roles = _plan(source, cutting, sampling)
    pieces: list[dict[str, Any]] = []
    for done, (_, piece) in enumerate(run_tasks(run_once, draws, tasks, workers, cancelled), 1):
        pieces.append(piece)
        if progress is not None:
            progress(done, len(tasks))
    if len(pieces) < len(tasks):
        raise ExperimentCancelledError(len(pieces), len(tasks))
    return _assembled(source, cutting, sampling, (pieces, draws, tasks, roles))


def _stride_s(window_s: float, step_s: float) -> float:
    """Return the time between windows: a sixth of one, so that neighbours are not copies."""
    return step_s * max(1, round(window_s / 6 / step_s))


def _check(experiment: Experiment, cutting: Cutting) -> None:
    samples_of(cutting.window_s, cutting.step_s)
    run_s = experiment.options.horizon_s - experiment.options.warm_up_s
    needed_s = cutting.window_s + cutting.horizon_s
    if not (math.isfinite(cutting.horizon_s) and cutting.horizon_s > 0):
        finding = Finding("horizon_s", f"{cutting.horizon_s!r} s", "a time above zero, s")
        raise InvalidInputError("the data set", [finding])
    if run_s < needed_s:
        message = f"a run of {run_s:g} s holds no window of {cutting.window_s:g} s with a future "
        message += f"of {cutting.horizon_s:g} s"
        finding = Finding("run_s", message, f"at least {needed_s:g} s", "lengthen the runs")
        raise InvalidInputError("the data set", [finding])


def _plan(
    experiment: Experiment, cutting: Cutting, sampling: Sampling
) -> tuple[list[Draw], list[Task], list[str]]:
    draws: list[Draw] = []
    tasks: list[Task] = []
    roles: list[str] = []
    runs, first = experiment.replications, experiment.options.replication
    for planned in plan(experiment):
        own = Sampling(own_share=1.0) if planned.state is not None else sampling
        laws = components(planned.line, planned.options.horizon_s, runs, own)
        begin = len(draws)
        draws += [
            Draw(planned, tilted_line(planned.line, law), number, laws, cutting)
            for number, law in enumerate(laws)
        ]
        for k, law in enumerate(allocation(laws, runs)):
            tasks.append(Task(begin + law, first + k))
            roles.append("drawn")
            if sampling.null_twins and law:
                tasks.append(Task(begin, first + k))
                roles.append("null_twin")
    return draws, tasks, roles


def run_once(draw: Draw, replication: int) -> dict[str, Any]:
    """Return the windows of one run as plain arrays."""
    planned, cutting = draw.planned, draw.cutting
    options = planned.options.model_copy(update={"replication": replication})
    log = simulate(draw.line, options, planned.state)
    table = signal_table(log, draw.line, cutting.step_s)
    samples = samples_of(cutting.window_s, cutting.step_s)
    skipped = math.ceil(options.warm_up_s / cutting.step_s)
    stride = round(cutting.stride_s / cutting.step_s)
    ends = np.arange(skipped + samples - 1, table.sizes["time"], stride)
    times_s = table["time"].values[ends]
    stations = [str(name) for name in table["station"].values]
    status = table["status"].transpose("time", "station").values[ends]
    labels = labels_of(log, stations, times_s, status, cutting.horizon_s)
    known = labels.known
    weight = 1.0
    if len(draw.laws) > 1:
        weight = weight_of(planned.line, draw.laws, lives_in(log, draw.line))
    horizons_s = np.array(cutting.throughput_horizons_s)
    future = np.stack(
        [
            np.where(times_s + h <= log.end_s, finished_between(log, times_s, times_s + h), np.nan)
            for h in horizons_s
        ],
        axis=-1,
    )
    rule = (samples, cutting.throughput_horizons_s)
    place, column = np.nonzero(known)
    return {
        "features": station_features(table, ends, samples)[known],
        "fails": labels.fails[known],
        "fault": labels.fault[known].astype(np.str_),
        "time_to_failure_s": labels.time_to_failure_s[known],
        "censored": labels.censored[known],
        "sample_time_s": times_s[place],
        "sample_station": np.array(stations)[column],
        "line_features": line_features(table, log, draw.line, ends, rule),
        "future_finished": future,
        "moment_time_s": times_s,
        "weight": weight,
        "failures": int(np.sum((log.kind == Kind.FAILED) & (log.detail >= 0))),
        "signals": signals_in(table),
        "stations": stations,
    }


def _assembled(
    experiment: Experiment,
    cutting: Cutting,
    sampling: Sampling,
    work: tuple[list[dict[str, Any]], list[Draw], list[Task], list[str]],
) -> xr.Dataset:
    pieces, draws, tasks, roles = work
    _must_agree(pieces)
    weights = np.array([
        piece["weight"] if role == "drawn" else 0.0
        for piece, role in zip(pieces, roles, strict=True)
    ])  # fmt: skip
    counts = [len(piece["fails"]) for piece in pieces]
    moments = [len(piece["moment_time_s"]) for piece in pieces]
    run_of_sample = np.repeat(np.arange(len(pieces)), counts)
    run_of_moment = np.repeat(np.arange(len(pieces)), moments)

    def joined(name: str) -> Any:
        return np.concatenate([piece[name] for piece in pieces])

    laws = [draws[task.piece].laws[draws[task.piece].law].station for task in tasks]
    dataset = xr.Dataset(
        {
            "features": (("sample", "feature"), joined("features")),
            "fails": ("sample", joined("fails")),
            "fault": ("sample", joined("fault")),
            "time_to_failure_s": ("sample", joined("time_to_failure_s"), {"unit": "s"}),
            "censored": ("sample", joined("censored")),
            "weight": ("sample", weights[run_of_sample]),
            "line_features": (("moment", "line_feature"), joined("line_features")),
            "future_finished": (("moment", "horizon"), joined("future_finished")),
            "moment_weight": ("moment", weights[run_of_moment]),
            "run_weight": ("run", weights),
            "run_law": ("run", np.array([law or "own" for law in laws])),
            "run_scenario": ("run", np.array([draws[t.piece].planned.name for t in tasks])),
            "run_replication": ("run", np.array([task.replication for task in tasks])),
            "run_role": ("run", np.array(roles)),
            "run_failures": ("run", np.array([piece["failures"] for piece in pieces])),
        },
        coords={
            "feature": feature_names(pieces[0]["signals"]),
            "line_feature": line_feature_names(draws[0].line, cutting.throughput_horizons_s),
            "horizon": ("horizon", np.array(cutting.throughput_horizons_s), {"unit": "s"}),
            "sample_time_s": ("sample", joined("sample_time_s")),
            "sample_station": ("sample", joined("sample_station")),
            "sample_run": ("sample", run_of_sample),
            "moment_time_s": ("moment", joined("moment_time_s")),
            "moment_run": ("moment", run_of_moment),
        },
    )
    dataset.attrs = _told(experiment, cutting, sampling, weights[np.array(roles) == "drawn"])
    dataset.attrs["stations"] = json.dumps(pieces[0]["stations"])
    return dataset


def _must_agree(pieces: Sequence[dict[str, Any]]) -> None:
    for name in ("signals", "stations"):
        if any(piece[name] != pieces[0][name] for piece in pieces):
            message = f"the scenarios differ in their {name}, so their windows do not line up"
            remedy = "make one data set per line"
            raise InvalidInputError("the data set", [Finding("scenarios", message, remedy=remedy)])


def _told(
    experiment: Experiment, cutting: Cutting, sampling: Sampling, weights: Floats
) -> dict[str, Any]:
    mean = float(weights.mean())
    error = float(weights.std(ddof=1) / math.sqrt(len(weights))) if len(weights) > 1 else math.nan
    passed = bool(error == 0.0 and mean == 1.0) or abs(mean - 1) <= WORST_WEIGHT_ERROR * error
    return {
        "format": FORMAT,
        "generation": 0,
        "parents": json.dumps([]),
        "line_id": experiment.line.id,
        "line_hash": experiment.line.hash,
        "seed": experiment.options.seed,
        "window_s": cutting.window_s,
        "horizon_s": cutting.horizon_s,
        "step_s": cutting.step_s,
        "sampling": sampling.model_dump_json(),
        "mean_weight": mean,
        "mean_weight_error": error,
        "effective_runs": float(weights.sum() ** 2 / np.sum(weights**2)),
        "weights_agree": int(passed),
        "versions": json.dumps(versions(), sort_keys=True),
        "experiment": json.dumps(experiment.model_dump(mode="json"), sort_keys=True),
    }
