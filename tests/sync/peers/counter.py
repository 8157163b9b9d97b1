"""A counter server on asyncua for the fault harness; options and commands as in counter.js."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.server.internal_subscription import InternalSubscription

from tests.sync.peers.odd import Odd

DEFAULTS: dict[str, Any] = {
    "port": 0, "nodes": 5, "rate": 100, "start": 1, "history": False,
    "uris": ["urn:counter:a", "urn:counter:b"], "home": "urn:counter:b",
    "clockOffsetS": 0, "equalStamps": False, "resolutionS": 0, "realQueue": 0, "odd": False,
    "security": False, "pki": None, "user": None, "password": None,
    "type": "UInt32", "statuses": ["Good"], "stamps": True, "times": [], "ways": {},
}  # fmt: skip
ODD: dict[str, list[tuple[Any, ua.VariantType]]] = {
    "nan": [(math.nan, ua.VariantType.Double), (math.inf, ua.VariantType.Double)],
    "list": [([1.0, math.nan], ua.VariantType.Double), ([], ua.VariantType.Double)],
    "text": [("a\udcff", ua.VariantType.String), ("GARBLE", ua.VariantType.String)],
    "bytes": [(b"\x00\xff", ua.VariantType.ByteString), (None, ua.VariantType.ByteString)],
    "moment": [
        (datetime(9999, 12, 31, 23, 59, 59), ua.VariantType.DateTime),  # noqa: DTZ001
        (datetime(1601, 1, 1), ua.VariantType.DateTime),  # noqa: DTZ001
    ],
    "large": [(2**64 - 1, ua.VariantType.UInt64), (0, ua.VariantType.UInt64)],
    "words": [
        (ua.LocalizedText("Läuft", "de"), ua.VariantType.LocalizedText),
        (ua.LocalizedText(), ua.VariantType.LocalizedText),
    ],
    "thing": [(ua.Argument(Name="a"), ua.VariantType.ExtensionObject)],
    "megabyte": [
        *[(text, ua.VariantType.String) for text in ("x" * 1_000_000, *["", "y"] * 8)],
    ],
    "matrix": [([[1, 2], [3, 4]], ua.VariantType.Int32), ([[5, 6]], ua.VariantType.Int32)],
    "guid": [(uuid.UUID(int=1), ua.VariantType.Guid), (uuid.UUID(int=2), ua.VariantType.Guid)],
    "mixed": [
        ([ua.Variant(1), ua.Variant("a")], ua.VariantType.Variant),
        ([], ua.VariantType.Variant),
    ],
    "null": [(None, ua.VariantType.Null)],
    "semi;s=colon": [(1, ua.VariantType.Int32), (2, ua.VariantType.Int32)],
    "bad": [(1, ua.VariantType.Int32)],
    "ahead": [(1, ua.VariantType.Int32), (2, ua.VariantType.Int32)],
    "bare": [(1, ua.VariantType.Int32), (2, ua.VariantType.Int32)],
}
"""Values, in turns, that a recording may stumble over."""
PYTHON: dict[ua.VariantType, Any] = {ua.VariantType.String: str, ua.VariantType.Double: float}
EQUAL = datetime(2026, 1, 1, tzinfo=UTC)


def overstate(real: int) -> None:
    """Keep fewer values than is said to clients, and set no bit."""
    kept = InternalSubscription._enqueue_event  # noqa: SLF001 - the fault is in there

    async def keep(self: Any, mid: int, data: Any, size: int, queue: Any) -> None:
        await kept(self, mid, data, min(size, real), queue)

    InternalSubscription._enqueue_event = keep  # noqa: SLF001


async def protect(server: Server, options: dict[str, Any]) -> None:
    """Let the server take protected connections of one user only, if asked to."""
    if not options["security"]:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        return
    from twin.emulator.rehearsal import Rehearsal  # noqa: PLC0415 - it takes long to load

    password = Path(options["pki"]) / "password.txt"
    rules = Rehearsal(security=password.parent, user=options["user"], password_file=password)
    await rules.protect(server)


async def main(options: dict[str, Any]) -> None:
    """Serve until the input ends."""
    logging.disable(logging.CRITICAL)
    if options["realQueue"]:
        overstate(options["realQueue"])
    ways = Odd(**options["ways"])
    ways.install()
    server = Server()
    gc.disable()  # what is made now stays: to look through it takes half of the time
    await server.init()
    gc.enable()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{options['port']}/")
    await protect(server, options)
    for uri in options["uris"]:
        await server.register_namespace(uri)
    own = await server.get_namespace_index(options["home"])
    plant = await server.nodes.objects.add_object(
        ua.NodeId("Plant", own), ua.QualifiedName("Plant", own)
    )
    nodes, usual = [], ua.VariantType[options["type"]]
    gone: set[ua.NodeId] = set()
    denied: dict[ua.NodeId, ua.StatusCode] = {}
    kinds: dict[ua.NodeId, ua.VariantType] = {}
    codes = [getattr(ua.StatusCodes, name) for name in options["statuses"]]
    for i in range(options["nodes"]):
        name = f"c{i}"
        nodes.append(
            await plant.add_variable(
                ua.NodeId(name, own), ua.QualifiedName(name, own), PYTHON.get(usual, int)(0), usual
            )
        )
    value, last = options["start"] - 1, EQUAL

    async def count() -> None:
        nonlocal value, last
        value += 1
        stamp = datetime.now(UTC) + timedelta(seconds=options["clockOffsetS"])
        if options["equalStamps"]:
            stamp = EQUAL
        elif stamp <= last:
            stamp = last + timedelta(microseconds=100)
        last = stamp
        if options["resolutionS"]:  # of the times that it tells
            shown = stamp.timestamp() // options["resolutionS"] * options["resolutionS"]
            stamp = datetime.fromtimestamp(shown, UTC)
        if options["times"] and value % 3 == 0:  # now and then another time altogether
            told = options["times"][value // 3 % len(options["times"])]
            stamp = datetime.fromisoformat(told)
        for node in nodes:
            if node.nodeid in gone:
                continue
            variant = kinds.get(node.nodeid, usual)
            python = PYTHON.get(variant, int)
            if node.nodeid in denied:
                data = ua.DataValue(None, denied[node.nodeid], SourceTimestamp=stamp)
                await server.write_attribute_value(node.nodeid, data)
                continue
            data = ua.DataValue(
                ua.Variant(python(value), variant),
                ua.StatusCode(codes[value % len(codes)]),
                SourceTimestamp=stamp if options["stamps"] else None,
                ServerTimestamp=stamp if options["stamps"] else None,
            )
            await server.write_attribute_value(node.nodeid, data)

    async def surprise() -> None:
        for name, values in ODD.items() if options["odd"] else ():
            content, kind = values[value % len(values)]
            stamp = datetime.now(UTC)
            if name == "ahead":
                stamp = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
            good = name != "bad" or value % 2
            data = ua.DataValue(
                ua.Variant(content, kind),
                ua.StatusCode(0 if good else ua.StatusCodes.BadSensorFailure),
                SourceTimestamp=None if name == "bare" else stamp,
            )
            await server.write_attribute_value(ua.NodeId(name, own), data)

    if options["odd"]:
        folder = await server.nodes.objects.add_object(
            ua.NodeId("Odd", own), ua.QualifiedName("Odd", own)
        )
        for name, values in ODD.items():
            content, kind = values[0]
            any_type = kind in {ua.VariantType.Variant, ua.VariantType.Null}
            await folder.add_variable(
                ua.NodeId(name, own), ua.QualifiedName(name, own), content, kind,
                ua.NodeId(ua.ObjectIds.BaseDataType) if any_type else None,
            )  # fmt: skip
    await count()
    if options["history"]:
        await server.start()
        for node in nodes:
            await server.historize_node_data_change(node, period=None, count=100_000)
    else:
        await server.start()
    sys.stdout.write(json.dumps({"port": options["port"]}) + "\n")
    sys.stdout.flush()
    loop, done, running = asyncio.get_running_loop(), asyncio.Event(), [True]

    async def grow() -> None:
        """Have a node that was not there before, in a namespace that was not there either."""
        index = await server.register_namespace("urn:counter:late")
        folder = await server.nodes.objects.add_object(
            ua.NodeId("Late", index), ua.QualifiedName("Late", index)
        )
        await folder.add_variable(ua.NodeId("x", index), ua.QualifiedName("x", index), 7)

    async def give_up(what: str) -> None:
        """End what clients have here, without being asked."""
        service = server.iserver.subscription_service
        if what == "subscriptions":
            await service.delete_subscriptions(list(service.subscriptions))
        else:
            for client in list(server.bserver.clients):
                await client.processor.session.close_session(delete_subs=True)

    async def change(word: str, name: str, argument: str) -> None:
        """Take a node away, make it anew, deny it, or give it another type."""
        node = ua.NodeId(name, own)
        if word == "delete":
            gone.add(node)
            await server.delete_nodes([server.get_node(node)])
        elif word == "anew":
            await plant.add_variable(node, ua.QualifiedName(name, own), value, usual)
            gone.discard(node)
        elif word == "deny":
            denied[node] = ua.StatusCode(getattr(ua.StatusCodes, argument))
        elif word == "allow":
            del denied[node]
        else:
            kinds[node] = ua.VariantType[argument]
            # A value of the type from before would let none of another be written.
            server.iserver.aspace[node].attributes[ua.AttributeIds.Value].value = ua.DataValue()
            written = ua.DataValue(ua.Variant(ua.NodeId(kinds[node].value)))
            await server.write_attribute_value(node, written, ua.AttributeIds.DataType)

    def hear() -> None:
        nonlocal last
        for line in sys.stdin:
            word, _, argument = line.strip().partition(" ")
            if word == "halt":
                running[0] = False
            if word == "end":
                asyncio.run_coroutine_threadsafe(give_up(argument), loop)
            if word == "set":
                for key, new in json.loads(argument).items():
                    setattr(ways, key, new)
            if word == "stop":
                asyncio.run_coroutine_threadsafe(server.stop(), loop)
            if word == "grow":
                asyncio.run_coroutine_threadsafe(grow(), loop)
            if word in {"delete", "anew", "deny", "allow", "type"}:
                name, _, rest = argument.partition(" ")
                asyncio.run_coroutine_threadsafe(change(word, name, rest), loop)
            if word == "clock":
                options["clockOffsetS"] = float(argument)
                last = EQUAL
            if word in {"made", "halt"}:
                sys.stdout.write(json.dumps({"made": value}) + "\n")
                sys.stdout.flush()
        loop.call_soon_threadsafe(done.set)

    threading.Thread(target=hear, daemon=True).start()
    began, made = loop.time(), 0
    while not done.is_set():
        await asyncio.sleep(0.005)
        due = int((loop.time() - began) * options["rate"])
        while running[0] and made < due:
            made += 1
            await count()
            await surprise()
            if made % 50 == 0:
                await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(main(DEFAULTS | json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}")))
