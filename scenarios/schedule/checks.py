"""What must hold between the parts of a scheduling problem. Every finding is collected."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from scenarios.schedule.parts import (
    Interval,
    Job,
    Machine,
    Mode,
    Operation,
    Planned,
    Price,
    Resource,
)
from twin.errors import Finding, InvalidInputError

_MOST_TEAMS = 64
"""Combinations of resources for one mode that are looked at."""
_MOST_S = 1e12
"""Longest schedule, s: thirty thousand years, of which a search can still count microseconds."""
_MOST_CYCLES = 20
"""Cycles of operations that wait for each other that are told."""


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


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a problem that could be read, and the names in those that could not."""

    machines: Sequence[Machine] = ()
    jobs: Sequence[Job] = ()
    same_order: Sequence[Sequence[str]] = ()
    start_s: float = 0.0
    horizon_s: float | None = None
    resources: Sequence[Resource] = ()
    transport_s: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    prices: Sequence[Price] = ()
    plan: Sequence[Planned] = ()
    machine_names: Collection[str] = ()
    job_names: Collection[str] = ()
    resource_names: Collection[str] = ()


def check(parts: Parts) -> list[Finding]:
    """Return all findings about how the parts of a problem fit together."""
    machines, jobs = parts.machines, parts.jobs
    known = {machine.id for machine in machines} | set(parts.machine_names)
    findings = _unique(parts)
    for job in jobs:
        findings += _job(job, parts.start_s)
        for operation in job.operations:
            findings += _modes(f"jobs.{job.id}.operations.{operation.id}", operation, known)
    findings += _precedences(jobs, parts.job_names)
    findings += _running(machines, jobs, parts.job_names)
    findings += _groups(parts.same_order, jobs, known)
    findings += _needs(parts)
    findings += _elsewhere(parts, known)
    findings += _length(parts)
    if parts.horizon_s is not None:
        findings += _time_left(parts, parts.horizon_s)
    return findings


def _length(parts: Parts) -> list[Finding]:
    """Return findings about times after which no schedule could be meant to go on."""
    steps = [operation for job in parts.jobs for operation in job.operations]
    work_s = sum(max((mode.duration_s for mode in step.modes), default=0.0) for step in steps)
    times = [("start_s", parts.start_s), ("jobs", work_s)]
    times += [(f"jobs.{job.id}.release_s", job.release_s) for job in parts.jobs]
    times += [(f"machines.{m.id}.ready_s", m.ready_s) for m in parts.machines]
    times += [
        (f"machines.{m.id}.unavailable", max((i.end_s for i in m.unavailable), default=0.0))
        for m in parts.machines
    ]
    return [
        Finding(path, f"comes to {time_s:g} s", f"at most {_MOST_S:g} s", "check the unit")
        for path, time_s in times
        if time_s > _MOST_S
    ]


def _unique(parts: Parts) -> list[Finding]:
    lists = [("machines", [m.id for m in parts.machines]), ("jobs", [j.id for j in parts.jobs])]
    lists += [("resources", [r.id for r in parts.resources])]
    lists += [("plan", [planned.operation for planned in parts.plan])]
    lists += [(f"jobs.{job.id}.operations", [o.id for o in job.operations]) for job in parts.jobs]
    return [
        Finding(f"{path}.{name}", f"id used {count} times", remedy="rename one")
        for path, names in lists
        for name, count in Counter(names).items()
        if count > 1
    ]


def _job(job: Job, start_s: float) -> list[Finding]:
    if not job.operations:
        return [Finding(f"jobs.{job.id}.operations", "the job has no operation", "at least one")]
    findings, first_s = [], max(start_s, job.release_s)
    what = "the schedule begins" if first_s <= start_s else "the job is released"
    if job.deadline_s is not None and job.deadline_s <= first_s:
        message = f"the deadline {job.deadline_s:g} s is not after the moment at which {what}"
        remedy = "move the deadline, or make it a due date, which may be missed"
        findings.append(Finding(f"jobs.{job.id}.deadline_s", message, remedy=remedy))
    for operation in job.operations:
        path = f"jobs.{job.id}.operations.{operation.id}"
        if operation.fixed_start_s is not None and operation.fixed_start_s < first_s:
            message = f"is fixed to start at {operation.fixed_start_s:g} s, before {what}"
            remedy = "name it under the machine's running, or free its start"
            found = f"at or after {first_s:g} s"
            findings.append(Finding(f"{path}.fixed_start_s", message, found, remedy))
        if operation.overlap and operation.max_wait_s is not None:
            message = "an operation that begins part by part cannot have a longest wait"
            remedy = "leave out overlap or max_wait_s"
            findings.append(Finding(f"{path}.max_wait_s", message, remedy=remedy))
    return findings


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
    for cycle in _cycles(after):
        message = f"operations wait for each other: {' -> '.join(cycle)}"
        findings.append(
            Finding("jobs", message, "an order in which they can be done", "remove one")
        )
    return findings


