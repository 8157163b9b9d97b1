r"""Constraints of the disjunctive model, one function per family.

Notation: :math:`S_i, E_i` start and end of step i, :math:`d_{im}` its duration on machine m,
:math:`x_{im}` whether m does it, :math:`y_{ij}` whether i comes before j, :math:`\underline{\cdot}`
and :math:`\overline{\cdot}` the ends of the windows. Every big-M is the least that the windows of
its own pair allow.

Where the meaning of the problem cannot be said in linear rows (setups between immediate neighbours
when a detour is shorter, setups that wait for the part or pause, leads inside closures) the rows
demand less, never more: the bound stays valid, and times are worked out exactly afterwards.

References
----------
Manne (1960), On the job-shop scheduling problem.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from scenarios.schedule.mip.factory import FACTORY
from scenarios.schedule.mip.variables import Formulation, Term, assigned, pause_name, released
from scenarios.schedule.mip.windows import Pair


def precedence(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Keep the order of steps without overlap: :math:`S_j \ge E_i` for i before j."""
    model.precedence = pyo.ConstraintList()
    for step in form.network.steps:
        for before in step.before if not step.overlap else ():
            model.precedence.add(model.start[step.key] >= model.end[form.network.steps[before].key])


def overlap(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Let lots stream.

    :math:`S_j \ge S_i + \sum_m f_{im} x_{im}` and :math:`E_j \ge E_i + \sum_m l_{jm} x_{jm}`, f the
    work for the first part, l for the last.
    """
    model.overlap = pyo.ConstraintList()
    network = form.network
    for j, step in enumerate(network.steps):
        for i in step.before if step.overlap else ():
            other = network.steps[i]
            first = sum(c.first_part_s * assigned(model, network, i, c) for c in other.choices)
            last = sum(c.last_part_s * assigned(model, network, j, c) for c in step.choices)
            model.overlap.add(model.start[step.key] >= model.start[other.key] + first)
            model.overlap.add(model.end[step.key] >= model.end[other.key] + last)


def assignment(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Choose exactly one machine: :math:`\sum_m x_{im} = 1`."""
    model.assignment = pyo.ConstraintList()
    for i, step in enumerate(form.network.steps):
        if len(step.choices) > 1:
            options = [assigned(model, form.network, i, choice) for choice in step.choices]
            model.assignment.add(sum(options) == 1)


def duration(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Give every step its time.

    :math:`E_i = S_i + \sum_m d_{im} x_{im} + \sum_k L_k s_{ik}`, with :math:`L_k` the length of
    closure k and :math:`s_{ik}` whether the step pauses over it; :math:`\ge` for a step that
    overlaps its predecessor, or if closures are left out.
    """
    model.duration = pyo.ConstraintList()
    network = form.network
    paused: dict[int, list[Any]] = {}
    for pause in form.pauses:
        length_s = pause.end_s - pause.begin_s
        paused.setdefault(pause.step, []).append(length_s * model.spans[pause_name(network, pause)])
    for i, step in enumerate(network.steps):
        work = sum(c.duration_s * assigned(model, network, i, c) for c in step.choices)
        end = model.start[step.key] + work + sum(paused.get(i, []))
        known = not step.splittable or i in paused or not _meets_closure(form, i)
        # Breaks of people, and longer steps of a batch, are left to the exact times.
        known = known and not _longer(form, i)
        exact = known and not step.overlap
        model.duration.add(model.end[step.key] == end if exact else model.end[step.key] >= end)


def _meets_closure(form: Formulation, step: int) -> bool:
    return any(form.network.clocks[c.machine].closed for c in form.network.steps[step].choices)


def _longer(form: Formulation, step: int) -> bool:
    network, this = form.network, form.network.steps[step]
    breaks = this.splittable and any(
        network.resources[one].unavailable
        for choice in this.choices
        for team in choice.teams
        for one in team
    )
    return breaks or any(network.machines[c.machine].batch_size > 1 for c in this.choices)


def calendar(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Place each step before, over or beyond each closure :math:`[b, e]` of its machine.

    :math:`p + s + q = x_{im}` with p = 1 only if :math:`E_i \le b`, s = 1 only if
    :math:`S_i \le b` and :math:`E_i \ge e`, q = 1 only if :math:`S_i \ge e`; s = 0 for a step that
    may not pause.
    """
    model.calendar = pyo.ConstraintList()
    network, limits = form.network, form.limits
    for pause in form.pauses:
        i, name, step = pause.step, pause_name(network, pause), network.steps[pause.step]
        p, s, q = model.before[name], model.spans[name], model.beyond[name]
        start, end = model.start[step.key], model.end[step.key]
        begin_s, end_s = pause.begin_s, pause.end_s
        model.calendar.add(p + s + q == assigned(model, network, i, pause.choice))
        model.calendar.add(end <= begin_s + max(0.0, limits.end_hi[i] - begin_s) * (1 - p))
        start_m = max(0.0, limits.start_hi[i] - begin_s)
        model.calendar.add(start <= begin_s + start_m * (1 - p - s))
        model.calendar.add(end >= end_s - max(0.0, end_s - limits.end_lo[i]) * (1 - s))
        model.calendar.add(start >= end_s - max(0.0, end_s - limits.start_lo[i]) * (1 - q))
        if not step.splittable:
            s.fix(0)


def disjunction(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Do one at a time, with the setup between.

    :math:`S_j \ge E_i + s_{ij} - M (3 - y_{ij} - x_{im} - x_{jm})` and the reverse
    with :math:`1 - y_{ij}`; :math:`M = \overline{E}_i + s_{ij} - \underline{S}_j`.
    """
    model.disjunction = pyo.ConstraintList()
    for pair in form.open_pairs:
        order = model.order[pair.name]
        # Where the windows rule one order out on this machine, the other row holds whatever y says.
        if pair.forward or not pair.backward:
            _sequence(model, form, pair, 1 - order if pair.backward else 0, reverse=False)
        if pair.backward or not pair.forward:
            _sequence(model, form, pair, order if pair.forward else 0, reverse=True)


def decided(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Sequence pairs of which the windows leave one order: :math:`S_j \ge E_i + s_{ij}`."""
    model.decided = pyo.ConstraintList()
    network = form.network
    for pair in form.decided_pairs:
        first, second = network.steps[pair.first].key, network.steps[pair.second].key
        if not pair.backward:
            model.decided.add(model.start[second] >= released(model, first) + pair.forward_s)
        if not pair.forward:
            model.decided.add(model.start[first] >= released(model, second) + pair.backward_s)


def _sequence(
    model: pyo.ConcreteModel, form: Formulation, pair: Pair, relaxed: Term, *, reverse: bool
) -> None:
    """Add the row that puts one step of a pair before the other unless it is relaxed."""
    network, limits = form.network, form.limits
    i, j, lag_s = pair.first, pair.second, pair.forward_s
    if reverse:
        i, j, lag_s = pair.second, pair.first, pair.backward_s
    elsewhere = (
        2
        - assigned(model, network, pair.first, pair.first_choice)
        - assigned(model, network, pair.second, pair.second_choice)
    )
    latest_s = limits.horizon_s if network.steps[i].key in model.leave else limits.end_hi[i]
    big_m = max(0.0, latest_s + lag_s - limits.start_lo[j])
    start, end = model.start[network.steps[j].key], released(model, network.steps[i].key)
    model.disjunction.add(start >= end + lag_s - big_m * (relaxed + elsewhere))


def makespan(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Bound the makespan: :math:`C \ge E_i - t_0` for last steps i, :math:`t_0` the start."""
    model.last = pyo.ConstraintList()
    problem = form.network.problem
    for step in form.network.steps if problem.objective.makespan else ():
        if not step.after:
            model.last.add(model.makespan >= model.end[step.key] - problem.start_s)


def load(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Bound the makespan by the load of every machine m.

    :math:`C \ge \min_i \underline{S}_i - t_0 + \sum_i d_{im} x_{im}`; implied by the rest, but not
    in the linear relaxation. Where steps may go elsewhere the first term is left out.
    """
    model.machine_load = pyo.ConstraintList()
    network, limits, problem = form.network, form.limits, form.network.problem
    if not problem.objective.makespan:
        return
    for m in range(len(network.machines)):
        here = [
            (i, choice)
            for i, step in enumerate(network.steps)
            for choice in step.choices
            if choice.machine == m
        ]
        if len(here) > 1 and network.machines[m].batch_size == 1:
            head_s = min(limits.start_lo[i] for i, _ in here) - problem.start_s
            work = sum(c.duration_s * assigned(model, network, i, c) for i, c in here)
            if all(len(network.steps[i].choices) == 1 for i, _ in here):
                model.machine_load.add(model.makespan >= head_s + work)
            else:
                # Nobody may come: then the machine is not waited for either.
                model.machine_load.add(model.makespan >= work)


def tardiness(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Measure lateness: :math:`T_j \ge E_i - d_j` for last steps i of j, due at :math:`d_j`."""
    model.late = pyo.ConstraintList()
    network = form.network
    for step in network.steps:
        job = network.problem.jobs[step.job]
        inside = any(network.steps[i].job == step.job for i in step.after)
        if job.due_date_s is not None and not inside:
            model.late.add(model.tardiness[job.id] >= model.end[step.key] - job.due_date_s)


FAMILIES = (
    precedence,
    overlap,
    assignment,
    duration,
    calendar,
    disjunction,
    decided,
    makespan,
    load,
    tardiness,
    *FACTORY,
)
"""Every family; the model is all of them."""
