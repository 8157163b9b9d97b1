"""The first picture of a plant as a state document: what it shows, and no more than that."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from twin.events.fold import empty_state
from twin.events.kinds import Status
from twin.events.state import (
    Clock,
    LineState,
    ModeState,
    OrderState,
    Outage,
    PartState,
    SourceState,
    StationState,
    WearState,
)
from twin.line import Station, Wear
from twin.sync.aboard import asking, carried, laden, new_part, vehicles
from twin.sync.elements import PHASES
from twin.sync.image import NO_PART, Image, ServerView, StationView
from twin.sync.people import crews_seen
from twin.sync.routes import Identity, Routes

_LOADED, _PROCESSED = PHASES.index("loaded"), PHASES.index("processed")


def seeded(
    routes: Routes, image: Image, time_s: float, before: LineState | None = None
) -> tuple[LineState, frozenset[int]]:
    """Return the state that a picture shows, and the parts whose product is a guess.

    ``before`` is the last state before a gap: what it knew of parts that are still there, and of
    ages, holds on. It is left aside if the plant began anew meanwhile.

    Parts in buffers carry a number and nothing else: what they are follows from the sequence of
    orders, or from their neighbours. Times elapsed count from the source times of the values; what
    came before them is unknown.
    """
    known = _identities(routes, image, time_s)
    earlier = before if before is not None and _goes_on(routes, image, before, time_s) else None
    if earlier is not None:
        known |= {
            part.id: Identity(part.product, part.order)  # known before the gap: no guess
            for part in earlier.parts
            if part.id in known and not known[part.id].sure
        }
    parts = _parts(routes, image, known, time_s)
    created = {source.id: image.count(source.id, "created") for source in routes.sources}
    finished = sum(image.count(sink.id, "finished") for sink in routes.line.sinks)
    stations = {
        name: _station(routes, routes.line.station(name), image.station(name), time_s)
        for name in sorted(routes.line.flow_order)
    }
    waiting = sorted(
        (mode.failed_s or 0.0, f"{name}/{mode_id}")
        for name, station in stations.items()
        for mode_id, mode in station.modes.items()
        if mode.status == "waiting" and _needs_people(routes.line.station(name), mode_id)
    )
    if earlier is not None:
        parts = [_remembered(part, earlier) for part in parts]
        stations = {
            name: _aged(
                routes.line.station(name),
                found,
                earlier.stations[name],
                earlier.time_s,
                tells_wear=image.station(name).wear is not None,
            )
            for name, found in stations.items()
        }
    guessed = frozenset(number for number, found in known.items() if not found.sure)
    state = LineState(
        line_id=routes.line.id,
        time_s=time_s,
        parts=tuple(parts),
        stations=stations,
        sources={
            name: SourceState(created=count, since_s=image.changed_s(name, "created"))
            for name, count in sorted(created.items())
        },
        orders=_orders(routes, image, known, parts, time_s),
        finished=finished,
        scrapped=sum(image.station(name).scrapped for name in routes.line.flow_order),
        queue=tuple(name for _, name in waiting),
        crews=crews_seen(routes.line, image, time_s),
        vehicles=vehicles(routes, image, parts, time_s),
    )
    return state, guessed


def _goes_on(routes: Routes, image: Image, before: LineState, time_s: float) -> bool:
    """Tell whether the plant is still the one it was before: its counters never went back."""
    made = all(
        image.count(source.id, "created") >= before.sources[source.id].created
        for source in routes.sources
    )
    finished = sum(image.count(sink.id, "finished") for sink in routes.line.sinks)
    return made and finished >= before.finished and time_s >= before.time_s


def _remembered(part: PartState, before: LineState) -> PartState:
    """Return a part with what was known of it before the gap."""
    known = next((found for found in before.parts if found.id == part.id), None)
    if known is None:
        return part
    update: dict[str, object] = {"created_s": known.created_s, "reworks": known.reworks}
    if (known.location, known.operation) == (part.location, part.operation):
        update |= {"entered_s": known.entered_s, "visits": known.visits}
    return part.model_copy(update=update)


def _aged(
    spec: Station,
    found: StationState,
    before: StationState,
    before_s: float,
    *,
    tells_wear: bool,
) -> StationState:
    """Return a station whose modes and wear go on ageing from where they were before the gap."""
    modes = dict(found.modes)
    for mode in spec.modes:
        known, seen = before.modes[mode.id], modes[mode.id]
        if known.status == seen.status == "running":
            ages = mode.clock == "calendar"
            # Work inside the gap is not known, so an operating age may be too low, never too high.
            worked_s = known.age.worked_s if ages else known.age.elapsed_s(before_s)
            since_s = known.age.since_s if ages else seen.age.since_s
            age = Clock(worked_s=worked_s, since_s=since_s)
            modes[mode.id] = seen.model_copy(update={"age": age, "count": known.count})
        elif known.status == seen.status:
            modes[mode.id] = known
        else:
            modes[mode.id] = seen.model_copy(update={"count": max(seen.count, known.count)})
    wear = found.wear
    if (
        wear is not None
        and before.wear is not None
        and (not tells_wear or wear.level == before.wear.level)
    ):
        wear = before.wear
    return found.model_copy(update={"modes": modes, "wear": wear})


def _needs_people(station: Station, mode: str) -> bool:
    return any(found.id == mode and (found.crew or found.skill) for found in station.modes)


def _numbers(routes: Routes, image: Image) -> list[int]:
    """Return every part the plant shows, and those that wait at sources by themselves."""
    shown = [part for buffer in routes.fed_by for part in image.parts(buffer)]
    for name in routes.line.flow_order:
        shown += [part for server in image.station(name).servers for part in server.parts]
    shown += [vehicle.part for _, vehicle in laden(routes, image)]
    for source in routes.sources:
        created, waiting = (image.count(source.id, key) for key in ("created", "waiting"))
        shown += [routes.number(source.id, n) for n in range(max(0, created - waiting), created)]
    return list(dict.fromkeys(shown))


def _identities(routes: Routes, image: Image, time_s: float) -> dict[int, Identity]:
    """Return what each visible part is: as shown, else by the sequence of orders."""
    known: dict[int, Identity] = {}
    orders = empty_state(routes.line, time_s).orders
    counts = {name: _Fed(True, 0) for name in orders}
    for name in routes.line.flow_order:
        for server in image.station(name).servers:
            if server.part != NO_PART and server.product in routes.names.products:
                order = server.order if server.order in orders else None
                known[server.part] = Identity(server.product, order)
    numbers = [number for number in _numbers(routes, image) if number not in known]
    fed = {number: found for number in numbers if (found := routes.source_of(number))}
    furthest = max(
        (count for source, count in fed.values() if source.arrivals == "orders"), default=-1
    )
    sequence = list(islice(routes.in_sequence(time_s), furthest + 1))
    for number in numbers:
        source_count = fed.get(number)
        by_order = source_count is not None and source_count[0].arrivals == "orders"
        if by_order and source_count and source_count[1] < len(sequence):
            order = sequence[source_count[1]]
            known[number] = Identity(routes.line.order(order).product, order, sure=False)
        else:
            guess = routes.identity(number, counts)
            known[number] = Identity(guess.product, guess.order, guess.sure)
    return known


class _Fed:
    """How far an order has come, for guesses."""

    def __init__(self, released: bool, created: int) -> None:
        self.released = released
        self.created = created


def _parts(
    routes: Routes, image: Image, known: dict[int, Identity], time_s: float
) -> list[PartState]:
    parts: dict[int, PartState] = {}
    for source in routes.sources:
        created, waiting = (image.count(source.id, key) for key in ("created", "waiting"))
        for n in range(max(0, created - waiting), created):
            number = routes.number(source.id, n)
            since_s = min(image.changed_s(source.id, "created"), time_s)
            parts[number] = new_part(number, known[number], source.id, since_s)
    for buffer in routes.fed_by:
        since_s = min(image.changed_s(buffer, "parts"), time_s)
        for number in image.parts(buffer):
            found = known[number]
            operation = routes.operation_at(found.product, buffer, 0, None) or 0
            parts[number] = new_part(number, found, buffer, since_s).model_copy(
                update={"operation": operation, "visits": operation}
            )
    for name in routes.line.flow_order:
        for k, server in enumerate(image.station(name).servers):
            for number in server.parts:
                part = new_part(number, known[number], name, min(server.part_s, time_s))
                part = _inside(routes, part, k, server, time_s)
                if number != server.part and part.status != "done":
                    # The first of a batch stands for all of it.
                    part = part.model_copy(update={"status": "waiting", "clock": None})
                parts[number] = part
    parts |= carried(routes, image, known, time_s)
    return [asking(part, routes, image) for part in parts.values()]


def _inside(
    routes: Routes, part: PartState, k: int, server: ServerView, time_s: float
) -> PartState:
    """Return a part in a server, as far as the server's state tells what happens to it."""
    entered_s, length = part.entered_s, routes.length(part.product)
    since_s = min(max(server.part_s, server.status_s), time_s)
    operation = server.operation
    if not 0 <= operation < length:
        operation = routes.operation_at(part.product, part.location, 0, None) or 0
    update: dict[str, object] = {"operation": operation, "server": k, "visits": operation + 1}
    update["kitted"] = bool(server.kit)
    if server.part == part.id:
        update["team"] = dict(Counter(server.team or ()))
    if server.phase:
        return part.model_copy(update=update | _in_phase(server, operation, time_s))
    if server.status is Status.PROCESSING:
        update |= {"status": "processing", "clock": Clock(since_s=since_s)}
    elif server.status is Status.SETUP:
        update |= {"status": "setup", "clock": Clock(since_s=since_s)}
    elif server.status is Status.BLOCKED:
        update |= {"status": "done", "done_s": since_s, "operation": min(operation + 1, length)}
    elif server.status in (Status.FAILED, Status.OFF):
        # A stop hides what the part was doing; most likely it was being worked on since it came.
        worked_s = max(0.0, since_s - entered_s)
        update |= {"status": "processing", "clock": Clock(worked_s=worked_s)}
    return part.model_copy(update=update)


