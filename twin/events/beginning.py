"""The state that a run begins with: the empty line's, or a given one made ready.

A state may come from a real line, from a run on other random numbers, or from a scenario that
changed the line since. What it leaves out is added here, once, so engines and fold begin alike.
"""

from __future__ import annotations

from typing import TypeVar

from twin.events.condition import StationNow
from twin.events.state import (
    Clock,
    CrewState,
    LineState,
    ModeState,
    OrderState,
    PartState,
    SourceState,
    StationState,
    StreamState,
    VehicleState,
    WearState,
)
from twin.line import Line, Mode, Station, Wear
from twin.line.line import maker_slots
from twin.line.switching import is_on

_Timed = TypeVar("_Timed", PartState, VehicleState, WearState)

PARTS_PER_SLOT = 2**40
"""A part's number is the slot of its maker times this plus its count there."""
UNKNOWN_STOP_S = 900.0
"""Time that a stop of unknown cause is expected to last at a station without failure modes, s."""


def empty_state(line: Line, time_s: float = 0.0) -> LineState:
    """Return the state of the empty line at a moment: all as new, stations on by their calendar."""
    return LineState(
        line_id=line.id,
        time_s=time_s,
        stations={
            name: _empty_station(line, line.station(name), time_s)
            for name in sorted(line.flow_order)
        },
        sources={
            source.id: SourceState(since_s=time_s)
            for source in sorted(line.sources, key=lambda s: s.id)
        },
        orders={order.id: OrderState() for order in sorted(line.orders, key=lambda o: o.id)},
        crews={
            crew.id: CrewState(on=is_on(line, line.calendar(crew.calendar), time_s))
            for crew in sorted(line.crews, key=lambda c: c.id)
            if crew.calendar is not None
        },
        vehicles={
            pool.id: (VehicleState(place=pool.home),) * pool.count
            for pool in sorted(line.vehicles, key=lambda pool: pool.id)
        },
    )


def _empty_station(line: Line, station: Station, time_s: float) -> StationState:
    calendar = line.calendar(station.calendar) if station.calendar else None
    return StationState(
        on=is_on(line, calendar, time_s),
        setup_group=station.setup.initial_group if station.setup else None,
        modes={
            mode.id: ModeState(age=Clock(since_s=time_s if ages_always(mode) else None))
            for mode in station.modes
        },
        wear=_wear(station.wear, None, time_s, used=False) if station.wear else None,
    )


def _wear(spec: Wear, found: WearState | None, time_s: float, *, used: bool) -> WearState:
    """Return wear whose clock runs where it should; ``used``: the station processes."""
    found = found or WearState()
    if found.level == len(spec.levels):
        return found.model_copy(update={"clock": None})
    runs = spec.clock == "calendar" or (spec.clock == "operating" and used)
    return found.model_copy(update={"clock": _running(found.clock or Clock(), time_s, runs=runs)})


def _running(clock: Clock, time_s: float, *, runs: bool) -> Clock:
    """Return a clock that runs, or stands still, from a moment on."""
    if runs and clock.since_s is None:
        return clock.model_copy(update={"since_s": time_s})
    if not runs and clock.since_s is not None:
        return clock.model_copy(update={"worked_s": clock.elapsed_s(time_s), "since_s": None})
    return clock


def ages_always(mode: Mode) -> bool:
    """Tell whether a mode ages with time as such; one that follows a calendar has no age."""
    return mode.clock == "calendar" and mode.life is not None


