"""A real plant, its real service, and a real browser for the page."""

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

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
START_S = 120.0
SLOW_MS = 60_000
"""Longest wait for something on the page, ms."""


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


@dataclass(slots=True)
class Seen:
    """A page, and what it asked for and complained of."""

    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def seen(running: Running, chromium: Path) -> Iterator[Seen]:
    """Open a browser whose requests and complaints are noted; afterwards there were none."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(base_url=running.address, viewport={"width": 1440, "height": 900})
        page.set_default_timeout(SLOW_MS)
        found = Seen(page)
        page.on("request", lambda request: _note(found, request.url, running.address))
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                found.errors.append(message.text) if message.type in {"error", "warning"} else None
            ),
        )
        yield found
        browser.close()
    assert found.outside == []
    assert found.errors == []


def _note(found: Seen, url: str, address: str) -> None:
    if not url.startswith((address, "data:", "blob:")):
        found.outside.append(url)
