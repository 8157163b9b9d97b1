"""How good a forecaster is on a plant that differs from its twin.

The plant is the line with a reality gap: other processing times, lives and repairs than the twin's
file states. It is simulated on other random numbers than any training run; forecasts see what a
plant would show, and are scored against what then happened, beside naive forecasts on the same
moments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scenarios.forecast.ensemble import throughput_fan
from scenarios.forecast.forecaster import Forecaster
from scenarios.forecast.metrics import average_precision, bootstrap, brier, coverage, pinball
from scenarios.forecast.protocol import Metric, Score
from scenarios.synthetic.dataset import generate_dataset
from scenarios.synthetic.sampling import Sampling
from scenarios.whatif.experiment import Experiment
from twin.emulator.gap import RealityGap
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.events.fold import fold
from twin.events.kinds import Kind
from twin.line import Line

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Figure = Callable[[Ints], float]
TEST_REPLICATIONS = 1_000_000
"""Number of the first test run, far from any that is trained on."""


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What is tested on."""

    runs: int = 8
    """Runs of the plant; the unit of the bootstrap."""
    run_s: float = 14_400.0
    """Length of a run, s."""
    seed: int = 1
    """Seed of the plant."""
    level: float = 0.95
    """Level of the bootstrap intervals."""
    twin_moments: int = 0
    """Moments per run at which the twin ensemble forecasts too; 0: it is not tested."""
    twin_replications: int = 20
    """Futures of the twin at each of them."""


