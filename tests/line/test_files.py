"""Line files: every finding by file and line, nothing lost on the way to disk and back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from twin.errors import Finding, LineError, TwinError, UnknownNameError
from twin.line import (
    Buffer,
    Exponential,
    JobOrder,
    Line,
    Sink,
    example_line,
    example_names,
    line_from_document,
    line_from_text,
    line_schema,
    load_line,
    save_line,
    serial_line,
)
from twin.line.reading import read_yaml
from twin.testing import lines

GOOD = """\
id: small
time_zone: Asia/Bangkok
start: 2026-01-05T06:00:00
sources:
  - {id: store, arrivals: orders}
stations:
  - id: mill
    servers: 1
    failures:
      - id: tool
        time_to_failure_s: {kind: exponential, mean_s: 2 h}
        time_to_repair_s: 5 min
        crew: fitters
    setup:
      initial_group: nut
      matrix_s: {nut: {bolt: 5 min}}
  - id: wash
    input_buffer: tray
    calendar: day
buffers:
  - {id: tray, capacity: 4}
crews:
  - {id: fitters}
calendars:
  - id: day
    shifts:
      - {start: 08:00, end: 17:00}
products:
  - id: nut
    routing: &steps
      - {id: cut, stations: [mill], processing_time_s: 30}
      - {id: clean, stations: [wash], processing_time_s: 20 s}
  - id: bolt
    routing: *steps
orders:
  - {id: A1, product: nut, quantity: 5, due_date_s: 8h}
  - {id: A2, product: bolt, quantity: 5, release_s: 2026-01-05T08:00, due_date_s: 2026-01-06}
