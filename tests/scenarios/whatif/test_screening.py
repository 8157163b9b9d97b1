"""Morris and Sobol on a line of which it is known what matters."""

import sys

import pytest

from scenarios.whatif.charts import screening_chart
from scenarios.whatif.screening import screen
from twin.engine.options import SimulationOptions
from twin.errors import InvalidInputError, NotSupportedError
from twin.line import Constant, serial_line

pytest.importorskip("SALib")

LINE = serial_line([Constant(value_s=2.0), Constant(value_s=4.0)], [3])
OPTIONS = SimulationOptions(horizon_s=600.0, warm_up_s=100.0, seed=4)
FAST = "products.part.routing.op1.processing_time_s"
SLOW = "products.part.routing.op2.processing_time_s"
RANGES = {FAST: (0.9, 1.1), SLOW: (0.9, 1.1)}


@pytest.mark.parametrize(("method", "figure"), [("morris", "mu_star"), ("sobol", "total")])
def test_what_sets_the_pace_matters_and_the_rest_does_not(method: str, figure: str) -> None:
    """The slow station explains all of the throughput, the fast one nothing."""
    found = screen(LINE, OPTIONS, RANGES, method=method, samples=8, replications=1)
    assert float(found[figure].sel(factor=SLOW)) > 0
    assert float(found[figure].sel(factor=FAST)) == pytest.approx(0.0, abs=1e-3)
    drawn = screening_chart(found, most=1).to_dict()
    ((row,),) = drawn["datasets"].values()
    assert row["factor"] == SLOW
    assert row["low"] <= row["value"] == float(found[figure].sel(factor=SLOW)) <= row["high"]
    first, second = drawn["layer"][0]["encoding"]["x"]["title"]
    assert "throughput" in first
    assert second.startswith("tick: ")


def test_wrong_questions_and_a_missing_extra_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that does not do is told at once; without SALib the message says what to do."""
    with pytest.raises(InvalidInputError) as caught:
        screen(LINE, OPTIONS, {SLOW: (1.1, 0.9)}, method="sobol", samples=6)
    assert len(caught.value.findings) == 2
    monkeypatch.setitem(sys.modules, "SALib.analyze", None)
    with pytest.raises(NotSupportedError, match=r"linetwin\[tune\]"):
        screen(LINE, OPTIONS, RANGES)
