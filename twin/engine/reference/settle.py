"""Phase 2: decide, in one stated order, all that is shared.

1. People with a part on which work may not begin go. Failures of this moment join the queue for
   people; repairs begin while there are some.
2. Parts move, from the last station upstream, until nothing moves: parts that are done leave by who
   was done first, free servers take from their buffer, sources send.
3. Parts that need a vehicle are given one, and then others may move again.
4. Work that waits for people is given them.
Where several stations send to one place, who waited longest goes first.
"""

from __future__ import annotations

from collections.abc import Sequence

from twin.engine.reference.people import Workforce
from twin.engine.reference.places import BufferPlace, StationPlace
from twin.engine.reference.routes import Routes
from twin.engine.reference.run import Part, Run
from twin.engine.reference.servers import Server
from twin.engine.reference.sources import SourcePlace
from twin.engine.reference.vehicles import Transport
from twin.events.kinds import Kind


class Settle:
    """Decides what is shared between the objects of one run."""

    def __init__(
        self,
        run: Run,
        stations: dict[str, StationPlace],
        sources: Sequence[SourcePlace],
        workforce: Workforce,
        buffers: dict[str, BufferPlace],
        transport: Transport,
    ) -> None:
        self._run = run
        self._workforce = workforce
        self._downstream_first = sorted(stations.values(), key=lambda s: -s.rank)
        self._sources = sources
        self._buffers = [buffers[name] for name in sorted(buffers)]
        self._places: dict[str, StationPlace | BufferPlace | SourcePlace] = {
            **stations,
            **buffers,
            **{source.id: source for source in sources},
        }
        self._transport = transport
        self._routes = Routes(run, stations, sources, buffers, transport)

    def __call__(self) -> None:
        """Settle this moment."""
        workforce = self._workforce
        if self._transport.pools:
            self._transport.settle_arrivals(self._places)
        if self._run.overdue:
            self._end_waits()
        if workforce.stations:
            workforce.send_away()
        if self._run.newly_waiting or workforce.waiting:
            workforce.settle_repairs()
        while self._pass() or self._call():
            pass
        if self._transport.pools:
            self._note_waits()
            self._transport.send_home()
        if workforce.stations:
            workforce.settle_work()

    def _pass(self) -> bool:
        """Visit every place once, from the last station upstream; tell whether anything moved."""
        moved = False
        for station in self._downstream_first:
            moved |= self._visit(station)
        for buffer in self._buffers:
            if buffer.leaving:
                moved |= self._send_back(buffer)
        for source in self._sources:
            moved |= self._feed(source)
        return moved

    def _call(self) -> bool:
        """Send a vehicle for the part that has waited longest; tell whether there was one."""
        if not self._transport.pools:
            return False
        for sender, part, goal in self._routes.calls():
            if part is None:
                assert isinstance(sender, SourcePlace)
                part = sender.call()  # noqa: PLW2901
            self._transport.send(part, goal)
            self._routes.went(part)
            return True
        return False

    def _note_waits(self) -> None:
        """Note which parts could set out if there were a vehicle for them."""
        run = self._run
        for sender, part, _ in self._routes.calls(supposed=True):
            if part is not None and part.asked_s is None:
                part.asked_s = run.clock.now
                run.note(Kind.VEHICLE_ASKED, sender.number, part.id)

    def _end_waits(self) -> None:
        """Scrap or send back the parts that have waited too long."""
        run = self._run
        for part, place, since_s in run.overdue:
            if not run.is_overdue(part, place, since_s):
                continue
            at, back = self._places[part.place], part.way.steps[place].late_to
            if back < 0:
                run.note(Kind.PART_SCRAPPED, at.number, part.id, part.step)
                at.drop(part)
                run.leave(part, good=False)
                continue
            run.note(Kind.WAIT_EXCEEDED, at.number, part.id, back)
            part.step, part.exits = back, None
            if isinstance(at, BufferPlace):
                part.status, part.done_s = "done", run.clock.now
                if part in at.leaving:
                    at.leaving.remove(part)
                at.leaving.append(part)
            run.ready(part)
        run.overdue.clear()

    def _send_back(self, buffer: BufferPlace) -> bool:
        """Let the parts that waited too long leave, as far as there is room."""
        moved = False
        for part in tuple(buffer.leaving):
            if part.called:
                continue
            exits = self._routes.of_part(part)
            target = (
                buffer
                if buffer in exits
                else self._routes.open(exits, (part.way, part.step), part.done_s, buffer)
            )
            if target is not None and not self._transport.carrier(buffer.id, target.id):
                buffer.drop(part)
                self._routes.went(part)
                target.enter(part)
                moved = True
        return moved

    def _visit(self, station: StationPlace) -> bool:
        """Let a station send, take, and take components; tell whether anything moved."""
        moved = bool(station.done) and not station.shut and self._send(station)
        source = station.input
        if source is not None and source.parts and station.free:
            moved |= station.take()
        if station.incomplete:
            moved |= station.supply(self._routes.stocks)
        return moved

    def _send(self, station: StationPlace) -> bool:
        """Let the parts that are done leave, as far as there is room."""
        moved = False
        for server in tuple(station.done):
            for part in tuple(server.parts):
                moved |= self._send_part(station, server, part)
        return moved

    def _send_part(self, station: StationPlace, server: Server, part: Part) -> bool:
        if part.called:
            return False
        if self._routes.stays(part, station):
            self._stay(station, server, part)
            return True
        exits = self._routes.of_part(part)
        if not exits:
            if self._transport.carrier(station.id, part.way.sink):
                return False
            self._finish(station, server, part)
            return True
        target = self._routes.open(exits, (part.way, part.step), part.done_s, station)
        if target is None or self._transport.carrier(station.id, target.id):
            return False
        station.leave(server, part)
        target.enter(part)
        self._routes.went(part)
        return True

    def _finish(self, station: StationPlace, server: Server, part: Part) -> None:
        run = self._run
        station.leave(server, part)
        run.note(Kind.PART_FINISHED, run.index[part.way.sink], part.id)
        run.leave(part, good=True)

    def _stay(self, station: StationPlace, server: Server, part: Part) -> None:
        """Begin another operation on the same server, without giving way to parts that wait."""
        station.leave(server, part)
        station.free.remove(server.number)
        station.free.insert(0, server.number)
        station.enter(part)
        self._routes.went(part)

    def _feed(self, source: SourcePlace) -> bool:
        """Let parts enter the line, as far as there is room."""
        moved = False
        while True:
            head = source.head()
            if head is None:
                return moved
            exits = self._routes.of_source(source)
            target = self._routes.open(exits, (head[0], 0), source.waits_since_s, source)
            if target is None or self._transport.carrier(source.id, target.id):
                return moved
            part = source.pop()
            target.enter(part)
            self._routes.went(part)
            moved = True
