"""What comes in from a plant: written, put in order of time, and brought to the state.

Users have the ``Mirror``, which adds what can be asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from twin.errors import JournalError
from twin.line import Line
from twin.sync.catchup import WAITING, CatchUp
from twin.sync.clock import Clock, SystemClock
from twin.sync.durable import DurableWriter
from twin.sync.ledger import OUT_OF_ORDER, Ledger
from twin.sync.mapfile import default_mapping
from twin.sync.mapping import Mapping
from twin.sync.moments import Moments
from twin.sync.plantclock import PlantClock
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
from twin.sync.restore import Keeper
from twin.sync.signals import Signals
from twin.sync.standing import Standing
from twin.sync.status import Change, ChangeKind, Listeners

_log = logging.getLogger(__name__)
BATCH = 5000
"""Values that come to the store at once, at most. What is there is not waited for to be more."""
BATCH_S = 0.05
"""Longest wait for the first of them, s."""


class Intake:
    """Follows a plant through a connector; see ``Mirror`` for the parameters."""

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
        self._plant = PlantClock(self._clock)
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

    @property
    def ready(self) -> bool:
        """Whether there is a state to give."""
        return self._standing.ready

    # --- keeping and taking -------------------------------------------------------------------

    async def _keep(self, epoch: int | None = None) -> None:
        """Write a snapshot of the state as it is, where there is one to rely on."""
        as_of_s = self._standing.as_of_s
        if as_of_s is None or self._picture_from is not None or self._writer.alarm is not None:
            return
        document = self._keeper.document(
            self._standing.state(), self._moments.watermark or self._moment(as_of_s),
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
            await self._believe(await self._writer.write())
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
            await self._believe(await self._writer.write(doubts))

    async def _believe(self, values: Sequence[Value]) -> None:
        """Take values into account that are in the store."""
        if not values:
            return
        seconds, signals = self.line.seconds, self._signals
        self._heard_s = self._clock.steady_s()
        for value in values:
            if value.sequence >= OUT_OF_ORDER:
                value = self._plant.placed(value, self._moments.watermark)  # noqa: PLW2901
            if value.property == "time" and isinstance(value.value, datetime):
                await self._beat(value.value, value.received_at)
            elif not signals.take(value, seconds(value.source_time)):
                self._hold(value)
        self.revision += len(values)

    async def _beat(self, shown: datetime, received_at: datetime) -> None:
        """Take in what the plant's clock shows."""
        self._skew_s = (shown - received_at).total_seconds()
        step = self._plant.beat(shown, received_at)
        if step:
            await self._clock_set(shown, step)
        self._take_down(shown)
        self._moments.beat(shown, self._clock.steady_s())

    def _take_down(self, shown: datetime) -> None:
        """Take values for those of now that a heartbeat shows to be ahead of the plant's clock.

        They are of a device with a clock of its own, or were made before the plant's was set back.
        """
        plant, (latest, before) = self._plant, self._plant.ahead_of()
        found = [plant.taken_down(value) for value in self._moments.beyond(latest, before)]
        if not found:
            return
        # The same device's values may have come since then.
        later = self._moments.beyond(latest)
        found += [plant.taken_down(value) if plant.leads(value) else value for value in later]
        for value in found:
            self._moments.add(value)
        if self._picture_from is not None:
            self._picture_from = min(self._picture_from, shown)

    async def _clock_set(self, shown: datetime, step: timedelta) -> None:
        """Go on at the time that the plant's clock was set to; the state is what it was."""
        await self._translate(self._moments.flush())
        held = self._moments.set(shown)
        self._ledger.set_clock(shown)
        if self._picture_from is not None:
            self._picture_from = min(self._picture_from, shown)
        elif self.ready:
            time_s = self.line.seconds(shown)
            self._standing.set_clock(time_s)
            self._signals.forget_after(time_s)
            where = "back" if step < timedelta() else "forward"
            reason = f"the plant's clock was set {where} by {abs(step.total_seconds()):.1f} s"
            begin, end = sorted((shown, shown - step))
            node, step_s = self.mapping.heartbeat.node, step.total_seconds()
            gap = Gap(begin, end, reason, self._link.epoch, node, step_s=step_s)
            self._ledger.gaps.append(gap)
            await self._declare(gap)
            await self._keep()
        for value in held:
            self._hold(value._replace(source_time=min(value.source_time, shown)))

    def _hold(self, value: Value) -> None:
        if not value.element:
            return
        if self._plant.leads(value):
            value = self._plant.taken_down(value)
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
        self._plant.forget()
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
        await self._declare(gap)

    async def _declare(self, gap: Gap) -> None:
        """Tell of a gap wherever it is looked for."""
        node = f"{gap.node}: " if gap.node else ""
        text = f"{node}{gap.begin.isoformat()} to {gap.end.isoformat()}: {gap.reason}"
        _log.warning("%s: values may be missing: %s", self.connector.endpoint, text)
        source = self.connector.source
        await self._writer.gap(source, gap.begin, gap.end, f"{node}{gap.reason}")
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
            self._standing.found_again()
            await self._declare(gap)
        self._tell(Change(ChangeKind.STATE, time_s))
        await self._keep()

    def _tell(self, change: Change) -> None:
        self.revision += 1
        self._news.set()
        self._listeners.tell(change)

    def _moment(self, time_s: float) -> datetime:
        return self.line.start_utc + timedelta(seconds=time_s)


_BEGINNING = datetime.fromisoformat("0001-01-01T00:00:00+00:00")
