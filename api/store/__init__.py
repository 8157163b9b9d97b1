"""What the site keeps: scenarios, runs, schedules, forecasts, jobs, and answers already given."""

from __future__ import annotations

from api.store.protocol import (
    JobRecord,
    Remembered,
    Resource,
    ResourceKind,
    Slice,
    Store,
    Transaction,
    new_id,
)
from api.store.sql import SqlStore, sqlite_url

__all__ = [
    "JobRecord",
    "Remembered",
    "Resource",
    "ResourceKind",
    "Slice",
    "SqlStore",
    "Store",
    "Transaction",
    "new_id",
    "sqlite_url",
]
