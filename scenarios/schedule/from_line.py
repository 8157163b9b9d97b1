"""A line, its orders and where it stands, as a scheduling problem.

An order is one job, a station one machine, an operation of the routing one step that streams: the
next step begins with the first part, or with the first that make a batch, once a conveyor has
brought them. Times are expected ones: loading, processing and unloading, rework and scrap in the
mean, maintenance by use spread over all parts, breakdowns only where a station is down now.
Stations work when their shifts and people do. What chance adds, the replay shows.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from itertools import product as product_of

from scenarios.schedule.attendance import Attendance, Work, able, care_s, processing, servers
from scenarios.schedule.checks import ProblemError
from scenarios.schedule.live import Remaining, in_process, machine_now, remaining, under_way
from scenarios.schedule.problem import (
    Interval,
    Job,
    Machine,
    Mode,
    Objective,
    Operation,
    SchedulingProblem,
)
from scenarios.schedule.steady import steady
from twin.errors import Finding, UnknownNameError
from twin.events.state import LineState
from twin.line import JobOrder, Line, Product, Station
from twin.line import Operation as Step

DEFAULT_OBJECTIVE = Objective(tardiness=1.0, makespan=0.01)
"""Lateness above all; among schedules that are equally late the shorter one, with fewer setups."""


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
    problem = _problem(line, wanted, state, Attendance(line, state))
    twin = steady(line, wanted, state) if problem.jobs else None
    chosen = DEFAULT_OBJECTIVE if objective is None else objective
    return SchedulingProblem(**dict(problem) | {"twin": twin, "objective": chosen})


def loosened(problem: SchedulingProblem) -> SchedulingProblem:
    """Return what the line of a problem cannot beat either, as a problem without a line.

    Work is that of the line without chance, shared evenly by servers, without maintenance and
    people; where something may be finished off shift, shifts are longer by as much. Without a
    running plan: on the line a start is that of the first part left, even where it has to wait.
    """
    twin = problem.twin
    if twin is None:
        return problem
    names = {job.id for job in problem.jobs}
    orders = tuple(order for order in twin.line.orders if order.id in names)
    there = Attendance(twin.line, twin.state, loose=True)
    loose = _problem(twin.line, orders, twin.state, there)
    kept = {job.id: job for job in problem.jobs}
    jobs = tuple(
        job.model_copy(
            update={
                name: getattr(kept[job.id], name) for name in ("due_date_s", "deadline_s", "weight")
            }
        )
        for job in loose.jobs
    )
    same = ("horizon_s", "objective")
    update = {"jobs": jobs} | {name: getattr(problem, name) for name in same}
    # What is on a belt already is not on its way for all of the belt's time.
    ways = loose.transport_s if twin.state is None else {}
    return loose.model_copy(update=update | {"transport_s": ways})


def _problem(
    line: Line, wanted: tuple[JobOrder, ...], state: LineState | None, there: Attendance
) -> SchedulingProblem:
    now_s = 0.0 if state is None else state.time_s
    left = {order.id: remaining(line, order, state) for order in wanted}
    wanted = tuple(order for order in wanted if any(left[order.id].visits))
    work = _work(line, wanted)
    scarce = frozenset[str]() if there.loose else there.scarce(work)
    jobs = tuple(_job(there, order, left[order.id], now_s, scarce) for order in wanted)
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
        closed = there.closed(station, work[station.id], needed_s)
        if closed is None:
            findings.append(_never_open(line, station, work[station.id], needed_s, now_s))
        machines.append(_machine(line, station, closed or (), running.get(station.id, ()), state))
    if findings:
        raise ProblemError(f"the calendars of the line {line.id!r}", findings)
    return SchedulingProblem(
        id=line.id,
        start_s=now_s,
        machines=machines or (Machine(id=line.stations[0].id),),
        jobs=jobs,
        resources=() if there.loose else there.people(work, needed_s),
        transport_s=_conveyors(line, wanted, used),
        same_order=(tuple(name for name in group if name in used),) if group else (),
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
    """Time that a lot takes on a station."""

    duration_s: float
    part_s: float
    """Time of one part, or of one batch."""
    at_once: int
    """Parts that are worked on at the same time."""
    last_at_once: int
    """Parts that are ready together at the end."""
    soonest_s: float
    """Time left of the part in process that is ready first; infinite without one."""

    def first_s(self, parts: int) -> float:
        """Return the time for some parts that have come together, s."""
        return min(self.duration_s, math.ceil(parts / self.at_once) * self.part_s)


def _lot(there: Attendance, product: Product, step: int, name: str, left: Remaining) -> _Lot:
    """Return the time for what is left of an order at a station."""
    line, operation = there.line, product.routing[step]
    station = line.station(name)
    times = operation.processing_time_by_station_s
    part_s = times.get(name, operation.processing_time_s).expected_s()
    part_s += operation.load_time_s.expected_s() + operation.unload_time_s.expected_s()
    part_s += 0.0 if there.loose else care_s(station, part_s)
    at_once = servers(line, station, operation) * (station.batch.max if station.batch else 1)
    visits, process_s = left.visits[step], left.in_process_s[step]
    if there.loose and len(operation.stations) > 1:
        # Whatever is planned, what has come to other stations is done there.
        visits = max(0.0, visits - left.elsewhere(line, operation, step, name))
        at = left.in_process_at[step]
        process_s = tuple(s for s, place in zip(process_s, at, strict=True) if place == name)
    if there.loose:
        rounds = visits / at_once
    elif at_once > 1 and abs(visits - round(visits)) < 1e-9:  # noqa: PLR2004 - a whole number
        rounds = float(math.ceil(round(visits) / at_once))
    else:
        rounds = visits / at_once if at_once == 1 else max(visits / at_once, min(visits, 1.0))
    busy_s = sum(process_s) / at_once
    longest_s = max(process_s, default=0.0)
    # Parts that are still in work, or made again, come one by one.
    together = visits > 0 and not busy_s and not there.loose
    last = (round(visits) - 1) % at_once + 1 if together else 1
    soonest_s = min(left.in_process_s[step], default=math.inf)
    return _Lot(max(rounds * part_s + busy_s, longest_s), part_s, at_once, last, soonest_s)


def _job(
    there: Attendance, order: JobOrder, left: Remaining, now_s: float, scarce: Collection[str]
) -> Job:
    line = there.line
    product, operations = line.product(order.product), []
    steps = [k for k in range(len(product.routing)) if left.visits[k] or left.in_process_s[k]]
    together = 1
    for position, k in enumerate(steps):
        operation = product.routing[k]
        following = steps[position + 1] if position + 1 < len(steps) else None
        modes, lots = [], [_lot(there, product, k, name, left) for name in operation.stations]
        for name, lot in zip(operation.stations, lots, strict=True):
            # Parts that already wait for the next step let it begin at once.
            waiting = following is not None and left.here[following]
            wanted = 1 if following is None else _least_batch(line, product, following)
            first_s = min(lot.first_s(wanted), lot.soonest_s if wanted == 1 else math.inf)
            mode = Mode(
                machine=name,
                duration_s=lot.duration_s,
                first_part_s=0.0 if waiting else first_s,
                last_part_s=lot.first_s(together),
                needs=_needs(line, line.station(name), operation, scarce),
            )
            modes.append(mode)
        together = min(lot.last_at_once for lot in lots)
        operations.append(
            Operation(
                id=operation.id,
                modes=tuple(modes),
                # What has come is worked on at once, before anything of what is still to come.
                after=() if there.loose and left.here[k] else None,
                setup_group=product.group,
                overlap=position > 0,
                splittable=True,
            )
        )
    return Job(
        id=order.id,
        operations=tuple(operations),
        release_s=max(order.release_s, now_s) + _way_in_s(line, product, left),
        due_date_s=order.due_date_s,
        weight=max(0.0, order.priority),
    )


def _least_batch(line: Line, product: Product, step: int) -> int:
    """Return how many parts must have come before an operation can begin."""
    batches = [line.station(name).batch for name in product.routing[step].stations]
    return min(batch.min if batch else 1 for batch in batches)


def _needs(
    line: Line, station: Station, operation: Step, scarce: Collection[str]
) -> tuple[str, ...]:
    """Return the people that a lot holds, where there are too few of them."""
    crews = {crew.id for crew in line.crews if crew.id in scarce}
    skills = {skill for crew in line.crews if crew.id in crews for skill in crew.skills}
    at_once = servers(line, station, operation)
    return tuple(
        name
        for need in processing(station, operation)
        for name in [need.crew or need.skill or ""]
        if name in crews | skills
        for _ in range(need.count * at_once)
    )


def _way_in_s(line: Line, product: Product, left: Remaining) -> float:
    """Return how long a conveyor takes to bring an order that is still to begin, s."""
    if left.begun:
        return 0.0
    return min(_belt_s(line, name) for name in product.routing[0].stations)


def _belt_s(line: Line, name: str) -> float:
    place = line.station(name).input_buffer
    return 0.0 if place is None else line.buffer(place).transit_time_s


def _conveyors(
    line: Line, orders: Sequence[JobOrder], used: set[str]
) -> dict[str, dict[str, float]]:
    """Return how long parts are on their way from one station in use to the next, s."""
    ways: dict[str, dict[str, float]] = {}
    for name in {order.product for order in orders}:
        for here, after in pairwise(line.product(name).routing):
            for source, target in product_of(here.stations, after.stations):
                if source != target and {source, target} <= used and _belt_s(line, target):
                    ways.setdefault(source, {})[target] = _belt_s(line, target)
    return ways


def _work(line: Line, orders: Sequence[JobOrder]) -> Work:
    """Return the operations of some orders by station."""
    found: dict[str, list[Step]] = {}
    for name in sorted({order.product for order in orders}):
        for operation in line.product(name).routing:
            for station in operation.stations:
                found.setdefault(station, []).append(operation)
    return found


def _never_open(
    line: Line, station: Station, work: Sequence[Step], needed_s: float, now_s: float
) -> Finding:
    """Return what to say of a station whose hours have no end of closures."""
    crews = {
        crew
        for o in work
        for n in processing(station, o, "load", "unload")
        for crew in able(line, n)
    }
    names = [station.calendar, *sorted(crew.calendar for crew in crews if crew.calendar)]
    named = list(dict.fromkeys(name for name in names if name))
    message = f"leaves less than {needed_s:g} s of working time from {now_s:g} s on"
    if len(named) > 1:
        message = f"and {', '.join(named[1:])}, of people needed at {station.id}, leave together"
        message += f" less than {needed_s:g} s of working time from {now_s:g} s on"
    remedy = "add shifts or end the holidays"
    return Finding(f"calendars.{named[0] if named else station.id}", message, remedy=remedy)


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
        # Nobody overtakes: orders under way stay ahead in the sequence in which they began.
        for name in under_way(orders, state):
            for operation, stations in steps.get(name, {}).items():
                for station in stations:
                    found.setdefault(station, []).append(f"{name}/{operation}")
    else:
        products = {order.id: line.product(order.product) for order in orders}
        places: dict[str, dict[str, None]] = {}
        for name, step, station in in_process(state):
            operation = products[name].routing[step].id if name in steps else ""
            if station in steps.get(name, {}).get(operation, ()):
                places.setdefault(f"{name}/{operation}", {})[station] = None
        for key, where in places.items():
            # An order that is split over alternative stations may go on at any of them.
            if len(where) == 1:
                found.setdefault(next(iter(where)), []).append(key)
    return {station: tuple(keys) for station, keys in found.items()}


def _machine(
    line: Line,
    station: Station,
    closed: tuple[Interval, ...],
    running: Sequence[str],
    state: LineState | None,
) -> Machine:
    ready_s, group = machine_now(line, station, state)
    return Machine(
        id=station.id,
        ready_s=ready_s,
        unavailable=closed,
        setup_s=station.setup.matrix_s if station.setup else {},
        setup_group=group,
        setup_waits=True,
        running=tuple(running),
    )
