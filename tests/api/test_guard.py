"""Nothing is open unless it is meant to be, and no request can hurt the service."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.access import COOKIE
from api.guard import Require
from api.keys import Scope, create_key, read_keys, revoke_key
from api.routes.once import CallerWith
from tests.api.conftest import Service

ASKING = {
    "/v1/order-promises",
    "/v1/comparisons",
    "/v1/schedules/{schedule_id}:explain",
    "/v1/schedules/{schedule_id}:validate",
}
"""Questions that come with a body; they keep nothing."""
OPEN = {"/healthz", "/readyz", "/openapi.json", "/docs", "/docs/{name}", "/v1/session", "/login"}
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


def routes(service: Service) -> Iterator[tuple[str, str, APIRoute]]:
    """Yield method, path and route of everything that is served."""
    waiting = list(service.server.config.app.routes)  # type: ignore[union-attr]
    while waiting:
        route = waiting.pop(0)
        if isinstance(route, APIRoute):
            for method in sorted(route.methods):
                yield method, route.path, route
        elif hasattr(route, "original_router"):  # how this version keeps included routers
            waiting.extend(route.original_router.routes)


def scope_of(route: APIRoute) -> Scope | None:
    """Return the scope that a route asks for."""
    waiting = list(route.dependant.dependencies)
    while waiting:
        found = waiting.pop()
        if isinstance(found.call, Require):
            return found.call.scope
        if isinstance(found.call, CallerWith):
            return found.call.require.scope
        waiting.extend(found.dependencies)
    return None


def test_every_route_refuses_without_key(service: Service, stranger: httpx.Client) -> None:
    """Whoever has no key gets 401 from everything but health, docs, sign-in and the page itself."""
    seen = 0
    for method, path, _ in routes(service):
        if path in OPEN or not path.startswith("/v1"):
            continue
        answer = stranger.request(method, path.replace("{", "").replace("}", ""))
        assert answer.status_code == 401, f"{method} {path} answered {answer.status_code}"
        assert answer.headers["content-type"] == "application/problem+json"
        seen += 1
    assert seen >= 20


def test_every_route_has_a_scope(service: Service) -> None:
    """Each route of the API says what a key must allow; changes need more than reading."""
    for method, path, route in routes(service):
        if path in OPEN or not path.startswith("/v1"):
            continue
        scope = scope_of(route)
        assert scope is not None, f"{method} {path} has no scope"
        if method in UNSAFE and path not in ASKING:
            assert scope.allows(Scope.WRITE), f"{method} {path} changes something with {scope}"


def test_every_route_refuses_the_scope_below_its_own(service: Service) -> None:
    """A key with the next smaller scope gets 403 from each route, whatever it sends."""
    scopes = list(Scope)
    keys = {
        scope: create_key(service.site.settings.keys_path, f"only {scope}", scope)
        for scope in scopes
    }
    seen: Counter[Scope] = Counter()
    for method, path, route in routes(service):
        scope = scope_of(route)
        if scope is None or path in OPEN or not path.startswith("/v1") or scope is scopes[0]:
            continue
        below = scopes[scopes.index(scope) - 1]
        with service.client(keys[below]) as client:
            answer = client.request(method, path.replace("{", "").replace("}", ""), json={})
        told = f"{method} {path} answered {answer.status_code} to {below}"
        assert answer.status_code == 403, told
        assert answer.json()["type"].endswith(":forbidden")
        seen[scope] += 1
    assert set(seen) == set(scopes[1:])
    assert seen.total() >= 20


def test_unknown_route_refuses_without_key(stranger: httpx.Client) -> None:
    """What nobody thought about is closed: not even its absence is told."""
    assert stranger.get("/v1/nothing/here").status_code == 401
    assert stranger.post("/anything").status_code == 401


def test_a_reading_key_cannot_change(reader: httpx.Client) -> None:
    """A key with the scope read reads, and is refused changes."""
    assert reader.get("/v1/lines").status_code == 200
    body = {"line_id": "two_station", "name": "x"}
    answer = reader.post("/v1/scenarios", json=body)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:linetwin:problem:forbidden"


def test_bearer_and_header_are_the_same(service: Service) -> None:
    """A key may come as bearer token or in its own header."""
    with httpx.Client(base_url=service.address) as plain:
        for headers in ({"Authorization": f"Bearer {service.key}"}, {"X-API-Key": service.key}):
            assert plain.get("/v1/lines", headers=headers).status_code == 200


@pytest.mark.parametrize("wrong", ["", "ltk_0_x", "ltk_000000000000_" + "x" * 43, "é", "Basic abc"])
def test_wrong_keys_are_refused(service: Service, wrong: str) -> None:
    """A wrong key is refused, even by a route that needs none of what it allows."""
    with httpx.Client(base_url=service.address) as plain:
        answer = plain.get("/v1/lines", headers={"X-API-Key": wrong.encode()})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_key_counts_no_more(service: Service) -> None:
    """Revoking a key takes effect without a restart."""
    path = service.site.settings.keys_path
    key = create_key(path, "short-lived", Scope.READ)
    with service.client(key) as briefly:
        assert briefly.get("/v1/lines").status_code == 200
        identity = next(record.id for record in read_keys(path) if record.name == "short-lived")
        assert revoke_key(path, identity)
        assert briefly.get("/v1/lines").status_code == 401


def test_sign_in_gives_a_cookie_that_no_script_reads(service: Service) -> None:
    """A key becomes a session cookie: HttpOnly, same site; signing out takes it away."""
    with httpx.Client(base_url=service.address) as browser:
        assert browser.post("/v1/session", json={"key": "ltk_no_no"}).status_code == 401
        answer = browser.post("/v1/session", json={"key": service.key})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert browser.get("/v1/lines").status_code == 200
        assert browser.delete("/v1/session").status_code == 204
        assert browser.get("/v1/lines").status_code == 401


def test_the_page_on_this_machine_opens_itself(service: Service) -> None:
    """Whoever opens the page on this machine gets a session, and only from the page."""
    with httpx.Client(base_url=service.address) as browser:
        answer = browser.get("/", headers={"Accept": "text/html"})
        assert COOKIE in answer.headers["set-cookie"]
        assert browser.get("/v1/lines").status_code == 200
        assert browser.get("/v1/lines", headers={"X-API-Key": "wrong"}).status_code == 401


def test_a_forwarded_request_is_not_local(service: Service) -> None:
    """Behind a proxy everyone seems to sit on this machine; then nobody gets the page for free."""
    with httpx.Client(base_url=service.address) as browser:
        answer = browser.get("/", headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


def test_another_site_cannot_use_the_session(service: Service) -> None:
    """A page elsewhere that makes the browser send a change is refused."""
    with httpx.Client(base_url=service.address) as browser:
        browser.post("/v1/session", json={"key": service.key})
        body = {"line_id": "two_station", "name": "forged"}
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
            answer = browser.post("/v1/scenarios", json=body, headers=headers)
            assert answer.status_code == 403
            assert answer.json()["type"].endswith("cross-site")
        same = {"Origin": service.address, "Sec-Fetch-Site": "same-origin"}
        assert browser.post("/v1/scenarios", json=body, headers=same).status_code == 201


def test_foreign_host_names_are_refused(client: httpx.Client) -> None:
    """A name from outside that was bent to this machine reaches nothing."""
    answer = client.get("/v1/lines", headers={"Host": "evil.example:8000"})
    assert answer.status_code == 421


def test_a_cookie_that_was_tampered_with_is_worth_nothing(service: Service) -> None:
    """Scope and time of a session are signed."""
    with httpx.Client(base_url=service.address) as browser:
        browser.post("/v1/session", json={"key": service.key})
        good = browser.cookies[COOKIE]
        forged = good.replace(".write.", ".admin.")
        assert forged != good
        for value in (forged, "x", "a.b.c.d", good[:-1], "..."):
            answer = httpx.get(f"{service.address}/v1/lines", cookies={COOKIE: value})
            assert answer.status_code == 401, value


BAD_BODIES: list[tuple[str, bytes]] = [
    ("NaN", b'{"line_id": "two_station", "name": "x", "changes": {"a": NaN}}'),
    ("infinity", b'{"line_id": "two_station", "name": "x", "changes": {"a": 1e999}}'),
    (
        "huge integer",
        b'{"changes": {"a": 1' + b"0" * 5000 + b"}}",
    ),
    ("65 bits", b'{"line_id": "two_station", "name": "x", "changes": {"a": 18446744073709551616}}'),
    ("a control character", b'{"line_id": "two_station", "name": "bell\\u0007"}'),
    ("half a surrogate pair", b'{"line_id": "two_station", "name": "\\ud800"}'),
    ("a key twice", b'{"line_id": "two_station", "line_id": "electronics", "name": "x"}'),
    ("deep nesting", b'{"changes": ' + b"[" * 100 + b"]" * 100 + b"}"),
    ("very deep nesting", b"[" * 100_000),
    ("no UTF-8", b'{"name": "\xff"}'),
    ("cut off", b'{"line_id": '),
]


@pytest.mark.parametrize(("what", "body"), BAD_BODIES, ids=[name for name, _ in BAD_BODIES])
def test_unusable_json_is_refused(client: httpx.Client, what: str, body: bytes) -> None:
    """JSON that means nothing here is a problem of the caller's, told in words."""
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/scenarios", content=body, headers=headers)
    assert answer.status_code == 400, what
    problem = answer.json()
    assert problem["type"] == "urn:linetwin:problem:bad-json"
    assert problem["detail"]


