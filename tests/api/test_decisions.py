"""What planners decide with: why late, what would help, another plan, what a little brings."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api.keys import Scope, create_key
from tests.api.conftest import Service, ended

LATE = "/v1/operations-schedules/late"


@pytest.fixture(scope="module")
def planned(service: Service) -> Iterator[dict[str, Any]]:
    """Return a schedule in which one order cannot keep its date."""
    with service.client() as client:
        start = client.get("/v1/lines/electronics/model").json()["start"]
        due = datetime.fromisoformat(start) + timedelta(hours=2)
        order = {"id": "L1", "product": "controller", "quantity": 100}
        body = {
            "line_id": "electronics",
            "requests": [order | {"due_date": f"{due.isoformat()}+07:00"}],
        }
        made = client.put(LATE, json=body)
        assert made.status_code == 201, made.text
        asked = {"line_id": "electronics", "time_limit_s": 2.0, "replications": 2}
        done = ended(client, client.post("/v1/schedules", json=asked).json())
        assert done["status"] == "succeeded", done
        yield client.get(done["result_url"]).json()
        assert client.delete(LATE, headers={"If-Match": made.headers["etag"]}).status_code == 204


def test_a_late_order_is_explained_back_to_a_cause(
    reader: httpx.Client, planned: dict[str, Any]
) -> None:
    """The chain goes from a cause to the order's end; changes that help are tried, best first."""
    (late,) = [item for item in planned["result"]["orders"] if item["order"] == "L1"]
    body = {"order": "L1", "time_budget_s": 2.0}
    answer = reader.post(f"/v1/schedules/{planned['id']}:explain", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["tardiness_s"] == pytest.approx(late["tardiness_s"])
    assert found["tardiness_s"] > 0
    chain = found["chain"]
    assert chain[0]["kind"] != "work"
    assert chain[-1]["order"] == "L1"
    ends = [item["until"] for item in chain]
    assert ends == sorted(ends)
    for item in found["relaxations"]:
        assert item["tardiness_s"] < found["tardiness_s"]
        assert item["on_time"] == (item["tardiness_s"] == 0)
    others = reader.post(f"/v1/schedules/{planned['id']}:explain", json={"order": "nothing"})
    assert others.status_code == 422
    assert "L1" in others.json()["errors"][0]["expected"]


def test_another_plan_is_told_as_changes_to_the_running_one(
    client: httpx.Client, planned: dict[str, Any]
) -> None:
    """Frozen for longer than it lasts, nothing of the running plan moves; the result says so."""
    asked = {
        "line_id": "electronics",
        "time_limit_s": 1.0,
        "replications": 2,
        "running_id": planned["id"],
        "freeze_s": 14 * 86400.0,
    }
    done = ended(client, client.post("/v1/schedules", json=asked).json())
    assert done["status"] == "succeeded", done
    found = client.get(done["result_url"]).json()["result"]
    assert found["violations"] == []
    changes = found["changes"]
    assert changes["moved"] == changes["machine_changes"] == changes["added"] == 0
    assert changes["later"] == []
    assert found["objective"] == pytest.approx(changes["objective_unchanged"])
    strange = client.post("/v1/schedules", json=asked | {"running_id": "schedule-none"})
    assert strange.status_code == 422
    assert strange.json()["errors"][0]["path"] == "running_id"


def test_what_a_little_brings_is_told_with_intervals(client: httpx.Client) -> None:
    """Factors come by the size of their gain; an interval that holds zero is not told apart."""
    body = {"line_id": "two_station", "horizon_s": 14_400, "replications": 4, "kinds": ["mttr"]}
    answer = client.post("/v1/sensitivities", json=body)
    assert answer.status_code == 202, answer.text
    done = ended(client, answer.json())
    assert done["status"] == "succeeded", done
    found = client.get(done["result_url"]).json()["result"]
    assert {(item["kind"], item["element"]) for item in found["gains"]} == {
        ("mttr", "press"),
        ("mttr", "lathe"),
    }
    sizes = [abs(item["gain_per_h"]) for item in found["gains"]]
    assert sizes == sorted(sizes, reverse=True)
    for item in found["gains"]:
        assert item["low_per_h"] <= item["gain_per_h"] <= item["high_per_h"]
        assert (item["effect"] == "not told") == (item["low_per_h"] <= 0 <= item["high_per_h"])
    assert found["provenance"]["quality"] == "simulated"
    assert client.get("/v1/sensitivities").json()["items"][0]["id"] == done["subject_id"]
    twice = client.post("/v1/sensitivities", json=body | {"kinds": ["mttr", "mttr"]})
    assert twice.status_code == 422
    former = client.post("/v1/sensitivities", json=body | {"kinds": ["cycle time"]})
    assert former.status_code == 202, former.text  # the name that "processing time" had at first


def test_a_screening_tells_what_matters_most(client: httpx.Client) -> None:
    """What decides comes first with its interval, by both methods, and goes out as a table."""
    known = client.get("/v1/lines/two_station/settings").json()["items"]
    assert {"kind": "place", "element": "chute", "now": 3} in known
    settings = [
        {"kind": "processing time", "element": "lathe", "low": 0.5, "high": 2.0},
        {"kind": "place", "element": "chute", "low": 0.9, "high": 1.2},
    ]
    body = {
        "line_id": "two_station",
        "settings": settings,
        "horizon_s": 14_400,
        "samples": 4,
        "replications": 1,
    }
    for method, direction in (("morris", "less"), ("sobol", "either")):
        answer = client.post("/v1/screenings", json=body | {"method": method})
        assert answer.status_code == 202, answer.text
        done = ended(client, answer.json())
        assert done["status"] == "succeeded", done
        assert done["progress"]["fraction"] == 1.0
        found = client.get(done["result_url"]).json()["result"]
        first, second = found["influences"]
        assert first["element"] == "lathe"
        assert first["says"] == "matters"
        assert second["value"] < first["value_low"] <= first["value"] <= first["value_high"]
        assert first["direction"] == direction
        assert found["lowest"] < found["mean"] < found["highest"]
        assert found["provenance"]["quality"] == "simulated"
    table = client.get(f"/v1/screenings/{done['subject_id']}/export?format=csv").text
    assert table.splitlines()[1].startswith("processing time,lathe,0.5,2.0,")
    assert len(client.get("/v1/screenings").json()["items"]) == 2


def test_a_screening_that_cannot_be_done_is_refused_with_all_reasons(client: httpx.Client) -> None:
    """Unknown elements, ends that no line can have and numbers that do not fit are told by name."""
    settings = [
        {"kind": "mttr", "element": "nowhere"},
        {"kind": "server", "element": "lathe", "low": 0.1, "high": 2},
        {"kind": "mttr", "element": "press"},
        {"kind": "mttr", "element": "press"},
    ]
    body = {"line_id": "two_station", "settings": settings}
    refused = client.post("/v1/screenings", json=body)
    assert refused.status_code == 422
    told = {item["path"]: item for item in refused.json()["errors"]}
    assert set(told) == {"settings.0.element", "settings.1.low", "settings.3"}
    assert told["settings.0.element"]["expected"] == "press, lathe"
    odd = body | {"settings": settings[2:], "method": "sobol", "samples": 6}
    assert client.post("/v1/screenings", json=odd).json()["errors"][0]["path"] == "samples"
    wrong = body | {"settings": [{"kind": "mttr", "element": "press", "low": 2, "high": 1}] * 2}
    assert "must lie below" in client.post("/v1/screenings", json=wrong).json()["detail"]


def test_keys_are_made_and_revoked_by_administrators(
    service: Service, admin: httpx.Client, client: httpx.Client
) -> None:
    """A new key works at once with its scope and never again once revoked; no answer repeats it."""
    assert client.get("/v1/keys").status_code == 403
    made = admin.post("/v1/keys", json={"name": "MES", "scope": "write"})
    assert made.status_code == 201, made.text
    key, identity = made.json()["key"], made.json()["id"]
    with service.client(key) as mes:
        assert mes.get("/v1/session").json() == {"id": identity, "scope": "write", "ready": True}
        listed = {item["id"]: item for item in admin.get("/v1/keys").json()["items"]}
        assert listed[identity] == {
            name: made.json()[name] for name in ("id", "name", "scope", "created_at")
        }
        assert admin.delete(f"/v1/keys/{identity}").status_code == 204
        assert mes.get("/v1/session").status_code == 401
    assert admin.delete(f"/v1/keys/{identity}").status_code == 404
    again = {"Idempotency-Key": "k1"}
    refused = admin.post("/v1/keys", json={"name": "MES"}, headers=again)
    assert refused.status_code == 422
    told = [item["subject"] for item in admin.get("/v1/audit?limit=1000").json()["items"]]
    assert "MES" in told
    assert identity in told


def test_a_line_without_a_plant_has_an_empty_timeline(service: Service) -> None:
    """Nothing is known, so no share is told; the stretches are there."""
    reader = create_key(service.site.settings.keys_path, "t", Scope.READ)
    with service.client(reader) as client:
        found = client.get("/v1/lines/two_station/timeline?bins=4").json()
    assert len(found["edges"]) == 5
    assert [item["shares"] for item in found["stations"]] == [{}, {}]
