"""Longest waits, belts and loops of cards of a line, as tables."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from twin.engine.compiled.grouping import is_grouped
from twin.engine.compiled.layout import floats, ints, offsets
from twin.engine.compiled.routes import Routes
from twin.events.state import LineState, PartState, VehicleState
from twin.line import Buffer, CardLoop, Line, Operation, Product


def has_limits(line: Line) -> bool:
    """Tell whether some parts may wait only so long."""
    return any(_is_limited(product) for product in line.products)


def _is_limited(product: Product) -> bool:
    return any(step.max_wait_s is not None for step in product.routing)


def has_looks(line: Line) -> bool:
    """Tell whether some buffer takes time, or parts wait there for a batch only so long."""
    return any(buffer.transit_time_s > 0 or _waits_s(line, buffer) for buffer in line.buffers)


def needs_aside(line: Line, state: LineState) -> bool:
    """Tell whether parts need the fields that only some lines have, or their state has them."""
    return (
        has_limits(line)
        or is_grouped(line)
        or bool(line.vehicles)
        or any(p.ready_s is not None or p.kitted or p.family is not None for p in state.parts)
    )


def limited_steps(line: Line) -> list[tuple[Product, Operation]]:
    """Return the operations for which parts may wait only so long, in the order of their lists."""
    return [
        (product, step)
        for product in sorted(line.products, key=lambda product: product.id)
        for step in product.routing
        if step.max_wait_s is not None
    ]


def _waits_s(line: Line, buffer: Buffer) -> list[float]:
    """Return how long parts wait in a buffer for a batch at most, shortest first, s."""
    return sorted(
        {
            station.batch.wait_s
            for station in line.stations
            if station.batch and station.batch.wait_s is not None
            if station.input_buffer == buffer.id
        }
    )


def wait_tables(line: Line, state: LineState, buffers: list[Buffer]) -> dict[str, Any]:
    """Return the fields of longest waits and of buffers that take time."""
    limited = limited_steps(line)
    watch = {(product.id, step.id): w for w, (product, step) in enumerate(limited)}
    products = sorted(line.products, key=lambda product: product.id)
    rows = [
        watch.get((product.id, step.id if step else ""), -1)
        for product in products
        for step in (*product.routing, None)
    ]
    waits = [_waits_s(line, buffer) for buffer in buffers]
    return {
        "product_limited": ints(_is_limited(product) for product in products),
        "step_watch": ints(rows),
        "watch_longest_s": floats(step.max_wait_s for _, step in limited),
        "watch_back": ints(
            [other.id for other in product.routing].index(step.max_wait_to)
            if step.max_wait_to
            else -1
            for product, step in limited
        ),
        "transit_s": floats(buffer.transit_time_s for buffer in buffers),
        "buffer_sorted": ints(is_sorted(state, buffer.id) for buffer in buffers),
        "first_wait": offsets(len(found) for found in waits),
        "wait_s": floats(wait_s for found in waits for wait_s in found),
    }


def is_sorted(state: LineState, buffer: str) -> bool:
    """Tell whether the parts that a state has in a buffer stand in the order they came."""
    entered_s = -math.inf
    for part in state.parts:
        if part.location == buffer:
            if part.entered_s < entered_s:
                return False
            entered_s = part.entered_s
    return True


def card_tables(line: Line, routes: Routes) -> dict[str, Any]:
    """Return the fields of loops: where parts hold their cards, and who looks at them."""
    loops, products = line.loops, sorted(product.id for product in line.products)
    held = [
        [k for k, loop in enumerate(loops) if loop.covers(place, product)]
        for place in routes.entrance_names
        for product in products
    ]
    lookers = [sorted(set(_lookers(line, loop, routes))) for loop in loops]
    rivals = [sorted(set(_rivals(line, loop, routes))) for loop in loops]
    return {
        "first_card": offsets(len(row) for row in held),
        "card": ints(k for row in held for k in row),
        "first_looker": offsets(len(row) for row in lookers),
        "looker": ints(place for row in lookers for place in row),
        "first_rival": offsets(len(row) for row in rivals),
        "rival": ints(place for row in rivals for place in row),
    }


def _lookers(line: Line, loop: CardLoop, routes: Routes) -> Iterator[int]:
    """Yield the places of those who bring parts into a loop from outside."""
    for entrance, name in enumerate(routes.entrance_names):
        if not loop.places or name in loop.places:
            for place in routes.places.get(entrance, ()):
                if not routes.place_is_in(place, loop):
                    yield place
    for station in line.stations:
        buffer = station.input_buffer
        if station.id in loop.places and buffer and buffer not in loop.places:
            yield routes.place_of(station.id)


def _rivals(line: Line, loop: CardLoop, routes: Routes) -> Iterator[int]:
    """Yield the places of all who send to where several do and cards are held."""
    del line
    for entrance, name in enumerate(routes.entrance_names):
        if (not loop.places or name in loop.places) and routes.feeders[entrance] > 1:
            yield from routes.places.get(entrance, ())


def free_cards(line: Line, state: LineState) -> list[int]:
    """Return the cards that each loop has free in a state."""
    driven = {v.part: v for pool in state.vehicles.values() for v in pool if v.part is not None}
    return [
        loop.cards - sum(_holds_with(line, loop, p, driven.get(p.id)) for p in state.parts)
        for loop in line.loops
    ]


def _holds_with(line: Line, loop: CardLoop, part: PartState, vehicle: VehicleState | None) -> bool:
    """Tell whether a part holds a card of a loop; on its way it holds those of both ends."""
    if vehicle is None or vehicle.goal is None:
        return _holds(line, loop, part.location, part.product)
    aboard = part.location in {pool.id for pool in line.vehicles}
    origin = vehicle.place if aboard else part.location
    sinks = {sink.id for sink in line.sinks}
    return _holds(line, loop, origin, part.product) or (
        vehicle.goal not in sinks and _holds(line, loop, vehicle.goal, part.product)
    )


def _holds(line: Line, loop: CardLoop, place: str, product: str) -> bool:
    """Tell whether a part holds a card of a loop; a source is outside of all."""
    return all(place != source.id for source in line.sources) and loop.covers(place, product)
