"""A schedule without any comparison: who stops a search at once has one all the same."""

from __future__ import annotations

from collections import Counter

from scenarios.schedule.bounds import heads
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network, in_order


def as_it_comes(network: Network, named: int | None = None) -> Schedule:
    """Return a schedule without any comparison: each step in the order in which it could start.

    What is under way comes first, and where jobs must not overtake each other all of a job comes
    before the next. A rule does better, but takes seconds for thousands of steps.

    Parameters
    ----------
    network : Network
        The problem.
    named : int, optional
        Where there are several machines, take the one that is named in this place, from 0, or last;
        none: the quickest.
    """
    early, rank = heads(network), {i: at for at, i in enumerate(network.topological)}
    running = {network.index[key] for machine in network.machines for key in machine.running}
    steps = network.steps
    begun, left = {steps[i].job for i in running}, Counter(step.job for step in steps)

    def turn(i: int) -> tuple[bool, int, float, int]:
        if not network.group_of:
            return i not in running, 0, early.start_s[i], rank[i]
        job = steps[i].job
        # Of jobs under way the one with the least to do is the furthest down the line.
        return job not in begun, left[job] if job in begun else job, early.start_s[i], rank[i]

    choices = {
        i: min(step.choices, key=lambda c: c.duration_s)
        if named is None
        else step.choices[min(named, len(step.choices) - 1)]
        for i, step in enumerate(steps)
    }
    return in_order(network, sorted(range(len(steps)), key=turn), choices)
