"""Rows of jobs: the queue that outlives the service."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from api.schemas import JobKind, JobStatus, Problem
from api.store.protocol import Document, JobRecord, Slice
from api.store.resources import sliced
from api.store.tables import jobs, read, read_optional, text_of, told

_LIGHT = [column for column in jobs.c if column.name != "payload"]


class JobRows:
    """Jobs within one transaction; see ``Transaction``."""

    _connection: Connection

    def add_job(self, job: JobRecord) -> None:
        """Keep a new job."""
        row = _row(job) | {"payload": text_of(job.payload)}
        self._connection.execute(jobs.insert().values(row))

    def job(self, identity: str) -> JobRecord | None:
        """Return a job; None: there is none."""
        query = sa.select(jobs).where(jobs.c.id == identity)
        row = self._connection.execute(query).mappings().first()
        return _job(row) if row else None

    def job_statuses(self, identities: Sequence[str]) -> dict[str, JobStatus]:
        """Return how jobs stand, by id, without reading what they are about."""
        query = sa.select(jobs.c.id, jobs.c.status).where(jobs.c.id.in_(identities))
        return {row.id: JobStatus(row.status) for row in self._connection.execute(query)}

    def jobs(self, part: Slice, status: JobStatus | None = None) -> list[JobRecord]:
        """Return jobs without payloads, newest first."""
        query = sa.select(*_LIGHT)
        if status is not None:
            query = query.where(jobs.c.status == status)
        rows = self._connection.execute(sliced(query, jobs, part)).mappings()
        return [_job(row) for row in rows]

    def count_jobs(self, status: JobStatus, owner: str | None = None) -> int:
        """Return how many jobs stand so, of one owner or of all."""
        query = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.status == status)
        if owner is not None:
            query = query.where(jobs.c.owner == owner)
        return int(self._connection.execute(query).scalar_one())

    def update_job(self, job: JobRecord) -> None:
        """Put changed columns of a job in place; its payload stays."""
        self._connection.execute(jobs.update().where(jobs.c.id == job.id).values(_row(job)))

    def claim(self, now: datetime) -> JobRecord | None:
        """Take the oldest waiting job and mark it running; None: none waits."""
        query = (
            sa.select(jobs.c.id)
            .where(jobs.c.status == JobStatus.QUEUED)
            .order_by(jobs.c.id)
            .limit(1)
        )
        identity = self._connection.execute(query).scalar()
        if identity is None:
            return None
        self._connection.execute(
            jobs.update()
            .where(jobs.c.id == identity)
            .values(status=JobStatus.RUNNING, attempts=jobs.c.attempts + 1, started_at=told(now))
        )
        return self.job(identity)


def _row(job: JobRecord) -> Document:
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "line_id": job.line_id,
        "subject_id": job.subject_id,
        "attempts": job.attempts,
        "cancel_wanted": job.cancel_wanted,
        "created_at": told(job.created_at),
        "started_at": told(job.started_at) if job.started_at else None,
        "finished_at": told(job.finished_at) if job.finished_at else None,
        "problem": job.problem.model_dump_json() if job.problem else None,
        "owner": job.owner,
    }


def _job(row: RowMapping) -> JobRecord:
    return JobRecord(
        id=row["id"],
        kind=JobKind(row["kind"]),
        status=JobStatus(row["status"]),
        line_id=row["line_id"],
        subject_id=row["subject_id"],
        created_at=read(row["created_at"]),
        payload=json.loads(row["payload"]) if "payload" in row else {},
        attempts=row["attempts"],
        cancel_wanted=bool(row["cancel_wanted"]),
        started_at=read_optional(row["started_at"]),
        finished_at=read_optional(row["finished_at"]),
        problem=Problem.model_validate_json(row["problem"]) if row["problem"] else None,
        owner=row["owner"],
    )
