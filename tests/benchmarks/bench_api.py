"""How quickly a site answers while its plant runs, its simulations run, and many people look on.

The service is a process of its own, as it is in a plant. Requests are sent at their times whether
or not earlier ones were answered, and waits count from those times.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil

from tests.benchmarks.case import Case

RATE_PER_S = 200.0
RUNS = 6
"""Runs beside which questions are asked; one takes ten seconds or more."""
CONNECTIONS = 16
STATE_S = float(os.environ.get("LINETWIN_BENCH_STATE_S", "20"))
"""Time for which states are asked for, s."""
LOOKERS, MANY = 20, 1000
LOOK_S = 20.0
MANY_S = float(os.environ.get("LINETWIN_BENCH_MANY_S", "60"))
"""Time for which many clients follow, s; ten minutes for a proof."""
PROMISES = 40
START_S = 120.0


def cases() -> list[Case]:
    """Return none: waits are no times of work, see ``report``."""
    return []


def report() -> dict[str, Any]:
    """Return what a demo of the bottling line answers, and how quickly."""
    with (
        demo() as site,
        httpx.Client(
            base_url=site.address, headers={"X-API-Key": site.key}, timeout=60.0
        ) as client,
    ):
        line = client.get("/v1/lines").json()["items"][0]["id"]
        found = {"idle": asyncio.run(states(site, line))}
        with simulating(client, line):
            found["beside a simulation"] = asyncio.run(states(site, line))
        found["order promises"] = promises(client, line)
        found[f"{LOOKERS} clients follow"] = asyncio.run(followed(site, LOOKERS, LOOK_S))
        found[f"{MANY} clients follow"] = asyncio.run(followed(site, MANY, MANY_S))
    return found


# The site --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Site:
    """A demo that is served."""

    address: str
    key: str
    process: psutil.Process

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    def cpu_s(self) -> float:
        """Return the processor time that the service itself took so far, s."""
        used = self.process.cpu_times()
        return float(used.user + used.system)


@contextmanager
def demo() -> Iterator[Site]:
    """Serve a bottling line and its plant until the block ends."""
    settings = {
        "LINETWIN_REQUESTS_PER_S": "100000",
        "LINETWIN_REQUEST_BURST": "100000",
        "LINETWIN_EVENT_CLIENTS": "2000",
    }
    command = [sys.executable, "-m", "api.cli", "demo", "--port", "0", "--speed", "1", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | settings)
    try:
        assert process.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            piece = process.stdout.readline().decode()
            assert piece, "the demo ended"
            told += piece
        found = json.loads(told)
        _wait_ready(found["address"])
        yield Site(found["address"], found["key"], psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(60)


def _wait_ready(address: str) -> None:
    until_s = time.monotonic() + START_S
    while httpx.get(f"{address}/readyz").status_code != 200:
        assert time.monotonic() < until_s, "the service is not ready"
        time.sleep(0.5)
    time.sleep(5.0)  # the forecaster's data and the charts are made meanwhile


@contextmanager
def simulating(client: httpx.Client, line: str) -> Iterator[None]:
    """Have runs at work, one after the other, until the block ends."""
    scenario = client.post("/v1/scenarios", json={"line_id": line, "name": "beside"}).json()
    body = {"horizon_s": 30 * 86400, "replications": 1000}
    jobs = [
        client.post(f"/v1/scenarios/{scenario['id']}/runs", json=body | {"seed": seed}).json()["id"]
        for seed in range(RUNS)
    ]

    def states() -> list[str]:
        return [client.get(f"/v1/jobs/{job}").json()["status"] for job in jobs]

    while "running" not in states():
        time.sleep(0.2)
    try:
        yield
        assert "running" in states(), states()
    finally:
        for job in jobs:
            client.post(f"/v1/jobs/{job}:cancel")


# Questions -------------------------------------------------------------------------------------


@asynccontextmanager
async def asked(site: Site, path: str) -> AsyncIterator[asyncio.StreamReader]:
    """Open a connection, ask for a stream of events and give what comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=2**20)
    try:
        writer.write(_request(site, path))
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.partition(b"\r\n")[0], head
        yield reader
    finally:
        writer.close()


def _request(site: Site, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nX-API-Key: {site.key}\r\n\r\n"
    ).encode()


