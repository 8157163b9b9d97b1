"""What what-if promises, tried often enough: no false alarms, the best line, the same bits."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from scenarios.whatif import Experiment, Scenario, compare, run_experiment
from scenarios.whatif.comparison import Verdict
from scenarios.whatif.design import Total, Variable
from scenarios.whatif.optimising import optimise_design
from twin.engine.options import SimulationOptions
from twin.engine.runs import KERNEL
from twin.kpi.output_analysis import mean_interval
from twin.line import Exponential, Line, serial_line

REPETITIONS = 1000
RUNS = 20
STATIONS, PLACES = 10, 40
LONG_ONE = (4, 4, 5, 5, 4, 5, 5, 4, 4)
"""Best allocation that a search of ten times the time has found; each equals its mirror image."""


def exponential(places: tuple[int, ...]) -> Line:
    """Return a balanced serial line of exponential stations."""
    return serial_line([Exponential(mean_s=1.0)] * (len(places) + 1), list(places))


def mirrored() -> Experiment:
    """Return lines that make the same per time, however different they are.

    A serial line and its mirror image have one throughput (Muth 1979), so no difference is true.
    """
    back = {f"buffers.b{n}.capacity": room for n, room in enumerate((1, 2, 4), 1)}
    other = {f"buffers.b{n}.capacity": room for n, room in enumerate((4, 2, 1), 1)}
    return Experiment(
        line=exponential((4, 2, 1)),
        scenarios=(Scenario(name="back", changes=back), Scenario(name="same", changes=other)),
        options=SimulationOptions(horizon_s=1700.0, warm_up_s=200.0, seed=3),
        replications=REPETITIONS * RUNS,
    )


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_what_makes_no_difference_is_seldom_called_better() -> None:
    """Of a thousand experiments without a true difference few say better, and few worse.

    The intervals hold for both scenarios together at 95 %, so each side may err in 1.25 % for the
    one that can err, and no more than chance allows beyond that (3 sigma).
    """
    assert KERNEL.wait(300)
    results = run_experiment(mirrored(), workers=2)[["throughput_rate"]]
    said = {Verdict.BETTER: 0, Verdict.WORSE: 0}
    for begin in range(0, REPETITIONS * RUNS, RUNS):
        one = results.isel(replication=slice(begin, begin + RUNS))
        comparison = compare(one, relevance=0.0)
        assert comparison.of("same", "throughput_rate").verdict is Verdict.NO_RELEVANT_DIFFERENCE
        verdict = comparison.of("back", "throughput_rate").verdict
        if verdict in said:
            said[verdict] += 1
    level = 0.0125
    allowed = level + 3 * np.sqrt(level * (1 - level) / REPETITIONS)
    assert said[Verdict.BETTER] / REPETITIONS < allowed
    assert said[Verdict.WORSE] / REPETITIONS < allowed


def rates(found: list[tuple[int, ...]]) -> xr.DataArray:
    """Return the throughput of allocations on common random numbers, long runs."""
    scenarios = tuple(
        Scenario(
            name=f"a{k}",
            changes={f"buffers.b{n}.capacity": room for n, room in enumerate(places, 1)},
        )
        for k, places in enumerate(found)
    )
    asked = Experiment(
        line=exponential(found[0]),
        scenarios=scenarios,
        options=SimulationOptions(horizon_s=22_000.0, warm_up_s=2_000.0, seed=99),
        replications=200,
    )
    return run_experiment(asked, workers=2)["throughput_rate"]


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_forty_places_on_ten_stations_in_a_minute() -> None:
    """Within half a percent of the best allocation known, at 95 % confidence."""
    variables = [
        Variable(path=f"buffers.b{n}.capacity", low=1, high=PLACES - STATIONS + 2)
        for n in range(1, STATIONS)
    ]
    found = optimise_design(
        exponential((1,) * (STATIONS - 1)), variables,
        SimulationOptions(horizon_s=2_200.0, warm_up_s=200.0, seed=1),
        constraints=[Total(exactly=PLACES)], seconds=60.0, workers=2,
    )  # fmt: skip
    assert found.seconds < 62.0
    places = tuple(int(value) for value in found.best.values.values())
    assert sum(places) == PLACES
    values = rates([LONG_ONE, places])
    ratio = values.sel(scenario="a1").values / values.sel(scenario="a0").values
    assert mean_interval(ratio).low > 0.995


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_fresh_process_gives_the_same_bits_from_the_id(tmp_path: Path) -> None:
    """An experiment from a live state, kept by one process, is repeated by another, by its id."""
    command = [sys.executable, "-m", "api.cli", "whatif"]
    store = str(tmp_path / "experiments")
    question = ["bottling", "--change", "buffers.filled.capacity=9", "--horizon", "2h", "-n", "20"]
    subprocess.run(
        [*command, *question, "--store", store, "--workers", "2"],
        check=True, timeout=280, capture_output=True,
    )  # fmt: skip
    (kept,) = Path(store).iterdir()
    again = subprocess.run(
        [*command, "--replay", kept.stem, "--store", store, "--json"],
        check=True, timeout=280, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(again.stdout)["same"]
