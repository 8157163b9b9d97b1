"""Changes: done once however often they are asked for, only to the version meant, and noted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from api.etags import matches
from api.guard import Require
from api.keys import Principal, Scope
from api.problems import (
    IDEMPOTENCY,
    PRECONDITION,
    PRECONDITION_NEEDED,
    STILL_RUNNING,
    RefusalError,
    invalid,
)
from api.schemas import Job, Shape
from api.site import Site
from api.store import AuditNote, Remembered, Resource, Transaction

MAX_KEY = 255
REPLAYED = "Idempotency-Replayed"
"""Header of an answer that was given before."""


@dataclass(frozen=True, slots=True)
class Created:
    """What a creating request leads to."""

    status: int
    """HTTP status."""
    body: Shape
    """Body."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers that belong to it."""
    jobs: tuple[Job, ...] = ()
    """Jobs to begin once the transaction has ended."""
    subject: str = ""
    """Id of what was made, for the audit trail."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A request that changes something: who asks, and under which key it is done only once."""

    principal: Principal
    """Who asks."""
    key: str | None
    """Idempotency key, if one was given."""
    fingerprint: str
    """Hash of method, path, query and body."""
    note: AuditNote
    """What the audit trail says of it, without a subject."""


class CallerWith:
    """A dependency that gives the caller of a changing route.

    Parameters
    ----------
    scope : Scope
        What is needed.
    """

    def __init__(self, scope: Scope) -> None:
        self.require = Require(scope)

    async def __call__(
        self,
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(max_length=MAX_KEY, description="Makes a repetition within a day harmless."),
        ] = None,
    ) -> Caller:
        """Return the caller.

        Raises
        ------
        RefusalError
            If they may not do this, or the key is empty.
        """
        principal = await self.require(request)
        if idempotency_key is not None and not idempotency_key.strip():
            raise invalid("Idempotency-Key", "is empty", "1 to 255 characters")
        state = request.scope["state"]
        body = state.get("body_sha256", "")
        told = f"{request.method} {request.url.path}?{request.url.query} {body}"
        note = AuditNote(
            who=principal.id,
            action=f"{request.method} {request.url.path}"[:512],
            request_id=state["request_id"],
            detail=f"sha256:{body}",
        )
        digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
        return Caller(principal, idempotency_key, digest, note)


TheCaller = Annotated[Caller, Depends(CallerWith(Scope.WRITE))]
TheReleaser = Annotated[Caller, Depends(CallerWith(Scope.RELEASE))]
TheAdmin = Annotated[Caller, Depends(CallerWith(Scope.ADMIN))]
IfMatch = Annotated[
    str | None,
    Header(description="ETag of the version that is meant; needed for what exists already."),
]


def create(site: Site, who: Caller, effect: Callable[[Transaction], Created]) -> Response:
    """Do something once: the effect, its answer and its note are kept together or not at all.

    Parameters
    ----------
    site : Site
        Whose store it is.
    who : Caller
        Who asks, and under which key.
    effect : callable
        Does it within the transaction and returns what came of it.

    Raises
    ------
    RefusalError
        If the key was used for another request, or the same one is still at work.
    """
    kept_as = f"{who.principal.id}:{who.key}" if who.key is not None else None
    with _alone(site, kept_as), site.store.begin(write=True) as transaction:
        now = datetime.now(UTC)
        before = transaction.recall(kept_as, now) if kept_as else None
        if before is not None:
            if before.fingerprint != who.fingerprint:
                raise RefusalError(IDEMPOTENCY, "give a new key for another request")
            return _answer(before.status, before.body, before.headers | {REPLAYED: "true"})
        made = effect(transaction)
        body = made.body.model_dump_json()
        if kept_as:
            answer = Remembered(who.fingerprint, made.status, made.headers, body)
            transaction.remember(kept_as, answer, now)
        transaction.note(about(who.note, made.subject), now)
    for job in made.jobs:
        site.jobs.wake(job)
    return _answer(made.status, body, made.headers)


@contextmanager
def _alone(site: Site, key: str | None) -> Iterator[None]:
    """Refuse a repetition that comes while the first request is at work."""
    if key is None:
        yield
        return
    with site.at_work_lock:
        if key in site.at_work:
            detail = "ask again in a moment; the answer will be that of the first request"
            raise RefusalError(STILL_RUNNING, detail, headers={"Retry-After": "1"})
        site.at_work.add(key)
    try:
        yield
    finally:
        with site.at_work_lock:
            site.at_work.discard(key)


@contextmanager
def change(site: Site, who: Caller, subject: str) -> Iterator[Transaction]:
    """Give a transaction for a change and note it in the audit trail when it ends well."""
    with site.store.begin(write=True) as transaction:
        yield transaction
        transaction.note(about(who.note, subject), datetime.now(UTC))


def about(note: AuditNote, subject: str) -> AuditNote:
    """Return a note with what it was done to."""
    return AuditNote(note.who, note.action, subject[:128], note.request_id, note.detail)


def etag(found: Resource) -> str:
    """Return the version of a resource as an ETag."""
    return f'"{found.version}"'


def check_match(found: Resource, if_match: str | None) -> None:
    """Refuse a change to another version than the one that is meant.

    Raises
    ------
    RefusalError
        428 if no version is named, 412 if it is another one by now.
    """
    if if_match is None:
        detail = f"send If-Match with the ETag that you read; it is {etag(found)} now"
        raise RefusalError(PRECONDITION_NEEDED, detail)
    if not matches(if_match, etag(found)):
        raise RefusalError(PRECONDITION, f"it is of version {etag(found)} now")


def accepted(job: Job) -> Created:
    """Return the answer to a request for long work."""
    headers = {"Location": f"/v1/jobs/{job.id}", "Retry-After": "1"}
    return Created(202, job, headers, (job,), job.subject_id)


def _answer(status: int, body: str, headers: dict[str, str]) -> Response:
    return Response(body, status, headers, "application/json")
