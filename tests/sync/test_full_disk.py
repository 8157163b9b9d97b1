"""A disk that is full: what cannot be written is not believed, and what is lost is told."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.history.test_archive import END, START, hourly
from tests.sync.peers.disk import filled, small_disk
from tests.sync.peers.following import all_in, following, unaccounted
from tests.sync.peers.harness import counter, law, recording
from twin.errors import JournalError
from twin.history import SqliteStore, compact, read_history
from twin.sync.mirror import Mirror

NODES = 10
DAY = timedelta(days=1)


def believed(mirror: Mirror) -> dict[str, float]:
    """Return the newest value of each counter in the mirror."""
    return {
        name: reading.value
        for station in mirror.signals().values()
        for name, reading in station.items()
    }


@pytest.mark.parametrize("queue_size", [5000, 20])
async def test_mirror_believes_nothing_that_is_not_written(queue_size: int, tmp_path: Path) -> None:
    """The state stands still; afterwards every value is there, or a gap says which is not.

    With little room here and at the server some are lost, and declared.
    """
    with small_disk(tmp_path / "disk", "8m") as disk:
        store = SqliteStore(disk / "journal.sqlite")
        async with (
            counter("asyncua", nodes=NODES, rate=100) as server,
            following(server.port, NODES, store, queue_size=queue_size) as mirror,
        ):
            if queue_size < 100:
                mirror.connector._queue_size = 100  # type: ignore[attr-defined]  # noqa: SLF001
            async with asyncio.timeout(20):
                while len(believed(mirror)) < NODES:
                    await asyncio.sleep(0.02)
            with filled(disk):
                async with asyncio.timeout(20):
                    while mirror.status().alarm is None:
                        await asyncio.sleep(0.02)
                await asyncio.sleep(0.2)
                before = believed(mirror)
                written = {
                    item.property.removeprefix("signals."): item.value
                    for item in store.last_values("plant")
                    if item.element
                }
                assert before == written
                assert mirror.status().quality == "stale"
                await asyncio.sleep(3.0)
                assert believed(mirror) == before
            async with asyncio.timeout(20):
                while mirror.status().alarm is not None:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(1.0)
            made = await all_in(server, store)
            status = mirror.status()
            assert status.quality in {"good", "uncertain"}
            assert set(believed(mirror).values()) == {made}
        assert unaccounted(list(store.replay()), status.gaps, NODES, made) == []
        assert bool(status.gaps) == (queue_size < 100)
        assert len(store.gaps("plant")) == len(status.gaps)
        store.close()


def test_archive_that_finds_no_room_leaves_the_journal_whole(tmp_path: Path) -> None:
    """No half of a file stays on the full disk; with room again the days move."""
    store = SqliteStore(tmp_path / "journal.db")
    store.append([hourly(k) for k in range(72)])
    with small_disk(tmp_path / "disk", "256k") as disk:
        folder = disk / "archive"
        folder.mkdir()
        with filled(disk):
            with pytest.raises(JournalError, match=r"archive .* cannot be written"):
                compact(store, folder, START + 2 * DAY)
            assert list(folder.iterdir()) == []
            assert len(list(store.replay())) == 72
        moved = compact(store, folder, START + 2 * DAY)
        assert sum(item.dropped for item in moved) > 0
        assert read_history(store, folder, START, END).num_rows == 72
    store.close()


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_recording_keeps_what_waits_for_the_disk(tmp_path: Path) -> None:
    """On a disk that is full values wait in memory; when it clears they are written."""
    with small_disk(tmp_path / "disk", "600k") as disk:
        async with (
            counter("asyncua", rate=50) as server,
            recording(disk / "out", server.port) as running,
        ):
            await running.until()
            with filled(disk):
                async with asyncio.timeout(20):
                    while running.recorder.alarm is None:
                        await asyncio.sleep(0.1)
            async with asyncio.timeout(20):
                while running.recorder.alarm is not None:
                    await asyncio.sleep(0.1)
            made = await server.halt()
            await asyncio.sleep(0.5)
            await running.end()
        assert law(disk / "out", made)["lost"] == 0


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_recording_on_a_disk_that_stays_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond what memory may hold the server keeps the values; nothing is lost without a word."""
    monkeypatch.setattr("twin.sync.record.HIGH_WATER", 500)
    with small_disk(tmp_path / "disk", "600k") as disk:
        async with (
            counter("asyncua", rate=50) as server,
            recording(disk / "out", server.port, queue_size=100) as running,
        ):
            await running.until()
            with filled(disk):
                async with asyncio.timeout(20):
                    while running.recorder.alarm is None:
                        await asyncio.sleep(0.1)
                await asyncio.sleep(8.0)
                assert len(running.recorder._rows) < 5000  # noqa: SLF001 - what is in memory
            async with asyncio.timeout(30):
                while running.recorder.alarm is not None:
                    await asyncio.sleep(0.1)
            await running.until("live", 30)
            made = await server.halt()
            await asyncio.sleep(0.5)
            summary = await running.end()
        found = law(disk / "out", made)
        assert found["lost"] > 0
        assert summary["reconnects"] == 0
