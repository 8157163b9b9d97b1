"""A dry run of a mapping against the live server: what would go wrong, all at once.

Nothing is written and nothing is kept: one session reads attributes, one subscription is watched
for a few seconds, and both are ended.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from asyncua import ua

from twin.errors import ConnectionLostError, Finding, UnknownNameError
from twin.line import Line
from twin.sync.browse import Names
from twin.sync.compat import BAD, Channel, refusal
from twin.sync.elements import needed
from twin.sync.mapping import Mapping, NodeSpec, status_of
from twin.sync.opcua import value_of
from twin.sync.parts import by_parts
from twin.sync.protocol import Origin, Quality, Sample
from twin.sync.security import Identity, RefusedError, Security

READABLE = 1
"""Bit of the access level that says that the value may be read."""


@asynccontextmanager
async def reader(
    endpoint: str, security: Security | None, identity: Identity | None, timeout_s: float = 5.0
) -> AsyncIterator[Channel]:
    """Open a session for a while.

    Raises
    ------
    ConnectionLostError
        If the server cannot be reached, either side refuses the other, or it answers no more.
    """
    channel = Channel(endpoint, timeout_s, lambda _: None)
    try:
        await channel.connect()
        await channel.secure(security, identity)
        await channel.create_session()
        yield channel
    except RefusedError:
        raise
    except (OSError, TimeoutError, ua.UaError) as error:
        told = str(error) or type(error).__name__
        raise ConnectionLostError(f"{endpoint} cannot be asked: {told}") from error
    finally:
        await channel.close()


@dataclass(slots=True)
class Survey:
    """What a dry run found."""

    findings: list[Finding] = field(default_factory=list)
    """What is wrong."""
    notes: list[Finding] = field(default_factory=list)
    """What may be meant so, and is worth a look."""
    nodes: int = 0
    """Mapped nodes, the heartbeat among them."""
    most_per_s: float = 0.0
    """Values each second if every node changed at every sampling, 1/s."""
    seen_per_s: float = 0.0
    """Values each second while it was watched, 1/s."""
    watched_s: float = 0.0
    """How long it was watched, s."""


async def survey(
    mapping: Mapping,
    line: Line | None = None,
    identity: Identity | None = None,
    watch_s: float = 3.0,
) -> Survey:
    """Try a mapping on its server.

    Parameters
    ----------
    mapping : Mapping
        A mapping with an endpoint.
    line : Line or None
        Line whose needs are checked too.
    identity : Identity or None
        Our certificate and trust list.
    watch_s : float
        How long values are counted, s.

    Raises
    ------
    ConnectionLostError
        If the server cannot be reached.
    RefusedError
        If its certificate is not to be trusted.
    """
    found = Survey(nodes=len(mapping.by_node))
    found.most_per_s = sum(map(mapping.most_per_s, mapping.by_node.values()))
    if line is not None:
        found.findings += needed(line, {(spec.element, spec.property) for spec in mapping.nodes})
    async with reader(mapping.endpoint, mapping.security, identity) as channel:
        names = Names()
        names.learn(await channel.namespaces())
        await _Look(mapping, channel, names, found).all(watch_s)
    return found


class _Look:
    def __init__(self, mapping: Mapping, channel: Channel, names: Names, found: Survey) -> None:
        self.mapping, self.channel, self.names, self.found = mapping, channel, names, found
        self.at = {spec.node: f"nodes.{k}.node" for k, spec in enumerate(mapping.nodes)}
        self.at[mapping.heartbeat.node] = "heartbeat.node"

    def tell(self, spec: NodeSpec, message: str, expected: str = "", remedy: str = "") -> None:
        """Note what is wrong with a node."""
        path = self.at[spec.node]
        self.found.findings.append(Finding(path, f"{spec.node}: {message}", expected, remedy))

    def note(self, spec: NodeSpec, message: str, remedy: str = "") -> None:
        """Note what is worth a look."""
        path = self.at[spec.node]
        self.found.notes.append(Finding(path, f"{spec.node}: {message}", remedy=remedy))

    async def all(self, watch_s: float) -> None:
        """Look at everything."""
        there: list[tuple[NodeSpec, ua.NodeId]] = []
        for spec in self.mapping.by_node.values():
            node = self.names.resolved(spec.node)
            if node is None:
                self.tell(spec, "the server does not know its namespace")
            else:
                there.append((spec, node))
        ids = [node for _, node in there]
        values = await self.channel.read(ids)
        access = await self.channel.read(ids, ua.AttributeIds.UserAccessLevel)
        usable = []
        for (spec, node), data, level in zip(there, values, access, strict=True):
            if self._value(spec, data, level):
                usable.append((spec, node))
        for spec, node in usable:
            await self._unit(spec, node)
        await self._watch(usable, watch_s)

    def _value(self, spec: NodeSpec, data: ua.DataValue, level: ua.DataValue) -> bool:
        """Check one value; tell whether its node is there and may be read."""
        status = data.StatusCode.value if data.StatusCode is not None else 0
        name = data.StatusCode.name if data.StatusCode is not None else "Good"
        rights = level.Value.Value if level.Value is not None else None
        if isinstance(rights, int) and not rights & READABLE:
            self.tell(spec, "may not be read by this user", remedy="ask for the right to read it")
            return False
        if status >= BAD and name in {"BadNodeIdUnknown", "BadAttributeIdInvalid"}:
            self.tell(spec, f"is no variable of the server ({name})")
            return False
        if status >= BAD:
            (self.tell if spec.required else self.note)(spec, f"gives no usable value ({name})")
            return True
        self._type(spec, data)
        return True

    def _type(self, spec: NodeSpec, data: ua.DataValue) -> None:
        now = datetime.now(UTC)
        raw = data.Value.Value if data.Value is not None else None
        stamp = _aware(data.SourceTimestamp) if data.SourceTimestamp is not None else now
        sample = Sample(spec.node, stamp, None, now, raw, 0, 1, Origin.LIVE, stamped=True)
        value = value_of(sample, spec, self.mapping.source)
        if value.quality is Quality.BAD:
            kind = data.Value.VariantType.name if data.Value is not None else "nothing"
            many = "a list of " if isinstance(raw, list) else ""
            self.tell(spec, f"is {many}{kind}", f"a value of type {spec.type}")
            return
        if spec.property.endswith("state") and isinstance(value.value, int | str):
            try:
                status_of(self.mapping, spec, value.value)
            except UnknownNameError as error:
                self.tell(spec, str(error), remedy="write a table under state_maps")
        self._clock(spec, stamp, now, value.value)

    def _clock(self, spec: NodeSpec, stamp: datetime, now: datetime, value: object) -> None:
        limit_s = self.mapping.max_skew_s
        if limit_s is None:
            return
        ahead_s = (stamp - now).total_seconds()
        if spec.node == self.mapping.heartbeat.node and isinstance(value, datetime):
            ahead_s = (value - now).total_seconds()
        elif ahead_s < 0:
            return  # a value may rest for as long as it likes
        if abs(ahead_s) > limit_s:
            where = "ahead of" if ahead_s > 0 else "behind"
            told = f"its clock is {abs(ahead_s):.1f} s {where} ours"
            self.tell(spec, told, f"at most {limit_s:g} s", "set the clocks, or max_skew_s")

    async def _unit(self, spec: NodeSpec, node: ua.NodeId) -> None:
        """Compare the unit with the one that the server states, where it does."""
        if spec.type not in {"int", "float"}:
            return
        with suppress(ua.UaError, TimeoutError):
            stated = ""
            for reference in await self.channel.browse(node):
                if reference.BrowseName.Name == "EngineeringUnits":
                    (data,) = await self.channel.read([_plain(reference.NodeId)])
                    text = getattr(data.Value.Value, "DisplayName", None) if data.Value else None
                    stated = (text.Text or "") if text is not None else ""
            if stated and spec.unit and stated != spec.unit:
                self.tell(spec, f"is in {stated!r} by the server, {spec.unit!r} by the mapping")
            elif stated and not spec.unit:
                self.note(spec, f"the server states the unit {stated!r}", f"write unit: {stated}")

    async def _watch(self, usable: list[tuple[NodeSpec, ua.NodeId]], watch_s: float) -> None:
        """Subscribe for a while: what the server grants, how much comes, whether it lives."""
        parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=self.mapping.publishing_s * 1000,
            RequestedLifetimeCount=300,
            RequestedMaxKeepAliveCount=10,
            MaxNotificationsPerPublish=10_000,
            PublishingEnabled=True,
        )
        answer = await self.channel.create_subscription(parameters)
        publishing_s = float(answer.RevisedPublishingInterval or 0.0) / 1000.0
        requests = [self._request(spec, node, k) for k, (spec, node) in enumerate(usable)]
        ask = partial(self.channel.create_items, answer.SubscriptionId)
        most = await self.channel.items_at_once()
        granted, _ = await by_parts(ask, requests, most, refusal)
        for (spec, _), item in zip(usable, granted, strict=True):
            self._granted(spec, item, publishing_s)
        counts = await self._count(usable, watch_s)
        self.found.watched_s = watch_s
        self.found.seen_per_s = sum(counts) / watch_s if watch_s else 0.0
        for (spec, _), count in zip(usable, counts, strict=True):
            beats = spec.node == self.mapping.heartbeat.node
            if beats and watch_s >= self.mapping.heartbeat.dead_after_s and count <= 1:
                self.tell(spec, f"did not move for {watch_s:g} s", "a clock that keeps moving")

    def _request(self, spec: NodeSpec, node: ua.NodeId, handle: int) -> Any:
        monitoring = ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=self.mapping.sampling_of(spec) * 1000,
            QueueSize=self.mapping.queue_size_of(spec),
            DiscardOldest=True,
        )
        wanted = ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value)
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=wanted,
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=monitoring,
        )

    def _granted(self, spec: NodeSpec, item: Any, publishing_s: float) -> None:
        if item.StatusCode.value >= BAD:
            self.tell(spec, f"cannot be subscribed to ({item.StatusCode.name})")
            return
        queue, sampling_s = int(item.RevisedQueueSize), float(item.RevisedSamplingInterval) / 1000.0
        wanted_s = self.mapping.sampling_of(spec)
        least = math.ceil(2 * publishing_s / sampling_s) if sampling_s > 0 else 2
        if 0 < queue < min(least, self.mapping.queue_size_of(spec)):
            told = f"the server keeps {queue} values and publishes every {publishing_s:g} s"
            self.note(spec, told, "values may be lost between publications; gaps will be declared")
        if sampling_s > 1.001 * wanted_s and spec.node != self.mapping.heartbeat.node:
            self.note(spec, f"the server samples every {sampling_s:g} s, not {wanted_s:g} s")

    async def _count(self, usable: list[tuple[NodeSpec, ua.NodeId]], watch_s: float) -> list[int]:
        """Return how many values came of each node but for its first."""
        counts = [-1] * len(usable)
        acks: list[tuple[int, int]] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(watch_s):
                while True:
                    told = await self.channel.publish(acks)
                    acks = [(told.subscription, told.number)]
                    for handle, *_ in told.changes:
                        counts[handle] += 1
        return [max(0, count) for count in counts]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _plain(node: Any) -> ua.NodeId:
    return ua.NodeId(node.Identifier, node.NamespaceIndex)
