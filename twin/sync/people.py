"""Who comes, goes and is at work: as the plant tells, else as the line's file lets expect.

A plant that tells who is with a part is believed. Where it does not, whoever the work needs is
taken to be there while it goes on, and crews to come and go by their calendars; such events are
marked uncertain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from twin.events.kinds import Status
from twin.events.state import PHASE_OF, CrewState, PartStatus
from twin.line import Line, Need
from twin.line.switching import is_on, next_switch_s
from twin.line.workforce import Phase, by_versatility, chosen
from twin.sync.belief import Part
from twin.sync.follow import Follower
from twin.sync.image import Image, ServerView, StationView

_SHOWS: dict[Status | None, PartStatus] = {
    Status.SETUP: "setup",
    Status.PROCESSING: "processing",
    Status.HANDLING: "loading",
}
"""What goes on with a part, where the plant tells no phase."""
_STANDS = frozenset(
    {Status.FAILED, Status.OFF, Status.MAINTENANCE, Status.NO_OPERATOR, Status.BLOCKED}
)


class People:
    """Writes the events of crews and keeps, with the follower, the belief they lead to.

    Parameters
    ----------
    follower : Follower
        The line, as believed.
    image : Image
        What the plant tells.
    """

    def __init__(self, follower: Follower, image: Image) -> None:
        self._follower = follower
        self._image = image
        line = follower.routes.line
        self._crews = by_versatility(line)
        self._sizes = {crew.id: crew.size for crew in line.crews}
        self._manned = line.manned
        self._line = line
        self._calendars = {
            crew.id: line.calendar(crew.calendar) for crew in line.crews if crew.calendar
        }
        self._switch_s = {
            name: next_switch_s(line, calendar, follower.time_s)
            for name, calendar in sorted(self._calendars.items())
        }

    # --- shifts -------------------------------------------------------------------------------

    def see(self) -> None:
        """Write the comings and goings of crews, and of single persons, that the plant tells."""
        for name, size in self._sizes.items():
            away = self._image.absent(name)
            if away is not None:
                self._follower.count_crew(name, min(max(away, 0), size))
        for name in self._calendars:
            on = self._image.on_shift(name)
            if on is not None:
                self._follower.switch_crew(name, on=on)

    def next_switch_s(self) -> float:
        """Return when the next crew comes or goes by its calendar, s; infinite where none does."""
        return min((at for at in self._switch_s.values() if at is not None), default=float("inf"))

    def switch(self) -> None:
        """Let whoever is due come or go, unless the plant tells of them by itself."""
        now_s = self.next_switch_s()
        for name, at_s in self._switch_s.items():
            if at_s == now_s:
                calendar = self._calendars[name]
                self._switch_s[name] = next_switch_s(self._line, calendar, now_s)
                if self._image.on_shift(name) is None:
                    with self._follower.doubtful():
                        self._follower.switch_crew(name, on=is_on(self._line, calendar, now_s))

    # --- parts --------------------------------------------------------------------------------

    def let_go(self, name: str, view: StationView) -> None:
        """Let people go who are no longer with their parts."""
        for part, server in self._inside(name, view):
            if part.team and self._team(part, server) != part.team:
                self._staff(part, server, {})

    def give(self, name: str, view: StationView) -> None:
        """Let people begin; work that needs some and has none stands still, and waits for them."""
        for part, server in self._inside(name, view):
            if server.part != part.id:
                continue
            wanted = self._team(part, server)
            self._staff(part, server, wanted)
            phase = PHASE_OF.get(part.status)
            if phase is None or server.phase not in ("", part.status):
                continue
            if not wanted and self._needs(part, phase) and not part.paused:
                self._follower.pause(part)
            elif wanted and part.paused:
                self._follower.resume(part)

    def _inside(self, name: str, view: StationView) -> list[tuple[Part, ServerView]]:
        if name not in self._manned:
            return []
        inside = sorted(self._follower.stations[name].inside.items())
        return [(self._follower.parts[number], view.servers[k]) for k, number in inside]

    def _staff(self, part: Part, server: ServerView, team: Mapping[str, int]) -> None:
        if server.team is not None:
            self._follower.staff(part, team)
        elif team != part.team:
            with self._follower.doubtful():
                self._follower.staff(part, team)

    def _team(self, part: Part, server: ServerView) -> dict[str, int]:
        """Return who is with a part, told or expected."""
        if server.team is not None:
            known = {name: n for name, n in Counter(server.team).items() if name in self._sizes}
            return known if server.part == part.id else {}
        doing = server.phase or _SHOWS.get(server.status, "")
        if server.part != part.id or server.status in _STANDS or doing not in PHASE_OF:
            return {}
        return self._expected(self._needs(part, PHASE_OF[doing]), part.team)

    def _needs(self, part: Part, phase: Phase) -> tuple[Need, ...]:
        routing = self._line.product(part.product).routing
        needs = self._line.station(part.place).needs
        if part.operation < len(routing):
            needs = (*needs, *routing[part.operation].needs)
        return tuple(need for need in needs if phase in need.during)

    def _expected(self, needs: tuple[Need, ...], team: Mapping[str, int]) -> dict[str, int]:
        """Return who meets some needs: those who are there, else whoever is free, else anybody."""
        for there in (team, self._free(), self._sizes):
            found = chosen(needs, self._crews, there)
            if found is not None:
                return found
        return {}

    def _free(self) -> dict[str, int]:
        busy = self._follower.at_work()
        on, away = self._follower.crews, self._follower.away
        return {
            name: (size - away[name] if on.get(name, True) else 0) - busy[name]
            for name, size in self._sizes.items()
        }

    # --- repairs ------------------------------------------------------------------------------

    def mend(self, name: str, view: StationView) -> None:
        """Write who repairs and maintains, where they were chosen by what they can do."""
        place, follower = self._follower.stations[name], self._follower
        for k, mode in enumerate(self._line.station(name).modes):
            if mode.skill is None:
                continue
            busy = place.failed.get(k, False) or place.due.get(k) == "repair"
            if view.repair_team is not None:
                told = Counter(crew for found, crew in view.repair_team if found == mode.id)
                team = {crew: n for crew, n in told.items() if busy and crew in self._sizes}
                follower.staff_mode(name, k, team)
            else:
                need = Need(skill=mode.skill, count=mode.people)
                team = self._expected((need,), place.teams.get(k, {})) if busy else {}
                with follower.doubtful():
                    follower.staff_mode(name, k, team)


def crews_seen(line: Line, image: Image, time_s: float) -> dict[str, CrewState]:
    """Return who of which crews is there in a first picture: as told, else by their calendars."""
    found = {}
    for crew in sorted(line.crews, key=lambda crew: crew.id):
        away, on = min(max(image.absent(crew.id) or 0, 0), crew.size), image.on_shift(crew.id)
        if crew.calendar is None:
            on = True
        elif on is None:
            on = is_on(line, line.calendar(crew.calendar), time_s)
        if away or crew.calendar is not None:
            found[crew.id] = CrewState(on=on, away=away)
    return found
