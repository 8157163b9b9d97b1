"""How long the servers of each station were in which status."""

from __future__ import annotations

import numpy as np

from twin.events.kinds import Kind, Status
from twin.kpi.rows import Floats, Ints, Table
from twin.line import Station

STATUSES = tuple(Status)


def status_times_s(table: Table, station: Station, number: int, exits: Ints) -> Floats:
    """Return the server-seconds of one station in each status, in the order of ``STATUSES``.

    The sum is servers times observed time.
    """
    moments, counts = status_counts(table, station, number, exits)
    lasted_s = table.lasted_s(moments)
    # Not a dot product: its library starts threads, which cost more than they save here.
    return np.array([float(np.sum(counts[status] * lasted_s)) for status in STATUSES])


def status_counts(
    table: Table, station: Station, number: int, exits: Ints
) -> tuple[Ints, dict[Status, Floats]]:
    """Return the rows at which a station changes, and how many servers are in which status there.

    A station that is failed is failed with all its servers; a shift that is off hides blocked and
    starved; what is processed to the end after a shift counts as processing. Several rows of one
    moment are told one by one; what stands between them lasts no time.
    """
    rows = np.flatnonzero(table.element == number)
    kinds = table.kind[rows]

    def at(kind: Kind) -> Ints:
        return np.asarray(rows[kinds == kind])

    ended = at(Kind.PROCESSING_ENDED)
    if number in table.several:
        gone = at(Kind.SERVER_CLEARED)
    else:
        gone = _exit_of(table, ended, at(Kind.STATION_ENTERED), exits)
    moments, (processing, setup, done, down, off) = levels(
        (at(Kind.PROCESSING_STARTED), ended),
        (at(Kind.SETUP_STARTED), at(Kind.SETUP_ENDED)),
        (ended, gone),
        (at(Kind.FAILED), at(Kind.REPAIRED)),
        (at(Kind.SHIFT_ENDED), at(Kind.SHIFT_STARTED)),
    )
    up, on = down == 0, off == 0
    runs = up & on if station.at_shift_end == "stop" else up
    busy, changing = processing * runs, setup * runs
    return moments, {
        Status.PROCESSING: busy,
        Status.SETUP: changing,
        Status.BLOCKED: done * (up & on),
        Status.STARVED: (station.servers - processing - setup - done) * (up & on),
        Status.FAILED: station.servers * ~up,
        Status.OFF: (station.servers - busy - changing) * (up & ~on),
    }


def levels(*changes: tuple[Ints, Ints]) -> tuple[Ints, Floats]:
    """Return the rows at which something changes, and how many of each pair are open from there.

    Each pair holds the rows that add one and the rows that take one away. The first moment is the
    first row of the table, with whatever is open there.
    """
    sizes = [len(rows) for pair in changes for rows in pair]
    moments = np.concatenate([[0], *(rows for pair in changes for rows in pair)]).astype(np.int64)
    steps = np.zeros((len(changes), len(moments)))
    place = 1
    for number, size in enumerate(sizes):
        steps[number // 2, place : place + size] = -1.0 if number % 2 else 1.0
        place += size
    order = np.argsort(moments, kind="stable")
    return moments[order], np.cumsum(steps[:, order], axis=1)


def _exit_of(table: Table, ended: Ints, entered: Ints, exits: Ints) -> Ints:
    """Return the row at which the part of each ended operation leaves the station."""
    if not len(ended):
        return ended
    # The visit of an ended operation is the last entry of its part before it: one sorted key of
    # part and row finds it for all at once.
    parts = np.unique(table.part[entered])
    rows = len(table.time_s) + 1
    keys = np.searchsorted(parts, table.part[entered]) * rows + entered
    order = np.argsort(keys, kind="stable")
    wanted = np.searchsorted(parts, table.part[ended]) * rows + ended
    entry = entered[order][np.searchsorted(keys[order], wanted) - 1]
    return exits[entry]
