"""Rates and latencies of live values, from a real server to the disk: one line for each way.

``python -m tests.benchmarks.live --nodes 200 --rate 10 --for 10``. A counter server runs beside
it. Processor seconds are those of this process alone, so they hold on a busy machine;
latencies hold there as upper bounds only. Both clocks are one, so a latency is source time to
receipt, or to the moment at which the journal has the value on the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tests.sync.peers.following import all_in, following, unaccounted
from tests.sync.peers.harness import VENDORS, counter, law, recording, values_of
from twin.history import SqliteStore
from twin.sync.clock import SystemClock
from twin.sync.connection import Source
from twin.sync.durable import DurableWriter
from twin.sync.protocol import Gap, LinkEvent, Sample, Value
from twin.sync.supervisor import Supervisor

BATCH = 5000
"""Values that are written at once, at most."""
COMMIT_S = 0.02
"""Longest wait for further ones, s."""


@dataclass
class Figures:
    """What came of one run."""

    way: str
    changes: int
    seconds_s: float
    cpu_s: float
    lost: int
    latencies_s: list[float]

    def row(self) -> str:
        """Return it as a row of the table."""
        p50, p95, p99 = 1000 * np.quantile(self.latencies_s, [0.5, 0.95, 0.99])
        return (
            f"{self.way:<24} {self.changes / self.seconds_s:>9,.0f}/s "
            f"{1e6 * self.cpu_s / self.changes:>7.1f} ms CPU per 1,000   p50 {p50:>6.0f} ms  "
            f"p95 {p95:>6.0f} ms  p99 {p99:>6.0f} ms   lost without a gap {self.lost}"
        )


@dataclass
class Journal:
    """A sink that has each value on the disk before it counts."""

    store: SqliteStore
    waiting: list[Sample] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    live: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, samples: list[Sample]) -> None:
        """Take values."""
        self.waiting += samples

    def gap(self, gap: Gap) -> None:
        """Take a gap."""
        self.gaps.append(gap)

    def link_changed(self, event: LinkEvent) -> None:
        """Note when values flow."""
        if event.state in {"live", "degraded"}:
            self.live.set()

    async def room(self) -> None:
        """Wait while too much waits for the disk."""
        while len(self.waiting) > 4 * BATCH:  # noqa: ASYNC110 - the writer sets no event
            await asyncio.sleep(COMMIT_S)

    async def write(self) -> None:
        """Bring what waits to the disk, until cancelled."""
        writer = DurableWriter(self.store, SystemClock())
        while True:
            await asyncio.sleep(0 if len(self.waiting) >= 1000 else COMMIT_S)
            part, self.waiting = self.waiting[:BATCH], self.waiting[BATCH:]
            await writer.write([_value(sample) for sample in part])
            now = datetime.now(UTC)
            self.latencies_s += [(now - sample.source_time).total_seconds() for sample in part]


def _value(sample: Sample) -> Value:
    return Value("plant", sample.node, "press", "processed", sample.source_time, sample.server_time,
                 sample.received_at, sample.value, epoch=sample.epoch)  # fmt: skip


async def recorded(
    vendor: str, nodes: int, rate: float, for_s: float, publishing_s: float
) -> Figures:
    """Record a counter server, and check that nothing is missing without a word."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        settings = {"publishing_s": publishing_s, "queue_size": 5000}
        async with (
            counter(vendor, nodes=nodes, rate=rate) as server,
            recording(out, server.port, **settings) as running,
        ):
            await running.until_more(60)
            await asyncio.sleep(1.0)
            before, cpu_s, began_s = running.received(), time.process_time(), time.monotonic()
            await asyncio.sleep(for_s)
            changes, passed_s = running.received() - before, time.monotonic() - began_s
            cpu_s = time.process_time() - cpu_s
            await running.end()
        lost = 0
        try:
            law(out)
        except AssertionError as error:
            sys.stderr.write(f"{error}\n")
            lost = 1
        values = values_of(out).iloc[nodes:]
        waits_s = (values.received_at - values.source_time).dt.total_seconds().tolist()
    return Figures(f"{vendor}, recorded", changes, passed_s, cpu_s, lost, waits_s)


async def journalled(
    vendor: str, nodes: int, rate: float, for_s: float, publishing_s: float
) -> Figures:
    """Bring a counter server's values into the journal, as the mirror does."""
    with tempfile.TemporaryDirectory() as folder:
        sink = Journal(SqliteStore(Path(folder) / "journal.sqlite"))
        async with counter(vendor, nodes=nodes, rate=rate) as server:
            source = Source.model_validate({
                "endpoint": f"opc.tcp://127.0.0.1:{server.port}", "nodes": ["/Plant/*"],
                "publishing_s": publishing_s, "queue_size": 5000,
            })  # fmt: skip
            supervisor = Supervisor(source.target(), sink)
            writing = asyncio.create_task(sink.write())
            await supervisor.start()
            await asyncio.wait_for(sink.live.wait(), 60)
            await asyncio.sleep(1.0)
            before, cpu_s, began_s = len(sink.latencies_s), time.process_time(), time.monotonic()
            await asyncio.sleep(for_s)
            waits_s = sink.latencies_s[before:]
            passed_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
            await supervisor.stop()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
    return Figures(f"{vendor}, journalled", len(waits_s), passed_s, cpu_s, 0, waits_s)


async def mirrored(
    vendor: str, nodes: int, rate: float, for_s: float, publishing_s: float
) -> Figures:
    """Follow a counter server with a mirror that has a journal, until every value made is in."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "journal.sqlite")
        async with (
            counter(vendor, nodes=nodes, rate=rate) as server,
            following(server.port, nodes, store, publishing_s) as mirror,
        ):
            await asyncio.sleep(1.0)
            before, cpu_s = mirror.status().received, time.process_time()
            began_s = time.monotonic()
            await asyncio.sleep(for_s)
            changes, passed_s = mirror.status().received - before, time.monotonic() - began_s
            cpu_s = time.process_time() - cpu_s
            made = await all_in(server, store)
            gaps = mirror.status().gaps
        records = [record for record in store.replay() if record.element]
        lost = unaccounted(records, gaps, nodes, made)
        store.close()
    sys.stderr.writelines(f"{line}\n" for line in lost[:5])
    waits_s = [(record.received_at - record.source_time).total_seconds() for record in records]
    return Figures(f"{vendor}, mirrored", changes, passed_s, cpu_s, len(lost), waits_s)


WAYS = {"recorded": recorded, "journalled": journalled, "mirrored": mirrored}


async def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vendor", choices=VENDORS, default=VENDORS[0])
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10.0, help="changes of each node per second")
    parser.add_argument("--for", type=float, default=10.0, dest="for_s", help="s")
    parser.add_argument("--publishing", type=float, default=0.02, help="s")
    parser.add_argument("--way", choices=WAYS, help="all of them where it is left out")
    given = parser.parse_args()
    for way in WAYS.values() if given.way is None else [WAYS[given.way]]:
        figures = await way(given.vendor, given.nodes, given.rate, given.for_s, given.publishing)
        sys.stdout.write(figures.row() + "\n")


if __name__ == "__main__":
    asyncio.run(main())
