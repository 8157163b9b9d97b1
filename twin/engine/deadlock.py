"""Parts that wait for one another in a circle, found in the state in which a run has ended.

What is stuck stays stuck, so it is enough to look once, at the end: the run cost nothing meanwhile,
because nothing happened there. Both engines have the same state, so they tell the same.

A place is stuck if it is full and nothing that could make room is outside the stuck places. Begin
with every full place and take out those that something can leave, until no more can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from twin.engine.options import DispatchPlan
from twin.errors import DeadlockError
from twin.events.state import LineState, PartState
from twin.line import Line, Product, Station

MOST_TOLD = 5
"""Parts that are told of each place; the error's ``parts`` has all of them."""


def may_lock(line: Line) -> bool:
    """Tell whether full places of a line can wait for one another; most lines have no such way."""
    ways = _possible(line)
    seen: dict[str, int] = {}

    def circles(place: str) -> bool:
        if place in seen:
            return seen[place] == 1
        seen[place] = 1
        found = any(circles(goal) for goal in sorted(ways.get(place, ())))
        seen[place] = 2
        return found

    return any(circles(place) for place in sorted(ways))


def deadlock(
    line: Line, state: LineState, plan: DispatchPlan | None = None
) -> DeadlockError | None:
    """Return the error that tells of parts that are stuck for ever, or None.

    Parameters
    ----------
    line : Line
        What ran.
    state : LineState
        Where everything is.
    plan : DispatchPlan, optional
        What the run was told: it may have left a part one of several stations.
    """
    given = plan.assignment if plan is not None else {}
    found = _Waits(line, state, given)
    waits = found.stuck()
    for place in sorted(waits):
        circle = _circle(place, waits)
        if circle:
            return _error(line, state, circle, found.chosen(circle))
    return None


