"""What vehicles did: time driving empty and loaded, trips, and parts that waited for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.events.kinds import Kind
from twin.events.log import Names
from twin.kpi.counters import Coordinates, Values
from twin.kpi.rows import LEFT, LOCATION, Floats, Table
from twin.line import Line

VEHICLE_STATES = ("idle", "empty", "loading", "loaded", "unloading", "returning")
"""What a vehicle does, as figures call it: ``empty`` on its way to a part, ``loaded`` with it."""
_STATE_OF = {"fetching": "empty", "carrying": "loaded"}


def vehicle_figures(
    values: Values,
    coordinates: Coordinates,
    line: Line,
    spent: Floats,
    carried: Floats,
    waits_s: Floats,
) -> None:
    """Add what the vehicles did: their times, the parts they put down, who waited for them."""
    with np.errstate(invalid="ignore"):
        share = spent / spent.sum(axis=1, keepdims=True)
    values["vehicle_time_s"] = ("vehicles", "vehicle_state"), spent
    values["vehicle_share"] = ("vehicles", "vehicle_state"), share
    values["vehicle_trips"] = ("vehicles",), carried
    values["vehicle_wait_s"] = ("station",), waits_s
    coordinates["vehicles"] = np.array(sorted(pool.id for pool in line.vehicles), dtype=object)
    coordinates["vehicle_state"] = np.array(VEHICLE_STATES, dtype=object)


def vehicle_times_s(table: Table, line: Line, names: Names) -> Floats:
    """Return the vehicle-seconds of each pool (by id) in each of ``VEHICLE_STATES``.

    NaN where a real plant does not tell what a vehicle of the pool does.
    """
    pools = sorted(line.vehicles, key=lambda pool: pool.id)
    found = np.zeros((len(pools), len(VEHICLE_STATES)))
    for place, pool in enumerate(pools):
        rows = np.flatnonzero(table.element == names.elements.index(pool.id))
        if not _told(table, pool.id):
            found[place] = np.nan
            continue
        given = table.initial.vehicles.get(pool.id, ())
        for number in range(pool.count):
            status = given[number].status if number < len(given) else "idle"
            before = VEHICLE_STATES.index(_STATE_OF.get(status, status))
            mine = rows[table.detail[rows] == number]
            mine = mine[mine >= table.prefix]
            states = np.array([before, *_states(table, mine)], dtype=np.int64)
            lasted_s = table.lasted_s(np.append(0, mine))
            found[place] += np.bincount(states, lasted_s, minlength=len(VEHICLE_STATES))
    return found


def _told(table: Table, pool: str) -> bool:
    """Tell whether it is known what the vehicles of a pool do."""
    return all(vehicle.told for vehicle in table.initial.vehicles.get(pool, ()))


def _states(table: Table, rows: NDArray[np.intp]) -> list[int]:
    """Return what a vehicle does from each of its rows on."""
    after = {
        Kind.PICKUP_STARTED: "loading",
        Kind.PART_LOADED: "loaded",
        Kind.DROP_STARTED: "unloading",
        Kind.VEHICLE_FREE: "idle",
    }
    return [
        VEHICLE_STATES.index(
            after.get(Kind(kind), "empty" if part >= 0 else "returning")  # VEHICLE_SENT
        )
        for kind, part in zip(table.kind[rows].tolist(), table.part[rows].tolist(), strict=True)
    ]


def trips(table: Table, line: Line, names: Names) -> Floats:
    """Return the parts that the vehicles of each pool (by id) put down while observed."""
    free = table.observed & table.where(Kind.DROP_STARTED)
    numbers = [names.elements.index(pool) for pool in sorted(p.id for p in line.vehicles)]
    return np.array([float(np.sum(table.element[free] == number)) for number in numbers])


def waits_for_vehicles_s(table: Table, line: Line, names: Names) -> Floats:
    """Return how long parts that were done waited at each station for a vehicle, s.

    From the moment at which only a vehicle was missing until it had the part on board, added up
    over the parts; by station in ``Line.flow_order``. NaN where vehicles that tell nothing may come
    for them: there nobody knows when a part only waits.
    """
    numbers = {names.elements.index(name): i for i, name in enumerate(line.flow_order)}
    since: dict[int, float] = {
        part.id: part.asked_s
        for part in table.initial.parts
        if part.status == "done" and part.asked_s is not None
    }
    place = {part.id: names.elements.index(part.location) for part in table.initial.parts}
    found = np.zeros(len(line.flow_order))
    silent = [pool for pool in line.vehicles if not _told(table, pool.id)]
    unknown = [any(pool.takes_from(name) for pool in silent) for name in line.flow_order]
    found[unknown] = np.nan

    def ended(part: int, time_s: float) -> None:
        station = numbers.get(place.get(part, -1))
        begun_s = since.pop(part, None)
        if begun_s is not None and station is not None:
            inside = min(time_s, table.until_s) - max(begun_s, table.from_s)
            found[station] += max(0.0, inside)

    columns = (table.time_s, table.kind, table.element, table.part)
    moves = {int(kind) for kind in (*LOCATION, *LEFT)}
    asks = {int(Kind.VEHICLE_ASKED), int(Kind.VEHICLE_SENT)}
    for time_s, kind, element, part in zip(
        *(c[table.prefix :].tolist() for c in columns), strict=True
    ):
        if kind in asks and part >= 0:
            since.setdefault(part, time_s)
        elif kind in moves:
            ended(part, time_s)
            place[part] = element
    for part in tuple(since):
        ended(part, table.until_s)
    return found
