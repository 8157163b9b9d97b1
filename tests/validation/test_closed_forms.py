"""Throughput, contents and waiting times against exact chains and textbook formulas.

A check passes when the exact value lies inside the product's own 99 % Student-t interval and the
half-width is under half a per cent. Antithetic pairs, each pair one observation, make the interval
narrow at little cost. A place between stations is a buffer place; a part that is blocked stays in
its station.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from twin import SimulationOptions, replicate, serial_line
from twin.engine.options import EngineName
from twin.kpi import Interval, mean_interval
from twin.line import (
    AnyDistribution,
    Buffer,
    Constant,
    Crew,
    Exponential,
    Failure,
    Line,
    Operation,
    Product,
    Source,
    Station,
)

# Hunt 1956; Hillier and Boling 1967: stations, places between them, parts per mean service time.
TABLE = [
    (2, 0, 2 / 3),
    (2, 1, 3 / 4),
    (2, 2, 4 / 5),
    (2, 3, 5 / 6),
    (2, 4, 6 / 7),
    (3, 0, 22 / 39),
    (3, 1, 0.670466),
    (3, 2, 0.734017),
    (3, 3, 0.776712),
    (3, 4, 0.807486),
    (4, 0, 0.514775),
    (4, 1, 0.631153),
    (4, 2, 0.700713),
    (4, 3, 0.747710),
    (5, 0, 0.485798),
    (5, 1, 0.607583),
    (5, 2, 0.680489),
    (6, 0, 0.466713),
]
CONTENTS = [
    (2, 0, 1.666667),
    (2, 1, 2.25),
    (2, 2, 2.80),
    (3, 0, 2.358974),
    (3, 1, 3.531798),
    (3, 2, 4.633484),
]


@dataclass(frozen=True)
class Plan:
    """How much is simulated."""

    pairs: int
    horizon_s: float
    warm_up_s: float = 500.0
    seed: int = 11
    engine: EngineName = "auto"

    def run(self, line: Line) -> tuple[xr.Dataset, xr.Dataset]:
        """Return the key figures of plain and antithetic runs."""
        plain, mirrored = (
            replicate(
                line,
                SimulationOptions(
                    horizon_s=self.horizon_s + self.warm_up_s,
                    warm_up_s=self.warm_up_s,
                    seed=self.seed,
                    antithetic=antithetic,
                    engine=self.engine,
                ),
                self.pairs,
            )
            for antithetic in (False, True)
        )
        return plain, mirrored


def interval(runs: tuple[xr.Dataset, xr.Dataset], name: str) -> Interval:
    """Return the 99 % interval of a figure over antithetic pairs."""
    return mean_interval((runs[0][name] + runs[1][name]) / 2, level=0.99)


def assert_agrees(found: Interval, exact: float, relative: float = 0.005) -> None:
    """Assert that the exact value lies inside the interval, and that the interval is narrow."""
    assert found.half_width < relative * exact, f"{found} is too wide for {exact}"
    assert found.low <= exact <= found.high, f"{found} misses {exact}"


def exponential_line(stations: int, places: int) -> Line:
    """Return a balanced line of mean service 1."""
    return serial_line([Exponential(mean_s=1.0)] * stations, buffers=[places] * (stations - 1))


FAST = [(2, 4, 6 / 7), (3, 1, 0.670466), (4, 0, 0.514775)]


@pytest.mark.parametrize(("stations", "places", "exact"), FAST)
def test_exponential_line(stations: int, places: int, exact: float) -> None:
    """Blocking after service in a few rows of the table."""
    runs = Plan(pairs=12, horizon_s=40_000.0).run(exponential_line(stations, places))
    assert_agrees(interval(runs, "throughput_rate"), exact)


def test_exponential_line_on_the_reference_engine() -> None:
    """The engine that is written to be read gives the same figure, less closely."""
    plan = Plan(pairs=4, horizon_s=3_000.0, engine="reference")
    assert_agrees(interval(plan.run(exponential_line(3, 1)), "throughput_rate"), 0.670466, 0.06)


@pytest.mark.proof
@pytest.mark.parametrize(("stations", "places", "exact"), TABLE)
def test_exponential_line_whole_table(stations: int, places: int, exact: float) -> None:
    """Blocking after service in every row of the table."""
    runs = Plan(pairs=10, horizon_s=40_000.0).run(exponential_line(stations, places))
    assert_agrees(interval(runs, "throughput_rate"), exact)


@pytest.mark.proof
@pytest.mark.parametrize(("stations", "places", "exact"), CONTENTS)
def test_mean_content(stations: int, places: int, exact: float) -> None:
    """Parts in stations and buffers, on the average."""
    runs = Plan(pairs=10, horizon_s=40_000.0).run(exponential_line(stations, places))
    assert_agrees(interval(runs, "wip_mean"), exact)


@pytest.mark.proof
def test_bowl_effect() -> None:
    """Of lines with the same sum of rates, a slightly faster middle makes the most."""
    best = 0.0
    for rate in (1.0, 1.05, 1.2):
        outer = (3.0 - rate) / 2
        times = [Exponential(mean_s=1 / outer), Exponential(mean_s=1 / rate)]
        runs = Plan(pairs=16, horizon_s=60_000.0).run(serial_line([*times, times[0]]))
        found = interval(runs, "throughput_rate")
        if rate == 1.05:
            assert_agrees(found, 0.56491)
            best = found.mean
        elif rate == 1.2:
            assert found.high < best


def queue(service: AnyDistribution, between_s: float, servers: int = 1) -> Line:
    """Return arrivals at random, a queue without limit and some servers."""
    return Line(
        id="queue",
        sources=(
            Source(
                id="street",
                arrivals="interarrival",
                interarrival_s=Exponential(mean_s=between_s),
            ),
        ),
        stations=(Station(id="desk", servers=servers, input_buffer="hall"),),
        buffers=(Buffer(id="hall"),),
        products=(
            Product(
                id="job",
                routing=(Operation(id="serve", stations=("desk",), processing_time_s=service),),
            ),
        ),
    )


QUEUES = [
    # load 0.6: time in system of M/M/1 is s / (1 - r); of M/D/1 s + r s / (2 (1 - r)).
    (Exponential(mean_s=1.0), 1, 1 / 0.6, 1 / 0.4),
    (Constant(value_s=1.0), 1, 1 / 0.6, 1 + 0.6 / 0.8),
    # M/M/2 at load 0.6 per server: Erlang C gives 0.45 that wait, each s / (2 (1 - r)).
    (Exponential(mean_s=1.0), 2, 1 / 1.2, 1 + 0.45 / 0.8),
]


@pytest.mark.parametrize(("service", "servers", "between_s", "exact"), QUEUES)
def test_queue(service: AnyDistribution, servers: int, between_s: float, exact: float) -> None:
    """Time in system and, by Little's law, parts in system of three queues."""
    runs = Plan(pairs=8, horizon_s=6_000.0, seed=5).run(queue(service, between_s, servers))
    assert_agrees(interval(runs, "flow_time_mean_s"), exact, relative=0.06)
    assert_agrees(interval(runs, "wip_mean"), exact / between_s, relative=0.08)


