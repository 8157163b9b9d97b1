"""A line written as a workbook, to be filled in or changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

from twin.errors import LineError
from twin.line.distributions import AnyDistribution, Uniform
from twin.line.line import Line
from twin.line.products import Product
from twin.line.sheets import README as ENGLISH_README
from twin.line.sheets import write_tables
from twin.line.stations import Station
from twin.line.workbook import ENERGY, line_from_workbook
from twin.line.workbook_tables import TABLES, TIME_KINDS
from twin.line.workbook_thai import LEFT_OUT, README, TITLE, in_thai, row_in_thai

Language = Literal["en", "th"]


def write_line_workbook(line: Line, path: str | Path, language: Language = "en") -> list[str]:
    """Write a line as a workbook to fill in or change.

    Parameters
    ----------
    line : Line
        What to write into it.
    path : str or Path
        File to write, e.g. ``line.xlsx``.
    language : str
        ``en`` or ``th``: of sheets, columns, explanations and choices. Either is read.

    Returns
    -------
    list of str
        Paths of what the sheets cannot say and is left out, such as ``vehicles.agv``: what is not
        the same in the line that is read from the workbook. The workbook lists them too.
    """
    path = Path(path)
    _write(line, path, language, [])
    try:
        left = left_out(line, line_from_workbook(path))
    except LineError as error:
        # What the sheets cannot say was all that kept a part of the line in use.
        left = [f"{found.path}: {found.message}" for found in error.findings]
    if left:
        _write(line, path, language, left)
    return left


def _write(line: Line, path: Path, language: Language, left: list[str]) -> None:
    rows = _rows(line)
    thai = language == "th"
    told = [
        (in_thai(table), [row_in_thai(table, row) for row in rows[table.name]])
        if thai
        else (table, rows[table.name])
        for table in TABLES
    ]
    title = "A line to simulate: fill in the sheets, then: twin line import"
    names = (TITLE, README, LEFT_OUT) if thai else (title, ENGLISH_README, "not in this workbook")
    write_tables(path, names[0], told, names[1], (names[2], left))


def _rows(line: Line) -> dict[str, list[list[Any]]]:
    """Return what stands in each sheet."""
    made = [product for product in line.products if product.routing]
    ids = {product.id for product in made}
    head = ("id", "name", "description", "time_zone")
    prices = [[key, getattr(line.energy, key) or None] for key in ENERGY] if line.energy else []
    return {
        "line": [[key, getattr(line, key)] for key in head]
        + [["start", line.start.replace(tzinfo=None)], *prices],
        "stations": [_station_row(station) for station in line.stations],
        "buffers": [
            [one.id, one.name, one.capacity, one.transit_time_s or None]
            for one in line.buffers
            if one.id in {station.input_buffer for station in line.stations}
        ],
        "products": list(_product_rows(made)),
        "setups": list(_setup_rows(line)),
        "sources": [
            [
                source.id, source.arrivals, _mean_s(source.interarrival_s),
                ", ".join(name for name in source.products if name in ids),
            ]
            for source in line.sources
            # What only makes bought components has no routing here.
            if not source.products or not ids.isdisjoint(source.products)
        ],
        "orders": [
            [o.id, o.product, o.quantity, o.release_s, o.due_date_s, o.priority]
            for o in line.orders
        ],
        "shifts": list(_shift_rows(line)),
        "holidays": list(_holiday_rows(line)),
        "crews": [[crew.id, crew.size, crew.calendar, crew.name] for crew in line.crews],
    }  # fmt: skip


def _mean_s(time: AnyDistribution | None) -> float | None:
    return None if time is None else time.expected_s()


def _station_row(station: Station) -> list[Any]:
    modes = [mode for mode in station.failures if mode.time_to_failure_s is not None]
    first = modes[0] if modes else None
    rules = station.dispatch_rule
    batch, power = station.batch, station.power
    needs = [need for need in station.needs if need.crew]
    return [
        station.id, station.name, station.servers, station.input_buffer,
        rules if isinstance(rules, str) else ", ".join(rules),
        first and _mean_s(first.time_to_failure_s), first and _mean_s(first.time_to_repair_s),
        first and first.crew, station.calendar,
        None if station.at_shift_end == "stop" else station.at_shift_end,
        ", ".join(f"{n.crew} {n.count}" if n.count > 1 else f"{n.crew}" for n in needs),
        batch and batch.max, batch and batch.min, batch and batch.wait_s,
        power and power.processing_kw, power and power.idle_kw,
    ]  # fmt: skip


def _product_rows(products: Iterable[Product]) -> Iterator[list[Any]]:
    for product in products:
        head: list[Any] = [product.id, product.name]
        family: str | None = product.setup_group or None
        for step in product.routing:
            time, spread = step.processing_time_s, None
            kind: str = time.kind if time.kind in TIME_KINDS else "constant"
            if kind in {"lognormal", "normal"}:
                spread = getattr(time, "sd_s", None)
            elif isinstance(time, Uniform):
                spread = (time.high_s - time.low_s) / 2
            back = step.rework
            yield [
                *head, step.id, ", ".join(step.stations),
                getattr(time, "mean_s", time.expected_s()), kind, spread,
                step.scrap_probability or None,
                back and back.probability,
                back and (back.to if back.to != step.id else None), family,
            ]  # fmt: skip
            head, family = [None, None], None


def _setup_rows(line: Line) -> Iterator[list[Any]]:
    groups = {product.group for product in line.products if product.routing}
    for station in line.stations:
        name: str | None = station.id
        for old, row in station.setup.matrix_s.items() if station.setup else ():
            for new, time_s in row.items():
                if {old, new} <= groups and old != new:
                    yield [name, old, new, time_s]
                    name = None


def _shift_rows(line: Line) -> Iterator[list[Any]]:
    for calendar in line.calendars:
        name: str | None = calendar.id
        for shift in calendar.shifts:
            first, *more = [*shift.breaks, None] if not shift.breaks else shift.breaks
            yield [
                name, ", ".join(shift.days), shift.start, shift.end,
                first and first.start, first and first.end, name and calendar.name,
            ]  # fmt: skip
            name = None
            for pause in more:
                yield [None, None, None, None, pause and pause.start, pause and pause.end, None]


def _holiday_rows(line: Line) -> Iterator[list[Any]]:
    by_day: dict[date, list[str]] = {}
    for calendar in line.calendars:
        for day in calendar.holidays:
            by_day.setdefault(day, []).append(calendar.id)
    for day, names in sorted(by_day.items()):
        yield [day, None if len(names) == len(line.calendars) else ", ".join(names), None]


def left_out(line: Line, read: Line) -> list[str]:
    """Return the paths at which a line is not the same once it was read from a workbook."""
    return list(_differences(line.model_dump(mode="json"), read.model_dump(mode="json")))


def _differences(given: Any, read: Any, path: str = "") -> Iterator[str]:
    """Yield where a document says what another does not."""
    if isinstance(given, dict) and isinstance(read, dict) and given.get("kind") == read.get("kind"):
        for key, value in given.items():
            if key != "id":
                yield from _differences(value, read.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(given, list) and isinstance(read, list | None) and _named(given):
        others = {one["id"]: one for one in read or ()}
        left = [one for one in read or () if one["id"] not in {own["id"] for own in given}]
        for one in given:
            # A failure has another id in what was read, but there is only one.
            other = others.get(one["id"]) or (left.pop(0) if left else None)
            if other is None:
                yield f"{path}.{one['id']}"
            else:
                yield from _differences(one, other, f"{path}.{one['id']}")
    elif isinstance(given, dict) and isinstance(read, dict):
        yield f"{path}.kind"
    elif given != read:
        yield path


def _named(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(one, dict) and "id" in one for one in items)