async def states(site: Site, line: str) -> dict[str, float]:
    """Ask for the state of a line at a steady rate; return the waits, ms, and the load."""
    asked_for = _request(site, f"/v1/lines/{line}/state")
    began_s, cpu_s = time.perf_counter() + 0.2, site.cpu_s()
    moments_s = [began_s + k / RATE_PER_S for k in range(int(STATE_S * RATE_PER_S))]
    waits_ms: list[float] = []
    numbers = itertools.count()

    async def work() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        while (number := next(numbers)) < len(moments_s):
            await asyncio.sleep(moments_s[number] - time.perf_counter())
            writer.write(asked_for)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.partition(b"\r\n")[0], head
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            waits_ms.append((time.perf_counter() - moments_s[number]) * 1000.0)
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    spent_s = time.perf_counter() - began_s
    return _spread(waits_ms) | {
        "per_s": round(len(waits_ms) / spent_s, 1),
        "service_cpu_ms_each": round((site.cpu_s() - cpu_s) / len(waits_ms) * 1000.0, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def promises(client: httpx.Client, line: str) -> dict[str, float]:
    """Ask when orders will be done, one after the other; return the waits, ms."""
    orders = [item["id"] for item in client.get(f"/v1/lines/{line}/state").json()["orders"]]
    model = client.get(f"/v1/lines/{line}/model").json()
    waits_ms = []
    for number in range(PROMISES):
        body: dict[str, Any] = {"line_id": line}
        if number % 2:
            body |= {"product": model["products"][0]["id"], "quantity": 10 + number}
        else:
            body |= {"order_id": orders[number % len(orders)]}
        began_s = time.perf_counter()
        answer = client.post("/v1/order-promises", json=body)
        waits_ms.append((time.perf_counter() - began_s) * 1000.0)
        assert answer.status_code == 200, answer.text
    return _spread(waits_ms) | {"load": round(os.getloadavg()[0], 1)}


async def followed(site: Site, count: int, seconds: float) -> dict[str, float]:
    """Follow the stream with many clients; return waits, ms, and what the service took for it."""
    waits_ms: list[float] = []
    memory_mb: list[float] = []
    done = asyncio.Event()

    async def follow() -> None:
        async with asked(site, "/v1/events") as reader:
            while not done.is_set():
                line = await reader.readline()
                if line.startswith(b"data:") and b'"provenance"' in line:
                    told = json.loads(line.removeprefix(b"data:"))["provenance"]
                    made = datetime.fromisoformat(told["received_at"])
                    made += timedelta(milliseconds=told["age_ms"])
                    waits_ms.append((datetime.now(UTC) - made).total_seconds() * 1000.0)

    clients = []
    for number in range(count):
        clients.append(asyncio.create_task(follow()))
        if number % 50 == 0:
            await asyncio.sleep(0.1)
    await asyncio.sleep(5.0)
    waits_ms.clear()
    began_s, cpu_s = time.perf_counter(), site.cpu_s()
    while time.perf_counter() - began_s < seconds:
        memory_mb.append(site.process.memory_info().rss / 1e6)
        await asyncio.sleep(1.0)
    share = (site.cpu_s() - cpu_s) / (time.perf_counter() - began_s)
    assert not [client for client in clients if client.done()], "a stream ended"
    done.set()
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    tenth = max(len(memory_mb) // 10, 1)
    late_mb = memory_mb[len(memory_mb) // 2 :]  # the events that are kept fill up before
    grown_mb = 0.0
    if len(late_mb) > 1:
        grown_mb = statistics.linear_regression(range(len(late_mb)), late_mb).slope * 60.0
    return _spread(waits_ms) | {
        "events": len(waits_ms),
        "service_share_of_a_core": round(share, 3),
        "memory_begin_mb": round(statistics.median(memory_mb[:tenth]), 1),
        "memory_end_mb": round(statistics.median(memory_mb[-tenth:]), 1),
        "memory_late_mb_per_min": round(grown_mb, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def _spread(waits_ms: list[float]) -> dict[str, float]:
    found = sorted(waits_ms)
    return {
        name: round(found[min(int(share * len(found)), len(found) - 1)], 1)
        for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99), ("most_ms", 1.0))
    }
