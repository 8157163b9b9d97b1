"""Where parts are: buffers, stations with their servers, sources."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from twin.engine.dispatch import fifo, rule
from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.grouping import batch_of
from twin.engine.reference.run import Part, Run
from twin.engine.reference.servers import FRESH, Server
from twin.events.kinds import Kind
from twin.events.state import PHASE_OF
from twin.line import Buffer, Station

if TYPE_CHECKING:
    from twin.engine.reference.modes import MaintenanceMode, StationMode
    from twin.engine.reference.people import Workforce
    from twin.engine.reference.wear import StationWear


class BufferPlace:
    """A place where parts wait, in the order they came."""

    def __init__(self, run: Run, spec: Buffer) -> None:
        self.run = run
        self.id = spec.id
        self.number = run.index[spec.id]
        self.capacity = spec.capacity
        self.transit_s = spec.transit_time_s
        self.rank = self.number
        self.parts: list[Part] = []
        self.leaving: list[Part] = []
        """Parts that waited too long and go back, in the order in which they did."""
        self.feeders = 0
        """Stations and sources that send parts here; above one, who waited longest goes first."""
        self.incoming = 0
        """Places kept for parts that vehicles bring."""
        self.waits_s: set[float] = set()
        """How long parts wait here for a batch at most, s."""

    def first(self, product: str, count: int) -> list[Part] | None:
        """Return the parts of a product that came first; None: there are not so many."""
        here = (part for part in self.parts if part.way.spec.id == product)
        found = [part for part in here if self.arrived(part)][:count]
        return found if len(found) == count else None

    def has_room(self) -> bool:
        """Tell whether one more part fits."""
        return self.capacity is None or len(self.parts) + self.incoming < self.capacity

    def enter(self, part: Part) -> None:
        """Put a part at the end of the queue."""
        self.run.move(part, self.id)
        self.parts.append(part)
        self.run.note(Kind.BUFFER_ENTERED, self.number, part.id)
        self.look_out_for(part)

    def drop(self, part: Part) -> None:
        """Take a part out, wherever it stands."""
        self.parts.remove(part)
        if part in self.leaving:
            self.leaving.remove(part)

    def hand_over(self, part: Part) -> None:
        """Give a part to a vehicle."""
        self.drop(part)

    def ready_s(self, part: Part) -> float:
        """Return the moment at which a part is at the end, s."""
        return part.entered_s + self.transit_s

    def arrived(self, part: Part) -> bool:
        """Tell whether a part is at the end and waits for a station."""
        return part.status == "waiting" and self.ready_s(part) <= self.run.clock.now

    def look_out_for(self, part: Part) -> None:
        """Have a round when a part is at the end, and when it has waited there for a batch."""
        if self.transit_s > 0:
            self.look_again(self.ready_s(part))
        for wait_s in self.waits_s:
            self.look_again(self.ready_s(part) + wait_s)

    def look_again(self, at_s: float) -> None:
        """Have a round at a moment."""
        if at_s > self.run.clock.now:
            rank = (Due.LOOK, self.number, 0)
            Timer(self.run.clock, rank, self.id, _nothing).resume_at(at_s)


class StationPlace:
    """A station: servers that share its failures, shifts and setup."""

    workforce: Workforce

    def __init__(
        self, run: Run, spec: Station, rank: int, source: BufferPlace | None, slot: int = -1
    ) -> None:
        self.run = run
        self.spec = spec
        self.id = spec.id
        self.rank = rank
        self.number = run.index[spec.id]
        self.input = source
        self.feeders = 0
        self.incoming = 0
        """Servers kept for parts that vehicles bring."""
        self.servers = [Server(self, k) for k in range(spec.servers)]
        self.free = list(range(spec.servers))
        self.slot = slot
        """Parts made here of others are numbered from this slot on."""
        self.made = 0
        self.incomplete: list[Server] = []
        """Servers whose part waits for components, in the order in which the parts came."""
        self.several = slot >= 0 or spec.batch is not None
        """Whether a server may hold several parts."""
        self.done: list[Server] = []
        self.on = True
        self.stops = 0
        """Failures and outages that are not over."""
        self.group: str | None = None
        self.working = 0
        self.finished = 0
        self.ageing: list[StationMode] = []
        """Modes that age only while the station processes."""
        self.factors: list[float] = []
        """Slowdowns in force."""
        self.modes: tuple[StationMode, ...] = ()
        self.counting: list[StationMode] = []
        """Modes that age with the operations that end."""
        self.wear: StationWear | None = None
        self.due: list[MaintenanceMode] = []
        """Maintenance that waits for work to end."""
        self.manned = spec.id in run.line.manned
        """Whether some work here needs people."""
        named = (spec.dispatch_rule,) if isinstance(spec.dispatch_rule, str) else spec.dispatch_rule
        if run.options.plan and spec.id in run.options.plan.sequence:
            named = ("plan",)
        self._rules = tuple(rule(name) for name in named)

    def slowed(self) -> float:
        """Return the factor of failures and wear that slow the station."""
        factor = 1.0
        for mode in self.modes:
            if mode.status != "running":
                factor *= mode.slow_factor
        return factor * self.wear.now.time_factor if self.wear else factor

    def slowdown(self, factor: float) -> float:
        """Return the factor on the processing times that begin now; ``factor``: of failures."""
        for one in self.factors:
            factor *= one
        return factor

    @property
    def may_begin(self) -> bool:
        """Tell whether work on a part inside may begin."""
        return self.on and not self.stops and not self.due

    @property
    def shut(self) -> bool:
        """Whether nothing leaves: it is down, and closed then."""
        return self.spec.while_down == "closed" and (self.stops > 0 or not self.on)

    @property
    def takes(self) -> bool:
        """Whether it takes what it has a free server for."""
        return self.on and not self.shut

    @property
    def running(self) -> bool:
        """Whether work in process goes on."""
        return not self.stops and (self.on or self.spec.at_shift_end == "finish")

    def work_began(self) -> None:
        """One more server processes: failure modes on the operating clock age."""
        self.working += 1
        if self.working == 1:
            for mode in self.ageing:
                if mode.status == "running":
                    mode.life.resume()
            if self.wear is not None:
                self.wear.work_began()

    def work_ended(self) -> None:
        """One server fewer processes."""
        self.working -= 1
        if self.working == 0:
            for mode in self.ageing:
                mode.life.pause()
            if self.wear is not None:
                self.wear.work_ended()

    def pause(self) -> None:
        """Phase 1: work in process stands still, and its people may go elsewhere."""
        for server in self.servers:
            server.pause()
            if server.part is not None and server.part.team:
                server.people_left()
        self.begin_due()

    def go_on(self) -> None:
        """Phase 1: work in process goes on, and parts inside may begin; people come first."""
        if not self.running:
            return
        for server in self.servers:
            part = server.part
            if part is None or part.status not in PHASE_OF:
                server.notify()
            elif part.team or not server.needs():
                server.go_on()

    def break_off(self, mode: int, *, scrap: bool) -> None:
        """Phase 1: what is in process is lost to a failure."""
        for server in self.servers:
            server.break_off(mode, scrap=scrap)

    def begin_due(self) -> None:
        """Phase 1: maintenance that is due begins once no work goes on."""
        if self.due and all(server.timer.since_s is None for server in self.servers):
            due, self.due = self.due, []
            for mode in sorted(due, key=lambda mode: mode.number):
                mode.ready()

    def has_room(self) -> bool:
        """Tell whether a part may come straight in: a free server, and its shift is running."""
        return self.takes and len(self.free) > self.incoming

    def enter(self, *parts: Part) -> None:
        """Put a part, or a batch, into the first free server."""
        number = self.free.pop(0)
        server = self.servers[number]
        for part in parts:
            self.run.move(part, self.id)
            part.server = number
            part.visits += 1
            part.kitted = False
            part.stage, part.asked_s = FRESH, None
            server.parts.append(part)
            self.run.note(Kind.STATION_ENTERED, self.number, part.id, part.step, float(number))
        if parts[0].way.steps[parts[0].step].components:
            self.incomplete.append(server)
        server.notify()

    def leave(self, server: Server, part: Part) -> None:
        """Let a part that is done go."""
        part.server = None
        server.parts.remove(part)
        if not server.parts:
            self.done.remove(server)
            self.cleared(server)

    def drop(self, part: Part) -> None:
        """Let a part that is done and waits to leave go out of the line."""
        assert part.server is not None
        self.leave(self.servers[part.server], part)

    def hand_over(self, part: Part) -> None:
        """Give a part that is done to a vehicle."""
        self.drop(part)

    def cleared(self, server: Server) -> None:
        """Have a server free again."""
        insort(self.free, server.number)
        if self.several:
            self.run.note(Kind.SERVER_CLEARED, self.number, value=float(server.number))
        server.notify()

    def take(self) -> bool:
        """Fill free servers from the input buffer by the dispatch rule; tell whether any moved."""
        source, moved = self.input, False
        while source is not None and self.takes and self.free and source.parts:
            chosen = self._choose(source.parts)
            if not chosen:
                break
            for part in chosen:
                source.parts.remove(part)
            self.enter(*chosen)
            moved = True
        return moved

    def supply(self, stocks: dict[str, BufferPlace]) -> bool:
        """Take components for parts that wait for them, all of a part at once; tell if any came."""
        if not self.takes:
            return False
        moved = False
        for server in tuple(self.incomplete):
            part = server.part
            assert part is not None
            step = part.way.steps[part.step]
            needed = [stocks[name].first(name, count) for name, count in step.components]
            if any(found is None for found in needed):
                continue
            for component in (one for found in needed if found for one in found):
                stocks[component.way.spec.id].parts.remove(component)
                goal = float(part.id)
                self.run.note(Kind.PART_CONSUMED, self.number, component.id, part.step, goal)
                self.run.take_out(component, good=True)
            part.kitted = moved = True
            self.incomplete.remove(server)
            server.notify()
        return moved

    def _choose(self, parts: list[Part]) -> list[Part]:
        """Return the part that the dispatch rule takes next, or the batch; nothing: none yet."""
        waiting = [(i, part) for i, part in enumerate(parts) if self._eligible(part)]
        if not waiting:
            return []
        batch = self.spec.batch
        if batch is None and (self._rules == (fifo,) or len(waiting) == 1):
            return [waiting[0][1]]
        now_s = self.run.clock.now
        keys = [
            tuple(rule(candidate, now_s) for rule in self._rules)
            for candidate in self.run.candidates(waiting, self)
        ]
        if batch is None:
            return [waiting[keys.index(min(keys))][1]]
        assert self.input is not None
        ranked = [waiting[i][1] for i in sorted(range(len(keys)), key=lambda i: keys[i])]
        return batch_of(ranked, batch, self.input, self.id)

    def _eligible(self, part: Part) -> bool:
        assert self.input is not None
        if not self.input.arrived(part):
            return False
        if not self.run.cards.admit(part.way.spec.id, part.place, self.id):
            return False
        step = part.way.steps[part.step]
        if self.run.assignment and part.order:
            given = self.run.assignment.get(f"{part.order}/{step.spec.id}")
            # What waits where the station that is given does not take from stays for who is there.
            if given is not None and self.run.line.station(given).input_buffer == self.input.id:
                return given == self.id
        return self.id in step.stations


def _nothing() -> None:
    """Only have a round."""