"""


def findings_of(text: str) -> list[Finding]:
    """Return what is wrong with a line text."""
    with pytest.raises(LineError) as caught:
        line_from_text(text, "small.yaml")
    return list(caught.value.findings)


def test_good_file_is_read() -> None:
    """Units, moments, clock times, anchors: all as a person writes them."""
    line = line_from_text(GOOD, "small.yaml")
    assert line.station("mill").failures[0].time_to_repair_s.expected_s() == 300.0
    assert line.order("A2").release_s == 7200.0
    assert line.order("A2").due_date_s == 18 * 3600.0
    assert line.calendar("day").shifts[0].start == "08:00"
    assert line.start_utc == datetime(2026, 1, 4, 23, tzinfo=UTC)


# what is changed in the good text, by what; line, path and a word of the finding it must give
BROKEN = [
    ("servers: 1", "servers: 0", 8, "stations.mill.servers", "is 0; expected at least 1"),
    ("servers: 1", "servers: many", 8, "stations.mill.servers", "is no whole number"),
    ("servers: 1", "sevrers: 1", 8, "stations.mill.sevrers", "unknown key"),
    ("mean_s: 2 h", "mean_s: .nan", 11, "mean_s", "not a finite"),
    ("mean_s: 2 h", "mean_s: -2 h", 11, "mean_s", "expected above 0"),
    ("mean_s: 2 h", "mean_s: 2 moons", 11, "mean_s", "unknown unit"),
    ("mean_s: 2 h", "mean: 2 h", 11, "mean_s", "is missing"),
    ("kind: exponential", "kind: expo", 11, "time_to_failure_s", "unknown kind 'expo'"),
    ("crew: fitters", "crew: nobody", 13, "stations.mill.failures.tool.crew", "unknown crew"),
    ("initial_group: nut", "initial_group: nail", 15, "setup.initial_group", "setup group 'nail'"),
    ("bolt: 5 min", "nail: 5 min", 16, "setup.matrix_s.nail", "setup group 'nail'"),
    ("input_buffer: tray", "input_buffer: box", 18, "stations.wash.input_buffer", "unknown buffer"),
    ("calendar: day", "calendar: night", 19, "stations.wash.calendar", "unknown calendar"),
    ("capacity: 4", "capacity: 0", 21, "buffers.tray.capacity", "is 0; expected at least 1"),
    ("{id: fitters}", "[fitters]", 23, "crews.0", "crew"),
    ("start: 08:00", "start: 8", 27, "calendars.day.shifts.0.start", "8 is no text"),
    ("stations: [mill]", "stations: [mil]", 31, "products.nut.routing.cut.stations", "'mil'"),
    ("stations: [mill]", "stations: [mill, mill]", 31, "routing.cut.stations", "named twice"),
    ("id: clean", "id: cut", 31, "products.nut.routing.cut", "used 2 times"),
    ("product: nut", "product: nail", 36, "orders.A1.product", "unknown product 'nail'"),
    ("quantity: 5, due_date_s: 8h", "quantity: 0", 36, "orders.A1.quantity", "expected at least 1"),
    ("due_date_s: 8h", "due_date_s: 0", 36, "orders.A1", "after release_s"),
    ("due_date_s: 2026-01-06", "due_date_s: 2026-13-06", 37, "", "month must be in 1..12"),
    ("id: A2", "id: A1", 36, "orders.A1", "used 2 times"),
    ("id: wash", "id: mill", 7, "stations.mill", "used 2 times"),
    ("{id: tray, ", "{id: wash, ", 21, "buffers.wash", "is also the id of"),
    ("arrivals: orders", "arrivals: sometimes", 5, "sources.store.arrivals", "'orders'"),
    ("arrivals: orders", "arrivals: interarrival", 5, "sources.store", "interarrival_s goes with"),
    ("time_zone: Asia/Bangkok", "time_zone: Asia/Atlantis", 2, "time_zone", "unknown time zone"),
    ("start: 2026-01-05T06:00:00", "start: soon", 3, "start", "datetime"),
    ("id: small", "id: 1small", 1, "id", "is no name"),
    ("id: small", "id: small\nid: big", 2, "id", "stands already in line 1"),
    ("id: small", "id: small\ncolour: red", 2, "colour", "unknown key"),
    ("id: small", "id: [", 4, "", "no YAML"),
    ("id: small", "id: small\n3: x", 2, "3", "keys should be strings"),
]


@pytest.mark.parametrize(
    ("old", "new", "row", "path", "word"),
    BROKEN,
    ids=[new.split("\n")[-1] for _, new, *_ in BROKEN],
)
def test_finding_names_file_line_and_path(
    old: str, new: str, row: int, path: str, word: str
) -> None:
    """Each kind of mistake is told where it stands."""
    assert old in GOOD
    findings = findings_of(GOOD.replace(old, new, 1))
    told = [f for f in findings if path in f.path and word in str(f)]
    assert told, "\n".join(map(str, findings))
    assert told[0].file == "small.yaml"
    assert (told[0].line == row) or "[" in new, str(told[0])


def test_all_findings_come_at_once() -> None:
    """Three mistakes, three findings; one bad item does not hide the others."""
    text = GOOD.replace("servers: 1", "servers: 0").replace("product: nut", "product: nail")
    text = text.replace("calendar: day", "calendar: night")
    paths = {finding.path for finding in findings_of(text)}
    assert {"stations.mill.servers", "orders.A1.product", "stations.wash.calendar"} <= paths


def test_one_bad_item_breeds_no_others() -> None:
    """What refers to an item that could not be read is not called unknown."""
    findings = findings_of(GOOD.replace("servers: 1", "servers: 0"))
    assert len(findings) == 1


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"buffers": [*({"id": n} for n in ("tray", "spare"))]}, "no station takes parts from it"),
        ({"sources": [{"id": "a"}], "orders": []}, "several products and this source names none"),
        ({"sources": [{"id": "a", "products": {"nut": 1}}]}, "no source makes orders"),
        ({"sources": [{"id": n, "arrivals": "orders"} for n in "ab"]}, "makes the orders already"),
        ({"sinks": [{"id": "out"}, {"id": "bin"}]}, "several sinks"),
        ({"sinks": []}, "the line has none"),
        ({"stations.mill.servers": 2}, "would share one setup"),
        ({"stations.mill.failures.tool.time_to_failure_s": 0}, "fails without ever running"),
        ({"products.nut.routing.cut.rework": {"probability": 0.1, "to": "clean"}}, "not this"),
        (
            {
                "products.nut.routing.cut.rework": {"probability": 0.6, "to": "cut"},
                "products.nut.routing.cut.scrap_probability": 0.6,
            },
            "together exceed 1",
        ),
        ({"products.nut.routing.cut.processing_time_by_station_s": {"wash": 1}}, "not among"),
        (
            {"sources": [{"id": "a", "arrivals": "interarrival", "interarrival_s": 0,
                          "products": {"nut": 1}}], "orders": []},
            "without end at one time",
        ),
    ],
)  # fmt: skip
def test_parts_must_fit_together(changes: dict[str, Any], word: str) -> None:
    """What no single item shows is found between the items."""
    with pytest.raises(LineError, match=word):
        line_from_text(GOOD).changed(changes)


def test_endless_supply_needs_a_limit() -> None:
    """An unlimited source in front of an unlimited buffer would run for ever."""
    line = serial_line([Exponential(mean_s=1.0)])
    with pytest.raises(LineError, match="fill buffer 'pile' for ever"):
        line.changed({"buffers": [{"id": "pile"}], "stations.s1.input_buffer": "pile"})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("- just\n- a list", "no mapping"),
        ("", "no mapping"),
        ("a: &x [*x]", "inside itself"),
        ("[" * 3000, "nested"),
        ("[" * 80 + "]" * 80, "nested deeper"),
        ("\x00", "special characters"),
        ("start: 2026-02-31", "day"),
        ("? [a, b]\n: 3", "unhashable"),
        ("id: !!python/object:os.system x", "tag"),
        ("x0: &x0 [1,1,1,1,1,1,1,1,1,1]\n"
         + "".join(f"x{k}: &x{k} [{','.join([f'*x{k - 1}'] * 10)}]\n" for k in range(1, 8)),
         "values once anchors are followed"),
    ],
    ids=["list", "empty", "loop", "open", "deep", "control", "date", "key", "tag", "laughs"],
)  # fmt: skip
def test_hostile_text_is_refused(text: str, word: str) -> None:
    """No text, however odd, gives anything but findings."""
    with pytest.raises(LineError, match=word):
        line_from_text(text, "odd.yaml")


def test_words_that_yaml_misreads_stay_words() -> None:
    """``no`` is a name and 22:00 a clock time, as everybody thinks who has not read YAML 1.1."""
    text = GOOD.replace("id: nut", "id: no").replace("product: nut", "product: no")
    text = text.replace("initial_group: nut", "initial_group: no").replace("{nut:", "{no:")
    text = text.replace("end: 17:00", "end: 22:00")
    line = line_from_text(text)
    assert line.product("no").id == "no"
    assert line.calendar("day").shifts[0].end == "22:00"


def test_merge_keys_are_followed() -> None:
    """``<<`` takes over what is not written out, and findings inside still have a line."""
    text = GOOD.replace(
        "- {id: tray, capacity: 4}", "- &b {id: tray, capacity: 4}\n  - {<<: *b, id: box}"
    )
    text = text.replace("- id: mill\n", "- id: mill\n    input_buffer: box\n")
    assert line_from_text(text).buffer("box").capacity == 4
    found = findings_of(text.replace("capacity: 4", "capacity: 0"))
    assert {finding.line for finding in found} == {22}


def test_examples_are_whole() -> None:
    """Each line that ships is read, and a wrong name is told with the right ones."""
    names = ["assembly", "bottling", "electronics", "grinding", "machining", "transport"]
    names.append("two_station")
    assert example_names() == names
    for name in example_names():
        assert example_line(name) == load_line(name)
    with pytest.raises(UnknownNameError, match="bottling"):
        load_line("botling")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    """A path that leads nowhere is told with the path and a remedy."""
    with pytest.raises(LineError, match=r"cannot be read.*check the path"):
        load_line(tmp_path / "gone.yaml")
    with pytest.raises(TwinError):
        load_line(str(tmp_path))
    binary = tmp_path / "b.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(LineError):
        load_line(binary)


@given(line=lines())
def test_line_comes_back_from_its_document(line: Line) -> None:
    """A line is what its document says, whatever it is made of."""
    again = line_from_document(line.model_dump(mode="json"))
    assert again == line
    assert again.hash == line.hash


@given(line=lines())
def test_line_comes_back_from_disk(tmp_path_factory: pytest.TempPathFactory, line: Line) -> None:
    """Saving leaves out defaults and loses nothing."""
    path = tmp_path_factory.mktemp("lines") / "line.yaml"
    save_line(line, path)
    assert load_line(path).hash == line.hash


@pytest.mark.parametrize("name", ["bottling", "electronics", "two_station"])
def test_examples_come_back_from_disk(tmp_path: Path, name: str) -> None:
    """The examples use what no random line has: signals, names, moments."""
    save_line(example_line(name), tmp_path / "line.yaml")
    assert load_line(tmp_path / "line.yaml") == example_line(name)


def test_order_of_declaration_is_not_in_the_hash_but_content_is() -> None:
    """Two files that say the same have one hash; one digit more makes another."""
    document = read_yaml(GOOD)[0]
    line = line_from_document(document)
    turned = line_from_document(document | {"stations": document["stations"][::-1]})
    assert turned.hash == line.hash
    assert line.changed({"buffers.tray.capacity": 5}).hash != line.hash


def test_change_reaches_every_depth() -> None:
    """Paths go through lists by id and through mappings by key."""
    line = line_from_text(GOOD)
    other = line.changed(
        {
            "stations.mill.failures.tool.time_to_failure_s.mean_s": "3 h",
            "stations.mill.setup.matrix_s.bolt": {"nut": 60},
            "buffers.tray": Buffer(id="tray", capacity=9),
            "orders.A3": {"product": "nut", "quantity": 1},
            "start": "2026-03-01T06:00:00+01:00",
            "products.nut.routing.cut.processing_time_s": 12,
        }
    )
    assert other.station("mill").failures[0].time_to_failure_s.expected_s() == 10_800.0
    setup = other.station("mill").setup
    assert setup is not None
    assert setup.matrix_s["bolt"]["nut"] == 60.0
    assert other.buffer("tray").capacity == 9
    assert other.order("A3") == JobOrder(id="A3", product="nut", quantity=1)
    assert other.start_utc == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert line.buffer("tray").capacity == 4, "the line itself is frozen"
    assert line.changed({}) == line


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("stations.mll.servers", 2, "known: mill, wash"),
        ("stations.mill.failres.tool", 2, "unknown key"),
        ("stations.mill.servers.deeper", 2, "unknown key"),
        ("stations.mill.servers", -1, "at least 1"),
        ("speed", 2, "unknown key 'speed'"),
        ("", 2, "unknown key"),
        ("stations.new", 3, "known: mill, wash"),
    ],
)
def test_change_that_leads_nowhere_says_so(path: str, value: object, word: str) -> None:
    """A wrong path names what is there; a wrong value is a finding."""
    with pytest.raises((UnknownNameError, LineError), match=word):
        line_from_text(GOOD).changed({path: value})


def schema_references(node: object) -> set[str]:
    """Return every reference inside a schema."""
    found: set[str] = set()
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            found.add(node["$ref"])
        for value in node.values():
            found |= schema_references(value)
    elif isinstance(node, list):
        for value in node:
            found |= schema_references(value)
    return found


def test_schema_is_whole_and_documented() -> None:
    """Editors get a closed schema: references resolve, no other keys, fields explained."""
    schema = line_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for reference in schema_references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"]
    for name, part in {**schema["$defs"], "Line": schema}.items():
        if part.get("type") != "object":
            continue
        assert part["additionalProperties"] is False, name
        assert set(part.get("required", [])) <= set(part["properties"])
        for field, told in part["properties"].items():
            assert told.get("description") or "$ref" in told or "const" in told, f"{name}.{field}"
    assert {"sources", "stations", "products"} <= set(schema["required"])


def test_names_are_told_when_missing() -> None:
    """Asking a line for what it does not have names what it has."""
    line = line_from_text(GOOD)
    for ask in (line.station, line.buffer, line.product, line.calendar, line.order):
        with pytest.raises(UnknownNameError, match=r"nonsense.*known: "):
            ask("nonsense")


def test_flow_order_is_upstream_first_and_declaration_free() -> None:
    """Stations stand where routings first visit them."""
    line = line_from_text(GOOD)
    assert line.flow_order == ("mill", "wash")
    assert example_line("bottling").flow_order[0] == "depalletiser"
    assert example_line("bottling").flow_order[-1] == "palletiser"


def test_serial_line_says_what_does_not_fit() -> None:
    """Stations and buffers must be one apart in number."""
    with pytest.raises(LineError, match="3 stations and 1 buffers"):
        serial_line([Exponential(mean_s=1.0)] * 3, buffers=[1])
    with pytest.raises(LineError, match="0 stations"):
        serial_line([])


def test_moments_and_seconds_undo_each_other() -> None:
    """The clock of a line is seconds since its start, in the plant's zone for people."""
    line = line_from_text(GOOD)
    assert line.moment(3600.0).isoformat() == "2026-01-05T07:00:00+07:00"
    assert line.seconds(line.moment(12_345.5)) == 12_345.5
    assert line.seconds(datetime(2026, 1, 5, 8)) == 7200.0  # noqa: DTZ001 - the plant's wall clock


def test_a_line_of_python_objects_is_checked_too() -> None:
    """Building a line in code gives the same findings as a file."""
    line = line_from_text(GOOD)
    with pytest.raises(LineError, match="is also the id"):
        Line(**({n: getattr(line, n) for n in Line.model_fields} | {"sinks": (Sink(id="mill"),)}))
