"""What the nodes read, held against the fold of the same events."""

from __future__ import annotations

from itertools import groupby

import pytest

from twin.emulator.tracker import PACKML_NUMBER, Tracker, Value
from twin.engine import SimulationOptions
from twin.engine.reference.engine import ReferenceEngine
from twin.events import Folder, LineState, Status
from twin.line import Line


def values_of(state: LineState, statuses: dict[str, list[Status]], line: Line) -> dict[str, Value]:
    """Return what the nodes should read, worked out from the state document."""
    found: dict[str, Value] = {}
    for station in line.stations:
        here = state.stations[station.id]
        path = f"stations.{station.id}"
        inside = {part.server: part for part in state.parts if part.location == station.id}
        for k, status in enumerate(statuses[station.id]):
            part = inside.get(k)
            found[f"{path}.servers.{k}.state"] = PACKML_NUMBER[status]
            found[f"{path}.servers.{k}.part"] = part.id if part else -1
            found[f"{path}.servers.{k}.product"] = part.product if part else ""
            found[f"{path}.servers.{k}.order"] = (part.order or "") if part else ""
        failed = [name for name, mode in here.modes.items() if mode.status != "running"]
        found[f"{path}.failure_mode"] = "+".join(sorted(failed + ["outage"] * bool(here.outages)))
        found[f"{path}.repairing"] = any(mode.status == "repair" for mode in here.modes.values())
        found[f"{path}.on"] = here.on
        found[f"{path}.setup_group"] = here.setup_group or ""
        found[f"{path}.processed"] = here.finished
    for buffer in line.buffers:
        waiting = sorted(
            (part.entered_s, part.id) for part in state.parts if part.location == buffer.id
        )
        found[f"buffers.{buffer.id}.level"] = len(waiting)
    for source in line.sources:
        found[f"sources.{source.id}.created"] = state.sources[source.id].created
        found[f"sources.{source.id}.waiting"] = sum(p.location == source.id for p in state.parts)
    found["sinks.out.finished"] = state.finished
    return found


@pytest.mark.parametrize("seed", range(3))
def test_nodes_read_what_the_state_says_after_every_moment(line: Line, seed: int) -> None:
    """After each moment of a run every node agrees with the folded state."""
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=600, seed=seed))
    engine.advance(600.0)
    tracker, folder = Tracker(line), Folder(line)
    shown: dict[str, Value] = dict(tracker.changes())
    seen: set[Status] = set()
    for time_s, rows in groupby(engine.builder.rows, key=lambda row: row.time_s):
        for row in rows:
            tracker.apply(row)
            folder.apply(row)
        shown.update(tracker.changes())
        statuses = folder.statuses()
        expected = values_of(folder.state(time_s), statuses, line)
        assert {path: shown[path] for path in expected} == expected, time_s
        seen.update(status for found in statuses.values() for status in found)
    assert seen == set(Status) - {Status.HANDLING, Status.MAINTENANCE, Status.NO_OPERATOR}


def test_scrap_is_counted_where_it_happens(line: Line) -> None:
    """The counters of scrapped parts add up to the state's count."""
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=600, seed=1))
    engine.advance(600.0)
    tracker = Tracker(line)
    shown = dict(tracker.changes())
    for row in engine.builder.rows:
        tracker.apply(row)
    shown.update(tracker.changes())
    assert shown["stations.booth.scrapped"] == engine.state().scrapped > 0
    assert shown["stations.saw.scrapped"] == 0


def test_only_changes_are_told(line: Line) -> None:
    """Asking again without a new event gives nothing."""
    tracker = Tracker(line)
    assert len(tracker.changes()) > 30
    assert tracker.changes() == []


def test_station_shows_its_busiest_server(line: Line) -> None:
    """A station with one of two servers at work is at work."""
    engine = ReferenceEngine(line, SimulationOptions(horizon_s=600, seed=1))
    engine.advance(600.0)
    tracker = Tracker(line)
    shown = dict(tracker.changes())
    halves = 0
    for row in engine.builder.rows:
        tracker.apply(row)
        shown.update(tracker.changes())
        servers = {shown[f"stations.booth.servers.{k}.state"] for k in range(2)}
        if servers == {PACKML_NUMBER[Status.PROCESSING], PACKML_NUMBER[Status.STARVED]}:
            halves += 1
            assert shown["stations.booth.state"] == PACKML_NUMBER[Status.PROCESSING]
    assert halves > 10
