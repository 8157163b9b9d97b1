"""What the routes share: the site, who may read, lists, and the problems of all answers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import Depends, Query, Request

from api.guard import Require
from api.keys import Principal, Scope
from api.problems import MEDIA_TYPE, invalid
from api.schemas import Moment, Page, Shape
from api.settings import Settings
from api.site import Site
from api.store import Slice

Item = TypeVar("Item", bound=Shape)


async def site_of(request: Request) -> Site:
    """Return the site that the application serves; a coroutine, so that no thread is asked."""
    found: Site = request.app.state.site
    return found


TheSite = Annotated[Site, Depends(site_of)]
MayRead = Annotated[Principal, Depends(Require(Scope.READ))]
MayAdminister = Annotated[Principal, Depends(Require(Scope.ADMIN))]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="Where to go on: a page's next_cursor.")
]
At = Annotated[Moment | None, Query(description="Moment on the plant's clock; none: now.")]
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
        (415, "This kind of body is not taken"),
        (421, "This name is not served here"),
        (422, "The request cannot be used"),
        (428, "The version that is meant must be named"),
        (429, "Too much is asked at one time"),
        (500, "This should not have happened"),
        (503, "Something that is needed is not there"),
        (504, "It took too long"),
    )
}
"""Problems that any route may answer with, for the API's description."""


class Looking(Protocol):
    """A request to look ahead."""

    @property
    def horizon_s(self) -> float:
        """How far, s."""

    @property
    def warm_up_s(self) -> float:
        """What is not counted of it, s."""

    @property
    def replications(self) -> int:
        """How often."""


def check_limits(body: Looking, settings: Settings) -> None:
    """Refuse what is more than the site allows, or leaves nothing.

    Raises
    ------
    RefusalError
        Naming the field and the limit.
    """
    if body.horizon_s > settings.horizon_limit_s:
        limit = f"at most {settings.horizon_limit_s:g}"
        raise invalid("horizon_s", f"{body.horizon_s:g} s is too long", limit)
    if body.warm_up_s >= body.horizon_s:
        limit = f"less than horizon_s = {body.horizon_s:g}"
        raise invalid("warm_up_s", "leaves nothing of the run", limit)
    if body.replications > settings.replication_limit:
        limit = f"at most {settings.replication_limit}"
        raise invalid("replications", f"{body.replications} are too many", limit)


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
