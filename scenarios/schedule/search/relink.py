"""From one solution towards another: the paths on which better ones lie.

References
----------
Peng, Lu and Cheng (2015), A tabu search/path relinking algorithm to solve the job shop scheduling
problem.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers, below
from scenarios.schedule.search.graph import Links, longest
from scenarios.schedule.search.tabu import Place, Shop, find_path, shift, turn
from twin.engine.jit import compiled

_FAILURES = 50
"""Swaps that would close a cycle after which a walk ends."""


@compiled
def rank(mp: Links, ms: Links, ranks: Numbers) -> None:
    """Write the place of each operation in its chain, from 0."""
    none = len(ranks)
    for i in range(none):
        if mp[i] == none:
            at = 0
            x = np.uint32(i)
            while x != none:
                ranks[x] = at
                at += 1
                x = ms[x]


@compiled
def distance(ms: Links, ranks: Numbers) -> int:
    """Return the number of pairs that stand in another order than ``ranks`` says."""
    found, none = 0, len(ranks)
    for i in range(none):
        x = ms[i]
        while x != none:
            found += ranks[i] > ranks[x]
            x = ms[x]
    return found


@compiled
def approach(
    shop: Shop, here: Place, ranks: Numbers, steps: int, chance: NDArray[np.uint64]
) -> int:
    """Swap neighbours that stand in another order than ``ranks`` says; return how often."""
    done = failed = 0
    none = np.uint32(len(ranks))
    while done < steps and failed < _FAILURES:
        ties = 0
        u = none
        for i in range(len(ranks)):
            x = here.ms[i]
            if x != none and ranks[i] > ranks[x]:
                ties += 1
                if below(chance, ties) == 0:
                    u = np.uint32(i)
        if u == none:
            break
        if turn(shop, here, u, here.ms[u], True):
            done += 1
        else:
            failed += 1
    return done


@compiled
def shake(shop: Shop, here: Place, steps: int, chance: NDArray[np.uint64]) -> None:
    """Swap random neighbours on critical paths; ``here`` must be settled, and is afterwards."""
    none = np.uint32(len(here.order))
    for _ in range(steps):
        length = find_path(shop, here, longest(shop.ends, here.end), chance)
        ties = 0
        u = none
        for k in range(1, length):
            i = here.path[k]
            if here.ms[i] == here.path[k - 1]:
                ties += 1
                if below(chance, ties) == 0:
                    u = i
        if u == none:
            return
        shift(shop, here, u, here.ms[u], True)
