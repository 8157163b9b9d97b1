"""The continuity ledger: every value is received once, or lies inside a declared gap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from twin.sync.protocol import Gap, Reading, Stored, Value


@dataclass(frozen=True, slots=True)
class _Last:
    source_time: datetime
    sequence: int
    value: Reading
    epoch: int


class Ledger:
    """Numbers values, sees duplicates, and declares a gap for each new subscription.

    Parameters
    ----------
    heartbeat : str
        Node id of the plant's clock: its values bound the gaps.
    known : iterable of Stored
        Last value of each node from an earlier run; the time since then becomes a gap too.
    """

    def __init__(self, heartbeat: str, known: Iterable[Stored] = ()) -> None:
        self.received = 0
        """Values that came in and were new."""
        self.duplicates = 0
        """Values that had come in before."""
        self.received_by_node: Counter[str] = Counter()
        """New values of each node."""
        self.gaps: list[Gap] = []
        """Every gap, oldest first."""
        self._heartbeat = heartbeat
        self._last = {
            item.node: _Last(item.source_time, item.sequence, item.value, 0) for item in known
        }
        self._last_good: datetime | None = max(
            (last.source_time for last in self._last.values()), default=None
        )
        self._epoch = 0
        self._gap_begin: datetime | None = None
        self._reason = ""

    def begin_epoch(self, epoch: int, reason: str) -> None:
        """Note a new subscription: what happened since the last value may be missing.

        ``reason`` says why; for several in a row without a picture between them, the first counts.
        """
        self._epoch = epoch
        if self._gap_begin is None:
            self._gap_begin, self._reason = self._last_good, reason

    def accept(self, value: Value) -> Value | None:
        """Return the value with its sequence number, or None if it came in before.

        The first value of a node in a new subscription repeats the last one if nothing happened in
        between. Within a subscription two equal values of one moment are two values.
        """
        last = self._last.get(value.node)
        sequence = 0
        if last is not None and last.source_time == value.source_time:
            if last.epoch != value.epoch and last.value == value.value:
                self._last[value.node] = replace(last, epoch=value.epoch)
                self.duplicates += 1
                return None
            sequence = last.sequence + 1
        if last is None or value.source_time >= last.source_time:
            self._last[value.node] = _Last(value.source_time, sequence, value.value, value.epoch)
        self.received += 1
        self.received_by_node[value.node] += 1
        if self._last_good is None or value.source_time > self._last_good:
            self._last_good = value.source_time
        return replace(value, sequence=sequence)

    def close_gap(self, end: datetime) -> Gap | None:
        """Declare the gap that the new subscription left behind, once its values are there.

        Parameters
        ----------
        end : datetime
            Moment from which the picture is whole again.

        Returns
        -------
        Gap or None
            None if this was the first subscription ever: nothing came before it.
        """
        if self._gap_begin is None:
            return None
        # A plant that was set back in time leaves a gap of no length, not of a negative one.
        gap = Gap(self._gap_begin, max(end, self._gap_begin), self._reason, self._epoch)
        self.gaps.append(gap)
        self._gap_begin = None
        return gap
