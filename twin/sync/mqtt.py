"""Sparkplug B over MQTT as a source: births, deaths, and gaps by sequence numbers."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from twin.errors import Finding, InvalidInputError
from twin.sync.clock import Clock, SystemClock
from twin.sync.mapping import Mapping, NodeSpec
from twin.sync.opcua import value_of
from twin.sync.protocol import Gap, LinkEvent, Origin, Quality, Received, Sample, SourceState, Value
from twin.sync.sparkplug import NAMESPACE, Edge, PayloadError, Told, decoded, rebirth

ASK_AGAIN_S = 5.0
"""Time between two requests for a rebirth of one edge node, s."""
BEAT_S = 0.5
KINDS = frozenset({"NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"})
QUEUE = 100_000
"""Items held here for whoever takes them."""
_UNTAKEN = "more came than was taken"


class SparkplugConnector:
    """Follows the edge nodes of a group at a broker.

    Every connection is a new epoch: a broker keeps nothing for us. Values are complete from the
    birth certificates on; a sequence number that is missing is a gap of every node of its edge
    node until it is born again, which it is asked for.

    Parameters
    ----------
    mapping : Mapping
        A mapping with ``sparkplug``; nodes are ``s=EDGE/METRIC`` or ``s=EDGE/DEVICE/METRIC``.
    clock : Clock or None
        Clock for times of receipt; None: this computer's.
    """

    def __init__(self, mapping: Mapping, clock: Clock | None = None) -> None:
        assert mapping.sparkplug is not None
        self.mapping = mapping
        self._plug = mapping.sparkplug
        self._clock: Clock = clock or SystemClock()
        self._specs = {spec.node.removeprefix("s="): spec for spec in mapping.nodes}
        wanted = {name.partition("/")[0] for name in self._specs}
        self._edges = {name: Edge(name) for name in sorted(wanted)}
        self._asked_s: dict[str, float] = {}
        self._out: deque[Received] = deque()
        self._dropped: dict[str, datetime] = {}
        self._arrived = asyncio.Event()
        self._client: Any = None
        self._epoch = 0
        self._state = SourceState.DISABLED
        self._heard: datetime | None = None
        self._beat_s = float("-inf")

    @property
    def source(self) -> str:
        """Name of the source."""
        return self.mapping.source

    @property
    def endpoint(self) -> str:
        """The broker and the group."""
        return f"mqtt://{self._plug.host}:{self._plug.port}/{self._plug.group}"

    async def connect(self) -> None:
        """Begin; returns at once and keeps trying until ``close``."""
        try:
            from paho.mqtt import client as mqtt  # noqa: PLC0415
            from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
        except ModuleNotFoundError as error:
            wanted = Finding("sparkplug", "needs paho-mqtt", remedy="pip install linetwin[mqtt]")
            raise InvalidInputError("the mapping", [wanted]) from error
        loop = asyncio.get_running_loop()
        client = mqtt.Client(CallbackAPIVersion.VERSION2)

        def later(what: Any, *arguments: Any) -> None:
            with suppress(RuntimeError):  # the loop is gone, and with it whoever would listen
                loop.call_soon_threadsafe(what, *arguments)

        client.on_connect = lambda *found: later(self._connected, found[3])
        client.on_disconnect = lambda *found: later(self._lost, str(found[3]))
        client.on_message = lambda _, __, message: later(
            self._message, str(message.topic), bytes(message.payload)
        )
        if self._plug.user is not None:
            password = os.environ.get(self._plug.password_env or "")
            client.username_pw_set(self._plug.user, password)
        if self._plug.tls:
            client.tls_set()
        client.reconnect_delay_set(1, 30)
        self._tell(SourceState.CONNECTING, "")
        own = self._plug.host if self._plug.host in {"127.0.0.1", "::1"} else ""
        client.connect_async(self._plug.host, self._plug.port, keepalive=10, bind_address=own)
        client.loop_start()
        self._client = client

    async def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            await asyncio.to_thread(client.loop_stop)
            left = client.socket()
            if left is not None:
                left.close()  # the broker was too slow to take our leave

    async def receive(self, limit: int, wait_s: float) -> Sequence[Received]:
        """Return what came in, oldest first."""
        if not self._out:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
        self._beat()
        return [self._out.popleft() for _ in range(min(limit, len(self._out)))]

    # --- what the broker brings ---------------------------------------------------------------

    def _connected(self, reason: Any) -> None:
        if getattr(reason, "is_failure", False):
            self._tell(SourceState.RECONNECTING, f"the broker refuses us: {reason}")
            return
        self._epoch += 1
        self._edges = {name: Edge(name) for name in self._edges}
        self._heard = None
        self._tell(SourceState.SUBSCRIBING, "")
        self._client.subscribe(f"{NAMESPACE}/{self._plug.group}/#", qos=1)
        for edge in self._edges:
            self._ask(edge)

    def _lost(self, reason: str) -> None:
        if self._client is not None:
            self._tell(SourceState.RECONNECTING, f"the connection to the broker broke: {reason}")

    def _message(self, topic: str, data: bytes) -> None:
        words = topic.split("/")
        if len(words) < 4 or words[2] not in KINDS or words[3] not in self._edges:  # noqa: PLR2004
            return
        edge, now = self._edges[words[3]], self._clock.now()
        if len(self._out) >= QUEUE:
            # A broker waits for nobody. What cannot be kept here is gone, and is a gap.
            self._dropped.setdefault(edge.name, edge.last or now)
            edge.broken = edge.broken or _UNTAKEN
            return
        for item in self._told(edge, words, data, now):
            self._value(item, now)
        if edge.last is not None:
            self._heard = now
        dead = not edge.alive or words[2] == "DDEATH"
        if dead and words[2] in {"NDEATH", "DDEATH"}:
            self._gone("/".join(words[3:]), now)
        if edge.broken:
            self._ask(edge.name)
        self._judge()

    def _told(self, edge: Edge, words: list[str], data: bytes, now: datetime) -> list[Told]:
        """Return what a message tells; what is missing before it is declared."""
        before, broken = edge.last, edge.broken
        told: list[Told] = []
        try:
            told = edge.take(words[2], "/".join(words[4:]), decoded(data), now)
        except PayloadError as error:
            edge.broken = edge.broken or f"a message cannot be read: {error}"
        since = self._dropped.pop(edge.name, None)
        if since is not None:
            self._gap(edge, since, now, _UNTAKEN)
        elif edge.broken and not broken:
            self._gap(edge, before, now, edge.broken)
        return told

    def _value(self, told: Told, now: datetime) -> None:
        spec = self._specs.get(told.name)
        if spec is None:
            return
        sample = Sample(
            spec.node, told.at, None, now, told.value, 0, self._epoch, Origin.LIVE, told.stamped
        )
        self._put(value_of(sample, spec, self.source)._replace(late=told.historical))

    def _gap(self, edge: Edge, before: datetime | None, now: datetime, reason: str) -> None:
        """Declare that values of an edge node may be missing from its last word on."""
        begin = before or now
        for spec in self._of(edge.name):
            self._put(Gap(begin, max(begin, edge.last or now), reason, self._epoch, spec.node))

    def _gone(self, head: str, now: datetime) -> None:
        """Mark all that a dead edge node or device told: it is of no use any more."""
        for spec in self._of(head):
            self._put(
                Value(self.source, spec.node, spec.element, spec.property, now, None, now, None,
                      Quality.BAD, epoch=self._epoch)
            )  # fmt: skip

    def _of(self, head: str) -> list[NodeSpec]:
        return [spec for name, spec in self._specs.items() if name.startswith(f"{head}/")]

    def _judge(self) -> None:
        """Say whether every edge node is there, once all have been born."""
        waiting = [edge for edge in self._edges.values() if not edge.alive or edge.broken]
        missing = tuple(f"{edge.name}: {edge.broken or 'not born'}" for edge in waiting)
        if not missing:
            self._tell(SourceState.LIVE, "")
        elif self._state in {SourceState.LIVE, SourceState.DEGRADED}:
            self._tell(SourceState.DEGRADED, "; ".join(missing), missing)

    def _ask(self, edge: str) -> None:
        """Ask an edge node to be born again, now and then."""
        now_s = self._clock.steady_s()
        allowed = self._plug.ask_rebirth and self._client is not None
        if allowed and now_s >= self._asked_s.get(edge, float("-inf")) + ASK_AGAIN_S:
            self._asked_s[edge] = now_s
            topic = f"{NAMESPACE}/{self._plug.group}/NCMD/{edge}"
            self._client.publish(topic, rebirth(self._clock.now()), qos=0)

    def _beat(self) -> None:
        """Say how far the plant is known: as far as it told, and as long as it lives."""
        now_s = self._clock.steady_s()
        newest = [edge.last for edge in self._edges.values() if edge.last is not None]
        live = self._state in {SourceState.LIVE, SourceState.DEGRADED}
        if not (live and newest and self._heard and now_s >= self._beat_s + BEAT_S):
            return
        self._beat_s = now_s
        now = self._clock.now()
        moment = max(newest) + max(now - self._heard, timedelta())
        node = self.mapping.heartbeat.node
        self._out.append(Value(self.source, node, "", "time", moment, None, now, moment,
                               epoch=self._epoch))  # fmt: skip

    def _tell(self, state: SourceState, reason: str, missing: tuple[str, ...] = ()) -> None:
        self._state, before = state, self._state
        if state is not before or missing:
            self._put(LinkEvent(state, self._clock.now(), reason, self._epoch, missing))

    def _put(self, item: Received) -> None:
        self._out.append(item)
        self._arrived.set()
