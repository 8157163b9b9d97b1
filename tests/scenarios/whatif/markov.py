"""Serial lines with exponential times, solved exactly as a Markov chain."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import expm_multiply, spsolve

State = tuple[int, ...]


def throughput(rates: Sequence[float], places: Sequence[int]) -> float:
    """Return the parts per second of a saturated line with blocking after service.

    The state counts, for each station but the first, the parts in its buffer, in its service, and
    finished but held in the station before.
    """
    index, flows = _chain((0,) * len(places), rates, places)
    balance = flows.tolil()
    balance[0, :] = 1.0
    share = spsolve(balance.tocsc(), np.eye(len(index), 1).ravel())
    return float(rates[-1] * share[_busy(index)].sum())


def finished(
    rates: Sequence[float], places: Sequence[int], state: State, horizon_s: float
) -> float:
    """Return the mean number of parts that leave within a time, from a state at its beginning.

    The integral of the chances over time is an exponential of the chain with one more row, which
    adds up the time in which the last station works.
    """
    index, flows = _chain(state, rates, places)
    adds = sp.coo_matrix(_busy(index).astype(float))
    whole = sp.bmat([[flows, None], [adds, sp.coo_matrix((1, 1))]]).tocsc()
    start = np.eye(len(index) + 1, 1).ravel()
    return float(rates[-1] * expm_multiply(whole * horizon_s, start)[-1])


def _chain(
    start: State, rates: Sequence[float], places: Sequence[int]
) -> tuple[dict[State, int], sp.coo_matrix]:
    """Return the states that can be reached, the first one first, and the flows between them."""
    index = {start: 0}
    queue, moves = list(index), []
    for state in queue:
        for rate, target in _moves(state, rates, places):
            if target not in index:
                index[target] = len(index)
                queue.append(target)
            moves.append((index[state], index[target], rate))
            moves.append((index[state], index[state], -rate))
    source, target, rate = (np.array(column) for column in zip(*moves, strict=True))
    return index, sp.coo_matrix((rate, (target, source)), (len(index), len(index)))


def _busy(index: dict[State, int]) -> NDArray[np.bool_]:
    """Tell in which states the last station works."""
    return np.array([state[-1] > 0 for state in index])


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
