"""A line read from an Excel workbook: small factories start from a spreadsheet.

Names may be of any script, and what stands in the cells Thai or English: ``cells`` reads it.

The workbook has what a first line needs. What it cannot say - setups, rework, times by station - is
added to the line file that comes out of it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from twin.errors import Finding, LineError
from twin.line import cells as spoken
from twin.line.files import line_from_document
from twin.line.line import Line
from twin.line.sheets import Cells, Row, plain_text, plain_value, read_tables, told_once
from twin.line.workbook_names import Names, is_id
from twin.line.workbook_tables import TABLES, TIME_KINDS
from twin.line.workbook_thai import in_thai, meant
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
CHOSEN = frozenset({"dispatch_rule", "arrivals"})
REFERENCES = {
    "input_buffer": "buffers",
    "calendar": "shifts",
    "crew": "crews",
    "product": "products",
}
"""Columns that name something of another sheet."""
MOST_NAMES = 20
"""Names that are told where none of them was meant."""
_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\d")


def line_from_workbook(path: str | Path) -> Line:
    """Read a line from a workbook that was filled in.

    Raises
    ------
    LineError
        With every bad cell: sheet, cell, what, expected, remedy.
    """
    file = str(path)
    rows, findings = read_tables(Path(path), [in_thai(table) for table in TABLES])
    reading = _Reading(rows, findings, file)
    document = reading.document() if rows else {}
    title = f"the workbook {file}"
    line: Line | None = None
    try:
        if rows:
            line = line_from_document(document, title)
    except LineError as error:
        for found in error.findings:
            told = reading.cells.told(found, file)
            if told.path not in {other.path for other in findings}:
                findings.append(told)
    if findings or line is None:
        raise LineError(title, told_once(findings))
    return line


class _Reading:
    """Rows put together to a line document, with the cell of each piece."""

    def __init__(self, rows: dict[str, list[Row]], findings: list[Finding], file: str) -> None:
        self.rows = rows
        self.findings = findings
        self.file = file
        self.cells = Cells()
        self.names = {
            sheet: Names(kind, ((row.text(column), row.text("name")) for row in rows[sheet]))
            for sheet, (kind, column) in NAMED.items()
        } if rows else {}  # fmt: skip

    def document(self) -> dict[str, Any]:
        """Return the line document; what cannot be read is told and left out."""
        document = self._head()
        document["stations"] = [self._station(row) for row in self.rows["stations"]]
        document["buffers"] = self._items("buffers", {"name": "name", "capacity": "capacity"})
        document["products"] = self._products()
        document["orders"] = self._orders()
        document["sources"] = self._sources(bool(document["orders"]))
        document["calendars"] = self._calendars()
        document["crews"] = self._crews(document["stations"])
        for section in ("stations", "products"):
            self.cells.put(f"{section}!2", section)
            if not document[section]:
                self._tell(f"{section}!2", "is empty", "at least one row")
        return document

    def _tell(self, place: str, message: str, expected: str = "", remedy: str = "") -> None:
        self.findings.append(Finding(place, message, expected, remedy, self.file))

    def _head(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        known = ("id", "name", "description", "time_zone", "start")
        for row in self.rows["line"]:
            key = meant(row.text("key"))
            if key not in known:
                self._tell(row.cell("key"), f"unknown key {key!r}", f"one of: {', '.join(known)}")
            elif "value" in row.cells:
                document[key] = self._moment(row, "value") if key == "start" else row.text("value")
                self.cells.put(row.cell("value"), key)
        if "id" not in document:
            self._tell("line!2", "the line has no id", "a row with key id, such as bottling")
            document["id"] = "line"
        elif not is_id(document["id"]):
            document.setdefault("name", document["id"])
            document["id"] = Names("line", [(document["id"], "")]).id(document["id"])
        return document

    def _name(self, row: Row, section: str, column: str = "id") -> str:
        name = self.names[section].id(row.text(column)) or ""
        if not name:
            self._tell(row.cell(column), "is empty", "a short name", "write one into this cell")
        self.cells.put(row.cell(column), section, name)
        return name

    def _meant(self, row: Row, column: str, sheet: str, text: str) -> str:
        """Return the id of what a cell names; tell where there is no such thing."""
        names = self.names[sheet]
        found = names.id(text)
        if found is None and not is_id(text):
            shown = ", ".join(names.shown[:MOST_NAMES])
            remedy = f"write one of them, or add a row to the sheet {sheet}"
            self._tell(row.cell(column), f"no {names.kind} is called {text[:60]!r}", shown, remedy)
            return names.id(names.shown[0]) or text if names.shown else names.kind
        return found or text  # an id that nothing has is told with all else that does not fit

    def _all_meant(self, row: Row, column: str, sheet: str) -> list[str]:
        whole = row.text(column)
        parts = [whole] if self.names[sheet].id(whole) else _listed(whole)
        return [self._meant(row, column, sheet, part) for part in parts]

    def _moment(self, row: Row, column: str) -> Any:
        try:
            return spoken.moment(row.cells[column])
        except ValueError as error:
            message, _, remedy = str(error).partition("; ")
            self._tell(row.cell(column), message, "a moment such as 2026-01-05 14:00", remedy)
            return "2026-01-05" if column == "value" else None

    def _items(self, section: str, columns: dict[str, str]) -> list[dict[str, Any]]:
        found = []
        for row in self.rows[section]:
            item: dict[str, Any] = {"id": self._name(row, section)}
            self._take(row, section, item, columns)
            if "name" in columns and not is_id(row.text("id")):
                item.setdefault("name", row.text("id"))
            found.append(item)
        return found

    def _take(self, row: Row, section: str, item: dict[str, Any], columns: dict[str, str]) -> None:
        """Put cells into an item, by column and key."""
        for column, key in columns.items():
            self.cells.put(row.cell(column), section, item["id"], key)
            if column not in row.cells:
                continue
            if column in TEXTS:
                item[key] = row.text(column)
            elif column in CHOSEN:
                item[key] = meant(row.text(column))
            elif column in REFERENCES:
                item[key] = self._meant(row, column, REFERENCES[column], row.text(column))
            else:
                item[key] = spoken.count(plain_value(row.cells[column]))

    def _station(self, row: Row) -> dict[str, Any]:
        item: dict[str, Any] = {"id": self._name(row, "stations")}
        names = ("name", "servers", "input_buffer", "dispatch_rule", "calendar")
        self._take(row, "stations", item, {name: name for name in names})
        if not is_id(row.text("id")):
            item.setdefault("name", row.text("id"))
        between, repair = row.cells.get("mtbf_s"), row.cells.get("mttr_s")
        if (between is None) != (repair is None):
            empty = "mtbf_s" if between is None else "mttr_s"
            self._tell(row.cell(empty), "is empty", "a time", "fill in both, or neither")
        elif between is not None:
            mode: dict[str, Any] = {
                "id": "failure",
                "time_to_failure_s": {"kind": "exponential", "mean_s": plain_value(between)},
                "time_to_repair_s": {"kind": "exponential", "mean_s": plain_value(repair)},
            }
            if row.text("crew"):
                # A crew that is named here and nowhere else has one person.
                mode["crew"] = self._crew(row.text("crew"))
            item["failures"] = [mode]
            at = ("stations", item["id"], "failures", "failure")
            for column, key in (
                ("mtbf_s", "time_to_failure_s"), ("mttr_s", "time_to_repair_s"), ("crew", "crew"),
            ):  # fmt: skip
                self.cells.put(row.cell(column), *at, key)
        return item

    def _crew(self, text: str) -> str:
        return self.names["crews"].id(text) or Names("crew", [(text, "")]).id(text) or text

    def _products(self) -> list[dict[str, Any]]:
        products: dict[str, dict[str, Any]] = {}
        name = ""
        for row in self.rows["products"]:
            called = row.text("product")
            name = self.names["products"].id(called) or name
            if not name:
                self._tell(row.cell("product"), "is empty", "a short name")
                continue
            self.cells.put(row.cell("product"), "products", name)
            product = products.setdefault(name, {"id": name, "routing": []})
            if row.text("name") or (called and not is_id(called)):
                product["name"] = row.text("name") or called
            product["routing"].append(self._operation(row, name, len(product["routing"]) + 1))
        return list(products.values())

    def _operation(self, row: Row, product: str, number: int) -> dict[str, Any]:
        called = row.text("operation")
        item: dict[str, Any] = {"id": called if is_id(called) else f"op{number}"}
        at = ("products", product, "routing", item["id"])
        self.cells.put(row.cell("operation"), *at)
        item["stations"] = self._all_meant(row, "stations", "stations")
        item["processing_time_s"] = self._time(row)
        if "scrap" in row.cells:
            item["scrap_probability"] = spoken.number(plain_value(row.cells["scrap"]))
        for column, key in (
            ("stations", "stations"),
            ("time_s", "processing_time_s"),
            ("scrap", "scrap_probability"),
        ):
            self.cells.put(row.cell(column), *at, key)
        return item

    def _time(self, row: Row) -> Any:
        kind = meant(row.text("kind")) or "constant"
        mean, spread = plain_value(row.cells.get("time_s")), plain_value(row.cells.get("spread_s"))
        if mean is None:
            remedy = "write the mean time per part"
            self._tell(row.cell("time_s"), "is empty", "a time such as 12 s", remedy)
        elif kind not in TIME_KINDS:
            known = ", ".join(TIME_KINDS)
            self._tell(row.cell("kind"), f"unknown kind {kind!r}", f"one of: {known}")
        elif spread is None and kind not in {"constant", "exponential"}:
            self._tell(row.cell("spread_s"), "is empty", f"a time, for {kind}")
        elif kind == "constant":
            return {"kind": kind, "value_s": mean}
        elif kind == "uniform":
            middle, half = self._seconds(row, "time_s"), self._seconds(row, "spread_s")
            return {"kind": kind, "low_s": middle - half, "high_s": middle + half}
        else:
            scatter = {} if kind == "exponential" else {"sd_s": spread}
            return {"kind": kind, "mean_s": mean} | scatter
        return 1.0  # stands in, so that the rest is read too

    def _seconds(self, row: Row, column: str) -> float:
        try:
            return duration_s(plain_value(row.cells[column]))
        except ValueError as error:
            self._tell(row.cell(column), str(error), "a time such as 12 s")
            return 1.0

    def _orders(self) -> list[dict[str, Any]]:
        found = []
        for row in self.rows["orders"]:
            item: dict[str, Any] = {"id": self._name(row, "orders")}
            self._take(
                row, "orders", item,
                {"product": "product", "quantity": "quantity", "priority": "priority"},
            )  # fmt: skip
            for column, key in (("release", "release_s"), ("due", "due_date_s")):
                self.cells.put(row.cell(column), "orders", item["id"], key)
                told = self._moment(row, column) if column in row.cells else None
                if told is not None:
                    item[key] = _end_of_day(told) if column == "due" else told
            found.append(item)
        return found

    def _sources(self, orders: bool) -> list[dict[str, Any]]:
        found = []
        for row in self.rows["sources"]:
            item: dict[str, Any] = {"id": self._name(row, "sources")}
            self._take(row, "sources", item, {"arrivals": "arrivals"})
            self.cells.put(row.cell("interarrival_s"), "sources", item["id"], "interarrival_s")
            self.cells.put(row.cell("products"), "sources", item["id"], "products")
            if "interarrival_s" in row.cells:
                mean = plain_value(row.cells["interarrival_s"])
                item["interarrival_s"] = {"kind": "exponential", "mean_s": mean}
            if row.text("products"):
                products = self._all_meant(row, "products", "products")
                item["products"] = dict.fromkeys(products, 1.0)
            found.append(item)
        return found or [{"id": "source", "arrivals": "orders" if orders else "unlimited"}]

    def _calendars(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        name = ""
        for row in self.rows["shifts"]:
            name = self.names["shifts"].id(row.text("calendar")) or name
            if not name:
                self._tell(row.cell("calendar"), "is empty", "a short name")
                continue
            self.cells.put(row.cell("calendar"), "calendars", name)
            shifts = found.setdefault(name, {"id": name, "shifts": []})["shifts"]
            at = ("calendars", name, "shifts", str(len(shifts)))
            shift: dict[str, Any] = {"start": _clock(row, "start"), "end": _clock(row, "end")}
            if row.text("days"):
                shift["days"] = spoken.days(row.text("days"))
            if row.text("break_start") or row.text("break_end"):
                pause = {"start": _clock(row, "break_start"), "end": _clock(row, "break_end")}
                shift["breaks"] = [pause]
                self.cells.put(row.cell("break_start"), *at, "breaks")
            for column in ("days", "start", "end"):
                self.cells.put(row.cell(column), *at, column)
            shifts.append(shift)
        return list(found.values())

    def _crews(self, stations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = self._items("crews", {"size": "size"})
        known = {item["id"] for item in found}
        named = {mode.get("crew") for item in stations for mode in item.get("failures", ())}
        return found + [{"id": name} for name in sorted(named - known - {None})]


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


def _end_of_day(moment: Any) -> Any:
    """Return a moment; of a day without an hour its end, as whoever wrote a due date means it."""
    day = str(moment).removesuffix("T00:00:00")
    if not _MIDNIGHT.fullmatch(day):
        return moment
    return (datetime.fromisoformat(day) + timedelta(days=1)).isoformat()


def _clock(row: Row, column: str) -> str:
    """Return a clock time as HH:MM; 6:00 is taken for 06:00."""
    return spoken.clock(plain_text(row.cells.get(column, "")))
