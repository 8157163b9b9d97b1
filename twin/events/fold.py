"""From events to state: folding the log up to t gives where everything is at t.

The same fold serves simulated and real lines. It adds up times in the grouping that the engines use,
so for a simulated log the state is equal to the engine's, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from twin.events.builder import Row
from twin.events.kinds import OUTAGE, Kind, Status
from twin.events.log import EventLog, Names
from twin.events.state import (
    Clock,
    LineState,
    ModeState,
    ModeStatus,
    OrderState,
    Outage,
    PartState,
    PartStatus,
    SourceState,
    StationState,
    StreamState,
)
from twin.line import Line, Station
from twin.line.switching import is_on


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
    )


def _empty_station(line: Line, station: Station, time_s: float) -> StationState:
    calendar = line.calendar(station.calendar) if station.calendar else None
    return StationState(
        on=is_on(line, calendar, time_s),
        setup_group=station.setup.initial_group if station.setup else None,
        modes={
            mode.id: ModeState(age=Clock(since_s=time_s if mode.clock == "calendar" else None))
            for mode in sorted(station.failures, key=lambda m: m.id)
        },
    )


def fold(log: EventLog, line: Line) -> LineState:
    """Return the state at the end of a log.

    Parameters
    ----------
    log : EventLog
        Of this line; ``log.until(t)`` for the state at t.
    line : Line
        The line that the log belongs to.

    Returns
    -------
    LineState
        At ``log.end_s``.
    """
    initial = LineState.model_validate(log.initial) if log.initial else None
    folder = Folder(line, initial or empty_state(line, log.begin_s), log.names)
    columns = (log.time_s, log.kind, log.element, log.part, log.detail, log.value)
    for row in zip(*(column.tolist() for column in columns), strict=True):
        folder.apply(Row(*row))
    stream = log.stream
    origin = (
        StreamState(seed=stream.seed, replication=stream.replication, antithetic=stream.antithetic)
        if stream
        else None
    )
    return folder.state(log.end_s, origin)


@dataclass(slots=True)
class _Run:
    """A clock that is being folded."""

    worked_s: float = 0.0
    since_s: float | None = None

    def resume(self, time_s: float) -> None:
        if self.since_s is None:
            self.since_s = time_s

    def pause(self, time_s: float) -> None:
        if self.since_s is not None:
            self.worked_s += time_s - self.since_s
            self.since_s = None

    def clock(self) -> Clock:
        return Clock(worked_s=self.worked_s, since_s=self.since_s)

    @staticmethod
    def of(clock: Clock) -> _Run:
        return _Run(clock.worked_s, clock.since_s)


@dataclass(slots=True)
class _Part:
    id: int
    product: str
    order: str | None
    created_s: float
    location: str
    entered_s: float
    operation: int = 0
    server: int | None = None
    status: PartStatus = "waiting"
    visits: int = 0
    reworks: dict[str, int] = field(default_factory=dict)
    clock: _Run | None = None
    done_s: float | None = None


@dataclass(slots=True)
class _Mode:
    calendar: bool
    crew: str | None
    status: ModeStatus = "running"
    count: int = 0
    age: _Run = field(default_factory=_Run)
    failed_s: float | None = None
    repair: _Run | None = None


@dataclass(slots=True)
class _Station:
    spec: Station
    modes: dict[str, _Mode]
    on: bool = True
    group: str | None = None
    outages: list[Outage] = field(default_factory=list)
    finished: int = 0
    inside: dict[int, _Part] = field(default_factory=dict)
    working: int = 0

    @property
    def stopped(self) -> bool:
        return bool(self.outages) or any(m.status != "running" for m in self.modes.values())

    @property
    def running(self) -> bool:
        return not self.stopped and (self.on or self.spec.at_shift_end == "finish")

    def work_began(self, time_s: float) -> None:
        self.working += 1
        if self.working == 1:
            for mode in self.modes.values():
                if not mode.calendar and mode.status == "running":
                    mode.age.resume(time_s)

    def work_ended(self, time_s: float) -> None:
        self.working -= 1
        if self.working == 0:
            for mode in self.modes.values():
                if not mode.calendar:
                    mode.age.pause(time_s)

    def pause(self, time_s: float) -> None:
        for part in self.inside.values():
            if part.clock is not None and part.clock.since_s is not None:
                part.clock.pause(time_s)
                if part.status == "processing":
                    self.work_ended(time_s)

    def go_on(self, time_s: float) -> None:
        if not self.running:
            return
        for part in self.inside.values():
            if part.clock is not None and part.clock.since_s is None:
                part.clock.resume(time_s)
                if part.status == "processing":
                    self.work_began(time_s)


class Folder:
    """Applies events one by one and gives the state in between. The live mirror runs on it.

    Parameters
    ----------
    line : Line
        Line that the events belong to.
    state : LineState, optional
        State before the first event; none: the empty line at its time zero.
    names : Names, optional
        What the numbers of the rows stand for; none: as made from the line.
    """

    def __init__(
        self, line: Line, state: LineState | None = None, names: Names | None = None
    ) -> None:
        state = state or empty_state(line)
        self.line = line
        self.names = names or Names.of(line)
        self._groups = {product.id: product.group for product in line.products}
        self._crew = {
            (station.id, mode.id): mode.crew
            for station in line.stations
            for mode in station.failures
        }
        self._stations = {name: self._station(name, state) for name in line.flow_order}
        self._sources = {name: list(_pair(found)) for name, found in state.sources.items()}
        self._orders = {name: _counts(found) for name, found in state.orders.items()}
        self._parts: dict[int, _Part] = {}
        for part in state.parts:
            self._add(part)
        self._queue = list(state.queue)
        self._finished, self._scrapped = state.finished, state.scrapped
        self._handlers: dict[int, Callable[[Row], None]] = {
            Kind.ORDER_RELEASED: self._released,
            Kind.PART_CREATED: self._created,
            Kind.BUFFER_ENTERED: self._buffered,
            Kind.STATION_ENTERED: self._entered,
            Kind.SETUP_STARTED: self._setup_started,
            Kind.SETUP_ENDED: self._setup_ended,
            Kind.PROCESSING_STARTED: self._started,
            Kind.PROCESSING_ENDED: self._ended,
            Kind.REWORK_SENT: self._sent_back,
            Kind.PART_SCRAPPED: self._gone,
            Kind.PART_FINISHED: self._gone,
            Kind.FAILED: self._failed,
            Kind.REPAIR_STARTED: self._repair_started,
            Kind.REPAIRED: self._repaired,
            Kind.SHIFT_ENDED: self._shift,
            Kind.SHIFT_STARTED: self._shift,
        }

    def apply(self, row: Row) -> None:
        """Take one event into account."""
        handler = self._handlers.get(row.kind)
        if handler is not None:
            handler(row)

    def apply_all(self, rows: Iterable[Row]) -> None:
        """Take several events into account, in order."""
        for row in rows:
            self.apply(row)

    def state(self, time_s: float, stream: StreamState | None = None) -> LineState:
        """Return the state at ``time_s``, which must not lie before the last event."""
        return LineState(
            line_id=self.line.id,
            time_s=time_s,
            stream=stream,
            parts=tuple(_part_state(part) for part in self._parts.values()),
            stations={
                name: _station_state(self._stations[name]) for name in sorted(self._stations)
            },
            sources={
                name: SourceState(created=created, since_s=since_s)
                for name, (created, since_s) in sorted(self._sources.items())
            },
            orders={
                name: OrderState(released=bool(c[0]), created=c[1], finished=c[2], scrapped=c[3])
                for name, c in sorted(self._orders.items())
            },
            finished=self._finished,
            scrapped=self._scrapped,
            queue=tuple(sorted(self._queue, key=self._crew_of)),
        )

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station is doing, by station id."""
        return {name: _statuses(station) for name, station in self._stations.items()}

    def has_part(self, part: int) -> bool:
        """Tell whether a part is in the line."""
        return part in self._parts

    # -- building from a state ---------------------------------------------------------------

    def _station(self, name: str, state: LineState) -> _Station:
        spec = self.line.station(name)
        found = state.stations.get(name) or _empty_station(self.line, spec, state.time_s)
        modes = {}
        for mode in sorted(spec.failures, key=lambda m: m.id):
            given = found.modes.get(mode.id, ModeState())
            modes[mode.id] = _Mode(
                calendar=mode.clock == "calendar",
                crew=mode.crew,
                status=given.status,
                count=given.count,
                age=_Run.of(given.age),
                failed_s=given.failed_s,
                repair=_Run.of(given.repair) if given.repair else None,
            )
        return _Station(
            spec, modes, found.on, found.setup_group, list(found.outages), found.finished
        )

    def _add(self, state: PartState) -> None:
        part = _Part(
            id=state.id,
            product=state.product,
            order=state.order,
            created_s=state.created_s,
            location=state.location,
            entered_s=state.entered_s,
            operation=state.operation,
            server=state.server,
            status=state.status,
            visits=state.visits,
            reworks=dict(state.reworks),
            clock=_Run.of(state.clock) if state.clock else None,
            done_s=state.done_s,
        )
        self._parts[part.id] = part
        station = self._stations.get(part.location)
        if station is not None:
            station.inside[part.id] = part
            if part.status == "processing" and part.clock and part.clock.since_s is not None:
                station.working += 1

    def _crew_of(self, name: str) -> str:
        station, mode = name.split("/")
        return self._crew.get((station, mode)) or ""

    # -- events ------------------------------------------------------------------------------

    def _at(self, row: Row) -> _Station:
        return self._stations[self.names.elements[row.element]]

    def _released(self, row: Row) -> None:
        self._orders[self.names.orders[row.detail]][0] = 1

    def _created(self, row: Row) -> None:
        source = self.names.elements[row.element]
        order = self.names.orders[int(row.value)] if row.value >= 0 else None
        product = self.names.products[row.detail]
        self._parts[row.part] = _Part(row.part, product, order, row.time_s, source, row.time_s)
        counter = self._sources.setdefault(source, [0, None])
        counter[0] += 1
        counter[1] = row.time_s
        if order is not None:
            self._orders[order][1] += 1

    def _move(self, row: Row) -> _Part:
        part = self._parts.pop(row.part)
        self._parts[row.part] = part
        before = self._stations.get(part.location)
        if before is not None:
            before.inside.pop(part.id, None)
        part.location, part.entered_s = self.names.elements[row.element], row.time_s
        part.status, part.clock, part.done_s, part.server = "waiting", None, None, None
        return part

    def _buffered(self, row: Row) -> None:
        self._move(row)

    def _entered(self, row: Row) -> None:
        part = self._move(row)
        part.operation, part.server = row.detail, int(row.value)
        part.visits += 1
        self._at(row).inside[part.id] = part

    def _setup_started(self, row: Row) -> None:
        part = self._parts[row.part]
        part.status, part.clock = "setup", _Run(0.0, row.time_s)

    def _setup_ended(self, row: Row) -> None:
        part = self._parts[row.part]
        part.status, part.clock = "waiting", None
        self._at(row).group = self._groups[part.product]

    def _started(self, row: Row) -> None:
        part, station = self._parts[row.part], self._at(row)
        part.status, part.clock = "processing", _Run(0.0, row.time_s)
        station.group = self._groups[part.product]
        station.work_began(row.time_s)

    def _ended(self, row: Row) -> None:
        part, station = self._parts[row.part], self._at(row)
        if part.clock is not None and part.clock.since_s is not None:
            station.work_ended(row.time_s)
        part.status, part.clock, part.done_s = "done", None, row.time_s
        part.operation = row.detail + 1
        station.finished += 1

    def _sent_back(self, row: Row) -> None:
        part = self._parts[row.part]
        sender = str(part.operation - 1)
        part.reworks[sender] = part.reworks.get(sender, 0) + 1
        part.operation = row.detail

    def _gone(self, row: Row) -> None:
        part = self._parts.pop(row.part)
        station = self._stations.get(part.location)
        if station is not None:
            station.inside.pop(part.id, None)
        good = row.kind == Kind.PART_FINISHED
        self._finished += good
        self._scrapped += not good
        if part.order is not None:
            self._orders[part.order][2 if good else 3] += 1

    def _mode(self, row: Row) -> tuple[str, _Mode]:
        name = self.names.elements[row.element]
        mode = self.names.modes[name][row.detail]
        return f"{name}/{mode}", self._stations[name].modes[mode]

    def _failed(self, row: Row) -> None:
        station = self._at(row)
        if row.detail == OUTAGE:
            known = row.value == row.value
            until_s = row.time_s + row.value if known else None
            station.outages.append(Outage(since_s=row.time_s, until_s=until_s))
        else:
            name, mode = self._mode(row)
            mode.status, mode.failed_s, mode.age = "waiting", row.time_s, _Run()
            mode.count += 1
            if mode.crew is not None:
                self._queue.append(name)
        station.pause(row.time_s)

    def _repair_started(self, row: Row) -> None:
        name, mode = self._mode(row)
        mode.status, mode.repair = "repair", _Run(0.0, row.time_s)
        if name in self._queue:
            self._queue.remove(name)

    def _repaired(self, row: Row) -> None:
        station = self._at(row)
        if row.detail == OUTAGE:
            if station.outages:
                # The one that is due now; at equal times they are alike.
                ends = [o.until_s if o.until_s is not None else row.time_s for o in station.outages]
                station.outages.pop(ends.index(min(ends)))
        else:
            _, mode = self._mode(row)
            mode.status, mode.failed_s, mode.repair = "running", None, None
            mode.age = _Run(0.0, row.time_s if mode.calendar else None)
        station.go_on(row.time_s)

    def _shift(self, row: Row) -> None:
        station = self._at(row)
        station.on = row.kind == Kind.SHIFT_STARTED
        if station.running:
            station.go_on(row.time_s)
        else:
            station.pause(row.time_s)


