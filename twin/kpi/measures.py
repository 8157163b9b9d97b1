"""Key figures of one log: flow, times in state, ISO 22400-2 measures, orders.

One code for simulated, planned and real events.

References
----------
ISO 22400-2:2014, Key performance indicators for manufacturing operations management. The standard's
availability falls with starving and blocking, because both delay the actual production time; the
shares of time in each status stand beside it to tell the losses apart. Effectiveness above 1 means
that work went faster than planned; it is reported, not capped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.events.kinds import Kind
from twin.events.log import EventLog
from twin.kpi.counters import Coordinates, Counters, Naming, Values, figures_of
from twin.kpi.gaps import gap_s
from twin.kpi.grouping import Replacement, processed, replaced
from twin.kpi.people import crew_figures, crew_times_s
from twin.kpi.rows import GONE, LEFT, Floats, Ints, Rows, Table
from twin.kpi.times import status_times_s
from twin.kpi.vehicles import trips, vehicle_figures, vehicle_times_s, waits_for_vehicles_s
from twin.kpi.wear import highest_level, wear_figures, wear_times_s
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr


def summarise(log: EventLog, line: Line) -> xr.Dataset:
    """Return the key figures of a log over its observed time.

    Parameters
    ----------
    log : EventLog
        Simulated or real; observed from ``log.observe_from_s`` to ``log.end_s``.
    line : Line
        The line it belongs to.

    Returns
    -------
    xarray.Dataset
        Scalars ``observed_s``, ``gap_s`` (observed time in which values may be missing; above 0 the
        figures are at best near the truth), ``created``, ``finished``, ``scrapped`` (parts),
        ``throughput_rate`` (parts/s), ``wip_mean`` (parts), ``flow_time_mean_s``,
        ``flow_time_p90_s`` (NaN with nothing finished). By ``station`` and ``status``:
        ``status_time_s`` (server-seconds) and ``status_share``. By ``station``: ``processed``
        (operations), ``availability``, ``effectiveness``, ``quality_ratio``, ``oee_index`` (NaN
        where nothing was measured). By ``buffer``: ``content_mean`` (parts). By ``product``:
        ``finished_by_product``. By ``order``: ``order_finished`` (good parts, from the beginning),
        ``order_completion_s`` (moment of the last part; NaN while open), ``order_tardiness_s`` (at
        least so much where open past its due date), ``order_on_time`` (1, 0, or NaN while undecided
        or without a due date). On lines with people, by ``crew``: ``crew_work_s`` and
        ``crew_attendance_s`` (people-seconds at work, and there), and ``worker_efficiency``, the
        first over the second. On lines with vehicles, by ``vehicles`` (pool) and
        ``vehicle_state``: ``vehicle_time_s`` (vehicle-seconds) and ``vehicle_share``; by
        ``vehicles``: ``vehicle_trips`` (parts carried); by ``station``: ``vehicle_wait_s``
        (part-seconds that parts waited there for nothing but a vehicle, blocked); times and waits
        are NaN where a real plant tells nothing of its vehicles. Where stations
        wear, by ``station`` and ``wear_level``: ``wear_time_s``; by ``station``:
        ``wear_level_mean`` (NaN without wear).
    """
    import xarray as xr  # noqa: PLC0415 - heavy, and a run does not need it

    values, coordinates = figures(log, line)
    return xr.Dataset(
        {name: (dims, data) for name, (dims, data) in values.items()},
        coords=coordinates,
        attrs={"line_id": line.id, "line_hash": line.hash},
    )


def figures(log: EventLog, line: Line) -> tuple[Values, Coordinates]:
    """Return what ``summarise`` returns, as plain arrays and coordinates."""
    values, coordinates = figures_of(count(log, line), Naming.of(line, log.names))
    if line.crews:
        _people(values, coordinates, log, line)
    if line.vehicles:
        _vehicles(values, coordinates, log, line)
    if highest_level(line):
        wear_figures(values, coordinates, wear_times_s(Table.of(log, line), line, log.names))
    return values, coordinates


def _people(values: Values, coordinates: Coordinates, log: EventLog, line: Line) -> None:
    """Add what people did."""
    work_s, there_s = crew_times_s(Table.of(log, line), line, log.names)
    crew_figures(values, coordinates, log.names, work_s, there_s)


def _vehicles(values: Values, coordinates: Coordinates, log: EventLog, line: Line) -> None:
    """Add what the vehicles did."""
    table, names = Table.of(log, line), log.names
    spent, carried = vehicle_times_s(table, line, names), trips(table, line, names)
    waits_s = waits_for_vehicles_s(table, line, names)
    vehicle_figures(values, coordinates, line, spent, carried, waits_s)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of each part of a log, found by its number."""

    number: NDArray[np.int64]
    created_s: Floats
    product: Ints
    order: Ints
    replaced: Replacement
    """What became of parts that others took the place of."""

    def at(self, parts: NDArray[np.int64]) -> Ints:
        """Return the places of some parts."""
        return np.searchsorted(self.number, parts)


