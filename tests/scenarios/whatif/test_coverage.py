"""Intervals hold what is known as often as they say: queues and lines with exact answers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.scenarios.whatif.markov import throughput
from twin.engine.options import SimulationOptions
from twin.engine.runs import KERNEL
from twin.engine.simulate import replicate
from twin.kpi.output_analysis import mean_interval
from twin.line import Exponential, Line, Source, serial_line

OPTIONS = SimulationOptions(horizon_s=2400.0, warm_up_s=400.0, seed=77)
REPETITIONS = 1000
RUNS = 20
"""Replications behind each interval."""


def queue() -> Line:
    """Return a queue with Poisson arrivals and one exponential server, busy 60 % of the time."""
    line = serial_line([Exponential(mean_s=0.6)])
    source = Source(id="source", arrivals="interarrival", interarrival_s=Exponential(mean_s=1.0))
    return line.changed({"sources": [source.model_dump(mode="json")]})


def sample(line: Line, figure: str) -> NDArray[np.float64]:
    """Return a figure, repetition by replication."""
    assert KERNEL.wait(300)
    found = replicate(line, OPTIONS, REPETITIONS * RUNS, workers=2)[figure]
    return np.asarray(found.values.reshape(REPETITIONS, RUNS))


def coverage(rows: NDArray[np.float64], exact: float) -> float:
    """Return the share of the 95 % intervals that hold the exact answer."""
    found = [mean_interval(row) for row in rows]
    return float(np.mean([one.low <= exact <= one.high for one in found]))


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_intervals_of_a_queue_cover() -> None:
    """Mean number in a queue of known answer: 95 % intervals cover 93.5 to 96.5 %."""
    assert 0.935 <= coverage(sample(queue(), "wip_mean"), 0.6 / 0.4) <= 0.965


@pytest.mark.proof
@pytest.mark.timeout(900)
def test_intervals_of_a_line_and_of_a_difference_cover() -> None:
    """Throughput of two lines and their paired difference, against the exact chains."""
    times = [Exponential(mean_s=1.0)] * 3
    base, more = (sample(serial_line(times, [n, n]), "throughput_rate") for n in (1, 3))
    exact = [throughput([1.0] * 3, [n, n]) for n in (1, 3)]
    assert 0.935 <= coverage(base, exact[0]) <= 0.965
    assert 0.935 <= coverage(more - base, exact[1] - exact[0]) <= 0.965
