"""What the nodes of a plant read, kept up to date event by event."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from twin.emulator.fleet import NOBODY, VEHICLE_KINDS, Fleet
from twin.events.builder import Row
from twin.events.fold import empty_state
from twin.events.kinds import OUTAGE, PACKML_STATE, Kind, Status
from twin.events.log import Names
from twin.events.state import StationState
from twin.line import Line, Station
from twin.sync.elements import known_properties

Value = bool | int | str | tuple[int, ...]

_PACKML_NUMBERS = {
    "Stopped": 2,
    "Starting": 3,
    "Idle": 4,
    "Suspended": 5,
    "Execute": 6,
    "Aborted": 9,
    "Held": 11,
}
PACKML_NUMBER: dict[Status, int] = {
    status: _PACKML_NUMBERS[PACKML_STATE[status]] for status in Status
}
"""Number of the PackML state that shows each status (OPC 30050)."""
OUTAGE_NAME = "outage"
"""What ``failure_mode`` says of a stop that no failure mode explains."""
_WORKING = {
    "setup": Status.SETUP,
    "loading": Status.HANDLING,
    "processing": Status.PROCESSING,
    "unloading": Status.HANDLING,
}
_PHASES = {
    Kind.SETUP_STARTED: "setup",
    Kind.LOADING_STARTED: "loading",
    Kind.LOADING_ENDED: "loaded",
    Kind.UNLOADING_STARTED: "unloading",
    Kind.UNLOADING_ENDED: "done",
    Kind.WORK_ABORTED: "waiting",
}
_BUSIEST = (
    *(Status.FAILED, Status.PROCESSING, Status.HANDLING, Status.SETUP, Status.MAINTENANCE),
    *(Status.BLOCKED, Status.STARVED),
)


@dataclass(slots=True)
class _Part:
    product: int
    order: int
    place: int = -1
    server: int = -1


@dataclass(slots=True)
class _Server:
    parts: list[int] = field(default_factory=list)
    """Parts on it, the first of a batch first."""
    operation: int = -1
    phase: str = ""
    """One of ``twin.sync.elements.PHASES``; empty without a part."""
    kit: list[int] = field(default_factory=list)
    """Components that went into its part."""


@dataclass(slots=True)
class _StationNow:
    spec: Station
    servers: list[_Server]
    group: str
    failed: dict[int, int] = field(default_factory=dict)
    """How many stops of each failure mode, or of outages, are not over."""
    in_repair: set[int] = field(default_factory=set)
    maintained: dict[int, bool] = field(default_factory=dict)
    """Maintenance that is due; True: it goes on."""
    wear: int = 0
    on: bool = True
    processed: int = 0
    scrapped: int = 0

    def status(self, server: _Server) -> Status:
        """Return what a server does."""
        if self.failed:
            return Status.FAILED
        if not self.on and self.spec.at_shift_end == "stop":
            return Status.OFF
        if server.phase in _WORKING and not any(self.maintained.values()):
            return _WORKING[server.phase]
        if self.maintained:
            return Status.MAINTENANCE
        if not self.on:
            return Status.OFF
        return Status.BLOCKED if server.phase == "done" else Status.STARVED

    def whole(self) -> Status:
        """Return what the station does: what its busiest server does."""
        found = {self.status(server) for server in self.servers}
        return next((status for status in _BUSIEST if status in found), Status.OFF)


class Tracker:
    """Follows the events of a line and tells which nodes of the plant changed.

    Parameters
    ----------
    line : Line
        Line that the events belong to; it begins empty.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._names = Names.of(line)
        self._groups = [line.product(name).group for name in self._names.products]
        self._told = known_properties(line)
        self._parts: dict[int, _Part] = {}
        begin = empty_state(line).stations
        self._stations = {
            self._number(item.id): _station(item, begin[item.id]) for item in line.stations
        }
        self._buffers: dict[int, deque[int]] = {
            self._number(item.id): deque() for item in line.buffers
        }
        self._sources = {self._number(item.id): [0, 0] for item in line.sources}
        self._sinks = {self._number(item.id): [0, NOBODY] for item in line.sinks}
        self._pools = {self._number(pool.id): Fleet(pool, self._names) for pool in line.vehicles}
        self._touched: dict[int, None] = dict.fromkeys(range(len(self._names.elements)))
        self._shown: dict[str, Value] = {}
        self._maker = 0
        """Server from which parts went that others are made of."""
        self._handlers: dict[int, Callable[[Row], None]] = {
            Kind.PART_CREATED: self._created,
            Kind.BUFFER_ENTERED: self._entered_buffer,
            Kind.STATION_ENTERED: self._entered_station,
            Kind.SETUP_ENDED: self._setup_ended,
            Kind.PROCESSING_STARTED: self._processing_started,
            Kind.PROCESSING_ENDED: self._processing_ended,
            **dict.fromkeys(_PHASES, self._phase),
            Kind.PART_MADE: self._made,
            Kind.PART_REPLACED: self._gone,
            Kind.PART_CONSUMED: self._consumed,
            Kind.MAINTENANCE_DUE: self._maintenance,
            Kind.MAINTENANCE_STARTED: self._maintenance,
            Kind.MAINTENANCE_ENDED: self._maintenance,
            Kind.WEAR_RISEN: self._worn,
            Kind.WEAR_LOWERED: self._worn,
            Kind.PART_SCRAPPED: self._scrapped,
            Kind.PART_FINISHED: self._finished,
            Kind.FAILED: self._failed,
            Kind.REPAIR_STARTED: self._repair_started,
            Kind.REPAIRED: self._repaired,
            Kind.SHIFT_ENDED: self._shift,
            Kind.SHIFT_STARTED: self._shift,
            **dict.fromkeys(VEHICLE_KINDS, self._driven),
        }

    def apply(self, row: Row) -> None:
        """Take in one event."""
        handler = self._handlers.get(row.kind)
        if handler is not None:
            self._touched[row.element] = None
            handler(row)

    def changes(self) -> list[tuple[str, Value]]:
        """Return the nodes that read otherwise than when last asked, with their values."""
        changed = []
        for number in self._touched:
            for path, value in self._values(number):
                if self._shown.get(path) != value:
                    self._shown[path] = value
                    changed.append((path, value))
        self._touched.clear()
        return changed

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station does."""
        return {
            station.spec.id: [station.status(server) for server in station.servers]
            for station in self._stations.values()
        }

    # --- values

    def _values(self, number: int) -> Iterator[tuple[str, Value]]:
        name = self._names.elements[number]
        if number in self._stations:
            yield from self._station_values(f"stations.{name}", self._stations[number])
        elif number in self._buffers:
            parts = self._buffers[number]
            yield f"buffers.{name}.level", len(parts)
            yield f"buffers.{name}.parts", tuple(parts)
        elif number in self._sources:
            created, waiting = self._sources[number]
            yield f"sources.{name}.created", created
            yield f"sources.{name}.waiting", waiting
        elif number in self._sinks:
            finished, last = self._sinks[number]
            yield f"sinks.{name}.finished", finished
            yield f"sinks.{name}.last_part", last
        elif number in self._pools:
            yield from self._pools[number].values(f"pools.{name}")

    def _station_values(self, path: str, station: _StationNow) -> Iterator[tuple[str, Value]]:
        yield f"{path}.state", PACKML_NUMBER[station.whole()]
        shown = self._told[station.spec.id]
        for k, server in enumerate(station.servers):
            first = server.parts[0] if server.parts else NOBODY
            part = self._parts.get(first)
            at = f"{path}.servers.{k}"
            yield f"{at}.state", PACKML_NUMBER[station.status(server)]
            yield f"{at}.part", first
            yield f"{at}.product", self._names.products[part.product] if part else ""
            has_order = part is not None and part.order >= 0
            yield f"{at}.order", self._names.orders[part.order] if part and has_order else ""
            yield f"{at}.operation", server.operation
            if f"servers.{k}.phase" in shown:
                yield f"{at}.phase", server.phase
            if f"servers.{k}.parts" in shown:
                yield f"{at}.parts", tuple(server.parts)
            if f"servers.{k}.kit" in shown:
                yield f"{at}.kit", tuple(server.kit)
        modes = self._names.modes[station.spec.id]
        words = sorted(OUTAGE_NAME if mode == OUTAGE else modes[mode] for mode in station.failed)
        yield f"{path}.failure_mode", "+".join(words)
        yield f"{path}.repairing", bool(station.in_repair)
        if "maintenance" in shown:
            yield f"{path}.maintenance", "+".join(sorted(modes[k] for k in station.maintained))
            yield f"{path}.maintaining", any(station.maintained.values())
        if "wear" in shown:
            yield f"{path}.wear", station.wear
        yield f"{path}.on", station.on
        yield f"{path}.setup_group", station.group
        yield f"{path}.processed", station.processed
        yield f"{path}.scrapped", station.scrapped

    # --- events

    def _number(self, name: str) -> int:
        return self._names.elements.index(name)

    def _created(self, row: Row) -> None:
        self._parts[row.part] = _Part(row.detail, int(row.value), row.element)
        counts = self._sources[row.element]
        counts[0] += 1
        counts[1] += 1

    def _leave(self, part: int) -> _Part:
        """Take a part from where it is."""
        found = self._parts[part]
        place = found.place
        self._touched[place] = None
        for number, fleet in self._pools.items():
            if part in fleet.asked:
                fleet.asked.remove(part)
                self._touched[number] = None
        if place in self._stations:
            server = self._stations[place].servers[found.server]
            server.parts.remove(part)
            if not server.parts:
                self._stations[place].servers[found.server] = _Server()
        elif place in self._buffers:
            self._buffers[place].remove(part)
        elif place in self._sources:
            self._sources[place][1] -= 1
        return found

    def _driven(self, row: Row) -> None:
        if row.kind == Kind.VEHICLE_ASKED:
            number = self._asked(row)
            self._pools[number].asked.append(row.part)
            self._touched[number] = None
            return
        part = self._parts.get(row.part)
        place = self._names.elements[part.place] if part else ""
        if row.kind == Kind.PART_LOADED:
            self._leave(row.part).place = row.element
        self._pools[row.element].apply(row, place)

    def _asked(self, row: Row) -> int:
        """Return the pool that a part waits for: the first that carries out of its place."""
        place = self._names.elements[row.element]
        return next(
            number
            for number, fleet in self._pools.items()
            if any(not move.out_of or place in move.out_of for move in fleet.spec.moves)
        )

    def _entered_buffer(self, row: Row) -> None:
        self._leave(row.part).place = row.element
        self._buffers[row.element].append(row.part)

    def _entered_station(self, row: Row) -> None:
        part = self._leave(row.part)
        part.place, part.server = row.element, int(row.value)
        server = self._stations[row.element].servers[part.server]
        if not server.parts:
            server.operation, server.phase = row.detail, "waiting"
        server.parts.append(row.part)

    def _server(self, row: Row) -> tuple[_StationNow, _Server]:
        station = self._stations[row.element]
        return station, station.servers[self._parts[row.part].server]

    def _phase(self, row: Row) -> None:
        self._server(row)[1].phase = _PHASES[Kind(row.kind)]

    def _setup_ended(self, row: Row) -> None:
        station, server = self._server(row)
        server.phase = "waiting"
        station.group = self._groups[row.detail]

    def _processing_started(self, row: Row) -> None:
        station, server = self._server(row)
        server.phase, server.operation = "processing", row.detail
        station.group = self._groups[self._parts[row.part].product]

    def _processing_ended(self, row: Row) -> None:
        station, server = self._server(row)
        server.phase = "done" if math.isnan(row.value) else "processed"
        station.processed += 1

    def _made(self, row: Row) -> None:
        """Let a part be on the server of those that it is made of, which have left."""
        station = self._stations[row.element]
        self._parts[row.part] = _Part(row.detail, int(row.value), row.element, self._maker)
        server = station.servers[self._maker]
        server.parts.append(row.part)
        server.phase = "done"

    def _gone(self, row: Row) -> None:
        self._maker = self._leave(row.part).server
        del self._parts[row.part]

    def _consumed(self, row: Row) -> None:
        self._leave(row.part)
        del self._parts[row.part]
        whole = self._parts[int(row.value)]
        self._stations[whole.place].servers[whole.server].kit.append(row.part)

    def _scrapped(self, row: Row) -> None:
        self._gone(row)
        if row.element in self._stations:
            self._stations[row.element].scrapped += 1

    def _finished(self, row: Row) -> None:
        self._gone(row)
        counts = self._sinks[row.element]
        counts[0] += 1
        counts[1] = row.part

    def _failed(self, row: Row) -> None:
        failed = self._stations[row.element].failed
        failed[row.detail] = failed.get(row.detail, 0) + 1

    def _repair_started(self, row: Row) -> None:
        self._stations[row.element].in_repair.add(row.detail)

    def _repaired(self, row: Row) -> None:
        station = self._stations[row.element]
        left = station.failed.pop(row.detail) - 1
        if left:
            station.failed[row.detail] = left
        station.in_repair.discard(row.detail)

    def _maintenance(self, row: Row) -> None:
        due = self._stations[row.element].maintained
        if row.kind == Kind.MAINTENANCE_ENDED:
            del due[row.detail]
        else:
            due[row.detail] = row.kind == Kind.MAINTENANCE_STARTED

    def _worn(self, row: Row) -> None:
        self._stations[row.element].wear = row.detail

    def _shift(self, row: Row) -> None:
        self._stations[row.element].on = row.kind == Kind.SHIFT_STARTED


def _station(spec: Station, begin: StationState) -> _StationNow:
    servers = [_Server() for _ in range(spec.servers)]
    return _StationNow(spec, servers, begin.setup_group or "", on=begin.on)
