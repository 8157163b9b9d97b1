"""What-if: scenarios, and runs of them against the line as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from api.jobs import new_job
from api.live import LiveLine
from api.orders import MOST_SCHEDULES, Planned, with_orders
from api.problems import (
    CONFLICT,
    INVALID_MODEL,
    RefusalError,
    invalid,
    not_found,
)
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
from api.routes.made import made_views
from api.routes.once import (
    Created,
    IfMatch,
    TheCaller,
    accepted,
    change,
    check_match,
    create,
    etag,
)
from api.schemas import (
    FieldProblem,
    Job,
    JobKind,
    Page,
    Provenance,
    Quality,
    RunIn,
    RunResults,
    RunView,
    ScenarioIn,
    ScenarioPatch,
    ScenarioView,
)
from api.site import line_payload, start_state
from api.store import Resource, ResourceKind, Slice, Transaction, new_id
from scenarios.whatif.scenario import Scenario, ScenarioError
from twin.units import duration_s

router = APIRouter(prefix="/v1", tags=["what-if"])
STAND_IN = "scenario"
"""Name under which a scenario is checked; its own name is for people."""


@router.post("/scenarios", status_code=201, response_model=ScenarioView)
def create_scenario(site: TheSite, who: TheCaller, body: ScenarioIn) -> Response:
    """Keep a scenario; one that does not fit the line is refused with all that is wrong."""
    check(site.line(body.line_id), body)

    def effect(transaction: Transaction) -> Created:
        now = datetime.now(UTC)
        made = Resource(
            id=new_id("scenario"),
            kind=ResourceKind.SCENARIO,
            line_id=body.line_id,
            document=body.model_dump(mode="json"),
            created_at=now,
            updated_at=now,
        )
        transaction.add(made)
        headers = {"Location": f"/v1/scenarios/{made.id}", "ETag": etag(made)}
        return Created(201, scenario_view(made), headers, subject=made.id)

    return create(site, who, effect)


@router.get("/scenarios")
def list_scenarios(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[ScenarioView]:
    """List scenarios, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.SCENARIO, part_of(limit, cursor, line_id))
    views = [scenario_view(item) for item in found]
    return page_of(ScenarioView, views, [item.id for item in found], limit)


@router.get("/scenarios/{scenario_id}")
def get_scenario(
    site: TheSite, _who: MayRead, scenario_id: str, response: Response
) -> ScenarioView:
    """Give one scenario."""
    with site.store.begin() as transaction:
        found = scenario_of(transaction, scenario_id)
    response.headers["ETag"] = etag(found)
    return scenario_view(found)


@router.patch("/scenarios/{scenario_id}")
def change_scenario(
    site: TheSite,
    who: TheCaller,
    scenario_id: str,
    body: ScenarioPatch,
    response: Response,
    if_match: IfMatch = None,
) -> ScenarioView:
    """Change a scenario, if nobody else has changed it since it was read."""
    with change(site, who, scenario_id) as transaction:
        found = scenario_of(transaction, scenario_id)
        check_match(found, if_match)
        given = body.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        changed = ScenarioIn.model_validate(found.document | given)
        check(site.line(changed.line_id), changed)
        made = replace(
            found,
            document=changed.model_dump(mode="json"),
            version=found.version + 1,
            updated_at=datetime.now(UTC),
        )
        transaction.replace(made, found.version)
    response.headers["ETag"] = etag(made)
    return scenario_view(made)


@router.delete("/scenarios/{scenario_id}", status_code=204)
def delete_scenario(
    site: TheSite,
    who: TheCaller,
    scenario_id: str,
    if_match: IfMatch = None,
) -> None:
    """Forget a scenario; its runs stay."""
    with change(site, who, scenario_id) as transaction:
        check_match(scenario_of(transaction, scenario_id), if_match)
        transaction.remove(ResourceKind.SCENARIO, scenario_id)


@router.post("/scenarios/{scenario_id}/runs", status_code=202, response_model=Job)
def create_run(site: TheSite, who: TheCaller, scenario_id: str, body: RunIn) -> Response:
    """Run a scenario against the line as it is, with the same random numbers."""
    check_limits(body, site.settings)

    def effect(transaction: Transaction) -> Created:
        ids = (scenario_id, *body.compare_with)
        if len(set(ids)) < len(ids):
            raise invalid("compare_with", "names a scenario twice", "each scenario once")
        found = [scenario_of(transaction, identity) for identity in ids]
        others = sorted({item.line_id for item in found[1:]} - {found[0].line_id})
        if others:
            raise invalid(
                "compare_with", f"holds a scenario of line {others[0]!r}", found[0].line_id
            )
        live = site.line(found[0].line_id)
        for item in found:  # the line's model may be another since the scenario was made
            check(live, ScenarioIn.model_validate(item.document))
            _check_faults(item, body.horizon_s)
        part = Slice(MOST_SCHEDULES, line_id=live.line.id)
        orders = transaction.slice(ResourceKind.OPERATIONS_SCHEDULE, part)
        run, payload = _new_run(live, with_orders(live, orders), found, body)
        job = new_job(JobKind.RUN, live.line.id, run.id, payload)
        transaction.add(replace(run, document=run.document | {"job_id": job.id}))
        return accepted(site.jobs.add(transaction, replace(job, owner=who.principal.id)))

    return create(site, who, effect)


