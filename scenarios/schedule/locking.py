"""A planner's own decisions, put into a problem: what is locked stays where it was put."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.parts import Operation
from scenarios.schedule.problem import SchedulingProblem
from twin.errors import Finding


def lock(
    problem: SchedulingProblem, places: Mapping[tuple[str, str], tuple[str, float]]
) -> SchedulingProblem:
    """Return the problem with operations held at a machine and a start.

    A line waits for no moment, so a problem in which something is locked has none: its times are
    those of machines that do one operation after the other.

    Parameters
    ----------
    problem : SchedulingProblem
        What is to be planned.
    places : mapping
        (job, operation) to (machine, start in s).

    Raises
    ------
    ProblemError
        If an operation is not in the problem or cannot be done at that machine; all findings.

    Examples
    --------
    >>> problem = SchedulingProblem(
    ...     machines=[{"id": "saw"}],
    ...     jobs=[
    ...         {"id": "A", "operations": [
    ...             {"id": "cut", "modes": [{"machine": "saw", "duration_s": 60}]}]},
    ...     ],
    ... )
    >>> lock(problem, {("A", "cut"): ("saw", 120.0)}).jobs[0].operations[0].fixed_start_s
    120.0
    """
    known = {(job.id, item.id): item for job in problem.jobs for item in job.operations}
    findings = list(_findings(known, places))
    if findings:
        raise ProblemError("what is locked", findings)
    jobs = [
        job.model_copy(
            update={
                "operations": tuple(
                    _held(item, places.get((job.id, item.id))) for item in job.operations
                )
            }
        )
        for job in problem.jobs
    ]
    twin = None if places else problem.twin
    return SchedulingProblem(**dict(problem) | {"jobs": tuple(jobs), "twin": twin})


def _findings(
    known: Mapping[tuple[str, str], Operation],
    places: Mapping[tuple[str, str], tuple[str, float]],
) -> Iterable[Finding]:
    for (job, operation), (machine, _) in places.items():
        found = known.get((job, operation))
        path = f"locked.{job}/{operation}"
        if found is None:
            yield Finding(path, "is not to be planned", "an operation that is not done yet")
        elif machine not in (able := [mode.machine for mode in found.modes]):
            yield Finding(path, f"cannot be done at {machine!r}", ", ".join(able))


def _held(operation: Operation, place: tuple[str, float] | None) -> Operation:
    if place is None:
        return operation
    machine, start_s = place
    modes = tuple(mode for mode in operation.modes if mode.machine == machine)
    return operation.model_copy(update={"modes": modes, "fixed_start_s": start_s})
