"""Vehicles and wear of a live state go into a changed line."""

from scenarios.whatif.adaptation import adapt_state
from twin import LineState, SimulationOptions, example_line, fold, simulate
from twin.line import Line

LINE = example_line("transport")
OPTIONS = SimulationOptions(horizon_s=7200.0, seed=1)


def busy() -> LineState:
    """Return a state of the example line in which both vehicles bring a part to a rack."""
    log = simulate(LINE, OPTIONS)
    for time_s in range(1800, 7200, 20):
        state = fold(log.until(float(time_s)), LINE)
        agv = state.vehicles["agv"]
        if all(v.status == "carrying" and str(v.goal).startswith("rack") for v in agv):
            return state
    raise AssertionError("never are both vehicles loaded")


def goes_on(line: Line, state: LineState) -> LineState:
    """Return the state made to fit, after it has been run on for a while."""
    adapted = adapt_state(state, LINE, line)
    assert len(adapted.parts) == len(state.parts)
    simulate(line, SimulationOptions(horizon_s=3600.0, seed=2), adapted)
    return adapted


def test_vehicles_of_a_live_state_go_on_or_put_their_part_down() -> None:
    """One vehicle fewer: its part waits for its operation; one more stands at home."""
    state = busy()
    fewer = goes_on(LINE.changed({"vehicles.agv.count": 1}), state)
    assert fewer.vehicles["agv"] == state.vehicles["agv"][:1]
    lost = state.vehicles["agv"][1].part
    (part,) = [part for part in fewer.parts if part.id == lost]
    assert (part.status, part.entered_s) == ("waiting", state.time_s)
    assert part.location.startswith("rack_")
    more = goes_on(LINE.changed({"vehicles.agv.count": 3}), state)
    assert more.vehicles["agv"][:2] == state.vehicles["agv"]
    assert (more.vehicles["agv"][2].status, more.vehicles["agv"][2].place) == ("idle", "dock")


def test_without_vehicles_parts_on_board_wait_for_their_operation() -> None:
    """The changed line has none, so no part is on any."""
    adapted = goes_on(LINE.changed({"vehicles": []}), busy())
    assert adapted.vehicles == {}
    places = {buffer.id for buffer in LINE.buffers} | set(LINE.flow_order) | {"store"}
    assert {part.location for part in adapted.parts} <= places


def test_a_worn_station_is_at_most_at_the_last_level_of_the_changed_line() -> None:
    """Two levels fewer than it had come to: it is at the last one there is."""
    line = example_line("grinding")
    log = simulate(line, SimulationOptions(horizon_s=3.0 * 3600.0, seed=1))
    times = (fold(log.until(float(t)), line) for t in range(1800, 10_800, 300))
    worn = next(s for s in times if s.stations["grinder"].wear.level == 2)  # type: ignore[union-attr]
    levels = line.station("grinder").model_dump(mode="json")["wear"]["levels"][:1]
    changes = {
        "stations.grinder.wear.levels": levels,
        "stations.grinder.maintenance.dress.at_level": 1,
    }
    adapted = adapt_state(worn, line, line.changed(changes))
    assert adapted.stations["grinder"].wear.level == 1  # type: ignore[union-attr]
    simulate(line.changed(changes), SimulationOptions(horizon_s=600.0), adapted)
