"""Orders in and work done in, in our own shape and in B2MML; what they change."""

import secrets
from typing import Any

import httpx
import pytest

from api.b2mml import B2MML_JSON

XML = """<?xml version="1.0" encoding="UTF-8"?>
<OperationsSchedule xmlns="http://www.mesa.org/xml/B2MML">
  <ID>week-48</ID>
  <HierarchyScope><EquipmentID>electronics</EquipmentID></HierarchyScope>
  <OperationsRequest>
    <ID>MES-1</ID>
    <StartTime>2030-01-07T08:00:00+01:00</StartTime>
    <EndTime>2030-01-07T18:00:00+01:00</EndTime>
    <SegmentRequirement>
      <MaterialRequirement>
        <MaterialDefinitionID>PRODUCT</MaterialDefinitionID>
        <MaterialUse>Produced</MaterialUse>
        <Quantity><QuantityString>12</QuantityString></Quantity>
      </MaterialRequirement>
      <MaterialRequirement>
        <MaterialDefinitionID>solder</MaterialDefinitionID>
        <MaterialUse>Consumed</MaterialUse>
        <Quantity><QuantityString>1</QuantityString></Quantity>
      </MaterialRequirement>
    </SegmentRequirement>
  </OperationsRequest>
</OperationsSchedule>
"""


@pytest.fixture
def product(client: httpx.Client) -> str:
    """Return a product of the line with orders."""
    found: str = client.get("/v1/lines/electronics/model").json()["products"][0]["id"]
    return found


def path() -> str:
    """Return the address of an operations schedule that is not there yet."""
    return f"/v1/operations-schedules/mes-{secrets.token_hex(4)}"


def body(product: str, **changes: Any) -> dict[str, Any]:
    """Return an operations schedule of one order."""
    order = {"id": "MES-7", "product": product, "quantity": 5} | changes
    return {"line_id": "electronics", "requests": [order]}


def test_orders_of_an_mes_hold_for_promises(client: httpx.Client, product: str) -> None:
    """An order that was put can be asked about, replaced with its version, and withdrawn."""
    where = path()
    made = client.put(where, json=body(product))
    assert made.status_code == 201, made.text
    asked = {"line_id": "electronics", "order_id": "MES-7", "time_budget_s": 0.3}
    promised = client.post("/v1/order-promises", json=asked)
    assert promised.status_code == 200, promised.text
    assert promised.json()["quantity"] == 5
    unnamed = client.put(where, json=body(product, quantity=6))
    assert unnamed.status_code == 428
    tag = {"If-Match": made.headers["etag"]}
    again = client.put(where, json=body(product, quantity=6), headers=tag)
    assert again.status_code == 200
    assert again.json()["version"] == 2
    assert client.put(where, json=body(product), headers=tag).status_code == 412
    assert client.get(where).json()["requests"][0]["quantity"] == 6
    gone = client.delete(where, headers={"If-Match": again.headers["etag"]})
    assert gone.status_code == 204
    assert client.post("/v1/order-promises", json=asked).status_code == 422


def test_b2mml_says_the_same_as_our_own_shape(client: httpx.Client, product: str) -> None:
    """XML and JSON of B2MML become the orders that they describe."""
    document = XML.replace("PRODUCT", product)
    headers = {"Content-Type": "application/xml; charset=utf-8"}
    where = path()
    made = client.put(where, content=document.encode(), headers=headers)
    assert made.status_code == 201, made.text
    (order,) = made.json()["requests"]
    assert (order["id"], order["product"], order["quantity"]) == ("MES-1", product, 12)
    assert order["due_date"] == "2030-01-07T18:00:00+01:00"
    material = {
        "MaterialDefinitionID": product,
        "MaterialUse": "Produced",
        "Quantity": [{"QuantityString": "12"}],
    }
    request = {
        "ID": "MES-1",
        "StartTime": "2030-01-07T08:00:00+01:00",
        "EndTime": "2030-01-07T18:00:00+01:00",
        "SegmentRequirement": [{"MaterialRequirement": [material]}],
    }
    told = {
        "OperationsSchedule": {
            "HierarchyScope": {"EquipmentID": "electronics"},
            "OperationsRequest": [request],
        }
    }
    tag = {"Content-Type": B2MML_JSON, "If-Match": made.headers["etag"]}
    same = client.put(where, json=told, headers=tag)
    assert same.status_code == 200, same.text
    assert same.json()["requests"] == made.json()["requests"]
    client.delete(where, headers={"If-Match": same.headers["etag"]})


