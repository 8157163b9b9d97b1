"""The committed description is what is served: requests that another tool makes of it."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from api.keys import Scope, create_key
from tests.api.conftest import Service, ended

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.json"
ENDLESS = frozenset({"/v1/events"})
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHECKED = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)
"""What must hold of every answer, beside that it is none of the 500 kind."""
Ids = dict[str, list[str]]
NAMED: Ids = {
    "line_id": ["two_station", "electronics"],
    "element_id": ["two_station.press", "two_station.chute", "electronics.printer"],
    "subject": ["events", "signals", "kpis", "state", "model", "scenarios"],
    "external_id": ["mes-1"],
}
LISTED = {
    "scenario_id": "scenarios",
    "run_id": "runs",
    "schedule_id": "schedules",
    "job_id": "jobs",
    "performance_id": "operations-performance",
    "webhook_id": "webhooks",
}
"""Where ids are found that are given by the service."""


@schemathesis.serializer(WORKBOOK)
def _workbook(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send what was drawn as it is: hardly ever a workbook."""
    return value if isinstance(value, bytes) else json.dumps(value, default=str).encode()


@pytest.mark.timeout(300)
def test_each_operation_answers_as_described(service: Service) -> None:
    """Requests drawn for each operation, that fit and that do not, get answers of its description.

    Half of them name something that exists.
    """
    assert contract(service, 2) >= 200


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_ten_thousand_requests_are_answered_as_described(service: Service) -> None:
    """The same, with as many requests as it takes to believe it."""
    assert contract(service, 90) >= 10_000


def contract(service: Service, examples: int) -> int:
    """Ask each operation ``examples`` times with each kind of data; return the requests sent."""
    load_all_checks()
    key = create_key(service.site.settings.keys_path, "contract", Scope.ADMIN)
    document = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    schema = schemathesis.openapi.from_dict(document)
    schema.config.base_url = service.address
    count: Counter[str] = Counter()
    with service.client(key) as client:
        fill(client)
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path in ENDLESS:
                continue
            existing = ids(client) if "{" in operation.path else {}
            ask(operation, GenerationMode.POSITIVE, examples, existing, client, count)
            with suppress(Unsatisfiable):  # nothing can be wrong where nothing is given
                ask(operation, GenerationMode.NEGATIVE, examples, existing, client, count)
        assert client.get("/healthz").status_code == 200
    return count.total()


def fill(client: httpx.Client) -> None:
    """Have one run, one schedule and one report of work done, all ended."""
    scenario = client.post("/v1/scenarios", json={"line_id": "two_station", "name": "s"}).json()
    run = {"horizon_s": 600, "replications": 2}
    plan = {"line_id": "electronics", "time_limit_s": 1, "replications": 2}
    jobs = [
        client.post(f"/v1/scenarios/{scenario['id']}/runs", json=run),
        client.post("/v1/schedules", json=plan),
    ]
    for job in jobs:
        assert ended(client, job.json())["status"] == "succeeded"
    done = {"line_id": "electronics", "responses": [{"order_id": "EL-201", "good": 1}]}
    assert client.post("/v1/operations-performance", json=done).status_code == 201


def ids(client: httpx.Client) -> Ids:
    """Return names of what can be asked for, by parameter; what was deleted is made anew."""
    order = {"id": "mes1", "product": "controller", "quantity": 2}
    schedule = "/v1/operations-schedules/mes-1"
    tag = client.get(schedule).headers.get("etag")
    hook = {"url": "http://127.0.0.1/hook", "events": ["job.ended"]}
    made = [
        client.post("/v1/scenarios", json={"line_id": "two_station", "name": "as it is"}),
        client.post("/v1/webhooks", json=hook),
        client.put(
            schedule,
            json={"line_id": "electronics", "requests": [order]},
            headers={"If-Match": tag} if tag else {},
        ),
    ]
    assert [answer.status_code // 100 for answer in made] == [2, 2, 2], [a.text for a in made]
    return NAMED | {
        name: [str(item["id"]) for item in client.get(f"/v1/{path}").json()["items"][:5]]
        for name, path in LISTED.items()
    }


def ask(
    operation: "APIOperation[Any, Any, Any, Any]",
    mode: GenerationMode,
    examples: int,
    existing: Ids,
    client: httpx.Client,
    count: Counter[str],
) -> None:
    """Send requests to one operation and check each answer against its description."""
    checks = CHECKS.get_by_names(list(CHECKED))

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
        derandomize=True,
    )
    @given(operation.as_strategy(generation_mode=mode), st.data())
    def send(case: Case, data: st.DataObject) -> None:
        for name in case.path_parameters or ():
            if name in existing and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(existing[name]))
        answer = case.call(headers={"X-API-Key": client.headers["X-API-Key"]}, timeout=60)
        count[operation.label] += 1
        sent = answer.request
        told = (
            f"{sent.method} {sent.url} {sent.body!r}: {answer.status_code} {answer.content[:300]!r}"
        )
        declared = answer.status_code in {503, 504} and b"urn:linetwin:problem:" in answer.content
        assert answer.status_code < 500 or declared, told
        case.validate_response(answer, checks=checks)
        if answer.status_code == 202:
            client.post(f"/v1/jobs/{answer.json()['id']}:cancel")

    send()
