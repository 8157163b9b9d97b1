"""What schedules and forecasts share: a job makes them, and they are kept with its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from api.jobs import new_job
from api.routes.once import Caller, Created, accepted
from api.schemas import JobKind, Provenance, Quality
from api.site import Site
from api.store import Resource, ResourceKind, Transaction, new_id


def accept(
    site: Site,
    transaction: Transaction,
    what: tuple[JobKind, str, Caller],
    payload: dict[str, Any],
) -> Created:
    """Keep what is to be made and the job that makes it."""
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


def made_views(transaction: Transaction, found: Sequence[Resource]) -> list[dict[str, Any]]:
    """Return what was made as the API shows it, each with how its job stands."""
    stands = transaction.job_statuses([str(item.document["job_id"]) for item in found])
    return [
        item.document
        | {
            "id": item.id,
            "line_id": item.line_id,
            # What a job makes and the job are kept together.
            "status": stands[str(item.document["job_id"])],
            "created_at": item.created_at,
            "result": item.result,
        }
        for item in found
    ]


def provenance(model_version: str, as_of: datetime, quality: Quality) -> dict[str, Any]:
    """Return where something starts that is made now."""
    found = Provenance(
        as_of=as_of,
        received_at=datetime.now(UTC),
        quality=quality,
        age_ms=0.0,
        model_version=model_version,
    )
    return found.model_dump(mode="json")
