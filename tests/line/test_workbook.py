"""A line from a workbook as a Thai office fills it in: names, digits, dates, units and layout."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from twin.errors import LineError
from twin.line import Line, cells, example_line
from twin.line.sheets import MAX_ROWS
from twin.line.workbook import line_from_workbook
from twin.line.workbook_names import Names
from twin.line.workbook_writing import Language, write_line_workbook

Sheets = dict[str, list[list[Any]]]
FACTORY: Sheets = {
    "สายการผลิต": [
        ["รหัส", "น้ำปลา"],
        ["ชื่อ", "ไลน์น้ำปลา"],
        ["เขตเวลา", "Asia/Bangkok"],
        ["เริ่ม", "๕/๑/๒๕๖๙ ๘:๓๐"],
    ],
    "สถานีงาน": [
        ["ล้าง", "เครื่องล้างขวด", "๑", None, None, "4 ชม.", "10 นาที", "ช่าง", "กะเช้า"],
        ["บรรจุ", "เครื่องบรรจุ", "2", "ราง๑", "มาก่อนทำก่อน", None, None, None, "กะเช้า"],
        ["ปิดฝา", None, 1, "ราง2", None, "2 h", 480, "ช่าง", "กะเช้า"],
    ],
    "บัฟเฟอร์": [["ราง1", "สายพาน 1", 20], ["ราง2", None, "๒๐"]],
    "ผลิตภัณฑ์": [
        ["น้ำปลา700", "น้ำปลา 700 มล.", "ล้าง", "เครื่องล้างขวด", "0.5 นาที"],
        [None, None, "บรรจุ", "บรรจุ", "๔๕ วินาที", "ปกติ", "5 วินาที"],
        [None, None, "ปิดฝา", "ปิดฝา", 20, None, None, "1%"],
    ],
    "ใบสั่ง": [
        ["PO-2569/001", "น้ำปลา700", "1,500", None, "15/01/2569"],
        ["ใบสั่ง2", "น้ำปลา 700 มล.", "๓๐๐", "6 ม.ค. 69", datetime(2569, 1, 16, 17, tzinfo=UTC)],
    ],
    "กะ": [["กะเช้า", "จ-ศ", "08.00", "17.00 น.", "12.00", "13:00"]],
    "ทีมช่าง": [["ช่าง", 2]],
}
"""A small factory as its planner writes it."""


def book(folder: Path, sheets: Sheets, language: Language = "th") -> Path:
    """Write a workbook with the heads of the template and rows of our own."""
    path = folder / "line.xlsx"
    write_line_workbook(example_line("two_station"), path, language)
    made = load_workbook(path)
    for sheet in made.worksheets[1:]:
        sheet.delete_rows(2, sheet.max_row)
    for name, rows in sheets.items():
        for row in rows:
            plain = [v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in row]
            made[name].append(plain)
    made.save(path)
    return path


def told(path: Path) -> dict[str, str]:
    """Return what is wrong with a workbook, with the remedy, by cell."""
    with pytest.raises(LineError) as refused:
        line_from_workbook(path)
    found = refused.value.findings
    return {item.path: f"{item.message}; {item.expected}; {item.remedy}" for item in found}


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """Return the line of the Thai workbook."""
    return line_from_workbook(book(tmp_path_factory.mktemp("thai"), FACTORY))


def test_thai_names_become_ids_and_stay_for_people(factory: Line) -> None:
    """Ids keep what is Latin; the words that were written are the names that the page shows."""
    assert (factory.id, factory.name) == ("line_1", "ไลน์น้ำปลา")
    assert [(one.id, one.name) for one in factory.stations] == [
        ("station_1", "เครื่องล้างขวด"),
        ("station_2", "เครื่องบรรจุ"),
        ("station_3", "ปิดฝา"),
    ]
    assert [(one.id, one.name) for one in factory.buffers] == [
        ("buffer_1", "สายพาน 1"),
        ("buffer_2", "ราง2"),
    ]
    assert [one.id for one in factory.orders] == ["PO-2569_001", "order_2"]
    assert factory.products[0].name == "น้ำปลา 700 มล."


def test_what_names_another_sheet_is_found(factory: Line) -> None:
    """By short name or by name for people, with digits of either script."""
    assert factory.station("station_2").input_buffer == "buffer_1"
    assert [step.stations for step in factory.products[0].routing] == [
        ("station_1",), ("station_2",), ("station_3",),
    ]  # fmt: skip
    assert {order.product for order in factory.orders} == {"product_700"}
    assert {one.calendar for one in factory.stations} == {factory.calendars[0].id}
    assert factory.station("station_1").failures[0].crew == factory.crews[0].id
    assert factory.crews[0].size == 2


def test_thai_units_digits_days_and_years_count_as_they_are_meant(factory: Line) -> None:
    """Seconds of each time, and moments of the Buddhist era; a day without hour ends at its end."""
    steps = factory.products[0].routing
    assert [step.processing_time_s.expected_s() for step in steps] == [30.0, 45.0, 20.0]
    assert steps[2].scrap_probability == 0.01
    mode = factory.station("station_1").failures[0]
    assert (mode.time_to_failure_s.expected_s(), mode.time_to_repair_s.expected_s()) == (
        14_400.0, 600.0,
    )  # fmt: skip
    assert factory.start_utc == datetime(2026, 1, 5, 1, 30, tzinfo=UTC)
    first, second = factory.orders
    assert (first.quantity, second.quantity) == (1500, 300)
    assert first.due_date_s is not None
    assert second.due_date_s is not None
    assert factory.moment(first.due_date_s) == datetime(2026, 1, 15, 17, tzinfo=UTC)
    assert factory.moment(second.release_s) == datetime(2026, 1, 5, 17, tzinfo=UTC)
    assert factory.moment(second.due_date_s) == datetime(2026, 1, 16, 10, tzinfo=UTC)
    (shift,) = factory.calendars[0].shifts
    assert shift.days == ("mon", "tue", "wed", "thu", "fri")
    assert (shift.start, shift.end) == ("08:00", "17:00")
    assert (shift.breaks[0].start, shift.breaks[0].end) == ("12:00", "13:00")


@pytest.mark.parametrize("name", ["two_station", "bottling", "electronics"])
def test_both_languages_say_the_same(tmp_path: Path, name: str) -> None:
    """A line comes back alike from its English and from its Thai workbook."""
    found = []
    for language in ("en", "th"):
        path = tmp_path / f"{language}.xlsx"
        write_line_workbook(example_line(name), path, language)
        found.append(line_from_workbook(path))
    assert found[0] == found[1]


def test_a_heading_may_say_its_unit_and_a_title_may_stand_above(tmp_path: Path) -> None:
    """Times under a heading in minutes count minutes, wherever the heading stands."""
    path = book(tmp_path, FACTORY)
    made = load_workbook(path)
    sheet = made["ผลิตภัณฑ์"]
    sheet["E1"], sheet["E2"] = "เวลาต่อชิ้น (นาที)", 1.5
    sheet.insert_rows(1, 2)
    sheet["A1"] = "แผนการผลิต มกราคม ๒๕๖๙"
    sheet.merge_cells("A1:H1")
    made.save(path)
    steps = line_from_workbook(path).products[0].routing
    assert [step.processing_time_s.expected_s() for step in steps] == [90.0, 45.0, 1200.0]


def test_merged_cells_are_told_where_they_would_lose_a_value(tmp_path: Path) -> None:
    """A calendar over three rows would hold for the first only; a product over three is fine."""
    path = book(tmp_path, FACTORY)
    made = load_workbook(path)
    made["ผลิตภัณฑ์"].merge_cells("A2:A4")
    made.save(path)
    assert line_from_workbook(path).products[0].id == "product_700"
    made = load_workbook(path)
    made["สถานีงาน"].merge_cells("I2:I4")
    made.save(path)
    found = told(path)
    assert list(found) == ["สถานีงาน!I2:I4"]
    assert "split them" in found["สถานีงาน!I2:I4"]


@pytest.mark.parametrize(
    ("cell", "value", "says"),
    [
        (
            "สถานีงาน!D3",
            "ราง9",
            "called 'ราง9'; ราง1, ราง2; write one of them, or add a row",
        ),
        ("ใบสั่ง!B2", "น้ำปลา300", "no product is called 'น้ำปลา300'"),
        (
            "ใบสั่ง!E2",
            "03/04/2026",
            "write 2026-04-03 or 2026-03-04",
        ),
        ("ใบสั่ง!E2", "31/02/2569", "31/2/2569 is no date"),
        (
            "ใบสั่ง!E2",
            "15/1/1969",
            "write 15/1/2569",
        ),
        ("ใบสั่ง!E2", date(1969, 1, 15), "15/1/1969 is long past"),
        ("ใบสั่ง!C2", "หลายชิ้น", "'หลายชิ้น' is no whole number"),
        ("กะ!C2", 8.3, "'8.3' is no time of day"),
        ("กะ!B2", "จ-ฮ", "'จ-ฮ'"),
        ("ผลิตภัณฑ์!E2", None, "is empty; a time such as 12 s; write the mean time per part"),
        ("ผลิตภัณฑ์!E2", "เร็ว", "'เร็ว' is no duration"),
        ("ผลิตภัณฑ์!F3", "แปลก", "unknown kind 'แปลก'"),
        ("ผลิตภัณฑ์!H1", "ของเสียๆ", "unknown column: 'ของเสียๆ'"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_cell(
    tmp_path: Path, cell: str, value: object, says: str
) -> None:
    """Sheet and cell as the workbook calls them, what is wrong, and what to do."""
    path = book(tmp_path, FACTORY)
    made = load_workbook(path)
    sheet, _, place = cell.partition("!")
    made[sheet][place] = value
    made.save(path)
    found = told(path)
    assert says in found[cell]
    assert len(found) == 1, "what only follows from it is not told"


@pytest.mark.parametrize("name", ["line.xls", "line.ods", "line.csv"])
def test_another_kind_of_file_is_told_with_a_remedy(tmp_path: Path, name: str) -> None:
    """Whatever is inside: what is not called .xlsx is to be saved as such."""
    path = book(tmp_path, FACTORY).rename(tmp_path / name)
    assert "save it as .xlsx" in told(path)[""]


def test_names_never_meet(tmp_path: Path) -> None:
    """Two names of which the same Latin letters are left get two ids; an own id is never taken."""
    names = Names(
        "buffer", [("ราง1", ""), ("buffer_1", ""), ("แถว 1", ""), ("A/B", ""), ("A_B", "")]
    )
    found = [names.id(name) for name in names.shown]
    assert found == ["buffer_1_2", "buffer_1", "buffer_1_3", "A_B_2", "A_B"]
    assert names.id("ราง ๑") is None
    assert names.id("ราง๑") == "buffer_1_2"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("29/02/2567", "2024-02-29"),
        ("15 มกราคม 2569 เวลา 08.00 น.", "2026-01-15T08:00:00"),
        ("2569-01-16 17:00", "2026-01-16T17:00:00"),
        ("13/04/2026", "2026-04-13"),
        ("2026-01-05 08:00", "2026-01-05T08:00"),
        (date(2569, 2, 28), "2026-02-28"),
        ("2 ชม.", "2 h"),
        ("1 ชม. 30 นาที", "1 h 30 min"),
        (90, 90),
    ],
)
def test_moments_are_read_as_they_are_written(written: object, meant: object) -> None:
    """Buddhist years, days first, Thai months, times after the start."""
    assert cells.moment(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ทุกวัน", "mon tue wed thu fri sat sun"),
        ("sat-mon", "sat sun mon"),
        ("จ., พ. และ อา.", "mon wed sun"),
        ("วันพฤหัสบดี", "thu"),
        ("monday", "mon"),
    ],
)
def test_days_are_read_as_they_are_written(written: str, meant: str) -> None:
    """Single days, lists and ranges, over the end of the week too."""
    assert cells.days(written) == meant.split()


def test_many_merged_cells_end_the_search(tmp_path: Path) -> None:
    """The sheet's own text is searched in pieces, and a cell range over two pieces is found."""
    path = book(tmp_path, FACTORY)
    made = load_workbook(path)
    for row in range(20, 4000, 2):
        made["สถานีงาน"].merge_cells(f"B{row}:B{row + 1}")
    made.save(path)
    assert 1000 < len(told(path)) < MAX_ROWS
