"""Where parts are made, wait, come from and go to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator
from pydantic_core import PydanticCustomError

from twin.line.distributions import Distribution
from twin.line.energy import Power
from twin.line.orders import LineTime
from twin.line.reliability import Failure, Maintenance, Mode
from twin.line.rules import DispatchRule
from twin.line.spec import Id, Spec
from twin.line.wear import Wear
from twin.line.workforce import Need
from twin.plugins import STATIONS
from twin.units import Duration


class Setup(Spec):
    """Time to change a station over from one setup group to another."""

    matrix_s: dict[str, dict[str, Duration]]
    """``matrix_s[from][to]``, s. A pair that is missing takes no time."""
    initial_group: str | None = None
    """Group in place at the start; none: the first part needs no setup."""


class Batch(Spec):
    """How many parts a server takes at one time."""

    min: int = Field(default=1, ge=1, le=10_000)
    """Parts it waits for."""
    max: int = Field(ge=1, le=10_000)
    """Parts it takes at most."""
    wait_s: Duration | None = None
    """Longest time a part waits for others, s: then the server takes what is there; none: it waits
    until there are ``min``."""
    alike: Literal["product", "group", "family", "any"] = "product"
    """Which parts go together: those of one product at one operation; of one setup group; those
    that one part was split into; or any that wait for the station."""

    @model_validator(mode="after")
    def _min_fits(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min = {self.min} must not be above max = {self.max}")
        return self


class Signal(Spec):
    """How one sensor of a station follows what the station does and how worn it is."""

    idle: float
    """Mean value while not processing, in the sensor's unit."""
    running: float
    """Mean value while processing with no wear."""
    worn: float
    """Mean value while processing just before a failure."""
    noise_sd: float = Field(default=0.0, ge=0)
    """Standard deviation of the measuring noise."""
    time_constant_s: Duration = 0.0
    """How slowly the value follows (first-order lag), s; 0: at once."""
    unit: str = ""
    """Unit as shown, e.g. ``mm/s``."""


class Station(Spec):
    """A place of work with one or more identical servers."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"batch", "maintenance", "needs", "claim", "power", "wear", "while_down"}
    )

    kind: str = "station"
    """``station``, or the name of a kind that a plug-in brings."""
    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people; empty: the id is shown."""
    servers: int = Field(default=1, ge=1, le=10_000)
    """Parts that can be processed at one time."""
    input_buffer: Id | None = None
    """Buffer from which parts are taken; none: parts come straight from the station before."""
    dispatch_rule: DispatchRule | Annotated[tuple[DispatchRule, ...], Field(min_length=1)] = "fifo"
    """Which waiting part goes first, e.g. ``fifo``, ``edd`` or ``critical_ratio``. A list: by the
    first rule, equals by the second, and so on. The semantics have a table of all rules."""
    batch: Batch | None = None
    """Parts that each server works on together, in one processing time; none: one by one."""
    setup: Setup | None = None
    """Change-over times."""
    failures: tuple[Failure, ...] = ()
    """Ways to break down; the station is down while any of them is not repaired."""
    maintenance: tuple[Maintenance, ...] = ()
    """Work on the station that is planned."""
    needs: tuple[Need, ...] = ()
    """People needed for whatever is done here."""
    claim: float = 0.0
    """Whoever claims more is given people first; ties by who has waited longest."""
    calendar: Id | None = None
    """When the station is on; none: always."""
    at_shift_end: Literal["stop", "finish"] = "stop"
    """``stop``: work pauses and resumes with the next shift; ``finish``: parts in process are
    finished, no new one is begun."""
    while_down: Literal["passes", "closed"] = "passes"
    """Whether parts pass while it is failed, under maintenance or off. ``passes``: parts that are
    done leave, and while it is on one may come in and wait; ``closed``: none comes or goes."""
    wear_onset: float = Field(default=0.6, ge=0, lt=1)
    """Fraction of its life after which a failure mode begins to show in the signals."""
    signals: dict[Id, Signal] = Field(default_factory=dict)
    """Sensors by name, e.g. ``vibration``, ``temperature``, ``current``."""

    wear: Wear | None = None
    """How it wears, and what that changes; none: it does not."""

    power: Power | None = None
    """Electric power by status; none: energy is not counted here."""

    @model_validator(mode="wrap")
    @classmethod
    def _of_its_kind(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Station:
        """Read a station as the class of its kind."""
        kind = value.get("kind", "station") if isinstance(value, dict) else None
        if cls is not Station or kind is None or kind == "station":
            return handler(value)
        found: type[Station] | None = STATIONS.get(str(kind))
        if found is None:
            known = ", ".join(("station", *STATIONS.names()))
            message = f"unknown kind {str(kind)!r}; known: {known}"
            raise PydanticCustomError("station_kind", "{told}", {"told": message})
        return found.model_validate(value)

    def processing_s(self, drawn_s: float, attributes: Mapping[str, float]) -> float:
        """Return the time that processing takes, s; a kind of your own may have it otherwise.

        Parameters
        ----------
        drawn_s : float
            Time drawn from the operation's distribution, s.
        attributes : mapping of str to float
            Those of the product; nothing else may have a part in it.
        """
        del attributes
        return drawn_s

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Failures, then maintenance, each by id: the order of their numbers."""
        failures = sorted(self.failures, key=lambda mode: mode.id)
        return (*failures, *sorted(self.maintenance, key=lambda mode: mode.id))


class Buffer(Spec):
    """A place where parts wait, or a conveyor on which they come to where they wait."""

    later: ClassVar[frozenset[str]] = frozenset({"transit_time_s"})

    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people."""
    capacity: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Places; none: no limit."""
    transit_time_s: Duration = 0.0
    """Time from the entrance to the end, where a station may take the part, s. Parts that wait at
    the end do not stop those behind them, up to ``capacity`` parts in all."""


class Source(Spec):
    """Where parts enter the line."""

    later: ClassVar[frozenset[str]] = frozenset({"first_s"})

    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people."""
    arrivals: Literal["unlimited", "interarrival", "orders"] = "unlimited"
    """``unlimited``: a part is always waiting; ``interarrival``: parts come by themselves and queue
    without limit; ``orders``: the parts of released orders wait, one order after the other."""
    interarrival_s: Distribution | None = None
    """Time between arrivals, s; only with ``arrivals: interarrival``."""
    first_s: LineTime | None = None
    """Moment of the first arrival, s since the line's start; none: after a time between arrivals.
    Only with ``arrivals: interarrival``; a file may give a moment."""
    products: dict[Id, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Weight of each product; empty: the line's only product. Not used with orders."""

    @model_validator(mode="after")
    def _interarrival_fits(self) -> Self:
        if (self.arrivals == "interarrival") != (self.interarrival_s is not None):
            raise ValueError("interarrival_s goes with arrivals: interarrival, and only with it")
        if self.first_s is not None and self.interarrival_s is None:
            raise ValueError("first_s goes with arrivals: interarrival only")
        if self.products and not sum(self.products.values()) > 0:
            raise ValueError("the weights of the products must not all be zero")
        return self


class Sink(Spec):
    """Where finished parts leave the line."""

    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people."""
