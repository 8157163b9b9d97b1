"""Weights: rare failures made frequent, and counted back exactly."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from scenarios.synthetic.sampling import (
    Component,
    Lives,
    Sampling,
    allocation,
    components,
    lives_in,
    log_ratio,
    tilted_line,
    weight_of,
)
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.line import (
    AnyDistribution,
    Constant,
    Exponential,
    Failure,
    Line,
    Lognormal,
    Normal,
    Uniform,
    Weibull,
    example_line,
    serial_line,
)

RUN_S = 2000.0


def failing(life: AnyDistribution, clock: str = "operating") -> Line:
    """Return one station that always works until it fails in the way given."""
    mode = Failure(
        id="bearing",
        clock=clock,  # type: ignore[arg-type]
        time_to_failure_s=life,
        time_to_repair_s=Constant(value_s=100.0),
    )
    line = serial_line([Constant(value_s=10.0)])
    return line.changed({"stations.s1.failures": [mode.model_dump(mode="json")]})


def test_lines_with_maintenance_are_drawn_and_what_it_renews_is_not_tilted() -> None:
    """Maintenance is no failure: it has no lives, and those that it breaks off have no ratio."""
    line = example_line("machining")
    run = simulate(line, SimulationOptions(horizon_s=RUN_S, seed=1))
    modes = {(one.id, mode.id) for one in line.stations for mode in one.failures}
    assert set(lives_in(run, line)) == modes
    renewed = {
        (one.id, name) for one in line.stations for plan in one.maintenance for name in plan.renews
    }
    assert renewed
    laws = components(line, RUN_S, 100, Sampling())
    assert not renewed & {(law.station, name) for law in laws for name, _ in law.factors}


def test_frequent_modes_are_left_alone() -> None:
    """Only modes that would seldom fail in a run are tilted."""
    laws = components(failing(Exponential(mean_s=500.0)), RUN_S, 10, Sampling())
    assert laws == (Component("", (), 1.0),)


def test_bounded_lives_are_left_alone() -> None:
    """Lives with bounds have no ratio of densities, so they are never tilted."""
    line = failing(Uniform(low_s=50_000.0, high_s=60_000.0))
    assert len(components(line, RUN_S, 10, Sampling())) == 1


def test_shares_are_whole_runs_and_sum_to_one() -> None:
    """Every run follows one law, in the shares that the weights assume."""
    laws = components(failing(Exponential(mean_s=40_000.0)), RUN_S, 10, Sampling(own_share=0.25))
    assert sum(law.share for law in laws) == pytest.approx(1.0)
    order = allocation(laws, 10)
    assert [order.count(k) / 10 for k in range(len(laws))] == [law.share for law in laws]


@pytest.mark.parametrize(
    ("life", "law"),
    [
        (Exponential(mean_s=300.0), stats.expon(scale=300.0)),
        (Weibull(scale_s=300.0, shape=2.2), stats.weibull_min(2.2, scale=300.0)),
        (
            Lognormal(mean_s=300.0, sd_s=200.0),
            stats.lognorm(math.sqrt(math.log1p(4 / 9)), scale=300.0 / math.sqrt(1 + 4 / 9)),
        ),
        (Normal(mean_s=300.0, sd_s=80.0), stats.truncnorm(-300 / 80, np.inf, 300.0, 80.0)),
    ],
)
def test_ratio_is_that_of_densities_and_survival(
    life: AnyDistribution, law: stats.rv_continuous
) -> None:
    """For one ended and one open life the ratio is the textbook's."""
    factor, ended, still = 0.4, 210.0, 150.0
    tilt = Component("s1", (("bearing", factor),), 0.5)
    seen = {("s1", "bearing"): Lives(np.array([ended]), still)}
    expected = (
        law.logpdf(ended / factor)
        - math.log(factor)
        - law.logpdf(ended)
        + law.logsf(still / factor)
        - law.logsf(still)
    )
    assert log_ratio(failing(life), tilt, seen) == pytest.approx(expected, rel=1e-9)


def test_lives_are_those_that_were_drawn() -> None:
    """Lives read from a log add up to the time that the station worked."""
    line = failing(Exponential(mean_s=300.0), clock="calendar")
    log = simulate(line, SimulationOptions(horizon_s=RUN_S, seed=3))
    lives = lives_in(log, line)["s1", "bearing"]
    failures = int(np.sum(log.kind == 12))
    repaired = int(np.sum(log.kind == 14))
    assert len(lives.ended_s) == failures > 0
    down_s = 100.0 * repaired
    if failures > repaired:
        down_s += RUN_S - float(log.time_s[log.kind == 12][-1])
    assert lives.ended_s.sum() + lives.open_s + down_s == pytest.approx(RUN_S)


def test_weighted_runs_give_the_true_rate_of_a_rare_failure() -> None:
    """A failure with probability 0.02 per run is estimated from 120 runs within its error."""
    line = failing(Exponential(mean_s=100_000.0), clock="calendar")
    truth = 1 - math.exp(-RUN_S / 100_000.0)
    runs = 120
    laws = components(line, RUN_S, runs, Sampling(own_share=0.3))
    tilted = [tilted_line(line, law) for law in laws]
    weights, failed = np.empty(runs), np.empty(runs)
    for k, law in enumerate(allocation(laws, runs)):
        options = SimulationOptions(horizon_s=RUN_S, seed=11, replication=k)
        log = simulate(tilted[law], options)
        weights[k] = weight_of(line, laws, lives_in(log, tilted[law]))
        failed[k] = bool((log.kind == 12).any())
    assert weights.max() <= 1 / 0.3 + 1e-9
    error = weights.std(ddof=1) / math.sqrt(runs)
    assert abs(weights.mean() - 1) < 3 * error
    estimate = weights * failed
    spread = estimate.std(ddof=1) / math.sqrt(runs)
    assert abs(estimate.mean() - truth) < 3 * spread
    # Crude sampling of as many runs would have a standard error of 0.0128.
    assert spread < 0.5 * math.sqrt(truth * (1 - truth) / runs)


def test_tilted_law_is_a_law() -> None:
    """The ratio integrates to one over the line's own law: nothing is lost or invented."""
    line = failing(Weibull(scale_s=300.0, shape=2.0))
    tilt = Component("s1", (("bearing", 0.5),), 0.5)
    law = stats.weibull_min(2.0, scale=300.0)

    def density(x: float) -> float:
        seen = {("s1", "bearing"): Lives(np.array([x]), 0.0)}
        return float(math.exp(log_ratio(line, tilt, seen)) * law.pdf(x))

    assert integrate.quad(density, 0.0, 3000.0)[0] == pytest.approx(1.0, abs=1e-6)
