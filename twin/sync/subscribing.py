"""Subscriptions and their items: as many in one call as the server takes, each answer looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from asyncua import ua

from twin.sync.compat import BAD, Channel
from twin.sync.continuity import Track
from twin.sync.nodes import Nodes
from twin.sync.parts import by_parts
from twin.sync.sequence import SequenceCheck
from twin.sync.target import Target

NOTIFICATIONS = 10_000
"""Values in one notification at most."""
LIFETIME_S = 600.0
"""Time for which a server is asked to keep a subscription that nobody fetches, s."""
KEEP_ALIVE_S = 1.0
HEARTBEAT_SAMPLING_S = 0.5

FULL = "the server takes no more items"
GONE = {"BadNodeIdUnknown", "BadNodeIdInvalid"}
"""Words of a server for a node that is not there, or not any more."""
Wanted = Sequence[tuple[str, ua.NodeId]]


@dataclass(slots=True)
class Subscription:
    """One subscription on the server."""

    number: int
    """Its id there."""
    publishing_s: float
    """Time between publications as the server set it, s."""
    silence_s: float
    """Longest time without a publication by the server's own settings, s."""
    promised: bool = False
    """Whether its last notification said that more would come at once."""
    published: int = 0
    """Whole publications that came in, those that said that there is no news among them."""
    arrived_s: float = 0.0
    """Moment on our clock at which that one was here, s."""
    check: SequenceCheck = field(default_factory=SequenceCheck)
    """Numbers of its notifications."""
    tracks: dict[int, Track] = field(default_factory=dict)
    """Nodes by client handle."""
    ids: dict[int, int] = field(default_factory=dict)
    """The server's own numbers of the items, by client handle."""
    heartbeat: int | None = None
    """Handle of the clock; None where the server has none."""
    newest: int = 1
    """Handle given last; none is given twice, not even that of an item that was refused."""


