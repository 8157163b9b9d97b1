"""One moment explained: the events between what is believed and what the plant shows.

Routings and counters explain most of it; the rest is set right and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.events.kinds import Kind, Status
from twin.sync.belief import Part
from twin.sync.fleet import ABOARD, Fleet
from twin.sync.follow import Follower
from twin.sync.image import NO_PART, Image, ServerView, StationView
from twin.sync.routes import Identity
from twin.sync.status import Tally
from twin.sync.stops import Stops

LOST_FOR_S = 60.0
"""Plant time after which a part that the plant shows nowhere is taken to be gone, s; longer where
vehicles that tell nothing may have it."""


_ENDED = frozenset({"processed", "unloading", "done"})


@dataclass(frozen=True, slots=True)
class _Spot:
    place: str
    server: int
    view: ServerView | None
    since_s: float


class Explanation:
    """One moment: first what ended, then stops and shifts, then moves, then what began.

    Parameters
    ----------
    image : Image
        The picture, with the values of the moment.
    follower, fleet, stops : Follower, Fleet, Stops
        What is believed so far; they write the events.
    touched : set of str
        Elements whose values changed.
    tally : Tally
        Counts what could not be explained.
    """

    def __init__(
        self,
        image: Image,
        follower: Follower,
        fleet: Fleet,
        stops: Stops,
        touched: set[str],
        tally: Tally,
    ) -> None:
        self.tally = tally
        self.image = image
        self.routes = follower.routes
        self.follower = follower
        self.fleet = fleet
        self.stops = stops
        self.people = stops.people
        self.touched = touched
        self.driven = {pool.id: self.image.vehicles(pool.id) for pool in self.routes.pools}
        self.silent = [
            name
            for name, views in self.driven.items()
            if all(view.status is None for view in views)
        ]
        self.views = {
            name: image.station(name) for name in self.routes.line.flow_order if name in touched
        }
        self.spots = self._spots()

    def write(self) -> None:
        """Write the events that lead from what is believed to what is seen."""
        self._ends()
        self._counted_ends()
        self.people.see()
        for name, view in self.views.items():
            self.stops.see(name, view)
            self.people.let_go(name, view)
        for name, view in self.views.items():
            self.people.mend(name, view)
        self._creations()
        for pool, vehicles in self.driven.items():
            self.fleet.goes_on(pool, vehicles, self)
        self._moves()
        self._kits()
        for pool, vehicles in self.driven.items():
            self.fleet.set_out(pool, vehicles, self)
            self.fleet.ask(self.image.asked(pool))
        self._vanished()
        self.fleet.release(self.silent)
        for name, view in self.views.items():
            self._begins(name, view)
        for name, view in self.views.items():
            self.people.give(name, view)

    def _spots(self) -> dict[int, _Spot]:
        """Return where the changed elements show each part; where lost parts are seen, all do."""
        look_everywhere = any(part.lost_s is not None for part in self.follower.parts.values())
        spots: dict[int, _Spot] = {}
        for buffer in self.routes.fed_by:
            if look_everywhere or buffer in self.touched:
                since_s = self.image.changed_s(buffer, "parts")
                for number in self.image.parts(buffer):
                    self._spot(spots, number, _Spot(buffer, -1, None, since_s))
        for name in self.routes.line.flow_order if look_everywhere else self.views:
            view = self.views.get(name) or self.image.station(name)
            for k, server in enumerate(view.servers):
                for number in server.parts:
                    self._spot(spots, number, _Spot(name, k, server, server.part_s))
        for pool, vehicles in self.driven.items():
            for vehicle in vehicles:
                if vehicle.status in ABOARD and vehicle.part != NO_PART:
                    self._spot(spots, vehicle.part, _Spot(pool, -1, None, vehicle.status_s))
        return spots

    def _spot(self, spots: dict[int, _Spot], number: int, spot: _Spot) -> None:
        """Note where a part is seen; of two places the newer counts, then the one it came to."""
        other = spots.get(number)
        part = self.follower.parts.get(number)
        if other is not None:
            came = part is not None and part.place == other.place
            if (spot.since_s, came) < (other.since_s, not came):
                return
        spots[number] = spot

    # --- what ended ---------------------------------------------------------------------------

    def _ends(self) -> None:
        for name, view in self.views.items():
            for k, number in sorted(self.follower.stations[name].inside.items()):
                part, server = self.follower.parts[number], view.servers[k]
                if self._moved(part, server) or server.status is Status.BLOCKED:
                    self.follower.finish_work(part)
                elif server.phase in _ENDED and part.status != "done":
                    self.follower.reach(part, server.phase)

    def _moved(self, part: Part, server: ServerView) -> bool:
        """Tell whether a part has left its server, or begun another operation in it."""
        if part.id not in server.parts:
            return True
        believed = part.operation - (part.status == "done")
        return server.operation not in (NO_PART, believed)

    def _counted_ends(self) -> None:
        """Let the counter tell what a stop hides: work that ended at the moment of the stop."""
        for name, view in self.views.items():
            place = self.follower.stations[name]
            if view.processed < place.processed - len(view.servers):
                place.processed = view.processed  # the plant's counter was set back
            if view.scrapped < place.scrapped - len(view.servers):
                place.scrapped = view.scrapped
            for k, number in sorted(place.inside.items()):
                if view.processed <= place.processed:
                    break
                part = self.follower.parts[number]
                if part.status == "processing" and self._hidden(part, view.servers[k]):
                    self.follower.finish_work(part)

    def _hidden(self, part: Part, server: ServerView) -> bool:
        """Tell whether work may have ended although the server's state does not show it."""
        if server.phase:
            return False
        if server.status is not Status.PROCESSING:
            return True
        return self.routes.rework_to(part.product, part.operation) == part.operation

    # --- parts ----------------------------------------------------------------------------------

    def _creations(self) -> None:
        follower = self.follower
        for source in self.routes.sources:
            if source.id not in self.touched:
                continue
            count = self.image.count(source.id, "created")
            for number in range(follower.created[source.id], count):
                self._create(self.routes.number(source.id, number))
        self._made()
        for number in sorted(set(self.spots) - set(follower.parts)):
            found = self.routes.source_of(number)
            if found is None or number in follower.parts:
                self._create(number)
                continue
            source, count = found
            first = min(count, follower.created[source.id])
            for before in range(max(first, count - len(self.spots)), count + 1):
                missing = self.routes.number(source.id, before)
                if missing not in follower.parts and (
                    before == count or before >= follower.created[source.id]
                ):
                    self._create(missing)

    def _made(self) -> None:
        """Replace parts by those that are made of them, where new ones are seen."""
        if not self.routes.makers:
            return
        kits = {part for view in self.views.values() for server in view.servers
                for part in server.kit}  # fmt: skip
        for number in sorted((set(self.spots) | kits) - set(self.follower.parts)):
            maker = self.routes.maker_of(number)
            if maker is None or number < self.follower.made[maker]:
                continue
            for _, first in sorted(self.follower.stations[maker].inside.items()):
                part = self.follower.parts[first]
                operation = part.operation - (part.status == "done")
                if first not in self.spots and self.routes.makes(part.product, operation):
                    self.follower.make(part, number)
                    break

    def _kits(self) -> None:
        """Let components go into the parts that are put together of them."""
        for view in self.views.values():
            for server in view.servers:
                whole = self.follower.parts.get(server.part)
                for number in server.kit if whole is not None else ():
                    if whole is not None and number in self.follower.parts:
                        self.follower.consume(self.follower.parts[number], whole)

    def _create(self, number: int) -> None:
        follower = self.follower
        identity = self.routes.identity(number, follower.orders)
        spot = self.spots.get(number)
        view = spot.view if spot is not None else None
        if view is not None and view.part == number and self._is_known(view.product):
            order = view.order if view.order in follower.orders else None
            identity = Identity(view.product, order)
        if self.routes.source_of(number) is None:
            identity = Identity(identity.product, identity.order, sure=False)
        part = follower.create(number, identity)
        if spot is None and not self._waits(part):
            part.lost_s = follower.time_s

    def _waits(self, part: Part) -> bool:
        """Tell whether a part waits at its source, as far as the plant says."""
        found = self.routes.source_of(part.id)
        if found is None or part.place != found[0].id:
            return False
        source, number = found
        waiting = self.image.count(source.id, "waiting", NO_PART)
        if waiting == NO_PART:
            return source.arrivals == "interarrival"
        return number >= self.image.count(source.id, "created") - waiting

    def _is_known(self, product: str) -> bool:
        return product in self.routes.names.products

    def _moves(self) -> None:
        """Move parts to where they are seen, those furthest downstream first."""
        moving = [
            (self._rank(spot.place), spot.view.parts.index(number) if spot.view else 0, number)
            for number, spot in self.spots.items()
            if spot.place not in self.driven and self._elsewhere(self.follower.parts[number], spot)
        ]
        for _, _, number in sorted(moving, key=lambda item: (-item[0], *item[1:])):
            self._move(self.follower.parts[number], self.spots[number])

    def _rank(self, place: str) -> float:
        rank, fed = self.routes.rank, self.routes.fed_by.get(place, (place,))
        # A buffer that no station takes from holds what others are made with: room is made first.
        return min((rank[name] - 0.5 * (name != place) for name in fed), default=float(len(rank)))

    def _elsewhere(self, part: Part, spot: _Spot) -> bool:
        if (part.place, part.server) != (spot.place, spot.server):
            return True
        if spot.view is None:
            return False
        if part.status == "done" and spot.view.status is Status.PROCESSING:
            return True  # it repeats its operation where it is
        return self._moved(part, spot.view)

    def _move(self, part: Part, spot: _Spot) -> None:
        follower = self.follower
        self.fleet.put_down(part)
        follower.finish_work(part)
        view = spot.view
        if view is not None and view.part == part.id and self._is_known(view.product):
            order = view.order if view.order in follower.orders else None
            if (part.product, part.order) != (view.product, order):
                self.tally.corrected += 1
                follower.correct(part, view.product, order)
            part.sure = not follower.inferred
        target = view.operation if view is not None and view.operation != NO_PART else None
        operation = self.lead(part, spot.place, target)
        if spot.view is None:
            follower.enter_buffer(part, spot.place)
            part.operation = operation
        else:
            self._clear(spot, spot.view)
            follower.enter_station(part, spot.place, spot.server, operation)

    def _clear(self, spot: _Spot, view: ServerView) -> None:
        """Let those who have left the line leave a server with several parts before others come."""
        first = self.follower.stations[spot.place].inside.get(spot.server)
        if first is None or not self.follower.stations[spot.place].several:
            return
        there = self.follower.parts[first]
        for part in (there, *self.follower.mates(there)):
            if part.id not in view.parts and part.id not in self.spots:
                self._explain(part)

    def known(self, number: int) -> Part:
        """Return a part, made if it is new."""
        if number not in self.follower.parts:
            self._create(number)
        return self.follower.parts[number]

    def put(self, part: Part, goal: str) -> None:
        """Put a part that was brought to a place where it is seen, or else where that leads."""
        follower, spot = self.follower, self.spots.get(part.id)
        if spot is not None and spot.place not in self.driven:
            self._move(part, spot)
        elif goal in follower.finished:
            self._pass_through(part, self.routes.length(part.product))
            follower.finish(part)
        elif goal in follower.buffers:
            follower.enter_buffer(part, goal)
            part.lost_s = follower.time_s
        else:
            inside = follower.stations[goal].inside
            servers = range(len(self.image.station(goal).servers))
            server = next((k for k in servers if k not in inside), 0)
            follower.enter_station(part, goal, server, part.operation)
            part.lost_s = follower.time_s

    def lead(self, part: Part, place: str, operation: int | None = None) -> int:
        """Bring a part to the operation it is seen at, or goes to; return that operation."""
        come = part.status == "done" or part.place in self.driven
        done = part.operation - 1 if come else None
        if place == self.routes.line.product(part.product).stock:
            self._pass_through(part, self.routes.length(part.product))
            return self.routes.length(part.product)
        if operation is None:
            operation = self.routes.operation_at(part.product, place, part.operation, done)
        if operation is None or operation >= self.routes.length(part.product):
            self.tally.unexplained += 1
            return min(part.operation, self.routes.length(part.product) - 1)
        if operation == part.operation:
            return operation
        if done is not None and self.routes.rework_to(part.product, done) == operation:
            self.follower.send_back(part, operation)
        elif operation > part.operation:
            self._pass_through(part, operation)
        elif self.routes.too_late_to(part.product, part.operation) == operation:
            self.follower.write(Kind.WAIT_EXCEEDED, part.place, part.id, operation)
        else:
            self.tally.unexplained += 1
        return operation

    def _pass_through(self, part: Part, until: int) -> None:
        """Let a part do operations that took no time, or that nobody saw."""
        for operation in range(part.operation, until):
            stations = self.routes.stations(part.product, operation)
            places = self.follower.stations
            best = max(
                stations,
                key=lambda name: self.image.count(name, "processed") - places[name].processed,
            )
            self.follower.enter_station(part, best, 0, operation)
            self.follower.finish_work(part)

    def _vanished(self) -> None:
        """Explain parts that are no longer where they were, and nowhere else."""
        follower = self.follower
        last = {self.image.count(sink, "last_part", NO_PART) for sink in follower.finished}
        gone = [part for part in follower.parts.values() if part.id not in self.spots]
        for part in sorted(gone, key=lambda part: part.id not in last):
            if part.lost_s is None and part.place in self.touched and self._has_left(part):
                part.lost_s = follower.time_s
                if not self._explain(part):
                    self.fleet.take_away(part, self.silent, self)
            elif part.lost_s is not None and not self._explain(part):
                lost_for_s = follower.time_s - part.lost_s
                if lost_for_s > max(LOST_FOR_S, self.fleet.patience_s(part, self.silent)):
                    self.tally.unexplained += 1
                    with follower.doubtful():
                        follower.scrap(part)

    def _has_left(self, part: Part) -> bool:
        if part.place in self.follower.stations:
            return part.id not in self.views[part.place].servers[part.server].parts
        return not self._waits(part)

    def _explain(self, part: Part) -> bool:
        """Tell whether a part that is nowhere was scrapped or finished, and write it."""
        follower, image = self.follower, self.image
        product = self.routes.line.product(part.product)
        sink = product.sink or self.routes.line.sinks[0].id
        # Of a part that is taken to be on a vehicle, the station that it left may tell.
        station = part.left if part.place in self.silent else part.place
        place = follower.stations.get(station)
        last = image.count(sink, "last_part", NO_PART) == part.id
        finished = image.count(sink, "finished") > follower.finished[sink]
        scrapped = place is not None and image.count(station, "scrapped") > place.scrapped
        at_end = part.operation >= len(product.routing)
        if scrapped and not (last or (at_end and finished)):
            self.fleet.put_down(part)
            follower.scrap(part)
            return True
        if finished and (last or at_end):
            self.fleet.put_down(part)
            self._pass_through(part, len(product.routing))
            follower.finish(part)
            return True
        return False

    # --- what began -----------------------------------------------------------------------------

    def _begins(self, name: str, view: StationView) -> None:
        follower = self.follower
        changed = view.group is not None and view.group != follower.stations[name].group
        for k, number in sorted(follower.stations[name].inside.items()):
            part, server = follower.parts[number], view.servers[k]
            if server.part != part.id:
                continue
            if server.phase:
                follower.reach(part, server.phase)
            elif server.status is Status.PROCESSING and part.status in ("waiting", "setup"):
                follower.begin_work(part)
            elif server.status is Status.BLOCKED:
                follower.finish_work(part)
            elif server.status is Status.SETUP and part.status == "waiting":
                follower.begin_setup(part)
            elif part.status == "setup" and server.status is not Status.SETUP and changed:
                follower.end_setup(part)
        self.stops.ready(name)
