"""What the compiled engine does not know of the work at a station, in the line's words."""

from __future__ import annotations

from collections.abc import Iterator

from twin.line import Failure, Line, Station


def declined(line: Line) -> Iterator[str]:
    """Yield the features of a line that only the reference engine runs."""
    for station in line.stations:
        yield from _station(station)
    for product in line.products:
        for operation in product.routing:
            at = f"of operation {operation.id!r} of product {product.id!r}"
            if operation.needs:
                yield f"people needed {at}"
            if operation.loads or operation.unloads:
                yield f"loading and unloading {at}"
    for crew in line.crews:
        if crew.calendar is not None:
            yield f"the calendar of crew {crew.id!r}"


def _station(station: Station) -> Iterator[str]:
    if station.needs:
        yield f"people needed at station {station.id!r}"
    for mode in station.modes:
        at = f"of {mode.id!r} at station {station.id!r}"
        if not isinstance(mode, Failure):
            yield f"maintenance {mode.id!r} of station {station.id!r}"
        elif mode.effect != "stop":
            yield f"the effect {mode.effect!r} {at}"
        if mode.clock == "cycles":
            yield f"the clock of cycles {at}"
        if mode.skill is not None or mode.people > 1:
            yield f"people by skill or number {at}"
