"""The mirror: a line's live state and event log, kept true to the plant or known to be old."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from twin.errors import JournalError
from twin.events import EventLog, LineState, Status
from twin.line import Line
from twin.sync.catchup import WAITING, CatchUp
from twin.sync.clock import Clock, SystemClock
from twin.sync.durable import DurableWriter
from twin.sync.ledger import Ledger
from twin.sync.mapfile import default_mapping
from twin.sync.mapping import Mapping
from twin.sync.moments import Moments
from twin.sync.protocol import (
    CONNECTED,
    Connector,
    Gap,
    LinkEvent,
    Quality,
    Received,
    Resolution,
    SourceState,
    Store,
    Value,
)
from twin.sync.pulse import doubted
from twin.sync.restore import NO_EPOCH, Keeper, Restored
from twin.sync.signals import Reading, Signals
from twin.sync.standing import Standing
from twin.sync.status import Change, ChangeKind, LinkStatus, Listeners

_log = logging.getLogger(__name__)
BATCH = 5000
"""Values that come to the store at once, at most. What is there is not waited for to be more."""
BATCH_S = 0.05
"""Longest wait for the first of them, s."""


class Mirror:
    """Follows a plant through a connector.

    Parameters
    ----------
    line : Line
        The line as the twin knows it.
    connector : Connector
        Where values come from, such as ``OpcUaConnector``.
    clock : Clock or None
        Our clock; None: this computer's.
    store : Store or None
        Where values are kept before they are believed, such as ``SqliteStore``; None: nowhere.
    window_s : float
        Plant time that ``log`` reaches back, s.
    mapping : Mapping or None
        How the plant is read; None: the connector's own, else that of the emulated plant.

    Notes
    -----
    ``run`` does the work; everything else may be asked at any time from the same event loop. The
    state is that of a moment which the plant's own clock has passed and for which all values are
    there; it lags behind the plant by the hold-back time of the mapping (0.25 s by default).
    """

    def __init__(
        self,
        line: Line,
        connector: Connector,
        clock: Clock | None = None,
        store: Store | None = None,
        *,
        window_s: float = 86_400.0,
        mapping: Mapping | None = None,
    ) -> None:
        found = mapping or getattr(connector, "mapping", None)
        self.line = line
        self.connector = connector
        self.mapping = found or default_mapping(line, "opc.tcp://127.0.0.1:4840/")
        self._clock: Clock = clock or SystemClock()
        self._writer = DurableWriter(store, self._clock)
        self._keeper = Keeper(store, connector.source, self._clock)
        self._ledger = Ledger(store.last_values(connector.source) if store else ())
        self._catch_up = CatchUp(self.mapping.heartbeat.node)
        self._moments = Moments(self.mapping.hold_back_s)
        self._standing = Standing(line, self.mapping, window_s)
        units = {
            (spec.element, spec.property.removeprefix("signals.")): spec.unit
            for spec in self.mapping.nodes
        }
        self._signals = Signals(line, units)
        self._heard_s: float | None = None
        self._skew_s: float | None = None
        self._doubt = False
        self._inbox: deque[Received] = deque()
        self._link = LinkEvent(SourceState.DISABLED, self._clock.now())
        self._last_error = ""
        self._lost_by = ""
        self._picture_from: datetime | None = None
        self._pictured: set[str] = set()
        self._listeners = Listeners()
        self.revision = 0
        """Grows with whatever comes in; while it stays, ``state`` and ``status`` tell the same."""
        self._news = asyncio.Event()

    # --- asking -------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether there is a state to give."""
        return self._standing.ready

    def state(self) -> LineState:
        """Return where everything is, at the last moment for which all values are there.

        ``time_s`` is that moment on the plant's clock; it stands still while the link is lost.

        Raises
        ------
        LookupError
            Before the first picture of the plant is complete; see ``wait_ready``.
        """
        if not self.ready:
            raise LookupError(
                f"no picture of {self.connector.endpoint} yet: the link is {self._link.state}"
                f"{', ' + self._link.reason if self._link.reason else ''}"
            )
        return self._standing.state()

    def statuses(self) -> dict[str, list[Status]]:
        """Return what each server of each station does; empty before the first picture."""
        return self._standing.statuses()

    def log(self) -> EventLog:
        """Return the events since the last gap, as far back as the window reaches.

        Raises
        ------
        LookupError
            Before the first picture of the plant is complete.
        """
        self.state()
        return self.logs()[-1]

    def logs(self) -> tuple[EventLog, ...]:
        """Return the event logs between the gaps within the window, oldest first."""
        return self._standing.logs()

    def signals(self) -> dict[str, dict[str, Reading]]:
        """Return the newest reading of each sensor, by station and sensor."""
        return self._signals.latest()

    def signal_history(self, station: str, since_s: float) -> dict[str, list[Reading]]:
        """Return a station's readings by sensor from ``since_s`` (plant time) on, oldest first."""
        return self._signals.history(station, since_s)

    def status(self) -> LinkStatus:
        """Return how the link stands and how far the state can be trusted."""
        now_s = self._clock.steady_s()
        as_of = None if self._standing.as_of_s is None else self._moment(self._standing.as_of_s)
        return LinkStatus(
            state=self._link.state,
            since=self._link.at,
            as_of=as_of,
            age_s=None if self._heard_s is None else max(0.0, now_s - self._heard_s),
            quality=self._quality(),
            endpoint=self.connector.endpoint,
            reason=self._link.reason,
            received=self._ledger.received,
            duplicates=self._ledger.duplicates,
            gaps=tuple(self._ledger.gaps),
            missing=self._link.missing,
            last_error=self._last_error,
            mapping_hash=self.mapping.hash,
            skew_s=self._skew_s,
            alarm=self._writer.alarm,
            tally=self._standing.translator.tally,
        )

    def _quality(self) -> str:
        if not self.ready:
            return "bad"
        if self._link.state not in CONNECTED or self._writer.alarm is not None:
            return "stale"
        if self._picture_from is not None:
            return "gap"
        limit_s = self.mapping.max_skew_s
        skewed = limit_s is not None and self._skew_s is not None and abs(self._skew_s) > limit_s
        if self._link.state is SourceState.DEGRADED or skewed or self._doubt:
            return "uncertain"
        return "good"

    def changes(self) -> AsyncIterator[Change]:
        """Yield news as it comes. A reader who is too slow loses the oldest, never the newest."""
        return self._listeners.changes()

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once there is a state; raises TimeoutError after ``timeout_s``."""
        async with asyncio.timeout(timeout_s):
            while not self.ready:
                self._news.clear()
                await self._news.wait()

    # --- following ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow the plant until cancelled; then end the connection.

        Where a store is, the state of the last run is there at once, as old as it is.
        """
        if not self.ready:
            found = await asyncio.to_thread(self._keeper.restored, self.line, self.mapping)
            if found is not None:
                await self._take_over(found)
        await self.connector.connect()
        try:
            while True:
                await self.step()
        finally:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self.connector.close())

    async def _take_over(self, found: Restored) -> None:
        """Go on from where an earlier run ended."""
        self._standing.take_over(found)
        self._tell(Change(ChangeKind.STATE, found.as_of_s, events=len(found.rows)))
        await self._keep(NO_EPOCH)

    async def _keep(self, epoch: int | None = None) -> None:
        """Write a snapshot of the state as it is, where there is one to rely on."""
        as_of_s = self._standing.as_of_s
        if as_of_s is None or self._picture_from is not None or self._writer.alarm is not None:
            return
        document = self._keeper.document(
            self.state(), self._moments.watermark or self._moment(as_of_s),
            self._link.epoch if epoch is None else epoch,
            self._standing.translator, self.mapping, self._moments.held(),
        )  # fmt: skip
        try:
            await asyncio.to_thread(self._keeper.save, document)
        except JournalError as error:
            _log.warning("the state could not be kept: %s", error)

    async def step(self) -> None:
        """Take over what came in, waiting a little for it, and bring the state up to date.

        While the store fails nothing more is taken: connector and server keep it.
        """
        if self._writer.alarm is not None:
            self._believe(await self._writer.write())
            if self._writer.alarm is not None:
                await self._clock.sleep(BATCH_S)
                return
        if not self._inbox:
            self._inbox.extend(await self.connector.receive(BATCH, BATCH_S))
        held: list[Value | Gap] = []
        while self._inbox and self._writer.alarm is None:
            item = self._inbox.popleft()
            if not isinstance(item, LinkEvent):
                held += [] if self._catch_up.take(item) else [item]
                continue
            await self._take(held)
            held = []
            if self._writer.alarm is None:
                await self._link_changed(item)
            else:
                self._inbox.appendleft(item)  # what came before it waits for the disk
        await self._take(held)
        await self._translate(self._moments.due(self._clock.steady_s()))
        if self._keeper.due and self._link.state in CONNECTED:
            await self._keep()

    async def _take(self, items: Sequence[Value | Gap]) -> None:
        """Take values and gaps in their order."""
        fresh: list[Value] = []
        for item in items:
            if isinstance(item, Gap):
                await self._write(fresh)
                fresh = []
                await self._missed(item)
            elif (value := self._ledger.accept(item)) is not None:
                fresh.append(value)
        await self._write(fresh)

    async def _write(self, values: Sequence[Value]) -> None:
        """Store values, then take those into account that are safe."""
        if values:
            limit_s = self.mapping.max_skew_s
            doubts = [doubted(value, self._skew_s, limit_s) for value in values]
            self._believe(await self._writer.write(doubts))

    def _believe(self, values: Sequence[Value]) -> None:
        """Take values into account that are in the store."""
        if not values:
            return
        seconds, signals = self.line.seconds, self._signals
        self._heard_s = self._clock.steady_s()
        for value in values:
            if value.property == "time" and isinstance(value.value, datetime):
                self._moments.beat(value.value, self._heard_s)
                self._skew_s = (value.value - value.received_at).total_seconds()
            elif not signals.take(value, seconds(value.source_time)):
                self._hold(value)
        self.revision += len(values)

    def _hold(self, value: Value) -> None:
        if not value.element:
            return
        self._standing.translator.tally.late += self._moments.add(value)
        if self._picture_from is not None and value.node not in self._pictured:
            # The first value of a node is what it showed already; later ones are changes.
            self._pictured.add(value.node)
            self._picture_from = max(self._picture_from, value.source_time)

    async def _link_changed(self, event: LinkEvent) -> None:
        before, self._link = self._link, event
        self.revision += 1
        if event.reason:
            self._last_error = event.reason
        if self._catch_up.waiting and event.state not in WAITING:
            await self._caught_up(event)
        if event.state is SourceState.SUBSCRIBING:
            if self.ready and self._picture_from is None:
                self._catch_up.begin()
            else:
                self._begin_epoch(event.epoch)
        if before.state in CONNECTED and event.state not in CONNECTED:
            await self._lost(event)
        if event.state in CONNECTED and before.state not in CONNECTED:
            self._found_again()
        if (before.state, before.reason) != (event.state, event.reason):
            text = f"{event.state}{': ' + event.reason if event.reason else ''}"
            self._tell(Change(ChangeKind.LINK, self._standing.as_of_s or 0.0, text))

    def _begin_epoch(self, epoch: int) -> None:
        """Begin a new picture: what happened since the last one is a gap."""
        self._ledger.begin_epoch(epoch, self._lost_by or "the twin was not running")
        self._moments.forget()
        self._standing.translator.image.clear()
        self._picture_from = _BEGINNING
        self._pictured.clear()

    async def _caught_up(self, event: LinkEvent) -> None:
        """Go on where the picture ended if the server's history had it all, else begin anew."""
        items, whole = self._catch_up.end()
        if whole and event.state in CONNECTED and not event.missing:
            _log.warning("the history of %s had all that was missed", self.connector.endpoint)
        else:
            self._begin_epoch(event.epoch)
        await self._take(items)

    async def _lost(self, event: LinkEvent) -> None:
        """Take in all that came before the loss, and write the loss down."""
        self._lost_by = event.reason
        _log.warning("link to %s lost: %s", self.connector.endpoint, event.reason)
        await self._translate(self._moments.flush())
        self._standing.lost()

    def _found_again(self) -> None:
        """Write down that the link is back without a gap: the server kept every value for us."""
        if self._picture_from is None:
            self._standing.found_again()

    async def _missed(self, gap: Gap) -> None:
        """Take in that values of one node may be missing although the link stands."""
        ticks = gap.node == self.mapping.heartbeat.node
        if ticks or gap.resolved is not Resolution.UNRECOVERABLE:
            return
        if self._picture_from is not None and (self._ledger.open or gap.before is None):
            return  # the gap of the whole picture covers it, or nothing was known before
        self._ledger.gaps.append(gap)
        text = f"{gap.node}: {gap.begin.isoformat()} to {gap.end.isoformat()}: {gap.reason}"
        _log.warning("values may be missing: %s", text)
        await self._writer.gap(
            self.connector.source, gap.begin, gap.end, f"{gap.node}: {gap.reason}"
        )
        if self._standing.as_of_s is not None:
            self._standing.missed(self.line.seconds(gap.begin))
            self._tell(Change(ChangeKind.GAP, self._standing.as_of_s, text))

    async def _translate(self, due: Sequence[tuple[datetime, list[Value]]]) -> None:
        watermark = self._moments.watermark
        if watermark is None:
            return
        if self._picture_from is not None:
            await self._picture(due, watermark)
            return
        events = 0
        for moment, values in due:
            events += self._standing.moment(self.line.seconds(moment), values)
            self._doubt = any(value.quality is not Quality.GOOD for value in values)
        more = self._standing.advance(self.line.seconds(watermark))
        if more is not None or events:
            as_of_s = self._standing.as_of_s or 0.0
            self._tell(Change(ChangeKind.STATE, as_of_s, events=events + (more or 0)))

    async def _picture(
        self, due: Sequence[tuple[datetime, list[Value]]], watermark: datetime
    ) -> None:
        """Collect the first picture of a subscription; once whole, begin from it."""
        for moment, values in due:
            time_s = self.line.seconds(moment)
            self._standing.see((value, time_s) for value in values)
        assert self._picture_from is not None
        if self._link.state not in CONNECTED or watermark <= self._picture_from:
            return
        self._picture_from = None
        time_s = self.line.seconds(watermark)
        before_s = self._standing.begin(time_s)
        if before_s is not None and time_s < before_s:
            self._signals.forget_after(time_s)
        gap = self._ledger.close_gap(watermark)
        if gap is not None:
            self._restored(gap, time_s)
            await self._writer.gap(self.connector.source, gap.begin, gap.end, gap.reason)
        self._tell(Change(ChangeKind.STATE, time_s))
        await self._keep()

    def _restored(self, gap: Gap, time_s: float) -> None:
        self._standing.found_again()
        self._standing.missed(self.line.seconds(gap.begin))
        text = f"{gap.begin.isoformat()} to {gap.end.isoformat()}: {gap.reason}"
        _log.warning("values of %s may be missing from %s", self.connector.endpoint, text)
        self._tell(Change(ChangeKind.GAP, time_s, text))

    def _tell(self, change: Change) -> None:
        self.revision += 1
        self._news.set()
        self._listeners.tell(change)

    def _moment(self, time_s: float) -> datetime:
        return self.line.start_utc + timedelta(seconds=time_s)


_BEGINNING = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
