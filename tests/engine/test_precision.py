"""As many replications as a figure needs, and no other numbers than those of ``replicate``."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from twin import SimulationOptions, fold, replicate, serial_line, simulate
from twin.engine import replicate_until
from twin.errors import OptionsError, UnknownNameError
from twin.kpi import mean_interval
from twin.line import Constant, Exponential, Line

OPTIONS = SimulationOptions(horizon_s=3_000.0, warm_up_s=300.0, seed=3, engine="reference")


def line_of_two() -> Line:
    """Return two exponential stations with three places between."""
    return serial_line([Exponential(mean_s=10.0)] * 2, buffers=[3])


def test_it_stops_when_the_mean_is_known_well_enough() -> None:
    """The interval is as narrow as asked for, and would not have been a block earlier."""
    line = line_of_two()
    runs, interval = replicate_until(line, OPTIONS, 0.02, budget=400)
    assert interval == mean_interval(runs["throughput_rate"].values)
    assert interval.half_width <= 0.02 * interval.mean
    assert 10 < interval.n < 400
    first = mean_interval(runs["throughput_rate"].values[:10])
    assert first.half_width > 0.02 * first.mean


def test_runs_are_those_of_replicate() -> None:
    """Blocks change nothing: the same data as at once, also from a state and with two workers."""
    line = line_of_two()
    state = fold(simulate(line, OPTIONS), line)
    later = OPTIONS.model_copy(update={"replication": 5})
    for begin in (None, state):
        runs, interval = replicate_until(line, later, 0.02, budget=24, state=begin, workers=1)
        xr.testing.assert_identical(runs, replicate(line, later, interval.n, begin))
    compiled = later.model_copy(update={"engine": "auto"})
    alone, _ = replicate_until(line, compiled, 0.02, budget=24, state=state)
    shared, _ = replicate_until(line, compiled, 0.02, budget=24, state=state, workers=2)
    xr.testing.assert_identical(alone, shared)


def test_a_spent_budget_leaves_a_wider_interval() -> None:
    """There are never more runs than allowed, and the interval says how far they got."""
    runs, interval = replicate_until(line_of_two(), OPTIONS, 1e-6, budget=13)
    assert runs.sizes["replication"] == interval.n == 13
    assert interval.half_width > 1e-6 * interval.mean
    assert runs["replication"].values.tolist() == list(range(13))


def test_a_line_without_chance_needs_the_first_ten() -> None:
    """No spread, no more runs; a figure that is always zero is known as well."""
    line = serial_line([Constant(value_s=4.0), Constant(value_s=10.0)], buffers=[1])
    for kpi in ("wip_mean", "scrapped"):
        _, interval = replicate_until(line, OPTIONS, 0.01, kpi=kpi)
        assert interval.n == 10
        assert interval.half_width == 0.0


def test_a_figure_that_is_never_measured_stops_at_once() -> None:
    """Nothing is finished, so there is no flow time to wait for."""
    line = serial_line([Constant(value_s=400.0)])
    short = SimulationOptions(horizon_s=300.0, engine="reference")
    _, interval = replicate_until(line, short, 0.01, kpi="flow_time_mean_s")
    assert interval.n == 0
    assert np.isnan(interval.mean)


@pytest.mark.parametrize("kpi", ["throughput", "availability"])
def test_unknown_figures_are_refused_with_those_that_are_there(kpi: str) -> None:
    """A wrong name, and a figure of many values."""
    with pytest.raises(UnknownNameError, match=f"'{kpi}'; known: .*throughput_rate"):
        replicate_until(line_of_two(), OPTIONS, 0.1, kpi=kpi)


def test_impossible_wishes_are_told_at_once() -> None:
    """Width, level and budget, all findings together and before any run."""
    with pytest.raises(OptionsError) as caught:
        replicate_until(line_of_two(), OPTIONS, 0.0, 1.0, budget=1)
    told = str(caught.value)
    for path in ("relative_half_width: is 0.0", "level: is 1.0", "budget: is 1"):
        assert path in told
