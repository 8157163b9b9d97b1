"""The journal: an SQLite file that has a value before the twin believes it."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from twin.errors import JournalError
from twin.history.protocol import GapRecord, Record, Sample, Scalar
from twin.units import micros

FORMAT = 1
BATCH = 5000
"""Rows read at a time by ``replay``."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS node (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, node TEXT NOT NULL,
    element TEXT NOT NULL, property TEXT NOT NULL, UNIQUE (source, node)
);
CREATE TABLE IF NOT EXISTS value (
    row INTEGER PRIMARY KEY AUTOINCREMENT, node INTEGER NOT NULL REFERENCES node (id),
    source_us INTEGER NOT NULL, sequence INTEGER NOT NULL, received_us INTEGER NOT NULL,
    value TEXT, quality TEXT NOT NULL, epoch INTEGER NOT NULL,
    UNIQUE (node, source_us, sequence)
);
CREATE TABLE IF NOT EXISTS gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL,
    begin_us INTEGER NOT NULL, end_us INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS snapshot (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, row INTEGER NOT NULL,
    document TEXT NOT NULL
);
"""
_DROP = """
DELETE FROM value WHERE row IN (
    SELECT row FROM value WHERE source_us >= ? AND source_us < ? AND row <= ?
    AND row <= coalesce(
        (SELECT min(newest) FROM (SELECT max(row) AS newest FROM snapshot GROUP BY source)), row
    )
    AND EXISTS (
        SELECT 1 FROM value AS newer WHERE newer.node = value.node
        AND (newer.source_us, newer.sequence) > (value.source_us, value.sequence)
    ) LIMIT ?
)
"""
_INSERT = (
    "INSERT OR IGNORE INTO value (node, source_us, sequence, received_us, value, quality, epoch)"
)
_ROW = "(?, ?, ?, ?, ?, ?, ?)"
ROWS_AT_ONCE = 32
"""Rows in one statement: fewer calls, and fewer turns in which another thread must let go."""
DROPPED_AT_ONCE = 20_000
"""Rows that leave in one transaction, so that writing never waits for long."""
SNAPSHOTS_KEPT = 3
_COLUMNS = """
SELECT value.row, source, node.node, element, property, source_us, received_us, value.value,
       quality, sequence, epoch
