"""A first mapping: from what a server has, or from a template of a companion specification.

A proposal is for a person to read and correct. It goes by names: an object whose name is that of a
station speaks of the station, and the variables below it by what such variables are usually called.
The structures of PackML, of Machinery and of ISA-95 Job Control are known by their browse names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from asyncua import ua

from twin.line import Line, serial_line
from twin.line.distributions import Constant
from twin.sync.browse import Names
from twin.sync.elements import known_properties
from twin.sync.mapfile import NAMESPACE, default_mapping
from twin.sync.mapping import Heartbeat, Mapping, NodeSpec

if TYPE_CHECKING:
    from twin.sync.compat import Channel

MOST_NODES = 100_000
MOST_DEPTH = 16
Template = Literal["packml", "machinery", "jobcontrol"]

# The end of a browse path, in small letters -> property, type, table of states.
_WAYS: dict[tuple[str, ...], tuple[str, str, str | None]] = {
    # PackML, OPC 30050 and the tags it came from
    ("statecurrent",): ("servers.0.state", "int", "packml"),
    ("currentstate", "number"): ("servers.0.state", "int", "packml"),
    ("prodprocessedcount",): ("processed", "int", None),
    ("prodprocessed",): ("processed", "int", None),
    ("proddefectivecount",): ("scrapped", "int", None),
    ("proddefective",): ("scrapped", "int", None),
    # Machinery, OPC 40001-1
    ("machineryitemstate", "currentstate"): ("servers.0.state", "string", "machinery"),
    # ISA-95 Job Control, OPC 10031-4
    ("joborderstate", "currentstate"): ("servers.0.state", "string", "job_control"),
    ("joborderid",): ("servers.0.order", "string", None),
    # as people name things
    ("state",): ("servers.0.state", "int", "packml"),
    ("goodcount",): ("processed", "int", None),
    ("partcount",): ("processed", "int", None),
    ("count",): ("processed", "int", None),
    ("rejectcount",): ("scrapped", "int", None),
    ("rejects",): ("scrapped", "int", None),
    ("partid",): ("servers.0.part", "int", None),
    ("fill",): ("level", "int", None),
}
_INTEGERS = {"SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64"}
_KINDS = {"Boolean": "boolean", "Float": "float", "Double": "float", "String": "string",
          "LocalizedText": "string", "DateTime": "datetime"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One variable of a server."""

    node: str
    """Node id, its namespace spelled out."""
    path: tuple[str, ...]
    """Browse names from the objects folder on."""
    kind: str
    """Type of its value in a mapping; empty for one that none fits."""
    unit: str = ""
    """Unit that the server states."""


@dataclass(slots=True)
class Proposal:
    """A mapping, and what it leaves out."""

    mapping: Mapping | None
    """The mapping; None if nothing was recognised."""
    left: list[Found] = field(default_factory=list)
    """Variables that were not recognised."""


async def variables(channel: Channel) -> list[Found]:
    """Return the variables below the objects folder, the server's own left aside."""
    names = Names()
    names.learn(await channel.namespaces())
    waiting: list[tuple[ua.NodeId, tuple[str, ...]]] = [(ua.NodeId(ua.ObjectIds.ObjectsFolder), ())]
    seen: set[str] = set()
    below: list[tuple[ua.NodeId, tuple[str, ...]]] = []
    while waiting and len(seen) < MOST_NODES:
        place, path = waiting.pop()
        for reference in await channel.browse(place):
            node = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex)
            own = node == ua.NodeId(ua.ObjectIds.Server)
            if own or str(node) in seen or len(path) >= MOST_DEPTH:
                continue
            seen.add(str(node))
            way = (*path, str(reference.BrowseName.Name))
            if reference.NodeClass == ua.NodeClass.Variable:
                below.append((node, way))
            waiting.append((node, way))
    values = await channel.read([node for node, _ in below])
    units = {
        way[:-1]: getattr(getattr(data.Value.Value, "DisplayName", None), "Text", "") or ""
        for (_, way), data in zip(below, values, strict=True)
        if way[-1] == "EngineeringUnits" and data.Value is not None
    }
    return [
        Found(names.spelled(node), way, _kind(data), units.get(way, ""))
        for (node, way), data in zip(below, values, strict=True)
        if way[-1] != "EngineeringUnits" and node.NamespaceIndex != 0
    ]


def _kind(data: ua.DataValue) -> str:
    if data.Value is None:
        return ""
    name = data.Value.VariantType.name
    if isinstance(data.Value.Value, list):
        return "int_list" if name in _INTEGERS else ""
    return "int" if name in _INTEGERS else _KINDS.get(name, "")


