"""The store on SQLite, through SQLAlchemy Core, in statements that PostgreSQL knows too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, RowMapping
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from api.schemas import JobKind, JobStatus, Problem
from api.store.protocol import Document, JobRecord, Remembered, Resource, ResourceKind, Slice
from twin.errors import JournalError

SCHEMA_VERSION = 1
REMEMBER = timedelta(days=1)
"""How long answers are kept for a repeated request."""

_metadata = sa.MetaData()
_version = sa.Table("schema_version", _metadata, sa.Column("version", sa.Integer, nullable=False))
_resources = sa.Table(
    "resources",
    _metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("updated_at", sa.String(32), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("resources_by_kind", "kind", "line_id", "id"),
)
_results = sa.Table(
    "results",
    _metadata,
    sa.Column(
        "resource_id",
        sa.String(64),
        sa.ForeignKey("resources.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("document", sa.Text, nullable=False),
)
_jobs = sa.Table(
    "jobs",
    _metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("subject_id", sa.String(64), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("cancel_wanted", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("started_at", sa.String(32)),
    sa.Column("finished_at", sa.String(32)),
    sa.Column("problem", sa.Text),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Index("jobs_by_status", "status", "id"),
)
_answers = sa.Table(
    "answers",
    _metadata,
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
)
_LIGHT_JOB = [column for column in _jobs.c if column.name != "payload"]


def sqlite_url(path: Path) -> URL:
    """Return the database URL of a SQLite file."""
    return URL.create("sqlite", database=str(path))


class SqlStore:
    """Keeps everything in one database.

    Parameters
    ----------
    url : URL
        Database, see ``sqlite_url``.

    Notes
    -----
    Each method may be called from any thread. A write that the database refuses for good, such as
    on a full disk, is a JournalError.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine: Engine | None = None

    def open(self) -> None:
        """Connect and make the tables.

        Raises
        ------
        JournalError
            If the database cannot be opened, or is of a newer version of this product.
        """
        if self._url.database and self._url.get_backend_name() == "sqlite":
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(self._url)
        if engine.dialect.name == "sqlite":
            _tune_sqlite(engine)
        self._engine = engine
        with self._connection(write=True) as connection:
            _metadata.create_all(connection)
            found = connection.execute(sa.select(_version.c.version)).scalar()
            if found is None:
                connection.execute(_version.insert().values(version=SCHEMA_VERSION))
            elif found > SCHEMA_VERSION:
                raise JournalError(
                    f"the database {self._url.database} is of version {found}; this product knows "
                    f"{SCHEMA_VERSION}; use the newer product, or another data folder"
                )

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def begin(self, *, write: bool = False) -> AbstractContextManager[SqlTransaction]:
        """Begin a transaction; it counts when the block ends without an error."""
        return self._transaction(write=write)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[SqlTransaction]:
        with self._connection(write=write) as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def _connection(self, *, write: bool) -> Iterator[Connection]:
        if self._engine is None:
            raise JournalError("the database is not open")
        try:
            connection = self._engine.connect().execution_options(linetwin_write=write)
            with connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise JournalError(f"the database {self._url.database}: {error.orig}") from error
        except SQLAlchemyError as error:
            raise JournalError(f"the database {self._url.database}: {error}") from error