def beginning(line: Line, state: LineState, stream: StreamState | None) -> LineState:
    """Return a state as a run on ``stream`` begins with it.

    Stations, failure modes, sources and orders that it leaves out are as new. If it belongs to
    other random numbers, or to none, each pending activity is marked with the age it has reached:
    what is left of it will be drawn given that age, or is what the state says outright.

    Parameters
    ----------
    line : Line
        What runs.
    state : LineState
        Where to begin. Names that the line does not have must have been refused before.
    stream : StreamState or None
        Random numbers of the run; None: a real line, which draws none.

    Returns
    -------
    LineState
        Complete; the same moment, on ``stream``.
    """
    fresh = empty_state(line, state.time_s)
    if stream is not None:
        state = _with_ends(line, state)
    if state.stream != stream:
        state = _rebased(state)
    stations = {
        name: _completed(line.station(name), state.stations.get(name), new, state)
        for name, new in fresh.stations.items()
    }
    for name, slot in maker_slots(line).items():
        made = max(stations[name].made, _first_free(state, slot))
        stations[name] = stations[name].model_copy(update={"made": made})
    queue = list(state.queue)
    for name in line.flow_order:
        waiting = stations[name].modes.items()
        queue += [
            f"{name}/{mode}"
            for mode, found in waiting
            if found.status == "waiting" and f"{name}/{mode}" not in queue
        ]
    crews = {
        f"{station.id}/{mode.id}": mode.crew or mode.skill
        for station in line.stations
        for mode in station.modes
    }
    return state.model_copy(
        update={
            "stream": stream,
            "stations": stations,
            "sources": {
                name: _counting(state.sources.get(name, new), state, slot)
                for slot, (name, new) in enumerate(fresh.sources.items())
            },
            "crews": _crews(line, state, fresh),
            "vehicles": {
                name: _known((*state.vehicles.get(name, ()), *new)[: len(new)], stream)
                for name, new in fresh.vehicles.items()
            },
            "orders": {name: state.orders.get(name, new) for name, new in fresh.orders.items()},
            # A failure that needs no crew, or no longer, does not wait: its repair begins at once.
            "queue": tuple(name for name in queue if crews.get(name)),
        }
    )


def _known(
    vehicles: tuple[VehicleState, ...], stream: StreamState | None
) -> tuple[VehicleState, ...]:
    """Return vehicles as they begin: of simulated ones it is known what they do."""
    if stream is None or all(vehicle.told for vehicle in vehicles):
        return vehicles
    return tuple(vehicle.model_copy(update={"told": True}) for vehicle in vehicles)


def _counting(source: SourceState, state: LineState, slot: int) -> SourceState:
    """Return a source whose next part has a number that none of the line has."""
    made = _first_free(state, slot)
    return source.model_copy(update={"created": made}) if made > source.created else source


