"""Shapes of what was: elements, their history, gaps, and what held a line back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.common import Interval, Moment, Provenance, Shape
from api.schemas.lines import BufferView, SourceView, StationView

ElementKind = Literal["station", "buffer", "source"]


class ElementStateView(Shape):
    """One element of a line at one moment."""

    id: str
    """``LINE.ELEMENT``."""
    line_id: str
    """Line."""
    kind: ElementKind
    """What it is."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    station: StationView | None = None
    """Where it is a station."""
    buffer: BufferView | None = None
    """Where it is a buffer."""
    source: SourceView | None = None
    """Where it is a source."""


class HistoryItem(Shape):
    """One thing that happened to an element, or one value of a sensor."""

    at: Moment
    """When, plant's clock."""
    property: str
    """``event``, or ``signals.NAME``."""
    event: str | None = None
    """What happened, e.g. ``processing_started``; none for a sensor."""
    part: str | None = None
    """Number of the part that it happened to; text, because it has 64 bits."""
    value: float | None = None
    """Value of a sensor, or the number that belongs to the event."""
    quality: str
    """``good`` or ``uncertain``."""


class ElementHistory(Shape):
    """What happened to an element, oldest first."""

    id: str
    """``LINE.ELEMENT``."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    items: tuple[HistoryItem, ...]
    """What happened."""
    next_cursor: str | None = None
    """Give it as ``cursor`` for the items that follow; none: this was the last part."""


class GapView(Shape):
    """A stretch of time of which something may be missing."""

    begin: Moment
    """Last moment before it that is known."""
    end: Moment | None
    """First moment after it that is known; none: it lasts."""
    reason: str
    """Why."""
    node: str = ""
    """Node whose values may be missing; empty: those of all."""
    clock_step_s: float | None = None
    """How far the plant's clock was set, s, below 0 for back: the state goes on at its new time,
    and nothing but the time between is missing; none: it was not set."""


class Gaps(Shape):
    """What is known to be missing."""

    line_id: str
    """Line."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    items: tuple[GapView, ...]
    """Gaps, oldest first."""


class BottleneckRow(Shape):
    """How far one station held the line back."""

    station: str
    """Station."""
    momentary_share: float | None = None
    """Share of the time in which its active period was the longest of all."""
    sole_share: float | None = None
    """Share of the time in which it alone was the bottleneck."""
    shifting_share: float | None = None
    """Share of the time in which it took over or handed over."""
    active_share: float | None = None
    """Share of the time in which it waited for nobody."""
    active_period_mean_s: float | None = None
    """Mean length of its active periods, s."""
    chain_share: float | None = None
    """Share of the time with a blocked station before and a starved one behind it."""
    turning_point: bool = False
    """Whether blocked turns into starved here."""


class Bottlenecks(Shape):
    """What held a line back over a window that ends at ``provenance.as_of``."""

    line_id: str
    """Line."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    window_s: float
    """Length of the window asked for, s."""
    observed_s: float
    """Time in it that was observed, s."""
    bottleneck: str | None = None
    """Station with the largest momentary share; none: nothing was observed."""
    stations: tuple[BottleneckRow, ...] = ()
    """Stations from upstream to downstream."""


class LossRow(Shape):
    """What part of a station's time was spent on one thing."""

    station: str
    """Station."""
    loss: str
    """``good``, ``quality``, ``slow``, ``setup``, ``failed``, ``starved``, ``blocked``, ``off``."""
    cause: str = ""
    """Failure mode, where it failed."""
    time_s: float
    """Server time, s."""
    share: float | None = None
    """Share of the station's observed server time."""
    operations: float | None = None
    """Operations that the time is worth; none: none ended at the station."""
    energy_kwh: float | None = None
    """Energy of that time, kWh; 0 where the station states no power."""


class Losses(Shape):
    """Where the time of each station went; the rows add up to all of it."""

    line_id: str
    """Line."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    window_s: float
    """Length of the window asked for, s."""
    observed_s: float = Field(ge=0)
    """Time in it that was observed, s."""
    rows: tuple[LossRow, ...] = ()
    """Rows by station, in flow order."""


FitWord = Literal["agrees", "above", "below", "unknown"]
"""What was seen against the model: in its interval, more, less, or too little to tell."""


class PaceRow(Shape):
    """How fast a station works, against its model."""

    station: str
    """Station."""
    processed: int = Field(ge=0)
    """Operations that ended in the window."""
    pace: Interval | None
    """Planned over actual processing time: 1 is as planned; none: too few operations."""
    fit: FitWord
    """What it says; ``above``: faster than planned."""


class FailureRow(Shape):
    """How often a station failed in one mode, against its model."""

    station: str
    """Station."""
    mode: str
    """Failure mode, or ``outage`` for stops that no mode explains."""
    expected: float = Field(ge=0)
    """Failures that the model expects of the time in which the mode aged."""
    seen: int = Field(ge=0)
    """Failures in the window."""
    low: float = Field(ge=0)
    """Lower end of the interval of the number in the long run, from what was seen."""
    high: float = Field(ge=0)
    """Upper end."""
    fit: FitWord
    """What it says; ``above``: more failures than expected."""


class ModelFit(Shape):
    """Whether a line does as its model says, over a window that ends at ``provenance.as_of``."""

    line_id: str
    """Line."""
    provenance: Provenance
    """Where it comes from and how old it is."""
    window_s: float
    """Length of the window asked for, s."""
    observed_s: float = Field(ge=0)
    """Time in it that was observed, s."""
    level: float
    """Confidence that all intervals of a table hold together."""
    paces: tuple[PaceRow, ...] = ()
    """Stations in flow order."""
    failures: tuple[FailureRow, ...] = ()
    """Failure modes, stations in flow order."""


class StationTimeline(Shape):
    """Where the time of one station went, stretch by stretch."""

    station: str
    """Station."""
    shares: dict[str, tuple[float | None, ...]]
    """Share of each stretch by status; none: nothing is known of the stretch. A status that never
    was is left out."""


class Timeline(Shape):
    """Where the time of each station went, stretch by stretch."""

    line_id: str
    """Line."""
    provenance: Provenance
    """As for a state."""
    edges: tuple[Moment, ...]
    """Where stretches begin and end: one more than there are stretches."""
    stations: tuple[StationTimeline, ...]
    """Stations in flow order."""
