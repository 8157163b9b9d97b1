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
* An operation takes part in a *resource* (operator, tool) for each of the ``needs`` of its mode,
  from its start to its end, and a setup for each of its machine's ``setup_needs``. A resource helps
  one thing at a time. Work counts while the machine and all its resources are available.
* Between two machines a job is on its way for ``transport_s``: it can start that much after the end
  of each operation before (with ``overlap``: that much after their parts have come). With
  ``max_wait_s`` it starts at most that much later still, so 0 means that it does not wait.
* A machine with an ``input_buffer`` of n lets n jobs wait before it, from when they come to their
  start.
  A job that finds no place stays where it is and blocks that machine until it *leaves*; the
  machine's next operation, and its setup, begin after that. Operations with ``overlap`` flow part
  by part: nobody is blocked by them.
* Up to ``batch_size`` operations of one setup group may be one *batch*: they start and end
  together, and last as long as the longest of them.
* A *campaign* of a setup group is not broken off before ``campaign_least`` operations while the
  machine has others of the group to do later. Operations without a group do not count.
* Energy is paid while an operation holds a machine that is open: its power times the price then.
* With a ``twin`` the jobs are orders that a line makes part by part. What is said above of machines
  and precedences is then a picture that searches go by; a schedule's sequences are told to the line
  without chance, and the times at which it keeps them are those of the schedule.
* The running ``plan`` is what ``stability`` is measured against. An operation planned to start
  before ``freeze_until_s`` keeps its machine and its start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from scenarios.schedule.checks import Parts, ProblemError, check
from scenarios.schedule.parts import (
    AnyObjective,
    Interval,
    Job,
    Machine,
    Mode,
    Objective,
    Operation,
    Planned,
    Price,
    Resource,
)
from scenarios.schedule.steady import SteadyLine
from twin.errors import Finding
from twin.line.orders import JobOrder
from twin.line.spec import Id, Spec, worded
from twin.units import Duration, Seconds

if TYPE_CHECKING:
    from twin.events.state import LineState
    from twin.line import Line

__all__ = [
    "Interval",
    "Job",
    "Machine",
    "Mode",
    "Objective",
    "Operation",
    "Planned",
    "Price",
    "Resource",
    "SchedulingProblem",
]


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
    resources: tuple[Resource, ...] = ()
    """Operators and tools."""
    transport_s: dict[Id, dict[Id, Duration]] = Field(default_factory=dict)
    """``transport_s[from][to]`` between machines, s; a pair that is missing takes no time."""
    prices: tuple[Price, ...] = ()
    """Price of energy over time, intervals apart from each other; outside them it is free."""
    plan: tuple[Planned, ...] = ()
    """The plan that is running now."""
    freeze_until_s: Seconds | None = None
    """Moment before which nothing of the plan may change, s; none: all may."""
    same_order: tuple[tuple[Id, ...], ...] = ()
    """Groups of machines on which jobs must pass in one and the same order (permutation schedules):
    a line with small buffers cannot let them overtake."""
    twin: SteadyLine | None = None
    """The line that keeps the plan, without chance: times are those at which it does what the plan
    tells it; none: there is no line, and times are as said above."""
    objective: AnyObjective = Objective(tardiness=1.0)
    """What is to be small."""

    def __init__(self, **data: Any) -> None:
        """Read and check the parts; keywords are the fields."""
        title = f"the scheduling problem {data.get('id', 'problem')!r}"
        try:
            super().__init__(**data)
        except ValidationError as error:
            findings = [worded(item, item=data) for item in error.errors()]
            raise ProblemError(title, findings + check(_readable(data))) from error
        findings = check(
            Parts(
                machines=self.machines,
                jobs=self.jobs,
                same_order=self.same_order,
                start_s=self.start_s,
                horizon_s=self.horizon_s,
                resources=self.resources,
                transport_s=self.transport_s,
                prices=self.prices,
                plan=self.plan,
            )
        )
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

    def without_line(self) -> SchedulingProblem:
        """Return the picture that searches go by: machines do one operation after the other."""
        return self if self.twin is None else self.model_copy(update={"twin": None})

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
                text = text.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                finding = Finding(str(text), str(error), "a readable text file")
                raise ProblemError("the problem file", [finding]) from error
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ProblemError(
                "the scheduling problem", [Finding("", f"no JSON: {error}")]
            ) from error
        if not isinstance(document, dict):
            finding = Finding(
                "", f"found a {type(document).__name__}", "an object with jobs, machines"
            )
            raise ProblemError("the scheduling problem", [finding])
        return cls(**document)


def _readable(data: Mapping[str, Any]) -> Parts:
    """Return the parts that can be read, so that one error does not hide others."""
    groups = data.get("same_order")
    named = isinstance(groups, list | tuple) and all(isinstance(g, list | tuple) for g in groups)
    start_s, horizon_s = data.get("start_s", 0.0), data.get("horizon_s")
    return Parts(
        machines=_items(data.get("machines"), Machine),
        jobs=_items(data.get("jobs"), Job),
        same_order=groups if named and groups else (),
        start_s=start_s if isinstance(start_s, int | float) else 0.0,
        horizon_s=horizon_s if isinstance(horizon_s, int | float) else None,
        resources=_items(data.get("resources"), Resource),
        prices=_items(data.get("prices"), Price),
        plan=_items(data.get("plan"), Planned),
        machine_names=_names(data.get("machines")),
        job_names=_names(data.get("jobs")),
        resource_names=_names(data.get("resources")),
    )


def _items(raw: object, kind: type[Spec]) -> list[Any]:
    found = []
    for item in raw if isinstance(raw, list | tuple) else ():
        try:
            found.append(item if isinstance(item, kind) else kind.model_validate(item))
        except ValidationError as error:
            try:
                found.append(kind.model_validate(_mended(item, error)))
            except (ValidationError, LookupError, TypeError):
                continue
    return found


def _mended(item: object, error: ValidationError) -> Any:
    """Return a copy without what is wrong in it; what has no default gets a value that is right."""
    copy = deepcopy(item)
    for wrong in error.errors():
        *path, last = wrong["loc"]
        here: Any = copy
        for key in path:
            here = here[key]
        if last == "duration_s":
            here[last] = 1.0
        else:
            del here[last]
    return copy


def _names(raw: object) -> set[str]:
    items = raw if isinstance(raw, list | tuple) else ()
    return {
        str(item.get("id") if isinstance(item, Mapping) else getattr(item, "id", ""))
        for item in items
    }
