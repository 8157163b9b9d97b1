"""A real plant, its real service, and a real browser for the page."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.demo import Demo
from api.demo.client import Client, RefusedError
from api.server import SiteServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """The demo as it is served."""

    demo: Demo
    address: str
    client: Client


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the system's Chromium, or skip and say that the page was not driven."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return Path(found)
    pytest.skip("NO CHROMIUM HERE: the page was not driven in a browser; install chromium")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve a bottling line with a plant behind it, ready for work."""
    folder = tmp_path_factory.mktemp("site")
    with Demo(port=0, speed=5.0, folder=folder, forecast=False) as demo:
        assert demo.app is not None
        address: list[str] = []
        server = SiteServer(demo.app, demo.settings, address.append)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            until_s = time.monotonic() + START_S
            while not address:
                assert time.monotonic() < until_s, "the service did not start"
                time.sleep(0.05)
            client = Client(address[0], demo.key)
            while not _ready(client, demo.line.id):
                assert time.monotonic() < until_s, "the service is not ready for work"
                time.sleep(0.2)
            yield Running(demo, address[0], client)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def _ready(client: Client, line_id: str) -> bool:
    try:
        client.ask("GET", "/readyz")
        state = client.ask("GET", f"/v1/lines/{line_id}/state")
    except RefusedError:
        return False
    return bool(state["link"]["status"] == "connected")
