"""Tables in Excel workbooks: written with explanations and drop-downs, read cell by cell.

A table has its column names in the first row. What is wrong is told by sheet and cell, all at once.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from twin.errors import Finding

MAX_BYTES = 20_000_000
"""A larger workbook is refused, packed and unpacked ten times that."""
MAX_ROWS = 100_000
README = "read me"
"""Name of the sheet with the explanations."""
ROOM = 500
"""Rows for which drop-downs are laid out."""

ERRORS = frozenset(
    ("#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!")
)
"""What spreadsheet programs show where a formula has no value."""
HOLDS_ERROR = "holds the error"

Where = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    about: str
    """What stands in it, for people, with an example."""
    choices: tuple[str, ...] = ()
    """What may be chosen; empty: anything."""
    listed: str = ""
    """Cells that hold the choices, such as ``line!$A$2:$A$90``, in place of ``choices``."""


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet with one table."""

    name: str
    about: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A row that is not empty."""

    sheet: str
    number: int
    cells: Mapping[str, Any]
    """Column to value; empty cells are left out."""
    letters: Mapping[str, str]
    """Column to its letter."""

    def cell(self, column: str = "") -> str:
        """Return the address of a cell, such as ``stations!C7``; without a column, of the row."""
        letter = self.letters.get(column, "")
        return f"{self.sheet}!{letter}{self.number}" if letter else f"{self.sheet}!{self.number}"

    def text(self, column: str) -> str:
        """Return a cell as text without blanks around it; empty where there is none."""
        value = self.cells.get(column)
        return "" if value is None else plain_text(value)


@dataclass(slots=True)
class Cells:
    """Where each piece of a document stands in a workbook."""

    places: dict[Where, str] = field(default_factory=dict)

    def put(self, place: str, *where: str) -> None:
        """Note the cell of a piece; the first one counts."""
        self.places.setdefault(where, place)

    def told(self, finding: Finding, file: str, strip: str = "") -> Finding:
        """Return a finding with the cell that it comes from in place of its path."""
        path = finding.path.removeprefix(strip)
        best = max(
            (keys for keys in self.places if _leads(".".join(keys), path)),
            key=lambda keys: len(".".join(keys)),
            default=None,
        )
        if best is None:
            return Finding(path, finding.message, finding.expected, finding.remedy, file)
        rest = path.removeprefix(".".join(best)).strip(".:/ ")
        message = f"{rest}: {finding.message}" if rest else finding.message
        return Finding(self.places[best], message, finding.expected, finding.remedy, file)


def told_once(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings without those that only follow from a cell that holds an error."""
    errors = [found for found in findings if found.message.startswith(HOLDS_ERROR)]
    # The cell itself, and its row as a whole: where the cell names the row, that has no name.
    told = {place for found in errors for place in (found.path, _row_of(found.path))}
    return errors + [
        found
        for found in findings
        if found not in errors
        and found.path not in told
        and not any(error in f"{found.path} {found.message}" for error in ERRORS)
    ]


def _row_of(place: str) -> str:
    sheet, _, cell = place.partition("!")
    return f"{sheet}!{cell.lstrip(ascii_uppercase)}"


def _leads(start: str, path: str) -> bool:
    return path == start or path.startswith((f"{start}.", f"{start}:", f"{start}/"))


def plain_text(value: Any) -> str:
    """Return a cell's value as the text that a person sees."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return str(value).strip()


def plain_value(value: Any) -> Any:
    """Return a cell's value as JSON has it; times of day and durations become seconds or text."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, time):
        return value.hour * 3600.0 + value.minute * 60.0 + value.second
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value


def read_tables(path: Path, tables: Sequence[Table]) -> tuple[dict[str, list[Row]], list[Finding]]:
    """Return the rows of each table of a workbook, and what is wrong with its form."""
    book, findings = _opened(path)
    if book is None:
        return {}, findings
    found: dict[str, list[Row]] = {}
    names = {name.strip().lower(): name for name in book.sheetnames}
    known = {table.name for table in tables}
    if not names.keys() & known:
        sheets = ", ".join(map(repr, book.sheetnames))
        expected = f"sheets named {', '.join(table.name for table in tables)}"
        remedy = "fill in a template, which has them"
        book.close()
        return {}, [Finding("", f"has only {sheets}", expected, remedy, str(path))]
    for name in sorted(names.keys() - known - {README}):
        near = get_close_matches(name, sorted(known), 1)
        remedy = f"call it {near[0]!r}, or remove it" if near else "remove it"
        findings.append(
            Finding(
                f"{names[name]}!",
                "unknown sheet",
                f"one of: {', '.join(sorted(known))}",
                remedy,
                str(path),
            )
        )
    for table in tables:
        sheet = book[names[table.name]] if table.name in names else None
        found[table.name] = [] if sheet is None else _rows(sheet, table, str(path), findings)
    book.close()
    return found, findings


