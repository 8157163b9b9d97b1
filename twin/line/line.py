"""The line: one frozen, checked description of everything that the twin needs to know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import SerializeAsAny, ValidationError

from twin.errors import Finding, LineError, UnknownNameError
from twin.line.calendars import Calendar
from twin.line.checks import SECTIONS, check, zone_findings
from twin.line.control import CardLoop
from twin.line.distributions import AnyDistribution
from twin.line.energy import Energy
from twin.line.gathered import Parts
from twin.line.orders import JobOrder
from twin.line.products import Operation, Product
from twin.line.spec import Id, Spec, without_later, worded
from twin.line.stations import Buffer, Sink, Source, Station
from twin.line.vehicles import Vehicles
from twin.line.workforce import Crew
from twin.units import Reachable


class Head(Spec):
    """What a line document says besides its lists."""

    id: Id
    """Name of the line."""
    name: str = ""
    """Name for people."""
    description: str = ""
    """What it makes and how."""
    time_zone: str = "UTC"
    """IANA name of the time zone of the plant's wall clock."""
    start: Reachable = datetime(2026, 1, 5, 6)  # noqa: DTZ001 - read in the line's own zone
    """Time zero of the line; without an offset it is read in ``time_zone``."""
    energy: Energy | None = None
    """What a kilowatt-hour emits and costs."""


class Line(Head):
    """A production line.

    Raises
    ------
    LineError
        If a value is impossible or the parts do not fit together; all findings at once.
    """

    later: ClassVar[frozenset[str]] = frozenset({"energy", "loops", "vehicles"})

    sources: tuple[Source, ...]
    """Where parts enter."""
    stations: tuple[SerializeAsAny[Station], ...]
    """Where parts are worked on. The order in which they are written has no meaning."""
    buffers: tuple[Buffer, ...] = ()
    """Where parts wait."""
    sinks: tuple[Sink, ...] = (Sink(id="out"),)
    """Where parts leave."""
    products: tuple[Product, ...]
    """What is made."""
    loops: tuple[CardLoop, ...] = ()
    """What limits the parts in a stretch of the line."""
    vehicles: tuple[Vehicles, ...] = ()
    """What carries parts from place to place."""
    crews: tuple[Crew, ...] = ()
    """Who works: people, and tools that are shared like people."""
    calendars: tuple[Calendar, ...] = ()
    """When work goes on."""
    orders: tuple[JobOrder, ...] = ()
    """What is to be made by when."""

    def __init__(self, **data: Any) -> None:
        """Read and check the parts; keywords are the fields."""
        title = f"the line {data.get('id', '')!r}"
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise LineError(title, [worded(item, kind=Line) for item in error.errors()]) from error
        items: dict[str, Sequence[Any]] = {name: getattr(self, name) for name in SECTIONS}
        ids = {name: [item.id for item in found] for name, found in items.items()}
        findings = zone_findings(self.time_zone) + check(Parts(items, ids))
        if findings:
            raise LineError(title, findings)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Time zone of the plant's wall clock."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def start_utc(self) -> datetime:
        """Time zero of the line, in UTC."""
        start = self.start if self.start.tzinfo else self.start.replace(tzinfo=self.zone)
        return start.astimezone(UTC)

    def moment(self, time_s: float) -> datetime:
        """Return the moment, in the plant's time zone, that lies ``time_s`` after the start."""
        return (self.start_utc + timedelta(seconds=time_s)).astimezone(self.zone)

    def seconds(self, moment: datetime) -> float:
        """Return the seconds from the line's start to an aware ``moment``."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        return (moment - self.start_utc).total_seconds()

    @cached_property
    def flow_order(self) -> tuple[str, ...]:
        """Ids of the stations from upstream to downstream.

        A station stands where it first appears in any routing, as a share of the routing's length;
        ties go by id. It does not depend on the order of declaration, because ties between
        stations are decided by it.
        """
        position: dict[str, float] = {}
        for product in self.products:
            length = len(product.routing)
            for step, operation in enumerate(product.routing):
                for name in operation.stations:
                    position[name] = min(position.get(name, 2.0), step / length)
        return tuple(sorted(position, key=lambda name: (position[name], name)))

    @cached_property
    def _by_id(self) -> dict[str, dict[str, Any]]:
        return {name: {item.id: item for item in getattr(self, name)} for name in SECTIONS}

    def _find(self, section: str, name: str) -> Any:
        found = self._by_id[section].get(name)
        if found is None:
            raise UnknownNameError(section.removesuffix("s"), name, list(self._by_id[section]))
        return found

    def station(self, name: str) -> Station:
        """Return the station of that id, or raise UnknownNameError."""
        found: Station = self._find("stations", name)
        return found

    def buffer(self, name: str) -> Buffer:
        """Return the buffer of that id, or raise UnknownNameError."""
        found: Buffer = self._find("buffers", name)
        return found

    def product(self, name: str) -> Product:
        """Return the product of that id, or raise UnknownNameError."""
        found: Product = self._find("products", name)
        return found

    def calendar(self, name: str) -> Calendar:
        """Return the calendar of that id, or raise UnknownNameError."""
        found: Calendar = self._find("calendars", name)
        return found

    def crew(self, name: str) -> Crew:
        """Return the crew of that id, or raise UnknownNameError."""
        found: Crew = self._find("crews", name)
        return found

    def order(self, name: str) -> JobOrder:
        """Return the order of that id, or raise UnknownNameError."""
        found: JobOrder = self._find("orders", name)
        return found

    @cached_property
    def manned(self) -> frozenset[str]:
        """Stations at which some work on parts needs people."""
        found = {station.id for station in self.stations if station.needs}
        for product in self.products:
            for operation in product.routing:
                found.update(operation.stations if operation.needs else ())
        return frozenset(found)

    @cached_property
    def attended(self) -> frozenset[str]:
        """Those of the manned stations at which a part waits for nothing but people.

        Where components are put together, a part may also wait for those.
        """
        operations = [step for product in self.products for step in product.routing]
        kitting = {name for step in operations if step.components for name in step.stations}
        return self.manned - kitting

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the line's content, hexadecimal; order of declaration has no part in it."""
        document = without_later(self.model_dump(mode="json"), self)
        for section in SECTIONS:
            document.get(section, []).sort(key=lambda item: item["id"])
        for station in document["stations"]:
            station["failures"].sort(key=lambda mode: mode["id"])
            station.get("maintenance", []).sort(key=lambda mode: mode["id"])
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def changed(self, changes: Mapping[str, Any]) -> Line:
        """Return a copy with some values replaced.

        Parameters
        ----------
        changes : mapping of str to object
            Dotted path to new value. Items of a list are named by their id, e.g.
            ``{"stations.filler.servers": 2, "buffers.b1.capacity": 40}``. A path that ends in a
            section takes the whole list; one that ends in a new id adds an item.

        Raises
        ------
        UnknownNameError
            If a path leads nowhere; the error names what is there.
        LineError
            If the changed line does not hold together.
        """
        from twin.line.files import line_from_document  # noqa: PLC0415 - files builds lines

        document = self.model_dump(mode="json")
        for path, value in changes.items():
            _put(document, path, value)
        return line_from_document(document, title=f"the changed line {self.id!r}")


