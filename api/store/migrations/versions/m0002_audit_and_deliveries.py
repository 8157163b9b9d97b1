"""The audit trail, deliveries of webhooks, and whose job it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.add_column("jobs", sa.Column("owner", sa.String(128), nullable=False, server_default=""))
    op.create_index("jobs_by_subject", "jobs", ["subject_id"])
    op.create_table(
        "audit",
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
    op.create_table(
        "deliveries",
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
    )
    op.create_index("deliveries_by_status", "deliveries", ["status", "due_at"])
    op.create_index("deliveries_by_webhook", "deliveries", ["webhook_id", "id"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("deliveries")
    op.drop_table("audit")
    op.drop_index("jobs_by_subject", "jobs")
    op.drop_column("jobs", "owner")
