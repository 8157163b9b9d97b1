"""Signs that a server lost values and did not say so, read off the values of one node.

A server may sample less often than it was asked to, or keep fewer values than it said, and set no
overflow bit. The pace of a node's values, and values that were read directly beside the
subscription, give it away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from twin.sync.protocol import Sample

BRISK = 10
"""Values in a row, each sooner than half a sample after the last, that no sampler could tell."""
FAST_S = 1.0
"""Time for which a node that changed as fast as it is sampled counts as fast, at least, s."""
LATE_S = 0.3
"""Time that a value waited longer than others did from which its queue was under pressure, s."""
WOBBLES = 3
"""Steps back from which on a node's source times count as out of order."""
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
KNOWN = 10
"""Values from which the longest pause of a node means something."""


STREAK = 20
"""Values read directly and told, in a row, that speak for a server's queue: one that keeps a part
of them only tells some of those that are read by chance."""


class Stretch(NamedTuple):
    """Two values between which others may be missing, and why."""

    begin: Sample
    end: Sample
    reason: str


class Witness(NamedTuple):
    """A value that was read directly, and that the subscription should bring."""

    value: Any
    stamp: datetime
    """Its source time, aware, UTC."""


@dataclass(slots=True)
class Pace:
    """How the values of one node follow one another within one subscription."""

    coarse_s: float | None = None
    """Time between samples if the server does not tell every change, s."""
    asked: bool = False
    """Whether it was asked for samples, and not for every change."""
    since: Sample | None = None
    """Value from which on it was only sampled."""
    longest_s: float = 0.0
    """Longest time between two values, s."""
    witness: Witness | None = None
    """A value read directly that the subscription has not come to yet."""
    stalled: bool = False
    """Whether values may have waited at the server for a connection that was lost."""
    leaky: bool = False
    """Whether the server was seen to lose values that its queue should have kept."""
    _prompt_s: float = 0.0
    """Shortest time from source to receipt, s; it holds the difference between two clocks."""
    _values: int = 0
    _brisk: int = 0
    _fast: bool = False
    _backs: int = 0
    """Times that its source times went back."""
    _back_s: float = 0.0
    """Farthest that they went back at once, s."""
    _slow: Stretch | None = None
    _pause: Stretch | None = None
    _largest: int = 0
    """Most values that came in one publication, which the server's queue held."""
    _proved: Sample | None = None
    """Value up to which nothing speaks against the server's queue."""
    _streak: int = 0
    _streak_from: Sample | None = None

    @property
    def wobble(self) -> timedelta:
        """How far a value's source time may lie outside of those before and after it.

        A clock that was set once or twice is right again; one that goes to and fro is not.
        """
        return timedelta(seconds=2.0 * self._back_s if self._backs >= WOBBLES else 0.0)

    def begin(self, first: Sample) -> None:
        """Begin with the first value of a subscription."""
        self.witness = self._slow = self._pause = None
        self._largest = 0
        self.leaky = self.stalled = self._fast = False
        self._brisk = 0
        self._proved = self._streak_from = self.since = first
        self._streak = 0
        self._prompt_s = _age_s(first) if not self._values else min(self._prompt_s, _age_s(first))
        self._values += 1

    def step(self, last: Sample, sample: Sample, *, first_told: bool) -> Sequence[Stretch]:
        """Take the next value; return where others may be missing.

        Parameters
        ----------
        last, sample : Sample
            A value and the one that followed it.
        first_told : bool
            Whether a new publication begins with ``sample``: what a queue lost lies before it.
        """
        passed_s = (sample.source_time - last.source_time).total_seconds()
        looked_at = self.coarse_s is not None or self.witness is not None or passed_s < 0.0
        found: Sequence[Stretch] = ()
        if looked_at or (first_told and (self.leaky or self.stalled)):
            found = [*self._looked_at(last, sample, passed_s, first_told=first_told)]
        self.longest_s = max(self.longest_s, passed_s)
        age_s = (sample.received_at - sample.source_time).total_seconds()
        self._prompt_s = min(self._prompt_s, age_s)
        self._values += 1
        return found

    def _looked_at(
        self, last: Sample, sample: Sample, passed_s: float, *, first_told: bool
    ) -> Iterator[Stretch]:
        """Yield where values may be missing before one that is not as most are."""
        if self.coarse_s is not None:
            yield from self._sampled(last, sample, passed_s)
        if first_told:
            yield from self._queued(last, sample, passed_s)
        if passed_s < 0.0:
            # The plant's clock was set back: what is read directly cannot be placed any more.
            self.witness = None
            self._backs += 1
            self._back_s = max(self._back_s, -passed_s)
        elif self.witness is not None and sample.source_time >= self.witness.stamp:
            yield from self._testified(last, sample)

    def _sampled(self, last: Sample, sample: Sample, passed_s: float) -> Iterator[Stretch]:
        """Yield where values change as fast as the server samples: faster ones are lost.

        A sampler that is late for once, between values that come as fast as it can tell them, has
        lost more than ever: the pauses around a fast stretch belong to it.
        """
        coarse_s = self.coarse_s or 0.0
        self._brisk = self._brisk + 1 if 0.0 < passed_s < 0.5 * coarse_s else 0
        if self._brisk >= BRISK:
            self.coarse_s = None  # it tells every change after all
            return
        if self.asked:
            return  # what is left out between samples is told all the same
        found = Stretch(last, sample, f"the server samples every {coarse_s:g} s only")
        if passed_s <= 2.0 * coarse_s:
            if self._slow is not None:
                yield self._slow
            self._slow, self._fast = None, True
            yield found
        elif passed_s > max(FAST_S, 20.0 * coarse_s):
            self._slow, self._fast = None, False
        elif self._fast:
            yield found
        else:
            self._slow = found

    def _queued(self, last: Sample, sample: Sample, passed_s: float) -> Iterator[Stretch]:
        """Yield what a queue may have lost before the first value of a publication."""
        if self.leaky:
            yield Stretch(last, sample, "the server's queue keeps less than it says")
        if not self.stalled:
            return
        self.stalled = _age_s(sample) - self._prompt_s > LATE_S
        longer = passed_s > 2.0 * self.longest_s + 0.1
        if self.stalled and longer and self._values >= KNOWN and not self.leaky:
            # The longest pause that the node ever made: the oldest values may be no more.
            self._pause = Stretch(
                last, sample, "a longer pause than ever while values waited at the server"
            )

    def told(self, count: int) -> Iterator[Stretch]:
        """Take the end of a publication that brought ``count`` values; yield what it confirms.

        A queue that ran over is full. One that held more before has not run over: the pause was
        the plant's own.
        """
        pause, self._pause = self._pause, None
        if pause is not None and count >= self._largest:
            yield pause
        self._largest = max(self._largest, count)

    def testify(self, value: Any, stamp: datetime) -> None:
        """Note a value that was read directly; the subscription has not come to it yet."""
        if self.witness is None and not self._backs:
            self.witness = Witness(value, stamp)

    def _testified(self, last: Sample, sample: Sample) -> Iterator[Stretch]:
        """Yield the time since the last proof if a value that was read was never told."""
        seen, self.witness = self.witness, None
        if seen is None or self.coarse_s is not None:
            return
        told = sample.source_time == seen.stamp or equal(seen.value, sample.value)
        if told or equal(seen.value, last.value):  # the same value once more is no change
            self._streak += told
            if self._streak >= STREAK:
                self._proved, self._streak_from, self._streak = self._streak_from, sample, 0
            return
        self.leaky = True
        yield Stretch(self._proved or last, sample, "a value that was read was never told")
        self._proved, self._streak_from, self._streak = sample, sample, 0


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are one; two NaNs are."""
    return bool(one == other or (one != one and other != other))  # noqa: PLR0124


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return a moment moved, but not beyond the ends of time: there are plants that are there."""
    try:
        return moment + by
    except OverflowError:
        return EARLIEST if by < timedelta(0) else LATEST


def _age_s(sample: Sample) -> float:
    return (sample.received_at - sample.source_time).total_seconds()
