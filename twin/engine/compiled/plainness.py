"""Which lines are plain enough for ``maxplus``, and the strands that they are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from twin.engine.compiled import rows as mp
from twin.engine.options import SimulationOptions
from twin.line import (
    Buffer,
    Constant,
    Failure,
    Line,
    Operation,
    Product,
    Setup,
    Source,
    Station,
    Vehicles,
    Wear,
    WearLevel,
)
from twin.line.spec import Spec

CLOCKS = {"operating": mp.BY_AGE, "calendar": mp.BY_CALENDAR}
"""Clocks of failures that need no events."""
RULES = ("fifo", "spt", "edd", "priority")
"""Dispatch rules that leave parts of one product in the order in which they came."""
# What may be said of a plain line; anything else that is not as by default makes it another.
SAID: dict[type[Spec], str] = {
    SimulationOptions: "horizon_s warm_up_s seed replication antithetic engine",
    Line: "id name description time_zone start sources sinks stations buffers products vehicles",
    Source: "id name arrivals interarrival_s products",
    Product: "id name setup_group routing sink stock attributes",
    Operation: "id name stations processing_time_s processing_time_by_station_s scrap_probability"
    " components",
    Station: "id name input_buffer dispatch_rule failures setup signals wear",
    Setup: "matrix_s initial_group",
    Buffer: "id name capacity",
    Failure: "id name clock time_to_failure_s time_to_repair_s",
    Wear: "levels ages lowered_by",
    WearLevel: "after_s failure_factor time_factor",
    Vehicles: "id name count moves speed_m_per_s distance_m travel_time_s default_distance_m home"
    " load_time_s unload_time_s",
}
LEAST_LOAD_S = 1e-3
"""Time to load from which parts of one pool arrive one after the other, s."""


@dataclass(frozen=True, slots=True)
class Strand:
    """A source and the stations in a row behind it."""

    source: Source
    products: tuple[Product, ...]
    """Those that the source may make, by id."""
    stock: str | None
    """Buffer to which they come; none: they leave the line."""

    @property
    def stations(self) -> tuple[str, ...]:
        """Stations in the order in which parts pass them."""
        return tuple(step.stations[0] for step in self.products[0].routing)

    @property
    def is_row(self) -> bool:
        """Tell whether all parts pass the same single stations, each once."""
        row = self.stations
        ways = [tuple(step.stations for step in product.routing) for product in self.products]
        return len(set(row)) == len(row) and all(way == tuple((s,) for s in row) for way in ways)


def is_plain(line: Line, options: SimulationOptions) -> bool:
    """Tell whether a line, from empty, is made of rows of single servers without need of events.

    One source without orders to a row; products that all pass the same stations, each once, and
    that nothing reorders; at most one failure mode to a station, on the operating clock or by
    calendar and without a crew; wear by operating time; components from a stock that a row of its
    own fills and one station empties; vehicles that bring parts from one station to the next place
    and overtake nobody; nothing else.
    """
    if not (_says_no_more(line) and _says_no_more(options)):
        return False
    strands = strands_of(line)
    row = [name for strand in strands for name in strand.stations]
    stations = [line.station(name) for name in row]
    buffers = [station.input_buffer for station in stations if station.input_buffer]
    buffers += [strand.stock for strand in strands if strand.stock]
    steps = (step for product in line.products for step in product.routing)
    specs = (*line.sources, *line.products, *steps, *line.buffers)
    return (
        len(strands) > 0
        and len(set(row)) == len(row) == len(line.stations)
        and len(set(buffers)) == len(buffers)
        and all(_says_no_more(spec) for spec in specs)
        and all(_is_fed(line, strand) for strand in strands)
        and all(_is_ferry(line, strands, pool) for pool in line.vehicles)
    )


def strands_of(line: Line) -> tuple[Strand, ...]:
    """Return the strands of a plain line, each before those that supply it; else none at all."""
    found = [_strand(line, source) for source in sorted(line.sources, key=lambda one: one.id)]
    strands = [strand for strand in found if strand is not None and strand.is_row]
    main = [strand for strand in strands if strand.stock is None]
    supply = {strand.products[0].id: strand for strand in strands if strand.stock is not None}
    if len(main) != 1 or len(supply) + 1 != len(found):
        return ()
    users = [(name, step.stations[0]) for name, step in _components(line.products)]
    if len(set(users)) != len(supply):
        return ()
    ordered = main
    for strand in ordered:  # grows meanwhile
        needed = sorted({name for name, _ in _components(strand.products)})
        ordered += [supply.pop(name) for name in needed if name in supply]
    return () if supply else tuple(ordered)


def _components(products: Sequence[Product]) -> list[tuple[str, Operation]]:
    steps = [step for product in products for step in product.routing]
    return [(name, step) for step in steps for name in step.components]


def _strand(line: Line, source: Source) -> Strand | None:
    """Return the strand of a source; None: it is none of a plain line."""
    made = source.products or {line.products[0].id: 1.0}
    stocks = {line.product(name).stock for name in made}
    if len(stocks) != 1:
        return None
    stock = stocks.pop()
    if stock is not None and len(made) != 1:
        return None
    # Products that nobody makes have a way of their own to be counted by.
    products = [one for one in line.products if one.id in made or one.stock == stock is None]
    return Strand(source, tuple(sorted(products, key=lambda one: one.id)), stock)


def _is_fed(line: Line, strand: Strand) -> bool:
    """Tell whether parts come to the stations of a strand, and in an order, that need no events."""
    source, stations = strand.source, [line.station(name) for name in strand.stations]
    rules = RULES if len(strand.products) == 1 else RULES[:1]
    first = room_before(line, stations[0]) if stations else places_in(line, strand.stock)
    return (
        source.arrivals != "orders"
        and (source.arrivals == "interarrival" or first >= 0)
        and all(one.dispatch_rule in rules and _is_plain(one) for one in stations)
    )


def legs_of(line: Line, strand: Strand) -> Iterator[tuple[str, str]]:
    """Yield places that parts of a strand leave, with those that they go to: source, stations."""
    stations = [line.station(name) for name in strand.stations]
    places = [station.input_buffer or station.id for station in stations]
    origins = (strand.source.id, *strand.stations)
    yield from zip(origins, places, strict=False)
    sinks = {product.sink or line.sinks[0].id for product in strand.products}
    for goal in sorted({strand.stock} if strand.stock else sinks):
        yield origins[-1], goal


def _is_ferry(line: Line, strands: Sequence[Strand], pool: Vehicles) -> bool:
    """Tell whether a pool serves one way behind a station, and brings parts as they come."""
    legs = [leg for strand in strands for leg in legs_of(line, strand) if pool.carries(*leg)]
    if not _says_no_more(pool) or len(legs) != 1 or legs[0][0] in {s.id for s in line.sources}:
        return False
    origin, goal = legs[0]
    load, unload = pool.load_time_s, pool.unload_time_s
    in_turn = isinstance(load, Constant) and load.value_s >= LEAST_LOAD_S
    in_turn = in_turn and isinstance(unload, Constant)
    several = len({product.sink for strand in strands for product in strand.products}) > 1
    return (
        (pool.count == 1 or in_turn)
        and pool.travel_s(pool.home, origin) <= pool.travel_s(goal, origin)
        and not (several and goal in {sink.id for sink in line.sinks})
    )


def _is_plain(station: Station) -> bool:
    """Tell whether what sets a station up, wears it and stops it needs no events."""
    wear, modes = station.wear, station.failures
    specs = (station, *modes, *([station.setup] if station.setup else []))
    if wear is not None:
        specs = (*specs, wear, *wear.levels)
    clocks = CLOCKS if wear is None else ("operating",)
    return (
        len(modes) <= 1
        and all(mode.clock in clocks for mode in modes)
        and all(_says_no_more(spec) for spec in specs)
    )


def _says_no_more(spec: Spec) -> bool:
    said = SAID[type(spec)].split()
    return all(
        name in said or getattr(spec, name) == field.get_default(call_default_factory=True)
        for name, field in type(spec).model_fields.items()
    )


def room_before(line: Line, station: Station) -> int:
    """Return the places in the buffer before a station; 0: no buffer, -1: without limit."""
    return places_in(line, station.input_buffer) if station.input_buffer else 0


def places_in(line: Line, buffer: str | None) -> int:
    """Return the places in a buffer; -1: without limit, or no buffer."""
    capacity = None if buffer is None else line.buffer(buffer).capacity
    return -1 if capacity is None else capacity
