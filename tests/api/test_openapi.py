"""The API's own description: complete, offline, and true under hostile requests."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from api.keys import Scope, create_key
from tests.api.conftest import Service

FUZZ_S = 20.0
"""Time after which the search stops, s."""


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


TEXTS = st.one_of(
    st.sampled_from(
        ["", "two_station", "electronics", "nan", "inf", "-1", "1e999", "\x00", "%", "é"]
    ),
    st.text(max_size=30),
    st.from_regex(r"[A-Za-z0-9_\-]{1,20}", fullmatch=True),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
        st.sampled_from(["live", "empty", "two_station", "press", "breakdown", 1e308, -0.0, 2**63]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def shaped(
    schema: dict[str, Any], shapes: dict[str, Any], depth: int = 0
) -> st.SearchStrategy[Any]:
    """Return values that nearly fit a schema: most fields right in type, some of them anything."""
    if "$ref" in schema:
        return shaped(shapes[schema["$ref"].rpartition("/")[2]], shapes, depth)
    if depth > 4:
        return VALUES
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of([shaped(item, shapes, depth + 1) for item in schema[word]])
    if schema.get("type") == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        fields = {
            name: st.one_of(
                shaped(item, shapes, depth + 1), shaped(item, shapes, depth + 1), VALUES
            )
            for name, item in schema["properties"].items()
        }
        must = {name: field for name, field in fields.items() if name in required}
        may = {name: field for name, field in fields.items() if name not in required}
        return st.fixed_dictionaries(must, optional=may)
    if schema.get("type") == "array":
        return st.lists(shaped(schema.get("items", {}), shapes, depth + 1), max_size=3)
    return leaf(schema)


def leaf(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that nearly fit a schema without parts."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    plain: dict[str, st.SearchStrategy[Any]] = {
        "object": st.dictionaries(TEXTS, VALUES, max_size=3),
        "integer": st.one_of(st.integers(-3, 100), st.integers(-(2**65), 2**65)),
        "number": st.one_of(st.integers(-3, 100), st.floats(allow_nan=False, allow_infinity=False)),
        "string": TEXTS,
        "boolean": st.booleans(),
        "null": st.none(),
    }
    return plain.get(str(schema.get("type")), VALUES)


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what can be asked, without the endless stream."""
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path != "/v1/events"
    ]


@pytest.mark.timeout(120)
def test_hostile_requests_never_break_the_service(service: Service) -> None:
    """Whatever is sent to any operation, the answer is declared and never of the 500 kind."""
    assert fuzz(service, 300, FUZZ_S) >= 100


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_hostile_requests(service: Service) -> None:
    """The same, with as many requests as it takes to believe it."""
    assert fuzz(service, 100_000, 7000.0) >= 95_000


def fuzz(service: Service, examples: int, limit_s: float) -> int:
    """Send hostile requests with every scope, and return how many were sent."""
    with service.client(create_key(service.site.settings.keys_path, "f", Scope.ADMIN)) as client:
        document = client.get("/openapi.json").json()
        shapes = document["components"]["schemas"]
        asked = operations(document)
        until_s = time.monotonic() + limit_s
        count = 0

        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )
        @given(st.data())
        def search(data: st.DataObject) -> None:
            nonlocal count
            method, path, operation = data.draw(st.sampled_from(asked))
            query: dict[str, str] = {}
            headers: dict[str, bytes] = {}
            for parameter in operation.get("parameters", ()):
                name, place = parameter["name"], parameter["in"]
                if place == "path":
                    value = data.draw(st.one_of(st.just("two_station"), TEXTS))
                    path = path.replace("{" + name + "}", _quoted(value))
                elif data.draw(st.booleans()) and place == "query":
                    query[name] = data.draw(TEXTS)
                elif data.draw(st.booleans()) and place == "header":
                    headers[name] = data.draw(st.binary(max_size=20).map(_printable))
            body = None
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                kind = data.draw(st.sampled_from(sorted(content)))
                schema = content[kind]["schema"]
                body = json.dumps(data.draw(shaped(schema, shapes))).encode()
                headers["Content-Type"] = kind.encode()
            if time.monotonic() > until_s:
                return
            answer = client.request(method, path, params=query, headers=headers, content=body)
            count += 1
            told = f"{method} {path} {query} {body!r}: {answer.status_code} {answer.text[:300]}"
            assert answer.status_code < 500 or _unready(answer), told
            # A path that a drawn text bent elsewhere is answered by another operation.
            known = str(answer.status_code) in operation["responses"]
            assert known or answer.status_code in {307, 404, 405}, told
            _cancel(client, answer)

        search()
        assert client.get("/healthz").status_code == 200
    return count


def _unready(answer: httpx.Response) -> bool:
    """Tell whether an answer says that something is not ready, or takes too long, as declared."""
    return answer.status_code in {503, 504} and "urn:linetwin:problem:" in answer.text


def _cancel(client: httpx.Client, answer: httpx.Response) -> None:
    """End a job that was asked for by chance."""
    if answer.status_code == 202 and "id" in answer.json():
        client.post(f"/v1/jobs/{answer.json()['id']}:cancel")


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")) or "%20"


def _printable(raw: bytes) -> bytes:
    return bytes(32 + byte % 95 for byte in raw).strip() or b"x"
