"""Sensitivities: slopes that are known, intervals that hold them, questions that make no sense."""

import numpy as np
import pytest

from scenarios.whatif.costs import load_costs
from scenarios.whatif.scenario import Scenario
from scenarios.whatif.sensitivity import factors, sensitivities
from twin.engine.options import SimulationOptions
from twin.errors import InvalidInputError, UnknownNameError
from twin.line import Constant, Exponential, Failure, Line, example_line, serial_line

OPTIONS = SimulationOptions(horizon_s=1200.0, warm_up_s=200.0, seed=4)


def paced(fails: bool = False) -> Line:
    """Return a line whose second station sets the pace; it may fail."""
    line = serial_line([Constant(value_s=2.0), Constant(value_s=4.0)], [3])
    if not fails:
        return line
    mode = Failure(
        id="stop",
        time_to_failure_s=Exponential(mean_s=90.0),
        time_to_repair_s=Exponential(mean_s=10.0),
    )
    return line.changed({"stations.s2.failures": [mode.model_dump(mode="json")]})


def test_the_bottleneck_gives_a_percent_for_a_percent() -> None:
    """Where one station sets the pace, 1 % of its time brings 1 % of throughput, others nothing."""
    found = sensitivities(paced(), OPTIONS, replications=2, kinds=["processing time", "place"])
    assert found["factor"].values.tolist()[0] == "processing time s2"
    share = found["share"].sel(figure="throughput_rate")
    assert float(share.sel(factor="processing time s2")) == pytest.approx(0.01, rel=0.02)
    assert float(share.sel(factor="processing time s1")) == pytest.approx(0.0, abs=1e-4)
    assert float(share.sel(factor="place b1")) == pytest.approx(0.0, abs=1e-4)


def test_repairs_tell_what_theory_says() -> None:
    """The slopes of MTBF and MTTR are those of the availability of the station that sets the pace.

    The rate of an isolated station is MTBF / (MTBF + MTTR) / cycle, so 1 % of either brings
    MTTR / (MTBF + MTTR) percent.
    """
    options = OPTIONS.model_copy(update={"horizon_s": 20_000.0})
    found = sensitivities(paced(fails=True), options, replications=10, kinds=["mtbf", "mttr"])
    mean = float(found["mean"].sel(figure="throughput_rate"))
    for name in ("mtbf s2", "mttr s2"):
        one = found.sel(factor=name, figure="throughput_rate")
        exact = 0.01 * 10 / 100 * mean
        margin = 2 * float(one["high"] - one["low"])
        assert float(one["gain"]) == pytest.approx(exact, abs=max(margin, 0.1 * exact))
        assert float(one["low"]) > 0


def test_money_is_told_with_prices() -> None:
    """With a cost model each factor has its effect on cost, in the model's currency."""
    found = sensitivities(
        paced(), OPTIONS, replications=2, kinds=["processing time"], costs=load_costs("thb")
    )
    assert "cost_per_part" in found["figure"].values
    assert np.isfinite(found["gain"].sel(figure="cost_per_part")).all()


def test_a_station_that_shares_work_is_changed_alone() -> None:
    """Where two stations may do a step, the time of one is scaled and the other keeps its own."""
    line = serial_line([Constant(value_s=2.0), Constant(value_s=4.0)], [3])
    line = line.changed({"products.part.routing.op2.stations": ["s2", "s1"]})
    change = next(
        one for one in factors(line, ["processing time"], 0.1) if one.element == "s1"
    ).better
    step = line.changed({k: v for k, v in change.items() if "op2" in k}).products[0].routing[1]
    assert step.processing_time_s.expected_s() == 4.0
    assert step.processing_time_by_station_s["s1"].expected_s() == pytest.approx(3.6)


@pytest.mark.parametrize("name", ["bottling", "machining", "electronics", "transport"])
def test_whatever_is_tried_fits_the_line(name: str) -> None:
    """Each factor of an example line makes a line: setups, cycles between failures and all."""
    line = example_line(name)
    tried = factors(line)
    assert any(factor.kind == "vehicle" for factor in tried) is (name == "transport")
    for factor in tried:
        for changes in (factor.better, factor.worse):
            if changes is not None:
                assert Scenario(name="tried", changes=changes).apply(line) != line


def test_wrong_questions_are_told_together() -> None:
    """All that makes no sense is told at once; an unknown figure names the known ones."""
    with pytest.raises(InvalidInputError) as caught:
        sensitivities(paced(), OPTIONS, replications=1, step=0.7, kinds=["colour"])  # type: ignore[list-item]
    assert [finding.path for finding in caught.value.findings] == ["replications", "step", "kinds"]
    with pytest.raises(UnknownNameError, match="colour"):
        sensitivities(paced(), OPTIONS, replications=2, figures=["colour"], kinds=["server"])


@pytest.mark.parametrize("every", [{"every_s": 100.0}, {"clock": "cycles", "every_cycles": 25}])
def test_maintenance_costs_its_share(every: dict[str, object]) -> None:
    """Of 110 s 10 are maintenance: 1 % of either brings a tenth of a percent, less the other."""
    care = {"id": "care", "duration_s": {"kind": "constant", "value_s": 10.0}, **every}
    if "every_s" in every:
        # Work in process stops, or the maintenance would wait for the end of it.
        care |= {"every_s": {"kind": "constant", "value_s": 100.0}, "interrupts": True}
    line = paced().changed({"stations.s2.maintenance": [care]})
    options = SimulationOptions(horizon_s=22_000.0, seed=4)
    found = sensitivities(line, options, replications=2, kinds=["mtbm", "service"])
    gain = found["gain"].sel(figure="throughput_rate")
    rate = 25 / 110
    assert float(gain.sel(factor="service s2")) == pytest.approx(0.1 * rate / 110, rel=0.15)
    # One more of 25 operations takes 4 s; one percent of 100 s takes one.
    more_s = 4.0 if "every_cycles" in every else 1.0
    exact = (rate * 110 + more_s / 4) / (110 + more_s) - rate
    assert float(gain.sel(factor="mtbm s2")) == pytest.approx(exact, rel=0.15)
