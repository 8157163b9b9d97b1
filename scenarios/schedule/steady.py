"""A line without chance: every time is its mean, nothing breaks down, nothing is lost.

What it does with a plan is what the plan can be held to. Rework and scrap lengthen operations in
the mean; maintenance, shifts, people, vehicles, buffers and setups are those of the line. Nothing
perishes while it waits: a plan by which parts are lost would have less to do, and look better.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pydantic import SerializeAsAny, field_serializer

from scenarios.schedule.live import clock_left_s
from scenarios.schedule.playing import Player
from scenarios.schedule.quality import passes
from twin.events.state import LineState, Outage, PartState, StationState
from twin.line import (
    AnyDistribution,
    Constant,
    JobOrder,
    Line,
    Operation,
    Product,
    Station,
)
from twin.line.spec import Spec


class SteadyLine(Spec):
    """A line without chance and where it stands; make one with :func:`steady`."""

    line: SerializeAsAny[Line]
    """The line; all its times are constant."""
    state: LineState | None = None
    """Where it stands; none: empty at its time zero."""

    @cached_property
    def player(self) -> Player:
        """What plays plans in it, made ready once."""
        return Player(self.line, self.state)

    @field_serializer("line", "state")
    def _whole(self, value: Line | LineState | None) -> dict[str, Any] | None:
        # Defaults too: without its kind a distribution could not be read again.
        return None if value is None else value.model_dump(mode="json")


def steady(line: Line, orders: Sequence[JobOrder], state: LineState | None = None) -> SteadyLine:
    """Return a line without chance that has some orders.

    Parameters
    ----------
    line : Line
        Stations, routings, calendars.
    orders : sequence of JobOrder
        What is planned; other orders of the line stay only if they have begun.
    state : LineState, optional
        Where the line stands: what is under way takes what it is still expected to take, and a
        station that is down comes back after the repair that is still expected.
    """
    wanted = {order.id: order for order in orders}
    begun = {name for name, one in (state.orders if state else {}).items() if one.created}
    begun |= {part.order for part in (state.parts if state else ()) if part.order}
    others = [order for order in line.orders if order.id in begun and order.id not in wanted]
    fields = {name: _mean(getattr(line, name)) for name in type(line).model_fields}
    fields |= {
        "stations": tuple(_station(_mean(station)) for station in line.stations),
        "products": tuple(_product(product) for product in line.products),
        "orders": (*wanted.values(), *others),
    }
    calm = type(line)(**fields)
    return SteadyLine(line=calm, state=None if state is None else _calmed(line, calm, state))


def _mean(value: Any) -> Any:
    """Return a part of a line with the mean in place of each distribution."""
    if hasattr(value, "expected_s"):
        return Constant(value_s=value.expected_s())
    if isinstance(value, Spec):
        changed = {name: _mean(getattr(value, name)) for name in type(value).model_fields}
        return value.model_copy(update=changed)
    if isinstance(value, tuple):
        return tuple(_mean(item) for item in value)
    if isinstance(value, dict):
        return {key: _mean(item) for key, item in value.items()}
    return value


def _station(station: Station) -> Station:
    """Return a station that neither fails nor wears; what is planned for it stays."""
    kept = [service.model_copy(update={"renews": ()}) for service in station.maintenance]
    without: dict[str, Any] = {
        "failures": (),
        "wear": None,
        "signals": {},
        "maintenance": tuple(service for service in kept if service.at_level is None),
    }
    return station.model_copy(update=without)


def _product(product: Product) -> Product:
    """Return a product of which every part passes each operation once, for the mean of its time."""
    times = passes(product)[0].tolist() if product.routing else []
    routing = [
        _operation(operation, count)
        for operation, count in zip(product.routing, times, strict=True)
    ]
    return product.model_copy(update={"routing": tuple(routing)})


def _operation(operation: Operation, count: float) -> Operation:
    changed: dict[str, Any] = {
        name: Constant(value_s=count * getattr(operation, name).expected_s())
        for name in ("processing_time_s", "load_time_s", "unload_time_s")
    }
    changed["processing_time_by_station_s"] = {
        station: Constant(value_s=count * time.expected_s())
        for station, time in operation.processing_time_by_station_s.items()
    }
    changed |= {"scrap_probability": 0.0, "rework": None}
    if operation.max_wait_to is None:
        changed["max_wait_s"] = None
    return operation.model_copy(update=changed)


def _calmed(line: Line, calm: Line, state: LineState) -> LineState:
    """Return a live state as one of the line without chance."""
    known = {order.id for order in calm.orders}
    services = {
        f"{station.id}/{service.id}" for station in calm.stations for service in station.maintenance
    }
    return state.model_copy(
        update={
            "stream": None,
            "parts": tuple(_part(line, part, state.time_s) for part in state.parts),
            "stations": {
                station.id: _standing(station, state.stations[station.id], state.time_s)
                for station in line.stations
                if station.id in state.stations
            },
            "orders": {name: one for name, one in state.orders.items() if name in known},
            "queue": tuple(name for name in state.queue if name in services),
        }
    )


def _part(line: Line, part: PartState, now_s: float) -> PartState:
    """Return a part whose work takes as long as is still expected."""
    routing = line.product(part.product).routing
    if part.clock is None or part.operation >= len(routing):
        return part
    operation = routing[part.operation]
    times: dict[str, AnyDistribution] = {
        "processing": operation.processing_time_by_station_s.get(
            part.location, operation.processing_time_s
        ),
        "loading": operation.load_time_s,
        "unloading": operation.unload_time_s,
    }
    if part.status not in times or part.clock.remaining_s is not None:
        return part
    left_s = clock_left_s(times[part.status], part.clock, now_s)
    update = {"clock": part.clock.model_copy(update={"remaining_s": left_s, "given_s": None})}
    return part.model_copy(update=update)


def _standing(station: Station, found: StationState, now_s: float) -> StationState:
    """Return a station without failures: a repair that goes on is an outage of the length left."""
    outages = [one for one in found.outages if one.until_s is not None]
    for failure in station.failures:
        mode = found.modes.get(failure.id)
        if mode is None or mode.status == "running" or not failure.stops:
            continue
        clock = mode.repair if mode.status == "repair" else None
        until_s = now_s + clock_left_s(failure.work_s, clock, now_s)
        since_s = now_s if mode.failed_s is None else mode.failed_s
        outages.append(Outage(since_s=since_s, until_s=until_s))
    kept = {service.id for service in station.maintenance if service.at_level is None}
    modes = {name: mode for name, mode in found.modes.items() if name in kept}
    return found.model_copy(update={"modes": modes, "outages": tuple(outages), "wear": None})
