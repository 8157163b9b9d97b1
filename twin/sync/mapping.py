"""The mapping file: which node of the plant says what about which element of the line."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from twin.errors import Finding, InvalidInputError, UnknownNameError
from twin.events.kinds import Status
from twin.line import Line
from twin.line.files import located
from twin.line.reading import read_yaml
from twin.line.spec import Id, Spec, worded
from twin.sync.endpoint import Endpoint
from twin.sync.security import Security
from twin.units import PositiveDuration

VERSION = 1
NAMESPACE = "urn:linetwin:plant"
"""Namespace of the emulated plant."""
MAX_BYTES = 50_000_000

Type = Literal["boolean", "int", "float", "string", "datetime", "int_list"]
NodeText = Annotated[
    str, StringConstraints(pattern=r"^(nsu=[^;]+;)?(s=.+|i=\d+|g=.+|b=.+)$", max_length=512)
]
"""A node id. The namespace is spelled out (``nsu=urn:...;s=...``), because its index may change
whenever the server starts; without one it is the standard's own namespace."""

PACKML: dict[int, Status] = {
    1: Status.FAILED,  # Clearing
    2: Status.OFF,  # Stopped
    3: Status.SETUP,  # Starting
    4: Status.STARVED,  # Idle
    5: Status.BLOCKED,  # Suspended
    6: Status.PROCESSING,  # Execute
    7: Status.OFF,  # Stopping
    8: Status.FAILED,  # Aborting
    9: Status.FAILED,  # Aborted
    10: Status.FAILED,  # Holding: an internal cause stops the machine
    11: Status.FAILED,  # Held
    12: Status.FAILED,  # Unholding
    13: Status.BLOCKED,  # Suspending: an outer cause stops it
    14: Status.BLOCKED,  # Unsuspending
    15: Status.SETUP,  # Resetting
    16: Status.PROCESSING,  # Completing
    17: Status.STARVED,  # Complete
}
"""State numbers of PackML (OPC 30050) and the status each stands for."""

STATION = {
    "state": "int",
    "failure_mode": "string",
    "repairing": "boolean",
    "on": "boolean",
    "setup_group": "string",
    "processed": "int",
    "scrapped": "int",
}
SERVER = {
    "state": "int",
    "part": "int",
    "product": "string",
    "order": "string",
    "operation": "int",
}
BUFFER = {"level": "int", "parts": "int_list"}
SOURCE = {"created": "int", "waiting": "int"}
SINK = {"finished": "int", "last_part": "int"}


class NodeSpec(Spec):
    """One node and what it stands for."""

    node: NodeText
    """Node id at the plant."""
    element: str = ""
    """Station, buffer, source or sink of the line; empty for the plant as a whole."""
    property: str = Field(min_length=1)
    """What the node says, e.g. ``state``, ``servers.0.part``, ``level``, ``signals.vibration``."""
    type: Type = "float"
    """Type of the value."""
    unit: str = ""
    """Unit as shown."""
    state_map: Id | None = None
    """Table in ``state_maps`` that turns the number into a status."""
    required: bool = True
    """Whether the link counts as degraded while the node gives no good value."""
    sampling_s: PositiveDuration | None = None
    """Time between samples, s; none: that of the file."""
    queue_size: int | None = Field(default=None, ge=1, le=1_000_000)
    """Values the server keeps between publications; none: that of the file."""
    max_age_s: PositiveDuration | None = None
    """Age from which the value is uncertain, plant seconds; none: it may stay as it is for long."""


class Heartbeat(Spec):
    """The node that proves that the plant is alive: its clock."""

    node: NodeText
    """Node id of a DateTime that keeps moving."""
    late_after_s: PositiveDuration = 1.5
    """Age from which the link is degraded, s on our clock."""
    dead_after_s: PositiveDuration = 3.0
    """Age from which the link is given up and made anew, s on our clock."""

    @model_validator(mode="after")
    def _late_before_dead(self) -> Self:
        if self.late_after_s >= self.dead_after_s:
            raise ValueError("late_after_s must be shorter than dead_after_s")
        return self


