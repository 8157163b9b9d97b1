"""OPC UA as a source of values for the mirror: what a mapping asks for, decoded.

The connection is looked after by ``twin.sync.supervisor``; no queue drops anything in silence:
while nobody takes the values that are here, the server keeps what comes next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from math import isfinite
from typing import Any

from asyncua import ua

from twin.errors import ConnectionLostError
from twin.sync.clock import Clock, SystemClock
from twin.sync.compat import BAD, Channel
from twin.sync.machine import Limits, Link
from twin.sync.mapping import Mapping, NodeSpec
from twin.sync.protocol import (
    CONNECTED,
    Gap,
    LinkEvent,
    Origin,
    Quality,
    Reading,
    Received,
    Resolution,
    Sample,
    Value,
)
from twin.sync.samples import utc
from twin.sync.security import Identity
from twin.sync.supervisor import Supervisor
from twin.sync.target import Item, Target
from twin.sync.writeback import WriteUnknownError
from twin.sync.writes import Written

_WRITABLE = {
    "boolean": {"Boolean"},
    "int": {"SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"},
    "float": {"Float", "Double"},
    "string": {"String"},
}
"""Types of the server that a value of each of ours may be written to."""
_UNANSWERED = {ua.StatusCodes.BadTimeout, ua.StatusCodes.BadConnectionClosed}
UNCERTAIN = 0x40000000


class OpcUaConnector:
    """Reads the nodes of a mapping from an OPC UA server, and keeps at it.

    Parameters
    ----------
    mapping : Mapping
        What to read, and from where.
    clock : Clock or None
        Clock for times of receipt; None: this computer's.
    limits : Limits or None
        Times that decide; None: the defaults, with the mapping's heartbeat limits.
    identity : Identity or None
        Our certificate and trust list; None: a target with ``security`` is refused.
    queue_size : int
        Values held here for whoever reads them; beyond that the server keeps what it has.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        identity: Identity | None = None,
        queue_size: int = 100_000,
    ) -> None:
        self.mapping = mapping
        self._clock: Clock = clock or SystemClock()
        bounds = limits or Limits(
            heartbeat_late_s=mapping.heartbeat.late_after_s,
            heartbeat_dead_s=mapping.heartbeat.dead_after_s,
        )
        self._supervisor = Supervisor(
            target_of(mapping), self, clock=self._clock, limits=bounds, identity=identity
        )
        self._queue_size = queue_size
        self._queue: deque[Received] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.mapping.source

    @property
    def endpoint(self) -> str:
        """Address of the server."""
        return self.mapping.endpoint

    @property
    def link(self) -> Link:
        """Where the source stands."""
        return self._supervisor.link

    @property
    def missing(self) -> tuple[str, ...]:
        """Mapped nodes without a usable value, each with the reason."""
        return self._supervisor.missing()

    async def connect(self) -> None:
        """Begin; returns at once and keeps trying until ``close``."""
        await self._supervisor.start()

    async def close(self) -> None:
        """End the connection, within a few seconds."""
        self._taken.set()
        await self._supervisor.stop()

    def reset(self) -> None:
        """Try again after a fault that a person has seen to."""
        self._supervisor.reset()

    async def receive(self, limit: int, wait_s: float) -> list[Received]:
        """Return up to ``limit`` items, waiting up to ``wait_s`` for the first."""
        if not self._queue:
            self._supervisor.failed()
            self._arrived.clear()
            # Not wait_for: it loses a cancellation that comes together with a value.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
        found = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        if len(self._queue) < self._queue_size:
            self._taken.set()
        return found

    # --- single nodes, for whoever may write ------------------------------------------------------

    async def read_node(self, node: str) -> Any:
        """Return what a node shows now; raises ConnectionLostError if it cannot be read."""
        return (await self._shown(node))[2].Value

    async def write_node(self, node: str, value: Written, kind: str) -> str:
        """Write a node; return what the server says against it, empty if nothing.

        Only ``twin.sync.writeback`` calls this, after its interlocks.

        Raises
        ------
        ConnectionLostError
            If nothing was sent.
        WriteUnknownError
            If it was sent, and no answer came.
        """
        channel, found, shown = await self._shown(node)
        if shown.VariantType.name not in _WRITABLE[kind]:
            return f"it is of type {shown.VariantType.name}, which is no {kind}"
        plain = float(value) if kind == "float" else value
        try:
            answer = await channel.write(found, ua.Variant(plain, shown.VariantType))
        except ua.UaStatusCodeError as error:
            if error.code in _UNANSWERED:
                raise WriteUnknownError(f"{node}: no answer to the write: {error}") from error
            return f"the server refuses: {error}"
        except (OSError, TimeoutError, ua.UaError) as error:
            told = str(error) or type(error).__name__
            raise WriteUnknownError(f"{node}: no answer to the write: {told}") from error
        return "" if answer.is_good() else f"the server refuses: {answer.name}"

    async def _shown(self, node: str) -> tuple[Channel, ua.NodeId, ua.Variant]:
        session = self._supervisor.session
        found = session.nodes.names.resolved(node)
        if self.link.state not in CONNECTED or session.channel is None or found is None:
            raise ConnectionLostError(f"{node} cannot be reached: the link is {self.link.state}")
        try:
            (data,) = await session.channel.read([found])
        except (OSError, TimeoutError, ua.UaError) as error:
            told = str(error) or type(error).__name__
            raise ConnectionLostError(f"{node} cannot be read: {told}") from error
        if data.Value is None or (data.StatusCode is not None and data.StatusCode.value >= BAD):
            status = data.StatusCode.name if data.StatusCode is not None else "no value"
            raise ConnectionLostError(f"{node} cannot be read: {status}")
        return session.channel, found, data.Value

    # --- what the supervisor brings ---------------------------------------------------------------

    def take(self, samples: list[Sample]) -> None:
        """Take the values of one notification, decoded as the mapping says."""
        nodes, known = self.mapping.by_node, self._supervisor.session.nodes
        source, deliver = self.mapping.source, self._queue.append
        for sample in samples:
            spec = nodes[sample.node]
            value = value_of(sample, spec, source)
            if sample.origin is Origin.HISTORY:
                value = value._replace(late=True)
            if value.quality is Quality.BAD and sample.status < BAD:
                known.bad[spec.node] = f"not of type {spec.type}"
            deliver(value)
        self._arrived.set()

    def gap(self, gap: Gap) -> None:
        """Take a gap of one node; where the mapping asks for samples, none is missing."""
        if gap.resolved is not Resolution.SAMPLED:
            self._deliver(gap)

    def link_changed(self, event: LinkEvent) -> None:
        """Take a change of the link."""
        self._deliver(event)

    async def room(self) -> None:
        """Wait until there is room."""
        if len(self._queue) >= self._queue_size:
            self._taken.clear()
            await self._taken.wait()

    def _deliver(self, item: Received) -> None:
        self._queue.append(item)
        self._arrived.set()


