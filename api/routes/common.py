"""What the routes share: the site, who may call, lists, and answers that are given only once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Query, Request, Response

from api.guard import Require
from api.keys import Principal, Scope
from api.problems import IDEMPOTENCY, MEDIA_TYPE, RefusalError, invalid
from api.schemas import Job, Page, Shape
from api.site import Site
from api.store import Remembered, Slice, Transaction

Item = TypeVar("Item", bound=Shape)
Body = TypeVar("Body", bound=Shape)
MAX_KEY = 255


def site_of(request: Request) -> Site:
    """Return the site that the application serves."""
    found: Site = request.app.state.site
    return found


TheSite = Annotated[Site, Depends(site_of)]
MayRead = Annotated[Principal, Depends(Require(Scope.READ))]
MayWrite = Annotated[Principal, Depends(Require(Scope.WRITE))]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="Where to go on: a page's next_cursor.")
]
LineFilter = Annotated[str | None, Query(max_length=64, description="Only those of this line.")]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, description in (
        (400, "The body is no usable JSON"),
        (401, "No key, or one that is unknown"),
        (403, "The key does not allow this"),
        (404, "There is no such thing"),
        (405, "This cannot be done here"),
        (409, "It does not stand so that this can be done"),
        (412, "It was changed in between"),
        (413, "The body is too large"),
        (421, "This name is not served here"),
        (422, "The request cannot be used"),
        (429, "Too much is waiting already"),
        (500, "This should not have happened"),
        (503, "Something that is needed is not there"),
        (504, "It took too long"),
    )
}
"""Problems that any route may answer with, for the API's description."""


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


@dataclass(frozen=True, slots=True)
class Caller:
    """A creating request: who asks, and under which key it is done only once."""

    principal: Principal
    """Who asks."""
    key: str | None
    """Idempotency key, if one was given."""
    fingerprint: str
    """Hash of method, path and body."""


def caller(
    request: Request,
    principal: MayWrite,
    idempotency_key: Annotated[
        str | None, Header(max_length=MAX_KEY, description="Makes a repetition harmless.")
    ] = None,
) -> Caller:
    """Return the caller of a creating route."""
    if idempotency_key is not None and not idempotency_key.strip():
        raise invalid("Idempotency-Key", "is empty", "1 to 255 characters")
    told = f"{request.method} {request.url.path} {request.scope['state'].get('body_sha256', '')}"
    return Caller(principal, idempotency_key, hashlib.sha256(told.encode()).hexdigest())


TheCaller = Annotated[Caller, Depends(caller)]


def create(site: Site, who: Caller, effect: Callable[[Transaction], Created]) -> Response:
    """Do something once: the effect and the answer are kept together or not at all.

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
        If the key was used for another request.
    """
    now = datetime.now(UTC)
    kept_as = f"{who.principal.id}:{who.key}" if who.key is not None else None
    with site.store.begin(write=True) as transaction:
        before = transaction.recall(kept_as, now) if kept_as else None
        if before is not None:
            if before.fingerprint != who.fingerprint:
                raise RefusalError(IDEMPOTENCY, "give a new key for another request")
            return _answer(before.status, before.body, before.headers | {_REPLAYED: "true"})
        made = effect(transaction)
        body = made.body.model_dump_json()
        if kept_as:
            answer = Remembered(who.fingerprint, made.status, made.headers, body)
            transaction.remember(kept_as, answer, now)
    for job in made.jobs:
        site.jobs.wake(job)
    return _answer(made.status, body, made.headers)


_REPLAYED = "Idempotency-Replayed"


def accepted(job: Job) -> Created:
    """Return the answer to a request for long work."""
    headers = {"Location": f"/v1/jobs/{job.id}", "Retry-After": "1"}
    return Created(202, job, headers, (job,))


def _answer(status: int, body: str, headers: dict[str, str]) -> Response:
    return Response(body, status, headers, "application/json")


def part_of(limit: int, cursor: str | None, line_id: str | None) -> Slice:
    """Return which part of a list is wanted; one item more tells whether any follow."""
    return Slice(limit + 1, decode_cursor(cursor) if cursor else None, line_id)


def page_of(kind: type[Item], items: Sequence[Item], ids: Sequence[str], limit: int) -> Page[Item]:
    """Return a page of a list that was read with ``part_of``."""
    following = encode_cursor(ids[limit - 1]) if len(items) > limit else None
    return Page[kind](items=tuple(items[:limit]), next_cursor=following)  # type: ignore[valid-type]


def encode_cursor(identity: str) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(identity.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Return the id behind which a page begins.

    Raises
    ------
    RefusalError
        If no page gave this cursor.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise invalid("cursor", "is none", "the next_cursor of a page") from error


def etag_matches(header: str | None, etag: str) -> bool:
    """Tell whether an If-Match or If-None-Match header names this version."""
    if header is None:
        return False
    names = {name.strip().removeprefix("W/") for name in header.split(",")}
    return "*" in names or etag in names
