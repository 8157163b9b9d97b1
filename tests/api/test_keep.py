"""Backups taken under load and restored on either database; the audit trail; keys and sites."""

import json
import threading
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from api.audit import verify
from api.backup import backup, restore
from api.cli import run
from api.jobs import new_job
from api.keys import read_keys
from api.schemas import JobKind, JobStatus
from api.settings import Settings
from api.site import make_store
from api.store import AuditNote, Resource, ResourceKind, Slice, SqlStore, new_id
from tests.api.conftest import Postgres
from twin.errors import InvalidInputError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def write(store: SqlStore, number: int) -> None:
    """Keep a run that is done, its job, its result and its note: all or nothing."""
    run_id = new_id("run")
    made = Resource(run_id, ResourceKind.RUN, "a", {"number": number}, NOW, NOW)
    job = replace(
        new_job(JobKind.RUN, "a", run_id, {}), status=JobStatus.SUCCEEDED, finished_at=NOW
    )
    with store.begin(write=True) as transaction:
        transaction.add(made)
        transaction.add_job(job)
        transaction.finish(run_id, {"number": number})
        transaction.note(AuditNote("k", "POST /v1/x", run_id), NOW)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Return the settings of a site on each database."""
    found: dict[str, str] = {}
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        found = {"database_url": postgres.database()}
    return Settings.load(environment={}, data_folder=tmp_path / "site", **found)


def test_a_backup_under_load_is_consistent(settings: Settings, tmp_path: Path) -> None:
    """Each run in the restored site has job, result and note; what was acknowledged is there."""
    store = make_store(settings)
    store.open()
    (settings.data_folder / "models" / "m1").mkdir(parents=True)
    (settings.data_folder / "models" / "m1" / "model.txt").write_text("tree")
    over = threading.Event()
    written: list[int] = []

    def load(first: int) -> None:
        number = first
        while not over.is_set():
            write(store, number)
            written.append(number)
            number += 2

    threads = [threading.Thread(target=load, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    while len(written) < 20:
        over.wait(0.01)
    acknowledged = set(written)
    report = backup(settings, tmp_path / "site.zip")
    over.set()
    for thread in threads:
        thread.join(30)
    store.close()
    assert report.rows["resources"] == report.rows["jobs"] == report.rows["results"]
    assert report.rows["resources"] == report.rows["audit"] >= 20

    other = Settings.load(environment={}, data_folder=tmp_path / "restored")
    restore(tmp_path / "site.zip", other)
    again = make_store(other)
    again.open()
    with again.begin() as transaction:
        runs = transaction.slice(ResourceKind.RUN, Slice(100_000))
        whole = [transaction.find(ResourceKind.RUN, item.id) for item in runs]
    assert acknowledged <= {item.document["number"] for item in runs}
    assert all(item is not None and item.result == item.document for item in whole)
    assert verify(again).broken == ""
    again.close()
    assert (other.data_folder / "models" / "m1" / "model.txt").read_text() == "tree"


def test_a_backup_goes_to_the_other_database(postgres: Postgres, tmp_path: Path) -> None:
    """A site on SQLite moves to PostgreSQL with all it keeps."""
    small = Settings.load(environment={}, data_folder=tmp_path / "small")
    store = make_store(small)
    store.open()
    for number in range(3):
        write(store, number)
    store.close()
    backup(small, tmp_path / "b.zip")
    large = Settings.load(
        environment={}, data_folder=tmp_path / "large", database_url=postgres.database()
    )
    report = restore(tmp_path / "b.zip", large)
    assert report.rows["resources"] == 3
    store = make_store(large)
    store.open()
    assert verify(store).entries == 3
    store.close()


def test_a_file_that_is_put_in_its_place_meanwhile_ends_no_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that is kept while the files are gone through has a passing name, then none."""
    settings = Settings.load(environment={}, data_folder=tmp_path / "site")
    make_store(settings).open()
    lines = settings.data_folder / "lines"
    lines.mkdir()
    (lines / "a.yaml").write_text("id: a")
    (lines / "b.new").write_text("id: b")
    is_file = Path.is_file

    def moved(path: Path) -> bool:
        found = is_file(path)
        if path.name == "b.new" and found:
            path.replace(lines / "b.yaml")
        return found

    monkeypatch.setattr(Path, "is_file", moved)
    report = backup(settings, tmp_path / "b.zip")
    assert (lines / "b.yaml").exists()
    assert report.files == ("lines/a.yaml",)


