"""The archive: whole days of the journal as Parquet files, read with one function.

A day's file is written whole, made safe on the disk and put in its place before its rows leave the
journal, so a kill in between leaves every value at least once. The key decides: what is there twice
is read once.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from twin.errors import JournalError
from twin.history.journal import SqliteStore
from twin.units import aware_utc, micros

CHUNK = 100_000
"""Rows held in memory while a day is written."""
DAY = timedelta(days=1)
_PATTERN = "values-????-??-??.parquet"
_COLUMNS = (
    "source", "node", "element", "property", "source_time", "sequence", "received_at", "value",
    "number", "quality", "epoch",
)  # fmt: skip
_KEY = "source, node, source_time, sequence"
_ROWS = """
SELECT source, node.node, element, property, source_us, sequence, received_us, value.value,
       quality, epoch
FROM value JOIN node ON node.id = value.node
WHERE source_us >= ? AND source_us < ?
ORDER BY source_us, value.row
"""


@dataclass(frozen=True, slots=True)
class Compacted:
    """One day that went into the archive."""

    path: Path
    """Its file."""
    rows: int
    """Values in the file."""
    dropped: int
    """Rows that left the journal."""


def compact(store: SqliteStore, folder: str | Path, before: datetime) -> list[Compacted]:
    """Move whole days from the journal into the archive.

    What a restart needs stays in the journal: rows after the last snapshot, and the newest value of
    each node.

    Parameters
    ----------
    store : SqliteStore
        The journal; it may be written meanwhile.
    folder : str or Path
        Folder of the archive; made if it is not there.
    before : datetime
        Days (UTC, by source time) that ended before this moment are moved, aware.

    Raises
    ------
    JournalError
        If a file cannot be read or written; the rows are in the journal then.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        return [_moved(store, target, day) for day in _days(store.path, before)]
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"the archive {target} cannot be written: {error}") from error


def _days(path: Path, before: datetime) -> list[date]:
    """Return the days that the journal has values of and that are over."""
    with closing(_reading(path)) as db:
        rows = db.execute(
            "SELECT DISTINCT source_us / 86400000000 FROM value WHERE source_us < ? ORDER BY 1",
            (micros(_midnight(aware_utc(before).date())),),
        ).fetchall()
    return [date(1970, 1, 1) + timedelta(days=number) for (number,) in rows]


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _moved(store: SqliteStore, folder: Path, day: date) -> Compacted:
    """Write a day's file, with what an earlier one has, and drop its rows."""
    path = folder / f"values-{day.isoformat()}.parquet"
    part, both = folder / f"{path.name}.part", folder / f"{path.name}.both"
    try:
        return _written(store, day, path, part, both)
    finally:  # on a full disk half a file would only take more of it
        part.unlink(missing_ok=True)
        both.unlink(missing_ok=True)


def _written(store: SqliteStore, day: date, path: Path, part: Path, both: Path) -> Compacted:
    begin, end = micros(_midnight(day)), micros(_midnight(day) + DAY)
    with closing(_reading(store.path)) as db:
        # Only what is in the file is dropped; what comes in meanwhile stays for the next time.
        (last,) = db.execute("SELECT coalesce(max(row), 0) FROM value").fetchone()
        _write(part, db.execute(_ROWS, (begin, end)))
    fresh = _count(part)
    if path.exists() and fresh:
        _merge([path, part], both)
        both.replace(part)
    _settle(part, path)
    return Compacted(path, _count(path), store.drop(begin, end, last))


def _write(path: Path, rows: Any) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = _schema()
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_batch(batch)


def _batches(cursor: Any) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415

    schema = _schema()
    while rows := cursor.fetchmany(CHUNK):
        source, node, element, name, made, sequence, came, value, quality, epoch = zip(
            *rows, strict=True
        )
        columns = (source, node, element, name, made, sequence, came, value,
                   [_number(text) for text in value], quality, epoch)  # fmt: skip
        arrays = [
            pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)
        ]
        yield pa.record_batch(arrays, schema=schema)


def _schema() -> Any:
    import pyarrow as pa  # noqa: PLC0415

    text, stamp = pa.string(), pa.timestamp("us", tz="UTC")
    word = pa.dictionary(pa.int32(), text)
    types = (word, word, word, word, stamp, pa.int32(), stamp, text, pa.float64(), word, pa.int32())
    return pa.schema(list(zip(_COLUMNS, types, strict=True)))


