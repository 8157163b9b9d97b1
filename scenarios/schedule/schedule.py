"""A schedule: who does what from when to when, and how good that is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from scenarios.schedule.outcome import Held, measured
from scenarios.schedule.problem import SchedulingProblem
from twin.errors import Finding, InvalidInputError
from twin.line.spec import worded


class _Part(BaseModel):
    """A frozen piece of a schedule. NaN may be read: saying so is the checker's work."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Placement(_Part):
    """One operation in time."""

    job: str
    """Job."""
    operation: str
    """Operation of that job."""
    machine: str
    """Machine that does it."""
    start_s: float
    """Beginning of work, s; its setup lies before."""
    end_s: float
    """End of work, s."""
    leave_s: float | None = None
    """When the job leaves the machine, s; none: at the end of work. Later: it blocks."""
    resources: tuple[str, ...] = ()
    """Operators and tools, one for each need of its mode, in the order of the needs. In a plan of
    a line: crews that work on it, each as often as people of it are with one part."""
    setup_start_s: float | None = None
    """Beginning of the setup before it, where that needs an operator, s."""
    setup_resources: tuple[str, ...] = ()
    """Who sets up, one for each of the machine's needs."""
    turn: int | None = None
    """Place among all operations in which a line is told to take it; none: that of its start. They
    differ where a line takes what is there while what has its turn has not come."""

    done_s: float | None = None
    """When its job is complete, where a line is done with it later than with this work: on the way
    out, or with parts that were made of it, s. None: with its last work."""

    @property
    def free_s(self) -> float:
        """When the machine is free again, s."""
        return self.end_s if self.leave_s is None else self.leave_s

    @property
    def key(self) -> str:
        """``job/operation``."""
        return f"{self.job}/{self.operation}"


class JobOutcome(_Part):
    """When one job is finished."""

    job: str
    """Job."""
    completion_s: float
    """End of its last operation, s."""
    due_date_s: float | None = None
    """When it is due, s; none: no date."""
    tardiness_s: float = 0.0
    """Time by which it is late, s; 0 if it is not or has no date."""


class Schedule(_Part):
    """Placements with the outcome they lead to; make one with :meth:`of`."""

    problem: str
    """Name of the problem."""
    placements: tuple[Placement, ...]
    """Operations by start."""
    jobs: tuple[JobOutcome, ...]
    """Outcome per job, in the problem's order."""
    objective: float
    """Weighted sum that the problem asks for."""
    makespan_s: float
    """End of the last operation less the problem's start, s."""
    weighted_tardiness_s: float
    """Sum of the jobs' tardiness times their weights, s."""
    total_tardiness_s: float = 0.0
    """Sum of the jobs' tardiness, s."""
    flow_time_s: float = 0.0
    """Sum over jobs of the time from release to end, s."""
    setup_time_s: float = 0.0
    """Setup on all machines, s."""
    energy_cost: float = 0.0
    """What energy costs, money."""
    stability_s: float = 0.0
    """Change against the running plan: moved starts, and machine changes at their price, s."""
    moved: int = 0
    """Operations of the running plan that start at another time or on another machine."""
    machine_changes: int = 0
    """Operations of the running plan that are on another machine."""

    @staticmethod
    def of(problem: SchedulingProblem, placements: Iterable[Placement]) -> Schedule:
        """Return the schedule that these placements make, with its outcome worked out."""
        placed = tuple(sorted(placements, key=lambda p: (p.start_s, p.end_s, p.machine, p.key)))
        end_s: dict[str, float] = {}
        for placement in placed:
            last_s = placement.end_s if placement.done_s is None else placement.done_s
            end_s[placement.job] = max(end_s.get(placement.job, problem.start_s), last_s)
        outcomes = []
        for job in problem.jobs:
            completion_s = end_s.setdefault(job.id, problem.start_s)
            late_s = 0.0 if job.due_date_s is None else max(0.0, completion_s - job.due_date_s)
            outcomes.append(
                JobOutcome(
                    job=job.id,
                    completion_s=completion_s,
                    due_date_s=job.due_date_s,
                    tardiness_s=late_s,
                )
            )
        held = [Held(p.key, p.job, p.machine, p.start_s, p.end_s, p.resources) for p in placed]
        found = measured(problem, held, end_s)
        terms = found.terms
        return Schedule(
            problem=problem.id,
            placements=placed,
            jobs=tuple(outcomes),
            objective=found.objective(problem),
            makespan_s=terms["makespan"],
            weighted_tardiness_s=terms["tardiness"],
            total_tardiness_s=terms["total_tardiness"],
            flow_time_s=terms["flow_time"],
            setup_time_s=terms["setup_time"],
            energy_cost=terms["energy"],
            stability_s=terms["stability"],
            moved=found.moved,
            machine_changes=found.machine_changes,
        )

    def in_turn(self) -> tuple[Placement, ...]:
        """Return the placements in the order in which a line is told to take them."""
        turns = [placed.turn for placed in self.placements]
        if any(turn is None for turn in turns):
            return self.placements
        return tuple(sorted(self.placements, key=lambda placed: placed.turn or 0))

    def by_machine(self) -> Mapping[str, tuple[Placement, ...]]:
        """Return the placements of each machine in order of time."""
        found: dict[str, list[Placement]] = {}
        for placement in self.placements:
            found.setdefault(placement.machine, []).append(placement)
        return {machine: tuple(found[machine]) for machine in sorted(found)}

    def to_json(self) -> str:
        """Return the schedule as JSON text."""
        return self.model_dump_json(indent=1)

    @staticmethod
    def from_json(text: str | Path) -> Schedule:
        """Read JSON text, or the file of that path.

        Raises
        ------
        InvalidInputError
            If it is no schedule.
        """
        title = "the schedule"
        try:
            document = json.loads(text.read_text("utf-8") if isinstance(text, Path) else text)
            return Schedule.model_validate(document)
        except ValidationError as error:
            findings = [worded(item, item=document) for item in error.errors()]
            raise InvalidInputError(title, findings) from error
        except (OSError, ValueError) as error:
            raise InvalidInputError(title, [Finding("", f"no JSON: {error}")]) from error
