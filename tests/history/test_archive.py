"""The archive: nothing is lost on the way out of the journal, and nothing is read twice."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from api.cli import run
from tests.history.test_journal import value
from twin.errors import JournalError
from twin.history import SqliteStore, archived, compact, read_history, retain
from twin.sync.protocol import Value

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
END = START + 100 * HOUR


def hourly(number: int, node: str = "s=a") -> Value:
    """Return the value of an hour."""
    moment = START + number * HOUR
    return Value("plant", node, "x", "p", moment, None, moment, number)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Return a journal of 72 hours: days 5 to 8, of which the first three are over."""
    made = SqliteStore(tmp_path / "journal.db")
    made.append([hourly(k, node) for k in range(72) for node in ("s=a", "s=b")])
    return made


def numbers(store: SqliteStore | None, folder: Path, *nodes: str) -> list[float]:
    """Return what is read of all times."""
    table = read_history(store, folder, START, END, nodes)
    return [float(number) for number in table["number"].to_pylist()]


def test_days_move_and_everything_is_read_once(store: SqliteStore, tmp_path: Path) -> None:
    """Whole days leave the journal; archive and journal together give each value once."""
    folder = tmp_path / "archive"
    moved = compact(store, folder, START + 60 * HOUR)
    assert [item.path.name for item in moved] == [
        f"values-2026-01-0{day}.parquet" for day in (5, 6)
    ] + ["values-2026-01-07.parquet"][: len(moved) - 2]
    assert sum(item.dropped for item in moved) == sum(item.rows for item in moved) > 80
    assert len(list(store.replay())) == 144 - sum(item.dropped for item in moved)
    assert numbers(store, folder, "s=a") == [float(k) for k in range(72)]
    assert len(numbers(store, folder)) == 144
    assert compact(store, folder, START + 60 * HOUR) == []
    store.close()


def test_late_values_join_their_day(store: SqliteStore, tmp_path: Path) -> None:
    """A value of a day that is archived goes into its file; the same one again changes nothing."""
    folder = tmp_path / "archive"
    compact(store, folder, START + 60 * HOUR)
    late = Value("plant", "s=c", "x", "p", START, None, END, 7.5)
    newer = Value("plant", "s=c", "x", "p", END, None, END, 8.5)
    store.append([late, newer, hourly(0)])
    (moved,) = compact(store, folder, START + 60 * HOUR)
    assert (moved.path.name, moved.dropped) == ("values-2026-01-05.parquet", 2)
    assert numbers(store, folder, "s=c") == [7.5]
    assert numbers(store, folder, "s=a") == [float(k) for k in range(72)]
    store.close()


def test_restart_finds_what_it_needs(store: SqliteStore, tmp_path: Path) -> None:
    """Rows after the snapshot, and the newest value of a node that rests, stay in the journal."""
    rest = value(1, 5, node="s=rest")
    store.append([rest])
    store.save_snapshot("plant", {"format": 1})
    store.append([hourly(1, "s=d"), hourly(2, "s=d")])
    compact(store, tmp_path / "archive", END)
    left = {(record.node, record.value) for record in store.replay()}
    assert left == {
        ("s=rest", 5),
        ("s=d", 1),
        ("s=d", 2),
        ("s=a", 71),
        ("s=b", 71),
    }
    assert store.last_snapshot("plant") == (145, {"format": 1})
    store.close()


def test_break_between_file_and_journal_loses_nothing(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off after the file is there, the rows are in both places and read once."""
    folder = tmp_path / "archive"

    def broken(*_: object) -> int:
        raise JournalError("the disk went away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "drop", broken)
        with pytest.raises(JournalError, match="the disk went away"):
            compact(store, folder, END)
    assert len(list(store.replay())) == 144
    assert numbers(store, folder, "s=a") == [float(k) for k in range(72)]
    compact(store, folder, END)
    assert numbers(store, folder, "s=a") == [float(k) for k in range(72)]
    store.close()


def test_folder_that_cannot_be_written_is_told(store: SqliteStore, tmp_path: Path) -> None:
    """The journal keeps its rows, and the message names the archive."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(JournalError, match=r"the archive .*file.* cannot be written"):
        compact(store, tmp_path / "file" / "archive", END)
    assert len(list(store.replay())) == 144
    store.close()


def test_retention_by_age_and_size(store: SqliteStore, tmp_path: Path) -> None:
    """Too old days go, then the oldest until the rest fits; other files are left alone."""
    folder = tmp_path / "archive"
    compact(store, folder, END)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert len(archived(folder)) == 4
    assert [path.stem for path in retain(folder, oldest=date(2026, 1, 6))] == ["values-2026-01-05"]
    size = archived(folder)[-1].stat().st_size
    assert len(retain(folder, most_bytes=size)) == 2
    assert [path.stem for path in archived(folder)] == ["values-2026-01-08"]
    assert (folder / "notes.txt").exists()
    store.close()


def test_commands_compact_and_export(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the shell: old days move, and everything is written to one file."""
    store.close()
    journal, out = tmp_path / "journal.db", tmp_path / "all.parquet"
    assert run(["history", "compact", str(journal), "--keep", "1d", "--max-size", "1GB"]) == 0
    assert "left the journal" in capsys.readouterr().out
    assert run(["history", "export", str(journal), "--out", str(out)]) == 0
    assert pq.read_metadata(out).num_rows == 144
    assert run(["history", "export", str(tmp_path / "none.db"), "--out", str(out)]) == 2
    assert "there is no journal" in capsys.readouterr().err