def test_what_is_damaged_or_would_overwrite_is_refused(tmp_path: Path) -> None:
    """A changed byte, a stranger's file and a site that holds something are told, not restored."""
    site = Settings.load(environment={}, data_folder=tmp_path / "site")
    store = make_store(site)
    store.open()
    write(store, 1)
    store.close()
    file = tmp_path / "b.zip"
    backup(site, file)
    with pytest.raises(InvalidInputError, match="holds"):
        restore(file, site)
    empty = Settings.load(environment={}, data_folder=tmp_path / "new")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(tmp_path / "bad.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'"number', b'"nUmber'))
    with pytest.raises(InvalidInputError, match="damaged"):
        restore(tmp_path / "bad.zip", empty)
    (tmp_path / "no.zip").write_text("no backup")
    with pytest.raises(InvalidInputError, match="no backup"):
        restore(tmp_path / "no.zip", empty)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("files/../../evil", "x")
    with pytest.raises(InvalidInputError, match="other files"):
        restore(file, empty)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET who = 'somebody else' WHERE number = 3", "entry 3 was changed"),
        ("DELETE FROM audit WHERE number = 3", "entry 3 is missing"),
        ("DELETE FROM audit WHERE number > 3", "cut off"),
    ],
)
def test_tampering_with_the_trail_is_found(store: SqlStore, statement: str, told: str) -> None:
    """A changed, a missing and a cut-off entry are each found, the last by the head kept apart."""
    for number in range(5):
        with store.begin(write=True) as transaction:
            transaction.note(AuditNote("k", f"POST /{number}"), NOW)
    head = verify(store).head
    assert verify(store, head).broken == ""
    with store.connection(write=True) as connection:
        connection.execute(sa.text(statement))
    assert told in verify(store, head).broken


def test_sites_have_nothing_in_common(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two sites have folders, ports, metrics ports and keys of their own, closed to others."""
    root = ["--root", str(tmp_path / "sites")]
    made = {}
    for name in ("alpha", "beta"):
        assert run(["site", "create", name, "--line", "two_station", *root, "--json"]) == 0
        made[name] = json.loads(capsys.readouterr().out)
    found = [
        Settings.load(Path(item["folder"]) / "settings.yaml", environment={})
        for item in made.values()
    ]
    assert found[0].port != found[1].port
    assert found[0].metrics_port != found[1].metrics_port
    assert not set(found[0].data_folder.parents) & {found[1].data_folder}
    assert found[0].page_access == "key"
    for item in made.values():
        assert Path(item["folder"]).stat().st_mode & 0o077 == 0
    keys = [{record.sha256 for record in read_keys(item.keys_path)} for item in found]
    assert not keys[0] & keys[1]
    assert run(["site", "list", *root, "--json"]) == 0
    assert [item["state"] for item in json.loads(capsys.readouterr().out)] == ["stopped"] * 2
    assert run(["site", "create", "alpha", "--line", "two_station", *root]) == 2
    assert run(["site", "create", "../x", "--line", "two_station", *root]) == 2
    assert run(["site", "start", "gamma", *root]) == 2
    assert "alpha" in capsys.readouterr().err


def test_keys_and_trail_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys are made, listed and revoked; the trail tells of it; a backup restores all of it."""
    data = ["--data", str(tmp_path / "a")]
    assert run(["keys", "create", "MES", "--scope", "release", *data, "--json"]) == 0
    identity = json.loads(capsys.readouterr().out)["id"]
    assert run(["keys", "list", *data]) == 0
    assert identity in capsys.readouterr().out
    assert run(["keys", "create", "x", "--scope", "everything", *data]) == 2
    assert run(["keys", "revoke", identity, *data]) == 0
    assert run(["keys", "revoke", identity, *data]) == 2
    assert run(["audit", "verify", *data]) == 0
    assert "2 entries" in capsys.readouterr().out
    file = str(tmp_path / "a.zip")
    assert run(["backup", file, *data]) == 0
    assert run(["restore", file, "--data", str(tmp_path / "b")]) == 0
    assert run(["restore", file, *data]) == 2
    assert run(["backup", file, "--data", str(tmp_path / "nothing")]) == 2
    capsys.readouterr()
    assert run(["audit", "verify", "--data", str(tmp_path / "b"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 3
