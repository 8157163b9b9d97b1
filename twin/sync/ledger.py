"""The continuity ledger: every value is received once, or lies inside a declared gap."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from twin.sync.protocol import Gap, Reading, Stored, Value
from twin.units import micros

OUT_OF_ORDER = 10**12
"""Least sequence number of a value that is older than another of its node."""


class Ledger:
    """Numbers values, sees duplicates, and declares a gap for each new subscription.

    Parameters
    ----------
    known : iterable of Stored
        Last value of each node from an earlier run; the time since then becomes a gap too.
    """

    def __init__(self, known: Iterable[Stored] = ()) -> None:
        self.received = 0
        """Values that came in and were new."""
        self.duplicates = 0
        """Values that had come in before."""
        self.gaps: list[Gap] = []
        """Every gap, oldest first."""
        self._last: dict[str, tuple[datetime, int, Reading, int]] = {
            item.node: (item.source_time, item.sequence, item.value, 0) for item in known
        }
        """Source time, sequence, value and epoch of each node's newest value."""
        self._last_good: datetime | None = max(
            (source_time for source_time, *_ in self._last.values()), default=None
        )
        self._out_of_order = 0
        self._epoch = 0
        self._gap_begin: datetime | None = None
        self._reason = ""

    @property
    def open(self) -> bool:
        """Whether there is a gap that ends with the picture to come."""
        return self._gap_begin is not None

    def set_clock(self, moment: datetime) -> None:
        """Note that the plant's clock was set: what is lost from now on is lost after it."""
        if self._last_good is not None:
            self._last_good = min(self._last_good, moment)

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
        node, moment, sequence = value.node, value.source_time, 0
        last = self._last.get(node)
        if last is not None and moment <= last[0]:
            if moment < last[0]:
                # Another value may have this moment: a number that none of its values has.
                self._out_of_order = max(self._out_of_order + 1, micros(value.received_at))
                self.received += 1
                return value._replace(sequence=self._out_of_order)
            _, before, reading, epoch = last
            if epoch != value.epoch and reading == value.value:
                self._last[node] = (moment, before, reading, value.epoch)
                self.duplicates += 1
                return None
            sequence = before + 1
            value = value._replace(sequence=sequence)
        self._last[node] = (moment, sequence, value.value, value.epoch)
        self.received += 1
        if self._last_good is None or moment > self._last_good:
            self._last_good = moment
        return value

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