def _cycles(after: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Yield cycles that have no operation in common, up to a number that can be read."""
    left = {key: list(targets) for key, targets in after.items()}
    for _ in range(_MOST_CYCLES):
        cycle = _cycle(left)
        if not cycle:
            return
        yield cycle
        for key in cycle[1:]:
            del left[key]
        left = {key: [t for t in targets if t in left] for key, targets in left.items()}


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


def _needs(parts: Parts) -> list[Finding]:
    """Return needs that nobody meets, or not all at once."""
    unread = set(parts.resource_names) - {resource.id for resource in parts.resources}
    wanted = [
        (f"jobs.{job.id}.operations.{operation.id}.modes.{mode.machine}.needs", mode.needs)
        for job in parts.jobs
        for operation in job.operations
        for mode in operation.modes
    ]
    wanted += [(f"machines.{m.id}.setup_needs", m.setup_needs) for m in parts.machines]
    offered = {skill for resource in parts.resources for skill in (resource.id, *resource.skills)}
    shown, findings = ", ".join(sorted(offered)[:12]) or "nothing", []
    for path, needs in wanted:
        # What an unreadable resource offers is not known: nothing is said then.
        missing = [need for need in dict.fromkeys(needs) if need not in offered]
        if missing and not unread:
            message = f"no resource offers {', '.join(map(repr, missing))}; offered: {shown}"
            remedy = "give the skill to an operator or a tool, or add one"
            findings.append(Finding(path, message, remedy=remedy))
        elif not missing and next(iter(teams(needs, parts.resources)), None) is None:
            message = f"needs {', '.join(needs)} at one time, each from another resource"
            findings.append(Finding(path, message, "as many resources", "add resources"))
    return findings


def teams(needs: Sequence[str], resources: Sequence[Resource]) -> list[tuple[Resource, ...]]:
    """Return the first few ways to meet needs with a resource of its own for each."""
    options = [[r for r in resources if r.offers(need)] for need in needs]
    found: list[tuple[Resource, ...]] = []

    def extend(chosen: tuple[Resource, ...]) -> None:
        if len(chosen) == len(needs):
            found.append(chosen)
            return
        for resource in options[len(chosen)]:
            if len(found) < _MOST_TEAMS and all(resource.id != other.id for other in chosen):
                extend((*chosen, resource))

    extend(())
    return found


def _elsewhere(parts: Parts, known: Collection[str]) -> list[Finding]:
    """Return findings about transport, prices and the running plan."""
    findings = [
        Finding("transport_s", f"unknown machine {name!r}")
        for name in dict.fromkeys(
            n for source, row in parts.transport_s.items() for n in (source, *row)
        )
        if name not in known
    ]
    prices = sorted(parts.prices, key=lambda price: price.start_s)
    findings += [
        Finding("prices", f"two prices hold from {right.start_s:g} s on", "one price at a time")
        for left, right in pairwise(prices)
        if right.start_s < left.end_s
    ]
    eligible = {
        f"{job.id}/{operation.id}": {mode.machine for mode in operation.modes}
        for job in parts.jobs
        for operation in job.operations
    }
    unread = set(parts.job_names) - {job.id for job in parts.jobs}
    for planned in parts.plan:
        path, key = f"plan.{planned.operation}", planned.operation
        if planned.machine not in known:
            findings.append(Finding(path, f"unknown machine {planned.machine!r}"))
        elif key in eligible and planned.machine not in eligible[key]:
            message = f"was planned on {planned.machine!r}, which cannot do it"
            findings.append(Finding(path, message, f"one of: {', '.join(sorted(eligible[key]))}"))
        if key not in eligible and key.partition("/")[0] not in unread:
            findings.append(Finding(path, f"unknown operation {key!r}", "job/operation"))
    return findings


def _time_left(parts: Parts, horizon_s: float) -> list[Finding]:
    """Return operations for which the calendars leave no time until the horizon."""
    if horizon_s <= parts.start_s:
        return [Finding("horizon_s", f"{horizon_s:g} s is not after start_s, {parts.start_s:g} s")]
    machines = {machine.id: machine for machine in parts.machines}
    findings = []
    for job, operation in [(j, o) for j in parts.jobs for o in j.operations]:
        known = [mode for mode in operation.modes if mode.machine in machines]
        if len(known) != len(operation.modes):
            continue
        whole = not (operation.splittable or operation.overlap)
        left = [
            (_most_time(mode, machines[mode.machine], parts, horizon_s, whole=whole), mode)
            for mode in known
        ]
        if not left or any(time_s >= mode.duration_s for (time_s, _), mode in left):
            continue
        (time_s, who), mode = max(left, key=lambda item: item[0][0] - item[1].duration_s)
        message = (
            f"leaves {time_s:g} s of working time{' in one piece' if whole else ''} until the "
            f"horizon, but {job.id}/{operation.id} needs {mode.duration_s:g} s there"
        )
        remedy = "open the calendar, move the horizon or allow another machine"
        findings.append(
            Finding(f"machines.{mode.machine}.unavailable", who + message, remedy=remedy)
        )
    return findings


def _most_time(
    mode: Mode, machine: Machine, parts: Parts, horizon_s: float, *, whole: bool
) -> tuple[float, str]:
    """Return the most time that a machine and one team of resources have in common, s, and who."""
    best_s, who = -1.0, ""
    for team in teams(mode.needs, parts.resources):
        ready_s = max([parts.start_s, machine.ready_s, *(one.ready_s for one in team)])
        closed = [*machine.unavailable, *(c for one in team for c in one.unavailable)]
        windows = _open(closed, ready_s, horizon_s)
        time_s = max(windows, default=0.0) if whole else math.fsum(windows)
        if time_s > best_s:
            names = " and ".join(one.id for one in team)
            best_s, who = time_s, f"together with {names} it " if team else ""
    # Needs that nobody meets are told about elsewhere.
    return (math.inf, "") if best_s < 0 else (best_s, who)


def _open(closed: Sequence[Interval], start_s: float, horizon_s: float) -> list[float]:
    """Return the lengths of the stretches in which nothing is closed, s."""
    found, here_s = [], start_s
    for interval in sorted(closed, key=lambda one: one.start_s):
        found.append(max(0.0, min(interval.start_s, horizon_s) - here_s))
        here_s = max(here_s, interval.end_s)
    return [*found, max(0.0, horizon_s - here_s)]