def _in_phase(server: ServerView, operation: int, time_s: float) -> dict[str, object]:
    """Return what a phase says of the part on a server, the stop of a station left aside."""
    since_s = min(max(server.part_s, server.phase_s), time_s)
    if server.phase == "done":
        return {"status": "done", "done_s": since_s, "operation": operation + 1}
    stage = (PHASES.index(server.phase) >= _LOADED) + (PHASES.index(server.phase) >= _PROCESSED)
    if server.phase in ("waiting", "loaded", "processed"):
        return {"stage": stage}
    stands = server.status in (Status.FAILED, Status.OFF, Status.NO_OPERATOR)
    worked_s = max(0.0, min(server.status_s, time_s) - since_s) if stands else 0.0
    clock = Clock(worked_s=worked_s, since_s=None if stands else since_s)
    alone_s = min(server.status_s, time_s) if server.status is Status.NO_OPERATOR else None
    return {"status": server.phase, "clock": clock, "stage": stage, "asked_s": alone_s}


def _station(routes: Routes, spec: Station, view: StationView, time_s: float) -> StationState:
    modes = routes.names.modes[spec.id]
    named = [word for word in view.failed if word in modes]
    outside = [word for word in view.failed if word not in modes]
    working = any(server.status is Status.PROCESSING for server in view.servers)
    states = {}
    for mode in sorted(spec.failures, key=lambda mode: mode.id):
        if mode.id not in named:
            ageing = mode.clock == "calendar" or working
            states[mode.id] = ModeState(age=Clock(since_s=time_s if ageing else None))
            continue
        # With several at one time, the plant does not say which one is being repaired.
        repairing = view.repairing and mode.id == named[0]
        repair = Clock(since_s=min(view.repairing_s, time_s)) if repairing else None
        states[mode.id] = ModeState(
            status="repair" if repairing else "waiting",
            count=1,
            failed_s=min(view.failed_s, time_s),
            repair=repair,
        )
    for planned in sorted(spec.maintenance, key=lambda mode: mode.id):
        ageing = planned.clock == "calendar" or (planned.clock == "operating" and working)
        states[planned.id] = ModeState(age=Clock(since_s=time_s if ageing else None))
        if planned.id in view.due:
            goes_on = view.maintaining and planned.id == view.due[0]
            states[planned.id] = ModeState(
                status="repair" if goes_on else "due",
                count=1,
                repair=Clock(since_s=min(view.maintaining_s, time_s)) if goes_on else None,
            )
    wear = None
    if spec.wear is not None:
        used = spec.wear.clock == "calendar" or (spec.wear.clock == "operating" and working)
        wear = _worn(spec.wear, view.wear or 0, since_s=time_s if used else None)
    return StationState(
        on=view.on,
        setup_group=view.group,
        modes=states,
        outages=tuple(Outage(since_s=min(view.failed_s, time_s)) for _ in outside),
        finished=view.processed,
        wear=wear,
    )


