"""Optimised designs: the exact optimum where it is known, limits that hold, honest figures."""

from collections.abc import Sequence

import pytest

from scenarios.whatif.climbing import beginning
from scenarios.whatif.design import Total, Variable, space
from scenarios.whatif.optimising import Optimised, optimise_design
from tests.scenarios.whatif.markov import allocations, throughput
from twin.engine.options import SimulationOptions
from twin.errors import InvalidInputError, UnknownNameError
from twin.line import Exponential, Line, serial_line

OPTIONS = SimulationOptions(horizon_s=2200.0, warm_up_s=200.0, seed=11)


def exponential(rates: Sequence[float], places: Sequence[int]) -> Line:
    """Return a serial line of exponential stations."""
    return serial_line([Exponential(mean_s=1 / rate) for rate in rates], list(places))


def rooms(count: int, **limits: float) -> list[Variable]:
    """Return the capacities of a serial line's buffers as variables."""
    return [Variable(path=f"buffers.b{n + 1}.capacity", **limits) for n in range(count)]


def found_for(
    rates: Sequence[float], total: int, least: int, runs: int, horizon_s: float = 2200.0
) -> Optimised:
    """Return what the optimiser says about sharing out some places."""
    line = exponential(rates, [1] * (len(rates) - 1))
    return optimise_design(
        line,
        rooms(len(rates) - 1, low=least, high=total),
        OPTIONS.model_copy(update={"horizon_s": horizon_s}),
        constraints=[Total(exactly=total)],
        seconds=600.0,
        runs=runs,
    )


def shared_out(found: Optimised) -> tuple[int, ...]:
    """Return the places of the best design."""
    return tuple(int(value) for value in found.best.values.values())


def test_chain_gives_known_throughput() -> None:
    """The chain of the tests says what the literature does."""
    assert throughput([1.0, 1.0], [0]) == pytest.approx(2 / 3)
    assert throughput([1.0, 1.0, 1.0], [0, 0]) == pytest.approx(22 / 39)
    assert throughput([1.0, 1.0, 1.0], [1, 1]) == pytest.approx(0.6705, abs=1e-4)


def test_exact_optimum_of_three_stations() -> None:
    """On a line with three exponential stations the best of all allocations is found."""
    rates = (1.0, 1.0, 1.6)
    exact = max(allocations(2, 6, 1), key=lambda one: throughput(rates, one))
    found = found_for(rates, 6, 1, 1500)
    assert shared_out(found) == exact
    assert found.best.mean == pytest.approx(throughput(rates, exact), rel=0.01)


def test_a_buffer_of_no_places_goes() -> None:
    """A buffer of capacity 0 is taken out of the line, which then makes what the chain says."""
    rates = (1.0, 5.0, 1.0)
    exact = max(allocations(2, 1, 0), key=lambda one: throughput(rates, one))
    found = found_for(rates, 1, 0, 600)
    assert throughput(rates, shared_out(found)) == pytest.approx(throughput(rates, exact))
    assert len(found.line.buffers) == 1
    assert found.best.mean == pytest.approx(throughput(rates, exact), rel=0.03)


@pytest.mark.proof
@pytest.mark.parametrize(
    ("rates", "total"),
    [((1.0, 1.2, 1.0), 8), ((1.0, 0.9, 1.3, 1.1), 9), ((1.0, 1.0, 1.0, 1.0), 10)],
)
def test_exact_optimum_of_larger_lines(rates: Sequence[float], total: int) -> None:
    """Exponential lines of three and four stations: the exact optimum, or its equal."""
    count = len(rates) - 1
    exact = max(throughput(rates, one) for one in allocations(count, total, 1))
    found = found_for(rates, total, 1, 20_000, 10_200.0)
    assert throughput(rates, shared_out(found)) == pytest.approx(exact, rel=1e-6)


def test_same_runs_give_the_same_answer() -> None:
    """Where runs end the search, threads and repetition change nothing."""
    line = exponential((1.0, 1.0, 1.0), (1, 1))
    found = [
        optimise_design(
            line, rooms(2, low=1, high=5), OPTIONS, constraints=[Total(exactly=6)],
            seconds=600.0, runs=600, workers=workers,
        ).document()
        for workers in (1, 2)
    ]  # fmt: skip
    for one in found:
        one.pop("seconds")
    assert found[0] == found[1]


def test_a_budget_buys_what_helps_most() -> None:
    """A slow station gets its second server when the budget allows, and the front rises."""
    line = exponential((1.0, 0.5, 1.0), (2, 2))
    variables = [
        *rooms(2, low=1, high=6, cost=1.0),
        Variable(path="stations.s2.servers", low=1, high=2, cost=5.0),
        Variable(path="stations.s1.servers", low=1, high=2, cost=5.0),
    ]
    found = optimise_design(
        line, variables, OPTIONS, most_cost=20.0, front=4, seconds=600.0, runs=3000
    )
    assert found.best.values["stations.s2.servers"] == 2
    assert found.best.cost <= 20.0
    costs = [one.cost for one in found.front]
    means = [one.mean for one in found.front]
    assert costs == sorted(costs)
    assert means == sorted(means)
    assert len(found.front) >= 2


def test_choices_have_names() -> None:
    """Shift patterns are chosen by name; the longer one makes more."""
    line = exponential((1.0, 1.0), (2,)).changed(
        {
            "calendars.day": {"shifts": [{"start": "06:00", "end": "06:10"}]},
            "stations.s1.calendar": "day",
        }
    )
    patterns = {
        "short": [{"start": "06:00", "end": "06:10"}],
        "long": [{"start": "06:00", "end": "14:00"}],
    }
    shifts = Variable(path="calendars.day.shifts", choices=patterns, costs={"long": 3.0})
    found = optimise_design(line, [shifts], OPTIONS, seconds=600.0, runs=200)
    assert found.best.values == {"calendars.day.shifts": "long"}
    assert found.best.cost == 3.0
    assert found.decided


def test_search_begins_at_an_allowed_design() -> None:
    """Places are evened out where the line as it is is not allowed."""
    line = exponential((1.0, 1.0, 1.0, 1.0), (9, 1, 1))
    asked = space(line, rooms(3, low=1, high=20), [Total(exactly=12)])
    assert beginning(asked) == (4, 4, 4)
    allowed = space(line, rooms(3, low=1, high=20), [Total(at_most=12)])
    assert beginning(allowed) == (9, 1, 1)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Unknown paths, empty spans and limits that nothing meets come in one message."""
    line = exponential((1.0, 1.0, 1.0), (1, 1))
    with pytest.raises(InvalidInputError) as caught:
        optimise_design(
            line,
            [*rooms(2, low=1, high=3), Variable(path="stations.s9.servers", low=1, high=2)],
            OPTIONS,
            constraints=[Total(exactly=40)],
        )
    told = str(caught.value)
    assert "s9" in told
    assert "40 cannot be met" in told
    with pytest.raises(InvalidInputError, match="cheapest design costs"):
        optimise_design(line, rooms(2, low=1, high=3, cost=9.0), OPTIONS, most_cost=3.0)
    with pytest.raises(UnknownNameError, match="good direction"):
        optimise_design(line, rooms(2, low=1, high=3), OPTIONS, objective="colour")
