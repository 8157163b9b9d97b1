"""Tenants are apart: what is planted in every field of one is found nowhere in the other."""

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.keys import Scope, create_key
from tests.api.conftest import Service, ended, run_service
from twin.line import Line, example_line

CANARY = "canary7c1f"


def planted() -> Line:
    """Return a line with a canary in each text that it has."""
    line = example_line("electronics")
    order = {"id": f"{CANARY}o", "product": line.products[0].id, "quantity": 3}
    return line.changed(
        {
            "name": f"{CANARY} name",
            "description": f"{CANARY} description",
            f"orders.{CANARY}o": order,
        }
    )


def fill(service: Service) -> None:
    """Plant canaries through every route that keeps something."""
    key = create_key(service.site.settings.keys_path, CANARY, Scope.ADMIN)
    with service.client(key) as client:
        body = {"line_id": "electronics", "name": CANARY, "description": CANARY}
        headers = {"Idempotency-Key": CANARY, "X-Request-ID": CANARY}
        made = client.post("/v1/scenarios", json=body, headers=headers).json()
        run = {"horizon_s": 600, "replications": 2}
        ended(client, client.post(f"/v1/scenarios/{made['id']}/runs", json=run).json())
        orders = {
            "line_id": "electronics",
            "requests": [{"id": f"{CANARY}p", "product": planted().products[0].id, "quantity": 1}],
        }
        assert client.put(f"/v1/operations-schedules/{CANARY}", json=orders).status_code == 201
        report = {"line_id": "electronics", "responses": [{"order_id": f"{CANARY}o", "good": 1}]}
        assert client.post("/v1/operations-performance", json=report).status_code == 201
        assert CANARY in client.get("/v1/lines").text


def everything(service: Service) -> list[str]:
    """Return all that a tenant can get to see: every read, with what its lists name, and events."""
    key = create_key(service.site.settings.keys_path, "nosy", Scope.ADMIN)
    found: list[str] = []
    with service.client(key) as client:
        document = client.get("/openapi.json").json()
        names = ["electronics", "electronics.x", f"{CANARY}", f"{CANARY}o", "x"]
        names += [str(item.get("id")) for item in client.get("/v1/scenarios").json()["items"]]
        for path, item in document["paths"].items():
            for method in item:
                for name in names:
                    at = path
                    for part in path.split("/"):
                        if part.startswith("{"):
                            at = at.replace(part.partition("}")[0] + "}", name)
                    if path == "/v1/events":
                        continue
                    answer = client.request(method.upper(), at, json={})
                    asked = CANARY in at
                    told = answer.text.replace(name, "") if asked else answer.text
                    found += [told, json.dumps(dict(answer.headers)) if not asked else ""]
        with client.stream("GET", "/v1/events", params={}) as events:
            for number, line in enumerate(events.iter_lines()):
                found.append(line)
                if number > 40:
                    break
    port = service.site.metrics.start("127.0.0.1", 0)
    found.append(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10.0).text)
    service.site.metrics.stop()
    return found


@pytest.fixture
def tenants(tmp_path: Path) -> Any:
    """Return two sites side by side on one machine; the second is full of canaries."""
    first = run_service(tmp_path / "a", [example_line("electronics")], tick_s=0.1)
    second = run_service(tmp_path / "b", [planted()], tick_s=0.1)
    yield first, second
    for service in (first, second):
        service.stop()


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_no_canary_of_another_tenant_leaks(
    tenants: tuple[Service, Service], tmp_path: Path
) -> None:
    """What a tenant plants while the other is asked is in no answer, header, event, metric or file.

    A key and a session of one tenant are worth nothing at the other.
    """
    first, second = tenants
    filling = threading.Thread(target=fill, args=(second,))
    filling.start()
    seen = everything(first)
    filling.join(120)
    seen += everything(first)
    assert len(seen) > 300
    assert not [text for text in seen if CANARY in text]
    for file in (tmp_path / "a").rglob("*"):
        if file.is_file():
            # Asked for by name above, so its own trail may hold the path that was asked.
            kept = file.read_bytes()
            assert b"canary7c1f name" not in kept, file
            assert b"canary7c1f description" not in kept, file
    assert any(CANARY.encode() in file.read_bytes() for file in (tmp_path / "b").glob("*sqlite*"))
    for one, other in ((first, second), (second, first)):
        with one.client(other.key) as client:
            assert client.get("/v1/lines").status_code == 401
        with httpx.Client(base_url=other.address) as browser:
            browser.post("/v1/session", json={"key": other.key})
            cookie = dict(browser.cookies)
        assert httpx.get(f"{one.address}/v1/lines", cookies=cookie).status_code == 401