@router.get("/runs")
def list_runs(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[RunView]:
    """List runs, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.RUN, part_of(limit, cursor, line_id))
        views = _run_views(transaction, found)
    return page_of(RunView, views, [item.id for item in found], limit)


@router.get("/runs/{run_id}")
def get_run(site: TheSite, _who: MayRead, run_id: str) -> RunView:
    """Tell of one run."""
    with site.store.begin() as transaction:
        return _run_view(transaction, _run(transaction, run_id))


@router.get("/runs/{run_id}/results")
def get_results(site: TheSite, _who: MayRead, run_id: str) -> RunResults:
    """Give what a run found: figures with intervals, paired differences and verdicts."""
    with site.store.begin() as transaction:
        found = _run(transaction, run_id)
        if found.result is None:
            status = _run_view(transaction, found).status
            raise RefusalError(
                CONFLICT,
                f"the run is {status}",
                headers={} if status.final else {"Retry-After": "1"},
            )
    return RunResults.model_validate(found.result)


def check(live: LiveLine, body: ScenarioIn) -> None:
    """Refuse a scenario that does not fit the line, with all that is wrong."""
    try:
        faults = [fault.model_dump() for fault in body.faults]
        Scenario(name=STAND_IN, changes=body.changes, faults=faults, events=body.events).apply(
            live.line
        )
    except ScenarioError as error:
        fields = [
            FieldProblem(
                path=finding.path.removeprefix(f"scenarios.{STAND_IN}.")[:500],
                message=finding.message[:1000],
                expected=finding.expected[:1000],
                remedy=finding.remedy[:500],
            )
            for finding in error.findings[:100]
        ]
        detail = f"the scenario does not fit the line {live.line.id!r}"
        raise RefusalError(INVALID_MODEL, detail, fields) from error


def scenario_of(transaction: Transaction, identity: str) -> Resource:
    """Return a scenario that is kept."""
    found = transaction.find(ResourceKind.SCENARIO, identity)
    if found is None:
        raise not_found("scenario", identity)
    return found


def scenario_view(found: Resource) -> ScenarioView:
    """Return a scenario as the API shows it."""
    return ScenarioView.model_validate(
        found.document
        | {
            "id": found.id,
            "version": found.version,
            "created_at": found.created_at,
            "updated_at": found.updated_at,
        }
    )


def _check_faults(found: Resource, horizon_s: float) -> None:
    """Refuse a horizon before which a fault of the scenario would not even begin."""
    begun = [*found.document["faults"], *found.document.get("events", ())]
    latest_s = max((duration_s(item.get("after_s", 0.0)) for item in begun), default=0.0)
    if latest_s >= horizon_s:
        name = found.document["name"]
        message = f"a fault or event of scenario {name!r} begins after {latest_s:g} s, so never"
        raise invalid("horizon_s", message, f"more than {latest_s:g}", "look further ahead")


def _new_run(
    live: LiveLine, planned: Planned, found: list[Resource], body: RunIn
) -> tuple[Resource, dict[str, Any]]:
    state, as_of, start = start_state(live, body.start)
    state = planned.fitted(state) if state is not None else None
    now = datetime.now(UTC)
    run_id = new_id("run")
    options = {"horizon_s": body.horizon_s, "warm_up_s": body.warm_up_s, "seed": body.seed}
    provenance = Provenance(
        as_of=as_of,
        received_at=now,
        quality=Quality.SIMULATED,
        age_ms=0.0,
        model_version=planned.line.hash,
        scenario_id=found[0].id,
    )
    payload = line_payload(planned) | {
        "run_id": run_id,
        "scenarios": [
            {"id": item.id, "events": item.document.get("events", [])}
            | {key: item.document[key] for key in ("name", "changes", "faults")}
            for item in found
        ],
        "options": options,
        "replications": body.replications,
        "level": body.level,
        "state": state.model_dump(mode="json") if state else None,
        "provenance": provenance.model_dump(mode="json"),
    }
    document = options | {
        "scenario_ids": [item.id for item in found],
        "replications": body.replications,
        "level": body.level,
        "start": start,
        "start_as_of": as_of.isoformat(),
    }
    run = Resource(
        id=run_id,
        kind=ResourceKind.RUN,
        line_id=live.line.id,
        document=document,
        created_at=now,
        updated_at=now,
    )
    return run, payload


def _run(transaction: Transaction, identity: str) -> Resource:
    found = transaction.find(ResourceKind.RUN, identity)
    if found is None:
        raise not_found("run", identity)
    return found


def _run_view(transaction: Transaction, found: Resource) -> RunView:
    (view,) = _run_views(transaction, [found])
    return view


def _run_views(transaction: Transaction, found: Sequence[Resource]) -> list[RunView]:
    views = []
    for one in made_views(transaction, found):
        del one["result"]  # it has a path of its own
        url = f"/v1/runs/{one['id']}/results" if one["status"] == "succeeded" else None
        views.append(RunView.model_validate(one | {"results_url": url}))
    return views
