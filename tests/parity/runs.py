"""Random runs to compare: options with slow stations, states as a real line reports them."""

from __future__ import annotations

from hypothesis import strategies as st

from twin.engine.options import Absence, Fault, Shortage, SimulationOptions
from twin.events.state import Clock, LineState, PartState, StationState
from twin.line import Line
from twin.testing.strategies import options_for


@st.composite
def options_with_slowdowns(draw: st.DrawFn, line: Line) -> SimulationOptions:
    """Return options of any kind, now and then with stations that are slow for a while."""
    options = draw(options_for(line))
    slow = st.builds(
        Fault,
        station=st.sampled_from(line.flow_order),
        kind=st.just("slowdown"),
        after_s=st.sampled_from([0.0, 20.0, 33.3, 90.0]),
        duration_s=st.sampled_from([0.1, 40.0, 200.0]),
        factor=st.sampled_from([0.5, 1.7, 3.0]),
    )
    faults = draw(st.lists(slow, max_size=2))
    number = draw(st.sampled_from([0, 0, 7, 2**32 - 1]))
    return options.model_copy(
        update={
            "faults": (*options.faults, *faults),
            "replication": number,
            "absences": _absences(draw, line),
            "shortages": _shortages(draw, line),
        }
    )


def _absences(draw: st.DrawFn, line: Line) -> tuple[Absence, ...]:
    """Return people who are away for a while, now and then."""
    if not line.crews or draw(st.integers(0, 3)):
        return ()
    return tuple(
        Absence(
            crew=draw(st.sampled_from([crew.id for crew in line.crews])),
            after_s=draw(st.sampled_from([0.0, 20.0, 60.0])),
            duration_s=draw(st.sampled_from([40.0, 100.0])),
        )
        for _ in range(draw(st.integers(1, 2)))
    )


def _shortages(draw: st.DrawFn, line: Line) -> tuple[Shortage, ...]:
    """Return a source that has nothing for a while, now and then."""
    if draw(st.integers(0, 5)):
        return ()
    name = draw(st.sampled_from([source.id for source in line.sources]))
    return (Shortage(source=name, after_s=draw(st.sampled_from([0.0, 60.0])), duration_s=50.0),)


def _stated(draw: st.DrawFn, clock: Clock | None) -> Clock | None:
    """Return the clock, sometimes with a time left that is known."""
    if clock is None or draw(st.integers(0, 2)):
        return clock
    return clock.model_copy(update={"remaining_s": draw(st.sampled_from([0.0, 3.0, 12.5]))})


def _part(draw: st.DrawFn, part: PartState) -> PartState:
    number = part.server if draw(st.booleans()) else None
    return part.model_copy(update={"clock": _stated(draw, part.clock), "server": number})


def _station(draw: st.DrawFn, station: StationState) -> StationState:
    modes = {
        name: mode.model_copy(
            update={"age": _stated(draw, mode.age), "repair": _stated(draw, mode.repair)}
        )
        for name, mode in station.modes.items()
        if draw(st.integers(0, 4))
    }
    outages = tuple(
        outage.model_copy(update={"until_s": None}) if draw(st.booleans()) else outage
        for outage in station.outages
    )
    return station.model_copy(update={"modes": modes, "outages": outages})


@st.composite
def reported(draw: st.DrawFn, state: LineState) -> LineState:
    """Return a state as a real line would tell it: no stream, gaps, some times left known."""
    stations = {
        name: _station(draw, station)
        for name, station in state.stations.items()
        if draw(st.integers(0, 4))
    }
    kept = {f"{name}/{mode}" for name, found in stations.items() for mode in found.modes}
    return state.model_copy(
        update={
            "stream": None,
            "parts": tuple(_part(draw, part) for part in state.parts),
            "stations": stations,
            "sources": {
                name: source.model_copy(update={"since_s": None})
                if draw(st.integers(0, 3)) == 0
                else source
                for name, source in state.sources.items()
                # Without its count a source would number its next parts like those that are there.
                if state.parts or draw(st.booleans())
            },
            "queue": tuple(name for name in state.queue if name in kept and draw(st.booleans())),
        }
    )


def rest_of(options: SimulationOptions, cut_s: float) -> SimulationOptions:
    """Return options for what is left of a run after a moment; what begins later is kept."""
    later: dict[str, object] = {
        name: tuple(
            one.model_copy(update={"after_s": one.after_s - cut_s})
            for one in getattr(options, name)
            if one.after_s >= cut_s
        )
        for name in ("faults", "absences", "shortages")
    }
    return options.model_copy(
        update={"horizon_s": options.horizon_s - cut_s, "warm_up_s": 0.0, **later}
    )
