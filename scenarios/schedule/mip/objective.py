"""Objective of the disjunctive model, and the model as a whole."""

from __future__ import annotations

from collections.abc import Callable

import pyomo.environ as pyo

from scenarios.schedule.mip.constraints import FAMILIES
from scenarios.schedule.mip.variables import Formulation, declare

Extra = Callable[[pyo.ConcreteModel], None]
"""A user's own constraints: a function that adds components to the Pyomo model."""


def cost(model: pyo.ConcreteModel, form: Formulation) -> None:
    r""":math:`\min\; w_C\, C + w_T \sum_j w_j T_j`."""
    problem = form.network.problem
    late = sum(
        job.weight * model.tardiness[job.id] for job in problem.jobs if job.due_date_s is not None
    )
    weights = problem.objective
    model.cost = pyo.Objective(expr=weights.makespan * model.makespan + weights.tardiness * late)


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
