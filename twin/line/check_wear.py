"""What must hold where stations wear."""

from __future__ import annotations

from twin.line.gathered import Parts
from twin.line.products import Product
from twin.line.reliability import Maintenance
from twin.line.stations import Station
from twin.line.wear import Wear


def wear(parts: Parts) -> None:
    """Note all findings about wear."""
    for station in parts.of("stations", Station):
        path = f"stations.{station.id}"
        for mode in station.maintenance:
            _trigger(parts, station, mode, f"{path}.maintenance.{mode.id}.at_level")
        if station.wear is not None:
            _names(parts, station, station.wear, f"{path}.wear")
            if parts.complete:
                _scrap(parts, station, station.wear, f"{path}.wear")


def _trigger(parts: Parts, station: Station, mode: Maintenance, path: str) -> None:
    if mode.at_level is None:
        return
    if station.wear is None:
        parts.add(path, "the station does not wear", remedy="add wear with levels")
        return
    last = len(station.wear.levels)
    if mode.at_level > last:
        parts.add(path, f"is {mode.at_level}, and the last level is {last}", f"1 to {last}")
    if mode.id not in station.wear.lowered_by:
        remedy = f"write lowered_by: {{{mode.id}: {last}}} at the wear"
        parts.add(path, "the maintenance takes no level off", remedy=remedy)


def _names(parts: Parts, station: Station, spec: Wear, path: str) -> None:
    failures = {mode.id for mode in station.failures}
    modes = {mode.id for mode in station.modes}
    for key, names, known in (
        ("ages", spec.ages, failures),
        ("lowered_by", spec.lowered_by, modes),
    ):
        for name in names:
            if name not in known:
                expected = f"one of: {', '.join(sorted(known)) or 'none: the station has none'}"
                parts.add(f"{path}.{key}", f"unknown failure or maintenance {name!r}", expected)
    for number, level in enumerate(spec.levels):
        if not level.after.expected_s() > 0:
            parts.add(f"{path}.levels.{number}", "is reached at once", "a mean above zero")


def _scrap(parts: Parts, station: Station, spec: Wear, path: str) -> None:
    """Find operations whose scrap and rework leave no room for that of a level."""
    worst = max(level.scrap_probability for level in spec.levels)
    for product in parts.of("products", Product):
        for step in product.routing:
            if station.id not in step.stations:
                continue
            again = step.rework.probability if step.rework else 0.0
            if step.scrap_probability + again + worst > 1:
                message = f"with scrap and rework of {product.id}/{step.id} the sum exceeds 1"
                parts.add(f"{path}.levels", message, "a sum of at most 1")
