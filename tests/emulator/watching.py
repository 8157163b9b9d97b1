"""Watch a plant as a client does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncua import Client, ua

from twin.emulator import NAMESPACE_URI, Plant


@dataclass
class Seen:
    """Every value a client got, by the node's path, as (source timestamp, value)."""

    values: dict[str, list[tuple[datetime, Any]]] = field(default_factory=dict)

    def count(self, *paths: str) -> int:
        """Return the fewest values that any of these nodes gave."""
        return min(len(self.values.get(path, ())) for path in paths)

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        """Take in one value; asyncua calls this."""
        stamp = data.monitored_item.Value.SourceTimestamp
        self.values.setdefault(node.nodeid.Identifier, []).append((stamp, value))


async def until(happened: Callable[[], bool], wait_s: float = 40.0) -> None:
    """Wait for what must come, however busy the machine is; raises TimeoutError if it does not."""
    async with asyncio.timeout(wait_s):
        while not happened():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watched(plant: Plant, keep: Callable[[str], bool]) -> AsyncIterator[tuple[Client, Seen]]:
    """Yield a client that monitors the nodes whose path ``keep`` accepts, queue size 1000."""
    seen = Seen()
    async with Client(plant.endpoint, timeout=10) as client:
        nodes = [
            client.get_node(item) for path, item in (await browse(client)).items() if keep(path)
        ]
        subscription = await client.create_subscription(50, seen)
        await subscription.subscribe_data_change(nodes, queuesize=1000)
        yield client, seen
        await asyncio.sleep(0.3)  # the last values are on their way
        await subscription.delete()


async def browse(client: Client) -> dict[str, ua.NodeId]:
    """Return all variables of the plant's namespace below the line's object, by identifier."""
    namespace = await client.get_namespace_index(NAMESPACE_URI)
    found: dict[str, ua.NodeId] = {}
    waiting = [client.get_node(ua.NodeId("line", namespace))]
    while waiting:
        for reference in await waiting.pop().get_references(
            refs=ua.ObjectIds.HierarchicalReferences, direction=ua.BrowseDirection.Forward
        ):
            node_id = reference.NodeId
            if node_id.NamespaceIndex != namespace or reference.NodeClass == ua.NodeClass.Method:
                continue
            if reference.ReferenceTypeId.Identifier == ua.ObjectIds.HasProperty:
                continue
            if reference.NodeClass == ua.NodeClass.Variable:
                found[str(node_id.Identifier)] = node_id
            waiting.append(client.get_node(node_id))
    return found
