"""Scenarios in an Excel workbook: a template for a line, and the same filled in.

The sheet ``line`` shows what can be changed and the values now, ``scenarios`` has a row per change,
``events`` a row per event. An empty scenario cell goes on with the scenario above.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scenarios.whatif import workbook_thai as thai
from scenarios.whatif.changes import relative
from scenarios.whatif.differences import value_text
from scenarios.whatif.events import KINDS
from scenarios.whatif.scenario import Scenario, ScenarioError, misfits, resolve
from twin.errors import Finding
from twin.line import Line
from twin.line.cells import clock, length
from twin.line.sheets import (
    ERRORS,
    README,
    Cells,
    Column,
    Row,
    Table,
    plain_value,
    read_tables,
    told_once,
    write_tables,
)
from twin.line.spec import worded
from twin.line.workbook_names import Names

HOWS = ("set", "times", "plus", "remove")
EVENT_FIELDS = (
    ("station", "Where, for breakdown, slowdown and drift; operator_absent: here or a crew"),
    ("crew", "Whose people, for operator_absent"),
    ("people", "How many are away, for operator_absent; empty: 1"),
    ("source", "Which material, for material_late"),
    ("product", "What is made, for rush_order"),
    ("calendar", "Which calendar, for extra_shift"),
    ("after_s", "When it begins after the start of the run: seconds, or text such as 30 min"),
    ("duration_s", "How long it lasts: seconds, or text such as 4 h"),
    ("factor", "Times on processing times, or on what is wanted (demand: 1.15 is 15 % more)"),
    ("quantity", "Parts of a rush_order"),
    ("due_in_s", "When a rush_order is due after it came in: seconds, or text such as 6 h"),
    ("id", "Name of a rush_order, new in the line"),
    ("priority", "Weight of a rush_order; empty: before all others"),
    ("start", "When an extra_shift begins: text such as 22:00"),
    ("end", "When an extra_shift ends: text such as 06:00"),
)


NAMED_FIELDS = ("station", "crew", "source", "product", "calendar")
"""Columns that name something of the line."""


def _of(line: Line | None, field: str) -> Sequence[Any]:
    """Return what a line has of a kind; none where there is no line."""
    return getattr(line, f"{field}s") if line is not None else ()


def _tables(line: Line | None, parameters: int) -> tuple[Table, Table, Table]:
    """Return the three tables; drop-downs name what the line has."""
    choices = {field: tuple(item.id for item in _of(line, field)) for field in NAMED_FIELDS}
    shown = Table(
        "line",
        "What the line is now: paths to choose from. Nothing is read from here.",
        (
            Column("path", "Names joined by dots; * stands for all, as in buffers.*.capacity"),
            Column("now", "Value now"),
            Column("reads", "The same for people"),
        ),
    )
    changes = Table(
        "scenarios",
        "One row per change. Leave scenario empty to go on with the one above.",
        (
            Column(
                "scenario", "Name without blanks, such as bigger_buffer; Thai is fine", goes_on=True
            ),
            Column(
                "extends", "Scenarios to build on, separated by commas; may be empty", goes_on=True
            ),
            Column("description", "What it is about, for people", goes_on=True),
            Column("path", "What changes; see the sheet line", listed=f"line!$A$2:$A${parameters}"),
            Column("how", "set a value; times a factor; plus an amount; remove; empty: set", HOWS),
            Column("value", "The new value, factor or amount: 40, 1.15, 12 s, text or JSON"),
        ),
    )
    happens = Table(
        "events",
        "One row per thing that happens in a scenario. Leave scenario empty to go on.",
        (
            Column("scenario", "Name of a scenario, new or in the sheet scenarios", goes_on=True),
            Column("kind", "What happens", tuple(KINDS)),
            *(Column(name, about, choices.get(name, ())) for name, about in EVENT_FIELDS),
        ),
    )
    return shown, changes, happens


def write_template(
    line: Line, path: str | Path, scenarios: Sequence[Scenario] = (), language: str = "en"
) -> None:
    """Write a workbook for a line's scenarios, empty or with some in it.

    Parameters
    ----------
    line : Line
        Line that the scenarios change.
    path : str or Path
        File to write, e.g. ``scenarios.xlsx``.
    scenarios : sequence of Scenario
        What to write into it.
    language : str
        ``en`` or ``th``: of sheets, columns, explanations and choices. Either is read.
    """
    parameters = list(_parameters(line))
    shown, changes, happens = _tables(line, len(parameters) + 1)
    title, readme = f"What-if scenarios for {line.name or line.id}", README
    tables: list[tuple[Table, Iterable[Sequence[Any]]]] = [
        (changes, _change_rows(scenarios)),
        (happens, _event_rows(scenarios)),
        (shown, parameters),
    ]
    if language == "th":
        title, readme = thai.title(line.name or line.id), thai.README
        tables = [
            (thai.in_thai(table), [thai.row_in_thai(table, row) for row in rows])
            for table, rows in tables
        ]
    write_tables(Path(path), title, tables, readme)


def _parameters(line: Line) -> Iterator[tuple[str, Any, str]]:
    """Yield path, value and reading of everything that can be changed."""

    def walk(path: str, value: Any) -> Iterator[tuple[str, Any, str]]:
        if isinstance(value, dict) and not ("kind" in value and "id" not in value):
            for key, item in value.items():
                if key != "id":
                    yield from walk(f"{path}.{key}" if path else key, item)
        elif isinstance(value, list) and value and all(_named(item) for item in value):
            for item in value:
                yield from walk(f"{path}.{item['id']}", item)
        else:
            text = json.dumps(value, ensure_ascii=False)
            shown = text if isinstance(value, dict | list) else value
            yield path, shown, value_text(path, value)

    yield from walk("", line.model_dump(mode="json"))


def _named(item: Any) -> bool:
    return isinstance(item, dict) and "id" in item


def _change_rows(scenarios: Sequence[Scenario]) -> Iterator[list[Any]]:
    for scenario in scenarios:
        head: list[Any] = [scenario.name, ", ".join(scenario.extends), scenario.description]
        if not scenario.changes:
            yield [*head, None, None, None]
        for path, change in scenario.changes.items():
            how = relative(change)
            value = change if how is None else None if how == "remove" else change[how]  # type: ignore[index,call-overload]
            shown = json.dumps(value, ensure_ascii=False) if _nested(value) else value
            yield [*head, path, how or "set", shown]
            head = [None, None, None]


def _nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _event_rows(scenarios: Sequence[Scenario]) -> Iterator[list[Any]]:
    names = [name for name, _ in EVENT_FIELDS]
    for scenario in scenarios:
        given = [fault.model_dump(mode="json") for fault in scenario.faults]
        given += [event.model_dump(mode="json", exclude_none=True) for event in scenario.events]
        for item in given:
            if item["kind"] == "breakdown":
                item.pop("factor", None)
            yield [scenario.name, item["kind"], *(item.get(name) for name in names)]


def read_scenarios(path: str | Path, line: Line | None = None) -> tuple[Scenario, ...]:
    """Read scenarios from a workbook that was filled in.

    Parameters
    ----------
    path : str or Path
        The workbook.
    line : Line, optional
        Line that they must fit.

    Returns
    -------
    tuple of Scenario
        In the order in which they first appear, parents written out.

    Raises
    ------
    ScenarioError
        With every bad cell: sheet, cell, what, expected, remedy.
    """
    found, file = Path(path), str(path)
    rows, findings = read_tables(found, [thai.in_thai(table) for table in _tables(line, 2)])
    reading = _Reading(file, findings, line)
    for row in rows.get("scenarios", ()):
        reading.change(row)
    reading.goes_on = ""
    for row in rows.get("events", ()):
        reading.event(row)
    scenarios = reading.scenarios()
    if not reading.documents and not findings:
        remedy = "fill in the sheet scenarios or events"
        findings.append(Finding("scenarios!2", "no scenario", "a row", remedy, file))
    reading.fit(scenarios, line)
    if findings:
        raise ScenarioError(f"the workbook {file}", told_once(findings))
    return resolve(scenarios)


def _meant(cell: Any) -> Any:
    """Return a cell's value; Thai digits and units count as what they are, other text stays."""
    value = plain_value(cell)
    return length(value) if isinstance(value, str) and not value.isascii() else value


