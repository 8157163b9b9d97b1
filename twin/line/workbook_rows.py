"""Rows of a line's workbook as pieces of a line document, and the cell of each piece."""

from __future__ import annotations

import re
from typing import Any

from twin.errors import Finding
from twin.line import cells as spoken
from twin.line.sheets import Cells, Row, plain_value
from twin.line.workbook_names import Names, is_id
from twin.line.workbook_thai import meant
from twin.units import duration_s

NAMED = {
    "stations": ("station", "id"),
    "buffers": ("buffer", "id"),
    "crews": ("crew", "id"),
    "products": ("product", "product"),
    "orders": ("order", "id"),
    "sources": ("source", "id"),
    "shifts": ("calendar", "calendar"),
}
"""Word for one of what a sheet names, and the column with the names."""
TEXTS = frozenset({"name"})
CHOSEN = frozenset({"arrivals", "at_shift_end"})
REFERENCES = {
    "input_buffer": "buffers",
    "calendar": "shifts",
    "product": "products",
}
"""Columns that name something of another sheet."""
MOST_NAMES = 20
"""Names that are told where none of them was meant."""
_MANY = re.compile(r"(.*\S)\s+[x\u00d7]?\s*(\d+)\s*(?:คน)?")


class Reading:
    """Rows of the sheets, what was found wrong, and what everything is called."""

    def __init__(self, rows: dict[str, list[Row]], findings: list[Finding], file: str) -> None:
        self.rows = rows
        self.findings = findings
        self.file = file
        self.cells = Cells()
        self.names = {
            sheet: Names(kind, ((row.text(column), row.text("name")) for row in rows[sheet]))
            for sheet, (kind, column) in NAMED.items()
        } if rows else {}  # fmt: skip
        if rows:
            # Who is named at a station and has no row of their own is a crew too.
            given = [(row.text("id"), "") for row in rows["crews"]]
            known = Names("crew", given)
            for row in rows["stations"]:
                parts = listed(row.text("operators"))
                told = [row.text("crew"), *(_crew_and_count(part, known)[0] for part in parts)]
                given += [(text, "") for text in told if text]
            self.names["crews"] = Names("crew", dict(given).items())

    def tell(self, place: str, message: str, expected: str = "", remedy: str = "") -> None:
        """Note what is wrong, with its cell."""
        self.findings.append(Finding(place, message, expected, remedy, self.file))

    def name(self, row: Row, section: str, column: str = "id") -> str:
        """Return the id of what a row is about."""
        name = self.names[section].id(row.text(column)) or ""
        if not name:
            self.tell(row.cell(column), "is empty", "a short name", "write one into this cell")
        self.cells.put(row.cell(column), section, name)
        return name

    def meant(self, row: Row, column: str, sheet: str, text: str) -> str:
        """Return the id of what a cell names; tell where there is no such thing."""
        names = self.names[sheet]
        found = names.id(text)
        if found is None and not is_id(text):
            shown = ", ".join(names.shown[:MOST_NAMES])
            remedy = f"write one of them, or add a row to the sheet {sheet}"
            self.tell(row.cell(column), f"no {names.kind} is called {text[:60]!r}", shown, remedy)
            return names.id(names.shown[0]) or text if names.shown else names.kind
        return found or text  # an id that nothing has is told with all else that does not fit

    def all_meant(self, row: Row, column: str, sheet: str) -> list[str]:
        """Return the ids of what a cell names, separated by commas."""
        whole = row.text(column)
        parts = [whole] if self.names[sheet].id(whole) else listed(whole)
        return [self.meant(row, column, sheet, part) for part in parts]

    def moment(self, row: Row, column: str) -> Any:
        """Return a moment; tell where it is none."""
        try:
            return spoken.moment(row.cells[column])
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            self.tell(row.cell(column), message, "a moment such as 2026-01-05 14:00", remedy)
            return "2026-01-05" if column == "value" else None

    def items(self, section: str, columns: dict[str, str]) -> list[dict[str, Any]]:
        """Return an item for each row of a sheet."""
        found = []
        for row in self.rows[section]:
            item: dict[str, Any] = {"id": self.name(row, section)}
            self.take(row, section, item, columns)
            if "name" in columns and not is_id(row.text("id")):
                item.setdefault("name", row.text("id"))
            found.append(item)
        return found

    def take(self, row: Row, section: str, item: dict[str, Any], columns: dict[str, str]) -> None:
        """Put cells into an item, by column and key."""
        for column, key in columns.items():
            self.cells.put(row.cell(column), section, item["id"], key)
            if column not in row.cells:
                continue
            if column in TEXTS:
                item[key] = row.text(column)
            elif column in CHOSEN:
                item[key] = meant(row.text(column))
            elif column == "dispatch_rule":
                rules = [meant(rule) for rule in listed(row.text(column))]
                item[key] = rules[0] if len(rules) == 1 else rules
            elif column in REFERENCES:
                item[key] = self.meant(row, column, REFERENCES[column], row.text(column))
            elif column.endswith("_s"):
                item[key] = plain_value(row.cells[column])
            else:
                item[key] = spoken.count(plain_value(row.cells[column]))

    def seconds(self, row: Row, column: str) -> float:
        """Return a time, s; tell where it is none."""
        try:
            return duration_s(plain_value(row.cells[column]))
        except ValueError as error:
            self.tell(row.cell(column), str(error), "a time such as 12 s")
            return 1.0

    def needs(self, row: Row, column: str) -> list[dict[str, Any]]:
        """Return who is needed: crews, with their number behind the name where it is not one."""
        found = []
        for part in listed(row.text(column)):
            name, many = _crew_and_count(part, self.names["crews"])
            found.append({"crew": self.names["crews"].id(name) or name} | many)
        return found


def _crew_and_count(text: str, crews: Names) -> tuple[str, dict[str, int]]:
    """Return the crew that a text names, and how many of it; a crew may be called ``team 2``."""
    found = None if crews.id(text) else _MANY.fullmatch(spoken.plain_digits(text))
    if not found or int(found[2]) == 1:
        return (found[1] if found else text), {}
    return found[1], {"count": int(found[2])}


def listed(text: str) -> list[str]:
    """Return the parts of a text that commas or semicolons separate."""
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
