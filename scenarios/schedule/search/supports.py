"""What the compiled searches can express. Nothing here loads the compiler."""

from __future__ import annotations

from typing import Literal

from scenarios.schedule.features import Feature, features
from scenarios.schedule.parts import TERMS
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.timing import Network

Kind = Literal["one machine", "job shop", "flexible job shop", "crew", "general"]
"""What a search is made for."""
_SHARED = frozenset({Feature.RESOURCES, Feature.SETUP_NEEDS, Feature.BATCHES, Feature.SAME_ORDER})
"""Demands under which times follow from one order over all machines."""
_KNOWN = _SHARED | frozenset(
    {
        Feature.ALTERNATIVES,
        Feature.RELEASES,
        Feature.DEADLINES,
        Feature.SETUPS,
        Feature.CLOSURES,
        Feature.OVERLAP,
        Feature.FIXED,
        Feature.RUNNING,
        Feature.TRANSPORT,
    }
)
_MOST_ALONE = 2_000
"""Steps on one machine up to which every two of them have a setup in memory."""
_TERMS = frozenset({"makespan", "tardiness", "total_tardiness", "flow_time", "setup_time"})


def declined(problem: SchedulingProblem) -> tuple[str, ...]:
    """Return what the search cannot express, by name; empty if it can take the problem.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem in question.
    """
    known = _KNOWN if _one_order(problem) else _KNOWN - {Feature.SAME_ORDER}
    demands = sorted(feature.value for feature in features(problem) - known)
    terms = [name for name in TERMS if getattr(problem.objective, name) and name not in _TERMS]
    return (*demands, *terms)


def _one_order(problem: SchedulingProblem) -> bool:
    """Say whether all machines that are used see the same order, and no job waits for another."""
    operations = [operation for job in problem.jobs for operation in job.operations]
    used = {mode.machine for operation in operations for mode in operation.modes}
    apart = not any("/" in name for operation in operations for name in operation.after or ())
    return apart and any(used <= set(group) for group in problem.same_order)


def kind_of(network: Network) -> Kind:
    """Return which search a problem gets.

    One machine has jobs of one step; shops have chains of steps, and makespan is all.
    """
    weights, demands = network.problem.objective, features(network.problem)
    if len(network.machines) == 1 and demands <= {Feature.RELEASES, Feature.SETUPS}:
        alone = all(not step.before and not step.after for step in network.steps)
        if alone and 1 < len(network.steps) <= _MOST_ALONE:
            return "one machine"
    only = all(name == "makespan" for name in TERMS if getattr(weights, name))
    chains = all(len(step.before) <= 1 and len(step.after) <= 1 for step in network.steps)
    begun = (network.index[key] for machine in network.machines for key in machine.running)
    chains = chains and not any(network.steps[i].before for i in begun)
    plain = demands <= {Feature.RELEASES, Feature.ALTERNATIVES, Feature.RUNNING}
    if demands & _SHARED:
        return "crew"
    if not (only and chains and plain):
        return "general"
    return "flexible job shop" if Feature.ALTERNATIVES in demands else "job shop"
