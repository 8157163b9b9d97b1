"""Wear: a level that grows with use and changes failures, quality and times, step by step."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from twin.line.distributions import AnyDistribution, Distribution
from twin.line.reliability import Clock
from twin.line.spec import Id, Spec


class WearLevel(Spec):
    """What a station is like when it is worn so far, and how long it takes to come to that."""

    after_s: Distribution | None = None
    """Time from the level before to this one, s, on the clock of the wear."""
    after_cycles: Distribution | None = None
    """In place of it, with ``clock: cycles``: operations; where a distribution's own fields say
    seconds, operations are meant."""
    failure_factor: float = Field(default=1.0, gt=0, le=1000)
    """Times this failure modes age, so they fail so many times as often; no unit."""
    scrap_probability: float = Field(default=0.0, ge=0, le=1)
    """Share of the parts scrapped, beside that of the operation."""
    time_factor: float = Field(default=1.0, gt=0, le=1000)
    """Times this on processing times that begin; no unit."""

    @property
    def after(self) -> AnyDistribution:
        """Use from the level before to this one: s, or operations."""
        found = self.after_cycles or self.after_s
        assert found is not None
        return found


class Wear(Spec):
    """How one station wears: from level 0, as new, to the last of the levels."""

    clock: Clock = "operating"
    """What it wears with: processing (``operating``), time as such, or operations (``cycles``)."""
    levels: tuple[WearLevel, ...] = Field(min_length=1, max_length=100)
    """Level 1, 2 and so on, each with what differs from a station that is as new."""
    ages: tuple[Id, ...] = ()
    """Failure modes that the factors are for; none: all of the station."""
    lowered_by: dict[Id, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Levels that the end of a repair or of maintenance takes off, by failure mode or maintenance;
    a number of levels or more: as new."""

    @model_validator(mode="after")
    def _clock_fits(self) -> Self:
        for number, level in enumerate(self.levels, start=1):
            if (self.clock == "cycles") != (level.after_cycles is not None):
                raise ValueError(
                    f"after_cycles goes with clock: cycles, and only with it (level {number})"
                )
            if (self.clock == "cycles") == (level.after_s is not None):
                raise ValueError(f"after_s is needed, except with clock: cycles (level {number})")
        return self

    def at(self, level: int) -> WearLevel:
        """Return what a station is like at a level; 0 is as new."""
        return self.levels[level - 1] if level else AS_NEW

    def failure_factor(self, level: int, mode: str, *, failure: bool) -> float:
        """Return how many times as fast a mode of the station ages at a level."""
        affected = failure and (not self.ages or mode in self.ages)
        return self.at(level).failure_factor if affected else 1.0


AS_NEW = WearLevel()
"""Level 0."""
