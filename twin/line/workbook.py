"""A line read from an Excel workbook: small factories start from a spreadsheet.

Names may be of any script, and what stands in the cells Thai or English: ``cells`` reads it.

The workbook has what a first line needs. What it cannot say - times by station, assembly, wear,
vehicles - is added to the line file that comes out of it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from twin.errors import LineError
from twin.line import cells as spoken
from twin.line.files import line_from_document
from twin.line.line import Line
from twin.line.sheets import Row, plain_text, plain_value, read_tables, told_once
from twin.line.workbook_names import Names, is_id
from twin.line.workbook_rows import Reading
from twin.line.workbook_tables import TABLES, TIME_KINDS
from twin.line.workbook_thai import in_thai, meant

HEAD = ("id", "name", "description", "time_zone", "start")
ENERGY = ("price_per_kwh", "carbon_kg_per_kwh")
EVERY = frozenset({"", "*"})
"""In place of a setup group: any other."""
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


class _Reading(Reading):
    """Rows put together to a line document, with the cell of each piece."""

    def document(self) -> dict[str, Any]:
        """Return the line document; what cannot be read is told and left out."""
        document = self._head()
        document["stations"] = [self._station(row) for row in self.rows["stations"]]
        names = ("name", "capacity", "transit_time_s")
        document["buffers"] = self.items("buffers", {name: name for name in names})
        document["products"] = self._products()
        self._setups(document["stations"], document["products"])
        document["orders"] = self._orders()
        document["sources"] = self._sources() or [self._source(document)]
        document["calendars"] = self._calendars()
        self._holidays(document["calendars"])
        document["crews"] = self._crews(document["stations"])
        for section in ("stations", "products"):
            self.cells.put(f"{section}!2", section)
            if not document[section]:
                self.tell(f"{section}!2", "is empty", "at least one row")
        return document

    def _head(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for row in self.rows["line"]:
            key = meant(row.text("key"))
            if key not in HEAD + ENERGY:
                known = ", ".join(HEAD + ENERGY)
                self.tell(row.cell("key"), f"unknown key {key!r}", f"one of: {known}")
            elif "value" not in row.cells:
                continue
            elif key in ENERGY:
                value = spoken.number(plain_value(row.cells["value"]))
                document.setdefault("energy", {})[key] = value
                self.cells.put(row.cell("value"), "energy", key)
            else:
                document[key] = self.moment(row, "value") if key == "start" else row.text("value")
                self.cells.put(row.cell("value"), key)
        if "id" not in document:
            self.tell("line!2", "the line has no id", "a row with key id, such as bottling")
            document["id"] = "line"
        elif not is_id(document["id"]):
            document.setdefault("name", document["id"])
            document["id"] = Names("line", [(document["id"], "")]).id(document["id"])
        return document

    def _station(self, row: Row) -> dict[str, Any]:
        item: dict[str, Any] = {"id": self.name(row, "stations")}
        names = ("name", "servers", "input_buffer", "dispatch_rule", "calendar", "at_shift_end")
        self.take(row, "stations", item, {name: name for name in names})
        if not is_id(row.text("id")):
            item.setdefault("name", row.text("id"))
        for key, columns in (
            ("power", {"power_kw": "processing_kw", "idle_kw": "idle_kw"}),
            ("batch", {"batch": "max", "batch_least": "min", "batch_wait_s": "wait_s"}),
        ):
            if any(column in row.cells for column in columns):
                item[key] = self._part(row, ("stations", item["id"], key), columns)
        if row.text("operators"):
            item["needs"] = self.needs(row, "operators")
            self.cells.put(row.cell("operators"), "stations", item["id"], "needs")
        if failures := self._failures(row, item["id"]):
            item["failures"] = failures
        return item

    def _part(self, row: Row, at: tuple[str, ...], columns: dict[str, str]) -> dict[str, Any]:
        part = {}
        for column, key in columns.items():
            self.cells.put(row.cell(column), *at, key)
            if column in row.cells:
                part[key] = spoken.count(plain_value(row.cells[column]))
        return part

    def _failures(self, row: Row, station: str) -> list[dict[str, Any]]:
        between, repair = row.cells.get("mtbf_s"), row.cells.get("mttr_s")
        if between is None and repair is None:
            return []
        if between is None or repair is None:
            empty = "mtbf_s" if between is None else "mttr_s"
            self.tell(row.cell(empty), "is empty", "a time", "fill in both, or neither")
            return []
        mode: dict[str, Any] = {
            "id": "failure",
            "time_to_failure_s": {"kind": "exponential", "mean_s": plain_value(between)},
            "time_to_repair_s": {"kind": "exponential", "mean_s": plain_value(repair)},
        }
        if row.text("crew"):
            # A crew that is named here and nowhere else has one person.
            mode["crew"] = self.names["crews"].id(row.text("crew"))
        at = ("stations", station, "failures", "failure")
        for column, key in (
            ("mtbf_s", "time_to_failure_s"), ("mttr_s", "time_to_repair_s"), ("crew", "crew"),
        ):  # fmt: skip
            self.cells.put(row.cell(column), *at, key)
        return [mode]

    def _products(self) -> list[dict[str, Any]]:
        products: dict[str, dict[str, Any]] = {}
        name = ""
        for row in self.rows["products"]:
            called = row.text("product")
            name = self.names["products"].id(called) or name
            if not name:
                self.tell(row.cell("product"), "is empty", "a short name")
                continue
            self.cells.put(row.cell("product"), "products", name)
            product = products.setdefault(name, {"id": name, "routing": []})
            if row.text("name") or (called and not is_id(called)):
                product["name"] = row.text("name") or called
            if row.text("family"):
                product["setup_group"] = self._family(row, "family")
                self.cells.put(row.cell("family"), "products", name, "setup_group")
            product["routing"].append(self._operation(row, name, len(product["routing"]) + 1))
        return list(products.values())

    def _operation(self, row: Row, product: str, number: int) -> dict[str, Any]:
        called = row.text("operation")
        item: dict[str, Any] = {"id": called if is_id(called) else f"op{number}"}
        at = ("products", product, "routing", item["id"])
        self.cells.put(row.cell("operation"), *at)
        item["stations"] = self.all_meant(row, "stations", "stations")
        item["processing_time_s"] = self._time(row)
        if "scrap" in row.cells:
            item["scrap_probability"] = spoken.number(plain_value(row.cells["scrap"]))
        if "rework" in row.cells or row.text("rework_to"):
            item["rework"] = self._rework(row, product, item["id"])
        for column, key in (
            ("stations", "stations"),
            ("time_s", "processing_time_s"),
            ("scrap", "scrap_probability"),
            ("rework", "rework.probability"),
            ("rework_to", "rework.to"),
        ):
            self.cells.put(row.cell(column), *at, key)
        return item

    def _rework(self, row: Row, product: str, own: str) -> dict[str, Any]:
        """Return what goes back: to this operation, or to one that is named as in its row."""
        if "rework" not in row.cells:
            self.tell(row.cell("rework"), "is empty", "a share, such as 0.02", "fill in both")
        share = spoken.number(plain_value(row.cells.get("rework", 0)))
        return {"probability": share, "to": self._step(row, product) or own}

    def _step(self, row: Row, product: str) -> str:
        """Return the id of the operation of its product that ``rework_to`` names."""
        wanted = row.text("rework_to")
        if not wanted:
            return ""
        steps: dict[str, str] = {}
        name = ""
        for other in self.rows["products"]:
            name = self.names["products"].id(other.text("product")) or name
            if name == product:
                called, number = other.text("operation"), len(steps) + 1
                steps[called or f"op{number}"] = called if is_id(called) else f"op{number}"
        if wanted not in steps:
            message = f"no operation of its product is called {wanted[:60]!r}"
            self.tell(row.cell("rework_to"), message, ", ".join(steps))
        return steps.get(wanted, "")

    def _family(self, row: Row, column: str) -> str:
        """Return the setup group that is called so; of another script one is made."""
        name = row.text(column)
        return self._families.id(name) or name

    @cached_property
    def _families(self) -> Names:
        return Names("family", ((row.text("family"), "") for row in self.rows["products"]))

    def _setups(self, stations: list[dict[str, Any]], products: list[dict[str, Any]]) -> None:
        """Put the times of the sheet into the stations: the row that says most counts."""
        families = list(dict.fromkeys(one.get("setup_group") or one["id"] for one in products))
        by_id = {item["id"]: item for item in stations}
        told: dict[tuple[str, str, str], tuple[int, Any]] = {}
        called: list[str] = []
        for row in self.rows["setups"]:
            called = self.all_meant(row, "station", "stations") or called
            if not called:
                self.tell(row.cell("station"), "is empty", "a station")
            if "time_s" not in row.cells:
                self.tell(row.cell("time_s"), "is empty", "a time such as 10 min")
                continue
            time_s = plain_value(row.cells["time_s"])
            ends = [self._group(row, column, families) for column in ("from", "to")]
            wide = sum(row.text(column) in EVERY for column in ("from", "to"))
            for station in called:
                for pair in ((old, new) for old in ends[0] for new in ends[1] if old != new):
                    self.cells.put(
                        row.cell("time_s"), "stations", station, "setup", "matrix_s", *pair
                    )
                    if wide <= told.get((station, *pair), (wide, None))[0]:
                        told[station, *pair] = (wide, time_s)
        for (station, old, new), (_, time_s) in told.items():
            setup = by_id.get(station, {}).setdefault("setup", {"matrix_s": {}})
            setup["matrix_s"].setdefault(old, {})[new] = time_s

    def _group(self, row: Row, column: str, families: list[str]) -> list[str]:
        """Return the families that a cell means; a product that has none of its own is one."""
        text = row.text(column)
        if text in EVERY:
            return families
        found = self._family(row, column)
        if found not in families:
            found = self.names["products"].id(text) or found
        if found not in families:
            self.tell(row.cell(column), f"no family is called {text[:60]!r}", ", ".join(families))
            return []
        return [found]

    def _time(self, row: Row) -> Any:
        kind = meant(row.text("kind")) or "constant"
        mean, spread = plain_value(row.cells.get("time_s")), plain_value(row.cells.get("spread_s"))
        if mean is None:
            remedy = "write the mean time per part"
            self.tell(row.cell("time_s"), "is empty", "a time such as 12 s", remedy)
        elif kind not in TIME_KINDS:
            known = ", ".join(TIME_KINDS)
            self.tell(row.cell("kind"), f"unknown kind {kind!r}", f"one of: {known}")
        elif spread is None and kind not in {"constant", "exponential"}:
            self.tell(row.cell("spread_s"), "is empty", f"a time, for {kind}")
        elif kind == "constant":
            return {"kind": kind, "value_s": mean}
        elif kind == "uniform":
            middle, half = self.seconds(row, "time_s"), self.seconds(row, "spread_s")
            return {"kind": kind, "low_s": middle - half, "high_s": middle + half}
        else:
            scatter = {} if kind == "exponential" else {"sd_s": spread}
            return {"kind": kind, "mean_s": mean} | scatter
        return 1.0  # stands in, so that the rest is read too

    def _orders(self) -> list[dict[str, Any]]:
        found = []
        for row in self.rows["orders"]:
            item: dict[str, Any] = {"id": self.name(row, "orders")}
            self.take(
                row, "orders", item,
                {"product": "product", "quantity": "quantity", "priority": "priority"},
            )  # fmt: skip
            for column, key in (("release", "release_s"), ("due", "due_date_s")):
                self.cells.put(row.cell(column), "orders", item["id"], key)
                told = self.moment(row, column) if column in row.cells else None
                if told is not None:
                    item[key] = _end_of_day(told) if column == "due" else told
            found.append(item)
        return found

    def _source(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return where parts come from if no sheet says so: by the orders, or without limit."""
        products = [product["id"] for product in document["products"]]
        if self.rows["orders"] or len(products) < 2:  # noqa: PLR2004 - then it is clear which comes
            arrivals = "orders" if self.rows["orders"] else "unlimited"
            return {"id": "source", "arrivals": arrivals}
        expected = "orders, or sources with what comes from them"
        remedy = "write orders, or a row for each source with its products"
        self.tell("sources!2", "is empty, and so are the orders", expected, remedy)
        return {"id": "source", "products": {products[0]: 1.0}}

    def _sources(self) -> list[dict[str, Any]]:
        found = []
        for row in self.rows["sources"]:
            item: dict[str, Any] = {"id": self.name(row, "sources")}
            self.take(row, "sources", item, {"arrivals": "arrivals"})
            self.cells.put(row.cell("interarrival_s"), "sources", item["id"], "interarrival_s")
            self.cells.put(row.cell("products"), "sources", item["id"], "products")
            if "interarrival_s" in row.cells:
                mean = plain_value(row.cells["interarrival_s"])
                item["interarrival_s"] = {"kind": "exponential", "mean_s": mean}
            if row.text("products"):
                products = self.all_meant(row, "products", "products")
                item["products"] = dict.fromkeys(products, 1.0)
            found.append(item)
        return found

    def _calendars(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        name = ""
        for row in self.rows["shifts"]:
            name = self.names["shifts"].id(row.text("calendar")) or name
            if not name:
                self.tell(row.cell("calendar"), "is empty", "a short name")
                continue
            self.cells.put(row.cell("calendar"), "calendars", name)
            calendar = found.setdefault(name, {"id": name, "shifts": []})
            shifts = calendar["shifts"]
            called = row.text("name") or row.text("calendar")
            if called and (row.text("name") or not is_id(called)):
                calendar["name"] = called
            at = ("calendars", name, "shifts", str(len(shifts)))
            if shifts and not row.text("start") and not row.text("end"):
                at, shift = (*at[:3], str(len(shifts) - 1)), shifts[-1]  # another break of it
            else:
                shift = {"start": _clock(row, "start"), "end": _clock(row, "end")}
                shifts.append(shift)
                for column in ("start", "end"):
                    self.cells.put(row.cell(column), *at, column)
            if row.text("days"):
                shift["days"] = spoken.days(row.text("days"))
            if row.text("break_start") or row.text("break_end"):
                pause = {"start": _clock(row, "break_start"), "end": _clock(row, "break_end")}
                number = len(shift.setdefault("breaks", []))
                shift["breaks"].append(pause)
                self.cells.put(row.cell("break_start"), *at, "breaks", str(number))
            self.cells.put(row.cell("days"), *at, "days")
        return list(found.values())

    def _holidays(self, calendars: list[dict[str, Any]]) -> None:
        """Put days into the calendars that they name, or into all."""
        for row in self.rows["holidays"]:
            if "date" not in row.cells:
                self.tell(row.cell("date"), "is empty", "a day such as 2026-04-13")
                continue
            text = row.text("calendar")
            own = self.all_meant(row, "calendar", "shifts") if text else None
            day = str(self.moment(row, "date")).partition("T")[0]
            for calendar in calendars:
                if own is None or calendar["id"] in own:
                    found = calendar.setdefault("holidays", [])
                    at = ("calendars", calendar["id"], "holidays", str(len(found)))
                    self.cells.put(row.cell("date"), *at)
                    found.append(day)

    def _crews(self, stations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = ("name", "size", "calendar")
        found = self.items("crews", {name: name for name in names})
        called = {self.names["crews"].id(name): name for name in self.names["crews"].shown}
        known = {item["id"] for item in found}
        named = {need["crew"] for item in stations for need in item.get("needs", ())}
        named |= {mode.get("crew") for item in stations for mode in item.get("failures", ())}
        for name in sorted(named - known - {None}):
            told = called.get(name, name)
            found.append({"id": name} | ({} if is_id(told) else {"name": told}))
        return found


def _end_of_day(moment: Any) -> Any:
    """Return a moment; of a day without an hour its end, as whoever wrote a due date means it."""
    day = str(moment).removesuffix("T00:00:00")
    if not _MIDNIGHT.fullmatch(day):
        return moment
    return (datetime.fromisoformat(day) + timedelta(days=1)).isoformat()


def _clock(row: Row, column: str) -> str:
    """Return a clock time as HH:MM; 6:00 is taken for 06:00."""
    return spoken.clock(plain_text(row.cells.get(column, "")))
