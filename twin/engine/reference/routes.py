"""Where a part may go next: by its operation, by the rule that chooses, and by who else waits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from twin.engine.dispatch import RoutingRule, Target, routing_rule
from twin.engine.model import Step, Way
from twin.engine.reference.places import BufferPlace, StationPlace
from twin.engine.reference.run import Part, Run
from twin.engine.reference.sources import SourcePlace
from twin.engine.reference.vehicles import SinkPlace, Transport

Entrance = BufferPlace | StationPlace
Sender = StationPlace | SourcePlace | BufferPlace
Goal = Entrance | SinkPlace


class Routes:
    """The ways between the places of one run."""

    def __init__(
        self,
        run: Run,
        stations: dict[str, StationPlace],
        sources: Sequence[SourcePlace],
        buffers: dict[str, BufferPlace],
        transport: Transport,
    ) -> None:
        self._run = run
        self._transport = transport
        self.stocks = {
            name: buffers[way.spec.stock] for name, way in run.ways.items() if way.spec.stock
        }
        """Where the parts of each product wait to become components."""
        self._stations = stations
        self._buffers = [buffers[name] for name in sorted(buffers)]
        self._sources = sources
        self._entrances: dict[tuple[str, ...], tuple[Entrance, ...]] = {}
        self._rules: dict[str, RoutingRule] = {
            step.spec.choice: routing_rule(step.spec.choice)
            for way in run.ways.values()
            for step in way.steps
            if step.spec.choice not in ("preference", "round_robin", "probability")
        }
        self._count_feeders()

    def of_part(self, part: Part) -> tuple[Entrance, ...]:
        """Return the places that a part that is done may go to; nothing: it leaves the line."""
        if part.step == len(part.way.steps):
            return self._stock(part.way)
        if part.exits is None:
            names = self._targets(part.way, part.order, part.step, part.id, part.visits)
            if part.way.steps[part.step].spec.choice == "round_robin":
                return self._places(names)  # turns change while it waits
            part.exits = names
        return self._places(part.exits)

    def stays(self, part: Part, at: StationPlace) -> bool:
        """Tell whether a part that is done has its next operation on the same server.

        Only one that is alone there, and not at a station that works in batches.
        """
        if part.step == len(part.way.steps) or at.spec.batch is not None:
            return False
        assert part.server is not None
        if len(at.servers[part.server].parts) > 1:
            return False
        names = part.exits or self._targets(part.way, part.order, part.step, part.id, part.visits)
        return at.id in names

    def of_source(self, source: SourcePlace) -> tuple[Entrance, ...]:
        """Return the places that the part that would enter next from a source may go to."""
        head = source.head()
        assert head is not None
        way, order = head
        if not way.steps:
            return self._stock(way)
        if source.exits is None:
            names = self._targets(way, order, 0, source.next_number, 0)
            if way.steps[0].spec.choice == "round_robin":
                return self._places(names)
            source.exits = names
        return self._places(source.exits)

    def _stock(self, way: Way) -> tuple[Entrance, ...]:
        return (self.stocks[way.spec.id],) if way.spec.stock else ()

    def went(self, part: Part) -> None:
        """Note that a part went to its next operation, for stations that take turns."""
        step = _next_step(part.way, part.step)
        if step is not None and step.spec.choice == "round_robin":
            self._run.turns[step.turn] = self._run.turns.get(step.turn, 0) + 1

    def open(
        self,
        exits: tuple[Entrance, ...],
        goal: tuple[Way, int],
        since_s: float,
        sender: Sender,
        *,
        supposed: bool = False,
    ) -> Entrance | None:
        """Return the first of these places that has room and where nobody has waited longer.

        ``goal`` is the way of the part and its next place in it; ``supposed``: as if a vehicle were
        idle wherever it needs one.
        """
        step = _next_step(*goal)
        rule = self._rules.get(step.spec.choice) if step and len(exits) > 1 else None
        for entrance in self._ranked(exits, step, rule) if step and rule else exits:
            if (
                entrance.has_room()
                and self._run.cards.admit(goal[0].spec.id, sender.id, entrance.id)
                and (supposed or self._transport.admits(sender.id, entrance.id))
                and (entrance.feeders <= 1 or self._is_first(entrance, since_s, sender))
            ):
                return entrance
        return None

    def _ranked(self, exits: tuple[Entrance, ...], step: Step, rule: RoutingRule) -> list[Entrance]:
        """Return the entrances in the order of a rule; each belongs to one station."""
        keys = []
        for name in step.stations:
            station = self._stations[name]
            waiting = len(station.input.parts) + station.input.incoming if station.input else 0
            target = Target(
                station=name,
                parts=waiting + len(station.servers) - len(station.free) + station.incoming,
                servers=len(station.servers),
                processing_time_s=step.mean_s[name],
                product=step.turn.partition("/")[0],
            )
            keys.append(rule(target, self._run.clock.now))
        return [exits[i] for i in sorted(range(len(exits)), key=lambda i: keys[i])]

    def _targets(
        self, way: Way, order: str | None, step: int, number: int, visits: int
    ) -> tuple[str, ...]:
        """Return the stations that may do an operation, the plan's choice alone if there is one."""
        found = way.steps[step]
        if order is not None and self._run.assignment:
            given = self._run.assignment.get(f"{order}/{found.spec.id}")
            if given is not None:
                return (given,)
        if found.spec.choice == "round_robin":
            turn = self._run.turns.get(found.turn, 0)
            return (found.stations[turn % len(found.stations)],)
        if found.spec.choice == "probability":
            shares = list(accumulate(found.spec.weights[name] for name in found.stations))
            u = found.route(number, visits) * shares[-1]
            return (found.stations[bisect_left(shares, u)],)
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

    def calls(self, *, supposed: bool = False) -> list[tuple[Sender, Part | None, Goal]]:
        """Return what could set out but for its vehicle, who waits longest first.

        Each is who sends it, the part - None: the next of a source, which may not be made yet - and
        where it goes. ``supposed``: as if vehicles were idle.
        """
        found: list[tuple[tuple[float, int, int, int], Sender, Part | None, Goal]] = []
        for sender, parts in self._waiting():
            for part in parts:
                goal = None if part.called else self._call(sender, part, supposed=supposed)
                if goal is not None:
                    key = (part.done_s, *_place_in_line(sender), len(found))
                    found.append((key, sender, part, goal))
        for source in () if supposed else self._sources:
            head = source.head()
            if head is None:
                continue
            target = self.open(self.of_source(source), (head[0], 0), source.waits_since_s, source)
            if target is not None and self._transport.carrier(source.id, target.id):
                key = (source.waits_since_s, *_place_in_line(source), 0)
                found.append((key, source, None, target))
        return [(sender, part, goal) for _, sender, part, goal in sorted(found, key=lambda f: f[0])]

    def _call(
        self, sender: StationPlace | BufferPlace, part: Part, *, supposed: bool
    ) -> Goal | None:
        """Return where a part that is done could set out to on a vehicle, or None."""
        if isinstance(sender, StationPlace) and self.stays(part, sender):
            return None
        exits = self.of_part(part)
        if not exits:
            sink = self._transport.sinks[part.way.sink]
            pool = self._transport.carrier(sender.id, sink.id)
            return sink if pool is not None and (supposed or pool.idle) else None
        goal = (part.way, part.step)
        target = self.open(exits, goal, part.done_s, sender, supposed=supposed)
        return target if target and self._transport.carrier(sender.id, target.id) else None

    def _is_first(self, entrance: Entrance, since_s: float, sender: Sender) -> bool:
        """Tell whether nobody else has waited longer for this place; ties: downstream first."""
        mine = (since_s, *_place_in_line(sender))
        for other, parts in self._waiting():
            if other is sender:
                continue
            for part in parts:
                if part.called:
                    continue
                theirs = (part.done_s, *_place_in_line(other))
                if theirs < mine and self._wants(part.way, other.id, entrance, self.of_part(part)):
                    return False
        for source in self._sources:
            head = source.head() if source is not sender else None
            if head is None:
                continue
            theirs = (source.waits_since_s, *_place_in_line(source))
            if theirs < mine and self._wants(head[0], source.id, entrance, self.of_source(source)):
                return False
        return True

    def _waiting(self) -> Iterator[tuple[StationPlace | BufferPlace, list[Part]]]:
        """Yield the stations and buffers with the parts that wait to leave them, and may."""
        for station in self._stations.values():
            for server in () if station.shut else station.done:
                yield station, server.parts
        for buffer in self._buffers:
            if buffer.leaving:
                yield buffer, buffer.leaving

    def _wants(
        self, way: Way, origin: str, entrance: Entrance, exits: tuple[Entrance, ...]
    ) -> bool:
        """Tell whether a part could go to a place if there were room."""
        return (
            entrance in exits
            and self._run.cards.admit(way.spec.id, origin, entrance.id)
            and self._transport.admits(origin, entrance.id)
        )

    def _count_feeders(self) -> None:
        """Count who sends to each place, so that a plain line never compares waiting times."""
        ways = self._run.ways.values()
        makers: dict[str, set[str]] = {}
        for step in (step for way in ways for step in way.steps):
            for name, _ in step.makes:
                makers.setdefault(name, set()).update(step.stations)
        senders: dict[int, set[str]] = {}
        for way in ways:
            first = {"*source"} | makers.get(way.spec.id, set())
            for step in way.steps:
                found = self._origins(way, step.index, first)
                for place in self._places(step.stations):
                    senders.setdefault(id(place), set()).update(found)
            for place in self._stock(way):
                last = way.steps[-1].stations if way.steps else first
                senders.setdefault(id(place), set()).update(last)
        places = [station.input or station for station in self._stations.values()]
        for place in (*places, *self.stocks.values()):
            found = senders.get(id(place), set())
            extra = len(self._sources) - 1 if "*source" in found else 0
            place.feeders = len(found) + extra

    def _origins(self, way: Way, at: int, first: set[str]) -> set[str]:
        """Return from where parts come to an operation: stations, buffers of others, sources."""
        found = set(way.steps[at - 1].stations) if at else set(first)
        for other in way.steps:
            if other.rework_to == at:
                found |= set(other.stations)
            if other.late_to == at:  # from where it waited for that, or from its buffer
                found |= self._origins(way, other.index, first)
                found |= {f"*{self._stations[name].input}" for name in other.stations}
        return found


def _next_step(way: Way, place: int) -> Step | None:
    return way.steps[place] if place < len(way.steps) else None


def _place_in_line(sender: Sender) -> tuple[int, int]:
    if isinstance(sender, StationPlace):
        return 0, -sender.rank
    return (1 if isinstance(sender, BufferPlace) else 2), sender.rank
