"""Servers: each takes a part, or a batch, sets up, loads, works, unloads and lets go."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, cast

from simpy.events import Event

from twin.engine.model import setup_s
from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.grouping import replace
from twin.engine.reference.run import Part
from twin.events.kinds import Kind
from twin.events.state import PHASE_OF, PartStatus
from twin.line import Need, Phase
from twin.line.workforce import PHASES
from twin.plugins import BEHAVIOURS

if TYPE_CHECKING:
    from twin.engine.reference.places import StationPlace

PLAIN = "station"
"""Kind of a station that no plug-in brings."""
FRESH, LOADED, PROCESSED = 0, 1, 2
"""Stages of a visit."""
Process = Generator[Event, Any, None]


class Server:
    """One server of a station: it takes a part, sets up, works and lets go, for ever."""

    def __init__(self, station: StationPlace, number: int) -> None:
        run = station.run
        self.station = station
        self.number = number
        self.parts: list[Part] = []
        """Parts on it: one, a batch, or what was made of them; the first tells how far they are."""
        rank = (Due.FINISH, station.rank, number)
        self.timer = Timer(run.clock, rank, station.id, self._finished)
        self._wake: Event | None = None

    @property
    def part(self) -> Part | None:
        """The part on it, or the first of several."""
        return self.parts[0] if self.parts else None

    def wait(self) -> Event:
        """Return an event that comes when something about this server has changed."""
        self._wake = Event(self.station.run.clock)
        return self._wake

    def wait_until(self, time_s: float) -> Event:
        """Return an event that comes when something has changed, or at a moment, s."""
        clock = self.station.run.clock
        if time_s > clock.now:
            rank = (Due.LOOK, self.station.number, self.number)
            Timer(clock, rank, self.station.id, self.notify).resume_at(time_s)
        return self.wait()

    def take(self) -> Generator[Event, Any, Part]:
        """Wait for a part on which work may begin or has begun; returns it."""
        while self.part is None or not (self.begins() or self.part.status != "waiting"):
            yield self.wait()
        return self.part

    def work(self, part: Part) -> Process:
        """Do all that is to be done on a part; returns when it is done."""
        while self.part is part and part.status != "done":
            if self.begins():
                self.begin()
            yield self.wait()

    def release(self, part: Part) -> Process:
        """Wait until a part has left."""
        while self.part is part and part.status == "done":
            yield self.wait()

    def notify(self) -> None:
        """Let the server's process look again."""
        if self._wake is not None:
            wake, self._wake = self._wake, None
            wake.succeed()

    @property
    def number_in_log(self) -> int:
        """Number of the part inside."""
        assert self.part is not None
        return self.part.id

    def next_phase(self) -> Phase:
        """Return what the part inside waits for, or is in the middle of."""
        part = self.part
        assert part is not None
        if part.status in PHASE_OF:
            return PHASE_OF[part.status]
        if part.stage == PROCESSED:
            return "unload"
        if part.stage == FRESH:
            if setup_s(self.station.spec, self.station.group, part.way.spec.group) > 0:
                return "setup"
            if part.way.steps[part.step].load:
                return "load"
        return "process"

    def needs(self) -> tuple[Need, ...]:
        """Return the people that the part inside needs now."""
        part = self.part
        assert part is not None
        return part.way.steps[part.step].needs[self.station.id][self.next_phase()]

    def asks_for_people(self) -> bool:
        """Tell whether work on the part inside waits for people, and for nothing else."""
        part, station = self.part, self.station
        if part is None or part.team or part.status == "done":
            return False
        if part.status == "waiting":
            return station.may_begin and self._complete(part) and bool(self.needs())
        return self.timer.since_s is None and station.running and bool(self.needs())

    @staticmethod
    def _complete(part: Part) -> bool:
        """Tell whether the components of what begins now are there."""
        return part.kitted or not part.way.steps[part.step].components

    def people_came(self, team: dict[str, int]) -> None:
        """Phase 2: everybody whom the work needs is there."""
        part = self.part
        assert part is not None
        part.team, part.asked_s = team, None
        if part.status in PHASE_OF:
            self._note_phase(Kind.WORK_RESUMED)
            self.go_on()
        else:
            self.notify()

    def people_left(self) -> None:
        """Phase 1: work stands still, and all its people go."""
        part = self.part
        assert part is not None
        self.pause()
        if part.status in PHASE_OF:
            part.asked_s = self.station.run.clock.now
            self._note_phase(Kind.WORK_PAUSED)
        self.station.workforce.let_go(self.station, part)

    def _note_phase(self, kind: Kind) -> None:
        assert self.part is not None
        run, phase = self.station.run, PHASES.index(self.next_phase())
        run.note(kind, self.station.number, self.part.id, phase)

    def pause(self) -> None:
        """Phase 1: work stands still."""
        if self.timer.since_s is not None:
            self.timer.pause()
            if self.part is not None and self.part.status == "processing":
                self.station.work_ended()

    def go_on(self) -> None:
        """Work that stood still goes on."""
        if self.timer.since_s is None:
            self.timer.resume()
            if self.part is not None and self.part.status == "processing":
                self.station.work_began()

    def begins(self) -> bool:
        """Tell whether work on the part inside may begin now."""
        part = self.part
        return (
            part is not None
            and part.status == "waiting"
            and self.station.may_begin
            and self._complete(part)
            and (bool(part.team) or not self.needs())
        )

    def begin(self) -> None:
        """Begin the next phase of the part inside."""
        part, station = self.part, self.station
        assert part is not None
        phase, step, visit = self.next_phase(), part.way.steps[part.step], part.visits - 1
        if phase == "setup":
            time_s = setup_s(station.spec, station.group, part.way.spec.group)
            self._begin("setup", Kind.SETUP_STARTED, part.way.index, time_s)
        elif phase == "load":
            time_s = step.load[station.id](part.id, visit)
            self._begin("loading", Kind.LOADING_STARTED, part.step, time_s)
        elif phase == "process":
            station.group = part.way.spec.group
            part.slowed = station.slowed()
            time_s = step.time[station.id](part.id, visit)
            time_s *= station.slowdown(part.slowed)
            self._begin("processing", Kind.PROCESSING_STARTED, part.step, time_s)
            station.work_began()
        else:
            time_s = step.unload[station.id](part.id, visit)
            self._begin("unloading", Kind.UNLOADING_STARTED, part.step, time_s)

    def _begin(self, status: PartStatus, kind: Kind, detail: int, time_s: float) -> None:
        part = self.part
        assert part is not None
        part.status, part.asked_s = status, None
        self.station.run.note(kind, self.station.number, part.id, detail, time_s)
        self.timer.load(time_s)
        self.timer.resume()

    def _finished(self) -> None:
        """Phase 1: a phase of the work is over."""
        part, station, run = self.part, self.station, self.station.run
        assert part is not None
        status, part.status = part.status, "waiting"
        if status == "setup":
            station.group = part.way.spec.group
            run.note(Kind.SETUP_ENDED, station.number, part.id, part.way.index)
        elif status == "loading":
            part.stage = LOADED
            run.note(Kind.LOADING_ENDED, station.number, part.id, part.step)
        elif status == "processing":
            self._processed(part)
        else:
            run.note(Kind.UNLOADING_ENDED, station.number, part.id, part.step)
            self._outcome(part)
        self._people_after(part)
        station.begin_due()
        self.notify()

    def _processed(self, part: Part) -> None:
        station, run = self.station, self.station.run
        station.work_ended()
        station.finished += 1
        part.slowed = 1.0
        unloads = bool(part.way.steps[part.step].unload)
        yet = 1.0 if unloads else math.nan
        run.note(Kind.PROCESSING_ENDED, station.number, part.id, part.step, yet)
        if unloads:
            part.stage = PROCESSED
        else:
            self._outcome(part)
        for mode in station.counting:
            mode.operation_ended()
        if station.wear is not None:
            station.wear.operation_ended()

    def _people_after(self, part: Part) -> None:
        """Let go of whoever is not needed for what comes next."""
        station = self.station
        inside = self.part is part and part.status == "waiting"
        if inside and station.manned:
            part.asked_s = station.run.clock.now
        if part.team:
            station.workforce.keep(station, part, self.needs() if inside else ())

    def _outcome(self, first: Part) -> None:
        """Decide for each part whether it is good, goes back or is scrapped."""
        station = self.station
        good = [part for part in tuple(self.parts) if self._turns_out_good(part)]
        if good and good[0].way.steps[good[0].step - 1].makes:
            replace(station, self.parts, first, good)
        if self.parts:
            station.done.append(self)
        else:
            station.cleared(self)

    def _turns_out_good(self, part: Part) -> bool:
        """Decide about one part; tell whether it is neither scrapped nor sent back."""
        station, run = self.station, self.station.run
        step = part.way.steps[part.step]
        scrap, rework = step.spec.scrap_probability, step.spec.rework
        if station.wear is not None:
            scrap += station.wear.now.scrap_probability
        part.status, part.done_s, part.exits = "done", run.clock.now, None
        if scrap > 0 or rework:
            u = step.outcome[station.id](part.id, part.visits - 1)
            back = rework is not None and scrap <= u < scrap + rework.probability
            sent = part.reworks.get(part.step, 0)
            if u < scrap or (back and rework is not None and sent >= rework.limit):
                self._scrap(part)
                return False
            if back:
                part.reworks[part.step] = sent + 1
                part.step = step.rework_to
                run.note(Kind.REWORK_SENT, station.number, part.id, part.step)
                run.ready(part)
                return False
        part.step += 1
        run.ready(part)
        return True

    def _scrap(self, part: Part, mode: float = math.nan) -> None:
        """Phase 1: the part leaves the line as bad; ``mode`` is the failure that did it."""
        run = self.station.run
        run.note(Kind.PART_SCRAPPED, self.station.number, part.id, part.step, mode)
        self.parts.remove(part)
        run.leave(part, good=False)

    def break_off(self, mode: int, *, scrap: bool) -> None:
        """Phase 1: processing is lost to a failure; the part is lost with it, or begins anew."""
        part, station = self.part, self.station
        if part is None or part.status != "processing":
            return
        if part.asked_s is not None:
            self._note_phase(Kind.WORK_RESUMED)  # what waits for people is not told as lost
        self.pause()
        self.timer.load(0.0)
        part.slowed = 1.0
        part.status, part.asked_s = "waiting", station.run.clock.now if station.manned else None
        station.run.note(Kind.WORK_ABORTED, station.number, part.id, part.step, float(mode))
        station.workforce.let_go(station, part)
        if scrap:
            for lost in tuple(self.parts):
                self._scrap(lost, float(mode))
            station.cleared(self)


def behaviour_of(server: Server) -> Process:
    """Return what a server does: as its station's kind says, or as every station does."""
    own = BEHAVIOURS.get(server.station.spec.kind) if server.station.spec.kind != PLAIN else None
    return machine(server) if own is None else cast(Process, own(server))


def machine(server: Server) -> Process:
    """Live the life of one server. Breakdowns, shifts and people are none of its business."""
    while True:
        if server.begins():
            server.begin()
        yield server.wait()
