"""Schedules: searched by jobs, checked when a planner moves a bar, released by whoever may."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from api.jobs import WorkerDiedError
from api.live import LiveLine
from api.problems import (
    CONFLICT,
    NOT_READY,
    TIME_LIMIT,
    WORKER_DIED,
    RefusalError,
    invalid,
    not_found,
    passed_on,
)
from api.routes.common import Cursor, Limit, LineFilter, MayRead, TheSite, page_of, part_of
from api.routes.made import accept, made_views, provenance
from api.routes.once import (
    Created,
    IfMatch,
    TheCaller,
    TheReleaser,
    check_match,
    create,
    etag,
)
from api.schemas import (
    Job,
    JobKind,
    MovedOperation,
    News,
    Page,
    Problem,
    Quality,
    ScheduleCheck,
    ScheduleCheckIn,
    ScheduleExplanation,
    ScheduleIn,
    ScheduleQuestion,
    ScheduleView,
)
from api.site import Site, known_state, line_payload, start_state
from api.store import Resource, ResourceKind, Transaction
from api.webhooks import announce

router = APIRouter(prefix="/v1/schedules", tags=["planning"])
CHECK_S = 20.0
"""Time that a check may take, s."""


@router.post("", status_code=202, response_model=Job)
def create_schedule(site: TheSite, who: TheCaller, body: ScheduleIn) -> Response:
    """Search for a schedule, check it, and replay it with randomness in the twin."""
    live = site.line(body.line_id)
    planned = site.planned(live)
    known = [order.id for order in planned.line.orders]
    for order in body.order_ids or ():
        if order not in known:
            raise invalid("order_ids", f"unknown order {order!r}", ", ".join(known[:20]))
    state, as_of, _ = start_state(live, body.start)
    asked = (
        "order_ids", "time_limit_s", "replications", "seed", "level", "freeze_s", "stability",
        "robust",
    )  # fmt: skip
    payload: dict[str, Any] = line_payload(planned) | {
        "state": planned.fitted(known_state(live, state)).model_dump(mode="json"),
        "provenance": provenance(planned.line.hash, as_of, Quality.SIMULATED),
    }
    payload |= {name: getattr(body, name) for name in asked}
    payload["locked"] = [_moved(live, item) for item in body.locked]
    payload["running"] = _running(site, body)

    def effect(transaction: Transaction) -> Created:
        return accept(site, transaction, (JobKind.SCHEDULE, body.line_id, who), payload)

    return create(site, who, effect)


@router.get("")
def list_schedules(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ScheduleView]:
    """List schedules without their results, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.SCHEDULE, part_of(limit, cursor, line_id))
        views = _views(transaction, found)
    return page_of(ScheduleView, views, [item.id for item in found], limit)


@router.get("/{schedule_id}")
def get_schedule(
    site: TheSite, _who: MayRead, schedule_id: str, response: Response
) -> ScheduleView:
    """Give a schedule, once its job has succeeded."""
    with site.store.begin() as transaction:
        found = _schedule(transaction, schedule_id)
        view = _view(transaction, found)
    response.headers["ETag"] = _tag(found, view)
    return view


@router.post("/{schedule_id}:validate")
async def validate_schedule(
    site: TheSite, _who: MayRead, schedule_id: str, body: ScheduleCheckIn
) -> ScheduleCheck:
    """Check a schedule as a planner would have it, bars moved; keeps nothing."""
    payload = await asyncio.to_thread(_kept_payload, site, schedule_id)
    known = {(item["order"], item["operation"]) for item in payload["operations"]}
    for place, item in enumerate(body.operations):
        if (item.order, item.operation) not in known:
            name = f"{item.order}/{item.operation}"
            raise invalid(f"operations.{place}", f"{name!r} is not in the schedule")
    live = site.line(payload["line"]["id"])
    moved = {"moved": [_moved(live, item) for item in body.operations]}
    return ScheduleCheck.model_validate(await _quickly(site, "check", payload | moved, CHECK_S))


@router.post("/{schedule_id}:explain")
async def explain_schedule(
    site: TheSite, _who: MayRead, schedule_id: str, body: ScheduleQuestion
) -> ScheduleExplanation:
    """Tell why an order is done when it is, and what would make a late one earlier."""
    payload = await asyncio.to_thread(_kept_payload, site, schedule_id)
    orders = sorted({item["order"] for item in payload["operations"]})
    if body.order not in orders:
        raise invalid("order", f"{body.order!r} is not in the schedule", ", ".join(orders[:20]))
    asked = {"order": body.order, "time_budget_s": body.time_budget_s}
    found = await _quickly(site, "explain", payload | asked, body.time_budget_s + CHECK_S)
    return ScheduleExplanation.model_validate(found)


