"""Parts that wait for one another for ever are found and named."""

import pytest

from tests.engine.test_semantics import cell, product
from twin import SimulationOptions, replicate, simulate
from twin.engine.deadlock import deadlock, may_lock
from twin.engine.options import DispatchPlan
from twin.errors import DeadlockError
from twin.events import LineState
from twin.line import Line, load_line

ENGINES = ["auto", "reference"]


def reentrant(room: int = 2) -> Line:
    """Return a line whose parts come back to the first station by its own buffer."""
    return cell(
        stations=[{"id": "a", "input_buffer": "one"}, {"id": "b", "input_buffer": "two"}],
        buffers=[{"id": "one", "capacity": room}, {"id": "two", "capacity": room}],
        products=[product("p", ("a", 1), ("b", 5), ("a", 1))],
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_reentrant_line_that_fills_up_is_named_with_its_circle(engine: str) -> None:
    """The first buffer is full of new parts, so what comes back finds no room, and so on round."""
    with pytest.raises(DeadlockError) as caught:
        simulate(reentrant(), SimulationOptions(horizon_s=1000.0, engine=engine))
    assert set(caught.value.elements) == {"a", "b", "one", "two"}
    assert len(caught.value.parts) == 6
    assert "one (parts" in str(caught.value)
    assert "cards: 5" in str(caught.value)


def test_of_many_parts_a_few_are_told() -> None:
    """A buffer of forty places fills the error with no page of numbers; its attribute has all."""
    with pytest.raises(DeadlockError) as caught:
        simulate(reentrant(room=40), SimulationOptions(horizon_s=10_000.0))
    assert len(caught.value.parts) == 82
    assert "and 35 more)" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("engine", ENGINES)
def test_replications_that_lock_up_are_refused_too(engine: str) -> None:
    """Figures of a line that stands still would be believed."""
    with pytest.raises(DeadlockError, match="for ever since"):
        replicate(reentrant(), SimulationOptions(horizon_s=1000.0, engine=engine), 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_circle_that_a_plan_closes_is_named_with_what_it_chose(engine: str) -> None:
    """Parts may come back to `a` or go to `c`: only who is told to come back fills the circle."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[
            {"id": "a", "input_buffer": "one"},
            {"id": "b", "input_buffer": "two"},
            {"id": "c", "input_buffer": "three"},
        ],
        buffers=[{"id": name, "capacity": 2} for name in ("one", "two", "three")],
        products=[product("p", ("a", 1), ("b", 5), ("c|a", 1))],
        orders=[{"id": "x", "product": "p", "quantity": 9}],
    )
    plan = DispatchPlan(release=("x",), assignment={"x/op2": "a"})
    simulate(line, SimulationOptions(horizon_s=1000.0, engine=engine))
    with pytest.raises(DeadlockError, match="or do not plan x/op2 at a") as caught:
        simulate(line, SimulationOptions(horizon_s=1000.0, engine=engine, plan=plan))
    assert set(caught.value.elements) == {"a", "b", "one", "two"}


def test_the_way_out_that_the_error_tells_works() -> None:
    """With a card fewer than places in the circle, parts flow."""
    line = reentrant()
    loop = {"id": "free", "cards": 5, "places": ["one", "a", "two", "b"]}
    log = simulate(line.changed({"loops": [loop]}), SimulationOptions(horizon_s=1000.0))
    assert len(log) > 1000


def test_line_that_is_only_slow_or_blocked_for_now_is_not_stuck() -> None:
    """Full places that somebody will take from are no deadlock."""
    line = cell(products=[product("p", ("a", 1), ("b", 500))])
    assert not may_lock(line)
    simulate(line, SimulationOptions(horizon_s=100.0))
    log = simulate(reentrant(room=2), SimulationOptions(horizon_s=3.0))
    assert len(log)


def test_example_lines_cannot_lock_up_or_do_not() -> None:
    """An empty line is never stuck."""
    for name in ("two_station", "bottling", "electronics"):
        line = load_line(name)
        assert deadlock(line, LineState(line_id=line.id, time_s=0.0)) is None
