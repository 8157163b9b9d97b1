"""Tables in Excel workbooks: written with explanations and drop-downs, read cell by cell.

A table has its column names in the first row, or below a title. What is wrong is told by sheet and
cell, all at once.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from twin.errors import Finding
from twin.line.cells import length, unit
from twin.line.sheet_text import seen_in_text
from twin.units import UNITS_S

MAX_BYTES = 20_000_000
"""A larger workbook is refused, packed and unpacked ten times that."""
MAX_ROWS = 100_000
README = "read me"
"""Name of the sheet with the explanations."""
READMES = frozenset({README, "อ่านก่อน"})
HEAD_WITHIN = 10
"""Rows among which the names of the columns are looked for: titles may stand above them."""
HEAD_LEAST = 2
"""Columns that a row must name to be taken for them."""
ROOM = 500
"""Rows for which drop-downs are laid out."""

ERRORS = frozenset(
    ("#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!")
)
"""What spreadsheet programs show where a formula has no value."""
HOLDS_ERROR = "holds the error"

Where = tuple[str, ...]
_WITH_UNIT = re.compile(r"(.+?)(?:\s*[(\[]\s*(.+?)\s*[)\]]|_([a-z]+))")


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
    head: str = ""
    """What is written above it; empty: its name. Both are read."""
    goes_on: bool = False
    """Whether an empty cell means what stands above it."""

    @property
    def names(self) -> tuple[str, ...]:
        """What may stand above it, without a unit."""
        return (self.name, _unit_of(self.head.lower())[0]) if self.head else (self.name,)


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet with one table."""

    name: str
    about: str
    columns: tuple[Column, ...]
    title: str = ""
    """What its sheet is called; empty: its name. Both are read."""

    @property
    def titles(self) -> tuple[str, ...]:
        """What its sheet may be called."""
        return (self.name, self.title) if self.title else (self.name,)


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
    known = {title for table in tables for title in table.titles}
    # A hidden sheet of another name is the workbook's own affair, such as a list to choose from.
    names = {
        name.strip().lower(): name
        for name in book.sheetnames
        if book[name].sheet_state == "visible" or name.strip().lower() in known
    }
    if not names.keys() & known:
        sheets = ", ".join(map(repr, book.sheetnames))
        expected = f"sheets named {', '.join(table.name for table in tables)}"
        remedy = "fill in a template, which has them"
        book.close()
        return {}, [Finding("", f"has only {sheets}", expected, remedy, str(path))]
    for name in sorted(names.keys() - known - READMES):
        near = get_close_matches(name, sorted(known), 1)
        remedy = f"call it {near[0]!r}, or remove it" if near else "remove it"
        findings.append(
            Finding(
                f"{names[name]}!",
                "unknown sheet",
                f"one of: {', '.join(sorted(table.name for table in tables))}",
                remedy,
                str(path),
            )
        )
    for table in tables:
        title = next((names[title] for title in table.titles if title in names), None)
        sheet = None if title is None else _Sheet(book[title], table, path, findings)
        found[table.name] = [] if sheet is None else sheet.rows()
    book.close()
    return found, findings


