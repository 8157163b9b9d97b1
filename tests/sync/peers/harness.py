"""Counter servers of two vendors, and the law that a recording of them must keep.

node-opcua is installed once, with npm, into a cache folder of the user; where node or npm are
missing the tests that need it are skipped, loudly.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import platformdirs
import pytest

from twin.sync.connection import Connection, Source
from twin.sync.record import Recorder
from twin.sync.security import Identity

HERE = Path(__file__).parent
NODE_OPCUA = "node-opcua@2.182.2"
VENDORS = ("node-opcua", "asyncua")
START_S = 180.0
PASSWORD = "secret"


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def node_modules() -> Path:
    """Return the folder in which node-opcua is installed, or skip with the reason."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are needed for the server of the second vendor; install Node 20")
    named = os.environ.get("LINETWIN_NODE_CACHE")
    folder = Path(named) if named else platformdirs.user_cache_path("linetwin") / "node-opcua"
    if not (folder / "node_modules" / "node-opcua" / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", NODE_OPCUA, "--no-audit", "--no-fund", "--ignore-scripts",
                   "--prefix", str(folder)]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not bring node-opcua within 100 s")
        if done.returncode:
            pytest.skip(f"npm cannot bring node-opcua: {done.stderr[-300:]}")
    return folder / "node_modules"


class Counter:
    """A counter server in a process of its own.

    Parameters
    ----------
    vendor : str
        ``node-opcua`` or ``asyncua``.
    options
        See ``counter.js``.
    """

    def __init__(self, vendor: str, **options: Any) -> None:
        self.vendor = vendor
        self.options = {"port": free_port(), **options}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def port(self) -> int:
        """Port on which it listens."""
        return int(self.options["port"])

    async def start(self, **changes: Any) -> None:
        """Start it, or start it again with other options."""
        self.options |= changes
        told = json.dumps(self.options)
        environment = dict(os.environ)
        if self.vendor == "asyncua":
            command = [sys.executable, "-m", "tests.sync.peers.counter", told]
        else:
            environment["NODE_PATH"] = str(node_modules())
            command = ["node", str(HERE / "counter.js"), told]
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd=HERE.parents[2],
        )
        await self._answer("port", START_S)

    async def _answer(self, key: str, wait_s: float = 20.0) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(wait_s):
            while line := await self._process.stdout.readline():
                with suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, dict) and key in found:
                        return int(found[key])
        raise AssertionError(f"the {self.vendor} server ended")

    async def say(self, text: str) -> None:
        """Give it a command."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n".encode())
        await self._process.stdin.drain()

    async def halt(self) -> int:
        """Let it count no further; return the last value."""
        await self.say("halt")
        return await self._answer("made")

    async def kill(self) -> None:
        """Kill it at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def freeze(self, seconds_s: float) -> None:
        """Stop its process for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds_s)
        self._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def counter(vendor: str, **options: Any) -> AsyncIterator[Counter]:
    """Run a counter server for the length of a test."""
    server = Counter(vendor, **options)
    try:
        await server.start()
        yield server
    finally:
        await server.kill()


class Recording:
    """A recording that goes on in this process."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.stop = asyncio.Event()
        self.task = asyncio.create_task(recorder.run(None, self.stop))

    def state(self, source: int = 0) -> str:
        """Return where a source stands."""
        return str(list(self.recorder.progress().states.values())[source])

    def received(self) -> int:
        """Return the values so far."""
        return self.recorder.progress().received

    async def until(self, state: str = "live", wait_s: float = 30.0) -> None:
        """Wait until the first source is in a state."""
        async with asyncio.timeout(wait_s):
            while self.state() != state:
                if self.task.done():
                    self.task.result()
                await asyncio.sleep(0.02)

    async def until_more(self, wait_s: float = 30.0) -> None:
        """Wait until further values have come in."""
        before = self.received()
        async with asyncio.timeout(wait_s):
            while self.received() <= before:
                await asyncio.sleep(0.02)

    async def until_node(self, name: str, count: int = 1, wait_s: float = 30.0) -> None:
        """Wait until a node has given so many values."""
        tracks = self.recorder._parts[0].supervisor.session.continuity.tracks  # noqa: SLF001
        async with asyncio.timeout(wait_s):
            while name not in tracks or tracks[name].received < count:
                await asyncio.sleep(0.02)

    async def end(self) -> dict[str, Any]:
        """End it and return the summary."""
        self.stop.set()
        return await self.task


