"""Vehicles, carriers and hoists: pools that bring parts from place to place, one part at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from twin.line.distributions import Distribution
from twin.line.gathered import Parts
from twin.line.products import NOTHING, Product
from twin.line.spec import Id, Spec
from twin.line.stations import Source, Station
from twin.units import Duration

SHOWN = 8
"""Findings of one kind that are told before the rest is counted."""
Way = tuple[str, str]
"""Where a part leaves, and where it goes."""


class Move(Spec):
    """Ways on which parts need a vehicle: from any of some places to any of others."""

    out_of: tuple[Id, ...] = ()
    """Sources and stations that parts leave; none: any."""
    into: tuple[Id, ...] = ()
    """Buffers, stations without a buffer, and sinks that they go to; none: any."""

    @model_validator(mode="after")
    def _some_place(self) -> Self:
        if not self.out_of and not self.into:
            raise ValueError("name a place that parts leave (out_of) or go to (into)")
        return self

    def covers(self, origin: str, goal: str) -> bool:
        """Tell whether a part that goes from one place to another needs a vehicle."""
        return (not self.out_of or origin in self.out_of) and (not self.into or goal in self.into)


class Vehicles(Spec):
    """A pool of like vehicles; each carries one part."""

    id: Id
    """Name, unique among the places of the line: a part on a vehicle is there."""
    name: str = ""
    """Name for people."""
    count: int = Field(default=1, ge=1, le=1000)
    """How many there are."""
    moves: tuple[Move, ...] = Field(min_length=1)
    """What they carry; on all other ways parts move by themselves."""
    speed_m_per_s: float = Field(default=1.0, gt=0, le=1000)
    """Speed, loaded or empty, m/s."""
    distance_m: dict[Id, dict[Id, Annotated[float, Field(ge=0)]]] = Field(default_factory=dict)
    """``distance_m[from][to]``, m; also of the way back unless that is written too."""
    travel_time_s: dict[Id, dict[Id, Duration]] = Field(default_factory=dict)
    """Pairs whose time is known, s, such as a lift, in place of distance and speed."""
    default_distance_m: float | None = Field(default=None, ge=0)
    """Distance between two places that neither table has, m; none: each pair must be written."""
    load_time_s: Distribution = NOTHING
    """Time to take a part on, s; it leaves its place at the end of it."""
    unload_time_s: Distribution = NOTHING
    """Time to put it down, s; it is where it goes at the end of it."""
    home: Id
    """Where they stand at the beginning: a place of the line, or a name of the tables' own."""
    when_idle: Literal["stay", "home"] = "stay"
    """What those do that nobody needs: stay where they are, or drive home."""

    def carries(self, origin: str, goal: str) -> bool:
        """Tell whether they carry the parts that go from one place to another."""
        return origin != goal and any(move.covers(origin, goal) for move in self.moves)

    def takes_from(self, origin: str) -> bool:
        """Tell whether they carry parts away from a place."""
        return any(not move.out_of or origin in move.out_of for move in self.moves)

    def travel_s(self, origin: str, goal: str) -> float:
        """Return the time from one place to another, s; nothing for no way at all."""
        found = self._travel_s(origin, goal)
        return 0.0 if found is None else found

    def _travel_s(self, origin: str, goal: str) -> float | None:
        if origin == goal:
            return 0.0
        for a, b in ((origin, goal), (goal, origin)):
            if b in self.travel_time_s.get(a, {}):
                return self.travel_time_s[a][b]
            if b in self.distance_m.get(a, {}):
                return self.distance_m[a][b] / self.speed_m_per_s
        if self.default_distance_m is None:
            return None
        return self.default_distance_m / self.speed_m_per_s

    def knows(self, origin: str, goal: str) -> bool:
        """Tell whether the time from one place to another is written, or the default has it."""
        return self._travel_s(origin, goal) is not None


def vehicles(parts: Parts) -> None:
    """Note all findings about vehicles."""
    pools = list(parts.of("vehicles", Vehicles))
    if not pools or not parts.complete:
        return
    ways = _Ways(parts).all()
    for pool in pools:
        _moves(parts, pool, ways)
        _tables(parts, pool, ways)
    for one, other in combinations(pools, 2):
        both = [way for way in sorted(ways) if one.carries(*way) and other.carries(*way)]
        if both:
            origin, goal = both[0]
            message = f"{one.id!r} carries the parts from {origin!r} to {goal!r} already"
            remedy = "name places that no other pool serves"
            parts.add(f"vehicles.{other.id}.moves", message, "one pool for each way", remedy)


