"""Shapes of administration: connections, models, the audit trail, webhooks."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from api.keys import Scope
from api.schemas.common import Handle, Moment, Shape
from api.schemas.past import GapView
from api.schemas.planning import ForecastModel


class ConnectionSummary(Shape):
    """A link to a plant."""

    id: str
    """Id; that of the line it feeds."""
    line_id: str
    """Line."""
    endpoint: str
    """Address of the plant's server."""
    state: str
    """Where the link stands."""
    since: Moment
    """Since when, our clock."""


class ConnectionStatus(ConnectionSummary):
    """How a link to a plant stands, in full."""

    as_of: Moment | None
    """Plant time up to which the state is known; none: no picture yet."""
    age_ms: float | None
    """Time since the plant was last heard, ms; none: never."""
    quality: str
    """How far the state can be trusted."""
    reason: str
    """Why the link is in its state."""
    received: int = Field(ge=0)
    """Values that came in and were new."""
    duplicates: int = Field(ge=0)
    """Values that had come in before."""
    gaps: tuple[GapView, ...]
    """Stretches in which values may be missing, oldest first."""
    missing: tuple[str, ...]
    """Mapped nodes that give no usable value."""
    last_error: str
    """What last went wrong."""
    mapping_hash: str
    """Hash of the mapping in use."""
    skew_s: float | None
    """Plant's clock less ours, s."""
    alarm: str | None
    """Why values cannot be stored; none: they can."""


class ConnectionMapping(Shape):
    """How a plant is read."""

    id: str
    """Connection."""
    mapping_hash: str
    """Its hash; also the ETag."""
    mapping: dict[str, Any]
    """The mapping, as in a mapping file; without secrets."""


class ModelSummary(Shape):
    """A model that was, or is being, trained."""

    id: Handle
    """Id."""
    line_id: str
    """Line that it learned from."""
    status: Literal["training", "ready", "failed"]
    """How far it is."""
    active: bool
    """Whether forecasts of the line use it now."""
    created_at: Moment
    """Asked for at."""
    job_id: Handle
    """Job that trains it."""


class ModelCard(ModelSummary):
    """What a model is, what it learned from, and how good it is."""

    purpose: str
    """What it is for."""
    limits: str
    """What it does not know."""
    trained_for: str
    """Hash of the line's physics and the window that it learned with: others need another model."""
    model: ForecastModel | None = None
    """Its figures against naive ones, once it is trained."""


class AuditView(Shape):
    """One entry of the audit trail."""

    number: int = Field(ge=1)
    """Place in the trail, without gaps."""
    at: Moment
    """When."""
    who: str
    """Id of the key, ``oidc:SUBJECT``, ``page`` or ``command``."""
    action: str
    """Method and path, or command."""
    subject: str
    """Id of what it was done to."""
    request_id: str
    """Id of the request."""
    detail: str
    """SHA-256 of the body, or words."""
    previous: str
    """Hash of the entry before."""
    sha256: str
    """Hash of this entry; the next one carries it."""


class KeyIn(Shape):
    """A key that is wanted."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*[^\x00-\x20]$")
    """Whose it is."""
    scope: Scope = Scope.READ
    """What it may do; each also allows what the one before it does."""


class KeyView(Shape):
    """What is kept of an API key."""

    id: str
    """Id; the audit trail names it."""
    name: str
    """Whose it is."""
    scope: Scope
    """What it may do."""
    created_at: Moment
    """Made at."""


class KeyMade(KeyView):
    """A new key, which is shown this once."""

    key: str
    """The key; send it as ``Authorization: Bearer`` or ``X-API-Key``."""


class News(StrEnum):
    """What webhooks tell."""

    JOB_ENDED = "job.ended"
    """Body: Job."""
    SCHEDULE_RELEASED = "schedule.released"
    """Body: ScheduleView."""
    ORDERS_CHANGED = "orders.changed"
    """Body: OperationsScheduleView."""


class WebhookIn(Shape):
    """Where to send news."""

    url: str = Field(max_length=2000, pattern=r"^https?://[^\s/?#@]+(?:[/?][^\s#]*)?$")
    """Address; its host must be among the site's ``webhook_hosts``."""
    events: tuple[News, ...] = Field(min_length=1, max_length=len(News))
    """What to tell."""
    description: str = Field(default="", max_length=1000)
    """What it is for."""

    @field_validator("events")
    @classmethod
    def _each_once(cls, events: tuple[News, ...]) -> tuple[News, ...]:
        if len(set(events)) < len(events):
            raise ValueError("names an event twice")
        return events


class WebhookView(WebhookIn):
    """A webhook that is kept."""

    id: Handle
    """Id."""
    version: int = Field(ge=1)
    """Counts its changes; also its ETag."""
    created_at: Moment
    """Made at."""


class WebhookMade(WebhookView):
    """A new webhook with its secret, which is shown this once."""

    secret: str
    """Key of the HMAC-SHA256 in the header ``Webhook-Signature``."""


class DeliveryView(Shape):
    """One piece of news and how its delivery goes."""

    id: Handle
    """Id; also in the header ``Webhook-Id``, so that a repetition is seen."""
    event: str
    """What it tells."""
    status: Literal["waiting", "delivered", "failed"]
    """How far it is."""
    attempts: int = Field(ge=0)
    """Times it was sent."""
    created_at: Moment
    """Happened at."""
    due_at: Moment
    """Next attempt."""
    ended_at: Moment | None
    """Taken or given up at."""
    answer: str
    """What came back last."""
