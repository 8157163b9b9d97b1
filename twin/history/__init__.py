"""What was received, kept for good."""

from twin.history.archive import Compacted, archived, compact, read_history, retain
from twin.history.journal import SqliteStore
from twin.history.protocol import GapRecord, Record, Sample, Store

__all__ = [
    "Compacted",
    "GapRecord",
    "Record",
    "Sample",
    "SqliteStore",
    "Store",
    "archived",
    "compact",
    "read_history",
    "retain",
]
