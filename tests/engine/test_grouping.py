"""Parts that become others: batches, assembly, splitting, and what their orders and ages become."""

from typing import Any

import numpy as np
import pytest

from tests.engine.test_semantics import cell, product, told
from twin import SimulationOptions, fold, simulate, summarise
from twin.errors import LineError, StateError
from twin.events import EventLog, Kind
from twin.line import Line


def run(line: Line, horizon_s: float = 100.0, **options: Any) -> EventLog:
    """Return the events of a run."""
    return simulate(line, SimulationOptions(horizon_s=horizon_s, **options))


def oven(**batch: Any) -> Line:
    """Return parts that come every 2 s to an oven that bakes for 10 s."""
    return cell(
        sources=[{"id": "in", "arrivals": "interarrival", "interarrival_s": 2}],
        stations=[{"id": "oven", "input_buffer": "tray", "batch": batch}],
        buffers=[{"id": "tray"}],
        products=[product("p", ("oven", 10))],
    )


def test_batch_waits_for_its_least_and_takes_no_more_than_its_most() -> None:
    """Two are there at 4; when the oven is free at 14, five wait and three may go."""
    log = run(oven(min=2, max=3), 40.0)
    assert told(log, Kind.PROCESSING_STARTED)[:3] == [
        (4.0, "processing_started", 0),
        (14.0, "processing_started", 2),
        (24.0, "processing_started", 5),
    ]
    entered = told(log, Kind.STATION_ENTERED)
    assert [part for _, _, part in entered[:8]] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [part for _, _, part in told(log, Kind.PART_FINISHED)] == [0, 1, 2, 3, 4, 5, 6, 7]


def test_batch_goes_with_fewer_when_one_has_waited_long_enough() -> None:
    """The first part comes at 2 and waits at most 3 s; one more has come by then."""
    log = run(oven(min=5, max=5, wait_s=3), 15.0)
    assert told(log, Kind.PROCESSING_STARTED) == [(5.0, "processing_started", 0)]
    assert [part for _, _, part in told(log, Kind.STATION_ENTERED)] == [0, 1]


def test_waiting_goes_on_from_a_state() -> None:
    """A wait that began before the cut ends at the moment it would have ended."""
    line = oven(min=5, max=5, wait_s=3)
    state = fold(run(line, 4.5), line)
    log = simulate(line, SimulationOptions(horizon_s=5.0), state)
    assert told(log, Kind.PROCESSING_STARTED) == [(5.0, "processing_started", 0)]


