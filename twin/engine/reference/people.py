"""People and shared tools: who is free, who waits for them, who is given to whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.run import Part, Run
from twin.events.kinds import Kind
from twin.line import Crew, Line, Need
from twin.line.switching import is_on, next_switch_s
from twin.line.workforce import by_versatility, chosen

if TYPE_CHECKING:
    from twin.engine.reference.modes import StationMode
    from twin.engine.reference.places import StationPlace
    from twin.engine.reference.servers import Server


class CrewPool:
    """One crew: how many of it are at work, and whether its shift is running."""

    def __init__(self, run: Run, spec: Crew, number: int) -> None:
        self.run = run
        self.spec = spec
        self.number = number
        self.busy = 0
        self.away = 0
        """People who are absent, those who are supposed to be among them."""
        self.told_away = 0
        """People who are absent as the state said in which the run began."""
        self.calendar = run.line.calendar(spec.calendar) if spec.calendar else None
        self.on = True

    @property
    def free(self) -> int:
        """How many could begin something now; below zero while more are at work than are on."""
        return (self.spec.size - self.away if self.on else 0) - self.busy


class Workforce:
    """All crews of a run. Repairs are given people first, then work on parts."""

    def __init__(self, run: Run, line: Line) -> None:
        self._run = run
        ordered = sorted(line.crews, key=lambda crew: crew.id)
        self.pools = {crew.id: CrewPool(run, crew, k) for k, crew in enumerate(ordered)}
        self.shifts = [CrewShift(run, self, p) for p in self.pools.values() if p.calendar]
        self.waiting: list[StationMode] = []
        """Failures and maintenance that wait for people, first come first."""
        self.stations: tuple[StationPlace, ...] = ()
        """Stations at which some work needs people, in flow order."""
        self.modes: tuple[StationMode, ...] = ()
        self._crews = by_versatility(line)

    def send_away(self) -> None:
        """Phase 2: people with a part on which work may not begin go, before others look for some.

        Work that stands still has let them go already.
        """
        for station in self.stations:
            for server in station.servers:
                part = server.part
                if part is None or not part.team or part.status != "waiting":
                    continue
                if not station.may_begin:
                    self.let_go(station, part)

    def settle_repairs(self) -> None:
        """Phase 2: failures of this round join the queue; repairs begin while people are free."""
        run = self._run
        for mode in run.newly_waiting:
            if mode.needs:
                self.waiting.append(mode)
            else:
                mode.begin_work({})
        run.newly_waiting.clear()
        for mode in sorted(self.waiting, key=crew_order):
            team = self._find(mode.needs)
            if team is not None:
                self.waiting.remove(mode)
                mode.begin_work(self._take(mode.named_team(team), mode, team))

    def settle_work(self) -> None:
        """Phase 2: work that waits for people is given them, whoever claims most and longest."""
        asking: list[tuple[float, float, int, int, Server]] = []
        for station in self.stations:
            for server in station.servers:
                part = server.part
                if part is not None and server.asks_for_people():
                    since_s = part.entered_s if part.asked_s is None else part.asked_s
                    claim = -station.spec.claim
                    asking.append((claim, since_s, -station.rank, server.number, server))
        for *_, server in sorted(asking, key=lambda found: found[:4]):
            team = self._find(server.needs())
            if team is not None:
                server.people_came(self._take(team, server, team))

    def _find(self, needs: Sequence[Need]) -> dict[str, int] | None:
        return chosen(needs, self._crews, {name: pool.free for name, pool in self.pools.items()})

    def _take(
        self, written: dict[str, int], taker: StationMode | Server, team: dict[str, int]
    ) -> dict[str, int]:
        """Let people begin; ``written`` are those of them whom the log has to tell."""
        for name, count in team.items():
            self.pools[name].busy += count
        self._note(Kind.CREW_TAKEN, taker.station, taker.number_in_log, written)
        return team

    def release(self, station: StationPlace, number: int, team: dict[str, int]) -> None:
        """Let people go who were with a part, or at a repair that chose them by skill."""
        for name, count in team.items():
            self.pools[name].busy -= count
        self._note(Kind.CREW_RELEASED, station, number, team)

    def let_go(self, station: StationPlace, part: Part) -> None:
        """Let all people of a part go."""
        team, part.team = part.team, {}
        self.release(station, part.id, team)

    def keep(self, station: StationPlace, part: Part, needs: Sequence[Need]) -> None:
        """Keep whoever of a part's people is needed next too, if that is all who are needed."""
        # Whoever is more than are on goes home at the end of a phase.
        there = {name: n - max(0, -self.pools[name].free) for name, n in part.team.items()}
        kept = chosen(needs, self._crews, there) if needs else None
        gone = {name: n - (kept or {}).get(name, 0) for name, n in part.team.items()}
        gone = {name: n for name, n in gone.items() if n}
        part.team = kept or {}
        self.release(station, part.id, gone)

    def _note(self, kind: Kind, station: StationPlace, number: int, team: dict[str, int]) -> None:
        for name in sorted(team):
            pool = self.pools[name]
            self._run.note(kind, station.number, number, pool.number, float(team[name]))

    def leave(self, pool: CrewPool) -> None:
        """Phase 1: the people of a crew go in the middle of their work."""
        name = pool.spec.id
        for station in self.stations:
            for server in station.servers:
                if server.part is not None and name in server.part.team:
                    server.people_left()
        for mode in self.modes:
            if mode.status == "repair" and name in mode.team:
                mode.people_left()


def crew_order(mode: StationMode) -> tuple[bool, str]:
    """Return what the queue for people is sorted by: those who wait for one crew stand together."""
    return mode.spec.crew is None, mode.spec.crew or ""


class CrewShift:
    """Lets one crew come and go by its calendar."""

    def __init__(self, run: Run, workforce: Workforce, pool: CrewPool) -> None:
        self._run = run
        self._workforce = workforce
        self._pool = pool
        rank = len(run.line.stations) + pool.number
        self._start = Timer(run.clock, (Due.SHIFT_START, rank, 0), pool.spec.id, self._came)
        self._end = Timer(run.clock, (Due.SHIFT_END, rank, 0), pool.spec.id, self._left)

    def arm(self, *, inclusive: bool = False) -> None:
        """Wait for the next switch; ``inclusive``: one that falls on this moment is to come."""
        line, calendar = self._run.line, self._pool.calendar
        assert calendar is not None
        due_s = next_switch_s(line, calendar, self._run.clock.now, inclusive=inclusive)
        if due_s is not None:
            (self._start if is_on(line, calendar, due_s) else self._end).resume_at(due_s)

    def _came(self) -> None:
        if not self._pool.on:
            self._pool.on = True
            self._run.note(Kind.CREW_CAME, -1, detail=self._pool.number)
        self.arm()

    def _left(self) -> None:
        if self._pool.on:
            self._pool.on = False
            self._run.note(Kind.CREW_LEFT, -1, detail=self._pool.number)
            if self._pool.spec.at_shift_end == "stop":
                self._workforce.leave(self._pool)
        self.arm()


def manned(stations: Iterable[StationPlace]) -> tuple[StationPlace, ...]:
    """Return the stations at which some work needs people, in flow order."""
    return tuple(sorted((s for s in stations if s.manned), key=lambda s: s.rank))
