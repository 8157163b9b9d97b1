"""News to other systems: kept with the effect they tell of, signed, sent until they are taken."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api.schemas import News, Shape
from api.store import Delivery, DeliveryStatus, ResourceKind, Slice, Store, Transaction, new_id
from twin.errors import JournalError

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 8
"""Times that news is sent before it is given up."""
FIRST_WAIT_S, WAIT_FACTOR = 2.0, 4.0
"""Time before the second attempt, s, and how much longer each further wait is."""
SEND_S = 10.0
"""Time that a receiver may take, s."""
IDLE_S = 30.0
"""Time after which waiting news is looked for even if nothing was heard, s."""
AT_ONCE = 16
MOST_HOOKS = 100
"""Webhooks of a site."""

_log = logging.getLogger(__name__)


def announce(transaction: Transaction, news: News, body: Shape) -> int:
    """Keep news for every webhook that wants it, within the transaction it tells of.

    Returns
    -------
    int
        Deliveries that were kept.
    """
    now = datetime.now(UTC)
    count = 0
    for hook in transaction.slice(ResourceKind.WEBHOOK, Slice(MOST_HOOKS)):
        if news not in hook.document["events"]:
            continue
        told = {
            "event": news,
            "at": now.isoformat(),
            "data": body.model_dump(mode="json"),
        }
        transaction.add_delivery(
            Delivery(
                id=new_id("delivery"),
                webhook_id=hook.id,
                event=news,
                body=json.dumps(told, separators=(",", ":"), allow_nan=False),
                created_at=now,
                due_at=now,
            )
        )
        count += 1
    return count


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``Webhook-Signature``: HMAC-SHA256 over timestamp, a dot and the body."""
    signed = f"{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def allowed(url: str, hosts: tuple[str, ...]) -> bool:
    """Tell whether news may go to an address: its host, or host and port, must be named."""
    try:
        found = urlsplit(url)
        host, port = found.hostname or "", found.port
    except ValueError:
        return False
    if found.scheme not in {"http", "https"} or found.username is not None:
        return False
    names = {name.lower() for name in hosts}
    standard = port in {None, 80, 443}
    return (standard and host in names) or f"{host}:{port}" in names


class Courier:
    """Sends news that waits, again and again with growing pauses.

    Parameters
    ----------
    store : Store
        Where it waits.
    hosts : tuple of str
        Where it may go.
    """

    def __init__(self, store: Store, hosts: tuple[str, ...]) -> None:
        self._store = store
        self._hosts = hosts
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Have news sent that was just kept; to be called in the event loop."""
        self._news.set()

    async def run(self) -> None:
        """Send for ever."""
        import httpx  # noqa: PLC0415 - only a site with webhooks sends

        # No redirects: they could lead where nobody allowed. No proxy from the environment.
        async with httpx.AsyncClient(timeout=SEND_S, trust_env=False) as client:
            while True:
                try:
                    pause_s = await self.send_due(client)
                except JournalError:
                    _log.exception("deliveries cannot be read")
                    pause_s = 1.0
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._news.wait()
                self._news.clear()

    async def send_due(self, client: httpx.AsyncClient) -> float:
        """Send what is due; return the time until more may be, s."""
        due, secrets = await asyncio.to_thread(self._due)
        if not due:
            return min(IDLE_S, FIRST_WAIT_S)
        tried = await asyncio.gather(
            *(self._send(client, item, secrets.get(item.webhook_id)) for item in due)
        )
        await asyncio.to_thread(self._keep, tried)
        return 0.0 if len(due) == AT_ONCE else FIRST_WAIT_S

    def _due(self) -> tuple[list[Delivery], dict[str, tuple[str, str]]]:
        with self._store.begin() as transaction:
            due = transaction.due_deliveries(datetime.now(UTC), AT_ONCE)
            hooks = transaction.slice(ResourceKind.WEBHOOK, Slice(MOST_HOOKS)) if due else []
        return due, {
            hook.id: (str(hook.document["url"]), str(hook.document["secret"])) for hook in hooks
        }

    def _keep(self, tried: list[Delivery]) -> None:
        with self._store.begin(write=True) as transaction:
            for item in tried:
                transaction.update_delivery(item)

    async def _send(
        self, client: httpx.AsyncClient, item: Delivery, where: tuple[str, str] | None
    ) -> Delivery:
        """Send one piece of news and return how it stands then."""
        import httpx  # noqa: PLC0415

        now = datetime.now(UTC)
        if where is None:
            return replace(
                item, status=DeliveryStatus.FAILED, ended_at=now, answer="the webhook is gone"
            )
        url, secret = where
        if not allowed(url, self._hosts):
            told = "its host is not among webhook_hosts any more"
            return replace(item, status=DeliveryStatus.FAILED, ended_at=now, answer=told)
        body = item.body.encode()
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": item.id,
            "Webhook-Event": item.event,
            "Webhook-Signature": signature(secret, int(time.time()), body),
        }
        try:
            answer = await client.post(url, content=body, headers=headers)
            told, taken = f"{answer.status_code}", answer.is_success
        except (httpx.HTTPError, OSError) as error:
            told, taken = f"{type(error).__name__}: {error}"[:500], False
        return _after(replace(item, attempts=item.attempts + 1, answer=told), taken=taken)


def _after(item: Delivery, *, taken: bool) -> Delivery:
    now = datetime.now(UTC)
    if taken:
        return replace(item, status=DeliveryStatus.DELIVERED, ended_at=now)
    if item.attempts >= ATTEMPTS:
        return replace(item, status=DeliveryStatus.FAILED, ended_at=now)
    wait = timedelta(seconds=FIRST_WAIT_S * WAIT_FACTOR ** (item.attempts - 1))
    return replace(item, due_at=now + wait)