def test_large_bodies_are_refused(client: httpx.Client) -> None:
    """A body over the limit is refused, told in advance or not."""
    large = b"x" * 1_000_001
    assert client.post("/v1/scenarios", content=large).status_code == 413

    def drops() -> Iterator[bytes]:
        for _ in range(20):
            yield b"y" * 100_000

    assert client.post("/v1/scenarios", content=drops()).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/lines/nothing", 404),
        ("DELETE", "/v1/lines", 405),
        ("GET", "/v1/lines/two_station/kpis?window_s=inf", 422),
        ("GET", "/v1/lines/two_station/kpis?window_s=nan", 422),
        ("GET", "/v1/lines/two_station/kpis?window_s=-1", 422),
        ("GET", "/v1/jobs?cursor=%ED%A0%80", 422),
        ("GET", "/v1/jobs?limit=0", 422),
        ("GET", "/v1/jobs?status=nothing", 422),
        ("GET", "/v1/jobs/%00", 404),
        ("GET", "/v1/scenarios/..%2F..%2Fetc", 404),
    ],
)
def test_every_refusal_is_a_problem_document(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    """Also what the framework refuses by itself has type, title, status and request id."""
    answer = client.request(method, path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:linetwin:problem:")
    assert problem["title"]
    assert problem["request_id"] == answer.headers["x-request-id"]


def test_unknown_fields_are_refused(client: httpx.Client) -> None:
    """A misspelt field is not silently left out."""
    body = {"line_id": "two_station", "name": "x", "chnages": {}}
    answer = client.post("/v1/scenarios", json=body)
    assert answer.status_code == 422
    (told,) = answer.json()["errors"]
    assert told["path"] == "chnages"
    assert "unknown" in told["message"]


def test_a_request_id_is_taken_over(client: httpx.Client) -> None:
    """A caller's own request id comes back; one that could break a log does not."""
    answer = client.get("/healthz", headers={"X-Request-ID": "mes-42"})
    assert answer.headers["x-request-id"] == "mes-42"
    answer = client.get("/healthz", headers={"X-Request-ID": "a b{}"})
    assert answer.headers["x-request-id"] != "a b{}"


def test_answers_are_json_without_nan(client: httpx.Client) -> None:
    """The state of a line is strict JSON."""
    text = client.get("/v1/lines/two_station/state").text
    json.loads(text, parse_constant=pytest.fail)
