"""What stops stations, as followed: failures and repairs, shifts, maintenance; and their wear."""

from __future__ import annotations

from twin.events.kinds import OUTAGE, Kind
from twin.sync.follow import Follower
from twin.sync.image import Image, StationView
from twin.sync.people import People

_MAINTAINED = {
    Kind.MAINTENANCE_DUE: "due",
    Kind.MAINTENANCE_READY: "waiting",
    Kind.MAINTENANCE_STARTED: "repair",
    Kind.MAINTENANCE_ENDED: "over",
}
"""Events of maintenance, in order, and what it is from there on."""
_AFTER = {
    "due": ("due", "waiting", "repair"),
    "waiting": ("waiting", "repair"),
    "repair": ("repair",),
    "over": (),
}
_STANDS = frozenset({"waiting", "done"})


class Stops:
    """Writes the events of stops and keeps, with the follower, the belief they lead to.

    Parameters
    ----------
    follower : Follower
        The line, as believed.
    image : Image
        What the plant tells.
    """

    def __init__(self, follower: Follower, image: Image) -> None:
        self.people = People(follower, image)
        self._follower = follower
        self._routes = follower.routes
        self._crews = {
            (station.id, k): mode.crew
            for station in self._routes.line.stations
            for k, mode in enumerate(sorted(station.failures, key=lambda mode: mode.id))
        }
        self._manned = {
            (station.id, k)
            for station in self._routes.line.stations
            for k, mode in enumerate(station.modes)
            if mode.crew is not None or mode.skill is not None
        }
        self._sizes = {crew.id: crew.size for crew in self._routes.line.crews}

    def see(self, name: str, view: StationView) -> None:
        """Write the stops, repairs, shifts and maintenance that a view shows."""
        place = self._follower.stations[name]
        modes = self._routes.names.modes[name]
        named = [modes.index(word) if word in modes else OUTAGE for word in view.failed]
        for mode in [mode for mode in place.failed if mode not in named]:
            self._repaired(name, mode)
        if view.on and not place.on:
            self._switch(name, on=True)
        for mode in named:
            if mode not in place.failed:
                self._fail(name, mode)
        self._repairs(name, view)
        if not view.on and place.on:
            self._switch(name, on=False)
        self._maintenance(name, view)

    def _repairs(self, name: str, view: StationView) -> None:
        """Begin the repairs that are seen, and those that another repair hides."""
        place = self._follower.stations[name]
        shown = self._shown(name, view)
        for mode, repairing in list(place.failed.items()):
            at_it = shown.get(mode, view.repairing)
            if repairing:
                if not at_it and self._needs_people(name, mode):
                    self._pause(name, mode)
                continue
            alone = not any(busy for other, busy in place.failed.items() if other != OUTAGE)
            seen = at_it and (alone or mode in shown)
            hidden = at_it and self._has_free_crew(name, mode)
            if seen or hidden or not self._needs_people(name, mode):
                self._begin_repair(name, mode)

    def _maintenance(self, name: str, view: StationView) -> None:
        place = self._follower.stations[name]
        modes = self._routes.names.modes[name]
        named = [modes.index(word) for word in view.due if word in modes]
        if view.wear is not None and view.wear > place.wear:
            self._wear(name, view.wear)
        for mode in [mode for mode in place.due if mode not in named]:
            self._maintain(name, mode, "over")
        if view.wear is not None:
            self._wear(name, view.wear)
        for mode in named:
            if mode not in place.due:
                self._maintain(name, mode, "due")
        shown = self._shown(name, view)
        for mode in named:
            if shown.get(mode) and place.due[mode] != "repair":
                self._maintain(name, mode, "repair")
            elif place.due[mode] == "repair" and not shown.get(mode, view.maintaining):
                self._pause(name, mode)
        if view.maintaining and "repair" not in place.due.values() and named:
            self._maintain(name, named[0], "repair")

    def ready(self, name: str) -> None:
        """Let maintenance that is due wait for its people once no work goes on."""
        place = self._follower.stations[name]
        due = [mode for mode, status in place.due.items() if status == "due"]
        modes = self._routes.line.station(name).modes
        stopped = any(mode == OUTAGE or modes[mode].stops for mode in place.failed)
        stands = stopped or not place.on
        if due and (stands or not self._works(name)):
            for mode in sorted(due):
                self._maintain(name, mode, "waiting")

    def _works(self, name: str) -> bool:
        inside = self._follower.stations[name].inside.values()
        return any(self._follower.parts[number].status not in _STANDS for number in inside)

    # --- events ------------------------------------------------------------------------------

    def _fail(self, station: str, mode: int) -> None:
        """Let a failure mode, or something else, stop a station."""
        self._follower.stations[station].failed[mode] = mode == OUTAGE
        self._follower.write(Kind.FAILED, station, detail=mode)
        failures = sorted(self._routes.line.station(station).failures, key=lambda found: found.id)
        if mode != OUTAGE and failures[mode].effect in ("restart", "scrap"):
            for _, number in sorted(self._follower.stations[station].inside.items()):
                part = self._follower.parts[number]
                if part.status == "processing":
                    if part.paused:
                        self._follower.resume(part)
                    part.status = "waiting"
                    self._follower.tell_work(Kind.WORK_ABORTED, part, float(mode))
                    self._follower.staff(part, {})

    def _begin_repair(self, station: str, mode: int) -> None:
        """Let a crew begin."""
        self._follower.stations[station].failed[mode] = True
        self._follower.write(Kind.REPAIR_STARTED, station, detail=mode)

    def _pause(self, station: str, mode: int) -> None:
        """Let a repair or maintenance wait for other people: those who were at it have gone."""
        place = self._follower.stations[station]
        if mode in place.failed:
            place.failed[mode] = False
        else:
            place.due[mode] = "waiting"
        self._follower.write(Kind.REPAIR_PAUSED, station, detail=mode)

    def _repaired(self, station: str, mode: int) -> None:
        """Let the station go on, unless something else stops it."""
        if not self._follower.stations[station].failed[mode]:
            self._begin_repair(station, mode)
        del self._follower.stations[station].failed[mode]
        self._follower.write(Kind.REPAIRED, station, detail=mode)

    def _has_free_crew(self, station: str, mode: int) -> bool:
        """Tell whether the crew that a mode needs is free, or none is needed."""
        crew = self._crews.get((station, mode))
        if crew is None:
            return True
        busy = sum(
            repairing and self._crews.get((name, other)) == crew
            for name, place in self._follower.stations.items()
            for other, repairing in place.failed.items()
        )
        return busy < self._sizes[crew]

    def _needs_people(self, station: str, mode: int) -> bool:
        """Tell whether a repair waits for people."""
        return (station, mode) in self._manned

    def _shown(self, name: str, view: StationView) -> dict[int, bool]:
        """Return whether somebody is at each mode whose people the plant tells."""
        if view.repair_team is None:
            return {}
        busy = {mode for mode, _ in view.repair_team}
        return {
            k: mode.id in busy
            for k, mode in enumerate(self._routes.line.station(name).modes)
            if mode.skill is not None
        }

    def _maintain(self, station: str, mode: int, until: str) -> None:
        """Bring maintenance to where it is: ``due``, ``waiting``, ``repair``, or over."""
        due = self._follower.stations[station].due
        for kind, status in _MAINTAINED.items():
            if due.get(mode) in _AFTER[status]:
                continue
            due[mode] = status
            self._follower.write(kind, station, detail=mode)
            if status == until:
                break
        if until == "over":
            del due[mode]

    def _wear(self, station: str, level: int) -> None:
        """Let a station be at another level of wear."""
        place = self._follower.stations[station]
        while place.wear < level:
            place.wear += 1
            self._follower.write(Kind.WEAR_RISEN, station, detail=place.wear)
        if place.wear > level:
            place.wear = level
            self._follower.write(Kind.WEAR_LOWERED, station, detail=level)

    def _switch(self, station: str, *, on: bool) -> None:
        """Begin or end a shift."""
        self._follower.stations[station].on = on
        self._follower.write(Kind.SHIFT_STARTED if on else Kind.SHIFT_ENDED, station)
