"""The one build step: a line turned into tables that an engine walks.

Elements carry the numbers of ``Names``; stations stand in ``Line.flow_order``. Nothing here depends
on the order of declaration, nothing is completed later, nothing changes during a run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from twin.engine.nodes import parameters_of
from twin.engine.options import SimulationOptions
from twin.engine.streams import Purpose, quantile, residual, stream_key, uniform
from twin.errors import SimulationError
from twin.events.log import Names
from twin.line import AnyDistribution, Line, Need, Operation, Phase, Product, Station
from twin.line.workforce import PHASES


@dataclass(frozen=True, slots=True)
class Draw:
    """One distribution with the stream it draws from, for one seed and replication."""

    code: int
    parameters: NDArray[np.float64]
    key: np.uint64
    replication: int
    antithetic: bool

    def __call__(self, a: int, b: int = 0) -> float:
        """Return the time that belongs to index (a, b), s."""
        return quantile(self.code, self.parameters, self._uniform(a, b))

    def left(self, age_s: float, a: int, b: int = 0) -> float:
        """Return the time left given an age, for index (a, b), s."""
        return residual(self.code, self.parameters, age_s, self._uniform(a, b))

    def _uniform(self, a: int, b: int) -> float:
        u = uniform(self.key, self.replication, a, b)
        return 1.0 - u if self.antithetic else u


@dataclass(frozen=True, slots=True)
class OwnTime:
    """Times of a station whose kind has them otherwise than drawn."""

    draw: Draw
    station: Station
    attributes: dict[str, float]

    def __call__(self, a: int, b: int = 0) -> float:
        """Return the time that belongs to index (a, b), s."""
        time_s = float(self.station.processing_s(self.draw(a, b), self.attributes))
        if not 0.0 <= time_s < math.inf:
            raise SimulationError(
                f"station {self.station.id!r} of kind {self.station.kind!r} gives a processing "
                f"time of {time_s:g} s; expected a finite time of at least 0 from processing_s"
            )
        return time_s

    def left(self, age_s: float, a: int, b: int = 0) -> float:
        """Return the time left given an age, for index (a, b), s."""
        return max(0.0, self(a, b) - age_s)


@dataclass(frozen=True, slots=True)
class Coin:
    """A uniform number for one element and purpose."""

    key: np.uint64
    replication: int
    antithetic: bool

    def __call__(self, a: int, b: int = 0) -> float:
        """Return the number in (0, 1) that belongs to index (a, b)."""
        u = uniform(self.key, self.replication, a, b)
        return 1.0 - u if self.antithetic else u


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a routing, ready to run."""

    spec: Operation
    index: int
    """Place in the routing."""
    stations: tuple[str, ...]
    """Stations that may do it, by preference."""
    time: dict[str, Draw | OwnTime]
    """Processing time by station."""
    mean_s: dict[str, float]
    """Expected processing time by station, s."""
    outcome: dict[str, Coin]
    """Scrap and rework by station."""
    load: dict[str, Draw]
    """Loading time by station, where there is one."""
    unload: dict[str, Draw]
    """Unloading time by station, where there is one."""
    needs: dict[str, dict[Phase, tuple[Need, ...]]]
    """People needed by station and phase."""
    rework_to: int
    """Place in the routing that rework goes to, or -1."""
    rest_s: float
    """Expected time of the operations after this one, each at its first station, s."""
    share: float
    """Share of the routing's expected time that is done when this one is."""
    turn: str
    """Name under which the turns of a round robin are counted."""
    route: Coin
    """Decides among the stations where they are drawn."""
    late_to: int
    """Place in the routing that a part goes to that waited too long, or -1."""
    components: tuple[tuple[str, int], ...]
    """Parts that go into one part, by product in alphabetical order."""
    makes: tuple[tuple[str, int], ...]
    """Parts that come in its place, by product in alphabetical order."""


@dataclass(frozen=True, slots=True)
class Way:
    """A product with its routing, ready to run."""

    spec: Product
    index: int
    """Number of the product in the log."""
    steps: tuple[Step, ...]
    sink: str
    limited: bool
    """Whether its parts may wait only so long somewhere."""


