"""Nothing is written to a plant unless every interlock agrees, and never twice by itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from twin.emulator import Plant, Rehearsal
from twin.errors import InvalidInputError, JournalError, UnknownNameError
from twin.events import Status
from twin.line import example_line
from twin.sync import LinkStatus, ManualClock, Mirror, OpcUaConnector, SourceState, default_mapping
from twin.sync.status import Tally
from twin.sync.writeback import WriteBack, WriteRefusedError, WriteUnknownError
from twin.sync.writes import Step, Trail, WritableNode, WriteRules, load_rules

NODE = "nsu=urn:linetwin:plant;s=stations.station_1.set_speed"
START = datetime(2026, 1, 5, 6, tzinfo=UTC)
RULE = WritableNode(
    node=NODE, low=0.5, high=2.0, change=0.5, every_s=10, station="station_1",
    states=(Status.PROCESSING, Status.STARVED), tolerance=1e-6,
)  # fmt: skip
RULES = WriteRules(enabled=True, nodes=(RULE,))
LIVE = LinkStatus(
    state=SourceState.LIVE, since=START, as_of=START, age_s=0.0, quality="good", endpoint="",
    reason="", received=0, duplicates=0, gaps=(), missing=(), last_error="", mapping_hash="",
    skew_s=0.0, alarm=None, tally=Tally(),
)  # fmt: skip


@dataclass
class Bench:
    """A plant on the bench: it shows what was written, or fails as it is told."""

    shown: Any = 1.0
    fails: Exception | None = None
    against: str = ""
    deaf: bool = False
    link: LinkStatus = LIVE
    doing: Status = Status.PROCESSING
    writes: list[Any] = field(default_factory=list)

    def status(self) -> LinkStatus:
        """Return how the link stands."""
        return self.link

    def statuses(self) -> dict[str, list[Status]]:
        """Return what the station does."""
        return {"station_1": [self.doing]}

    async def read_node(self, node: str) -> Any:
        """Return what is shown."""
        assert node == NODE
        return self.shown

    async def write_node(self, node: str, value: Any, kind: str) -> str:
        """Take a value, or not."""
        assert (node, kind) == (NODE, "float")
        self.writes.append(value)
        if self.fails is not None:
            raise self.fails
        if not self.deaf and not self.against:
            self.shown = value
        return self.against


@pytest.fixture
def bench() -> Bench:
    """Return a plant that is well."""
    return Bench()


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands."""
    return ManualClock(START)


@pytest.fixture
def writing(bench: Bench, clock: ManualClock, tmp_path: Path) -> WriteBack:
    """Return a way to write to it."""
    return WriteBack(RULES, bench, bench, Trail(tmp_path / "trail.jsonl"), clock)


def proposed(writing: WriteBack, value: float = 1.2) -> str:
    """Propose a value that is in order."""
    return writing.propose(NODE, value, by="ada", reason="the buffer behind it is full").id


async def test_approved_value_is_written_read_back_and_on_the_trail(
    writing: WriteBack, bench: Bench, tmp_path: Path
) -> None:
    """Two persons, one write, and the whole story in a file."""
    assert await writing.approve(proposed(writing), by="bob") is Step.VERIFIED
    assert bench.writes == [1.2]
    steps = [entry["step"] for entry in Trail(tmp_path / "trail.jsonl").entries]
    assert steps == [Step.PROPOSED, Step.WRITING, Step.VERIFIED]


async def test_nothing_is_written_unless_it_is_switched_on(bench: Bench, tmp_path: Path) -> None:
    """Off is the default, whatever the list says."""
    rules = WriteRules(nodes=RULES.nodes)
    writing = WriteBack(rules, bench, bench, Trail(tmp_path / "trail.jsonl"))
    with pytest.raises(WriteRefusedError, match="switched off"):
        proposed(writing)


