"""Records every value of some nodes, and every gap, from one or more servers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twin.errors import Finding, InvalidInputError
from twin.sync.connection import Connection
from twin.sync.continuity import Track
from twin.sync.gapbook import GapBook
from twin.sync.machine import Limits
from twin.sync.protocol import CONNECTED, Gap, LinkEvent, Sample, SourceState
from twin.sync.recording import Files, held
from twin.sync.security import Identity
from twin.sync.supervisor import Supervisor

_log = logging.getLogger(__name__)
FLUSH_S = 1.0
"""Longest time for which a value is in memory only, s."""
FLUSH_ROWS = 100_000
"""Values that are written at once."""
HIGH_WATER = 400_000
"""Values in memory from which no more are fetched: the server keeps them meanwhile."""
DISK_AGAIN_S = 1.0
TELL_SHARE = 10.0
"""Pause between two writings of gaps and summary, in times of what one takes."""
TELL_S = 10.0
"""Longest such pause, s."""
VERSION = 1
STATES_KEPT = 10_000
NEVER_YET = "not connected yet"
SETTLE_S = 5.0
"""Longest wait at the end for values that a server has and has not told yet, s."""
LIMITS = Limits(heartbeat_late_s=1.5, heartbeat_dead_s=2.4)
"""A loss is noticed within three seconds; a false alarm costs a reconnect and no value."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How a recording goes, for whoever watches it."""

    received: int
    """Values so far."""
    gaps: int
    """Gaps that stay open, so far."""
    states: dict[str, str]
    """Where each source stands."""


