"""A plant's clock that is set: the state goes on, and the step is told."""

import math
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sync.plants import Moment, moments_of, rows_of
from twin.engine.options import SimulationOptions
from twin.engine.simulate import simulate
from twin.events import EventLog, Folder, LineState
from twin.events.fold import empty_state
from twin.history import SqliteStore
from twin.line import Line, example_line
from twin.sync.clock import ManualClock
from twin.sync.mapfile import default_mapping
from twin.sync.mirror import Mirror
from twin.sync.plantclock import PATIENCE_S, PlantClock
from twin.sync.protocol import LinkEvent, Received, SourceState, Value

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
SET_S = 600.0
"""Moment at which the clock is set, s."""
END_S = 1200.0


class Script:
    """A connector that brings what it was given, second by second of our clock."""

    def __init__(self, line: Line, moments: Sequence[Moment], clock: ManualClock,
                 set_by: timedelta, *, heartbeat: bool) -> None:  # fmt: skip
        self.source, self.endpoint = "plant", "a script"
        self.mapping = default_mapping(line, "opc.tcp://127.0.0.1:4840/")
        self._clock, self._start = clock, clock.now()
        self._set_by, self._heartbeat = set_by, heartbeat
        self._line = line
        self._items: deque[tuple[float, Received]] = deque()
        for state in (SourceState.SUBSCRIBING, SourceState.LIVE):
            self._items.append((0.0, LinkEvent(state, clock.now(), epoch=1)))
        told: list[tuple[float, Received]] = []
        for time_s, values in moments:
            told += [(time_s, self._shown(value, time_s, self._set_by)) for value in values]
        told += [(float(second), self._beat(float(second))) for second in range(int(END_S) + 2)]
        self._items.extend(sorted(told, key=lambda item: item[0]))

    def _shown(self, value: Value, time_s: float, set_by: timedelta) -> Value:
        moment = self._start + timedelta(seconds=time_s)
        shown = moment + (set_by if time_s >= SET_S else timedelta())
        return value._replace(source_time=shown, received_at=moment, epoch=1)

    def _beat(self, time_s: float) -> Value:
        moment = self._start + timedelta(seconds=time_s)
        shown = moment + (self._set_by if time_s >= SET_S and self._heartbeat else timedelta())
        node = self.mapping.heartbeat.node
        return Value(self.source, node, "", "time", shown, None, moment, shown, epoch=1)

    def stall(self, pace: float, stall_s: float) -> None:
        """Let the plant be so fast, and its values wait every 20 s, a part of them less.

        What comes in one quarter of a second has its heartbeats at the end.
        """
        late: list[tuple[float, Received]] = []
        last_s = 0.0
        for time_s, item in self._items:
            since_s = (time_s / pace) % 20.0
            wait_s = max(0.0, stall_s - since_s) * (0.9 if since_s < stall_s / 2 else 1.0)
            last_s = max(last_s, time_s / pace + wait_s)
            come = self._start + timedelta(seconds=last_s)
            told = item._replace(received_at=come) if isinstance(item, Value) else item
            late.append((last_s, told))
        beats = {id(item) for _, item in late if isinstance(item, Value) and not item.element}
        late.sort(key=lambda told: (math.ceil(4 * told[0]), id(told[1]) in beats))
        self._items = deque(late)

    @property
    def over(self) -> bool:
        """Whether everything was brought."""
        return not self._items

    async def connect(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def receive(self, limit: int, wait_s: float) -> Sequence[Received]:
        """Return what came in the next quarter of a second."""
        self._clock.advance(0.25)
        now_s = (self._clock.now() - self._start).total_seconds()
        found = []
        while self._items and self._items[0][0] <= now_s and len(found) < limit:
            found.append(self._items.popleft()[1])
        return found


def seen(state: LineState) -> dict[str, object]:
    """Return what does not depend on the time of day."""
    return {
        "parts": {(part.id, part.location, part.operation, part.status) for part in state.parts},
        "finished": state.finished,
        "created": {name: source.created for name, source in state.sources.items()},
        "failed": {
            name: sorted(mode for mode, found in station.modes.items() if found.status != "running")
            for name, station in state.stations.items()
        },
    }


def truth(line: Line, log: EventLog, until_s: float) -> LineState:
    """Return the plant's own state."""
    folder = Folder(line, empty_state(line))
    folder.apply_all(rows_of(log.until(until_s)))
    return folder.state(until_s)


@pytest.mark.parametrize("heartbeat", [True, False], ids=["server", "device"])
@pytest.mark.parametrize("set_by", [-HOUR, HOUR, -10 * HOUR], ids=str)
async def test_state_goes_on_when_the_clock_is_set(
    set_by: timedelta, tmp_path: Path, *, heartbeat: bool
) -> None:
    """At every half minute after it the state is the plant's: nothing stands still for an hour."""
    line = example_line("bottling")
    log = simulate(line, SimulationOptions(horizon_s=END_S + 10, seed=3))
    clock = ManualClock(line.start_utc)
    store = SqliteStore(tmp_path / "journal.db")
    connector = Script(line, list(moments_of(line, log)), clock, set_by, heartbeat=heartbeat)
    mirror = Mirror(line, connector, clock, store)
    checked = 0
    next_s = 30.0
    while not connector.over:
        await mirror.step()
        if not mirror.ready:
            continue
        set_s = set_by.total_seconds() if heartbeat else 0.0
        state = mirror.state()
        real_s = state.time_s
        now_s = line.seconds(clock.now())
        if now_s >= SET_S + 5.0 and heartbeat:
            real_s = state.time_s - set_s
        if now_s < next_s or abs(now_s - SET_S) < PATIENCE_S + 3.0:
            continue
        next_s += 30.0
        assert now_s - 3.0 < real_s <= now_s
        # What a device of another clock tells is placed where it is heard.
        since_s = real_s - (0.0 if heartbeat else 2.0)
        times = {real_s, *log.time_s[(log.time_s > since_s) & (log.time_s < real_s)].tolist()}
        assert any(seen(state) == seen(truth(line, log, at)) for at in times), now_s
        checked += 1
    assert checked > 30
    gaps = mirror.status().gaps
    rows = list(store.replay())
    assert len(rows) == mirror.status().received  # a stamp that came twice hides nothing
    if heartbeat:
        (gap,) = gaps
        where = "back" if set_by < timedelta() else "forward"
        told = f"the plant's clock was set {where} by {abs(set_by.total_seconds()):.1f} s"
        assert gap.reason == told
        assert gap.step_s == pytest.approx(set_by.total_seconds(), abs=0.1)
        (stored,) = store.gaps("plant")
        assert stored.reason.endswith(told)
        assert len(mirror.logs()) == 2
    store.close()


@pytest.mark.parametrize("pace", [1.0, 5.0])
@pytest.mark.parametrize("stall_s", [0.0, 4.0, 15.0])
async def test_values_that_stall_keep_their_moments(pace: float, stall_s: float) -> None:
    """Whatever waits on the way comes at once, heartbeats last: the state is still the plant's.

    After a first stall the last heartbeat is old, and what comes next is of now: it is no sign of a
    device whose clock is ahead.
    """
    line = example_line("bottling")
    log = simulate(line, SimulationOptions(horizon_s=END_S + 10, seed=3))
    clock = ManualClock(line.start_utc)
    connector = Script(line, list(moments_of(line, log)), clock, timedelta(), heartbeat=True)
    connector.stall(pace, stall_s)
    mirror = Mirror(line, connector, clock)
    checked = 0
    while not connector.over:
        await mirror.step()
        if mirror.ready:
            state = mirror.state()
            if checked % 40 == 0:
                assert seen(state) == seen(truth(line, log, state.time_s)), state.time_s
            checked += 1
    assert checked > 500


@given(st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 30.0)), min_size=2, max_size=60))
def test_late_heartbeats_are_no_step(told: list[tuple[float, float]]) -> None:
    """Heartbeats that wait for whatever time, and come at once, set no clock."""
    clock = ManualClock(START)
    plant = PlantClock(clock)
    made = come = START
    for pause_s, delay_s in told:
        made += timedelta(seconds=pause_s)
        come = max(come, made + timedelta(seconds=delay_s))
        assert not plant.beat(made, come) or plant._ahead is None  # noqa: SLF001


def test_steps_are_seen() -> None:
    """Back by more than a trifle is a step at once; ahead, if it is ahead of what it ever was."""
    plant = PlantClock(ManualClock(START))
    second = timedelta(seconds=1)
    for k in range(5):
        assert not plant.beat(START + k * second, START + k * second)
    assert not plant.beat(START + 3 * second, START + 5 * second)
    assert plant.beat(START - HOUR, START + 6 * second) < -HOUR
    assert not plant.beat(START - HOUR + second, START + 7 * second)
    assert plant.beat(START + 8 * second, START + 8 * second) == HOUR + 6 * second


def test_a_clock_that_is_always_faster_was_not_set() -> None:
    """An emulated plant at thirty times our pace, told late or in time, sets no clock."""
    clock = ManualClock(START)
    plant = PlantClock(clock)
    for at_s in (0.0, 0.5, 1.0, 1.5, 2.0, 5.0, 5.5, 15.0):
        moment = timedelta(seconds=at_s)
        assert not plant.beat(START + 30 * moment, START + moment)
    assert plant.beat(START + 30 * moment + HOUR, START + moment) == HOUR
