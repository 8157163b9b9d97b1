"""The line as the translation believes it to be, and the events that move it on.

Each method writes the event and changes the belief together, so the two cannot part.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from twin.events.builder import Row
from twin.events.kinds import OUTAGE, Kind
from twin.events.state import PHASE_OF, LineState
from twin.line.workforce import PHASES as WORK_PHASES
from twin.sync.belief import Part, Place
from twin.sync.elements import PHASES
from twin.sync.routes import Count, Identity, Routes

GOOD, UNCERTAIN = 0, 1


class Follower:
    """Writes events and keeps the belief they lead to.

    Parameters
    ----------
    routes : Routes
        Look-ups on the line.
    state : LineState
        Where everything is at the beginning.
    guessed : set of int
        Parts whose product is a guess; what they do is uncertain until the plant shows it.
    inferred : bool
        Whether the plant numbers no part, so that all they do is uncertain.
    """

    def __init__(
        self,
        routes: Routes,
        state: LineState,
        guessed: frozenset[int] = frozenset(),
        *,
        inferred: bool = False,
    ) -> None:
        self.routes = routes
        self.rows: list[Row] = []
        self.inferred = inferred
        self.time_s = state.time_s
        self.quality = GOOD
        self.parts = {
            part.id: Part(
                part.id,
                part.product,
                part.order,
                part.location,
                part.operation,
                part.status,
                -1 if part.server is None else part.server,
                part.stage,
                sure=not inferred and part.id not in guessed,
                team=dict(part.team),
                paused=part.status in PHASE_OF and part.asked_s is not None,
            )
            for part in state.parts
        }
        several = {station.id for station in routes.line.stations if station.batch is not None}
        several |= set(routes.makers.values())
        self.stations = {name: Place(several=name in several) for name in routes.line.flow_order}
        self.buffers: dict[str, set[int]] = {buffer.id: set() for buffer in routes.line.buffers}
        self.pools = {pool.id for pool in routes.pools}
        self.created = {source.id: 0 for source in routes.sources}
        self.made = {
            maker: max(
                (part + 1 for part in self.parts if routes.maker_of(part) == maker), default=0
            )
            for maker in routes.makers.values()
        }
        self.finished = {sink.id: 0 for sink in routes.line.sinks}
        self.orders = {order.id: Count() for order in routes.line.orders}
        self.crews = {name: crew.on for name, crew in state.crews.items()}
        self.away = Counter({name: crew.away for name, crew in state.crews.items()})
        self._begin(state)

    def _begin(self, state: LineState) -> None:
        for name, found in state.stations.items():
            place = self.stations[name]
            place.on, place.group = found.on, found.setup_group
            modes = self.routes.names.modes[name]
            place.failed = {
                k: found.modes[mode].status == "repair"
                for k, mode in enumerate(modes)
                if mode in found.modes and found.modes[mode].status != "running"
            }
            planned = range(len(self.routes.line.station(name).failures), len(modes))
            place.due = {k: found.modes[modes[k]].status for k in planned if k in place.failed}
            place.failed = {k: busy for k, busy in place.failed.items() if k not in place.due}
            place.teams = {
                k: dict(found.modes[mode].team)
                for k, mode in enumerate(modes)
                if mode in found.modes and found.modes[mode].team
            }
            place.wear = found.wear.level if found.wear else 0
            if found.outages:
                place.failed[OUTAGE] = True
        for part in self.parts.values():
            if part.place in self.stations:
                self.stations[part.place].inside.setdefault(part.server, part.id)
            elif part.place in self.buffers:
                self.buffers[part.place].add(part.id)
        for name, source in state.sources.items():
            self.created[name] = source.created
        for name, order in state.orders.items():
            self.orders[name] = Count(order.released, order.created)

    def take_rows(self) -> list[Row]:
        """Return the events written since last asked."""
        rows, self.rows = self.rows, []
        return rows

    @contextmanager
    def doubtful(self) -> Iterator[None]:
        """Write what nobody saw: uncertain."""
        quality, self.quality = self.quality, UNCERTAIN
        yield
        self.quality = quality

    def write(
        self, kind: Kind, place: str = "", part: int = -1, detail: int = -1, value: float = math.nan
    ) -> None:
        """Write an event; a part whose product is a guess makes it uncertain."""
        element = self.routes.index[place] if place else -1
        known = self.parts.get(part)
        quality = self.quality if known is None or known.sure else UNCERTAIN
        self.rows.append(Row(self.time_s, kind, element, part, detail, value, quality))

    # --- orders and parts ---------------------------------------------------------------------

    def release(self, order: str) -> None:
        """Let the parts of an order enter."""
        if not self.orders[order].released:
            self.orders[order].released = True
            self.write(Kind.ORDER_RELEASED, detail=self.routes.names.orders.index(order))

    def create(self, number: int, identity: Identity) -> Part:
        """Let a part enter the line."""
        found = self.routes.source_of(number)
        source, count = found or (self.routes.sources[0], self.created_count())
        if identity.order is not None:
            self.release(identity.order)
            self.orders[identity.order].created += 1
        part = Part(number, identity.product, identity.order, source.id)
        part.sure = identity.sure and not self.inferred
        self.parts[number] = part
        self.created[source.id] = max(self.created[source.id], count + 1)
        self._tell(Kind.PART_CREATED, part, source.id)
        return part

    def created_count(self) -> int:
        """Return the parts made so far by the first source."""
        return self.created[self.routes.sources[0].id]

    def _tell(self, kind: Kind, part: Part, place: str = "") -> None:
        names = self.routes.names
        order = -1.0 if part.order is None else float(names.orders.index(part.order))
        product = names.products.index(part.product)
        self.write(kind, place, part.id, product, order)

    def correct(self, part: Part, product: str, order: str | None) -> None:
        """Tell what a part is: the plant shows what could only be guessed before."""
        if part.order is not None:
            self.orders[part.order].created -= 1
        part.product, part.order, part.sure = product, order, True
        if order is not None:
            self.release(order)
            self.orders[order].created += 1
        self._tell(Kind.PART_IDENTIFIED, part)

    def leave(self, part: Part) -> None:
        """Take a part from where it is; it comes to another place, or out of the line."""
        self.staff(part, {})
        part.left, part.asked, part.paused = part.place, False, False
        if part.place in self.stations:
            place, server = self.stations[part.place], part.server
            mates = self.mates(part)
            if place.inside.get(server) == part.id:
                del place.inside[server]
                place.inside |= {server: mates[0].id} if mates else {}
            if place.several and not mates:
                self.write(Kind.SERVER_CLEARED, part.place, value=float(server))
        elif part.place in self.buffers:
            self.buffers[part.place].discard(part.id)
        part.lost_s = None

    def enter_buffer(self, part: Part, buffer: str) -> None:
        """Let a part wait in a buffer."""
        self.leave(part)
        part.place, part.status, part.server, part.stage = buffer, "waiting", -1, 0
        self.buffers[buffer].add(part.id)
        self.write(Kind.BUFFER_ENTERED, buffer, part.id)

    def mates(self, part: Part) -> list[Part]:
        """Return the other parts on a part's server."""
        if part.place not in self.stations or not self.stations[part.place].several:
            return []
        there = part.place, part.server
        others = (other for other in self.parts.values() if other is not part)
        return [other for other in others if (other.place, other.server) == there]

    def consume(self, part: Part, whole: Part) -> None:
        """Let a component go into another part."""
        stock = self.routes.line.product(part.product).stock
        if stock is not None and part.place != stock:
            self.finish_work(part)
            self.enter_buffer(part, stock)
        self.leave(part)
        self.write(Kind.PART_CONSUMED, whole.place, part.id, whole.operation, float(whole.id))
        del self.parts[part.id]

    def make(self, part: Part, number: int) -> None:
        """Let a part, and those on its server, be replaced by what is made of them."""
        self.finish_work(part)
        place, server, operation = part.place, part.server, part.operation - 1
        gone = [part, *self.mates(part)]
        orders = {found.order for found in gone}
        order = orders.pop() if len(orders) == 1 else None
        for found in gone:
            self.write(Kind.PART_REPLACED, place, found.id, operation)
            del self.parts[found.id]
        for count, product in enumerate(self.routes.makes(part.product, operation)):
            made = Part(number + count, product, order, place, 0, "done", server, sure=part.sure)
            self.parts[made.id] = made
            self._tell(Kind.PART_MADE, made, place)
            self.made[place] = made.id + 1
        self.stations[place].inside[server] = number

    def board(self, part: Part, pool: str) -> None:
        """Let a vehicle take a part on; the vehicle's own event tells it."""
        self.leave(part)
        part.place, part.status, part.server, part.stage = pool, "waiting", -1, 0

    def enter_station(self, part: Part, station: str, server: int, operation: int) -> None:
        """Let a part come into a server, through the station's buffer if it has one."""
        door = self.routes.line.station(station).input_buffer
        if door is not None and part.place != door:
            self.enter_buffer(part, door)
        self.leave(part)
        part.place, part.status, part.server = station, "waiting", server
        part.operation, part.stage = operation, 0
        if self.stations[station].several:
            self.stations[station].inside.setdefault(server, part.id)
        else:
            self.stations[station].inside[server] = part.id
        self.write(Kind.STATION_ENTERED, station, part.id, operation, float(server))

    def send_back(self, part: Part, operation: int) -> None:
        """Let a part that is done go back to an earlier operation, or repeat its own."""
        place = part.place if part.place in self.stations else part.left
        self.write(Kind.REWORK_SENT, place, part.id, operation)
        part.operation = operation

    def scrap(self, part: Part) -> None:
        """Take a part out of the line as scrap."""
        station = part.left if part.place in self.pools else part.place
        if station in self.stations:
            self.stations[station].scrapped += 1
        else:
            station = self._nearest_station(part)
        self.leave(part)
        self.write(Kind.PART_SCRAPPED, station, part.id, max(part.operation - 1, 0))
        del self.parts[part.id]

    def _nearest_station(self, part: Part) -> str:
        fed = self.routes.fed_by.get(part.place, ())
        return fed[0] if fed else self.routes.line.flow_order[0]

    def finish(self, part: Part) -> None:
        """Take a finished part out of the line."""
        sink = self.routes.line.product(part.product).sink or self.routes.line.sinks[0].id
        self.leave(part)
        self.write(Kind.PART_FINISHED, sink, part.id)
        del self.parts[part.id]
        self.finished[sink] += 1

    # --- work ---------------------------------------------------------------------------------

    def _product_index(self, part: Part) -> int:
        return self.routes.names.products.index(part.product)

    def _group(self, part: Part) -> str:
        return self.routes.line.product(part.product).group

    def begin_setup(self, part: Part) -> None:
        """Change over for a part."""
        part.status = "setup"
        self.write(Kind.SETUP_STARTED, part.place, part.id, self._product_index(part))

    def end_setup(self, part: Part) -> None:
        """End the change-over; the part waits for its work to begin."""
        part.status = "waiting"
        self.stations[part.place].group = self._group(part)
        self.write(Kind.SETUP_ENDED, part.place, part.id, self._product_index(part))

    def begin_work(self, part: Part) -> None:
        """Begin to process a part, ending its change-over and loading first."""
        self.reach(part, "processing")

    def finish_work(self, part: Part) -> None:
        """Bring a part in a station to the end of its operation, from wherever it is in it."""
        if part.place in self.stations and part.status != "done":
            self.reach(part, "done")

    def reach(self, part: Part, phase: str) -> None:
        """Bring a part that is worked on to a phase, through all that comes before it."""
        if phase == "setup":
            if part.phase == "waiting":
                self.begin_setup(part)
            return
        if part.status == "setup":
            if part.paused:
                self.resume(part)
            self.end_setup(part)
        until = PHASES.index(phase)
        if part.paused and PHASES.index(part.phase) < until:
            self.resume(part)
        while PHASES.index(part.phase) < until:
            self._next_phase(part, until)

    def _next_phase(self, part: Part, until: int) -> None:
        """Let the next phase of a part's visit begin, or the one it is in end."""
        station = self.stations[part.place]
        step = self.routes.line.product(part.product).routing[part.operation]
        unloads = station.phased and step.unloads
        if part.phase == "waiting" and station.phased and step.loads:
            part.status = "loading"
            self.tell_work(Kind.LOADING_STARTED, part)
        elif part.phase == "loading":
            part.status, part.stage = "waiting", 1
            self.tell_work(Kind.LOADING_ENDED, part)
        elif part.phase in ("waiting", "loaded"):
            if until < PHASES.index("processing"):
                part.stage = 1  # there is nothing to load
                return
            part.status = "processing"
            station.group = self._group(part)
            self.tell_work(Kind.PROCESSING_STARTED, part)
        elif part.phase == "processing":
            self.tell_work(Kind.PROCESSING_ENDED, part, 1.0 if unloads else math.nan)
            part.status, part.stage = "waiting", 2
            station.processed += 1
            if not unloads:
                self._done(part)
        elif part.phase == "processed":
            part.status = "unloading"
            self.tell_work(Kind.UNLOADING_STARTED, part)
        else:
            self.tell_work(Kind.UNLOADING_ENDED, part)
            self._done(part)

    # --- people -------------------------------------------------------------------------------

    def staff(self, part: Part, team: Mapping[str, int]) -> None:
        """Let some people be with a part, and nobody else."""
        if team != part.team:
            before, part.team = part.team, dict(team)
            self._change_team(part.place, part.id, before, team)

    def staff_mode(self, station: str, mode: int, team: Mapping[str, int]) -> None:
        """Let some people repair or maintain, and nobody else."""
        teams = self.stations[station].teams
        before = teams.pop(mode, {})
        if team:
            teams[mode] = dict(team)
        self._change_team(station, -2 - mode, before, team)

    def _change_team(
        self, place: str, number: int, before: Mapping[str, int], after: Mapping[str, int]
    ) -> None:
        """Write who goes, then who comes; ``number`` is a part's, or -2 less that of a mode."""
        for kind, old, new in (
            (Kind.CREW_RELEASED, before, after),
            (Kind.CREW_TAKEN, after, before),
        ):
            for crew in sorted(old):
                if new.get(crew) != old[crew]:
                    index = self.routes.names.crews.index(crew)
                    self.write(kind, place, number, index, float(old[crew]))

    def at_work(self) -> Counter[str]:
        """Return how many people of each crew are believed to be at work."""
        busy: Counter[str] = Counter()
        for part in self.parts.values():
            busy.update(part.team)
        for name, place in self.stations.items():
            for team in place.teams.values():
                busy.update(team)
            for k, mode in enumerate(self.routes.line.station(name).modes):
                repairing = place.failed.get(k) or place.due.get(k) == "repair"
                if mode.crew is not None and repairing:
                    busy[mode.crew] += mode.people
        return busy

    def switch_crew(self, crew: str, *, on: bool) -> None:
        """Let a crew come or go."""
        if self.crews.get(crew) is not on:
            self.crews[crew] = on
            kind = Kind.CREW_CAME if on else Kind.CREW_LEFT
            self.write(kind, detail=self.routes.names.crews.index(crew))

    def count_crew(self, crew: str, away: int) -> None:
        """Note how many people of a crew are away."""
        if self.away[crew] != away:
            self.away[crew] = away
            number = self.routes.names.crews.index(crew)
            self.write(Kind.CREW_COUNTED, detail=number, value=float(away))

    def pause(self, part: Part) -> None:
        """Let the work on a part stand still until there are people for it."""
        part.paused = True
        self._tell_phase(Kind.WORK_PAUSED, part)

    def resume(self, part: Part) -> None:
        """Let the work on a part go on."""
        part.paused = False
        self._tell_phase(Kind.WORK_RESUMED, part)

    def _tell_phase(self, kind: Kind, part: Part) -> None:
        self.write(kind, part.place, part.id, WORK_PHASES.index(PHASE_OF[part.status]))

    def tell_work(self, kind: Kind, part: Part, value: float = math.nan) -> None:
        """Write an event of the work on a part."""
        self.write(kind, part.place, part.id, part.operation, value)

    def _done(self, part: Part) -> None:
        for one in (part, *self.mates(part)):
            one.status = "done"
            one.operation += 1
