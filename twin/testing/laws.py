"""The laws that every engine keeps on every line, as a test class to inherit from.

    class TestMyEngine(LineLaws):
        def simulate(self, line, options, state=None):
            return my_engine(line, options, state)

pytest then runs each law on random lines. The number of examples is that of the hypothesis profile
in force.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.errors import SimulationError
from twin.events.builder import Row
from twin.events.fold import Folder, fold
from twin.events.kinds import Kind, Status
from twin.events.log import COLUMNS, EventLog
from twin.events.state import LineState
from twin.kpi.measures import summarise
from twin.kpi.rows import LEFT, LOCATION
from twin.line import Constant, Failure, Line, Lognormal
from twin.line.distributions import AnyDistribution
from twin.line.files import line_from_document
from twin.line.line import maker_slots
from twin.line.spec import Spec
from twin.testing.strategies import lines, moments, options_for

SHOWN = 12
SECTIONS = (
    "sources",
    "stations",
    "buffers",
    "products",
    "loops",
    "vehicles",
    "crews",
    "calendars",
    "orders",
)

law = settings(
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.differing_executors,
    ]
)


def same_events(one: EventLog, other: EventLog, skip: int = 0) -> bool:
    """Tell whether a log, less its first ``skip`` rows, has exactly the rows of another."""
    return len(one) - skip == len(other) and all(
        np.array_equal(getattr(one, name)[skip:], getattr(other, name), equal_nan=True)
        for name in COLUMNS
    )


def first_difference(one: EventLog, other: EventLog, skip: int = 0) -> str:
    """Return the last equal rows and the first that differ, as text for a person."""
    tables = [
        log.frame().astype(object).fillna("-").astype(str).agg(" ".join, axis=1).tolist()
        for log in (one, other)
    ]
    tables[0] = tables[0][skip:]
    size = min(len(tables[0]), len(tables[1]))
    at = next((i for i in range(size) if tables[0][i] != tables[1][i]), size)
    rows = [f"  {row}" for row in tables[0][max(0, at - SHOWN) : at]]
    rows += [
        f"{mark} {row}" for mark, table in zip("-+", tables, strict=True) for row in table[at:][:3]
    ]
    return "\n".join([f"first difference in row {at}:", *rows])


def reordered(line: Line) -> Line:
    """Return the same line with every list that has ids written the other way round."""
    document = line.model_dump(mode="json")
    for name in SECTIONS:
        document[name] = document[name][::-1]
    for station in document["stations"]:
        station["failures"] = station["failures"][::-1]
        station["maintenance"] = station["maintenance"][::-1]
    return line_from_document(document)


def with_parts(line: Line, **sections: Sequence[Spec]) -> Line:
    """Return the line with some of its lists replaced."""
    return Line(**({name: getattr(line, name) for name in Line.model_fields} | sections))


def slower(line: Line, factor: int = 2) -> Line:
    """Return the line with every time multiplied; shifts must lie within the hour after six."""
    document = _slowed(line.model_dump(mode="json"), "", factor)
    for calendar in document["calendars"]:
        for shift in calendar["shifts"]:
            for period in (shift, *shift["breaks"]):
                for end in ("start", "end"):
                    clock = period[end]
                    period[end] = f"{clock[:3]}{int(clock[3:]) * factor:02d}"
    return line_from_document(document)


def _slowed(value: Any, key: str, factor: int) -> Any:
    """Return a piece of a document with what its key calls seconds multiplied."""
    if key in {"cycles_to_failure", "after_cycles"}:
        return value  # operations, not time
    if key == "speed_m_per_s":
        return value / factor
    if isinstance(value, dict):
        inside = key if key == "matrix_s" else ""
        return {name: _slowed(found, inside or name, factor) for name, found in value.items()}
    if isinstance(value, list):
        return [_slowed(found, key, factor) for found in value]
    return value * factor if key.endswith("_s") and isinstance(value, int | float) else value


class LineLaws:
    """Laws of an engine; a subclass may give another ``simulate``."""

    def simulate(
        self, line: Line, options: SimulationOptions, state: LineState | None = None
    ) -> EventLog:
        """Run once; subclasses put their own engine here."""
        return simulate(line, options, state)

    def state_at(
        self, line: Line, options: SimulationOptions, time_s: float, state: LineState | None = None
    ) -> LineState:
        """Return the state at a moment of a run; subclasses whose engine tells it overrule this."""
        begin_s = 0.0 if state is None else state.time_s
        cut = options.model_copy(update={"horizon_s": time_s - begin_s, "warm_up_s": 0.0})
        return fold(self.simulate(line, cut, state), line)

    def run(self, data: st.DataObject) -> tuple[Line, SimulationOptions, EventLog]:
        """Return a random line with a run of it."""
        line = data.draw(lines())
        options = data.draw(options_for(line))
        return line, options, self.ran(line, options)

    def ran(self, line: Line, options: SimulationOptions) -> EventLog:
        """Run once, on a line that comes through its run."""
        try:
            return self.simulate(line, options)
        except SimulationError:
            assume(False)  # work without end in no time, and deadlocks, have tests of their own
            raise

    @law
    @given(data=st.data())
    def test_fold_gives_the_state_of_the_engine(self, data: st.DataObject) -> None:
        """Folding the events before t gives exactly where the engine stands at t."""
        line, options, log = self.run(data)
        time_s = data.draw(moments(options.horizon_s))
        assert fold(log.until(time_s), line) == self.state_at(line, options, time_s)

    @law
    @given(data=st.data())
    def test_cut_and_continue_equals_uncut(self, data: st.DataObject) -> None:
        """A run that goes on from a state has the rows and the last state of the uncut run."""
        line, options, log = self.run(data)
        cut_s = data.draw(moments(options.horizon_s) | st.sampled_from(_inner_times(log)))
        state = self.state_at(line, options, cut_s)
        # Stops that lie ahead are no part of a state; those that have begun are.
        faults = tuple(
            fault.model_copy(update={"after_s": fault.after_s - cut_s})
            for fault in options.faults
            if fault.after_s - cut_s >= 0
        )
        assume(all(cut_s + f.after_s in {g.after_s for g in options.faults} for f in faults))
        rest = options.model_copy(
            update={"horizon_s": options.horizon_s - cut_s, "warm_up_s": 0.0, "faults": faults}
        )
        assume(cut_s + rest.horizon_s == options.horizon_s)
        after = self.simulate(line, rest, state)
        done = len(log.until(cut_s))
        assert same_events(log, after, done), first_difference(log, after, done)
        assert fold(after, line) == fold(log, line)
        self.check_figures_of_the_rest(line, log, after, cut_s)

    def check_figures_of_the_rest(
        self, line: Line, log: EventLog, after: EventLog, cut_s: float
    ) -> None:
        """Key figures of the rest are those of the whole, observed from the cut on.

        When an order was completed is known to the log that saw it only.
        """
        whole = summarise(log.observed_from(cut_s), line)
        rest = summarise(after.observed_from(cut_s), line)
        for name in whole.data_vars:
            if name == "order_finished" or not str(name).startswith("order_"):
                np.testing.assert_allclose(whole[name], rest[name], rtol=1e-9, atol=1e-9)

    @law
    @given(data=st.data())
    def test_another_future_can_be_cut_too(self, data: st.DataObject) -> None:
        """From a state on other random numbers, fold and cut-and-continue hold all the same."""
        line, options, _ = self.run(data)
        state = self.state_at(line, options, data.draw(moments(options.horizon_s / 2))).opened()
        other = SimulationOptions(horizon_s=200.0, seed=options.seed + 1)
        try:
            log = self.simulate(line, other, state)
        except SimulationError:
            assume(False)  # another future may fill the line up
        cut_s = state.time_s + data.draw(st.integers(1, 199))
        middle = self.state_at(line, other, cut_s, state)
        assert fold(log.until(cut_s), line) == middle
        rest = other.model_copy(update={"horizon_s": state.time_s + 200.0 - cut_s})
        assume(cut_s + rest.horizon_s == log.end_s)
        after = self.simulate(line, rest, middle)
        done = len(log.until(cut_s))
        assert same_events(log, after, done), first_difference(log, after, done)

    @law
    @given(data=st.data())
    def test_parts_are_conserved_and_servers_always_do_something(self, data: st.DataObject) -> None:
        """What comes in goes out or is inside; times in state sum to servers times observed.

        Parts in: created, and made of others; parts out: finished, scrapped, replaced by others or
        put into others as the bill of materials says.
        """
        line, _, log = self.run(data)
        created, made, fine, bad, replaced, consumed = (
            int(np.sum(log.kind == kind))
            for kind in (
                *(Kind.PART_CREATED, Kind.PART_MADE, Kind.PART_FINISHED, Kind.PART_SCRAPPED),
                *(Kind.PART_REPLACED, Kind.PART_CONSUMED),
            )
        )
        state = fold(log, line)
        assert created + made == fine + bad + replaced + consumed + len(state.parts)
        _bills_are_kept(line, log)
        assert (state.finished, state.scrapped) == (fine, bad)
        found = summarise(log, line)
        servers = np.array([line.station(str(name)).servers for name in found.station.values])
        spent = found.status_time_s.sum("status").to_numpy()
        np.testing.assert_allclose(spent, servers * float(found.observed_s), rtol=1e-9)
        assert float(found.status_time_s.min()) >= 0.0
        _limits_hold(line, log)

    @law
    @given(data=st.data())
    def test_times_in_state_are_those_of_the_statuses(self, data: st.DataObject) -> None:
        """Adding up what each server is doing between events gives the times in state."""
        line, _, log = self.run(data)
        spent = _followed_times_s(line, log)
        found = summarise(log, line).status_time_s
        for name in line.flow_order:
            row = [spent[name].get(Status(str(status)), 0.0) for status in found.status.values]
            np.testing.assert_allclose(found.sel(station=name), row, rtol=1e-7, atol=1e-7)

    @law
    @given(data=st.data())
    def test_declaration_order_has_no_meaning(self, data: st.DataObject) -> None:
        """The lists of a line may be written in any order."""
        line, options, log = self.run(data)
        other = reordered(line)
        after = self.simulate(other, options)
        assert other.hash == line.hash
        assert same_events(log, after), first_difference(log, after)

    @law
    @given(data=st.data())
    def test_doubling_all_times_doubles_all_times(self, data: st.DataObject) -> None:
        """Doubling is exact in binary, so every event comes at exactly twice its time."""
        line, options, log = self.run(data)
        assume(not any(isinstance(found, Lognormal) for found in _distributions(line)))
        slow = options.model_copy(
            update={
                "horizon_s": options.horizon_s * 2,
                "warm_up_s": options.warm_up_s * 2,
                "faults": tuple(
                    f.model_copy(update={"after_s": f.after_s * 2, "duration_s": f.duration_s * 2})
                    for f in options.faults
                ),
            }
        )
        after = self.simulate(slower(line), slow)
        assert np.array_equal(log.time_s * 2, after.time_s), first_difference(log, after)
        assert np.array_equal(log.kind, after.kind)
        assert np.array_equal(log.part, after.part)

    @law
    @given(data=st.data())
    def test_a_mode_that_never_fails_changes_nothing(self, data: st.DataObject) -> None:
        """Random numbers belong to what they are for: one more stream leaves the others alone."""
        line, options, log = self.run(data)
        # Maintenance is numbered behind the failures, so one more would change its number.
        names = [name for name in line.flow_order if not line.station(name).maintenance]
        assume(names)
        name = data.draw(st.sampled_from(names))
        never = Failure(
            id="zz",
            time_to_failure_s=Constant(value_s=1e8),
            time_to_repair_s=Constant(value_s=1.0),
        )
        stations = [
            station.model_copy(update={"failures": (*station.failures, never)})
            if station.id == name
            else station
            for station in line.stations
        ]
        after = self.simulate(with_parts(line, stations=stations), options)
        assert same_events(log, after), first_difference(log, after)

    @law
    @given(data=st.data())
    def test_more_room_leaves_the_draws_alone(self, data: st.DataObject) -> None:
        """A place more in a buffer changes when things happen, never how long they take."""
        line, options, log = self.run(data)
        # Parts made of others are numbered as they come.
        assume(line.buffers and not line.orders and not maker_slots(line))
        # What failures and wear slow down depends on when they happen.
        assume(all(mode.stops for station in line.stations for mode in station.modes))
        worn = [level for station in line.stations if station.wear for level in station.wear.levels]
        assume(all(level.time_factor == 1.0 for level in worn))
        buffers = [
            buffer.model_copy(update={"capacity": buffer.capacity and buffer.capacity + 1})
            for buffer in line.buffers
        ]
        after = self.ran(with_parts(line, buffers=buffers), options)
        one, other = _draws(log), _draws(after)
        assert all(other[key] == value for key, value in one.items() if key in other)


def _inner_times(log: EventLog) -> list[float]:
    inner = log.time_s[(log.time_s > log.begin_s) & (log.time_s < log.end_s)]
    return sorted(set(inner.tolist())) or [(log.begin_s + log.end_s) / 2]


def _distributions(line: Line) -> list[AnyDistribution]:
    found: list[AnyDistribution | None] = []
    for station in line.stations:
        for mode in station.modes:
            found += [mode.life, mode.work_s]
        found += [level.after for level in station.wear.levels] if station.wear else []
    for product in line.products:
        for step in product.routing:
            found += [step.load_time_s, step.unload_time_s]
            found += [step.processing_time_s, *step.processing_time_by_station_s.values()]
    found += [source.interarrival_s for source in line.sources]
    found += [time_s for pool in line.vehicles for time_s in (pool.load_time_s, pool.unload_time_s)]
    return [one for one in found if one is not None]


def _draws(log: EventLog) -> dict[tuple[int, int, int, int], float]:
    """Return each processing time drawn, by station, operation, part and visit."""
    visits: dict[int, int] = {}
    found = {}
    columns = (log.kind, log.element, log.detail, log.part, log.value)
    for kind, element, detail, part, value in zip(*(c.tolist() for c in columns), strict=True):
        if kind == Kind.STATION_ENTERED:
            visits[part] = visits.get(part, 0) + 1
        elif kind == Kind.PROCESSING_STARTED:
            found[element, detail, part, visits[part]] = value
    return found


def _bills_are_kept(line: Line, log: EventLog) -> None:
    """Refuse a part that has other components than its operation says."""
    product = {part.id: part.product for part in fold(log.until(log.begin_s), line).parts}
    given: dict[tuple[int, int, float], dict[str, int]] = {}
    columns = (log.time_s, log.kind, log.part, log.detail, log.value)
    for time_s, kind, part, detail, value in zip(*(c.tolist() for c in columns), strict=True):
        if kind in {Kind.PART_CREATED, Kind.PART_MADE}:
            product[part] = log.names.products[detail]
        elif kind == Kind.PART_CONSUMED:
            found = given.setdefault((int(value), detail, time_s), {})
            found[product[part]] = found.get(product[part], 0) + 1
    for (part, place, _), found in given.items():
        assert found == line.product(product[part]).routing[place].components


def _limits_hold(line: Line, log: EventLog) -> None:
    """Refuse a log in which a place holds more than it can, or time runs back."""
    assert np.all(np.diff(log.time_s) >= 0)
    makers = maker_slots(line)
    rooms = {
        station.id: station.servers * (station.batch.max if station.batch else 1)
        for station in line.stations
        if station.id not in makers
    }
    rooms |= {buffer.id: buffer.capacity for buffer in line.buffers if buffer.capacity is not None}
    rooms |= {pool.id: pool.count for pool in line.vehicles}
    place: dict[int, int] = {}
    content: dict[int, int] = {}
    elements = log.names.elements
    moves, gone = LOCATION, LEFT
    columns = (log.kind, log.element, log.part)
    for kind, element, part in zip(*(c.tolist() for c in columns), strict=True):
        if kind not in (*moves, *gone):
            continue
        if part in place:
            content[place.pop(part)] -= 1
        if kind in moves:
            place[part] = element
            content[element] = content.get(element, 0) + 1
            assert content[element] <= rooms.get(elements[element], content[element])


def _followed_times_s(line: Line, log: EventLog) -> dict[str, dict[Status, float]]:
    """Return the server-seconds in each status, followed event by event."""
    initial = LineState.model_validate(log.initial) if log.initial else None
    folder = Folder(line, initial, log.names)
    spent: dict[str, dict[Status, float]] = {name: {} for name in line.flow_order}
    now_s = log.begin_s
    columns = [getattr(log, name).tolist() for name in COLUMNS]

    rows = [*(Row(*row) for row in zip(*columns, strict=True)), Row(log.end_s, 0)]
    for row in rows:
        lasted_s = max(0.0, row.time_s - max(now_s, log.observe_from_s))
        if lasted_s > 0:
            for name, statuses in folder.statuses().items():
                for status in statuses:
                    spent[name][status] = spent[name].get(status, 0.0) + lasted_s
        now_s = row.time_s
        folder.apply(row)
    return spent
