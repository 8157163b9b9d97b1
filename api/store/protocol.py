"""What a store must be able to do, whichever database is behind it."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
    OPERATIONS_SCHEDULE = "operations_schedule"
    OPERATIONS_PERFORMANCE = "operations_performance"
    WEBHOOK = "webhook"
    SENSITIVITY = "sensitivity"
    SCREENING = "screening"


EXPIRING = (
    ResourceKind.RUN,
    ResourceKind.FORECAST,
    ResourceKind.SENSITIVITY,
    ResourceKind.SCREENING,
    ResourceKind.OPERATIONS_PERFORMANCE,
)
"""What is forgotten after a while. Schedules are decisions and scenarios are work: they stay."""


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
    owner: str = ""
    """Who asked for it; empty: the service itself."""


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
class AuditNote:
    """What somebody did."""

    who: str
    """Who did it."""
    action: str
    """Method and path, or command."""
    subject: str = ""
    """Id of what it was done to, where there is one."""
    request_id: str = ""
    """Id of the request."""
    detail: str = ""
    """SHA-256 of the body, or words."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One link of the audit trail: a note, and the hash that ties it to all before it."""

    note: AuditNote
    """What was done."""
    number: int
    """Place in the trail, from 1, without gaps."""
    at: datetime
    """When, UTC."""
    previous: str
    """Hash of the entry before; zeros for the first."""
    sha256: str
    """Hash of this entry and ``previous``."""

    @staticmethod
    def of(note: AuditNote, number: int, at: datetime, previous: str) -> AuditEntry:
        """Return the entry that follows one of hash ``previous``."""
        told = [
            number,
            at.astimezone(UTC).isoformat(timespec="microseconds"),
            note.who,
            note.action,
            note.subject,
            note.request_id,
            note.detail,
            previous,
        ]
        digest = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
        return AuditEntry(note, number, at, previous, digest)


class DeliveryStatus(StrEnum):
    """How far a delivery has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """News that is sent to a webhook until it is taken."""

    id: str
    """Id; later ones sort behind earlier ones."""
    webhook_id: str
    """Where it goes."""
    event: str
    """What it is about."""
    body: str
    """JSON that is sent."""
    created_at: datetime
    """Made at, UTC."""
    due_at: datetime
    """Next attempt, UTC."""
    status: DeliveryStatus = DeliveryStatus.WAITING
    """How far it has come."""
    attempts: int = 0
    """Times it was sent."""
    ended_at: datetime | None = None
    """Taken or given up at, UTC."""
    answer: str = ""
    """What came back last."""


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

    def job_statuses(self, identities: Sequence[str]) -> dict[str, JobStatus]:
        """Return how jobs stand, by id, without reading what they are about."""

    def jobs(self, part: Slice, status: JobStatus | None = None) -> list[JobRecord]:
        """Return jobs without payloads, newest first."""

    def count_jobs(self, status: JobStatus, owner: str | None = None) -> int:
        """Return how many jobs stand so, of one owner or of all."""

    def update_job(self, job: JobRecord) -> None:
        """Put changed columns of a job in place; its payload stays."""

    def claim(self, now: datetime) -> JobRecord | None:
        """Take the oldest waiting job and mark it running; None: none waits."""

    def recall(self, key: str, now: datetime) -> Remembered | None:
        """Return the answer that was given under an idempotency key and is not too old."""

    def remember(self, key: str, answer: Remembered, now: datetime) -> None:
        """Keep the answer that is being given under an idempotency key."""

    def note(self, what: AuditNote, now: datetime) -> AuditEntry:
        """Put an entry at the end of the audit trail."""

    def trail(self, after: int, limit: int) -> list[AuditEntry]:
        """Return entries of the audit trail with numbers above ``after``, oldest first."""

    def add_delivery(self, delivery: Delivery) -> None:
        """Keep news that is to be delivered."""

    def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        """Return what is to be delivered now, the longest due first."""

    def deliveries(self, webhook_id: str, part: Slice) -> list[Delivery]:
        """Return the deliveries of a webhook, newest first."""

    def update_delivery(self, delivery: Delivery) -> None:
        """Put a changed delivery in place."""

    def forget_deliveries(self, before: datetime) -> None:
        """Forget ended deliveries from before a moment."""

    def expire(self, before: datetime) -> int:
        """Forget results and ended jobs from before a moment; return how many resources went."""


class Store(Protocol):
    """A place where things are kept."""

    def open(self) -> None:
        """Make it ready; tables are made or brought up to date."""

    def close(self) -> None:
        """Let go of it."""

    def begin(self, *, write: bool = False) -> AbstractContextManager[Transaction]:
        """Begin a transaction; it counts when the block ends without an error."""

    @property
    def refused(self) -> str:
        """Why a write was refused within the last minute and none was taken since; else empty."""


def new_id(prefix: str) -> str:
    """Return a new id; later ones sort behind earlier ones, to the nanosecond."""
    return f"{prefix}-{time.time_ns():016x}{secrets.token_hex(4)}"
