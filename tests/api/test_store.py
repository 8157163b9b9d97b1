"""The store: all or nothing, versions, and answers that are remembered for a day."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from api.jobs import new_job
from api.schemas import JobKind, JobStatus
from api.store import (
    AuditEntry,
    AuditNote,
    Remembered,
    Resource,
    ResourceKind,
    Slice,
    SqlStore,
    new_id,
    sqlite_url,
)
from api.store.tables import metadata
from twin.errors import JournalError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def scenario(line_id: str = "a") -> Resource:
    """Return a resource that is not kept yet."""
    return Resource(new_id("scenario"), ResourceKind.SCENARIO, line_id, {"x": [1.5]}, NOW, NOW)


def test_what_is_kept_comes_back_after_opening_anew(store: SqlStore) -> None:
    """A resource with its result, and a job, are the same in another process's store."""
    made = scenario()
    job = new_job(JobKind.RUN, "a", made.id, {"deep": {"er": [None, 1, "ü"]}})
    with store.begin(write=True) as transaction:
        transaction.add(made)
        transaction.add_job(job)
        transaction.finish(made.id, {"rows": []})
    store.close()
    store.open()
    with store.begin() as transaction:
        assert transaction.find(ResourceKind.SCENARIO, made.id) == replace(
            made, result={"rows": []}
        )
        assert transaction.job(job.id) == job
        assert transaction.job_statuses([job.id, "job-none"]) == {job.id: JobStatus.QUEUED}
        assert transaction.find(ResourceKind.RUN, made.id) is None


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


def test_a_database_of_a_newer_product_is_left_alone(store: SqlStore) -> None:
    """An older product refuses to open what it does not know, and says so."""
    with store.connection(write=True) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(JournalError, match="version 9999"):
        store.open()


def test_the_steps_lead_to_the_tables_that_are_used(store: SqlStore) -> None:
    """After the last step nothing is left that the code has otherwise."""
    with store.connection() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_database_from_before_the_steps_is_taken_over(tmp_path: Path) -> None:
    """What the first product kept is there after an upgrade, results included."""
    url = sqlite_url(tmp_path / "site.sqlite")
    store = SqlStore(url)
    store.open()
    made = scenario()
    with store.begin(write=True) as transaction:
        transaction.add(made)
        transaction.finish(made.id, {"rows": [1]})
    with store.connection(write=True) as connection:
        for table in ("audit", "deliveries", "alembic_version"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        connection.execute(sa.text("DROP INDEX jobs_by_subject"))
        connection.execute(sa.text("ALTER TABLE jobs DROP COLUMN owner"))
        connection.execute(sa.text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
    store.close()
    store.open()
    with store.begin() as transaction:
        assert transaction.find(ResourceKind.SCENARIO, made.id) == replace(
            made, result={"rows": [1]}
        )
        assert transaction.trail(0, 10) == []
    store.close()


def test_the_trail_has_no_gaps_under_eight_writers(store: SqlStore) -> None:
    """Entries written at once are numbered 1, 2, 3 ... and each carries the hash before it."""

    def write() -> None:
        for number in range(5):
            with store.begin(write=True) as transaction:
                transaction.note(AuditNote("k", f"POST /{number}"), NOW)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with store.begin() as transaction:
        trail = transaction.trail(0, 100)
    assert [entry.number for entry in trail] == list(range(1, 41))
    for before, after in pairwise(trail):
        assert after.previous == before.sha256
        assert after == AuditEntry.of(after.note, after.number, after.at, after.previous)


def test_old_results_expire_and_work_stays(store: SqlStore) -> None:
    """A run that ended long ago goes with its job; scenarios and what is unfinished stay."""
    run = replace(scenario(), id=new_id("run"), kind=ResourceKind.RUN)
    waiting = replace(run, id=new_id("run"))
    kept = scenario()
    done = replace(
        new_job(JobKind.RUN, "a", run.id, {}), status=JobStatus.SUCCEEDED, finished_at=NOW
    )
    with store.begin(write=True) as transaction:
        for item in (run, waiting, kept):
            transaction.add(item)
        transaction.add_job(done)
        transaction.add_job(new_job(JobKind.RUN, "a", waiting.id, {}))
        transaction.finish(run.id, {"rows": []})
        assert transaction.expire(NOW) == 0
        assert transaction.expire(NOW + timedelta(days=1)) == 1
    with store.begin() as transaction:
        assert transaction.find(ResourceKind.RUN, run.id) is None
        assert transaction.job(done.id) is None
        assert transaction.find(ResourceKind.RUN, waiting.id) is not None
        assert transaction.find(ResourceKind.SCENARIO, kept.id) is not None


def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    """A data folder that is a file is told by its path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises((JournalError, OSError), match="file"):
        SqlStore(sqlite_url(tmp_path / "file" / "site.sqlite")).open()
