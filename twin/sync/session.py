"""One connection to one OPC UA server: a fresh client, one counted subscription, decoded values.

This is the only module that knows the ways of the client library.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from asyncua import Client, ua
from asyncua.common.subscription import (
    DataChangeEvent,
    OverflowPolicy,
    StatusChangeEvent,
    Subscription,
)

from twin.sync.clock import Clock
from twin.sync.mapping import Mapping, NodeSpec
from twin.sync.protocol import Quality, Reading, Value

REFUSALS = (
    ua.uaerrors.BadCertificateInvalid,
    ua.uaerrors.BadCertificateUntrusted,
    ua.uaerrors.BadCertificateTimeInvalid,
    ua.uaerrors.BadCertificateHostNameInvalid,
    ua.uaerrors.BadIdentityTokenInvalid,
    ua.uaerrors.BadIdentityTokenRejected,
    ua.uaerrors.BadSecurityChecksFailed,
    ua.uaerrors.BadSecurityPolicyRejected,
    ua.uaerrors.BadUserAccessDenied,
)
"""Errors that trying again does not mend."""
ITEMS_PER_CALL = 500
"""Items asked for in one call where the server states no limit of its own."""
LAST_SEQUENCE = 2**32 - 1
"""After this number of a notification comes 1."""
CLOSE_S = 2.0
"""Longest wait for a server to say goodbye, s."""


class _Counted(Subscription):  # type: ignore[misc]  # the library hands out Any
    """A subscription that compares the sequence numbers of its notifications."""

    on_loss: Callable[[str], None]
    expected: int | None = None

    async def publish_callback(self, publish_result: ua.PublishResult) -> None:
        """Check the number, then pass the notification on."""
        message = publish_result.NotificationMessage
        number = int(message.SequenceNumber)
        if self.expected is not None and number != self.expected:
            self.on_loss(f"notifications {self.expected} to {number - 1} are missing")
        # A keep-alive carries the number that the next notification will have.
        carried = bool(message.NotificationData)
        self.expected = number % LAST_SEQUENCE + 1 if carried else number
        await super().publish_callback(publish_result)


class Session:
    """One connection, from its opening to its end; never used twice.

    Parameters
    ----------
    mapping : Mapping
        What to read.
    clock : Clock
        Clock for times of receipt and ages.
    take : callable
        Called with each value; False says that there is no room for it.
    wake : callable
        Called when the connection is lost.
    timeout_s : float
        Longest wait for an answer, s.
    """

    def __init__(
        self,
        mapping: Mapping,
        clock: Clock,
        take: Callable[[Value], bool],
        wake: Callable[[], None],
        timeout_s: float,
    ) -> None:
        self.lost: str | None = None
        """Why the connection is of no use any more; None while it is."""
        self.beats = 0
        """Different values of the heartbeat so far."""
        self._mapping = mapping
        self._clock = clock
        self._take = take
        self._wake = wake
        self._timeout_s = timeout_s
        self._client = Client(mapping.endpoint, timeout=timeout_s, auto_reconnect=False)
        self._client.session_timeout = 60_000
        self._subscription: _Counted | None = None
        self._pump: asyncio.Task[None] | None = None
        self._namespaces: list[str] = []
        self._chunk = ITEMS_PER_CALL
        self._epoch = 0
        self._specs: dict[int, NodeSpec] = {}
        self._pending: set[str] = set()
        self._bad: dict[str, str] = {}
        self._beat: datetime | None = None
        self._beat_s = clock.steady_s()

    def missing(self) -> tuple[str, ...]:
        """Return the nodes without a usable value, each with the reason."""
        told = [f"{node}: {reason}" for node, reason in self._bad.items()]
        return tuple(sorted(told + [f"{node}: no value yet" for node in self._pending]))

    def missing_required(self) -> list[str]:
        """Return the ids of the required nodes without a usable value."""
        nodes = self._mapping.by_node
        return [node for node in {*self._bad, *self._pending} if nodes[node].required]

    def complete(self) -> bool:
        """Tell whether every item gave a first value or was refused."""
        return not self._pending

    def heartbeat_age_s(self) -> float:
        """Return the time since the heartbeat last moved, s on our clock."""
        return self._clock.steady_s() - self._beat_s

    def check(self) -> None:
        """Raise what went wrong in this program while values were read, if anything did."""
        if self._pump is not None and self._pump.done() and not self._pump.cancelled():
            self._pump.result()

    async def open(self) -> None:
        """Connect and make a session; raises OSError, TimeoutError or UaError."""
        self._client.connection_lost_callback = self._on_lost
        async with asyncio.timeout(2 * self._timeout_s):
            await self._client.connect()

    async def browse(self) -> None:
        """Read the namespaces and the server's limits."""
        async with asyncio.timeout(self._timeout_s):
            self._namespaces = await self._client.get_namespace_array()
        limit = self._client.get_node(
            ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
        )
        stated = 0
        with suppress(ua.UaError):  # the node is optional
            async with asyncio.timeout(self._timeout_s):
                stated = int(await limit.read_value() or 0)
        self._chunk = min(stated or ITEMS_PER_CALL, ITEMS_PER_CALL)

    async def subscribe(self, epoch: int) -> None:
        """Make the subscription and ask for every item, as many per call as the server takes."""
        self._epoch = epoch
        period_ms = self._mapping.publishing_s * 1000
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=period_ms,
            RequestedLifetimeCount=max(300, int(60_000 / period_ms)),
            RequestedMaxKeepAliveCount=max(3, int(1000 / period_ms)),
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
        )
        # Made by hand and not through the client, whose watchdog would make it anew in silence.
        subscription = _Counted(
            self._client.uaclient.session,
            parameters,
            queue_maxsize=200_000,
            overflow=OverflowPolicy.DISCONNECT,
        )
        subscription.on_loss = self._lose
        subscription.set_overflow_disconnect_handler(
            lambda: self._lose("values came faster than they were read")
        )
        self._subscription = subscription
        async with asyncio.timeout(self._timeout_s):
            await subscription.init()
        self._beat_s = self._clock.steady_s()
        self._pump = asyncio.create_task(self._pump_values(subscription))
        requests = self._requests()
        for start in range(0, len(requests), self._chunk):
            await self._ask(subscription, requests[start : start + self._chunk])

    def _requests(self) -> list[ua.MonitoredItemCreateRequest]:
        requests = []
        self._pending = set(self._mapping.by_node)
        for handle, (node, spec) in enumerate(self._mapping.by_node.items(), start=1):
            found = self._resolved(node)
            if found is None:
                self._refuse(node, "its namespace is unknown to the server")
                continue
            self._specs[handle] = spec
            sampling_s = spec.sampling_s or self._mapping.sampling_s
            requests.append(
                ua.MonitoredItemCreateRequest(
                    ItemToMonitor=ua.ReadValueId(NodeId=found, AttributeId=ua.AttributeIds.Value),
                    MonitoringMode=ua.MonitoringMode.Reporting,
                    RequestedParameters=ua.MonitoringParameters(
                        ClientHandle=handle,
                        SamplingInterval=sampling_s * 1000,
                        QueueSize=self._mapping.queue_size_of(spec),
                        DiscardOldest=True,
                    ),
                )
            )
        return requests

    def _resolved(self, node: str) -> ua.NodeId | None:
        """Return the node id with the namespace's index of today."""
        head, _, rest = node.rpartition(";") if node.startswith("nsu=") else ("", "", node)
        if not head:
            return ua.NodeId.from_string(rest)
        uri = head.removeprefix("nsu=")
        if uri not in self._namespaces:
            return None
        return ua.NodeId.from_string(f"ns={self._namespaces.index(uri)};{rest}")

    async def _ask(
        self, subscription: _Counted, requests: list[ua.MonitoredItemCreateRequest]
    ) -> None:
        async with asyncio.timeout(self._timeout_s):
            results = await subscription.create_monitored_items(requests)
        for request, result in zip(requests, results, strict=True):
            if isinstance(result, ua.StatusCode):
                spec = self._specs[request.RequestedParameters.ClientHandle]
                self._refuse(spec.node, result.name)

    def _refuse(self, node: str, reason: str) -> None:
        self._pending.discard(node)
        self._bad[node] = reason

    def _lose(self, reason: str) -> None:
        if self.lost is None:
            self.lost = reason
            self._wake()

    async def _on_lost(self, error: Exception) -> None:
        self._lose(f"the connection broke: {str(error) or type(error).__name__}")

    async def _pump_values(self, subscription: _Counted) -> None:
        async for event in subscription:
            if isinstance(event, DataChangeEvent):
                spec = self._specs[int(event.data.subscription_data.client_handle or 0)]
                self._hear(spec, event.data.monitored_item.Value)
            elif isinstance(event, StatusChangeEvent):
                self._lose(f"the server ended the subscription: {event.notification.Status.name}")
            if self.lost is not None:
                return

    def _hear(self, spec: NodeSpec, data: ua.DataValue) -> None:
        """Decode a value and pass it on."""
        now = self._clock.now()
        status = data.StatusCode
        reading, quality = decoded(data, spec)
        source_time = data.SourceTimestamp or data.ServerTimestamp
        if source_time is None:
            source_time, quality = now, _at_most(quality, Quality.UNCERTAIN)
        value = Value(
            source=self._mapping.source,
            node=spec.node,
            element=spec.element,
            property=spec.property,
            source_time=_utc(source_time),
            server_time=_utc(data.ServerTimestamp) if data.ServerTimestamp else None,
            received_at=now,
            value=reading,
            quality=quality,
            epoch=self._epoch,
        )
        self._pending.discard(spec.node)
        if quality is Quality.BAD:
            good = status is None or status.is_good()
            self._bad[spec.node] = f"not of type {spec.type}" if good else status.name
        else:
            self._bad.pop(spec.node, None)
        if spec.property == "time" and isinstance(reading, datetime) and reading != self._beat:
            self._beat, self._beat_s = reading, self._clock.steady_s()
            self.beats += 1
        if not self._take(value):
            self._lose("values came faster than they were taken over")

    async def close(self) -> None:
        """End the connection as politely as the server allows within a bounded time."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump}, timeout=CLOSE_S)
        with suppress(TimeoutError, OSError, ua.UaError):
            async with asyncio.timeout(CLOSE_S):
                await self._client.disconnect()
        self._client.disconnect_socket()


def decoded(data: ua.DataValue, spec: NodeSpec) -> tuple[Reading, Quality]:
    """Return the value of a node as the mapping says it should be, and how good it is."""
    status = data.StatusCode
    quality = Quality.GOOD
    if status is not None and not status.is_good():
        quality = Quality.BAD if status.is_bad() else Quality.UNCERTAIN
    raw = data.Value.Value if data.Value is not None else None
    if quality is Quality.BAD:
        return None, quality
    reading = _READERS[spec.type](raw)
    return reading, (Quality.BAD if reading is None else quality)


def _at_most(quality: Quality, limit: Quality) -> Quality:
    return quality if quality is Quality.BAD else limit


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _int(raw: object) -> int | None:
    return int(raw) if isinstance(raw, int) and not isinstance(raw, bool) else None


def _float(raw: object) -> float | None:
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not math.isfinite(raw):
        return None
    return float(raw)


def _moment(raw: object) -> datetime | None:
    return _utc(raw) if isinstance(raw, datetime) else None


def _ints(raw: object) -> tuple[int, ...] | None:
    # An empty array may come as no value at all.
    items = raw if isinstance(raw, list | tuple) else () if raw is None else None
    if items is None or any(_int(item) is None for item in items):
        return None
    return tuple(int(item) for item in items)


_READERS: dict[str, Callable[[object], Reading]] = {
    "boolean": lambda raw: raw if isinstance(raw, bool) else None,
    "int": _int,
    "float": _float,
    "string": lambda raw: raw if isinstance(raw, str) else ("" if raw is None else None),
    "datetime": _moment,
    "int_list": _ints,
}
