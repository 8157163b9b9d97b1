"""Why no schedule exists: a smallest set of demands that contradict each other, in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from scenarios.schedule.bounds import surely_late
from scenarios.schedule.dispatching import best_of_rules
from scenarios.schedule.parts import Job, Machine, Operation
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Request
from scenarios.schedule.results import ScheduleResult, SolveStatus
from scenarios.schedule.timing import Network
from scenarios.schedule.violations import violations

_TOLD = 12
"""Demands of a conflict that are told."""
_TELLING_S, _QUESTION_S = 5.0, 1.0
"""Time for the reason why there is no schedule, and for one question on the way to it, s."""

Change = Callable[[SchedulingProblem], SchedulingProblem]
"""Makes a problem without one demand."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand that could be given up."""

    where: str
    """Job, machine, resource or operation."""
    text: str
    """In words."""
    without: Change
    """Returns a problem without it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Demands that cannot be met together."""

    demands: tuple[Demand, ...]
    """Each of them is needed: without any one of them a schedule exists, or none is proven to be
    impossible."""
    proven: bool
    """Whether it is proven that they contradict each other."""
    minimal: bool
    """Whether each was tried; False: the time was over before."""

    @property
    def text(self) -> str:
        """The demands in one sentence."""
        if not self.demands:
            return "No contradiction was found."
        which = "These" if self.minimal else "Some of these"
        told = [demand.text for demand in self.demands[:_TOLD]]
        more = len(self.demands) - len(told)
        told += [f"{more} further demands"] if more else []
        return f"{which} cannot all hold: {'; '.join(told)}."


def demands(problem: SchedulingProblem) -> list[Demand]:
    """Return every hard demand that a planner could give up, the dearest first."""
    found = []
    for machine in problem.machines:
        if machine.unavailable:
            text = f"{machine.id} is closed {len(machine.unavailable)} times"
            found.append(Demand(machine.id, text, _machine(machine.id, unavailable=())))
    for resource in problem.resources:
        if resource.unavailable:
            text = f"{resource.id} is away {len(resource.unavailable)} times"
            found.append(Demand(resource.id, text, _resource(resource.id)))
    for machine in problem.machines:
        found += _of_machine(problem, machine)
    if problem.horizon_s is not None:
        text = f"everything ends by the horizon at {problem.horizon_s:g} s"
        found.append(Demand("horizon", text, lambda p: p.model_copy(update={"horizon_s": None})))
    if problem.freeze_until_s is not None:
        text = f"the plan is frozen until {problem.freeze_until_s:g} s"
        found.append(Demand("plan", text, lambda p: p.model_copy(update={"freeze_until_s": None})))
    for job in problem.jobs:
        found += _of_job(problem, job)
    return found


def _of_machine(problem: SchedulingProblem, machine: Machine) -> list[Demand]:
    found = []
    if machine.running:
        text = f"{', '.join(machine.running)} come first on {machine.id}"
        found.append(Demand(machine.id, text, _machine(machine.id, running=())))
    if machine.ready_s > problem.start_s:
        text = f"{machine.id} is ready only at {machine.ready_s:g} s"
        found.append(Demand(machine.id, text, _machine(machine.id, ready_s=problem.start_s)))
    return found


def _of_job(problem: SchedulingProblem, job: Job) -> list[Demand]:
    found = []
    if job.release_s > problem.start_s:
        text = f"{job.id} is released only at {job.release_s:g} s"
        found.append(Demand(job.id, text, _job(job.id, release_s=problem.start_s)))
    if job.deadline_s is not None:
        text = f"{job.id} is finished by its deadline at {job.deadline_s:g} s"
        found.append(Demand(job.id, text, _job(job.id, deadline_s=None)))
    for operation in job.operations:
        key = f"{job.id}/{operation.id}"
        if operation.fixed_start_s is not None:
            text = f"{key} starts at {operation.fixed_start_s:g} s"
            found.append(Demand(key, text, _operation(job.id, operation, "fixed_start_s")))
        if operation.max_wait_s is not None:
            text = f"{key} waits at most {operation.max_wait_s:g} s"
            found.append(Demand(key, text, _operation(job.id, operation, "max_wait_s")))
    return found


