"""A real plant behind OPC UA, mirrored by a real service: state, questions, loss and return."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from api.live import LiveLine
from api.mirrors import MirrorFeed
from api.past import gaps
from tests.api.conftest import Service, ended, run_service, wait_until
from twin.emulator import Plant
from twin.line import Line, example_line
from twin.sync import Mirror, default_mapping
from twin.sync.opcua import OpcUaConnector
from twin.sync.protocol import Gap

SPEED = 30.0
Event = tuple[str, str, Any]
"""Id, kind and data."""


class PlantThread:
    """A plant with an event loop of its own, as one on another machine has."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._began = time.monotonic()
        self._start = datetime.now(UTC)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self.endpoint = ""

    def open(self) -> None:
        """Open it; its clock has gone on while it was away."""
        passed_s = (time.monotonic() - self._began) * SPEED
        opened = threading.Event()
        port = int(self.endpoint.rsplit(":", 1)[1].strip("/")) if self.endpoint else 0

        async def run() -> None:
            self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
            start = self._start + timedelta(seconds=passed_s)
            async with Plant(self.line, speed=SPEED, start=start, port=port) as plant:
                self.endpoint = plant.endpoint
                opened.set()
                await self._over.wait()

        self._thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
        self._thread.start()
        assert opened.wait(60.0), "the plant did not open"

    def close(self) -> None:
        """Close it."""
        assert self._loop is not None
        assert self._over is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(20.0)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def plant() -> Iterator[PlantThread]:
    """Return a running plant whose day began ten minutes ago."""
    begun = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    order = {"product": "bushing", "quantity": 300, "due_date_s": 40_000}
    changes: dict[str, Any] = {"start": begun, "sources.coil.arrivals": "orders"}
    drive = {"idle": 0.4, "running": 1.8, "worn": 5.5, "noise_sd": 0.15, "unit": "mm/s"}
    changes |= {f"stations.{name}.signals.vibration": drive for name in ("press", "lathe")}
    changes |= {"orders.rush": order, "orders.stock": {"product": "bushing", "quantity": 5000}}
    running = PlantThread(example_line("two_station").changed(changes))
    running.open()
    yield running
    running.close()


