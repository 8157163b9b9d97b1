"""What was received, node by node, and what may be missing: nothing is lost without a word.

``Continuity`` follows the values of each node. It knows no socket and no clock, so that its laws
can be tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

from twin.sync.pace import Pace, equal, shifted
from twin.sync.protocol import Gap, Origin, Resolution, Sample
from twin.sync.samples import status_name

OVERFLOW = 0x480
"""Bits of a status code that say: the server's queue ran over before this value."""

_BAD = 0x80000000
_TOLD = {0x80890000, 0x808B0000, 0x808C0000, 0x808D0000}
"""The plant's own words: configuration, device or sensor at fault, out of service."""
_OUT_OF_REACH = {0x80050000, 0x800A0000, 0x801F0000, 0x80310000, 0x80330000, 0x80340000, 0x803A0000,
                 0x808A0000}  # fmt: skip
"""Words of a server that cannot get at a value, though it may tell the last one that it had:
communication error, timeout, no access, no communication, node invalid or unknown, not readable,
not connected."""
_NOT_YET = 0x80320000
"""A server that has only begun waits for its first value."""


@dataclass(slots=True)
class Track:
    """What is known of the values of one node."""

    name: str
    """Name of the node."""
    queue: int = 1
    """Values that the server keeps between publications, as it said itself."""
    pace: Pace = field(default_factory=Pace)
    """How its values follow one another."""
    received: int = 0
    """Values that were new."""
    duplicates: int = 0
    """Values that had come before."""
    first: Sample | None = None
    """First value."""
    last: Sample | None = None
    """Newest value that came through a subscription."""
    good: Sample | None = None
    """Newest value that does not say that there is none to be had."""
    opening: str | None = None
    """Why values may be missing before the next one; None: they cannot be."""
    repeats: bool = False
    """Whether the next value may be the last one, told again."""
    refused: bool = False
    """Whether the server did not have it when it was asked for."""
    batch: int = -1
    count: int = 0
    previous: int = 0
    """Values in the publication before the newest one."""
    before: Sample | None = None
    """Last value of the publication before the newest one."""
    earlier: Sample | None = None
    """Last value of the publication before that one."""
    lead: Sample | None = None
    replayed: tuple[Sample, Sample] | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A gap between two values of a node that history may close."""

    track: Track
    begin: Sample
    end: Sample
    reason: str


@dataclass(slots=True)
class Continuity:
    """The values of every node of one source.

    Parameters
    ----------
    declare : callable
        Called with each gap once it is known what became of it.
    """

    declare: Callable[[Gap], None]
    tracks: dict[str, Track] = field(default_factory=dict)
    """Nodes by name."""
    opened: list[Opened] = field(default_factory=list)
    """Gaps that have an end, and that history may close."""
    wanted: datetime | None = None
    """Moment from which values are wanted, aware, UTC; None while they are not."""
    late: bool = False
    """Whether there was a time in which the server could not be had."""
    openings: int = 0
    """Gaps so far that history might close."""
    _batch: int = 0
    _touched: list[Track] = field(default_factory=list)
    _goes_on: bool = False

    def track(self, name: str) -> Track:
        """Return a node's track, begun if it is new."""
        found = self.tracks.get(name)
        if found is None:
            found = self.tracks[name] = Track(name)
        return found

    def begin_epoch(self, reason: str) -> None:
        """Note that everything since each node's last value may be missing."""
        self._broken_off()
        for track in self.tracks.values():
            self._sampled(track, None)
            if track.opening is None:
                track.opening = reason
            track.repeats = True

    def resume(self) -> None:
        """Note that the subscriptions go on: nothing is missing, values may be told again."""
        for track in self.tracks.values():
            track.repeats = track.pace.stalled = True

    def refuse(self, track: Track, reason: str) -> None:
        """Note that the server does not have a node; what it makes until it has is missing."""
        if track.last is None:
            track.opening, track.refused = reason, True

    def absent(self, name: str, now: datetime, reason: str) -> None:
        """Declare that something that was wanted was never found."""
        begin = self.wanted or now
        self.declare(Gap(begin, max(now, begin), reason, 0, name))

    def take(self, track: Track, sample: Sample) -> bool:
        """Take a value in the order of the subscription; False if it had come before."""
        last = track.last
        repeated = (
            last is not None and last.source_time == sample.source_time and _same(last, sample)
        )
        if track.repeats:
            track.repeats = False
            if repeated and track.good is last:
                track.opening = None
        # Told twice is no change: a server that was found again may tell its newest value anew.
        if repeated and sample.stamped and sample.status & OVERFLOW != OVERFLOW:
            track.duplicates += 1
            return False
        self._follow(track, sample)
        if sample.status & OVERFLOW == OVERFLOW:
            self._overflowed(track, sample)
        if track.batch != self._batch:
            track.previous = track.count
            track.batch, track.count = self._batch, 1
            track.earlier = track.before
            track.before, track.lead = last, sample
            self._touched.append(track)
        else:
            track.count += 1
        track.received += 1
        track.last = sample
        if track.first is None:
            track.first = sample
        if sample.origin is Origin.REPUBLISH:
            since = track.replayed[0] if track.replayed else last or sample
            track.replayed = (since, sample)
        return True

    def _follow(self, track: Track, sample: Sample) -> None:
        """Tell what may be missing before a value."""
        last = track.last
        unread = _unread(sample, first=last is None)
        if unread:
            # Whatever it makes until it can be read again is told to nobody.
            track.opening = track.opening or f"the server had no value: {unread}"
            return
        if track.opening is not None or last is None:
            self._sampled(track, None)
            self._open(track, sample)
            track.pace.begin(sample)
        else:
            if track.pace.coarse_s is not None and sample.source_time < last.source_time:
                self._sampled(track, last)  # the plant's clock was set back
                self._sampled(track, sample, until=sample)
            for found in track.pace.step(last, sample, first_told=track.batch != self._batch):
                self._declare(track, *found)
        track.good = sample

    def end_batch(self, *, more: bool = False, doubted: bool = False) -> None:
        """Close what one publication brought; queues that came full may have run over before.

        Parameters
        ----------
        more : bool
            Whether the publication goes on: nothing is closed yet, but a queue that gave more than
            it holds was emptied more than once, and may have run over each time.
        doubted : bool
            Whether it is not known to end here, so that a part may have come before or be to come.
        """
        self._goes_on = more
        for track in self._touched:
            if track.count > track.queue:
                self._full(track, track.before or track.lead, track.last)
                track.batch = -1  # what follows is counted anew
            elif more:
                continue
            elif doubted and track.count + track.previous >= track.queue:
                self._full(track, track.earlier or track.before or track.lead, track.last)
            elif track.count == track.queue:
                self._full(track, track.before, track.lead)
            if not more:
                for found in track.pace.told(track.count):
                    self._declare(track, *found)
        if more:
            self._touched = [track for track in self._touched if track.batch == self._batch]
            return
        self._touched.clear()
        self._batch += 1

    def _broken_off(self) -> None:
        """Close a publication of which more was said to come: nothing of it comes any more."""
        if self._goes_on:
            self.end_batch(doubted=True)

    def _full(self, track: Track, begin: Sample | None, end: Sample | None) -> None:
        if begin is not None and end is not None:
            plural = "" if track.queue == 1 else "s"
            reason = f"the server's queue of {track.queue} value{plural} was full"
            self._declare(track, begin, end, reason)

    def republished(self, epoch: int) -> None:
        """Declare what was missing for a while and came again."""
        for track in self.tracks.values():
            if track.replayed is not None:
                begin, end = track.replayed
                track.replayed = None
                self.declare(
                    _gap(track.name, begin, end, "sent in vain", epoch, Resolution.REPUBLISH)
                )

    def undecided(self) -> list[Gap]:
        """Return the gaps that may be closed yet, or grow, as they stand if they do not."""
        return [
            _gap(item.track.name, item.begin, item.end, item.reason, item.end.epoch)
            for item in self.opened
        ] + [found for track in self.tracks.values() if (found := self._between_samples(track))]

    def sampled(self) -> int:
        """Return how many values nodes that are only sampled gave; each makes such a gap longer."""
        tracks = self.tracks.values()
        return sum(track.received for track in tracks if track.pace.coarse_s is not None)

    def _sampled(self, track: Track, since: Sample | None, *, until: Sample | None = None) -> None:
        """Declare what may be left out between samples so far; more may be from ``since`` on."""
        found = self._between_samples(track, until)
        if found is not None:
            self.declare(found)
        track.pace.since = since

    def _between_samples(self, track: Track, until: Sample | None = None) -> Gap | None:
        """Return the time in which a node may have changed twice between two samples."""
        pace, last = track.pace, until or track.last
        if pace.coarse_s is None or pace.since is None or last is None or last is pace.since:
            return None
        how = "as asked" if pace.asked else "as often as the server does"
        reason = f"sampled every {pace.coarse_s:g} s, {how}"
        return self._wide(track, pace.since, last, reason, Resolution.SAMPLED)

    def abandon(self) -> None:
        """Declare the gaps that nothing will close any more."""
        for item in self.opened:
            self._declare(item.track, item.begin, item.end, item.reason)
        self.opened.clear()

    def finish(self, now: datetime, reason: str | None) -> None:
        """End the account: nodes that were still missing stay missing until ``now``.

        Parameters
        ----------
        now : datetime
            The end, aware, UTC.
        reason : str or None
            Why no values flow at the end; None if they do.
        """
        self._broken_off()
        self.abandon()
        for track in self.tracks.values():
            self._sampled(track, None)
            why = track.opening or reason
            if track.good is None:
                link = None if track.refused else reason
                self.absent(track.name, now, link or why or "it gave no value")
            elif why is not None:
                last = track.good
                # Where the plant's clock is ahead of ours, so is what it makes now.
                end = shifted(now, max(timedelta(0), last.source_time - last.received_at))
                begin = self._since(track, last)
                self.declare(
                    Gap(begin, max(end, begin), why, last.epoch, track.name, before=last.value)
                )

    def history(self, item: Opened, values: Sequence[Sample]) -> list[Sample]:
        """Close a gap with what history knows; return the values that were missing.

        Parameters
        ----------
        item : Opened
            The gap, still in ``opened``.
        values : sequence of Sample
            What history gave for its time, oldest first.
        """
        self.opened.remove(item)
        behind, found, ahead = _between(item, values)
        track = item.track
        chain = [item.begin, *found, item.end]
        # A history can have holes of its own: longer pauses than this node ever made are no proof.
        longest_s = 1.5 * track.pace.longest_s + 0.05
        since = item.begin
        for number, (one, other) in enumerate(pairwise(chain)):
            pause_s = (other.source_time - one.source_time).total_seconds()
            known = (number > 0 or behind) and (number < len(chain) - 2 or ahead)
            if not known or (track.pace.longest_s > 0 and pause_s > longest_s):
                self._closed(item, since, one)
                since = other
                self._declare(track, one, other, f"{item.reason}; not in the server's history")
        self._closed(item, since, item.end)
        track.received += len(found)
        return found

    def _closed(self, item: Opened, begin: Sample, end: Sample) -> None:
        """Declare a stretch of a gap of which history knew every value."""
        if begin is not end:
            name, epoch = item.track.name, item.end.epoch
            self.declare(_gap(name, begin, end, item.reason, epoch, Resolution.HISTORY))

    def _open(self, track: Track, sample: Sample) -> None:
        reason, track.opening = track.opening, None
        if reason is None:
            return
        last = track.good
        if last is not None:
            last = last._replace(source_time=self._since(track, last))
            self.opened.append(Opened(track, last, sample, reason))
            self.openings += 1
        elif self.wanted is not None and (self.late or track.refused or track.last is not None):
            begin = min(self.wanted, sample.source_time)
            self.declare(
                Gap(begin, sample.source_time, reason, sample.epoch, track.name,
                    after=sample.value)
            )  # fmt: skip

    def _overflowed(self, track: Track, sample: Sample) -> None:
        # Servers differ in which value of a batch they mark, so the loss may lie before any of it.
        since = track.before if track.batch == self._batch else track.last
        if since is not None:
            self._declare(track, since, sample, "the server's queue ran over")

    def _declare(
        self,
        track: Track,
        begin: Sample,
        end: Sample,
        reason: str,
    ) -> None:
        self.declare(self._wide(track, begin, end, reason))

    def _wide(
        self,
        track: Track,
        begin: Sample,
        end: Sample,
        reason: str,
        resolved: Resolution = Resolution.UNRECOVERABLE,
    ) -> Gap:
        """Return a gap as wide as the node's clock can tell."""
        gap = _gap(track.name, begin, end, reason, end.epoch, resolved)
        since, wobble = min(gap.begin, self._since(track, begin)), track.pace.wobble
        return replace(gap, begin=shifted(since, -wobble), end=shifted(gap.end, wobble))

    def _since(self, track: Track, begin: Sample) -> datetime:
        """Return from when on values after ``begin`` were made, at the earliest.

        Without a time of the plant that is when the publication before it was here.
        """
        if begin.stamped or track.earlier is None:
            return begin.source_time
        return track.earlier.received_at