def _number(text: str | None) -> float | None:
    """Return a stored value as a number, where it is one."""
    if text is None or text[0] in '"{':
        return None
    return {"true": 1.0, "false": 0.0}.get(text) if text[0] in "tf" else float(text)


def _merge(paths: Sequence[Path], target: Path) -> None:
    import duckdb  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    with duckdb.connect() as db:
        table = _query(db, paths, "", []).to_arrow_table()
    pq.write_table(table.cast(_schema()), target, compression="zstd")


def _query(db: Any, paths: Sequence[Path], where: str, parameters: list[object]) -> Any:
    """Return the values of files, each key once, in order of time."""
    names = [str(path) for path in paths]
    return db.sql(
        f"SELECT DISTINCT ON ({_KEY}) {', '.join(_COLUMNS)}"  # noqa: S608 - names of ours
        f" FROM read_parquet(?) {where} ORDER BY source_time, {_KEY}",
        params=[names, *parameters],
    )


def _settle(part: Path, path: Path) -> None:
    """Put a file in its place, safe on the disk."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _count(path: Path) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415

    return int(pq.read_metadata(path).num_rows)


def archived(folder: str | Path) -> list[Path]:
    """Return the files of an archive, the oldest day first."""
    return sorted(Path(folder).glob(_PATTERN))


def retain(
    folder: str | Path, *, oldest: date | None = None, most_bytes: int | None = None
) -> list[Path]:
    """Delete days that are too old, then the oldest until the rest is small enough.

    Parameters
    ----------
    folder : str or Path
        Folder of the archive.
    oldest : date or None
        Days before this one are deleted; None: however old.
    most_bytes : int or None
        Size that the archive may have, bytes; None: however large.

    Returns
    -------
    list of Path
        What was deleted.
    """
    files = archived(folder)
    gone = [path for path in files if oldest is not None and path.stem[7:] < oldest.isoformat()]
    kept = [path for path in files if path not in gone]
    size = sum(path.stat().st_size for path in kept)
    while most_bytes is not None and size > most_bytes and kept:
        size -= kept[0].stat().st_size
        gone.append(kept.pop(0))
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def read_history(
    store: SqliteStore | None,
    folder: str | Path | None,
    begin: datetime,
    end: datetime,
    nodes: Sequence[str] = (),
) -> Any:
    """Return what was received between two moments, from archive and journal, each value once.

    Parameters
    ----------
    store : SqliteStore or None
        The journal.
    folder : str, Path or None
        Folder of the archive.
    begin, end : datetime
        Source times, the first included and the last not, aware.
    nodes : sequence of str
        Node ids; none: all.

    Returns
    -------
    pyarrow.Table
        Columns source, node, element, property, source_time, sequence, received_at, value (JSON),
        number (float, null where it is none), quality, epoch; in order of source time.
    """
    import duckdb  # noqa: PLC0415
    import pyarrow as pa  # noqa: PLC0415

    first, last = aware_utc(begin), aware_utc(end)
    days = [
        path
        for path in (archived(folder) if folder is not None else ())
        if first.date().isoformat() <= path.stem[7:] <= last.date().isoformat()
    ]
    tables = [_schema().empty_table()]
    with duckdb.connect() as db:
        if store is not None:
            with closing(_reading(store.path)) as journal:
                rows = journal.execute(_ROWS, (micros(first), micros(last)))
                tables += [pa.Table.from_batches([batch]) for batch in _batches(rows)]
        if days:
            where = "WHERE epoch_us(source_time) >= ? AND epoch_us(source_time) < ?"
            found = _query(db, days, where, [micros(first), micros(last)])
            tables.append(found.to_arrow_table().cast(_schema()))
        both = pa.concat_tables(tables)
        wanted = "WHERE list_contains($nodes, node)" if nodes else ""
        db.register("both_parts", both)
        found = db.sql(
            f"SELECT DISTINCT ON ({_KEY}) * FROM both_parts {wanted} ORDER BY source_time, {_KEY}",  # noqa: S608 - names of ours
            params={"nodes": list(nodes)} if nodes else None,
        )
        return found.to_arrow_table().cast(_schema())