class Mapping(Spec):
    """How one plant is read."""

    version: Literal[1] = 1
    """Version of the file format."""
    line: Id
    """Line that the nodes belong to."""
    source: Id = "plant"
    """Name of the source, part of every key in the journal."""
    endpoint: Endpoint
    """Address, ``opc.tcp://host:port/path``."""
    security: Security | None = None
    """How the connection is protected; none: not at all, for closed networks only."""
    heartbeat: Heartbeat
    """The plant's clock."""
    publishing_s: PositiveDuration = 0.1
    """Time between publications, s."""
    sampling_s: PositiveDuration = 0.05
    """Time between samples, s."""
    queue_size: int = Field(default=100, ge=2, le=1_000_000)
    """Values of one node that the server keeps between publications."""
    hold_back_s: PositiveDuration = 0.25
    """How long values wait for others of the same moment, s on our clock. What comes later is
    counted as late."""
    max_skew_s: PositiveDuration | None = None
    """Difference between the plant's clock and ours from which all values are uncertain, s; none:
    the plant may keep its own time, as an emulated one does."""
    state_maps: dict[Id, dict[int, Status]] = Field(default_factory=lambda: {"packml": PACKML})
    """Tables from state number to status."""
    nodes: tuple[NodeSpec, ...] = Field(min_length=1)
    """The nodes."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def by_node(self) -> dict[str, NodeSpec]:
        """Nodes by id, the heartbeat among them as property ``time``."""
        beat = NodeSpec(node=self.heartbeat.node, property="time", type="datetime")
        return {beat.node: beat} | {spec.node: spec for spec in self.nodes}

    def queue_size_of(self, spec: NodeSpec) -> int:
        """Return the queue size of a node: as given, never below two publications' samples."""
        sampling_s = spec.sampling_s or self.sampling_s
        return max(spec.queue_size or self.queue_size, self._least(sampling_s))

    def _least(self, sampling_s: float) -> int:
        return max(2, math.ceil(2 * self.publishing_s / sampling_s))


def mapping_schema() -> dict[str, Any]:
    """Return the JSON Schema of mapping files, for editors."""
    schema = Mapping.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_mapping(path: str | Path, line: Line | None = None) -> Mapping:
    """Read a mapping file.

    Parameters
    ----------
    path : str or Path
        A YAML file.
    line : Line or None
        Line to check the elements against.

    Raises
    ------
    InvalidInputError
        If the file cannot be read or used; all findings at once, each with file and line.
    """
    found = Path(path)
    title = f"the mapping file {path}"
    try:
        if found.stat().st_size > MAX_BYTES:
            raise InvalidInputError(title, [Finding("", f"larger than {MAX_BYTES} bytes")])
        text = found.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        finding = Finding("", f"cannot be read: {reason}", remedy="check the path")
        raise InvalidInputError(title, [finding]) from error
    return mapping_from_text(text, str(path), line)


def mapping_from_text(text: str, file: str = "", line: Line | None = None) -> Mapping:
    """Read a mapping from YAML text; see ``load_mapping``. ``file`` is named in findings."""
    title = f"the mapping file {file}" if file else "the mapping"
    document, rows, unread = read_yaml(text)
    if unread:
        raise InvalidInputError(title, [located(item, file, rows) for item in unread])
    if not isinstance(document, dict):
        expected = "keys such as line, endpoint, heartbeat, nodes"
        raise InvalidInputError(title, [Finding("", "no mapping of keys to values", expected)])
    try:
        mapping = Mapping.model_validate(document)
    except ValidationError as error:
        findings = [worded(item, "", document, Mapping) for item in error.errors()]
        raise InvalidInputError(title, [located(item, file, rows) for item in findings]) from error
    found = mapping_findings(mapping, line)
    if found:
        raise InvalidInputError(title, [located(item, file, rows) for item in found])
    return mapping


def save_mapping(mapping: Mapping, path: str | Path) -> None:
    """Write a mapping as YAML; ``load_mapping`` gives the same one back. Defaults are left out."""
    document = mapping.model_dump(mode="json", exclude_defaults=True)
    document = {"version": mapping.version, **document}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    Path(path).write_text(text, encoding="utf-8")


def mapping_findings(mapping: Mapping, line: Line | None = None) -> list[Finding]:
    """Return what does not hold together in a mapping, and between it and a line."""
    findings: list[Finding] = []
    nodes: dict[str, int] = {mapping.heartbeat.node: -1}
    meanings: dict[tuple[str, str], int] = {}
    known = known_properties(line) if line else None
    for position, spec in enumerate(mapping.nodes):
        at = f"nodes.{position}"
        if spec.node in nodes:
            other = "the heartbeat" if nodes[spec.node] < 0 else f"nodes.{nodes[spec.node]}"
            findings.append(Finding(f"{at}.node", f"{spec.node!r} is also {other}"))
        nodes.setdefault(spec.node, position)
        meaning = (spec.element, spec.property)
        if meaning in meanings:
            message = f"{'.'.join(meaning)} is also nodes.{meanings[meaning]}"
            findings.append(Finding(f"{at}.property", message, remedy="map one node to it"))
        meanings.setdefault(meaning, position)
        findings += _node_findings(mapping, spec, at)
        if known is not None:
            findings += _meaning_findings(spec, at, known)
    if line is not None and line.id != mapping.line:
        findings.append(Finding("line", f"is {mapping.line!r}", f"the line {line.id!r}"))
    return findings


