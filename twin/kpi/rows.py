"""The event log as counts over time: what was where and in which condition, between any two rows.

The state in which a log begins is put in front as events at its first moment, so everything after
is one cumulative sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from twin.events.fold import empty_state
from twin.events.kinds import OUTAGE, Kind
from twin.events.log import COLUMNS, EventLog
from twin.events.state import PHASE_OF, LineState, PartState, PartStatus, StationState
from twin.line import Failure, Line, Station
from twin.line.line import maker_slots
from twin.line.workforce import PHASES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = NDArray[np.bool_]

INSIDE: dict[PartStatus, tuple[Kind, ...]] = {
    "waiting": (Kind.STATION_ENTERED,),
    "setup": (Kind.STATION_ENTERED, Kind.SETUP_STARTED),
    "processing": (Kind.STATION_ENTERED, Kind.PROCESSING_STARTED),
    "done": (Kind.STATION_ENTERED, Kind.PROCESSING_STARTED, Kind.PROCESSING_ENDED),
    "loading": (Kind.STATION_ENTERED, Kind.LOADING_STARTED),
    "unloading": (Kind.STATION_ENTERED, Kind.UNLOADING_STARTED),
}
"""Events that bring a part in a station to its status."""
LOCATION = (
    *(Kind.PART_CREATED, Kind.PART_MADE, Kind.BUFFER_ENTERED, Kind.STATION_ENTERED),
    Kind.PART_LOADED,
)
GONE = (Kind.PART_FINISHED, Kind.PART_SCRAPPED)
LEFT = (*GONE, Kind.PART_REPLACED, Kind.PART_CONSUMED)
"""Events after which a part is no longer in the line."""
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
    several: frozenset[int]
    """Elements whose servers may hold several parts, so that a row tells when one is clear."""

    @staticmethod
    def of(log: EventLog, line: Line) -> Table:
        """Return the table of a log."""
        state = (
            LineState.model_validate(log.initial) if log.initial else empty_state(line, log.begin_s)
        )
        first = np.array(_initial_rows(state, log, line), dtype=np.float64).reshape(
            -1, len(COLUMNS)
        )
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
            several=_several(log, line),
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
        moves = np.flatnonzero(self.where(*LOCATION, *LEFT))
        order = moves[np.lexsort((moves, self.part[moves]))]
        found = np.full(size, size, dtype=np.int64)
        same = self.part[order[1:]] == self.part[order[:-1]]
        found[order[:-1][same]] = order[1:][same]
        return found


def _several(log: EventLog, line: Line) -> frozenset[int]:
    names = {station.id for station in line.stations if station.batch is not None}
    return frozenset(log.names.elements.index(name) for name in names | set(maker_slots(line)))


def _initial_rows(state: LineState, log: EventLog, line: Line) -> list[tuple[float, ...]]:
    index = {name: i for i, name in enumerate(log.names.elements)}
    begin = state.time_s
    rows: list[tuple[float, ...]] = []

    def add(kind: Kind, element: int, part: PartState | None = None, detail: float = -1) -> None:
        number = -1 if part is None else part.id
        server: float = np.nan
        if kind == Kind.STATION_ENTERED and part is not None and part.server is not None:
            server = part.server
        rows.append((begin, kind, element, number, detail, server, 0))

    # The time before the first event counts too, so there is always a row at the beginning.
    rows.append((begin, NOTHING, -1, -1, -1, np.nan, 0))
    for name, station in state.stations.items():
        if not station.on:
            add(Kind.SHIFT_ENDED, index[name])
        numbers = {mode: log.names.modes[name].index(mode) for mode in station.modes}
        for kind, mode in _open_modes(line.station(name), station):
            add(kind, index[name], detail=numbers[mode])
        for _ in station.outages:
            add(Kind.FAILED, index[name], detail=OUTAGE)
    for part, kinds in _placed(state):
        for kind in kinds:
            add(kind, index[part.location], part)
        if part.status in PHASE_OF and part.asked_s is not None:
            phase = PHASES.index(PHASE_OF[part.status])
            add(Kind.WORK_PAUSED, index[part.location], part, phase)
    return rows


def _placed(state: LineState) -> Iterator[tuple[PartState, tuple[Kind, ...]]]:
    """Yield each part with the events that bring it to where it is."""
    seen: set[tuple[str, int]] = set()
    for part in _on_servers(state):
        if part.location not in state.stations:
            yield part, (Kind.BUFFER_ENTERED,)
        elif part.server is not None and (part.location, part.server) in seen:
            yield part, (Kind.STATION_ENTERED,)  # the first of a batch tells how far it is
        else:
            yield part, INSIDE[part.status]
        if part.server is not None:
            seen.add((part.location, part.server))


def _on_servers(state: LineState) -> Iterator[PartState]:
    """Yield the parts; those in a station that name no server are on the first that is free."""
    taken = {(part.location, part.server) for part in state.parts}
    for part in state.parts:
        if part.location in state.stations and part.server is None:
            free = next(k for k in count() if (part.location, k) not in taken)
            taken.add((part.location, free))
            yield part.model_copy(update={"server": free})
        else:
            yield part


def _open_modes(spec: Station, state: StationState) -> Iterator[tuple[Kind, str]]:
    """Yield what has failed or is maintained in a state, as the events that led there."""
    for mode in spec.modes:
        found = state.modes.get(mode.id)
        if found is None or found.status == "running":
            continue
        if isinstance(mode, Failure):
            yield Kind.FAILED, mode.id
        else:
            yield Kind.MAINTENANCE_DUE, mode.id
            if found.status != "due":
                yield Kind.MAINTENANCE_READY, mode.id