class Draws:
    """Makes draws for one run; the seed and replication are the same in all of them."""

    def __init__(self, options: SimulationOptions) -> None:
        self._seed = options.seed
        self._replication = options.replication
        self._antithetic = options.antithetic
        self._made: dict[int, tuple[int, NDArray[np.float64]]] = {}

    def time(self, distribution: AnyDistribution, element: str, purpose: Purpose) -> Draw:
        """Return the draw of a time for an element."""
        code, table = parameters_of(distribution)
        key = stream_key(self._seed, element, purpose)
        return Draw(code, table, key, self._replication, self._antithetic)

    def coin(self, element: str, purpose: Purpose) -> Coin:
        """Return the uniform numbers of an element."""
        key = stream_key(self._seed, element, purpose)
        return Coin(key, self._replication, self._antithetic)


def ways(line: Line, names: Names, draws: Draws) -> dict[str, Way]:
    """Return every product's routing with its draws, by product id."""
    numbers = {name: i for i, name in enumerate(names.products)}
    return {
        product.id: Way(
            spec=product,
            index=numbers[product.id],
            steps=tuple(
                _step(line, product, operation, index, draws)
                for index, operation in enumerate(product.routing)
            ),
            sink=product.sink or line.sinks[0].id,
            limited=any(operation.max_wait_s is not None for operation in product.routing),
        )
        for product in line.products
    }


def _step(line: Line, product: Product, operation: Operation, index: int, draws: Draws) -> Step:
    times = {
        name: operation.processing_time_by_station_s.get(name, operation.processing_time_s)
        for name in operation.stations
    }
    draw = {
        name: _own(draws.time(time_s, name, Purpose.PROCESSING), line.station(name), product)
        for name, time_s in times.items()
    }
    places = [step.id for step in product.routing]
    rest_s, share = ahead_of(product)[index]
    turn = f"{product.id}/{operation.id}"
    return Step(
        spec=operation,
        index=index,
        stations=operation.stations,
        time=draw,
        mean_s={name: time_s.expected_s() for name, time_s in times.items()},
        outcome={name: draws.coin(name, Purpose.QUALITY) for name in operation.stations},
        load={
            name: draws.time(operation.load_time_s, name, Purpose.LOAD)
            for name in operation.stations
            if operation.loads
        },
        unload={
            name: draws.time(operation.unload_time_s, name, Purpose.UNLOAD)
            for name in operation.stations
            if operation.unloads
        },
        needs={name: needs_by_phase(line.station(name), operation) for name in operation.stations},
        rework_to=places.index(operation.rework.to) if operation.rework else -1,
        rest_s=rest_s,
        share=share,
        turn=turn,
        route=draws.coin(turn, Purpose.ROUTE),
        late_to=places.index(operation.max_wait_to) if operation.max_wait_to else -1,
        components=tuple(sorted(operation.components.items())),
        makes=tuple(sorted(operation.makes.items())),
    )


def ahead_of(product: Product) -> list[tuple[float, float]]:
    """Return for each operation the expected time after it, s, and the share done with it.

    Each operation counts at the first station it names.
    """
    work = [
        step.processing_time_by_station_s.get(step.stations[0], step.processing_time_s).expected_s()
        for step in product.routing
    ]
    # One addition after the other: Python's sum may add up in another way.
    done = list(accumulate(work))
    rest = list(accumulate(reversed([*work[1:], 0.0])))[::-1] if work else []
    whole_s = done[-1] if done else 0.0
    shares = [time_s / whole_s if whole_s > 0 else 1.0 for time_s in done]
    return list(zip(rest, shares, strict=True))


def _own(draw: Draw, station: Station, product: Product) -> Draw | OwnTime:
    """Return the times of a station as its kind has them."""
    if type(station).processing_s is Station.processing_s:
        return draw
    return OwnTime(draw, station, product.attributes)


def needs_by_phase(station: Station, operation: Operation) -> dict[Phase, tuple[Need, ...]]:
    """Return the people needed in each phase of an operation at a station."""
    needs = (*station.needs, *operation.needs)
    return {phase: tuple(need for need in needs if phase in need.during) for phase in PHASES}


def setup_s(station: Station, before: str | None, group: str) -> float:
    """Return the time to change a station over, s; 0 when nothing was in place before."""
    if station.setup is None or before is None or before == group:
        return 0.0
    return station.setup.matrix_s.get(before, {}).get(group, 0.0)