def _node_findings(mapping: Mapping, spec: NodeSpec, at: str) -> list[Finding]:
    findings = []
    if spec.state_map is not None and spec.state_map not in mapping.state_maps:
        names = ", ".join(mapping.state_maps)
        message = f"unknown state map {spec.state_map!r}"
        findings.append(Finding(f"{at}.state_map", message, f"one of: {names}"))
    least = math.ceil(2 * mapping.publishing_s / (spec.sampling_s or mapping.sampling_s))
    if (spec.queue_size or mapping.queue_size) < least:
        findings.append(
            Finding(
                f"{at}.queue_size" if spec.queue_size else "queue_size",
                f"{spec.queue_size or mapping.queue_size} may overflow between publications",
                f"at least {least} (2 x publishing / sampling)",
                "raise queue_size or sampling_s",
            )
        )
    return findings


def _meaning_findings(spec: NodeSpec, at: str, known: dict[str, dict[str, str]]) -> list[Finding]:
    if spec.element not in known:
        names = ", ".join(sorted(filter(None, known))[:20])
        return [Finding(f"{at}.element", f"unknown element {spec.element!r}", f"one of: {names}")]
    properties = known[spec.element]
    if spec.property.startswith("signals.") and "state" in properties:
        return []
    if spec.property not in properties:
        expected = f"one of: {', '.join(properties)}" if properties else ""
        return [Finding(f"{at}.property", f"unknown property {spec.property!r}", expected)]
    if spec.type != properties[spec.property]:
        message = f"{spec.property} cannot be of type {spec.type!r}"
        return [Finding(f"{at}.type", message, properties[spec.property])]
    return []


def known_properties(line: Line) -> dict[str, dict[str, str]]:
    """Return what can be known of each element of a line: element -> property -> type."""
    known: dict[str, dict[str, str]] = {"": {}}
    for station in line.stations:
        servers = {
            f"servers.{k}.{name}": kind
            for k in range(station.servers)
            for name, kind in SERVER.items()
        }
        known[station.id] = STATION | servers
    known |= {buffer.id: dict(BUFFER) for buffer in line.buffers}
    known |= {source.id: dict(SOURCE) for source in line.sources}
    return known | {sink.id: dict(SINK) for sink in line.sinks}


def default_mapping(line: Line, endpoint: str) -> Mapping:
    """Return the mapping of the emulated plant of a line.

    Parameters
    ----------
    line : Line
        Line that the plant runs.
    endpoint : str
        Address of its server.

    Raises
    ------
    InvalidInputError
        If ``endpoint`` is no address of an OPC UA server.

    Examples
    --------
    >>> from twin.line import Constant, serial_line
    >>> line = serial_line([Constant(value_s=1.0)])
    >>> mapping = default_mapping(line, "opc.tcp://127.0.0.1:4840/")
    >>> mapping.nodes[0].node
    'nsu=urn:linetwin:plant;s=sources.source.created'
    """
    sections = (("sources", line.sources), ("stations", line.stations), ("buffers", line.buffers))
    known = known_properties(line)
    nodes: list[NodeSpec] = []
    for section, places in (*sections, ("sinks", line.sinks)):
        for place in places:
            head = f"nsu={NAMESPACE};s={section}.{place.id}"
            nodes += [
                NodeSpec.model_validate(
                    {
                        "node": f"{head}.{name}",
                        "element": place.id,
                        "property": name,
                        "type": kind,
                        "state_map": "packml" if name.endswith("state") else None,
                    }
                )
                for name, kind in known[place.id].items()
            ]
    nodes += [
        NodeSpec(
            node=f"nsu={NAMESPACE};s=stations.{station.id}.signals.{name}",
            element=station.id,
            property=f"signals.{name}",
            unit=signal.unit,
            required=False,
        )
        for station in line.stations
        for name, signal in station.signals.items()
    ]
    try:
        return Mapping(
            line=line.id,
            endpoint=endpoint,
            heartbeat=Heartbeat(node=f"nsu={NAMESPACE};s=time"),
            nodes=tuple(nodes),
        )
    except ValidationError as error:
        findings = [worded(item) for item in error.errors()]
        raise InvalidInputError("the mapping of the emulated plant", findings) from error


def status_of(mapping: Mapping, spec: NodeSpec, number: int) -> Status:
    """Return the status a state number stands for.

    Raises
    ------
    UnknownNameError
        If the state map does not know the number.
    """
    table = mapping.state_maps.get(spec.state_map or "packml", PACKML)
    if number not in table:
        raise UnknownNameError("state number", str(number), [str(known) for known in table])
    return table[number]
