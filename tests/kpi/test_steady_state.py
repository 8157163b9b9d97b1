"""Warm-up and batch means against definitions, hand-made series and processes with known means."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from twin import SimulationOptions, serial_line, simulate
from twin.errors import InvalidInputError
from twin.kpi import batch_means_interval, mean_interval, throughput_series, warm_up_of
from twin.line import Exponential

Floats = NDArray[np.float64]


def noise(seed: int, *shape: int) -> Floats:
    """Return independent standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)


def mser_by_definition(series: Floats, batch: int) -> tuple[int, float]:
    """Return cut and statistic, term by term as White writes them."""
    groups = [series[i : i + batch].mean() for i in range(0, len(series) - batch + 1, batch)]
    found = []
    for cut in range(len(groups) - 4):
        rest = np.array(groups[cut:])
        found.append(float(np.sum((rest - rest.mean()) ** 2)) / len(rest) ** 2)
    cut = int(np.argmin(found))
    return cut * batch, found[cut]


def test_a_biased_beginning_is_cut_where_it_ends() -> None:
    """Twenty observations far off, then an even spread, where leaving out more only costs."""
    series = np.where(np.arange(400) % 2, 6.0, 4.0)
    series[:20] += 30.0
    found = warm_up_of(series)
    assert found.observations == 20
    assert found.mean == pytest.approx(series[20:].mean())
    assert found.batch == 5


@pytest.mark.parametrize("batch", [1, 5, 7])
def test_the_cut_is_whites(batch: int) -> None:
    """Cut and statistic are those of the definition, for series that approach a level."""
    for seed in range(20):
        series = 1e6 + noise(seed, 203) - 8.0 * np.exp(-np.arange(203) / 15.0)
        cut, statistic = mser_by_definition(series, batch)
        if cut // batch > 203 // batch // 2:
            with pytest.raises(InvalidInputError, match=f"cut, {cut} of 203"):
                warm_up_of(series, batch=batch)
            continue
        found = warm_up_of(series, batch=batch)
        assert found.observations == cut
        assert found.statistic == pytest.approx(statistic, rel=1e-6)


def test_a_settled_series_keeps_everything_if_it_is_constant() -> None:
    """No spread, no warm-up; a constant tail is found exactly, even at a large level."""
    assert warm_up_of(np.full(50, 0.1)).observations == 0
    tail = warm_up_of(np.append(np.zeros(15), np.full(85, 1e9 + 0.1)))
    assert (tail.observations, tail.statistic) == (15, 0.0)


def test_replications_are_averaged() -> None:
    """Rows are runs: the answer is that of their mean."""
    runs = noise(2, 30, 200) - 3.0 * np.exp(-np.arange(200) / 20.0)
    assert warm_up_of(runs) == warm_up_of(runs.mean(axis=0))
    # The bias is 10 % of the noise of the mean at about observation 100, 3 x at 35.
    assert 35 <= warm_up_of(runs).observations <= 100


def test_warm_up_of_a_line_that_fills_up() -> None:
    """A line of ten exponential stations delivers nothing at first and little while it fills."""
    line = serial_line([Exponential(mean_s=10.0)] * 10, buffers=[5] * 9)
    series = []
    for replication in range(10):
        options = SimulationOptions(horizon_s=20_000.0, seed=5, replication=replication)
        _, counts = throughput_series(simulate(line, options), 100.0)
        series.append(counts)
    found = warm_up_of(series)
    assert 5 <= found.observations <= 50
    assert found.mean > np.mean(series)


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (np.zeros(49), "at least 50 observations"),
        (np.arange(200.0), "second half"),
        (np.append(np.zeros(99), np.nan), r"series\[99\]: is nan"),
        (np.zeros((2, 2, 100)), "has 3 dimensions"),
    ],
)
def test_series_that_tell_no_warm_up_are_refused(series: Floats, told: str) -> None:
    """Too short, never settled, not numbers: each is told with what was expected."""
    with pytest.raises(InvalidInputError, match=told):
        warm_up_of(series)


def test_a_group_has_at_least_one_observation() -> None:
    """A batch of none makes no sense."""
    with pytest.raises(InvalidInputError, match="batch: is 0"):
        warm_up_of(np.zeros(100), batch=0)


