"""The store on SQLite or PostgreSQL: one writer at a time, readers beside it, on both."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from api.store.queue import JobRows
from api.store.records import RecordRows
from api.store.resources import ResourceRows
from api.store.tables import metadata
from twin.errors import Finding, JournalError, OptionsError

WRITER_LOCK = 0x6C74776E
"""Number of the advisory lock that a writer holds on PostgreSQL."""
CONNECT_S = 10
"""Time that a database may take to answer, s."""
REMEMBERED_S = 60.0
"""Time for which a write that was refused counts against the store, s."""


def sqlite_url(path: Path) -> URL:
    """Return the database URL of a SQLite file."""
    return URL.create("sqlite", database=str(path))


def database_url(text: str) -> URL:
    """Return the URL of a PostgreSQL or SQLite database.

    Raises
    ------
    OptionsError
        If it is neither.
    """
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except (ArgumentError, ValueError, SQLAlchemyError):
        backend, url = "", None
    if url is None or backend not in {"sqlite", "postgresql"}:
        expected = "postgresql://user:password@host/database, or sqlite:///file"
        found = Finding("database_url", "is no database that can be used", expected)
        raise OptionsError("the settings", [found])
    return url.set(drivername="postgresql+psycopg") if backend == "postgresql" else url


class SqlStore:
    """Keeps everything in one database.

    Parameters
    ----------
    url : URL
        Database, see ``sqlite_url`` and ``database_url``.

    Notes
    -----
    Each method may be called from any thread. Writers wait for each other on both databases, so
    that what is read in a writing transaction still holds when it ends; readers see one moment. A
    write that the database refuses for good, such as on a full disk, is a JournalError.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine: Engine | None = None
        self._refused: tuple[float, str] | None = None

    @property
    def refused(self) -> str:
        """Why a write was refused within the last minute and none was taken since; else empty."""
        at_s, reason = self._refused or (-REMEMBERED_S, "")
        return reason if time.monotonic() - at_s < REMEMBERED_S else ""

    @property
    def name(self) -> str:
        """Where it is, for people; without a password."""
        return self._url.render_as_string(hide_password=True)

    def open(self) -> None:
        """Connect and bring the tables up to date.

        Raises
        ------
        JournalError
            If the database cannot be opened, or is of a newer version of this product.
        """
        sqlite = self._url.get_backend_name() == "sqlite"
        if self._url.database and sqlite:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = _sqlite(self._url) if sqlite else _postgresql(self._url)
        event.listen(self._engine, "after_cursor_execute", _note_change)
        with self.connection(write=True) as connection:
            _migrate(connection, self.name)

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def begin(self, *, write: bool = False) -> AbstractContextManager[SqlTransaction]:
        """Begin a transaction; it counts when the block ends without an error."""
        return self._transaction(write=write)

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[SqlTransaction]:
        with self.connection(write=write) as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def connection(self, *, write: bool = False) -> Iterator[Connection]:
        """Give a connection within a transaction: what a backup reads and a restore writes."""
        if self._engine is None:
            raise JournalError("the database is not open")
        try:
            # A reader sees one moment; a writer waits for its turn and then sees what is true.
            level = {} if self._sqlite_behind() else {"isolation_level": _LEVEL[write]}
            connection = self._engine.connect().execution_options(linetwin_write=write, **level)
            with connection, connection.begin():
                connection.info[_CHANGED] = False
                yield connection
                changed = connection.info[_CHANGED]
            # Who asks for work and finds none has shown nothing.
            if write and changed:
                self._refused = None
        except DBAPIError as error:
            if write and isinstance(error, OperationalError):
                self._refused = time.monotonic(), f"does not take what is written: {error.orig}"
            raise JournalError(f"the database {self.name}: {error.orig}") from error
        except SQLAlchemyError as error:
            raise JournalError(f"the database {self.name}: {error}") from error

    def _sqlite_behind(self) -> bool:
        return self._engine is not None and self._engine.dialect.name == "sqlite"


_CHANGED = "linetwin_changed"
"""Where a connection keeps whether the present transaction has changed a row."""


def _note_change(
    connection: Connection, cursor: Any, _statement: str, _values: Any, context: Any, _many: bool
) -> None:
    if context is not None and (context.isinsert or context.isupdate or context.isdelete):
        connection.info[_CHANGED] = connection.info.get(_CHANGED, False) or cursor.rowcount != 0


_LEVEL = {True: "READ COMMITTED", False: "REPEATABLE READ"}


class SqlTransaction(ResourceRows, JobRows, RecordRows):
    """Reads and writes that happen together or not at all; see ``Transaction``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def _sqlite(url: URL) -> Engine:
    """Return an engine with readers beside one writer, whose commits survive a power cut."""
    engine = sa.create_engine(url)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # this module says BEGIN itself, see below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=10000",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        write = connection.get_execution_options().get("linetwin_write", False)
        # A writer asks for the lock at once: a reader that turned writer could be refused.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    """Return an engine whose writers wait for each other; a lost connection is made anew."""
    engine = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_S})

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        if connection.get_execution_options().get("linetwin_write", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")

    return engine


def _migrate(connection: Connection, name: str) -> None:
    from alembic import command  # noqa: PLC0415 - only needed when a store opens
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    with resources.as_file(resources.files("api.store.migrations")) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes.update(connection=connection, metadata=metadata)
        known = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise JournalError(
                f"the database {name} is of version {current}; this product knows "
                f"{known[0]}; use the newer product, or another database"
            )
        if current != known[0]:
            command.upgrade(config, "head")
