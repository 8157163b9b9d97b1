"""The compiled searches as one engine: which search a problem gets."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scenarios.schedule.dispatching import dispatch
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.search.annealing import Annealing
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.flexible import FlexibleSearch
from scenarios.schedule.search.jobshop import JobShopSearch
from scenarios.schedule.search.rostering import Rostering
from scenarios.schedule.search.single import SequenceSearch
from scenarios.schedule.search.supports import Kind, declined, kind_of
from scenarios.schedule.timing import Network, decisions

_FEW = 3_000
"""Steps of a search that only compiles."""
_Search = SequenceSearch | JobShopSearch | FlexibleSearch | Rostering | Annealing
_SEARCHES: dict[Kind, type[_Search]] = {
    "one machine": SequenceSearch,
    "job shop": JobShopSearch,
    "flexible job shop": FlexibleSearch,
    "crew": Rostering,
    "general": Annealing,
}


def improve(request: Request) -> Outcome:
    """Search for better schedules until the request is over."""
    network = request.network
    effort = Effort(request)
    start = request.start
    if start is None:
        start = dispatch(network, "atc")
        effort.offer(*decisions(network, start))
    if network.steps and not effort.over():
        _SEARCHES[kind_of(network)](network, start, effort).run()
    effort.tell()
    return Outcome(effort.best)


def warm_up(problem: SchedulingProblem | None = None) -> None:
    """Compile the search for a problem, or every search: once per installation, some seconds.

    Parameters
    ----------
    problem : SchedulingProblem, optional
        Problem that is to be searched; nothing is done if no search takes it.
    """
    wanted = None
    if problem is not None:
        if declined(problem):
            return
        wanted = kind_of(Network.of(problem))
    for example in _examples():
        network = Network.of(example)
        if wanted in {None, kind_of(network)}:
            improve(Request(network, start=None, until=math.inf, iterations=_FEW))


def _examples() -> Iterator[SchedulingProblem]:
    """Yield a small problem for each search."""
    yield _example("total_weighted_tardiness", rooms="a", steps=1, ways=1)
    yield _example("makespan", rooms="ab", steps=2, ways=1)
    yield _example("makespan", rooms="ab", steps=2, ways=2)
    yield _example("flow_time", rooms="ab", steps=2, ways=2)
    yield _example("flow_time", rooms="ab", steps=2, ways=2, size=2)


def _example(objective: str, rooms: str, steps: int, ways: int, size: int = 1) -> SchedulingProblem:
    jobs = [
        {
            "id": f"j{j}",
            "due_date_s": 2.0 * j,
            "operations": [
                {
                    "id": f"o{o}",
                    "modes": [
                        {
                            "machine": rooms[(j + o + k) % len(rooms)],
                            "duration_s": 1 + (3 * j + o) % 5,
                        }
                        for k in range(ways)
                    ],
                }
                for o in range(steps)
            ],
        }
        for j in range(4)
    ]
    machines = [{"id": m, "batch_size": size} for m in rooms]
    return SchedulingProblem(objective=objective, machines=machines, jobs=jobs)
