"""What parts are made, and for which orders, as tables."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import floats, ints, offsets
from twin.engine.dispatch import LAST
from twin.engine.streams import Purpose

if TYPE_CHECKING:
    from twin.engine.compiled.lower import Lowering

ARRIVALS = {"unlimited": t.UNLIMITED, "interarrival": t.INTERARRIVAL, "orders": t.ORDERS}


def source_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of sources that no run changes."""
    ids = [source.id for source in low.sources]
    products = {product.id: i for i, product in enumerate(low.products)}
    weights = [source.products or {low.line.products[0].id: 1.0} for source in low.sources]
    return {
        "source_kind": ints(ARRIVALS[source.arrivals] for source in low.sources),
        "source_element": ints(low.element[name] for name in ids),
        "source_times": ints(
            low.distribution(s.interarrival_s) if s.interarrival_s else -1 for s in low.sources
        ),
        "source_first_s": floats(
            math.nan if source.first_s is None else source.first_s for source in low.sources
        ),
        "source_arrival_key": low.keys(ids, Purpose.ARRIVAL),
        "source_product_key": low.keys(ids, Purpose.PRODUCT),
        "first_share": offsets(len(row) for row in weights),
        "share": floats(
            value for row in weights for value in accumulate(row[name] for name in sorted(row))
        ),
        "share_product": ints(products[name] for row in weights for name in sorted(row)),
    }


def order_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of orders that no run changes."""
    plan = low.options.plan
    release = plan.release if plan else ()
    products = {product.id: i for i, product in enumerate(low.products)}
    due = [math.inf if o.due_date_s is None else o.due_date_s for o in low.orders]
    place = {name: i for i, name in enumerate(release)}
    urgency = sorted(
        range(len(low.orders)),
        key=lambda i: (
            place.get(low.orders[i].id, len(release)),
            -low.orders[i].priority,
            due[i],
            low.orders[i].release_s,
            low.orders[i].id,
        ),
    )
    ranks = {order: rank for rank, order in enumerate(urgency)}
    places = np.full((len(low.stations), len(low.orders)), LAST, dtype=np.int64)
    for station, sequence in (plan.sequence if plan else {}).items():
        for i, name in enumerate(sequence):
            places[low.station[station], low.order[name]] = i
    return {
        "order_product": ints(products[order.product] for order in low.orders),
        "order_quantity": ints(order.quantity for order in low.orders),
        "order_release_s": floats(order.release_s for order in low.orders),
        "order_due_s": floats(due),
        "order_priority": floats(order.priority for order in low.orders),
        "order_urgency": ints(ranks[i] for i in range(len(low.orders))),
        "order_place": places.ravel(),
        "order_station": _assignment(low),
    }


def _assignment(low: Lowering) -> t.Ints:
    given = low.options.plan.assignment if low.options.plan else {}
    if not given:
        return ints(())
    # One row more than operations for each product, as in the tables of steps.
    names = [name for p in low.products for name in (*(step.id for step in p.routing), "")]
    table = np.full((len(low.orders), len(names)), -1, dtype=np.int64)
    for key, station in given.items():
        order, _, operation = key.partition("/")
        if order in low.order:
            for row, name in enumerate(names):
                if name == operation:
                    table[low.order[order], row] = low.station[station]
    return table.ravel()