def count(log: EventLog, line: Line) -> Counters:
    """Return the counters of a log over its observed time."""
    table = Table.of(log, line)
    parts = parts_of(table, log)
    exits = table.exits()
    finished = table.observed & table.where(Kind.PART_FINISHED)
    ended = table.observed & table.where(Kind.PROCESSING_ENDED)
    # An operation that a failure broke off, and whose part is lost with it, has come to an end too.
    broken = table.observed & table.where(Kind.PART_SCRAPPED) & ~np.isnan(table.value)
    lost = table.observed & table.where(Kind.PART_SCRAPPED, Kind.REWORK_SENT)
    index = {name: i for i, name in enumerate(log.names.elements)}
    stations = np.array([index[name] for name in line.flow_order])
    good, gone, last_s = _orders(table, log, parts)
    batches = np.array([index[s.id] for s in line.stations if s.batch is not None], dtype=np.int64)
    at = parts.at(table.part[finished])
    flow_s = table.time_s[finished] - parts.created_s[at]
    size = len(log.names.elements)
    return Counters(
        from_s=table.from_s,
        until_s=table.until_s,
        created=int(np.sum(table.observed & table.where(Kind.PART_CREATED))),
        scrapped=int(np.sum(table.observed & table.where(Kind.PART_SCRAPPED))),
        finished=len(flow_s),
        flow_total_s=float(flow_s.sum()),
        flow_p90_s=float(np.quantile(flow_s, 0.9)) if len(flow_s) else math.nan,
        wip_area=_wip_area(table),
        status_s=np.array(
            [
                status_times_s(
                    table, line.station(name), index[name], exits, attended=name in line.attended
                )
                for name in line.flow_order
            ]
        ),
        processed=processed(table, ended, broken, batches, size)[stations],
        bad=np.bincount(table.element[lost], minlength=size)[stations].astype(float),
        planned_s=planned_s(table, log, line, ended, parts)[stations],
        content_area=_content_area(table, line, index, exits),
        product_finished=np.bincount(parts.product[at], minlength=len(log.names.products)).astype(
            float
        ),
        order_good=good,
        order_gone=gone,
        order_last_s=last_s,
        gap_s=gap_s(table),
    )


def parts_of(table: Table, log: EventLog) -> Parts:
    """Return what a log tells of its parts, as it turned out in the end."""
    products = {name: i for i, name in enumerate(log.names.products)}
    orders = {name: i for i, name in enumerate(log.names.orders)}
    first = table.initial.parts
    made = table.where(Kind.PART_CREATED)
    number = np.concatenate([np.array([p.id for p in first], dtype=np.int64), table.part[made]])
    created_s = np.concatenate([np.array([p.created_s for p in first]), table.time_s[made]])
    product = np.concatenate(
        [np.array([products[p.product] for p in first], dtype=np.int64), table.detail[made]]
    )
    order = np.concatenate(
        [
            np.array([orders[p.order] if p.order else -1 for p in first], dtype=np.int64),
            np.nan_to_num(table.value[made], nan=-1.0).astype(np.int64),
        ]
    )
    new = table.where(Kind.PART_MADE)
    found = replaced(
        table,
        dict(zip(number.tolist(), created_s.tolist(), strict=True)) if new.any() else {},
        dict(zip(number.tolist(), order.tolist(), strict=True)),
    )
    number = np.concatenate([number, table.part[new]])
    born_s = np.array([found.created_s[part] for part in table.part[new].tolist()])
    created_s = np.concatenate([created_s, born_s])
    product = np.concatenate([product, table.detail[new]])
    order = np.concatenate([order, table.value[new].astype(np.int64)])
    place = np.argsort(number, kind="stable")
    parts = Parts(number[place], created_s[place], product[place], order[place], found)
    # What a real line told later about a part counts from its beginning.
    told = table.where(Kind.PART_IDENTIFIED)
    at = parts.at(table.part[told])
    parts.product[at] = table.detail[told]
    parts.order[at] = table.value[told].astype(np.int64)
    return parts


