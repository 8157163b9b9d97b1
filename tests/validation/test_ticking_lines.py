"""Lines that tick: Bernoulli machines and geometric failures, exact to the last published digit."""

from __future__ import annotations

import pytest

from tests.validation.chains import after_service, bernoulli_line, geometric, two_machines
from tests.validation.test_closed_forms import Plan, assert_agrees, interval
from twin.line import Constant, Failure, Line, Station, serial_line

# Li and Meerkov, Production Systems Engineering: chance to make a part in a slot, places (the one
# in the machine behind counts), parts per slot.
BERNOULLI = [
    ((0.9, 0.9), (1,), 0.818182),
    ((0.9, 0.9), (2,), 0.857143),
    ((0.9, 0.9), (5,), 0.882353),
    ((0.9, 0.7), (3,), 0.697252),
    ((0.8, 0.95), (4,), 0.799751),
    ((0.95, 0.8), (4,), 0.799751),
    ((0.9, 0.9, 0.9), (2, 2), 0.831887),
    ((0.9, 0.9, 0.9, 0.9), (1, 1, 1), 0.709813),
    ((0.9, 0.8, 0.7), (3, 3), 0.678286),
    ((0.8, 0.9, 0.85, 0.9), (2, 2, 2), 0.746065),
]
# Buzacott; Gershwin: chance to fail and to be repaired in a cycle, places, parts per cycle.
GEOMETRIC = [
    ((0.01, 0.01), (0.1, 0.1), 4, 0.84094),
    ((0.01, 0.01), (0.1, 0.1), 10, 0.85617),
    ((0.01, 0.01), (0.1, 0.1), 20, 0.87054),
    ((0.01, 0.01), (0.1, 0.1), 50, 0.88784),
    ((0.01, 0.009), (0.1, 0.08), 10, 0.84665),
]


@pytest.mark.parametrize(("up", "places", "published"), BERNOULLI)
def test_chain_of_bernoulli_machines(
    up: tuple[float, ...], places: tuple[int, ...], published: float
) -> None:
    """The solver finds what the textbook prints."""
    assert bernoulli_line(up, places) == pytest.approx(published, abs=6e-7)


@pytest.mark.parametrize(("fail", "repair", "places", "published"), GEOMETRIC)
def test_chain_of_machines_that_fail(
    fail: tuple[float, ...], repair: tuple[float, ...], places: int, published: float
) -> None:
    """The solver finds what the literature prints."""
    assert two_machines(fail, repair, places) == pytest.approx(published, abs=6e-6)


def bernoulli(up: tuple[float, ...], places: tuple[int, ...]) -> Line:
    """Return a line whose machines need a geometric number of slots for a part."""
    return serial_line([geometric(chance) for chance in up], list(places))


def failing(fail: tuple[float, ...], repair: tuple[float, ...], places: int) -> Line:
    """Return two machines of unit cycle that fail now and then as they end a part."""
    line = serial_line([Constant(value_s=1.0)] * 2, [places])

    def may_fail(station: Station, index: int) -> Station:
        failure = Failure(
            id="f",
            clock="cycles",
            cycles_to_failure=geometric(fail[index]),
            time_to_repair_s=geometric(repair[index]),
        )
        return station.model_copy(update={"failures": (failure,)})

    stations = tuple(may_fail(station, index) for index, station in enumerate(line.stations))
    return Line.model_validate(line.model_copy(update={"stations": stations}).model_dump())


def assert_as_the_chain(plan: Plan, line: Line, exact: float) -> None:
    """Assert that the twin's throughput is the chain's, which blocks after service too."""
    assert_agrees(interval(plan.run(line), "throughput_rate"), exact)


def test_bernoulli_line() -> None:
    """Three machines of different chance, with places between them."""
    line, exact = bernoulli((0.9, 0.8, 0.7), (3, 3)), after_service((0.9, 0.8, 0.7), (3, 3))
    assert_as_the_chain(Plan(pairs=8, horizon_s=15_000.0), line, exact)


def test_two_machines_that_fail() -> None:
    """Failures counted in cycles, so that a machine that waits does not fail."""
    fail, repair = (0.01, 0.009), (0.1, 0.08)
    exact = after_service((1.0, 1.0), (10,), fail, repair)
    assert_as_the_chain(Plan(pairs=10, horizon_s=60_000.0), failing(fail, repair, 10), exact)


@pytest.mark.proof
@pytest.mark.parametrize(("up", "places", "_published"), BERNOULLI)
def test_bernoulli_line_whole_table(
    up: tuple[float, ...], places: tuple[int, ...], _published: float
) -> None:
    """Each line of the table, under the twin's own rule of blocking."""
    exact = after_service(up, places)
    assert_as_the_chain(Plan(pairs=10, horizon_s=60_000.0), bernoulli(up, places), exact)


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("fail", "repair", "places", "_published"), GEOMETRIC)
def test_two_machines_that_fail_whole_table(
    fail: tuple[float, ...], repair: tuple[float, ...], places: int, _published: float
) -> None:
    """Each line of the table, under the twin's own rule of blocking."""
    exact = after_service((1.0, 1.0), (places,), fail, repair)
    assert_as_the_chain(Plan(pairs=12, horizon_s=200_000.0), failing(fail, repair, places), exact)
