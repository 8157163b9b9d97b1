"""Do the intervals hold, and are verdicts as seldom wrong as they say? On known answers."""

import numpy as np
import pytest
import xarray as xr

from scenarios.whatif import Verdict, compare
from scenarios.whatif.chances import chances
from scenarios.whatif.experiment import Experiment
from scenarios.whatif.running import run_experiment
from twin.engine.options import SimulationOptions
from twin.kpi.output_analysis import mean_interval, share_difference_interval
from twin.line import Exponential, Operation, Product, Source, Station
from twin.line.line import Line

REPETITIONS = 1000
pytestmark = pytest.mark.proof


def queue(service_s: float) -> Line:
    """Return one server with arrivals of a Poisson process, 100 s apart on average."""
    return Line(
        id="queue",
        sources=(
            Source(id="in", arrivals="interarrival", interarrival_s=Exponential(mean_s=100.0)),
        ),
        stations=(Station(id="desk"),),
        products=(
            Product(
                id="case",
                routing=(
                    Operation(
                        id="serve",
                        stations=("desk",),
                        processing_time_s=Exponential(mean_s=service_s),
                    ),
                ),
            ),
        ),
    )


@pytest.fixture(scope="module")
def runs() -> xr.Dataset:
    """Return many runs of the empty queue, and of it again with other random numbers."""
    options = SimulationOptions(horizon_s=36_000.0, seed=11, engine="compiled")
    count = REPETITIONS * 30
    return run_experiment(
        Experiment(line=queue(50.0), options=options, replications=count), workers=2
    )


def test_intervals_of_arrivals_hold_as_often_as_they_say(runs: xr.Dataset) -> None:
    """Arrivals in ten hours are Poisson with mean 360: 95 % intervals hold 93.5 to 96.5 %."""
    table = runs["created"].sel(scenario="base").values.reshape(REPETITIONS, 30)
    held = [i.low <= 360.0 <= i.high for i in (mean_interval(row) for row in table)]
    assert 0.935 <= np.mean(held) <= 0.965


def test_intervals_of_busy_time_hold_as_often_as_they_say(runs: xr.Dataset) -> None:
    """From many runs the mean is known; intervals from thirty of them hold it as they say."""
    busy = runs["status_share"].sel(scenario="base", station="desk", status="processing").values
    table = busy.reshape(REPETITIONS, 30)
    found = [mean_interval(row) for row in table]
    assert 0.935 <= np.mean([i.low <= busy.mean() <= i.high for i in found]) <= 0.965


def test_chances_hold_as_often_as_they_say(runs: xr.Dataset) -> None:
    """The chance of more than 370 arrivals is that of the Poisson distribution."""
    from scipy import stats  # noqa: PLC0415 - a heavy import for one number

    true = float(stats.poisson.sf(370, 360))
    held = 0
    for k in range(REPETITIONS):
        part = runs.isel(replication=slice(30 * k, 30 * k + 30))
        interval = chances(part[["created"]], "created", above=370.5)["base"]
        held += interval.low <= true <= interval.high
    assert 0.925 <= held / REPETITIONS <= 0.975  # a share of 30 moves in steps


def pairs(scenarios: int, replications: int, seed: int, shift: float = 0.0) -> xr.Dataset:
    """Return results in which every scenario differs from the base by ``shift`` on average."""
    generator = np.random.default_rng(seed)
    common = generator.normal(100.0, 5.0, replications)
    table = common + generator.normal(0.0, 1.0, (scenarios + 1, replications))
    table[1:] += shift
    names = ["base", *(f"s{k}" for k in range(scenarios))]
    return xr.Dataset(
        {"throughput_rate": (("scenario", "replication"), table)},
        coords={"scenario": names, "replication": np.arange(replications)},
    )


@pytest.mark.parametrize("scenarios", [1, 9])
def test_better_is_seldom_said_of_what_is_equal(scenarios: int) -> None:
    """Of scenarios that are all equal to the base, one is called better in less than 2.5 % ...

    ... and any verdict of better or worse is given in less than 5 %, for all of them together.
    """
    better = either = 0
    for seed in range(REPETITIONS):
        rows = compare(pairs(scenarios, 20, seed), relevance=0.0).rows
        verdicts = {row.verdict for row in rows}
        better += Verdict.BETTER in verdicts
        either += bool(verdicts & {Verdict.BETTER, Verdict.WORSE})
    spare = 2.0 * np.sqrt(0.05 * 0.95 / REPETITIONS)  # what chance adds in so many repetitions
    assert better / REPETITIONS <= 0.025 + spare
    assert either / REPETITIONS <= 0.05 + spare


def test_paired_differences_hold_as_often_as_they_say() -> None:
    """The interval of a difference of 0.7 holds it in 93.5 to 96.5 %."""
    held = 0
    for seed in range(REPETITIONS):
        difference = compare(pairs(1, 20, seed, 0.7)).of("s0", "throughput_rate").difference
        assert difference is not None
        held += difference.low <= 0.7 <= difference.high
    assert 0.935 <= held / REPETITIONS <= 0.965


def test_differences_of_shares_hold() -> None:
    """On pairs of zeros and ones the interval holds at least about as often as it says."""
    generator, held = np.random.default_rng(3), 0
    for _ in range(REPETITIONS):
        u, v = generator.random((2, 60))
        reference = (u < 0.7).astype(float)
        values = np.where(v < 0.2, 1.0, reference)  # a fifth of the runs is mended: 0.06 more
        interval = share_difference_interval(values, reference)
        held += interval.low <= 0.06 <= interval.high
    assert held / REPETITIONS >= 0.935
