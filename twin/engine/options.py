"""What a run is asked to do."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError

from twin.errors import Finding, OptionsError
from twin.line.spec import Id, Spec, worded
from twin.units import Duration, PositiveDuration

EngineName = Literal["auto", "reference", "compiled"]
"""Engines by name."""


class Fault(Spec):
    """Something that is supposed to go wrong at a given moment of a run."""

    station: Id
    """Where."""
    kind: Literal["breakdown", "slowdown"] = "breakdown"
    """``breakdown``: the station stops; ``slowdown``: what it begins meanwhile takes longer."""
    after_s: Duration = 0.0
    """When it begins, s after the beginning of the run."""
    duration_s: PositiveDuration
    """How long it lasts, s."""
    factor: float = Field(default=1.0, gt=0, le=1000)
    """Times this on processing times, for a slowdown; no unit."""


class Absence(Spec):
    """People of a crew who are supposed not to be there for a while."""

    crew: Id
    """Crew that they belong to."""
    people: int = Field(default=1, ge=1, le=1000)
    """How many of it."""
    after_s: Duration = 0.0
    """When they go, s after the beginning of the run."""
    duration_s: PositiveDuration
    """How long they are away, s."""


class Shortage(Spec):
    """A source that is supposed to have nothing for a while."""

    source: Id
    """Where."""
    after_s: Duration = 0.0
    """When it begins, s after the beginning of the run."""
    duration_s: PositiveDuration
    """How long it lasts, s."""


class DispatchPlan(Spec):
    """A schedule to follow: stations and the source take parts by their place in it.

    A station that works by a plan takes, among the parts that wait for it, one of the order that
    stands first in its sequence. It does not wait for a part that is not there yet.
    """

    release: tuple[Id, ...] = ()
    """Orders in the order in which the source begins them; orders that are missing come last."""
    sequence: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)
    """Orders in the order in which each station takes them."""
    assignment: dict[str, Id] = Field(default_factory=dict)
    """Station for ``order/operation`` where alternatives exist."""


class SimulationOptions(Spec):
    """How long, from which random numbers, with which faults.

    Raises
    ------
    OptionsError
        If a value makes no sense; all findings at once.
    """

    later: ClassVar[frozenset[str]] = frozenset({"absences", "shortages"})

    horizon_s: PositiveDuration = Field(le=1e9)
    """Simulated time, warm-up included, s."""
    warm_up_s: Duration = 0.0
    """Time at the beginning that KPIs leave out, s."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed; the same seed gives the same run on every engine and machine."""
    replication: int = Field(default=0, ge=0, lt=2**32)
    """Number of the replication: other numbers, independent runs."""
    antithetic: bool = False
    """Replace each uniform u by 1 - u."""
    engine: EngineName = "auto"
    """Engine to run on; the result is the same. ``auto``: compiled where it supports the line."""
    faults: tuple[Fault, ...] = ()
    """Faults that are supposed."""
    plan: DispatchPlan | None = None
    """Schedule to follow."""
    absences: tuple[Absence, ...] = ()
    """People who are supposed to be away."""
    shortages: tuple[Shortage, ...] = ()
    """Sources that are supposed to have nothing."""

    def __init__(self, **data: Any) -> None:
        """Read and check the options; keywords are the fields."""
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item) for item in error.errors()]
            raise OptionsError("the simulation options", findings) from error
        if self.warm_up_s >= self.horizon_s:
            message = f"the warm-up of {self.warm_up_s:g} s leaves nothing of the run"
            finding = Finding("warm_up_s", message, f"less than horizon_s = {self.horizon_s:g}")
            raise OptionsError("the simulation options", [finding])
