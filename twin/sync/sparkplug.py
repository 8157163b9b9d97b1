"""Sparkplug B payloads and sessions, without any network: what a message means and what is missing.

Written from the public specification, version 3.0. Names are ``EDGE/METRIC`` for an edge node's own
metrics and ``EDGE/DEVICE/METRIC`` for those of its devices.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from twin.sync.protocol import Reading

NAMESPACE = "spBv1.0"
SEQUENCES = 256
REBIRTH = "Node Control/Rebirth"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Width of the signed types by number; they travel as unsigned."""
_DATETIME = 13
_VARINT_MOST = 10


class PayloadError(ValueError):
    """Bytes that are no payload of Sparkplug B."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a payload."""

    name: str
    alias: int | None
    at: datetime | None
    kind: int
    historical: bool
    value: Reading


@dataclass(frozen=True, slots=True)
class Payload:
    """One message."""

    at: datetime | None
    sequence: int | None
    metrics: tuple[Metric, ...]


def _varint(data: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(start, min(start + _VARINT_MOST, len(data))):
        value |= (data[position] & 0x7F) << shift
        shift += 7
        if not data[position] & 0x80:
            return value, position + 1
    raise PayloadError("a number does not end")


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: number, and whole number or bytes."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == 2:  # noqa: PLR2004 - wire types: 0 number, 1 eight bytes, 2 length, 5 four bytes
            size, position = _varint(data, position)
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            raise PayloadError(f"wire type {wire} is not known")
        if position + size > len(data):
            raise PayloadError("it is cut off")
        yield number, data[position : position + size]
        position += size


def decoded(data: bytes) -> Payload:
    """Return what a payload holds.

    Raises
    ------
    PayloadError
        If it is none.
    """
    at: datetime | None = None
    sequence: int | None = None
    metrics = []
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            at = _moment(value)
        elif number == 2 and isinstance(value, bytes):  # noqa: PLR2004 - field numbers
            metrics.append(_metric(value))
        elif number == 3 and isinstance(value, int):  # noqa: PLR2004
            sequence = value
    return Payload(at, sequence, tuple(metrics))


def _metric(data: bytes) -> Metric:
    found = dict(_fields(data))
    name, alias, at, kind = (found.get(number) for number in (1, 2, 3, 4))
    number = kind if isinstance(kind, int) else 0
    return Metric(
        name=_text(name) if isinstance(name, bytes) else "",
        alias=alias if isinstance(alias, int) else None,
        at=_moment(at) if isinstance(at, int) else None,
        kind=number,
        historical=bool(found.get(5)),
        value=None if found.get(7) else _value(found, number),
    )


def _value(found: dict[int, int | bytes], kind: int) -> Reading:
    for number in (10, 11, 12, 13, 14, 15):
        raw = found.get(number)
        if raw is None:
            continue
        if number in {10, 11} and isinstance(raw, int):
            return _moment(raw) if kind == _DATETIME else _signed(raw, _BITS.get(kind))
        if number == 14:  # noqa: PLR2004 - boolean_value
            return bool(raw)
        if isinstance(raw, bytes):
            if number == 15:  # noqa: PLR2004 - string_value
                return _text(raw)
            return float(struct.unpack("<f" if number == 12 else "<d", raw)[0])  # noqa: PLR2004
    return None


def _signed(raw: int, bits: int | None) -> int:
    """Return a number with its sign, where its type has one of so many bits."""
    if bits is None:
        return raw
    raw &= (1 << bits) - 1
    return raw - (1 << bits) if raw >> (bits - 1) else raw


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise PayloadError("a text is not UTF-8") from error


def _moment(millis: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=millis)
    except OverflowError as error:
        raise PayloadError(f"{millis} ms is no moment") from error


def rebirth(at: datetime) -> bytes:
    """Return the payload that asks an edge node to tell everything again."""
    millis = _number((at - _EPOCH) // timedelta(milliseconds=1))
    name = REBIRTH.encode()
    metric = b"\x0a" + _number(len(name)) + name + b"\x20" + _number(11) + b"\x70\x01"
    return b"\x08" + millis + b"\x12" + _number(len(metric)) + metric


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@dataclass(frozen=True, slots=True)
class Told:
    """What a message told of one metric."""

    name: str
    at: datetime
    value: Reading
    historical: bool = False
    stamped: bool = True


@dataclass(slots=True)
class Edge:
    """What is known of one edge node."""

    name: str
    alive: bool = False
    """Whether its birth certificate is here and its death is not."""
    expected: int | None = None
    """Sequence number that comes next."""
    last: datetime | None = None
    """Newest moment it told."""
    broken: str = ""
    """Why values may be missing; empty if none are. A birth heals it."""
    aliases: dict[tuple[str, int], str] = field(default_factory=dict)
    """Names of metrics by device and alias: some edge nodes count aliases device by device."""
    death: int | None = None
    """``bdSeq`` of its birth: only the death of the same number counts."""

    def take(self, kind: str, device: str, payload: Payload, now: datetime) -> list[Told]:
        """Take a message; what it breaks stands in ``broken``."""
        if kind == "NDEATH":
            self._died(payload)
            return []
        if kind == "NBIRTH":
            self.alive, self.broken, self.expected = True, "", payload.sequence
            self.aliases.clear()
            self.death = _death(payload)
        self._follow(payload.sequence)
        head = f"{self.name}/{device}/" if device else f"{self.name}/"
        return list(self._told(payload, head, now)) if kind != "DDEATH" else []

    def _follow(self, sequence: int | None) -> None:
        if not self.alive:
            self.broken = self.broken or "no birth certificate"
        elif sequence is None or sequence != self.expected:
            told = f"sequence number {sequence} instead of {self.expected}"
            self.broken = self.broken or told
        if sequence is not None:
            self.expected = (sequence + 1) % SEQUENCES

    def _died(self, payload: Payload) -> None:
        number = _death(payload)
        if self.death is None or number is None or number == self.death:
            self.alive, self.broken = False, "the edge node is gone"

    def _told(self, payload: Payload, head: str, now: datetime) -> Iterator[Told]:
        for metric in payload.metrics:
            if metric.name and metric.alias is not None:
                self.aliases[head, metric.alias] = head + metric.name
            alias = self.aliases.get((head, metric.alias)) if metric.alias is not None else None
            name = head + metric.name if metric.name else alias
            if name is None:
                self.broken = self.broken or f"alias {metric.alias} is not known"
                continue
            at = metric.at or payload.at
            if not metric.historical and at is not None:
                self.last = max(self.last or at, at)
            yield Told(name, at or now, metric.value, metric.historical, at is not None)


def _death(payload: Payload) -> int | None:
    value = next((metric.value for metric in payload.metrics if metric.name == "bdSeq"), None)
    return value if isinstance(value, int) else None
