"""Reads publications straight from what came over the wire, as that is most of the work.

The library makes objects of every part of a value, which takes longer than all that comes after.
Here only what is needed is read, in one pass: scalars at once, any other value by the library's
reader, and an answer that is built otherwise than usual as a whole by the library. Both ways give
the same ``Publication``; ``tests/sync/test_publication.py`` holds them against each other.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, variant_from_binary
from asyncua.ua.uatypes import FILETIME_EPOCH_AS_UTC_DATETIME as EPOCH
from asyncua.ua.uatypes import MAX_OPC_FILETIME as LAST

Change = tuple[int, Any, int, datetime | None, datetime | None]
"""Client handle, value, status code, source time and server time (aware, UTC) of one value."""
_ANSWER = b"\x01\x00\x3d\x03"
"""Node id of an answer to Publish, in its usual form."""
_DATA = b"\x01\x00\x2b\x03\x01"
"""Node id of a notification of changed values, in its usual form, and that a body follows."""
_BARE = b"\x00\x00\x00"
"""An extension object that holds nothing."""
_NONE = (0, -1)
_STATUS, _SOURCE, _SERVER = 2, 4, 8
_STRING, _MOMENT = 12, 13
_U32, _I32 = struct.Struct("<I"), struct.Struct("<i")
_HEADER = struct.Struct("<4sqIIBi3s")
_MESSAGE = struct.Struct("<?Iqi")
_ITEM = struct.Struct("<IBB")
_SCALARS = {
    number: struct.Struct(f"<{letter}")
    for number, letter in enumerate("?bBhHiIqQfd", start=ua.VariantType.Boolean.value)
}
_TIMES = {
    mask: struct.Struct(
        "<" + "".join(part for bit, part in zip(
            (2, 4, 16, 8, 32), ("I", "q", "2x", "q", "2x"), strict=True) if mask & bit)
    )
    for mask in range(0, 64, 2)
}  # fmt: skip
"""What follows the value, by the bits that say which parts are there, in the standard's order."""
_MICRO = timedelta(microseconds=1)


class Publication(NamedTuple):
    """What a server published at once."""

    subscription: int
    """Number of the subscription."""
    number: int
    """Sequence number."""
    more: bool
    """Whether the server has more to tell at once."""
    carries: bool
    """Whether it carries notifications; if not, it is a keep-alive."""
    changes: Sequence[Change]
    """Changed values in their order."""
    ended: str = ""
    """Why the server ended the subscription; empty if it did not."""

    def mark(self) -> tuple[Hashable, ...]:
        """Return by what it is known again: how many values it has, and the last one."""
        if not self.changes:
            return (0, self.ended)
        handle, value, status, source, server = self.changes[-1]
        plain = repr(value) if isinstance(value, (int, float)) else type(value).__name__
        return len(self.changes), handle, plain, status, source, server


class _UnusualError(Exception):
    """The answer is not built as usual."""


def read_publication(answer: Buffer) -> Publication:
    """Return what an answer to Publish says.

    Raises
    ------
    UaStatusCodeError
        If the server refused the request.
    ValueError or struct.error
        If the answer cannot be read.
    """
    data = answer.copy().read(len(answer))
    try:
        return _read(data)
    except _UnusualError:
        return _by_library(data)


def publication_of(message: Any, subscription: int = 0, *, more: bool = False) -> Publication:
    """Return a message of the library as a publication."""
    changes: list[Change] = []
    ended = ""
    for part in message.NotificationData or ():
        if isinstance(part, ua.DataChangeNotification):
            changes += [_change_of(item) for item in part.MonitoredItems or ()]
        elif isinstance(part, ua.StatusChangeNotification):
            ended = str(part.Status.name)
    carries = bool(message.NotificationData)
    return Publication(subscription, int(message.SequenceNumber), more, carries, changes, ended)


def _change_of(item: Any) -> Change:
    data = item.Value
    value = None if data.Value is None else data.Value.Value
    status = 0 if data.StatusCode is None else data.StatusCode.value
    return int(item.ClientHandle), value, status, data.SourceTimestamp, data.ServerTimestamp


