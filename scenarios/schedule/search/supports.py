"""What the compiled searches can express. Nothing here loads the compiler."""

from __future__ import annotations

from scenarios.schedule.features import Feature, features
from scenarios.schedule.parts import TERMS
from scenarios.schedule.problem import SchedulingProblem

_KNOWN = frozenset({Feature.RELEASES})
_TERMS = frozenset({"makespan"})


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
