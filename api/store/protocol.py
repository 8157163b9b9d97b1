"""What a store must be able to do, whichever database is behind it."""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from api.schemas import JobKind, JobStatus, Problem

Document = dict[str, Any]
"""A JSON object."""


class ResourceKind(StrEnum):
    """What kind of thing a resource is."""

    SCENARIO = "scenario"
    RUN = "run"
    SCHEDULE = "schedule"
    FORECAST = "forecast"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that is kept."""

    id: str
    """Id; later ones sort behind earlier ones."""
    kind: ResourceKind
    """What it is."""
    line_id: str
    """Line it belongs to."""
    document: Document
    """What was asked for."""
    created_at: datetime
    """Made at, UTC."""
    updated_at: datetime
    """Changed at, UTC."""
    version: int = 1
    """Counts its changes."""
    result: Document | None = None
    """What came out, once a job is done."""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One job, and all that a worker needs to do it."""

    id: str
    """Id; later ones sort behind earlier ones."""
    kind: JobKind
    """What it does."""
    status: JobStatus
    """How far it has come."""
    line_id: str
    """Line it is about."""
    subject_id: str
    """Resource that it makes."""
    created_at: datetime
    """Asked for at, UTC."""
    payload: Document = field(default_factory=dict)
    """Input of the work; empty in lists."""
    attempts: int = 0
    """Times it was begun."""
    cancel_wanted: bool = False
    """Whether somebody asked to end it."""
    started_at: datetime | None = None
    """Begun at, last time, UTC."""
    finished_at: datetime | None = None
    """Ended at, UTC."""
    problem: Problem | None = None
    """Why it failed."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer that was given to a request with an Idempotency-Key."""

    fingerprint: str
    """Hash of the request."""
    status: int
    """HTTP status."""
    headers: dict[str, str]
    """Headers that belong to the answer."""
    body: str
    """Body."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list is wanted."""

    limit: int = 100
    """Most items."""
    after: str | None = None
    """Id behind which the part begins, newest first."""
    line_id: str | None = None
    """Only those of this line."""


class Transaction(Protocol):
    """Reads and writes that happen together or not at all."""

    def add(self, resource: Resource) -> None:
        """Keep a new resource."""

    def find(self, kind: ResourceKind, identity: str) -> Resource | None:
        """Return a resource with its result; None: there is none."""

    def slice(self, kind: ResourceKind, part: Slice) -> list[Resource]:
        """Return resources without results, newest first."""

    def replace(self, resource: Resource, expected_version: int) -> bool:
        """Put a changed resource in place of its old version; tell whether it still had that."""

    def remove(self, kind: ResourceKind, identity: str) -> bool:
        """Forget a resource; tell whether there was one."""

    def finish(self, identity: str, result: Document) -> None:
        """Keep what came out of a resource's job."""

    def add_job(self, job: JobRecord) -> None:
        """Keep a new job."""

    def job(self, identity: str) -> JobRecord | None:
        """Return a job; None: there is none."""

    def jobs(self, part: Slice, status: JobStatus | None = None) -> list[JobRecord]:
        """Return jobs without payloads, newest first."""

    def count_jobs(self, status: JobStatus) -> int:
        """Return how many jobs stand so."""

    def update_job(self, job: JobRecord) -> None:
        """Put changed columns of a job in place; its payload stays."""

    def claim(self, now: datetime) -> JobRecord | None:
        """Take the oldest waiting job and mark it running; None: none waits."""

    def recall(self, key: str, now: datetime) -> Remembered | None:
        """Return the answer that was given under an idempotency key and is not too old."""

    def remember(self, key: str, answer: Remembered, now: datetime) -> None:
        """Keep the answer that is being given under an idempotency key."""


class Store(Protocol):
    """A place where things are kept."""

    def open(self) -> None:
        """Make it ready; tables are made or brought up to date."""

    def close(self) -> None:
        """Let go of it."""

    def begin(self, *, write: bool = False) -> AbstractContextManager[Transaction]:
        """Begin a transaction; it counts when the block ends without an error."""


def new_id(prefix: str) -> str:
    """Return a new id; later ones sort behind earlier ones, to the nanosecond."""
    return f"{prefix}-{time.time_ns():016x}{secrets.token_hex(4)}"
