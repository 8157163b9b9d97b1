"""Where parts must be, on lines that do not number them: it follows from counters and states.

A station that finished an operation had a part and passes it on along the routing; one that began
to work took the next part that waited for it. What is said of single parts is inferred, and is
marked so: the numbers in places are as good as the counters, the identities are first in, first
out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from twin.events.kinds import Status
from twin.line import Line
from twin.sync.image import NO_PART, Image, StationView
from twin.sync.mapping import Mapping
from twin.sync.protocol import Quality, Reading, Value
from twin.sync.routes import Routes

MOST = 10_000
"""Operations taken in at one moment; a counter that jumps by more was not counting."""
WORKING = frozenset({Status.PROCESSING, Status.SETUP})
OCCUPIED = frozenset({Status.PROCESSING, Status.SETUP, Status.BLOCKED})


@dataclass(slots=True)
class _Server:
    part: int = NO_PART
    done: bool = False


class Inference:
    """Follows parts without numbers through a line.

    Parameters
    ----------
    line : Line
        Line that the plant runs; the routing of its first product tells the way.
    mapped : set of (str, str)
        Element and property of what the plant tells by itself.
    """

    def __init__(self, line: Line, mapped: frozenset[tuple[str, str]]) -> None:
        self._line = line
        self._routes = Routes(line)
        self._mapped = mapped
        self._routing = line.products[0].routing
        self._sink = line.products[0].sink or line.sinks[0].id
        self._reset()

    @classmethod
    def needed(cls, line: Line, mapping: Mapping | None) -> Inference | None:
        """Return an inference for a plant that counts, but numbers no part at any station."""
        if mapping is None:
            return None
        mapped = frozenset((spec.element, spec.property) for spec in mapping.nodes)
        names = {station.id for station in line.stations}
        numbered = any(element in names and prop.endswith(".part") for element, prop in mapped)
        counted = all((name, "processed") in mapped for name in names)
        return cls(line, mapped) if counted and not numbered else None

    def _reset(self) -> None:
        self._servers = {
            station.id: [_Server() for _ in range(station.servers)]
            for station in self._line.stations
        }
        self._queues: dict[str, deque[int]] = {item.id: deque() for item in self._line.buffers}
        self._counts = dict.fromkeys(self._line.flow_order, (0, 0))
        self._next = 0
        self._finished = 0
        self._last = NO_PART
        self._told: dict[tuple[str, str], Reading] = {}

    def begin(self, image: Image) -> list[Value]:
        """Invent the parts of a first picture: as many as levels and states show."""
        self._reset()
        for name in reversed(self._line.flow_order):
            view = image.station(name)
            self._counts[name] = (view.processed, view.scrapped)
            for server, seen in zip(self._servers[name], view.servers, strict=True):
                if seen.status in OCCUPIED:
                    server.part, server.done = self._new(), seen.status is Status.BLOCKED
            door = self._line.station(name).input_buffer
            if door is not None and not self._queues[door]:
                self._queues[door].extend(self._new() for _ in range(image.count(door, "level")))
        self._next = max(self._next, image.count(self._line.sources[0].id, "created"))
        return self._changes(self._line.start_utc)

    def moment(self, image: Image, touched: set[str], moment: datetime) -> list[Value]:
        """Return what follows from the elements that changed, as values the plant did not give."""
        names = [name for name in reversed(self._line.flow_order) if name in touched]
        views = {name: image.station(name) for name in names}
        for name in names:
            self._ended(name, views[name])
        for name in names:
            for k, seen in enumerate(views[name].servers):
                if seen.status in WORKING and self._servers[name][k].part == NO_PART:
                    self._servers[name][k].part = self._taken(name)
        return self._changes(moment)

    def _ended(self, name: str, view: StationView) -> None:
        """Pass on what a station's counters say it has finished or scrapped."""
        before, self._counts[name] = self._counts[name], (view.processed, view.scrapped)
        scrapped = view.scrapped - before[1]
        for server, seen in zip(self._servers[name], view.servers, strict=True):
            if server.done and seen.status is not Status.BLOCKED:
                self._pass_on(name, server)
        for _ in range(min(view.processed - before[0], MOST)):
            server = self._busy(name, view)
            if server.part == NO_PART:
                server.part = self._taken(name)
            blocked = view.servers[self._servers[name].index(server)].status is Status.BLOCKED
            if scrapped > 0:
                scrapped -= 1
                server.part = NO_PART
            elif blocked:
                server.done = True
            else:
                self._pass_on(name, server)

    def _busy(self, name: str, view: StationView) -> _Server:
        """Return the server whose part is finished: one that stopped working, if any did."""
        servers = [server for server in self._servers[name] if not server.done]
        stopped = [
            server
            for server, seen in zip(self._servers[name], view.servers, strict=True)
            if server in servers and server.part != NO_PART and seen.status not in WORKING
        ]
        full = [server for server in servers if server.part != NO_PART]
        return (stopped or full or servers or self._servers[name])[0]

    def _pass_on(self, name: str, server: _Server) -> None:
        """Move a finished part to where the routing leads, or leave it where there is no room."""
        part = server.part
        targets = self._after(name)
        if not targets:
            self._finished, self._last = self._finished + 1, part
        else:
            doors = [self._line.station(target).input_buffer for target in targets]
            queues = [self._queues[door] for door in doors if door is not None]
            free = [
                other
                for target in targets
                for other in self._servers[target]
                if other.part == NO_PART
            ]
            if queues:
                min(queues, key=len).append(part)
            elif free:
                free[0].part = part
            else:
                server.done = True
                return
        server.part, server.done = NO_PART, False

    def _taken(self, name: str) -> int:
        """Return the part that a station takes next."""
        door = self._line.station(name).input_buffer
        if door is not None and self._queues[door]:
            return self._queues[door].popleft()
        for other, servers in self._servers.items():
            if name in self._after(other):
                for server in servers:
                    if server.done:
                        part, server.part, server.done = server.part, NO_PART, False
                        return part
        return self._new()

    def _after(self, name: str) -> tuple[str, ...]:
        """Return the stations of the operation after that of a station."""
        at = next((k for k, step in enumerate(self._routing) if name in step.stations), None)
        if at is None or at + 1 >= len(self._routing):
            return ()
        return tuple(self._routing[at + 1].stations)

    def _new(self) -> int:
        part = self._routes.number(self._line.sources[0].id, self._next)
        self._next += 1
        return part

    def _changes(self, moment: datetime) -> list[Value]:
        shown: dict[tuple[str, str], Reading] = {
            (name, f"servers.{k}.part"): server.part
            for name, servers in self._servers.items()
            for k, server in enumerate(servers)
        }
        shown |= {(door, "parts"): tuple(queue) for door, queue in self._queues.items()}
        shown[self._line.sources[0].id, "created"] = self._next
        shown |= {
            (self._sink, "finished"): self._finished,
            (self._sink, "last_part"): self._last,
        }
        values = [
            Value("inferred", "", element, prop, moment, None, moment, reading, Quality.UNCERTAIN)
            for (element, prop), reading in shown.items()
            if (element, prop) not in self._mapped and self._told.get((element, prop)) != reading
        ]
        self._told = shown
        return values
