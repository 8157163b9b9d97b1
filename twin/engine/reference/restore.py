"""Begin a run from a state document that ``twin.events.beginning`` has made ready.

A pending activity draws its total again by the index of its draw. One that is marked with an age
(from a real line, or from other random numbers) draws what is left given that age; where the
document states the time left, that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from twin.engine.model import Draw, OwnTime, setup_s
from twin.engine.reference.clock import Timer
from twin.engine.reference.interruptions import OrderRelease, OutageSwitch
from twin.engine.reference.modes import MaintenanceMode
from twin.engine.reference.run import Part
from twin.engine.reference.vehicles import Goal, Vehicle
from twin.events.condition import OrderCount
from twin.events.state import PHASE_OF, Clock, LineState, PartState, StationState, VehicleState

if TYPE_CHECKING:
    from twin.engine.reference.engine import ReferenceEngine


def restore(engine: ReferenceEngine, state: LineState) -> None:
    """Put a freshly built engine into a state, which must be complete and fit the line."""
    Restore(engine, state)()


class Restore:
    """Puts one state into one engine."""

    def __init__(self, engine: ReferenceEngine, state: LineState) -> None:
        self.engine = engine
        self.state = state

    def __call__(self) -> None:
        """Do it: stations first, because parts resume only where the station runs."""
        engine, state, run = self.engine, self.state, self.engine.run
        run.finished, run.scrapped = state.finished, state.scrapped
        run.turns = dict(state.turns)
        for name, crew in state.crews.items():
            pool = engine.workforce.pools[name]
            pool.on, pool.away, pool.told_away = crew.on, crew.away, crew.away
        for name, station in state.stations.items():
            self._station(name, station)
        # Parts that name their server come first, so that no other takes it.
        for part in state.parts:
            self._part(part)
            run.watch(run.parts[part.id])
        for part in sorted(state.parts, key=lambda part: part.server is None):
            if part.location in engine.stations:
                self._inside(run.parts[part.id], part)
        self._vehicles()
        for name in engine.stations:
            self._wear(name, state.stations[name])
            self._modes(name, state.stations[name])
        self._queue()
        for shift in engine.shifts:
            shift.arm(inclusive=True)
        for coming in engine.workforce.shifts:
            coming.arm(inclusive=True)
        self._orders()
        self._sources()
        self._done_in_order()

    def _station(self, name: str, state: StationState) -> None:
        engine = self.engine
        station = engine.stations[name]
        station.on = state.on
        station.finished, station.made = state.finished, state.made
        station.group = state.setup_group
        for outage in state.outages:
            switch = OutageSwitch(engine.run, station, outage.since_s)
            engine.outages.append(switch)
            switch.go_on(outage.until_s)
        for mode in station.modes:
            found = state.modes[mode.spec.id].status
            if found == "due" and isinstance(mode, MaintenanceMode):
                station.due.append(mode)
            else:
                station.stops += mode.spec.stops and found != "running"

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
            done_s=state.entered_s if state.done_s is None else state.done_s,
            ready_s=state.ready_s,
            kitted=state.kitted,
            family=state.family,
            stage=state.stage,
            team=dict(state.team),
            slowed=state.slowed,
            asked_s=state.asked_s,
        )
        run.put_in(part)
        for crew, count in part.team.items():
            engine.workforce.pools[crew].busy += count
        if state.location in engine.buffers:
            buffer = engine.buffers[state.location]
            buffer.parts.append(part)
            if part.status == "done":
                buffer.leaving.append(part)
            else:
                buffer.look_out_for(part)
        elif state.location in engine.sources:
            engine.sources[state.location].queue.append(part)

    def _inside(self, part: Part, state: PartState) -> None:
        station = self.engine.stations[part.place]
        number = station.free[0] if state.server is None else state.server
        server = station.servers[number]
        server.parts.append(part)
        part.server = number
        if len(server.parts) > 1:
            return  # the first of a batch tells how far it is
        station.free.remove(number)
        clock = state.clock or Clock()
        step = part.way.steps[part.step] if part.step < len(part.way.steps) else None
        if part.status == "waiting" and step is not None and step.components and not part.kitted:
            station.incomplete.append(server)
        if part.status == "done":
            station.done.append(server)
        elif step is not None and part.status in ("loading", "processing", "unloading"):
            draws: dict[str, Mapping[str, Draw | OwnTime]] = {
                "loading": step.load,
                "processing": step.time,
                "unloading": step.unload,
            }
            draw = draws[part.status][station.id]
            self._activity(server.timer, clock, draw, part.id, part.visits - 1, part.slowed)
        elif part.status == "setup":
            total_s = setup_s(station.spec, station.group, part.way.spec.group)
            if clock.remaining_s is not None:
                total_s = self._age_s(clock) + clock.remaining_s
            server.timer.restore(clock, total_s)
        if part.status in PHASE_OF:
            if station.running and (part.team or not server.needs()):
                server.timer.resume()
            station.working += part.status == "processing" and server.timer.since_s is not None

    def _vehicles(self) -> None:
        for name, pool in self.engine.transport.pools.items():
            for vehicle, found in zip(pool.vehicles, self.state.vehicles[name], strict=True):
                self._vehicle(vehicle, found)

    def _vehicle(self, vehicle: Vehicle, state: VehicleState) -> None:
        """Put a vehicle where it is; a place is kept for the part that it was sent for."""
        engine, run = self.engine, self.engine.run
        vehicle.status, vehicle.place = state.status, state.place
        if state.status == "idle":
            return
        if state.part is not None and state.goal is not None:
            part = vehicle.part = run.parts[state.part]
            goal = vehicle.goal = self._goal(state.goal)
            part.called = True
            goal.incoming += 1
            on_board = part.place == vehicle.pool.spec.id
            origin = state.place if on_board else part.place
            if on_board:
                run.cards.take(part.way.spec.id, origin)
            run.cards.set_out(part.way.spec.id, origin, goal.id)
            if origin in engine.sources and not on_board:
                engine.sources[origin].queue.remove(part)
                engine.sources[origin].called.append(part)
        clock = state.clock or Clock(since_s=self.state.time_s)
        if clock.since_s is None:
            clock = clock.model_copy(update={"since_s": self.state.time_s})
        draws = {"loading": vehicle.pool.load, "unloading": vehicle.pool.unload}
        draw = draws.get(state.status)
        if draw is not None and vehicle.part is not None:
            self._activity(vehicle.timer, clock, draw, vehicle.part.id, vehicle.part.visits)
            return
        total_s = vehicle.total_s()
        if clock.remaining_s is not None:
            total_s = self._age_s(clock) + clock.remaining_s
        vehicle.timer.restore(clock, total_s)

    def _goal(self, name: str) -> Goal:
        engine = self.engine
        found = engine.buffers.get(name) or engine.stations.get(name)
        return found or engine.transport.sinks[name]

    def _wear(self, name: str, state: StationState) -> None:
        """Put a station's wear where it is: how fast its modes age depends on it."""
        wear, found = self.engine.stations[name].wear, state.wear
        if wear is None or found is None:
            return
        wear.level, wear.steps, wear.lowered = found.level, found.steps, found.lowered
        wear.set_rates()
        if not wear.last:
            draw = wear.draws[wear.level]
            self._activity(wear.timer, found.clock or Clock(), draw, wear.steps, wear.lowered)

    def _modes(self, name: str, state: StationState) -> None:
        for mode in self.engine.modes[name]:
            found = state.modes[mode.spec.id]
            mode.status, mode.count, mode.failed_s = found.status, found.count, found.failed_s
            mode.renewed = found.renewed
            if found.status == "running":
                if mode.life_time is None:
                    mode.expect(inclusive=True)
                else:
                    life = mode.life_time
                    self._activity(mode.life, found.age, life, mode.count, mode.renewed)
            if found.status == "repair" or found.repair is not None:
                mode.begun = True
                work = found.repair or Clock()
                self._activity(mode.work, work, mode.work_time, mode.count - 1, 0)
            if found.status == "repair":
                mode.team = dict(found.team)
                if mode.spec.crew is not None:
                    mode.team = {mode.spec.crew: mode.spec.people}
                for crew, count in mode.team.items():
                    self.engine.workforce.pools[crew].busy += count
                mode.work.resume()
            elif found.status == "waiting" and not mode.needs:
                self.engine.run.newly_waiting.append(mode)

    def _queue(self) -> None:
        modes = {
            f"{name}/{mode.spec.id}": mode
            for name, found in self.engine.modes.items()
            for mode in found
        }
        for name in self.state.queue:
            self.engine.workforce.waiting.append(modes[name])

    def _orders(self) -> None:
        run = self.engine.run
        for name in run.orders:
            run.orders[name] = OrderCount.of(self.state.orders[name])
            if not run.orders[name].released:
                OrderRelease(run, name).arm()

    def _activity(
        self, timer: Timer, clock: Clock, draw: Draw | OwnTime, a: int, b: int, slowed: float = 1.0
    ) -> None:
        """Load a timer with an activity that has begun already."""
        if clock.remaining_s is not None:
            total_s = self._age_s(clock) + clock.remaining_s
        elif clock.given_s is not None:
            total_s = clock.given_s + draw.left(clock.given_s / slowed, a, b) * slowed
        else:
            total_s = draw(a, b) * slowed
        timer.restore(clock, total_s)

    def _age_s(self, clock: Clock) -> float:
        """Return the age at which the stated time was left, s."""
        return clock.elapsed_s(self.state.time_s) if clock.given_s is None else clock.given_s

    def _sources(self) -> None:
        for name, source in self.engine.sources.items():
            found = self.state.sources[name]
            source.created, source.drawn_s = found.created, found.drawn_s
            source.since_s = self.state.time_s if found.since_s is None else found.since_s
            source.expect()

    def _done_in_order(self) -> None:
        for buffer in self.engine.buffers.values():
            buffer.leaving.sort(key=lambda part: (part.done_s, part.id))
        for station in self.engine.stations.values():
            station.done.sort(key=lambda server: (server.part.done_s, server.number))  # type: ignore[union-attr]