"""
_BY_ROW = f"{_COLUMNS} FROM value CROSS JOIN node ON node.id = value.node"
"""Values first: a plan that began with the nodes of a source would sort the whole journal."""
_BY_NODE = f"{_COLUMNS} FROM node CROSS JOIN value ON node.id = value.node"


class SqliteStore:
    """Keeps received values in an SQLite file.

    Writing is durable: a write-ahead log with ``synchronous=FULL``, so what ``append`` returned
    from survives a kill and a power cut. A value whose key (source, node, source time, sequence)
    is there already is left out, so writing the same values twice changes nothing. One process
    writes; threads may share the store.

    Parameters
    ----------
    path : str or Path
        The file; made if it is not there.

    Raises
    ------
    JournalError
        If the file cannot be opened or is no journal.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._nodes: dict[tuple[str, str], int] = {}
        try:
            self._db = sqlite3.connect(
                self.path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._told("opened", error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._db.close()
            raise self._told("opened", error) from error
        except JournalError:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # heeded while the file is empty
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, FORMAT):
            raise JournalError(
                f"the journal {self.path} has format {found}; expected {FORMAT}; "
                "use the version of the twin that wrote it, or another file"
            )
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version={FORMAT}")
        rows = self._db.execute("SELECT source, node, id FROM node")
        self._nodes = {(source, node): number for source, node, number in rows}

    def append(self, values: Sequence[Sample]) -> int:
        """Write values in one transaction and return how many were new.

        Raises
        ------
        JournalError
            If they could not be written, for instance because the disk is full; none of them is
            stored then.
        """
        with self._lock:
            known = dict(self._nodes)
            before = self._db.total_changes
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for start in range(0, len(values), ROWS_AT_ONCE):
                    self._insert(values[start : start + ROWS_AT_ONCE])
                added = len(self._nodes) - len(known)
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._nodes = known
                self._roll_back()
                raise self._told("written", error) from error
            return self._db.total_changes - before - added

    def declare_gap(self, source: str, begin: datetime, end: datetime, reason: str) -> None:
        """Write that values may be missing between two moments.

        Raises
        ------
        JournalError
            If it could not be written.
        """
        with self._lock:
            try:
                self._db.execute(
                    "INSERT INTO gap (source, begin_us, end_us, reason) VALUES (?, ?, ?, ?)",
                    (source, micros(begin), micros(end), reason),
                )
            except sqlite3.Error as error:
                self._roll_back()
                raise self._told("written", error) from error

    def watermark(self) -> int:
        """Return the number of the newest stored row; 0 for an empty store."""
        (newest,) = self._read("SELECT max(row) FROM value", ())[0]
        return int(newest or 0)

    def replay(self, after_row: int = 0, source: str | None = None) -> Iterator[Record]:
        """Yield the values stored after a row, of one source or of all, in order of writing."""
        wanted = "" if source is None else " AND source = ?"
        names = () if source is None else (source,)
        while True:
            rows = self._read(
                f"{_BY_ROW} WHERE row > ?{wanted} ORDER BY row LIMIT ?", (after_row, *names, BATCH)
            )
            for row in rows:
                yield _record(row)
            if len(rows) < BATCH:
                return
            after_row = rows[-1][0]

    def save_snapshot(self, source: str, document: dict[str, Any]) -> None:
        """Write a picture that stands on every row so far; older ones are dropped.

        Raises
        ------
        JournalError
            If it could not be written.
        """
        text = json.dumps(document, separators=(",", ":"))
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.execute(
                    "INSERT INTO snapshot (source, row, document)"
                    " VALUES (?, (SELECT coalesce(max(row), 0) FROM value), ?)",
                    (source, text),
                )
                self._db.execute(
                    "DELETE FROM snapshot WHERE source = ? AND id NOT IN (SELECT id FROM snapshot"
                    " WHERE source = ? ORDER BY id DESC LIMIT ?)",
                    (source, source, SNAPSHOTS_KEPT),
                )
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back()
                raise self._told("written", error) from error

    def last_snapshot(self, source: str) -> tuple[int, dict[str, Any]] | None:
        """Return the newest picture and the last row it stands on; None if there is none."""
        found = self._read(
            "SELECT row, document FROM snapshot WHERE source = ? ORDER BY id DESC LIMIT 1",
            (source,),
        )
        return (int(found[0][0]), json.loads(found[0][1])) if found else None

    def last_values(self, source: str) -> list[Record]:
        """Return the newest value of each node of a source."""
        newest = (
            " WHERE value.row = (SELECT row FROM value AS other WHERE other.node = node.id"
            " ORDER BY source_us DESC, sequence DESC LIMIT 1) AND source = ?"
        )
        return [_record(row) for row in self._read(_BY_NODE + newest, (source,))]

    def gaps(self, source: str) -> list[GapRecord]:
        """Return the gaps of a source, oldest first."""
        rows = self._read(
            "SELECT source, begin_us, end_us, reason FROM gap WHERE source = ? ORDER BY id",
            (source,),
        )
        return [
            GapRecord(name, _moment(begin), _moment(end), reason)
            for name, begin, end, reason in rows
        ]

    def drop(self, begin_us: int, end_us: int, last_row: int) -> int:
        """Let go of rows that an archive has: those of a stretch of source times, up to a row.

        What a restart needs stays: rows after the last snapshot, and each node's newest value.
        Returns how many went; raises JournalError if they could not.
        """
        dropped = 0
        while True:
            with self._lock:
                try:
                    cursor = self._db.execute(_DROP, (begin_us, end_us, last_row, DROPPED_AT_ONCE))
                    self._db.execute("PRAGMA incremental_vacuum(1000)").fetchall()
                except sqlite3.Error as error:
                    self._roll_back()
                    raise self._told("written", error) from error
            dropped += cursor.rowcount
            if cursor.rowcount < DROPPED_AT_ONCE:
                return dropped

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _read(self, query: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._db.execute(query, parameters).fetchall()
            except sqlite3.Error as error:
                raise self._told("read", error) from error

    def _add_node(self, value: Sample) -> int:
        cursor = self._db.execute(
            "INSERT INTO node (source, node, element, property) VALUES (?, ?, ?, ?)",
            (value.source, value.node, value.element, value.property),
        )
        number = self._nodes[value.source, value.node] = int(cursor.lastrowid or 0)
        return number

    def _insert(self, values: Sequence[Sample]) -> None:
        """Write some values in one statement: values that came together share much."""
        nodes = self._nodes
        cells: list[object] = []
        source_time = received_at = _EPOCH
        source_us = received_us = 0
        for value in values:
            if value.source_time is not source_time:
                source_time = value.source_time
                source_us = micros(source_time)
            if value.received_at is not received_at:
                received_at = value.received_at
                received_us = micros(received_at)
            cells += (
                nodes.get((value.source, value.node)) or self._add_node(value),
                source_us,
                value.sequence,
                received_us,
                _text(value.value),
                str(value.quality),
                value.epoch,
            )
        self._db.execute(f"{_INSERT} VALUES {','.join([_ROW] * len(values))}", cells)

    def _roll_back(self) -> None:
        # A transaction that failed may be over already; then there is nothing to roll back.
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _told(self, what: str, error: sqlite3.Error) -> JournalError:
        reason = str(error)
        full = "full" in reason or "disk I/O" in reason
        remedy = "free some space on its disk" if full else "check the path and who may write there"
        return JournalError(f"the journal {self.path} cannot be {what}: {reason}; {remedy}")


def _moment(micros: int) -> datetime:
    return _EPOCH + micros * _MICROSECOND


def _text(value: Scalar) -> str | None:
    """Return a value as JSON; moments and lists carry a tag, so that they come back as such."""
    kind = type(value)
    if value is None:
        return None
    if kind is int or (kind is float and value - value == 0.0):  # type: ignore[operator]
        return repr(value)  # as JSON writes it, only sooner
    if isinstance(value, datetime):
        return json.dumps({"t": micros(value)})
    if isinstance(value, tuple):
        return json.dumps({"l": value}, separators=(",", ":"))
    return json.dumps(value)


def _value(text: str | None) -> Scalar:
    if text is None:
        return None
    found = json.loads(text)
    if isinstance(found, dict):
        return _moment(found["t"]) if "t" in found else tuple(found["l"])
    assert isinstance(found, bool | int | float | str), text
    return found


def _record(row: tuple[Any, ...]) -> Record:
    number, source, node, element, name, source_us, received_us, text, *rest = row
    quality, sequence, epoch = rest
    return Record(
        row=number,
        source=source,
        node=node,
        element=element,
        property=name,
        source_time=_moment(source_us),
        received_at=_moment(received_us),
        value=_value(text),
        quality=quality,
        sequence=sequence,
        epoch=epoch,
    )