def test_all_that_speaks_against_a_value_is_told(writing: WriteBack, bench: Bench) -> None:
    """Range, link, picture and station, at once."""
    bench.link, bench.doing = replace(LIVE, state=SourceState.DEGRADED), Status.FAILED
    with pytest.raises(WriteRefusedError) as error:
        writing.propose(NODE, 9.0, by="", reason="")
    told = "; ".join(error.value.findings)
    for word in ("outside 0.5 to 2", "degraded, not live", "station_1 is failed", "name and a"):
        assert word in told
    bench.link, bench.doing = replace(LIVE, quality="gap"), Status.PROCESSING
    with pytest.raises(WriteRefusedError, match="picture of the plant is gap"):
        proposed(writing)
    with pytest.raises(WriteRefusedError, match="not on the list"):
        writing.propose("i=2258", 1.0, by="ada", reason="why not")
    assert bench.writes == []


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"by": "Ada"}, "cannot approve"),
        ({"by": " "}, "needs a name"),
        ({"wait_s": 30.5}, "expired"),
        ({"link": replace(LIVE, state=SourceState.RECONNECTING)}, "not live"),
        ({"link": replace(LIVE, quality="uncertain")}, "uncertain"),
        ({"doing": Status.SETUP}, "station_1 is setup"),
        ({"shown": 0.5}, "a step of 0.7"),
    ],
)
async def test_interlocks_hold_at_the_last_moment(
    writing: WriteBack, bench: Bench, clock: ManualClock, change: dict[str, Any], match: str
) -> None:
    """What was in order when it was proposed is looked at again before it is sent."""
    proposal = proposed(writing)
    clock.advance(change.pop("wait_s", 1.0))
    by = change.pop("by", "bob")
    for name, value in change.items():
        setattr(bench, name, value)
    with pytest.raises(WriteRefusedError, match=match):
        await writing.approve(proposal, by=by)
    assert bench.writes == []
    with pytest.raises(UnknownNameError):  # a proposal is good for one approval
        await writing.approve(proposal, by="bob")


async def test_rate_is_kept_over_a_restart(
    writing: WriteBack, bench: Bench, clock: ManualClock, tmp_path: Path
) -> None:
    """The trail knows when a node was last written; a clock set back opens no gate."""
    await writing.approve(proposed(writing), by="bob")
    for now in (START.replace(second=9), START.replace(hour=5)):
        again = WriteBack(RULES, bench, bench, Trail(tmp_path / "trail.jsonl"), ManualClock(now))
        with pytest.raises(WriteRefusedError, match="at most every 10 s"):
            proposed(again, 1.1)
    clock.advance(10.5)
    again = WriteBack(RULES, bench, bench, Trail(tmp_path / "trail.jsonl"), clock)
    assert await again.approve(proposed(again, 1.1), by="bob") is Step.VERIFIED


async def test_unknown_outcome_locks_the_node_until_a_person_looked(
    writing: WriteBack, bench: Bench, clock: ManualClock, tmp_path: Path
) -> None:
    """No answer: never sent again, not by a new program either."""
    bench.fails = WriteUnknownError("no answer")
    with pytest.raises(WriteUnknownError):
        await writing.approve(proposed(writing), by="bob")
    assert bench.writes == [1.2]
    bench.fails = None
    clock.advance(3600)
    again = WriteBack(RULES, bench, bench, Trail(tmp_path / "trail.jsonl"), clock)
    with pytest.raises(WriteRefusedError, match="not known"):
        proposed(again)
    again.release(NODE, by="bob", reason="the panel shows 1.0")
    assert await again.approve(proposed(again), by="bob") is Step.VERIFIED


async def test_killed_between_trail_and_plant_is_unknown_too(
    writing: WriteBack, bench: Bench, clock: ManualClock, tmp_path: Path
) -> None:
    """The entry comes before the write: one without an outcome is a lock."""
    bench.fails = RuntimeError("as good as killed")
    with pytest.raises(RuntimeError):
        await writing.approve(proposed(writing), by="bob")
    clock.advance(60)
    again = WriteBack(RULES, bench, bench, Trail(tmp_path / "trail.jsonl"), clock)
    with pytest.raises(WriteRefusedError, match="not known"):
        proposed(again)


