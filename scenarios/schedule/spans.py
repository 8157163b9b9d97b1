"""From when to when a line worked on each operation of its orders, as its event log tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.events.kinds import Kind
from twin.events.log import EventLog
from twin.events.state import LineState
from twin.line import Line

Numbers = NDArray[np.int64]
Rows = tuple[Numbers, NDArray[np.integer], NDArray[np.float64]]
"""Part, operation and moment, a row for each."""

_BEGUN = (Kind.LOADING_STARTED, Kind.PROCESSING_STARTED)
_ENDED = (Kind.PROCESSING_ENDED, Kind.UNLOADING_ENDED)
_GONE = (Kind.PART_FINISHED, Kind.PART_SCRAPPED, Kind.PART_CONSUMED, Kind.PART_REPLACED)
_BUSY = frozenset({"loading", "processing", "unloading"})


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when one operation of an order is worked on."""

    start_s: float
    """First part begun, its loading included, s."""
    end_s: float
    """Last part ended, its unloading included, s."""
    people: tuple[str, ...] = ()
    """Crews that worked on it, or set up for it, each as often as people of it were with a part."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """Parts by number, with what they are."""

    number: Numbers
    """In rising order."""
    order: Numbers
    """Index of the order; -1: none."""
    product: Numbers

    @staticmethod
    def of(log: EventLog, state: LineState | None) -> _Parts:
        born = np.isin(log.kind, (Kind.PART_CREATED, Kind.PART_MADE))
        orders = {name: at for at, name in enumerate(log.names.orders)}
        products = {name: at for at, name in enumerate(log.names.products)}
        inside = state.parts if state is not None else ()
        number = [*log.part[born].tolist(), *(part.id for part in inside)]
        order = [*log.value[born].tolist(), *(orders.get(p.order or "", -1) for p in inside)]
        product = [*log.detail[born].tolist(), *(products[p.product] for p in inside)]
        rank = np.argsort(np.array(number, dtype=np.int64), kind="stable")
        columns = (np.array(column, dtype=np.int64)[rank] for column in (number, order, product))
        return _Parts(*columns)

    def place(self, part: Numbers) -> Numbers:
        """Return where some parts stand in the columns."""
        return np.searchsorted(self.number, part)


def spans(line: Line, state: LineState | None, log: EventLog) -> dict[str, Span]:
    """Return when each ``order/operation`` was worked on, as far as it was.

    Parameters
    ----------
    line : Line
        Line that the log belongs to.
    state : LineState or None
        Where the log begins: what is in process there begins at its moment.
    log : EventLog
        What the line did.
    """
    parts = _Parts.of(log, state)
    begun, ended = np.isin(log.kind, _BEGUN), np.isin(log.kind, _ENDED)
    starts: list[Rows] = [(log.part[begun], log.detail[begun], log.time_s[begun])]
    ends: list[Rows] = [(log.part[ended], log.detail[ended], log.time_s[ended])]
    for station in line.stations:
        if station.batch is not None:
            more = _of_batches(log, state, station.id)
            starts.append((more[0], more[1], more[2]))
            ends.append((more[0], more[1], more[3]))
    busy = [part for part in (state.parts if state else ()) if part.status in _BUSY]
    count = len(busy)
    starts.append(
        (
            np.fromiter((part.id for part in busy), dtype=np.int64, count=count),
            np.fromiter((part.operation for part in busy), dtype=np.int32, count=count),
            np.full(count, log.begin_s),
        )
    )
    most = 1 + max((len(product.routing) for product in line.products), default=0)
    first_s = np.full(len(log.names.orders) * most, np.inf)
    last_s = np.full(len(log.names.orders) * most, -np.inf)
    for rows, into, ufunc in ((starts, first_s, np.minimum), (ends, last_s, np.maximum)):
        for number, operation, time_s in rows:
            at = parts.place(number)
            own = _own_products(line, log)[parts.order[at]] == parts.product[at]
            own &= parts.order[at] >= 0
            ufunc.at(into, parts.order[at][own] * most + operation[own], time_s[own])
    return _named(line, log, first_s, last_s, _people(line, state, log, parts))


def _own_products(line: Line, log: EventLog) -> Numbers:
    """Return the product of each order, and of none at the end."""
    products = {name: at for at, name in enumerate(log.names.products)}
    own = {order.id: products[order.product] for order in line.orders}
    return np.array([*(own[name] for name in log.names.orders), -1], dtype=np.int64)


def _people(line: Line, state: LineState | None, log: EventLog, parts: _Parts) -> NDArray[np.int64]:
    """Return how many people of each crew were with a part at most, by order, operation and crew.

    A batch has them under its first part.
    """
    most = 1 + max((len(product.routing) for product in line.products), default=0)
    found = np.zeros((len(log.names.orders) + 1, most, len(log.names.crews)), dtype=np.int64)
    taken = np.flatnonzero((log.kind == Kind.CREW_TAKEN) & (log.part >= 0))
    entered = np.flatnonzero(log.kind == Kind.STATION_ENTERED)
    places = {name: at for at, name in enumerate(log.names.elements)}
    inside = [part for part in (state.parts if state else ()) if part.location in places]

    # Who was called for a part at a station is there for what it last came to that station for.
    def key(part: Numbers, element: NDArray[np.integer], row: Numbers) -> Numbers:
        visit: Numbers = part * len(places) + element
        return visit * (len(log.kind) + 1) + row

    begun = np.array([(part.id, places[part.location], 0) for part in inside], dtype=np.int64)
    keys = np.concatenate(
        (key(*begun.reshape(-1, 3).T), key(log.part[entered], log.element[entered], entered + 1))
    )
    steps = np.array([part.operation for part in inside], dtype=np.int64)
    steps = np.concatenate((steps, log.detail[entered]))
    rank = np.argsort(keys)
    calls = key(log.part[taken], log.element[taken], taken + 1)
    step = steps[rank][np.searchsorted(keys[rank], calls) - 1]
    at = parts.place(log.part[taken])
    own = _own_products(line, log)[parts.order[at]] == parts.product[at]
    order = np.where(own, parts.order[at], -1)
    np.maximum.at(found, (order, step, log.detail[taken]), log.value[taken].astype(np.int64))
    orders = {name: at for at, name in enumerate(log.names.orders)}
    crews = {name: at for at, name in enumerate(log.names.crews)}
    for part in inside:
        for name, count in part.team.items():
            where = orders.get(part.order or "", -1), part.operation, crews[name]
            found[where] = max(found[where], count)
    return found


def _named(
    line: Line,
    log: EventLog,
    first_s: NDArray[np.float64],
    last_s: NDArray[np.float64],
    people: NDArray[np.int64],
) -> dict[str, Span]:
    found, crews = {}, log.names.crews
    most = people.shape[1]
    products = {order.id: order.product for order in line.orders}
    for at, name in enumerate(log.names.orders):
        for k, operation in enumerate(line.product(products[name]).routing):
            begin_s, end_s = first_s[at * most + k], last_s[at * most + k]
            if np.isfinite(end_s):
                team = zip(crews, people[at, k].tolist(), strict=True)
                names = tuple(crew for crew, count in team for _ in range(count))
                found[f"{name}/{operation.id}"] = Span(float(begin_s), float(end_s), names)
    return found


def _of_batches(
    log: EventLog, state: LineState | None, station: str
) -> tuple[Numbers, Numbers, NDArray[np.float64], NDArray[np.float64]]:
    """Return part, operation, start and end of all that a station worked on in batches.

    The log has the work of a batch under its first part; those with it entered at one moment.
    """
    element = log.names.elements.index(station)
    inside = [part for part in (state.parts if state else ()) if part.location == station]
    entries = [(log.begin_s, part.server, part.id, part.operation) for part in inside]
    begun_s: dict[tuple[int, int], float] = {}
    ended_s: dict[tuple[int, int], float] = {
        (part.id, part.operation): -np.inf for part in inside if part.status == "done"
    }
    here = np.flatnonzero(log.element == element)
    columns = (log.time_s, log.kind, log.part, log.detail, log.value)
    for time_s, kind, part, detail, value in zip(
        *(column[here].tolist() for column in columns), strict=True
    ):
        if kind == Kind.STATION_ENTERED:
            entries.append((time_s, int(value), part, detail))
        elif kind in _BEGUN:
            begun_s.setdefault((part, detail), time_s)
        elif kind in _ENDED:
            ended_s[part, detail] = time_s
    groups: dict[tuple[float, int | None], list[tuple[int, int]]] = {}
    for time_s, server, part, operation in entries:
        groups.setdefault((time_s, server), []).append((part, operation))
    rows = [
        (*member, min(begins), max(ends))
        for members in groups.values()
        for begins in [[begun_s.get(key, np.inf) for key in members]]
        for ends in [[ended_s.get(key, -np.inf) for key in members]]
        for member in members
    ]
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return (
        np.array([row[0] for row in rows], dtype=np.int64),
        table[:, 1].astype(np.int64),
        table[:, 2],
        table[:, 3],
    )


def complete(line: Line, state: LineState | None, log: EventLog) -> dict[str, float]:
    """Return the orders of which at the end of a log nothing is left, and when the last part left.

    Minus infinity: before the log begins.
    """
    parts = _Parts.of(log, state)
    names = log.names.orders
    left = {order.id: order.quantity for order in line.orders}
    for name, one in (state.orders if state is not None else {}).items():
        left[name] -= one.finished + one.scrapped - one.extra
    gone = np.isin(log.kind, _GONE)
    owner = parts.order[parts.place(log.part[gone])]
    last_s = np.full(len(names), -np.inf)
    np.maximum.at(last_s, owner[owner >= 0], log.time_s[gone][owner >= 0])
    done = np.bincount(owner[owner >= 0], minlength=len(names))
    made = log.value[log.kind == Kind.PART_MADE].astype(np.int64)
    done = done - np.bincount(made[made >= 0], minlength=len(names))
    return {name: float(last_s[at]) for at, name in enumerate(names) if done[at] >= left[name]}
