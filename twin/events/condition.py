"""The folded condition of parts, failure modes and stations, between two events."""

from __future__ import annotations

from dataclasses import dataclass, field

from twin.events.kinds import Status
from twin.events.state import (
    Clock,
    ModeState,
    ModeStatus,
    Outage,
    PartState,
    PartStatus,
    StationState,
)
from twin.line import Failure, Station


@dataclass(slots=True)
class RunningClock:
    """A clock that is being folded; see ``twin.events.state.Clock``."""

    worked_s: float = 0.0
    since_s: float | None = None
    given_s: float | None = None
    remaining_s: float | None = None

    def resume(self, time_s: float) -> None:
        """Run from a moment on; nothing if it runs already."""
        if self.since_s is None:
            self.since_s = time_s

    def pause(self, time_s: float) -> None:
        """Stand still from a moment on; nothing if it does already."""
        if self.since_s is not None:
            self.worked_s += time_s - self.since_s
            self.since_s = None

    def clock(self) -> Clock:
        """Return it as a piece of the state document."""
        return Clock(
            worked_s=self.worked_s,
            since_s=self.since_s,
            given_s=self.given_s,
            remaining_s=self.remaining_s,
        )

    @staticmethod
    def of(clock: Clock) -> RunningClock:
        """Return a clock of the state document, ready to be folded."""
        return RunningClock(clock.worked_s, clock.since_s, clock.given_s, clock.remaining_s)


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
        )


@dataclass(slots=True)
class ModeNow:
    """One failure mode of one station."""

    calendar: bool
    crew: str | None
    status: ModeStatus = "running"
    count: int = 0
    age: RunningClock = field(default_factory=RunningClock)
    failed_s: float | None = None
    repair: RunningClock | None = None

    def state(self) -> ModeState:
        """Return it as a piece of the state document."""
        return ModeState(
            status=self.status,
            count=self.count,
            age=self.age.clock(),
            failed_s=self.failed_s,
            repair=self.repair.clock() if self.repair else None,
        )

    @staticmethod
    def of(spec: Failure, state: ModeState) -> ModeNow:
        """Return a mode of the state document, ready to be folded."""
        return ModeNow(
            calendar=spec.clock == "calendar",
            crew=spec.crew,
            status=state.status,
            count=state.count,
            age=RunningClock.of(state.age),
            failed_s=state.failed_s,
            repair=RunningClock.of(state.repair) if state.repair else None,
        )


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

    @staticmethod
    def of(spec: Station, state: StationState) -> StationNow:
        """Return a station of the state document, ready to be folded; parts come in later."""
        modes = {
            mode.id: ModeNow.of(mode, state.modes.get(mode.id, ModeState()))
            for mode in sorted(spec.failures, key=lambda mode: mode.id)
        }
        return StationNow(
            spec,
            modes,
            state.on,
            state.setup_group,
            list(state.outages),
            state.finished,
            made=state.made,
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
        )

    @property
    def stopped(self) -> bool:
        """Whether a failure or an outage stops it."""
        return bool(self.outages) or any(m.status != "running" for m in self.modes.values())

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
                if not mode.calendar and mode.status == "running":
                    mode.age.resume(time_s)

    def work_ended(self, time_s: float) -> None:
        """One server fewer processes."""
        self.working -= 1
        if self.working == 0:
            for mode in self.modes.values():
                if not mode.calendar:
                    mode.age.pause(time_s)

    def pause(self, time_s: float) -> None:
        """Let work in process stand still."""
        for part in self.inside.values():
            if part.clock is not None and part.clock.since_s is not None:
                part.clock.pause(time_s)
                if part.status == "processing":
                    self.work_ended(time_s)

    def go_on(self, time_s: float) -> None:
        """Let work in process go on, unless something else stops it."""
        if not self.running:
            return
        for part in self.inside.values():
            if part.clock is not None and part.clock.since_s is None:
                part.clock.resume(time_s)
                if part.status == "processing":
                    self.work_began(time_s)

    def statuses(self) -> list[Status]:
        """Return what each server is doing."""
        idle = Status.STARVED if self.on else Status.OFF
        found = [Status.FAILED if self.stopped else idle] * self.spec.servers
        if self.stopped:
            return found
        seen: set[int] = set()
        for part in self.inside.values():
            if part.server is None or part.server >= len(found) or part.server in seen:
                continue
            seen.add(part.server)  # the first of a batch tells how far it is
            working = part.clock is not None and part.clock.since_s is not None
            if part.status in ("processing", "setup") and working:
                found[part.server] = Status(part.status)
            elif self.on:
                found[part.server] = Status.BLOCKED if part.status == "done" else Status.STARVED
        return found
