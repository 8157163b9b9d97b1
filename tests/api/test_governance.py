"""Releases, comparisons, the audit trail, webhooks: who decided what, and who hears of it."""

import hashlib
import hmac
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from api.webhooks import allowed
from tests.api.conftest import Service, ended, wait_until


@pytest.fixture(scope="module")
def schedule(service: Service) -> dict[str, Any]:
    """Return a schedule that was found."""
    with service.client() as client:
        asked = {"line_id": "electronics", "time_limit_s": 1.0, "replications": 2}
        done = ended(client, client.post("/v1/schedules", json=asked).json())
        assert done["status"] == "succeeded", done
        found: dict[str, Any] = client.get(done["result_url"]).json()
    return found


def test_moved_bars_are_checked_in_words(client: httpx.Client, schedule: dict[str, Any]) -> None:
    """Left as it is the schedule holds; a bar laid over another is told, and nothing is kept."""
    path = f"/v1/schedules/{schedule['id']}"
    by_station: dict[str, list[dict[str, Any]]] = {}
    for item in schedule["result"]["operations"]:
        by_station.setdefault(item["station"], []).append(item)
    first, second = next(items for items in by_station.values() if len(items) > 1)[:2]

    def bar(item: dict[str, Any], start: str, end: str) -> dict[str, Any]:
        kept = {name: item[name] for name in ("order", "operation", "station")}
        return kept | {"start": start, "end": end}

    same = {"operations": [bar(first, first["start"], first["end"])]}
    answer = client.post(f"{path}:validate", json=same)
    assert answer.status_code == 200, answer.text
    assert answer.json()["feasible"], answer.json()
    assert answer.json()["kept"] == []
    assert answer.json()["objective"] == pytest.approx(schedule["result"]["objective"])
    over = {"operations": [bar(second, first["start"], first["end"])]}
    told = client.post(f"{path}:validate", json=over).json()
    assert not told["feasible"]
    assert any(item["where"].startswith(f"{second['order']}/") for item in told["violations"])
    for item in told["violations"]:
        assert item["text"].startswith(f"{item['where']}: ")
        assert item["amount_s"] is None or item["amount_s"] > 0
    assert client.get(path).json() == schedule


def test_a_release_needs_its_own_scope_and_happens_once(
    client: httpx.Client, releaser: httpx.Client, schedule: dict[str, Any]
) -> None:
    """Whoever may write may not release; whoever may does it to the version that was read."""
    path = f"/v1/schedules/{schedule['id']}"
    tag = client.get(path).headers["etag"]
    assert client.post(f"{path}:release", headers={"If-Match": tag}).status_code == 403
    assert releaser.post(f"{path}:release").status_code == 428
    assert releaser.post(f"{path}:release", headers={"If-Match": '"9"'}).status_code == 412
    done = releaser.post(f"{path}:release", headers={"If-Match": tag})
    assert done.status_code == 200, done.text
    assert done.json()["released_by"]
    assert releaser.post(f"{path}:release", headers={"If-Match": '"2"'}).status_code == 409


def test_runs_are_compared_with_any_scenario(client: httpx.Client) -> None:
    """Two scenarios of one run, each against the other: the differences are each other's opposite.

    The same runs held against the line as it is give what the run itself said.
    """
    made = [
        client.post(
            "/v1/scenarios",
            json={
                "line_id": "two_station",
                "name": f"chute {places}",
                "changes": {"buffers.chute.capacity": places},
            },
        ).json()["id"]
        for places in (2, 30)
    ]
    asked = {"horizon_s": 7200, "replications": 5, "compare_with": [made[1]]}
    job = ended(client, client.post(f"/v1/scenarios/{made[0]}/runs", json=asked).json())
    run = job["subject_id"]

    def differences(reference: str) -> dict[tuple[str, str], float]:
        body = {"run_ids": [run], "reference": reference}
        answer = client.post("/v1/comparisons", json=body)
        assert answer.status_code == 200, answer.text
        return {
            (row["scenario_id"], row["kpi"]): row["difference"]["mean"]
            for row in answer.json()["rows"]
        }

    there, back = differences(made[0]), differences(made[1])
    assert there[made[1], "throughput_rate"] == pytest.approx(-back[made[0], "throughput_rate"])
    rows = client.get(f"/v1/runs/{run}/results").json()["rows"]
    by_base = differences("base")
    for row in rows:
        if row["element"] is None and (row["scenario_id"], row["kpi"]) in by_base:
            told = by_base[row["scenario_id"], row["kpi"]]
            assert told == pytest.approx(row["difference"]["mean"])
    unknown = {"run_ids": [run], "reference": "nothing"}
    assert client.post("/v1/comparisons", json=unknown).status_code == 422


