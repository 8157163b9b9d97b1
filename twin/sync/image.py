"""The picture of the plant: the newest value of each node, and typed views of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast, get_args

from twin.errors import UnknownNameError
from twin.events.kinds import Status
from twin.events.state import VehicleStatus
from twin.line import Line
from twin.sync.counters import COUNTERS, Counters
from twin.sync.elements import PHASES
from twin.sync.mapping import PACKML, Mapping, status_of
from twin.sync.protocol import Quality, Reading, Value

NO_PART = -1
"""Number of the part where there is none."""
VEHICLE_STATUSES = frozenset(get_args(VehicleStatus))


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest value of one node."""

    value: Reading
    """The value."""
    time_s: float
    """Its source time, s since the line's start."""
    quality: Quality
    """How far it can be trusted."""


@dataclass(frozen=True, slots=True)
class ServerView:
    """What the plant says of one server."""

    status: Status | None
    """What it does; None where the plant gives no state that is known."""
    part: int
    """Part inside, or -1."""
    product: str
    """Its product, or empty."""
    order: str
    """Its order, or empty."""
    operation: int
    """Index of its operation, or -1."""
    part_s: float
    """Moment the part came in, as far as the plant tells, s."""
    status_s: float
    """Moment the status began, as far as the plant tells, s."""
    phase: str
    """Phase of the work on the part, or empty where the plant does not tell."""
    phase_s: float
    """Moment the phase began, as far as the plant tells, s."""
    parts: tuple[int, ...]
    """All parts on it, the first of a batch first."""
    kit: tuple[int, ...]
    """Components that went into its part, as far as the plant tells."""
    team: tuple[str, ...] | None
    """Crew of each person who is with its part; None where the plant does not tell."""


@dataclass(frozen=True, slots=True)
class StationView:
    """What the plant says of one station."""

    servers: tuple[ServerView, ...]
    """Its servers."""
    failed: tuple[str, ...]
    """Names of what stops it, as the plant writes them."""
    failed_s: float
    """Moment this last changed, s."""
    repairing: bool
    """Whether somebody repairs it."""
    repairing_s: float
    """Moment this last changed, s."""
    on: bool
    """Whether its shift is running."""
    group: str | None
    """Setup in place; None where the plant does not say."""
    processed: int
    """Operations finished, by the plant's counter."""
    scrapped: int
    """Parts scrapped, by the plant's counter."""
    due: tuple[str, ...]
    """Maintenance that is due or goes on."""
    maintaining: bool
    """Whether it goes on."""
    maintaining_s: float
    """Moment this last changed, s."""
    wear: int | None
    """Level of wear; None where the plant does not tell."""
    repair_team: tuple[tuple[str, str], ...] | None
    """Mode and crew of each person chosen by skill who repairs or maintains; None where the plant
    does not tell."""


@dataclass(frozen=True, slots=True)
class VehicleView:
    """What the plant says of one vehicle."""

    status: VehicleStatus | None
    """What it does; None where the plant gives nothing that is known."""
    part: int
    """Part that it was sent for, or -1."""
    place: str
    """Where it stands or set out from, or empty."""
    goal: str
    """Where the part goes, or empty."""
    status_s: float
    """Moment the status began, as far as the plant tells, s."""


