"""Mapping files: read, written, and described for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from twin.errors import Finding, InvalidInputError
from twin.line import Line
from twin.line.files import located
from twin.line.reading import Lines, read_yaml
from twin.line.spec import worded
from twin.sync.elements import CREW, known_properties
from twin.sync.mapping import Heartbeat, Mapping, NodeSpec, mapping_findings

NAMESPACE = "urn:linetwin:plant"
"""Namespace of the emulated plant."""
MAX_BYTES = 50_000_000


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
    return mapping_from_text(_text(path), str(path), line)


def mapping_from_text(text: str, file: str = "", line: Line | None = None) -> Mapping:
    """Read a mapping from YAML text; see ``load_mapping``. ``file`` is named in findings."""
    mapping, rows = _parsed(text, file)
    found = mapping_findings(mapping, line)
    if found:
        raise InvalidInputError(_title(file), [located(item, file, rows) for item in found])
    return mapping


def read_mapping(
    path: str | Path, line: Line | None = None
) -> tuple[Mapping, Lines, list[Finding]]:
    """Read a mapping file that need not hold together.

    Returns
    -------
    mapping : Mapping
        What the file says.
    rows : Lines
        Rows of its keys, for ``located``.
    findings : list of Finding
        What does not hold together, in itself or with ``line``.

    Raises
    ------
    InvalidInputError
        If the file cannot be read, or its keys and values are not those of a mapping.
    """
    mapping, rows = _parsed(_text(path), str(path))
    return (
        mapping,
        rows,
        [located(item, str(path), rows) for item in mapping_findings(mapping, line)],
    )


def _title(file: str) -> str:
    return f"the mapping file {file}" if file else "the mapping"


def _text(path: str | Path) -> str:
    found = Path(path)
    title = _title(str(path))
    try:
        if found.stat().st_size > MAX_BYTES:
            raise InvalidInputError(title, [Finding("", f"larger than {MAX_BYTES} bytes")])
        return found.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        finding = Finding("", f"cannot be read: {reason}", remedy="check the path")
        raise InvalidInputError(title, [finding]) from error


def _parsed(text: str, file: str) -> tuple[Mapping, Lines]:
    title = _title(file)
    document, rows, unread = read_yaml(text)
    if unread:
        raise InvalidInputError(title, [located(item, file, rows) for item in unread])
    if not isinstance(document, dict):
        expected = "keys such as line, endpoint, heartbeat, nodes"
        raise InvalidInputError(title, [Finding("", "no mapping of keys to values", expected)])
    try:
        return Mapping.model_validate(document), rows
    except ValidationError as error:
        findings = [worded(item, "", document, Mapping) for item in error.errors()]
        raise InvalidInputError(title, [located(item, file, rows) for item in findings]) from error


def save_mapping(mapping: Mapping, path: str | Path) -> None:
    """Write a mapping as YAML; ``load_mapping`` gives the same one back. Defaults are left out."""
    Path(path).write_text(mapping_text(mapping), encoding="utf-8")


def mapping_text(mapping: Mapping) -> str:
    """Return a mapping as YAML; defaults are left out."""
    document = mapping.model_dump(mode="json", exclude_defaults=True)
    document = {"version": mapping.version, **document}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


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
    sections = (
        *(("sources", line.sources), ("stations", line.stations), ("buffers", line.buffers)),
        *(("sinks", line.sinks), ("pools", line.vehicles)),
        ("crews", tuple(crew for crew in line.crews if crew.calendar is not None)),
    )
    known = known_properties(line)
    nodes: list[NodeSpec] = []
    for section, places in sections:
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
                # Nobody of an emulated plant is absent without being supposed to.
                if name != "absent" and (name in CREW) == (section == "crews")
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
            max_skew_s=None,  # an emulated plant keeps its own time
            nodes=tuple(nodes),
        )
    except ValidationError as error:
        findings = [worded(item) for item in error.errors()]
        raise InvalidInputError("the mapping of the emulated plant", findings) from error
