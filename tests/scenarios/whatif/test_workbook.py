"""Workbooks: a template, filled in and read; every bad cell is named. Thai text is text."""

import re
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from scenarios.whatif.files import load_scenarios
from scenarios.whatif.scenario import Scenario, ScenarioError
from scenarios.whatif.workbook import write_template
from twin.engine.options import SimulationOptions
from twin.errors import LineError
from twin.line import Line, example_line, load_line, save_line
from twin.line.workbook import line_from_workbook
from twin.line.workbook_writing import write_line_workbook


@pytest.fixture(scope="module")
def line() -> Line:
    """Return the bottling line."""
    return example_line("bottling")


def filled(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    """Append rows to the sheets of a workbook."""
    book = load_workbook(path)
    for name, rows in sheets.items():
        for row in rows:
            book[name].append(row)
    book.save(path)
    return path


def test_a_template_filled_in_is_read(tmp_path: Path, line: Line) -> None:
    """Changes, events and inheritance come through; an empty name goes on with the one above."""
    book = tmp_path / "scenarios.xlsx"
    write_template(line, book)
    assert load_workbook(book)["scenarios"].data_validations.count >= 1
    filled(
        book,
        {
            "scenarios": [
                ["คนเพิ่ม", None, "เพิ่มพนักงาน", "buffers.filled.capacity", "plus", 20],
                [None, None, None, "stations.capper.servers", "set", 2],
                ["both", "คนเพิ่ม", None, None, None, None],
            ],
            "events": [["both", "breakdown", "filler", *[None] * 5, "1h", 14400]],
        },
    )  # fmt: skip
    first, both = load_scenarios(book, line)
    assert (first.name, first.description) == ("คนเพิ่ม", "เพิ่มพนักงาน")
    assert both.apply(line).station("capper").servers == 2
    (fault,) = both.options(SimulationOptions(horizon_s=28800.0), both.apply(line)).faults
    assert (fault.after_s, fault.duration_s) == (3600.0, 14400.0)


@pytest.mark.parametrize("language", ["en", "th"])
def test_scenarios_come_back_from_the_workbook(tmp_path: Path, line: Line, language: str) -> None:
    """What is written into a template is read again, whatever the language of its sheets."""
    rush = {"id": "R-1", "product": "water_600", "quantity": 5, "due_in_s": 7200.0, "after_s": 60.0}
    given = (
        Scenario(
            name="a",
            changes={"buffers.filled.capacity": {"times": 2}, "stations.filler.crew": "x"},
        ),
        Scenario(
            name="b",
            events=({"kind": "demand", "factor": 1.15}, {"kind": "rush_order"} | rush),
            description="more, of all",
        ),
    )
    book = tmp_path / "scenarios.xlsx"
    write_template(line, book, given, language)
    assert load_scenarios(book) == given


def test_a_thai_workbook_is_filled_in_in_thai(tmp_path: Path, line: Line) -> None:
    """No English stands above a column or in what may be chosen; Thai words are read."""
    path = tmp_path / "scenarios.xlsx"
    write_template(line, path, language="th")
    book = load_workbook(path)
    assert book.sheetnames == ["อ่านก่อน", "สถานการณ์", "เหตุการณ์", "สายการผลิต"]
    for sheet in book.worksheets[1:]:
        assert not any(re.search("[A-Za-z]", cell.value) for cell in sheet[1]), sheet.title
    listed = [rule.formula1 for rule in book["สถานการณ์"].data_validations.dataValidation]
    assert any("'สายการผลิต'!$A$2:" in rule for rule in listed)
    assert '"ตั้งค่า,คูณ,บวก,ลบออก"' in listed
    filled(path, {
        "สถานการณ์": [["ช้า", None, None, "buffers.filled.capacity", "บวก", "๒๐"]],
        "เหตุการณ์": [["ช้า", "ค่อย ๆ ช้าลง", "filler", *[None] * 5, "๓๐ นาที", "4 ชม.", 1.5],
                    [None, "เสีย", "filler"]],
    })  # fmt: skip
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(path, line)
    assert [found.path for found in caught.value.findings] == ["เหตุการณ์!B3"]
    book = load_workbook(path)
    book["เหตุการณ์"].delete_rows(3)
    book.save(path)
    (late,) = load_scenarios(path, line)
    assert late.changes == {"buffers.filled.capacity": {"plus": 20}}
    (drift,) = late.events
    assert drift.model_dump(include={"kind", "after_s", "duration_s", "factor"}) == {
        "kind": "drift", "after_s": 1800.0, "duration_s": 14400.0, "factor": 1.5,
    }  # fmt: skip


def test_what_a_thai_planner_writes_is_understood(tmp_path: Path, line: Line) -> None:
    """Thai digits and units, clock times with a dot, and stations by their name for people."""
    book = tmp_path / "scenarios.xlsx"
    write_template(line, book)
    station, repair = line.station("filler"), "stations.filler.failures.valve.time_to_repair_s"
    filled(
        book,
        {
            "scenarios": [
                ["ใหญ่ขึ้น", None, "ที่วาง ๔๐ ที่", "buffers.filled.capacity", "set", "๔๒"],
                [None, None, None, f"{repair}.mean_s", "set", "10 นาที"],
            ],
            "events": [["เสีย", "breakdown", station.name, *[None] * 5, "๓๐ นาที", "2 ชม."]],
        },
    )  # fmt: skip
    more, broken = load_scenarios(book, line)
    assert more.description == "ที่วาง ๔๐ ที่"
    changed = more.apply(line)
    assert next(one.capacity for one in changed.buffers if one.id == "filled") == 42
    valve = next(one for one in changed.station("filler").failures if one.id == "valve")
    assert valve.time_to_repair_s.expected_s() == 600.0
    (fault,) = broken.options(SimulationOptions(horizon_s=28800.0), line).faults
    assert (fault.station, fault.after_s, fault.duration_s) == ("filler", 1800.0, 7200.0)


def test_every_bad_cell_is_named(tmp_path: Path, line: Line) -> None:
    """Sheet, cell, what and what was expected, for all of them at once."""
    book = tmp_path / "scenarios.xlsx"
    write_template(line, book)
    filled(
        book,
        {
            "scenarios": [
                [None, None, None, "buffers.filled.capacity", "set", 3],
                ["a", None, None, "buffers.nothing.capacity", "set", 3],
                ["a", None, None, "stations.filler.servers", "double", 3],
                ["a", None, None, "stations.capper.servers", "set", "many"],
                ["b", "nobody", None, None, None, None],
            ],
            "events": [
                ["b", "flood"],
                ["c", "breakdown", "nowhere", *[None] * 5, "1h", "2h"],
                ["c", "demand", "filler", *[None] * 7, "much"],
            ],
        },
    )  # fmt: skip
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(book, line)
    told = {finding.path for finding in caught.value.findings}
    assert {
        "scenarios!A2", "scenarios!F3", "scenarios!E4", "scenarios!B6",
        "events!B2", "events!C3", "events!C4", "events!K4",
    } <= told  # fmt: skip
    assert all(finding.file == str(book) for finding in caught.value.findings)


def test_no_workbook_and_a_broken_one_are_told(tmp_path: Path, line: Line) -> None:
    """A missing file, and text that is called .xlsx."""
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenarios(tmp_path / "none.xlsx", line)
    broken = tmp_path / "broken.xlsx"
    broken.write_text("no workbook", encoding="utf-8")
    with pytest.raises(ScenarioError, match="xlsx"):
        load_scenarios(broken, line)


def test_a_line_comes_back_from_its_workbook(tmp_path: Path) -> None:
    """A line that the sheets can say is the same after a round trip through file and workbook."""
    book, file = tmp_path / "line.xlsx", tmp_path / "line.yaml"
    write_line_workbook(example_line("two_station"), book)
    first = line_from_workbook(book)
    save_line(first, file)
    write_line_workbook(load_line(file), book)
    assert line_from_workbook(book) == first


def test_a_line_is_made_from_a_spreadsheet(tmp_path: Path) -> None:
    """Stations, buffers, products, orders and shifts become a line; names may be Thai."""
    book = load_workbook(_empty(tmp_path))
    for name, rows in {
        "line": [["id", "tea"], ["name", "ไลน์ชา"], ["time_zone", "Asia/Bangkok"]],
        "stations": [["mix", "เครื่องผสม", 1, None, None, "2h", "10min", "fixers", "day"],
                     ["pack", "บรรจุ", 2, "b1"]],
        "buffers": [["b1", None, 5]],
        "products": [["green", "ชาเขียว", "mix", "mix", "12 s", "lognormal", 3],
                     [None, None, "pack", "pack", 20]],
        "orders": [["o1", "green", 100, "2026-01-05 08:00", "10 h"]],
        "shifts": [["day", "mon, tue", "06:00", "14:00", "10:00", "10:15"]],
    }.items():  # fmt: skip
        for row in rows:
            book[name].append(row)
    path = tmp_path / "tea.xlsx"
    book.save(path)
    line = line_from_workbook(path)
    assert line.name == "ไลน์ชา"
    assert line.sources[0].arrivals == "orders"
    assert line.order("o1").release_s == 7200.0
    assert line.station("mix").failures[0].crew == "fixers"
    assert [len(product.routing) for product in line.products] == [2]
    assert line.calendar("day").shifts[0].days == ("mon", "tue")


def test_bad_cells_of_a_line_are_named(tmp_path: Path) -> None:
    """What is empty, unknown or impossible is told by sheet and cell, all at once."""
    book = load_workbook(_empty(tmp_path))
    for name, rows in {
        "line": [["id", "tea"]],
        "stations": [["mix", None, 0, None, None, "2h"], ["pack", None, 1, "nowhere"]],
        "products": [["green", None, "mix", "mixer", "soon"], [None, None, "pack", "pack"]],
        "orders": [["o1", "blue", 10]],
    }.items():
        for row in rows:
            book[name].append(row)
    path = tmp_path / "bad.xlsx"
    book.save(path)
    with pytest.raises(LineError) as caught:
        line_from_workbook(path)
    told = {finding.path for finding in caught.value.findings}
    assert {"stations!C2", "stations!G2", "products!E2", "products!E3"} <= told


def _empty(folder: Path) -> Path:
    """Write a workbook with the sheets' heads only."""
    path = folder / "empty.xlsx"
    write_line_workbook(example_line("two_station"), path)
    book = load_workbook(path)
    for sheet in book.worksheets[1:]:
        sheet.delete_rows(2, sheet.max_row)
    book.save(path)
    return path


def test_a_workbook_of_something_else_is_told_once(tmp_path: Path, line: Line) -> None:
    """Without any of the sheets one finding says which, and what to do."""
    file = tmp_path / "other.xlsx"
    Workbook().save(file)
    with pytest.raises(ScenarioError, match="has only 'Sheet'; expected sheets named line") as told:
        load_scenarios(file, line)
    assert len(told.value.findings) == 1


def put(path: Path, cells: dict[str, object]) -> Path:
    """Put values into cells such as ``stations!C2`` of a workbook."""
    book = load_workbook(path)
    for place, value in cells.items():
        sheet, _, cell = place.partition("!")
        book[sheet][cell] = value
    book.save(path)
    return path


def test_a_formula_without_a_value_is_told_once(tmp_path: Path, line: Line) -> None:
    """A cell that shows an error is named once: where, what was expected, and what to do."""
    lines, scenarios = tmp_path / "line.xlsx", tmp_path / "scenarios.xlsx"
    write_line_workbook(example_line("electronics"), lines)
    bad: dict[str, object] = {"line!A2": "#REF!", "stations!H2": "#N/A", "products!G2": "#DIV/0!"}
    with pytest.raises(LineError) as refused:
        line_from_workbook(put(lines, bad))
    assert {found.path: found.message for found in refused.value.findings} == {
        place: f"holds the error {value}" for place, value in bad.items()
    }
    assert len(refused.value.findings) == len(bad)
    assert all(found.expected and "formula" in found.remedy for found in refused.value.findings)
    write_template(line, scenarios)
    filled(scenarios, {"scenarios": [["a", None, None, "buffers.filled.capacity", "plus", 1]]})
    with pytest.raises(ScenarioError) as refused_too:
        load_scenarios(put(scenarios, {"scenarios!D2": "#REF!", "scenarios!F2": "#NAME?"}), line)
    told = [found.path for found in refused_too.value.findings]
    assert told == ["scenarios!D2", "scenarios!F2"]


def test_control_characters_do_not_stop_a_workbook(tmp_path: Path, line: Line) -> None:
    """What no workbook can hold is written as the sign for it; the rest of the text stays."""
    given = Scenario(name="a", changes={"buffers.filled.capacity": 3}, description="bell\x07 rings")
    book = tmp_path / "scenarios.xlsx"
    write_template(line, book, (given,))
    (found,) = load_scenarios(book, line)
    assert found.description == "bell\N{REPLACEMENT CHARACTER} rings"
