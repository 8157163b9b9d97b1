"""The page's session: a key is given once, a cookie that no script can read stands for it."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import Field

from api.access import cookie_header
from api.guard import clear_session
from api.keys import Scope
from api.problems import UNAUTHENTICATED, RefusalError
from api.routes.common import MayRead, TheSite
from api.schemas import Shape

router = APIRouter(tags=["session"])


class SessionIn(Shape):
    """Proof of who opens the page."""

    key: str = Field(min_length=1, max_length=200)
    """API key."""


class SessionView(Shape):
    """Who asks, and what they may do."""

    id: str
    """Id of the key, ``oidc:SUBJECT``, or ``page``."""
    scope: Scope
    """What they may do; each also allows what the one before it does."""
    ready: bool
    """Whether quick questions, such as an order's promise, are answered; else workers start."""


@router.get("/v1/session")
async def get_session(site: TheSite, who: MayRead) -> SessionView:
    """Tell who asks, what they may do, and whether quick questions are answered already."""
    return SessionView(id=who.id, scope=who.scope, ready=site.quick.ready)


@router.post("/v1/session", status_code=204)
async def open_session(site: TheSite, body: SessionIn) -> Response:
    """Give a browser a session in place of a key."""
    principal = site.keys.principal(body.key)
    if principal is None:
        raise RefusalError(UNAUTHENTICATED, "this key is unknown, or was revoked")
    header = cookie_header(site.keys.session(principal), secure=site.settings.secure_cookies)
    return Response(status_code=204, headers={"Set-Cookie": header})


@router.delete("/v1/session", status_code=204)
async def close_session(site: TheSite) -> Response:
    """Take a browser's session away."""
    response = Response(status_code=204)
    clear_session(response, site.settings)
    return response
