"""Messages between the service and its workers: four bytes of length, then a JSON object."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")
MAX_BYTES = 256 * 2**20
"""Largest message."""

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """Return a message as it goes over the pipe.

    Raises
    ------
    ValueError
        If it is too large or holds a number that is not finite.
    """
    body = json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    if len(body) > MAX_BYTES:
        raise ValueError(f"a message of {len(body)} bytes is more than {MAX_BYTES}")
    return LENGTH.pack(len(body)) + body


def read(stream: BinaryIO) -> Message | None:
    """Wait for the next message; None: the other side is gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    body = stream.read(length)
    if len(body) < length:
        return None
    message: Message = json.loads(body)
    return message


async def read_async(stream: asyncio.StreamReader) -> Message | None:
    """Wait for the next message; None: the other side is gone."""
    try:
        (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
        if length > MAX_BYTES:
            return None  # not one of ours: something else wrote into the pipe
        message: Message = json.loads(await stream.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return None
    return message
