"""The folded condition of parts, failure modes, stations and orders, between two events."""

from __future__ import annotations

from dataclasses import dataclass, field

from twin.events.kinds import Status
from twin.events.state import (
    Clock,
    ModeState,
    ModeStatus,
    OrderState,
    Outage,
    PartState,
    PartStatus,
    StationState,
    WearState,
)
from twin.line import Failure, Maintenance, Mode, Station, Wear

WORK: dict[PartStatus, Status] = {
    "setup": Status.SETUP,
    "loading": Status.HANDLING,
    "processing": Status.PROCESSING,
    "unloading": Status.HANDLING,
}
"""Status of a server by that of its part, while work on it goes on."""


@dataclass(slots=True)
class RunningClock:
    """A clock that is being folded; see ``twin.events.state.Clock``."""

    worked_s: float = 0.0
    since_s: float | None = None
    given_s: float | None = None
    remaining_s: float | None = None
    rate: float = 1.0

    def resume(self, time_s: float) -> None:
        """Run from a moment on; nothing if it runs already."""
        if self.since_s is None:
            self.since_s = time_s

    def pause(self, time_s: float) -> None:
        """Stand still from a moment on; nothing if it does already."""
        if self.since_s is not None:
            self.worked_s += (time_s - self.since_s) * self.rate
            self.since_s = None

    def clock(self) -> Clock:
        """Return it as a piece of the state document."""
        return Clock(
            worked_s=self.worked_s,
            since_s=self.since_s,
            given_s=self.given_s,
            remaining_s=self.remaining_s,
            rate=self.rate,
        )

    def set_rate(self, rate: float, time_s: float) -> None:
        """Run faster or slower from a moment on."""
        if rate != self.rate:
            runs = self.since_s is not None
            self.pause(time_s)
            self.rate = rate
            if runs:
                self.resume(time_s)

    @staticmethod
    def of(clock: Clock) -> RunningClock:
        """Return a clock of the state document, ready to be folded."""
        return RunningClock(
            clock.worked_s, clock.since_s, clock.given_s, clock.remaining_s, clock.rate
        )


@dataclass(slots=True)
class PartNow:
    """One part; the fields are those of ``PartState``."""

    id: int
    product: str
    order: str | None
    created_s: float
    location: str
    entered_s: float
    operation: int = 0
    server: int | None = None
    status: PartStatus = "waiting"
    visits: int = 0
    reworks: dict[str, int] = field(default_factory=dict)
    clock: RunningClock | None = None
    done_s: float | None = None
    ready_s: float | None = None
    kitted: bool = False
    family: int | None = None
    stage: int = 0
    team: dict[str, int] = field(default_factory=dict)
    slowed: float = 1.0
    asked_s: float | None = None

    @property
    def works(self) -> bool:
        """Whether it is being processed at this moment."""
        return (
            self.status == "processing"
            and self.clock is not None
            and self.clock.since_s is not None
        )

    def state(self) -> PartState:
        """Return it as a piece of the state document."""
        return PartState(
            id=self.id,
            product=self.product,
            order=self.order,
            created_s=self.created_s,
            location=self.location,
            entered_s=self.entered_s,
            operation=self.operation,
            server=self.server,
            status=self.status,
            visits=self.visits,
            reworks=dict(sorted(self.reworks.items())),
            clock=self.clock.clock() if self.clock else None,
            done_s=self.done_s,
            ready_s=self.ready_s,
            kitted=self.kitted,
            family=self.family,
            stage=self.stage,
            team=dict(sorted(self.team.items())),
            slowed=self.slowed,
            asked_s=self.asked_s,
        )

    @staticmethod
    def of(state: PartState) -> PartNow:
        """Return a part of the state document, ready to be folded."""
        return PartNow(
            id=state.id,
            product=state.product,
            order=state.order,
            created_s=state.created_s,
            location=state.location,
            entered_s=state.entered_s,
            operation=state.operation,
            server=state.server,
            status=state.status,
            visits=state.visits,
            reworks=dict(state.reworks),
            clock=RunningClock.of(state.clock) if state.clock else None,
            done_s=state.done_s,
            ready_s=state.ready_s,
            kitted=state.kitted,
            family=state.family,
            stage=state.stage,
            team=dict(state.team),
            slowed=state.slowed,
            asked_s=state.asked_s,
        )


