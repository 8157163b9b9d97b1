"""Rows of resources and of what came out of their jobs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from api.store.protocol import EXPIRING, Document, Resource, ResourceKind, Slice
from api.store.tables import jobs, read, resources, results, text_of, told


class ResourceRows:
    """Resources within one transaction; see ``Transaction``."""

    _connection: Connection

    def add(self, resource: Resource) -> None:
        """Keep a new resource."""
        self._connection.execute(resources.insert().values(_row(resource)))

    def find(self, kind: ResourceKind, identity: str) -> Resource | None:
        """Return a resource with its result; None: there is none."""
        joined = resources.outerjoin(results, results.c.resource_id == resources.c.id)
        query = (
            sa.select(resources, results.c.document.label("result"))
            .select_from(joined)
            .where(resources.c.id == identity, resources.c.kind == kind)
        )
        row = self._connection.execute(query).mappings().first()
        return _resource(row, row["result"]) if row else None

    def slice(self, kind: ResourceKind, part: Slice) -> list[Resource]:
        """Return resources without results, newest first."""
        query = sa.select(resources).where(resources.c.kind == kind)
        rows = self._connection.execute(sliced(query, resources, part)).mappings()
        return [_resource(row, None) for row in rows]

    def replace(self, resource: Resource, expected_version: int) -> bool:
        """Put a changed resource in place of its old version; tell whether it still had that."""
        change = (
            resources.update()
            .where(resources.c.id == resource.id, resources.c.version == expected_version)
            .values(_row(resource))
        )
        return self._connection.execute(change).rowcount == 1

    def remove(self, kind: ResourceKind, identity: str) -> bool:
        """Forget a resource; tell whether there was one."""
        gone = resources.delete().where(resources.c.id == identity, resources.c.kind == kind)
        return self._connection.execute(gone).rowcount == 1

    def finish(self, identity: str, result: Document) -> None:
        """Keep what came out of a resource's job."""
        self._connection.execute(results.delete().where(results.c.resource_id == identity))
        self._connection.execute(
            results.insert().values(resource_id=identity, document=text_of(result))
        )

    def expire(self, before: datetime) -> int:
        """Forget results and ended jobs from before a moment; return how many resources went."""
        open_jobs = sa.select(jobs.c.subject_id).where(jobs.c.finished_at.is_(None))
        old = sa.select(resources.c.id).where(
            resources.c.kind.in_(EXPIRING),
            resources.c.updated_at < told(before),
            resources.c.id.not_in(open_jobs),
        )
        gone = list(self._connection.execute(old).scalars())
        for identity in gone:
            self._connection.execute(jobs.delete().where(jobs.c.subject_id == identity))
            self._connection.execute(resources.delete().where(resources.c.id == identity))
        return len(gone)


def sliced(query: sa.Select[Any], table: sa.Table, part: Slice) -> sa.Select[Any]:
    """Return the query of one part of a list, newest first."""
    if part.line_id is not None:
        query = query.where(table.c.line_id == part.line_id)
    if part.after is not None:
        query = query.where(table.c.id < part.after)
    return query.order_by(table.c.id.desc()).limit(part.limit)


def _row(resource: Resource) -> Document:
    return {
        "id": resource.id,
        "kind": resource.kind,
        "line_id": resource.line_id,
        "version": resource.version,
        "created_at": told(resource.created_at),
        "updated_at": told(resource.updated_at),
        "document": text_of(resource.document),
    }


def _resource(row: RowMapping, result: str | None) -> Resource:
    return Resource(
        id=row["id"],
        kind=ResourceKind(row["kind"]),
        line_id=row["line_id"],
        document=json.loads(row["document"]),
        created_at=read(row["created_at"]),
        updated_at=read(row["updated_at"]),
        version=row["version"],
        result=json.loads(result) if result is not None else None,
    )
