"""What must hold between the parts of a scheduling problem. Every finding is collected."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from twin.errors import Finding, InvalidInputError

if TYPE_CHECKING:
    from scenarios.schedule.problem import Job, Machine, Operation


class ProblemError(InvalidInputError):
    """A scheduling problem that is incomplete, contradictory or impossible to read."""


def edges(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Return the precedences as pairs of ``job/operation``, before and after."""
    found = []
    for job in jobs:
        for position, operation in enumerate(job.operations):
            key = f"{job.id}/{operation.id}"
            if operation.after is None:
                before = [job.operations[position - 1].id] if position else []
            else:
                before = list(operation.after)
            found += [(name if "/" in name else f"{job.id}/{name}", key) for name in before]
    return found


def check(  # noqa: PLR0913 - the parts of a problem, and names from unreadable ones
    machines: Sequence[Machine],
    jobs: Sequence[Job],
    same_order: Sequence[Sequence[str]] = (),
    start_s: float = 0.0,
    horizon_s: float | None = None,
    *,
    machine_names: Collection[str] = (),
    job_names: Collection[str] = (),
) -> list[Finding]:
    """Return all findings about how jobs and machines fit together.

    ``machine_names`` and ``job_names`` are further ids that could be seen in unreadable items.
    """
    known = {machine.id for machine in machines} | set(machine_names)
    findings = _unique(machines, jobs)
    for job in jobs:
        findings += _job(job, start_s)
        for operation in job.operations:
            findings += _modes(f"jobs.{job.id}.operations.{operation.id}", operation, known)
    findings += _precedences(jobs, job_names)
    findings += _running(machines, jobs, job_names)
    findings += _groups(same_order, jobs, known)
    if horizon_s is not None:
        findings += _time_left(machines, jobs, start_s, horizon_s)
    return findings


def _unique(machines: Sequence[Machine], jobs: Sequence[Job]) -> list[Finding]:
    lists = [("machines", [m.id for m in machines]), ("jobs", [j.id for j in jobs])]
    lists += [(f"jobs.{job.id}.operations", [o.id for o in job.operations]) for job in jobs]
    return [
        Finding(f"{path}.{name}", f"id used {count} times", remedy="rename one")
        for path, names in lists
        for name, count in Counter(names).items()
        if count > 1
    ]


def _job(job: Job, start_s: float) -> list[Finding]:
    if not job.operations:
        return [Finding(f"jobs.{job.id}.operations", "the job has no operation", "at least one")]
    if job.deadline_s is None or job.deadline_s > max(start_s, job.release_s):
        return []
    what = "the schedule begins" if job.deadline_s <= start_s else "the job is released"
    message = f"the deadline {job.deadline_s:g} s is not after the moment at which {what}"
    remedy = "move the deadline, or make it a due date, which may be missed"
    return [Finding(f"jobs.{job.id}.deadline_s", message, remedy=remedy)]


def _modes(path: str, operation: Operation, known: Collection[str]) -> list[Finding]:
    if not operation.modes:
        return [Finding(f"{path}.modes", "no machine can do it", "at least one machine")]
    shown = ", ".join(sorted(known)[:12])
    names = [mode.machine for mode in operation.modes]
    findings = [
        Finding(f"{path}.modes", f"unknown machine {name!r}", f"one of: {shown}", "add the machine")
        for name in names
        if name not in known
    ]
    findings += [
        Finding(f"{path}.modes", f"machine {name!r} is named {count} times", remedy="name it once")
        for name, count in Counter(names).items()
        if count > 1
    ]
    return findings


def _precedences(jobs: Sequence[Job], job_names: Collection[str]) -> list[Finding]:
    keys = {f"{job.id}/{operation.id}" for job in jobs for operation in job.operations}
    unread = set(job_names) - {job.id for job in jobs}
    findings: list[Finding] = []
    after: dict[str, list[str]] = {key: [] for key in keys}
    for before, key in edges(jobs):
        if before in keys:
            after[before].append(key)
        elif before.partition("/")[0] not in unread:
            path = "jobs." + key.replace("/", ".operations.") + ".after"
            message = f"unknown operation {before!r}"
            findings.append(Finding(path, message, "an operation of this job, or job/operation"))
    if cycle := _cycle(after):
        message = f"operations wait for each other: {' -> '.join(cycle)}"
        findings.append(
            Finding("jobs", message, "an order in which they can be done", "remove one")
        )
    return findings


