"""What goes to and fro between an MES and the twin, in ISA-95 words; B2MML at the border."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from api.b2mml import B2MML_JSON, XML, performance_document, schedule_document
from api.live import LiveLine
from api.orders import MOST_SCHEDULES, with_orders
from api.problems import CONFLICT, RefusalError, invalid, not_found, read_as
from api.routes.common import Cursor, Limit, LineFilter, MayRead, TheSite, page_of, part_of
from api.routes.once import Created, IfMatch, TheCaller, change, check_match, create, etag
from api.schemas import (
    News,
    OperationsPerformanceIn,
    OperationsPerformanceView,
    OperationsRequest,
    OperationsScheduleIn,
    OperationsScheduleView,
    Page,
)
from api.store import Resource, ResourceKind, Slice, Transaction, new_id
from api.webhooks import announce
from twin.errors import InvalidInputError

router = APIRouter(prefix="/v1", tags=["operations"])
PREFIX = "ops-"
"""Stands before the external id of an operations schedule in the store."""

ExternalId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$", max_length=60)]


def _body_of(read: Callable[[bytes, str], dict[str, Any]]) -> Callable[[Request], Any]:
    async def body(request: Request) -> dict[str, Any]:
        kind = request.headers.get("content-type", "application/json")
        return read(await request.body(), kind)

    return body


ScheduleBody = Annotated[dict[str, Any], Depends(_body_of(schedule_document))]
PerformanceBody = Annotated[dict[str, Any], Depends(_body_of(performance_document))]


def _taken(name: str) -> dict[str, Any]:
    """Return how the body is described: our own shape, or B2MML."""
    message = {"type": "object", "description": "A B2MML message"}
    text = {"type": "string", "description": "A B2MML message"}
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}},
                B2MML_JSON: {"schema": message},
                **{kind: {"schema": text} for kind in XML},
            },
        }
    }


@router.put(
    "/operations-schedules/{external_id}",
    response_model=OperationsScheduleView,
    responses={201: {"model": OperationsScheduleView, "description": "It is new"}},
    openapi_extra=_taken("OperationsScheduleIn"),
)
def put_schedule(
    site: TheSite,
    who: TheCaller,
    external_id: ExternalId,
    document: ScheduleBody,
    response: Response,
    if_match: IfMatch = None,
) -> OperationsScheduleView:
    """Take the orders of an MES: they hold for schedules and promises from now on.

    One of the same name is replaced; If-Match says which version of it was read.
    """
    body = read_as(OperationsScheduleIn, document)
    live = site.line(body.line_id)
    now = datetime.now(UTC)
    identity = PREFIX + external_id
    with change(site, who, identity) as transaction:
        before = transaction.find(ResourceKind.OPERATIONS_SCHEDULE, identity)
        if before is not None:
            check_match(before, if_match)
            if before.line_id != body.line_id:
                raise RefusalError(CONFLICT, f"it is of the line {before.line_id!r}")
        made = Resource(
            id=identity,
            kind=ResourceKind.OPERATIONS_SCHEDULE,
            line_id=body.line_id,
            document=body.model_dump(mode="json"),
            created_at=before.created_at if before else now,
            updated_at=now,
            version=before.version + 1 if before else 1,
        )
        _check_orders(transaction, live, made)
        if before is None:
            transaction.add(made)
        else:
            transaction.replace(made, before.version)
        view = _schedule_view(made)
        announce(transaction, News.ORDERS_CHANGED, view)
    site.wake_courier()
    response.status_code = 200 if before else 201
    response.headers["ETag"] = etag(made)
    return view


@router.get("/operations-schedules")
def list_schedules(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[OperationsScheduleView]:
    """List operations schedules, in the descending order of their names."""
    with site.store.begin() as transaction:
        part = part_of(limit, cursor, line_id)
        found = transaction.slice(ResourceKind.OPERATIONS_SCHEDULE, part)
    views = [_schedule_view(item) for item in found]
    return page_of(OperationsScheduleView, views, [item.id for item in found], limit)


@router.get("/operations-schedules/{external_id}")
def get_schedule(
    site: TheSite, _who: MayRead, external_id: ExternalId, response: Response
) -> OperationsScheduleView:
    """Give one operations schedule."""
    with site.store.begin() as transaction:
        found = _schedule(transaction, external_id)
    response.headers["ETag"] = etag(found)
    return _schedule_view(found)


@router.delete("/operations-schedules/{external_id}", status_code=204)
def delete_schedule(
    site: TheSite, who: TheCaller, external_id: ExternalId, if_match: IfMatch = None
) -> None:
    """Withdraw the orders of an operations schedule."""
    with change(site, who, PREFIX + external_id) as transaction:
        found = _schedule(transaction, external_id)
        check_match(found, if_match)
        transaction.remove(ResourceKind.OPERATIONS_SCHEDULE, found.id)


@router.post(
    "/operations-performance",
    status_code=201,
    response_model=OperationsPerformanceView,
    openapi_extra=_taken("OperationsPerformanceIn"),
)
def create_performance(site: TheSite, who: TheCaller, document: PerformanceBody) -> Response:
    """Take what an MES says was done, and tell where the twin has seen otherwise."""
    body = read_as(OperationsPerformanceIn, document)
    live = site.line(body.line_id)
    known = {order.id for order in site.planned(live).line.orders}
    for place, item in enumerate(body.responses):
        if item.order_id not in known:
            shown = ", ".join(sorted(known)[:20]) or "none: the line has no orders"
            path = f"responses.{place}.order_id"
            raise invalid(path, f"unknown order {item.order_id!r}", shown)
    told = _reconciled(live, body)

    def effect(transaction: Transaction) -> Created:
        now = datetime.now(UTC)
        made = Resource(
            id=new_id("performance"),
            kind=ResourceKind.OPERATIONS_PERFORMANCE,
            line_id=body.line_id,
            document=told,
            created_at=now,
            updated_at=now,
        )
        transaction.add(made)
        headers = {"Location": f"/v1/operations-performance/{made.id}"}
        return Created(201, _performance_view(made), headers, subject=made.id)

    return create(site, who, effect)


@router.get("/operations-performance")
def list_performance(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[OperationsPerformanceView]:
    """List reports of work done, newest first."""
    with site.store.begin() as transaction:
        part = part_of(limit, cursor, line_id)
        found = transaction.slice(ResourceKind.OPERATIONS_PERFORMANCE, part)
    views = [_performance_view(item) for item in found]
    return page_of(OperationsPerformanceView, views, [item.id for item in found], limit)


@router.get("/operations-performance/{performance_id}")
def get_performance(site: TheSite, _who: MayRead, performance_id: str) -> OperationsPerformanceView:
    """Give one report of work done."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.OPERATIONS_PERFORMANCE, performance_id)
    if found is None:
        raise not_found("operations performance", performance_id)
    return _performance_view(found)


