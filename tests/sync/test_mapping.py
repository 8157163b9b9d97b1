"""Mapping files: what they hold, and how they are told to be wrong."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from twin.errors import InvalidInputError
from twin.events.kinds import Status
from twin.line import example_line
from twin.sync.mapfile import (
    default_mapping,
    load_mapping,
    mapping_from_text,
    mapping_schema,
    save_mapping,
)
from twin.sync.mapping import Mapping, mapping_findings

LINE = example_line("two_station")
TEXT = """
version: 1
line: two_station
endpoint: opc.tcp://127.0.0.1:4840/
heartbeat: {node: "nsu=urn:linetwin:plant;s=time"}
publishing_s: 0.1
sampling_s: 0.05
nodes:
  - node: nsu=urn:linetwin:plant;s=stations.press.state
    element: press
    property: state
    type: int
    state_map: packml
"""


def findings_of(text: str) -> list[str]:
    """Return the findings of a mapping text as lines."""
    with pytest.raises(InvalidInputError) as caught:
        mapping_from_text(text, "plant.yaml", LINE)
    return [str(finding) for finding in caught.value.findings]


def test_good_file_is_read() -> None:
    """A minimal file is taken with its defaults."""
    mapping = mapping_from_text(TEXT, "plant.yaml", LINE)
    assert mapping.nodes[0].element == "press"
    assert mapping.tables["packml"][6] is Status.PROCESSING
    assert mapping.queue_size_of(mapping.nodes[0]) == 100


def test_every_change_may_be_asked_for() -> None:
    """A sampling of 0 is every change: then the queue alone limits what a node can bring."""
    mapping = mapping_from_text(TEXT.replace("sampling_s: 0.05", "sampling_s: 0"), "x", LINE)
    node = mapping.nodes[0]
    assert (mapping.sampling_of(node), mapping.queue_size_of(node)) == (0.0, 100)
    assert mapping.most_per_s(node) == pytest.approx(100 / mapping.publishing_s)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("element: press", "element: pres", "plant.yaml:10: nodes.0.element: unknown element"),
        ("property: state", "property: stat", "plant.yaml:11: nodes.0.property: unknown property"),
        ("type: int", "type: string", "plant.yaml:12: nodes.0.type: state cannot be of type"),
        ("state_map: packml", "state_map: ours", "nodes.0.state_map: unknown state map 'ours'"),
        ("sampling_s: 0.05", "sampling_s: 0.001", "plant.yaml:9: nodes.0.queue_size"),
        ("sampling_s: 0.05", "samplings: 0.05", "plant.yaml:7: samplings: unknown key"),
        ("opc.tcp://127.0.0.1:4840/", "http://127.0.0.1", "plant.yaml:4: endpoint"),
        ("line: two_station", "line: other", "plant.yaml:3: line: is 'other'"),
        ("version: 1", "version: 2", "plant.yaml:2: version"),
        ("s=stations.press.state", "s=time", "nodes.0.node"),
        ("nodes:", "nodes: [", "no YAML"),
    ],
)
def test_findings_name_place_and_expectation(old: str, new: str, told: str) -> None:
    """Each mistake is told with file, line and what was expected."""
    assert old in TEXT
    text = "\n".join(findings_of(TEXT.replace(old, new, 1)))
    if "queue_size" in told:
        told = "queue_size: 100 may overflow between publications; expected at least 200"
    assert told in text


def test_all_findings_come_at_once() -> None:
    """The second mistake does not wait for the first to be mended."""
    text = TEXT.replace("element: press", "element: pres").replace(
        "state_map: packml", "state_map: ours"
    )
    assert len(findings_of(text)) == 2


@pytest.mark.parametrize("name", ["two_station", "bottling", "electronics"])
def test_default_mapping_covers_the_line(name: str) -> None:
    """The emulated plant's mapping holds together and speaks of every element."""
    line = example_line(name)
    mapping = default_mapping(line, "opc.tcp://127.0.0.1:4840/")
    assert mapping_findings(mapping, line) == []
    told = {spec.element for spec in mapping.nodes}
    places = (line.sources, line.stations, line.buffers, line.sinks)
    assert told == {place.id for group in places for place in group}


def test_saved_mapping_comes_back(tmp_path: Path) -> None:
    """Writing and reading gives the same mapping with the same hash."""
    mapping = default_mapping(LINE, "opc.tcp://127.0.0.1:4840/")
    save_mapping(mapping, tmp_path / "plant.yaml")
    found = load_mapping(tmp_path / "plant.yaml", LINE)
    assert found == mapping
    assert found.hash == mapping.hash


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere gives a message, not a traceback of the system's."""
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        load_mapping(tmp_path / "nowhere.yaml")


def test_bad_endpoint_is_told() -> None:
    """An address that is none is refused when the mapping is made."""
    with pytest.raises(InvalidInputError, match="endpoint"):
        default_mapping(LINE, "127.0.0.1:4840")


def test_schema_takes_what_the_file_takes() -> None:
    """The schema for editors names every key of the file."""
    schema = mapping_schema()
    assert set(schema["properties"]) == set(Mapping.model_fields)
    assert schema["additionalProperties"] is False
    TypeAdapter(dict[str, object]).validate_python(schema)
