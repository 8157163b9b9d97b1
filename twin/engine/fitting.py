"""Whether options and state fit the line. Every finding is collected; engines ask before a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from twin.engine.options import DispatchPlan, SimulationOptions
from twin.errors import Finding, OptionsError, StateError
from twin.events.state import LineState, PartState, VehicleState
from twin.line import Line, Product
from twin.line.line import maker_slots


def check_names(line: Line, options: SimulationOptions) -> None:
    """Refuse faults, absences, shortages and plans that name what the line does not have.

    Raises
    ------
    OptionsError
        With all findings.
    """
    stations = set(line.flow_order)
    findings = [
        Finding(f"faults.{i}.station", f"unknown station {fault.station!r}", _listed(stations))
        for i, fault in enumerate(options.faults)
        if fault.station not in stations
    ]
    findings += _people(line, options)
    sources = {source.id for source in line.sources}
    findings += [
        Finding(f"shortages.{i}.source", f"unknown source {one.source!r}", _listed(sources))
        for i, one in enumerate(options.shortages)
        if one.source not in sources
    ]
    if options.plan is not None:
        findings += _plan(line, options.plan)
    if findings:
        raise OptionsError("the simulation options", findings)


def _people(line: Line, options: SimulationOptions) -> Iterable[Finding]:
    sizes = {crew.id: crew.size for crew in line.crews}
    for i, absence in enumerate(options.absences):
        if absence.crew not in sizes:
            message = f"unknown crew {absence.crew!r}"
            yield Finding(f"absences.{i}.crew", message, _listed(sizes))
        elif absence.people > sizes[absence.crew]:
            message = f"{absence.people} of crew {absence.crew!r} cannot be away"
            yield Finding(f"absences.{i}.people", message, f"at most {sizes[absence.crew]}")


def _plan(line: Line, plan: DispatchPlan) -> Iterable[Finding]:
    stations, orders = set(line.flow_order), {order.id: order for order in line.orders}
    named = [("plan.release", name) for name in plan.release]
    named += [
        (f"plan.sequence.{station}", name)
        for station, names in plan.sequence.items()
        for name in names
    ]
    for path, name in named:
        if name not in orders:
            yield Finding(path, f"unknown order {name!r}", _listed(orders))
    for name in plan.sequence:
        if name not in stations:
            yield Finding("plan.sequence", f"unknown station {name!r}", _listed(stations))
    for key, station in plan.assignment.items():
        path = f"plan.assignment.{key}"
        order, _, operation = key.partition("/")
        if order not in orders:
            yield Finding(path, f"unknown order {order!r}", _listed(orders))
            continue
        routing = {step.id: step for step in line.product(orders[order].product).routing}
        if operation not in routing:
            yield Finding(path, f"unknown operation {operation!r}", _listed(routing))
        elif station not in routing[operation].stations:
            message = f"station {station!r} does not do operation {operation!r}"
            yield Finding(path, message, _listed(routing[operation].stations))


def _listed(names: Iterable[str]) -> str:
    return "one of: " + (", ".join(sorted(names)) or "none")


def check_state(line: Line, state: LineState) -> None:
    """Refuse a state that names what the line does not have, or holds more than fits.

    Raises
    ------
    StateError
        With all findings.
    """
    findings = []
    if state.line_id != line.id:
        findings.append(Finding("line_id", f"is {state.line_id!r}", f"{line.id!r}"))
    for section, known in (
        ("stations", {station.id for station in line.stations}),
        ("sources", {source.id for source in line.sources}),
        ("orders", {order.id for order in line.orders}),
    ):
        findings += [
            Finding(f"{section}.{name}", f"unknown {section[:-1]} {name!r}", _listed(known))
            for name in sorted(set(getattr(state, section)) - known)
        ]
    products = {product.id: product for product in line.products}
    for part in state.parts:
        findings += _part(line, part, products)
    findings += _places(line, state)
    findings += _vehicles(line, state)
    findings += _modes(line, state)
    findings += _wear(line, state)
    if findings:
        raise StateError(f"the state of line {line.id!r} at {state.time_s:g} s", findings)


def _part(line: Line, part: PartState, products: dict[str, Product]) -> Iterable[Finding]:
    path = f"parts.{part.id}"
    stations = {station.id for station in line.stations}
    waits = {buffer.id for buffer in line.buffers} | {source.id for source in line.sources}
    waits |= {pool.id for pool in line.vehicles}
    if part.order is not None and part.order not in {order.id for order in line.orders}:
        yield Finding(path, f"is of unknown order {part.order!r}")
    if part.location not in stations | waits:
        yield Finding(path, f"is at unknown place {part.location!r}", _listed(stations | waits))
        return
    late = part.status == "done" and part.location in {buffer.id for buffer in line.buffers}
    if part.location in waits and part.status != "waiting" and not late:
        yield Finding(path, f"is {part.status!r} in {part.location!r}", "status: waiting there")
    if part.product not in products:
        yield Finding(path, f"is of unknown product {part.product!r}", _listed(products))
        return
    routing = products[part.product].routing
    driven = part.location in {pool.id for pool in line.vehicles}
    over = part.status == "done" or not routing or driven
    over = over or part.location == products[part.product].stock
    if part.operation > len(routing) - (not over):
        yield Finding(path, f"has no operation {part.operation} in its routing of {len(routing)}")
        return
    if part.status in ("processing", "setup") and part.visits < 1:
        yield Finding(path, f"is in {part.status} on no visit", "visits of at least 1")
    if part.location in stations and part.status != "done" and part.operation < len(routing):
        step = routing[part.operation]
        if part.location not in step.stations:
            message = f"station {part.location!r} does not do operation {step.id!r}"
            yield Finding(path, message, _listed(step.stations))


def _places(line: Line, state: LineState) -> Iterable[Finding]:
    # A buffer may hold more than its capacity, which a scenario can lower below what lies in it:
    # nothing enters until there is room again.
    for number, count in Counter(part.id for part in state.parts).items():
        if count > 1:
            yield Finding(f"parts.{number}", f"stands in the state {count} times")
    makers = maker_slots(line)
    for station in line.stations:
        inside = [part for part in state.parts if part.location == station.id]
        unplaced = sum(part.server is None for part in inside)
        named = Counter(part.server for part in inside if part.server is not None)
        several = station.batch is not None or station.id in makers
        held = unplaced + (len(named) if several else sum(named.values()))
        if held > station.servers:
            yield Finding(station.id, f"holds {held} parts", f"at most {station.servers}")
        for server, count in sorted(named.items()):
            if count > 1 and not several:
                yield Finding(f"{station.id}.servers.{server}", f"holds {count} parts", "one")
            if not 0 <= server < station.servers:
                yield Finding(
                    f"{station.id}.servers.{server}",
                    "no such server",
                    f"0 to {station.servers - 1}",
                )


def _wear(line: Line, state: LineState) -> Iterable[Finding]:
    for station in line.stations:
        found = state.stations.get(station.id)
        if found is None or found.wear is None:
            continue
        last = len(station.wear.levels) if station.wear else 0
        if found.wear.level > last:
            path = f"stations.{station.id}.wear.level"
            yield Finding(path, f"is {found.wear.level}", f"0 to {last}")


def _vehicles(line: Line, state: LineState) -> Iterable[Finding]:
    """Look at which vehicle has which part, and where it brings it."""
    pools = {pool.id: pool for pool in line.vehicles}
    parts = {part.id: part for part in state.parts}
    seen: set[int] = set()
    for name, found in state.vehicles.items():
        if name not in pools:
            yield Finding(f"vehicles.{name}", f"unknown vehicles {name!r}", _listed(pools))
        elif len(found) > pools[name].count:
            message, most = f"holds {len(found)} vehicles", f"at most {pools[name].count}"
            yield Finding(f"vehicles.{name}", message, most)
        else:
            for number, vehicle in enumerate(found):
                path = f"vehicles.{name}.{number}"
                part = parts.get(-1 if vehicle.part is None else vehicle.part)
                yield from _vehicle(
                    line, path, vehicle, part, taken=part is not None and part.id in seen
                )
                seen |= {part.id} if part else set()
    for number in sorted(part.id for part in state.parts if part.location in pools):
        if number not in seen:
            message = "is on a vehicle, and none has it"
            yield Finding(f"parts.{number}", message, "a vehicle that carries it")


def _vehicle(
    line: Line, path: str, vehicle: VehicleState, part: PartState | None, *, taken: bool
) -> Iterable[Finding]:
    if vehicle.status in ("idle", "returning"):
        if vehicle.part is not None:
            yield Finding(path, f"is {vehicle.status!r} and has part {vehicle.part}")
        return
    if part is None or taken:
        message = f"is {vehicle.status!r} for part {vehicle.part}"
        yield Finding(path, message, "a part of the line that no other vehicle has")
        return
    pool = path.split(".")[1]
    aboard = vehicle.status in ("carrying", "unloading")
    if aboard != (part.location == pool):
        message = f"is {vehicle.status!r}, and its part is at {part.location!r}"
        yield Finding(path, message, f"location: {pool}" if aboard else "where it waits")
    goals = {buffer.id for buffer in line.buffers} | {sink.id for sink in line.sinks}
    goals |= {station.id for station in line.stations}
    if vehicle.goal not in goals:
        yield Finding(f"{path}.goal", f"unknown place {vehicle.goal!r}", _listed(goals))


def _modes(line: Line, state: LineState) -> Iterable[Finding]:
    known = {f"{station.id}/{mode.id}" for station in line.stations for mode in station.modes}
    given = {
        f"{name}/{mode}": found
        for name, station in state.stations.items()
        for mode, found in station.modes.items()
    }
    for name in sorted((set(state.queue) | set(given)) - known):
        yield Finding(f"stations.{name}", f"unknown failure mode {name!r}", _listed(known))
    for name in state.queue:
        if name in given and given[name].status != "waiting":
            yield Finding("queue", f"{name!r} is {given[name].status!r}", "a mode that waits")
    for name, found in given.items():
        if found.status != "running" and found.count < 1:
            message = f"is in {found.status!r} without a failure"
            yield Finding(f"stations.{name}", message, "a count of at least 1")
