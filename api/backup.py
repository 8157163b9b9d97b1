"""Backup and restore of a site: one file that either database can be made from.

A backup may be taken while the service works: the database is read in one transaction, and each
journal through the database's own backup. What is inside is hashed, and checked before anything is
restored. The secret that signs page sessions stays behind: people sign in anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from api.settings import Settings
from api.site import make_store
from api.store import SqlStore
from api.store.tables import metadata
from twin.errors import Finding, InvalidInputError

FORMAT = 1
CHUNK = 2**20
ROWS = 500
"""Rows that are written at once."""
SKIPPED = ("site.sqlite", "session-secret")
"""Beginnings of names in the data folder that are not copied as files."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds."""

    path: Path
    """The file."""
    rows: dict[str, int]
    """Rows by table."""
    files: tuple[str, ...]
    """Files of the data folder."""


def backup(settings: Settings, path: Path) -> BackupReport:
    """Write a backup of a site, whether its service runs or not.

    Parameters
    ----------
    settings : Settings
        Of the site.
    path : Path
        File to write; it is complete or not there.

    Raises
    ------
    JournalError
        If the database cannot be read.
    OSError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    store = make_store(settings)
    store.open()
    try:
        with closing(_Writer(part)) as writer:
            rows = _dump(store, writer)
            files = _copy(settings.data_folder, writer)
            writer.finish(rows)
        part.replace(path)
    finally:
        store.close()
        part.unlink(missing_ok=True)
    return BackupReport(path, rows, files)


def restore(path: Path, settings: Settings) -> BackupReport:
    """Make a site from a backup, in an empty database and data folder.

    Raises
    ------
    InvalidInputError
        If the file is no backup or was damaged, or the site holds something already.
    JournalError
        If the database cannot be written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _checked(archive, path)
            return _restored(archive, manifest, path, settings)
    except zipfile.BadZipFile as error:
        raise _refused(path, "is no backup", "a file that `twin backup` wrote") from error


class _Writer:
    """A ZIP file that knows the hash of everything in it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._hashes: dict[str, str] = {}

    def add(self, name: str, chunks: Iterator[bytes]) -> None:
        digest = hashlib.sha256()
        with self._archive.open(name, "w", force_zip64=True) as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
        self._hashes[name] = digest.hexdigest()

    def finish(self, rows: dict[str, int]) -> None:
        manifest = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(),
            "rows": rows,
            "sha256": self._hashes,
        }
        self._archive.writestr("manifest.json", json.dumps(manifest, indent=1))

    def close(self) -> None:
        self._archive.close()


def _dump(store: SqlStore, writer: _Writer) -> dict[str, int]:
    """Write all tables as they are at one moment; what ended there, ended with its result."""
    counts: dict[str, int] = {}
    with store.connection() as connection:
        for table in metadata.sorted_tables:
            keys = list(table.primary_key.columns)
            rows = connection.execution_options(yield_per=ROWS).execute(
                sa.select(table).order_by(*keys)
            )
            counts[table.name] = 0

            def lines(rows: Any = rows, name: str = table.name) -> Iterator[bytes]:
                for row in rows.mappings():
                    counts[name] += 1
                    yield json.dumps(dict(row)).encode() + b"\n"

            writer.add(f"tables/{table.name}.jsonl", lines())
    return counts


def _copy(folder: Path, writer: _Writer) -> tuple[str, ...]:
    """Write keys, models, settings and journals."""
    names = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        skipped = name.startswith((*SKIPPED, ".")) or name.endswith(("-wal", "-shm", "-journal"))
        if skipped or not file.is_file() or file.is_symlink():
            continue
        if file.suffix == ".sqlite":
            with tempfile.TemporaryDirectory() as place:
                copy = Path(place) / "copy.sqlite"
                with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(copy)) as new:
                    old.backup(new)
                with copy.open("rb") as copied:
                    writer.add(f"files/{name}", _chunks(copied))
        else:
            try:
                source = file.open("rb")
            except FileNotFoundError:
                continue  # written under a passing name, and in its place by now
            with source:
                writer.add(f"files/{name}", _chunks(source))
        names.append(name)
    return tuple(names)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _checked(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    """Return what a backup says of itself, once everything in it was found as it says."""
    try:
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
        hashes, form = dict(manifest["sha256"]), manifest["format"]
    except (KeyError, ValueError, TypeError) as error:
        raise _refused(path, "is no backup", "a file that `twin backup` wrote") from error
    if form != FORMAT:
        raise _refused(path, f"is of format {form}", f"format {FORMAT}: use the product's version")
    if set(archive.namelist()) != {*hashes, "manifest.json"}:
        raise _refused(path, "holds other files than it says", "an undamaged backup")
    for name, wanted in hashes.items():
        digest = hashlib.sha256()
        with archive.open(name) as file:
            for chunk in _chunks(file):
                digest.update(chunk)
        if digest.hexdigest() != wanted:
            raise _refused(path, f"is damaged: {name} is not what was written", "another backup")
    return manifest


def _restored(
    archive: zipfile.ZipFile, manifest: dict[str, Any], path: Path, settings: Settings
) -> BackupReport:
    folder = settings.data_folder.resolve()
    names = [name.removeprefix("files/") for name in archive.namelist() if name[:6] == "files/"]
    taken = [name for name in names if (folder / name).exists()]
    if taken:
        raise _refused(path, f"{folder} holds {taken[0]} already", "an empty data folder")
    store = make_store(settings)
    store.open()
    try:
        with store.connection(write=True) as connection:
            for table in metadata.sorted_tables:
                if connection.execute(sa.select(sa.func.count()).select_from(table)).scalar():
                    message = f"the database {store.name} holds {table.name} already"
                    raise _refused(path, message, "an empty database")
            for table in metadata.sorted_tables:
                _load(connection, table, archive)
            # Inside the transaction: what fails here leaves the database empty.
            for name in names:
                target = (folder / name).resolve()
                if not target.is_relative_to(folder):
                    raise _refused(path, f"holds the file {name!r}", "files of a data folder")
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(f"files/{name}") as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, CHUNK)
                target.chmod(0o600)
    finally:
        store.close()
    return BackupReport(path, dict(manifest["rows"]), tuple(names))


def _load(connection: sa.Connection, table: sa.Table, archive: zipfile.ZipFile) -> None:
    with archive.open(f"tables/{table.name}.jsonl") as file:
        waiting: list[dict[str, Any]] = []
        for line in file:
            waiting.append(json.loads(line))
            if len(waiting) >= ROWS:
                connection.execute(table.insert(), waiting)
                waiting = []
        if waiting:
            connection.execute(table.insert(), waiting)


def _refused(path: Path, message: str, expected: str) -> InvalidInputError:
    finding = Finding("", message, expected, "nothing was changed", file=str(path))
    return InvalidInputError(f"the backup {path}", [finding])
