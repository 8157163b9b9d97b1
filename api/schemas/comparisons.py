"""Shapes of comparisons: scenarios of finished runs against each other."""

from __future__ import annotations

from pydantic import Field

from api.schemas.common import Handle, Provenance, Shape
from api.schemas.scenarios import ComparisonRow, ScenarioName


class ComparisonIn(Shape):
    """Which runs to compare, and with what."""

    run_ids: tuple[Handle, ...] = Field(min_length=1, max_length=6)
    """Finished runs of one line with one start, horizon, warm-up, seed and number of replications:
    only then are their replications pairs."""
    reference: str = Field(default="base", min_length=1, max_length=64)
    """Scenario that the others are held against; ``base``: the line as it is."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the intervals."""


class ComparisonView(Shape):
    """Scenarios held against one of them, replication by replication."""

    line_id: str
    """Line."""
    run_ids: tuple[Handle, ...]
    """Runs."""
    reference: str
    """What the others are held against."""
    scenarios: tuple[ScenarioName, ...]
    """The reference first."""
    replications: int
    """Pairs."""
    level: float
    """Confidence of the intervals."""
    rows: tuple[ComparisonRow, ...]
    """Figures of the line."""
    provenance: Provenance
    """State that the runs started from; ``simulated``."""
