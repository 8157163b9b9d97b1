"""What the site keeps: scenarios, runs, schedules, forecasts, jobs, and answers already given."""

from __future__ import annotations

from api.store.protocol import (
    AuditEntry,
    AuditNote,
    Delivery,
    DeliveryStatus,
    JobRecord,
    Remembered,
    Resource,
    ResourceKind,
    Slice,
    Store,
    Transaction,
    new_id,
)
from api.store.sql import SqlStore, database_url, sqlite_url

__all__ = [
    "AuditEntry",
    "AuditNote",
    "Delivery",
    "DeliveryStatus",
    "JobRecord",
    "Remembered",
    "Resource",
    "ResourceKind",
    "Slice",
    "SqlStore",
    "Store",
    "Transaction",
    "database_url",
    "new_id",
    "sqlite_url",
]
