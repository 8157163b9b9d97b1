"""Two example lines and the benchmark's against SimPy scripts that know nothing of our engines.

Means over independent runs must agree within the 99.9 % interval of their difference, corrected for
how many figures are compared. The same scripts are the yardstick of the engine's speed, so this
shows too that both do the same work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks import simpy_bottling, simpy_machining
from tests.benchmarks.bench_engine import compiled_operations, program_of
from tests.benchmarks.contests import Contest, contests
from tests.benchmarks.simpy_parts import Results
from twin import SimulationOptions, example_line, replicate
from twin.line import Line

CHANCE = 0.001
"""Of an alarm, if all means are equal."""
Figures = Mapping[str, np.ndarray]
SCRIPTS: dict[str, Callable[[Line, float, int], Results]] = {
    "machining": simpy_machining.run,
    "bottling": simpy_bottling.run,
}


@dataclass(frozen=True)
class Size:
    """How much is simulated."""

    hours: float
    ours: int
    theirs: int


QUICK = {"machining": Size(24, 120, 30), "bottling": Size(8, 100, 12)}
LONG = {"machining": Size(7 * 24, 1000, 200), "bottling": Size(24, 600, 60)}


def ours(line: Line, size: Size) -> Figures:
    """Return the figures of our runs."""
    options = SimulationOptions(horizon_s=size.hours * 3600, seed=3)
    found = replicate(line, options, size.ours)
    shares = {
        f"{station} {status}": found.status_time_s.sel(station=station, status=status)
        for station in found.station.values
        for status in found.status.values
    }
    finished = {
        f"{product} finished": found.finished_by_product.sel(product=product)
        for product in found["product"].values
    }
    rest = {"scrapped": found.scrapped, "flow time": found.flow_time_mean_s}
    return {name: np.asarray(v.values) for name, v in (shares | finished | rest).items()}


def theirs(name: str, line: Line, size: Size) -> Figures:
    """Return the figures of the script's runs, of the same names."""
    runs = [SCRIPTS[name](line, size.hours * 3600, seed) for seed in range(size.theirs)]
    told = {key for run in runs for times in run.status_times_s.values() for key in times}
    shares = {
        f"{station} {status}": [run.status_times_s[station].get(status, 0.0) for run in runs]
        for station in runs[0].status_times_s
        for status in told
    }
    finished = {
        f"{product.id} finished": [run.finished[product.id] for run in runs]
        for product in line.products
    }
    rest = {
        "scrapped": [run.scrapped for run in runs],
        "flow time": [np.mean(run.flow_times_s) for run in runs],
    }
    return {key: np.asarray(v, dtype=float) for key, v in (shares | finished | rest).items()}


def differences(ours: Figures, theirs: Figures) -> dict[str, str]:
    """Return the figures whose means differ by more than chance explains, and by how much."""
    assert set(theirs) <= set(ours)
    found = {}
    for name, mine in ours.items():
        other = theirs.get(name, np.zeros(2))
        if np.isclose(other.mean(), mine.mean(), rtol=1e-6):
            continue  # what never varies differs by rounding alone
        test = stats.ttest_ind_from_stats(
            *(other.mean(), other.std(ddof=1), len(other)),
            *(mine.mean(), mine.std(ddof=1), len(mine)),
            equal_var=False,
        )
        if not test.pvalue >= CHANCE / len(ours):  # so written, what is no number is told too
            found[name] = f"ours {mine.mean():.6g}, SimPy {other.mean():.6g}"
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_example_line(name: str) -> None:
    """Times in each status, parts, scrap and flow times of a day or a shift."""
    line = example_line(name)
    assert not differences(ours(line, QUICK[name]), theirs(name, line, QUICK[name]))


@pytest.mark.proof
@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", SCRIPTS)
def test_example_line_at_length(name: str) -> None:
    """The same over a week with its service, and over all orders, with many runs."""
    line = example_line(name)
    assert not differences(ours(line, LONG[name]), theirs(name, line, LONG[name]))


def test_another_rule_is_noticed() -> None:
    """The comparison is sharp: mills that take what came first are told apart at once."""
    line = example_line("machining")
    rule = {f"stations.{mill}.dispatch_rule": "fifo" for mill in ("mill_1", "mill_2")}
    size = QUICK["machining"]
    found = differences(ours(line.changed(rule), size), theirs("machining", line, size))
    assert {"mill_1 setup", "mill_2 setup"} <= set(found)


@pytest.mark.proof
@pytest.mark.timeout(280)
@pytest.mark.parametrize("contest", contests(), ids=lambda contest: contest.name)
def test_contests_are_of_the_same_work(contest: Contest) -> None:
    """As many operations end in the mean, whoever simulates."""
    program = program_of(contest)
    mine = np.array([compiled_operations(program, k) for k in range(400)], dtype=float)
    other = np.array([contest.simpy(seed) for seed in range(60)], dtype=float)
    assert not differences({contest.name: mine}, {contest.name: other})
