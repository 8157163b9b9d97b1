"""From values to events: what must have happened between two pictures of the plant.

All values of one moment are taken together. What changed is explained by routings and counters; the
rest is set right and counted, so the mirror always ends where the plant says it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from twin.events.builder import Row
from twin.events.state import LineState
from twin.line import Line
from twin.sync.explain import Explanation
from twin.sync.fleet import Fleet
from twin.sync.follow import GOOD, UNCERTAIN, Follower
from twin.sync.image import Image
from twin.sync.infer import Inference
from twin.sync.mapping import Mapping
from twin.sync.protocol import Quality, Value
from twin.sync.routes import Routes
from twin.sync.seed import seeded
from twin.sync.status import Tally
from twin.sync.stops import Stops


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
        self._fleet = Fleet(self.routes, self._follower, state)
        self._stops = Stops(self._follower, self.image)
        for name, place in self._follower.stations.items():
            view = self.image.station(name)
            place.processed, place.scrapped = view.processed, view.scrapped
            for part in (part for server in view.servers for part in server.kit):
                if (maker := self.routes.maker_of(part)) is not None:
                    self._follower.made[maker] = max(self._follower.made[maker], part + 1)
            place.phased = self.image.tells_phases(name)
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
        """Return what the line's file puts before ``time_s``: orders released, crews' shifts."""
        follower = self._follower
        assert follower is not None, "begin first"
        for release_s, order in self._releases:
            if release_s < time_s and not follower.orders[order].released:
                self._switches(release_s)
                follower.time_s = max(release_s, follower.time_s)
                follower.quality = GOOD
                follower.release(order)
        self._switches(math.nextafter(time_s, -math.inf))
        return follower.take_rows()

    def _switches(self, until_s: float) -> None:
        """Let crews come and go by their calendars, up to a moment."""
        people, follower = self._stops.people, self._follower
        assert follower is not None, "begin first"
        while (switch_s := people.next_switch_s()) <= until_s:
            follower.time_s = max(switch_s, follower.time_s)
            people.switch()

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
        self._switches(time_s)
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
            explained = (self.image, follower, self._fleet, self._stops, touched, self.tally)
            Explanation(*explained).write()
        return rows + follower.take_rows()

    def _own_s(self, value: Value, time_s: float) -> float:
        """Return when a value was made, s: a late one never replaces a newer one of its node."""
        return min(self.line.seconds(value.source_time), time_s)