def _by_library(data: bytes) -> Publication:
    try:
        response = struct_from_binary(ua.PublishResponse, Buffer(data))
    except ua.UaError as error:
        raise ValueError(str(error) or type(error).__name__) from error
    response.ResponseHeader.ServiceResult.check()
    found = response.Parameters
    return publication_of(
        found.NotificationMessage, int(found.SubscriptionId), more=bool(found.MoreNotifications)
    )


def _read(data: bytes) -> Publication:
    kind, _, _, result, diagnostics, texts, header = _HEADER.unpack_from(data)
    if kind != _ANSWER or diagnostics or texts not in _NONE or header != _BARE:
        raise _UnusualError
    if result:
        ua.StatusCode(result).check()
    pos = _HEADER.size
    (subscription,) = _U32.unpack_from(data, pos)
    (available,) = _I32.unpack_from(data, pos + 4)
    pos += 8 + 4 * max(0, available)
    more, number, _, parts = _MESSAGE.unpack_from(data, pos)
    pos += _MESSAGE.size
    changes: list[Change] = []
    for _ in range(parts):
        if data[pos : pos + 5] != _DATA:
            raise _UnusualError
        (length,) = _I32.unpack_from(data, pos + 5)
        pos += 9
        if length < 0 or pos + length > len(data):
            raise _UnusualError
        _read_changes(data, pos, pos + length, changes)
        pos += length
    return Publication(subscription, number, more, parts > 0, changes)


def _read_changes(data: bytes, pos: int, end: int, changes: list[Change]) -> None:
    """Read the values of one notification, which ends before ``end``."""
    item, moments, scalars = _ITEM.unpack_from, _TIMES, _SCALARS
    (count,) = _I32.unpack_from(data, pos)
    pos += 4
    for _ in range(count):
        handle, mask, kind = item(data, pos)
        pos += 5
        value = None
        if mask & 1:
            scalar = scalars.get(kind)
            if scalar is not None:
                (value,) = scalar.unpack_from(data, pos + 1)
                pos += 1 + scalar.size
            else:
                value, pos = _other(data, pos, kind)
        rest = moments[mask & 62]
        found = rest.unpack_from(data, pos)
        pos += rest.size
        at = 0
        status, source, server = 0, None, None
        if mask & _STATUS:
            status, at = found[0], 1
        if mask & _SOURCE:
            source = _moment(found[at])
            at += 1
        if mask & _SERVER:
            server = source if source and found[at] == found[at - 1] else _moment(found[at])
        changes.append((handle, value, status, source, server))
    if pos > end:
        raise ValueError(f"a notification ends {pos - end} bytes after its end")


def _moment(ticks: int) -> datetime:
    """Return a time in ticks of 100 ns since 1601; what no calendar holds is its first or last."""
    if 0 <= ticks < LAST:
        plain: datetime = EPOCH + ticks // 10 * _MICRO
        return plain
    return cast("datetime", ua.win_epoch_to_datetime(ticks))


def _other(data: bytes, pos: int, kind: int) -> tuple[Any, int]:
    """Return a value that is no plain number, and where it ends."""
    if kind == _MOMENT:
        (ticks,) = struct.unpack_from("<q", data, pos + 1)
        return _moment(ticks), pos + 9
    if kind == _STRING:
        (length,) = _I32.unpack_from(data, pos + 1)
        end = pos + 5 + max(0, length)
        if length < -1 or end > len(data):
            raise ValueError(f"a text of {length} bytes")
        text = data[pos + 5 : end]
        return (None if length < 0 else text.decode(errors="surrogateescape")), end
    buffer = Buffer(data, pos)
    try:
        variant = variant_from_binary(buffer)
    except ua.UaError as error:
        raise ValueError(str(error) or type(error).__name__) from error
    if buffer.cur_pos <= pos:
        raise ValueError("a value that ends before it begins")  # it would be read for ever
    return variant.Value, buffer.cur_pos
