"""The tables, in types that SQLite and PostgreSQL share; moments are text of one length."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()

resources = sa.Table(
    "resources",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("updated_at", sa.String(32), nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Index("resources_by_kind", "kind", "line_id", "id"),
)
results = sa.Table(
    "results",
    metadata,
    sa.Column(
        "resource_id",
        sa.String(64),
        sa.ForeignKey("resources.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("document", sa.Text, nullable=False),
)
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("line_id", sa.String(64), nullable=False),
    sa.Column("subject_id", sa.String(64), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("cancel_wanted", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("started_at", sa.String(32)),
    sa.Column("finished_at", sa.String(32)),
    sa.Column("problem", sa.Text),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("owner", sa.String(128), nullable=False, server_default=""),
    sa.Index("jobs_by_status", "status", "id"),
    sa.Index("jobs_by_subject", "subject_id"),
)
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("action", sa.String(512), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
)
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("webhook_id", sa.String(64), nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", sa.String(32), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Index("deliveries_by_status", "status", "due_at"),
    sa.Index("deliveries_by_webhook", "webhook_id", "id"),
)


def text_of(document: Any) -> str:
    """Return JSON without a character that a database could refuse."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def told(moment: datetime) -> str:
    """Return a moment as text of one length, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read(text: str) -> datetime:
    """Return the moment that a text tells."""
    return datetime.fromisoformat(text)


def read_optional(text: str | None) -> datetime | None:
    """Return the moment that a text tells; None: there is none."""
    return datetime.fromisoformat(text) if text else None
