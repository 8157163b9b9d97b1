"""Connections to plants: how they stand, and how the plant is read."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.live import Feed
from api.past import gaps
from api.problems import not_found
from api.routes.common import MayRead, TheSite
from api.schemas import ConnectionMapping, ConnectionStatus, ConnectionSummary, Page
from api.site import Site

router = APIRouter(prefix="/v1/connections", tags=["connections"])
HIDDEN = frozenset({"password", "secret", "token", "private_key", "user", "username"})
"""Words in the names of what is not told of a mapping."""


@router.get("")
def list_connections(site: TheSite, _who: MayRead) -> Page[ConnectionSummary]:
    """List the links to plants, by id."""
    lines = [site.lines[line_id] for line_id in sorted(site.lines)]
    return Page[ConnectionSummary](
        items=tuple(
            ConnectionSummary.model_validate(_summary(live.line.id, live.feed))
            for live in lines
            if live.feed is not None
        )
    )


@router.get("/{connection_id}/status")
def get_status(site: TheSite, _who: MayRead, connection_id: str) -> ConnectionStatus:
    """Tell how a link stands, in full."""
    feed = _feed(site, connection_id)
    status = feed.status()
    return ConnectionStatus.model_validate(
        _summary(connection_id, feed)
        | {
            name: getattr(status, name)
            for name in (
                "as_of",
                "quality",
                "reason",
                "received",
                "duplicates",
                "missing",
                "last_error",
                "mapping_hash",
                "skew_s",
                "alarm",
            )
        }
        | {
            "age_ms": status.age_s * 1000.0 if status.age_s is not None else None,
            "gaps": gaps(site.line(connection_id)),
        }
    )


@router.get("/{connection_id}/mapping")
def get_mapping(
    site: TheSite, _who: MayRead, connection_id: str, response: Response
) -> ConnectionMapping:
    """Give the mapping of a link, as in a mapping file, without secrets."""
    mapping = _feed(site, connection_id).mapping
    response.headers["ETag"] = f'"{mapping.hash}"'
    return ConnectionMapping(
        id=connection_id,
        mapping_hash=mapping.hash,
        mapping=_open_part(mapping.model_dump(mode="json")),
    )


def _feed(site: Site, identity: str) -> Feed:
    live = site.lines.get(identity)
    if live is None or live.feed is None:
        raise not_found("connection", identity)
    return live.feed


def _summary(identity: str, feed: Feed | None) -> dict[str, Any]:
    assert feed is not None, "only lines with a feed are listed"
    status = feed.status()
    return {
        "id": identity,
        "line_id": identity,
        "endpoint": status.endpoint,
        "state": str(status.state),
        "since": status.since,
    }


def _open_part(document: Any) -> Any:
    """Return a document without what nobody else should know."""
    if isinstance(document, dict):
        return {
            name: _open_part(value)
            for name, value in document.items()
            if not any(word in name.lower() for word in HIDDEN)
        }
    return [_open_part(item) for item in document] if isinstance(document, list) else document
