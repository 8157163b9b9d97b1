"""What a live state leaves to be done: parts, work begun, repairs, setups."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from scenarios.schedule.quality import passes
from twin.events.state import Clock, LineState, PartState
from twin.line import AnyDistribution, JobOrder, Line, Operation, Product, Station

_QUANTILES = (np.arange(200) + 0.5) / 200
"""Where a distribution is looked at to take its mean."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left of one order, by operation of its routing."""

    visits: tuple[float, ...]
    """Parts still to begin, rework and scrap in the mean."""
    in_process_s: tuple[tuple[float, ...], ...]
    """Expected time left of each part in process, s."""
    here: tuple[int, ...]
    """Parts that wait for the operation or are in it."""
    begun: bool = False
    """Whether any part has been made."""
    stands: tuple[Mapping[str, int], ...] = ()
    """Parts that have come for the operation and are to begin it, by buffer or station."""
    in_process_at: tuple[tuple[str, ...], ...] = ()
    """Station of each part in process."""

    def elsewhere(self, line: Line, operation: Operation, step: int, name: str) -> int:
        """Return how many parts have come to other stations than one, which will do them."""
        mine, found = {name, line.station(name).input_buffer}, set[str | None]()
        for other in operation.stations:
            found |= {other, line.station(other).input_buffer}
        return sum(self.stands[step].get(place or "", 0) for place in found - mine)


def mean_residual_s(distribution: AnyDistribution, age_s: float) -> float:
    """Return the expected time left of something that has lasted ``age_s`` already, s."""
    if age_s <= 0:
        return distribution.expected_s()
    from twin.engine.streams import residual  # noqa: PLC0415 - compiled functions, slow to import

    code, parameters = distribution.encode()
    values = np.array(parameters, dtype=np.float64)
    return float(np.mean([residual(code, values, age_s, u) for u in _QUANTILES.tolist()]))


def remaining(line: Line, order: JobOrder, state: LineState | None) -> Remaining:
    """Return what is left of an order in a state; everything if there is none."""
    product = line.product(order.product)
    if not product.routing:
        return Remaining((), (), ())
    count, times = len(product.routing), passes(product)
    begun = state.orders.get(order.id) if state is not None else None
    created = begun.created if begun else 0
    visits = max(0, order.quantity - created) * times[0]
    process_s: list[list[float]] = [[] for _ in range(count)]
    process_at: list[list[str]] = [[] for _ in range(count)]
    stands: list[Counter[str]] = [Counter() for _ in range(count)]
    here = [0] * count
    for part in state.parts if state is not None else ():
        if part.order != order.id or part.operation >= count:
            continue
        step, after = part.operation, times[part.operation].copy()
        here[step] += 1
        if part.status == "processing" and state is not None:
            # This pass has begun: what it still takes is told apart from passes to come.
            after[step] -= 1.0
            process_s[step].append(_left_s(product, part, state.time_s))
            process_at[step].append(part.location)
        elif part.status != "done":
            stands[step][part.location] += 1
        visits = visits + after
    return Remaining(
        visits=tuple(float(v) if v > 1e-9 else 0.0 for v in visits),  # noqa: PLR2004 - rounding
        in_process_s=tuple(tuple(times_s) for times_s in process_s),
        here=tuple(here),
        begun=created > 0,
        stands=tuple(stands),
        in_process_at=tuple(tuple(names) for names in process_at),
    )


def _left_s(product: Product, part: PartState, now_s: float) -> float:
    operation = product.routing[part.operation]
    times = operation.processing_time_by_station_s
    distribution = times.get(part.location, operation.processing_time_s)
    return clock_left_s(distribution, part.clock, now_s)


def clock_left_s(distribution: AnyDistribution, clock: Clock | None, now_s: float) -> float:
    """Return the expected time left of something that a clock follows, s; no clock: all of it."""
    if clock is None:
        return distribution.expected_s()
    if clock.remaining_s is not None:
        return clock.remaining_s
    return mean_residual_s(distribution, clock.elapsed_s(now_s))


def begun_orders(state: LineState) -> list[str]:
    """Return the orders that have parts in the line or have begun, first begun first."""
    first_s: dict[str, float] = {}
    for part in state.parts:
        if part.order is not None:
            first_s[part.order] = min(first_s.get(part.order, np.inf), part.created_s)
    begun = [name for name, order in state.orders.items() if order.created]
    return sorted(set(begun) | set(first_s), key=lambda name: (first_s.get(name, np.inf), name))


def under_way(orders: Iterable[JobOrder], state: LineState) -> list[str]:
    """Return the orders that have begun to be worked on, or to enter, first begun first.

    Those of which all parts wait for the first operation are left out: any of them may be next.
    """
    amount = {order.id: order.quantity for order in orders}
    at_work = {p.order for p in state.parts if p.operation > 0 or p.status != "waiting"}
    return [
        name
        for name in begun_orders(state)
        if name in at_work
        or name not in state.orders
        or state.orders[name].created < amount.get(name, math.inf)
    ]


def in_process(state: LineState) -> list[tuple[str, int, str]]:
    """Return order, operation and station of what is worked on or set up for, oldest first."""
    busy = [part for part in state.parts if part.status in ("processing", "setup") and part.order]
    busy.sort(key=lambda part: (part.entered_s, part.id))
    return [(part.order or "", part.operation, part.location) for part in busy]


def machine_now(line: Line, station: Station, state: LineState | None) -> tuple[float, str | None]:
    """Return when a station can work, s, and the setup that is in place then."""
    initial = station.setup.initial_group if station.setup else None
    if state is None:
        return 0.0, initial
    now_s, ready_s = state.time_s, state.time_s
    found = state.stations.get(station.id)
    group = (found.setup_group if found else None) or initial
    modes = {mode.id: mode for mode in station.modes}
    for name, mode in (found.modes if found else {}).items():
        if name not in modes or mode.status == "running" or not modes[name].stops:
            continue
        repair = modes[name].work_s
        clock = mode.repair if mode.status == "repair" else None
        ready_s = max(ready_s, now_s + clock_left_s(repair, clock, now_s))
    for outage in found.outages if found else ():
        ready_s = max(ready_s, outage.until_s if outage.until_s is not None else now_s)
    for part in state.parts:
        if part.status == "setup" and part.location == station.id and station.setup:
            into = line.product(part.product).group
            total_s = station.setup.matrix_s.get(group or "", {}).get(into, 0.0)
            done_s = part.clock.elapsed_s(now_s) if part.clock else 0.0
            # The setup under way is counted here, not again before the operation.
            ready_s, group = ready_s + max(0.0, total_s - done_s), into
    return ready_s, group
