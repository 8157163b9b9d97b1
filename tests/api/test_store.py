"""The store: all or nothing, versions, and answers that are remembered for a day."""

import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.jobs import new_job
from api.schemas import JobKind, JobStatus
from api.store import Remembered, Resource, ResourceKind, Slice, SqlStore, new_id, sqlite_url
from twin.errors import JournalError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    """Return an open store."""
    found = SqlStore(sqlite_url(tmp_path / "site.sqlite"))
    found.open()
    return found


def scenario(line_id: str = "a") -> Resource:
    """Return a resource that is not kept yet."""
    return Resource(new_id("scenario"), ResourceKind.SCENARIO, line_id, {"x": [1.5]}, NOW, NOW)


def test_what_is_kept_comes_back_after_opening_anew(store: SqlStore, tmp_path: Path) -> None:
    """A resource with its result, and a job, are the same in another process's store."""
    made = scenario()
    job = new_job(JobKind.RUN, "a", made.id, {"deep": {"er": [None, 1, "ü"]}})
    with store.begin(write=True) as transaction:
        transaction.add(made)
        transaction.add_job(job)
        transaction.finish(made.id, {"rows": []})
    store.close()
    again = SqlStore(sqlite_url(tmp_path / "site.sqlite"))
    again.open()
    with again.begin() as transaction:
        assert transaction.find(ResourceKind.SCENARIO, made.id) == replace(
            made, result={"rows": []}
        )
        assert transaction.job(job.id) == job
        assert transaction.find(ResourceKind.RUN, made.id) is None
    again.close()


def test_a_transaction_counts_as_a_whole_or_not_at_all(store: SqlStore) -> None:
    """An error in the middle leaves nothing behind."""
    made = scenario()

    def half() -> None:
        with store.begin(write=True) as transaction:
            transaction.add(made)
            raise KeyError("in the middle")

    with pytest.raises(KeyError):
        half()
    with store.begin() as transaction:
        assert transaction.find(ResourceKind.SCENARIO, made.id) is None


def test_an_old_version_is_not_replaced(store: SqlStore) -> None:
    """Of two changes to one version the second finds it gone."""
    made = scenario()
    changed = replace(made, version=2)
    with store.begin(write=True) as transaction:
        transaction.add(made)
        assert transaction.replace(changed, 1)
        assert not transaction.replace(changed, 1)


def test_each_job_is_claimed_once(store: SqlStore) -> None:
    """Eight threads that claim jobs get each of them once, the oldest first."""
    jobs = [new_job(JobKind.RUN, "a", f"run-{number}", {}) for number in range(24)]
    with store.begin(write=True) as transaction:
        for job in jobs:
            transaction.add_job(job)
    claimed: list[str] = []

    def claim() -> None:
        while True:
            with store.begin(write=True) as transaction:
                found = transaction.claim(NOW)
            if found is None:
                return
            claimed.append(found.id)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(claimed) == sorted(job.id for job in jobs)
    with store.begin() as transaction:
        assert transaction.count_jobs(JobStatus.QUEUED) == 0
        assert all(job.attempts == 1 for job in transaction.jobs(Slice(limit=100)))


def test_answers_are_forgotten_after_a_day(store: SqlStore) -> None:
    """A remembered answer is given for a day, then its key may be used again."""
    answer = Remembered("f", 201, {"Location": "/x"}, "{}")
    with store.begin(write=True) as transaction:
        transaction.remember("k", answer, NOW)
        assert transaction.recall("k", NOW + timedelta(hours=23)) == answer
        assert transaction.recall("k", NOW + timedelta(hours=25)) is None
        transaction.remember("k", answer, NOW + timedelta(hours=25))


def test_a_database_of_a_newer_product_is_left_alone(store: SqlStore, tmp_path: Path) -> None:
    """An older product refuses to open what it does not know, and says so."""
    store.close()
    with sqlite3.connect(tmp_path / "site.sqlite") as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    with pytest.raises(JournalError, match="version 99"):
        SqlStore(sqlite_url(tmp_path / "site.sqlite")).open()


def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    """A data folder that is a file is told by its path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises((JournalError, OSError), match="file"):
        SqlStore(sqlite_url(tmp_path / "file" / "site.sqlite")).open()
