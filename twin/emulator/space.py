"""The address space of a plant: which nodes there are, and how values get into them."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from asyncua import Node, Server, ua

from twin.emulator.rehearsal import Past, Rehearsal
from twin.emulator.tracker import Tracker, Value
from twin.line import Line

NAMESPACE_URI = "urn:linetwin:plant"
"""Namespace of the plant's nodes."""
LINE_NODE = "line"
"""Identifier of the object that stands under Objects and bears the line's id as its name."""
FAULT_METHOD = "inject_fault"
"""Identifier of the method that makes something go wrong."""

_TYPES: dict[str, ua.VariantType] = {
    "state": ua.VariantType.Int32,
    "part": ua.VariantType.Int64,
    "product": ua.VariantType.String,
    "order": ua.VariantType.String,
    "operation": ua.VariantType.Int32,
    "phase": ua.VariantType.String,
    "kit": ua.VariantType.Int64,
    "team": ua.VariantType.String,
    "repair_team": ua.VariantType.String,
    "on_shift": ua.VariantType.Boolean,
    "failure_mode": ua.VariantType.String,
    "maintenance": ua.VariantType.String,
    "maintaining": ua.VariantType.Boolean,
    "wear": ua.VariantType.Int32,
    "repairing": ua.VariantType.Boolean,
    "on": ua.VariantType.Boolean,
    "setup_group": ua.VariantType.String,
    "processed": ua.VariantType.UInt32,
    "scrapped": ua.VariantType.UInt32,
    "level": ua.VariantType.Int32,
    "parts": ua.VariantType.Int64,
    "created": ua.VariantType.UInt32,
    "waiting": ua.VariantType.Int32,
    "finished": ua.VariantType.UInt32,
    "last_part": ua.VariantType.Int64,
    "asked": ua.VariantType.Int64,
    "status": ua.VariantType.String,
    "place": ua.VariantType.String,
    "goal": ua.VariantType.String,
}
"""OPC UA type of each node, by the last word of its path."""

Written = Value | float | datetime
_EU_NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact"


class PlantValue(ua.DataValue):  # type: ignore[misc]
    """A data value that nobody changes once it is written.

    The server copies each value deeply for every item that monitors it, which costs three quarters
    of the time of a write; a value that never changes is its own copy.
    """

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> PlantValue:
        """Return the value itself."""
        return self


