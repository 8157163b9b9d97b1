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
    found = 0
    for i in range(len(here.ms)):
        found += here.choice[i] != there.choice[i]
        x = here.ms[i]
        while x >= 0:
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
    while done < steps and failed < _FAILURES:
        ties = 0
        v = -1
        for i in range(len(here.ms)):
            x = here.ms[i]
            if here.choice[i] != there.choice[i] or (x >= 0 and there.place[i] > there.place[x]):
                ties += 1
                if below(chance, ties) == 0:
                    v = i
        if v < 0:
            break
        if here.choice[v] != there.choice[v]:
            sound = change(shop, here, tabu, chance, pick, v, there.choice[v])
        else:
            sound = move(shop, here, v, here.choice[v], here.ms[v])
        done += sound
        failed += not sound
    return done
