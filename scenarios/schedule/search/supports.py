"""What the compiled searches can express. Nothing here loads the compiler."""

from __future__ import annotations

from scenarios.schedule.features import Feature, features
from scenarios.schedule.parts import TERMS
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.timing import Network

_KNOWN = frozenset(
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
_TERMS = frozenset({"makespan", "tardiness", "total_tardiness", "flow_time", "setup_time"})


def declined(problem: SchedulingProblem) -> tuple[str, ...]:
    """Return what the search cannot express, by name; empty if it can take the problem.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem in question.
    """
    demands = sorted(feature.value for feature in features(problem) - _KNOWN)
    terms = [name for name in TERMS if getattr(problem.objective, name) and name not in _TERMS]
    return (*demands, *terms)


def is_job_shop(network: Network) -> bool:
    """Say whether a problem is a plain job shop: chains of steps, a machine each, makespan."""
    weights = network.problem.objective
    only = all(name == "makespan" for name in TERMS if getattr(weights, name))
    chains = all(len(step.before) <= 1 and len(step.after) <= 1 for step in network.steps)
    return only and chains and features(network.problem) <= {Feature.RELEASES}