class Recorder:
    """Records the sources of a connection into a folder.

    Parameters
    ----------
    connection : Connection
        What to record.
    folder : Path
        Where to; must hold no recording yet.
    identity : Identity or None
        Our certificate and trust list; None: unprotected connections only.

    Raises
    ------
    InvalidInputError
        If the folder holds a recording already or cannot be used.
    """

    def __init__(
        self, connection: Connection, folder: Path, identity: Identity | None = None
    ) -> None:
        title, claimed = f"the folder {folder}", False
        try:
            found = held(folder)
            if not found:
                self._files = Files(folder)
                with suppress(FileExistsError):
                    self._files.claim()
                    claimed = True
            if not (found or claimed):
                found = "holds another recording, which has just begun"
        except OSError as error:
            finding = Finding("", f"cannot be used: {error.strerror}", "a folder to write into")
            raise InvalidInputError(title, [finding]) from error
        if found:
            finding = Finding("", found, "an empty folder",
                              "choose another one with --out")  # fmt: skip
            raise InvalidInputError(title, [finding])
        self.alarm: str | None = None
        """Why values cannot be written; None while they can."""
        self.watch: asyncio.Task[None] | None = None
        """Whoever shows how it goes; ended with the recording."""
        self._broken: str | None = "broken off by an error of its own"
        self._ended = False
        self._tell_at_s = 0.0
        self._told = 0
        self._rows: deque[tuple[str, Sample]] = deque()
        self._began = datetime.now(UTC)
        self._room = asyncio.Event()
        self._room.set()
        self._full = asyncio.Event()
        self._parts = [_Part(self, source.target(), identity) for source in connection.sources]

    async def run(self, for_s: float | None, stop: asyncio.Event) -> dict[str, Any]:
        """Record for a time, or until told to stop; return the summary.

        Parameters
        ----------
        for_s : float or None
            How long, s; None: until ``stop`` is set.
        stop : asyncio.Event
            Ends the recording early, with all files whole.
        """
        for part in self._parts:
            await part.supervisor.start()
        loop = asyncio.get_running_loop()
        end_s = None if for_s is None else loop.time() + for_s
        try:
            await self._flush()  # whatever happens from now on, there is a summary
            while not stop.is_set() and (end_s is None or loop.time() < end_s):
                left_s = FLUSH_S if end_s is None else min(FLUSH_S, end_s - loop.time())
                await self._wait(stop, max(0.0, left_s))
                await self._flush()
                for part in self._parts:
                    part.supervisor.failed()
            self._broken = None
        finally:
            await asyncio.gather(*(part.supervisor.stop(SETTLE_S) for part in self._parts))
            summary = await self._finish()
            if self.watch is not None:
                self.watch.cancel()
        return summary

    def progress(self) -> Progress:
        """Return how it goes."""
        return Progress(
            sum(part.received() for part in self._parts),
            sum(gap.resolved.value == "unrecoverable"
                for part in self._parts for gap in part.book.gaps),
            {part.name: str(part.supervisor.link.state) for part in self._parts},
        )  # fmt: skip

    async def _wait(self, stop: asyncio.Event, wait_s: float) -> None:
        self._full.clear()
        waits = {asyncio.create_task(stop.wait()), asyncio.create_task(self._full.wait())}
        await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    def take(self, source: str, samples: list[Sample]) -> None:
        """Keep values until they are written."""
        self._rows.extend((source, sample) for sample in samples)
        if len(self._rows) >= FLUSH_ROWS:
            self._full.set()
        if len(self._rows) >= HIGH_WATER:
            self._room.clear()

    async def room(self) -> None:
        """Wait until there is room for more values."""
        if not self._room.is_set():
            await self._room.wait()

    async def _flush(self) -> None:
        """Write what is in memory; a disk that is full keeps it there, and the server the rest.

        Gaps go first, and values wait for those that lie among them: whatever ends the program
        leaves no values without the gaps between them.
        """
        left = len(self._rows)
        if time.monotonic() >= self._tell_at_s or (self._news() and left >= FLUSH_ROWS):
            if not await self._tell(self.summary()):
                return
        elif self._news():
            return
        while left:
            rows = [self._rows.popleft() for _ in range(min(FLUSH_ROWS, left))]
            left -= len(rows)
            try:
                await asyncio.to_thread(self._files.write, rows)
            except OSError as error:
                self._rows.extendleft(reversed(rows))
                self._alarmed(error)
                await asyncio.sleep(DISK_AGAIN_S)
                return
        if self.alarm is not None:
            _log.warning("the disk takes values again")
            self.alarm = None
        if len(self._rows) < HIGH_WATER // 2:
            self._room.set()

    def _alarmed(self, error: OSError) -> None:
        told = f"{self._files.folder} cannot be written: {error.strerror or error}"
        if self.alarm is None:
            _log.error("%s; values are kept in memory meanwhile", told)
        self.alarm = told

    async def _tell(self, summary: dict[str, Any]) -> bool:
        """Write gaps and summary; False if the disk does not take them."""
        began_s = time.monotonic()
        gaps = [(part.name, gap) for part in self._parts for gap in part.gaps()]
        declared = self._declared()
        try:
            await asyncio.to_thread(self._files.write_gaps, gaps)
            await asyncio.to_thread(self._files.write_summary, summary)
        except OSError as error:
            self._alarmed(error)
            return False
        self._told, now_s = declared, time.monotonic()
        self._tell_at_s = now_s + min(TELL_S, TELL_SHARE * (now_s - began_s))
        return True

    def _declared(self) -> int:
        """Return a number that rises with every gap."""
        return sum(part.declared() for part in self._parts)

    def _news(self) -> bool:
        """Tell whether there are gaps that stand in no file yet."""
        return self._declared() != self._told

    async def _finish(self) -> dict[str, Any]:
        self._room.set()
        self._ended = True
        self._tell_at_s = 0.0
        await self._flush()
        for source, sample in self._rows:  # a disk that stays full: what is lost is told
            self._part(source).unwritten(sample, self.alarm or "")
        self._rows.clear()
        try:
            await asyncio.to_thread(self._files.finish)
        except OSError as error:  # the pieces stay, each of them whole
            self._alarmed(error)
        summary = self.summary(finished=self.alarm is None and self._broken is None)
        return summary if await self._tell(summary) else summary | {"finished": False}

    def _part(self, source: str) -> _Part:
        return next(part for part in self._parts if part.name == source)

    def summary(self, *, finished: bool = False) -> dict[str, Any]:
        """Return what was received and what is missing, as it stands in ``summary.json``."""
        sources = [part.summary() for part in self._parts]
        nodes = [node for source in sources for node in source.pop("nodes")]
        gaps = [gap for source in sources for gap in source.pop("gaps")]
        return {
            "version": VERSION,
            "finished": finished,
            "started_at": self._began.isoformat(),
            "ended_at": datetime.now(UTC).isoformat(),
            "received": sum(node["received"] for node in nodes),
            "duplicates": sum(node["duplicates"] for node in nodes),
            "reconnects": sum(source["reconnects"] for source in sources),
            "alarm": self.alarm or (self._broken if self._ended else None),
            "sources": sources,
            "nodes": nodes,
            "gaps": gaps,
        }