class Subscriber:
    """Makes subscriptions on one connection.

    Parameters
    ----------
    channel : Channel
        The connection.
    target : Target
        What to read.
    nodes : Nodes
        What is known of the nodes; what the server answers is noted there.
    tells_each : bool
        Whether the server reports every change whatever sampling it states.
    """

    def __init__(self, channel: Channel, target: Target, nodes: Nodes, *, tells_each: bool) -> None:
        self._channel = channel
        self._target = target
        self._nodes = nodes
        self._tells_each = tells_each

    async def create(self) -> Subscription:
        """Make a subscription without items."""
        asked_s = self._target.publishing_s
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=asked_s * 1000,
            RequestedLifetimeCount=max(300, int(LIFETIME_S / asked_s)),
            RequestedMaxKeepAliveCount=max(1, int(KEEP_ALIVE_S / asked_s)),
            MaxNotificationsPerPublish=NOTIFICATIONS,
            PublishingEnabled=True,
        )
        answer = await self._channel.create_subscription(parameters)
        publishing_s = float(answer.RevisedPublishingInterval or 0.0) / 1000.0
        if not 0.0 < publishing_s < LIFETIME_S:
            publishing_s = asked_s
        quiet = min(int(answer.RevisedMaxKeepAliveCount or 1), int(LIFETIME_S / publishing_s))
        return Subscription(int(answer.SubscriptionId), publishing_s, quiet * publishing_s)

    async def beat_on(self, subscription: Subscription) -> bool:
        """Put the clock on a subscription, so that it speaks for the other items; tell if it is."""
        node = self._nodes.names.resolved(self._target.heartbeat)
        if node is None:
            return False
        request = _request(node, 1, HEARTBEAT_SAMPLING_S, 2)
        try:
            (answer,) = await self._channel.create_items(subscription.number, [request])
        except (ua.UaError, ValueError):
            return False
        if answer.StatusCode.value < BAD:
            subscription.heartbeat = 1
        return subscription.heartbeat is not None

    async def ask(self, subscription: Subscription, wanted: Wanted) -> Wanted:
        """Ask for items chunk by chunk; return those for which the subscription has no room."""
        most = await self._channel.items_at_once()
        ask = partial(self._ask, subscription)
        codes, most = await by_parts(ask, wanted, most, lambda code: code)
        self._channel.takes(most)
        left = []
        for (name, node), code in zip(wanted, codes, strict=True):
            if code == ua.StatusCodes.BadTooManyMonitoredItems:
                left.append((name, node))
            elif code >= BAD:
                self._nodes.refuse(name, str(ua.StatusCode(code).name))
        if subscription.tracks:
            return left
        for name, _ in left:  # not one fits into it: into another one neither
            self._nodes.refuse(name, FULL)
        return []

    async def _ask(self, subscription: Subscription, part: Wanted) -> list[int]:
        """Ask for items in one call; return the status codes of the answers."""
        requests = []
        for name, node in part:
            item = self._nodes.items[name]
            # Never the same handle again: a server may have made some of those that it refused.
            subscription.newest += 1
            handle = subscription.newest
            track = self._nodes.continuity.track(name)
            subscription.tracks[handle] = track
            track.queue = item.queue_size  # until the answer is here: values may come before it
            requests.append(_request(node, handle, item.sampling_s, item.queue_size))
        try:
            answers = await self._channel.create_items(subscription.number, requests)
        except (OSError, TimeoutError, ua.UaError):
            for request in requests:
                subscription.tracks.pop(request.RequestedParameters.ClientHandle, None)
            raise
        codes = []
        for (name, _), request, answer in zip(part, requests, answers, strict=True):
            handle, code = request.RequestedParameters.ClientHandle, answer.StatusCode.value
            codes.append(code)
            if code < BAD:
                subscription.ids[handle] = int(answer.MonitoredItemId)
                self._granted(subscription, name, answer)
            else:
                subscription.tracks.pop(handle, None)
        return codes

    def _granted(self, subscription: Subscription, name: str, answer: Any) -> None:
        """Note what the server made of our wishes for an item."""
        item, track = self._nodes.items[name], self._nodes.continuity.track(name)
        track.queue = max(1, int(answer.RevisedQueueSize or 0))
        sampling_s = float(answer.RevisedSamplingInterval or 0.0) / 1000.0
        if sampling_s < 0:
            sampling_s = subscription.publishing_s
        samples = sampling_s > 0.0 and not self._tells_each
        track.pace.coarse_s = sampling_s if samples else None
        track.pace.asked = sampling_s <= item.sampling_s * 1.001 + 1e-6

    async def retry(self, subscriptions: Sequence[Subscription]) -> None:
        """Ask again for items that the server did not have; it may have them by now."""
        nodes = self._nodes
        for found in subscriptions:
            await self._give_up(found)
        has = {track.name for found in subscriptions for track in found.tracks.values()}
        reasons = {name: why for name, why in nodes.bad.items()
                   if name in nodes.ids and name not in has}  # fmt: skip
        if reasons and subscriptions:
            for name in reasons:
                nodes.await_value(name)
            try:
                wanted = [(name, nodes.ids[name]) for name in reasons]
                for name, _ in await self.ask(subscriptions[-1], wanted):
                    nodes.refuse(name, FULL)
            except (OSError, TimeoutError, ua.UaError):
                has = {track.name for track in subscriptions[-1].tracks.values()}
                for name in reasons.keys() - has - nodes.bad.keys():
                    nodes.refuse(name, reasons[name])  # to be asked for another time
                raise

    async def _give_up(self, subscription: Subscription) -> None:
        """Let go of items whose nodes are no more: a node made anew is not theirs."""
        gone = [handle for handle, track in subscription.tracks.items()
                if self._nodes.bad.get(track.name) in GONE]  # fmt: skip
        ids = [subscription.ids.pop(handle) for handle in gone]
        for handle in gone:
            del subscription.tracks[handle]
        if ids:
            await self._channel.delete_items(subscription.number, ids)


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
