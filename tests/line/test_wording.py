"""What is told of a wrong line file: what, where, what was expected, what to do."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from twin.errors import Finding, LineError
from twin.line import JobOrder, Line, line_from_document, load_line
from twin.line.products import Product
from twin.line.spec import known_keys, worded

DOCUMENT = """\
id: cell
sources: [{id: coil, arrivals: orders}]
stations: [{id: press, input_buffer: chute}]
buffers: [{id: chute, capacity: 3}]
products:
  - id: nut
    routing:
      - {id: cut, stations: [press], processing_time_s: {kind: normal, mean_s: 20, sd_s: 2}}
orders: [{id: o1, product: nut, quantity: 5, release_s: 1 h, due_date_s: 9 h}]
"""


def only_finding(tmp_path: Path, old: str, new: str) -> Finding:
    """Return the one finding about the document with one text replaced."""
    assert old in DOCUMENT
    file = tmp_path / "cell.yaml"
    file.write_text(DOCUMENT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(LineError) as told:
        load_line(file)
    (finding,) = told.value.findings
    return finding


@pytest.mark.parametrize(
    ("old", "new", "path", "expected", "remedy"),
    [
        ("due_date_s", "due", "orders.o1.due", "due_date_s", "write 'due_date_s', or remove it"),
        ("capacity: 3", "capcity: 3", "buffers.chute.capcity", "capacity", "write 'capacity'"),
        ("id: press", "colour: red, id: press", "stations.press.colour", "servers", "remove it"),
    ],
)
def test_unknown_key_names_the_known_ones(
    tmp_path: Path, old: str, new: str, path: str, expected: str, remedy: str
) -> None:
    """A key that is none is told with those that are, and with the one that may be meant."""
    found = only_finding(tmp_path, old, new)
    assert found.path == path
    assert expected in found.expected.removeprefix("one of: ").split(", ")
    assert found.remedy.startswith(remedy)


def test_unknown_key_of_a_distribution_names_those_of_its_kind(tmp_path: Path) -> None:
    """The tag of a union is no part of the path, and only the keys of its kind are named."""
    found = only_finding(tmp_path, "sd_s: 2", "sd_s: 2, shape: 3")
    assert found.path == "products.nut.routing.cut.processing_time_s.shape"
    assert found.expected == "one of: kind, mean_s, sd_s"


def test_unknown_section_names_every_section(tmp_path: Path) -> None:
    """Keys at the top of a file include its lists."""
    found = only_finding(tmp_path, "orders: [{", "order: [{")
    assert found.path == "order"
    assert {"stations", "products", "orders", "time_zone"} <= {
        *found.expected.removeprefix("one of: ").split(", ")
    }
    assert found.remedy.startswith("write 'orders'")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1 h", "tomorrow", "'tomorrow' is no duration"),
        ("9 h", "2026-13-05T06:00", "or a moment such as 2026-01-05T14:00"),
        ("id: cell", "id: 7 cells", "'7 cells' is no name; expected a letter"),
        ("[press]", "[]", "holds 0; expected at least 1"),
        ("capacity: 3", f"capacity: {'9' * 5000}", "more digits than a number may have"),
        ("capacity: 3", f"capacity: {'9' * 50}", "expected at most 1000000000"),
    ],
)
def test_finding_is_worded_for_people(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Limits of the reader are told in the words of line files, and briefly."""
    text = str(only_finding(tmp_path, old, new))
    assert told in text
    assert text.count("found") <= 1
    assert len(text) < 300


def test_text_that_is_no_utf8_says_so(tmp_path: Path) -> None:
    """A file in another encoding is told what to be saved as, not that its path is wrong."""
    file = tmp_path / "old.yaml"
    file.write_bytes(DOCUMENT.replace("coil", "spule_ü").encode("latin-1"))
    with pytest.raises(LineError, match=r"no UTF-8 text at byte \d+; save it as UTF-8"):
        load_line(file)


def test_a_folder_is_no_example_line(tmp_path: Path) -> None:
    """Text with a separator is a path, whatever its suffix."""
    with pytest.raises(LineError, match="cannot be read"):
        load_line(str(tmp_path))


def test_id_used_twice_is_named_once() -> None:
    """Known names are a set, also where two items share one."""
    station = {"id": "press"}
    operation = {"id": "cut", "stations": ["pres"], "processing_time_s": 20}
    document = {
        "id": "cell",
        "sources": [{"id": "coil"}],
        "stations": [station, station],
        "products": [{"id": "nut", "routing": [operation]}],
    }
    with pytest.raises(LineError) as told:
        line_from_document(document)
    (unknown,) = [found for found in told.value.findings if "pres'" in found.message]
    assert unknown.expected == "one of: press"


def test_known_keys_follow_lists_unions_and_references() -> None:
    """The keys that may stand at a place are those of the model that is read there."""
    assert known_keys(JobOrder, ()) == tuple(JobOrder.model_fields)
    assert "capacity" in known_keys(Line, ("buffers", 0))
    place = ("routing", 0, "processing_time_s", "normal")
    assert known_keys(Product, place) == ("kind", "mean_s", "sd_s")


def test_without_a_kind_an_unknown_key_is_told_all_the_same() -> None:
    """Whoever does not know what was read still tells the key."""
    with pytest.raises(ValidationError) as told:
        JobOrder.model_validate({"id": "o1", "product": "nut", "quantity": 1, "foo": 1})
    found = worded(told.value.errors()[0])
    assert (found.path, found.remedy) == ("foo", "check the spelling, or remove it")
