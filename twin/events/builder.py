"""Write an event log row by row."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from twin.events.kinds import Kind
from twin.events.log import COLUMNS, EventLog, Names, Stream
from twin.line import Line


class Row(NamedTuple):
    """One event of a log; see ``twin.events.kinds`` for what the columns mean."""

    time_s: float
    kind: int
    element: int = -1
    part: int = -1
    detail: int = -1
    value: float = math.nan
    quality: int = 0


class EventLogBuilder:
    """Collects rows in order of time and gives them out as an ``EventLog``.

    Parameters
    ----------
    line : Line
        Line that the events belong to.
    begin_s : float
        Moment at which the log begins, s since the line's start.
    stream : Stream or None
        Random numbers of a simulated log.
    initial : dict or None
        State at ``begin_s`` as a JSON document.
    """

    def __init__(
        self,
        line: Line,
        begin_s: float = 0.0,
        stream: Stream | None = None,
        initial: dict[str, Any] | None = None,
    ) -> None:
        self.names = Names.of(line)
        self.index = {name: i for i, name in enumerate(self.names.elements)}
        self.rows: list[Row] = []
        self._line = line
        self._begin_s = begin_s
        self._stream = stream
        self._initial = initial

    def add(  # noqa: PLR0913, PLR0917 - the columns of a row
        self,
        time_s: float,
        kind: Kind,
        element: int = -1,
        part: int = -1,
        detail: int = -1,
        value: float = math.nan,
        quality: int = 0,
    ) -> None:
        """Append one event; its time must not lie before that of the last one."""
        self.rows.append(Row(time_s, kind, element, part, detail, value, quality))

    def log(self, end_s: float, observe_from_s: float | None = None) -> EventLog:
        """Return what was collected so far as a log that is complete up to ``end_s``."""
        table: list[tuple[float, ...]] = list(zip(*self.rows, strict=True)) or [()] * len(COLUMNS)
        columns: dict[str, Any] = {
            name: np.array(values, dtype=kind)
            for (name, kind), values in zip(COLUMNS.items(), table, strict=True)
        }
        return EventLog(
            line_id=self._line.id,
            line_hash=self._line.hash,
            names=self.names,
            begin_s=self._begin_s,
            end_s=end_s,
            observe_from_s=self._begin_s if observe_from_s is None else observe_from_s,
            stream=self._stream,
            initial=self._initial,
            **columns,
        )
