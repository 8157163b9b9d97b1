"""Objective of the disjunctive model, and the model as a whole."""

from __future__ import annotations

from collections.abc import Callable

import pyomo.environ as pyo

from scenarios.schedule.mip.constraints import FAMILIES
from scenarios.schedule.mip.variables import Formulation, assigned, declare

Extra = Callable[[pyo.ConcreteModel], None]
"""A user's own constraints: a function that adds components to the Pyomo model."""


def cost(model: pyo.ConcreteModel, form: Formulation) -> None:
    r"""Sum the weighted terms; setup time is left out, which makes the sum smaller, never larger.

    :math:`\min\; w_C C + \sum_j (w_T w_j + w_L) T_j + w_F \sum_j (C_j - r_j) + w_S \sum_i A_i +
    w_S h \sum_i (1 - x_{im_i}) + w_E \sum_{ik} p_k P_i w_{ik}`
    """
    network, problem = form.network, form.network.problem
    weights = problem.objective
    total = weights.makespan * model.makespan
    total += sum(
        (weights.tardiness * job.weight + weights.total_tardiness) * model.tardiness[job.id]
        for job in problem.jobs
        if job.due_date_s is not None
    )
    if len(model.completion):
        total += weights.flow_time * sum(
            model.completion[job.id] - job.release_s for job in problem.jobs
        )
    for key in model.away:
        i = network.index[key]
        stays = sum(
            assigned(model, network, i, choice)
            for choice in network.steps[i].choices
            if choice.machine == network.steps[i].planned_machine
        )
        total += weights.stability * (model.away[key] + weights.machine_change_s * (1 - stays))
    for key, k in model.paid:
        # With another machine comes another power: the least of them is paid in any case.
        power_kw = min(choice.power_kw for choice in network.steps[network.index[key]].choices)
        price = form.tariff[k][2]
        total += weights.energy * price * power_kw / 3600 * model.paid[key, k]
    model.cost = pyo.Objective(expr=total)


def build(form: Formulation, extra: Extra | None = None) -> pyo.ConcreteModel:
    """Return the Pyomo model of a formulation, with a user's own constraints added last."""
    model = pyo.ConcreteModel(name=form.network.problem.id)
    declare(model, form)
    for family in FAMILIES:
        family(model, form)
    cost(model, form)
    if extra is not None:
        extra(model)
    return model
