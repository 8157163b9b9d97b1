"""The audit trail: who changed what, each entry tied to all before it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.problems import invalid
from api.routes.common import (
    Cursor,
    Limit,
    MayAdminister,
    TheSite,
    decode_cursor,
    page_of,
)
from api.schemas import AuditView, Page
from api.store import AuditEntry

router = APIRouter(prefix="/v1/audit", tags=["operation"])
LAST = 2**31 - 1


@router.get("")
def list_entries(
    site: TheSite,
    _who: MayAdminister,
    after: Annotated[int, Query(ge=0, le=LAST, description="Number of an entry.")] = 0,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[AuditView]:
    """List entries, oldest first, behind the one of number ``after``."""
    if cursor:
        text = decode_cursor(cursor)
        if not (text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= LAST):  # noqa: PLR2004
            raise invalid("cursor", "is none", "the next_cursor of a page")
        after = int(text)
    with site.store.begin() as transaction:
        found = transaction.trail(after, limit + 1)
    views = [_view(item) for item in found]
    return page_of(AuditView, views, [str(item.number) for item in found], limit)


def _view(entry: AuditEntry) -> AuditView:
    note = entry.note
    return AuditView(
        number=entry.number,
        at=entry.at,
        who=note.who,
        action=note.action,
        subject=note.subject,
        request_id=note.request_id,
        detail=note.detail,
        previous=entry.previous,
        sha256=entry.sha256,
    )
