"""From values to events: what must have happened between two pictures of the plant.

All values of one moment are taken together. What changed is explained by routings and counters; the
rest is set right and counted, so the mirror always ends where the plant says it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twin.events.builder import Row
from twin.events.kinds import OUTAGE, Status
from twin.events.state import LineState
from twin.line import Line
from twin.sync.follow import GOOD, UNCERTAIN, Follower, Part
from twin.sync.image import NO_PART, Image, ServerView, StationView
from twin.sync.infer import Inference
from twin.sync.mapping import Mapping
from twin.sync.protocol import Quality, Value
from twin.sync.routes import Identity, Routes
from twin.sync.seed import seeded
from twin.sync.status import Tally

LOST_FOR_S = 60.0
"""Plant time after which a part that the plant shows nowhere is taken to be gone, s."""


@dataclass(frozen=True, slots=True)
class _Spot:
    place: str
    server: int
    view: ServerView | None
    since_s: float


class Translator:
    """Turns values into events, moment by moment.

    Parameters
    ----------
    line : Line
        Line that the plant runs.
    mapping : Mapping or None
        Tables of state numbers; None: PackML.
    """

    def __init__(self, line: Line, mapping: Mapping | None = None) -> None:
        self.line = line
        self.routes = Routes(line)
        self.image = Image(line, mapping)
        self.tally = Tally()
        self._follower: Follower | None = None
        self._inference = Inference.needed(line, mapping)
        self._releases = sorted((order.release_s, order.id) for order in line.orders)

    def begin(self, time_s: float, before: LineState | None = None) -> LineState:
        """Take the picture as it is for the beginning; what it cannot tell is unknown.

        Times count from the last change of each value, ages of modes from now or ``before``.
        """
        if self._inference is not None:
            self.take((value, time_s) for value in self._inference.begin(self.image))
        state, guessed = seeded(self.routes, self.image, time_s, before)
        self._begin(state, guessed)
        return state

    def go_on(self, state: LineState) -> None:
        """Go on from a state that the picture, restored before, belongs to."""
        self._begin(state, frozenset())

    @property
    def infers(self) -> bool:
        """Whether moves of parts are inferred, as the plant numbers none."""
        return self._inference is not None

    def _begin(self, state: LineState, guessed: frozenset[int]) -> None:
        self._follower = Follower(self.routes, state, guessed, inferred=self.infers)
        for name, place in self._follower.stations.items():
            view = self.image.station(name)
            place.processed, place.scrapped = view.processed, view.scrapped
        for sink in self._follower.finished:
            self._follower.finished[sink] = self.image.count(sink, "finished")

    def lost(self) -> frozenset[int]:
        """Return the parts that the plant shows nowhere, and that may yet turn up."""
        parts = self._follower.parts.values() if self._follower else ()
        return frozenset(part.id for part in parts if part.lost_s is not None)

    @property
    def seeded(self) -> bool:
        """Whether there is a state to go on from."""
        return self._follower is not None

    def forget(self) -> None:
        """Drop the picture and the state: a new picture is to come."""
        self._follower = None
        self.image.clear()

    def take(self, values: Iterable[tuple[Value, float]]) -> set[str]:
        """Take values with their times, s, into the picture; return the elements they changed."""
        touched = set()
        for value, time_s in values:
            if self.image.take(value, time_s):
                touched.add(value.element)
            elif value.quality is Quality.BAD:
                self.tally.bad += 1
            else:
                self.tally.historical += 1
        return touched

    def released_before(self, time_s: float) -> list[Row]:
        """Return the releases of orders that the line's file puts before ``time_s``."""
        follower = self._follower
        assert follower is not None, "begin first"
        for release_s, order in self._releases:
            if release_s < time_s and not follower.orders[order].released:
                follower.time_s = max(release_s, follower.time_s)
                follower.quality = GOOD
                follower.release(order)
        return follower.take_rows()

    def moment(self, time_s: float, values: Sequence[Value]) -> list[Row]:
        """Return the events that explain the values of one moment.

        Parameters
        ----------
        time_s : float
            The moment, s since the line's start; not before that of the last call.
        values : sequence of Value
            All values of this moment.
        """
        follower = self._follower
        assert follower is not None, "begin first"
        rows = self.released_before(time_s)
        follower.time_s = max(time_s, follower.time_s)
        if any(release_s == time_s for release_s, _ in self._releases):
            for release_s, order in self._releases:
                if release_s == time_s:
                    follower.release(order)
        resets = self.image.counters.resets
        touched = self.take((value, self._own_s(value, time_s)) for value in values)
        unknown = sum(map(self.image.unknown_state, values))
        inferred: list[Value] = []
        if self._inference is not None and touched:
            inferred = self._inference.moment(self.image, touched, values[0].source_time)
            touched |= self.take((value, time_s) for value in inferred)
        self.tally.unknown += unknown
        self.tally.inferred += len(inferred)
        self.tally.resets += (set_back := self.image.counters.resets - resets)
        doubtful = any(value.quality is not Quality.GOOD for value in values)
        follower.quality = UNCERTAIN if doubtful or unknown or inferred or set_back else GOOD
        if touched:
            _Moment(self, follower, touched)()
        return rows + follower.take_rows()

    def _own_s(self, value: Value, time_s: float) -> float:
        """Return when a value was made, s: a late one never replaces a newer one of its node."""
        return min(self.line.seconds(value.source_time), time_s)


