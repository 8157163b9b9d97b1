"""What stands and goes on at each station of an emulated plant."""

from __future__ import annotations

from dataclasses import dataclass, field

from twin.events.kinds import OUTAGE, Status
from twin.events.state import StationState
from twin.line import Station

_WORKING = {
    "setup": Status.SETUP,
    "loading": Status.HANDLING,
    "processing": Status.PROCESSING,
    "unloading": Status.HANDLING,
}
_BUSIEST = (
    *(Status.FAILED, Status.PROCESSING, Status.HANDLING, Status.SETUP, Status.MAINTENANCE),
    *(Status.BLOCKED, Status.NO_OPERATOR, Status.STARVED),
)


@dataclass(slots=True)
class PartNow:
    """One part."""

    product: int
    order: int
    place: int = -1
    server: int = -1
    team: dict[int, int] = field(default_factory=dict)
    """People who are with it, by crew."""


@dataclass(slots=True)
class ServerNow:
    """One server."""

    parts: list[int] = field(default_factory=list)
    """Parts on it, the first of a batch first."""
    operation: int = -1
    phase: str = ""
    """One of ``twin.sync.elements.PHASES``; empty without a part."""
    kit: list[int] = field(default_factory=list)
    """Components that went into its part."""
    paused: bool = False
    """Whether work on its part stands still and waits for people."""


@dataclass(slots=True)
class StationNow:
    """One station."""

    spec: Station
    servers: list[ServerNow]
    group: str
    failed: dict[int, int] = field(default_factory=dict)
    """How many stops of each failure mode, or of outages, are not over."""
    in_repair: set[int] = field(default_factory=set)
    teams: dict[int, dict[int, int]] = field(default_factory=dict)
    """People of each repair or maintenance that chose them by skill, by crew."""
    attended: bool = False
    """Whether a part inside that is not worked on waits for people."""
    maintained: dict[int, bool] = field(default_factory=dict)
    """Maintenance that is due; True: it goes on."""
    wear: int = 0
    on: bool = True
    processed: int = 0
    scrapped: int = 0

    def status(self, server: ServerNow) -> Status:
        """Return what a server does."""
        works = server.phase in _WORKING and not server.paused
        if any(mode == OUTAGE or self.spec.modes[mode].stops for mode in self.failed):
            found = Status.FAILED
        elif not self.on and self.spec.at_shift_end == "stop":
            found = Status.OFF
        elif works and not any(self.maintained.values()):
            found = _WORKING[server.phase]
        elif self.maintained:
            found = Status.MAINTENANCE
        elif not self.on:
            found = Status.OFF
        elif server.phase == "done":
            found = Status.BLOCKED
        else:
            found = Status.NO_OPERATOR if server.parts and self.attended else Status.STARVED
        return found

    def whole(self) -> Status:
        """Return what the station does: what its busiest server does."""
        found = {self.status(server) for server in self.servers}
        return next((status for status in _BUSIEST if status in found), Status.OFF)

    @classmethod
    def of(cls, spec: Station, begin: StationState, *, attended: bool) -> StationNow:
        """Return a station as it is at the beginning."""
        servers = [ServerNow() for _ in range(spec.servers)]
        return cls(spec, servers, begin.setup_group or "", attended=attended, on=begin.on)