def _moves(parts: Parts, pool: Vehicles, ways: set[Way]) -> None:
    """Check the places of the moves, and that parts go there."""
    inputs = {station.id: station.input_buffer for station in parts.of("stations", Station)}
    buffers = set(parts.ids.get("buffers", ()))
    origins = {*inputs, *parts.ids.get("sources", ())}
    goals = {name for name, buffer in inputs.items() if buffer is None}
    goals |= buffers | set(parts.ids.get("sinks", ()))
    for position, move in enumerate(pool.moves):
        path = f"vehicles.{pool.id}.moves.{position}"
        before = len(parts.findings)
        for name in move.out_of:
            if name in buffers:
                message = f"a station takes what it works on from buffer {name!r} by itself"
                remedy = "name the station or source that sends to the buffer"
                parts.add(f"{path}.out_of", message, "sources and stations", remedy)
            elif name not in origins:
                message = f"no source or station {name!r}"
                parts.add(f"{path}.out_of", message, f"one of: {', '.join(sorted(origins))}")
        for name in move.into:
            if inputs.get(name) is not None:
                message = f"parts come to {name!r} through its buffer"
                parts.add(f"{path}.into", message, repr(inputs[name]), f"write {inputs[name]}")
            elif name not in goals:
                message = f"no buffer, station or sink {name!r}"
                parts.add(f"{path}.into", message, f"one of: {', '.join(sorted(goals))}")
        told = len(parts.findings) > before
        if not told and not any(a != b and move.covers(a, b) for a, b in ways):
            parts.add(path, "no part goes that way", remedy="correct the names, or remove it")


def _tables(parts: Parts, pool: Vehicles, ways: set[Way]) -> None:
    """Check that the tables name places, and all that the vehicles drive between."""
    path = f"vehicles.{pool.id}"
    carried = [way for way in sorted(ways) if pool.carries(*way)]
    served = {name for way in carried for name in way}
    named = {
        name
        for table in (pool.distance_m, pool.travel_time_s)
        for origin, row in table.items()
        for name in (origin, *row)
    }
    for name in sorted(named - served - {pool.home}):
        expected = f"one of: {', '.join(sorted(served | {pool.home}))}"
        parts.add(f"{path}.distance_m.{name}", f"they do not go to {name!r}", expected)
    places = {name for section in parts.ids for name in parts.ids[section]}
    if pool.home not in served | named | places:
        message = f"{pool.home!r} is no place of the line and has no distances"
        expected = "a place of the line, or a name in distance_m"
        parts.add(f"{path}.home", message, expected, f"add {pool.home} to distance_m")
    missing = [way for way in _driven(pool, carried) if not pool.knows(*way)]
    for origin, goal in missing[:SHOWN]:
        message = f"no distance from {origin!r} to {goal!r}"
        if (origin, goal) == missing[0] and len(missing) > 1:
            message += f", and of {len(missing) - 1} other ways"
        remedy = f"write distance_m: {{{origin}: {{{goal}: 10}}}}, or a default_distance_m"
        parts.add(f"{path}.distance_m.{origin}.{goal}", message, "metres", remedy)


def _driven(pool: Vehicles, carried: Iterable[Way]) -> list[Way]:
    """Return the ways that vehicles may drive, loaded and empty, each pair once."""
    found: dict[Way, None] = {}
    origins = sorted({origin for origin, _ in carried})
    goals = sorted({goal for _, goal in carried})
    empty = [(a, b) for a in (*goals, pool.home) for b in origins]
    back = [(a, pool.home) for a in goals] if pool.when_idle == "home" else []
    for a, b in (*carried, *empty, *back):
        if a != b and (b, a) not in found:
            found[a, b] = None
    return list(found)


class _Ways:
    """All ways from place to place that the routings of a line have."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._stations = {station.id: station for station in parts.of("stations", Station)}
        self._products = {product.id: product for product in parts.of("products", Product)}
        self._sinks = tuple(parts.ids.get("sinks", ()))

    def all(self) -> set[Way]:
        """Return each way as the pair of its ends."""
        found: set[Way] = set()
        for source in self._parts.of("sources", Source):
            named = self._products if source.arrivals == "orders" else source.products
            for name in named or self._products:
                found |= {(source.id, goal) for goal in self._goals(self._products[name], 0)}
        for product in self._products.values():
            for place in range(len(product.routing)):
                found |= set(self._after(product, place))
        return found

    def _after(self, product: Product, place: int) -> Iterator[Way]:
        """Yield the ways from the stations of an operation, and back to it."""
        step, names = product.routing[place], [other.id for other in product.routing]
        goals = set(self._goals(product, place + 1))
        if step.makes:
            goals = {g for made in step.makes for g in self._goals(self._products[made], 0)}
        if step.rework is not None:
            goals |= set(self._goals(product, names.index(step.rework.to)))
        for origin in step.stations:
            yield from ((origin, goal) for goal in goals)
        if step.max_wait_to is not None:
            waits = {self._entrance(name) for name in step.stations}
            waits |= self._origins(product, place)
            for goal in self._goals(product, names.index(step.max_wait_to)):
                yield from ((origin, goal) for origin in waits)

    def _origins(self, product: Product, place: int) -> set[str]:
        """Return where parts wait for an operation that is not the first, outside its buffers."""
        found, step = set(product.routing[place - 1].stations), product.routing[place]
        for i, other in enumerate(product.routing):
            if other.rework is not None and other.rework.to == step.id:
                found |= set(other.stations)
            if other.max_wait_to == step.id:
                found |= self._origins(product, i)
                found |= {self._entrance(name) for name in other.stations}
        return found

    def _entrance(self, station: str) -> str:
        return self._stations[station].input_buffer or station

    def _goals(self, product: Product, place: int) -> tuple[str, ...]:
        """Return the places that a part may go to for an operation, or at the end."""
        if place < len(product.routing):
            return tuple(self._entrance(name) for name in product.routing[place].stations)
        return (product.stock or product.sink or self._sinks[0],)
