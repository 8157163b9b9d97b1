"""A mirror that follows a counter server, and the law that its journal must keep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from tests.sync.peers.harness import Counter
from twin.history import Record, SqliteStore
from twin.line import example_line
from twin.sync.mapping import Mapping, NodeSpec
from twin.sync.mirror import Mirror
from twin.sync.opcua import OpcUaConnector
from twin.sync.protocol import Gap

URI = "urn:counter:b"


@asynccontextmanager
async def following(
    port: int, nodes: int, store: SqliteStore, publishing_s: float = 0.1, queue_size: int = 5000
) -> AsyncIterator[Mirror]:
    """Follow the counters of a server as signals of a line, every change of them."""
    line = example_line("bottling")
    stations = [station.id for station in line.stations]
    mapping = Mapping(
        line=line.id,
        endpoint=f"opc.tcp://127.0.0.1:{port}/",
        publishing_s=publishing_s,
        sampling_s=0.0,
        queue_size=queue_size,
        nodes=tuple(
            NodeSpec(node=f"nsu={URI};s=c{k}", element=stations[k % len(stations)],
                     property=f"signals.c{k}", type="int")
            for k in range(nodes)
        ),
    )  # fmt: skip
    mirror = Mirror(line, OpcUaConnector(mapping), store=store)
    task = asyncio.create_task(mirror.run())
    try:
        await mirror.wait_ready(60)
        yield mirror
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def all_in(server: Counter, store: SqliteStore, wait_s: float = 30.0) -> int:
    """Let a server count no further and wait for its last values; return what was made."""
    made, loop = await server.halt(), asyncio.get_running_loop()
    end_s = loop.time() + wait_s
    while loop.time() < end_s:
        shown = [item.value for item in store.last_values("plant") if item.element]
        if all(value == made for value in shown):
            break
        await asyncio.sleep(0.1)
    return made


def unaccounted(records: Sequence[Record], gaps: Sequence[Gap], nodes: int, made: int) -> list[str]:
    """Return where values are missing and no gap says so, or are there twice; empty by the law."""
    last: dict[str, tuple[int, datetime]] = {}
    found = []
    for record in records:
        if not record.element:
            continue
        assert isinstance(record.value, int)
        count, since = last.get(record.node, (record.value - 1, record.source_time))
        told = any(
            gap.node in {"", record.node} and gap.begin <= since and gap.end >= record.source_time
            for gap in gaps
        )
        if record.value <= count or (record.value != count + 1 and not told):
            found.append(f"{record.node}: {record.value} after {count}")
        last[record.node] = (record.value, record.source_time)
    found += [f"{node}: ends at {count}" for node, (count, _) in last.items() if count != made]
    return found + ["a counter gave nothing"] * (nodes - len(last))