def _worn(spec: Wear, level: int, since_s: float | None) -> WearState:
    """Return wear at a level; how long it has been there is not known."""
    clock = Clock(since_s=since_s) if level < len(spec.levels) else None
    return WearState(level=level, steps=level, clock=clock)


def _orders(
    routes: Routes,
    image: Image,
    known: dict[int, Identity],
    parts: list[PartState],
    time_s: float,
) -> dict[str, OrderState]:
    """Return how far each order has come, as the sequence of orders says."""
    fed = sum(
        image.count(source.id, "created")
        for source in routes.sources
        if source.arrivals == "orders"
    )
    created = Counter(islice(routes.in_sequence(time_s), fed))
    inside = Counter(part.order for part in parts)
    shown = Counter(identity.order for identity in known.values())
    made = {
        order.id: min(order.quantity, max(created[order.id], shown[order.id]))
        for order in routes.line.orders
    }
    gone = {name: max(0, count - inside[name]) for name, count in made.items()}
    scrapped = _shared(sum(image.station(name).scrapped for name in routes.line.flow_order), gone)
    return {
        order.id: OrderState(
            released=order.release_s < time_s or made[order.id] > 0,
            created=made[order.id],
            finished=gone[order.id] - scrapped[order.id],
            scrapped=scrapped[order.id],
        )
        for order in sorted(routes.line.orders, key=lambda order: order.id)
    }


def _shared(total: int, gone: dict[str, int]) -> dict[str, int]:
    """Return scrap by order in proportion to the parts gone: the plant counts it by station."""
    whole = sum(gone.values())
    shares, left, before = {}, min(total, whole), whole
    for name in sorted(gone):
        share = round(left * gone[name] / before) if before else 0
        shares[name] = min(share, gone[name])
        left, before = left - shares[name], before - gone[name]
    return shares