class Space:
    """The nodes of one plant on one server.

    Parameters
    ----------
    server : asyncua.Server
        Server that has been initialised.
    namespace : int
        Index of ``NAMESPACE_URI`` on it.
    line : Line
        Line whose nodes are served.
    rehearsal : Rehearsal
        What the server offers beside them.
    """

    def __init__(self, server: Server, namespace: int, line: Line, rehearsal: Rehearsal) -> None:
        self._server = server
        self._namespace = namespace
        self._line = line
        self._rehearsal = rehearsal
        self._past: Past | None = None
        self._types: dict[str, ua.VariantType] = {}
        self._ids: dict[str, ua.NodeId] = {}
        self._objects: dict[str, Node] = {}
        self.written = 0
        """Values written so far."""

    async def build(self, fault_method: Callable[..., Awaitable[Any]]) -> None:
        """Make all nodes, with no values yet."""
        root = await self._server.nodes.objects.add_object(
            self._id(LINE_NODE), self._name(self._line.id)
        )
        self._objects[""] = root
        await self._variable("time", datetime.fromtimestamp(0, UTC), ua.VariantType.DateTime)
        for path, value in Tracker(self._line).changes():
            await self._variable(path, value, _TYPES[path.rsplit(".", 1)[1]])
        for station in self._line.stations:
            for name, signal in station.signals.items():
                path = f"stations.{station.id}.signals.{name}"
                node = await self._variable(path, signal.idle, ua.VariantType.Double)
                await self._unit(node, path, signal.unit)
        await root.add_method(
            self._id(FAULT_METHOD),
            self._name(FAULT_METHOD),
            fault_method,
            [
                _argument("station", ua.ObjectIds.String, "id of the station"),
                _argument("kind", ua.ObjectIds.String, "breakdown or slowdown"),
                _argument("duration_s", ua.ObjectIds.Double, "how long, s of plant time"),
                _argument("factor", ua.ObjectIds.Double, "on processing times, for a slowdown"),
            ],
            [_argument("message", ua.ObjectIds.String, "what was done, or why not")],
        )

        for path in self._rehearsal.setpoints:
            node = await self._variable(path, 0.0, ua.VariantType.Double)
            await node.set_writable()
            self._ids.pop(path)  # nobody but clients writes it
        if self._rehearsal.history_values:
            self._past = Past(self._rehearsal.history_values)
            await self._past.serve(self._server, self._ids.values())

    @property
    def paths(self) -> tuple[str, ...]:
        """Identifiers of all variables."""
        return tuple(self._ids)

    async def write(self, values: Iterable[tuple[str, Value]], moment: datetime) -> None:
        """Write values of one moment of the plant; all carry that moment as source timestamp."""
        received = self._now()
        for path, value in values:
            await self._write(path, value, moment, received)

    async def write_signals(
        self, readings: Mapping[str, Mapping[str, float]], moment: datetime
    ) -> None:
        """Write what the sensors read at one moment, by station and signal."""
        received = self._now()
        for station, signals in readings.items():
            for name, value in signals.items():
                await self._write(f"stations.{station}.signals.{name}", value, moment, received)

    async def write_time(self, moment: datetime) -> None:
        """Write the plant's clock."""
        await self._write("time", moment, moment, self._now())

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._rehearsal.clock_offset

    async def _write(self, path: str, value: Written, moment: datetime, received: datetime) -> None:
        array = isinstance(value, tuple)
        plain = list(value) if isinstance(value, tuple) else value
        variant = ua.Variant(plain, self._types[path], is_array=array)
        stamped = PlantValue(variant, SourceTimestamp=moment, ServerTimestamp=received)
        await self._server.write_attribute_value(self._ids[path], stamped)
        if self._past is not None:
            await self._past.save_node_value(self._ids[path], stamped)
        self.written += 1

    async def _variable(self, path: str, value: Written, kind: ua.VariantType) -> Node:
        parent, name = await self._parent(path)
        start = list(value) if isinstance(value, tuple) else value
        node = await parent.add_variable(self._id(path), self._name(name), start, kind)
        self._ids[path], self._types[path] = node.nodeid, kind
        return node

    async def _parent(self, path: str) -> tuple[Node, str]:
        """Return the object a node stands in, made if it is not there yet, and the node's name."""
        *above, name = path.split(".")
        for here, prefix in itertools.pairwise(itertools.accumulate(above, _joined, initial="")):
            if prefix not in self._objects:
                self._objects[prefix] = await self._objects[here].add_object(
                    self._id(prefix), self._name(prefix.rsplit(".", 1)[-1])
                )
        return self._objects[".".join(above)], name

    async def _unit(self, node: Node, path: str, unit: str) -> None:
        known = ua.EUInformation(
            NamespaceUri=_EU_NAMESPACE,
            UnitId=-1,
            DisplayName=ua.LocalizedText(unit),
            Description=ua.LocalizedText(unit),
        )
        name = ua.QualifiedName("EngineeringUnits", 0)
        await node.add_property(self._id(f"{path}.EngineeringUnits"), name, known)

    def _id(self, path: str) -> ua.NodeId:
        return ua.NodeId(path, self._namespace)

    def _name(self, name: str) -> ua.QualifiedName:
        return ua.QualifiedName(name, self._namespace)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _argument(name: str, kind: int, text: str) -> ua.Argument:
    argument = ua.Argument()
    argument.Name = name
    argument.DataType = ua.NodeId(kind)
    argument.ValueRank = -1
    argument.Description = ua.LocalizedText(text)
    return argument
