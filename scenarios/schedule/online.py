"""Small changes of a plan, each judged by the line: searches know only a picture of it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scenarios.schedule.keeping import kept, worth
from scenarios.schedule.neighbours import moved
from scenarios.schedule.problem import SchedulingProblem
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Network, decisions, timed
from scenarios.schedule.violations import violations

_PATIENCE = 5
"""Tries per job without a better plan after which two changes are made at once."""
_FAR = 0.01
"""Share by which what is gone on from may be worse than what it came from."""
_LOOKS = 4
"""Plans of which the one that looks best is played."""

_Told = tuple[tuple[int, ...], ...]
"""Steps in order, for each machine."""


def improve(
    problem: SchedulingProblem, best: Callable[[], Schedule | None], request: Request
) -> Outcome:
    """Change the best plan at random, and have the line show what comes of it, until it is over.

    Parameters
    ----------
    problem : SchedulingProblem
        Problem of a line; the request has its picture.
    best : callable
        Best plan as the line keeps it, whoever found it.
    request : Request
        How long, and whom to tell.
    """
    network, generator = request.network, np.random.default_rng(request.seed)
    seen: set[_Told] = set()
    known, least, here, value, idle = None, math.inf, None, math.inf, 0
    while network.steps and not request.over():
        latest = best()
        if latest is not None and latest is not known:
            known, least = latest, worth(problem, latest)
            if least < value:
                here, value, idle = known, least, 0
        if here is None:
            break
        idle += 1
        changes = 1 if idle <= _PATIENCE * len(problem.jobs) else 2
        picture = _promising(network, here, generator, changes, seen)
        if picture is None:
            if idle > _PATIENCE * len(network.steps):
                break  # a small problem is soon known altogether
            continue
        reached = worth(problem, picture)
        if reached > value and reached > least + _FAR * abs(least):
            continue
        if reached < least:
            found = kept(problem, picture)
            if found is None or violations(problem, found, played=False):
                continue
            request.on_schedule(found)
            least, idle = reached, 0
        here, value = picture, reached
    return Outcome(None)


def _keeps(network: Network, told: _Told) -> bool:
    """Say whether what is under way stays ahead, as it does for the other engines."""
    for machine, sequence in zip(network.machines, told, strict=True):
        first = [network.index[key] for key in machine.running]
        here = [step for step in first if step in sequence]
        if list(sequence[: len(here)]) != here:
            return False
    return True


def _promising(
    network: Network,
    here: Schedule,
    generator: np.random.Generator,
    changes: int,
    seen: set[_Told],
) -> Schedule | None:
    """Return the best, by the picture, of some plans that are new and close to one; None: none."""
    found: dict[_Told, Schedule] = {}
    start = decisions(network, here)
    for _ in range(_LOOKS):
        move = start
        for _ in range(changes):
            move = moved(network, *move, generator) or move
        told = tuple(tuple(sequence) for sequence in move[0])
        new = told not in seen and told not in found and _keeps(network, told)
        picture = timed(network, *move) if new else None
        if picture is not None:
            found[told] = picture
    if not found:
        return None
    told = min(found, key=lambda one: found[one].objective)
    seen.add(told)
    return found[told]