def _wip_area(table: Table) -> float:
    came = table.where(Kind.PART_CREATED, Kind.PART_MADE).astype(np.int64)
    content = np.cumsum(came - table.where(*LEFT).astype(np.int64)) + len(table.initial.parts)
    return float(np.sum(content * table.steps_s()))


def planned_s(table: Table, log: EventLog, line: Line, ended: Rows, parts: Parts) -> Floats:
    """Return the expected time of the operations that ended at each element, s."""
    longest = max(len(product.routing) for product in line.products)
    mean_s = np.zeros((len(log.names.products), longest, len(log.names.elements)))
    for number, name in enumerate(log.names.products):
        for step, operation in enumerate(line.product(name).routing):
            for station in operation.stations:
                times = operation.processing_time_by_station_s.get(
                    station, operation.processing_time_s
                )
                place = log.names.elements.index(station)
                mean_s[number, step, place] = times.expected_s()
    products = parts.product[parts.at(table.part[ended])]
    elements = table.element[ended]
    planned = mean_s[products, table.detail[ended], elements]
    sums = np.bincount(elements, weights=planned, minlength=len(log.names.elements))
    return sums.astype(np.float64)


def _content_area(table: Table, line: Line, index: dict[str, int], exits: Ints) -> Floats:
    """Return the part-seconds spent in each buffer: the sum of its parts' stays, as observed."""
    entered = np.flatnonzero(table.where(Kind.BUFFER_ENTERED))
    edges_s = np.clip(np.append(table.time_s, table.until_s), table.from_s, table.until_s)
    stays_s = edges_s[exits[entered]] - edges_s[entered]
    areas = np.bincount(table.element[entered], weights=stays_s, minlength=len(index))
    places = [index[name] for name in sorted(buffer.id for buffer in line.buffers)]
    return np.asarray(areas[places], dtype=np.float64)


def _orders(table: Table, log: EventLog, parts: Parts) -> tuple[Floats, Floats, Floats]:
    """Return good parts, parts gone, and the moment of the last one gone, by order.

    Parts gone are counted in parts of the order's quantity: what splitting added does not count.
    """
    size = len(log.names.orders)
    rows = np.flatnonzero(table.where(*GONE))
    orders = parts.order[parts.at(table.part[rows])]
    rows, orders = rows[orders >= 0], orders[orders >= 0]
    fine = table.kind[rows] == Kind.PART_FINISHED
    if parts.replaced.rows:
        inside, whose = (np.array(column) for column in zip(*parts.replaced.rows, strict=True))
        rows, orders = np.append(rows, inside), np.append(orders, whose)
        fine = np.append(fine, np.ones(len(inside), dtype=np.bool_))
    known = [table.initial.orders.get(name) for name in log.names.orders]
    good = np.bincount(orders[fine], minlength=size) + np.array(
        [found.finished if found else 0 for found in known], dtype=float
    )
    bad = np.bincount(orders[~fine], minlength=size) + np.array(
        [found.scrapped if found else 0 for found in known], dtype=float
    )
    extra = np.array([found.extra if found else 0 for found in known], dtype=float)
    for order, count in parts.replaced.extra.items():
        extra[order] += count
    last_s = np.full(size, np.nan)
    np.fmax.at(last_s, orders, table.time_s[rows])
    return good, good + bad - extra, last_s
