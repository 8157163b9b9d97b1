"""What most lines do without, and kernels that know it.

The kernel is put together three times from the same functions. In the common form it is known where
the records begin that have a place in the common layout, and that there is no log; in the lean one
the other fields below are constants, too. When it is optimised, all that is done only where they
are something else falls away. What is named here never changes during a run, or only by what is
named here too.
"""

from __future__ import annotations

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import COLUMN_MASK, Memory, ints
from twin.engine.drafts import COMMON, LEAN, WHOLE

OF_ALL = {t.FULL_SETTLE: 0, t.LOOK_WORDS: 1, t.ROOM_LOG: 0} | {
    t.BEGINS + record: begin for record, begin in t.COMMON.items()
}
"""Single numbers at the front that the common and the lean form know, with their values."""
SINGLES = {
    t.ASIDE: 0,
    t.BATCHES: 0,
    t.FOLLOWED: 0,
    t.GIVEN_STATIONS: 0,
    t.GROUPED: 0,
    t.LIMITED: 0,
    t.LOOKS: 0,
    t.LOOPS: 0,
    t.MANNED: 0,
    t.N_OVERDUE: 0,
    t.N_READY: 0,
    t.N_SLOWED: 0,
    t.POOLS: 0,
    t.SLOWDOWNS: 0,
    t.STEERED: 0,
    t.SUPPOSED: 0,
}
"""Those that the lean form alone knows."""
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


_PLACES_OF_ALL, _VALUES_OF_ALL = ints(OF_ALL), ints(OF_ALL.values())
_PLACES, _VALUES = ints(SINGLES), ints(SINGLES.values())
_COLUMNS, _OF_EACH = ints(field & COLUMN_MASK for field in OF_STATIONS), ints(OF_STATIONS.values())


def form_of(memory: Memory) -> int:
    """Return the leanest form of the kernel that serves a replication at its beginning."""
    if (memory.m[_PLACES_OF_ALL] != _VALUES_OF_ALL).any():
        return WHOLE
    if (memory.m[_PLACES] != _VALUES).any():
        return COMMON
    stations = memory.things(t.STATION_ON, int(memory.m[t.STATIONS]))
    return LEAN if (stations[:, _COLUMNS] == _OF_EACH).all() else COMMON
