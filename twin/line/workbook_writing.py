"""A line written as a workbook, to be filled in or changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from twin.line.distributions import AnyDistribution, Uniform
from twin.line.line import Line
from twin.line.sheets import README as ENGLISH_README
from twin.line.sheets import write_tables
from twin.line.workbook_tables import TABLES, TIME_KINDS
from twin.line.workbook_thai import README, TITLE, in_thai, row_in_thai

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
        Paths of what the sheets cannot say and is left out, such as ``stations.filler.setup``.
    """
    left = [f"vehicles.{pool.id}" for pool in line.vehicles]
    rows = {
        "line": [[key, getattr(line, key)] for key in ("id", "name", "description", "time_zone")]
        + [["start", line.start.replace(tzinfo=None)]],
        "stations": [_station_row(station, left) for station in line.stations],
        "buffers": [[buffer.id, buffer.name, buffer.capacity] for buffer in line.buffers],
        "products": list(_product_rows(line, left)),
        "sources": [
            [source.id, source.arrivals, _mean_s(source.interarrival_s), ", ".join(source.products)]
            for source in line.sources
        ],
        "orders": [
            [o.id, o.product, o.quantity, o.release_s, o.due_date_s, o.priority]
            for o in line.orders
        ],
        "shifts": list(_shift_rows(line, left)),
        "crews": [[crew.id, crew.size] for crew in line.crews],
    }  # fmt: skip
    path = Path(path)
    if language == "th":
        told = [
            (in_thai(table), [row_in_thai(table, row) for row in rows[table.name]])
            for table in TABLES
        ]
        write_tables(path, TITLE, told, README)
    else:
        title = "A line to simulate: fill in the sheets, then: twin line import"
        write_tables(path, title, [(table, rows[table.name]) for table in TABLES], ENGLISH_README)
    return left


def _mean_s(time: AnyDistribution | None) -> float | None:
    return None if time is None else time.expected_s()


def _station_row(station: Any, left: list[str]) -> list[Any]:
    at = f"stations.{station.id}"
    first = station.failures[0] if station.failures else None
    left += [f"{at}.failures.{mode.id}" for mode in station.failures[1:]]
    left += [f"{at}.{name}" for name in ("setup", "signals", "wear") if getattr(station, name)]
    if first is not None:
        names = ("time_to_failure_s", "time_to_repair_s")
        kinds = {name: getattr(first, name).kind for name in names}
        left += [f"{at}.failures.{first.id}.{n}.kind" for n in names if kinds[n] != "exponential"]
    return [
        station.id, station.name, station.servers, station.input_buffer, station.dispatch_rule,
        first and _mean_s(first.time_to_failure_s), first and _mean_s(first.time_to_repair_s),
        first and first.crew, station.calendar,
    ]  # fmt: skip


def _product_rows(line: Line, left: list[str]) -> Iterator[list[Any]]:
    for product in line.products:
        head: list[Any] = [product.id, product.name]
        for step in product.routing:
            at = f"products.{product.id}.routing.{step.id}"
            names = ("rework", "processing_time_by_station_s")
            left += [f"{at}.{name}" for name in names if getattr(step, name)]
            time, spread = step.processing_time_s, None
            kind: str = time.kind
            if kind in {"lognormal", "normal"}:
                spread = getattr(time, "sd_s", None)
            elif isinstance(time, Uniform):
                spread = (time.high_s - time.low_s) / 2
            elif kind not in TIME_KINDS:
                left.append(f"{at}.processing_time_s.kind")
                kind = "constant"
            yield [
                *head, step.id, ", ".join(step.stations),
                getattr(time, "mean_s", time.expected_s()), kind, spread,
                step.scrap_probability or None,
            ]  # fmt: skip
            head = [None, None]


def _shift_rows(line: Line, left: list[str]) -> Iterator[list[Any]]:
    for calendar in line.calendars:
        if calendar.holidays:
            left.append(f"calendars.{calendar.id}.holidays")
        name: str | None = calendar.id
        for number, shift in enumerate(calendar.shifts):
            if len(shift.breaks) > 1:
                left.append(f"calendars.{calendar.id}.shifts.{number}.breaks")
            pause = shift.breaks[0] if shift.breaks else None
            yield [
                name, ", ".join(shift.days), shift.start, shift.end,
                pause and pause.start, pause and pause.end,
            ]  # fmt: skip
            name = None