def _pair(source: SourceState) -> tuple[int, float | None]:
    return source.created, source.since_s


def _counts(order: OrderState) -> list[int]:
    return [int(order.released), order.created, order.finished, order.scrapped]


def _part_state(part: _Part) -> PartState:
    return PartState(
        id=part.id,
        product=part.product,
        order=part.order,
        created_s=part.created_s,
        location=part.location,
        entered_s=part.entered_s,
        operation=part.operation,
        server=part.server,
        status=part.status,
        visits=part.visits,
        reworks=dict(sorted(part.reworks.items())),
        clock=part.clock.clock() if part.clock else None,
        done_s=part.done_s,
    )


def _station_state(station: _Station) -> StationState:
    return StationState(
        on=station.on,
        setup_group=station.group,
        modes={
            name: ModeState(
                status=mode.status,
                count=mode.count,
                age=mode.age.clock(),
                failed_s=mode.failed_s,
                repair=mode.repair.clock() if mode.repair else None,
            )
            for name, mode in station.modes.items()
        },
        outages=tuple(station.outages),
        finished=station.finished,
    )


def _statuses(station: _Station) -> list[Status]:
    idle = Status.STARVED if station.on else Status.OFF
    found = [Status.FAILED if station.stopped else idle] * station.spec.servers
    if station.stopped:
        return found
    for part in station.inside.values():
        if part.server is None or part.server >= len(found):
            continue
        working = part.clock is not None and part.clock.since_s is not None
        if part.status in ("processing", "setup") and working:
            found[part.server] = Status(part.status)
        elif station.on:
            found[part.server] = Status.BLOCKED if part.status == "done" else Status.STARVED
    return found
