"""What the nodes of a plant read, kept up to date event by event."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator

from twin.emulator.fleet import NOBODY, VEHICLE_KINDS, Fleet
from twin.emulator.stations import PartNow, ServerNow, StationNow
from twin.events.builder import Row
from twin.events.fold import empty_state
from twin.events.kinds import OUTAGE, PACKML_STATE, Kind, Status
from twin.events.log import Names
from twin.line import Line
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
_PHASES = {
    Kind.SETUP_STARTED: "setup",
    Kind.LOADING_STARTED: "loading",
    Kind.LOADING_ENDED: "loaded",
    Kind.UNLOADING_STARTED: "unloading",
    Kind.UNLOADING_ENDED: "done",
    Kind.WORK_ABORTED: "waiting",
}


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
        self._parts: dict[int, PartNow] = {}
        state = empty_state(line)
        begin = state.stations
        self._stations = {
            self._number(item.id): StationNow.of(
                item, begin[item.id], attended=item.id in line.attended
            )
            for item in line.stations
        }
        self._buffers: dict[int, deque[int]] = {
            self._number(item.id): deque() for item in line.buffers
        }
        self._sources = {self._number(item.id): [0, 0] for item in line.sources}
        self._sinks = {self._number(item.id): [0, NOBODY] for item in line.sinks}
        self._pools = {self._number(pool.id): Fleet(pool, self._names) for pool in line.vehicles}
        size = len(self._names.elements)
        self._crews = {
            size + k: state.crews[name].on
            for k, name in enumerate(self._names.crews)
            if name in state.crews
        }
        self._touched: dict[int, None] = dict.fromkeys([*range(size), *self._crews])
        self._shown: dict[str, Value] = {}
        self._maker = 0
        """Server from which parts went that others are made of."""
        self._handlers = self._all_handlers()

    def _all_handlers(self) -> dict[int, Callable[[Row], None]]:
        return {
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
            Kind.WORK_PAUSED: self._work_paused,
            Kind.WORK_RESUMED: self._work_paused,
            Kind.REPAIR_PAUSED: self._repair_paused,
            Kind.CREW_TAKEN: self._team,
            Kind.CREW_RELEASED: self._team,
            Kind.CREW_CAME: self._crew,
            Kind.CREW_LEFT: self._crew,
            **dict.fromkeys(VEHICLE_KINDS, self._driven),
        }

    def apply(self, row: Row) -> None:
        """Take in one event."""
        handler = self._handlers.get(row.kind)
        if handler is not None:
            if row.element >= 0:
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
        if number in self._crews:
            crew = self._names.crews[number - len(self._names.elements)]
            yield f"crews.{crew}.on_shift", self._crews[number]
            return
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

    def _station_values(self, path: str, station: StationNow) -> Iterator[tuple[str, Value]]:
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
            if f"servers.{k}.team" in shown:
                yield f"{at}.team", "+".join(self._people(part.team if part else {}))
        modes = self._names.modes[station.spec.id]
        words = sorted(OUTAGE_NAME if mode == OUTAGE else modes[mode] for mode in station.failed)
        yield f"{path}.failure_mode", "+".join(words)
        yield f"{path}.repairing", bool(station.in_repair)
        if "maintenance" in shown:
            yield f"{path}.maintenance", "+".join(sorted(modes[k] for k in station.maintained))
            yield f"{path}.maintaining", any(station.maintained.values())
        if "repair_team" in shown:
            yield (
                f"{path}.repair_team",
                "+".join(
                    f"{modes[k]}:{name}"
                    for k in sorted(station.teams)
                    for name in self._people(station.teams[k])
                ),
            )
        if "wear" in shown:
            yield f"{path}.wear", station.wear
        yield f"{path}.on", station.on
        yield f"{path}.setup_group", station.group
        yield f"{path}.processed", station.processed
        yield f"{path}.scrapped", station.scrapped

    def _people(self, team: dict[int, int]) -> list[str]:
        """Return the crew of each person of a team."""
        return [self._names.crews[k] for k in sorted(team) for _ in range(team[k])]

    # --- events

    def _number(self, name: str) -> int:
        return self._names.elements.index(name)

    def _created(self, row: Row) -> None:
        self._parts[row.part] = PartNow(row.detail, int(row.value), row.element)
        counts = self._sources[row.element]
        counts[0] += 1
        counts[1] += 1

    def _leave(self, part: int) -> PartNow:
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
                self._stations[place].servers[found.server] = ServerNow()
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

    def _server(self, row: Row) -> tuple[StationNow, ServerNow]:
        station = self._stations[row.element]
        return station, station.servers[self._parts[row.part].server]

    def _phase(self, row: Row) -> None:
        server = self._server(row)[1]
        server.phase, server.paused = _PHASES[Kind(row.kind)], False

    def _work_paused(self, row: Row) -> None:
        self._server(row)[1].paused = row.kind == Kind.WORK_PAUSED

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
        self._parts[row.part] = PartNow(row.detail, int(row.value), row.element, self._maker)
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

    def _repair_paused(self, row: Row) -> None:
        station = self._stations[row.element]
        station.in_repair.discard(row.detail)
        if row.detail in station.maintained:
            station.maintained[row.detail] = False

    def _team(self, row: Row) -> None:
        """Let people begin or end something, on a part or, counted from -2 down, on a mode."""
        if row.part >= 0:
            part = self._parts.get(row.part)
            team = part.team if part else {}
        else:
            team = self._stations[row.element].teams.setdefault(-2 - row.part, {})
        people = int(row.value) if row.kind == Kind.CREW_TAKEN else -int(row.value)
        team[row.detail] = team.get(row.detail, 0) + people

    def _crew(self, row: Row) -> None:
        number = len(self._names.elements) + row.detail
        self._crews[number] = row.kind == Kind.CREW_CAME
        self._touched[number] = None

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