def test_independent_observations_make_thirty_batches() -> None:
    """Means of 10 observations and the Student interval over 30 of them; the rest goes first."""
    series = noise(4, 307)
    found = batch_means_interval(series, 0.9)
    assert (found.batch_size, found.left_out) == (10, 7)
    means = series[7:].reshape(30, 10).mean(axis=1)
    assert found.interval == mean_interval(means, 0.9)
    centred = means - means.mean()
    assert found.lag_1 == pytest.approx(np.sum(centred[1:] * centred[:-1]) / np.sum(centred**2))


def test_correlated_batches_are_made_longer() -> None:
    """Where 30 batches are still alike, fewer and longer ones are taken."""
    sizes = {batch_means_interval(ar_1(0.9, 800, seed)).interval.n for seed in (0, 1, 2, 4, 5, 6)}
    assert sizes - {30}
    assert sizes <= {30, 20, 10}


def test_a_constant_series_has_an_interval_of_no_width() -> None:
    """Nothing varies, so nothing is correlated."""
    found = batch_means_interval(np.full(100, 2.5))
    assert (found.interval.low, found.interval.high) == (2.5, 2.5)
    assert np.isnan(found.lag_1)


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (np.zeros(99), "at least 100.*use replications"),
        (np.arange(3000.0), "correlated .lag 1: 0.7.*four times as long"),
        (np.full(200, np.inf), r"series\[0\]: is inf"),
        (np.zeros((2, 200)), "has 2 dimensions"),
    ],
)
def test_series_that_tell_no_interval_are_refused(series: Floats, told: str) -> None:
    """Too short or correlated throughout: told, with a remedy."""
    with pytest.raises(InvalidInputError, match=told):
        batch_means_interval(series)


def ar_1(phi: float, n: int, seed: int, runs: int | None = None) -> Floats:
    """Return autoregressive series around zero that begin in their stationary law."""
    shocks = noise(seed, n, runs or 1)
    found = np.empty_like(shocks)
    found[0] = shocks[0] / np.sqrt(1 - phi * phi)
    for i in range(1, n):
        found[i] = phi * found[i - 1] + shocks[i]
    return found[:, 0] if runs is None else found.T


def waiting_times(rho: float, n: int, runs: int, seed: int) -> Floats:
    """Return successive waiting times in an M/M/1 queue with service of mean 1 (Lindley)."""
    generator = np.random.default_rng(seed)
    steps = generator.exponential(1.0, (n, runs)) - generator.exponential(1.0 / rho, (n, runs))
    wait = np.zeros(runs)
    found = np.empty((n, runs))
    for i in range(n):
        wait = np.maximum(0.0, wait + steps[i])
        found[i] = wait
    return found.T


def share_held(series: Floats, truth: float, level: float) -> tuple[float, float]:
    """Return which share of intervals held the truth, and which share of series was refused."""
    held = refused = 0
    for one in series:
        try:
            interval = batch_means_interval(one, level).interval
        except InvalidInputError:
            refused += 1
            continue
        held += interval.low <= truth <= interval.high
    return held / (len(series) - refused), refused / len(series)


def test_batch_means_hold_as_often_as_they_say_for_an_autoregression() -> None:
    """Correlation 0.8, mean 0: 400 runs of 3000; naive intervals would hold in under half."""
    series = ar_1(0.8, 3000, seed=11, runs=400)
    held, refused = share_held(series, 0.0, 0.9)
    # Three standard errors of a share of 0.9 in 400 are 0.045.
    assert 0.9 - 0.045 <= held <= 0.9 + 0.045
    assert refused <= 0.02
    naive = [mean_interval(one, 0.9) for one in series]
    assert np.mean([found.low <= 0.0 <= found.high for found in naive]) < 0.6


def test_batch_means_hold_as_often_as_they_say_for_a_queue() -> None:
    """Waiting at an M/M/1 queue of load 0.5 is 1 on average: 300 runs of 8000 customers."""
    series = waiting_times(0.5, 8500, 300, seed=12)[:, 500:]
    held, refused = share_held(series, 1.0, 0.9)
    # Skewed waits cost a little of the level; three standard errors are 0.052.
    assert 0.9 - 0.07 <= held <= 0.9 + 0.052
    assert refused <= 0.02
