"""The lines of the site as they are now."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol

from api.schemas import (
    BufferView,
    Counts,
    CrewView,
    LineStateView,
    Link,
    LinkStatus,
    OrderView,
    Provenance,
    Quality,
    ServerView,
    SignalView,
    SourceView,
    StationView,
    VehicleView,
)
from twin.events import EventLog, LineState, PartState, Status
from twin.events.fold import Folder, empty_state
from twin.events.state import CrewState, VehicleState
from twin.line import Crew, Line, Station
from twin.sync import LinkStatus as MirrorStatus
from twin.sync import Mapping as PlantMapping

RANK = (
    Status.FAILED,
    Status.PROCESSING,
    Status.SETUP,
    Status.HANDLING,
    Status.MAINTENANCE,
    Status.NO_OPERATOR,
    Status.BLOCKED,
    Status.STARVED,
    Status.OFF,
)
"""A station as a whole is in the first of these in which any of its servers is."""
OUTAGE_NAME = "outage"
"""Name of a failure that the model does not know."""

TOLD_S = 0.05
"""Shortest time between two writings of a state, s: many ask at one moment."""

Readings = Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]
"""Time, s since the line's start, and value, by station and sensor, oldest first."""


@dataclass(frozen=True, slots=True)
class Signal:
    """The last value of one sensor."""

    value: float
    """Value."""
    unit: str
    """Unit, for people."""
    at: datetime
    """Moment of the value, plant's clock."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A line at one moment, as a feed sees it."""

    state: LineState
    """Where everything is."""
    statuses: Mapping[str, Sequence[Status]]
    """What each server of each station is doing."""
    signals: Mapping[str, Mapping[str, Signal]]
    """Sensors by station and name."""
    as_of: datetime
    """Moment that it shows, plant's clock."""
    received_at: datetime
    """Wall-clock moment at which the newest value came in."""
    quality: Quality
    """How far it can be trusted."""
    link: Link
    """The connection to the plant."""
    known: bool = True
    """Whether the plant was ever seen; else the state stands for nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """A state as it goes out: written once for all who ask until something moves."""

    etag: str
    """Weak, because the age in it grows while nothing else moves."""
    received_at: datetime
    """Wall-clock moment at which the newest value came in."""
    head: bytes
    """JSON before the age."""
    tail: bytes
    """JSON behind the age."""

    def body(self, now: datetime) -> bytes:
        """Return the JSON with the age of now."""
        return b"%s%.1f%s" % (self.head, _age_ms(self.received_at, now), self.tail)


class Feed(Protocol):
    """Where the live picture of a line comes from."""

    @property
    def line(self) -> Line:
        """The line."""

    @property
    def revision(self) -> Hashable:
        """What stays equal for as long as the picture does, but for its age."""

    async def start(self) -> None:
        """Begin to follow the line; a plant that is not there is no error."""

    async def stop(self) -> None:
        """End it, within a bounded time."""

    def picture(self) -> Picture:
        """Return the line as it is now."""

    def link(self) -> Link:
        """Return how the connection stands."""

    def log(self, window_s: float) -> EventLog | None:
        """Return the events of the last ``window_s``; None: nothing was seen yet."""

    def readings(self, since_s: float) -> Readings:
        """Return what the sensors read from ``since_s`` (plant time) on."""

    def logs(self) -> tuple[EventLog, ...]:
        """Return the events between the gaps, oldest first, as far back as they are kept."""

    def status(self) -> MirrorStatus:
        """Return how the connection stands, in full."""

    @property
    def mapping(self) -> PlantMapping:
        """How the plant is read."""


class LiveLine:
    """A line of the site, with or without a plant behind it.

    Parameters
    ----------
    line : Line
        The line.
    feed : Feed, optional
        Where its picture comes from; none: the line stands empty at its start.
    clock : callable, optional
        Wall clock.
    """

    def __init__(
        self,
        line: Line,
        feed: Feed | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.line = line
        self.feed = feed
        self._clock = clock
        self._document = line.model_dump(mode="json")
        self._made_at = clock()
        self._told: tuple[float, Hashable, Told] | None = None

    @property
    def document(self) -> dict[str, object]:
        """The line as JSON."""
        return self._document

    @cached_property
    def physics(self) -> str:
        """SHA-256 of what the line can do: of its model without start, orders and texts.

        A forecaster that was trained on it stays good when only these change.
        """
        kept = {
            name: value
            for name, value in self._document.items()
            if name not in {"start", "orders", "name", "description"}
        }
        text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def link(self) -> Link:
        """Return how the connection to the plant stands."""
        return self.feed.link() if self.feed else Link(status=LinkStatus.NONE)

    def picture(self) -> Picture:
        """Return the line as it is now; one without a plant is empty, at its start."""
        if self.feed is not None:
            return self.feed.picture()
        return self._empty

    @cached_property
    def _empty(self) -> Picture:
        """The line without a plant: nothing ever moves in it."""
        folder = Folder(self.line, empty_state(self.line))
        return Picture(
            state=folder.state(0.0),
            statuses=folder.statuses(),
            signals={},
            as_of=self.line.start_utc,
            received_at=self._made_at,
            quality=Quality.GAP,
            link=Link(status=LinkStatus.NONE),
        )

    def provenance(self, picture: Picture) -> Provenance:
        """Return where a picture comes from and how old it is."""
        return Provenance(
            as_of=picture.as_of,
            received_at=picture.received_at,
            quality=picture.quality,
            age_ms=_age_ms(picture.received_at, self._clock()),
            model_version=self.line.hash,
        )

    def view(self, picture: Picture | None = None) -> LineStateView:
        """Return the state as the API shows it, of now or as another picture has it."""
        picture = picture or self.picture()
        state, line = picture.state, self.line
        inside: dict[str, list[PartState]] = {}
        for part in state.parts:
            inside.setdefault(part.location, []).append(part)
        return LineStateView(
            line_id=line.id,
            time_s=state.time_s,
            provenance=self.provenance(picture),
            link=picture.link,
            stations=tuple(
                _station(line, line.station(name), picture, inside.get(name, []))
                for name in line.flow_order
            ),
            buffers=tuple(
                BufferView(
                    id=buffer.id, level=len(inside.get(buffer.id, [])), capacity=buffer.capacity
                )
                for buffer in line.buffers
            ),
            sources=tuple(
                SourceView(
                    id=source.id,
                    created=state.sources[source.id].created if source.id in state.sources else 0,
                    waiting=len(inside.get(source.id, [])),
                )
                for source in line.sources
            ),
            vehicles=_vehicles(line, state),
            crews=tuple(_crew(crew, state.crews.get(crew.id)) for crew in line.crews),
            counts=Counts(
                created=sum(source.created for source in state.sources.values()),
                finished=state.finished,
                scrapped=state.scrapped,
                in_line=len(state.parts),
            ),
            orders=_orders(line, state),
        )

    def told(self) -> Told:
        """Return the state of now as it goes out; to be called in the event loop.

        It is written anew when something has moved, and at most every ``TOLD_S``.
        """
        now_s = time.monotonic()
        revision = self.feed.revision if self.feed is not None else None
        if self._told is not None:
            written_s, of, told = self._told
            if of == revision or now_s - written_s < TOLD_S:
                return told
        told = self._write()
        self._told = (now_s, revision, told)
        return told

    def _write(self) -> Told:
        view = self.view()
        # The age stands apart: it grows while nothing else moves.
        provenance = view.provenance.model_copy(update={"age_ms": 0.0})
        text = view.model_copy(update={"provenance": provenance}).model_dump_json().encode()
        head, age, tail = text.partition(b'"age_ms":0.0')
        assert age, "the state tells its age"
        etag = f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'
        return Told(etag, view.provenance.received_at, head + b'"age_ms":', tail)


def _age_ms(received_at: datetime, now: datetime) -> float:
    return max((now - received_at).total_seconds() * 1000.0, 0.0)


def _station(
    line: Line, station: Station, picture: Picture, parts: Sequence[PartState]
) -> StationView:
    statuses = picture.statuses.get(station.id, [])
    by_server = {part.server: part for part in parts}
    servers = tuple(
        _server(line, status, by_server.get(number)) for number, status in enumerate(statuses)
    )
    found = picture.state.stations.get(station.id)
    failed = (
        [name for name, mode in found.modes.items() if mode.status != "running"] if found else []
    )
    if found is not None and found.outages:
        failed.append(OUTAGE_NAME)
    return StationView(
        id=station.id,
        name=station.name or station.id,
        status=next((status for status in RANK if status in statuses), Status.OFF),
        servers=servers,
        setup_group=found.setup_group if found else None,
        processed=found.finished if found else 0,
        failure_modes=tuple(failed),
        wear=found.wear.level if found is not None and found.wear is not None else None,
        signals={
            name: SignalView(value=signal.value, unit=signal.unit, as_of=signal.at)
            for name, signal in picture.signals.get(station.id, {}).items()
        },
    )


def _server(line: Line, status: Status, part: PartState | None) -> ServerView:
    if part is None:
        return ServerView(status=status)
    routing = line.product(part.product).routing
    index = part.operation - 1 if part.status == "done" else part.operation
    operation = routing[index].id if 0 <= index < len(routing) else None
    return ServerView(
        status=status,
        part=str(part.id),
        product=part.product,
        order=part.order,
        operation=operation,
    )


def _crew(crew: Crew, found: CrewState | None) -> CrewView:
    known = found or CrewState()  # a crew without a calendar of which nobody is away
    return CrewView(id=crew.id, size=crew.size, on=known.on, away=min(known.away, crew.size))


def _vehicles(line: Line, state: LineState) -> tuple[VehicleView, ...]:
    parts = {part.id: part for part in state.parts}
    found = []
    for pool in line.vehicles:
        for number, vehicle in enumerate(state.vehicles.get(pool.id, ())):
            part = parts.get(-1 if vehicle.part is None else vehicle.part)
            found.append(
                VehicleView(
                    pool=pool.id,
                    number=number,
                    told=vehicle.told,
                    status=vehicle.status,
                    place=vehicle.place,
                    origin=_origin(vehicle, part),
                    part=None if vehicle.part is None else str(vehicle.part),
                    product=part.product if part else None,
                    order=part.order if part else None,
                    goal=vehicle.goal,
                )
            )
    return tuple(found)


def _origin(vehicle: VehicleState, part: PartState | None) -> str | None:
    if part is None:
        return None
    return part.location if vehicle.status in ("fetching", "loading") else vehicle.place


def _orders(line: Line, state: LineState) -> tuple[OrderView, ...]:
    views = []
    for order in line.orders:
        found = state.orders.get(order.id)
        due = line.moment(order.due_date_s) if order.due_date_s is not None else None
        views.append(
            OrderView(
                id=order.id,
                product=order.product,
                quantity=order.quantity,
                released=found.released if found else False,
                created=found.created if found else 0,
                finished=found.finished if found else 0,
                scrapped=found.scrapped if found else 0,
                release=line.moment(order.release_s),
                due_date=due,
                priority=order.priority,
            )
        )
    return tuple(views)
