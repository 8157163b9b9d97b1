"""Experiments from a live state: all kinds of intervals hold what is known as often as they say."""

from collections.abc import Iterable

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad

from scenarios.whatif import Experiment, Scenario, compare, run_experiment
from scenarios.whatif.chances import chances, spreads
from tests.scenarios.whatif.markov import finished
from twin.engine.options import SimulationOptions
from twin.engine.runs import KERNEL
from twin.events.state import Clock, LineState, OrderState, PartState, SourceState
from twin.kpi.output_analysis import Interval
from twin.line import Exponential, Line, Weibull, line_from_document, serial_line

REPETITIONS = 1000
AGE_S, SCALE_S, SHAPE = 20.0, 30.0, 2.0
SLOWER = 1.25
SHARES = (0.1, 0.5, 0.9)


def shop() -> Line:
    """Return one station and an order of one part, whose time has a Weibull distribution."""
    time = Weibull(scale_s=SCALE_S, shape=SHAPE).model_dump(mode="json")
    return line_from_document(
        {
            "id": "shop",
            "start": "2026-01-05T06:00:00",
            "sources": [{"id": "in", "arrivals": "orders"}],
            "stations": [{"id": "a"}],
            "products": [
                {"id": "p", "routing": [{"id": "op", "stations": ["a"], "processing_time_s": time}]}
            ],
            "orders": [{"id": "o", "product": "p", "quantity": 1}],
        }
    )


def under_way() -> LineState:
    """Return the shop at 100 s with its part begun ``AGE_S`` ago."""
    part = PartState(
        id=0, product="p", order="o", created_s=80.0, location="a", entered_s=80.0, server=0,
        status="processing", visits=1, clock=Clock(since_s=100.0 - AGE_S),
    )  # fmt: skip
    return LineState(
        line_id="shop",
        time_s=100.0,
        parts=(part,),
        sources={"in": SourceState(created=1)},
        orders={"o": OrderState(created=1, released=True)},
    )


def quantile_s(share: float) -> float:
    """Return when the part is finished in this share of all cases: the age is given."""
    left_s = SCALE_S * ((AGE_S / SCALE_S) ** SHAPE - np.log(1 - share)) ** (1 / SHAPE) - AGE_S
    return 100.0 + float(left_s)


def mean_s(scale_s: float) -> float:
    """Return the mean moment at which the part is finished: the area under what is not yet."""

    def open_still(left_s: float) -> float:
        hazard = ((AGE_S + left_s) / scale_s) ** SHAPE - (AGE_S / scale_s) ** SHAPE
        return float(np.exp(-hazard))

    return 100.0 + float(quad(open_still, 0.0, 20 * scale_s)[0])


def covered(found: Iterable[Interval], exact: float) -> float:
    """Return the share of intervals that hold the exact answer."""
    return float(np.mean([one.low <= exact <= one.high for one in found]))


def repetitions(results: xr.Dataset, runs: int) -> list[xr.Dataset]:
    """Return results as a thousand experiments of their own."""
    return [
        results.isel(replication=slice(k * runs, (k + 1) * runs)) for k in range(REPETITIONS)
    ]  # fmt: skip


@pytest.mark.proof
@pytest.mark.timeout(1500)
def test_means_differences_quantiles_and_chances_cover() -> None:
    """What is left of a time under way has a known distribution: all four cover 93.5 to 96.5 %.

    Both count runs, so the share that they cover goes up and down with their number and with the
    probability: seventy runs are fair to the quantiles, and the chances are those of nine limits.
    """
    assert KERNEL.wait(300)
    runs = 70
    slower = {"products.p.routing.op.processing_time_s": {"times": SLOWER}}
    asked = Experiment(
        line=shop(),
        scenarios=(Scenario(name="slower", changes=slower),),
        options=SimulationOptions(horizon_s=1000.0, seed=8),
        replications=REPETITIONS * runs,
        state=under_way(),
    )
    figure = "order_completion_s"
    whole = run_experiment(asked, workers=2)[[figure]]
    told = repetitions(whole.isel(order=0), runs)
    compared = [compare(one, relevance=0.0) for one in repetitions(whole, runs)]
    base = [one.of("base", figure, "o").mean for one in compared]
    more = [one.of("slower", figure, "o").difference for one in compared]
    exact = mean_s(SCALE_S)
    found = {
        "mean": covered(base, exact),
        "difference": covered(filter(None, more), mean_s(SLOWER * SCALE_S) - exact),
    }
    quantiles = [spreads(one, figure, shares=SHARES)[0].quantiles for one in told]
    for n, share in enumerate(SHARES):
        intervals = [one[n][1] for one in quantiles]
        found[f"P{100 * share:.0f}"] = covered(intervals, quantile_s(share))
    late = [
        covered([chances(one, figure, below=quantile_s(share))["base"] for one in told], share)
        for share in np.arange(0.1, 0.95, 0.1)
    ]
    found["chance"] = float(np.mean(late))
    assert all(0.935 <= share <= 0.965 for share in found.values()), found


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_parts_finished_from_a_state_cover() -> None:
    """From a line half full, the mean number of parts of the next minutes is that of the chain."""
    assert KERNEL.wait(300)
    runs, line = 20, serial_line([Exponential(mean_s=1.0)] * 3, [3, 3])
    state = half_full(line)
    asked = Experiment(
        line=line,
        options=SimulationOptions(horizon_s=30.0, seed=9),
        replications=REPETITIONS * runs,
        state=state,
    )
    results = run_experiment(asked, workers=2)[["finished"]]
    found = [compare(one).of("base", "finished").mean for one in repetitions(results, runs)]
    exact = finished([1.0] * 3, [3, 3], (4, 2), 30.0)
    share = covered(found, exact)
    assert 0.935 <= share <= 0.965, share


def half_full(line: Line) -> LineState:
    """Return the line with a part in each station, three in the first buffer, one in the other."""
    places = ["s1", "b1", "b1", "b1", "s2", "b2", "s3"]
    step = {"s1": 0, "b1": 1, "s2": 1, "b2": 2, "s3": 2}
    product = line.products[0].id
    parts = [
        PartState(
            id=len(places) - k, product=product, created_s=0.0, location=place, entered_s=50.0,
            operation=step[place], visits=step[place] + (place[0] == "s"),
            **({"server": 0, "status": "processing", "clock": Clock(since_s=50.0)}
               if place[0] == "s" else {}),
        )
        for k, place in enumerate(places, 1)
    ]  # fmt: skip
    return LineState(
        line_id=line.id,
        time_s=50.0,
        parts=tuple(parts),
        sources={line.sources[0].id: SourceState(created=len(places))},
    )
