"""API keys: made, listed and revoked by whoever administers the site."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.keys import KeyRecord, key_id
from api.problems import invalid, not_found
from api.routes.common import MayAdminister, TheSite
from api.routes.once import TheAdmin, change
from api.schemas import KeyIn, KeyMade, KeyView, Page

router = APIRouter(prefix="/v1/keys", tags=["operation"])


@router.post("", status_code=201, response_model=KeyMade)
def create_key(site: TheSite, who: TheAdmin, body: KeyIn, response: Response) -> KeyMade:
    """Make an API key; it is told this once, and only its hash is kept."""
    if who.key is not None:
        told = "cannot be used here: a key is not kept, so it cannot be told again"
        raise invalid("Idempotency-Key", told, "none", "list the keys and revoke what is too many")
    with change(site, who, body.name) as transaction:
        made = site.keys.make(body.name, body.scope)
        record = next(item for item in site.keys.records() if item.id == key_id(made))
        del transaction  # the note is all that the database keeps of it
    response.headers["Location"] = f"/v1/keys/{record.id}"
    return KeyMade(**_view(record).model_dump(), key=made)


@router.get("")
def list_keys(site: TheSite, _who: MayAdminister) -> Page[KeyView]:
    """List the keys, oldest first; the keys themselves are not kept."""
    return Page[KeyView](items=tuple(_view(record) for record in site.keys.records()))


@router.delete("/{key_id}", status_code=204)
def revoke_key(site: TheSite, who: TheAdmin, key_id: str) -> None:
    """Revoke a key: it is refused from now on, and so are the sessions that it opened."""
    with change(site, who, key_id):
        if not site.keys.revoke(key_id):
            raise not_found("key", key_id)


def _view(record: KeyRecord) -> KeyView:
    return KeyView(id=record.id, name=record.name, scope=record.scope, created_at=record.created_at)
