"""How stations fail, and who repairs them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twin.line.distributions import Distribution
from twin.line.spec import Id, Spec


class Failure(Spec):
    """One way in which a station breaks down. It stops the station; work resumes after repair."""

    id: Id
    """Name of the mode, unique in its station."""
    clock: Literal["operating", "calendar"] = "operating"
    """``operating``: ages only while the station processes; ``calendar``: ages whenever it is not
    failed in this mode."""
    time_to_failure_s: Distribution
    """Age at failure, s."""
    time_to_repair_s: Distribution
    """Time the repair takes once a crew is there, s."""
    crew: Id | None = None
    """Repair crew that is needed; none: repair starts at once."""


class Crew(Spec):
    """People who repair. Failures wait for them first come, first served."""

    id: Id
    """Name."""
    size: int = Field(default=1, ge=1, le=1000)
    """Repairs that can go on at one time."""
