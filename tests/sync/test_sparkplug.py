"""Sparkplug B: payloads, sequence numbers, births and deaths, and a broker on loopback."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from twin.sync.mapping import Mapping, NodeSpec, Sparkplug
from twin.sync.mqtt import SparkplugConnector
from twin.sync.protocol import Gap, LinkEvent, Quality, SourceState, Value
from twin.sync.sparkplug import Edge, Payload, PayloadError, decoded, rebirth

NOW = datetime(2026, 1, 5, 6, tzinfo=UTC)


def number(value: int) -> bytes:
    """Return a variable-length number."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def metric(name: str, value: object, kind: int, alias: int | None = None) -> bytes:
    """Return a metric, written by a hand of its own."""
    data = b"" if not name else b"\x0a" + number(len(name)) + name.encode()
    data += b"" if alias is None else b"\x10" + number(alias)
    data += b"\x20" + number(kind)
    if isinstance(value, bool):
        data += b"\x70" + number(value)
    elif isinstance(value, int):
        data += (b"\x58" if kind in (4, 8) else b"\x50") + number(value & (2**64 - 1 if kind in (4, 8) else 2**32 - 1))  # fmt: skip  # noqa: E501
    elif isinstance(value, float):
        data += b"\x69" + struct.pack("<d", value)
    elif isinstance(value, str):
        data += b"\x7a" + number(len(value.encode())) + value.encode()
    else:
        data += b"\x38\x01"
    return data