def _circle(place: str, waits: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the circle that one comes to from a place, or nothing."""
    way: list[str] = []
    while place not in way:
        if not waits.get(place):
            return ()
        way.append(place)
        place = waits[place][0]
    return tuple(way[way.index(place) :])


def _error(
    line: Line, state: LineState, circle: tuple[str, ...], chosen: list[str]
) -> DeadlockError:
    room = {station.id: station.servers for station in line.stations}
    room |= {buffer.id: buffer.capacity or 0 for buffer in line.buffers}
    inside = [part for part in state.parts if part.location in circle]
    since_s = max(part.entered_s if part.done_s is None else part.done_s for part in inside)
    places = []
    for place in circle:
        parts = [str(part.id) for part in inside if part.location == place]
        more = f" and {len(parts) - MOST_TOLD} more" if len(parts) > MOST_TOLD else ""
        places.append(f"{place} (parts {', '.join(parts[:MOST_TOLD])}{more})")
    text = " waits for ".join((*places, circle[0]))
    limit = max(1, sum(room[place] for place in circle) - 1)
    names = ", ".join(circle)
    message = (
        f"parts wait for one another for ever since {since_s:g} s: {text}; give one of these "
        f"places more room, or keep one of them free: loops: [{{id: free, cards: {limit}, "
        f"places: [{names}]}}]"
    )
    if chosen:
        message += f"; or do not plan {', '.join(chosen)}, which leaves no other way"
    return DeadlockError(message, circle, tuple(part.id for part in inside))


def _entrance(line: Line, name: str) -> str:
    return line.station(name).input_buffer or name


def _possible(line: Line) -> dict[str, set[str]]:
    """Return which places with limited room can wait for which."""
    endless = {buffer.id for buffer in line.buffers if buffer.capacity is None}
    ways: dict[str, set[str]] = {}
    for product in line.products:
        steps = product.routing
        for i, step in enumerate(steps):
            goals = set(_goals(line, product, i + 1))
            for made in step.makes:
                goals |= set(_goals(line, line.product(made), 0))
            if step.rework is not None:
                back = [other.id for other in steps].index(step.rework.to)
                goals |= set(_goals(line, product, back))
            for name in step.stations:
                ways.setdefault(name, set()).update(goals - endless)
                buffer = line.station(name).input_buffer
                if buffer is not None and buffer not in endless:
                    ways.setdefault(buffer, set()).add(name)
    return ways


def _goals(line: Line, product: Product, place: int) -> tuple[str, ...]:
    """Return the places that a part of a product may go to for an operation."""
    if place < len(product.routing):
        return tuple(_entrance(line, name) for name in product.routing[place].stations)
    return (product.stock,) if product.stock else ()


class _Waits:
    """What each full place waits for, in one state."""

    def __init__(self, line: Line, state: LineState, given: Mapping[str, str]) -> None:
        self._line = line
        self._given = given
        self._products = {product.id: product for product in line.products}
        self._at: dict[str, list[PartState]] = {}
        # A vehicle that was sent for a part brings it where its place is kept, whatever happens.
        goals = {v.part: v.goal for pool in state.vehicles.values() for v in pool if v.goal}
        for part in state.parts:
            goal = goals.get(part.id)
            if goal is not None:
                part = part.model_copy(update={"status": "waiting", "server": None})  # noqa: PLW2901
            self._at.setdefault(goal or part.location, []).append(part)

    def stuck(self) -> dict[str, tuple[str, ...]]:
        """Return the places that stay full for ever, with what they wait for."""
        line = self._line
        rooms = {buffer.id: buffer.capacity for buffer in line.buffers}
        held = {name: len(parts) for name, parts in self._at.items()}
        full = {
            name for name, room in rooms.items() if room is not None and held.get(name, 0) >= room
        }
        full |= {station.id for station in line.stations if self._is_blocked(station)}
        while True:
            waits = {name: self._waits_for(name, full) for name in full}
            left = {name for name, goals in waits.items() if goals is None}
            if not left:
                return {name: goals for name, goals in waits.items() if goals is not None}
            full -= left

    def _is_blocked(self, station: Station) -> bool:
        """Tell whether on each server all parts are done and wait to leave."""
        parts = self._at.get(station.id, [])
        done = Counter(part.server for part in parts if part.status == "done")
        return len(done) == station.servers and len(parts) == sum(done.values())

    def _waits_for(self, place: str, full: set[str]) -> tuple[str, ...] | None:
        """Return the stuck places that a place waits for; None: something can leave it."""
        goals: list[str] = []
        by_server: dict[int | None, list[str]] = {}
        for part in self._at[place]:
            found = self._goals_of(part, place)
            free = not found or not full.issuperset(found) or self._is_limited(part)
            if part.server is None and free:
                return None
            if not free:
                by_server.setdefault(part.server, []).extend(found)
                goals.extend(found)
        servers = {part.server for part in self._at[place]}
        # A server of several parts is free only when all of them have left.
        return tuple(dict.fromkeys(goals)) if servers <= set(by_server) else None

    def _goals_of(self, part: PartState, place: str) -> tuple[str, ...]:
        """Return what a part waits for: places to go to, or stations that take it."""
        line, product = self._line, self._products[part.product]
        if part.status == "done" or part.operation >= len(product.routing):
            if place == product.stock:
                return tuple(
                    name
                    for other in line.products
                    for step in other.routing
                    if product.id in step.components
                    for name in step.stations
                )
            given = self._chosen_for(part)
            names = _goals(line, product, part.operation)
            if given is not None:
                names = (_entrance(line, given),)
            stays = part.operation < len(product.routing) and (
                place in product.routing[part.operation].stations and given in (None, place)
            )
            return () if stays and line.station(place).batch is None else names
        given = self._chosen_for(part)
        able = product.routing[part.operation].stations
        here = tuple(n for n in able if line.station(n).input_buffer == place)
        return (given,) if given in here else here

    def _chosen_for(self, part: PartState) -> str | None:
        """Return the station that the plan leaves a part for its next operation."""
        routing = self._products[part.product].routing
        if part.order is None or part.operation >= len(routing):
            return None
        return self._given.get(f"{part.order}/{routing[part.operation].id}")

    def chosen(self, circle: tuple[str, ...]) -> list[str]:
        """Return what the plan chose for parts in a circle that had another way, in words."""
        found: dict[str, None] = {}
        for part in (part for place in circle for part in self._at[place]):
            given = self._chosen_for(part)
            if given is not None:
                step = self._products[part.product].routing[part.operation]
                if len(step.stations) > 1:
                    found[f"{part.order}/{step.id} at {given}"] = None
        return list(found)

    def _is_limited(self, part: PartState) -> bool:
        """Tell whether a part would be taken away when it has waited too long."""
        steps = self._products[part.product].routing
        return part.operation < len(steps) and steps[part.operation].max_wait_s is not None
