"""Schedules and forecasts: made by jobs, kept with their results."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from api.jobs import new_job
from api.problems import invalid, not_found
from api.routes.common import Cursor, Limit, LineFilter, MayRead, TheSite, page_of, part_of
from api.routes.once import Caller, Created, TheCaller, accepted, create
from api.schemas import (
    ForecastIn,
    ForecastView,
    Job,
    JobKind,
    Page,
    Provenance,
    Quality,
    ScheduleIn,
    ScheduleView,
)
from api.site import Site, known_state, line_payload, start_state
from api.store import Resource, ResourceKind, Transaction, new_id

router = APIRouter(prefix="/v1", tags=["planning"])


@router.post("/schedules", status_code=202, response_model=Job)
def create_schedule(site: TheSite, who: TheCaller, body: ScheduleIn) -> Response:
    """Search for a schedule, check it, and replay it with randomness in the twin."""
    live = site.line(body.line_id)
    known = [order.id for order in live.line.orders]
    for order in body.order_ids or ():
        if order not in known:
            raise invalid("order_ids", f"unknown order {order!r}", ", ".join(known[:20]))
    state, as_of, _ = start_state(live, body.start)
    provenance = _provenance(live.line.hash, as_of, Quality.SIMULATED)
    asked = ("order_ids", "time_limit_s", "replications", "seed", "level")
    payload: dict[str, Any] = line_payload(live) | {
        "state": known_state(live, state).model_dump(mode="json"),
        "provenance": provenance,
    }
    payload |= {name: getattr(body, name) for name in asked}

    def effect(transaction: Transaction) -> Created:
        return _accept(site, transaction, (JobKind.SCHEDULE, body.line_id, who), payload)

    return create(site, who, effect)


@router.post("/forecasts", status_code=202, response_model=Job)
def create_forecast(site: TheSite, who: TheCaller, body: ForecastIn) -> Response:
    """Foretell throughput and faults from the line's recent past."""
    live = site.line(body.line_id)
    payload, as_of = site.forecast_payload(live, body.horizon_s)
    payload["provenance"] = _provenance(live.line.hash, as_of, Quality.FORECAST)

    def effect(transaction: Transaction) -> Created:
        return _accept(site, transaction, (JobKind.FORECAST, body.line_id, who), payload)

    return create(site, who, effect)


@router.get("/schedules")
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
        views = [ScheduleView.model_validate(_view(transaction, item)) for item in found]
    return page_of(ScheduleView, views, [item.id for item in found], limit)


@router.get("/schedules/{schedule_id}")
def get_schedule(site: TheSite, _who: MayRead, schedule_id: str) -> ScheduleView:
    """Give a schedule, once its job has succeeded."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.SCHEDULE, schedule_id)
        if found is None:
            raise not_found("schedule", schedule_id)
        return ScheduleView.model_validate(_view(transaction, found))


@router.get("/forecasts")
def list_forecasts(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ForecastView]:
    """List forecasts without their results, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.FORECAST, part_of(limit, cursor, line_id))
        views = [ForecastView.model_validate(_view(transaction, item)) for item in found]
    return page_of(ForecastView, views, [item.id for item in found], limit)


@router.get("/forecasts/{forecast_id}")
def get_forecast(site: TheSite, _who: MayRead, forecast_id: str) -> ForecastView:
    """Give a forecast, once its job has succeeded."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.FORECAST, forecast_id)
        if found is None:
            raise not_found("forecast", forecast_id)
        return ForecastView.model_validate(_view(transaction, found))


def _accept(
    site: Site, transaction: Transaction, what: tuple[JobKind, str, Caller], payload: dict[str, Any]
) -> Created:
    kind, line_id, who = what
    now = datetime.now(UTC)
    made = Resource(
        id=new_id(str(kind)),
        kind=ResourceKind(kind),
        line_id=line_id,
        document={},
        created_at=now,
        updated_at=now,
    )
    job = replace(new_job(kind, line_id, made.id, payload), owner=who.principal.id)
    transaction.add(replace(made, document={"job_id": job.id}))
    return accepted(site.jobs.add(transaction, job))


def _view(transaction: Transaction, found: Resource) -> dict[str, Any]:
    job = transaction.job(str(found.document["job_id"]))
    assert job is not None, "what a job makes and the job are kept together"
    return found.document | {
        "id": found.id,
        "line_id": found.line_id,
        "status": job.status,
        "created_at": found.created_at,
        "result": found.result,
    }


def _provenance(model_version: str, as_of: datetime, quality: Quality) -> dict[str, Any]:
    found = Provenance(
        as_of=as_of,
        received_at=datetime.now(UTC),
        quality=quality,
        age_ms=0.0,
        model_version=model_version,
    )
    return found.model_dump(mode="json")