@router.post("/{schedule_id}:release", response_model=ScheduleView)
def release_schedule(
    site: TheSite, who: TheReleaser, schedule_id: str, if_match: IfMatch = None
) -> Response:
    """Release a schedule to the plant: people and systems work by it from now on."""

    def effect(transaction: Transaction) -> Created:
        found = _schedule(transaction, schedule_id)
        view = _view(transaction, found)
        if view.released_at is not None:
            told = f"it was released at {view.released_at.isoformat()}"
            raise RefusalError(CONFLICT, told)
        if view.result is None or not view.result.operations:
            raise RefusalError(CONFLICT, f"there is nothing to release: its job is {view.status}")
        if view.result.violations:
            told = "; ".join(item.text for item in view.result.violations)
            raise RefusalError(CONFLICT, f"it does not hold: {told}")
        check_match(found, if_match)
        now = datetime.now(UTC)
        released = {"released_at": now.isoformat(), "released_by": who.principal.id}
        made = replace(
            found, document=found.document | released, version=found.version + 1, updated_at=now
        )
        transaction.replace(made, found.version)
        told_view = _view(transaction, made)
        announce(transaction, News.SCHEDULE_RELEASED, told_view)
        return Created(200, told_view, {"ETag": etag(made)}, subject=made.id)

    answer = create(site, who, effect)
    site.wake_courier()
    return answer


def _schedule(transaction: Transaction, identity: str) -> Resource:
    found = transaction.find(ResourceKind.SCHEDULE, identity)
    if found is None:
        raise not_found("schedule", identity)
    return found


def _view(transaction: Transaction, found: Resource) -> ScheduleView:
    (view,) = _views(transaction, [found])
    return view


def _views(transaction: Transaction, found: Sequence[Resource]) -> list[ScheduleView]:
    return [
        ScheduleView.model_validate(one | {"version": item.version})
        for one, item in zip(made_views(transaction, found), found, strict=True)
    ]


def _tag(found: Resource, view: ScheduleView) -> str:
    """Return the ETag: the version once the job has ended, before that how far it is."""
    return etag(found) if view.status.final else f'"{found.version}-{view.status}"'


async def _quickly(site: Site, task: str, payload: dict[str, Any], limit_s: float) -> Any:
    """Return what a quick worker says, which somebody waits for."""
    if not site.quick.ready:
        raise RefusalError(NOT_READY, "the workers are starting", headers={"Retry-After": "2"})
    try:
        answer = await site.quick.call(task, payload, limit_s)
    except TimeoutError:
        raise RefusalError(TIME_LIMIT, f"it took more than {limit_s:g} s") from None
    except WorkerDiedError as error:
        raise RefusalError(WORKER_DIED, str(error)) from error
    if "result" not in answer:
        raise passed_on(Problem.model_validate(answer["problem"]))
    return answer["result"]


def _kept_payload(site: Site, schedule_id: str) -> dict[str, Any]:
    """Return a schedule that was found, with what it was found for, as workers take it."""
    with site.store.begin() as transaction:
        found = _schedule(transaction, schedule_id)
        view = _view(transaction, found)
        job = transaction.job(view.job_id)
    if view.result is None or job is None or not view.result.operations:
        raise RefusalError(CONFLICT, f"there are no bars: its job is {view.status}")
    site.line(view.line_id)
    return {name: job.payload[name] for name in ("line", "line_hash", "state", "order_ids")} | {
        "locked": job.payload.get("locked", ()),
        "operations": [item.model_dump(mode="json") for item in view.result.operations],
        "provenance": view.result.provenance.model_dump(mode="json"),
        "objective": view.result.objective,
    }


def _running(site: Site, body: ScheduleIn) -> list[dict[str, Any]] | None:
    """Return the bars of the running schedule; None: there is none."""
    if body.running_id is None:
        return None
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.SCHEDULE, body.running_id)
        view = _view(transaction, found) if found is not None else None
    if view is None or view.result is None or view.line_id != body.line_id:
        expected = f"a schedule of line {body.line_id!r} that was found"
        raise invalid("running_id", f"{body.running_id!r} is none", expected)
    return [item.model_dump(mode="json") for item in view.result.operations]


def _moved(live: LiveLine, item: MovedOperation) -> dict[str, Any]:
    return {
        "order": item.order,
        "operation": item.operation,
        "station": item.station,
        "start_s": live.line.seconds(item.start),
        "end_s": live.line.seconds(item.end),
    }
