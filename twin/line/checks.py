"""What must hold between the parts of a line. Every finding is collected, none is raised here."""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

from twin.errors import Finding
from twin.line.calendars import Calendar
from twin.line.check_grouping import grouping
from twin.line.check_wear import wear
from twin.line.control import CardLoop, loops
from twin.line.gathered import Parts
from twin.line.orders import JobOrder
from twin.line.products import Operation, Product
from twin.line.reliability import Failure, Maintenance
from twin.line.stations import Buffer, Setup, Sink, Source, Station
from twin.line.vehicles import Vehicles, vehicles
from twin.line.workforce import Crew, Need

SECTIONS: dict[str, type] = {
    "sources": Source,
    "stations": Station,
    "buffers": Buffer,
    "sinks": Sink,
    "products": Product,
    "loops": CardLoop,
    "vehicles": Vehicles,
    "crews": Crew,
    "calendars": Calendar,
    "orders": JobOrder,
}
"""The lists of a line document and what stands in them."""
PLACES = ("sources", "stations", "buffers", "sinks", "vehicles")
"""Sections whose ids share one name space, because events name them."""


def check(parts: Parts) -> list[Finding]:
    """Return all findings about how the parts fit together, in document order."""
    _unique(parts)
    _not_empty(parts)
    for source in parts.of("sources", Source):
        _source(parts, source)
    for station in parts.of("stations", Station):
        _station(parts, station)
    for crew in parts.of("crews", Crew):
        parts.known("calendars", crew.calendar, f"crews.{crew.id}.calendar", "calendar")
    for product in parts.of("products", Product):
        _product(parts, product)
    for order in parts.of("orders", JobOrder):
        parts.known("products", order.product, f"orders.{order.id}.product", "product")
    grouping(parts)
    loops(parts)
    wear(parts)
    if parts.complete:
        _connected(parts)
        if not parts.findings:
            vehicles(parts)  # looks at all ways of the routings, which must fit first
    return parts.findings


def choice_findings(parts: Parts, operation: Operation, path: str) -> None:
    """Look at how an operation chooses among its stations."""
    weights = operation.weights
    if (operation.choice == "probability") != bool(weights):
        message = "weights go with choice: probability, and only with it"
        parts.add(f"{path}.weights", message, "a weight for each station")
    elif weights:
        for name in sorted(set(weights) ^ set(operation.stations)):
            parts.add(f"{path}.weights.{name}", "weights and stations differ", "one weight each")
        if not sum(weights.values()) > 0:
            parts.add(f"{path}.weights", "they are all zero", "a weight above zero")
    if operation.choice == "preference" or not parts.complete:
        return
    inputs = {station.id: station.input_buffer for station in parts.of("stations", Station)}
    named = [inputs.get(name) for name in operation.stations]
    for buffer, count in Counter(name for name in named if name).items():
        if count > 1:
            parts.add(
                f"{path}.choice",
                f"{count} stations take from {buffer!r}, so the one that is free first decides",
                "choice: preference, or an input buffer for each station",
                "give each station an input_buffer of its own",
            )


def _unique(parts: Parts) -> None:
    for section in SECTIONS:
        for name, count in Counter(parts.ids.get(section, ())).items():
            if count > 1:
                parts.add(f"{section}.{name}", f"id used {count} times", remedy="rename one")
    seen: dict[str, str] = {}
    for section in PLACES:
        for name in dict.fromkeys(parts.ids.get(section, ())):
            if name in seen:
                message = f"id {name!r} is also the id of one of the {seen[name]}"
                parts.add(f"{section}.{name}", message, remedy="rename one of the two")
            seen.setdefault(name, section)


def _not_empty(parts: Parts) -> None:
    for section in ("sources", "stations", "sinks", "products"):
        if not parts.ids.get(section):
            parts.add(section, "the line has none", "at least one", f"add one to {section}")


def _source(parts: Parts, source: Source) -> None:
    path = f"sources.{source.id}"
    for name in source.products:
        parts.known("products", name, f"{path}.products.{name}", "product")
    if source.interarrival_s is not None and not source.interarrival_s.expected_s() > 0:
        parts.add(
            f"{path}.interarrival_s",
            "parts would come without end at one time",
            "a mean above zero",
        )
    if source.arrivals == "orders":
        if source.products:
            parts.add(f"{path}.products", "products come with the orders", remedy="remove it")
    elif not source.products and len(parts.ids.get("products", ())) > 1:
        names = ", ".join(parts.ids["products"])
        parts.add(
            f"{path}.products",
            "the line has several products and this source names none",
            f"weights for some of: {names}",
            "write e.g. products: {" + parts.ids["products"][0] + ": 1}",
        )


