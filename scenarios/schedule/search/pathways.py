"""From one solution of a flexible job shop towards another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenarios.schedule.search.chance import Numbers, below
from scenarios.schedule.search.modes import FlexPlace, FlexShop, change, move
from twin.engine.jit import compiled

_FAILURES = 50
"""Moves that would close a cycle after which a walk ends."""


@compiled
def distance(here: FlexPlace, there: FlexPlace) -> int:
    """Return how many operations have another choice, and pairs on a machine another order."""
    found, none = 0, len(here.order)
    for i in range(none):
        found += here.choice[i] != there.choice[i]
        x = here.ms[i]
        while x != none:
            found += there.place[i] > there.place[x]
            x = here.ms[x]
    return found


@compiled
def approach(
    shop: FlexShop,
    here: FlexPlace,
    there: FlexPlace,
    tabu: NDArray[np.int32],
    chance: NDArray[np.uint64],
    pick: Numbers,
    steps: int,
) -> int:
    """Take over random choices and orders of neighbours from ``there``; return how many."""
    done = failed = 0
    none = np.uint32(len(here.order))
    while done < steps and failed < _FAILURES:
        ties = 0
        v = none
        for i in range(none):
            x = here.ms[i]
            if here.choice[i] != there.choice[i] or (x != none and there.place[i] > there.place[x]):
                ties += 1
                if below(chance, ties) == 0:
                    v = np.uint32(i)
        if v == none:
            break
        if here.choice[v] != there.choice[v]:
            sound = change(shop, here, tabu, chance, pick, v, there.choice[v])
        else:
            sound = move(shop, here, v, here.choice[v], here.ms[v])
        done += sound
        failed += not sound
    return done