@pytest.mark.proof
@pytest.mark.parametrize(("service", "servers", "between_s", "exact"), QUEUES)
def test_queue_closely(
    service: AnyDistribution, servers: int, between_s: float, exact: float
) -> None:
    """The same with long runs."""
    runs = Plan(pairs=40, horizon_s=250_000.0, seed=5).run(queue(service, between_s, servers))
    assert_agrees(interval(runs, "flow_time_mean_s"), exact)


def machines(count: int, crews: int, life_s: float, repair_s: float) -> Line:
    """Return machines that fail by the calendar and share a crew; each makes parts of its own."""
    names = [f"m{k}" for k in range(count)]
    mode = Failure(
        id="stop",
        clock="calendar",
        time_to_failure_s=Exponential(mean_s=life_s),
        time_to_repair_s=Exponential(mean_s=repair_s),
        crew="fitters",
    )
    return Line(
        id="repair",
        sources=tuple(Source(id=f"from{k}", products={f"p{k}": 1.0}) for k in range(count)),
        stations=tuple(Station(id=name, failures=(mode,)) for name in names),
        products=tuple(
            Product(
                id=f"p{k}",
                routing=(
                    Operation(id="op", stations=(name,), processing_time_s=Constant(value_s=50.0)),
                ),
            )
            for k, name in enumerate(names)
        ),
        crews=(Crew(id="fitters", size=crews),),
    )