def _gap(
    node: str,
    begin: Sample,
    end: Sample,
    reason: str,
    epoch: int,
    resolved: Resolution = Resolution.UNRECOVERABLE,
) -> Gap:
    # A plant whose clock was set back leaves a gap between the two times all the same.
    low, high = sorted((begin.source_time, end.source_time))
    return Gap(low, high, reason, epoch, node, resolved, begin.value, end.value)


def _unread(sample: Sample, *, first: bool) -> str:
    """Return why the server could not read a node; empty if it could.

    What the plant itself says of a value - a sensor that broke - is as good as a value.
    """
    code = sample.status & 0xFFFF0000
    if code < _BAD or (sample.value is None and code in _TOLD) or (first and code == _NOT_YET):
        return ""
    return status_name(code) if sample.value is None or code in _OUT_OF_REACH else ""


def _same(one: Sample, other: Sample) -> bool:
    """Tell whether two samples of one moment are one."""
    alike = one.status == other.status and type(one.value) is type(other.value)
    return alike and equal(one.value, other.value)


def _between(item: Opened, values: Sequence[Sample]) -> tuple[bool, list[Sample], bool]:
    """Return what lies between a gap's two ends, and whether each end itself was found."""
    begin = _last_index(values, item.begin)
    start = 0 if begin is None else begin + 1
    end = next((i for i in range(start, len(values)) if _like(values[i], item.end)), None)
    inside: Iterable[Sample] = values[start : len(values) if end is None else end]
    low, high = item.begin.source_time, item.end.source_time
    if begin is None:
        inside = [value for value in inside if value.source_time > low]
    if end is None:
        inside = [value for value in inside if value.source_time < high]
    return begin is not None, list(inside), end is not None


def _last_index(values: Sequence[Sample], wanted: Sample) -> int | None:
    for index in range(len(values) - 1, -1, -1):
        if _like(values[index], wanted):
            return index
    return None


def _like(one: Sample, other: Sample) -> bool:
    """Tell whether history and subscription speak of one value: equal, and at one millisecond."""
    near = abs(one.source_time - other.source_time) <= timedelta(milliseconds=1)
    return near and equal(one.value, other.value)
