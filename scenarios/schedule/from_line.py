"""A line, its orders and where it stands, as a scheduling problem.

An order is one job, a station one machine, an operation of the routing one step that streams: the
next step begins with the first part. Times are expected ones: processing times, rework and scrap in
the mean, breakdowns only where a station is down now. What chance adds, the replay shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scenarios.schedule.checks import ProblemError
from scenarios.schedule.live import Remaining, begun_orders, in_process, machine_now, remaining
from scenarios.schedule.problem import (
    Interval,
    Job,
    Machine,
    Mode,
    Objective,
    Operation,
    SchedulingProblem,
)
from twin.errors import Finding, UnknownNameError
from twin.events.state import LineState
from twin.line import JobOrder, Line, Product, Station

DEFAULT_OBJECTIVE = Objective(tardiness=1.0, makespan=0.01)
"""Lateness above all; among schedules that are equally late the shorter one, with fewer setups."""
_MOST_DOUBLINGS = 12
"""How often the calendars are looked at twice as far ahead before they count as empty."""


def problem_from_line(
    line: Line,
    orders: Sequence[JobOrder] | None = None,
    state: LineState | None = None,
    objective: str | Objective | None = None,
) -> SchedulingProblem:
    """Return the problem of making orders on a line.

    Parameters
    ----------
    line : Line
        Stations, routings, calendars.
    orders : sequence of JobOrder, optional
        What is to be made; none: the line's own orders.
    state : LineState, optional
        Where the line stands: what is finished is left out, what is under way comes first on its
        station, a station that is down is ready after the repair that is still expected, setups are
        those in place. None: the empty line at its time zero.
    objective : str or Objective, optional
        Name of an objective or a weighted sum; none: ``DEFAULT_OBJECTIVE``.

    Returns
    -------
    SchedulingProblem
        Jobs are named after the orders, machines after the stations, operations as in the routing.
        On a line through which orders flow in one direction with buffers that can fill up, all
        stations see the orders in one sequence.

    Raises
    ------
    ProblemError
        If an order asks for an unknown product, or a calendar leaves no time; all findings at once.
    """
    wanted = tuple(line.orders if orders is None else orders)
    findings = _unknown(line, wanted)
    if findings:
        raise ProblemError(f"the orders for the line {line.id!r}", findings)
    now_s = 0.0 if state is None else state.time_s
    left = {order.id: remaining(line, order, state) for order in wanted}
    wanted = tuple(order for order in wanted if any(left[order.id].visits))
    jobs = tuple(_job(line, order, left[order.id], now_s) for order in wanted)
    group = flow_line(line, wanted)
    needed_s = sum(
        max(mode.duration_s for mode in operation.modes)
        for job in jobs
        for operation in job.operations
    )
    used = {
        mode.machine for job in jobs for operation in job.operations for mode in operation.modes
    }
    stations = [line.station(name) for name in line.flow_order if name in used]
    running = _running(line, wanted, jobs, state, group)
    machines, findings = [], []
    for station in stations:
        closed = _closed(line, station, now_s, needed_s)
        if closed is None:
            message = f"leaves less than {needed_s:g} s of working time from {now_s:g} s on"
            remedy = "add shifts or end the holidays"
            findings.append(Finding(f"calendars.{station.calendar}", message, remedy=remedy))
        machines.append(_machine(line, station, closed or (), running.get(station.id, ()), state))
    if findings:
        raise ProblemError(f"the calendars of the line {line.id!r}", findings)
    return SchedulingProblem(
        id=line.id,
        start_s=now_s,
        machines=machines or (Machine(id=line.stations[0].id),),
        jobs=jobs,
        same_order=(tuple(name for name in group if name in used),) if group else (),
        objective=DEFAULT_OBJECTIVE if objective is None else objective,
    )


def _unknown(line: Line, orders: Sequence[JobOrder]) -> list[Finding]:
    products = ", ".join(product.id for product in line.products)
    findings = []
    for order in orders:
        try:
            line.product(order.product)
        except UnknownNameError:
            message = f"unknown product {order.product!r}"
            findings.append(Finding(f"orders.{order.id}.product", message, f"one of: {products}"))
    return findings


def flow_line(line: Line, orders: Sequence[JobOrder]) -> tuple[str, ...]:
    """Return the stations, from upstream to downstream, if orders cannot overtake each other.

    That is so if every routing goes through the stations in one direction without alternatives, and
    some buffer between them can fill up. Empty otherwise.
    """
    place = {name: at for at, name in enumerate(line.flow_order)}
    used: set[str] = set()
    for product in {order.product for order in orders}:
        routing = line.product(product).routing
        if any(len(operation.stations) > 1 for operation in routing):
            return ()
        way = [place[operation.stations[0]] for operation in routing]
        if any(left >= right for left, right in pairwise(way)):
            return ()
        used.update(operation.stations[0] for operation in routing)
    names = tuple(name for name in line.flow_order if name in used)
    inputs = [line.station(name).input_buffer for name in names[1:]]
    limited = any(name is None or line.buffer(name).capacity is not None for name in inputs)
    return names if limited and len(names) > 1 else ()


@dataclass(frozen=True, slots=True)
class _Lot:
    """Time that a lot takes on a station, s."""

    duration_s: float
    part_s: float


def _lot(line: Line, product: Product, step: int, name: str, left: Remaining) -> _Lot:
    """Return the time for what is left of an order at a station."""
    operation, servers = product.routing[step], line.station(name).servers
    times = operation.processing_time_by_station_s
    part_s = times.get(name, operation.processing_time_s).expected_s()
    visits = left.visits[step]
    if servers > 1 and abs(visits - round(visits)) < 1e-9:  # noqa: PLR2004 - a whole number
        rounds = float(math.ceil(round(visits) / servers))
    else:
        rounds = visits / servers if servers == 1 else max(visits / servers, min(visits, 1.0))
    busy_s = sum(left.in_process_s[step]) / servers
    longest_s = max(left.in_process_s[step], default=0.0)
    return _Lot(max(rounds * part_s + busy_s, longest_s), part_s)


def _job(line: Line, order: JobOrder, left: Remaining, now_s: float) -> Job:
    product, operations = line.product(order.product), []
    steps = [k for k in range(len(product.routing)) if left.visits[k] or left.in_process_s[k]]
    for position, k in enumerate(steps):
        operation = product.routing[k]
        following = steps[position + 1] if position + 1 < len(steps) else None
        modes = []
        for name in operation.stations:
            lot = _lot(line, product, k, name, left)
            # Parts that already wait for the next step let it begin at once.
            first_s = 0.0 if following is not None and left.here[following] else lot.part_s
            mode = Mode(
                machine=name,
                duration_s=lot.duration_s,
                first_part_s=first_s,
                last_part_s=lot.part_s,
            )
            modes.append(mode)
        operations.append(
            Operation(
                id=operation.id,
                modes=tuple(modes),
                setup_group=product.group,
                overlap=position > 0,
                splittable=True,
            )
        )
    return Job(
        id=order.id,
        operations=tuple(operations),
        release_s=max(order.release_s, now_s),
        due_date_s=order.due_date_s,
        weight=max(0.0, order.priority),
    )


def _running(
    line: Line,
    orders: Sequence[JobOrder],
    jobs: Sequence[Job],
    state: LineState | None,
    group: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """Return, for each station, what comes first there because it is under way."""
    if state is None:
        return {}
    steps = {
        job.id: {operation.id: {m.machine for m in operation.modes} for operation in job.operations}
        for job in jobs
    }
    found: dict[str, list[str]] = {}
    if group:
        # Nobody overtakes: orders that have begun stay ahead in the sequence in which they began.
        for name in begun_orders(state):
            for operation, stations in steps.get(name, {}).items():
                for station in stations:
                    found.setdefault(station, []).append(f"{name}/{operation}")
    else:
        products = {order.id: line.product(order.product) for order in orders}
        taken: set[str] = set()
        for name, step, station in in_process(state):
            if name not in steps:
                continue
            operation = products[name].routing[step].id
            key = f"{name}/{operation}"
            # An order split over alternative stations stays where it began first.
            if key not in taken and station in steps[name].get(operation, ()):
                found.setdefault(station, []).append(key)
                taken.add(key)
    return {station: tuple(keys) for station, keys in found.items()}


def _machine(
    line: Line,
    station: Station,
    closed: Sequence[tuple[float, float]],
    running: Sequence[str],
    state: LineState | None,
) -> Machine:
    ready_s, group = machine_now(line, station, state)
    return Machine(
        id=station.id,
        ready_s=ready_s,
        unavailable=tuple(Interval(start_s=begin, end_s=end) for begin, end in closed),
        setup_s=station.setup.matrix_s if station.setup else {},
        setup_group=group,
        setup_waits=True,
        running=tuple(running),
    )


def _closed(
    line: Line, station: Station, now_s: float, needed_s: float
) -> tuple[tuple[float, float], ...] | None:
    """Return when a station is off, far enough ahead for ``needed_s`` of work; None: always.

    What lies beyond that is of no use: all jobs one after the other would be finished.
    """
    if station.calendar is None:
        return ()
    calendar, ahead_s = line.calendar(station.calendar), max(needed_s, 86400.0)
    for _ in range(_MOST_DOUBLINGS):
        until_s = now_s + ahead_s
        open_s = calendar.working_intervals(line.start_utc, line.zone, now_s, until_s)
        if sum(min(end, until_s) - max(begin, now_s) for begin, end in open_s) >= needed_s:
            edges = [now_s - 1.0, *(t for interval in open_s for t in interval)]
            return tuple(
                (begin, end)
                for begin, end in zip(edges[::2], edges[1::2], strict=False)
                if end > now_s and end > begin
            )
        ahead_s *= 2
    return None
