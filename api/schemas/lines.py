"""Shapes of lines: what they are, where they are, how they do."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from api.schemas.common import Interval, Moment, Provenance, Shape
from twin.events.kinds import Status
from twin.events.state import VehicleStatus


class LinkStatus(StrEnum):
    """How the twin stands with the plant."""

    NONE = "none"
    """This line is not connected to any plant."""
    CONNECTING = "connecting"
    CONNECTED = "connected"
    LOST = "lost"


class Link(Shape):
    """The connection to the plant."""

    status: LinkStatus
    """How it stands."""
    since: Moment | None = None
    """Wall-clock moment since which it stands so."""
    endpoint: str | None = None
    """Address of the plant's server."""
    message: str = ""
    """What happened last, for people."""


class LinkChange(Shape):
    """The connection of one line changed."""

    line_id: str
    """The line."""
    link: Link
    """How it stands now."""


class LineSummary(Shape):
    """One line of the site."""

    id: str
    """Name."""
    name: str
    """Name for people."""
    description: str
    """What it makes and how."""
    time_zone: str
    """IANA name of the plant's time zone."""
    model_hash: str
    """SHA-256 of the model; also its ETag."""
    stations: int
    """Number of stations."""
    link: Link
    """The connection to the plant."""


class ServerView(Shape):
    """One server of a station."""

    status: Status
    """What it is doing."""
    part: str | None = None
    """Number of the part in it; text, because it has 64 bits."""
    product: str | None = None
    """What the part is."""
    order: str | None = None
    """Order it belongs to."""
    operation: str | None = None
    """Operation of its routing that it is in."""


class SignalView(Shape):
    """The last value of a sensor."""

    value: float
    """Value."""
    unit: str
    """Unit, for people."""
    as_of: Moment
    """Moment of the value, plant's clock."""


class StationView(Shape):
    """One station."""

    id: str
    """Name."""
    name: str
    """Name for people."""
    status: Status
    """What it is doing as a whole."""
    servers: tuple[ServerView, ...]
    """Its servers."""
    setup_group: str | None = None
    """Setup in place."""
    processed: int = Field(ge=0)
    """Operations finished."""
    failure_modes: tuple[str, ...] = ()
    """Modes in which it is failed now, and maintenance that is due or goes on; ``outage``: a stop
    that the model does not know."""
    wear: int | None = None
    """Level of wear, 0: as new; none where the model has none."""
    signals: dict[str, SignalView] = Field(default_factory=dict)
    """Sensors by name."""


class BufferView(Shape):
    """One buffer."""

    id: str
    """Name."""
    level: int = Field(ge=0)
    """Parts in it."""
    capacity: int | None = None
    """Places; none: no limit."""


class VehicleView(Shape):
    """One vehicle of a pool."""

    pool: str
    """Pool that it belongs to."""
    number: int = Field(ge=0)
    """Its number there, from 0."""
    told: bool = True
    """Whether the plant tells what it does; false: only trips are supposed, from parts that left
    one place and came to another."""
    status: VehicleStatus
    """``idle``, ``fetching`` (on its way to a part), ``loading``, ``carrying``, ``unloading``,
    ``returning`` (on its way home)."""
    place: str
    """Where it stands or set out from; with a part on board, where it took that."""
    origin: str | None = None
    """Where it takes its part, or took it."""
    part: str | None = None
    """Number of the part that it was sent for; text, because it has 64 bits."""
    product: str | None = None
    """What the part is."""
    order: str | None = None
    """Order it belongs to."""
    goal: str | None = None
    """Where the part goes: a buffer, a station or a sink."""


class SourceView(Shape):
    """One source."""

    id: str
    """Name."""
    created: int = Field(ge=0)
    """Parts made."""
    waiting: int = Field(ge=0)
    """Parts that wait to enter."""


class Counts(Shape):
    """Parts of the line."""

    created: int = Field(ge=0)
    """Parts that entered."""
    finished: int = Field(ge=0)
    """Good parts finished."""
    scrapped: int = Field(ge=0)
    """Parts scrapped."""
    in_line: int = Field(ge=0)
    """Parts in the line now."""


class OrderView(Shape):
    """One order and how far it has come."""

    id: str
    """Name."""
    product: str
    """What is made."""
    quantity: int
    """Parts ordered."""
    released: bool
    """Whether its parts may enter."""
    created: int
    """Parts that entered."""
    finished: int
    """Good parts finished."""
    scrapped: int
    """Parts scrapped."""
    release: Moment
    """From when on its parts may enter."""
    due_date: Moment | None = None
    """By when the last part should be finished."""
    priority: float = 1.0
    """Weight; a higher one is more urgent."""


class CrewView(Shape):
    """The people of one crew."""

    id: str
    """Name."""
    size: int
    """How many there are."""
    on: bool
    """Whether their shift is running."""
    away: int
    """How many of them are not there although it is, as the plant told."""


