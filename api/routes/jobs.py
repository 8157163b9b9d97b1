"""Jobs: what is being done, how far it is, and ending it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.problems import not_found
from api.routes.common import (
    Cursor,
    Limit,
    LineFilter,
    MayRead,
    TheSite,
    page_of,
    part_of,
)
from api.routes.once import TheCaller, about
from api.schemas import Job, JobStatus, Page

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    site: TheSite,
    _who: MayRead,
    status: Annotated[JobStatus | None, Query(description="Only those that stand so.")] = None,
    line_id: LineFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Job]:
    """List jobs, newest first."""
    with site.store.begin() as transaction:
        found = transaction.jobs(part_of(limit, cursor, line_id), status)
    views = [site.jobs.view(job) for job in found]
    return page_of(Job, views, [job.id for job in found], limit)


@router.get("/{job_id}")
def get_job(site: TheSite, _who: MayRead, job_id: str) -> Job:
    """Tell of one job."""
    with site.store.begin() as transaction:
        found = transaction.job(job_id)
    if found is None:
        raise not_found("job", job_id)
    return site.jobs.view(found)


@router.post("/{job_id}:cancel", status_code=202)
async def cancel_job(site: TheSite, who: TheCaller, job_id: str) -> Job:
    """End a job: one that waits at once, one that runs within two seconds."""
    return await site.jobs.cancel(job_id, about(who.note, job_id))
