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

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.events.kinds import Kind, Status
from twin.events.log import EventLog
from twin.kpi.rows import GONE, Floats, Ints, Rows, Table
from twin.kpi.times import STATUSES, status_times_s
from twin.line import Line

if TYPE_CHECKING:
    import xarray as xr

Values = dict[str, tuple[tuple[str, ...], Floats]]
Coordinates = dict[str, NDArray[np.object_]]


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
        Scalars ``observed_s``, ``created``, ``finished``, ``scrapped`` (parts), ``throughput_rate``
        (parts/s), ``wip_mean`` (parts), ``flow_time_mean_s``, ``flow_time_p90_s`` (NaN with nothing
        finished). By ``station`` and ``status``: ``status_time_s`` (server-seconds) and
        ``status_share``. By ``station``: ``processed`` (operations), ``availability``,
        ``effectiveness``, ``quality_ratio``, ``oee_index`` (NaN where nothing could be measured). By
        ``buffer``: ``content_mean`` (parts). By ``product``: ``finished_by_product``. By ``order``:
        ``order_finished`` (good parts, from the beginning on), ``order_completion_s`` (moment of the
        last part; NaN while open), ``order_tardiness_s`` (at least so much where open past its due
        date), ``order_on_time`` (1, 0, or NaN while undecided or without a due date).
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
    table = Table.of(log, line)
    exits = table.exits()
    values: Values = {}
    _flow(values, table)
    buffers = sorted(buffer.id for buffer in line.buffers)
    labels = {
        "station": line.flow_order,
        "status": tuple(status.value for status in STATUSES),
        "buffer": buffers,
        "product": log.names.products,
        "order": log.names.orders,
    }
    # As objects: fixed-width text would depend on the longest name, and nothing is of no type.
    coordinates = {name: np.array(found, dtype=object) for name, found in labels.items()}
    _stations(values, table, log, line, exits)
    _buffers(values, table, log, buffers, exits)
    products = _product_of_part(table, log)
    _products(values, table, products, len(log.names.products))
    _orders(values, table, log, line)
    return values, coordinates


def _scalar(value: float) -> tuple[tuple[str, ...], Floats]:
    return (), np.array(float(value))


def _flow(values: Values, table: Table) -> None:
    observed_s = table.until_s - table.from_s
    finished = table.observed & table.where(Kind.PART_FINISHED)
    values["observed_s"] = _scalar(observed_s)
    values["created"] = _scalar(np.sum(table.observed & table.where(Kind.PART_CREATED)))
    values["finished"] = _scalar(np.sum(finished))
    values["scrapped"] = _scalar(np.sum(table.observed & table.where(Kind.PART_SCRAPPED)))
    values["throughput_rate"] = _scalar(np.sum(finished) / observed_s if observed_s else np.nan)
    content = np.cumsum(
        table.where(Kind.PART_CREATED).astype(np.int64) - table.where(*GONE).astype(np.int64)
    ) + len(table.initial.parts)
    step_s = table.steps_s()
    before_s = max(0.0, (table.time_s[0] if len(table.time_s) else table.until_s) - table.from_s)
    area = float(np.dot(content, step_s)) + len(table.initial.parts) * before_s
    values["wip_mean"] = _scalar(area / observed_s if observed_s else np.nan)
    flow_s = _flow_times_s(table, finished)
    values["flow_time_mean_s"] = _scalar(flow_s.mean() if len(flow_s) else np.nan)
    values["flow_time_p90_s"] = _scalar(np.quantile(flow_s, 0.9) if len(flow_s) else np.nan)


def _flow_times_s(table: Table, finished: Rows) -> Floats:
    created = np.flatnonzero(table.where(Kind.PART_CREATED))
    parts = np.concatenate(
        [np.array([part.id for part in table.initial.parts], dtype=np.int64), table.part[created]]
    )
    moments = np.concatenate(
        [np.array([part.created_s for part in table.initial.parts]), table.time_s[created]]
    )
    order = np.argsort(parts, kind="stable")
    rows = np.flatnonzero(finished)
    place = np.searchsorted(parts[order], table.part[rows])
    return np.asarray(table.time_s[rows] - moments[order][place], dtype=np.float64)


def _stations(values: Values, table: Table, log: EventLog, line: Line, exits: Ints) -> None:
    names = line.flow_order
    index = {name: i for i, name in enumerate(log.names.elements)}
    spent = np.array(
        [status_times_s(table, line.station(name), index[name], exits) for name in names]
    )
    total = spent.sum(axis=1, keepdims=True)
    values["status_time_s"] = ("station", "status"), spent
    values["status_share"] = ("station", "status"), _ratio(spent, total)
    ended = table.observed & table.where(Kind.PROCESSING_ENDED)
    lost = table.observed & table.where(Kind.PART_SCRAPPED, Kind.REWORK_SENT)
    processed = np.array([np.sum(ended & (table.element == index[name])) for name in names], float)
    bad = np.array([np.sum(lost & (table.element == index[name])) for name in names], float)
    planned_s = _planned_s(table, log, line, ended)
    actual_s = spent[:, STATUSES.index(Status.PROCESSING)]
    busy_s = total[:, 0] - spent[:, STATUSES.index(Status.OFF)]
    values["processed"] = ("station",), processed
    values["availability"] = ("station",), _ratio(actual_s, busy_s)
    values["effectiveness"] = ("station",), _ratio(planned_s, actual_s)
    values["quality_ratio"] = ("station",), _ratio(processed - bad, processed)
    values["oee_index"] = (
        ("station",),
        values["availability"][1] * values["effectiveness"][1] * values["quality_ratio"][1],
    )


