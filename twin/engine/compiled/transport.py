"""Vehicles as tables: where they may be, what they carry, how long it takes; and back to words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.engine.compiled import tables as t
from twin.engine.compiled.layout import Memory, floats, ints, offsets, zeros
from twin.engine.streams import Purpose
from twin.events.state import Clock, LineState, VehicleState, VehicleStatus
from twin.events.vehicles import NO_PLACE
from twin.line import Line, Vehicles

if TYPE_CHECKING:
    from twin.engine.compiled.lower import Lowering

STATUSES: tuple[VehicleStatus, ...] = (
    "idle",
    "fetching",
    "loading",
    "carrying",
    "unloading",
    "returning",
)
"""What a vehicle does, by its number in ``tables``."""


class Sites:
    """Wherever vehicles of a line may be: entrances, sources, sinks, homes of their own.

    Parameters
    ----------
    line : Line
        With any number of vehicles, or none.
    state : LineState
        Where they are.
    entrances : list[str]
        Buffers and stations by the number of their entrance.
    """

    def __init__(self, line: Line, state: LineState, entrances: list[str]) -> None:
        self.pools = sorted(line.vehicles, key=lambda pool: pool.id)
        self.vehicles = [v for pool in self.pools for v in state.vehicles[pool.id]]
        sources = sorted(source.id for source in line.sources)
        named = [*entrances, *sources, *(sink.id for sink in line.sinks)]
        more = {pool.home for pool in self.pools} | {v.place for v in self.vehicles}
        self.names = [*named, *sorted(more - set(named))] if self.pools else []
        self.number = {name: i for i, name in enumerate(self.names)}
        self._origins = [*entrances, *sources]
        self._goals = [*entrances, *(sink.id for sink in line.sinks)]

    def of(self, pool: Vehicles) -> list[str]:
        """Return the sites that the vehicles of a pool may come to."""
        found = {pool.home} | {v.place for v in self.vehicles}
        for move in pool.moves:
            found |= {*(move.out_of or self._origins), *(move.into or self._goals)}
        return sorted(found)


def vehicle_tables(low: Lowering) -> dict[str, Any]:
    """Return the fields of vehicles that no run changes."""
    sites, pools = low.sites, low.sites.pools
    near = [sites.of(pool) for pool in pools]
    rows = [{name: i for i, name in enumerate(names)} for names in near]
    moves = [(k, move) for k, pool in enumerate(pools) for move in pool.moves]
    ids = [pool.id for pool in pools]
    sinks = [product.sink or low.line.sinks[0].id for product in low.products]
    return {
        "product_sink_site": ints(sites.number.get(name, -1) for name in sinks),
        "pool_element": ints(low.element[name] for name in ids),
        "pool_load": ints(low.distribution(pool.load_time_s) for pool in pools),
        "pool_unload": ints(low.distribution(pool.unload_time_s) for pool in pools),
        "pool_load_key": low.keys(ids, Purpose.LOAD),
        "pool_unload_key": low.keys(ids, Purpose.UNLOAD),
        "pool_home": ints(sites.number[pool.home] for pool in pools),
        "pool_returns": ints(pool.when_idle == "home" for pool in pools),
        "pool_width": ints(len(names) for names in near),
        "first_travel": offsets(len(names) ** 2 for names in near),
        "first_vehicle": offsets(pool.count for pool in pools),
        "site_row": ints(row.get(name, -1) for row in rows for name in sites.names),
        "travel_s": floats(
            pool.travel_s(origin, goal)
            for pool, names in zip(pools, near, strict=True)
            for origin in names
            for goal in names
        ),
        "site_element": ints(low.element.get(name, NO_PLACE) for name in sites.names),
        "move_pool": ints(k for k, _ in moves),
        "move_from": ints(
            not move.out_of or name in move.out_of for _, move in moves for name in sites.names
        ),
        "move_into": ints(
            not move.into or name in move.into for _, move in moves for name in sites.names
        ),
        "caller": ints(low.routes.callers),
        "vehicle_pool": ints(k for k, pool in enumerate(pools) for _ in range(pool.count)),
    }


def vehicle_fields(low: Lowering, tables: dict[str, Any], since_s: float) -> dict[str, Any]:
    """Return the fields of vehicles that a run changes; ``since_s``: counted from then on."""
    sites, vehicles, pools = low.sites, low.sites.vehicles, low.sites.pools
    part = {part.id: p for p, part in enumerate(low.state.parts)}
    found: dict[str, Any] = {
        "vehicle_status": ints(STATUSES.index(vehicle.status) for vehicle in vehicles),
        "vehicle_place": ints(sites.number[vehicle.place] for vehicle in vehicles),
        "vehicle_part": ints(
            -1 if vehicle.part is None else part[vehicle.part] for vehicle in vehicles
        ),
        "vehicle_goal": ints(
            -1 if vehicle.goal is None else sites.number[vehicle.goal] for vehicle in vehicles
        ),
        "vehicle_since_s": np.full(len(vehicles), since_s),
        "ready": zeros(len(vehicles)),
        "pool_idle": ints(
            sum(vehicle.status == "idle" for vehicle in low.state.vehicles[pool.id])
            for pool in pools
        ),
        "pool_trips": zeros(len(pools)),
        "pool_s": np.zeros(len(pools) * t.VEHICLE_STATES),
        "vehicle_wait_s": np.zeros(len(low.stations)),
        "station_coming": zeros(len(low.stations)),
        "buffer_coming": zeros(len(low.buffers)),
        "capacity": tables["capacity"].copy(),
    }
    for goal in found["vehicle_goal"].tolist():
        if 0 <= goal < len(low.buffers):
            found["capacity"][goal] -= 1
            found["buffer_coming"][goal] += 1
        elif 0 <= goal - len(low.buffers) < len(low.stations):
            found["station_coming"][goal - len(low.buffers)] += 1
    return found


def vehicle_states(low: Lowering, f: Memory) -> dict[str, tuple[VehicleState, ...]]:
    """Return the vehicles of each pool for the state document."""
    first = [f.n(t.FIRST_VEHICLE, k) for k in range(len(low.sites.pools) + 1)]
    return {
        pool.id: tuple(_state(low, f, v) for v in range(first[k], first[k + 1]))
        for k, pool in enumerate(low.sites.pools)
    }


def _state(low: Lowering, f: Memory, v: int) -> VehicleState:
    p, goal = f.n(t.VEHICLE_PART, v), f.n(t.VEHICLE_GOAL, v)
    status, timer = STATUSES[f.n(t.VEHICLE_STATUS, v)], f.n(t.FIRST_TIMER, t.T_VEHICLE) + v
    clock = Clock(
        worked_s=f.r(t.WORKED_S, timer),
        since_s=f.known(t.SINCE_S, timer),
        given_s=f.known(t.GIVEN_S, timer),
        remaining_s=f.known(t.REMAINING_S, timer),
    )
    return VehicleState(
        status=status,
        place=low.sites.names[f.n(t.VEHICLE_PLACE, v)],
        part=f.n(t.PART_ID, p) if p >= 0 else None,
        goal=low.sites.names[goal] if goal >= 0 else None,
        clock=None if status == "idle" else clock,
    )


def vehicle_counts(low: Lowering, f: Memory) -> tuple[t.Floats, t.Floats, t.Floats]:
    """Return times of pools in each status, trips of pools, and waits at stations, s."""
    now_s, observe_s = float(f.x[t.NOW]), float(f.x[t.OBSERVE])
    pools, states = len(low.sites.pools), t.VEHICLE_STATES
    spent = f.floats(t.POOL_S, pools * states).reshape(pools, states).copy()
    for v in range(len(low.sites.vehicles)):
        time_s = max(0.0, now_s - f.r(t.VEHICLE_SINCE_S, v))
        spent[f.n(t.VEHICLE_POOL, v), f.n(t.VEHICLE_STATUS, v)] += time_s
    waits = f.floats(t.VEHICLE_WAIT_S, len(low.stations)).copy()
    for p in range(int(f.m[t.N_PARTS])):
        s, asked_s = f.n(t.PART_AT, p) - len(low.buffers), f.r(t.PART_ASKED_S, p)
        here = f.n(t.PART_ID, p) >= 0 and s >= 0 and f.n(t.PART_STATUS, p) == t.DONE
        if here and not math.isnan(asked_s):
            waits[s] += max(0.0, now_s - max(asked_s, observe_s))
    return spent, f.ints(t.POOL_TRIPS, pools).astype(float), waits