def _opened(path: Path) -> tuple[Any, list[Finding]]:
    from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    try:
        if path.stat().st_size > MAX_BYTES:
            return None, [Finding("", f"larger than {MAX_BYTES} bytes", file=str(path))]
        with zipfile.ZipFile(path) as packed:
            if sum(item.file_size for item in packed.infolist()) > 10 * MAX_BYTES:
                return None, [Finding("", "unpacks to too much", file=str(path))]
        return load_workbook(path, read_only=True, data_only=True), []
    except zipfile.BadZipFile:
        remedy = "open it in a spreadsheet program and save it as .xlsx"
        return None, [Finding("", "is no workbook", "an .xlsx file", remedy, str(path))]
    except (OSError, KeyError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "check the path, and save it as .xlsx"
        return None, [Finding("", f"cannot be read: {reason}", "an .xlsx file", remedy, str(path))]


def _rows(sheet: Any, table: Table, file: str, findings: list[Finding]) -> list[Row]:
    from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    known = [column.name for column in table.columns]
    head: dict[int, str] = {}
    rows: list[Row] = []
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MAX_ROWS:
            findings.append(Finding(f"{table.name}!{number}", f"more than {MAX_ROWS} rows"))
            break
        if number == 1:
            head = _head(values, table, known, file, findings)
            letters = {name: get_column_letter(at + 1) for at, name in head.items()}
            continue
        cells = {}
        for at, name in head.items():
            value = values[at] if at < len(values) else None
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            if isinstance(value, str) and value.upper() in ERRORS:
                place = f"{table.name}!{letters[name]}{number}"
                about = next(column.about for column in table.columns if column.name == name)
                remedy = "mend its formula, or write the value itself"
                findings.append(Finding(place, f"{HOLDS_ERROR} {value}", about, remedy, file))
            cells[name] = value  # an error too: the cell is not empty
        if cells:
            rows.append(Row(table.name, number, cells, letters))
    return rows


def _head(
    values: Sequence[Any], table: Table, known: list[str], file: str, findings: list[Finding]
) -> dict[int, str]:
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - heavy

    head: dict[int, str] = {}
    for at, value in enumerate(values):
        name = plain_text(value).lower() if value is not None else ""
        if not name:
            continue
        if name in known and name not in head.values():
            head[at] = name
            continue
        near = get_close_matches(name, known, 1)
        message = "stands twice" if name in known else "unknown column"
        remedy = f"write {near[0]!r}, or remove it" if near and name not in known else "remove it"
        place = f"{table.name}!{get_column_letter(at + 1)}1"
        expected = f"one of: {', '.join(known)}"
        findings.append(Finding(place, f"{message}: {name[:60]!r}", expected, remedy, file))
    return head


def write_tables(
    path: Path, title: str, tables: Sequence[tuple[Table, Iterable[Sequence[Any]]]]
) -> None:
    """Write a workbook: explanations first, then a sheet for each table with its rows."""
    from openpyxl import Workbook  # noqa: PLC0415 - heavy
    from openpyxl.styles import Font  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    book = Workbook()
    readme = book.active
    readme.title = README
    readme.append([title])
    readme["A1"].font = Font(bold=True, size=14)
    readme.append([])
    for table, _ in tables:
        readme.append([table.name, "", table.about])
        readme.cell(readme.max_row, 1).font = Font(bold=True)
        for column in table.columns:
            readme.append(["", column.name, column.about])
    for letter, width in (("A", 16), ("B", 18), ("C", 100)):
        readme.column_dimensions[letter].width = width
    for table, rows in tables:
        _write(book.create_sheet(table.name), table, rows)
    book.save(path)


def _write(sheet: Any, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    from openpyxl.comments import Comment  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415 - heavy
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - heavy
    from openpyxl.worksheet.datavalidation import (  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
        DataValidation,
    )

    sheet.append([column.name for column in table.columns])
    sheet.freeze_panes = "A2"
    for at, column in enumerate(table.columns, start=1):
        head, letter = sheet.cell(1, at), get_column_letter(at)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="DDE6ED")
        head.comment = Comment(column.about, "linetwin")
        sheet.column_dimensions[letter].width = max(14, len(column.name) + 4)
        listed = f"={column.listed}" if column.listed else ""
        if column.choices and sum(map(len, column.choices)) < 200:  # noqa: PLR2004 - Excel takes 255
            listed = '"' + ",".join(column.choices) + '"'
        if listed:
            rule = DataValidation(type="list", formula1=listed, allow_blank=True)
            rule.error, rule.errorStyle = column.about[:220], "warning"
            sheet.add_data_validation(rule)
            rule.add(f"{letter}2:{letter}{ROOM}")
    for row in rows:
        sheet.append([_safe(value) for value in row])
        for cell in sheet[sheet.max_row]:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # text stays text, also where it begins with =


def _safe(value: Any) -> Any:
    """Return a value as a cell takes it: without control characters, which no workbook can hold."""
    from openpyxl.cell.cell import (  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
        ILLEGAL_CHARACTERS_RE,
    )

    if isinstance(value, bool | int | float | date | time | None):
        return value
    return ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", str(value))
