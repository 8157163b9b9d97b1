"""The recent past as event logs: one since the last gap, and those before it, within a window."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from twin.events import EventLog, EventLogBuilder, Folder, LineState, Row
from twin.line import Line

EARLIER_KEPT = 16
"""Logs before the last gap that are kept."""
ROWS_KEPT = 2_000_000
"""Events kept in the current log, whatever the window."""


class RecentLog:
    """Keeps the newest events and the state from which they go on.

    Each gap begins a new log, because what happened inside it is not known: a log's events always
    lead from its first state to its last one.

    Parameters
    ----------
    line : Line
        Line that the events belong to.
    window_s : float
        Plant time that is kept, s.
    """

    def __init__(self, line: Line, window_s: float) -> None:
        self.earlier: deque[EventLog] = deque(maxlen=EARLIER_KEPT)
        """Logs before the last gap, oldest first."""
        self._line = line
        self._window_s = window_s
        self._builder: EventLogBuilder | None = None
        self._base: Folder | None = None

    def begin(self, state: LineState, ended_s: float | None) -> None:
        """Begin a new log at a state; the one before, if any, was complete up to ``ended_s``."""
        if self._builder is not None and ended_s is not None:
            self.earlier.append(self._builder.log(ended_s))
        self._start(state)

    def _start(self, state: LineState) -> None:
        self._base = Folder(self._line, state)
        document = state.model_dump(mode="json")
        self._builder = EventLogBuilder(self._line, state.time_s, initial=document)

    def add(self, rows: Iterable[Row]) -> None:
        """Add events, in order of time."""
        if self._builder is not None:
            self._builder.rows.extend(rows)

    def trim(self, now_s: float) -> None:
        """Fold events into the first state once they are well outside the window."""
        builder, base = self._builder, self._base
        if builder is None or base is None or not builder.rows:
            return
        old = now_s - builder.rows[0].time_s
        # Only when a quarter is over, so that the work is spread over many events.
        if old < 1.25 * self._window_s and len(builder.rows) < ROWS_KEPT:
            return
        keep_from_s = now_s - self._window_s
        if len(builder.rows) >= ROWS_KEPT:
            keep_from_s = max(keep_from_s, builder.rows[len(builder.rows) // 4].time_s)
        kept = [row for row in builder.rows if row.time_s >= keep_from_s]
        base.apply_all(builder.rows[: len(builder.rows) - len(kept)])
        self._start(base.state(keep_from_s))
        self.add(kept)
        while self.earlier and self.earlier[0].end_s < keep_from_s:
            self.earlier.popleft()

    def log(self, end_s: float) -> EventLog:
        """Return the current log, complete up to ``end_s``."""
        assert self._builder is not None, "begin first"
        return self._builder.log(end_s)
