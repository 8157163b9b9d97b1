"""Random numbers inside compiled functions: one state per search, so that a seed repeats a run.

References
----------
Vigna (2016), An experimental exploration of Marsaglia's xorshift generators, scrambled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.engine.jit import inlined

Numbers = NDArray[np.int64]


def chance_of(seed: int) -> NDArray[np.uint64]:
    """Return the state that a seed begins with; shape (1,), never zero."""
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    return np.asarray(state | np.uint64(1), dtype=np.uint64)


@inlined
def draw(chance: NDArray[np.uint64]) -> np.uint64:
    """Return the next 64 random bits."""
    x = chance[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    chance[0] = x
    return x * np.uint64(2685821657736338717)


@inlined
def below(chance: NDArray[np.uint64], count: int) -> int:
    """Return a random integer from 0 to ``count`` - 1."""
    found: int = np.int64((draw(chance) >> np.uint64(32)) * np.uint64(count) >> np.uint64(32))  # type: ignore[assignment]
    return found


@inlined
def share(chance: NDArray[np.uint64]) -> float:
    """Return a random number above 0 and up to 1."""
    return (np.float64(draw(chance) >> np.uint64(11)) + 1.0) / 9007199254740992.0