@asynccontextmanager
async def recording(
    folder: Path, *ports: int, identity: Identity | None = None, **settings: Any
) -> AsyncIterator[Recording]:
    """Record all counters of one or more servers for the length of a test."""
    sources = [
        Source.model_validate(
            {"name": f"s{number}", "endpoint": f"opc.tcp://127.0.0.1:{port}",
             "nodes": ["/Plant/*"], **settings}
        )
        for number, port in enumerate(ports)
    ]  # fmt: skip
    running = Recording(Recorder(Connection(sources=tuple(sources)), folder, identity))
    try:
        yield running
    finally:
        running.stop.set()
        await asyncio.gather(running.task, return_exceptions=True)


def guard_of(folder: Path) -> dict[str, Any]:
    """Return options of a server that takes protected connections of one user only."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "password.txt").write_text(PASSWORD, encoding="utf-8")
    return {"security": True, "user": "bob", "password": PASSWORD, "pki": str(folder)}


async def protection(server: Counter, folder: Path) -> dict[str, Any]:
    """Return how to record such a server: with a login, and its certificate trusted."""
    identity = Identity(folder / "pki")
    (folder / "password.txt").write_text(PASSWORD, encoding="utf-8")
    security = {"user": "bob", "password_file": str(folder / "password.txt")}
    first = {"identity": identity, "security": security}
    async with recording(folder / "refused", server.port, **first) as refused:
        await refused.until("faulted")
    host = identity.trust(identity.seen()[0].fingerprint).hosts[0]
    return {"identity": identity, "security": {**security, "host": host}}


def values_of(folder: Path) -> pd.DataFrame:
    """Return the values of a recording, whole or broken off."""
    whole = folder / "values.parquet"
    pieces = [whole] if whole.exists() else sorted(folder.glob("values-*.parquet"))
    return pd.concat([pd.read_parquet(piece) for piece in pieces], ignore_index=True)


def law(folder: Path, made: int | None = None, *, life: int = 1_000_000) -> dict[str, Any]:
    """Check that received + declared gaps = made for each counter; return figures.

    Parameters
    ----------
    folder : Path
        The recording.
    made : int, optional
        Last value of each counter; the last one received, unless a gap at the end says otherwise.
    life : int
        Values from which on a counter's next life begins, for servers that were started again.

    Raises
    ------
    AssertionError
        If a value is there twice, or missing outside of every declared gap of its node.
    """
    values, gaps = values_of(folder), pd.read_parquet(folder / "gaps.parquet")
    summary = json.loads((folder / "summary.json").read_text())
    open_gaps = gaps[gaps.resolved.isin(["unrecoverable", "sampled"])]
    lost = 0
    for (source, node), group in values.groupby(["source", "node"], observed=True):
        if not re.search(r";s=c\d+$", str(node)):
            continue  # no counter
        group = group[~group.status.str.startswith("Bad")]  # noqa: PLW2901 - no value in there
        mine = open_gaps[(open_gaps.source == source) & (open_gaps.node == node)]
        group = group.assign(value=group.value.fillna(pd.to_numeric(group.text)))  # noqa: PLW2901
        rows = group.sort_values("value", kind="stable")
        count = rows.value.to_numpy().astype(int)
        times = rows.source_time.fillna(rows.received_at).to_numpy()
        assert (count[1:] != count[:-1]).all(), f"{node}: a value is there twice"
        for at in (count[1:] - count[:-1] > 1).nonzero()[0]:
            if count[at] // life != count[at + 1] // life:
                lost += 1  # what the first life made last is known to nobody; a gap it must be
            else:
                lost += int(count[at + 1] - count[at] - 1)
            low, high = sorted((times[at], times[at + 1]))
            covered = ((mine.start.to_numpy() <= low) & (mine.end.to_numpy() >= high)).any()
            assert covered, f"{node}: {count[at]} to {count[at + 1]} is missing without a word"
        if made is not None and count[-1] < made:
            after = (mine.end.to_numpy() > times[-1]).any()
            assert after, f"{node}: {made} was made, {count[-1]} is the last; no gap says so"
    told = {(item["source"], item["node"]): item["received"] for item in summary["nodes"]}
    found = values.groupby(["source", "node"], observed=True).size().to_dict()
    if summary["finished"]:
        assert {key: n for key, n in told.items() if n} == found, "the summary counts otherwise"
    return {"received": len(values), "lost": lost, "open": len(open_gaps), "summary": summary,
            "gaps": gaps}  # fmt: skip


@contextmanager
def child(*command: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program and kill it at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=20)
