"""The problem as intervals of CP-SAT: the same meaning, in whole numbers of a time unit.

Like the rows of the linear model, these constraints demand less where intervals cannot say what is
meant (setups between neighbours when a detour is shorter, batches of mixed groups, campaigns,
breaks of people, the price of energy): bounds stay valid; exact times are worked out afterwards.

Where no unit shows all times, a variable is the moment rounded down. With lengths rounded down, and
what limits from above rounded up, every schedule is a solution: that, too, only demands less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ortools.sat.python import cp_model

from scenarios.schedule.mip.windows import Windows, pairs, windows
from scenarios.schedule.network import Choice, Network, Step

Var = Any
"""A variable, a literal or an expression of CP-SAT."""
_WHOLE = 1e-6
"""Difference up to which a number counts as whole."""
_PARTS = 1_000
"""Parts of a second up to which a time counts as a fraction, and parts where units do not fit."""
_FINEST = 10_000
"""Units of time in a second at most."""


@dataclass(slots=True)
class Intervals:
    """The model and its variables."""

    network: Network
    limits: Windows
    scale: int
    """Units of time in a second."""
    model: Any
    start: list[Var] = field(default_factory=list)
    end: list[Var] = field(default_factory=list)
    leave: list[Var] = field(default_factory=list)
    here: dict[tuple[int, int], Var] = field(default_factory=dict)
    """Literal of each step and machine."""
    work: dict[tuple[int, int], Var] = field(default_factory=dict)
    """Interval of each step on each machine, from its start until it has left."""
    helps: dict[tuple[int, int], list[Var]] = field(default_factory=dict)
    """Literals under which a resource helps a step."""

    def down(self, time_s: float) -> int:
        """Return a time in units, rounded down."""
        return math.floor(time_s * self.scale + _WHOLE)

    def up(self, time_s: float) -> int:
        """Return a time in units, rounded up."""
        return math.ceil(time_s * self.scale - _WHOLE)


def build(network: Network, upper: float | None) -> Intervals:
    """Return the model of a problem; ``upper`` is the objective of a known schedule."""
    limits = windows(network, upper)
    form = Intervals(network, limits, _scale(network), cp_model.CpModel())
    for i, step in enumerate(network.steps):
        _step(form, i, step)
    for part in (_precedences, _machines, _setups, _resources, _buffers, _orders):
        part(form)
    _objective(form)
    return form


def _scale(network: Network) -> int:
    """Return the coarsest unit that shows every time exactly, if there is one, in parts of 1 s."""
    numbers = [network.problem.start_s]
    numbers += [m.ready_s for m in network.machines]
    numbers += [t for c in network.clocks for pause in c.closed for t in pause]
    numbers += [t for m in network.machines for row in m.setup_s.values() for t in row.values()]
    numbers += network.lag_s.values()
    for job in network.problem.jobs:
        numbers += [job.release_s, job.due_date_s or 0.0, job.deadline_s or 0.0]
    for step in network.steps:
        numbers += [step.fixed_s or 0.0, step.max_wait_s or 0.0, step.planned_s or 0.0]
        numbers += [t for c in step.choices for t in (c.duration_s, c.first_part_s, c.last_part_s)]
    scale = 1
    for number in set(numbers):
        scale = math.lcm(scale, Fraction(number).limit_denominator(_PARTS).denominator)
        if scale > _FINEST:
            return _PARTS
    return scale


def _step(form: Intervals, i: int, step: Step) -> None:
    model, limits = form.model, form.limits
    low, high = form.down(limits.start_lo[i]), max(0, form.up(limits.end_hi[i])) + 1
    horizon = max(high, form.up(limits.horizon_s) + 1)
    low = min(low, high)
    form.start.append(model.new_int_var(low, high, f"start {step.key}"))
    form.end.append(model.new_int_var(low, high, f"end {step.key}"))
    narrow = any(
        form.network.machines[c.machine].input_buffer is not None
        for j in step.after
        for c in form.network.steps[j].choices
    )
    form.leave.append(
        model.new_int_var(low, horizon, f"leave {step.key}") if narrow else form.end[i]
    )
    model.add(form.leave[i] >= form.end[i])
    if step.fixed_s is not None:
        model.add(form.start[i] == form.down(step.fixed_s))
    literals = []
    for choice in step.choices:
        one = len(step.choices) == 1
        here = model.new_constant(1) if one else model.new_bool_var(f"{step.key} {choice.machine}")
        literals.append(here)
        form.here[i, choice.machine] = here
        length = model.new_int_var(0, horizon, "")
        form.work[i, choice.machine] = model.new_optional_interval_var(
            form.start[i], length, form.leave[i], here, ""
        )
        _length(form, i, step, choice)
        _team(form, i, choice)
    model.add_exactly_one(literals)


def _length(form: Intervals, i: int, step: Step, choice: Choice) -> None:
    """Give a step its time on one machine, with the closures that it pauses over."""
    model, here, start, end = form.model, form.here[i, choice.machine], form.start[i], form.end[i]
    work_s, machine = choice.duration_s, form.network.machines[choice.machine]
    model.add(start >= form.down(machine.ready_s)).only_enforce_if(here)
    total, most = form.down(work_s), form.up(work_s)
    for begin_s, end_s in form.network.clocks[choice.machine].closed:
        if end_s <= form.limits.start_lo[i] or begin_s >= form.limits.end_hi[i] or not work_s:
            continue
        first, last = form.down(begin_s), form.down(end_s)
        before, spans, beyond = (model.new_bool_var("") for _ in range(3))
        model.add_exactly_one(before, spans, beyond)
        model.add(end <= first).only_enforce_if(before, here)
        model.add(start >= last).only_enforce_if(beyond, here)
        model.add(start <= first).only_enforce_if(spans, here)
        model.add(end >= last).only_enforce_if(spans, here)
        if step.splittable:
            total += form.down(end_s - begin_s) * spans
            most += form.up(end_s - begin_s) * spans
        else:
            model.add(spans == 0).only_enforce_if(here)
    breaks = step.splittable and any(
        form.network.resources[one].unavailable for team in choice.teams for one in team
    )
    model.add(end >= start + total).only_enforce_if(here)
    if not (step.overlap or machine.batch_size > 1 or breaks):
        model.add(end <= start + most).only_enforce_if(here)


def _team(form: Intervals, i: int, choice: Choice) -> None:
    model, here = form.model, form.here[i, choice.machine]
    if len(choice.teams) == 1:
        literals = [here]
    else:
        literals = [model.new_bool_var("") for _ in choice.teams]
        model.add(sum(literals) == here)
    for literal, team in zip(literals, choice.teams, strict=True):
        for one in team:
            form.helps.setdefault((i, one), []).append(literal)
            ready = form.down(form.network.resources[one].ready_s)
            model.add(form.start[i] >= ready).only_enforce_if(literal)


def _ways(form: Intervals, i: int, j: int) -> Iterator[tuple[list[Var], Choice, Choice, float]]:
    """Yield what a way between two steps takes, s, and when it is taken."""
    for a in form.network.steps[i].choices:
        for b in form.network.steps[j].choices:
            when = [form.here[i, a.machine], form.here[j, b.machine]]
            yield when, a, b, form.network.transport_s(a.machine, b.machine)


def _precedences(form: Intervals) -> None:
    for j, step in enumerate(form.network.steps):
        for i in step.before:
            for when, a, b, way_s in _ways(form, i, j):
                start, model, way = form.start[j], form.model, form.down(way_s)
                if not step.overlap:
                    model.add(start >= form.end[i] + way).only_enforce_if(when)
                else:
                    first = form.down(a.first_part_s)
                    last = form.down(b.last_part_s)
                    model.add(start >= form.start[i] + first + way).only_enforce_if(when)
                    model.add(form.end[j] >= form.end[i] + way + last).only_enforce_if(when)
                if step.max_wait_s is not None:
                    longest = form.up(way_s + step.max_wait_s)
                    model.add(start <= form.end[i] + longest).only_enforce_if(when)


def _machines(form: Intervals) -> None:
    for m, machine in enumerate(form.network.machines):
        here = [form.work[key] for key in form.work if key[1] == m]
        if machine.batch_size > 1:
            form.model.add_cumulative(here, [1] * len(here), machine.batch_size)
        elif here:
            form.model.add_no_overlap(here)
        running = [form.network.index[key] for key in machine.running]
        for at, i in enumerate(running):
            for j in (key[0] for key in form.work if key[1] == m):
                if j not in running[: at + 1]:
                    when = form.here[j, m]
                    form.model.add(form.start[j] >= _past(form, i, m)).only_enforce_if(when)


def _setups(form: Intervals) -> None:
    """Leave time for setups between two steps, whichever comes first, and before the first."""
    model = form.model
    for pair in pairs(form.network, form.limits):
        if pair.forward_s <= 0 and pair.backward_s <= 0:
            continue
        machine = pair.first_choice.machine
        when = [form.here[pair.first, machine], form.here[pair.second, machine]]
        order = model.new_bool_var("")
        for i, j, lag_s, literal in (
            (pair.first, pair.second, pair.forward_s, order),
            (pair.second, pair.first, pair.backward_s, order.negated()),
        ):
            later = form.leave[i] + form.down(lag_s)
            model.add(form.start[j] >= later).only_enforce_if(*when, literal)


def _resources(form: Intervals) -> None:
    for one in range(len(form.network.resources)):
        intervals = []
        for (i, r), literals in form.helps.items():
            batched = any(
                form.network.machines[c.machine].batch_size > 1
                for c in form.network.steps[i].choices
            )
            if r != one or batched:
                continue
            used = literals[0]
            if len(literals) > 1:
                used = form.model.new_bool_var("")
                form.model.add(sum(literals) == used)
            length = form.model.new_int_var(0, form.up(form.limits.horizon_s) + 1, "")
            intervals.append(
                form.model.new_optional_interval_var(form.start[i], length, form.end[i], used, "")
            )
        if intervals:
            form.model.add_no_overlap(intervals)


def _buffers(form: Intervals) -> None:
    """Let at most as many jobs wait before a machine as there is room."""
    network, model = form.network, form.model
    queues: dict[int, list[Var]] = {}
    for j, step in enumerate(network.steps):
        for i in step.before if not step.overlap else ():
            for when, _, b, way_s in _ways(form, i, j):
                room = network.machines[b.machine].input_buffer
                if room is None or network.steps[i].job != step.job:
                    continue
                come = _arrival(form, i, way_s)
                model.add(form.start[j] >= come).only_enforce_if(when)
                inside = [k for k in network.steps[i].after if network.steps[k].job == step.job]
                if room == 0 and len(inside) == 1:
                    model.add(form.start[j] == come).only_enforce_if(when)
                elif room > 0:
                    both = model.new_bool_var("")
                    model.add_bool_and(when).only_enforce_if(both)
                    model.add_bool_or([both, *(literal.negated() for literal in when)])
                    length = model.new_int_var(0, form.up(form.limits.horizon_s) + 1, "")
                    wait = model.new_optional_interval_var(come, length, form.start[j], both, "")
                    queues.setdefault(b.machine, []).append(wait)
    for machine, waits in queues.items():
        model.add_cumulative(waits, [1] * len(waits), network.machines[machine].input_buffer or 0)


def _arrival(form: Intervals, i: int, way_s: float) -> Var:
    """Return when a job comes to the next machine."""
    least, most = form.down(way_s), form.up(way_s)
    if least == most:
        return form.leave[i] + least
    come = form.model.new_int_var(0, form.up(form.limits.horizon_s + way_s) + 1, "")
    form.model.add(come >= form.leave[i] + least)
    form.model.add(come <= form.leave[i] + most)
    return come


def _orders(form: Intervals) -> None:
    """Keep one order of jobs on all machines of a group."""
    literals: dict[tuple[int, int, int], Var] = {}
    for a, m in form.work:
        group = form.network.group_of.get(m)
        for b, other in form.work if group is not None else ():
            left, right = form.network.steps[a].job, form.network.steps[b].job
            if other != m or left >= right:
                continue
            name = (group or 0, left, right)
            first = literals.setdefault(name, form.model.new_bool_var(""))
            when = [form.here[a, m], form.here[b, m]]
            later = form.model.add(form.start[b] >= _past(form, a, m))
            later.only_enforce_if(*when, first)
            later = form.model.add(form.start[a] >= _past(form, b, m))
            later.only_enforce_if(*when, first.negated())


def _past(form: Intervals, i: int, machine: int) -> Var:
    """Return when one that goes behind a step may start: in one batch they start together."""
    return form.start[i] if form.network.machines[machine].batch_size > 1 else form.leave[i]


def _objective(form: Intervals) -> None:
    network, weights = form.network, form.network.problem.objective
    terms = [term for j in range(len(network.problem.jobs)) for term in _job_terms(form, j)]
    if weights.makespan > 0:
        longest = form.model.new_int_var(0, _latest(form), "makespan")
        for end in form.end:
            form.model.add(longest >= end - form.up(network.problem.start_s))
        terms.append(weights.makespan / form.scale * longest)
    for i, step in enumerate(network.steps if weights.stability else ()):
        if step.planned_s is not None:
            away = form.model.new_int_var(0, _latest(form), "")
            early, late = form.down(step.planned_s), form.up(step.planned_s)
            form.model.add(away >= form.start[i] - late)
            form.model.add(away >= early - form.start[i] - (early < late))
            terms.append(weights.stability / form.scale * away)
            stays = form.here.get((i, step.planned_machine or 0))
            price = weights.stability * weights.machine_change_s
            terms.append(price if stays is None else price * (1 - stays))
    if terms:
        form.model.minimize(sum(terms))


def _latest(form: Intervals) -> int:
    starts = [0.0, *(item.start_s for item in form.network.problem.plan)]
    return form.up(max(form.limits.horizon_s, *starts)) + 1


def _job_terms(form: Intervals, j: int) -> Iterator[Var]:
    """Yield what the end of a job costs."""
    job, weights, model = form.network.problem.jobs[j], form.network.problem.objective, form.model
    last = [form.end[i] for i, step in enumerate(form.network.steps) if step.job == j]
    late = weights.tardiness * job.weight + weights.total_tardiness
    if job.due_date_s is not None and late > 0:
        due = form.up(job.due_date_s)
        tardy = model.new_int_var(0, max(0, _latest(form) - due), "")
        for end in last:
            model.add(tardy >= end - due)
        yield late / form.scale * tardy
    if weights.flow_time > 0:
        done = model.new_int_var(0, _latest(form), "")
        for end in last:
            model.add(done >= end)
        yield weights.flow_time / form.scale * done - weights.flow_time * job.release_s


def hint(form: Intervals, start_s: dict[int, float], machine: dict[int, int]) -> None:
    """Tell CP-SAT of a schedule to start from."""
    for i, time_s in start_s.items():
        form.model.add_hint(form.start[i], math.floor(time_s * form.scale + 0.5))
    for (i, m), literal in form.here.items():
        if len(form.network.steps[i].choices) > 1:
            form.model.add_hint(literal, int(machine[i] == m))