def _machine(name: str, **changes: object) -> Change:
    def without(problem: SchedulingProblem) -> SchedulingProblem:
        machines: tuple[Machine, ...] = tuple(
            m.model_copy(update=changes) if m.id == name else m for m in problem.machines
        )
        return problem.model_copy(update={"machines": machines})

    return without


def _resource(name: str) -> Change:
    def without(problem: SchedulingProblem) -> SchedulingProblem:
        resources = tuple(
            r.model_copy(update={"unavailable": ()}) if r.id == name else r
            for r in problem.resources
        )
        return problem.model_copy(update={"resources": resources})

    return without


def _job(name: str, **changes: object) -> Change:
    def without(problem: SchedulingProblem) -> SchedulingProblem:
        jobs = tuple(j.model_copy(update=changes) if j.id == name else j for j in problem.jobs)
        return problem.model_copy(update={"jobs": jobs})

    return without


def _operation(job: str, operation: Operation, field: str) -> Change:
    def without(problem: SchedulingProblem) -> SchedulingProblem:
        for item in problem.jobs:
            if item.id == job:
                operations = tuple(
                    o.model_copy(update={field: None}) if o.id == operation.id else o
                    for o in item.operations
                )
                return _job(job, operations=operations)(problem)
        return problem

    return without


def conflict(
    problem: SchedulingProblem, seconds: float = 20.0, each_s: float = 3.0
) -> Conflict | None:
    """Return a smallest set of demands that rule every schedule out; None if there is a schedule.

    Each demand is left out in turn; what is still impossible without it does not need it.

    Parameters
    ----------
    problem : SchedulingProblem
        A problem that seems to have no schedule.
    seconds : float
        Time for all, s.
    each_s : float
        Time for one question, s.

    References
    ----------
    Chinneck and Dravnieks (1991), Locating minimal infeasible constraint sets in linear programs.
    """
    until, problem = time.monotonic() + seconds, problem.without_line()
    verdict = _possible(problem, each_s)
    if verdict:
        return None
    needed: list[Demand] = []
    left = demands(problem)
    complete = verdict is False
    while left and complete:
        demand = left.pop(0)
        if time.monotonic() >= until:
            needed += [demand, *left]
            complete = False
            break
        candidate = demand.without(problem)
        if _possible(candidate, each_s) is False:
            problem = candidate
        else:
            needed.append(demand)
    return Conflict(demands=tuple(needed), proven=verdict is False, minimal=complete)


def reasoned(problem: SchedulingProblem, found: ScheduleResult) -> ScheduleResult:
    """Return a result; where no schedule exists, demands that rule each other out come first.

    Parameters
    ----------
    problem : SchedulingProblem
        What was solved.
    found : ScheduleResult
        What ``solve`` found; any other result stays as it is.
    """
    if found.status is not SolveStatus.INFEASIBLE or found.stopped:
        return found
    why = conflict(problem, _TELLING_S, _QUESTION_S)
    if why is None or not why.demands:
        return found
    return replace(found, messages=(why.text, *found.messages))


def _possible(problem: SchedulingProblem, seconds: float) -> bool | None:
    """Say whether a schedule exists; None if that could not be told in the time."""
    network = Network.of(problem)
    if any(not step.choices for step in network.steps) or surely_late(network):
        return False
    start, _ = best_of_rules(network)
    if not violations(problem, start):
        return True
    from scenarios.schedule.mip.engine import improve  # noqa: PLC0415 - heavy

    request = Request(network=network, start=None, until=time.monotonic() + seconds)
    outcome = improve(request)
    if outcome.infeasible:
        return False
    return True if outcome.schedule is not None else None
