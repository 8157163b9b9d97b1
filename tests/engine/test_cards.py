"""Loops of cards limit the parts in a stretch of the line."""

from typing import Any

import pytest

from tests.engine.test_semantics import cell, product, told
from twin import SimulationOptions, fold, replicate, simulate
from twin.errors import LineError
from twin.events import Kind
from twin.kpi import mean_interval
from twin.line import Constant, Exponential, Line, serial_line


def conwip(cards: int, *, exponential: bool = False, stations: int = 4) -> Line:
    """Return a balanced line of stations with endless buffers, held by cards alone."""
    time = Exponential(mean_s=1.0) if exponential else Constant(value_s=1.0)
    line = serial_line([time] * stations, [3] * (stations - 1))
    loops = [{"id": "conwip", "cards": cards}]
    changes: dict[str, Any] = {f"buffers.b{k}.capacity": None for k in range(1, stations)}
    return line.changed({"loops": loops, **changes})


def test_conwip_holds_as_many_parts_as_there_are_cards() -> None:
    """Four stations of 1 s and two cards: half of the stations work at any time."""
    line = conwip(2)
    log = simulate(line, SimulationOptions(horizon_s=100.5))
    assert len(fold(log, line).parts) == 2
    # Two at once every four seconds: at 4, 5, then 8, 9 and so on.
    assert [time_s for time_s, _, _ in told(log, Kind.PART_FINISHED)][:4] == [4.0, 5.0, 8.0, 9.0]


def kanban() -> Line:
    """Return a quick station before a slow one, with two cards behind the first."""
    return cell(
        buffers=[{"id": "mid", "capacity": 9}],
        products=[product("p", ("a", 1), ("b", 10))],
        loops=[{"id": "kanban", "cards": 2, "places": ["a", "mid"]}],
    )


def test_kanban_card_comes_back_when_the_next_station_takes_the_part() -> None:
    """Made at 1 and taken at once, made at 2 and 3; the card of the fourth comes at 11."""
    log = simulate(kanban(), SimulationOptions(horizon_s=30.0))
    assert [time_s for time_s, _, _ in told(log, Kind.PART_CREATED)] == [0, 1, 2, 11, 21]


def test_cards_of_one_product_leave_the_others_alone() -> None:
    """Two products share a station; only one of them is held back."""
    line = cell(
        sources=[{"id": f"in_{x}", "arrivals": "interarrival", "interarrival_s": 1,
                  "products": {x: 1}} for x in ("few", "many")],
        stations=[{"id": "a", "input_buffer": "mid"}],
        buffers=[{"id": "mid"}],
        products=[product("few", ("a", 100)), product("many", ("a", 100))],
        loops=[{"id": "l", "cards": 2, "products": ["few"]}],
    )  # fmt: skip
    state = fold(simulate(line, SimulationOptions(horizon_s=10.5)), line)
    where = [(part.product, part.location in {"mid", "a"}) for part in state.parts]
    assert where.count(("few", True)) == 2
    assert where.count(("few", False)) == 8
    assert where.count(("many", True)) == 10


def test_state_with_more_parts_than_cards_lets_none_in() -> None:
    """Fewer cards than parts: nothing enters until enough have left."""
    line = conwip(4)
    state = fold(simulate(line, SimulationOptions(horizon_s=10.5)), line)
    tight = conwip(2)
    log = simulate(tight, SimulationOptions(horizon_s=20.0), state)
    gone = [time_s for time_s, _, _ in told(log, Kind.PART_FINISHED)]
    assert told(log, Kind.PART_CREATED)[0][0] == gone[2]


@pytest.mark.parametrize(
    ("loop", "path"),
    [
        ({"cards": 0}, r"loops\.l\.cards"),
        ({"cards": 1, "places": ["c"]}, r"loops\.l\.places.*one of: a, b, mid"),
        ({"cards": 1, "products": ["x"]}, r"loops\.l\.products.*unknown product 'x'"),
    ],
)
def test_loop_that_makes_no_sense_is_refused(loop: dict[str, Any], path: str) -> None:
    """What a loop names must be there."""
    with pytest.raises(LineError, match=path):
        cell(loops=[{"id": "l", **loop}])


@pytest.mark.proof
@pytest.mark.parametrize(("cards", "exact"), [(4, 0.571429), (8, 0.727273), (16, 0.842105)])
def test_closed_line_of_exponential_stations(cards: int, exact: float) -> None:
    """Throughput r w / (w + K - 1) for K balanced stations and w parts, K = 4, r = 1."""
    options = SimulationOptions(horizon_s=22_000.0, warm_up_s=2_000.0)
    found = replicate(conwip(cards, exponential=True), options, 20)
    mean, half = mean_interval(found.throughput_rate.to_numpy(), 0.99)
    assert half / mean < 0.005
    assert abs(mean - exact) <= half
