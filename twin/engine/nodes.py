"""Gamma and beta times for numbers that are drawn, read from nodes in place of solving each anew.

Solving for a quantile costs as much as ten others. As a function of the standard normal deviate of
its share, the logarithm of a gamma time, or the log-odds of a beta share, is very smooth. So it is
solved once at nodes an equal step apart, with its first two derivatives; between two nodes the
polynomial of fifth degree that has all six values is right to 1e-9 and better.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from twin.engine.elementary import exp, log
from twin.engine.incomplete import beta_quantile, gamma_quantile
from twin.engine.jit import compiled, folded
from twin.line.distributions import AnyDistribution, Code

Floats = NDArray[np.float64]

STEPS_A_UNIT, TOP = 16.0, 8.25
"""Nodes lie so close, from -TOP to TOP: no number that is drawn lies beyond."""
COUNT = 2 * int(TOP * STEPS_A_UNIT) + 1
LEAST_SHAPE = 0.5
"""Log-odds of beta shares turn too sharply for the nodes where a shape is below this."""
GAMMA_OWN, BETA_OWN = 3, 5
"""Parameters of the distributions themselves; nodes stand behind them."""
_LOG_DENSITY_0 = -0.9189385332046727
_FAR = 745.0
"""Stands for the logarithm of what is too small to be a number."""


@compiled
def fill(is_gamma: bool, own: Floats, nodes: Floats) -> None:
    """Work out the nodes of a distribution from its parameters."""
    for i in range(COUNT):
        z = i / STEPS_A_UNIT - TOP
        below = 0.5 * math.erfc(-z / math.sqrt(2.0))
        above = 0.5 * math.erfc(z / math.sqrt(2.0))
        if is_gamma:
            shape, log_gamma = own[1], own[2]
            x = gamma_quantile(shape, log_gamma, below, above, z)
            y = log(x) if x > 0.0 else -_FAR
            density = shape * y - x - log_gamma
            turn = shape - x
        else:
            a, b, log_beta = own[2], own[3], own[4]
            x, w = beta_quantile(a, b, log_beta, below, above, z)
            y = log(x) - log(w) if x > 0.0 and w > 0.0 else _FAR if x > 0.0 else -_FAR
            density = a * (log(x) if x > 0.0 else -_FAR) - log_beta
            density += b * (log(w) if w > 0.0 else -_FAR)
            turn = a * w - b * x
        slope = exp(_LOG_DENSITY_0 - 0.5 * z * z - density)
        bend = slope * (-z - turn * slope)
        nodes[3 * i] = y
        nodes[3 * i + 1] = slope / STEPS_A_UNIT
        nodes[3 * i + 2] = bend / (STEPS_A_UNIT * STEPS_A_UNIT)


@folded
def at_deviate(table: Floats, first: int, z: float) -> float:
    """Return what lies at a deviate between the nodes that begin at ``table[first]``."""
    place = (z + TOP) * STEPS_A_UNIT
    left = int(place)
    s = place - left
    k = first + 3 * left
    y0, d0, e0 = table[k], table[k + 1], table[k + 2]
    d1, e1 = table[k + 4], table[k + 5]
    rise = table[k + 3] - y0
    c3 = 10.0 * rise - 6.0 * d0 - 4.0 * d1 - 1.5 * e0 + 0.5 * e1
    c4 = -15.0 * rise + 8.0 * d0 + 7.0 * d1 + 1.5 * e0 - e1
    c5 = 6.0 * rise - 3.0 * (d0 + d1) + 0.5 * (e1 - e0)
    found: float = y0 + s * (d0 + s * (0.5 * e0 + s * (c3 + s * (c4 + s * c5))))
    return found


def parameters_of(distribution: AnyDistribution) -> tuple[int, Floats]:
    """Return code and parameters as times are drawn from, with nodes where there are some."""
    code, own = distribution.encode()
    return int(code), _with_nodes(int(code), own)


@lru_cache(maxsize=512)
def _with_nodes(code: int, own: tuple[float, ...]) -> Floats:
    found = np.array(own, dtype=np.float64)
    if code == Code.GAMMA or (code == Code.BETA and min(own[2], own[3]) >= LEAST_SHAPE):
        nodes = np.empty(3 * COUNT)
        fill(code == Code.GAMMA, found, nodes)
        found = np.concatenate([found, nodes])
    found.setflags(write=False)
    return found
