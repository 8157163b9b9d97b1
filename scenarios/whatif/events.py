"""What happens to a line at a given time: events in the planner's words.

Each event becomes what the engine knows: changes to the line, or faults of the run.

- ``breakdown``: the station stands still; ``slowdown``: it works slower.
- ``drift``: its processing times grow evenly up to ``factor`` and stay there.
- ``operator_absent``: so many people of a crew are not there; who is at work ends it first. At a
  station that needs nobody, the one who is meant is the one who minds it, and it stands still.
- ``material_late``: nothing enters from a source; what would have come waits there.
- ``rush_order``: one more order, before all others once the one under way has entered.
- ``demand``: more or fewer parts: quantities of orders, and arrivals per time.
- ``extra_shift``: one more shift in a calendar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from twin.engine.options import Absence, Fault, Shortage
from twin.errors import Finding
from twin.line import Line
from twin.line.calendars import ClockTime, Day
from twin.line.spec import Id, Spec
from twin.units import Duration, PositiveDuration

DRIFT_STEPS = 12
"""Steps in which a drift grows."""
FIRST_PRIORITY = 1e6
"""Priority of a rush order; above any that is usual."""


class Event(Spec):
    """Something that happens."""

    @property
    def begins_s(self) -> float:
        """When it begins, s after the beginning of the run."""
        return float(getattr(self, "after_s", 0.0))

    def wrong(self, line: Line) -> Iterator[Finding]:
        """Yield what does not fit the line; paths are fields of the event."""
        for field, section in (("station", "stations"), ("source", "sources"), ("crew", "crews"),
                               ("product", "products"), ("calendar", "calendars")):  # fmt: skip
            name = getattr(self, field, None)
            known = sorted(item.id for item in getattr(line, section))
            if name is not None and name not in known:
                listed = f"one of: {', '.join(known) or 'none'}"
                yield Finding(field, f"unknown {field} {name!r}", listed)

    def changes(self, line: Line, begin_s: float) -> dict[str, Any]:  # noqa: ARG002 - for others
        """Return the changes to the line; ``begin_s`` is where the run begins, on its clock."""
        return {}

    def faults(self, line: Line, horizon_s: float) -> tuple[Fault, ...]:  # noqa: ARG002 - for others
        """Return the faults of a run of ``horizon_s``."""
        return ()

    def absences(self, line: Line) -> tuple[Absence, ...]:  # noqa: ARG002 - for others
        """Return who is away."""
        return ()

    def shortages(self) -> tuple[Shortage, ...]:
        """Return what is short."""
        return ()


class Timed(Event):
    """An event that lasts for a while."""

    after_s: Duration = 0.0
    """When it begins, s after the beginning of the run."""
    duration_s: PositiveDuration
    """How long it lasts, s."""


class Breakdown(Timed):
    """A station stands still."""

    kind: Literal["breakdown"]
    """What it is."""
    station: Id
    """Where."""

    def faults(self, line: Line, horizon_s: float) -> tuple[Fault, ...]:  # noqa: ARG002 - for others
        """Return the breakdown."""
        return (Fault(station=self.station, after_s=self.after_s, duration_s=self.duration_s),)


class OperatorAbsent(Timed):
    """People are not there."""

    kind: Literal["operator_absent"]
    """What it is."""
    crew: Id | None = None
    """Crew that they belong to."""
    station: Id | None = None
    """In place of a crew: the station whose operator is away."""
    people: int = Field(default=1, ge=1, le=1000)
    """How many people."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.crew is None) == (self.station is None):
            raise ValueError("give a crew or a station")
        return self

    def wrong(self, line: Line) -> Iterator[Finding]:
        """Yield what does not fit the line."""
        found = list(super().wrong(line))
        yield from found
        if found:
            return
        crews = self._crews(line)
        if len(crews) > 1:
            message = f"people of several crews work at {self.station!r}"
            named = f"one of: {', '.join(crews)}"
            yield Finding("station", message, named, "name the crew in place of the station")
        elif crews and self.people > line.crew(crews[0]).size:
            size = line.crew(crews[0]).size
            message = f"{self.people} of crew {crews[0]!r} cannot be away"
            yield Finding("people", message, f"at most {size}")

    def faults(self, line: Line, horizon_s: float) -> tuple[Fault, ...]:  # noqa: ARG002 - for others
        """Return the stop of a station that is minded by somebody whom the line does not name."""
        if self.station is None or self._crews(line):
            return ()
        return (Fault(station=self.station, after_s=self.after_s, duration_s=self.duration_s),)

    def absences(self, line: Line) -> tuple[Absence, ...]:
        """Return who is away."""
        return tuple(
            Absence(crew=crew, people=self.people, after_s=self.after_s, duration_s=self.duration_s)
            for crew in self._crews(line)
        )

    def _crews(self, line: Line) -> list[str]:
        """Return whose people are meant."""
        return [self.crew] if self.crew else working_at(line, self.station or "")


def working_at(line: Line, station: str) -> list[str]:
    """Return the crews whose people work on parts at a station, by name."""
    needs = list(line.station(station).needs)
    for product in line.products:
        for operation in product.routing:
            needs += operation.needs if station in operation.stations else ()
    return [
        crew.id
        for crew in sorted(line.crews, key=lambda crew: crew.id)
        if any(crew.id == need.crew or need.skill in crew.skills for need in needs)
    ]