def _check_orders(transaction: Transaction, live: LiveLine, made: Resource) -> None:
    """Refuse orders that do not fit the line, told by their place in the request."""
    every = transaction.slice(
        ResourceKind.OPERATIONS_SCHEDULE, Slice(MOST_SCHEDULES, line_id=live.line.id)
    )
    products = [product.id for product in live.line.products]
    ids: set[str] = set()
    for place, item in enumerate(made.document["requests"]):
        if item["product"] not in products:
            path = f"requests.{place}.product"
            raise invalid(path, f"unknown product {item['product']!r}", ", ".join(products[:20]))
        if item["id"] in ids:
            message = f"the order {item['id']!r} stands twice"
            raise invalid(f"requests.{place}.id", message, "one of each id", "send one of them")
        ids.add(item["id"])
        _check_due(live, OperationsRequest.model_validate(item), f"requests.{place}.due_date")
    others = [item for item in every if item.id != made.id]
    if len(others) >= MOST_SCHEDULES:
        raise RefusalError(CONFLICT, f"the line has {MOST_SCHEDULES} operations schedules already")
    try:
        with_orders(live, [*others, made])
    except InvalidInputError as error:
        found = error.findings[0]
        raise invalid("requests", f"{found.path}: {found.message}", found.expected) from error


def _check_due(live: LiveLine, order: OperationsRequest, path: str) -> None:
    """Refuse an order that is due before its parts may enter."""
    if order.due_date is None:
        return
    start = live.line.moment(0.0)
    release = order.release if order.release and order.release > start else None
    if order.due_date <= (release or start):
        shown = order.due_date.isoformat()
        if release:
            message = f"is {shown}, not after the release"
            raise invalid(path, message, f"a moment after {release.isoformat()}")
        remedy = "leave it out of what is sent if it is done"
        message = f"is {shown}, before the line's time begins"
        raise invalid(path, message, f"a moment after {start.isoformat()}", remedy)


def _reconciled(live: LiveLine, body: OperationsPerformanceIn) -> dict[str, Any]:
    """Return what the MES says beside what the twin has seen."""
    picture = live.picture()
    seen = picture.state.orders if picture.known and live.feed is not None else {}
    responses = []
    for item in body.responses:
        found = seen.get(item.order_id)
        agrees = (item.good, item.scrapped) == (found.finished, found.scrapped) if found else None
        responses.append(
            item.model_dump(mode="json")
            | {
                "seen_good": found.finished if found else None,
                "seen_scrapped": found.scrapped if found else None,
                "agrees": agrees,
            }
        )
    provenance = live.provenance(picture).model_dump(mode="json")
    return {"provenance": provenance, "responses": responses}


def _schedule(transaction: Transaction, external_id: str) -> Resource:
    found = transaction.find(ResourceKind.OPERATIONS_SCHEDULE, PREFIX + external_id)
    if found is None:
        raise not_found("operations schedule", external_id)
    return found


def _schedule_view(found: Resource) -> OperationsScheduleView:
    return OperationsScheduleView.model_validate(
        found.document
        | {
            "external_id": found.id.removeprefix(PREFIX),
            "version": found.version,
            "created_at": found.created_at,
            "updated_at": found.updated_at,
        }
    )


def _performance_view(found: Resource) -> OperationsPerformanceView:
    return OperationsPerformanceView.model_validate(
        found.document | {"id": found.id, "line_id": found.line_id, "created_at": found.created_at}
    )
