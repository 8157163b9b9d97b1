"""Serial lines with exponential times, solved exactly as a Markov chain."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

State = tuple[int, ...]


def throughput(rates: Sequence[float], places: Sequence[int]) -> float:
    """Return the parts per second of a saturated line with blocking after service.

    The state counts, for each station but the first, the parts in its buffer, in its service, and
    finished but held in the station before.
    """
    index: dict[State, int] = {(0,) * len(places): 0}
    queue, moves = list(index), []
    for state in queue:
        for rate, target in _moves(state, rates, places):
            if target not in index:
                index[target] = len(index)
                queue.append(target)
            moves.append((index[state], index[target], rate))
    source, target, rate = (np.array(column) for column in zip(*moves, strict=True))
    count = len(index)
    balance = sp.coo_matrix((rate, (target, source)), (count, count)).tolil()
    balance.setdiag(-np.bincount(source, rate, count))
    balance[0, :] = 1.0
    share = spsolve(balance.tocsc(), np.eye(count, 1).ravel())
    busy = sum(share[index[state]] for state in index if state[-1] > 0)
    return float(rates[-1] * busy)


def _moves(
    state: State, rates: Sequence[float], places: Sequence[int]
) -> Iterator[tuple[float, State]]:
    blocked = [False] * len(rates)
    for n in reversed(range(len(places))):
        blocked[n] = state[n] == places[n] + 2 - blocked[n + 1]
    for n, rate in enumerate(rates):
        if not blocked[n] and (n == 0 or state[n - 1] > 0):
            target = list(state)
            if n > 0:
                target[n - 1] -= 1
            if n < len(places):
                target[n] += 1
            yield rate, tuple(target)


def allocations(buffers: int, total: int, least: int) -> list[tuple[int, ...]]:
    """Return all ways to share out some places."""
    spans = itertools.product(range(least, total + 1), repeat=buffers)
    return [one for one in spans if sum(one) == total]
