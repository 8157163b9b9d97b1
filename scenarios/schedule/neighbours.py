"""Small changes of a schedule, tried one after the other: exact where the linear model is not.

One operation goes to another place in its sequence; on machines that must see one order, one job
does so on all of them. What is not worse by exact times is kept. Slow against compiled search, but
it honours every demand, fits in the time that is left, and knows what the linear model cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scenarios.schedule.features import Feature, features
from scenarios.schedule.protocol import Outcome, Request
from scenarios.schedule.schedule import Schedule
from scenarios.schedule.timing import Choice, Network, decisions, timed
from scenarios.schedule.violations import violations

_PATIENCE = 8
"""Tries per operation without an improvement after which the search ends."""
_TIED = frozenset({Feature.MAX_WAIT, Feature.BLOCKING})
"""Demands that tie the steps of a job to each other: they move together or not at all."""
_ASIDE = 0.5
"""Tries per operation that lead away from a schedule that cannot be made better by one change."""
_FAR = 0.1
"""How much worse than the best the way leads at most, as a share."""


def roam(request: Request) -> Outcome:
    """Polish, walk away from what cannot be made better, and polish again until it is over.

    Goes on from what others have found where that is better.
    """
    network, best = request.network, request.start
    if best is None:
        return Outcome(None)

    def tell(found: Schedule) -> None:
        nonlocal best
        if best is None or found.objective < best.objective:
            best = found
            request.on_schedule(found)

    generator, here = np.random.default_rng(request.seed), best
    while network.steps and not request.over():
        polish(network, here, int(generator.integers(1 << 30)), request.over, tell)
        best = min(best, request.incumbent() or best, key=lambda one: one.objective)
        here = wander(
            network,
            best,
            generator,
            tries=max(2, int(_ASIDE * len(network.steps))),
            limit=best.objective + _FAR * abs(best.objective),
            over=request.over,
        )
    return Outcome(best)


def polish(
    network: Network,
    start: Schedule,
    seed: int,
    over: Callable[[], bool],
    on_schedule: Callable[[Schedule], None],
) -> Schedule:
    """Return a schedule that is at least as good as a feasible one.

    Parameters
    ----------
    network : Network
        The problem.
    start : Schedule
        Feasible schedule.
    seed : int
        Seed of the order in which changes are tried.
    over : callable
        Asked before each try; True ends the search.
    on_schedule : callable
        Called with every better schedule.
    """
    generator = np.random.default_rng(seed)
    best = start
    sequences, choices = decisions(network, best)
    idle, patience = 0, _PATIENCE * len(network.steps)
    tied = not _TIED.isdisjoint(features(network.problem))
    while idle < patience and not over():
        idle += 1
        move = moved(network, sequences, choices, generator, tied=tied)
        if move is None:
            continue
        found = timed(network, *move)
        if found is None or found.objective > best.objective or violations(network.problem, found):
            continue
        # Equally good ones are walked through too: a way out often leads over them.
        sequences, choices = move
        if found.objective < best.objective:
            best, idle = found, 0
            on_schedule(best)
    return best


def wander(
    network: Network,
    start: Schedule,
    generator: np.random.Generator,
    *,
    tries: int,
    limit: float,
    over: Callable[[], bool],
) -> Schedule:
    """Return a feasible schedule some random changes away from another one.

    Parameters
    ----------
    network : Network
        The problem.
    start : Schedule
        Feasible schedule.
    generator : numpy.random.Generator
        Source of chance.
    tries : int
        Changes that are tried.
    limit : float
        Objective that no schedule on the way exceeds.
    over : callable
        Asked before each try; True ends the way.
    """
    here = start
    sequences, choices = decisions(network, here)
    tied = not _TIED.isdisjoint(features(network.problem))
    for _ in range(tries):
        move = None if over() else moved(network, sequences, choices, generator, tied=tied)
        found = timed(network, *move) if move else None
        if move is None or found is None or found.objective > limit:
            continue
        if not violations(network.problem, found):
            (sequences, choices), here = move, found
    return here


def moved(
    network: Network,
    sequences: Sequence[Sequence[int]],
    choices: dict[int, Choice],
    generator: np.random.Generator,
    *,
    tied: bool = False,
) -> tuple[list[list[int]], dict[int, Choice]] | None:
    """Return sequences and choices after one random change; None if it changes nothing.

    ``tied``: every other change takes a whole job, on all its machines.
    """
    step = int(generator.integers(len(network.steps)))
    options = network.steps[step].choices
    chosen = options[int(generator.integers(len(options)))]
    changed, after = [list(sequence) for sequence in sequences], dict(choices)
    group = network.group_of.get(chosen.machine)
    if (group is not None and len(options) == 1) or (tied and generator.integers(2)):
        return _reordered(network, changed, after, step, generator)
    place = changed[choices[step].machine].index(step)
    changed[choices[step].machine].remove(step)
    target = changed[chosen.machine]
    stays = chosen == choices[step]
    if stays and generator.integers(2):
        # Half of the moves are short: far ones seldom fit into a good schedule.
        at = min(max(place + (1 if generator.integers(2) else -1), 0), len(target))
    else:
        at = int(generator.integers(len(target) + 1))
    if stays and at == place:
        return None
    target.insert(at, step)
    after[step] = chosen
    return changed, after


def _reordered(
    network: Network,
    sequences: list[list[int]],
    choices: dict[int, Choice],
    step: int,
    generator: np.random.Generator,
) -> tuple[list[list[int]], dict[int, Choice]] | None:
    """Move a job before or behind another one, on every machine of a group, or on all, at once."""
    mine = network.steps[step].job
    here = sequences[choices[step].machine]
    other = network.steps[here[int(generator.integers(len(here)))]].job
    if other == mine:
        return None
    behind = bool(generator.integers(2))
    group = network.group_of.get(choices[step].machine)
    for machine, sequence in enumerate(sequences):
        jobs = [network.steps[i].job for i in sequence]
        apart = group is not None and network.group_of.get(machine) != group
        if apart or mine not in jobs or other not in jobs:
            continue
        moved = sequence.pop(jobs.index(mine))
        jobs.remove(mine)
        sequence.insert(jobs.index(other) + behind, moved)
    return sequences, choices