def _first_free(state: LineState, slot: int) -> int:
    """Return the count behind those that the numbers of a slot's parts in the line have."""
    counts = [part.id % PARTS_PER_SLOT for part in state.parts if part.id // PARTS_PER_SLOT == slot]
    return max(counts, default=-1) + 1


def _with_ends(line: Line, state: LineState) -> LineState:
    """Return the state with an expected end for each outage that nobody knows the end of."""
    open_ends = {
        name
        for name, station in state.stations.items()
        if any(outage.until_s is None for outage in station.outages)
    }
    stations = dict(state.stations)
    for name in open_ends:
        until_s = state.time_s + expected_stop_s(line.station(name))
        outages = tuple(
            outage if outage.until_s is not None else outage.model_copy(update={"until_s": until_s})
            for outage in stations[name].outages
        )
        stations[name] = stations[name].model_copy(update={"outages": outages})
    return state.model_copy(update={"stations": stations}) if open_ends else state


def expected_stop_s(station: Station) -> float:
    """Return how long a stop of unknown cause is expected to last yet, s.

    The mean repair time of the station's failure modes, each weighted by how often it fails;
    ``UNKNOWN_STOP_S`` for a station that has none. How long it lasted already does not count.
    """
    weights = [1 / mode.life.expected_s() for mode in station.failures if mode.clock != "cycles"]
    if not weights:
        return UNKNOWN_STOP_S
    repairs = [
        mode.time_to_repair_s.expected_s() for mode in station.failures if mode.clock != "cycles"
    ]
    return sum(w * r for w, r in zip(weights, repairs, strict=True)) / sum(weights)


def _completed(
    spec: Station, found: StationState | None, new: StationState, state: LineState
) -> StationState:
    if found is None:
        return new
    inside = StationNow.of(spec, found)
    for part in state.parts:
        if part.location == spec.id and part.clock is not None and part.status == "processing":
            goes_on = inside.running and part.asked_s is None
            inside.working += goes_on or part.clock.since_s is not None
    modes = {}
    for mode in spec.modes:
        given = found.modes.get(mode.id)
        ages = ages_always(mode) or (mode.clock == "operating" and inside.working > 0)
        if given is None:
            given = ModeState(age=Clock(since_s=state.time_s if ages else None))
        if given.status == "running":
            rate = inside.wear.rate(mode) if inside.wear else 1.0
            age = _running(given.age, state.time_s, runs=ages)
            given = given.model_copy(update={"age": _at_rate(age, rate, state.time_s)})
        modes[mode.id] = given
    used = inside.working > 0
    wear = _wear(spec.wear, found.wear, state.time_s, used=used) if spec.wear else None
    return found.model_copy(
        update={
            "modes": modes,
            "setup_group": found.setup_group or new.setup_group,
            "wear": wear,
        }
    )


def _at_rate(clock: Clock, rate: float, time_s: float) -> Clock:
    """Return a clock that runs at a rate from a moment on."""
    if clock.rate == rate:
        return clock
    since_s = None if clock.since_s is None else time_s
    update = {"worked_s": clock.elapsed_s(time_s), "since_s": since_s, "rate": rate}
    return clock.model_copy(update=update)


def _rebased(state: LineState) -> LineState:
    """Return the state with each pending activity marked by the age it has reached."""
    now_s = state.time_s
    stations = {
        name: station.model_copy(
            update={
                "wear": station.wear and _rebased_one(station.wear, now_s),
                "modes": {
                    key: mode.model_copy(
                        update={
                            "age": _given(mode.age, now_s),
                            "repair": mode.repair and _given(mode.repair, now_s),
                        }
                    )
                    for key, mode in station.modes.items()
                },
            }
        )
        for name, station in state.stations.items()
    }
    sources = {
        name: source.model_copy(update={"drawn_s": now_s})
        if source.since_s is not None
        else source.model_copy(update={"since_s": now_s, "drawn_s": None})
        for name, source in state.sources.items()
    }
    vehicles = {
        name: tuple(_rebased_one(vehicle, now_s) for vehicle in pool)
        for name, pool in state.vehicles.items()
    }
    parts = tuple(_rebased_one(part, now_s) for part in state.parts)
    return state.model_copy(
        update={"stations": stations, "sources": sources, "parts": parts, "vehicles": vehicles}
    )


def _rebased_one(found: _Timed, now_s: float) -> _Timed:
    """Return a part or vehicle with what it is at marked by its age."""
    if found.clock is None:
        return found
    return found.model_copy(update={"clock": _given(found.clock, now_s)})


def _given(clock: Clock, now_s: float) -> Clock:
    """Return the clock with its age so far as the age given which the rest is drawn."""
    age_s = clock.elapsed_s(now_s)
    if age_s <= 0 and clock.remaining_s is None:
        return Clock(since_s=None if clock.since_s is None else now_s, rate=clock.rate)
    left_s = clock.remaining_s
    if left_s is not None and clock.given_s is not None:
        left_s = max(0.0, clock.given_s + left_s - age_s)
    return Clock(
        worked_s=age_s,
        since_s=None if clock.since_s is None else now_s,
        given_s=age_s,
        remaining_s=left_s,
        rate=clock.rate,
    )


def _crews(line: Line, state: LineState, fresh: LineState) -> dict[str, CrewState]:
    """Return the crews with a calendar, and those of which people are away, no more than it has."""
    found = {}
    for crew in sorted(line.crews, key=lambda crew: crew.id):
        known = state.crews.get(crew.id) or fresh.crews.get(crew.id)
        if known is not None and (crew.calendar is not None or known.away):
            away = min(known.away, crew.size)
            found[crew.id] = CrewState(on=known.on or crew.calendar is None, away=away)
    return found