def _station(parts: Parts, station: Station) -> None:
    path = f"stations.{station.id}"
    parts.known("buffers", station.input_buffer, f"{path}.input_buffer", "buffer")
    parts.known("calendars", station.calendar, f"{path}.calendar", "calendar")
    _modes(parts, station, path)
    for position, need in enumerate(station.needs):
        _need(parts, need, f"{path}.needs.{position}")
    if station.setup and station.servers > 1:
        parts.add(
            f"{path}.setup",
            f"{station.servers} servers would share one setup",
            "servers: 1",
            "write the servers as stations of their own with one input_buffer",
        )
    if station.setup:
        _setup(parts, station.setup, path)


def _modes(parts: Parts, station: Station, path: str) -> None:
    """Check failures and maintenance: names, people, what they renew, that they ever end."""
    for name, count in Counter(mode.id for mode in station.modes).items():
        if count > 1:
            parts.add(f"{path}.failures.{name}", f"id used {count} times", remedy="rename one")
    for mode in station.modes:
        kind = "failures" if isinstance(mode, Failure) else "maintenance"
        here = f"{path}.{kind}.{mode.id}"
        if mode.crew is not None or mode.skill is not None:
            need = Need(crew=mode.crew, skill=mode.skill, count=mode.people)
            _need(parts, need, here, "people")
        if mode.life is not None and not mode.life.expected_s() > 0:
            what = "fails without ever running" if kind == "failures" else "is due without end"
            parts.add(here, what, "a mean above zero")
        if isinstance(mode, Maintenance):
            parts.known("calendars", mode.calendar, f"{here}.calendar", "calendar")
            known = sorted(failure.id for failure in station.failures)
            for name in mode.renews:
                if name not in known:
                    expected = f"one of: {', '.join(known) or 'none: the station has no failures'}"
                    parts.add(f"{here}.renews", f"unknown failure {name!r}", expected)


def _need(parts: Parts, need: Need, path: str, field_name: str = "count") -> None:
    """Check that the people of a need exist, and that there are as many of them."""
    parts.known("crews", need.crew, f"{path}.crew", "crew")
    if not parts.complete:
        return
    crews = [
        crew
        for crew in parts.of("crews", Crew)
        if (crew.id == need.crew if need.crew is not None else need.skill in crew.skills)
    ]
    if need.skill is not None and not crews:
        known = sorted({skill for crew in parts.of("crews", Crew) for skill in crew.skills})
        expected = f"one of: {', '.join(known) or 'none: no crew has skills'}"
        parts.add(f"{path}.skill", f"no crew has the skill {need.skill!r}", expected)
    size = sum(crew.size for crew in crews)
    if crews and need.count > size:
        message = f"{need.count} are needed and there are {size}"
        parts.add(f"{path}.{field_name}", message, f"at most {size}", "enlarge the crew")


def _setup(parts: Parts, setup: Setup, path: str) -> None:
    if parts.complete:
        groups = {product.group for product in parts.of("products", Product)}
        matrix = setup.matrix_s
        named = set(matrix).union(*matrix.values()) if matrix else set()
        if setup.initial_group is not None and setup.initial_group not in groups | named:
            parts.add(
                f"{path}.setup.initial_group",
                f"no product is of setup group {setup.initial_group!r}",
                f"one of: {', '.join(sorted(groups))}",
            )
        for name in sorted(named - groups):
            parts.add(
                f"{path}.setup.matrix_s.{name}",
                f"no product is of setup group {name!r}",
                f"one of: {', '.join(sorted(groups))}",
                "rename it or remove it",
            )


def _product(parts: Parts, product: Product) -> None:
    path = f"products.{product.id}"
    parts.known("sinks", product.sink, f"{path}.sink", "sink")
    if product.sink is None and product.stock is None and len(parts.ids.get("sinks", ())) > 1:
        sinks = ", ".join(sorted(parts.ids["sinks"]))
        parts.add(f"{path}.sink", "the line has several sinks", f"one of: {sinks}", "add sink")
    names = [operation.id for operation in product.routing]
    for name, count in Counter(names).items():
        if count > 1:
            parts.add(f"{path}.routing.{name}", f"id used {count} times", remedy="rename one")
    for position, operation in enumerate(product.routing):
        _operation(parts, operation, names[: position + 1], f"{path}.routing.{operation.id}")


