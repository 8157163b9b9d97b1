"""Forecasts: made by jobs, kept with their results."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.problems import not_found
from api.routes.common import Cursor, Limit, LineFilter, MayRead, TheSite, page_of, part_of
from api.routes.made import accept, made_views, provenance
from api.routes.once import Created, TheCaller, create
from api.schemas import ForecastIn, ForecastView, Job, JobKind, Page, Quality
from api.store import ResourceKind, Transaction

router = APIRouter(prefix="/v1/forecasts", tags=["planning"])


@router.post("", status_code=202, response_model=Job)
def create_forecast(site: TheSite, who: TheCaller, body: ForecastIn) -> Response:
    """Foretell throughput and faults from the line's recent past."""
    live = site.line(body.line_id)
    payload, as_of = site.forecast_payload(live, body.horizon_s)
    payload["provenance"] = provenance(live.line.hash, as_of, Quality.FORECAST)

    def effect(transaction: Transaction) -> Created:
        return accept(site, transaction, (JobKind.FORECAST, body.line_id, who), payload)

    return create(site, who, effect)


@router.get("")
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
        views = [ForecastView.model_validate(one) for one in made_views(transaction, found)]
    return page_of(ForecastView, views, [item.id for item in found], limit)


@router.get("/{forecast_id}")
def get_forecast(site: TheSite, _who: MayRead, forecast_id: str) -> ForecastView:
    """Give a forecast, once its job has succeeded."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.FORECAST, forecast_id)
        if found is None:
            raise not_found("forecast", forecast_id)
        return ForecastView.model_validate(*made_views(transaction, [found]))