def _changed(row: Row, how: str) -> Any:
    """Return the change of a row as it stands in a document; ValueError where it is no JSON."""
    if how == "remove":
        return {"remove": True}
    value = _meant(row.cells["value"])
    if isinstance(value, str) and value[:1] in {"{", "["}:
        value = json.loads(value)
    return value if how == "set" else {how: value}


class _Reading:
    """Rows gathered to documents, with the cell of each piece."""

    def __init__(self, file: str, findings: list[Finding], line: Line | None) -> None:
        self.file = file
        # What an event happens to may be called by its name for people, too.
        self.names = {
            field: Names(field, ((item.id, getattr(item, "name", "")) for item in _of(line, field)))
            for field in NAMED_FIELDS
        }
        self.findings = findings
        self.documents: dict[str, dict[str, Any]] = {}
        self.cells = Cells()
        self.goes_on = ""

    def _tell(self, place: str, message: str, expected: str = "", remedy: str = "") -> None:
        self.findings.append(Finding(place, message, expected, remedy, self.file))

    def _document(self, row: Row) -> dict[str, Any] | None:
        name = row.text("scenario").replace(" ", "_") or self.goes_on
        if not name:
            message = "belongs to no scenario"
            self._tell(row.cell("scenario"), message, "a name", "write one into this cell")
            return None
        self.goes_on = name
        self.cells.put(row.cell("scenario"), name)
        empty: dict[str, Any] = {"changes": {}, "events": []}
        return self.documents.setdefault(name, empty)

    def change(self, row: Row) -> None:
        """Take a row of the sheet ``scenarios``."""
        document = self._document(row)
        if document is None:
            return
        name = self.goes_on
        for column in ("extends", "description"):
            text = row.text(column)
            if text:
                names = [part.strip().replace(" ", "_") for part in text.split(",")]
                document[column] = names if column == "extends" else text
                self.cells.put(row.cell(column), name, column)
        path, how = row.text("path"), thai.meant(row.text("how")) or "set"
        if not path or path.upper() in ERRORS:
            if "value" in row.cells or row.text("how"):
                self._tell(row.cell("path"), "is empty", "what changes, as in the sheet line")
            return
        if how not in HOWS:
            message = f"{how!r} is no way to change a value"
            self._tell(row.cell("how"), message, f"one of: {', '.join(HOWS)}")
        elif how != "remove" and "value" not in row.cells:
            self._tell(row.cell("value"), "is empty", "a value", "write one, or how: remove")
        elif path in document["changes"]:
            first = self.cells.places[name, "changes", path]
            message = f"{path} stands already in {first}"
            self._tell(row.cell("path"), message, remedy="remove one of the two")
        else:
            try:
                document["changes"][path] = _changed(row, how)
            except ValueError as error:
                self._tell(row.cell("value"), f"no JSON: {error}", remedy="mend the brackets")
            place = row.cell("path" if how == "remove" else "value")
            self.cells.put(place, name, "changes", path)

    def event(self, row: Row) -> None:
        """Take a row of the sheet ``events``."""
        document = self._document(row)
        if document is None:
            return
        kind = thai.meant(row.text("kind"))
        if kind not in KINDS:
            message = f"unknown kind {kind!r}" if kind else "is empty"
            self._tell(row.cell("kind"), message, f"one of: {', '.join(KINDS)}")
            return
        at = str(len(document["events"]))
        known, event = KINDS[kind].model_fields, {"kind": kind}
        self.cells.put(row.cell("kind"), self.goes_on, "events", at)
        for column in row.cells:
            if column in {"scenario", "kind"}:
                continue
            if column not in known:
                expected = ", ".join(name for name, _ in EVENT_FIELDS if name in known)
                message = f"{kind} has no {column}"
                self._tell(row.cell(column), message, expected, "empty the cell")
                continue
            event[column] = self._field(row, column)
        try:
            KINDS[kind].model_validate(event)
        except ValidationError as error:
            for item in error.errors():
                wrong = worded(item)
                self._tell(row.cell(wrong.path), wrong.message, wrong.expected, wrong.remedy)
            return
        for column in known:
            self.cells.put(row.cell(column), self.goes_on, "events", at, column)
        document["events"].append(event)

    def _field(self, row: Row, column: str) -> Any:
        """Return what a cell of an event means."""
        if column in {"start", "end"}:
            return clock(row.text(column))
        if column in self.names:
            return self.names[column].id(row.text(column)) or row.text(column)
        return _meant(row.cells[column])

    def scenarios(self) -> list[Scenario]:
        """Return those that can be read; findings are told."""
        read = []
        for name, document in self.documents.items():
            try:
                read.append(Scenario(name=name, **document))
            except ScenarioError as error:
                for found in error.findings:
                    at = "" if found.path == "name" else found.path
                    placed = Finding(
                        f"{name}.{at}".rstrip("."), found.message, found.expected, found.remedy
                    )
                    self.findings.append(self.cells.told(placed, self.file))
        return read

    def fit(self, scenarios: list[Scenario], line: Line | None) -> None:
        """Tell what does not fit together, or does not fit the line."""
        by_name = {scenario.name: scenario for scenario in scenarios}
        by_name.setdefault("base", Scenario(name="base"))
        for scenario in scenarios:
            if any(p in self.documents and p not in by_name for p in scenario.extends):
                continue  # the parent could not be read, which is told already
            for found in misfits(scenario, by_name, line):
                told = self.cells.told(found, self.file, "scenarios.")
                if told not in self.findings:
                    self.findings.append(told)