def _cycle(after: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the operations of one cycle, the first again at the end; empty if there is none."""
    waiting = Counter(key for targets in after.values() for key in targets)
    free = [key for key in after if not waiting[key]]
    left = set(after)
    while free:
        key = free.pop()
        left.discard(key)
        for target in after[key]:
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
    # Every operation left has a predecessor that is left: walk back until one comes again.
    if not left:
        return []
    before = {target: key for key in left for target in after[key] if target in left}
    path = [min(left & set(before))]
    while before[path[-1]] not in path:
        path.append(before[path[-1]])
    cycle = path[path.index(before[path[-1]]) :]
    return [*reversed(cycle), cycle[-1]]


def _running(
    machines: Sequence[Machine], jobs: Sequence[Job], job_names: Collection[str]
) -> list[Finding]:
    eligible = {
        f"{job.id}/{operation.id}": {mode.machine for mode in operation.modes}
        for job in jobs
        for operation in job.operations
    }
    unread = set(job_names) - {job.id for job in jobs}
    findings, seen = [], Counter(key for machine in machines for key in machine.running)
    for machine in machines:
        path = f"machines.{machine.id}.running"
        for key in machine.running:
            if key not in eligible:
                if key.partition("/")[0] not in unread:
                    findings.append(Finding(path, f"unknown operation {key!r}", "job/operation"))
            elif machine.id not in eligible[key]:
                findings.append(Finding(path, f"{key!r} cannot be done on this machine"))
            if seen[key] > 1:
                findings.append(Finding(path, f"{key!r} is under way in {seen[key]} places"))
    return findings


def _groups(
    same_order: Sequence[Sequence[str]], jobs: Sequence[Job], known: Collection[str]
) -> list[Finding]:
    findings = []
    for name, count in Counter(name for group in same_order for name in group).items():
        if name not in known:
            findings.append(Finding("same_order", f"unknown machine {name!r}"))
        if count > 1:
            findings.append(Finding("same_order", f"machine {name!r} is named {count} times"))
        for job in jobs:
            visits = sum(any(m.machine == name for m in o.modes) for o in job.operations)
            if visits > 1:
                message = f"job {job.id!r} can visit machine {name!r} {visits} times"
                remedy = "take the machine out of the group"
                findings.append(Finding("same_order", message, "one visit at most", remedy))
    return findings


def _time_left(
    machines: Sequence[Machine], jobs: Sequence[Job], start_s: float, horizon_s: float
) -> list[Finding]:
    if horizon_s <= start_s:
        return [Finding("horizon_s", f"{horizon_s:g} s is not after start_s, {start_s:g} s")]
    findings = []
    for machine in machines:
        left_s = _open_s(machine, start_s, horizon_s)
        for job in jobs:
            for operation in job.operations:
                mode = next(iter(operation.modes), None)
                if len(operation.modes) != 1 or mode is None or mode.machine != machine.id:
                    continue
                if mode.duration_s > left_s:
                    message = (
                        f"leaves {left_s:g} s of working time until the horizon, but "
                        f"{job.id}/{operation.id} needs {mode.duration_s:g} s there"
                    )
                    remedy = "open the calendar, move the horizon or allow another machine"
                    findings.append(
                        Finding(f"machines.{machine.id}.unavailable", message, remedy=remedy)
                    )
    return findings


def _open_s(machine: Machine, start_s: float, horizon_s: float) -> float:
    left_s, here_s = 0.0, max(start_s, machine.ready_s)
    for closed in sorted(machine.unavailable, key=lambda interval: interval.start_s):
        left_s += max(0.0, min(closed.start_s, horizon_s) - here_s)
        here_s = max(here_s, closed.end_s)
    return math.fsum([left_s, max(0.0, horizon_s - here_s)])
