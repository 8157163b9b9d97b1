"""How a plant differs from what its twin believes: stated, repeatable, unknown to the twin."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Self

from pydantic import Field, model_validator

from twin.engine.streams import Purpose, stream_key, uniform
from twin.line import AnyDistribution, Line, Product, Station, scaled
from twin.line.spec import Spec


class Range(Spec):
    """From the smallest to the greatest factor, evenly on a logarithmic scale."""

    low: float = Field(gt=0, le=100)
    """Smallest factor, no unit."""
    high: float = Field(gt=0, le=100)
    """Greatest factor, no unit."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise ValueError("high must not be below low")
        return self

    def at(self, u: float) -> float:
        """Return the factor at share ``u`` of the range."""
        return math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))


class StationGap(NamedTuple):
    """Factors of one station: the plant's true time over the time in the twin's file."""

    station: str
    processing_time: float
    time_to_failure: float
    time_to_repair: float


class RealityGap(Spec):
    """The true plant, as factors on the times that the twin's file states.

    Each station gets its own factors, drawn from the ranges by seed, station and kind of time
    alone: the same seed gives the same plant, and another station disturbs none of the others.
    """

    seed: int = Field(default=2026, ge=0, lt=2**63)
    """Seed of the factors."""
    processing_time: Range = Range(low=0.97, high=1.05)
    """Factor on processing times."""
    time_to_failure: Range = Range(low=0.80, high=1.10)
    """Factor on the age at failure."""
    time_to_repair: Range = Range(low=0.95, high=1.30)
    """Factor on the time repairs take."""

    @staticmethod
    def none() -> RealityGap:
        """Return a gap of nothing: the plant is as the twin's file says."""
        same = Range(low=1.0, high=1.0)
        return RealityGap(processing_time=same, time_to_failure=same, time_to_repair=same)

    def factors(self, line: Line) -> tuple[StationGap, ...]:
        """Return the factors of every station, by id."""
        return tuple(self._station(name) for name in sorted(item.id for item in line.stations))

    def apply(self, line: Line) -> Line:
        """Return the line as it truly is.

        Parameters
        ----------
        line : Line
            The line as the twin knows it.

        Returns
        -------
        Line
            With the same elements and names, so that events of one speak of the other.
        """
        gaps = {gap.station: gap for gap in self.factors(line)}
        stations = [_true_station(station, gaps[station.id]) for station in line.stations]
        products = [_true_product(product, gaps) for product in line.products]
        return line.changed({"stations": stations, "products": products})

    def report(self, line: Line) -> str:
        """Return the factors as a table for people."""
        width = max(len("station"), *(len(station.id) for station in line.stations))
        rows = [f"{'station':<{width}}  processing time  time to failure  time to repair"]
        rows += [
            f"{gap.station:<{width}}  {gap.processing_time:>14.3f}x  "
            f"{gap.time_to_failure:>14.3f}x  {gap.time_to_repair:>13.3f}x"
            for gap in self.factors(line)
        ]
        return "\n".join(rows)

    def _station(self, name: str) -> StationGap:
        def drawn(field: str, span: Range) -> float:
            key = stream_key(self.seed, f"{name}/{field}", Purpose.GAP)
            return span.at(float(uniform(key, 0, 0, 0)))

        return StationGap(
            name,
            drawn("processing_time", self.processing_time),
            drawn("time_to_failure", self.time_to_failure),
            drawn("time_to_repair", self.time_to_repair),
        )


def _times(distribution: AnyDistribution, factor: float) -> dict[str, Any]:
    true = distribution if factor == 1.0 else scaled(distribution, factor)
    return true.model_dump(mode="json")


def _true_station(station: Station, gap: StationGap) -> dict[str, Any]:
    document = station.model_dump(mode="json")
    for mode, written in zip(station.failures, document["failures"], strict=True):
        life = "cycles_to_failure" if mode.clock == "cycles" else "time_to_failure_s"
        written[life] = _times(mode.life, gap.time_to_failure)
        written["time_to_repair_s"] = _times(mode.time_to_repair_s, gap.time_to_repair)
    return document


def _true_product(product: Product, gaps: dict[str, StationGap]) -> dict[str, Any]:
    document = product.model_dump(mode="json")
    for operation, written in zip(product.routing, document["routing"], strict=True):
        own = operation.processing_time_by_station_s
        written["processing_time_by_station_s"] = {
            name: _times(own.get(name, operation.processing_time_s), gaps[name].processing_time)
            for name in operation.stations
        }
    return document
