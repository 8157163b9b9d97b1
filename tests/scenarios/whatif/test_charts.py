"""What the charts of what-if say beside their numbers: which direction of a figure is good."""

import pytest

from scenarios.whatif.charts import titled, tornado_table
from scenarios.whatif.costs import load_costs
from scenarios.whatif.sensitivity import sensitivities
from twin.engine.options import SimulationOptions
from twin.line import Constant, serial_line


@pytest.mark.parametrize(
    ("figure", "effect"), [("throughput_rate", "better"), ("cost_per_part", "worse")]
)
def test_more_of_a_cost_is_worse(figure: str, effect: str) -> None:
    """A second server that brings parts, and dearer ones, is good for one figure and bad for one.

    The second station sets the pace; what it gains is lost at the first one, which is as slow.
    """
    line = serial_line([Constant(value_s=3.9), Constant(value_s=4.0)], [3])
    found = sensitivities(
        line,
        SimulationOptions(horizon_s=1200.0, warm_up_s=200.0, seed=4),
        replications=2,
        kinds=["server"],
        costs=load_costs("thb"),
    )
    table = tornado_table(found, figure).set_index("factor")
    assert table.loc["server s2 +1", "gain"] > 0
    assert table.loc["server s2 +1", "effect"] == effect


def test_an_axis_says_name_and_unit() -> None:
    """A figure is titled by its name with its unit; a figure that nobody judges by its name."""
    assert titled("throughput_rate") == "throughput, parts/s"
    assert titled("of_my_own") == "of_my_own"