def propose(found: Iterable[Found], endpoint: str, line: Line | None = None) -> Proposal:
    """Return a mapping of what was found.

    Parameters
    ----------
    found : iterable of Found
        Variables of the server.
    endpoint : str
        Its address.
    line : Line or None
        Line whose elements are looked for; None: objects with a state are taken for stations.
    """
    items = list(found)
    elements = known_properties(line) if line is not None else _guessed(items)
    proposal = Proposal(None)
    nodes: dict[tuple[str, str], NodeSpec] = {}
    heartbeat = Heartbeat()
    for item in items:
        spec = _spec(item, elements)
        if item.node == f"nsu={NAMESPACE};s=time":
            heartbeat = Heartbeat(node=item.node)
        elif spec is None or (spec.element, spec.property) in nodes:
            proposal.left.append(item)
        else:
            nodes[spec.element, spec.property] = spec
    if nodes:
        name = line.id if line is not None else "line"
        ordered = tuple(sorted(nodes.values(), key=lambda spec: (spec.element, spec.property)))
        proposal.mapping = Mapping(
            line=name,
            endpoint=endpoint,
            heartbeat=heartbeat,
            nodes=ordered,
            max_skew_s=None if heartbeat.node.startswith(f"nsu={NAMESPACE}") else 2.0,
        )
    return proposal


def _guessed(items: list[Found]) -> dict[str, dict[str, str]]:
    """Return the objects that have a state, each as a station with one server."""
    line = serial_line([Constant(value_s=1.0)])
    properties = known_properties(line)[line.stations[0].id]
    names = {}
    for item in items:
        for k in (1, 2):
            meaning = _WAYS.get(tuple(word.casefold() for word in item.path[-k:]))
            if meaning is not None and len(item.path) > k:
                owner = item.path[:-k][-1]
                names[_slug(owner)] = properties
    return names


def _spec(item: Found, elements: dict[str, dict[str, str]]) -> NodeSpec | None:
    """Return what a variable says, or None if its path does not tell."""
    at = next(
        (
            (k, element)
            for k in range(len(item.path) - 1, -1, -1)
            for element in elements
            if element and _slug(item.path[k]) == _slug(element)
        ),
        None,
    )
    if at is None or not item.kind:
        return None
    position, element = at
    rest = item.path[position + 1 :]
    known = elements[element]
    named = ".".join(rest)
    if known.get(named) == item.kind:
        table = "packml" if named.endswith("state") else None
        return _node(item, element, named, item.kind, table)
    for k in (2, 1):
        meaning = _WAYS.get(tuple(word.casefold() for word in rest[-k:])) if rest else None
        if meaning is not None and meaning[0] in known and meaning[1] == item.kind:
            return _node(item, element, *meaning)
    if "state" in known and item.kind in {"int", "float"} and (item.unit or "signals" in rest):
        return _node(item, element, f"signals.{_slug(rest[-1])}", "float", None)
    return None


def _node(item: Found, element: str, prop: str, kind: str, table: str | None) -> NodeSpec:
    return NodeSpec.model_validate(
        {
            "node": item.node,
            "element": element,
            "property": prop,
            "type": kind,
            "unit": item.unit,
            "state_map": table,
            "required": not prop.startswith("signals."),
        }
    )


def _slug(text: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[^a-z0-9]+", "_", words.casefold()).strip("_") or "x"


_TEMPLATES: dict[str, tuple[str, list[tuple[str, str, str, str | None]]]] = {
    "packml": (
        "urn:example:packml",
        [
            ("{station}.Status.StateCurrent", "servers.0.state", "int", "packml"),
            ("{station}.Admin.ProdProcessedCount", "processed", "int", None),
            ("{station}.Admin.ProdDefectiveCount", "scrapped", "int", None),
        ],
    ),
    "machinery": (
        "urn:example:machinery",
        [
            ("{station}.MachineryItemState.CurrentState", "servers.0.state", "string", "machinery"),
            ("{station}.PartCount", "processed", "int", None),
        ],
    ),
    "jobcontrol": (
        "urn:example:jobs",
        [
            ("{station}.JobOrderState.CurrentState", "servers.0.state", "string", "job_control"),
            ("{station}.JobOrderID", "servers.0.order", "string", None),
            ("{station}.PartCount", "processed", "int", None),
        ],
    ),
}


def template(kind: Template, line: Line, endpoint: str) -> Mapping:
    """Return a mapping to put one's own node ids into.

    Parameters
    ----------
    kind : str
        ``packml``, ``machinery`` or ``jobcontrol``.
    line : Line
        Line whose stations are mapped.
    endpoint : str
        Address of the server.

    Raises
    ------
    InvalidInputError
        If ``endpoint`` is no address of an OPC UA server.
    """
    default_mapping(line, endpoint)  # refuses an address that is none, in words
    uri, ways = _TEMPLATES[kind]
    nodes = tuple(
        NodeSpec.model_validate(
            {
                "node": f"nsu={uri};s={way.format(station=station.id)}",
                "element": station.id,
                "property": prop,
                "type": form,
                "state_map": table,
            }
        )
        for station in line.stations
        for way, prop, form, table in ways
    )
    return Mapping(line=line.id, endpoint=endpoint, nodes=nodes)
