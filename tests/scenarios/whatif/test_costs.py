"""Costs, energy and carbon of each run; chances and quantiles over the runs."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from scenarios.whatif import Experiment, Scenario, compare, run_experiment
from scenarios.whatif.chances import chances, spreads
from scenarios.whatif.costs import CostModel, Investment, load_costs, priced
from twin.engine.options import SimulationOptions
from twin.errors import InvalidInputError, UnknownNameError
from twin.kpi.output_analysis import share_difference_interval
from twin.line import Constant, Exponential, serial_line


@pytest.fixture(scope="module")
def sure() -> xr.Dataset:
    """Return a line without chance: ten hours, a part every 36 s; and one with more room."""
    line = serial_line([Constant(value_s=36.0), Constant(value_s=18.0)], [2])
    return run_experiment(
        Experiment(
            line=line,
            scenarios=(Scenario(name="room", changes={"buffers.b1.capacity": {"plus": 3}}),),
            options=SimulationOptions(horizon_s=36_000.0, engine="compiled"),
            replications=2,
        )
    )


def test_costs_are_what_a_calculator_says(sure: xr.Dataset) -> None:
    """Machines by the hour, power by status, material by part, investment by the hour."""
    model = CostModel(
        currency="THB", machine_hour=100, operator_hour=50, operators={"s1": 2}, energy_kwh=4,
        power_kw={"processing": 10, "starved": 2}, carbon_kg_per_kwh=0.5, material=7, price=20,
        investments=(
            Investment(path="buffers.*.capacity", amount=1000, per_unit=True, use_h=100),
        ),
    )  # fmt: skip
    found = priced(sure, model)
    base = found.sel(scenario="base", replication=0)
    finished = float(base["finished"])
    busy_h = base["status_time_s"].sum("station") / 3600
    energy = 10 * float(busy_h.sel(status="processing")) + 2 * float(busy_h.sel(status="starved"))
    assert float(base["energy_kwh"]) == pytest.approx(energy)
    assert float(base["carbon_kg"]) == pytest.approx(energy / 2)
    kinds = {
        str(kind): float(base["cost"].sel(cost_kind=kind)) for kind in base["cost_kind"].values
    }
    assert kinds["machines"] == pytest.approx(2 * 10 * 100)
    assert kinds["operators"] == pytest.approx(10 * 2 * 50)
    assert kinds["material"] == pytest.approx(7 * finished)
    assert kinds["investment"] == 0
    assert float(base["cost_total"]) == pytest.approx(sum(kinds.values()))
    assert float(base["profit"]) == pytest.approx(20 * finished - sum(kinds.values()))
    room = found.sel(scenario="room", replication=0)
    assert float(room["cost"].sel(cost_kind="investment")) == pytest.approx(3 * 1000 / 100 * 10)
    row = compare(found).of("room", "cost_total")
    assert row.unit == "THB"
    assert row.difference is not None
    assert row.difference.mean == pytest.approx(300)


def test_cost_models_are_files(tmp_path: Path) -> None:
    """Two ship; a file is read with its findings by row, names of stations included."""
    assert load_costs("thb").currency == "THB"
    assert load_costs("eur").currency == "EUR"
    file = tmp_path / "costs.yaml"
    file.write_text("currency: baht\nenergy: 4\nmaterial: -1\n", encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        load_costs(file)
    assert {finding.line for finding in caught.value.findings} == {1, 2, 3}
    file.write_text("currency: THB\noperators: {nobody: 1}\n", encoding="utf-8")
    line = serial_line([Constant(value_s=1.0)])
    with pytest.raises(InvalidInputError, match="unknown station 'nobody'"):
        load_costs(file, line)


def test_chances_and_quantiles_have_intervals() -> None:
    """P50 lies near the mean, and the chance to exceed it is about one half."""
    line = serial_line([Exponential(mean_s=10.0)] * 2, [2])
    options = SimulationOptions(horizon_s=3600.0, seed=2, engine="compiled")
    found = run_experiment(Experiment(line=line, options=options, replications=200))
    (spread,) = spreads(found, "finished")
    (_, low), (_, middle), (_, high) = spread.quantiles
    assert low.mean < middle.mean < high.mean
    assert middle.low <= middle.mean <= middle.high
    chance = chances(found, "finished", above=middle.mean)["base"]
    assert chance.low < 0.5 < chance.high
    opposite = chances(found, "finished", below=middle.mean + 0.5)["base"]
    assert chance.mean + opposite.mean == pytest.approx(1)
    assert chances(found, "oee_index", "s1", above=0.0)["base"].mean == 1
    with pytest.raises(ValueError, match="either above or below"):
        chances(found, "finished")
    with pytest.raises(UnknownNameError):
        spreads(found, "oee_index")


def test_agreeing_pairs_leave_some_doubt() -> None:
    """Twenty runs that are on time on both sides do not prove that all will be."""
    found = share_difference_interval(np.ones(20), np.ones(20))
    assert found.mean == 0
    assert found.low < -0.05 < 0.05 < found.high
