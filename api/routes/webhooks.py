"""Webhooks: where news goes, and what became of it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.problems import invalid, not_found
from api.routes.common import Cursor, Limit, MayAdminister, TheSite, page_of, part_of
from api.routes.once import Created, IfMatch, TheAdmin, change, check_match, create, etag
from api.schemas import DeliveryView, Page, WebhookIn, WebhookMade, WebhookView
from api.store import Delivery, Resource, ResourceKind, Slice, Transaction, new_id
from api.webhooks import MOST_HOOKS, allowed

router = APIRouter(prefix="/v1/webhooks", tags=["events"])


@router.post("", status_code=201, response_model=WebhookMade)
def create_webhook(site: TheSite, who: TheAdmin, body: WebhookIn) -> Response:
    """Have news sent to an address; the secret that signs it is told this once."""
    if not allowed(body.url, site.settings.webhook_hosts):
        hosts = ", ".join(site.settings.webhook_hosts) or "no host: see the setting webhook_hosts"
        raise invalid("url", "its host is not among those that news may go to", hosts)

    def effect(transaction: Transaction) -> Created:
        if len(transaction.slice(ResourceKind.WEBHOOK, Slice(MOST_HOOKS))) >= MOST_HOOKS:
            raise invalid("url", f"there are {MOST_HOOKS} webhooks already")
        now = datetime.now(UTC)
        secret = secrets.token_urlsafe(32)
        made = Resource(
            id=new_id("webhook"),
            kind=ResourceKind.WEBHOOK,
            line_id="",
            document=body.model_dump(mode="json") | {"secret": secret},
            created_at=now,
            updated_at=now,
        )
        transaction.add(made)
        view = WebhookMade(**_view(made).model_dump(), secret=secret)
        headers = {"Location": f"/v1/webhooks/{made.id}", "ETag": etag(made)}
        return Created(201, view, headers, subject=made.id)

    return create(site, who, effect)


@router.get("")
def list_webhooks(
    site: TheSite, _who: MayAdminister, limit: Limit = 100, cursor: Cursor = None
) -> Page[WebhookView]:
    """List webhooks, newest first."""
    with site.store.begin() as transaction:
        found = transaction.slice(ResourceKind.WEBHOOK, part_of(limit, cursor, None))
    views = [_view(item) for item in found]
    return page_of(WebhookView, views, [item.id for item in found], limit)


@router.get("/{webhook_id}")
def get_webhook(
    site: TheSite, _who: MayAdminister, webhook_id: str, response: Response
) -> WebhookView:
    """Give one webhook, without its secret."""
    with site.store.begin() as transaction:
        found = _webhook(transaction, webhook_id)
    response.headers["ETag"] = etag(found)
    return _view(found)


@router.delete("/{webhook_id}", status_code=204)
def delete_webhook(site: TheSite, who: TheAdmin, webhook_id: str, if_match: IfMatch = None) -> None:
    """Send no more news there; what waits is given up."""
    with change(site, who, webhook_id) as transaction:
        check_match(_webhook(transaction, webhook_id), if_match)
        transaction.remove(ResourceKind.WEBHOOK, webhook_id)


@router.get("/{webhook_id}/deliveries")
def list_deliveries(
    site: TheSite, _who: MayAdminister, webhook_id: str, limit: Limit = 100, cursor: Cursor = None
) -> Page[DeliveryView]:
    """List what was sent and what waits, newest first."""
    with site.store.begin() as transaction:
        _webhook(transaction, webhook_id)
        found = transaction.deliveries(webhook_id, part_of(limit, cursor, None))
    views = [_delivery(item) for item in found]
    return page_of(DeliveryView, views, [item.id for item in found], limit)


def _webhook(transaction: Transaction, identity: str) -> Resource:
    found = transaction.find(ResourceKind.WEBHOOK, identity)
    if found is None:
        raise not_found("webhook", identity)
    return found


def _view(found: Resource) -> WebhookView:
    told = {name: value for name, value in found.document.items() if name != "secret"}
    return WebhookView.model_validate(
        told | {"id": found.id, "version": found.version, "created_at": found.created_at}
    )


def _delivery(found: Delivery) -> DeliveryView:
    return DeliveryView(
        id=found.id,
        event=found.event,
        status=found.status.value,
        attempts=found.attempts,
        created_at=found.created_at,
        due_at=found.due_at,
        ended_at=found.ended_at,
        answer=found.answer,
    )
