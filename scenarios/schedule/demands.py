"""Demands beyond machines and precedences, as the checker sees them: one function each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from scenarios.schedule.parts import Machine, Resource
from scenarios.schedule.schedule import Placement
from scenarios.schedule.verdicts import Facts, Violation, ViolationKind, merged, open_s

_Use = tuple[float, float, str, Placement | None]
"""From, to, key of the operation, and the placement if it is work and no setup."""


def setups(
    facts: Facts, machine: Machine, here: Sequence[tuple[float, float, str]]
) -> Iterator[Violation]:
    """Yield setups of a machine that have too little time, or not those whom they need."""
    group, free_s = machine.setup_group or "", max(machine.ready_s, facts.problem.start_s)
    previous: Placement | None = None
    for _, _, key in here:
        placed, own = facts.sound[key][0], facts.operations[key][1].setup_group
        together = previous is not None and facts.same_batch(previous, placed)
        needed_s = machine.setup_s.get(group, {}).get(own, 0.0) if group and own else 0.0
        if needed_s > 0 and not together:
            begin_s = max(free_s, _arrival_s(facts, placed)) if machine.setup_waits else free_s
            yield from _setup(facts, machine, placed, begin_s, needed_s)
        free_s = max(free_s, placed.free_s) if together else placed.free_s
        group, previous = own, placed


def _setup(
    facts: Facts, machine: Machine, placed: Placement, begin_s: float, needed_s: float
) -> Iterator[Violation]:
    kind, key = ViolationKind, placed.key
    own, closed = facts.operations[key][1].setup_group, list(machine.unavailable)
    if machine.setup_needs:
        if placed.setup_start_s is None:
            message = f"does not say when {machine.id} is set up for {own}, which needs people"
            yield Violation(kind.SETUP, key, math.nan, message)
            return
        yield from _offered(facts, key, machine.setup_needs, placed.setup_resources, "its setup")
        for name in placed.setup_resources:
            if name in facts.resources:
                closed += facts.resources[name].unavailable
        early_s = begin_s - placed.setup_start_s
        message = f"is set up for before {machine.id} can be"
        yield from facts.late(kind.SETUP, key, early_s, message)
        begin_s = placed.setup_start_s
    had_s = open_s(merged(closed), begin_s, placed.start_s)
    message = f"leaves {had_s:g} s of {needed_s:g} s to set up {machine.id} for {own}"
    yield from facts.late(kind.SETUP, key, needed_s - had_s, message)


def _arrival_s(facts: Facts, placed: Placement) -> float:
    """Return when the first part of an operation has come, s."""
    job, operation = facts.operations[placed.key]
    moments = [job.release_s, facts.problem.start_s]
    for name in facts.before(placed.key):
        if name not in facts.sound:
            continue
        other, mode = facts.sound[name]
        moment_s = other.end_s
        if operation.overlap and mode.first_part_s is not None:
            lead_s = min(mode.first_part_s, mode.duration_s)
            moment_s = min(_after_s(facts.closed(other), other.start_s, lead_s), other.end_s)
        moments.append(moment_s + facts.way_s(other, placed))
    return max(moments)


def _after_s(closed: Sequence[tuple[float, float]], moment_s: float, left_s: float) -> float:
    """Return when ``left_s`` of work from a moment on is done, s."""
    for begin, end in closed:
        if left_s > 0 and end > moment_s:
            step_s = max(0.0, begin - moment_s)
            if left_s <= step_s:
                break
            left_s, moment_s = left_s - step_s, end
    return moment_s + left_s


def resources(facts: Facts) -> Iterator[Violation]:
    """Yield people and tools that are missing, off, without the skill, or in two places."""
    uses: dict[str, list[_Use]] = {name: [] for name in facts.resources}
    for key, (placed, mode) in facts.sound.items():
        yield from _offered(facts, key, mode.needs, placed.resources, "it")
        for name in dict.fromkeys(placed.resources):
            if name in uses:
                uses[name].append((placed.start_s, placed.end_s, key, placed))
        if placed.setup_start_s is not None and placed.setup_resources:
            end_s = _setup_end_s(facts, placed)
            for name in placed.setup_resources:
                if name in uses:
                    uses[name].append((placed.setup_start_s, end_s, key, None))
    for name, resource in facts.resources.items():
        yield from _busy(facts, resource, sorted(uses[name], key=lambda use: use[:3]))


def _setup_end_s(facts: Facts, placed: Placement) -> float:
    """Return when the setup before a placement is done if it was begun when it says, s."""
    machine, begin_s = facts.machines[placed.machine], placed.setup_start_s or 0.0
    closed = list(machine.unavailable)
    for name in placed.setup_resources:
        closed += facts.resources[name].unavailable if name in facts.resources else ()
    ahead = [
        (p.start_s, p.end_s, p.key)
        for p in facts.on[placed.machine]
        if (p.start_s, p.end_s, p.key) < (placed.start_s, placed.end_s, placed.key)
    ]
    group = facts.operations[max(ahead)[2]][1].setup_group if ahead else machine.setup_group or ""
    own = facts.operations[placed.key][1].setup_group
    needed_s = machine.setup_s.get(group, {}).get(own, 0.0) if group and own else 0.0
    return _after_s(merged(closed), begin_s, needed_s)


def _offered(
    facts: Facts, key: str, needs: Sequence[str], names: Sequence[str], what: str
) -> Iterator[Violation]:
    kind = ViolationKind.RESOURCE
    if len(names) != len(needs):
        message = f"has {len(names)} of {len(needs)} resources that {what} needs"
        message = f"{message}: {', '.join(needs) or 'none'}"
        yield Violation(kind, key, math.nan, message, tuple(needs))
    for need, name in zip(needs, names, strict=False):
        resource = facts.resources.get(name)
        if resource is None or not resource.offers(need):
            yield Violation(kind, key, math.nan, f"{name!r} does not offer {need!r}", (name,))
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Violation(kind, key, math.nan, f"{name!r} cannot meet two needs at one time", (name,))


def _busy(facts: Facts, resource: Resource, uses: Sequence[_Use]) -> Iterator[Violation]:
    kind = ViolationKind.RESOURCE
    for use in uses:
        message = f"{resource.id} is not there yet when {_what(use)} starts"
        yield from facts.late(kind, use[2], resource.ready_s - use[0], message, resource.id)
    busy: _Use | None = None
    for use in uses:
        start_s, end_s, key, placed = use
        if busy is not None and end_s > start_s:
            one = placed is not None and busy[3] is not None and facts.same_batch(placed, busy[3])
            both_s = 0.0 if one else min(busy[1], end_s) - start_s
            message = f"{resource.id} is busy with {_what(busy)} when {_what(use)} starts"
            yield from facts.late(kind, key, both_s, message, resource.id, busy[2])
        if busy is None or end_s > busy[1]:
            busy = use


def _what(use: _Use) -> str:
    """Return what somebody is needed for, in words."""
    return use[2] if use[3] is not None else f"the setup for {use[2]}"


def waits(facts: Facts) -> Iterator[Violation]:
    """Yield operations that wait longer than they may."""
    for key, (placed, _) in facts.sound.items():
        limit_s = facts.operations[key][1].max_wait_s
        for name in facts.before(key) if limit_s is not None else ():
            if name in facts.sound:
                other = facts.sound[name][0]
                wait_s = placed.start_s - other.end_s - facts.way_s(other, placed)
                message = f"waits {wait_s:g} s after {name}; at most {limit_s or 0:g} s are allowed"
                over_s = wait_s - (limit_s or 0.0)
                yield from facts.late(ViolationKind.WAIT, key, over_s, message, name)


def buffers(facts: Facts) -> Iterator[Violation]:
    """Yield jobs that wait where there is no place, and jobs that stay behind their next start."""
    queues: dict[str, list[tuple[float, float, str]]] = {}
    for key, (placed, _) in facts.sound.items():
        job, operation = facts.operations[key]
        room = facts.machines[placed.machine].input_buffer
        for name in facts.before(key):
            if name not in facts.sound or operation.overlap:
                continue
            other = facts.sound[name][0]
            come_s = other.free_s + facts.way_s(other, placed)
            if other.free_s > other.end_s:
                message = f"starts before it can have left {other.machine} after {name}"
                early_s = come_s - placed.start_s
                yield from facts.late(ViolationKind.BUFFER, key, early_s, message, name)
            if room is not None and facts.operations[name][0] is job:
                queues.setdefault(placed.machine, []).append((come_s, placed.start_s, key))
    for machine, queue in queues.items():
        room = facts.machines[machine].input_buffer or 0
        for come_s, start_s, key in sorted(queue):
            # A place is taken over at the moment at which it becomes free.
            there = [
                (begin, end)
                for begin, end, _ in queue
                if begin <= come_s + facts.tolerance_s < end - facts.tolerance_s
            ]
            if start_s - come_s > facts.tolerance_s and len(there) > room:
                over_s = min(start_s, *(end for _, end in there)) - come_s
                message = f"waits before {machine}, where {len(there)} wait and {room} have room"
                yield from facts.late(ViolationKind.BUFFER, key, over_s, message, machine)


def batches(facts: Facts) -> Iterator[Violation]:
    """Yield batches that are too large; steps of two groups are never one batch."""
    kind = ViolationKind.BATCH
    for machine in facts.problem.machines:
        if machine.batch_size == 1:
            continue
        groups: list[list[Placement]] = []
        for placed in sorted(facts.on[machine.id], key=lambda p: (p.start_s, p.end_s, p.key)):
            if groups and facts.same_batch(groups[-1][0], placed):
                groups[-1].append(placed)
            else:
                groups.append([placed])
        for group in groups:
            keys = tuple(p.key for p in group)
            timed = [p for p in group if p.end_s > p.start_s]
            if len(timed) > machine.batch_size:
                message = (
                    f"{len(timed)} are in one batch of {machine.batch_size}: {', '.join(keys)}"
                )
                yield Violation(kind, machine.id, math.nan, message, keys)


def campaigns(facts: Facts) -> Iterator[Violation]:
    """Yield campaigns that were broken off although more of their group came later."""
    for machine in facts.problem.machines if facts.sound else ():
        if machine.campaign_least < 2:  # noqa: PLR2004 - one is no demand
            continue
        here = sorted(
            (p.start_s, p.end_s, p.key)
            for p in facts.on[machine.id]
            if facts.operations[p.key][1].setup_group
        )
        groups = [facts.operations[key][1].setup_group for _, _, key in here]
        run = 0
        for at, (left, right) in enumerate(pairwise(groups), start=1):
            run += 1
            if left != right:
                missing = machine.campaign_least - run
                if missing > 0 and left in groups[at:]:
                    message = (
                        f"breaks off the campaign of {left} on {machine.id} after {run} of "
                        f"{machine.campaign_least}"
                    )
                    yield Violation(ViolationKind.CAMPAIGN, here[at][2], math.nan, message)
                run = 0


def frozen_zone(facts: Facts) -> Iterator[Violation]:
    """Yield operations of the running plan that were moved although they are frozen."""
    problem, until_s = facts.problem, facts.problem.freeze_until_s
    for planned in problem.plan if until_s is not None else ():
        if planned.operation not in facts.sound:
            continue
        placed, first_s = facts.sound[planned.operation][0], problem.start_s
        first_s = max(first_s, facts.operations[planned.operation][0].release_s)
        if not first_s <= planned.start_s < (until_s or 0.0):
            continue
        moved_s = abs(placed.start_s - planned.start_s)
        message = f"was planned for {planned.start_s:g} s, inside the frozen zone, and was moved"
        yield from facts.late(ViolationKind.FROZEN, placed.key, moved_s, message)
        if placed.machine != planned.machine:
            message = f"was planned on {planned.machine}, inside the frozen zone, not here"
            yield Violation(ViolationKind.FROZEN, placed.key, math.nan, message)


def outcome(facts: Facts) -> Iterator[Violation]:
    """Yield stated outcomes that the placements do not bear out."""
    if len(facts.sound) < len(facts.operations):
        return
    problem, stated = facts.problem, facts.schedule
    ends: dict[str, float] = {}
    for placed, _ in facts.sound.values():
        last_s = (placed.end_s, placed.done_s or -math.inf)
        ends[placed.job] = max(ends.get(placed.job, -math.inf), *last_s)
    late_s = {
        job.id: max(0.0, ends[job.id] - job.due_date_s)
        for job in problem.jobs
        if job.due_date_s is not None
    }
    weights = problem.objective
    value = weights.makespan * (max(ends.values(), default=problem.start_s) - problem.start_s)
    value += weights.tardiness * sum(j.weight * late_s.get(j.id, 0.0) for j in problem.jobs)
    value += weights.total_tardiness * sum(late_s.values())
    value += weights.flow_time * sum(max(0.0, ends[j.id] - j.release_s) for j in problem.jobs)
    value += weights.setup_time * _setup_total_s(facts) if weights.setup_time else 0.0
    value += weights.energy * _energy(facts) if weights.energy else 0.0
    value += weights.stability * _stability_s(facts) if weights.stability else 0.0
    slack = facts.tolerance_s + 1e-9 * abs(value)
    if not abs(value - stated.objective) <= slack:
        message = f"states an objective of {stated.objective:g}; it is {value:g}"
        yield Violation(ViolationKind.OUTCOME, problem.id, math.nan, message)
    completions = {item.job: item.completion_s for item in stated.jobs}
    for job_id, end_s in ends.items():
        wrong_s = abs(completions.get(job_id, math.nan) - end_s)
        if not wrong_s <= facts.tolerance_s:
            message = f"states another completion than {end_s:g} s"
            yield Violation(ViolationKind.OUTCOME, job_id, wrong_s, message)


def _setup_total_s(facts: Facts) -> float:
    total_s = 0.0
    for machine in facts.problem.machines:
        here = sorted((p.start_s, p.end_s, p.key) for p in facts.on[machine.id])
        group, previous = machine.setup_group or "", None
        for _, _, key in here:
            placed, own = facts.sound[key][0], facts.operations[key][1].setup_group
            together = previous is not None and facts.same_batch(previous, placed)
            if group and own and not together:
                total_s += machine.setup_s.get(group, {}).get(own, 0.0)
            group, previous = own, placed
    return total_s


def _energy(facts: Facts) -> float:
    total = 0.0
    for placed, mode in facts.sound.values():
        for price in facts.problem.prices if mode.power_kw else ():
            low_s = max(placed.start_s, price.start_s)
            high_s = min(placed.end_s, price.end_s)
            if high_s > low_s:
                total += price.per_kwh * mode.power_kw * facts.work_s(placed, low_s, high_s) / 3600
    return total


def _stability_s(facts: Facts) -> float:
    total_s = 0.0
    for planned in facts.problem.plan:
        if planned.operation in facts.sound:
            placed = facts.sound[planned.operation][0]
            total_s += abs(placed.start_s - planned.start_s)
            if placed.machine != planned.machine:
                total_s += facts.problem.objective.machine_change_s
    return total_s


DEMANDS: tuple[Callable[[Facts], Iterator[Violation]], ...] = (
    resources,
    waits,
    buffers,
    batches,
    campaigns,
    frozen_zone,
    outcome,
)
"""Every demand beyond machines and precedences, and the stated outcome."""
