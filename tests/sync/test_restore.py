"""A mirror that ended, however it ended, comes back where it was; only the time away is a gap."""

import asyncio
import csv
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sync.plants import comparable, differences, moments_of, rows_of
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.events import EventLog, Folder, LineState
from twin.events.fold import empty_state
from twin.history import SqliteStore
from twin.line import Line, example_line
from twin.sync import Mirror
from twin.sync.mapfile import default_mapping, load_mapping, save_mapping
from twin.sync.mapping import Mapping, Replay
from twin.sync.replay import ReplayConnector

LINE = example_line("two_station")
HOURS = 1.0


@pytest.fixture(scope="module")
def log() -> EventLog:
    """Return what the plant did."""
    return simulate(LINE, SimulationOptions(horizon_s=HOURS * 3600, seed=7))


def recorded(folder: Path, log: EventLog, speed: float) -> Mapping:
    """Write what the plant showed as CSV, and the mapping that replays it."""
    with (folder / "plant.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["source_time", "node", "value"])
        for _, values in moments_of(LINE, log):
            for value in values:
                shown = list(value.value) if isinstance(value.value, tuple) else value.value
                writer.writerow([value.source_time.isoformat(), value.node, shown])
    emulated = default_mapping(LINE, "opc.tcp://127.0.0.1:4840/").model_dump(exclude_unset=True)
    del emulated["endpoint"]
    mapping = Mapping(**emulated, replay=Replay(path="plant.csv", speed=speed))
    save_mapping(mapping, folder / "mapping.yaml")
    assert load_mapping(folder / "mapping.yaml", LINE) == mapping
    return mapping


def truth_at(log: EventLog, time_s: float) -> LineState:
    """Return where everything was just before a moment."""
    folder = Folder(LINE, empty_state(LINE))
    # Moments of the plant are whole microseconds.
    folder.apply_all([row for row in rows_of(log) if round(row.time_s, 6) < time_s - 5e-7])
    return folder.state(time_s)


def unlike(log: EventLog, found: LineState) -> list[str]:
    """Return how a state differs from the truth; ages of modes are seen from the start only."""
    pairs = differences(comparable(truth_at(log, found.time_s), 3), comparable(found, 3))
    return [line for line in pairs if ".age." not in line]


async def followed(mapping: Mapping, folder: Path, store: SqliteStore, until_s: float) -> Mirror:
    """Follow a recording up to a moment of the plant, then stop."""
    connector = ReplayConnector(mapping, folder)
    mirror = Mirror(LINE, connector, connector.clock, store)
    task = asyncio.create_task(mirror.run())
    async with asyncio.timeout(60):
        while not (mirror.ready and mirror.state().time_s >= until_s):
            await asyncio.sleep(0.02)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return mirror


async def test_recording_replayed_is_the_plant(log: EventLog, tmp_path: Path) -> None:
    """A CSV at great speed leads to the state that the plant was in, with no gap."""
    mapping = recorded(tmp_path, log, speed=5000.0)
    store = SqliteStore(tmp_path / "journal.db")
    mirror = await followed(mapping, tmp_path, store, HOURS * 3600 - 60)
    assert unlike(log, mirror.state()) == []
    status = mirror.status()
    assert (status.gaps, status.tally.unexplained, status.tally.historical) == ((), 0, 0)
    store.close()


async def test_restart_goes_on_from_where_it_was(log: EventLog, tmp_path: Path) -> None:
    """After a clean end, a new mirror knows the state before it has heard anything."""
    mapping = recorded(tmp_path, log, speed=5000.0)
    store = SqliteStore(tmp_path / "journal.db")
    before = await followed(mapping, tmp_path, store, 1000.0)
    silent = ReplayConnector(mapping, tmp_path)
    again = Mirror(LINE, silent, silent.clock, store)
    task = asyncio.create_task(again.run())
    await again.wait_ready(5)
    found = again.state()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert found.time_s == pytest.approx(before.state().time_s, abs=2000.0)
    assert unlike(log, found) == []
    store.close()


async def test_another_line_is_not_restored(log: EventLog, tmp_path: Path) -> None:
    """A state of another line or mapping is left aside."""
    mapping = recorded(tmp_path, log, speed=5000.0)
    store = SqliteStore(tmp_path / "journal.db")
    mirror = await followed(mapping, tmp_path, store, 500.0)
    changed = Mapping.model_validate(mapping.model_dump(exclude_unset=True) | {"hold_back_s": 0.3})
    assert mirror._keeper.restored(LINE, mapping) is not None  # noqa: SLF001 - what a run asks
    assert mirror._keeper.restored(LINE, changed) is None  # noqa: SLF001
    store.close()


PROGRAM = """
import asyncio, sys
from pathlib import Path
from twin.history import SqliteStore
from twin.line import example_line
from twin.sync import Mirror, load_mapping
from twin.sync.replay import ReplayConnector

folder, line = Path(sys.argv[1]), example_line("two_station")
connector = ReplayConnector(load_mapping(folder / "mapping.yaml", line), folder)
mirror = Mirror(line, connector, connector.clock, SqliteStore(folder / "journal.db"))

async def main():
    task = asyncio.create_task(mirror.run())
    await mirror.wait_ready(30)
    print("ready", flush=True)
    await task

asyncio.run(main())
"""


def killed(folder: Path, after_s: float) -> None:
    """Run a mirror in a process of its own and kill it a while after it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        process.stdout.close()


def check_killed(log: EventLog, folder: Path, after_s: float, line: Line = LINE) -> None:
    """Kill a mirror at a moment; what is restored is the truth of that moment, none lost."""
    mapping = recorded(folder, log, speed=400.0)
    killed(folder, after_s)
    store = SqliteStore(folder / "journal.db")
    connector = ReplayConnector(mapping, folder)
    began_s = time.monotonic()
    mirror = Mirror(line, connector, connector.clock, store)
    found = mirror._keeper.restored(line, mapping)  # noqa: SLF001 - what a run asks first
    assert time.monotonic() - began_s < 3.0
    assert found is not None
    assert unlike(log, found.folder.state(found.as_of_s)) == []
    keys = [(row.node, row.source_time, row.sequence) for row in store.replay()]
    assert len(keys) == len(set(keys)) > 0
    newest = max(row.source_time for row in store.replay() if row.property == "time")
    assert found.as_of_s == line.seconds(newest)  # all that was journalled is in the state
    store.close()


@pytest.mark.parametrize("after_s", [0.3, 1.1])
def test_killed_mirror_comes_back(log: EventLog, tmp_path: Path, after_s: float) -> None:
    """Killed with -9: snapshot and journal lead to the state of the last journalled beat."""
    check_killed(log, tmp_path, after_s)


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(30))
def test_killed_at_any_moment(log: EventLog, tmp_path: Path, number: int) -> None:
    """The same at thirty moments."""
    check_killed(log, tmp_path, 0.05 + 0.11 * number)