@pytest.mark.parametrize(
    ("alike", "first"), [("product", [0, 2]), ("group", [0, 1]), ("any", [0, 1])]
)
def test_only_parts_that_are_alike_go_together(alike: str, first: list[int]) -> None:
    """Red, blue and red wait; red and blue are of one setup group."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[
            {"id": "oven", "input_buffer": "tray", "batch": {"min": 2, "max": 2, "alike": alike}}
        ],
        buffers=[{"id": "tray", "capacity": 9}],
        products=[product(c, ("oven", 10), setup_group="colour") for c in ("red", "blue")],
        orders=[
            {"id": f"o{k}", "product": c, "quantity": 1}
            for k, c in enumerate(["red", "blue", "red"])
        ],
    )
    assert [part for _, _, part in told(run(line), Kind.STATION_ENTERED)][:2] == first


def test_times_of_an_oven_are_those_of_its_server() -> None:
    """A batch keeps one server busy once; each of its parts counts as an operation done."""
    line = oven(min=2, max=3)
    found = summarise(run(line, 34.0), line)
    assert float(found.status_time_s.sel(station="oven", status="processing")) == 30.0
    assert float(found.status_time_s.sel(station="oven", status="starved")) == 4.0
    assert float(found.processed.sel(station="oven")) == 5.0
    assert float(found.effectiveness.sel(station="oven")) == pytest.approx(20 / 30)


def bikes(**changes: Any) -> Line:
    """Return frames that are welded and then put together with two wheels each."""
    assembly = {
        "id": "assemble",
        "stations": ["asm"],
        "processing_time_s": 5,
        "components": {"wheel": 2},
    }
    document: dict[str, Any] = {
        "sources": [
            {"id": "frames", "products": {"frame": 1}},
            {
                "id": "wheels",
                "arrivals": "interarrival",
                "interarrival_s": 7,
                "products": {"wheel": 1},
            },
        ],
        "stations": [{"id": "weld"}, {"id": "asm"}],
        "buffers": [{"id": "rack", "capacity": 10}],
        "products": [
            {
                "id": "frame",
                "routing": [
                    {"id": "weld", "stations": ["weld"], "processing_time_s": 4},
                    assembly,
                ],
            },
            {"id": "wheel", "routing": [], "stock": "rack"},
        ],
    }
    return cell(**(document | changes))


def test_assembly_waits_for_all_components_and_takes_them_at_once() -> None:
    """Wheels come at 7, 14, 21, 28: assembly begins at 14 and 28, with two each."""
    log = run(bikes(), 34.0)
    assert told(log, Kind.PROCESSING_STARTED, element="asm") == [
        (14.0, "processing_started", 0),
        (28.0, "processing_started", 1),
    ]
    used = told(log, Kind.PART_CONSUMED)
    assert [(time_s, part - 2**40) for time_s, _, part in used] == [
        (14.0, 0), (14.0, 1), (28.0, 2), (28.0, 3)]  # fmt: skip
    state = fold(log, bikes())
    assert (state.finished, state.scrapped) == (2, 0)


def test_station_that_waits_for_components_is_starved() -> None:
    """A part that cannot be put together yet is no work."""
    line = bikes()
    found = summarise(run(line, 14.0), line)
    assert float(found.status_time_s.sel(station="asm", status="starved")) == 14.0
    assert float(found.wip_mean) == pytest.approx((2 * 14 - 4 + 7 + 0) / 14 + 0)


def halves(**more: Any) -> Line:
    """Return orders of bars that are cut into three pieces, each drilled by itself."""
    return cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "saw"}, {"id": "drill", "input_buffer": "q"}],
        buffers=[{"id": "q", "capacity": 1}],
        products=[
            {
                "id": "bar",
                "routing": [
                    {
                        "id": "cut",
                        "stations": ["saw"],
                        "processing_time_s": 4,
                        "makes": {"piece": 3},
                        **more,
                    }
                ],
            },
            product("piece", ("drill", 10)),
        ],
        orders=[{"id": "o", "product": "bar", "quantity": 2}],
    )


def test_split_parts_leave_one_by_one_and_keep_their_age_and_order() -> None:
    """Three pieces: one is drilled, one waits in the buffer, one blocks the saw until 14."""
    line = halves()
    log = run(line)
    pieces = [(time_s, part - 2**40) for time_s, _, part in told(log, Kind.PART_MADE)]
    assert pieces == [(4.0, 0), (4.0, 1), (4.0, 2), (18.0, 3), (18.0, 4), (18.0, 5)]
    assert told(log, Kind.SERVER_CLEARED) == [
        (14.0, "server_cleared", -1),
        (44.0, "server_cleared", -1),
    ]
    found = summarise(log, line)
    assert float(found.finished) == 6
    # Made at 0 and 14; they leave at 14, 24, ..., 64.
    assert float(found.flow_time_mean_s) == pytest.approx(np.mean([14, 24, 34, 30, 40, 50]))
    assert float(found.status_time_s.sel(station="saw", status="blocked")) == 10 + 26
    order = fold(log, line).orders["o"]
    assert (order.created, order.finished, order.extra) == (2, 6, 4)
    assert float(found.order_completion_s.sel(order="o")) == 64.0


def test_room_made_by_a_failure_elsewhere_ends_the_waiting() -> None:
    """A bar makes two at 4; the drill scraps the first at 9, so the second blocks the saw for 5."""
    mode = {
        "id": "snap",
        "time_to_failure_s": 5,
        "time_to_repair_s": 2,
        "effect": "scrap",
        "crew": "fitters",
    }
    evening = {"start": "20:00", "end": "21:00", "days": ["mon"]}
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[{"id": "saw"}, {"id": "drill", "failures": [mode]}],
        crews=[{"id": "fitters", "calendar": "late"}],
        calendars=[{"id": "late", "shifts": [evening]}],
        buffers=[],
        products=[
            {
                "id": "bar",
                "routing": [
                    {
                        "id": "cut",
                        "stations": ["saw"],
                        "processing_time_s": 4,
                        "makes": {"piece": 2},
                    }
                ],
            },
            product("piece", ("drill", 8)),
        ],
        orders=[{"id": "o", "product": "bar", "quantity": 1}],
    )
    log = run(line, 40.0)
    assert told(log, Kind.SERVER_CLEARED) == [(9.0, "server_cleared", -1)]
    found = summarise(log, line).status_time_s.sel(station="saw")
    assert float(found.sel(status="blocked")) == 5.0
    assert float(found.sel(status="starved")) == 31.0


def test_scrapped_part_is_not_split() -> None:
    """What is scrapped at the cut becomes nothing; the order counts it."""
    log = run(halves(scrap_probability=1))
    assert not told(log, Kind.PART_MADE)
    order = fold(log, halves(scrap_probability=1)).orders["o"]
    assert (order.scrapped, order.extra) == (2, 0)


def test_batch_is_split_and_put_together_again_by_family() -> None:
    """Sub-batches of one batch wait for each other; others do not mix in."""
    line = cell(
        sources=[{"id": "in", "arrivals": "orders"}],
        stations=[
            {"id": "split"},
            {"id": "work", "servers": 3, "input_buffer": "q"},
            {
                "id": "join",
                "input_buffer": "r",
                "batch": {"min": 2, "max": 2, "alike": "family"},
            },
        ],
        buffers=[{"id": "q"}, {"id": "r"}],
        products=[
            {
                "id": "batch",
                "routing": [
                    {
                        "id": "split",
                        "stations": ["split"],
                        "processing_time_s": 1,
                        "makes": {"sub": 2},
                    }
                ],
            },
            {
                "id": "sub",
                "routing": [
                    {"id": "work", "stations": ["work"], "processing_time_s": 10},
                    {
                        "id": "join",
                        "stations": ["join"],
                        "processing_time_s": 1,
                        "makes": {"whole": 1},
                    },
                ],
            },
            {"id": "whole", "routing": [{"id": "out", "stations": ["split"],
                                         "processing_time_s": 0}]},
        ],
        orders=[{"id": "o", "product": "batch", "quantity": 2}],
    )  # fmt: skip
    log = run(line)
    state = fold(log, line)
    assert state.finished == 2
    assert state.parts == ()
    assert state.orders["o"].extra == 0
    # Three sub-batches are worked on at 1 and 2; the fourth begins at 11.
    assert [time_s for time_s, _, _ in told(log, Kind.PART_FINISHED)] == [12.0, 22.0]
    assert float(summarise(log, line).order_completion_s.sel(order="o")) == 22.0


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"stations": [{"id": "a", "batch": {"max": 2}}]}, r"stations\.a\.batch.*no place to wait"),
        (
            {"stations": [{"id": "a", "input_buffer": "mid", "batch": {"min": 3, "max": 4}}]},
            r"batch\.min.*holds 2",
        ),
        (
            {"stations": [{"id": "a", "input_buffer": "mid", "batch": {"min": 3, "max": 2}}]},
            "min = 3",
        ),
    ],
)
def test_batch_that_could_never_be_is_refused(changes: dict[str, Any], path: str) -> None:
    """A batch needs a place to wait with room for it."""
    with pytest.raises(LineError, match=path):
        cell(**changes, products=[product("p", ("a", 1))])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"sources.wheels.products": {"frame": 1}}, r"products\.wheel: .*no source"),
        ({"products.frame.routing.assemble.components": {"bell": 1}}, "unknown product 'bell'"),
        ({"products.frame.routing.assemble.components": {"wheel": 11}}, "never be 11"),
        ({"products.wheel.stock": "shelf"}, "unknown buffer 'shelf'"),
        ({"stations.asm.input_buffer": "rack"}, "a buffer of its own"),
        ({"products.frame.routing.assemble.components": {}}, "fill up for ever"),
    ],
)
def test_assembly_that_could_never_be_is_refused(change: dict[str, Any], path: str) -> None:
    """Components need a product, a stock and somebody who makes them."""
    with pytest.raises(LineError, match=path):
        bikes().changed(change)


def test_state_with_more_parts_than_a_server_holds_is_refused() -> None:
    """Two parts on one server are a batch only where the station works in batches."""
    line = bikes()
    state = fold(run(line, 10.0), line)
    at_asm = next(part for part in state.parts if part.location == "asm")
    twice = state.model_copy(update={"parts": (*state.parts, at_asm.model_copy(update={"id": 99}))})
    with pytest.raises(StateError, match="holds 2 parts"):
        simulate(line, SimulationOptions(horizon_s=1.0), twice)


def test_parts_made_go_on_after_the_numbers_that_a_state_has() -> None:
    """A state may say nothing of the station; still no two parts get one number."""
    line = cell(
        stations=[{"id": "saw"}, {"id": "plane"}],
        buffers=[],
        products=[product("log", ("saw", 5)), product("plank", ("plane", 2))],
        sources=[{"id": "in", "arrivals": "unlimited", "products": {"log": 1}}],
    ).changed({"products.log.routing.op0.makes": {"plank": 2}})
    state = fold(run(line, 6.0), line)
    known = state.model_copy(update={"stations": {}, "stream": None})
    made = told(simulate(line, SimulationOptions(horizon_s=10.0), known), Kind.PART_MADE)
    assert made
    assert not {number for _, _, number in made} & {part.id for part in state.parts}


def test_figures_of_a_batch_that_a_state_puts_on_no_server() -> None:
    """A part that names no server is on the first that is free, for the figures too."""
    line = oven(min=1, max=2)
    log = run(line, 5.0)
    state = fold(log, line)
    parts = tuple(part.model_copy(update={"server": None}) for part in state.parts)
    known = state.model_copy(update={"parts": parts, "stream": None})
    options = SimulationOptions(horizon_s=30.0)
    figures = summarise(simulate(line, options, known), line)
    assert float(figures["processed"].sel(station="oven")) == 5.0


def test_batch_that_a_failure_scraps_counts_as_operations_that_ended() -> None:
    """Both parts are lost at 6; so many operations have ended, none of them good."""
    line = oven(min=2, max=2).changed(
        {
            "stations.oven.failures": [
                {
                    "id": "burn",
                    "effect": "scrap",
                    "clock": "calendar",
                    "time_to_failure_s": 6,
                    "time_to_repair_s": 100,
                }
            ]
        }
    )
    figures = summarise(run(line, 20.0), line).sel(station="oven")
    assert float(figures["processed"]) == 2.0
    assert float(figures["quality_ratio"]) == 0.0
