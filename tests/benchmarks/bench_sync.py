"""Speed of coming back after a restart at full rate."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from tests.benchmarks.case import Case
from tests.sync.plants import moments_of
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.history import SqliteStore
from twin.line import Line, example_line
from twin.sync.clock import SystemClock
from twin.sync.mapfile import default_mapping
from twin.sync.mapping import Mapping
from twin.sync.protocol import Value
from twin.sync.restore import EVERY_S, Keeper
from twin.sync.translate import Translator

RATE_PER_S = 1000
BEFORE_S = 200
"""Length of the journal before the snapshot, s: none of it is read again."""
LOG_S = 600.0


def cases() -> list[Case]:
    """Return the benchmark of a restart, as long after a snapshot as it can be."""
    folder = tempfile.TemporaryDirectory(prefix="bench-sync-")
    line = example_line("bottling")
    mapping = default_mapping(line, "opc.tcp://127.0.0.1:4840/")
    store = SqliteStore(Path(folder.name) / "journal.db")
    rows = _fill(line, mapping, store)

    def restore() -> float:
        assert folder.name  # it is kept as long as the case is
        store.last_values("plant")
        found = Keeper(store, "plant", SystemClock()).restored(line, mapping)
        assert found is not None
        assert found.rows
        return rows

    name = f"restart, bottling, {EVERY_S:g} s at {RATE_PER_S} changes/s since the snapshot"
    return [Case(name, restore, "rows", repeats=3)]


def _fill(line: Line, mapping: Mapping, store: SqliteStore) -> float:
    """Write a journal at the full rate; return its rows after the snapshot."""
    log = simulate(line, SimulationOptions(horizon_s=LOG_S, seed=1))
    (_, first), *moments = moments_of(line, log)
    for second in range(-BEFORE_S, 0):
        store.append(list(_signals(line, second, RATE_PER_S)))
    translator = Translator(line, mapping)
    translator.take((value, 0.0) for value in first)
    state = translator.begin(0.0)
    keeper = Keeper(store, "plant", SystemClock())
    document = keeper.document(state, line.start_utc, 1, translator, mapping, [])
    store.save_snapshot("plant", document)
    before = store.watermark()
    # Ten minutes of the line within the time: its states change as fast as they ever will.
    changes = [
        value._replace(source_time=moment, received_at=moment, epoch=1)
        for time_s, values in moments
        for moment in [line.start_utc + timedelta(seconds=time_s * EVERY_S / LOG_S)]
        for value in values
    ]
    fill = max(0, RATE_PER_S - round(len(changes) / EVERY_S))
    store.append(changes)
    for second in range(int(EVERY_S)):
        store.append([*_signals(line, second, fill), _beat(line, mapping, second + 1)])
    return float(store.watermark() - before)


def _signals(line: Line, second: int, count: int) -> Iterator[Value]:
    names = [station.id for station in line.stations]
    for k in range(count):
        moment = line.start_utc + timedelta(seconds=second + k / RATE_PER_S)
        name = names[k % len(names)]
        node = f"nsu=urn:linetwin:plant;s=stations.{name}.signals.x{k}"
        yield Value("plant", node, name, f"signals.x{k}", moment, None, moment, float(k), epoch=1)


def _beat(line: Line, mapping: Mapping, second: int) -> Value:
    moment = line.start_utc + timedelta(seconds=second)
    return Value("plant", mapping.heartbeat.node, "", "time", moment, None, moment, moment, epoch=1)