class _Moment:
    """One moment: first what ended, then stops and shifts, then moves, then what began."""

    def __init__(self, owner: Translator, follower: Follower, touched: set[str]) -> None:
        self.tally = owner.tally
        self.image = owner.image
        self.routes = owner.routes
        self.follower = follower
        self.touched = touched
        self.views = {
            name: owner.image.station(name) for name in owner.line.flow_order if name in touched
        }
        self.spots = self._spots()

    def __call__(self) -> None:
        self._ends()
        for name in self.views:
            self._stops(name, self.views[name])
        self._counted_ends()
        self._creations()
        self._moves()
        self._vanished()
        for name, view in self.views.items():
            self._begins(name, view)

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
                if server.part != NO_PART:
                    self._spot(spots, server.part, _Spot(name, k, server, server.part_s))
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

    def _moved(self, part: Part, server: ServerView) -> bool:
        """Tell whether a part has left its server, or begun another operation in it."""
        if server.part != part.id:
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
        if server.status is not Status.PROCESSING:
            return True
        return self.routes.rework_to(part.product, part.operation) == part.operation

    # --- stops and shifts -----------------------------------------------------------------------

    def _stops(self, name: str, view: StationView) -> None:
        follower, place = self.follower, self.follower.stations[name]
        modes = self.routes.names.modes[name]
        named = [modes.index(word) if word in modes else OUTAGE for word in view.failed]
        for mode in [mode for mode in place.failed if mode not in named]:
            follower.repaired(name, mode)
        if view.on and not place.on:
            follower.switch(name, on=True)
        for mode in named:
            if mode not in place.failed:
                follower.fail(name, mode)
        self._repairs(name, view)
        if not view.on and place.on:
            follower.switch(name, on=False)

    def _repairs(self, name: str, view: StationView) -> None:
        """Begin the repairs that are seen, and those that another repair hides."""
        follower, place = self.follower, self.follower.stations[name]
        for mode, repairing in list(place.failed.items()):
            if repairing:
                continue
            seen = view.repairing and not any(
                busy for other, busy in place.failed.items() if other != OUTAGE
            )
            hidden = view.repairing and follower.has_free_crew(name, mode)
            if seen or hidden or not follower.needs_crew(name, mode):
                follower.begin_repair(name, mode)

    # --- parts ----------------------------------------------------------------------------------

    def _creations(self) -> None:
        follower = self.follower
        for source in self.routes.sources:
            if source.id not in self.touched:
                continue
            count = self.image.count(source.id, "created")
            for number in range(follower.created[source.id], count):
                self._create(self.routes.number(source.id, number))
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

    def _create(self, number: int) -> None:
        follower = self.follower
        identity = self.routes.identity(number, follower.orders)
        spot = self.spots.get(number)
        if spot is not None and spot.view is not None and self._is_known(spot.view.product):
            order = spot.view.order if spot.view.order in follower.orders else None
            identity = Identity(spot.view.product, order)
        if self.routes.source_of(number) is None:
            identity = Identity(identity.product, identity.order, sure=False)
        part = follower.create(number, identity)
        found = self.routes.source_of(number)
        if spot is None and (found is None or found[0].arrivals != "interarrival"):
            part.lost_s = follower.time_s

    def _is_known(self, product: str) -> bool:
        return product in self.routes.names.products

    def _moves(self) -> None:
        """Move parts to where they are seen, those furthest downstream first."""
        moving = [
            (self._rank(spot.place), number)
            for number, spot in self.spots.items()
            if self._elsewhere(self.follower.parts[number], spot)
        ]
        for _, number in sorted(moving, key=lambda item: (-item[0], item[1])):
            self._move(self.follower.parts[number], self.spots[number])

    def _rank(self, place: str) -> float:
        rank = self.routes.rank
        return min(
            rank[name] - 0.5 * (name != place) for name in self.routes.fed_by.get(place, (place,))
        )

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
        follower.finish_work(part)
        view = spot.view
        if view is not None and self._is_known(view.product):
            order = view.order if view.order in follower.orders else None
            if (part.product, part.order) != (view.product, order):
                self.tally.corrected += 1
                follower.correct(part, view.product, order)
            part.sure = not follower.inferred
        target = view.operation if view is not None and view.operation != NO_PART else None
        operation = self._lead(part, spot.place, target)
        if spot.view is None:
            follower.enter_buffer(part, spot.place)
            part.operation = operation
        else:
            follower.enter_station(part, spot.place, spot.server, operation)

    def _lead(self, part: Part, place: str, operation: int | None) -> int:
        """Bring a part to the operation it is seen at; return that operation."""
        done = part.operation - 1 if part.status == "done" else None
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
            if part.lost_s is None or self._explain(part):
                continue
            if follower.time_s - part.lost_s > LOST_FOR_S:
                self.tally.unexplained += 1
                quality, follower.quality = follower.quality, UNCERTAIN
                follower.scrap(part)
                follower.quality = quality

    def _has_left(self, part: Part) -> bool:
        if part.place in self.follower.stations:
            return self.views[part.place].servers[part.server].part != part.id
        return part.place in self.follower.buffers

    def _explain(self, part: Part) -> bool:
        """Tell whether a part that is nowhere was scrapped or finished, and write it."""
        follower, image = self.follower, self.image
        product = self.routes.line.product(part.product)
        sink = product.sink or self.routes.line.sinks[0].id
        place = follower.stations.get(part.place)
        last = image.count(sink, "last_part", NO_PART) == part.id
        finished = image.count(sink, "finished") > follower.finished[sink]
        scrapped = place is not None and image.count(part.place, "scrapped") > place.scrapped
        at_end = part.operation >= len(product.routing)
        if scrapped and not (last or (at_end and finished)):
            follower.scrap(part)
            return True
        if finished and (last or at_end):
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
            if server.status is Status.PROCESSING and part.status in ("waiting", "setup"):
                follower.begin_work(part)
            elif server.status is Status.BLOCKED:
                follower.finish_work(part)
            elif server.status is Status.SETUP and part.status == "waiting":
                follower.begin_setup(part)
            elif part.status == "setup" and server.status is not Status.SETUP and changed:
                follower.end_setup(part)
