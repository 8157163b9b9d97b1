"""The mapping file: which node of the plant says what about which element of the line."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from twin.errors import Finding, UnknownNameError
from twin.events.kinds import Status
from twin.line import Line
from twin.line.spec import Id, Spec
from twin.sync.elements import known_properties
from twin.sync.endpoint import Endpoint
from twin.sync.nodeid import usable_node
from twin.sync.security import Security
from twin.sync.target import SERVER_TIME
from twin.units import Duration, PositiveDuration

Type = Literal["boolean", "int", "float", "string", "datetime", "int_list"]
NodeText = Annotated[
    str,
    StringConstraints(pattern=r"^(nsu=[^;]+;)?(s=.+|i=\d+|g=.+|b=.+)$", max_length=512),
    AfterValidator(usable_node),
]
"""A node id. The namespace is spelled out (``nsu=urn:...;s=...``), because its index may change
whenever the server starts; without one it is the standard's own namespace."""

PACKML: dict[int | str, Status] = {
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

MACHINERY: dict[int | str, Status] = {
    "NotAvailable": Status.OFF,
    "OutOfService": Status.FAILED,
    "NotExecuting": Status.STARVED,
    "Executing": Status.PROCESSING,
}
"""State names of a machinery item (OPC 40001-1) and the status each stands for."""

JOB_CONTROL: dict[int | str, Status] = {
    "NotAllowedToStart": Status.OFF,
    "AllowedToStart": Status.STARVED,
    "Running": Status.PROCESSING,
    "Interrupted": Status.FAILED,
    "Ended": Status.STARVED,
    "Aborted": Status.FAILED,
}
"""State names of a job order (OPC 10031-4) and the status each stands for."""

STATE_MAPS = {"packml": PACKML, "machinery": MACHINERY, "job_control": JOB_CONTROL}


def _numbered(table: object) -> object:
    """Return a table of states whose keys are numbers where the file has digits."""
    if not isinstance(table, dict):
        return table
    return {
        int(key) if isinstance(key, str) and key.removeprefix("-").isdigit() else key: status
        for key, status in table.items()
    }


StateMap = Annotated[dict[int | str, Status], BeforeValidator(_numbered)]


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
    """Table that turns a state into a status; none: ``packml``."""
    required: bool = True
    """Whether the link counts as degraded while the node gives no good value."""
    sampling_s: Duration | None = None
    """Time between samples, s; 0: every change; none: that of the file."""
    queue_size: int | None = Field(default=None, ge=1, le=1_000_000)
    """Values the server keeps between publications; none: that of the file."""
    max_age_s: PositiveDuration | None = None
    """Age from which the value is uncertain, plant seconds; none: it may stay as it is for long."""


class Heartbeat(Spec):
    """The node that proves that the plant is alive: its clock."""

    node: NodeText = SERVER_TIME
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


class Replay(Spec):
    """Values that were recorded."""

    path: str = Field(min_length=1)
    """A CSV or Parquet file, or a folder written by ``twin record``; seen from the mapping file."""
    speed: float = Field(default=1.0, gt=0, le=100_000)
    """Recorded seconds that pass in one second."""
    time: str = "source_time"
    """Column of the moments, with zone; without one they are UTC."""
    node: str = "node"
    """Column that names the node."""
    value: str = "value"
    """Column of the values."""


class Sparkplug(Spec):
    """A broker at which edge nodes publish by Sparkplug B."""

    host: str = Field(min_length=1, max_length=253)
    """Name or address of the broker."""
    port: int = Field(default=1883, ge=1, le=65_535)
    """Its port; 8883 with ``tls``."""
    group: str = Field(pattern=r"^[^+#/]+$", max_length=200)
    """Group id."""
    tls: bool = False
    """Whether the connection is encrypted, with the certificate checked."""
    user: str | None = None
    """User name."""
    password_env: str | None = None
    """Environment variable that holds the password."""
    ask_rebirth: bool = True
    """Whether an edge node may be asked to tell everything again after a loss. It is the only
    message ever sent."""


class Mapping(Spec):
    """How one plant is read."""

    version: Literal[1] = 1
    """Version of the file format."""
    line: Id
    """Line that the nodes belong to."""
    source: Id = "plant"
    """Name of the source, part of every key in the journal."""
    endpoint: Endpoint = ""
    """Address of an OPC UA server, ``opc.tcp://host:port/path``."""
    replay: Replay | None = None
    """Recorded values instead of a server."""
    sparkplug: Sparkplug | None = None
    """A broker of MQTT with Sparkplug B instead of a server."""
    security: Security | None = None
    """How the connection is protected; none: not at all, for closed networks only."""
    heartbeat: Heartbeat = Heartbeat()
    """The plant's clock; without one the server's own."""
    publishing_s: PositiveDuration = 0.1
    """Time between publications, s."""
    sampling_s: Duration = 0.05
    """Time between samples, s; 0: every change, as far as the server can."""
    queue_size: int = Field(default=100, ge=2, le=1_000_000)
    """Values of one node that the server keeps between publications."""
    hold_back_s: PositiveDuration = 0.25
    """How long values wait for others of the same moment, s on our clock. What comes later is
    counted as late."""
    max_skew_s: PositiveDuration | None = 2.0
    """Difference between the plant's clock and ours from which all values are uncertain, s; none:
    the plant may keep its own time, as an emulated one does."""
    state_maps: dict[Id, StateMap] = Field(default_factory=dict)
    """Tables from state, by number or name, to status. ``packml``, ``machinery`` and
    ``job_control`` are there already."""
    nodes: tuple[NodeSpec, ...] = Field(min_length=1)
    """The nodes."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [bool(self.endpoint), self.replay is not None, self.sparkplug is not None]
        if sum(given) != 1:
            raise ValueError("give one of endpoint, replay and sparkplug")
        return self

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def tables(self) -> dict[str, dict[int | str, Status]]:
        """Tables of states by name, those that need not be written among them."""
        return STATE_MAPS | self.state_maps

    @cached_property
    def by_node(self) -> dict[str, NodeSpec]:
        """Nodes by id, the heartbeat among them as property ``time``."""
        beat = NodeSpec(node=self.heartbeat.node, property="time", type="datetime")
        return {beat.node: beat} | {spec.node: spec for spec in self.nodes}

    def sampling_of(self, spec: NodeSpec) -> float:
        """Return the time between samples of a node, s; 0: every change is wanted."""
        return self.sampling_s if spec.sampling_s is None else spec.sampling_s

    def queue_size_of(self, spec: NodeSpec) -> int:
        """Return the queue size of a node: as given, never below two publications' samples."""
        return max(spec.queue_size or self.queue_size, self.least_queue_of(spec))

    def least_queue_of(self, spec: NodeSpec) -> int:
        """Return how many samples of a node come in two publications."""
        sampling_s = self.sampling_of(spec)
        return max(2, math.ceil(2 * self.publishing_s / sampling_s)) if sampling_s else 2

    def most_per_s(self, spec: NodeSpec) -> float:
        """Return how many values a node can bring at most, 1/s: by its samples, else its queue."""
        sampling_s = self.sampling_of(spec)
        return 1.0 / sampling_s if sampling_s else self.queue_size_of(spec) / self.publishing_s


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
            findings += _meaning_findings(mapping, spec, at, known)
    if line is not None and line.id != mapping.line:
        findings.append(Finding("line", f"is {mapping.line!r}", f"the line {line.id!r}"))
    return findings


def _node_findings(mapping: Mapping, spec: NodeSpec, at: str) -> list[Finding]:
    findings = []
    if spec.state_map is not None and spec.state_map not in mapping.tables:
        names = ", ".join(mapping.tables)
        message = f"unknown state map {spec.state_map!r}"
        findings.append(Finding(f"{at}.state_map", message, f"one of: {names}"))
    least = mapping.least_queue_of(spec)
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


def _meaning_findings(
    mapping: Mapping, spec: NodeSpec, at: str, known: dict[str, dict[str, str]]
) -> list[Finding]:
    if spec.element not in known:
        names = ", ".join(sorted(filter(None, known))[:20])
        return [Finding(f"{at}.element", f"unknown element {spec.element!r}", f"one of: {names}")]
    properties = known[spec.element]
    if spec.property.startswith("signals.") and "state" in properties:
        return []
    if spec.property not in properties:
        expected = f"one of: {', '.join(properties)}" if properties else ""
        return [Finding(f"{at}.property", f"unknown property {spec.property!r}", expected)]
    table = mapping.tables.get(spec.state_map or "packml", {})
    by_name = any(isinstance(state, str) for state in table)
    named = spec.property.endswith("state") and spec.type == "string" and by_name
    if spec.type != properties[spec.property] and not named:
        message = f"{spec.property} cannot be of type {spec.type!r}"
        return [Finding(f"{at}.type", message, properties[spec.property])]
    return []


def status_of(mapping: Mapping, spec: NodeSpec, state: int | str) -> Status:
    """Return the status that a state, by number or name, stands for.

    Raises
    ------
    UnknownNameError
        If the table does not know it.
    """
    table = mapping.tables.get(spec.state_map or "packml", PACKML)
    if state not in table:
        raise UnknownNameError("state", str(state), [str(known) for known in table])
    return table[state]
