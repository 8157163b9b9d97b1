"""What must hold where parts become others: batches, components, and what is made of a part."""

from __future__ import annotations

from collections.abc import Iterator

from twin.line.gathered import Parts
from twin.line.orders import JobOrder
from twin.line.products import Operation, Product
from twin.line.stations import Buffer, Source, Station


def grouping(parts: Parts) -> None:
    """Note all findings about batches, components and parts made of parts."""
    for station in parts.of("stations", Station):
        _batch(parts, station)
    for product in parts.of("products", Product):
        _product(parts, product)
        for step in product.routing:
            _operation(parts, step, f"products.{product.id}.routing.{step.id}")
    if parts.complete:
        _stocks(parts)


def _batch(parts: Parts, station: Station) -> None:
    if station.batch is None:
        return
    path = f"stations.{station.id}.batch"
    if station.input_buffer is None:
        parts.add(
            path,
            "parts have no place to wait for each other",
            "an input_buffer with room for a batch",
            "add a buffer and name it as the input_buffer",
        )
    for buffer in parts.of("buffers", Buffer):
        room = buffer.capacity
        if buffer.id == station.input_buffer and room is not None and room < station.batch.min:
            parts.add(
                f"{path}.min",
                f"buffer {buffer.id!r} holds {room}, so there would never be {station.batch.min}",
                f"at most {room}",
                f"raise buffers.{buffer.id}.capacity",
            )


def _product(parts: Parts, product: Product) -> None:
    path = f"products.{product.id}"
    if not product.routing and product.stock is None:
        parts.add(
            f"{path}.routing",
            "it has no operation and no stock to go to",
            "at least one operation, or a stock",
        )
    if product.stock is None:
        return
    parts.known("buffers", product.stock, f"{path}.stock", "buffer")
    if product.sink is not None:
        parts.add(f"{path}.sink", "parts go to its stock", remedy="remove sink or stock")
    for station in parts.of("stations", Station):
        if station.input_buffer == product.stock:
            parts.add(
                f"{path}.stock",
                f"{product.stock!r} is the input_buffer of station {station.id!r}",
                "a buffer of its own, in which components wait",
            )


def _operation(parts: Parts, step: Operation, path: str) -> None:
    products = {product.id: product for product in parts.of("products", Product)}
    for name in step.makes:
        parts.known("products", name, f"{path}.makes.{name}", "product")
    batches = {s.id for s in parts.of("stations", Station) if s.batch is not None}
    for name, count in step.components.items():
        here = f"{path}.components.{name}"
        if not parts.known("products", name, here, "product") or name not in products:
            continue
        if products[name].stock is None:
            parts.add(
                here,
                f"parts of {name!r} wait nowhere",
                "a stock",
                f"name a buffer as products.{name}.stock",
            )
        for buffer in parts.of("buffers", Buffer):
            room = buffer.capacity
            if buffer.id == products[name].stock and room is not None and room < count:
                message = f"stock {buffer.id!r} holds {room}, so there would never be {count}"
                parts.add(here, message, f"at most {room}", f"raise buffers.{buffer.id}.capacity")
    if step.components:
        for name in sorted(batches.intersection(step.stations)):
            message = f"station {name!r} works in batches, components go into one part"
            parts.add(f"{path}.components", message, remedy="assemble at a station of its own")


def _stocks(parts: Parts) -> None:
    """Every component comes from somewhere, and every stock is used."""
    needed = set(_named(parts, "components"))
    made = set(_named(parts, "makes"))
    products = {product.id: product for product in parts.of("products", Product)}
    for source in parts.of("sources", Source):
        if source.arrivals == "orders":
            made |= {order.product for order in parts.of("orders", JobOrder)}
        else:
            made |= set(source.products or products)
    for name in sorted(needed - made):
        parts.add(
            f"products.{name}",
            "it is needed as a component, and no source or operation makes it",
            remedy="add a source with products: {" + name + ": 1}",
        )
    for product in products.values():
        if product.stock is not None and product.id not in needed:
            parts.add(
                f"products.{product.id}.stock",
                "no operation needs it as a component, so its stock would fill up for ever",
                remedy="name it in the components of an operation, or remove stock",
            )


def _named(parts: Parts, key: str) -> Iterator[str]:
    for product in parts.of("products", Product):
        for step in product.routing:
            yield from getattr(step, key)