class _Part:
    """One source of a recording: the sink of its supervisor."""

    def __init__(self, owner: Recorder, target: Any, identity: Identity | None) -> None:
        self.name: str = target.source
        self.book = GapBook()
        self.states: list[LinkEvent] = []
        self._stands: tuple[str, str] = (SourceState.DISABLED.value, "")
        self._told: set[tuple[SourceState, str]] = set()
        self._owner = owner
        self.supervisor = Supervisor(target, self, limits=LIMITS, identity=identity)

    def take(self, samples: list[Sample]) -> None:
        self._owner.take(self.name, samples)

    def gap(self, gap: Gap) -> None:
        self.book.add(gap)

    def gaps(self) -> list[Gap]:
        """Return the gaps; those that history may close yet stand open."""
        return self.book.gaps + self.supervisor.session.continuity.undecided()

    def declared(self) -> int:
        """Return a number that rises with every gap."""
        continuity = self.supervisor.session.continuity
        return self.book.declared + continuity.openings + continuity.sampled()

    def link_changed(self, event: LinkEvent) -> None:
        """Keep a change; what goes round and round, here or while the plant is away, once."""
        news, connected = (event.state, event.reason), self._stands[0] in CONNECTED
        if event.state is not SourceState.DISABLED:
            # While it is tried again, what went wrong last is what there is to say.
            before = "" if event.state in CONNECTED else self._stands[1] or NEVER_YET
            self._stands = (event.state.value, event.reason or before)
        if event.state in CONNECTED and not connected:
            self._told.clear()
        if news in self._told:
            return
        if (
            event.state not in CONNECTED
            and event.reason
            and event.state is not SourceState.DISABLED
        ):
            _log.warning("%s: %s: %s", self.name, event.state, event.reason)
        self._told.add(news)
        if len(self.states) < STATES_KEPT:
            self.states.append(event)

    async def room(self) -> None:
        await self._owner.room()

    def received(self) -> int:
        return sum(track.received for track in self.supervisor.session.continuity.tracks.values())

    def unwritten(self, sample: Sample, reason: str) -> None:
        self.supervisor.session.continuity.track(sample.node).received -= 1
        moment = sample.source_time
        self.gap(Gap(moment, moment, f"not written: {reason}", sample.epoch, sample.node))

    def summary(self) -> dict[str, Any]:
        supervisor = self.supervisor
        state, reason = self._stands  # where it was before it was switched off at the end
        tracks = supervisor.session.continuity.tracks
        return {
            "source": self.name,
            "endpoint": supervisor.target.endpoint,
            "state": state,
            "reason": reason,
            "reconnects": supervisor.reconnects,
            "epochs": supervisor.link.epoch,
            "skew_s": supervisor.session.pulse.skew_s,
            "missing": list(supervisor.missing()),
            "states": [
                {"state": event.state.value, "at": event.at.isoformat(), "reason": event.reason}
                for event in self.states
            ],
            "nodes": [self._node(track) for track in tracks.values()],
            "gaps": [
                {
                    "source": self.name,
                    "node": gap.node,
                    "start": gap.begin.isoformat(),
                    "end": gap.end.isoformat(),
                    "resolved": gap.resolved.value,
                    "reason": gap.reason,
                }
                for gap in self.book.gaps
            ],
        }

    def _node(self, track: Track) -> dict[str, Any]:
        nodes = self.supervisor.session.nodes
        item = nodes.items[track.name]
        return {
            "source": self.name,
            "node": track.name,
            "node_id": nodes.names.canonical(item.node),
            "received": track.received,
            "duplicates": track.duplicates,
            "first_source_time": _moment(track.first),
            "last_source_time": _moment(track.last),
            "queue_size": track.queue,
            "sampling_s": track.pace.coarse_s
            if track.pace.coarse_s is not None
            else item.sampling_s,
        }


def _moment(sample: Sample | None) -> str | None:
    return None if sample is None else sample.source_time.isoformat()


def record(
    connection: Connection,
    folder: Path,
    for_s: float | None,
    *,
    identity: Identity | None = None,
    started: Callable[[Recorder, Callable[[], None]], None] = lambda _recorder, _stop: None,
) -> dict[str, Any]:
    """Record until the time is over or the returned stop is called; return the summary.

    Parameters
    ----------
    connection : Connection
        What to record.
    folder : Path
        Where to; must hold no recording yet.
    for_s : float or None
        How long, s; None: until stopped.
    identity : Identity or None
        Our certificate and trust list; None: unprotected connections only.
    started : callable
        Called in the event loop with the recorder and with what ends it early.
    """

    async def run() -> dict[str, Any]:
        recorder, stop = Recorder(connection, folder, identity), asyncio.Event()
        started(recorder, stop.set)
        return await recorder.run(for_s, stop)

    return asyncio.run(run())
