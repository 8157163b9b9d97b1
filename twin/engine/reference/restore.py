"""Begin a run from a state document.

A pending activity of the same stream draws the same total again, so the run goes on exactly. From a
real line, or on another stream, what is left is drawn given the age reached; where the document
states the time left, that counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.engine.model import Draw, setup_s
from twin.engine.reference.clock import Timer
from twin.engine.reference.interruptions import FailureMode, OrderRelease, OutageSwitch
from twin.engine.reference.run import Part
from twin.errors import Finding, StateError
from twin.events.state import Clock, LineState, PartState, StationState, StreamState

if TYPE_CHECKING:
    from twin.engine.reference.engine import ReferenceEngine


def restore(engine: ReferenceEngine, state: LineState) -> None:
    """Put a freshly built engine into a state.

    Raises
    ------
    StateError
        If the state names what the line does not have, or more than fits; all findings at once.
    """
    findings = _findings(engine, state)
    if findings:
        raise StateError("the state", findings)
    options = engine.options
    mine = StreamState(
        seed=options.seed, replication=options.replication, antithetic=options.antithetic
    )
    Restore(engine, state, same_stream=state.stream == mine)()


class Restore:
    """Puts one state into one engine."""

    def __init__(self, engine: ReferenceEngine, state: LineState, *, same_stream: bool) -> None:
        self.engine = engine
        self.state = state
        self.same_stream = same_stream

    def __call__(self) -> None:
        """Do it: stations first, because parts resume only where the station runs."""
        engine, state, run = self.engine, self.state, self.engine.run
        run.finished, run.scrapped = state.finished, state.scrapped
        for name, order in state.orders.items():
            if name in run.orders:
                count = run.orders[name]
                count.released = order.released
                count.created, count.finished = order.created, order.finished
                count.scrapped = order.scrapped
        for name in engine.stations:
            self._station(name, state.stations.get(name) or StationState())
        for part in state.parts:
            self._part(part)
        for name in engine.stations:
            self._modes(name, state.stations.get(name) or StationState())
        by_name = {
            f"{name}/{mode.spec.id}": mode for name, modes in engine.modes.items() for mode in modes
        }
        for name in state.queue:
            mode = by_name[name]
            if mode.crew is not None:
                mode.crew.queue.append(mode)
        for shift in engine.shifts:
            shift.arm()
        for name, count in run.orders.items():
            if not count.released:
                OrderRelease(run, name).arm()
        self._sources()
        self._done_in_order()

    def _station(self, name: str, state: StationState) -> None:
        engine = self.engine
        station = engine.stations[name]
        station.on = state.on
        station.finished = state.finished
        setup = station.spec.setup
        station.group = state.setup_group or (setup.initial_group if setup else None)
        for outage in state.outages:
            switch = OutageSwitch(engine.run, station, outage.since_s, outage.until_s)
            engine.outages.append(switch)
            switch.go_on()
        for mode in engine.modes[name]:
            if name in self.state.stations:
                found = state.modes.get(mode.spec.id)
                if found is not None and found.status != "running":
                    station.stops += 1

    def _part(self, state: PartState) -> None:
        engine, run = self.engine, self.engine.run
        part = Part(
            id=state.id,
            way=run.ways[state.product],
            order=state.order,
            created_s=state.created_s,
            place=state.location,
            entered_s=state.entered_s,
            step=state.operation,
            status=state.status,
            visits=state.visits,
            reworks={int(step): count for step, count in state.reworks.items()},
            done_s=state.created_s if state.done_s is None else state.done_s,
        )
        run.parts[part.id] = part
        if state.location in engine.buffers:
            engine.buffers[state.location].parts.append(part)
        elif state.location in engine.sources:
            engine.sources[state.location].queue.append(part)
        else:
            self._inside(part, state)

    def _inside(self, part: Part, state: PartState) -> None:
        station = self.engine.stations[part.place]
        number = station.free[0] if state.server is None else state.server
        station.free.remove(number)
        server = station.servers[number]
        server.part, part.server = part, number
        if part.status == "done":
            station.done.append(server)
        elif part.status == "processing":
            draw = part.way.steps[part.step].time[station.id]
            self._activity(server.timer, state.clock or Clock(), draw, part.id, part.visits - 1)
            if server.timer.since_s is not None:
                station.working += 1
        elif part.status == "setup":
            total_s = setup_s(station.spec, station.group, part.way.spec.group)
            self._known(server.timer, state.clock or Clock(), total_s)
        if server.timer.since_s is None and part.status in ("processing", "setup"):
            if station.running:
                server.timer.resume()
                station.working += part.status == "processing"

    def _modes(self, name: str, state: StationState) -> None:
        for mode in self.engine.modes[name]:
            found = state.modes.get(mode.spec.id)
            if found is None:
                mode.new_life()
                continue
            mode.status, mode.count, mode.failed_s = found.status, found.count, found.failed_s
            if found.status == "running":
                self._activity(mode.life, found.age, mode.life_time, mode.count, 0)
                if mode.spec.clock == "calendar" or mode.station.working:
                    mode.life.resume()
            elif found.status == "repair":
                self._repair(mode, found.repair or Clock())
            elif mode.crew is None and f"{name}/{mode.spec.id}" not in self.state.queue:
                self.engine.run.newly_failed.append(mode)

    def _repair(self, mode: FailureMode, clock: Clock) -> None:
        if mode.crew is not None:
            mode.crew.free -= 1
        self._activity(mode.repair, clock, mode.repair_time, mode.count - 1, 0)
        mode.repair.resume()

    def _activity(self, timer: Timer, clock: Clock, draw: Draw, a: int, b: int) -> None:
        """Load a timer with an activity that has begun already."""
        now_s = self.state.time_s
        if clock.remaining_s is None and self.same_stream:
            total_s = draw(a, b)
            if clock.elapsed_s(now_s) <= total_s:
                self._known(timer, clock, total_s)
                return
        elapsed_s = clock.elapsed_s(now_s)
        left_s = draw.left(elapsed_s, a, b) if clock.remaining_s is None else clock.remaining_s
        timer.load(elapsed_s + left_s)
        timer.worked_s = elapsed_s
        if clock.since_s is not None:
            timer.resume()

    def _known(self, timer: Timer, clock: Clock, total_s: float) -> None:
        timer.load(max(total_s, clock.elapsed_s(self.state.time_s)))
        timer.worked_s = clock.worked_s
        if clock.since_s is not None:
            timer.resume(clock.since_s)

    def _sources(self) -> None:
        now_s = self.state.time_s
        for name, source in self.engine.sources.items():
            found = self.state.sources.get(name)
            if found is None:
                source.expect()
                continue
            source.created = found.created
            source.since_s = now_s if found.since_s is None else found.since_s
            if source.spec.arrivals != "interarrival":
                continue
            if found.since_s is None or (self.same_stream and source.due_s() >= now_s):
                source.expect()
            else:
                source.expect(source.left_s(now_s - found.since_s))

    def _done_in_order(self) -> None:
        for station in self.engine.stations.values():
            station.done.sort(key=lambda server: (server.part.done_s, server.number))  # type: ignore[union-attr]


def _findings(engine: ReferenceEngine, state: LineState) -> list[Finding]:
    line, run = engine.line, engine.run
    findings: list[Finding] = []
    if state.line_id != line.id:
        findings.append(Finding("line_id", f"is {state.line_id!r}", f"{line.id!r}"))
    content: dict[str, int] = {}
    places = {**engine.buffers, **engine.stations, **engine.sources}
    for part in state.parts:
        path = f"parts.{part.id}"
        if part.location not in places:
            findings.append(Finding(path, f"is at unknown place {part.location!r}"))
        if part.product not in run.ways:
            findings.append(Finding(path, f"is of unknown product {part.product!r}"))
        elif part.operation > len(run.ways[part.product].steps) - (part.status != "done"):
            findings.append(Finding(path, f"has no operation {part.operation} in its routing"))
        elif part.location in engine.stations and part.status in ("waiting", "processing", "setup"):
            step = run.ways[part.product].steps[part.operation]
            if part.location not in step.stations:
                message = f"station {part.location!r} does not do operation {step.spec.id!r}"
                findings.append(Finding(path, message, f"one of: {', '.join(step.stations)}"))
        if part.order is not None and part.order not in run.orders:
            findings.append(Finding(path, f"is of unknown order {part.order!r}"))
        content[part.location] = content.get(part.location, 0) + 1
    findings += _overfull(engine, content)
    findings += _unknown_modes(engine, state)
    return findings


def _overfull(engine: ReferenceEngine, content: dict[str, int]) -> list[Finding]:
    # A buffer may hold more than its capacity, which a scenario can lower below what lies in it:
    # nothing enters until there is room again.
    rooms = {name: len(station.servers) for name, station in engine.stations.items()}
    return [
        Finding(name, f"holds {count} parts", f"at most {rooms[name]}")
        for name, count in sorted(content.items())
        if count > rooms.get(name, count)
    ]


def _unknown_modes(engine: ReferenceEngine, state: LineState) -> list[Finding]:
    known = {f"{name}/{mode.spec.id}" for name, modes in engine.modes.items() for mode in modes}
    named = set(state.queue) | {
        f"{name}/{mode}" for name, station in state.stations.items() for mode in station.modes
    }
    return [Finding("stations", f"unknown failure mode {name!r}") for name in sorted(named - known)]
