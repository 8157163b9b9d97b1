"""Where parts can go, as tables: what a step leads to, who sends to a place, who takes from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import ints, offsets
from twin.engine.options import DispatchPlan
from twin.events.state import LineState
from twin.line import CardLoop, Line, Product

ONE = {"round_robin", "probability"}
"""Choices that leave one station."""
LATE = "*late "
"""Before the name of a buffer which parts leave because they waited too long."""
SOURCES = "*source"
"""All sources, where senders are named."""


class Routes:
    """The ways through one line, with the state and the plan of a run."""

    def __init__(self, line: Line, state: LineState, plan: DispatchPlan | None) -> None:
        self._line = line
        self._state = state
        self._given = bool(plan and plan.assignment)
        self._planned = plan.sequence if plan else {}
        self._station = {name: i for i, name in enumerate(line.flow_order)}
        self._buffer = {name: i for i, name in enumerate(sorted(b.id for b in line.buffers))}
        self._products = sorted(line.products, key=lambda product: product.id)
        self._senders = self._all_senders()
        count = len(self._buffer) + len(self._station)
        named = [self._senders.get(entrance, set()) for entrance in range(count)]
        extra = len(line.sources) - 1
        self.feeders = [len(found) + (extra if SOURCES in found else 0) for found in named]
        """How many send to each entrance."""
        self.backs = any(
            step.max_wait_to for product in self._products for step in product.routing
        ) or any(p.status == "done" and p.location in self._buffer for p in state.parts)
        """Whether parts may leave a buffer because they waited too long."""
        self.first_source = len(self._station) + (len(self._buffer) if self.backs else 0)
        """Place of the first source in a pass."""
        self.entrance_names = [*sorted(self._buffer), *line.flow_order]
        """Buffers, then stations, by entrance."""
        self.places = self._all_places()
        """Places in a pass of those who may send to an entrance."""
        self._waiting = self._all_waiting()

    @property
    def contended(self) -> bool:
        """Whether some entrance has more than one sender."""
        return max(self.feeders) > 1

    @property
    def steered(self) -> bool:
        """Whether a plan, a turn or a draw names the one station that some part may go to."""
        return self._given or any(
            step.choice in ONE for product in self._products for step in product.routing
        )

    def tables(self) -> dict[str, Any]:
        """Return the fields of entrances, buffers and steps that say where parts go."""
        return (
            self._looks()
            | self._exits()
            | {
                "station_takes_any": ints(self.takes_any(name) for name in self._station),
                "station_picky": self._picky(),
            }
        )

    def _entrance(self, station: str) -> int:
        spec = self._line.station(station)
        if spec.input_buffer:
            return self._buffer[spec.input_buffer]
        return len(self._buffer) + self._station[station]

    def _entrances(self, stations: Sequence[str]) -> list[int]:
        return list(dict.fromkeys(self._entrance(name) for name in stations))

    def _origins(self, product: Product, place: int) -> set[str]:
        """Return from where parts come to an operation: stations, late buffers, sources."""
        routing = product.routing
        origins = set(routing[place - 1].stations) if place else self._beginnings(product)
        if place == len(routing):
            return origins  # on the way to its stock
        for i, other in enumerate(routing):
            if other.rework and other.rework.to == routing[place].id:
                origins |= set(other.stations)
            if other.max_wait_to == routing[place].id:
                origins |= self._origins(product, i)  # where it waited for that
                buffers = {self._line.station(name).input_buffer for name in other.stations}
                # Without a buffer there is nobody who sends, but the reference counts one.
                origins |= {f"{LATE}{buffer}" for buffer in buffers}
        return origins

    def _beginnings(self, product: Product) -> set[str]:
        """Return where parts of a product come into being."""
        makers = {
            name
            for other in self._products
            for step in other.routing
            if product.id in step.makes
            for name in step.stations
        }
        return {SOURCES} | makers

    def _goals(self, product: Product, place: int) -> list[int]:
        """Return the entrances of an operation; after the last one, the product's stock."""
        if place < len(product.routing):
            return self._entrances(product.routing[place].stations)
        return [self._buffer[product.stock]] if product.stock else []

    def _all_senders(self) -> dict[int, set[str]]:
        """Return who sends to each entrance."""
        senders: dict[int, set[str]] = {}
        for product in self._products:
            for place in range(len(product.routing) + 1):
                for entrance in self._goals(product, place):
                    senders.setdefault(entrance, set()).update(self._origins(product, place))
        return senders

    def _strays(self) -> list[tuple[str, str, int]]:
        """Return (location, product, place) of the state's parts that are to go somewhere."""
        return [
            (part.location, part.product, part.operation)
            for part in self._state.parts
            if self._goals(self._line.product(part.product), part.operation)
        ]

    def place_of(self, station: str) -> int:
        """Return the place of a station in a pass."""
        return len(self._station) - 1 - self._station[station]

    def place_is_in(self, place: int, loop: CardLoop) -> bool:
        """Tell whether whoever sends from a place in a pass is inside a loop of cards."""
        stations = len(self._station)
        if place >= self.first_source:
            return False
        if place < stations:
            name = self._line.flow_order[stations - 1 - place]
        else:
            name = self.entrance_names[place - stations]
        return not loop.places or name in loop.places

    def _all_places(self) -> dict[int, set[int]]:
        stations = len(self._station)
        sources = range(self.first_source, self.first_source + len(self._line.sources))
        places: dict[int, set[int]] = {}
        for entrance, names in self._senders.items():
            found = places[entrance] = {self.place_of(x) for x in names if x in self._station}
            if SOURCES in names:
                found |= set(sources)
            late = (self._buffer.get(name.removeprefix(LATE)) for name in names)
            found |= {stations + buffer for buffer in late if buffer is not None}
        for location, product, place in self._strays():  # where perhaps no routing leads
            for entrance in self._goals(self._line.product(product), place):
                if location in self._station:
                    places.setdefault(entrance, set()).add(self.place_of(location))
                elif self.backs and location in self._buffer:
                    buffer = stations + self._buffer[location]
                    places.setdefault(entrance, set()).add(buffer)
        return places

    def _looks(self) -> dict[str, Any]:
        """Return who is to be visited when a place has room, or a buffer a part more."""
        sent = [sorted(self.places.get(entrance, ())) for entrance in range(len(self.feeders))]
        takers: list[list[int]] = [[] for _ in self._buffer]
        for name, s in self._station.items():
            buffer = self._line.station(name).input_buffer
            if buffer:
                takers[self._buffer[buffer]].append(s)
        for product in self._products:
            for step in product.routing:
                for name in step.components:
                    stock = self._line.product(name).stock
                    takers[self._buffer[stock or ""]] += [self._station[x] for x in step.stations]
        return {
            "feeders": ints(self.feeders),
            "first_sender": offsets(len(row) for row in sent),
            "sender": ints(place for row in sent for place in row),
            "first_taker": offsets(len(set(row)) for row in takers),
            "taker": ints(s for row in takers for s in sorted(set(row))),
        }

    def _exits(self) -> dict[str, Any]:
        """Return what each step leads to; after a product's last one stands a step that leaves."""
        exits: list[list[int]] = []
        targets: list[int] = []
        strays = {(product, place, location) for location, product, place in self._strays()}
        for product in self._products:
            for place, step in enumerate((*product.routing, None)):
                exits.append(self._goals(product, place))
                if self._line.vehicles and self._may_ride(product, place):
                    targets.append(t.OPEN)  # it may have to wait for a vehicle
                    continue
                if not exits[-1]:
                    targets.append(t.LEAVES)
                    continue
                here = set(step.stations) if step else set()
                stay = here & self._origins(product, place)
                stay |= {name for name in here if (product.id, place, name) in strays}
                sole = len(exits[-1]) == 1 and self.feeders[exits[-1][0]] <= 1
                sole &= not stay and not self._given
                sole &= step is None or step.choice not in ONE
                sole &= not self._asks_for_cards(product, place)
                targets.append(exits[-1][0] if sole else t.OPEN)
        return {
            "first_step": offsets(len(product.routing) + 1 for product in self._products),
            "step_target": ints(targets),
            "first_exit": offsets(len(row) for row in exits),
            "exits": ints(entrance for row in exits for entrance in row),
        }

    def _may_ride(self, product: Product, place: int) -> bool:
        """Tell whether a part at a station may need a vehicle to go on to an operation, or out."""
        goals = [self.entrance_names[entrance] for entrance in self._goals(product, place)]
        goals = goals or [product.sink or self._line.sinks[0].id]
        here = [p for p in self._state.parts if (p.product, p.operation) == (product.id, place)]
        origins = self._origins(product, place) & self._station.keys() | {p.location for p in here}
        called = {vehicle.part for pool in self._state.vehicles.values() for vehicle in pool}
        return not called.isdisjoint(p.id for p in here) or any(
            move.covers(origin, goal)
            for pool in self._line.vehicles
            for move in pool.moves
            for origin in origins
            for goal in goals
        )

    @property
    def callers(self) -> list[int]:
        """Who may call vehicles: stations, then buffers that parts leave, then sources."""
        buffers = sorted(self._buffer) if self.backs else []
        names = [*self._line.flow_order, *buffers, *sorted(s.id for s in self._line.sources)]
        moves = [move for pool in self._line.vehicles for move in pool.moves]
        return [
            sender
            for sender, name in enumerate(names)
            if any(not move.out_of or name in move.out_of for move in moves)
        ]

    def _asks_for_cards(self, product: Product, place: int) -> bool:
        """Tell whether a part may need a card that it does not have, to go to an operation."""
        goals = {self.entrance_names[entrance] for entrance in self._goals(product, place)}
        origins = self._origins(product, place) & self._station.keys()
        origins |= {
            where for where, name, at in self._strays() if (name, at) == (product.id, place)
        }
        return any(
            loop.covers(goal, product.id) and not loop.covers(origin, product.id)
            for loop in self._line.loops
            for goal in goals
            for origin in origins
        )

    def _picky(self) -> t.Ints:
        """Return of each station whether it may not take each part that waits for it."""
        return ints(self._is_picky(name) for name in self._station)

    def _is_picky(self, name: str) -> bool:
        buffer = self._line.station(name).input_buffer
        if buffer is None:
            return False
        return (
            self.backs
            or self._line.buffer(buffer).transit_time_s > 0
            or any(
                loop.covers(name, product.id) and not loop.covers(buffer, product.id)
                for loop in self._line.loops
                for product in self._products
            )
        )

    def _all_waiting(self) -> dict[int, list[set[str]]]:
        """Return for each entrance the stations that can do what parts there wait for."""
        waiting: dict[int, list[set[str]]] = {}
        for product in self._products:
            for step in product.routing:
                for entrance in self._entrances(step.stations):
                    waiting.setdefault(entrance, []).append(set(step.stations))
        for location, name, place in self._strays():
            routing = self._line.product(name).routing
            if location in self._buffer and place < len(routing):
                stations = set(routing[place].stations)
                waiting.setdefault(self._buffer[location], []).append(stations)
        return waiting

    def takes_any(self, name: str) -> bool:
        """Tell whether a station always takes the first part in its buffer."""
        spec = self._line.station(name)
        fifo = spec.dispatch_rule in ("fifo", ("fifo",))
        if self._given or name in self._planned or not fifo or self._is_picky(name):
            return False
        waiting = self._waiting.get(self._buffer.get(spec.input_buffer or "", -1), [])
        return all(name in stations for stations in waiting)
