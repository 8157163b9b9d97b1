"""Screenings: which of several settings matter over their ranges, made by jobs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.exports import TABLE, FileKind, check_kind, screening_table, table_file
from api.problems import CONFLICT, RefusalError, invalid, not_found
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
from api.routes.files import Format, file_answers, sent
from api.routes.made import accept, made_views, provenance
from api.routes.once import Created, TheCaller, create
from api.schemas import Job, JobKind, Page, Quality, ScreeningIn, ScreeningView, SettingView
from api.site import line_payload, start_state
from api.store import ResourceKind, Transaction
from scenarios.whatif import Scenario, ScenarioError
from scenarios.whatif.sensitivity import factors, scale
from twin.errors import Finding, InvalidInputError
from twin.line import Line

router = APIRouter(prefix="/v1", tags=["planning"])


@router.get("/lines/{line_id}/settings")
def list_settings(site: TheSite, _who: MayRead, line_id: str) -> Page[SettingView]:
    """List what a screening can vary in a line, in the order of its flow."""
    known = factors(site.planned(site.line(line_id)).line)
    views = [SettingView(kind=one.kind, element=one.element, now=one.now) for one in known]
    return Page[SettingView](items=tuple(view for view in views if view.now != 0))


@router.post("/screenings", status_code=202, response_model=Job)
def create_screening(site: TheSite, who: TheCaller, body: ScreeningIn) -> Response:
    """Vary several settings at once, each over its range, to find which of them matter."""
    check_limits(body, site.settings)
    if body.method == "sobol" and body.samples & (body.samples - 1):
        raise invalid("samples", f"{body.samples} does not do for sobol", "2, 4, 8, 16, ...")
    live = site.line(body.line_id)
    planned = site.planned(live)
    _check(planned.line, body)
    state, as_of, _ = start_state(live, body.start)
    payload: dict[str, Any] = line_payload(planned) | {
        "state": planned.fitted(state).model_dump(mode="json") if state else None,
        "options": {
            "horizon_s": body.horizon_s,
            "warm_up_s": body.warm_up_s,
            "seed": body.seed,
        },
        "settings": [setting.model_dump(mode="json") for setting in body.settings],
        "figure": body.figure,
        "method": body.method,
        "samples": body.samples,
        "replications": body.replications,
        "provenance": provenance(planned.line.hash, as_of, Quality.SIMULATED),
    }

    def effect(transaction: Transaction) -> Created:
        return accept(site, transaction, (JobKind.SCREENING, body.line_id, who), payload)

    return create(site, who, effect)


def _check(line: Line, body: ScreeningIn) -> None:
    """Refuse settings that the line does not have, or that it cannot have at an end of a range.

    Raises
    ------
    InvalidInputError
        With all of them.
    """
    known = {factor.name: factor for factor in factors(line)}
    findings: list[Finding] = []
    seen: set[str] = set()
    for number, setting in enumerate(body.settings):
        at = f"settings.{number}"
        name = f"{setting.kind} {setting.element}"
        factor = known.get(name)
        if factor is None:
            there = [one.element for one in known.values() if one.kind == setting.kind]
            message = f"the line has no {setting.kind} of {setting.element!r}"
            findings.append(Finding(f"{at}.element", message, ", ".join(there) or "another kind"))
            continue
        if name in seen:
            findings.append(Finding(at, f"{name} is named twice", "each setting once"))
        seen.add(name)
        for end in ("low", "high"):
            changes = scale(line, factor, getattr(setting, end))
            try:
                Scenario(name="end", changes=changes).apply(line)
            except ScenarioError as error:
                told = "; ".join(item.message for item in error.findings)
                findings.append(Finding(f"{at}.{end}", told, "a value that the line can have"))
    if findings:
        raise InvalidInputError("the settings", findings)


@router.get("/screenings")
def list_screenings(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ScreeningView]:
    """List screenings without their results, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.SCREENING, part_of(limit, cursor, line_id))
        views = [ScreeningView.model_validate(one) for one in made_views(transaction, found)]
    return page_of(ScreeningView, views, [item.id for item in found], limit)


@router.get("/screenings/{screening_id}")
def get_screening(site: TheSite, _who: MayRead, screening_id: str) -> ScreeningView:
    """Give a screening; its result once its job has succeeded."""
    with site.store.begin() as transaction:
        found = transaction.find(ResourceKind.SCREENING, screening_id)
        if found is None:
            raise not_found("screening", screening_id)
        return ScreeningView.model_validate(*made_views(transaction, [found]))


@router.get(
    "/screenings/{screening_id}/export", response_class=Response, responses=file_answers(*TABLE)
)
def export_screening(
    site: TheSite, who: MayRead, screening_id: str, kind: Format = FileKind.XLSX
) -> Response:
    """Give what a screening found as a file."""
    check_kind(kind, TABLE)
    found = get_screening(site, who, screening_id).result
    if found is None:
        raise RefusalError(CONFLICT, f"the screening {screening_id} has no result yet")
    return sent(table_file(screening_table(found), kind), screening_id)
