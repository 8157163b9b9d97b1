"""What batches and parts made of parts mean for the counts of a log."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from twin.events.kinds import Kind
from twin.kpi.rows import Floats, Ints, Rows, Table


@dataclass(slots=True)
class Replacement:
    """What took the place of what, over a whole log."""

    created_s: dict[int, float] = field(default_factory=dict)
    """Moment from which the age of each part that was made counts, s."""
    orders: dict[int, int] = field(default_factory=dict)
    """Index of the order of each part, or -1."""
    extra: dict[int, int] = field(default_factory=dict)
    """Parts that splitting added to each order, less those that batches took."""
    rows: list[tuple[int, int]] = field(default_factory=list)
    """Rows in which an order gets a good part without a sink: row and order."""


def replaced(table: Table, created_s: dict[int, float], orders: dict[int, int]) -> Replacement:
    """Follow parts that became others or went into others; ``created_s`` is by part."""
    found = Replacement(orders=dict(orders))
    born_s = dict(created_s)
    before: list[tuple[int, int]] = []
    closed = True
    kinds = (Kind.PART_REPLACED, Kind.PART_MADE, Kind.PART_CONSUMED)
    for row in np.flatnonzero(table.where(*kinds)).tolist():
        part, kind = int(table.part[row]), table.kind[row]
        if kind == Kind.PART_CONSUMED:
            _gained(found, row, part)
        elif kind == Kind.PART_REPLACED:
            if closed:
                before, closed = [], False
            before.append((row, part))
        else:
            order = int(table.value[row])
            born_s[part] = found.created_s[part] = min(born_s[old] for _, old in before)
            if not closed and order < 0:
                for old_row, old in before:
                    _gained(found, old_row, old)
            elif not closed:
                found.extra[order] = found.extra.get(order, 0) - len(before)
            if order >= 0:
                found.extra[order] = found.extra.get(order, 0) + 1
            found.orders[part] = order
            closed = True
    return found


def _gained(found: Replacement, row: int, part: int) -> None:
    order = found.orders.get(part, -1)
    if order >= 0:
        found.rows.append((row, order))


def processed(table: Table, ended: Rows, broken: Rows, batches: Ints, size: int) -> Floats:
    """Return how many operations ended at each element, or were broken off and their part lost.

    A batch counts all of its parts.
    """
    counts = np.bincount(table.element[ended], minlength=size).astype(np.float64)
    for element in batches.tolist():
        counts[element] = sum(
            parts for row, parts in _batch_sizes(table, element).items() if ended[row]
        )
    return counts + np.bincount(table.element[broken], minlength=size)


def _batch_sizes(table: Table, element: int) -> dict[int, int]:
    """Return how many parts were in the batch of each operation, by the row of its end."""
    load: dict[int, int] = {}
    server_of: dict[int, int] = {}
    sizes: dict[int, int] = {}
    kinds = (Kind.STATION_ENTERED, Kind.PROCESSING_ENDED, Kind.SERVER_CLEARED)
    rows = np.flatnonzero((table.element == element) & table.where(*kinds))
    for row in rows.tolist():
        part = int(table.part[row])
        if table.kind[row] == Kind.STATION_ENTERED:
            server_of[part] = server = int(table.value[row])
            load[server] = load.get(server, 0) + 1
        elif table.kind[row] == Kind.SERVER_CLEARED:
            load.pop(int(table.value[row]), None)
        else:
            server = server_of.get(part, -1)
            sizes[row] = load.pop(server, 1)
    return sizes
