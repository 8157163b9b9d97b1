"""The API's own description: complete, offline, and true under hostile requests."""

import json
import re
import time

import httpx
import pytest

from api.keys import Scope, create_key
from tests.api.conftest import Service
from tests.api.hostile import Hostile, Sender

FUZZ_S = 20.0
"""Time after which the search stops, s."""
SEED = 1


def test_docs_need_nothing_from_outside(stranger: httpx.Client) -> None:
    """The page of the description names no other host, and its files are served here."""
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"(?:https?:)?//[\w.]+\.\w+", page.text)
    for name in re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text):
        assert stranger.get(name).status_code == 200
    assert len(stranger.get("/docs/swagger-ui-bundle.js").content) > 500_000
    assert stranger.get("/docs/..%2Fapp.py").status_code in {401, 404}


def test_every_operation_declares_problems_and_a_summary(stranger: httpx.Client) -> None:
    """Each operation of the description has words, a declared answer and declared problems."""
    found = stranger.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in json.dumps(found)
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for path, item in found["paths"].items():
        for method, operation in item.items():
            where = f"{method} {path}"
            assert operation["description"], where
            assert any(status.startswith("2") for status in operation["responses"]), where
            for status in ("401", "404", "422", "500"):
                content = operation["responses"][status]["content"]
                assert content["application/problem+json"] == problem, where


def test_every_reference_leads_somewhere(stranger: httpx.Client) -> None:
    """No `$ref` of the description is dangling."""
    found = stranger.get("/openapi.json").json()
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(found)))
    assert names <= set(found["components"]["schemas"])
    assert len(names) > 30


@pytest.mark.timeout(120)
def test_no_shape_has_an_object_as_a_default(stranger: httpx.Client) -> None:
    """Generators of clients leave out a shape that may be null and has one, and what uses it."""
    shapes = stranger.get("/openapi.json").json()["components"]["schemas"]
    parts = [part for shape in shapes.values() for part in shape.get("properties", {}).values()]
    assert parts
    assert not [part for part in parts if isinstance(part.get("default"), dict)]


def test_hostile_requests_never_break_the_service(service: Service) -> None:
    """Whatever is sent to any operation, the answer is declared and never of the 500 kind."""
    assert fuzz(service, 600, FUZZ_S) >= 200


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_hostile_requests(service: Service) -> None:
    """The same, with as many requests as it takes to believe it."""
    assert fuzz(service, 100_000, 7000.0) == 100_000


def fuzz(service: Service, requests: int, limit_s: float, seed: int = SEED) -> int:
    """Send hostile requests with every scope, and return how many were sent."""
    until_s = time.monotonic() + limit_s
    key = create_key(service.site.settings.keys_path, "f", Scope.ADMIN)
    with service.client(key) as client:
        hostile = Hostile(client.get("/openapi.json").json(), seed)
        sender = Sender(service.address, key)
        for number in range(requests):
            if time.monotonic() > until_s:
                break
            asked = hostile.request()
            status, content = sender.send(asked)
            told = f"{number} of seed {seed}, {asked}: {status} {content[:300]!r}"
            # What is not ready, or takes too long, says so, as declared.
            unready = status in {503, 504} and b"urn:linetwin:problem:" in content
            assert status < 500 or unready, told
            # A path that a drawn text bent elsewhere is answered by another operation.
            assert str(status) in asked.answers or status in {307, 404, 405}, told
            hostile.heard(status, content)
            if status == 202:  # a job that was asked for by chance
                client.post(f"/v1/jobs/{json.loads(content)['id']}:cancel")
        sender.close()
        assert client.get("/healthz").status_code == 200
    return sender.statuses.total()
