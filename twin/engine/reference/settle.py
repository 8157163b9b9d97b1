"""Phase 2: decide, in one stated order, all that is shared.

1. Failures of this moment join their crew's queue by station order and mode; crews begin repairs.
2. Parts move, from the last station upstream, until nothing moves: parts that are done leave by who
   was done first, free servers take from their buffer, sources send.
Where several stations send to one place, who waited longest goes first.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        self._start_repairs()
        moved = True
        while moved:
            moved = False
            for station in self._downstream_first:
                if station.done and self._send(station):
                    moved = True
                if station.input is not None and station.free and station.take():
                    moved = True
            for source in self._sources:
                if self._feed(source):
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

    def _start_repairs(self) -> None:
        for crew in self._crews:
            while crew.free and crew.queue:
                crew.free -= 1
                crew.queue.pop(0).begin_repair()

    def _send(self, station: StationPlace) -> bool:
        """Let the parts that are done leave, as far as there is room."""
        moved = False
        for server in tuple(station.done):
            part = server.part
            assert part is not None
            moved = self._leave(station, server, part) or moved
        return moved

    def _leave(self, station: StationPlace, server: Server, part: Part) -> bool:
        run = self._run
        if part.step == len(part.way.steps):
            station.leave(server)
            run.note(Kind.PART_FINISHED, run.index[part.way.sink], part.id)
            run.leave(part, good=True)
            return True
        if station.id in self._targets(part):
            # Repeating an operation where it is, or the next one at the same station: it stays.
            station.leave(server)
            station.free.remove(server.number)
            station.free.insert(0, server.number)
            station.enter(part)
            return True
        target = self._open_entrance(part, part.done_s, station)
        if target is None:
            return False
        station.leave(server)
        target.enter(part)
        return True

    def _feed(self, source: SourcePlace) -> bool:
        moved = False
        while True:
            head = source.head()
            if head is None:
                return moved
            way, order = head
            since_s = source.waits_since_s
            probe = Part(-1, way, order, since_s, source.id, since_s)
            target = self._open_entrance(probe, since_s, source)
            if target is None:
                return moved
            target.enter(source.pop())
            moved = True

    def _open_entrance(
        self, part: Part, since_s: float, sender: StationPlace | SourcePlace
    ) -> Entrance | None:
        """Return the first place with room that this part may enter now, by preference."""
        for entrance in self._places(self._targets(part)):
            if entrance.has_room(part) and (
                entrance.feeders < 2 or self._is_first(entrance, since_s, sender)
            ):
                return entrance
        return None

    def _targets(self, part: Part) -> tuple[str, ...]:
        """Return the stations that may do the part's next operation, the plan's choice alone if any."""
        step = part.way.steps[part.step]
        if self._run.assignment and part.order:
            given = self._run.assignment.get(f"{part.order}/{step.spec.id}")
            if given is not None:
                return (given,)
        return step.stations

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
            if station is sender:
                continue
            for server in station.done:
                part = server.part
                if part is None or part.step == len(part.way.steps):
                    continue
                theirs = (part.done_s, *_place_in_line(station))
                if theirs < mine and entrance in self._places(self._targets(part)):
                    return False
        for source in self._sources:
            head = source.head() if source is not sender else None
            if head is None:
                continue
            theirs = (source.waits_since_s, *_place_in_line(source))
            if theirs < mine and entrance in self._places(head[0].steps[0].stations):
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