def target_of(mapping: Mapping) -> Target:
    """Return what a supervisor is to do for a mapping."""
    items = tuple(
        Item(
            name=node,
            node=node,
            sampling_s=mapping.sampling_of(spec),
            queue_size=mapping.queue_size_of(spec),
            required=spec.required,
            max_age_s=spec.max_age_s,
        )
        for node, spec in mapping.by_node.items()
    )
    return Target(
        source=mapping.source,
        endpoint=mapping.endpoint,
        items=items,
        publishing_s=mapping.publishing_s,
        heartbeat=mapping.heartbeat.node,
        heartbeat_required=True,
        security=mapping.security,
    )


def value_of(sample: Sample, spec: NodeSpec, source: str) -> Value:
    """Return a sample as the mapping says it should be, and how good it is."""
    _, source_time, server_time, received_at, raw, status, epoch, _, stamped = sample
    reading = None if status >= BAD else _READERS[spec.type](raw)
    if reading is None:
        quality = Quality.BAD
    elif status >= UNCERTAIN or not stamped:
        quality = Quality.UNCERTAIN
    else:
        quality = Quality.GOOD
    return Value(source, spec.node, spec.element, spec.property, source_time, server_time,
                 received_at, reading, quality, 0, epoch)  # fmt: skip


def _int(raw: object) -> int | None:
    if type(raw) is int:
        return raw
    return int(raw) if isinstance(raw, int) and not isinstance(raw, bool) else None


def _float(raw: object) -> float | None:
    if type(raw) is float and isfinite(raw):
        return raw
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not isfinite(raw):
        return None
    return float(raw)


def _moment(raw: object) -> datetime | None:
    return utc(raw) if isinstance(raw, datetime) else None


def _string(raw: object) -> str | None:
    # The state of a state machine is a text in some language; it has no other name.
    text = raw.Text if isinstance(raw, ua.LocalizedText) else raw
    return text if isinstance(text, str) else ("" if text is None else None)


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
    "string": _string,
    "datetime": _moment,
    "int_list": _ints,
}
