"""One session with one OPC UA server, over as many connections as it takes.

A session outlives its connections: after a loss it is found again, what the server had sent in vain
is asked for again, and only where the server has forgotten us are new subscriptions made - a new
epoch, and so a gap that is declared.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from twin.sync.browse import Names, matching
from twin.sync.clock import Clock
from twin.sync.compat import BAD, Channel, Ticket
from twin.sync.continuity import Continuity, SequenceCheck, Track, Verdict
from twin.sync.protocol import Origin, Sample
from twin.sync.security import Identity
from twin.sync.target import Item, Sink, Target

ITEMS_PER_CALL = 500
"""Items asked for in one call where the server states no limit of its own."""
OUTSTANDING = 3
"""Requests for notifications that wait at the server."""
NOTIFICATIONS = 10_000
"""Values in one notification at most."""
LIFETIME_S = 600.0
"""Time for which a server is asked to keep a subscription that nobody fetches, s."""
KEEP_ALIVE_S = 1.0
HEARTBEAT_SAMPLING_S = 0.5
REPUBLISH_ROUNDS = 100_000
TOO_MUCH = (
    ua.uaerrors.BadTooManyOperations,
    ua.uaerrors.BadRequestTooLarge,
    ua.uaerrors.BadResponseTooLarge,
    ua.uaerrors.BadEncodingLimitsExceeded,
    ua.uaerrors.BadTcpMessageTooLarge,
)
"""Errors after which less is asked for in one call."""


@dataclass(slots=True)
class Subscription:
    """One subscription on the server."""

    number: int
    """Its id there."""
    publishing_s: float
    """Time between publications as the server set it, s."""
    check: SequenceCheck = field(default_factory=SequenceCheck)
    """Numbers of its notifications."""
    tracks: dict[int, Track] = field(default_factory=dict)
    """Nodes by client handle."""
    heartbeat: int | None = None
    """Handle of the clock; None where the server has none."""


class Session:
    """What we have with one server.

    Parameters
    ----------
    target : Target
        What to read.
    clock : Clock
        Clock for times of receipt and ages.
    sink : Sink
        Where values and gaps go.
    wake : callable
        Called when the connection is of no use any more.
    identity : Identity or None
        Our certificate and trust list; None: a target with ``security`` is refused.
    """

    def __init__(self, target: Target, clock: Clock, sink: Sink, wake: Any,
                 identity: Identity | None) -> None:  # fmt: skip
        self.lost: str | None = None
        """Why the connection is of no use any more; None while it is."""
        self.beats = 0
        """Different values of the heartbeat in this connection."""
        self.continuity = Continuity(sink.gap)
        self.items: dict[str, Item] = {item.name: item for item in target.items}
        """Nodes by name, those that were found by wildcards among them."""
        self.bad: dict[str, str] = {}
        """Nodes without a usable value, and why."""
        self.pending: set[str] = set()
        """Nodes that have given no value in this epoch."""
        self.heard_s = clock.steady_s()
        """When a notification last came in, s on our clock."""
        self.beat: datetime | None = None
        """What the heartbeat last showed."""
        self.dead_factor_s = 0.0
        """Longest time between two signs of life by the server's own settings, s."""
        self.skew_s: float | None = None
        """Server's clock less ours, s."""
        self.ids: dict[str, ua.NodeId] = {}
        """Node ids of today by name."""
        self.names = Names()
        """Namespaces, and what the indexes of the first connection meant."""
        self._target = target
        self._clock = clock
        self._sink = sink
        self._wake = wake
        self._identity = identity
        self.channel: Channel | None = None
        self._ticket: Ticket | None = None
        self._subscriptions: dict[int, Subscription] = {}
        self._pump: asyncio.Task[None] | None = None
        self._epoch = 0
        self._acks: list[tuple[int, int]] = []
        self._beat_s = clock.steady_s()
        self._stale: list[int] = []
        self._tells_each = False
        for name in self.items:
            self.continuity.track(name)

    # --- coming to a session ----------------------------------------------------------------------

    async def connect(self, timeout_s: float) -> None:
        """Open a connection; raises OSError, TimeoutError or UaError."""
        self.lost, self.beats = None, 0
        self.channel = Channel(self._target.endpoint, timeout_s, self.lose)
        await self.channel.connect()

    async def secure(self) -> None:
        """Open the secure channel; raises RefusedError where the peer is not to be trusted."""
        assert self.channel is not None
        await self.channel.secure(self._target.security, self._identity)

    async def open(self) -> bool:
        """Find the session again or make one; tell whether our subscriptions still live."""
        channel = self.channel
        assert channel is not None
        if self._ticket is not None:
            ticket, self._ticket = self._ticket, None
            with suppress(ua.UaError):
                self._ticket = await channel.reactivate(ticket)
                return bool(self._subscriptions)  # they are ours already: nothing to transfer
        self._ticket = await channel.create_session()
        return await self._transferred() if self._subscriptions else False

    async def _transferred(self) -> bool:
        assert self.channel is not None
        ids = list(self._subscriptions)
        try:
            ours = await self.channel.transfer(ids)
        except ua.UaError:
            ours = [False] * len(ids)
        if len(ours) == len(ids) and all(ours):
            return True
        self._subscriptions.clear()
        return False

    async def republish(self) -> bool:
        """Ask for what was sent in vain; False if the subscriptions are gone after all."""
        assert self.channel is not None
        self._acks.clear()
        self.continuity.resume()
        for subscription in self._subscriptions.values():
            for _ in range(REPUBLISH_ROUNDS):
                expected = subscription.check.expected
                if expected is None:
                    break
                try:
                    message = await self.channel.republish(subscription.number, expected)
                except (ua.uaerrors.BadSubscriptionIdInvalid, ua.uaerrors.BadSessionIdInvalid):
                    self._subscriptions.clear()
                    return False
                except ua.UaStatusCodeError:
                    break  # it has no more, or cannot do it; the numbers will tell
                await self._take(subscription, message, Origin.REPUBLISH, more=False)
        self.continuity.republished(self._epoch)
        self._alive()
        self._start()
        return True

    async def browse(self) -> None:
        """Read namespaces, find the nodes of today."""
        assert self.channel is not None
        self.names.learn(await self.channel.namespaces())
        self._tells_each = await self.channel.tells_each_change()
        for wildcard in self._target.wildcards:
            for item in await matching(self.channel, wildcard, self.names):
                if item.name not in self.items:
                    self.items[item.name] = item
                    self.continuity.track(item.name)

    # --- subscribing ------------------------------------------------------------------------------

    async def subscribe(self, epoch: int, reason: str) -> None:
        """Make new subscriptions and ask for every item, as many per call as the server takes."""
        assert self.channel is not None
        await self._discard()
        self._epoch = epoch
        self.continuity.begin_epoch(reason)
        self.bad.clear()
        self.pending = set(self.items)
        limit = await self.channel.limit(
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
        )
        chunk = min(limit or ITEMS_PER_CALL, ITEMS_PER_CALL)
        waiting = self._requests()
        while True:
            subscription = await self._create()
            await self._beat_on(subscription)
            self._start()
            left = await self._ask_all(subscription, waiting, chunk)
            if not left or len(left) == len(waiting):
                break
            waiting = left  # this subscription is full; the rest goes into another one
        for name, _ in left:
            self._refuse(name, "the server takes no more items")

    async def _discard(self) -> None:
        """Give up what is left of earlier epochs on the server."""
        assert self.channel is not None
        ids = [*self._subscriptions, *self._stale]
        self._subscriptions.clear()
        self._stale.clear()
        if ids:
            await self.channel.delete_subscriptions(ids)

    async def _create(self) -> Subscription:
        assert self.channel is not None
        asked_s = self._target.publishing_s
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=asked_s * 1000,
            RequestedLifetimeCount=max(300, int(LIFETIME_S / asked_s)),
            RequestedMaxKeepAliveCount=max(1, int(KEEP_ALIVE_S / asked_s)),
            MaxNotificationsPerPublish=NOTIFICATIONS,
            PublishingEnabled=True,
        )
        answer = await self.channel.create_subscription(parameters)
        publishing_s = float(answer.RevisedPublishingInterval or 0.0) / 1000.0 or asked_s
        made = Subscription(int(answer.SubscriptionId), publishing_s)
        self._subscriptions[made.number] = made
        self.dead_factor_s = max(self.dead_factor_s, 3.0 * publishing_s)
        return made

    async def _beat_on(self, subscription: Subscription) -> None:
        """Put the clock on the subscription, so that it speaks for the other items."""
        assert self.channel is not None
        node = self.names.resolved(self._target.heartbeat)
        self._alive()
        if node is None:
            return
        request = _request(node, 1, HEARTBEAT_SAMPLING_S, 2)
        try:
            (answer,) = await self.channel.create_items(subscription.number, [request])
        except (ua.UaError, ValueError):
            return
        if answer.StatusCode.value < BAD:
            subscription.heartbeat = 1

    def _requests(self) -> list[tuple[str, ua.NodeId]]:
        found = []
        for name, item in self.items.items():
            node = self.names.resolved(item.node)
            if node is None:
                self._refuse(name, "its namespace is unknown to the server")
                continue
            self.ids[name] = node
            found.append((name, node))
        return found

    async def _ask_all(
        self, subscription: Subscription, wanted: Sequence[tuple[str, ua.NodeId]], chunk: int
    ) -> list[tuple[str, ua.NodeId]]:
        """Ask for items chunk by chunk; return those for which the subscription has no room."""
        left: list[tuple[str, ua.NodeId]] = []
        start = 0
        while start < len(wanted):
            part = wanted[start : start + chunk]
            try:
                left += await self._ask(subscription, part)
            except TOO_MUCH:
                if chunk == 1:
                    raise
                chunk = max(1, chunk // 2)  # it stated another limit, or none
                continue
            start += len(part)
        return left

    async def _ask(
        self, subscription: Subscription, part: Sequence[tuple[str, ua.NodeId]]
    ) -> list[tuple[str, ua.NodeId]]:
        assert self.channel is not None
        requests = []
        for name, node in part:
            item, handle = self.items[name], len(subscription.tracks) + 2
            track = self.continuity.track(name)
            subscription.tracks[handle] = track
            track.queue = item.queue_size  # until the answer is here: values may come before it
            requests.append(_request(node, handle, item.sampling_s, item.queue_size))
        try:
            answers = await self.channel.create_items(subscription.number, requests)
        except ua.UaError:
            for request in requests:
                subscription.tracks.pop(request.RequestedParameters.ClientHandle, None)
            raise
        full = []
        for (name, node), request, answer in zip(part, requests, answers, strict=False):
            code = answer.StatusCode.value
            if code < BAD:
                self._settle(subscription, name, answer)
                continue
            subscription.tracks.pop(request.RequestedParameters.ClientHandle, None)
            if code == ua.StatusCodes.BadTooManyMonitoredItems and subscription.tracks:
                full.append((name, node))
            else:
                self._refuse(name, answer.StatusCode.name)
        for name, _ in part[len(answers) :]:
            self._refuse(name, "the server gave no answer")
        return full

    def _settle(self, subscription: Subscription, name: str, answer: Any) -> None:
        """Note what the server made of our wishes for an item."""
        item, track = self.items[name], self.continuity.track(name)
        track.queue = max(1, int(answer.RevisedQueueSize or 0))
        sampling_s = float(answer.RevisedSamplingInterval or 0.0) / 1000.0
        if sampling_s < 0:
            sampling_s = subscription.publishing_s
        coarse = sampling_s > item.sampling_s * 1.001 + 1e-6 and not self._tells_each
        track.coarse_s = sampling_s if coarse else None

    def _refuse(self, name: str, reason: str) -> None:
        self.pending.discard(name)
        self.bad[name] = reason

    async def retry(self) -> None:
        """Ask again for items that the server did not have; it may have them by now."""
        wanted = [(name, self.ids[name]) for name in list(self.bad)
                  if name in self.ids and not self._has(name)]  # fmt: skip
        if wanted and self._subscriptions:
            subscription = next(reversed(self._subscriptions.values()))
            for name, _ in wanted:
                self.bad.pop(name, None)
                self.pending.add(name)
            await self._ask_all(subscription, wanted, min(len(wanted), 100))

    def _has(self, name: str) -> bool:
        track = self.continuity.track(name)
        return any(track in found.tracks.values() for found in self._subscriptions.values())

    # --- notifications ----------------------------------------------------------------------------

    def _start(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._fetch(), name=f"fetch {self._target.endpoint}")

    def check(self) -> None:
        """Raise what went wrong in this program while values were read, if anything did."""
        if self._pump is not None and self._pump.done() and not self._pump.cancelled():
            self._pump.result()

    async def _fetch(self) -> None:
        """Keep requests at the server and take what they bring, in order."""
        assert self.channel is not None
        channel = self.channel
        most = OUTSTANDING
        waiting: deque[asyncio.Task[ua.PublishResult]] = deque()
        try:
            while self.lost is None:
                while len(waiting) < most:
                    acks, self._acks = self._acks, []
                    waiting.append(asyncio.create_task(channel.publish(acks)))
                try:
                    result = await waiting.popleft()
                except ua.uaerrors.BadTooManyPublishRequests:
                    most = max(1, most - 1)
                    await asyncio.sleep(0.05 if waiting else 0.5)
                    continue
                except ua.uaerrors.BadTimeout:
                    continue
                await self._arrived(result)
                # While nobody takes what is here nothing more is fetched: the server keeps it.
                await self._sink.room()
        except (OSError, TimeoutError, ua.UaError) as error:
            self._failed(error)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _failed(self, error: Exception) -> None:
        gone = (ua.uaerrors.BadNoSubscription, ua.uaerrors.BadSubscriptionIdInvalid)
        if isinstance(error, gone):
            self._forget("the server has given up our subscription")
        else:
            self.lose(f"no more values: {str(error) or type(error).__name__}")

    async def _arrived(self, result: ua.PublishResult) -> None:
        subscription = self._subscriptions.get(int(result.SubscriptionId))
        if subscription is None:
            return  # of an epoch that is over
        self.heard_s = self._clock.steady_s()
        message, more = result.NotificationMessage, bool(result.MoreNotifications)
        await self._take(subscription, message, Origin.LIVE, more=more)

    async def _take(
        self, subscription: Subscription, message: Any, origin: Origin, *, more: bool
    ) -> None:
        """Take a notification if it is the one that was due, and what should have come before."""
        check, number = subscription.check, int(message.SequenceNumber)
        data = message.NotificationData
        verdict = check.see(number, carries=bool(data))
        if verdict is Verdict.AHEAD and not await self._caught_up(subscription, number):
            return
        if verdict is Verdict.STRANGE:
            self._forget(f"the server counts its notifications anew, from {number}")
            return
        if not data:
            return
        if verdict is not Verdict.REPEATED:
            check.took()
            self._apply(subscription, data, origin)
            if not more:
                self.continuity.end_batch()
        else:
            self._repeated(subscription, data)
        self._acks.append((subscription.number, number))

    async def _caught_up(self, subscription: Subscription, number: int) -> bool:
        """Ask again for the notifications that are missing before ``number``."""
        assert self.channel is not None
        for _ in range(subscription.check.missing(number)):
            expected = subscription.check.expected or 1
            try:
                again = await self.channel.republish(subscription.number, expected)
            except ua.UaStatusCodeError:
                self._forget(f"notifications {expected} to {number - 1} are missing")
                return False
            subscription.check.took()
            self._apply(subscription, again.NotificationData, Origin.REPUBLISH)
            self.continuity.end_batch()
            self._acks.append((subscription.number, expected))
        self.continuity.republished(self._epoch)
        return True

    def _repeated(self, subscription: Subscription, data: Any) -> None:
        for part in data:
            for item in getattr(part, "MonitoredItems", None) or ():
                track = subscription.tracks.get(int(item.ClientHandle))
                if track is not None:
                    track.duplicates += 1

    def _apply(self, subscription: Subscription, data: Any, origin: Origin) -> None:
        now, fresh = self._clock.now(), []
        for part in data:
            if isinstance(part, ua.DataChangeNotification):
                for item in part.MonitoredItems:
                    track = subscription.tracks.get(item.ClientHandle)
                    if track is None:
                        self._hear(subscription, item, now)
                        continue
                    sample = sample_of(item.Value, track.name, now, self._epoch, origin)
                    if self.continuity.take(track, sample):
                        fresh.append(sample)
                    if sample.status >= BAD or self.bad or self.pending:
                        self._judge(sample)
            elif isinstance(part, ua.StatusChangeNotification):
                self._forget(f"the server ended the subscription: {part.Status.name}")
        if fresh:
            self._sink.take(fresh)

    def _judge(self, sample: Sample) -> None:
        """Note whether a node gives a usable value."""
        self.pending.discard(sample.node)
        if sample.status >= BAD:
            self.bad[sample.node] = str(ua.StatusCode(sample.status).name)
        else:
            self.bad.pop(sample.node, None)

    def _hear(self, subscription: Subscription, item: Any, now: datetime) -> None:
        """Take a value of the clock."""
        value = item.Value.Value.Value if item.Value.Value is not None else None
        if item.ClientHandle != subscription.heartbeat or not isinstance(value, datetime):
            return
        shown = utc(value)
        if shown != self.beat:
            self.beat = shown
            self.skew_s = (shown - now).total_seconds()
            self.beats += 1
            self._beat_s = self._clock.steady_s()

    def _alive(self) -> None:
        self._beat_s = self.heard_s = self._clock.steady_s()

    @property
    def beating(self) -> bool:
        """Whether the server has a clock that can be subscribed to."""
        return any(found.heartbeat is not None for found in self._subscriptions.values())

    def silent_s(self) -> float:
        """Return the time since values were last proved to flow, s on our clock."""
        since_s = self._beat_s if self.beating and self.beats else self.heard_s
        return self._clock.steady_s() - since_s

    # --- losing and ending ------------------------------------------------------------------------

    def lose(self, reason: str) -> None:
        """Note that this connection is of no use any more; the session may still be."""
        if self.lost is None:
            self.lost = reason
            self._wake()

    def _forget(self, reason: str) -> None:
        """Note that the subscriptions are of no use any more: the next ones are a new epoch."""
        self._stale += self._subscriptions
        self._subscriptions.clear()
        self.lose(reason)

    def forget(self, reason: str) -> None:
        """Give up the subscriptions, for instance because their values do not flow."""
        self._forget(reason)

    async def drop(self) -> None:
        """Let go of the connection at once, keeping what the server has for us."""
        await self._stop()
        if self.channel is not None:
            self.channel.drop()
            self.channel = None

    async def close(self) -> None:
        """End the session as politely as the server allows within a bounded time."""
        await self._stop()
        self._subscriptions.clear()
        self._ticket = None
        if self.channel is not None:
            await self.channel.close()
            self.channel = None

    async def _stop(self) -> None:
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait({pump}, timeout=2.0)


def _request(
    node: ua.NodeId, handle: int, sampling_s: float, queue_size: int
) -> ua.MonitoredItemCreateRequest:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=sampling_s * 1000,
            QueueSize=queue_size,
            DiscardOldest=True,
        ),
    )


def sample_of(data: ua.DataValue, name: str, now: datetime, epoch: int, origin: Origin) -> Sample:
    """Return a value of the library as a sample."""
    source, server = data.SourceTimestamp, data.ServerTimestamp
    variant, status = data.Value, data.StatusCode
    stamp = source or server
    return Sample(
        name,
        now if stamp is None else utc(stamp),
        None if server is None else utc(server),
        now,
        None if variant is None else variant.Value,
        0 if status is None else status.value,
        epoch,
        origin,
        stamp is not None,
    )


def utc(moment: datetime) -> datetime:
    """Return a moment of the library, which may carry no zone, aware, UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
