"""What was received, kept for good."""

from twin.history.journal import SqliteStore
from twin.history.protocol import GapRecord, Record, Sample, Store

__all__ = ["GapRecord", "Record", "Sample", "SqliteStore", "Store"]
