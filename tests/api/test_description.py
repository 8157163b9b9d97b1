"""The API's description in the repository is the one that is served, and a client works from it."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tools.openapi import document

FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_description_in_the_repository_is_the_one_served() -> None:
    """A change of the API shows in the diff of one file; `make openapi` writes it."""
    told = "the API differs from docs/openapi.json: look at the change, then run `make openapi`"
    assert FILE.read_text(encoding="utf-8") == document(), told


class Client:
    """A client made of nothing but the description: one method for each operation.

    Parameters
    ----------
    document : dict
        OpenAPI document.
    http : httpx.Client
        What it sends with.
    """

    def __init__(self, document: dict[str, Any], http: httpx.Client) -> None:
        self._http = http
        self._shapes = document["components"]["schemas"]
        self._operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def operation(self, start: str) -> str:
        """Return the id of the one operation whose id begins so."""
        (found,) = [name for name in self._operations if re.match(rf"{start}_v1|{start}$", name)]
        return found

    def call(self, start: str, body: object = None, **parameters: str) -> Any:
        """Ask, and check that the answer is declared and has the declared shape."""
        method, path, operation = self._operations[self.operation(start)]
        query, headers = {}, {}
        for declared in operation.get("parameters", ()):
            key = declared["name"].replace("-", "_").lower()
            if key not in parameters:
                assert not declared["required"], f"{start} needs {key}"
                continue
            value = parameters.pop(key)
            if declared["in"] == "path":
                path = path.replace("{" + declared["name"] + "}", value)
            else:
                (query if declared["in"] == "query" else headers)[declared["name"]] = value
        assert not parameters, f"{start} does not take {parameters}"
        answer = self._http.request(method, path, params=query, headers=headers, json=body)
        declared = operation["responses"][str(answer.status_code)]
        assert answer.is_success, answer.text
        if "content" not in declared:
            return None
        found = answer.json()
        self._check(found, declared["content"]["application/json"]["schema"], start)
        return found

    def _check(self, value: Any, schema: dict[str, Any], where: str) -> None:
        """Follow the schema as far as a generated client would: names, types and references."""
        if "$ref" in schema:
            schema = self._shapes[schema["$ref"].rpartition("/")[2]]
        if value is None or "anyOf" in schema:
            return
        if schema.get("type") == "object" and "properties" in schema:
            assert set(schema.get("required", ())) <= set(value), where
            for name, item in value.items():
                if name in schema["properties"]:
                    self._check(item, schema["properties"][name], f"{where}.{name}")
                else:
                    assert schema.get("additionalProperties") is not False, f"{where}.{name}"
        elif schema.get("type") == "array":
            for item in value:
                self._check(item, schema.get("items", {}), where)
        elif "type" in schema:
            kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
            assert isinstance(value, kinds.get(schema["type"], object)), f"{where}: {value!r}"


@pytest.fixture
def made(client: httpx.Client) -> Client:
    """Return a client made from what is served."""
    return Client(client.get("/openapi.json").json(), client)


def test_a_client_made_from_the_description_works(made: Client) -> None:
    """Reading, creating, changing with a version, and deleting, by names of the description."""
    lines = made.call("list_lines")
    assert {item["id"] for item in lines["items"]} == {"electronics", "two_station"}
    made.call("get_state", line_id="two_station")
    made.call("get_element_state", element_id="two_station.press")
    made.call("get_gaps", line_id="two_station")
    made.call("get_losses", line_id="two_station")
    made.call("get_bottlenecks", line_id="two_station")
    kept = made.call("create_scenario", {"line_id": "two_station", "name": "by a client"})
    changed = made.call(
        "change_scenario", {"name": "changed"}, scenario_id=kept["id"], if_match='"1"'
    )
    assert changed["version"] == 2
    made.call("delete_scenario", scenario_id=kept["id"], if_match='"2"')


def test_reads_are_not_sent_again(client: httpx.Client) -> None:
    """Every read has an ETag; what did not change is 304 without a body."""
    for path in ("/v1/lines", "/v1/lines/two_station/model", "/v1/scenarios", "/v1/connections"):
        first = client.get(path)
        assert first.status_code == 200
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, path
        assert again.content == b""


@pytest.mark.parametrize(
    "query",
    ["at=inf", "at=nan", "at=2026-01-01T00:00:00", "at=1e400", "at=9999999999999999"],
)
def test_moments_have_an_offset_and_an_end(client: httpx.Client, query: str) -> None:
    """A moment without an offset, or that is none, is refused and never a failure of ours."""
    answer = client.get(f"/v1/lines/two_station/state?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == "at"


def test_problems_that_are_met_are_declared(client: httpx.Client) -> None:
    """Every status that the table of problems knows stands in the description."""
    from api import problems  # noqa: PLC0415

    kinds = [item for item in vars(problems).values() if isinstance(item, problems.ProblemType)]
    operation = json.loads(FILE.read_text())["paths"]["/v1/scenarios"]["post"]
    assert {str(kind.status) for kind in kinds} <= set(operation["responses"])