@dataclass(slots=True)
class ModeNow:
    """One failure mode, or maintenance, of one station."""

    spec: Mode
    status: ModeStatus = "running"
    count: int = 0
    renewed: int = 0
    age: RunningClock = field(default_factory=RunningClock)
    failed_s: float | None = None
    repair: RunningClock | None = None
    team: dict[str, int] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether it keeps the station from working; maintenance that is only due does not yet."""
        return self.spec.stops and self.status in ("waiting", "repair")

    def new_life(self, time_s: float, *, used: bool, rate: float) -> None:
        """Begin to age anew; ``used``: the station processes."""
        calendar = self.spec.clock == "calendar" and self.spec.life is not None
        runs = calendar or (self.spec.clock == "operating" and used)
        self.age = RunningClock(0.0, time_s if runs else None, rate=rate)

    def state(self) -> ModeState:
        """Return it as a piece of the state document."""
        return ModeState(
            status=self.status,
            count=self.count,
            renewed=self.renewed,
            age=self.age.clock(),
            failed_s=self.failed_s,
            repair=self.repair.clock() if self.repair else None,
            team=dict(sorted(self.team.items())),
        )

    @staticmethod
    def of(spec: Mode, state: ModeState) -> ModeNow:
        """Return a mode of the state document, ready to be folded."""
        return ModeNow(
            spec=spec,
            status=state.status,
            count=state.count,
            renewed=state.renewed,
            age=RunningClock.of(state.age),
            failed_s=state.failed_s,
            repair=RunningClock.of(state.repair) if state.repair else None,
            team=dict(state.team),
        )


@dataclass(slots=True)
class WearNow:
    """How worn one station is."""

    spec: Wear
    level: int
    steps: int
    lowered: int
    clock: RunningClock | None

    @property
    def time_factor(self) -> float:
        """Factor on the processing that begins now."""
        return self.spec.at(self.level).time_factor

    def rate(self, mode: Mode) -> float:
        """Return how fast a mode ages."""
        failure = isinstance(mode, Failure)
        return self.spec.failure_factor(self.level, mode.id, failure=failure)

    def comes_to(self, level: int, time_s: float, *, used: bool, risen: bool) -> None:
        """Be at another level, and wear on from there; ``used``: the station processes."""
        self.level = level
        self.steps += risen
        self.lowered += not risen
        runs = self.spec.clock == "calendar" or (self.spec.clock == "operating" and used)
        last = level == len(self.spec.levels)
        self.clock = None if last else RunningClock(0.0, time_s if runs else None)

    def work_began(self, time_s: float) -> None:
        """Let the station process."""
        if self.clock is not None and self.spec.clock == "operating":
            self.clock.resume(time_s)

    def work_ended(self, time_s: float) -> None:
        """Let the station process no more."""
        if self.clock is not None and self.spec.clock == "operating":
            self.clock.pause(time_s)

    def operation_ended(self) -> None:
        """Count an operation."""
        if self.clock is not None and self.spec.clock == "cycles":
            self.clock.worked_s += 1.0

    def state(self) -> WearState:
        """Return it as a piece of the state document."""
        clock = self.clock.clock() if self.clock else None
        return WearState(level=self.level, steps=self.steps, lowered=self.lowered, clock=clock)

    @staticmethod
    def of(spec: Wear, state: WearState) -> WearNow:
        """Return wear of the state document, ready to be folded."""
        clock = RunningClock.of(state.clock) if state.clock else None
        return WearNow(spec, state.level, state.steps, state.lowered, clock)


@dataclass(slots=True)
class StationNow:
    """One station with the parts inside."""

    spec: Station
    modes: dict[str, ModeNow]
    on: bool = True
    group: str | None = None
    outages: list[Outage] = field(default_factory=list)
    finished: int = 0
    inside: dict[int, PartNow] = field(default_factory=dict)
    working: int = 0
    """Servers that process at this moment."""
    made: int = 0
    first: PartNow | None = None
    """The part whose operation ended last, the first of its batch."""
    replaced: list[PartNow] = field(default_factory=list)
    """Parts that others have taken the place of since then."""
    gone: list[PartNow] | None = None
    """The same, once a first part was made of them."""
    manned: bool = False
    """Whether some work here needs people."""
    attended: bool = False
    """Whether a part that waits here, and could be worked on, waits for people."""
    wear: WearNow | None = None

    @staticmethod
    def of(spec: Station, state: StationState) -> StationNow:
        """Return a station of the state document, ready to be folded; parts come in later."""
        modes = {
            mode.id: ModeNow.of(mode, state.modes.get(mode.id, ModeState())) for mode in spec.modes
        }
        return StationNow(
            spec,
            modes,
            state.on,
            state.setup_group,
            list(state.outages),
            state.finished,
            made=state.made,
            wear=WearNow.of(spec.wear, state.wear or WearState()) if spec.wear else None,
        )

    def state(self) -> StationState:
        """Return it as a piece of the state document."""
        return StationState(
            on=self.on,
            setup_group=self.group,
            modes={name: mode.state() for name, mode in self.modes.items()},
            outages=tuple(self.outages),
            finished=self.finished,
            made=self.made,
            wear=self.wear.state() if self.wear else None,
        )

    @property
    def stopped(self) -> bool:
        """Whether a failure or an outage stops it."""
        return bool(self.outages) or any(mode.stops for mode in self.modes.values())

    @property
    def failed(self) -> bool:
        """Whether a failure or an outage stops it, and not maintenance alone."""
        failures = (mode for mode in self.modes.values() if isinstance(mode.spec, Failure))
        return bool(self.outages) or any(mode.stops for mode in failures)

    @property
    def slowed(self) -> float:
        """Factor of failures on the processing that begins now."""
        factor = 1.0
        for mode in self.modes.values():
            if isinstance(mode.spec, Failure) and mode.status != "running":
                factor *= mode.spec.slow_factor
        return factor * self.wear.time_factor if self.wear else factor

    def new_life(self, mode: ModeNow, time_s: float) -> None:
        """Let a mode begin to age anew."""
        rate = self.wear.rate(mode.spec) if self.wear else 1.0
        mode.new_life(time_s, used=self.working > 0, rate=rate)

    def worn(self, level: int, time_s: float, *, risen: bool) -> None:
        """Be at another level of wear."""
        assert self.wear is not None
        self.wear.comes_to(level, time_s, used=self.working > 0, risen=risen)
        for mode in self.modes.values():
            if mode.status == "running":
                mode.age.set_rate(self.wear.rate(mode.spec), time_s)

    @property
    def in_maintenance(self) -> bool:
        """Whether maintenance is due or goes on."""
        planned = (mode for mode in self.modes.values() if isinstance(mode.spec, Maintenance))
        return any(mode.status != "running" for mode in planned)

    @property
    def running(self) -> bool:
        """Whether work in process goes on."""
        return not self.stopped and (self.on or self.spec.at_shift_end == "finish")

    def put(self, part: PartNow) -> None:
        """Let a part in that may be in the middle of its work."""
        self.inside[part.id] = part
        self.working += part.works

    def work_began(self, time_s: float) -> None:
        """One more server processes: failure modes on the operating clock age."""
        self.working += 1
        if self.working == 1:
            for mode in self.modes.values():
                if mode.spec.clock == "operating" and mode.status == "running":
                    mode.age.resume(time_s)
            if self.wear is not None:
                self.wear.work_began(time_s)

    def work_ended(self, time_s: float) -> None:
        """One server fewer processes."""
        self.working -= 1
        if self.working == 0:
            for mode in self.modes.values():
                if mode.spec.clock == "operating":
                    mode.age.pause(time_s)
            if self.wear is not None:
                self.wear.work_ended(time_s)

    def operation_ended(self) -> None:
        """Count an operation, for the modes too that age with them."""
        self.finished += 1
        for mode in self.modes.values():
            if mode.spec.clock == "cycles" and mode.status == "running":
                mode.age.worked_s += mode.age.rate
        if self.wear is not None:
            self.wear.operation_ended()

    def pause(self, time_s: float) -> None:
        """Let work in process stand still."""
        for part in self.inside.values():
            self.pause_part(part, time_s)

    def pause_part(self, part: PartNow, time_s: float) -> None:
        """Let the work on one part stand still; nothing if it does already."""
        if part.clock is not None and part.clock.since_s is not None:
            part.clock.pause(time_s)
            if part.status == "processing":
                self.work_ended(time_s)

    def go_on(self, time_s: float) -> None:
        """Let work in process go on, unless something else stops it."""
        if not self.running:
            return
        for part in self.inside.values():
            # What waits for people in the middle of its work goes on with WORK_RESUMED.
            if part.clock is not None and part.clock.since_s is None and part.asked_s is None:
                part.clock.resume(time_s)
                if part.status == "processing":
                    self.work_began(time_s)

    def statuses(self) -> list[Status]:
        """Return what each server is doing."""
        idle = Status.STARVED if self.on else Status.OFF
        if self.in_maintenance:
            idle = Status.MAINTENANCE
        found = [Status.FAILED if self.failed else idle] * self.spec.servers
        if self.failed:
            return found
        seen: set[int] = set()
        for part in self.inside.values():
            if part.server is None or part.server >= len(found) or part.server in seen:
                continue
            seen.add(part.server)  # the first of a batch tells how far it is
            if part.clock is not None and part.clock.since_s is not None:
                found[part.server] = WORK[part.status]
            elif self.on and not self.in_maintenance:
                if part.status == "done":
                    found[part.server] = Status.BLOCKED
                elif self.attended:
                    found[part.server] = Status.NO_OPERATOR
        return found


@dataclass(slots=True)
class OrderCount:
    """How far one order has come."""

    released: bool = False
    created: int = 0
    finished: int = 0
    scrapped: int = 0
    extra: int = 0

    def state(self) -> OrderState:
        """Return it as a piece of the state document."""
        return OrderState(
            released=self.released,
            created=self.created,
            finished=self.finished,
            scrapped=self.scrapped,
            extra=self.extra,
        )

    @staticmethod
    def of(state: OrderState) -> OrderCount:
        """Return an order of the state document, ready to be counted on."""
        return OrderCount(
            state.released, state.created, state.finished, state.scrapped, state.extra
        )
