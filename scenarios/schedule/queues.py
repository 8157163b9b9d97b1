"""What jobs cost each other where they share machines: a bound on sums over jobs.

However work is arranged, the k-th end on some machines cannot come sooner than if they shared all
work at will, shortest rest first. Who gets which of these ends is an assignment.

References
----------
Schrage (1968), A proof of the optimality of the shortest remaining processing time discipline.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.bounds import Bound, heads, least_setup_s, tails
from scenarios.schedule.network import Network

Moments = NDArray[np.float64]
_MOST = 600
"""Jobs on machines up to which ends are assigned: beyond, it takes more than some tens of ms."""


def shared_bound(network: Network) -> Bound:
    """Return a bound on an objective with costs of tardiness or flow time.

    It loads SciPy, which takes a moment; :func:`scenarios.schedule.bounds.lower_bound` does not.

    Returns
    -------
    Bound
        Minus infinity if it has nothing to say of the objective.
    """
    problem, weights, early = network.problem, network.problem.objective, heads(network)
    late = [weights.tardiness * job.weight + weights.total_tardiness for job in problem.jobs]
    if not (any(late) or weights.flow_time) or weights.energy:
        return Bound(-math.inf, "")
    done_s = np.array([max(job.release_s, problem.start_s) for job in problem.jobs])
    for i, step in enumerate(network.steps):
        done_s[step.job] = max(done_s[step.job], early.end_s[i])
    due_s = np.array([math.inf if j.due_date_s is None else j.due_date_s for j in problem.jobs])
    release_s = np.array([job.release_s for job in problem.jobs])
    rates = np.array(late)

    def cost(jobs: list[int], ends_s: Moments) -> Moments:
        tardy_s = np.maximum(0.0, ends_s - due_s[jobs])
        costs: Moments = rates[jobs] * tardy_s + weights.flow_time * (ends_s - release_s[jobs])
        return costs

    everybody = list(range(len(problem.jobs)))
    alone = cost(everybody, done_s)
    most, names, left_s = float(alone.sum()), "", tails(network, of_job=True)
    for pool, steps in _pools(network).items():
        last = _last_of_jobs(network, steps)
        if not 1 < len(last) <= len(steps) <= _MOST:
            continue
        rate = len(pool)
        ends_s = _ends([(early.start_s[i], network.steps[i].least_s / rate) for i in steps])
        jobs = list(last)
        tail_s = np.array([left_s[i] for i in last.values()])
        reached_s = np.maximum(done_s[jobs], ends_s[:, None] + tail_s)
        found = _assigned(cost(jobs, reached_s).T) + float(np.delete(alone, jobs).sum())
        if found > most:
            most, names = found, ", ".join(sorted(problem.machines[m].id for m in pool))
    if not names:
        return Bound(-math.inf, "")
    most += weights.setup_time * sum(
        least_setup_s(network, m) for m in range(len(network.machines))
    )
    if weights.makespan:
        most += weights.makespan * (float(done_s.max()) - problem.start_s)
    return Bound(most, f"each job gets one of the ends that are possible on {names}")


def _pools(network: Network) -> dict[frozenset[int], list[int]]:
    """Return the steps that must be done on some machines, for each set that steps choose from."""
    sets = [frozenset(choice.machine for choice in step.choices) for step in network.steps]
    return {
        pool: [i for i, some in enumerate(sets) if some <= pool]
        for pool in sorted(set(sets), key=sorted)
        if all(network.machines[m].batch_size == 1 for m in pool)
    }


def _last_of_jobs(network: Network, steps: Sequence[int]) -> dict[int, int]:
    """Return the last of some steps of each job."""
    here = set(steps)
    return {network.steps[i].job: i for i in network.topological if i in here}


def _ends(items: Sequence[tuple[float, float]]) -> Moments:
    """Return the moments when work ends that comes at some moments, shortest rest first, s."""
    left, ready = sorted(items, reverse=True), list[float]()
    now_s, ends_s = -math.inf, []
    while left or ready:
        if not ready:
            now_s = max(now_s, left[-1][0])
        while left and left[-1][0] <= now_s:
            heapq.heappush(ready, left.pop()[1])
        work_s = heapq.heappop(ready)
        until_s = left[-1][0] if left else math.inf
        if now_s + work_s <= until_s:
            now_s += work_s
            ends_s.append(now_s)
        else:
            heapq.heappush(ready, work_s - (until_s - now_s))
            now_s = until_s
    return np.array(ends_s)


def _assigned(costs: Moments) -> float:
    """Return the least sum if each row takes a column of its own."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - heavy

    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].sum())
