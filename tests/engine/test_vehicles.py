"""Vehicles: who is sent for which part, how long it takes, and what is kept free meanwhile."""

from typing import Any

import pytest

from tests.engine.test_semantics import cell, product, run, times_of, told
from twin import LineState, SimulationOptions, example_line, simulate, summarise
from twin.engine.runs import Runs
from twin.errors import DeadlockError, LineError, StateError
from twin.events import EventLog, Kind, fold
from twin.events.state import Clock, PartState, VehicleState
from twin.testing.laws import reordered


def agv(**more: Any) -> dict[str, Any]:
    """Return one vehicle from ``a`` to the buffer of ``b``, 4 s away, that stays where it is."""
    moves = [{"out_of": ["a"]}] if "moves" not in more else more.pop("moves")
    known = {"id": "agv", "home": "a", "distance_m": {"a": {"mid": 8}}, "speed_m_per_s": 2}
    return {**known, "moves": moves, **more}


def sent(log: EventLog) -> list[tuple[float, int, int]]:
    """Return when which vehicle was sent for which part."""
    frame = log.frame()
    frame = frame[(frame["kind"] == "vehicle_sent") & (frame["part"] >= 0)]
    return list(zip(frame["time_s"], frame["detail"], frame["part"], strict=True))


def test_a_part_blocks_its_server_until_it_is_loaded() -> None:
    """Done at 10, on board at 11, there at 16; the next begins at 11, its vehicle is back at 25."""
    line = cell(vehicles=[agv(load_time_s=1, unload_time_s=1)])
    log = run(line, 40)
    assert told(log, Kind.PART_LOADED, Kind.BUFFER_ENTERED, Kind.VEHICLE_FREE) == [
        (11.0, "part_loaded", 0),
        (16.0, "buffer_entered", 0),
        (16.0, "vehicle_free", -1),
        (26.0, "part_loaded", 1),  # done at 21, fetched from 4 s away, 1 s to load
        (31.0, "buffer_entered", 1),
        (31.0, "vehicle_free", -1),
    ]
    assert times_of(log, Kind.PROCESSING_STARTED, "a") == [0.0, 11.0, 26.0]


def test_one_vehicle_is_as_good_as_a_server() -> None:
    """One that is the bottleneck carries a part per tour: there 4, back 4, load 1, unload 1."""
    quick = [product("p", ("a", 3), ("b", 2))]
    line = cell(vehicles=[agv(load_time_s=1, unload_time_s=1)], products=quick)
    found = summarise(run(line, 1010.0, warm_up_s=10.0), line)
    assert float(found.throughput_rate) == pytest.approx(0.1)
    share = dict(zip(found.vehicle_state.values, found.vehicle_share.values[0], strict=True))
    assert share == pytest.approx(
        {"idle": 0, "empty": 0.4, "loading": 0.1, "loaded": 0.4, "unloading": 0.1, "returning": 0}
    )
    assert float(found.vehicle_trips[0]) == 100.0
    # Each part is made in 3 of the 10 s; the other 7 it waits for the vehicle and on it, loading.
    assert float(found.vehicle_wait_s.sel(station="a")) == pytest.approx(700.0)
    blocked = found.status_time_s.sel(station="a", status="blocked")
    assert float(blocked) == pytest.approx(700.0)


def test_vehicles_are_the_servers_of_a_queue() -> None:
    """Arrivals by chance, ways without length, loading by chance: two vehicles are M/M/2.

    With one arrival per second and loading of 1 s a part is there after 1 / (1 - 1/4) s on average.
    """
    mean = {"kind": "exponential", "mean_s": 1.0}
    line = cell(
        sources=[{"id": "in", "arrivals": "interarrival", "interarrival_s": mean}],
        stations=[{"id": "a", "input_buffer": "mid"}],
        buffers=[{"id": "mid"}],
        products=[product("p", ("a", 0))],
        vehicles=[agv(count=2, load_time_s=mean, moves=[{"out_of": ["in"]}], distance_m={},
                      default_distance_m=0, home="in")],
    )  # fmt: skip
    found = summarise(run(line, 8_000.0, warm_up_s=100.0), line)
    assert float(found.flow_time_mean_s) == pytest.approx(4 / 3, rel=0.04)
    assert float(found.vehicle_share.sel(vehicle_state="loading")[0]) == pytest.approx(
        0.5, rel=0.03
    )


def test_a_place_is_kept_from_the_sending_on() -> None:
    """With one place in front of ``b`` no vehicle sets out before it is free: none waits loaded."""
    line = cell(
        buffers=[{"id": "mid", "capacity": 1}],
        vehicles=[agv(count=2)],
        products=[product("p", ("a", 1), ("b", 30))],
    )
    log = run(line, 200)
    stays = summarise(log, line).vehicle_time_s
    assert float(stays.sel(vehicle_state="loaded").sum()) == pytest.approx(4.0 * len(sent(log)))
    # The first is at b at 5 and works to 35; the second waits in the buffer from 9 or so on.
    entered, taken = times_of(log, Kind.BUFFER_ENTERED), times_of(log, Kind.STATION_ENTERED, "b")
    assert entered[:2] == [5.0, 9.0]
    assert [time_s for time_s, _, _ in sent(log)][2:4] == taken[1:3]