@pytest.fixture(scope="module")
def live(plant: PlantThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service that mirrors the plant and trains a small forecaster."""
    line = plant.line
    connector = OpcUaConnector(default_mapping(line, plant.endpoint))
    feed = MirrorFeed(Mirror(line, connector))
    running = run_service(
        tmp_path_factory.mktemp("live"),
        [],
        [feed],
        tick_s=0.2,
        forecast=True,
        forecast_window_s=60.0,
        training_runs=16,
        test_runs=2,
    )
    with running.client() as client:
        path = f"/v1/lines/{line.id}/state"
        wait_until(lambda: client.get(path).json()["link"]["status"] == "connected")
    yield running
    running.stop()


@contextmanager
def events(service: Service, last_id: str | None = None) -> Iterator[Iterator[Event]]:
    """Follow the events: id, kind and data."""
    headers = {"Last-Event-ID": last_id} if last_id else {}

    def parsed(answer: httpx.Response) -> Iterator[Event]:
        found: dict[str, str] = {}
        for row in answer.iter_lines():
            name, _, value = row.partition(": ")
            if row:
                found[name] = value
            elif "data" in found:
                yield found["id"], found["event"], json.loads(found["data"])
                found = {}

    with service.client() as client, client.stream("GET", "/v1/events", headers=headers) as answer:
        assert answer.status_code == 200
        yield parsed(answer)


def test_the_state_is_live_and_says_how_old_it_is(live: Service, plant: PlantThread) -> None:
    """The state moves with the plant's clock, is good and less than a few seconds old."""
    with live.client() as client:
        first = client.get("/v1/lines/two_station/state").json()
        time.sleep(0.5)
        second = client.get("/v1/lines/two_station/state").json()
    passed_s = second["time_s"] - first["time_s"]
    assert 0.2 * SPEED < passed_s < 3.0 * SPEED
    told = second["provenance"]
    assert told["quality"] == "good"
    assert told["age_ms"] < 3000.0
    assert second["link"]["endpoint"] == plant.endpoint
    press = second["stations"][0]
    assert press["id"] == "press"
    assert len(press["servers"]) == 1
    assert press["signals"]["vibration"]["unit"] == "mm/s"
    assert second["counts"]["created"] > 0


def test_events_tell_states_and_go_on_where_one_left(live: Service) -> None:
    """Each tick is an event; who comes back gets what was missed, once and in order."""
    with events(live) as stream:
        # The forecaster's job is told on the same stream.
        states = (event for event in stream if event[1] == "state")
        seen = [event for event, _ in zip(states, range(4), strict=False)]
    times = [data["time_s"] for _, _, data in seen]
    assert times == sorted(times)
    with events(live, seen[1][0]) as stream:
        again = next(iter(stream))
    assert int(again[0].rpartition("-")[2]) > int(seen[1][0].rpartition("-")[2])
    assert again[1] != "reset"
    with events(live, "another-1") as stream:
        assert next(iter(stream))[1] == "reset"


def test_key_figures_come_from_what_was_seen(live: Service) -> None:
    """KPIs of the live line are those of its log: shares add up to one."""
    with live.client() as client:
        path = "/v1/lines/two_station/kpis?window_s=600&bins=10"
        wait_until(lambda: client.get(path).json()["observed_s"] > 60)
        found = client.get(path).json()
    assert found["provenance"]["quality"] == "good"
    assert len(found["throughput"]) == 10
    for station in found["stations"]:
        assert sum(station["status_share"].values()) == pytest.approx(1.0)


def test_questions_start_from_where_the_line_is(live: Service) -> None:
    """A run and a promise begin at the live state, not at an empty line."""
    with live.client() as client:
        now = datetime.fromisoformat(
            client.get("/v1/lines/two_station/state").json()["provenance"]["as_of"]
        )
        body = {"line_id": "two_station", "name": "x", "changes": {"buffers.chute.capacity": 9}}
        scenario = client.post("/v1/scenarios", json=body).json()
        asked = {"horizon_s": 1800, "replications": 3}
        job = client.post(f"/v1/scenarios/{scenario['id']}/runs", json=asked).json()
        run = client.get(f"/v1/runs/{job['subject_id']}").json()
        assert run["start"] == "live"
        assert datetime.fromisoformat(run["start_as_of"]) >= now
        promise = client.post(
            "/v1/order-promises", json={"line_id": "two_station", "order_id": "rush"}
        )
        assert promise.status_code == 200, promise.text
        found = promise.json()
        assert found["replications"] >= 2
        assert datetime.fromisoformat(found["completion_p90"]) > now
        share = found["on_time_probability"]
        assert 0 <= share["low"] <= share["mean"] <= share["high"] <= 1
        assert ended(client, job)["status"] == "succeeded"


@pytest.mark.timeout(300)
def test_the_forecaster_is_trained_and_reads_the_plant(live: Service) -> None:
    """A forecaster trains by itself, is scored against naive, and reads the live sensors."""
    with live.client() as client:
        path = "/v1/lines/two_station/forecaster"
        wait_until(lambda: client.get(path).json()["status"] != "training", 240.0)
        forecaster = client.get(path).json()
        assert forecaster["status"] == "ready", forecaster
        assert {score["target"] for score in forecaster["model"]["scores"]} == {
            "fault",
            "throughput",
        }
        job = client.post("/v1/forecasts", json={"line_id": "two_station"}).json()
        done = ended(client, job)
        assert done["status"] == "succeeded", done
        found = client.get(done["result_url"]).json()["result"]
    assert {risk["station"] for risk in found["fault_risks"]} <= {"press", "lathe"}
    assert found["fault_risks"] or "down now" in found["message"], found["message"]
    assert all(0 <= risk["probability"] <= 1 for risk in found["fault_risks"])
    for point in found["throughput"]:
        levels = [point["quantiles"][level] for level in ("0.05", "0.5", "0.95")]
        assert levels == sorted(levels)
    assert found["provenance"]["quality"] == "forecast"
    assert found["model"]["id"] == forecaster["model"]["id"]


def test_a_lost_plant_is_told_and_comes_back(live: Service, plant: PlantThread) -> None:
    """The plant goes away: the link is lost, values are stale; it returns: all is live again."""
    with live.client() as client, events(live) as stream:
        path = "/v1/lines/two_station/state"
        plant.close()
        wait_until(lambda: client.get(path).json()["link"]["status"] == "lost")
        lost = client.get(path).json()
        assert lost["provenance"]["quality"] == "stale"
        plant.open()
        wait_until(lambda: client.get(path).json()["link"]["status"] == "connected", 40.0)
        wait_until(lambda: client.get(path).json()["time_s"] > lost["time_s"])
        told = [data["link"]["status"] for _, kind, data in _until(stream, 2) if kind == "link"]
        missing = client.get("/v1/lines/two_station/gaps").json()["items"]
        figures = client.get("/v1/lines/two_station/kpis?window_s=86400").json()
    assert told == ["lost", "connected"]
    gap = missing[0]  # a busy machine may lose the link once more
    assert gap["reason"]
    length = datetime.fromisoformat(gap["end"]) - datetime.fromisoformat(gap["begin"])
    assert figures["gap_s"] >= length.total_seconds() - 1e-3 > 0.0


def test_gaps_say_of_what() -> None:
    """A gap of one node bears its name, one of a set clock how far; an open one has its cause."""
    at = datetime(2026, 1, 5, 6, tzinfo=UTC)
    found = (
        Gap(at, at + timedelta(hours=1), "set", 1, "clock", step_s=-3600.0),
        Gap(at, at, "full", 1, "count"),
        Gap(at, at, "lost", 2),
    )
    status = SimpleNamespace(gaps=found, as_of=at, quality="stale", reason="", alarm="disk is full")
    feed = SimpleNamespace(status=lambda: status)
    told = gaps(cast(LiveLine, SimpleNamespace(feed=feed)))
    assert [(item.node, item.clock_step_s, item.end is None) for item in told] == [
        ("clock", -3600.0, False), ("count", None, False), ("", None, False), ("", None, True)
    ]  # fmt: skip
    assert told[-1].reason == "disk is full"


def _until(stream: Iterator[Event], links: int) -> Iterator[Event]:
    """Yield events until so many changes of the link were told."""
    for event in stream:
        yield event
        links -= event[1] == "link"
        if links == 0:
            return


def test_before_the_first_picture_nothing_is_made_up(tmp_path: Path) -> None:
    """With a plant that is not there the state is bad, and questions from it are refused."""
    line = example_line("two_station")
    feed = MirrorFeed(Mirror(line, OpcUaConnector(default_mapping(line, "opc.tcp://127.0.0.1:9/"))))
    running = run_service(tmp_path, [], [feed])
    try:
        with running.client() as client:
            found = client.get("/v1/lines/two_station/state").json()
            assert found["provenance"]["quality"] == "bad"
            assert found["link"]["status"] == "connecting"
            body = {"line_id": "two_station", "product": "bushing", "quantity": 3}
            answer = client.post("/v1/order-promises", json=body)
            assert answer.status_code == 503
            assert "no picture" in answer.json()["detail"]
    finally:
        running.stop()


def test_a_state_is_told_anew_when_the_plant_moves(live: Service) -> None:
    """The ETag of a live line changes with what comes in, so that 304 never hides news."""
    path = f"/v1/lines/{next(iter(live.site.lines))}/state"
    with live.client() as client:
        first = client.get(path)
        tag = {"If-None-Match": first.headers["etag"]}

        def moved() -> bool:
            answer = client.get(path, headers=tag)
            return answer.status_code == 200 and answer.json()["time_s"] > first.json()["time_s"]

        wait_until(moved)
