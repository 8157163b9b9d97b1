"""Batches, components and parts made of parts of a line, as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import floats, ints, offsets
from twin.line import Line
from twin.line.line import maker_slots

if TYPE_CHECKING:
    from twin.engine.compiled.lower import Lowering

ALIKE = {
    "product": t.BY_PRODUCT,
    "group": t.BY_GROUP,
    "family": t.BY_FAMILY,
    "any": t.BY_NOTHING,
}


def has_batches(line: Line) -> bool:
    """Tell whether some station works in batches."""
    return any(station.batch is not None for station in line.stations)


def is_grouped(line: Line) -> bool:
    """Tell whether parts go together, wait for components or become others somewhere."""
    steps = [step for product in line.products for step in product.routing]
    return has_batches(line) or any(step.components or step.makes for step in steps)


def group_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of batches, components and what is made of parts."""
    batches = [spec.batch for spec in low.stations]
    slots = maker_slots(low.line)
    # None stands for the step after a product's last operation.
    steps = [step for product in low.products for step in (*product.routing, None)]
    components = [sorted(step.components.items()) if step else [] for step in steps]
    makes = [sorted(step.makes.items()) if step else [] for step in steps]
    number = {product.id: i for i, product in enumerate(low.products)}
    stock = {product.id: low.buffer[product.stock] for product in low.products if product.stock}
    return {
        "station_several": ints(
            spec.batch is not None or spec.id in slots for spec in low.stations
        ),
        "station_slot": ints(slots.get(spec.id, -1) for spec in low.stations),
        "batch_min": ints(batch.min if batch else 0 for batch in batches),
        "batch_max": ints(batch.max if batch else 0 for batch in batches),
        "batch_wait_s": floats(
            math.inf if batch is None or batch.wait_s is None else batch.wait_s for batch in batches
        ),
        "batch_alike": ints(ALIKE[batch.alike] if batch else 0 for batch in batches),
        "first_component": offsets(len(row) for row in components),
        "component_product": ints(number[name] for row in components for name, _ in row),
        "component_count": ints(count for row in components for _, count in row),
        "component_stock": ints(stock[name] for row in components for name, _ in row),
        "first_made": offsets(len(row) for row in makes),
        "made_product": ints(number[name] for row in makes for name, _ in row),
        "made_count": ints(count for row in makes for _, count in row),
    }
