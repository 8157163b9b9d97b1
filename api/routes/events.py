"""The stream of events (server-sent events)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from api.events import Follower, Hub
from api.problems import QUEUE_FULL, RefusalError
from api.routes.common import LineFilter, MayRead, TheSite

router = APIRouter(prefix="/v1", tags=["events"])


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `state`, `link`, `job` and `reset`, each with JSON as data",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
async def follow(
    site: TheSite,
    _who: MayRead,
    line_id: LineFilter = None,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> StreamingResponse:
    """Follow what happens; with Last-Event-ID from where one left."""
    if line_id is not None:
        site.line(line_id)
    if site.hub.followers >= site.settings.event_clients:
        detail = f"{site.settings.event_clients} clients follow already"
        raise RefusalError(QUEUE_FULL, detail, headers={"Retry-After": "5"})
    follower = site.hub.follow(last_event_id, line_id)
    stream = _stream(site.hub, follower, site.settings.heartbeat_s)
    # Proxies that buffer would hold events back.
    return StreamingResponse(
        stream,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(hub: Hub, follower: Follower, heartbeat_s: float) -> AsyncIterator[bytes]:
    try:
        async for chunk in follower.events(heartbeat_s):
            yield chunk
    finally:
        hub.leave(follower)