class Slowdown(Timed):
    """A station works slower, at once or more and more."""

    kind: Literal["slowdown", "drift"]
    """``slowdown``: from one moment to the next, and over after ``duration_s``; ``drift``: evenly
    over ``duration_s``, and it stays."""
    station: Id
    """Where."""
    factor: float = Field(gt=0, le=1000)
    """Times this on processing times, at the end of a drift; no unit."""

    def faults(self, line: Line, horizon_s: float) -> tuple[Fault, ...]:  # noqa: ARG002 - for others
        """Return the slowdown, or the steps of the drift."""
        if self.kind == "slowdown":
            return (self._slow(self.after_s, self.duration_s, self.factor),)
        step_s = self.duration_s / DRIFT_STEPS
        steps = [
            self._slow(self.after_s + k * step_s, step_s,
                       1 + (self.factor - 1) * (k + 0.5) / DRIFT_STEPS)
            for k in range(DRIFT_STEPS)
        ]  # fmt: skip
        rest_s = horizon_s - self.after_s - self.duration_s
        if rest_s > 0:
            steps.append(self._slow(self.after_s + self.duration_s, rest_s, self.factor))
        return tuple(step for step in steps if step.after_s < horizon_s)

    def _slow(self, after_s: float, duration_s: float, factor: float) -> Fault:
        return Fault(
            station=self.station, kind="slowdown", after_s=after_s, duration_s=duration_s,
            factor=factor,
        )  # fmt: skip


class MaterialLate(Timed):
    """Nothing comes from a source for a while."""

    kind: Literal["material_late"]
    """What it is."""
    source: Id
    """Which material."""

    def shortages(self) -> tuple[Shortage, ...]:
        """Return the shortage."""
        return (Shortage(source=self.source, after_s=self.after_s, duration_s=self.duration_s),)


class RushOrder(Event):
    """An order that comes in and goes before all others."""

    kind: Literal["rush_order"]
    """What it is."""
    id: Id = "rush"
    """Name of the order, new in the line."""
    product: Id
    """What is made."""
    quantity: int = Field(ge=1, le=10_000_000)
    """Parts."""
    after_s: Duration = 0.0
    """When it comes in, s after the beginning of the run."""
    due_in_s: PositiveDuration | None = None
    """When its last part should be finished, s after it came in; none: no due date."""
    priority: float = FIRST_PRIORITY
    """Weight; a higher one is more urgent."""

    def wrong(self, line: Line) -> Iterator[Finding]:
        """Yield what does not fit the line."""
        yield from super().wrong(line)
        if any(order.id == self.id for order in line.orders):
            yield Finding("id", f"order {self.id!r} is there already", "a new name")
        if not any(source.arrivals == "orders" for source in line.sources):
            message = "no source of the line works by orders"
            yield Finding("kind", message, "a source with arrivals: orders")

    def changes(self, line: Line, begin_s: float) -> dict[str, Any]:  # noqa: ARG002 - for others
        """Return the order, on the line's clock."""
        release_s = begin_s + self.after_s
        due_s = None if self.due_in_s is None else release_s + self.due_in_s
        return {
            f"orders.{self.id}": {
                "product": self.product, "quantity": self.quantity, "release_s": release_s,
                "due_date_s": due_s, "priority": self.priority,
            }
        }  # fmt: skip


class Demand(Event):
    """More or fewer parts are wanted."""

    kind: Literal["demand"]
    """What it is."""
    factor: float = Field(gt=0, le=1000)
    """Times this on what is wanted, e.g. 1.15 for 15 % more."""

    def wrong(self, line: Line) -> Iterator[Finding]:
        """Yield a finding for a line that makes all that it can."""
        yield from super().wrong(line)
        if not self.changes(line, 0.0):
            message = "the line has neither orders nor arrivals; it makes all that it can"
            yield Finding("kind", message, "orders, or a source with interarrival_s")

    def changes(self, line: Line, begin_s: float) -> dict[str, Any]:  # noqa: ARG002 - for others
        """Return larger orders and shorter times between arrivals."""
        found: dict[str, Any] = {
            f"sources.{source.id}.interarrival_s": {"times": 1 / self.factor}
            for source in line.sources
            if source.interarrival_s is not None
        }
        if any(source.arrivals == "orders" for source in line.sources):
            found |= {
                f"orders.{order.id}.quantity": max(1, int(order.quantity * self.factor + 0.5))
                for order in line.orders
            }
        return found


class ExtraShift(Event):
    """One more shift is worked."""

    kind: Literal["extra_shift"]
    """What it is."""
    calendar: Id
    """Calendar that gets it."""
    start: ClockTime
    """When it begins, wall clock."""
    end: ClockTime
    """When it ends; at or before the start: on the next day."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    """Days on which it begins."""

    def changes(self, line: Line, begin_s: float) -> dict[str, Any]:  # noqa: ARG002 - for others
        """Return the calendar's shifts with one more."""
        shifts = [shift.model_dump(mode="json") for shift in line.calendar(self.calendar).shifts]
        added = {"start": self.start, "end": self.end, "days": list(self.days), "breaks": []}
        return {f"calendars.{self.calendar}.shifts": [*shifts, added]}


AnyEvent = Annotated[
    Breakdown | OperatorAbsent | Slowdown | MaterialLate | RushOrder | Demand | ExtraShift,
    Field(discriminator="kind"),
]
"""An event of any kind."""

KINDS: Mapping[str, type[Event]] = {
    "breakdown": Breakdown,
    "slowdown": Slowdown,
    "drift": Slowdown,
    "operator_absent": OperatorAbsent,
    "material_late": MaterialLate,
    "rush_order": RushOrder,
    "demand": Demand,
    "extra_shift": ExtraShift,
}
"""Kinds of events by name."""