@pytest.mark.parametrize(
    ("document", "kind", "status"),
    [
        (
            '<!DOCTYPE a [<!ENTITY x "y">]><OperationsSchedule>&x;</OperationsSchedule>',
            "text/xml",
            422,
        ),
        ("<OperationsSchedule>", "application/xml", 422),
        ("<Other/>", "application/xml", 422),
        (
            "<OperationsSchedule>" + "<a>" * 500 + "</a>" * 500 + "</OperationsSchedule>",
            "text/xml",
            422,
        ),
        ("\ufeff", "application/xml", 422),
        ("[1, 2]", "application/json", 422),
        ("[" * 100_000, B2MML_JSON, 400),
        ('{"OperationsSchedule": [1]}', B2MML_JSON, 422),
        ("line_id: electronics", "application/yaml", 415),
        ("", "application/json", 400),
    ],
)
def test_hostile_messages_are_refused(
    client: httpx.Client, document: str, kind: str, status: int
) -> None:
    """What is no message, or would hurt a parser, is a problem of the sender's."""
    answer = client.put(path(), content=document.encode(), headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_orders_that_do_not_fit_are_refused(client: httpx.Client) -> None:
    """An unknown product is told with its place and the products there are."""
    answer = client.put(path(), json=body("nothing"))
    assert answer.status_code == 422
    (told,) = answer.json()["errors"]
    assert told["path"] == "requests.0.product"
    assert told["expected"]


@pytest.mark.parametrize(
    ("changes", "place", "says"),
    [
        ({"due_date": "2030-01-07T16:00:00"}, "due_date", "has no time zone"),
        ({"due_date": "2001-01-07T16:00:00Z"}, "due_date", "before the line's time begins"),
        (
            {"release": "2030-01-07T16:00:00Z", "due_date": "2030-01-07T15:00:00Z"},
            "due_date",
            "not after the release",
        ),
        ({"quantity": 2.5}, "quantity", "no whole number"),
    ],
)
def test_a_bad_order_is_told_in_the_words_of_the_sender(
    client: httpx.Client, product: str, changes: dict[str, Any], place: str, says: str
) -> None:
    """By the field that was sent, and nothing is told of the list that holds it."""
    answer = client.put(path(), json=body(product, **changes))
    assert answer.status_code == 422
    (told,) = answer.json()["errors"]
    assert told["path"] == f"requests.0.{place}"
    assert says in told["message"]


def test_an_order_stands_once_in_a_message(client: httpx.Client, product: str) -> None:
    """Of two of one id nobody could tell which one was meant."""
    sent = body(product)
    sent["requests"].append(sent["requests"][0] | {"quantity": 9})
    (told,) = client.put(path(), json=sent).json()["errors"]
    assert told["path"] == "requests.1.id"
    assert "stands twice" in told["message"]


def test_a_report_is_kept_beside_what_the_twin_saw(client: httpx.Client) -> None:
    """A line without a plant has seen nothing; the report is there all the same, once."""
    order = client.get("/v1/lines/electronics/state").json()["orders"][0]["id"]
    report = {"line_id": "electronics", "responses": [{"order_id": order, "good": 3}]}
    headers = {"Idempotency-Key": secrets.token_hex(8)}
    made = client.post("/v1/operations-performance", json=report, headers=headers)
    assert made.status_code == 201, made.text
    assert client.post("/v1/operations-performance", json=report, headers=headers).json() == (
        made.json()
    )
    (told,) = client.get(made.headers["location"]).json()["responses"]
    assert (told["good"], told["seen_good"], told["agrees"]) == (3, None, None)
    wrong = report | {"responses": [{"order_id": "no-such", "good": 1}]}
    assert client.post("/v1/operations-performance", json=wrong).status_code == 422
