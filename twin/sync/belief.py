"""What the translation believes of one part and of one station."""

from __future__ import annotations

from dataclasses import dataclass, field

from twin.events.state import PartStatus

_RESTS = ("waiting", "loaded", "processed")


@dataclass(slots=True)
class Part:
    """One part, as believed."""

    id: int
    product: str
    order: str | None
    place: str
    operation: int = 0
    """The operation it waits for or is in; when done, the next one."""
    status: PartStatus = "waiting"
    server: int = -1
    stage: int = 0
    """What is over of this visit to a station: 0 nothing, 1 loading, 2 processing."""
    sure: bool = True
    """False while product and order are guessed."""
    lost_s: float | None = None
    """Moment since which the plant shows it nowhere, s."""
    left: str = ""
    """Place that it left when it was lost, or when a vehicle took it."""
    asked: bool = False
    """Whether a vehicle was asked for, for it to go on."""
    team: dict[str, int] = field(default_factory=dict)
    """People who are with it, by crew."""
    paused: bool = False
    """Whether work on it stands still and waits for people."""

    @property
    def phase(self) -> str:
        """What happens to it on its server, by the words of ``PHASES``."""
        return _RESTS[self.stage] if self.status == "waiting" else self.status


@dataclass(slots=True)
class Place:
    """One station, as believed."""

    inside: dict[int, int] = field(default_factory=dict)
    """Part in each server that has one; of a batch the first."""
    several: bool = False
    """Whether a server may have several parts."""
    on: bool = True
    group: str | None = None
    failed: dict[int, bool] = field(default_factory=dict)
    """Failure modes, or an outage, that stop it, oldest first; True: under repair."""
    due: dict[int, str] = field(default_factory=dict)
    """Maintenance that is ``due``, ``waiting`` for people, or under ``repair``."""
    teams: dict[int, dict[str, int]] = field(default_factory=dict)
    """People of each repair or maintenance that chose them by skill, by crew."""
    wear: int = 0
    phased: bool = False
    """Whether the plant tells loading and unloading from processing."""
    processed: int = 0
    """What its counter of operations should show."""
    scrapped: int = 0
    """What its counter of scrap should show."""