def maker_slots(line: Line) -> dict[str, int]:
    """Return the slot in part numbers of each station that makes parts of others.

    They follow the slots of the sources, in alphabetical order.
    """
    makers = {
        name
        for product in line.products
        for operation in product.routing
        if operation.makes
        for name in operation.stations
    }
    return {name: len(line.sources) + i for i, name in enumerate(sorted(makers))}


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    keys = path.split(".")
    here: Any = document
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        done = ".".join(keys[:depth]) or "the line"
        if isinstance(here, list):
            ids = [item.get("id") for item in here if isinstance(item, dict)]
            if key not in ids:
                if last and isinstance(value, Mapping):
                    here.append({"id": key, **value})
                    return
                raise UnknownNameError(f"item in {done}", key, [str(name) for name in ids])
            at: Any = ids.index(key)
        elif isinstance(here, dict):
            at = key
            # A mapping of free names (setup matrix, product weights) may get a new entry.
            if key not in here and not last:
                raise UnknownNameError(f"key in {done}", key, list(here))
        else:
            raise UnknownNameError(f"key in {done}", key, [])
        if last:
            here[at] = value.model_dump(mode="json") if isinstance(value, Spec) else value
        else:
            here = here[at]


def serial_line(
    processing_times: Sequence[AnyDistribution],
    buffers: Sequence[int | None] = (),
    line_id: str = "serial",
) -> Line:
    """Return a serial line whose first station is never starved and whose last is never blocked.

    Parameters
    ----------
    processing_times : sequence of Distribution
        One per station, s. Stations are named ``s1``, ``s2``, ...
    buffers : sequence of int or None
        Places between neighbouring stations, one fewer than stations; 0: the part waits in its
        station; None: no limit. Empty: no places anywhere. Buffers are named ``b1``, ``b2``, ...
    line_id : str
        Name of the line.

    Returns
    -------
    Line
        With one product ``part`` and blocking after service.

    Raises
    ------
    LineError
        If the numbers do not fit.

    Examples
    --------
    >>> from twin.line import Exponential
    >>> serial_line([Exponential(mean_s=1.0)] * 3, buffers=[1, 1]).flow_order
    ('s1', 's2', 's3')
    """
    count = len(processing_times)
    places = list(buffers) or [0] * max(count - 1, 0)
    if count < 1 or len(places) != count - 1:
        message = f"{count} stations and {len(places)} buffers"
        expected = "at least one station, and one buffer fewer than stations"
        raise LineError("the serial line", [Finding("buffers", message, expected)])
    inputs = [f"b{i}" if places[i - 1] != 0 else None for i in range(1, count)]
    return Line(
        id=line_id,
        sources=(Source(id="source"),),
        stations=tuple(
            Station(id=f"s{i + 1}", input_buffer=inputs[i - 1] if i else None) for i in range(count)
        ),
        buffers=tuple(Buffer(id=name, capacity=places[i]) for i, name in enumerate(inputs) if name),
        products=(
            Product(
                id="part",
                routing=tuple(
                    Operation(id=f"op{i + 1}", stations=(f"s{i + 1}",), processing_time_s=time_s)
                    for i, time_s in enumerate(processing_times)
                ),
            ),
        ),
    )
