"""The scheduling problem: one meaning, whatever engine solves it.

Meaning
-------
Times are seconds since the line's start. An *operation* is worked on one machine, in one of its
modes, from its start to its end; no two operations hold a machine at one time, and between two that
follow each other on it the machine is set up.

* Work counts while the machine's calendar is open. A splittable operation pauses while it is
  closed; any other must fit between two closures. Setups pause too.
* An operation starts after those it comes ``after`` have ended. With ``overlap`` it may start once
  they have worked ``first_part_s`` (their first part has come), and it must work at least
  ``last_part_s`` after they have ended (their last part goes through). Meanwhile it may wait, so
  its end may lie later than its own work asks for, and it holds its machine.
* A due date is soft: lateness costs. A deadline is hard.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from scenarios.schedule.checks import ProblemError, check
from twin.errors import Finding
from twin.line.orders import JobOrder
from twin.line.spec import Id, Spec, worded
from twin.units import Duration, Seconds

if TYPE_CHECKING:
    from twin.events.state import LineState
    from twin.line import Line


class Interval(Spec):
    """A stretch of time in which a machine is not available."""

    start_s: Seconds
    """Beginning, s."""
    end_s: Seconds
    """End, s."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end_s <= self.start_s:
            raise ValueError("end_s must lie after start_s")
        return self


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
    """Something that does one operation at a time."""

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
    running: tuple[str, ...] = ()
    """Operations (``job/operation``) that are under way: they come first here, in this order."""


class Objective(Spec):
    """What is to be small: a weighted sum, per second."""

    makespan: float = Field(default=0.0, ge=0)
    """Weight of the end of the last operation."""
    tardiness: float = Field(default=0.0, ge=0)
    """Weight of the jobs' tardiness, each times the job's own weight."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.makespan + self.tardiness > 0:
            raise ValueError("at least one weight must be above zero")
        return self


NAMED_OBJECTIVES: dict[str, dict[str, float]] = {
    "makespan": {"makespan": 1.0},
    "total_weighted_tardiness": {"tardiness": 1.0},
}
"""Objectives that may be asked for by name."""


def _by_name(value: object) -> object:
    if isinstance(value, str):
        if value not in NAMED_OBJECTIVES:
            raise ValueError(f"no objective is called so; known: {', '.join(NAMED_OBJECTIVES)}")
        return NAMED_OBJECTIVES[value]
    return value


AnyObjective = Annotated[Objective, BeforeValidator(_by_name)]


class SchedulingProblem(Spec):
    """Jobs, machines and what a good schedule is.

    Raises
    ------
    ProblemError
        If a value is impossible or the parts do not fit together; all findings at once.
    """

    id: str = "problem"
    """Name."""
    start_s: Seconds = 0.0
    """Moment before which nothing starts: now, s."""
    horizon_s: Seconds | None = None
    """Moment by which everything must have ended, s; none: no limit."""
    machines: tuple[Machine, ...] = Field(min_length=1)
    """Machines."""
    jobs: tuple[Job, ...]
    """Jobs; may be empty: nothing is to be done."""
    same_order: tuple[tuple[Id, ...], ...] = ()
    """Groups of machines on which jobs must pass in one and the same order (permutation schedules):
    a line with small buffers cannot let them overtake."""
    objective: AnyObjective = Objective(tardiness=1.0)
    """What is to be small."""

    def __init__(self, **data: Any) -> None:
        """Read and check the parts; keywords are the fields."""
        title = f"the scheduling problem {data.get('id', 'problem')!r}"
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item, item=data) for item in error.errors()]
            raise ProblemError(title, findings + check(**_readable(data))) from error
        findings = check(self.machines, self.jobs, self.same_order, self.start_s, self.horizon_s)
        if findings:
            raise ProblemError(title, findings)

    @classmethod
    def from_line(
        cls,
        line: Line,
        orders: Sequence[JobOrder] | None = None,
        state: LineState | None = None,
        objective: str | Objective | None = None,
    ) -> SchedulingProblem:
        """Return the problem of making ``orders`` on a line, from empty or from where it stands.

        See :func:`scenarios.schedule.from_line.problem_from_line`.
        """
        from scenarios.schedule.from_line import problem_from_line  # noqa: PLC0415 - builds problems

        return problem_from_line(line, orders, state, objective)

    def to_json(self) -> str:
        """Return the problem as JSON text."""
        return self.model_dump_json(indent=1, exclude_defaults=True)

    @classmethod
    def from_json(cls, text: str | Path) -> SchedulingProblem:
        """Read JSON text, or the file of that path.

        Raises
        ------
        ProblemError
            If it is not JSON or no valid problem.
        """
        if isinstance(text, Path):
            try:
                text = text.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                finding = Finding(str(text), str(error), "a readable text file")
                raise ProblemError("the problem file", [finding]) from error
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ProblemError(
                "the scheduling problem", [Finding("", f"no JSON: {error}")]
            ) from error
        if not isinstance(document, dict):
            finding = Finding(
                "", f"found a {type(document).__name__}", "an object with jobs, machines"
            )
            raise ProblemError("the scheduling problem", [finding])
        return cls(**document)


def _readable(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the jobs and machines that can be read, so that one error does not hide others."""
    groups = data.get("same_order")
    named = isinstance(groups, list | tuple) and all(isinstance(g, list | tuple) for g in groups)
    start_s, horizon_s = data.get("start_s", 0.0), data.get("horizon_s")
    return {
        "machines": _items(data.get("machines"), Machine),
        "jobs": _items(data.get("jobs"), Job),
        "same_order": groups if named else (),
        "start_s": start_s if isinstance(start_s, int | float) else 0.0,
        "horizon_s": horizon_s if isinstance(horizon_s, int | float) else None,
        "machine_names": _names(data.get("machines")),
        "job_names": _names(data.get("jobs")),
    }


def _items(raw: object, kind: type[Spec]) -> list[Any]:
    found = []
    for item in raw if isinstance(raw, list | tuple) else ():
        try:
            found.append(item if isinstance(item, kind) else kind.model_validate(item))
        except ValidationError:
            continue
    return found


def _names(raw: object) -> set[str]:
    items = raw if isinstance(raw, list | tuple) else ()
    return {
        str(item.get("id") if isinstance(item, Mapping) else getattr(item, "id", ""))
        for item in items
    }