def share_up(count: int, crews: int, life_s: float, repair_s: float) -> float:
    """Return the share of machines that run, by the birth-death chain of the repair model."""
    weights = [1.0]
    for down in range(count):
        weights.append(weights[-1] * (count - down) / life_s * repair_s / min(down + 1, crews))
    total = math.fsum(weights)
    return sum((count - k) * w for k, w in enumerate(weights)) / total / count


def assert_repair_model(plan: Plan, crews: int, relative: float) -> None:
    """Share of time that the machines are not failed, against the chain."""
    line = machines(4, crews, 20.0, 10.0)
    pairs = plan.run(line)
    shares = [
        1.0 - found.status_share.sel(status="failed").mean("station").to_numpy() for found in pairs
    ]
    found = mean_interval((shares[0] + shares[1]) / 2, level=0.99)
    assert_agrees(found, share_up(4, crews, 20.0, 10.0), relative)


@pytest.mark.parametrize("crews", [1, 2])
def test_machine_repair_model(crews: int) -> None:
    """Four machines wait for one or two crews as the birth-death chain says."""
    assert_repair_model(Plan(pairs=12, horizon_s=20_000.0), crews, 0.02)


@pytest.mark.proof
@pytest.mark.parametrize("crews", [1, 2, 3, 4])
def test_machine_repair_model_closely(crews: int) -> None:
    """The same for each number of crews, with long runs."""
    assert_repair_model(Plan(pairs=40, horizon_s=80_000.0), crews, 0.005)


def long_line(clock: str | None) -> Line:
    """Return ten exponential stations, five places between them, with failures or without."""
    line = serial_line([Exponential(mean_s=1.0)] * 10, buffers=[5] * 9)
    if clock is None:
        return line
    mode = {
        "id": "stop",
        "clock": clock,
        "time_to_failure_s": {"kind": "exponential", "mean_s": 100.0},
        "time_to_repair_s": {"kind": "exponential", "mean_s": 10.0},
    }
    return line.changed({f"stations.s{k}.failures": [mode] for k in range(1, 11)})


@pytest.mark.proof
@pytest.mark.parametrize(
    ("clock", "published", "error"),
    [(None, 0.7634, 0.0004), ("operating", 0.5565, 0.0012), ("calendar", 0.5051, 0.0013)],
)
def test_ten_stations(clock: str | None, published: float, error: float) -> None:
    """Ten stations with five places: simulated figures of others, with their own errors.

    ``operating``: a station ages while it processes; ``calendar``: whenever it is up.
    """
    runs = Plan(pairs=60, horizon_s=40_000.0, warm_up_s=2_000.0).run(long_line(clock))
    found = interval(runs, "throughput_rate")
    assert found.half_width < 0.005 * published
    assert abs(found.mean - published) < found.half_width + error


def test_workers_change_nothing() -> None:
    """Two processes give the numbers of one."""
    line = exponential_line(2, 1)
    options = SimulationOptions(horizon_s=500.0, warm_up_s=50.0, seed=3)
    one = replicate(line, options, 3)
    two = replicate(line, options, 3, workers=2)
    xr.testing.assert_identical(one, two)


def test_replications_are_independent_and_numbered() -> None:
    """Replication k is the run whose number is k, wherever a series begins."""
    line = exponential_line(2, 1)
    options = SimulationOptions(horizon_s=500.0, seed=3)
    whole = replicate(line, options, 4)
    tail = replicate(line, options.model_copy(update={"replication": 2}), 2)
    xr.testing.assert_identical(whole.isel(replication=slice(2, None)), tail)
    assert len(np.unique(whole.throughput_rate)) > 1