def payload(sequence: int | None, *metrics: bytes, at: datetime = NOW) -> bytes:
    """Return a payload."""
    data = b"\x08" + number(int(at.timestamp() * 1000))
    for item in metrics:
        data += b"\x12" + number(len(item)) + item
    return data + (b"" if sequence is None else b"\x18" + number(sequence))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(-5, 3), (-5, 1), (7, 5), (2**40, 8), (-(2**40), 4), (1.25, 10), (True, 11), ("Ähre", 12),
     (None, 3)],
)  # fmt: skip
def test_values_come_through(value: object, kind: int) -> None:
    """Signs, widths, texts and nulls are what they were."""
    found = decoded(payload(3, metric("x", value, kind, alias=9)))
    assert found.sequence == 3
    assert found.at == NOW
    assert (found.metrics[0].name, found.metrics[0].alias) == ("x", 9)
    assert found.metrics[0].value == value
    assert type(found.metrics[0].value) is type(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_payload_or_refused(data: bytes) -> None:
    """Whatever a broker brings, nothing but PayloadError is raised."""
    with suppress(PayloadError):
        assert isinstance(decoded(data), Payload)


def test_rebirth_is_a_payload() -> None:
    """What is asked reads as the command that edge nodes know."""
    (found,) = decoded(rebirth(NOW)).metrics
    assert (found.name, found.value, found.kind) == ("Node Control/Rebirth", True, 11)


@given(st.integers(0, 255), st.sets(st.integers(1, 600), max_size=5))
def test_sequence_numbers_show_each_loss(first: int, lost: set[int]) -> None:
    """Numbers roll over after 255; the first that is missing breaks the edge node, until birth."""
    edge = Edge("e")
    edge.take("NBIRTH", "", decoded(payload(first)), NOW)
    broken_at = None
    for k in range(1, 601):
        if k not in lost:
            edge.take("NDATA", "", decoded(payload((first + k) % 256)), NOW)
            if edge.broken and broken_at is None:
                broken_at = k
    # A loss of a whole turn of 256 would not show; here at most five are lost.
    follows = sorted(k for k in lost if k < 600 and any(j not in lost for j in range(k, 601)))
    assert (broken_at is not None) == bool(follows)
    edge.take("NBIRTH", "", decoded(payload(0)), NOW)
    assert edge.broken == ""


def test_aliases_and_deaths() -> None:
    """An alias means what the birth said; the death of an earlier birth does not count."""
    edge = Edge("e")
    edge.take("NBIRTH", "", decoded(payload(0, metric("bdSeq", 4, 8))), NOW)
    edge.take("DBIRTH", "press", decoded(payload(1, metric("Count", 5, 3, alias=2))), NOW)
    (told,) = edge.take("DDATA", "press", decoded(payload(2, metric("", 6, 3, alias=2))), NOW)
    assert (told.name, told.value) == ("e/press/Count", 6)
    edge.take("NDEATH", "", decoded(payload(None, metric("bdSeq", 3, 8))), NOW)
    assert edge.alive
    edge.take("NDEATH", "", decoded(payload(None, metric("bdSeq", 4, 8))), NOW)
    assert not edge.alive
    edge.take("NDATA", "", decoded(payload(7, metric("", 6, 3, alias=77))), NOW)
    assert edge.broken


def test_aliases_of_devices_do_not_mix() -> None:
    """Edge nodes that count aliases anew for each device are understood all the same."""
    edge = Edge("e")
    edge.take("NBIRTH", "", decoded(payload(0)), NOW)
    for number, device in enumerate(("press", "lathe")):
        edge.take("DBIRTH", device, decoded(payload(1 + number, metric("Count", 0, 3, 2))), NOW)
    for number, device in enumerate(("press", "lathe")):
        (told,) = edge.take("DDATA", device, decoded(payload(3 + number, metric("", 6, 3, 2))), NOW)
        assert told.name == f"e/{device}/Count"
    assert edge.broken == ""


async def test_what_nobody_takes_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker waits for nobody: what finds no room is declared, from the last value that had."""
    monkeypatch.setattr("twin.sync.mqtt.QUEUE", 5)
    node = NodeSpec(node="s=e/Count", element="press", property="processed", type="int")
    mapping = Mapping(line="serial", sparkplug=Sparkplug(host="127.0.0.1", group="g"),
                      nodes=(node,))  # fmt: skip
    connector = SparkplugConnector(mapping)

    def tell(number: int) -> None:
        at = NOW + timedelta(seconds=number)
        kind, name = ("NDATA", "") if number else ("NBIRTH", "Count")
        data = payload(number % 256, metric(name, number, 3, alias=1), at=at)
        connector._message(f"spBv1.0/g/{kind}/e", data)  # noqa: SLF001 - as a broker would bring it

    for number in range(20):
        tell(number)
    first = await connector.receive(100, 0.0)
    tell(20)
    then = await connector.receive(100, 0.0)
    values = [item.value for item in (*first, *then) if isinstance(item, Value) and item.element]
    gaps = [item for item in then if isinstance(item, Gap)]
    assert values[:-1] == list(range(len(values) - 1))
    assert values[-1] == 20
    (gap,) = gaps
    assert (gap.node, gap.reason) == ("s=e/Count", "more came than was taken")
    assert gap.begin == NOW + timedelta(seconds=values[-2])
    assert gap.end == NOW + timedelta(seconds=20)


class Broker:
    """As much of a broker of MQTT 3.1.1 as one subscriber needs, on loopback."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.subscribed = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it leaves."""
        self._writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (head,) = await reader.readexactly(1)
                size = shift = 0
                while True:
                    (byte,) = await reader.readexactly(1)
                    size |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                self._answer(head >> 4, await reader.readexactly(size), writer)
        writer.close()

    def _answer(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        if kind == 1:
            writer.write(b"\x20\x02\x00\x00")
        elif kind == 8:
            writer.write(b"\x90\x03" + body[:2] + b"\x00")
            self.subscribed.set()
        elif kind == 12:
            writer.write(b"\xd0\x00")
        elif kind == 3:
            size = int.from_bytes(body[:2])
            self.heard.put_nowait((body[2 : 2 + size].decode(), body[2 + size :]))

    def publish(self, topic: str, data: bytes) -> None:
        """Send a message to everybody."""
        body = len(topic).to_bytes(2) + topic.encode() + data
        for writer in self._writers:
            writer.write(b"\x30" + number(len(body)) + body)

    def drop(self) -> None:
        """Break every connection."""
        self.subscribed.clear()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()


@pytest_asyncio.fixture
async def broker() -> AsyncIterator[tuple[Broker, int]]:
    """Return a broker and its port."""
    made = Broker()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, server.sockets[0].getsockname()[1]
    server.close()
    made.drop()
    await asyncio.sleep(0.05)  # connections that were broken off are closed a turn later


async def gathered(connector: SparkplugConnector, until: object, found: list[object]) -> None:
    """Receive until something of a kind or state has come."""
    async with asyncio.timeout(10):
        while True:
            found.extend(await connector.receive(100, 0.1))
            if any(until(item) for item in found):  # type: ignore[operator]
                return


async def test_births_gaps_and_rebirths_over_a_broker(broker: tuple[Broker, int]) -> None:
    """Born: live; a number missing: a gap and a request; a broken connection: a new epoch."""
    server, port = broker
    plug = Sparkplug(host="127.0.0.1", port=port, group="plant")
    node = NodeSpec(node="s=cell/press/Count", element="press", property="processed", type="int")
    connector = SparkplugConnector(Mapping(line="two_station", sparkplug=plug, nodes=(node,)))
    found: list[object] = []
    await connector.connect()
    try:
        await asyncio.wait_for(server.subscribed.wait(), 10)
        topic, asked = await asyncio.wait_for(server.heard.get(), 10)
        assert topic == "spBv1.0/plant/NCMD/cell"
        assert decoded(asked).metrics[0].name == "Node Control/Rebirth"
        server.publish("spBv1.0/plant/NBIRTH/cell", payload(0, metric("bdSeq", 0, 8)))
        birth = payload(1, metric("Count", 5, 3, alias=1))
        server.publish("spBv1.0/plant/DBIRTH/cell/press", birth)
        later = NOW + timedelta(seconds=1)
        server.publish("spBv1.0/plant/DDATA/cell/press", payload(2, metric("", 6, 3, 1), at=later))
        await gathered(connector, lambda item: isinstance(item, Value) and item.value == 6, found)
        states = [item.state for item in found if isinstance(item, LinkEvent)]
        assert states == [SourceState.CONNECTING, SourceState.SUBSCRIBING, SourceState.LIVE]
        missing = NOW + timedelta(seconds=3)
        server.publish(
            "spBv1.0/plant/DDATA/cell/press", payload(4, metric("", 8, 3, 1), at=missing)
        )
        await gathered(connector, lambda item: isinstance(item, Gap), found)
        (gap,) = [item for item in found if isinstance(item, Gap)]
        assert (gap.begin, gap.end, gap.node) == (later, missing, node.node)
        assert "sequence number 4 instead of 3" in gap.reason
        server.publish("spBv1.0/plant/NDEATH/cell", payload(None, metric("bdSeq", 0, 8)))
        await gathered(
            connector,
            lambda item: isinstance(item, Value) and item.quality is Quality.BAD,
            found,
        )
        server.drop()
        await asyncio.wait_for(server.subscribed.wait(), 10)
        await gathered(
            connector, lambda item: isinstance(item, LinkEvent) and item.epoch == 2, found
        )
    finally:
        await connector.close()
