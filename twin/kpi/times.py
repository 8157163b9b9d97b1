"""How long the servers of each station were in which status."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from twin.events.kinds import Kind, Status
from twin.kpi.rows import Floats, Ints, Table
from twin.line import Station
from twin.line.workforce import PHASES

STATUSES = tuple(Status)


def status_times_s(
    table: Table, station: Station, number: int, exits: Ints, *, attended: bool = False
) -> Floats:
    """Return the server-seconds of one station in each status, in the order of ``STATUSES``.

    The sum is servers times observed time.
    """
    moments, counts = status_counts(table, station, number, exits, attended=attended)
    lasted_s = table.lasted_s(moments)
    # Not a dot product: its library starts threads, which cost more than they save here.
    return np.array([float(np.sum(counts[status] * lasted_s)) for status in STATUSES])


def status_counts(
    table: Table, station: Station, number: int, exits: Ints, *, attended: bool = False
) -> tuple[Ints, dict[Status, Floats]]:
    """Return the rows at which a station changes, and how many servers are in which status there.

    A station that is failed is failed with all its servers; a shift that is off hides blocked and
    starved, and so does maintenance; what is processed to the end after a shift counts as
    processing. Several rows of one moment are told one by one; what stands between them lasts no
    time.
    """
    rows = np.flatnonzero(table.element == number)
    kinds = table.kind[rows]

    def at(*wanted: Kind) -> Ints:
        return np.asarray(rows[np.isin(kinds, wanted)])

    def stopping(*wanted: Kind) -> Ints:
        found = at(*wanted)
        return found[~np.isin(table.detail[found], slow_modes(station))]

    ended, entered = at(Kind.PROCESSING_ENDED), at(Kind.STATION_ENTERED)
    handled = at(Kind.UNLOADING_ENDED)
    # An operation that ended is done, unless it has yet to be unloaded.
    done_at = np.sort(np.concatenate([ended[np.isnan(table.value[ended])], handled]))
    if number in table.several:
        cleared = at(Kind.SERVER_CLEARED)
        # What a failure here scrapped was never done; one elsewhere may have made room for it.
        before = cleared - 1
        scrapped = (table.kind[before] == Kind.PART_SCRAPPED) & ~np.isnan(table.value[before])
        lost = scrapped & (table.element[before] == number)
        gone = cleared[~lost]
        came = _first_of_each(table, entered, cleared) if attended else cleared
    else:
        gone = _exit_of(table, done_at, entered, exits)
        came, cleared = entered, exits[entered]
    moments, (setup, handling, processing, done, down, due, taken, off, inside) = levels(
        *_work(table, at),
        (done_at, gone),
        (stopping(Kind.FAILED), stopping(Kind.REPAIRED)),
        (at(Kind.MAINTENANCE_DUE), at(Kind.MAINTENANCE_ENDED)),
        (at(Kind.MAINTENANCE_READY), at(Kind.MAINTENANCE_ENDED)),
        (at(Kind.SHIFT_ENDED), at(Kind.SHIFT_STARTED)),
        (came, cleared),
    )
    up, on, free = down == 0, off == 0, due == 0
    runs = up & (taken == 0) & (on if station.at_shift_end == "stop" else True)
    busy, changing, handing = processing * runs, setup * runs, handling * runs
    idle = station.servers - busy - changing - handing
    # A part that is neither worked on nor done waits for people, where people are needed.
    alone = (inside - done - busy - changing - handing) * (up & on & free) * attended
    return moments, {
        Status.PROCESSING: busy,
        Status.SETUP: changing,
        Status.BLOCKED: done * (up & on & free),
        Status.STARVED: (idle - done) * (up & on & free) - alone,
        Status.FAILED: station.servers * ~up,
        Status.OFF: idle * (up & ~on & free),
        Status.HANDLING: handing,
        Status.MAINTENANCE: idle * (up & ~free),
        Status.NO_OPERATOR: alone,
    }


def _first_of_each(table: Table, entered: Ints, cleared: Ints) -> Ints:
    """Return the rows at which a part comes to an empty server, of those at which parts come."""
    rows = np.concatenate([entered, cleared])
    order = np.lexsort((rows, table.value[rows]))
    rows, comes = rows[order], order < len(entered)
    server = table.value[rows]
    before = np.append(False, comes[:-1] & (server[1:] == server[:-1]))
    return np.sort(rows[comes & ~before])


def slow_modes(station: Station) -> list[int]:
    """Return the numbers of the failure modes that do not stop a station."""
    return [number for number, mode in enumerate(station.modes) if not mode.stops]


def _work(table: Table, at: Callable[..., Ints]) -> list[tuple[Ints, Ints]]:
    """Return the rows at which setup, handling and processing begin or go on, and end or pause."""
    paused, resumed = at(Kind.WORK_PAUSED), at(Kind.WORK_RESUMED)
    found = []
    for phases, starts, ends in (
        (("setup",), (Kind.SETUP_STARTED,), (Kind.SETUP_ENDED,)),
        (
            ("load", "unload"),
            (Kind.LOADING_STARTED, Kind.UNLOADING_STARTED),
            (Kind.LOADING_ENDED, Kind.UNLOADING_ENDED),
        ),
        (("process",), (Kind.PROCESSING_STARTED,), (Kind.PROCESSING_ENDED, Kind.WORK_ABORTED)),
    ):
        numbers = [PHASES.index(phase) for phase in phases]
        pauses = paused[np.isin(table.detail[paused], numbers)]
        resumes = resumed[np.isin(table.detail[resumed], numbers)]
        found.append((np.concatenate([at(*starts), resumes]), np.concatenate([at(*ends), pauses])))
    return found


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
