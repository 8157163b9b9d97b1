"""Elements of lines: where they are, and what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path

from api.live import LiveLine
from api.past import element_state, happened
from api.problems import invalid, not_found
from api.routes.common import At, Cursor, Limit, MayRead, TheSite, decode_cursor, encode_cursor
from api.schemas import ElementHistory, ElementStateView
from api.site import Site

router = APIRouter(prefix="/v1/elements", tags=["lines"])

ElementId = Annotated[str, Path(max_length=129, description="LINE.ELEMENT.")]


@router.get("/{element_id}/state")
def get_element_state(
    site: TheSite, _who: MayRead, element_id: ElementId, at: At = None
) -> ElementStateView:
    """Tell where one element is, now or then, and how far that can be trusted."""
    live, name = _element(site, element_id)
    return element_state(live, name, at)


@router.get("/{element_id}/history")
def get_element_history(
    site: TheSite,
    _who: MayRead,
    element_id: ElementId,
    since: At = None,
    until: At = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> ElementHistory:
    """Tell what happened to an element and what its sensors read, oldest first."""
    live, name = _element(site, element_id)
    picture = live.picture()
    begin = since or live.line.start_utc
    end = until or picture.as_of
    skip = 0
    if cursor:
        begin, skip = _place(cursor)
    found = happened(live, name, begin, end)[skip:]
    following = None
    if len(found) > limit:
        # Several things may happen at one moment: go on behind those that were told.
        last = found[limit].at
        told = sum(item.at == last for item in found[:limit])
        more = skip if last == begin else 0
        following = encode_cursor(f"{last.isoformat()} {told + more}")
    return ElementHistory(
        id=element_id,
        provenance=live.provenance(picture),
        items=tuple(found[:limit]),
        next_cursor=following,
    )


def _element(site: Site, element_id: str) -> tuple[LiveLine, str]:
    line_id, dot, name = element_id.partition(".")
    if not dot:
        raise not_found("element (write LINE.ELEMENT)", element_id)
    return site.line(line_id), name


def _place(cursor: str) -> tuple[datetime, int]:
    text, _, count = decode_cursor(cursor).partition(" ")
    try:
        moment, skip = datetime.fromisoformat(text), int(count)
    except ValueError:
        moment, skip = None, 0
    if moment is None or moment.tzinfo is None or not 0 <= skip < 2**31:
        raise invalid("cursor", "is none", "the next_cursor of a page")
    return moment, skip