def _opened(path: Path) -> tuple[Any, list[Finding]]:
    from openpyxl import load_workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
    from openpyxl.utils.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415 - the same
        InvalidFileException,
    )

    try:
        if path.stat().st_size > MAX_BYTES:
            return None, [Finding("", f"larger than {MAX_BYTES} bytes", file=str(path))]
        with zipfile.ZipFile(path) as packed:
            if sum(item.file_size for item in packed.infolist()) > 10 * MAX_BYTES:
                return None, [Finding("", "unpacks to too much", file=str(path))]
        return load_workbook(path, read_only=True, data_only=True), []
    except (zipfile.BadZipFile, InvalidFileException):
        remedy = "open it in a spreadsheet program and save it as .xlsx"
        return None, [Finding("", "is no workbook", "an .xlsx file", remedy, str(path))]
    except (OSError, KeyError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = "check the path, and save it as .xlsx"
        return None, [Finding("", f"cannot be read: {reason}", "an .xlsx file", remedy, str(path))]


class _Sheet:
    """A sheet that is read as a table."""

    def __init__(self, sheet: Any, table: Table, file: Path, findings: list[Finding]) -> None:
        self._sheet = sheet
        self._table = table
        self._file = str(file)
        self._findings = findings
        self._columns = {column.name: column for column in table.columns}

    def _tell(self, place: str, message: str, expected: str, remedy: str) -> None:
        place = f"{self._sheet.title}!{place}"
        self._findings.append(Finding(place, message, expected, remedy, self._file))

    def rows(self) -> list[Row]:
        """Return the rows below the names of the columns that are not empty."""
        lines = self._sheet.iter_rows(values_only=True)
        above = list(islice(lines, HEAD_WITHIN))
        named = (len(self._known(values)) >= HEAD_LEAST for values in above)
        first = next((at for at, yes in enumerate(named) if yes), 0)
        head = self._head(above[first], first + 1) if above else {}
        letters = {name: _letter(at) for at, (name, _) in head.items()}
        rows: list[Row] = []
        for number, values in enumerate(chain(above[first + 1 :], lines), start=first + 2):
            if number > MAX_ROWS:
                self._tell(str(number), f"more than {MAX_ROWS} rows", "fewer", "split the workbook")
                break
            if cells := self._cells(values, head, number):
                rows.append(Row(self._sheet.title, number, cells, letters))
        self._check_text(head, first + 1)
        return rows

    def _known(self, values: Sequence[Any]) -> dict[int, tuple[str, str]]:
        """Return column and unit of each cell that names one, by its place."""
        names = {name: column.name for column in self._table.columns for name in column.names}
        found: dict[int, tuple[str, str]] = {}
        for at, value in enumerate(values):
            text = "" if value is None else " ".join(plain_text(value).lower().split())
            base, counted = _unit_of(text)
            name = names.get(text) or (names.get(f"{base}_s") or names.get(base)) if text else None
            if name and (counted in {"", "s"} or name.endswith("_s")):
                found[at] = (name, counted)
        return found

    def _head(self, values: Sequence[Any], number: int) -> dict[int, tuple[str, str]]:
        """Return what each column is, and tell of those that are none."""
        head = self._known(values)
        seen: set[str] = set()
        for at, value in enumerate(values):
            text = plain_text(value).lower() if value is not None else ""
            name = head[at][0] if at in head else ""
            if not text or (name and name not in seen):
                seen.add(name)
                continue
            head.pop(at, None)
            near = get_close_matches(text, list(self._columns), 1)
            remedy = f"write {near[0]!r}, or remove it" if near and not name else "remove it"
            message = "stands twice" if name else "unknown column"
            expected = f"one of: {', '.join(self._columns)}"
            self._tell(f"{_letter(at)}{number}", f"{message}: {text[:60]!r}", expected, remedy)
        return head

    def _cells(
        self, values: Sequence[Any], head: Mapping[int, tuple[str, str]], number: int
    ) -> dict[str, Any]:
        cells = {}
        for at, (name, counted) in head.items():
            value = values[at] if at < len(values) else None
            if value is None or (isinstance(value, str) and not value.strip()):
                continue
            if isinstance(value, str) and value.upper() in ERRORS:
                remedy = "mend its formula, or write the value itself"
                about = self._columns[name].about
                self._tell(f"{_letter(at)}{number}", f"{HOLDS_ERROR} {value}", about, remedy)
            elif name.endswith("_s"):
                value = length(value, UNITS_S.get(counted, 1.0))
            cells[name] = value  # an error too: the cell is not empty
        return cells

    def _check_text(self, head: Mapping[int, tuple[str, str]], head_row: int) -> None:
        """Tell of formulas without a value, and of cells that were made one.

        Neither would be read, but for the first of the merged cells.
        """
        merged, without_value = seen_in_text(self._sheet, MAX_ROWS)
        for column, row in without_value:
            if column - 1 in head and row > head_row:
                expected = self._columns[head[column - 1][0]].about
                remedy = (
                    "open the workbook in a spreadsheet program and save it, or write the value"
                )
                self._tell(
                    f"{_letter(column - 1)}{row}", "this formula has no value", expected, remedy
                )
        for left, top, right, bottom in merged:
            inside = [head[at][0] for at in range(left - 1, right) if at in head]
            below = bottom > max(top, head_row) and not all(
                self._columns[name].goes_on for name in inside
            )
            if inside and bottom > head_row and (below or len(inside) > 1):
                cells = f"{_letter(left - 1)}{top}:{_letter(right - 1)}{bottom}"
                remedy = "split them, and write the value into each that it holds for"
                self._tell(cells, "these cells are merged", "a value in each cell", remedy)


def _unit_of(head: str) -> tuple[str, str]:
    """Return what a column is called and the unit behind it, such as ``time (min)``."""
    found = _WITH_UNIT.fullmatch(head)
    counted = unit(found[2] or found[3]) if found else ""
    return (found[1], counted) if found and counted in UNITS_S else (head, "")


def _letter(at: int) -> str:
    from openpyxl.utils import (  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
        get_column_letter,
    )

    return str(get_column_letter(at + 1))


def write_tables(
    path: Path,
    title: str,
    tables: Sequence[tuple[Table, Iterable[Sequence[Any]]]],
    readme_name: str = README,
    remarks: tuple[str, Sequence[str]] = ("", ()),
) -> None:
    """Write a workbook: explanations first, then a sheet for each table with its rows.

    ``remarks``: a heading and lines that stand below the explanations, where there are any.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - heavy
    from openpyxl.styles import Font  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy

    book = Workbook()
    readme = book.active
    readme.title = readme_name
    readme.append([title])
    readme["A1"].font = Font(bold=True, size=14)
    readme.append([])
    for table, _ in tables:
        readme.append([table.title or table.name, "", table.about])
        readme.cell(readme.max_row, 1).font = Font(bold=True)
        for column in table.columns:
            readme.append(["", column.head or column.name, column.about])
    for number, remark in enumerate(remarks[1]):
        readme.append(["" if number else remarks[0], "", remark])
    for letter, width in (("A", 16), ("B", 18), ("C", 100)):
        readme.column_dimensions[letter].width = width
    for table, rows in tables:
        _write(book.create_sheet(table.title or table.name), table, rows)
    book.save(path)


def _write(sheet: Any, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    from openpyxl.comments import Comment  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415 - heavy
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - heavy
    from openpyxl.worksheet.datavalidation import (  # type: ignore[import-untyped]  # noqa: PLC0415 - heavy
        DataValidation,
    )

    sheet.append([column.head or column.name for column in table.columns])
    sheet.freeze_panes = "A2"
    for at, column in enumerate(table.columns, start=1):
        head, letter = sheet.cell(1, at), get_column_letter(at)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="DDE6ED")
        head.comment = Comment(column.about, "linetwin")
        sheet.column_dimensions[letter].width = max(14, len(column.head or column.name) + 4)
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
