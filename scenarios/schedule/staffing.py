"""Who helps where, for bars that a planner put in place: they name machine and times, no people."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.schedule import Placement


def staffed(problem: SchedulingProblem, placements: Iterable[Placement]) -> list[Placement]:
    """Return placements with a resource named for each of their needs, in order of their starts.

    Whoever is free is taken, with the fewest skills first; where nobody is, who will be free first:
    the checker then says who is in two places at once.

    Parameters
    ----------
    problem : SchedulingProblem
        Modes with their needs, and the resources.
    placements : iterable of Placement
        Operations with machine and times; names that they have already are kept.
    """
    needs = {
        (job.id, operation.id, mode.machine): mode.needs
        for job in problem.jobs
        for operation in job.operations
        for mode in operation.modes
    }
    free_s = {resource.id: -math.inf for resource in problem.resources}
    found = []
    for item in sorted(placements, key=lambda item: (item.start_s, item.end_s)):
        named = list(item.resources)
        wanted = needs.get((item.job, item.operation, item.machine), ())
        for need in wanted if not named else ():
            able = [r for r in problem.resources if r.offers(need) and r.id not in named]
            if able:
                start_s = item.start_s
                able.sort(key=lambda r: (max(free_s[r.id], start_s), len(r.skills)))
                named.append(able[0].id)
        for name in named:
            free_s[name] = max(free_s.get(name, -math.inf), item.end_s)
        found.append(item.model_copy(update={"resources": tuple(named)}))
    return found