def test_every_change_is_in_the_audit_trail(
    client: httpx.Client, admin: httpx.Client, scenario: dict[str, Any]
) -> None:
    """Who did what stands there with request id and body hash; each entry carries the one before.

    Only administrators read it.
    """
    assert client.get("/v1/audit").status_code == 403
    entries: list[dict[str, Any]] = []
    cursor = None
    while True:
        params = {"limit": 50} | ({"cursor": cursor} if cursor else {})
        page = admin.get("/v1/audit", params=params).json()
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [item["number"] for item in entries] == list(range(1, len(entries) + 1))
    (made,) = [item for item in entries if item["subject"] == scenario["id"]]
    assert made["action"] == "POST /v1/scenarios"
    assert made["detail"].startswith("sha256:")
    assert made["request_id"]
    before = "0" * 64
    for item in entries:
        assert item["previous"] == before
        before = item["sha256"]


@dataclass
class Receiver:
    """Another system that takes news, after it has refused some."""

    refuse: int
    taken: "queue.Queue[tuple[dict[str, str], bytes]]" = field(default_factory=queue.Queue)


@contextmanager
def receiver(port: int, refuse: int = 0) -> Iterator[Receiver]:
    """Run one on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            sent = self.rfile.read(length)
            status = 503 if found.refuse > 0 else 204
            found.refuse -= 1
            if status == 204:
                found.taken.put(({key.lower(): value for key, value in self.headers.items()}, sent))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    found = Receiver(refuse)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join(5.0)


def test_news_is_signed_and_sent_until_it_is_taken(
    service: Service, admin: httpx.Client, client: httpx.Client
) -> None:
    """A receiver that fails first gets the same news again; the signature covers time and body."""
    address = service.site.settings.webhook_hosts[1]
    with receiver(int(address.rpartition(":")[2]), refuse=1) as other:
        hook = {"url": f"http://{address}/news", "events": ["job.ended"]}
        made = admin.post("/v1/webhooks", json=hook)
        assert made.status_code == 201, made.text
        job = client.post("/v1/forecasts", json={"line_id": "two_station"}).json()
        ended(client, job)
        headers, sent = other.taken.get(timeout=30.0)
    told = json.loads(sent)
    assert (told["event"], told["data"]["id"]) == ("job.ended", job["id"])
    stamp, _, given = headers["webhook-signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + sent
    secret = made.json()["secret"].encode()
    assert hmac.compare_digest(given, hmac.new(secret, signed, hashlib.sha256).hexdigest())
    assert abs(int(stamp[2:]) - time.time()) < 60
    path = made.headers["location"]

    def listed() -> dict[str, Any]:
        items: list[dict[str, Any]] = admin.get(f"{path}/deliveries").json()["items"]
        return items[-1]

    wait_until(lambda: listed()["status"] == "delivered")
    assert listed()["attempts"] == 2
    assert "secret" not in admin.get(path).json()
    assert admin.delete(path, headers={"If-Match": '"1"'}).status_code == 204


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.7/x",
        "http://127.0.0.1:8080/x",
        "ftp://127.0.0.1/x",
        "http://127.0.0.1@192.0.2.7/",
        "http://127.0.0.1.evil.example/",
        "file:///etc/passwd",
        "http://[::1]/",
        "http://127.0.0.1:99999/",
    ],
)
def test_news_goes_nowhere_else(admin: httpx.Client, url: str) -> None:
    """An address whose host was not named is refused, however it is written."""
    assert not allowed(url, ("127.0.0.1", "127.0.0.1:9"))
    answer = admin.post("/v1/webhooks", json={"url": url, "events": ["job.ended"]})
    assert answer.status_code == 422, url
