"""The mirror on servers of two vendors: its journal has every value, or a gap says so."""

import asyncio
from pathlib import Path

import pytest

from tests.sync.peers.following import all_in, following, unaccounted
from tests.sync.peers.harness import VENDORS, counter
from tests.sync.peers.proxy import Proxy
from twin.history import SqliteStore

NODES = 20


@pytest.mark.parametrize("vendor", VENDORS)
async def test_every_value_is_in_the_journal(vendor: str, tmp_path: Path) -> None:
    """Two thousand changes a second and a broken connection: all are there, and no gap is told.

    The server's own clock, sampled as coarsely as servers do, is no loss either.
    """
    store = SqliteStore(tmp_path / "journal.sqlite")
    async with (
        counter(vendor, nodes=NODES, rate=100) as server,
        Proxy(server.port) as proxy,
        following(proxy.port, NODES, store) as mirror,
    ):
        await asyncio.sleep(1.0)
        proxy.reset()
        await asyncio.sleep(1.5)
        made = await all_in(server, store)
        status = mirror.status()
    records = list(store.replay())
    assert unaccounted(records, status.gaps, NODES, made) == []
    assert status.gaps == ()
    assert all(mirror.signals().values())
    store.close()
