"""What a small factory has besides stations and times: people, setups, batches, energy."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from twin.errors import LineError
from twin.line import Line, example_line, example_names
from twin.line.workbook import line_from_workbook
from twin.line.workbook_writing import Language, left_out, write_line_workbook

Sheets = dict[str, list[list[Any]]]
BAKERY: Sheets = {
    "สายการผลิต": [
        ["หัวข้อ", "ค่า"],
        ["รหัส", "bakery"],
        ["เริ่ม", "5/1/2569 04.00 น."],
        ["ค่าไฟต่อหน่วย", "4.5"],
        ["คาร์บอนต่อหน่วย", 0.45],
    ],
    "สถานีงาน": [
        [
            "รหัส", "บัฟเฟอร์ขาเข้า", "กะ", "เมื่อสิ้นสุดกะ", "ผู้ปฏิบัติงาน", "ขนาดแบตช์",
            "แบตช์ขั้นต่ำ", "รอแบตช์นานสุด (นาที)", "กำลังไฟขณะทำงาน (kW)", "กำลังไฟขณะรอ (kW)",
        ],
        ["ปั้น", None, "เช้า", None, "คนทำขนม 2; หัวหน้า"],
        ["อบ", "รออบ", "เช้า", "ทำให้เสร็จ", None, 24, "12", 15, 18, "6"],
        ["แพ็ค", "รอแพ็ค", "เช้า", None, "คนแพ็ค"],
    ],
    "บัฟเฟอร์": [["รหัส", "ความจุ", "เวลาบนสายพาน (วินาที)"], ["รออบ", 96], ["รอแพ็ค", 200, "1 นาที"]],
    "ผลิตภัณฑ์": [
        ["ผลิตภัณฑ์", "ขั้นตอน", "สถานีงาน", "เวลาต่อชิ้น (วินาที)", "สัดส่วนงานซ่อม", "กลับไปขั้นตอน",
         "กลุ่มตั้งเครื่อง"],
        ["ขนมปัง", "ปั้น", "ปั้น", 15, None, None, "เค็ม"],
        [None, "อบ", "อบ", "25 นาที"],
        [None, "แพ็ค", "แพ็ค", 6, "2%", "อบ"],
        ["คุกกี้", "ปั้น", "ปั้น", 20, 0.05, None, "หวาน"],
        ["เค้ก", "ปั้น", "ปั้น", 30],
    ],
    "ใบสั่ง": [["เลขที่", "ผลิตภัณฑ์", "จำนวน"], ["PO-1", "ขนมปัง", "1,000"], ["PO-2", "เค้ก", 40]],
    "ตั้งเครื่อง": [
        ["สถานีงาน", "จากกลุ่ม", "ไปกลุ่ม", "เวลาตั้งเครื่อง (นาที)"],
        ["ปั้น, แพ็ค", "หวาน", "เค็ม", 20],
        [None, None, None, 5],
        [None, "*", "เค้ก", 8],
    ],
    "กะ": [
        ["กะ", "วัน", "เริ่ม", "สิ้นสุด", "เริ่มพัก", "สิ้นสุดพัก"],
        ["เช้า", "ทุกวัน", "04.00", "13.00", "08.00", "08.30"],
        [None, None, None, None, "11.00", "11.15"],
        ["บ่าย", "จ-ศ", "13.00", "17.00"],
    ],
    "วันหยุด": [["วันที่", "กะ", "ชื่อ"], ["13/4/2569", None, "สงกรานต์"], [date(2026, 5, 1), "บ่าย"]],
    "ทีมช่าง": [["รหัส", "จำนวนคน", "กะ"], ["คนทำขนม", 2, "เช้า"]],
}  # fmt: skip
"""A bakery as its owner writes it, with columns in an order of her own."""


def book(folder: Path, sheets: Sheets) -> Path:
    """Write sheets as they stand."""
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(folder / "factory.xlsx")
    return folder / "factory.xlsx"


def changed(folder: Path, cell: str, value: object) -> dict[str, str]:
    """Return what is told when one cell of the bakery is another, by cell."""
    path = book(folder, BAKERY)
    made = load_workbook(path)
    sheet, _, place = cell.partition("!")
    made[sheet][place] = value
    made.save(path)
    with pytest.raises(LineError) as refused:
        line_from_workbook(path)
    return {found.path: f"{found.message}; {found.remedy}" for found in refused.value.findings}


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """Return the line of the bakery."""
    return line_from_workbook(book(tmp_path_factory.mktemp("bakery"), BAKERY))


def test_people_work_at_stations(bakery: Line) -> None:
    """How many of which crew; a crew without a row of its own has one person, each its own id."""
    shape, bake, pack = bakery.stations
    crews = {crew.id: crew for crew in bakery.crews}
    assert [(need.crew, need.count) for need in shape.needs] == [("crew_1", 2), ("crew_2", 1)]
    assert [crew.name for crew in bakery.crews] == ["คนทำขนม", "หัวหน้า", "คนแพ็ค"]
    assert [one.name for one in bakery.calendars] == ["เช้า", "บ่าย"]
    assert not bake.needs
    assert [need.crew for need in pack.needs] == ["crew_3"]
    assert {name: (one.size, one.calendar) for name, one in crews.items()} == {
        "crew_1": (2, bakery.calendars[0].id),
        "crew_2": (1, None),
        "crew_3": (1, None),
    }


def test_a_crew_may_be_called_with_a_number(tmp_path: Path) -> None:
    """A number behind a name counts people, unless a crew is called so."""
    sheets = BAKERY | {
        "ทีมช่าง": [["รหัส", "จำนวนคน"], ["คนทำขนม", 2], ["คนทำขนม 2", 3], ["หัวหน้า", 1]],
    }
    line = line_from_workbook(book(tmp_path, sheets))
    assert [(need.crew, need.count) for need in line.stations[0].needs] == [
        ("crew_2", 1), ("crew_3", 1),
    ]  # fmt: skip


def test_ovens_conveyors_and_energy_are_read(bakery: Line) -> None:
    """Batches with their least and longest wait, transit times, power and what it costs."""
    oven = bakery.station("station_2")
    assert oven.batch is not None
    assert (oven.batch.min, oven.batch.max, oven.batch.wait_s) == (12, 24, 900.0)
    assert oven.at_shift_end == "finish"
    assert oven.power is not None
    assert (oven.power.processing_kw, oven.power.idle_kw) == (18.0, 6.0)
    assert [one.transit_time_s for one in bakery.buffers] == [0.0, 60.0]
    assert bakery.energy is not None
    assert (bakery.energy.price_per_kwh, bakery.energy.carbon_kg_per_kwh) == (4.5, 0.45)


def test_parts_go_back_to_where_the_sheet_says(bakery: Line) -> None:
    """To an operation by the name in its row, or to the same one."""
    bread, cookie, _ = bakery.products
    back, again = bread.routing[2].rework, cookie.routing[0].rework
    assert back is not None
    assert (back.probability, back.to) == (0.02, bread.routing[1].id)
    assert again is not None
    assert (again.probability, again.to) == (0.05, cookie.routing[0].id)


def test_of_setups_the_row_that_names_more_counts(bakery: Line) -> None:
    """Families by name, products that have none by theirs, and any other where nothing stands."""
    shape, bake, pack = bakery.stations
    salty, sweet, cake = (product.group for product in bakery.products)
    assert shape.setup is not None
    assert shape.setup.matrix_s == {
        sweet: {salty: 1200.0, cake: 480.0},
        salty: {sweet: 300.0, cake: 480.0},
        cake: {sweet: 300.0, salty: 300.0},
    }
    assert pack.setup == shape.setup
    assert bake.setup is None


def test_a_shift_has_breaks_and_a_calendar_holidays(bakery: Line) -> None:
    """A row without beginning and end is another break; a holiday without a shift is for all."""
    morning, afternoon = bakery.calendars
    (shift,) = morning.shifts
    assert [(one.start, one.end) for one in shift.breaks] == [
        ("08:00", "08:30"),
        ("11:00", "11:15"),
    ]
    assert morning.holidays == (date(2026, 4, 13),)
    assert afternoon.holidays == (date(2026, 4, 13), date(2026, 5, 1))


@pytest.mark.parametrize(
    ("cell", "value", "says"),
    [
        ("ตั้งเครื่อง!B2", "เปรี้ยว", "no family is called 'เปรี้ยว'"),
        ("ตั้งเครื่อง!D4", None, "is empty"),
        ("ตั้งเครื่อง!D2", "นานมาก", "'นานมาก' is no duration"),
        ("ตั้งเครื่อง!A2", "เตา", "no station is called 'เตา'"),
        ("ผลิตภัณฑ์!E4", None, "is empty; fill in both"),
        ("ผลิตภัณฑ์!F4", "ทอด", "no operation"),
        ("ผลิตภัณฑ์!E4", 2, "is 2"),
        ("สถานีงาน!G3", 30, "min = 30 must not be above max = 24"),
        ("สถานีงาน!I3", "แรง", "'แรง' is no number"),
        ("สถานีงาน!D3", "ปิด", "'ปิด'"),
        ("วันหยุด!A2", "03/04/2026", "write 2026-04-03 or 2026-03-04"),
        ("วันหยุด!B3", "ดึก", "no calendar is called 'ดึก'"),
        ("สายการผลิต!B4", "แพง", "'แพง' is no number"),
        ("บัฟเฟอร์!C3", "=60*2", "this formula has no value; open the workbook"),
    ],
)
def test_a_bad_cell_is_told_by_its_name(
    tmp_path: Path, cell: str, value: object, says: str
) -> None:
    """One wrong cell is one finding, at that cell."""
    found = changed(tmp_path, cell, value)
    assert says in found.get(cell, str(found))
    assert len(found) == 1


def test_where_parts_come_from_must_be_clear(tmp_path: Path) -> None:
    """Three products, no orders and no sources: the sheet that is missing is named."""
    with pytest.raises(LineError) as refused:
        line_from_workbook(book(tmp_path, {**BAKERY, "ใบสั่ง": BAKERY["ใบสั่ง"][:1]}))
    assert [(found.path, found.message) for found in refused.value.findings] == [
        ("sources!2", "is empty, and so are the orders")
    ]


def test_a_hidden_sheet_is_the_workbooks_own_affair(tmp_path: Path) -> None:
    """Lists to choose from are often kept so; a visible sheet that nothing reads is told."""
    path = book(tmp_path, BAKERY)
    made = load_workbook(path)
    made.create_sheet("รายการ").sheet_state = "hidden"
    made.save(path)
    assert line_from_workbook(path).id == "bakery"
    made["รายการ"].sheet_state = "visible"
    made.save(path)
    with pytest.raises(LineError, match="unknown sheet"):
        line_from_workbook(path)


@pytest.mark.parametrize("language", ["en", "th"])
def test_what_the_sheets_say_comes_back(tmp_path: Path, bakery: Line, language: Language) -> None:
    """A line from a workbook loses nothing when it is written into one again."""
    path = tmp_path / "again.xlsx"
    assert write_line_workbook(bakery, path, language) == []
    assert line_from_workbook(path) == bakery


@pytest.mark.parametrize("name", example_names())
def test_every_example_has_a_workbook_that_can_be_read(tmp_path: Path, name: str) -> None:
    """What differs in the line that comes back is told, and stands in the first sheet."""
    path, line = tmp_path / "line.xlsx", example_line(name)
    left = write_line_workbook(line, path)
    assert left == left_out(line, line_from_workbook(path))
    listed = [row[2] for row in load_workbook(path)["read me"].iter_rows(values_only=True)]
    assert set(left) <= set(listed)


def test_what_is_left_out_is_told() -> None:
    """People by skill, maintenance, loading, components, cards: each by its path."""
    base = example_line("machining")
    other = base.changed({"stations.saw.servers": 2, "products.shaft.routing.mill.load_time_s": 99})
    assert left_out(base, other) == [
        "stations.saw.servers", "products.shaft.routing.mill.load_time_s.kind",
    ]  # fmt: skip
