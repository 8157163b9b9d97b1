"""Shapes of what-if: scenarios, runs and their results."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.common import (
    Handle,
    Interval,
    JsonValue,
    Moment,
    Provenance,
    Shape,
)
from api.schemas.jobs import JobStatus
from twin.events.state import LineState
from twin.line.spec import Id

Start = Literal["live", "empty"] | LineState
"""Where a run begins: the line now, an empty line, or a state document."""


class FaultShape(Shape):
    """A fault that is made to happen in a run."""

    station: Id
    """Where."""
    kind: Literal["breakdown", "slowdown"] = "breakdown"
    """Stands still, or works slower."""
    after_s: float = Field(default=0.0, ge=0, le=1e9)
    """When, s after the run begins."""
    duration_s: float = Field(gt=0, le=1e9)
    """How long, s."""
    factor: float = Field(default=1.0, gt=0, le=1000.0)
    """Slowdown: times on the processing times drawn meanwhile."""


class ScenarioIn(Shape):
    """A named set of changes to a line, and faults."""

    line_id: Id
    """Line it changes."""
    name: str = Field(min_length=1, max_length=120, pattern=r"\S")
    """Name for people."""
    description: str = Field(default="", max_length=4000)
    """What it is about."""
    changes: dict[str, JsonValue] = Field(default_factory=dict, max_length=500)
    """Dotted path to new value, e.g. ``{"stations.filler.servers": 2}``; items go by their id."""
    faults: tuple[FaultShape, ...] = Field(default=(), max_length=100)
    """Faults that are made to happen."""
    events: tuple[dict[str, JsonValue], ...] = Field(default=(), max_length=100)
    """What happens, by ``kind``: ``breakdown`` (station, after_s, duration_s), ``slowdown`` and
    ``drift`` (also factor), ``operator_absent`` (crew or station, people, after_s, duration_s),
    ``material_late`` (source, after_s, duration_s), ``rush_order`` (product, quantity, after_s,
    due_in_s), ``demand`` (factor), ``extra_shift`` (calendar, start, end, days)."""


class ScenarioPatch(Shape):
    """New values of a scenario; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=120, pattern=r"\S")
    """Name for people."""
    description: str | None = Field(default=None, max_length=4000)
    """What it is about."""
    changes: dict[str, JsonValue] | None = Field(default=None, max_length=500)
    """All changes, replacing the old ones."""
    faults: tuple[FaultShape, ...] | None = Field(default=None, max_length=100)
    """All faults, replacing the old ones."""
    events: tuple[dict[str, JsonValue], ...] | None = Field(default=None, max_length=100)
    """All events, replacing the old ones."""


class ScenarioView(ScenarioIn):
    """A scenario that is kept."""

    id: Handle
    """Id."""
    version: int = Field(ge=1)
    """Counts its changes; also its ETag."""
    created_at: Moment
    """Made at."""
    updated_at: Moment
    """Changed at."""


class RunIn(Shape):
    """How to run a scenario against the line as it is."""

    horizon_s: float = Field(default=8 * 3600.0, gt=0)
    """Time to look ahead, s, warm-up included."""
    warm_up_s: float = Field(default=0.0, ge=0)
    """Time at the beginning that is not counted, s."""
    replications: int = Field(default=20, ge=2)
    """Replications of each scenario, with the same random numbers in each."""
    seed: int = Field(default=1, ge=0, lt=2**63)
    """Seed of the random numbers."""
    start: Start = "live"
    """Where it begins; ``live`` is ``empty`` for a line without a plant."""
    compare_with: tuple[Handle, ...] = Field(default=(), max_length=5)
    """More scenarios of the same line to run beside it."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the intervals."""


class RunView(Shape):
    """A run that was asked for."""

    id: Handle
    """Id."""
    line_id: str
    """Line."""
    scenario_ids: tuple[Handle, ...]
    """Scenarios, beside the line as it is (``base``)."""
    job_id: Handle
    """Job that does it."""
    status: JobStatus
    """How far it has come."""
    horizon_s: float
    """Time ahead, s, warm-up included."""
    warm_up_s: float
    """Time at the beginning that is not counted, s."""
    replications: int
    """Replications of each scenario."""
    seed: int
    """Seed."""
    start: Literal["live", "empty", "state"]
    """Where it begins."""
    start_as_of: Moment
    """Moment of the state where it begins, plant's clock."""
    level: float
    """Confidence of the intervals."""
    created_at: Moment
    """Asked for at."""
    results_url: str | None = None
    """Path of the results, once they are there."""


Verdict = Literal["better", "worse", "no relevant difference", "cannot tell yet"]
"""What the interval of the paired difference allows to say."""


class ComparisonRow(Shape):
    """One figure of one scenario against the line as it is."""

    scenario_id: Handle
    """Scenario."""
    scenario: str
    """Its name."""
    kpi: str
    """Figure, e.g. ``throughput_rate``."""
    element: str | None = None
    """Station, buffer, product or order that the figure is about; none: the line."""
    unit: str
    """Unit of the figure."""
    base: Interval | None
    """The line as it is; none where fewer than two replications have the figure."""
    value: Interval | None
    """The scenario."""
    difference: Interval | None
    """Scenario less base, paired by replication."""
    relative: float | None = None
    """Mean difference over the mean of the base; none where that is zero."""
    higher_is_better: bool
    """Which way is up."""
    relevance: float
    """Smallest difference that matters, in the figure's unit."""
    verdict: Verdict
    """What the difference says."""
    replications_needed: int | None = None
    """Replications that should decide it; none where it is decided, or where none would."""
    note: str = ""
    """What the reader must know, such as orders that were not finished."""


class ScenarioName(Shape):
    """A scenario by id and name."""

    id: str
    """Id; ``base``: the line as it is."""
    name: str
    """Name."""


class RunResults(Shape):
    """What a run found."""

    run_id: Handle
    """Run."""
    line_id: str
    """Line."""
    provenance: Provenance
    """State it started from; ``simulated``."""
    scenarios: tuple[ScenarioName, ...]
    """``base`` first."""
    horizon_s: float
    """Time ahead, s."""
    warm_up_s: float
    """Time not counted, s."""
    replications: int
    """Replications of each scenario."""
    level: float
    """Confidence of the intervals; of the differences, for all scenarios of a figure together."""
    correction: Literal["none", "bonferroni"] = "none"
    """How that is reached: ``bonferroni`` divides what is left over among the scenarios."""
    rows: tuple[ComparisonRow, ...]
    """Figures, the line's own first."""
    samples: dict[str, dict[str, tuple[float | None, ...]]] = Field(default_factory=dict)
    """Figure of the line -> scenario id -> its value in each replication, for charts."""
