"""Schedules, forecasts and order promises on a line with orders and without a plant."""

import math
from typing import Any

import httpx
import pytest

from api.jobs.tasks.forecast import ranked
from scenarios.forecast.protocol import FaultRisk
from tests.api.conftest import ended


def test_a_schedule_is_checked_and_replayed(client: httpx.Client) -> None:
    """A schedule has no violations, a valid bound, and a chance of being on time per order."""
    body = {"line_id": "electronics", "time_limit_s": 2.0, "replications": 3}
    answer = client.post("/v1/schedules", json=body)
    assert answer.status_code == 202
    done = ended(client, answer.json())
    assert done["status"] == "succeeded", done
    found = client.get(done["result_url"]).json()["result"]
    assert found["status"] in {"optimal", "feasible"}
    assert found["violations"] == []
    assert found["bound"] <= found["objective"]
    # Stations take what is there, so bars may overlap; who goes first is told for each.
    assert sorted(item["turn"] for item in found["operations"]) == list(
        range(len(found["operations"]))
    )
    for order in found["orders"]:
        share = order["on_time_probability"]
        if share is not None:
            assert 0 <= share["low"] <= share["mean"] <= share["high"] <= 1
    listed = client.get("/v1/schedules?line_id=electronics").json()["items"]
    assert listed[0]["id"] == done["subject_id"]
    assert listed[0]["result"] is None


def test_a_schedule_of_unknown_orders_is_refused(client: httpx.Client) -> None:
    """An unknown order is named, with those there are."""
    body = {"line_id": "electronics", "order_ids": ["EL-000"]}
    answer = client.post("/v1/schedules", json=body)
    assert answer.status_code == 422
    assert "EL-" in answer.json()["errors"][0]["expected"]


def test_a_forecast_without_a_plant_says_what_it_lacks(client: httpx.Client) -> None:
    """The twin's own fan needs no trained model; missing fault risks are explained."""
    job = client.post("/v1/forecasts", json={"line_id": "two_station", "horizon_s": 1800}).json()
    done = ended(client, job)
    assert done["status"] == "succeeded", done
    found = client.get(done["result_url"]).json()["result"]
    assert len(found["throughput"]) == 8
    assert found["fault_risks"] == []
    assert "not trained" in found["message"]
    assert client.get("/v1/lines/two_station/forecaster").json()["status"] == "off"


def test_a_promise_for_an_order_of_the_line(client: httpx.Client) -> None:
    """P50 comes before P90; the chance of being on time has an interval."""
    order = client.get("/v1/lines/electronics/state").json()["orders"][0]
    body = {"line_id": "electronics", "order_id": order["id"], "time_budget_s": 1.0}
    found = client.post("/v1/order-promises", json=body).json()
    assert found["completion_p50"] <= found["completion_p90"]
    share = found["on_time_probability"]
    assert 0 <= share["low"] <= share["mean"] <= share["high"] <= 1
    assert share["n"] == found["replications"] >= 2
    assert found["provenance"]["quality"] == "simulated"


def test_a_promise_is_the_same_for_the_same_question(client: httpx.Client) -> None:
    """The seed decides: two replications give the same moments twice."""
    order = client.get("/v1/lines/electronics/state").json()["orders"][0]
    body = {"line_id": "electronics", "order_id": order["id"], "replications": 2}
    first, second = (client.post("/v1/order-promises", json=body).json() for _ in range(2))
    assert first["completion_mean"] == second["completion_mean"]


def test_a_promise_for_an_order_that_is_not_placed(client: httpx.Client) -> None:
    """An urgent order that is only thought of has a completion, and nothing is kept of it."""
    product = client.get("/v1/lines/electronics/model").json()["products"][0]["id"]
    body = {
        "line_id": "electronics",
        "product": product,
        "quantity": 5,
        "priority": 100.0,
        "due_date": "2026-01-06T18:00:00+07:00",
        "replications": 2,
    }
    found = client.post("/v1/order-promises", json=body).json()
    assert found["order_id"] is None
    assert found["quantity"] == 5
    assert found["on_time_probability"] is not None
    known = [order["id"] for order in client.get("/v1/lines/electronics/model").json()["orders"]]
    assert "promise" not in known


@pytest.mark.parametrize(
    "body",
    [
        {"line_id": "electronics"},
        {"line_id": "electronics", "order_id": "nothing"},
        {"line_id": "electronics", "order_id": "EL-201", "quantity": 3},
        {"line_id": "electronics", "product": "nothing", "quantity": 3},
        {"line_id": "electronics", "product": "sensor", "quantity": 0},
        {"line_id": "electronics", "product": "sensor", "quantity": 3, "due_date": "2026-01-06"},
        {"line_id": "electronics", "order_id": "EL-201", "horizon_s": 1e9},
        {"line_id": "electronics", "order_id": "EL-201", "start": "yesterday"},
    ],
)
def test_impossible_promises_are_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    """What is asked about must be there, once, and in reach."""
    answer = client.post("/v1/order-promises", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("due", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z"])
def test_a_due_date_that_no_calendar_can_tell_is_refused(client: httpx.Client, due: str) -> None:
    """Dates that stand for none are refused in words, with the remedy."""
    body = {"line_id": "electronics", "order_id": "EL-201", "due_date": due}
    answer = client.post("/v1/order-promises", json=body)
    assert answer.status_code == 422
    (found,) = answer.json()["errors"]
    assert found["path"] == "due_date"
    assert "leave it out" in found["message"] + found["remedy"]


def test_risks_stand_in_their_order_while_a_station_is_down() -> None:
    """What is down has no risk; it is named, and the others stand by theirs, the highest first."""
    given = {"a": 0.2, "b": 0.07, "down": math.nan, "c": 0.4, "d": 0.1}
    rows, down, message = ranked(
        [FaultRisk(name, risk, 0.3, 3600.0) for name, risk in given.items()]
    )
    assert [row["station"] for row in rows] == ["c", "a", "d", "b"]
    assert down == ["down"]
    assert message == "down now: down"
