"""From events to state: folding the log up to t gives where everything is at t.

The same fold serves simulated and real lines. It adds up times in the grouping that the engines
use, so for a simulated log the state is equal to the engine's, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twin.events.beginning import beginning, empty_state
from twin.events.builder import Row
from twin.events.condition import OrderCount, PartNow, RunningClock, StationNow
from twin.events.interruptions import Interruptions
from twin.events.kinds import Kind, Status
from twin.events.log import EventLog, Names
from twin.events.state import LineState, SourceState, StreamState
from twin.events.vehicles import VehiclesNow
from twin.line import Line

__all__ = ["Folder", "beginning", "empty_state", "fold"]


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
        state = empty_state(line) if state is None else beginning(line, state, state.stream)
        self.line = line
        self.names = names or Names.of(line)
        self._groups = {product.id: product.group for product in line.products}
        self._stations = {
            name: StationNow.of(line.station(name), state.stations[name])
            for name in line.flow_order
        }
        for name in line.manned:
            self._stations[name].manned = True
            self._stations[name].attended = name in line.attended
        self._sources = dict(state.sources)
        self._orders = {name: OrderCount.of(found) for name, found in state.orders.items()}
        self._parts = {part.id: PartNow.of(part) for part in state.parts}
        for part in self._parts.values():
            if part.location in self._stations:
                self._stations[part.location].put(part)
        self._stops = Interruptions(line, self.names, state, self._stations, self._parts)
        self._vehicles = VehiclesNow(line, self.names, state, self._parts, self._comes_to)
        self._finished, self._scrapped = state.finished, state.scrapped
        self._turns = dict(state.turns)
        self._turning = _turning(line)
        self._limited = {
            product.id
            for product in line.products
            if any(operation.max_wait_s is not None for operation in product.routing)
        }
        self._waits = {buffer.id for buffer in line.buffers}
        self._handlers: dict[int, Callable[[Row], None]] = {
            Kind.ORDER_RELEASED: self._released,
            Kind.PART_CREATED: self._created,
            Kind.PART_IDENTIFIED: self._identified,
            Kind.BUFFER_ENTERED: self._buffered,
            Kind.STATION_ENTERED: self._entered,
            Kind.SETUP_STARTED: self._setup_started,
            Kind.SETUP_ENDED: self._setup_ended,
            Kind.PROCESSING_STARTED: self._started,
            Kind.PROCESSING_ENDED: self._ended,
            Kind.REWORK_SENT: self._sent_back,
            Kind.PART_SCRAPPED: self._gone,
            Kind.PART_FINISHED: self._gone,
            Kind.PART_MADE: self._made,
            Kind.PART_REPLACED: self._replaced,
            Kind.PART_CONSUMED: self._consumed,
            Kind.WAIT_EXCEEDED: self._waited_too_long,
            Kind.LOADING_STARTED: self._handling,
            Kind.UNLOADING_STARTED: self._handling,
            Kind.LOADING_ENDED: self._loaded,
            Kind.UNLOADING_ENDED: self._unloaded,
            Kind.WORK_ABORTED: self._aborted,
            Kind.WORK_PAUSED: self._paused,
            Kind.WORK_RESUMED: self._resumed,
            **self._stops.handlers,
            **self._vehicles.handlers,
            Kind.VEHICLE_SENT: self._sent_for,
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
            parts=tuple(part.state() for part in self._parts.values()),
            stations={name: self._stations[name].state() for name in sorted(self._stations)},
            sources=dict(sorted(self._sources.items())),
            orders={name: count.state() for name, count in sorted(self._orders.items())},
            finished=self._finished,
            scrapped=self._scrapped,
            turns=dict(sorted(self._turns.items())),
            queue=self._stops.queue,
            crews=dict(sorted(self._stops.crews.items())),
            vehicles=self._vehicles.state(),
        )

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station is doing, by station id."""
        return {name: station.statuses() for name, station in self._stations.items()}

    # -- events ------------------------------------------------------------------------------

    def _at(self, row: Row) -> StationNow:
        return self._stations[self.names.elements[row.element]]

    def _released(self, row: Row) -> None:
        self._orders[self.names.orders[row.detail]].released = True

    def _created(self, row: Row) -> None:
        source = self.names.elements[row.element]
        order = self.names.orders[int(row.value)] if row.value >= 0 else None
        product = self.names.products[row.detail]
        self._parts[row.part] = PartNow(row.part, product, order, row.time_s, source, row.time_s)
        before = self._sources.get(source, SourceState())
        self._sources[source] = SourceState(created=before.created + 1, since_s=row.time_s)
        if order is not None:
            self._orders[order].created += 1

    def _identified(self, row: Row) -> None:
        """Believe a real line that shows a part to be other than it was taken for."""
        part = self._parts[row.part]
        if part.order is not None:
            self._orders[part.order].created -= 1
        part.product = self.names.products[row.detail]
        part.order = self.names.orders[int(row.value)] if row.value >= 0 else None
        if part.order is not None:
            self._orders[part.order].created += 1

    def _sent_for(self, row: Row) -> None:
        """Let a vehicle drive; the part that it is sent for takes its turn with that."""
        if row.part >= 0:
            self._takes_turn(self._parts[row.part])
        self._vehicles.sent(row)

    def _takes_turn(self, part: PartNow) -> None:
        turn = self._turning.get((part.product, part.operation))
        if turn is not None and (part.location not in self._waits or part.status == "done"):
            self._turns[turn] = self._turns.get(turn, 0) + 1

    def _move(self, row: Row) -> PartNow:
        part = self._parts[row.part]
        if part.location not in self._vehicles.pools:
            self._takes_turn(part)
        return self._comes_to(row)

    def _comes_to(self, row: Row) -> PartNow:
        """Let a part come to a place, where it waits."""
        part = self._parts.pop(row.part)
        self._parts[row.part] = part
        self._leave(part, row.time_s)
        part.location, part.entered_s = self.names.elements[row.element], row.time_s
        part.status, part.clock, part.done_s, part.server = "waiting", None, None, None
        part.stage, part.asked_s, part.slowed = 0, None, 1.0
        return part

    def _leave(self, part: PartNow, time_s: float) -> None:
        station = self._stations.get(part.location)
        if station is not None:
            station.inside.pop(part.id, None)
            if part.works:  # a real part may be taken out in the middle of its work
                station.work_ended(time_s)

    def _buffered(self, row: Row) -> None:
        self._move(row)

    def _entered(self, row: Row) -> None:
        part = self._move(row)
        part.operation, part.server = row.detail, int(row.value)
        part.visits += 1
        part.kitted = False
        self._at(row).inside[part.id] = part

    def _setup_started(self, row: Row) -> None:
        part = self._parts[row.part]
        part.status, part.clock, part.asked_s = "setup", RunningClock(0.0, row.time_s), None

    def _setup_ended(self, row: Row) -> None:
        part = self._parts[row.part]
        part.status, part.clock = "waiting", None
        self._at(row).group = self._groups[part.product]
        self._asks(row, part)

    def _asks(self, row: Row, part: PartNow) -> None:
        if self._at(row).manned:
            part.asked_s = row.time_s

    def _handling(self, row: Row) -> None:
        part = self._parts[row.part]
        part.status = "loading" if row.kind == Kind.LOADING_STARTED else "unloading"
        part.clock, part.asked_s = RunningClock(0.0, row.time_s), None

    def _loaded(self, row: Row) -> None:
        part = self._parts[row.part]
        part.status, part.clock, part.stage = "waiting", None, 1
        self._asks(row, part)

    def _unloaded(self, row: Row) -> None:
        part = self._parts[row.part]
        part.clock = None
        self._done(row, part, self._at(row))

    def _started(self, row: Row) -> None:
        part, station = self._parts[row.part], self._at(row)
        part.status, part.clock = "processing", RunningClock(0.0, row.time_s)
        part.asked_s, part.slowed = None, station.slowed
        station.group = self._groups[part.product]
        station.work_began(row.time_s)

    def _ended(self, row: Row) -> None:
        part, station = self._parts[row.part], self._at(row)
        if part.clock is not None and part.clock.since_s is not None:
            station.work_ended(row.time_s)
        station.operation_ended()
        part.clock, part.slowed = None, 1.0
        if row.value == 1.0:
            part.status, part.stage = "waiting", 2
            self._asks(row, part)
        else:
            self._done(row, part, station)

    def _done(self, row: Row, part: PartNow, station: StationNow) -> None:
        """Let a part be done, and with it whatever is in one batch with it."""
        for one in station.inside.values():
            if one is part or (station.spec.batch and one.server == part.server):
                one.status, one.done_s, one.operation = "done", row.time_s, one.operation + 1
                self._ready(one, row.time_s)
        station.first, station.replaced = part, []

    def _replaced(self, row: Row) -> None:
        part = self._parts.pop(row.part)
        self._leave(part, row.time_s)
        self._at(row).replaced.append(part)

    def _made(self, row: Row) -> None:
        """Let a part take the place of the ones that were replaced just now."""
        station, before = self._at(row), self._at(row).replaced
        order = self.names.orders[int(row.value)] if row.value >= 0 else None
        if station.gone is before:
            pass  # not the first one made of them
        elif order is None:
            for part in before:
                if part.order is not None:
                    self._orders[part.order].finished += 1
        else:
            self._orders[order].extra -= len(before)
        station.gone = before
        if order is not None:
            self._orders[order].extra += 1
        assert station.first is not None
        part = PartNow(
            row.part,
            self.names.products[row.detail],
            order,
            min(part.created_s for part in before),
            station.spec.id,
            row.time_s,
            server=before[0].server,
            status="done",
            done_s=row.time_s,
            family=station.first.id,
        )
        self._ready(part, row.time_s)
        self._parts[row.part] = station.inside[row.part] = part
        station.made += 1

    def _ready(self, part: PartNow, time_s: float) -> None:
        """Let a part wait for its next operation from now on, where that is limited."""
        if part.product in self._limited:
            part.ready_s = time_s

    def _waited_too_long(self, row: Row) -> None:
        part = self._parts[row.part]
        part.operation = row.detail
        if part.location in self._waits:
            part.status, part.done_s = "done", row.time_s
        self._ready(part, row.time_s)

    def _consumed(self, row: Row) -> None:
        part = self._parts.pop(row.part)
        if part.order is not None:
            self._orders[part.order].finished += 1
        self._parts[int(row.value)].kitted = True

    def _aborted(self, row: Row) -> None:
        part = self._parts[row.part]
        self._at(row).pause_part(part, row.time_s)
        part.status, part.clock, part.asked_s, part.slowed = "waiting", None, None, 1.0
        self._asks(row, part)

    def _paused(self, row: Row) -> None:
        part, station = self._parts[row.part], self._at(row)
        part.asked_s = row.time_s
        if part.clock is not None:
            station.pause_part(part, row.time_s)

    def _resumed(self, row: Row) -> None:
        part, station = self._parts[row.part], self._at(row)
        part.asked_s = None
        if part.clock is not None:
            part.clock.resume(row.time_s)
        if part.status == "processing":
            station.work_began(row.time_s)

    def _sent_back(self, row: Row) -> None:
        part = self._parts[row.part]
        sender = str(part.operation - 1)
        part.reworks[sender] = part.reworks.get(sender, 0) + 1
        part.operation = row.detail

    def _gone(self, row: Row) -> None:
        part = self._parts.pop(row.part)
        self._leave(part, row.time_s)
        good = row.kind == Kind.PART_FINISHED
        self._finished += good
        self._scrapped += not good
        if part.order is not None:
            count = self._orders[part.order]
            count.finished += good
            count.scrapped += not good


def _turning(line: Line) -> dict[tuple[str, int], str]:
    """Return the names of the operations whose stations take turns, by product and place."""
    return {
        (product.id, place): f"{product.id}/{operation.id}"
        for product in line.products
        for place, operation in enumerate(product.routing)
        if operation.choice == "round_robin"
    }
