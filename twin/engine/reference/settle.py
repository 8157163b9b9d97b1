"""Phase 2: decide, in one stated order, all that is shared.

1. Failures of this moment join their crew's queue by station order and mode; crews begin repairs.
2. Parts move, from the last station upstream, until nothing moves: parts that are done leave by who
   was done first, free servers take from their buffer, sources send.
Where several stations send to one place, who waited longest goes first.
"""

from __future__ import annotations

from collections.abc import Sequence

from twin.engine.model import Way
from twin.engine.reference.interruptions import CrewPool
from twin.engine.reference.places import BufferPlace, Server, StationPlace
from twin.engine.reference.run import Part, Run
from twin.engine.reference.sources import SourcePlace
from twin.events.kinds import Kind

Entrance = BufferPlace | StationPlace


class Settle:
    """Decides what is shared between the objects of one run."""

    def __init__(
        self,
        run: Run,
        stations: dict[str, StationPlace],
        sources: Sequence[SourcePlace],
        crews: Sequence[CrewPool],
    ) -> None:
        self._run = run
        self._crews = crews
        self._stations = stations
        self._downstream_first = sorted(stations.values(), key=lambda s: -s.rank)
        self._sources = sources
        self._entrances: dict[tuple[str, ...], tuple[Entrance, ...]] = {}
        self._count_feeders()

    def __call__(self) -> None:
        """Settle this moment."""
        if self._run.newly_failed:
            self._call_crews()
        for crew in self._crews:
            while crew.free > 0 and crew.queue:
                crew.free -= 1
                crew.queue.pop(0).begin_repair()
        moved = True
        while moved:
            moved = False
            for station in self._downstream_first:
                if station.done and self._send(station):
                    moved = True
                source = station.input
                if source is not None and source.parts and station.free and station.take():
                    moved = True
            for feeding in self._sources:
                if self._feed(feeding):
                    moved = True

    def _call_crews(self) -> None:
        run = self._run
        run.newly_failed.sort(key=lambda mode: (mode.station.rank, mode.number))
        for mode in run.newly_failed:
            if mode.crew is None:
                mode.begin_repair()
            else:
                mode.crew.queue.append(mode)
        run.newly_failed.clear()

    def _send(self, station: StationPlace) -> bool:
        """Let the parts that are done leave, as far as there is room."""
        moved = False
        for server in tuple(station.done):
            part = server.part
            assert part is not None
            if part.exits is None:
                part.exits = self._exits(part, station)
            if not part.exits:
                self._finish(station, server, part)
            elif part.exits[0] is station:
                self._stay(station, server, part)
            else:
                target = self._open(part.exits, part.done_s, station)
                if target is None:
                    continue
                station.leave(server)
                target.enter(part)
            moved = True
        return moved

    def _finish(self, station: StationPlace, server: Server, part: Part) -> None:
        run = self._run
        station.leave(server)
        run.note(Kind.PART_FINISHED, run.index[part.way.sink], part.id)
        run.leave(part, good=True)

    def _stay(self, station: StationPlace, server: Server, part: Part) -> None:
        """Begin another operation on the same server, without giving way to parts that wait."""
        station.leave(server)
        station.free.remove(server.number)
        station.free.insert(0, server.number)
        station.enter(part)

    def _feed(self, source: SourcePlace) -> bool:
        """Let parts enter the line, as far as there is room."""
        moved = False
        while True:
            head = source.head()
            if head is None:
                return moved
            if source.exits is None:
                source.exits = self._first_exits(*head)
            target = self._open(source.exits, source.waits_since_s, source)
            if target is None:
                return moved
            target.enter(source.pop())
            moved = True

    def _open(
        self,
        exits: tuple[Entrance, ...],
        since_s: float,
        sender: StationPlace | SourcePlace,
    ) -> Entrance | None:
        """Return the first of these places that has room and where nobody has waited longer."""
        for entrance in exits:
            if entrance.has_room() and (
                entrance.feeders <= 1 or self._is_first(entrance, since_s, sender)
            ):
                return entrance
        return None

    def _exits(self, part: Part, station: StationPlace) -> tuple[Entrance, ...]:
        """Return where a part that is done may go: nowhere but out, its own station, or places."""
        if part.step == len(part.way.steps):
            return ()
        stations = self._targets(part.way, part.order, part.step)
        return (station,) if station.id in stations else self._places(stations)

    def _first_exits(self, way: Way, order: str | None) -> tuple[Entrance, ...]:
        return self._places(self._targets(way, order, 0))

    def _targets(self, way: Way, order: str | None, step: int) -> tuple[str, ...]:
        """Return the stations that may do an operation, the plan's choice alone if there is one."""
        found = way.steps[step]
        if order is not None and self._run.assignment:
            given = self._run.assignment.get(f"{order}/{found.spec.id}")
            if given is not None:
                return (given,)
        return found.stations

    def _places(self, stations: tuple[str, ...]) -> tuple[Entrance, ...]:
        """Return the entrances of some stations: their buffers, or themselves; each once."""
        found = self._entrances.get(stations)
        if found is None:
            places: list[Entrance] = []
            for name in stations:
                station = self._stations[name]
                place = station.input or station
                if place not in places:
                    places.append(place)
            found = self._entrances[stations] = tuple(places)
        return found

    def _is_first(
        self, entrance: Entrance, since_s: float, sender: StationPlace | SourcePlace
    ) -> bool:
        """Tell whether nobody else has waited longer for this place; ties: downstream first."""
        mine = (since_s, *_place_in_line(sender))
        for station in self._stations.values():
            for server in station.done if station is not sender else ():
                part = server.part
                assert part is not None
                theirs = (part.done_s, *_place_in_line(station))
                if theirs < mine and entrance in self._exits(part, station):
                    return False
        for source in self._sources:
            head = source.head() if source is not sender else None
            if head is None:
                continue
            theirs = (source.waits_since_s, *_place_in_line(source))
            if theirs < mine and entrance in self._first_exits(*head):
                return False
        return True

    def _count_feeders(self) -> None:
        """Count who sends to each place, so that a plain line never compares waiting times."""
        senders: dict[int, set[str]] = {}
        for way in self._run.ways.values():
            for i, step in enumerate(way.steps):
                before = way.steps[i - 1].stations if i else ("*source",)
                origins = {*before}
                origins |= {name for s in way.steps if s.rework_to == i for name in s.stations}
                for place in self._places(step.stations):
                    senders.setdefault(id(place), set()).update(origins)
        for station in self._stations.values():
            place = station.input or station
            found = senders.get(id(place), set())
            extra = len(self._sources) - 1 if "*source" in found else 0
            place.feeders = len(found) + extra


def _place_in_line(sender: StationPlace | SourcePlace) -> tuple[int, int]:
    return (0, -sender.rank) if isinstance(sender, StationPlace) else (1, sender.rank)