class LineStateView(Shape):
    """Where everything is now."""

    line_id: str
    """The line."""
    time_s: float
    """The moment, s since the line's start."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    link: Link
    """The connection to the plant."""
    stations: tuple[StationView, ...]
    """Stations from upstream to downstream."""
    buffers: tuple[BufferView, ...]
    """Buffers in the order of the model."""
    sources: tuple[SourceView, ...]
    """Sources in the order of the model."""
    vehicles: tuple[VehicleView, ...] = ()
    """Vehicles, by pool in the order of the model and then by number."""
    crews: tuple[CrewView, ...] = ()
    """Crews in the order of the model."""
    counts: Counts
    """Parts."""
    orders: tuple[OrderView, ...]
    """Orders in the order of the model."""


class StationKpis(Shape):
    """ISO 22400-2 figures of one station over the window; none where they are undefined."""

    id: str
    """Name."""
    status_share: dict[str, float]
    """Share of the server time in each status."""
    processed: int
    """Operations finished."""
    availability: float | None = None
    """Share of the planned time in which it could produce."""
    effectiveness: float | None = None
    """Planned over actual processing time."""
    quality_ratio: float | None = None
    """Good over all parts."""
    oee_index: float | None = None
    """Availability times effectiveness times quality ratio."""


class VehicleKpis(Shape):
    """Figures of one pool of vehicles over the window."""

    id: str
    """Name of the pool."""
    share: dict[str, float]
    """Share of the vehicles' time ``idle``, ``empty`` (on the way to a part), ``loading``,
    ``loaded``, ``unloading`` and ``returning``; empty where the plant does not tell."""
    trips: int
    """Parts put down; supposed where ``share`` is empty."""


class ThroughputBin(Shape):
    """Parts finished in one stretch of time."""

    begin: Moment
    """From."""
    end: Moment
    """To."""
    finished: int
    """Good parts."""


class KpiView(Shape):
    """How a line did over the window that ends at ``provenance.as_of``."""

    line_id: str
    """The line."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    window_s: float
    """Length of the window asked for, s."""
    observed_s: float
    """Time in it that was observed, s."""
    gap_s: float = 0.0
    """Time of the window in declared gaps, s: above 0, values may be missing in these figures."""
    throughput_rate: float | None = None
    """Good parts per second; none before anything was observed."""
    throughput_per_h: float | None = None
    """Good parts per hour."""
    finished: int = 0
    """Good parts finished."""
    scrapped: int = 0
    """Parts scrapped."""
    created: int = 0
    """Parts that entered."""
    wip_mean: float | None = None
    """Mean number of parts in the line."""
    flow_time_mean_s: float | None = None
    """Mean time from entering to leaving, s."""
    flow_time_p90_s: float | None = None
    """Time that nine of ten parts stay below, s."""
    stations: tuple[StationKpis, ...] = ()
    """Stations from upstream to downstream."""
    buffers: dict[str, float | None] = Field(default_factory=dict)
    """Mean content by buffer, parts."""
    vehicles: tuple[VehicleKpis, ...] = ()
    """Pools of vehicles, by name."""
    throughput: tuple[ThroughputBin, ...] = ()
    """Parts finished over the window, in equal stretches."""


class OrderPromiseRequest(Shape):
    """When will this be done? Either an order of the line, or one that is not placed yet."""

    line_id: str
    """The line."""
    order_id: str | None = None
    """An order of the line."""
    product: str | None = None
    """What is asked for, where it is no order yet."""
    quantity: int | None = Field(default=None, ge=1, le=1_000_000)
    """Parts asked for."""
    due_date: Moment | None = None
    """Wanted by; none: the order's own due date, if it has one."""
    priority: float = Field(default=1.0, gt=0, le=1e6)
    """Weight of an order that is not placed yet."""
    start: str = Field(default="live", pattern="^(live|empty)$")
    """``live``: from where the line is now; ``empty``: from an empty line at its start."""
    horizon_s: float = Field(default=86400.0, gt=0, le=30 * 86400.0)
    """How far ahead to look, s."""
    time_budget_s: float = Field(default=1.5, ge=0.1, le=30.0)
    """Wall-clock time to spend on replications, s."""
    replications: int = Field(default=200, ge=2, le=2000)
    """Most replications to run."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Seed of the random numbers."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the intervals."""


class OrderPromise(Shape):
    """When an order will be done."""

    line_id: str
    """The line."""
    order_id: str | None
    """The order; none for one that is not placed yet."""
    product: str
    """What is made."""
    quantity: int
    """Parts."""
    due_date: Moment | None
    """Wanted by."""
    completion_p50: Moment | None
    """Moment by which it is done in half of the replications; none: beyond the horizon."""
    completion_p90: Moment | None
    """Moment by which it is done in nine of ten replications; none: beyond the horizon."""
    completion_mean: Moment | None
    """Mean completion; none unless every replication finished it."""
    completion_mean_half_width_s: float | None
    """Half the confidence interval of the mean, s."""
    on_time_probability: Interval | None
    """Share of replications that keep the due date, with its interval; none without due date."""
    done_within_horizon: Interval
    """Share of replications that finish it within the horizon."""
    replications: int
    """Replications behind the answer."""
    elapsed_s: float
    """Wall-clock time that it took, s."""
    provenance: Provenance
    """State it started from; ``simulated``."""