async def test_server_that_refuses_leaves_no_lock(
    writing: WriteBack, bench: Bench, clock: ManualClock
) -> None:
    """A clear no is an outcome."""
    bench.against = "the server refuses: BadUserAccessDenied"
    with pytest.raises(WriteRefusedError, match="BadUserAccessDenied"):
        await writing.approve(proposed(writing), by="bob")
    bench.against = ""
    clock.advance(11)
    assert await writing.approve(proposed(writing), by="bob") is Step.VERIFIED


async def test_no_trail_no_write(bench: Bench, tmp_path: Path) -> None:
    """Where the trail cannot be kept nothing is sent."""
    trail = Trail(tmp_path / "trail.jsonl")
    writing = WriteBack(RULES, bench, bench, trail, ManualClock(START))
    proposal = proposed(writing)
    trail.path = tmp_path / "nowhere" / "trail.jsonl"
    with pytest.raises(JournalError, match="nothing is written"):
        await writing.approve(proposal, by="bob")
    assert bench.writes == []


async def test_trail_that_was_changed_is_noticed(writing: WriteBack, tmp_path: Path) -> None:
    """An entry that was rewritten, or taken out, breaks the chain."""
    await writing.approve(proposed(writing), by="bob")
    path = tmp_path / "trail.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines).replace("bob", "eve"), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="changed"):
        Trail(path)
    path.write_text("\n".join([lines[0], lines[2]]), encoding="utf-8")
    with pytest.raises(InvalidInputError, match="entry 2"):
        Trail(path)


def test_rules_tell_all_that_is_wrong(tmp_path: Path) -> None:
    """A number without bounds, a text without choices, no states: no allow-list."""
    path = tmp_path / "rules.yaml"
    node = {"node": "i=1", "every_s": "1s", "station": "a", "states": ["processing"]}
    document = {
        "enabled": True,
        "nodes": [
            node,
            {**node, "node": "i=2", "type": "string"},
            {**node, "node": "i=3", "low": 1, "high": 2, "states": []},
        ],
        "expiry_s": "1min",
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidInputError) as error:
        load_rules(path)
    told = str(error.value)
    for word in ("low and high", "choices", "states", "expiry_s"):
        assert word in told


@asynccontextmanager
async def followed(plant: Plant) -> AsyncIterator[tuple[Mirror, OpcUaConnector]]:
    """Mirror a plant until the link is live and the picture good."""
    connector = OpcUaConnector(default_mapping(plant.line, plant.endpoint))
    mirror = Mirror(plant.line, connector)
    task = asyncio.create_task(mirror.run())
    try:
        async with asyncio.timeout(60):
            while not (mirror.ready and mirror.status().state is SourceState.LIVE):
                await asyncio.sleep(0.05)
        yield mirror, connector
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_set_point_of_a_plant(tmp_path: Path) -> None:
    """Through a real server: written and read back; a node that is read-only is refused."""
    line = example_line("two_station")
    station = line.stations[0].id
    setpoint, readonly = f"stations.{station}.set_speed", f"stations.{station}.processed"
    name = "nsu=urn:linetwin:plant;s="
    rule = {"every_s": 1e-6, "station": station, "states": tuple(Status), "low": 0, "high": 9}
    rules = WriteRules(
        enabled=True,
        nodes=(
            WritableNode(node=name + setpoint, **rule),
            WritableNode(node=name + readonly, type="int", **rule),
        ),
    )
    async with (
        Plant(line, rehearsal=Rehearsal(setpoints=(setpoint,))) as plant,
        followed(plant) as (mirror, connector),
    ):
        writing = WriteBack(rules, mirror, connector, Trail(tmp_path / "t.jsonl"))
        proposal = writing.propose(name + setpoint, 1.5, by="ada", reason="slower")
        assert await writing.approve(proposal.id, by="bob") is Step.VERIFIED
        assert await connector.read_node(name + setpoint) == 1.5
        refused = writing.propose(name + readonly, 3, by="ada", reason="cheating")
        with pytest.raises(WriteRefusedError, match="refuses"):
            await writing.approve(refused.id, by="bob")
        last = writing.propose(name + setpoint, 2.0, by="ada", reason="faster")
        await connector.close()
        with pytest.raises(WriteRefusedError, match="disabled"):
            await writing.approve(last.id, by="bob")
