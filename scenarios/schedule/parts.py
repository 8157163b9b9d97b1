"""What a scheduling problem is made of: machines, people, jobs, prices, and what is to be small.

The meaning of each demand stands in :mod:`scenarios.schedule.problem`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from twin.line.spec import Id, Spec
from twin.units import Duration, Seconds


class Interval(Spec):
    """A stretch of time in which a machine or a resource is not available."""

    start_s: Seconds
    """Beginning, s."""
    end_s: Seconds
    """End, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s <= self.start_s:
            raise ValueError("end_s must lie after start_s")
        return self


class Price(Interval):
    """What energy costs in a stretch of time."""

    per_kwh: float
    """Price, money per kWh; below zero where one is paid for using it."""


class Mode(Spec):
    """One way to do an operation."""

    machine: Id
    """Machine that does it."""
    duration_s: Duration
    """Work it takes there, s."""
    first_part_s: Duration | None = None
    """Work until a successor with ``overlap`` may start, s; none: the whole duration."""
    last_part_s: Duration | None = None
    """Work still to do once a predecessor has ended, with ``overlap``, s; none: the whole."""
    needs: tuple[Id, ...] = ()
    """Skills (or ids of resources) that are needed besides the machine, from start to end; a
    resource of its own for each."""
    power_kw: float = Field(default=0.0, ge=0)
    """Power while it works, kW."""


class Operation(Spec):
    """One step of a job."""

    id: Id
    """Name, unique in its job."""
    modes: tuple[Mode, ...]
    """Machines that can do it, at least one; each machine once."""
    setup_group: str = ""
    """Group in the machines' setup matrices; empty: it needs no setup and leaves none behind."""
    after: tuple[str, ...] | None = None
    """Operations that come before: ids in this job or ``job/operation``; none: the one listed
    before this one."""
    overlap: bool = False
    """May begin before its predecessors have ended, part by part; implies ``splittable``."""
    splittable: bool = False
    """May pause while its machine's calendar is closed."""
    fixed_start_s: Seconds | None = None
    """Moment at which it must start: a frozen plan; none: free."""
    max_wait_s: Duration | None = None
    """Longest time from the end of each operation before it, and the way from there, to its start,
    s; 0: no wait; none: it may wait as long as it likes."""


class Job(Spec):
    """What an order asks for."""

    id: Id
    """Name, unique in the problem."""
    operations: tuple[Operation, ...]
    """Steps, at least one."""
    release_s: Seconds = 0.0
    """Moment before which no step starts, s."""
    due_date_s: Seconds | None = None
    """Moment by which it should be finished (soft), s."""
    deadline_s: Seconds | None = None
    """Moment by which it must be finished (hard), s."""
    weight: float = Field(default=1.0, ge=0)
    """Cost of a second of lateness."""


class Machine(Spec):
    """Something that does one operation at a time, or one batch."""

    id: Id
    """Name, unique in the problem."""
    ready_s: Seconds = 0.0
    """Moment from which it can work, s."""
    unavailable: tuple[Interval, ...] = ()
    """Times in which it does not work: shifts not manned, breaks, maintenance."""
    setup_s: dict[str, dict[str, Duration]] = Field(default_factory=dict)
    """``setup_s[from][to]``, s; a pair that is missing takes no time."""
    setup_group: str | None = None
    """Group in place at the start; none: the first operation needs no setup."""
    setup_waits: bool = False
    """Whether a setup begins only when the first part has arrived, as on a line that is set up by
    what comes; otherwise it may be made ahead."""
    setup_needs: tuple[Id, ...] = ()
    """Skills (or ids of resources) that a setup needs while it lasts."""
    running: tuple[str, ...] = ()
    """Operations (``job/operation``) that are under way: they come first here, in this order."""
    batch_size: int = Field(default=1, ge=1)
    """Operations of one setup group that it can do at the same time, from one start to one end."""
    campaign_least: int = Field(default=1, ge=1)
    """Operations of one setup group that must follow each other before another group comes, as long
    as operations of the group are still to come."""
    input_buffer: int | None = Field(default=None, ge=0)
    """Jobs that may wait before it; a job that finds no place blocks the machine it was on. None:
    any number."""


class Resource(Spec):
    """An operator or a tool: helps one operation, one batch or one setup at a time."""

    id: Id
    """Name, unique among the resources."""
    skills: tuple[Id, ...] = ()
    """What it can be asked for, besides its own id."""
    ready_s: Seconds = 0.0
    """Moment from which it can help, s."""
    unavailable: tuple[Interval, ...] = ()
    """Times in which it does not: shifts off, breaks, absences, calibration."""

    def offers(self, need: str) -> bool:
        """Say whether it meets a need."""
        return need == self.id or need in self.skills


class Planned(Spec):
    """One operation of the plan that is running now."""

    operation: str
    """``job/operation``."""
    machine: Id
    """Machine it was planned on."""
    start_s: Seconds
    """Planned start, s."""


class Objective(Spec):
    """What is to be small: a weighted sum."""

    makespan: float = Field(default=0.0, ge=0)
    """Weight per second of the end of the last operation."""
    tardiness: float = Field(default=0.0, ge=0)
    """Weight per second of the jobs' tardiness, each times the job's own weight."""
    total_tardiness: float = Field(default=0.0, ge=0)
    """Weight per second of the jobs' tardiness, whatever their own weights."""
    flow_time: float = Field(default=0.0, ge=0)
    """Weight per second from a job's release to its end, summed over jobs."""
    setup_time: float = Field(default=0.0, ge=0)
    """Weight per second of setup on any machine."""
    energy: float = Field(default=0.0, ge=0)
    """Weight per unit of money paid for energy."""
    stability: float = Field(default=0.0, ge=0)
    """Weight per second by which a start moves away from the running plan, summed over operations;
    a change of machine counts ``machine_change_s``."""
    machine_change_s: Duration = 3600.0
    """Seconds that a change of machine counts as in ``stability``, s."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(getattr(self, name) > 0 for name in TERMS):
            raise ValueError("at least one weight must be above zero")
        return self


TERMS = (
    "makespan",
    "tardiness",
    "total_tardiness",
    "flow_time",
    "setup_time",
    "energy",
    "stability",
)
"""Terms of an objective, as its fields are called."""

NAMED_OBJECTIVES: dict[str, dict[str, float]] = {
    "makespan": {"makespan": 1.0},
    "total_weighted_tardiness": {"tardiness": 1.0},
    "total_tardiness": {"total_tardiness": 1.0},
    "flow_time": {"flow_time": 1.0},
    "setup_time": {"setup_time": 1.0},
    "energy": {"energy": 1.0},
    "stability": {"stability": 1.0},
}
"""Objectives that may be asked for by name."""


def _by_name(value: object) -> object:
    if isinstance(value, str):
        if value not in NAMED_OBJECTIVES:
            raise ValueError(f"no objective is called so; known: {', '.join(NAMED_OBJECTIVES)}")
        return NAMED_OBJECTIVES[value]
    return value


NamedObjective = Literal[
    "makespan",
    "total_weighted_tardiness",
    "total_tardiness",
    "flow_time",
    "setup_time",
    "energy",
    "stability",
]
AnyObjective = Annotated[
    Objective, BeforeValidator(_by_name, json_schema_input_type=Objective | NamedObjective)
]
