"""Random lines over every feature, with times that meet at one moment and times that do not.

Integer times make many events fall on one moment, tenths add rounding, continuous times neither;
zeros are mixed in. Lines are small: what goes wrong goes wrong with three stations.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from hypothesis import strategies as st

from twin.engine.options import DispatchPlan, Fault, SimulationOptions
from twin.line import (
    Batch,
    Buffer,
    CardLoop,
    JobOrder,
    Line,
    Operation,
    Product,
    Rework,
    Setup,
    Sink,
    Source,
    Station,
    Vehicles,
)
from twin.line.rules import DISPATCH_RULES
from twin.line.vehicles import Move
from twin.testing.station_strategies import (
    GRAINS,
    Grain,
    calendar_of,
    crew_of,
    failures_of,
    handling_of,
    maintenance_of,
    needs_of,
    number,
    times,
    wear_of,
)

Arrivals = Literal["unlimited", "interarrival", "orders"]
ARRIVALS: tuple[Arrivals, ...] = ("unlimited", "interarrival", "orders")
Routings = dict[str, tuple[Operation, ...]]
HORIZON_S = 400.0
"""Length of the runs that ``options_for`` asks for, s; shifts change a few times in it."""
BUFFERS = 3
CHOICES = ("preference", "preference", "shortest_queue", "round_robin", "probability")


def _setup(draw: st.DrawFn, grain: Grain, groups: list[str]) -> Setup | None:
    if draw(st.booleans()):
        return None
    matrix = {
        a: {b: number(draw, grain, 0, 9) for b in groups if b != a and draw(st.booleans())}
        for a in groups
    }
    return Setup(matrix_s=matrix, initial_group=draw(st.sampled_from([None, *groups])))


def _rule(draw: st.DrawFn) -> str | tuple[str, ...]:
    """Return a dispatch rule, now and then a list of two."""
    first = draw(st.sampled_from(DISPATCH_RULES))
    return first if draw(st.integers(0, 5)) else (first, draw(st.sampled_from(DISPATCH_RULES)))


def _batch(draw: st.DrawFn, grain: Grain) -> Batch | None:
    """Return a batch of two or three, now and then with an end to the waiting."""
    if draw(st.integers(0, 2)):
        return None
    return Batch(
        min=draw(st.integers(1, 2)),
        max=draw(st.integers(2, 3)),
        wait_s=draw(st.sampled_from([None, 0.0, number(draw, grain, 1, 20)])),
        alike=draw(st.sampled_from(["product", "group", "family", "any"])),
    )


def _grouped(
    draw: st.DrawFn, grain: Grain, routings: Routings, stations: list[Station]
) -> tuple[Routings, dict[str, str]]:
    """Return routings in which some parts become others, and the stock of the components.

    ``x0`` is what parts are split into or batched to, ``c0`` what they are put together with.
    """
    able = [station.id for station in stations if station.batch is None]
    batched = {s.id for s in stations if s.batch and s.batch.alike in {"any", "group"}}
    changed, stocks = dict(routings), {}
    name = draw(st.sampled_from(sorted(routings)))
    place = draw(st.integers(0, len(routings[name]) - 1))
    step = routings[name][place]
    more: dict[str, Any] = {}
    if not batched.intersection(step.stations) and draw(st.booleans()):
        more["makes"] = {"x0": draw(st.integers(1, 3))}
        changed["x0"] = (_simple(draw, grain, [s.id for s in stations]),)
    if set(step.stations) <= set(able) and draw(st.booleans()):
        more["components"] = {"c0": draw(st.integers(1, 2))}
        stocks["c0"] = "stock"
        made = draw(st.booleans())
        changed["c0"] = (_simple(draw, grain, [s.id for s in stations]),) if made else ()
    steps = list(routings[name])
    steps[place] = step.model_copy(update=more)
    changed[name] = tuple(steps)
    return changed, stocks


def _simple(draw: st.DrawFn, grain: Grain, stations: list[str]) -> Operation:
    name = draw(st.sampled_from(stations))
    return Operation(id="only", stations=(name,), processing_time_s=draw(times(grain)))


def _station(
    draw: st.DrawFn,
    name: str,
    grain: Grain,
    groups: list[str],
    has: dict[str, list[str]],
    entrance: dict[str, str | None],
) -> Station:
    servers = draw(st.sampled_from([1, 1, 2, 3]))
    failures = failures_of(draw, grain, has)
    maintenance = maintenance_of(draw, grain, failures, has)
    wear, maintenance = wear_of(draw, grain, failures, maintenance)
    return Station(
        id=name,
        servers=servers,
        input_buffer=entrance[name],
        dispatch_rule=_rule(draw),
        batch=_batch(draw, grain) if entrance[name] and has["groups"] else None,
        setup=_setup(draw, grain, groups) if servers == 1 else None,
        failures=failures,
        maintenance=maintenance,
        wear=wear,
        needs=needs_of(draw, has),
        claim=float(draw(st.integers(0, 1))),
        calendar=draw(st.sampled_from([None, *has["calendars"]])),
        at_shift_end=draw(st.sampled_from(["stop", "finish"])),
        while_down=draw(st.sampled_from(["passes", "passes", "closed"])),
    )


def _choice(draw: st.DrawFn, able: list[str], entrance: dict[str, str | None]) -> str:
    """Return how to choose among stations; those with one entrance leave no choice."""
    named = [entrance[name] for name in able if entrance[name]]
    if len(able) == 1 or len(set(named)) < len(named):
        return "preference"
    return draw(st.sampled_from(CHOICES))


def _limit(draw: st.DrawFn, k: int, grain: Grain) -> dict[str, Any]:
    """Return a longest wait for an operation, now and then."""
    if draw(st.integers(0, 5)) > 0:
        return {}
    back = f"op{draw(st.integers(0, k - 1))}" if k and draw(st.booleans()) else None
    return {"max_wait_s": number(draw, grain, 1, 20), "max_wait_to": back}


def _routing(
    draw: st.DrawFn,
    grain: Grain,
    stations: list[str],
    entrance: dict[str, str | None],
) -> tuple[Operation, ...]:
    steps: list[Operation] = []
    for k in range(draw(st.integers(1, 4))):
        able = draw(st.lists(st.sampled_from(stations), min_size=1, max_size=2, unique=True))
        rework = None
        if draw(st.integers(0, 2)) == 0:
            rework = Rework(
                probability=draw(st.sampled_from([0.1, 0.5])),
                to=f"op{draw(st.integers(0, k))}",
                limit=draw(st.integers(1, 3)),
            )
        own = {able[-1]: draw(times(grain))} if draw(st.integers(0, 3)) == 0 else {}
        choice = _choice(draw, able, entrance)
        steps.append(
            Operation(
                id=f"op{k}",
                stations=tuple(able),
                choice=choice,
                weights=dict(zip(able, (1.0, 2.0), strict=False))
                if choice == "probability"
                else {},
                # The first time is above zero, so that no part goes round for nothing.
                processing_time_s=draw(times(grain, zero=k > 0 and rework is None)),
                processing_time_by_station_s=own,
                **_limit(draw, k, grain),
                load_time_s=handling_of(draw, grain),
                unload_time_s=handling_of(draw, grain),
                scrap_probability=draw(st.sampled_from([0.0, 0.0, 0.2])),
                rework=rework,
            )
        )
    return tuple(steps)


def _loops(draw: st.DrawFn, places: list[str], products: list[str]) -> tuple[CardLoop, ...]:
    """Return a loop or two of cards, over the whole line or a stretch of it."""
    return tuple(
        CardLoop(
            id=f"l{k}",
            cards=draw(st.integers(2, 5)),
            places=draw(st.sampled_from([(), tuple(places[: len(places) // 2])])),
            products=draw(st.sampled_from([(), (products[0],)])),
        )
        for k in range(draw(st.sampled_from([0, 0, 0, 1, 2])))
    )


def _vehicles(
    draw: st.DrawFn, grain: Grain, sources: tuple[Source, ...], stations: tuple[Station, ...]
) -> tuple[Vehicles, ...]:
    """Return a pool of vehicles now and then, for what leaves a place, comes to one, or both."""
    if draw(st.integers(0, 2)) > 0:
        return ()
    origins = [*(source.id for source in sources), *(station.id for station in stations)]
    # No part may come to some of them, but to the sink some part always does.
    goals = sorted({station.input_buffer or station.id for station in stations})
    move = draw(
        st.sampled_from(
            [
                *(Move(out_of=(name,)) for name in origins),
                *(Move(into=(name, "out")) for name in goals),
                Move(out_of=tuple(origins)),
            ]
        )
    )
    return (
        Vehicles(
            id="agv",
            count=draw(st.integers(1, 3)),
            moves=(move,),
            speed_m_per_s=draw(st.sampled_from([0.5, 1.0, 3.0])),
            default_distance_m=number(draw, grain, 0, 9),
            load_time_s=handling_of(draw, grain),
            unload_time_s=handling_of(draw, grain),
            home=draw(st.sampled_from(origins)),
            when_idle=draw(st.sampled_from(["stay", "home"])),
        ),
    )


def _first_s(draw: st.DrawFn, grain: Grain) -> float | None:
    """Return when the first part comes; mostly by chance."""
    return number(draw, grain, 0, 20) if draw(st.integers(0, 3)) == 0 else None


def _sources(draw: st.DrawFn, grain: Grain, products: list[str]) -> tuple[Source, ...]:
    kinds: list[Arrivals] = draw(
        st.lists(st.sampled_from(ARRIVALS), min_size=1, max_size=2).filter(
            lambda found: found.count("orders") <= 1
        )
    )
    return tuple(
        Source(
            id=f"from{k}",
            arrivals=kind,
            interarrival_s=draw(times(grain, 2, 12)) if kind == "interarrival" else None,
            first_s=_first_s(draw, grain) if kind == "interarrival" else None,
            products={} if kind == "orders" else dict.fromkeys(products, 1.0),
        )
        for k, kind in enumerate(kinds)
    )


def _orders(
    draw: st.DrawFn, grain: Grain, products: list[str], *, wanted: bool
) -> tuple[JobOrder, ...]:
    found = []
    for k in range(draw(st.integers(1, 4)) if wanted else 0):
        release_s = number(draw, grain, 0, 90)
        due_s = draw(st.sampled_from([None, release_s + 50.0, release_s + 120.0]))
        found.append(
            JobOrder(
                id=f"o{k}",
                product=products[0] if k == 0 else draw(st.sampled_from(products)),
                quantity=draw(st.integers(1, 12)),
                release_s=release_s,
                due_date_s=due_s,
                priority=float(draw(st.integers(1, 2))),
            )
        )
    return tuple(found)


@st.composite
def lines(draw: st.DrawFn, grain: Grain | None = None, *, grouped: bool = True) -> Line:
    """Return random lines: every feature may be there, none has to.

    Parameters
    ----------
    grain : {"integer", "tenth", "continuous"}, optional
        Where times fall; none: any of the three.
    grouped : bool
        Whether parts may become others: batches, assembly, splitting.
    """
    falls: Grain = draw(st.sampled_from(GRAINS)) if grain is None else grain
    names = [f"s{k}" for k in range(draw(st.integers(1, 4)))]
    products = [f"p{k}" for k in range(draw(st.integers(1, 2)))]
    groups = [f"g{k}" for k in range(draw(st.integers(1, len(products))))]
    has = {
        "buffers": [f"b{k}" for k in range(draw(st.integers(0, BUFFERS)))],
        "crews": ["c0", "c1"][: draw(st.integers(0, 2))],
        "calendars": ["hours"] if draw(st.integers(0, 2)) == 0 else [],
        "groups": ["some"] if grouped and draw(st.booleans()) else [],
    }
    entrance = {name: draw(st.sampled_from([None, *has["buffers"]])) for name in names}
    routings = {name: _routing(draw, falls, names, entrance) for name in products}
    used = sorted({name for steps in routings.values() for s in steps for name in s.stations})
    stations = tuple(_station(draw, name, falls, groups, has, entrance) for name in used)
    stocks: dict[str, str] = {}
    if has["groups"]:
        routings, stocks = _grouped(draw, falls, routings, list(stations))
    sources = _sources(draw, falls, [*products, *stocks])
    endless = any(source.arrivals == "unlimited" for source in sources)
    taken = sorted({s.input_buffer for s in stations if s.input_buffer})
    smallest = max([1, *(s.batch.min for s in stations if s.batch)])
    capacities: list[Any] = [*range(smallest, 4), *([] if endless else [None])]
    buffers = [
        Buffer(
            id=name,
            capacity=draw(st.sampled_from(capacities)),
            transit_time_s=draw(st.sampled_from([0.0, 0.0, 0.0, 4.0, 7.3])),
        )
        for name in taken
    ]
    group_of = dict(zip(products, groups * 2, strict=False))
    return Line(
        id="random",
        start=datetime(2026, 1, 5, 6),  # noqa: DTZ001 - wall clock of the line's own zone
        sources=sources,
        stations=stations,
        buffers=(*buffers, *(Buffer(id=name, capacity=3) for name in stocks.values())),
        sinks=(Sink(id="out"),),
        products=tuple(
            Product(
                id=name,
                setup_group=group_of.get(name, groups[0]),
                routing=routings[name],
                stock=stocks.get(name),
            )
            for name in sorted(routings)
        ),
        loops=_loops(draw, [*used, *taken, *stocks.values()], sorted(routings)),
        vehicles=_vehicles(draw, falls, sources, stations),
        crews=tuple(crew_of(draw, name, has) for name in has["crews"]),
        calendars=tuple(calendar_of(draw) for _ in has["calendars"]),
        orders=_orders(
            draw,
            falls,
            [*stocks, *products],
            wanted=any(s.arrivals == "orders" for s in sources),
        ),
    )


@st.composite
def options_for(draw: st.DrawFn, line: Line, *, faults: bool = True) -> SimulationOptions:
    """Return options for a run of a random line, with supposed stops and a plan now and then."""
    planned, stopped = draw(st.booleans()), draw(st.integers(0, 2)) == 0
    return SimulationOptions(
        horizon_s=HORIZON_S,
        warm_up_s=draw(st.sampled_from([0.0, 50.0])),
        seed=draw(st.integers(0, 2**31)),
        antithetic=draw(st.booleans()),
        faults=_faults(draw, line) if faults and stopped else (),
        plan=_plan(draw, line) if line.orders and planned else None,
    )


def _faults(draw: st.DrawFn, line: Line) -> tuple[Fault, ...]:
    return tuple(
        Fault(
            station=draw(st.sampled_from(line.flow_order)),
            after_s=draw(st.sampled_from([0.0, 30.0, 60.0, 100.0, 33.3])),
            duration_s=draw(st.sampled_from([10.0, 60.0, 0.1, 240.0])),
        )
        for _ in range(draw(st.integers(1, 3)))
    )


def _plan(draw: st.DrawFn, line: Line) -> DispatchPlan:
    orders = [order.id for order in line.orders]
    choices = {
        f"{order.id}/{step.id}": step.stations
        for order in line.orders
        for step in line.product(order.product).routing
    }
    return DispatchPlan(
        release=tuple(draw(st.permutations(orders))),
        sequence={
            name: tuple(draw(st.permutations(orders)))
            for name in line.flow_order
            if draw(st.booleans())
        },
        assignment={
            key: draw(st.sampled_from(found))
            for key, found in choices.items()
            if draw(st.booleans())
        },
    )


def moments(horizon_s: float = HORIZON_S) -> st.SearchStrategy[float]:
    """Return moments inside a run: whole ones, on which much happens, and any others."""
    whole = st.integers(1, int(horizon_s) - 1).map(float)
    return whole | st.floats(1.0, horizon_s - 1.0, allow_subnormal=False)
