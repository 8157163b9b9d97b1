"""The twin as a forecaster: many futures from where the line stands now."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scenarios.forecast.protocol import Fan, Forecast, Score
from scenarios.whatif.executors import Task, run_tasks
from scenarios.whatif.experiment import Experiment, ExperimentCancelledError, Planned, plan
from twin.engine.options import SimulationOptions
from twin.errors import Finding, InvalidInputError
from twin.events.kinds import Kind
from twin.events.state import LineState
from twin.line import Line

Floats = NDArray[np.float64]
LEVELS = (0.1, 0.5, 0.9)
MOST_BINS = 2000
"""More stretches are refused."""


def throughput_fan(  # noqa: PLR0913 - what is asked, and how it is run by keyword only
    line: Line,
    state: LineState | None,
    horizon_s: float,
    replications: int = 40,
    bin_s: float = 900.0,
    *,
    levels: tuple[float, ...] = LEVELS,
    seed: int = 0,
    score: Score | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Forecast:
    """Return how many parts the twin expects to be finished, from the live state on.

    Parameters
    ----------
    line : Line
        The line as the twin knows it.
    state : LineState or None
        Where it stands; none: empty, at the line's start. What is under way is drawn anew given how
        far it has come.
    horizon_s : float
        How far ahead, s.
    replications : int
        Futures; a level below ``1 / (replications + 1)`` or above its complement is refused,
        because no such sample holds it.
    bin_s : float
        Length of a stretch, s; the last one ends at the horizon or before it.
    levels : tuple of float
        Quantile levels, rising.
    seed : int
        Seed of the futures.
    score : Score, optional
        From ``backtest``, to go with the forecast.
    workers, progress, cancelled
        As for ``run_experiment``.

    Returns
    -------
    Forecast
        With a fan. The quantiles are those of the sample of futures: they hold what the twin leaves
        open, not what it has wrong; ``backtest`` tells how well that covers a plant.

    Raises
    ------
    InvalidInputError
        If horizon, stretches, levels and replications do not fit each other.
    StateError
        If the state does not fit the line.
    ExperimentCancelledError
        If ``cancelled`` said so.
    """
    _check(horizon_s, bin_s, levels, replications)
    experiment = Experiment(
        line=line,
        options=SimulationOptions(horizon_s=horizon_s, seed=seed),
        replications=replications,
        state=state,
    )
    futures = _futures(experiment, bin_s, workers, progress, cancelled)
    begin_s = state.time_s if state is not None else 0.0
    ahead_s = bin_s * np.arange(1, futures.shape[1] + 1)
    return Forecast(
        made_at_s=begin_s,
        model_id=f"twin:{line.hash}",
        data_hash=_hash(line, state),
        score=score or Score(),
        throughput=Fan(
            ahead_s=tuple(ahead_s.tolist()),
            levels=levels,
            finished=_quantiles(np.cumsum(futures, axis=1), levels),
            in_bin=_quantiles(futures, levels),
        ),
    )


def _quantiles(sample: Floats, levels: tuple[float, ...]) -> tuple[tuple[float, ...], ...]:
    # Hazen's rule: level p is the value at rank n p + 1/2, unbiased for the median of few values.
    table = np.quantile(sample, levels, axis=0, method="hazen")
    return tuple(tuple(row) for row in table.tolist())


def _futures(
    experiment: Experiment,
    bin_s: float,
    workers: int,
    progress: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Floats:
    """Return the parts finished in each stretch of each future; shape (futures, stretches)."""
    planned = plan(experiment)
    pieces = [(planned[0], bin_s)]
    tasks = [Task(0, number) for number in range(experiment.replications)]
    rows: list[Floats] = []
    threads = planned[0].runs.compiled
    finished = run_tasks(run_once, pieces, tasks, workers, cancelled, threads=threads)
    for done, (_, counts) in enumerate(finished, 1):
        rows.append(counts)
        if progress is not None:
            progress(done, len(tasks))
    if len(rows) < len(tasks):
        raise ExperimentCancelledError(len(rows), len(tasks))
    return np.stack(rows)


def run_once(piece: tuple[Planned, float], replication: int) -> Floats:
    """Return the parts finished in each stretch of one future."""
    planned, bin_s = piece
    log = planned.runs.log(replication)
    bins = math.floor(planned.options.horizon_s / bin_s + 1e-9)
    edges_s = log.begin_s + bin_s * np.arange(bins + 1)
    moments = log.time_s[log.kind == Kind.PART_FINISHED]
    return np.diff(np.searchsorted(moments, edges_s)).astype(np.float64)


def _check(horizon_s: float, bin_s: float, levels: tuple[float, ...], replications: int) -> None:
    findings = []
    if not (0 < bin_s <= horizon_s < math.inf):
        message = f"stretches of {bin_s!r} s do not fit a horizon of {horizon_s!r} s"
        findings.append(Finding("bin_s", message, "0 < bin_s <= horizon_s"))
    elif horizon_s / bin_s > MOST_BINS:
        message = f"{horizon_s / bin_s:.0f} stretches"
        findings.append(Finding("bin_s", message, f"at most {MOST_BINS}", "lengthen the stretch"))
    if not levels or list(levels) != sorted(levels) or not all(0 < p < 1 for p in levels):
        findings.append(Finding("levels", f"{levels}", "rising numbers inside (0, 1)"))
    elif replications < 1 or min(levels[0], 1 - levels[-1]) < 1 / (replications + 1) - 1e-9:
        needed = math.ceil(1 / min(levels[0], 1 - levels[-1]) - 1 - 1e-9)
        message = f"{replications} futures hold no quantiles from {levels[0]:g} to {levels[-1]:g}"
        findings.append(Finding("replications", message, f"at least {max(needed, 1)}"))
    if findings:
        raise InvalidInputError("the forecast", findings)


def _hash(line: Line, state: LineState | None) -> str:
    text = state.model_dump_json() if state is not None else "empty"
    return hashlib.sha256(f"{line.hash}|{text}".encode()).hexdigest()
