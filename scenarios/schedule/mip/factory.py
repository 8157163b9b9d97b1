r"""Constraints that factories have beyond machines: one function per family.

Notation as in :mod:`scenarios.schedule.mip.constraints`; :math:`D_i` is when the job leaves the
machine after step i, :math:`t_{ab}` the transport from machine a to machine b. Buffers with room,
batches, campaigns and setups that need people are left to the exact times: the rows demand less,
never more, so the bound stays valid.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyomo.environ as pyo

from scenarios.schedule.mip.variables import (
    Formulation,
    Term,
    assigned,
    helped_name,
    helps,
    successors_inside,
    touched,
)
from scenarios.schedule.network import Network


def _way(model: pyo.ConcreteModel, network: Network, i: int, j: int) -> Iterator[Term]:
    """Yield terms of which each is at most the transport from step i to step j."""
    left, right = network.steps[i].choices, network.steps[j].choices
    for a in left:
        for b in right:
            way_s = network.transport_s(a.machine, b.machine)
            x, y = assigned(model, network, i, a), assigned(model, network, j, b)
            if way_s > 0 and len(left) == len(right) == 1:
                yield way_s
            elif way_s > 0:
                yield way_s * (x + y - 1)


def transport(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Give the way its time: :math:`S_j \ge E_i + t_{ab} (x_{ia} + x_{jb} - 1)` for i before j.

    With overlap the first part takes the way: :math:`S_j \ge S_i + \min f_i + t_{ab} (\dots)`.
    """
    model.transport = pyo.ConstraintList()
    network = form.network
    for j, step in enumerate(network.steps):
        for i in step.before if network.lag_s else ():
            other = network.steps[i]
            ready = model.end[other.key]
            if step.overlap:
                ready = model.start[other.key] + min(c.first_part_s for c in other.choices)
            for way in _way(model, network, i, j):
                model.transport.add(model.start[step.key] >= ready + way)


def wait(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Limit the wait: :math:`S_j \le E_i + w_j + \sum_{ab} t_{ab} \min(x_{ia}, x_{jb})`.

    The sum is bounded by :math:`\sum_b x_{jb} \max_a t_{ab}`, exact for one machine before j.
    """
    model.wait = pyo.ConstraintList()
    network = form.network
    for j, step in enumerate(network.steps):
        for i in step.before if step.max_wait_s is not None else ():
            other = network.steps[i]
            way = sum(
                max(network.transport_s(a.machine, b.machine) for a in other.choices)
                * assigned(model, network, j, b)
                for b in step.choices
            )
            limit = model.end[other.key] + (step.max_wait_s or 0.0) + way
            model.wait.add(model.start[step.key] <= limit)


def leaving(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Keep a job on its machine until it has a place.

    :math:`D_i \ge E_i` and :math:`S_j \ge D_i`; :math:`D_i = S_j - t_{ab}` where the next step has
    one machine, without a place to wait.
    """
    model.leaving = pyo.ConstraintList()
    network = form.network
    for i in form.stays:
        key, after = network.steps[i].key, successors_inside(network, i)
        model.leaving.add(model.leave[key] >= model.end[key])
        for j in after:
            step = network.steps[j]
            model.leaving.add(model.start[step.key] >= model.leave[key])
            rooms = [network.machines[c.machine].input_buffer for c in step.choices]
            if rooms == [0] and len(network.steps[i].choices) == 1 and len(after) == 1:
                source = network.steps[i].choices[0].machine
                way_s = network.transport_s(source, step.choices[0].machine)
                model.leaving.add(model.leave[key] == model.start[step.key] - way_s)


def team(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Choose one team for the machine that is chosen: :math:`\sum_t z_{imt} = x_{im}`."""
    model.teams = pyo.ConstraintList()
    network = form.network
    for i, step in enumerate(network.steps):
        for choice in step.choices:
            if len(choice.teams) > 1:
                machine = network.machines[choice.machine].id
                chosen = sum(model.team[step.key, machine, t] for t in range(len(choice.teams)))
                model.teams.add(chosen == assigned(model, network, i, choice))


def helping(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Let a resource help one step at a time.

    :math:`S_j \ge E_i - M (3 - a_{ij} - u_{ir} - u_{jr})` and the reverse with :math:`1 - a_{ij}`;
    :math:`u_{ir}` says whether r helps i, :math:`M = \overline{E}_i - \underline{S}_j`.
    """
    model.helping = pyo.ConstraintList()
    network, limits = form.network, form.limits
    for pair in form.helped:
        uses = [helps(model, network, i, pair.resource) for i in (pair.first, pair.second)]
        both = pair.forward and pair.backward
        order = model.ahead[helped_name(network, pair)] if both else int(pair.forward)
        elsewhere = 2 - uses[0] - uses[1]
        for i, j, relaxed in (
            (pair.first, pair.second, 1 - order),
            (pair.second, pair.first, order),
        ):
            left, right = network.steps[i].key, network.steps[j].key
            big_m = max(0.0, limits.end_hi[i] - limits.start_lo[j])
            neither = not (pair.forward or pair.backward)
            slack = big_m * ((0 if neither else relaxed) + elsewhere)
            model.helping.add(model.start[right] >= model.end[left] - slack)


def flow(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Find each job's end: :math:`C_j \ge E_i` for its last steps i."""
    model.flow = pyo.ConstraintList()
    network = form.network
    for step in network.steps if len(model.completion) else ():
        if not any(network.steps[i].job == step.job for i in step.after):
            job = network.problem.jobs[step.job].id
            model.flow.add(model.completion[job] >= model.end[step.key])


def deviation(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Measure how far a start is from its plan: :math:`A_i \ge \pm (S_i - p_i)`."""
    model.deviation = pyo.ConstraintList()
    for key in model.away:
        planned_s = form.network.steps[form.network.index[key]].planned_s or 0.0
        model.deviation.add(model.away[key] >= model.start[key] - planned_s)
        model.deviation.add(model.away[key] >= planned_s - model.start[key])


def energy(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Spread the work of a step over the price intervals :math:`[b_k, e_k]` that it touches.

    :math:`\sum_k w_{ik} = \sum_m d_{im} x_{im}`; :math:`w_{ik} \le (e_k - b_k) v_{ik}`,
    :math:`w_{ik} \le E_i - b_k + M (1 - v_{ik})`, :math:`w_{ik} \le e_k - S_i + M (1 - v_{ik})`.
    """
    model.energy = pyo.ConstraintList()
    network, limits = form.network, form.limits
    spread: dict[int, list[Term]] = {}
    for i, k in touched(form):
        key, (begin_s, end_s, _) = network.steps[i].key, form.tariff[k]
        paid, within = model.paid[key, k], model.within[key, k]
        spread.setdefault(i, []).append(paid)
        longest_s = min(end_s - begin_s, max(c.duration_s for c in network.steps[i].choices))
        model.energy.add(paid <= longest_s * within)
        early_m = max(0.0, begin_s - limits.end_lo[i])
        late_m = max(0.0, limits.start_hi[i] - end_s)
        model.energy.add(paid <= model.end[key] - begin_s + early_m * (1 - within))
        model.energy.add(paid <= end_s - model.start[key] + late_m * (1 - within))
    for i, parts in spread.items():
        work = sum(c.duration_s * assigned(model, network, i, c) for c in network.steps[i].choices)
        model.energy.add(sum(parts) == work)


FACTORY = (transport, wait, leaving, team, helping, flow, deviation, energy)
"""Every family of this file."""
