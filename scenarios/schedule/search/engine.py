"""The compiled searches as one engine: which search a problem gets."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scenarios.schedule.dispatching import dispatch
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.search.annealing import Annealing
from scenarios.schedule.search.effort import Effort
from scenarios.schedule.search.jobshop import JobShopSearch
from scenarios.schedule.search.supports import is_job_shop
from scenarios.schedule.timing import Network, decisions

_FEW = 3_000
"""Steps of a search that only compiles."""


def improve(request: Request) -> Outcome:
    """Search for better schedules until the request is over."""
    network = request.network
    effort = Effort(request)
    start = request.start
    if start is None:
        start = dispatch(network, "atc")
        effort.offer(*decisions(network, start))
    if network.steps and not effort.over():
        search = JobShopSearch if is_job_shop(network) else Annealing
        search(network, start, effort).run()
    return Outcome(effort.best)


def warm_up() -> None:
    """Compile every search, or load it from the cache: once per installation, some seconds."""
    for problem in _examples():
        network = Network.of(problem)
        improve(Request(network, start=None, until=math.inf, iterations=_FEW))


def _examples() -> Iterator[SchedulingProblem]:
    """Yield a small problem for each search."""
    machines = [{"id": "a"}, {"id": "b"}]
    routes = [["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"]]
    yield SchedulingProblem(
        objective="makespan",
        machines=machines,
        jobs=[
            {
                "id": f"j{j}",
                "operations": [
                    {"id": m, "modes": [{"machine": m, "duration_s": 1 + (3 * j + k) % 5}]}
                    for k, m in enumerate(route)
                ],
            }
            for j, route in enumerate(routes)
        ],
    )
