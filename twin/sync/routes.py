"""What the line's file says about ways, orders and names, as the translation needs it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from twin.events.log import Names
from twin.line import JobOrder, Line, Source, Vehicles
from twin.line.line import maker_slots

PARTS_PER_SOURCE = 2**40
"""A part's number is its source's slot times this plus its count there."""


class OrderCount(Protocol):
    """How far an order has come."""

    released: bool
    created: int


@dataclass(slots=True)
class Count:
    """How far an order has come, as followed here."""

    released: bool = False
    created: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """What a part is."""

    product: str
    """Its product."""
    order: str | None
    """Its order."""
    sure: bool = True
    """False if it was guessed."""


@dataclass(frozen=True)
class Routes:
    """Look-ups on one line."""

    line: Line
    names: Names = field(init=False)
    index: dict[str, int] = field(init=False)
    sources: tuple[Source, ...] = field(init=False)
    fed_by: dict[str, tuple[str, ...]] = field(init=False)
    """Stations that take from each buffer."""
    rank: dict[str, int] = field(init=False)
    """Place of each station from upstream to downstream."""
    pools: tuple[Vehicles, ...] = field(init=False)
    """Pools of vehicles, by name."""
    makers: dict[int, str] = field(init=False)
    """Stations that make parts of others, by their slots."""
    entrances: frozenset[str] = field(init=False)
    """Where parts come to when they go on: buffers, stations without one, sinks."""

    def __post_init__(self) -> None:
        """Work the look-ups out once."""
        line, names = self.line, Names.of(self.line)
        fed: dict[str, list[str]] = {buffer.id: [] for buffer in line.buffers}
        for station in line.stations:
            if station.input_buffer:
                fed[station.input_buffer].append(station.id)
        found = {
            "names": names,
            "index": {name: i for i, name in enumerate(names.elements)},
            "sources": tuple(sorted(line.sources, key=lambda source: source.id)),
            "fed_by": {buffer: tuple(stations) for buffer, stations in fed.items()},
            "rank": {name: i for i, name in enumerate(line.flow_order)},
            "makers": {slot: name for name, slot in maker_slots(line).items()},
            "pools": tuple(sorted(line.vehicles, key=lambda pool: pool.id)),
            "entrances": frozenset(
                [buffer.id for buffer in line.buffers]
                + [sink.id for sink in line.sinks]
                + [station.id for station in line.stations if station.input_buffer is None]
            ),
        }
        for key, value in found.items():
            object.__setattr__(self, key, value)

    def maker_of(self, part: int) -> str | None:
        """Return the station that made a part of others; None for a part of a source."""
        return self.makers.get(part // PARTS_PER_SOURCE)

    def makes(self, product: str, operation: int) -> tuple[str, ...]:
        """Return the product of each part that an operation makes of a part, in order."""
        routing = self.line.product(product).routing
        made = routing[operation].makes if 0 <= operation < len(routing) else {}
        return tuple(name for name in sorted(made) for _ in range(made[name]))

    def source_of(self, part: int) -> tuple[Source, int] | None:
        """Return the source of a part and its count there; None for a number of no source."""
        slot, count = divmod(part, PARTS_PER_SOURCE)
        return (self.sources[slot], count) if slot < len(self.sources) else None

    def number(self, source: str, count: int) -> int:
        """Return the number of the part that is the ``count``-th (from 0) of a source."""
        slot = next(i for i, found in enumerate(self.sources) if found.id == source)
        return slot * PARTS_PER_SOURCE + count

    def length(self, product: str) -> int:
        """Return the number of operations of a product."""
        return len(self.line.product(product).routing)

    def stations(self, product: str, operation: int) -> tuple[str, ...]:
        """Return the stations of an operation; none beyond the routing's end."""
        routing = self.line.product(product).routing
        return routing[operation].stations if 0 <= operation < len(routing) else ()

    def goals(self, product: str, operation: int) -> tuple[str, ...]:
        """Return the entrances of an operation, or the way out behind the last one."""
        if operation >= self.length(product):
            found = self.line.product(product)
            return (found.stock or found.sink or self.line.sinks[0].id,)
        doors = (
            self.line.station(name).input_buffer or name
            for name in self.stations(product, operation)
        )
        return tuple(dict.fromkeys(doors))

    def rework_to(self, product: str, operation: int) -> int | None:
        """Return the operation that parts go back to from an operation, if any."""
        routing = self.line.product(product).routing
        if not 0 <= operation < len(routing) or routing[operation].rework is None:
            return None
        rework = routing[operation].rework
        assert rework is not None
        return next(i for i, step in enumerate(routing) if step.id == rework.to)

    def too_late_to(self, product: str, operation: int) -> int | None:
        """Return the operation that parts go back to which waited too long for one, if any."""
        routing = self.line.product(product).routing
        to = routing[operation].max_wait_to if 0 <= operation < len(routing) else None
        return next((i for i, step in enumerate(routing) if step.id == to), None)

    def operation_at(self, product: str, place: str, after: int, done: int | None) -> int | None:
        """Return the operation for which a part waits at a buffer or station.

        Parameters
        ----------
        product : str
            What the part is.
        place : str
            Buffer or station where it is.
        after : int
            Operation that comes next by the routing.
        done : int or None
            Operation it was in last, if it comes from one.

        Returns
        -------
        int or None
            The next one if it is done here; else the one that rework leads to; else the nearest
            later one; None if the routing does not lead here at all.
        """
        here = set(self.fed_by.get(place, (place,)))
        possible = [i for i in range(self.length(product)) if here & set(self.stations(product, i))]
        if after in possible:
            return after
        back = self.rework_to(product, done) if done is not None else None
        if back is not None and back in possible:
            return back
        later = [i for i in possible if i > after]
        return later[0] if later else None

    def identity(self, part: int, orders: Mapping[str, OrderCount]) -> Identity:
        """Return what the next part of its source is, as far as the line's file decides it."""
        found = self.source_of(part)
        maker = self.maker_of(part)
        if maker is not None:
            made = {
                name
                for product in self.line.products
                for step in product.routing
                if maker in step.stations
                for name in step.makes
            }
            return Identity(min(made), None, sure=len(made) == 1)
        source = found[0] if found else self.sources[0]
        if source.arrivals == "orders":
            order = self.next_order(orders)
            if order is not None:
                return Identity(self.line.order(order).product, order)
            return Identity(self.line.products[0].id, None, sure=False)
        weights = source.products or {self.line.products[0].id: 1.0}
        best = max(sorted(weights), key=lambda name: weights[name])
        return Identity(best, None, sure=len(weights) == 1 and found is not None)

    def next_order(self, orders: Mapping[str, OrderCount]) -> str | None:
        """Return the order that a source feeds now: the one begun, else the most urgent."""
        open_orders = [
            order
            for order in self.line.orders
            if orders[order.id].released and orders[order.id].created < order.quantity
        ]
        begun = [order for order in open_orders if orders[order.id].created]
        return min(begun or open_orders, key=urgency).id if open_orders else None

    def in_sequence(self, until_s: float) -> Iterator[str]:
        """Yield, part by part, the order of each part of the line's order source, as fed.

        The sequence is what the rule gives if the source was never idle; orders released after
        ``until_s`` are not in it.
        """
        counts = {order.id: Count(order.release_s <= until_s) for order in self.line.orders}
        while (name := self.next_order(counts)) is not None:
            left = self.line.order(name).quantity
            counts[name].created = left
            for _ in range(left):
                yield name


def urgency(order: JobOrder) -> tuple[float, float, float, str]:
    """Return the key by which orders are fed: priority, due date, release, name."""
    due_s = math.inf if order.due_date_s is None else order.due_date_s
    return -order.priority, due_s, order.release_s, order.id
