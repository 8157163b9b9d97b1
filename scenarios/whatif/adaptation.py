"""A state document made to fit a line that was changed after the state was taken.

The rules, in one place:

- What exists stays: a part never disappears because a scenario changes the line around it.
- A buffer that is made smaller than its content keeps the content; nothing enters until there is
  room again.
- A part in a buffer that its next station no longer takes from moves to where that station now
  takes from. A part in a station that is gone, or has lost the server the part is on, goes back to
  wait for another station of the same operation, and the work on it is lost. Where no buffer can
  hold it, the state cannot be used.
- Operations are followed by their id: operations that are added before a part's place are not made
  up for, and a part cannot stand in one that was removed.
- An order that is added is not released yet; one that is removed must have no part in the line, and
  a quantity cannot fall below what was begun.
- A failure mode that is added starts with age zero; one that is removed is repaired. A repair whose
  crew became smaller waits again.
- A vehicle goes on with its part if its pool, its number and the place it goes to are still there
  and the part is where it was. One that does not stands idle at home; the part that it had on board
  waits in front of its next operation.
- The line's start cannot move: the state's times count from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twin.errors import Finding, StateError
from twin.events.fold import empty_state
from twin.events.state import LineState, ModeState, PartState, StationState, VehicleState, WearState
from twin.line import Line

SLOT = 2**40
"""Part numbers of one source; a part's number is the source's slot times this plus its own."""


def adapt_state(state: LineState, before: Line, after: Line) -> LineState:
    """Return the state of ``before`` as a state of ``after``.

    Parameters
    ----------
    state : LineState
        Where everything is.
    before : Line
        Line that the state was taken on.
    after : Line
        The same line with changes.

    Returns
    -------
    LineState
        The same object when the lines are equal.

    Raises
    ------
    StateError
        With everything that has no place in the changed line.
    """
    if before is after or before.hash == after.hash:
        return state
    work = _Adaptation(state, before, after)
    adapted = work.run()
    if work.findings:
        raise StateError(f"the state of line {before.id!r} at {state.time_s:g} s", work.findings)
    return adapted


class _Adaptation:
    """One state on its way from one line to another; collects what has no place."""

    def __init__(self, state: LineState, before: Line, after: Line) -> None:
        self.state = state
        self.before = before
        self.after = after
        self.findings: list[Finding] = []
        self.fresh = empty_state(after, state.time_s)
        self.moved: dict[int, None] = {}

    def run(self) -> LineState:
        """Return the adapted state; it counts only when there are no findings."""
        if self.before.start_utc != self.after.start_utc:
            self._find("start", "the line's start moved, and the state's times count from it",
                       "leave start as it is")  # fmt: skip
        parts = [self._part(part) for part in self.state.parts]
        self._check_orders(parts)
        parts = self._within_servers(parts)
        vehicles = self._vehicles(parts)
        parts = [self._put_down(part, vehicles) for part in parts]
        # Parts stand in the order in which they came; one that was moved came last.
        parts.sort(key=lambda part: part.id in self.moved)
        stations, queue = self._within_crews(self._stations())
        return self.state.model_copy(
            update={
                "line_id": self.after.id,
                "parts": tuple(parts),
                "stations": stations,
                "sources": {
                    name: self.state.sources.get(name, new)
                    for name, new in self.fresh.sources.items()
                },
                "orders": {
                    name: self.state.orders.get(name, new)
                    for name, new in self.fresh.orders.items()
                },
                "queue": queue,
                "vehicles": vehicles,
            }
        )

    def _find(self, path: str, message: str, remedy: str) -> None:
        self.findings.append(Finding(path, message, remedy=remedy))

    # Parts ----------------------------------------------------------------------------------------

    def _part(self, part: PartState) -> PartState:
        product = next((p for p in self.after.products if p.id == part.product), None)
        if product is None:
            self._find(
                f"products.{part.product}",
                f"part {part.id} of it is in the line",
                "keep the product, or go on from a state without such parts",
            )
            return part
        changes: dict[str, Any] = {"id": self._number(part.id)}
        old = [operation.id for operation in self.before.product(part.product).routing]
        new = [operation.id for operation in product.routing]
        if old != new:
            changes["operation"] = self._operation(part, old, new)
            changes["reworks"] = {
                str(new.index(old[int(place)])): count
                for place, count in part.reworks.items()
                if old[int(place)] in new
            }
        moved = part.model_copy(update=changes)
        return self._placed(moved)

    def _number(self, number: int) -> int:
        """Return a part's number; it carries its source's slot, which moves with other sources."""
        old = sorted(source.id for source in self.before.sources)
        new = sorted(source.id for source in self.after.sources)
        slot, own = divmod(number, SLOT)
        if slot >= len(old) or old[slot] in new:
            slot = new.index(old[slot]) if slot < len(old) else slot
        else:
            # Its source is gone: a slot that no source has keeps the number from coming again.
            slot += len(new)
        return slot * SLOT + own

    def _operation(self, part: PartState, old: list[str], new: list[str]) -> int:
        if part.operation >= len(old):
            return len(new)
        name = old[part.operation]
        if name in new:
            return new.index(name)
        later = [step for step in old[part.operation :] if step in new]
        if part.status == "waiting" and later:
            return new.index(later[0])
        self._find(
            f"products.{part.product}.routing.{name}",
            f"part {part.id} is in this operation, which was removed",
            "keep the operation, or go on from another state",
        )
        return 0

    def _placed(self, part: PartState) -> PartState:
        here = part.location
        if any(source.id == here for source in self.after.sources):
            return part
        if any(station.id == here for station in self.after.stations):
            return self._in_station(part)
        if any(pool.id == here for pool in (*self.before.vehicles, *self.after.vehicles)):
            return part  # whether its vehicle goes on is looked at when all parts have their place
        if any(buffer.id == here for buffer in self.after.buffers):
            takers = {station.input_buffer for station in self._able(part)}
            if here in takers:
                return part
        return self._sent_to_wait(part, [])

    def _in_station(self, part: PartState) -> PartState:
        """Return a part in a station that is still there; it must be allowed to do what it does."""
        if part.status == "done" or any(s.id == part.location for s in self._able(part)):
            return part
        return self._sent_to_wait(part, [part.location])

    def _able(self, part: PartState) -> list[Any]:
        """Return the stations that can do the part's operation, by preference."""
        routing = self.after.product(part.product).routing
        if part.operation >= len(routing):
            return []
        return [self.after.station(name) for name in routing[part.operation].stations]

    def _sent_to_wait(self, part: PartState, not_at: Iterable[str]) -> PartState:
        for station in self._able(part):
            if station.input_buffer is not None and station.id not in not_at:
                self.moved[part.id] = None
                return part.model_copy(
                    update={
                        "location": station.input_buffer,
                        "status": "waiting",
                        "entered_s": self.state.time_s,
                        "server": None,
                        "clock": None,
                        "done_s": None,
                    }
                )
        self._find(
            f"parts.{part.id}",
            f"part {part.id} ({part.product}) is at {part.location!r}, where it can no longer be, "
            "and no buffer before its operation can hold it",
            "keep the place it is at, give a station of its operation an input buffer, or go on "
            "from another state",
        )
        return part

    def _within_servers(self, parts: list[PartState]) -> list[PartState]:
        """Give parts another server where theirs is gone; where none is free they wait again."""
        free = {station.id: list(range(station.servers)) for station in self.after.stations}
        placed = {part.id: part for part in parts}
        # Parts that are done hold their server until they leave; of the others, first come stays.
        for part in sorted(parts, key=lambda part: part.status != "done"):
            rooms = free.get(part.location)
            if rooms is not None and (part.server in rooms or (part.server is None and rooms)):
                rooms.remove(rooms[0] if part.server is None else part.server)
            elif rooms:
                placed[part.id] = part.model_copy(update={"server": rooms.pop(0)})
            elif rooms is not None:
                placed[part.id] = self._sent_to_wait(part, [])
        return list(placed.values())

    def _vehicles(self, parts: list[PartState]) -> dict[str, tuple[VehicleState, ...]]:
        """Return the vehicles of the changed line; those whose trip is no more stand at home."""
        before = {part.id: part.location for part in self.state.parts}
        slots = dict(zip((part.id for part in self.state.parts), parts, strict=True))
        goals = {buffer.id for buffer in self.after.buffers}
        goals |= {sink.id for sink in self.after.sinks}
        goals |= {s.id for s in self.after.stations if s.input_buffer is None}
        found = {}
        for pool in self.after.vehicles:
            fresh = self.fresh.vehicles[pool.id]
            kept = list(self.state.vehicles.get(pool.id, ()))[: len(fresh)]
            for number, vehicle in enumerate(kept):
                if vehicle.part is None:
                    continue
                part = slots[vehicle.part]
                if part.location != before[vehicle.part] or vehicle.goal not in goals:
                    kept[number] = fresh[number]
                else:
                    kept[number] = vehicle.model_copy(update={"part": part.id})
            found[pool.id] = (*kept, *fresh[len(kept) :])
        return found

    def _put_down(
        self, part: PartState, vehicles: dict[str, tuple[VehicleState, ...]]
    ) -> PartState:
        """Return a part; one that was on a vehicle which is gone waits for its next operation."""
        aboard = any(pool.id == part.location for pool in self.before.vehicles)
        if not aboard or any(v.part == part.id for v in vehicles.get(part.location, ())):
            return part
        return self._sent_to_wait(part, [])

    # Orders, stations, crews ----------------------------------------------------------------------

    def _check_orders(self, parts: list[PartState]) -> None:
        orders = {order.id: order for order in self.after.orders}
        products = {order.id: order.product for order in self.before.orders}
        for part in parts:
            if part.order is not None and part.order not in orders:
                self._find(
                    f"orders.{part.order}",
                    f"part {part.id} of it is in the line",
                    "keep the order, and lower its quantity to what was begun",
                )
        for name, done in self.state.orders.items():
            order = orders.get(name)
            if order is None or done.created == 0:
                continue
            if order.quantity < done.created:
                self._find(
                    f"orders.{name}.quantity",
                    f"{done.created} parts were begun, so it cannot be {order.quantity}",
                    f"set at least {done.created}",
                )
            if products.get(name, order.product) != order.product:
                self._find(
                    f"orders.{name}.product",
                    f"{done.created} parts of {products[name]!r} were begun",
                    "keep the product, and add another order",
                )

    def _stations(self) -> dict[str, StationState]:
        groups = {product.group for product in self.after.products}
        stations = {}
        for name, new in self.fresh.stations.items():
            old = self.state.stations.get(name)
            if old is None:
                stations[name] = new
                continue
            group = old.setup_group if old.setup_group in groups else None
            stations[name] = old.model_copy(
                update={
                    "on": old.on if self._same_calendar(name) else new.on,
                    "modes": {key: old.modes.get(key, mode) for key, mode in new.modes.items()},
                    "setup_group": group,
                    "wear": self._wear(name, old),
                }
            )
        return stations

    def _wear(self, name: str, old: StationState) -> WearState | None:
        """Return the wear of a station, at most at the last of its levels."""
        spec = self.after.station(name).wear
        if spec is None or old.wear is None:
            return None
        level = min(old.wear.level, len(spec.levels))
        kept = old.wear if level == old.wear.level else WearState(level=level)
        return kept.model_copy(update={"level": level})

    def _same_calendar(self, name: str) -> bool:
        before, after = self.before.station(name).calendar, self.after.station(name).calendar
        if before is None or after is None:
            return before is after
        return self.before.calendar(before) == self.after.calendar(after)

    def _within_crews(
        self, stations: dict[str, StationState]
    ) -> tuple[dict[str, StationState], tuple[str, ...]]:
        """Let repairs wait that have no crew any more; those begun last wait first in the queue."""
        modes = {
            f"{station.id}/{mode.id}": mode
            for station in self.after.stations
            for mode in station.failures
        }
        queue = [name for name in self.state.queue if name in modes]
        for crew in self.after.crews:
            at_work = [
                name
                for name, mode in modes.items()
                if mode.crew == crew.id and _mode(stations, name).status == "repair"
            ]
            at_work.sort(key=lambda name: (_mode(stations, name).failed_s or 0.0, name))
            for name in reversed(at_work[crew.size :]):
                station, mode_id = name.split("/")
                waiting = _mode(stations, name).model_copy(
                    update={"status": "waiting", "repair": None}
                )
                kept = stations[station].modes | {mode_id: waiting}
                stations[station] = stations[station].model_copy(update={"modes": kept})
                queue.insert(0, name)
        return stations, tuple(queue)


def _mode(stations: dict[str, StationState], name: str) -> ModeState:
    station, _, mode = name.partition("/")
    return stations[station].modes[mode]
