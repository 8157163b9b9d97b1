"""Sensitivities: what a little of each thing would bring, made by jobs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.problems import invalid, not_found
from api.routes.common import (
    Cursor,
    Limit,
    LineFilter,
    MayRead,
    TheSite,
    check_limits,
    page_of,
    part_of,
)
from api.routes.made import accept, made_views, provenance
from api.routes.once import Created, TheCaller, create
from api.schemas import Job, JobKind, Page, Quality, SensitivityIn, SensitivityView
from api.site import line_payload, start_state
from api.store import ResourceKind, Transaction

router = APIRouter(prefix="/v1/sensitivities", tags=["planning"])


@router.post("", status_code=202, response_model=Job)
def create_sensitivities(site: TheSite, who: TheCaller, body: SensitivityIn) -> Response:
    """Try a little of each thing: 1 % of a time, one place, one machine, one person."""
    check_limits(body, site.settings)
    if body.kinds is not None and len(set(body.kinds)) < len(body.kinds):
        raise invalid("kinds", "names a kind twice", "each kind once")
    live = site.line(body.line_id)
    planned = site.planned(live)
    state, as_of, _ = start_state(live, body.start)
    payload: dict[str, Any] = line_payload(planned) | {
        "state": planned.fitted(state).model_dump(mode="json") if state else None,
        "options": {
            "horizon_s": body.horizon_s,
            "warm_up_s": body.warm_up_s,
            "seed": body.seed,
        },
        "kinds": body.kinds,
        "replications": body.replications,
        "level": body.level,
        "provenance": provenance(planned.line.hash, as_of, Quality.SIMULATED),
    }

    def effect(transaction: Transaction) -> Created:
        return accept(site, transaction, (JobKind.SENSITIVITY, body.line_id, who), payload)

    return create(site, who, effect)


@router.get("")
def list_sensitivities(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SensitivityView]:
    """List sensitivities without their results, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.SENSITIVITY, part_of(limit, cursor, line_id))
        views = [SensitivityView.model_validate(one) for one in made_views(transaction, found)]
    return page_of(SensitivityView, views, [item.id for item in found], limit)


@router.get("/{sensitivity_id}")
def get_sensitivities(site: TheSite, _who: MayRead, sensitivity_id: str) -> SensitivityView:
    """Give sensitivities, once their job has succeeded."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.SENSITIVITY, sensitivity_id)
        if found is None:
            raise not_found("sensitivity", sensitivity_id)
        return SensitivityView.model_validate(*made_views(transaction, [found]))