def test_who_has_waited_longest_is_fetched_first_by_the_nearest() -> None:
    """Two stations share two vehicles; ties go to the lower number."""
    line = cell(
        stations=[{"id": "a"}, {"id": "c"}, {"id": "b", "input_buffer": "mid"}],
        sources=[{"id": "in", "products": {"p": 1}}, {"id": "more", "products": {"q": 1}}],
        products=[product("p", ("a", 10), ("b", 1)), product("q", ("c", 8), ("b", 1))],
        vehicles=[
            agv(count=2, home="c", moves=[{"into": ["mid"]}],
                distance_m={"a": {"mid": 8, "c": 4}, "c": {"mid": 20}})
        ],
    )  # fmt: skip
    log = run(line, 40)
    slot = 2**40
    assert sent(log)[:2] == [(8.0, 0, slot), (10.0, 1, 0)]
    assert sent(log)[2] == (16.0, 1, slot + 1)  # free at mid at 10 + 2 + 4, where 0 is at 18
    assert times_of(log, Kind.BUFFER_ENTERED)[:2] == [16.0, 18.0]


def test_a_vehicle_that_nobody_needs_drives_home() -> None:
    """It is not sent again before it is there: its place on the way is not known."""
    line = cell(vehicles=[agv(when_idle="home")], products=[product("p", ("a", 6), ("b", 1))])
    log = run(line, 30)
    assert [time_s for time_s, _, _ in sent(log)] == [6.0, 14.0, 22.0]
    assert times_of(log, Kind.PART_LOADED) == [6.0, 14.0, 22.0]


def test_parts_are_carried_from_a_source_and_to_a_sink() -> None:
    """A part is made when a vehicle is sent for it, and finished when it is put down."""
    line = cell(
        vehicles=[agv(moves=[{"out_of": ["in"]}, {"into": ["out"]}], home="dock",
                      distance_m={"dock": {"in": 6}},
                      default_distance_m=6)],
        products=[product("p", ("a", 10), ("b", 10))],
    )  # fmt: skip
    log = run(line, 60)
    assert told(log, Kind.PART_CREATED, Kind.PART_LOADED, Kind.STATION_ENTERED)[:3] == [
        (0.0, "part_created", 0),
        (3.0, "part_loaded", 0),
        (6.0, "station_entered", 0),
    ]
    assert times_of(log, Kind.PART_FINISHED)[0] == 32.0  # done at 26, 3 s to fetch it, 3 s to go


def test_cards_are_held_from_the_sending_on() -> None:
    """A loop with one card over ``b`` and its buffer lets one part be on its way or there."""
    line = cell(
        vehicles=[agv(count=3)],
        loops=[{"id": "l", "cards": 1, "places": ["mid", "b"]}],
        products=[product("p", ("a", 1), ("b", 5))],
    )
    log = run(line, 100)
    assert [time_s for time_s, _, _ in sent(log)][:3] == [1.0, 10.0, 19.0]


def test_a_limit_that_passes_on_the_way_counts_where_the_part_is_put_down() -> None:
    """Done at 10 with 3 s to wait, and 4 s on the way to a buffer: scrapped there."""
    made = product("p", ("a", 10), ("b", 10))
    made["routing"][1]["max_wait_s"] = 3
    log = run(cell(vehicles=[agv()], products=[made]), 20)
    assert told(log, Kind.BUFFER_ENTERED, Kind.PART_SCRAPPED) == [
        (14.0, "buffer_entered", 0),
        (14.0, "part_scrapped", 0),
    ]


def test_a_run_goes_on_from_vehicles_of_a_real_line() -> None:
    """Half of the way is behind it, or 1 s is left; a part on a vehicle has left its station."""
    line = cell(vehicles=[agv()])
    part = PartState(id=0, product="p", created_s=0, location="agv", entered_s=98.0, operation=1,
                     visits=1)  # fmt: skip
    for clock, there_s in ((Clock(since_s=98.0), 102.0), (Clock(remaining_s=1.0), 101.0)):
        vehicle = VehicleState(status="carrying", place="a", part=0, goal="mid", clock=clock)
        state = LineState(line_id="cell", time_s=100.0, parts=(part,), vehicles={"agv": (vehicle,)})
        log = simulate(line, SimulationOptions(horizon_s=30.0), state)
        assert times_of(log, Kind.BUFFER_ENTERED)[0] == there_s