class Image:
    """The newest value of each node, by element and property.

    Parameters
    ----------
    line : Line
        Line that the plant runs.
    mapping : Mapping or None
        Tables of state numbers; None: PackML.
    """

    def __init__(self, line: Line, mapping: Mapping | None = None) -> None:
        self.counters = Counters()
        """The plant's counters, made to rise without end."""
        self._servers = {station.id: station.servers for station in line.stations}
        self._vehicles = {pool.id: pool.count for pool in line.vehicles}
        self._seen: dict[tuple[str, str], Seen] = {}
        self._mapping = mapping
        nodes = mapping.nodes if mapping else ()
        self._specs = {(spec.element, spec.property): spec for spec in nodes}

    def take(self, value: Value, time_s: float) -> bool:
        """Take in a value; False if it is bad or older than what is known: it changes nothing."""
        key = (value.element, value.property)
        seen = self._seen.get(key)
        if value.quality is Quality.BAD or (seen is not None and time_s < seen.time_s):
            return False
        reading = value.value
        if value.property in COUNTERS and type(reading) is int:
            reading = self.counters.risen(key, reading)
        self._seen[key] = Seen(reading, time_s, value.quality)
        return True

    def unknown_state(self, value: Value) -> bool:
        """Tell whether a value is a state that no table knows, or no status of a vehicle."""
        if value.quality is Quality.BAD:
            return False
        if value.element in self._vehicles:
            return value.property.endswith(".status") and value.value not in VEHICLE_STATUSES
        if not value.property.endswith("state"):
            return False
        seen = Seen(value.value, 0.0, value.quality)
        return self._status(value.element, value.property, seen) is None

    def clear(self) -> None:
        """Forget everything: a new picture is to come."""
        self._seen.clear()
        self.counters.forget()

    def set_clock(self, time_s: float) -> None:
        """Take what was told of a moment after ``time_s`` as told then: the clock was set back."""
        self._seen = {
            key: replace(seen, time_s=min(seen.time_s, time_s)) for key, seen in self._seen.items()
        }

    def document(self) -> dict[str, list[list[object]]]:
        """Return the picture as something that JSON can hold; see ``restore``."""
        return {
            "seen": [
                [*key, seen.value, seen.time_s, seen.quality.value]
                for key, seen in self._seen.items()
                if not isinstance(seen.value, datetime)
            ],
            "counters": self.counters.document(),
        }

    def restore(self, document: dict[str, list[list[Any]]]) -> None:
        """Take over a picture that ``document`` gave."""
        self._seen = {
            (element, prop): Seen(
                tuple(value) if isinstance(value, list) else value, time_s, Quality(quality)
            )
            for element, prop, value, time_s, quality in document["seen"]
        }
        self.counters.restore(document["counters"])

    def latest_s(self) -> float:
        """Return the greatest source time in the picture, s; minus infinity if it is empty."""
        return max((seen.time_s for seen in self._seen.values()), default=float("-inf"))

    def station(self, name: str) -> StationView:
        """Return what is known of a station."""
        failed = self._seen.get((name, "failure_mode"))
        repairing = self._seen.get((name, "repairing"))
        text = failed.value if failed else None
        mended = self._told(name, "repair_team")
        group = self._seen.get((name, "setup_group"))
        return StationView(
            servers=tuple(self._server(name, k) for k in range(self._servers[name])),
            failed=_words(text),
            failed_s=failed.time_s if failed else 0.0,
            repairing=bool(repairing.value) if repairing else False,
            repairing_s=repairing.time_s if repairing else 0.0,
            on=bool(self._get(name, "on", default=True)),
            group=str(group.value) if group and group.value else None,
            processed=self.count(name, "processed"),
            scrapped=self.count(name, "scrapped"),
            due=_words(self._get(name, "maintenance", default="")),
            maintaining=bool(self._get(name, "maintaining", default=False)),
            maintaining_s=self.changed_s(name, "maintaining"),
            wear=self.count(name, "wear") if (name, "wear") in self._seen else None,
            repair_team=None if mended is None else tuple(map(_mode_and_crew, mended)),
        )

    def _told(self, name: str, prop: str) -> tuple[str, ...] | None:
        """Return the words of a text; None where the plant gives none."""
        seen = self._seen.get((name, prop))
        return _words(seen.value) if seen is not None else None

    def on_shift(self, crew: str) -> bool | None:
        """Return whether a crew is there; None where the plant does not tell."""
        found = self._get(crew, "on_shift", default=None)
        return None if found is None else bool(found)

    def absent(self, crew: str) -> int | None:
        """Return how many of a crew are away; None where the plant does not tell."""
        found = self._get(crew, "absent", default=None)
        return found if type(found) is int else None

    def _server(self, name: str, k: int) -> ServerView:
        at = f"servers.{k}"
        part = self._seen.get((name, f"{at}.part"))
        state = self._seen.get((name, f"{at}.state"))
        number = part.value if part else NO_PART
        number = number if isinstance(number, int) and number >= 0 else NO_PART
        alone = (number,) if number != NO_PART else ()
        several = (name, f"{at}.parts") in self._seen
        phase = str(self._get(name, f"{at}.phase", default=""))
        return ServerView(
            status=self._status(name, f"{at}.state", state),
            part=number,
            product=str(self._get(name, f"{at}.product", default="")),
            order=str(self._get(name, f"{at}.order", default="")),
            operation=self.count(name, f"{at}.operation", NO_PART),
            part_s=part.time_s if part else 0.0,
            status_s=state.time_s if state else 0.0,
            phase=phase if phase in PHASES else "",
            phase_s=self.changed_s(name, f"{at}.phase"),
            parts=self._numbers(name, f"{at}.parts") if several else alone,
            kit=self._numbers(name, f"{at}.kit"),
            team=self._told(name, f"{at}.team"),
        )

    def tells_phases(self, name: str) -> bool:
        """Tell whether the plant says more of the work at a station than a state."""
        return (name, "servers.0.phase") in self._seen

    def _status(self, name: str, prop: str, seen: Seen | None) -> Status | None:
        if seen is None or not isinstance(seen.value, int | str):
            return None
        spec = self._specs.get((name, prop))
        try:
            if self._mapping is None or spec is None:
                return PACKML[seen.value]
            return status_of(self._mapping, spec, seen.value)
        except (UnknownNameError, KeyError):
            return None

    def vehicles(self, pool: str) -> tuple[VehicleView, ...]:
        """Return what is known of the vehicles of a pool."""
        return tuple(self._vehicle(pool, k) for k in range(self._vehicles[pool]))

    def _vehicle(self, pool: str, k: int) -> VehicleView:
        at = f"vehicles.{k}"
        status = self._get(pool, f"{at}.status", default="")
        return VehicleView(
            status=cast(VehicleStatus, status) if status in VEHICLE_STATUSES else None,
            part=self.count(pool, f"{at}.part", NO_PART),
            place=str(self._get(pool, f"{at}.place", default="")),
            goal=str(self._get(pool, f"{at}.goal", default="")),
            status_s=self.changed_s(pool, f"{at}.status"),
        )

    def asked(self, pool: str) -> tuple[int, ...]:
        """Return the parts that wait until a vehicle of a pool is free."""
        return self._numbers(pool, "asked")

    def parts(self, buffer: str) -> tuple[int, ...]:
        """Return the parts in a buffer, front first."""
        return self._numbers(buffer, "parts")

    def _numbers(self, element: str, prop: str) -> tuple[int, ...]:
        found = self._get(element, prop, default=())
        items: Iterable[int] = found if isinstance(found, tuple) else ()
        return tuple(part for part in items if part >= 0)

    def changed_s(self, element: str, prop: str) -> float:
        """Return the source time of a value, s; 0 where there is none."""
        seen = self._seen.get((element, prop))
        return seen.time_s if seen else 0.0

    def count(self, element: str, prop: str, missing: int = 0) -> int:
        """Return a whole number, ``missing`` where there is none."""
        found = self._get(element, prop, default=missing)
        return found if isinstance(found, int) else missing

    def _get(self, element: str, prop: str, default: Reading) -> Reading:
        seen = self._seen.get((element, prop))
        return default if seen is None or seen.value is None else seen.value


def _words(value: Reading) -> tuple[str, ...]:
    """Return words that are joined by ``+``."""
    return tuple(filter(None, str(value).split("+"))) if value else ()


def _mode_and_crew(word: str) -> tuple[str, str]:
    mode, _, crew = word.partition(":")
    return mode, crew
