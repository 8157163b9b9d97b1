"""The first picture of vehicles: which has which part, and who waits for one."""

from __future__ import annotations

from twin.events.state import Clock, PartState, VehicleState
from twin.sync.fleet import ABOARD, TRIP
from twin.sync.image import NO_PART, Image, VehicleView
from twin.sync.routes import Identity, Routes


def laden(routes: Routes, image: Image) -> list[tuple[str, VehicleView]]:
    """Return the vehicles that have a part on board, with their pools."""
    return [
        (pool.id, vehicle)
        for pool in routes.pools
        for vehicle in image.vehicles(pool.id)
        if vehicle.status in ABOARD and vehicle.part != NO_PART
    ]


def carried(
    routes: Routes, image: Image, known: dict[int, Identity], time_s: float
) -> dict[int, PartState]:
    """Return the parts on vehicles, by number."""
    parts = {}
    for pool, vehicle in laden(routes, image):
        found = known[vehicle.part]
        operation = routes.operation_at(found.product, vehicle.goal, 0, None)
        if operation is None:
            operation = routes.length(found.product)
        part = new_part(vehicle.part, found, pool, min(vehicle.status_s, time_s))
        update = {"operation": operation, "visits": operation}
        parts[vehicle.part] = part.model_copy(update=update)
    return parts


def asking(part: PartState, routes: Routes, image: Image) -> PartState:
    """Return a part with what vehicles tell of it: since when it waits for one, and what for."""
    for pool in routes.pools:
        if part.id in image.asked(pool.id):
            since_s = max(part.entered_s, image.changed_s(pool.id, "asked"))
            return part.model_copy(update={"asked_s": since_s})
        for vehicle in image.vehicles(pool.id):
            if vehicle.part == part.id and vehicle.status in TRIP and vehicle.status not in ABOARD:
                since_s = max(part.entered_s, vehicle.status_s)
                operation = part.operation
                if vehicle.goal not in routes.goals(part.product, operation):
                    back = routes.operation_at(part.product, vehicle.goal, operation, operation - 1)
                    operation = operation if back is None else back
                return part.model_copy(update={"asked_s": since_s, "operation": operation})
    return part


def vehicles(
    routes: Routes, image: Image, parts: list[PartState], time_s: float
) -> dict[str, tuple[VehicleState, ...]]:
    """Return what each vehicle does; it is idle if it tells nothing, or nothing that can be."""
    known = {part.id: part for part in parts}
    found: dict[str, tuple[VehicleState, ...]] = {}
    taken: set[int] = set()
    for pool in routes.pools:
        states = []
        for view in image.vehicles(pool.id):
            place = view.place or pool.home
            clock = Clock(since_s=min(view.status_s, time_s))
            part = known.get(view.part)
            if view.status == "returning":
                states.append(VehicleState(status=view.status, place=place, clock=clock))
            elif (
                view.status in TRIP
                and part is not None
                and part.id not in taken
                and (part.location == pool.id) == (view.status in ABOARD)
            ):
                taken.add(part.id)
                goals = routes.goals(part.product, part.operation)
                states.append(
                    VehicleState(
                        status=view.status,
                        place=place,
                        part=part.id,
                        goal=view.goal if view.goal in routes.entrances else goals[0],
                        clock=clock,
                    )
                )
            else:
                states.append(VehicleState(place=place, told=view.status is not None))
        found[pool.id] = tuple(states)
    return found


def new_part(number: int, identity: Identity, place: str, since_s: float) -> PartState:
    """Return a part that waits at a place."""
    return PartState(
        id=number,
        product=identity.product,
        order=identity.order,
        created_s=since_s,
        location=place,
        entered_s=since_s,
    )
