"""The journal: what was acknowledged is there, once, whatever happened to the writer."""

import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import JournalError
from twin.history import SqliteStore
from twin.history.protocol import Scalar
from twin.sync.protocol import Quality, Value

START = datetime(2026, 1, 5, 6, tzinfo=UTC)


def value(number: int, reading: Scalar = 1.5, sequence: int = 0, node: str = "s=a") -> Value:
    """Return a value of one node, one millisecond after the other."""
    moment = START + timedelta(milliseconds=number)
    return Value("plant", node, "x", "p", moment, None, moment, reading, sequence=sequence)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Return an empty store."""
    return SqliteStore(tmp_path / "journal.db")


def test_values_come_back_as_they_were(store: SqliteStore) -> None:
    """Type, times, quality and numbers survive the file."""
    readings: list[Scalar] = [
        True,
        7,
        -5,
        2**63,
        2.5,
        1e300,
        float("inf"),
        "jam",
        None,
        (),
        (3, 4),
        START,
    ]
    values = [value(k, reading) for k, reading in enumerate(readings)]
    assert store.append(values) == len(values)
    found = list(store.replay())
    assert [record.value for record in found] == readings
    assert [record.source_time for record in found] == [item.source_time for item in values]
    assert {(r.source, r.node, r.element, r.property, r.quality) for r in found} == {
        ("plant", "s=a", "x", "p", Quality.GOOD)
    }
    store.close()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=30))
def test_writing_twice_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, keys: list[tuple[int, int]]
) -> None:
    """The key decides: replays and backfill vanish as duplicates."""
    store = SqliteStore(tmp_path_factory.mktemp("journal") / "journal.db")
    values = [value(number, sequence=sequence) for number, sequence in keys]
    assert store.append(values) == len(set(keys))
    before = list(store.replay())
    assert store.append(values) == 0
    assert list(store.replay()) == before
    assert store.watermark() == max((record.row for record in before), default=0)
    store.close()


def test_replay_goes_on_after_a_row(store: SqliteStore) -> None:
    """Whoever knows the watermark reads what is newer, in order, over batch borders."""
    store.append([value(k) for k in range(2500)])
    middle = list(store.replay())[1199].row
    rest = list(store.replay(after_row=middle))
    assert len(rest) == 1300
    assert [record.row for record in rest] == sorted(record.row for record in rest)
    assert rest[-1].row == store.watermark()
    store.close()


def test_newest_value_of_each_node(store: SqliteStore) -> None:
    """The newest is the one with the greatest source time and sequence, not the last written."""
    store.append([value(5, 50), value(5, 51, sequence=1), value(2, 20), value(1, 9, node="s=b")])
    found = {record.node: record.value for record in store.last_values("plant")}
    assert found == {"s=a": 51, "s=b": 9}
    assert store.last_values("other") == []
    store.close()


def test_gaps_are_kept(store: SqliteStore) -> None:
    """A declared gap comes back with its bounds and reason."""
    store.declare_gap("plant", START, START + timedelta(seconds=3), "reset")
    (gap,) = store.gaps("plant")
    assert (gap.begin, gap.end, gap.reason) == (START, START + timedelta(seconds=3), "reset")
    store.close()


WRITER = """
import sys
from tests.history.test_journal import value
from twin.history import SqliteStore
store = SqliteStore(sys.argv[1])
number = int(sys.argv[2])
while True:
    store.append([value(number + k) for k in range(20)])
    number += 20
    print(number, flush=True)
"""


def test_killed_writer_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """After kill -9 at any moment every acknowledged row is there, once, and writing goes on."""
    path, root = tmp_path / "journal.db", Path(__file__).parents[2]
    acknowledged = 0
    for pause_s in (0.05, 0.11, 0.23):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged)],
            stdout=subprocess.PIPE,
            cwd=root,
            text=True,
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(pause_s)
        os.kill(writer.pid, signal.SIGKILL)
        told = [first, *writer.stdout.read().splitlines()]
        writer.wait(timeout=10)
        writer.stdout.close()
        acknowledged = int([line for line in told if line.strip()][-1])
        store = SqliteStore(path)
        found = [record.source_time for record in store.replay()]
        store.close()
        assert len(set(found)) == len(found)
        expected = {value(k).source_time for k in range(acknowledged)}
        assert expected <= set(found)


def test_full_disk_is_told_and_passes(store: SqliteStore) -> None:
    """A disk that takes no more: a clear message, nothing half written; then it goes on."""
    store.append([value(0)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        with pytest.raises(JournalError, match=r"journal\.db cannot be written: .*free some space"):
            store.append([value(k, "x" * 100) for k in range(1, 5000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [record.value for record in store.replay()] == [1.5]
    assert store.append([value(k, "x" * 100) for k in range(1, 5000)]) == 4999
    store.close()


def test_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    """Another file in its place gives a message with path and remedy."""
    (tmp_path / "notes.txt").write_text("not a database, but long enough to be looked at\n" * 50)
    with pytest.raises(JournalError, match=r"notes\.txt cannot be opened"):
        SqliteStore(tmp_path / "notes.txt")
    with pytest.raises(JournalError, match="cannot be opened"):
        SqliteStore(tmp_path / "no" / "folder" / "journal.db")


def test_journal_of_another_format_is_told(tmp_path: Path) -> None:
    """A journal of a later version is not touched."""
    store = SqliteStore(tmp_path / "journal.db")
    store._db.execute("PRAGMA user_version=99")  # noqa: SLF001 - as another version would
    store.close()
    with pytest.raises(JournalError, match="has format 99; expected 1"):
        SqliteStore(tmp_path / "journal.db")