def _tune_sqlite(engine: Engine) -> None:
    """Readers beside one writer, and what was acknowledged survives a power cut."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # this module says BEGIN itself, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=10000",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        write = connection.get_execution_options().get("linetwin_write", False)
        # A writer asks for the lock at once: a reader that turned writer could be refused.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class SqlTransaction:
    """Reads and writes that happen together or not at all; see ``Transaction``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, resource: Resource) -> None:
        """Keep a new resource."""
        self._connection.execute(_resources.insert().values(_resource_row(resource)))

    def find(self, kind: ResourceKind, identity: str) -> Resource | None:
        """Return a resource with its result; None: there is none."""
        joined = _resources.outerjoin(_results, _results.c.resource_id == _resources.c.id)
        query = (
            sa.select(_resources, _results.c.document.label("result"))
            .select_from(joined)
            .where(_resources.c.id == identity, _resources.c.kind == kind)
        )
        row = self._connection.execute(query).mappings().first()
        return _resource(row, row["result"]) if row else None

    def slice(self, kind: ResourceKind, part: Slice) -> list[Resource]:
        """Return resources without results, newest first."""
        query = sa.select(_resources).where(_resources.c.kind == kind)
        rows = self._connection.execute(_sliced(query, _resources, part)).mappings()
        return [_resource(row, None) for row in rows]

    def replace(self, resource: Resource, expected_version: int) -> bool:
        """Put a changed resource in place of its old version; tell whether it still had that."""
        change = (
            _resources.update()
            .where(_resources.c.id == resource.id, _resources.c.version == expected_version)
            .values(_resource_row(resource))
        )
        return self._connection.execute(change).rowcount == 1

    def remove(self, kind: ResourceKind, identity: str) -> bool:
        """Forget a resource; tell whether there was one."""
        gone = _resources.delete().where(_resources.c.id == identity, _resources.c.kind == kind)
        return self._connection.execute(gone).rowcount == 1

    def finish(self, identity: str, result: Document) -> None:
        """Keep what came out of a resource's job."""
        self._connection.execute(_results.delete().where(_results.c.resource_id == identity))
        self._connection.execute(
            _results.insert().values(resource_id=identity, document=_text(result))
        )

    def add_job(self, job: JobRecord) -> None:
        """Keep a new job."""
        row = _job_row(job) | {"payload": _text(job.payload)}
        self._connection.execute(_jobs.insert().values(row))

    def job(self, identity: str) -> JobRecord | None:
        """Return a job; None: there is none."""
        query = sa.select(_jobs).where(_jobs.c.id == identity)
        row = self._connection.execute(query).mappings().first()
        return _job(row) if row else None

    def jobs(self, part: Slice, status: JobStatus | None = None) -> list[JobRecord]:
        """Return jobs without payloads, newest first."""
        query = sa.select(*_LIGHT_JOB)
        if status is not None:
            query = query.where(_jobs.c.status == status)
        rows = self._connection.execute(_sliced(query, _jobs, part)).mappings()
        return [_job(row) for row in rows]

    def count_jobs(self, status: JobStatus) -> int:
        """Return how many jobs stand so."""
        query = sa.select(sa.func.count()).select_from(_jobs).where(_jobs.c.status == status)
        return int(self._connection.execute(query).scalar_one())

    def update_job(self, job: JobRecord) -> None:
        """Put changed columns of a job in place; its payload stays."""
        self._connection.execute(_jobs.update().where(_jobs.c.id == job.id).values(_job_row(job)))

    def claim(self, now: datetime) -> JobRecord | None:
        """Take the oldest waiting job and mark it running; None: none waits."""
        query = (
            sa.select(_jobs.c.id)
            .where(_jobs.c.status == JobStatus.QUEUED)
            .order_by(_jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)  # SQLite, with its one writer, has no need of it
        )
        identity = self._connection.execute(query).scalar()
        if identity is None:
            return None
        self._connection.execute(
            _jobs.update()
            .where(_jobs.c.id == identity)
            .values(status=JobStatus.RUNNING, attempts=_jobs.c.attempts + 1, started_at=_told(now))
        )
        return self.job(identity)

    def recall(self, key: str, now: datetime) -> Remembered | None:
        """Return the answer that was given under an idempotency key and is not too old."""
        query = sa.select(_answers).where(
            _answers.c.key == key, _answers.c.created_at > _told(now - REMEMBER)
        )
        row = self._connection.execute(query).mappings().first()
        if row is None:
            return None
        return Remembered(
            row["fingerprint"], row["status"], json.loads(row["headers"]), row["body"]
        )

    def remember(self, key: str, answer: Remembered, now: datetime) -> None:
        """Keep the answer that is being given under an idempotency key; drop those too old."""
        self._connection.execute(
            _answers.delete().where(
                sa.or_(_answers.c.key == key, _answers.c.created_at <= _told(now - REMEMBER))
            )
        )
        self._connection.execute(
            _answers.insert().values(
                key=key,
                fingerprint=answer.fingerprint,
                status=answer.status,
                headers=_text(answer.headers),
                body=answer.body,
                created_at=_told(now),
            )
        )


def _sliced(query: sa.Select[Any], table: sa.Table, part: Slice) -> sa.Select[Any]:
    if part.line_id is not None:
        query = query.where(table.c.line_id == part.line_id)
    if part.after is not None:
        query = query.where(table.c.id < part.after)
    return query.order_by(table.c.id.desc()).limit(part.limit)


def _resource_row(resource: Resource) -> Document:
    return {
        "id": resource.id,
        "kind": resource.kind,
        "line_id": resource.line_id,
        "version": resource.version,
        "created_at": _told(resource.created_at),
        "updated_at": _told(resource.updated_at),
        "document": _text(resource.document),
    }


def _resource(row: RowMapping, result: str | None) -> Resource:
    return Resource(
        id=row["id"],
        kind=ResourceKind(row["kind"]),
        line_id=row["line_id"],
        document=json.loads(row["document"]),
        created_at=_read(row["created_at"]),
        updated_at=_read(row["updated_at"]),
        version=row["version"],
        result=json.loads(result) if result is not None else None,
    )


def _job_row(job: JobRecord) -> Document:
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "line_id": job.line_id,
        "subject_id": job.subject_id,
        "attempts": job.attempts,
        "cancel_wanted": job.cancel_wanted,
        "created_at": _told(job.created_at),
        "started_at": _told(job.started_at) if job.started_at else None,
        "finished_at": _told(job.finished_at) if job.finished_at else None,
        "problem": job.problem.model_dump_json() if job.problem else None,
    }


def _job(row: RowMapping) -> JobRecord:
    return JobRecord(
        id=row["id"],
        kind=JobKind(row["kind"]),
        status=JobStatus(row["status"]),
        line_id=row["line_id"],
        subject_id=row["subject_id"],
        created_at=_read(row["created_at"]),
        payload=json.loads(row["payload"]) if "payload" in row else {},
        attempts=row["attempts"],
        cancel_wanted=bool(row["cancel_wanted"]),
        started_at=_read(row["started_at"]) if row["started_at"] else None,
        finished_at=_read(row["finished_at"]) if row["finished_at"] else None,
        problem=Problem.model_validate_json(row["problem"]) if row["problem"] else None,
    )


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _told(moment: datetime) -> str:
    """Return a moment as text of one length, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text)