def test_a_state_whose_vehicles_do_not_fit_is_refused_with_all_findings() -> None:
    """A part on a vehicle that none has, a vehicle without its part, one too many."""
    part = PartState(id=0, product="p", created_s=0, location="agv", entered_s=0, operation=1)
    state = LineState(
        line_id="cell",
        time_s=0.0,
        parts=(part,),
        vehicles={
            "agv": (VehicleState(status="fetching", place="a", part=7, goal="mid"),),
            "lift": (),
        },
    )
    with pytest.raises(StateError) as caught:
        simulate(cell(vehicles=[agv()]), SimulationOptions(horizon_s=10.0), state)
    text = str(caught.value)
    for told_s in ("vehicles.agv.0", "for part 7", "unknown vehicles 'lift'", "none has it"):
        assert told_s in text


def test_the_kernel_counts_what_vehicles_do_while_observed() -> None:
    """From 20 s on: the counters of a kernel without a log, worked out by hand."""
    line = cell(vehicles=[agv(load_time_s=1, unload_time_s=1)])
    options = SimulationOptions(horizon_s=40.0, warm_up_s=20.0, engine="compiled")
    values, coordinates = Runs(line, options).figures(0)
    spent = dict(zip(coordinates["vehicle_state"], values["vehicle_time_s"][1][0], strict=True))
    # Sent at 21, there at 25, with the part on its way from 26 to 30, sent again at 36.
    assert spent == {
        "idle": 6.0,
        "empty": 8.0,
        "loading": 1.0,
        "loaded": 4.0,
        "unloading": 1.0,
        "returning": 0.0,
    }
    assert values["vehicle_trips"][1].tolist() == [1.0]


def test_the_example_can_be_cut_and_written_in_any_order() -> None:
    """The example line with two pools goes on from its state as if it had not been cut."""
    line = example_line("transport")
    options = SimulationOptions(horizon_s=3600.0, seed=3)
    log = simulate(line, options)
    state = fold(log.until(2000.0), line)
    assert any(v.status != "idle" for pool in state.vehicles.values() for v in pool)
    rest = simulate(reordered(line), options.model_copy(update={"horizon_s": 1600.0}), state)
    assert fold(rest, line) == fold(log, line)


@pytest.mark.parametrize(
    ("changes", "path", "told_s"),
    [
        ({"moves": [{"out_of": ["mid"]}]}, "vehicles.agv.moves.0.out_of", "by itself"),
        ({"moves": [{"out_of": ["x"]}]}, "vehicles.agv.moves.0.out_of", "no source or station"),
        ({"moves": [{"into": ["b"]}]}, "vehicles.agv.moves.0.into", "through its buffer"),
        ({"moves": [{"into": ["x"]}]}, "vehicles.agv.moves.0.into", "no buffer, station or sink"),
        ({"moves": [{}]}, "vehicles.agv.moves.0", "name a place"),
        (
            {"moves": [{"out_of": ["b"], "into": ["mid"]}]},
            "vehicles.agv.moves.0",
            "no part goes that way",
        ),
        ({"distance_m": {}}, "vehicles.agv.distance_m.a.mid", "no distance"),
        ({"home": "dok"}, "vehicles.agv.home", "'dok' is no place"),
        (
            {"distance_m": {"a": {"mid": 8, "nil": 3}}},
            "vehicles.agv.distance_m.nil",
            "they do not go to 'nil'",
        ),
        ({"speed_m_per_s": 0}, "vehicles.agv.speed_m_per_s", "above 0"),
        ({"id": "mid"}, "vehicles.mid", "also the id of one of the buffers"),
    ],
)
def test_finding_about_vehicles(changes: dict[str, Any], path: str, told_s: str) -> None:
    """What does not fit is told with its path, in plain words."""
    with pytest.raises(LineError) as caught:
        cell(vehicles=[agv(**changes)])
    assert any(f.path == path and told_s in str(f) for f in caught.value.findings)


def test_two_pools_for_one_way_are_refused() -> None:
    """Which of them would carry the part is nobody's guess."""
    with pytest.raises(LineError, match="'agv' carries the parts from 'a' to 'mid' already"):
        cell(vehicles=[agv(), agv(id="lift", moves=[{"into": ["mid"]}])])


def test_vehicles_do_not_hide_a_deadlock() -> None:
    """Two stations that send to one another are full: the circle is named, no vehicle with it."""
    line = cell(
        stations=[{"id": "a"}, {"id": "b"}],
        buffers=[],
        products=[product("p", ("a", 4), ("b", 3), ("a", 2))],
        vehicles=[agv(count=3, default_distance_m=6, distance_m={}, moves=[{"into": ["a", "b"]}])],
    )
    with pytest.raises(DeadlockError, match=r"a \(parts \d+\) waits for b") as caught:
        run(line, 200)
    assert caught.value.elements == ("a", "b")
