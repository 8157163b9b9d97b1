"""The event log as counts over time: what was where and in which condition, between any two rows.

The state in which a log begins is put in front as events at its first moment, so everything after
is one cumulative sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.events.fold import empty_state
from twin.events.kinds import OUTAGE, Kind
from twin.events.log import COLUMNS, EventLog
from twin.events.state import LineState, PartStatus
from twin.line import Line

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.bool_]

INSIDE: dict[PartStatus, tuple[Kind, ...]] = {
    "waiting": (Kind.STATION_ENTERED,),
    "setup": (Kind.STATION_ENTERED, Kind.SETUP_STARTED),
    "processing": (Kind.STATION_ENTERED, Kind.PROCESSING_STARTED),
    "done": (Kind.STATION_ENTERED, Kind.PROCESSING_STARTED, Kind.PROCESSING_ENDED),
}
"""Events that bring a part in a station to its status."""
LOCATION = (Kind.PART_CREATED, Kind.BUFFER_ENTERED, Kind.STATION_ENTERED)
GONE = (Kind.PART_FINISHED, Kind.PART_SCRAPPED)
NOTHING = 0
"""Kind of a row that stands for no event."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of a log with its initial state in front, and the stretch that is observed."""

    time_s: Floats
    kind: NDArray[np.int16]
    element: NDArray[np.int32]
    part: NDArray[np.int64]
    detail: NDArray[np.int32]
    value: Floats
    initial: LineState
    from_s: float
    until_s: float
    prefix: int
    """Rows that stand for the initial state."""

    @staticmethod
    def of(log: EventLog, line: Line) -> Table:
        """Return the table of a log."""
        state = (
            LineState.model_validate(log.initial) if log.initial else empty_state(line, log.begin_s)
        )
        first = np.array(_initial_rows(state, log), dtype=np.float64).reshape(-1, len(COLUMNS))
        columns = {
            name: np.concatenate([first[:, i].astype(kind), getattr(log, name)])
            for i, (name, kind) in enumerate(COLUMNS.items())
            if name != "quality"
        }
        return Table(
            initial=state,
            from_s=log.observe_from_s,
            until_s=log.end_s,
            prefix=len(first),
            **columns,
        )

    def where(self, *kinds: Kind) -> Rows:
        """Return which rows are of these kinds."""
        wanted = np.zeros(max(Kind) + 1, dtype=np.bool_)
        wanted[list(kinds)] = True
        return wanted[self.kind]

    @property
    def observed(self) -> Rows:
        """Which rows are events inside the observed stretch."""
        inside = (self.time_s >= self.from_s) & (self.time_s < self.until_s)
        inside[: self.prefix] = False
        return inside

    def steps_s(self) -> Floats:
        """Return for each row how long it was the last one, inside the observed stretch, s."""
        edges = np.append(self.time_s, self.until_s)
        return np.diff(np.clip(edges, self.from_s, self.until_s))

    def lasted_s(self, rows: Ints) -> Floats:
        """Return how long it was from each of some rows to the next, inside the observed time, s.

        The rows rise; ``len(time_s)`` stands for the end of the log.
        """
        edges = np.append(self.time_s, self.until_s)[np.append(rows, len(self.time_s))]
        return np.diff(np.clip(edges, self.from_s, self.until_s))

    def exits(self) -> Ints:
        """Return for each row that brings a part somewhere the row that takes it away.

        ``len(time_s)`` where it never leaves; rows of other kinds keep that value too.
        """
        size = len(self.time_s)
        moves = np.flatnonzero(self.where(*LOCATION, *GONE))
        order = moves[np.lexsort((moves, self.part[moves]))]
        found = np.full(size, size, dtype=np.int64)
        same = self.part[order[1:]] == self.part[order[:-1]]
        found[order[:-1][same]] = order[1:][same]
        return found


def _initial_rows(state: LineState, log: EventLog) -> list[tuple[float, ...]]:
    index = {name: i for i, name in enumerate(log.names.elements)}
    begin = state.time_s
    rows: list[tuple[float, ...]] = []

    def add(kind: Kind, element: int, part: float = -1, detail: float = -1) -> None:
        rows.append((begin, kind, element, part, detail, np.nan, 0))

    # The time before the first event counts too, so there is always a row at the beginning.
    rows.append((begin, NOTHING, -1, -1, -1, np.nan, 0))
    for name, station in state.stations.items():
        if not station.on:
            add(Kind.SHIFT_ENDED, index[name])
        for mode, found in station.modes.items():
            if found.status != "running":
                add(Kind.FAILED, index[name], detail=log.names.modes[name].index(mode))
        for _ in station.outages:
            add(Kind.FAILED, index[name], detail=OUTAGE)
    for part in state.parts:
        kinds = INSIDE[part.status] if part.location in state.stations else (Kind.BUFFER_ENTERED,)
        for kind in kinds:
            add(kind, index[part.location], part.id)
    return rows
