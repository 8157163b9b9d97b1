"""What most lines do without, and a kernel that knows it.

The kernel is put together twice from the same functions. In the lean form these fields are
constants when it is optimised, and all that is done only where they are something else falls away.
What is named here never changes during a run, or only by what is named here too.
"""

from __future__ import annotations

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import Memory

SINGLES = {
    t.ASIDE: 0,
    t.BATCHES: 0,
    t.FOLLOWED: 0,
    t.FULL_SETTLE: 0,
    t.GIVEN_STATIONS: 0,
    t.GROUPED: 0,
    t.LIMITED: 0,
    t.LOOKS: 0,
    t.LOOK_WORDS: 1,
    t.LOOPS: 0,
    t.MANNED: 0,
    t.N_OVERDUE: 0,
    t.N_READY: 0,
    t.N_SLOWED: 0,
    t.POOLS: 0,
    t.ROOM_LOG: 0,
    t.SLOWDOWNS: 0,
    t.STEERED: 0,
    t.SUPPOSED: 0,
}
"""Single numbers at the front, with their values."""
OF_STATIONS = {
    t.HANDLING: 0,
    t.STATION_ATTENDED: 0,
    t.STATION_AWAITS: 0,
    t.STATION_CLOSES: 0,
    t.STATION_COMING: 0,
    t.STATION_MAINTAINED: 0,
    t.STATION_MANNED: 0,
    t.STATION_MORE: 0,
    t.STATION_SEVERAL: 0,
    t.STATION_SLOWS: 0,
    t.STATION_WEARS: 0,
}
"""Fields of stations, with the value that all stations have."""


def is_lean(memory: Memory) -> bool:
    """Tell whether a replication at its beginning needs nothing that the lean kernel lacks."""
    stations = int(memory.m[t.STATIONS])
    return all(memory.m[place] == value for place, value in SINGLES.items()) and all(
        (memory.ints(field, stations) == value).all() for field, value in OF_STATIONS.items()
    )