def backtest(  # noqa: PLR0913 - what is run and how; the latter by keyword only
    forecaster: Forecaster,
    line: Line,
    gap: RealityGap | None = None,
    options: BacktestOptions | None = None,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Score:
    """Return the score of a forecaster on a plant with a reality gap.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted to the twin.
    line : Line
        The line as the twin knows it.
    gap : RealityGap, optional
        How the plant differs; none: the emulator's own default.
    options : BacktestOptions, optional
        Runs, length, seed.
    workers, progress, cancelled
        As for ``run_experiment``.

    Returns
    -------
    Score
        ``fault_pr_auc`` and ``fault_brier`` beside the base rate by station; ``fault_brier_skill``;
        ``throughput_pinball`` beside persistence, ``throughput_skill``, ``throughput_coverage``
        beside that of persistence; with ``twin_moments`` also ``twin_pinball``, ``twin_skill`` and
        ``twin_coverage`` of the twin ensemble. Throughput is scored in parts/h. Intervals draw
        whole runs.

    Raises
    ------
    InvalidInputError
        If the runs are shorter than window and horizon.
    """
    options = options or BacktestOptions()
    gap = gap or RealityGap()
    plant = gap.apply(line)
    facts = forecaster.facts
    truth = generate_dataset(
        _runs_of(plant, options),
        facts["window_s"],
        facts["fault_horizon_s"],
        facts["step_s"],
        sampling=Sampling(own_share=1.0),
        workers=workers,
        progress=progress,
        cancelled=cancelled,
    )
    metrics = [*_fault_metrics(forecaster, truth, options),
               *_throughput_metrics(forecaster, truth, options)]  # fmt: skip
    if options.twin_moments:
        metrics += _twin_metrics(forecaster, line, plant, options)
    about = f"{options.runs} runs of {options.run_s / 3600:g} h of a plant that differs from its "
    about += f"twin (reality gap, seed {gap.seed})"
    return Score(tuple(metrics), options.level, options.runs, about)


def _runs_of(plant: Line, options: BacktestOptions) -> Experiment:
    return Experiment(
        line=plant,
        replications=options.runs,
        options=SimulationOptions(
            horizon_s=options.run_s, seed=options.seed, replication=TEST_REPLICATIONS
        ),
    )


def _metric(
    name: str,
    model: Figure,
    naive: Figure | None,
    units: Ints,
    options: BacktestOptions,
    *,
    higher_is_better: bool | None,
) -> Metric:
    """Return a figure with its interval, and that of the gain over naive on the same draws."""
    everything = np.arange(len(units))
    low, high = bootstrap(model, units, options.level, options.seed)
    value = model(everything)
    if naive is None:
        return Metric(name, value, float("nan"), low, high, higher_is_better)
    sign = 1.0 if higher_is_better else -1.0

    def gain(rows: Ints) -> float:
        return sign * (model(rows) - naive(rows))

    gain_low, gain_high = bootstrap(gain, units, options.level, options.seed)
    return Metric(name, value, naive(everything), low, high, higher_is_better, gain_low, gain_high)


def _fault_metrics(
    forecaster: Forecaster, truth: xr.Dataset, options: BacktestOptions
) -> list[Metric]:
    fails = truth["fails"].values
    units = truth["sample_run"].values
    risk = forecaster.risk_of(truth["features"].values)
    base = forecaster.base_rates.predict(truth["sample_station"].values)

    def skill(rows: Ints) -> float:
        return 1.0 - brier(fails[rows], risk[rows]) / brier(fails[rows], base[rows])

    return [
        _metric("fault_pr_auc", lambda rows: average_precision(fails[rows], risk[rows]),
                lambda rows: average_precision(fails[rows], base[rows]), units, options,
                higher_is_better=True),
        _metric("fault_brier", lambda rows: brier(fails[rows], risk[rows]),
                lambda rows: brier(fails[rows], base[rows]), units, options,
                higher_is_better=False),
        _metric("fault_brier_skill", skill, None, units, options, higher_is_better=True),
    ]  # fmt: skip


def _throughput_metrics(
    forecaster: Forecaster, truth: xr.Dataset, options: BacktestOptions
) -> list[Metric]:
    levels = forecaster.options.levels
    window_s = forecaster.facts["window_s"]
    seen, run = truth["line_features"].values, truth["moment_run"].values
    found, naive, actual, unit = [], [], [], []
    for column, horizon_s in enumerate(forecaster.facts["horizons_s"]):
        known = np.isfinite(truth["future_finished"].values[:, column])
        # As rates, parts/h, so that long horizons do not drown the short ones.
        scale = 3600.0 / horizon_s
        found.append(forecaster.quantiles(seen[known], horizon_s) * scale)
        naive.append(forecaster.persistence.predict(seen[known, 0] / window_s, horizon_s) * scale)
        actual.append(truth["future_finished"].values[known, column] * scale)
        unit.append(run[known])
    return _quantile_metrics(
        "throughput",
        (np.concatenate(actual), np.concatenate(found), np.concatenate(naive)),
        levels,
        np.concatenate(unit),
        options,
    )


def _quantile_metrics(
    name: str,
    tables: tuple[Floats, Floats, Floats],
    levels: tuple[float, ...],
    units: Ints,
    options: BacktestOptions,
) -> list[Metric]:
    actual, found, naive = tables

    def skill(rows: Ints) -> float:
        loss = pinball(actual[rows], naive[rows], levels)
        return 1.0 - pinball(actual[rows], found[rows], levels) / loss

    return [
        _metric(f"{name}_pinball", lambda rows: pinball(actual[rows], found[rows], levels),
                lambda rows: pinball(actual[rows], naive[rows], levels), units, options,
                higher_is_better=False),
        _metric(f"{name}_skill", skill, None, units, options, higher_is_better=True),
        _metric(f"{name}_coverage",
                lambda rows: coverage(actual[rows], found[rows, 0], found[rows, -1]),
                lambda rows: coverage(actual[rows], naive[rows, 0], naive[rows, -1]), units,
                options, higher_is_better=None),
    ]  # fmt: skip


def _twin_metrics(
    forecaster: Forecaster, line: Line, plant: Line, options: BacktestOptions
) -> list[Metric]:
    """Let the twin forecast from states of the plant, and score it on the same rule."""
    levels, facts = forecaster.options.levels, forecaster.facts
    horizon_s, bin_s = max(facts["horizons_s"]), min(facts["horizons_s"])
    found, naive, actual, units = [], [], [], []
    moments_s = np.linspace(
        facts["window_s"], options.run_s - horizon_s, options.twin_moments
    ).tolist()
    for number in range(options.runs):
        run = _runs_of(plant, options).options.model_copy(
            update={"replication": TEST_REPLICATIONS + number}
        )
        log = simulate(plant, run)
        out_s = log.time_s[log.kind == Kind.PART_FINISHED]
        for moment_s in moments_s:
            # What the mirror would show: the plant's state, its future open.
            state = fold(log.until(moment_s), plant).opened()
            fan = throughput_fan(
                line, state, horizon_s, options.twin_replications, bin_s, levels=levels
            ).throughput
            assert fan is not None
            window = np.searchsorted(out_s, [moment_s - facts["window_s"], moment_s])
            rate = np.array([(window[1] - window[0]) / facts["window_s"]])
            for column, ahead_s in enumerate(fan.ahead_s):
                scale = 3600.0 / ahead_s
                found.append([row[column] * scale for row in fan.finished])
                naive.append(forecaster.persistence.predict(rate, ahead_s)[0] * scale)
                count = np.diff(np.searchsorted(out_s, [moment_s, moment_s + ahead_s]))[0]
                actual.append(count * scale)
                units.append(number)
    tables = (np.array(actual), np.array(found), np.array(naive))
    return _quantile_metrics("twin", tables, levels, np.array(units), options)
