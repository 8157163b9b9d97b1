"""How long the servers of each station were in which status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from twin.events.kinds import Kind, Status
from twin.kpi.rows import Floats, Ints, Rows, Table
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

    A server does one thing at a time, whatever the log says: who comes to it ends what was there,
    and of a part that is not there no row counts. So no time is below zero or counted twice in the
    log of a real line that left things out.
    """
    rows = np.flatnonzero(table.element == number)
    kinds = table.kind[rows]

    def at(*wanted: Kind) -> Ints:
        return np.asarray(rows[np.isin(kinds, wanted)])

    def stopping(*wanted: Kind) -> Ints:
        found = at(*wanted)
        return found[~np.isin(table.detail[found], slow_modes(station))]

    visits = _visits(table, station, number, at, exits)
    moments, (setup, handling, processing, done, inside, down, due, taken, off) = levels(
        *_work(table, at(*_DOES, Kind.WORK_RESUMED), visits),
        (visits.begin, visits.end),
        (stopping(Kind.FAILED), stopping(Kind.REPAIRED)),
        (at(Kind.MAINTENANCE_DUE), at(Kind.MAINTENANCE_ENDED)),
        (at(Kind.MAINTENANCE_READY), at(Kind.MAINTENANCE_ENDED)),
        (at(Kind.SHIFT_ENDED), at(Kind.SHIFT_STARTED)),
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


@dataclass(frozen=True, slots=True)
class _Visits:
    """Stretches in which something is on a server, by server and then by row."""

    entered: Ints
    """Rows at which parts came."""
    at: Ints
    """Server to which they came."""
    server: Ints
    begin: Ints
    """Row at which a part, or the first of a batch, came."""
    end: Ints
    """Row from which the server is clear, or the next one comes."""


def _visits(
    table: Table, station: Station, number: int, at: Callable[..., Ints], exits: Ints
) -> _Visits:
    entered = at(Kind.STATION_ENTERED)
    if number in table.several:
        cleared, came = at(Kind.SERVER_CLEARED), _servers(table, station, entered)
        rows = np.concatenate([entered, cleared])
        server = np.concatenate([came, _servers(table, station, cleared)])
        order = np.lexsort((rows, server))
        rows, server, comes = rows[order], server[order], order < len(entered)
        before = np.append(False, comes[:-1] & (server[1:] == server[:-1]))
        first = np.flatnonzero(comes & ~before)
        # The row of the same server that clears it; there is none behind the last batch.
        clears = np.append(np.where(comes, len(comes), np.arange(len(comes))), len(comes))
        after = np.minimum.accumulate(clears[::-1])[::-1][first]
        same = np.append(server, -1)[after] == server[first]
        end = np.where(same, np.append(rows, -1)[after], len(table.time_s))
        return _Visits(entered, came, server[first], rows[first], end)
    # What comes and goes at one moment takes no time from what is there.
    left_s = np.append(table.time_s, np.inf)[exits[entered]]
    entered = entered[left_s > table.time_s[entered]]
    came = _servers(table, station, entered)
    order = np.lexsort((entered, came))
    server, begin = came[order], entered[order]
    end = exits[begin]
    same = server[1:] == server[:-1]
    end[:-1][same] = np.minimum(end[:-1][same], begin[1:][same])
    return _Visits(entered, came, server, begin, end)


def _servers(table: Table, station: Station, rows: Ints) -> Ints:
    known = np.nan_to_num(table.value[rows]).astype(np.int64)
    return np.clip(known, 0, station.servers - 1)


def slow_modes(station: Station) -> list[int]:
    """Return the numbers of the failure modes that do not stop a station."""
    return [number for number, mode in enumerate(station.modes) if not mode.stops]


_WAITS, _SETS_UP, _HANDLES, _PROCESSES, _DONE = range(5)
_DOES: dict[Kind, int] = {
    Kind.SETUP_STARTED: _SETS_UP,
    Kind.SETUP_ENDED: _WAITS,
    Kind.LOADING_STARTED: _HANDLES,
    Kind.LOADING_ENDED: _WAITS,
    Kind.PROCESSING_STARTED: _PROCESSES,
    Kind.PROCESSING_ENDED: _DONE,
    Kind.UNLOADING_STARTED: _HANDLES,
    Kind.UNLOADING_ENDED: _DONE,
    Kind.WORK_ABORTED: _WAITS,
    Kind.WORK_PAUSED: _WAITS,
}
"""What a server does from a row of its part on."""
_PHASE_DOES = {"setup": _SETS_UP, "load": _HANDLES, "process": _PROCESSES, "unload": _HANDLES}


def _work(table: Table, rows: Ints, visits: _Visits) -> list[tuple[Ints, Ints]]:
    """Return the rows from which servers set up, handle, process, are done, and until which.

    ``rows`` are those of parts at the station; what they tell of a part that is not on its server
    is left out.
    """
    size = len(table.time_s) + 1
    visit, there = _visit_of(table, rows, visits)
    rows, visit = rows[there], visit[there]
    kinds = table.kind[rows]
    does = np.zeros(max(Kind) + 1, dtype=np.int64)
    does[list(_DOES)] = list(_DOES.values())
    doing = does[kinds]
    # An operation that ended is done, unless it has yet to be unloaded.
    doing[(kinds == Kind.PROCESSING_ENDED) & ~np.isnan(table.value[rows])] = _WAITS
    resumed = kinds == Kind.WORK_RESUMED
    by_phase = np.array([_PHASE_DOES[phase] for phase in PHASES])
    doing[resumed] = by_phase[table.detail[rows[resumed]]]
    order = np.argsort(visit * size + rows, kind="stable")
    rows, visit, doing = rows[order], visit[order], doing[order]
    until = visits.end[visit]
    same = visit[1:] == visit[:-1]
    until[:-1][same] = rows[1:][same]
    return [
        (rows[doing == what], until[doing == what])
        for what in (_SETS_UP, _HANDLES, _PROCESSES, _DONE)
    ]


def _visit_of(table: Table, rows: Ints, visits: _Visits) -> tuple[Ints, Rows]:
    """Return the visit that each row of a part belongs to, and whether it belongs to one at all."""
    if not len(rows) or not len(visits.begin):
        return np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.bool_)
    # The part came with the last entry of its own before the row: one sorted key of part and row
    # finds it for all at once.
    entered, size = visits.entered, len(table.time_s) + 1
    parts = np.unique(table.part[entered])
    keys = np.searchsorted(parts, table.part[entered]) * size + entered
    order = np.argsort(keys, kind="stable")
    wanted = np.searchsorted(parts, table.part[rows]) * size + rows
    place = order[np.searchsorted(keys[order], wanted) - 1]
    entry, server = entered[place], visits.at[place]
    starts = visits.server * size + visits.begin
    visit = np.searchsorted(starts, server * size + rows) - 1
    there = table.part[entry] == table.part[rows]
    there &= (visits.server[visit] == server) & (visits.begin[visit] <= entry)
    return visit, there & (entry < rows) & (rows < visits.end[visit])


def levels(*changes: tuple[Ints, Ints]) -> tuple[Ints, Floats]:
    """Return the rows at which something changes, and how many of each pair are open from there.

    Each pair holds the rows that add one and the rows that take one away. The first moment is the
    first row of the table, with whatever is open there. An end without a beginning ends nothing.
    """
    sizes = [len(rows) for pair in changes for rows in pair]
    moments = np.concatenate([[0], *(rows for pair in changes for rows in pair)]).astype(np.int64)
    steps = np.zeros((len(changes), len(moments)))
    place = 1
    for number, size in enumerate(sizes):
        steps[number // 2, place : place + size] = -1.0 if number % 2 else 1.0
        place += size
    order = np.argsort(moments, kind="stable")
    found = np.cumsum(steps[:, order], axis=1)
    return moments[order], found - np.minimum(np.minimum.accumulate(found, axis=1), 0.0)
