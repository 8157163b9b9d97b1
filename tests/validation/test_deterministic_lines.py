"""Deterministic lines with results published by their authors (NIST, SimPROCESD examples).

Equal to the part. There, what is due at exactly the end of a run still happens (its event that ends
a run has the lowest rank); here it does not, so each run is half a time unit longer.
"""

import numpy as np
import pytest

from twin import SimulationOptions, serial_line, simulate
from twin.errors import DeadlockError
from twin.events.kinds import Kind
from twin.line import (
    Calendar,
    Constant,
    Line,
    Operation,
    Period,
    Product,
    Shift,
    Source,
    Station,
    line_from_document,
)

WEEK_MIN = 10_080.0
ENGINES = ["auto", "reference"]
ALL_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def finished(line: Line, horizon_s: float, engine: str) -> int:
    """Return how many parts leave the line, those at exactly the end included."""
    log = simulate(line, SimulationOptions(horizon_s=horizon_s + 0.5, engine=engine))
    return int(np.sum(log.kind == Kind.PART_FINISHED))


def one_product(steps: list[tuple[tuple[str, ...], float]]) -> tuple[Product, ...]:
    """Return a product from the stations and the time of each operation."""
    return (
        Product(
            id="part",
            routing=tuple(
                Operation(id=f"op{k}", stations=names, processing_time_s=Constant(value_s=time_s))
                for k, (names, time_s) in enumerate(steps)
            ),
        ),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_two_stations_and_a_buffer(engine: str) -> None:
    """Station of 1, five places, station of 1: parts leave at 2, 3, ..., 10,080."""
    line = serial_line([Constant(value_s=1.0)] * 2, buffers=[5])
    assert finished(line, WEEK_MIN, engine) == 10_079


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_due_at_the_end_does_not_happen(engine: str) -> None:
    """A run of the published length leaves out the part that is due at its very end."""
    line = serial_line([Constant(value_s=1.0)] * 2, buffers=[5])
    assert finished(line, WEEK_MIN - 0.5, engine) == 10_078


@pytest.mark.parametrize("engine", ENGINES)
def test_parallel_stations(engine: str) -> None:
    """Two parallel of 2, three parallel of 3, two parallel of 2."""
    groups = [("a1", "a2"), ("b1", "b2", "b3"), ("c1", "c2")]
    line = Line(
        id="parallel",
        sources=(Source(id="source"),),
        stations=tuple(Station(id=name) for group in groups for name in group),
        products=one_product([(group, float(len(group))) for group in groups]),
    )
    assert finished(line, WEEK_MIN, engine) == 10_074


@pytest.mark.parametrize("engine", ENGINES)
def test_reentrant_flow(engine: str) -> None:
    """One part every 4 goes through M1 (1), M2 (2) and M1 (1) again."""
    line = Line(
        id="reentrant",
        sources=(
            Source(id="source", arrivals="interarrival", interarrival_s=Constant(value_s=4.0)),
        ),
        stations=(Station(id="M1"), Station(id="M2")),
        products=one_product([(("M1",), 1.0), (("M2",), 2.0), (("M1",), 1.0)]),
    )
    assert finished(line, 1000.0, engine) == 249


@pytest.mark.parametrize("engine", ENGINES)
def test_operating_schedule(engine: str) -> None:
    """Four hours on, half an hour off, four hours on; 0.334 h a part; a part begun is finished."""
    shift = Shift(
        days=ALL_DAYS, start="06:00", end="14:30", breaks=(Period(start="10:00", end="10:30"),)
    )
    line = Line(
        id="schedule",
        sources=(Source(id="source"),),
        stations=(Station(id="M1", calendar="day", at_shift_end="finish"),),
        products=one_product([(("M1",), 0.334 * 3600)]),
        calendars=(Calendar(id="day", shifts=(shift,)),),
    )
    assert finished(line, 30 * 86_400.0, engine) == 720
    stopping = line.changed({"stations.M1.at_shift_end": "stop"})
    # Without finishing after the shift only the work of 240 hours counts.
    assert finished(stopping, 30 * 86_400.0, engine) == int(240 / 0.334)


def test_loop_may_lock_itself() -> None:
    """A re-entrant line fed without limit fills its two stations with parts that want to swap."""
    line = Line(
        id="reentrant",
        sources=(Source(id="source"),),
        stations=(Station(id="M1"), Station(id="M2")),
        products=one_product([(("M1",), 1.0), (("M2",), 2.0), (("M1",), 1.0)]),
    )
    for engine in ("auto", "reference"):
        with pytest.raises(DeadlockError, match=r"M1.*M2"):
            finished(line, 1000.0, engine)


SOONER = ["auto", pytest.param("reference", marks=pytest.mark.proof)]
"""Both engines; the reference engine where there is time."""


@pytest.mark.parametrize("engine", SOONER)
def test_shared_operators_and_tools(engine: str) -> None:
    """Three operators and two tools of a kind for two stations of 2, a buffer of 5, two of 3.

    A part needs five minutes of an operator, so no more than 10,080 x 3 / 5 = 6,048 can be made.
    """

    def needs(tool: str) -> list[dict[str, object]]:
        return [{"crew": name, "during": ["process"]} for name in ("operator", tool)]

    first, second = ["M1", "M2"], ["M3", "M4"]
    document = {
        "id": "shared",
        "sources": [{"id": "in"}],
        "crews": [
            {"id": "operator", "size": 3},
            {"id": "tool1", "size": 2},
            {"id": "tool2", "size": 2},
        ],
        "buffers": [{"id": "b1", "capacity": 5}],
        "stations": [
            *({"id": name, "needs": needs("tool1")} for name in first),
            *({"id": name, "input_buffer": "b1", "needs": needs("tool2")} for name in second),
        ],
        "products": [
            {
                "id": "part",
                "routing": [
                    {"id": "begin", "stations": first, "processing_time_s": 2},
                    {"id": "end", "stations": second, "processing_time_s": 3},
                ],
            }
        ],
    }
    assert finished(line_from_document(document), WEEK_MIN, engine) == 6_046


@pytest.mark.parametrize("engine", SOONER)
def test_batches_are_split_worked_on_singly_and_put_together_again(engine: str) -> None:
    """Batches of five are split, worked on one minute a part, and batched again: 10,075 parts.

    The published count is of the parts in the batches that leave, without what is due at exactly
    the end.
    """

    def step(station: str, time_s: float, **more: object) -> dict[str, object]:
        return {"id": station, "stations": [station], "processing_time_s": time_s, **more}

    document = {
        "id": "batches",
        "sources": [{"id": "in", "products": {"five": 1}}],
        "stations": [
            {"id": "unbatch"},
            {"id": "work", "input_buffer": "singles"},
            {"id": "batch", "input_buffer": "worked", "batch": {"min": 5, "max": 5}},
        ],
        "buffers": [{"id": "singles", "capacity": 5}, {"id": "worked", "capacity": 5}],
        "products": [
            {"id": "five", "routing": [step("unbatch", 0, makes={"single": 5})]},
            {"id": "single", "routing": [step("work", 1), step("batch", 0)]},
        ],
    }
    assert finished(line_from_document(document), WEEK_MIN - 0.5, engine) == 10_075
