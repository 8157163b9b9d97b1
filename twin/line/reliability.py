"""How stations stop: failures, planned maintenance, and the people who see to both."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.line.distributions import AnyDistribution, Constant, Distribution
from twin.line.spec import Id, Spec

Clock = Literal["operating", "calendar", "cycles"]
"""What makes a mode grow older: processing, time as such, or operations ended."""
Effect = Literal["stop", "scrap", "restart", "slow"]


class Repair(Spec):
    """Who is needed to end a stop; without crew and skill nobody is."""

    crew: Id | None = None
    """Crew that is needed."""
    skill: Id | None = None
    """In place of a crew: people of any crews that have this skill."""
    people: int = Field(default=1, ge=1, le=1000)
    """How many of them."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.crew is not None and self.skill is not None:
            raise ValueError("give a crew or a skill, not both")
        return self


class Failure(Repair):
    """One way in which a station breaks down."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"skill", "people", "cycles_to_failure", "effect", "slow_factor"}
    )

    id: Id
    """Name of the mode, unique in its station."""
    clock: Clock = "operating"
    """``operating``: ages only while the station processes; ``calendar``: ages whenever it is not
    failed in this mode; ``cycles``: ages with each operation that ends."""
    time_to_failure_s: Distribution | None = None
    """Age at failure, s; with the clocks ``operating`` and ``calendar``."""
    cycles_to_failure: Distribution | None = None
    """Operations until the failure, with the clock ``cycles``; where a distribution's own fields
    say seconds, operations are meant."""
    time_to_repair_s: Distribution
    """Time the repair takes once everybody is there, s."""
    effect: Effect = "stop"
    """``stop``: work stands still and goes on after the repair; ``scrap``: parts in process are
    scrapped; ``restart``: their operation begins anew after the repair; ``slow``: the station goes
    on, and what it begins until the repair has ended takes longer."""
    slow_factor: float = Field(default=1.0, gt=0, le=1000)
    """Times this on processing times, with the effect ``slow``; no unit."""

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if (self.clock == "cycles") != (self.cycles_to_failure is not None):
            raise ValueError("cycles_to_failure goes with clock: cycles, and only with it")
        if (self.clock == "cycles") == (self.time_to_failure_s is not None):
            raise ValueError("time_to_failure_s is needed, except with clock: cycles")
        if (self.effect == "slow") != (self.slow_factor != 1.0):
            raise ValueError("slow_factor goes with effect: slow, and only with it")
        return self

    @property
    def life(self) -> AnyDistribution:
        """Age at failure, on the mode's own clock: s, or operations."""
        found = self.cycles_to_failure or self.time_to_failure_s
        assert found is not None
        return found

    @property
    def work_s(self) -> AnyDistribution:
        """Time until it is over, once everybody is there, s."""
        return self.time_to_repair_s

    @property
    def stops(self) -> bool:
        """Whether the station stands still."""
        return self.effect != "slow"


class Maintenance(Repair):
    """Work on a station that is planned, due by time, by use or by wear."""

    later: ClassVar[frozenset[str]] = frozenset({"at_level"})

    id: Id
    """Name, unique among failures and maintenance of its station."""
    every_s: Distribution | None = None
    """Time from the end of one to when the next is due, s, on the clock ``calendar`` or
    ``operating``."""
    clock: Clock = "calendar"
    """What ``every_s`` counts: all time, or processing; ``cycles`` with ``every_cycles``."""
    every_cycles: int | None = Field(default=None, ge=1)
    """Operations from the end of one to when the next is due."""
    calendar: Id | None = None
    """In place of both: due whenever a shift of this calendar begins."""
    at_level: int | None = Field(default=None, ge=1)
    """In place of all three: due whenever the wear of the station rises to this level or above."""
    duration_s: Distribution
    """Time it takes once everybody is there, s."""
    interrupts: bool = False
    """Whether it stops work in process; otherwise it begins when no work goes on, and no new work
    begins before."""
    renews: tuple[Id, ...] = ()
    """Failure modes of the station that are as new afterwards."""

    @model_validator(mode="after")
    def _one_trigger(self) -> Self:
        given = [self.every_s, self.every_cycles, self.calendar, self.at_level]
        if sum(found is not None for found in given) != 1:
            raise ValueError("give one of every_s, every_cycles, calendar and at_level")
        if (self.clock == "cycles") != (self.every_cycles is not None):
            raise ValueError("clock: cycles goes with every_cycles, and only with it")
        return self

    @property
    def life(self) -> AnyDistribution | None:
        """Age at which it is due: s, or operations; None: by a calendar or by wear."""
        if self.every_cycles is not None:
            return Constant(value_s=float(self.every_cycles))
        return self.every_s

    @property
    def work_s(self) -> AnyDistribution:
        """Time until it is over, once everybody is there, s."""
        return self.duration_s

    @property
    def stops(self) -> bool:
        """Whether the station stands still: always, once it has begun."""
        return True


Mode = Failure | Maintenance
"""Whatever takes a station out of work."""