def _operation(parts: Parts, operation: Operation, so_far: list[str], path: str) -> None:
    for name in operation.stations:
        parts.known("stations", name, f"{path}.stations", "station")
    if len(set(operation.stations)) < len(operation.stations):
        parts.add(f"{path}.stations", "a station is named twice", remedy="name each once")
    for name in operation.processing_time_by_station_s:
        if name not in operation.stations:
            parts.add(
                f"{path}.processing_time_by_station_s.{name}",
                f"station {name!r} is not among the stations of this operation",
                f"one of: {', '.join(operation.stations)}",
            )
    choice_findings(parts, operation, path)
    _wait(parts, operation, so_far[:-1], path)
    for position, need in enumerate(operation.needs):
        _need(parts, need, f"{path}.needs.{position}")
    rework = operation.rework
    if rework is None:
        return
    if rework.to not in so_far:
        parts.add(
            f"{path}.rework.to",
            f"{rework.to!r} is not this operation nor one before it",
            f"one of: {', '.join(so_far)}",
        )
    if rework.probability + operation.scrap_probability > 1:
        parts.add(path, "scrap and rework together exceed 1", "a sum of at most 1")


def _wait(parts: Parts, operation: Operation, earlier: list[str], path: str) -> None:
    if operation.max_wait_to is None:
        return
    if operation.max_wait_to not in earlier:
        parts.add(
            f"{path}.max_wait_to",
            f"{operation.max_wait_to!r} is not an operation before this one",
            f"one of: {', '.join(earlier) or 'none, as this is the first'}",
        )
    if operation.max_wait_s is None:
        parts.add(f"{path}.max_wait_to", "there is no limit", remedy="add max_wait_s")


def _connected(parts: Parts) -> None:
    """Every buffer feeds a station; every source with orders has orders and the reverse."""
    used = {station.input_buffer for station in parts.of("stations", Station)}
    used |= {product.stock for product in parts.of("products", Product)}
    for buffer in parts.of("buffers", Buffer):
        if buffer.id not in used:
            parts.add(
                f"buffers.{buffer.id}",
                "no station takes parts from it",
                remedy="name it as the input_buffer of a station or the stock of a product, "
                "or remove it",
            )
    visited = {
        name
        for product in parts.of("products", Product)
        for operation in product.routing
        for name in operation.stations
    }
    for station in parts.of("stations", Station):
        if station.id not in visited:
            parts.add(
                f"stations.{station.id}",
                "no routing visits it",
                remedy="add it to an operation of a product, or remove it",
            )
    feeding = [source.id for source in parts.of("sources", Source) if source.arrivals == "orders"]
    if len(feeding) > 1:
        parts.add(
            f"sources.{feeding[1]}.arrivals",
            f"{feeding[0]!r} makes the orders already",
            "one source with arrivals: orders",
            "give the others arrivals of their own",
        )
    if parts.ids.get("orders") and not feeding:
        parts.add(
            "orders",
            "no source makes orders, so none would ever be made",
            "a source with arrivals: orders",
            "set arrivals: orders on the source that should make them",
        )
    _bounded(parts)


def _bounded(parts: Parts) -> None:
    """Find endless supplies whose entrance never fills up."""
    unlimited = {buffer.id for buffer in parts.of("buffers", Buffer) if buffer.capacity is None}
    entrance = {station.id: station.input_buffer for station in parts.of("stations", Station)}
    routings = {product.id: product.routing for product in parts.of("products", Product)}
    for source in parts.of("sources", Source):
        if source.arrivals != "unlimited":
            continue
        for product in source.products or routings:
            for station in routings[product][0].stations if routings.get(product) else ():
                place = entrance.get(station)
                if place in unlimited and not any(
                    loop.covers(place, product) for loop in parts.of("loops", CardLoop)
                ):
                    parts.add(
                        f"sources.{source.id}.arrivals",
                        f"an endless supply would fill buffer {place!r} for ever",
                        "a capacity on that buffer, or arrivals with times between them",
                        f"add capacity to buffers.{place}",
                    )


def zone_findings(name: str) -> list[Finding]:
    """Return a finding if ``name`` is no IANA time zone."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return [
            Finding("time_zone", f"unknown time zone {name!r}", "an IANA name such as Asia/Bangkok")
        ]
    return []
