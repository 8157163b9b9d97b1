"""A plant whose server offers and refuses what a site's own will."""

from pathlib import Path

import pytest
from asyncua import Client, ua

from tests.sync.peers.harness import Recording, values_of
from twin.emulator import NAMESPACE_URI, Plant, Rehearsal, rehearsal_of
from twin.errors import OptionsError
from twin.line import example_line
from twin.sync.connection import Connection, Source
from twin.sync.record import Recorder
from twin.sync.security import Identity, Security

LINE = example_line("two_station")
OFFSET_S = 3600.0


def recorded(plant: Plant, folder: Path, identity: Identity | None, **more: object) -> Recording:
    """Begin to record all of a plant."""
    source = Source.model_validate(
        {"endpoint": plant.endpoint, "nodes": [f"/{LINE.id}/**"], "max_skew_s": None, **more}
    )
    return Recording(Recorder(Connection(sources=(source,)), folder, identity))


async def test_everything_at_once(tmp_path: Path) -> None:
    """Protected, with a user, few items a call, short queues, another clock, and a history."""
    secret = tmp_path / "password.txt"
    secret.write_text("secret\n", encoding="utf-8")
    rehearsal = Rehearsal(
        history_values=5000, items_per_call=7, queue_size=40, clock_offset_s=OFFSET_S,
        security=tmp_path / "plant", user="bob", password_file=secret,
    )  # fmt: skip
    identity = Identity(tmp_path / "pki")
    security = Security(user="bob", password_file=secret)
    async with Plant(LINE, speed=20.0, rehearsal=rehearsal) as plant:
        refused = recorded(plant, tmp_path / "refused", identity, security=security)
        await refused.until("faulted")
        await refused.end()
        identity.trust(identity.seen()[0].fingerprint)
        running = recorded(plant, tmp_path / "out", identity, security=security)
        await running.until()
        running.recorder._parts[0].supervisor.session.forget("by a test")  # noqa: SLF001
        await running.until("reconnecting")
        await running.until_more()
        await running.until()
        summary = await running.end()
    (source,) = summary["sources"]
    assert source["skew_s"] == pytest.approx(OFFSET_S, abs=60.0)
    assert {node["queue_size"] for node in summary["nodes"]} == {40}
    assert {gap["resolved"] for gap in summary["gaps"]} >= {"history"}
    assert len(values_of(tmp_path / "out")) == summary["received"] > 0
    assert "secret" not in (tmp_path / "out" / "summary.json").read_text(encoding="utf-8")


async def test_setpoints_are_all_that_can_be_written() -> None:
    """A client writes a set point and reads it back; what the plant shows it cannot change."""
    path = "stations.press.set_speed"
    async with (
        Plant(LINE, rehearsal=Rehearsal(setpoints=(path,))) as plant,
        Client(plant.endpoint) as client,
    ):
        space = await client.get_namespace_index(NAMESPACE_URI)
        node = client.get_node(ua.NodeId(path, space))
        await node.write_value(1.5)
        assert await node.read_value() == 1.5
        shown = client.get_node(ua.NodeId("time", space))
        with pytest.raises(ua.UaError):
            await shown.write_value(await shown.read_value())


def test_password_needs_an_encrypted_connection(tmp_path: Path) -> None:
    """What makes no sense is told, all of it at once."""
    with pytest.raises(OptionsError, match="open connection"):
        rehearsal_of(user="bob", password_file=tmp_path / "p")
    with pytest.raises(OptionsError) as error:
        rehearsal_of(queue_size=0, items_per_call=0, clock_offset_s=1e12)
    assert len(error.value.findings) == 3
