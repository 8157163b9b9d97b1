"""How long the servers of each station were in which status."""

from __future__ import annotations

import numpy as np

from twin.events.kinds import Kind, Status
from twin.kpi.rows import Floats, Ints, Table
from twin.line import Station

STATUSES = tuple(Status)


def status_times_s(table: Table, station: Station, number: int, exits: Ints) -> Floats:
    """Return the server-seconds of one station in each status, in the order of ``STATUSES``.

    A station that is failed is failed with all its servers; a shift that is off hides blocked and
    starved; what is processed to the end after a shift counts as processing. The sum is servers
    times observed time.
    """
    here = table.element == number
    size = len(table.time_s)
    entered = np.flatnonzero(here & table.where(Kind.STATION_ENTERED))
    processing = _between(table, here, Kind.PROCESSING_STARTED, Kind.PROCESSING_ENDED)
    setup = _between(table, here, Kind.SETUP_STARTED, Kind.SETUP_ENDED)
    ended = np.flatnonzero(here & table.where(Kind.PROCESSING_ENDED))
    done = table.counted(ended, _exit_of(table, ended, entered, exits))
    down = np.cumsum(
        (here & table.where(Kind.FAILED)).astype(np.int64)
        - (here & table.where(Kind.REPAIRED)).astype(np.int64)
    )
    off = np.cumsum(
        (here & table.where(Kind.SHIFT_ENDED)).astype(np.int64)
        - (here & table.where(Kind.SHIFT_STARTED)).astype(np.int64)
    )
    assert size == len(done)
    up, on = down == 0, off == 0
    runs = up & (on if station.at_shift_end == "stop" else np.ones_like(on))
    step_s = table.steps_s()
    busy = processing * runs
    changing = setup * runs
    rest = station.servers - busy - changing
    counts = {
        Status.PROCESSING: busy,
        Status.SETUP: changing,
        Status.BLOCKED: done * (up & on),
        Status.STARVED: (station.servers - processing - setup - done) * (up & on),
        Status.FAILED: station.servers * ~up,
        Status.OFF: rest * (up & ~on),
    }
    return np.array([float(np.dot(counts[status], step_s)) for status in STATUSES])


def _between(table: Table, here: np.ndarray, begin: Kind, end: Kind) -> Ints:
    started = (here & table.where(begin)).astype(np.int64)
    return np.cumsum(started - (here & table.where(end)).astype(np.int64))


def _exit_of(table: Table, ended: Ints, entered: Ints, exits: Ints) -> Ints:
    """Return the row at which the part of each ended operation leaves the station."""
    if not len(ended):
        return ended
    # The visit of an ended operation is the last entry of its part before it.
    entry_order = np.lexsort((entered, table.part[entered]))
    keys_part = table.part[entered][entry_order]
    keys_row = entered[entry_order]
    left = np.searchsorted(keys_part, table.part[ended], side="left")
    right = np.searchsorted(keys_part, table.part[ended], side="right")
    found = np.empty(len(ended), dtype=np.int64)
    for i, row in enumerate(ended):
        place = left[i] + np.searchsorted(keys_row[left[i] : right[i]], row) - 1
        found[i] = exits[keys_row[place]]
    return found
