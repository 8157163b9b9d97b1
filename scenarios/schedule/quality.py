"""Scrap and rework in the mean: how often a part is expected to pass each operation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.line import Product


def passes(product: Product) -> NDArray[np.float64]:
    """Return how often a part that stands before operation i is expected to go through operation k.

    Parameters
    ----------
    product : Product
        Routing with scrap and rework.

    Returns
    -------
    ndarray, shape (operations, operations)
        Row i, column k; rework limits are left out of account.
    """
    count = len(product.routing)
    names = [operation.id for operation in product.routing]
    move = np.zeros((count, count))
    for k, operation in enumerate(product.routing):
        again = operation.rework.probability if operation.rework else 0.0
        if operation.rework:
            move[k, names.index(operation.rework.to)] += min(again, 1 - 1e-6)
        if k + 1 < count:
            move[k, k + 1] += max(0.0, 1 - operation.scrap_probability - again)
    return np.asarray(np.linalg.inv(np.eye(count) - move), dtype=np.float64)