def _ratio(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom > 0, top / bottom, np.nan)


def _planned_s(table: Table, log: EventLog, line: Line, ended: Rows) -> Floats:
    """Return the planned run time of the operations that ended at each station, s."""
    products = _product_of_part(table, log)
    rows = np.flatnonzero(ended)
    planned = np.zeros(len(rows))
    of_row = np.array([products.get(part, -1) for part in table.part[rows].tolist()], dtype=int)
    for number, name in enumerate(log.names.products):
        for step, operation in enumerate(line.product(name).routing):
            for station in operation.stations:
                times = operation.processing_time_by_station_s
                mean_s = times.get(station, operation.processing_time_s).expected_s()
                place = log.names.elements.index(station)
                mine = (of_row == number) & (table.detail[rows] == step)
                planned[mine & (table.element[rows] == place)] = mean_s
    return np.array(
        [
            planned[table.element[rows] == log.names.elements.index(name)].sum()
            for name in line.flow_order
        ]
    )


def _product_of_part(table: Table, log: EventLog) -> dict[int, int]:
    numbers = {name: i for i, name in enumerate(log.names.products)}
    created = table.where(Kind.PART_CREATED)
    found = {part.id: numbers[part.product] for part in table.initial.parts}
    found.update(zip(table.part[created].tolist(), table.detail[created].tolist(), strict=True))
    return found


def _buffers(values: Values, table: Table, log: EventLog, names: list[str], exits: Ints) -> None:
    entered = np.flatnonzero(table.where(Kind.BUFFER_ENTERED))
    step_s = table.steps_s()
    observed_s = table.until_s - table.from_s
    means = []
    for name in names:
        rows = entered[table.element[entered] == log.names.elements.index(name)]
        content = table.counted(rows, exits[rows])
        means.append(float(np.dot(content, step_s)) / observed_s if observed_s else np.nan)
    values["content_mean"] = ("buffer",), np.array(means, dtype=np.float64)


def _products(values: Values, table: Table, products: dict[int, int], count: int) -> None:
    rows = table.observed & table.where(Kind.PART_FINISHED)
    numbers = [products[part] for part in table.part[rows].tolist()]
    values["finished_by_product"] = (
        ("product",),
        np.bincount(np.array(numbers, dtype=int), minlength=count).astype(float),
    )


def _orders(values: Values, table: Table, log: EventLog, line: Line) -> None:
    orders = [line.order(name) for name in log.names.orders]
    of_part = _order_of_part(table, log)
    good = np.array([_initial(table, order.id, "finished") for order in orders], dtype=float)
    gone = good + np.array([_initial(table, order.id, "scrapped") for order in orders])
    last_s = np.full(len(orders), np.nan)
    rows = np.flatnonzero(table.where(*GONE))
    for row, part in zip(rows.tolist(), table.part[rows].tolist(), strict=True):
        number = of_part.get(part, -1)
        if number >= 0:
            gone[number] += 1
            good[number] += table.kind[row] == Kind.PART_FINISHED
            last_s[number] = table.time_s[row]
    quantity = np.array([order.quantity for order in orders], dtype=float)
    due_s = np.array([np.nan if o.due_date_s is None else o.due_date_s for o in orders])
    complete = gone >= quantity
    # An order that was complete before the log began has no moment here.
    done_s = np.where(complete, last_s, np.nan)
    reached_s = np.where(complete, done_s, table.until_s)
    late = (reached_s > due_s) & ~(complete & np.isnan(done_s))
    decided = complete | late
    values["order_finished"] = ("order",), good
    values["order_completion_s"] = ("order",), done_s
    values["order_tardiness_s"] = (
        ("order",),
        np.where(decided & ~np.isnan(due_s), np.maximum(0.0, reached_s - due_s), np.nan),
    )
    values["order_on_time"] = (
        ("order",),
        np.where(decided & ~np.isnan(due_s), np.where(late, 0.0, 1.0), np.nan),
    )


def _initial(table: Table, order: str, name: str) -> int:
    found = table.initial.orders.get(order)
    return int(getattr(found, name)) if found else 0


def _order_of_part(table: Table, log: EventLog) -> dict[int, int]:
    numbers = {name: i for i, name in enumerate(log.names.orders)}
    found = {part.id: numbers[part.order] for part in table.initial.parts if part.order}
    created = table.where(Kind.PART_CREATED) & (table.value >= 0)
    found.update(
        zip(
            table.part[created].tolist(),
            table.value[created].astype(int).tolist(),
            strict=True,
        )
    )
    return found
