"""The state document: where everything is at one moment, enough to go on from it.

A pending event is told by how far its clock has come (``worked_s`` up to ``since_s``, and whether
it runs since then) and by the index of its draw, never by the drawn time itself. A run that
continues the stream the state came from draws the same number again and so goes on exactly; any
other run draws what is left **given** the age that was reached. A known remaining time may
be stated.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twin.line import Phase
from twin.line.spec import Id, Spec

PartStatus = Literal["waiting", "setup", "loading", "processing", "unloading", "done"]
ModeStatus = Literal["running", "due", "waiting", "repair"]
VehicleStatus = Literal["idle", "fetching", "loading", "carrying", "unloading", "returning"]


PHASE_OF: dict[PartStatus, Phase] = {
    "setup": "setup",
    "loading": "load",
    "processing": "process",
    "unloading": "unload",
}
"""Phase of the work on a part, by the part's status from its beginning to its end."""


class Clock(Spec):
    """How far one timed activity has come."""

    worked_s: float = Field(default=0.0, ge=0)
    """Time it had run when it last started or stopped, s."""
    since_s: float | None = None
    """Moment since which it runs, s since the line's start; None: it stands still."""
    remaining_s: float | None = Field(default=None, ge=0)
    """Time left at the age ``given_s``, or without one at the moment of the state, where it is
    known, s; None: drawn."""
    given_s: float | None = Field(default=None, ge=0)
    """Age at which the time left was drawn, given that age, s; None: drawn anew at age 0."""
    rate: float = Field(default=1.0, gt=0)
    """How fast it runs: age in s per s; above 1 where a worn station ages faster."""

    def elapsed_s(self, now_s: float) -> float:
        """Return the time it has run up to ``now_s``, s."""
        run_s = 0.0 if self.since_s is None else (now_s - self.since_s) * self.rate
        return self.worked_s + run_s


class PartState(Spec):
    """One part in the line."""

    id: int = Field(ge=0)
    """Number of the part: the source's slot times 2**40 plus its number at that source."""
    product: Id
    """What it is."""
    order: Id | None = None
    """Order it belongs to."""
    created_s: float
    """Moment it entered the line, s."""
    location: Id
    """Source, buffer, station or pool of vehicles where it is."""
    entered_s: float
    """Moment it came there, s."""
    operation: int = Field(default=0, ge=0)
    """Index in its routing: the operation it waits for or is in; when done, the next one."""
    server: int | None = None
    """Server of the station, for parts in a station."""
    status: PartStatus = "waiting"
    """``waiting`` in a source or buffer, or in a station for work to begin; ``done``: its operation
    is finished and it waits to leave the station, or it has waited too long in a buffer and waits
    to leave that."""
    visits: int = Field(default=0, ge=0)
    """Operations begun so far; with the part's number it names its random draws."""
    reworks: dict[str, int] = Field(default_factory=dict)
    """Times it was sent back, by index of the operation that sent it."""
    clock: Clock | None = None
    """Progress of setup or processing."""
    done_s: float | None = None
    """Moment its operation was finished, for parts that are done, s."""
    ready_s: float | None = None
    """End of its last operation, for products with limits for waiting, s; None: it has had none."""
    kitted: bool = False
    """Whether its components are there, for parts in a station that puts some together."""
    family: int | None = None
    """Number of the part, or of the first of the batch, that it was made of."""
    stage: int = Field(default=0, ge=0, le=2)
    """What is over of this visit to a station: 0 nothing, 1 loading, 2 processing."""
    team: dict[Id, int] = Field(default_factory=dict)
    """People who are with it, by crew."""
    slowed: float = Field(default=1.0, gt=0)
    """Factor of the failures in force, when it began, on the processing that is under way."""
    asked_s: float | None = None
    """Moment since which it waits for people in the middle of a visit, s; None: since it came. Of a
    part that is done: since which only a vehicle is missing for it to go on."""


class ModeState(Spec):
    """One failure mode, or maintenance, of one station."""

    status: ModeStatus = "running"
    """Ageing; maintenance that is due and waits for work to end; waiting for a crew; under repair
    or maintenance."""
    count: int = Field(default=0, ge=0)
    """Failures so far, or times it was due."""
    renewed: int = Field(default=0, ge=0)
    """Times that maintenance made it as new."""
    age: Clock = Clock()
    """Age since the last repair, on the mode's own clock; cycles count as seconds do."""
    team: dict[Id, int] = Field(default_factory=dict)
    """People at work on it, by crew, where they were chosen by skill."""
    failed_s: float | None = None
    """Moment of the failure, s, while it is failed."""
    repair: Clock | None = None
    """Progress of the repair."""


class Outage(Spec):
    """A stop that no failure mode of the line explains, such as one that a planner supposes."""

    since_s: float
    """Moment it began, s."""
    until_s: float | None = None
    """Moment it ends where that is known, s."""


class WearState(Spec):
    """How worn one station is."""

    level: int = Field(default=0, ge=0)
    """0: as new."""
    steps: int = Field(default=0, ge=0)
    """Levels it rose by so far."""
    lowered: int = Field(default=0, ge=0)
    """Times a repair or maintenance lowered it."""
    clock: Clock | None = Clock()
    """Use since the level was reached, on the clock of the wear; None: at the last level."""


class StationState(Spec):
    """One station."""

    on: bool = True
    """Whether its shift is running."""
    setup_group: str | None = None
    """Setup in place."""
    modes: dict[Id, ModeState] = Field(default_factory=dict)
    """Failure modes by id."""
    outages: tuple[Outage, ...] = ()
    """Outages that are not over, oldest first."""
    finished: int = Field(default=0, ge=0)
    """Operations finished so far."""
    made: int = Field(default=0, ge=0)
    """Parts made here of others so far."""
    wear: WearState | None = None
    """Wear, where the station wears."""


class SourceState(Spec):
    """One source."""

    created: int = Field(default=0, ge=0)
    """Parts made so far."""
    since_s: float | None = None
    """Moment of its last part, since when the next one is on its way, s; None: not known."""
    drawn_s: float | None = None
    """Moment at which the time left to the next part was drawn, given that none had come, s; None:
    drawn with the last part."""


class OrderState(Spec):
    """One order."""

    released: bool = False
    """Whether its parts may enter."""
    created: int = Field(default=0, ge=0)
    """Parts that entered."""
    finished: int = Field(default=0, ge=0)
    """Good parts finished."""
    scrapped: int = Field(default=0, ge=0)
    """Parts scrapped."""
    extra: int = 0
    """Parts that splitting added to its quantity, less those that batches took from it."""


class CrewState(Spec):
    """One crew that has a calendar, or of which people are away."""

    on: bool = True
    """Whether its shift is running."""
    away: int = Field(default=0, ge=0)
    """How many of its people are not there although it is, as the plant told; nobody knows for how
    long, so whoever goes on from here does without them."""


class VehicleState(Spec):
    """One vehicle."""

    status: VehicleStatus = "idle"
    """``idle``; on its way to a part (``fetching``), taking it on, on its way with it, putting it
    down; on its way home (``returning``)."""
    place: Id
    """Where it stands or set out from; with a part on board, where it took that."""
    part: int | None = None
    """Number of the part that it was sent for."""
    goal: Id | None = None
    """Where that part goes: a buffer, a station or a sink."""
    clock: Clock | None = None
    """Progress of driving, loading or unloading."""
    told: bool = True
    """Whether somebody knows what it does; False of a real one that tells nothing: it is taken to
    be idle but for the trips that its parts must have made."""


class StreamState(Spec):
    """Random numbers that the state came from."""

    seed: int
    """Seed."""
    replication: int = 0
    """Replication."""
    antithetic: bool = False
    """Whether each uniform u was replaced by 1 - u."""


class LineState(Spec):
    """Where everything is at one moment."""

    line_id: Id
    """Line it belongs to."""
    time_s: float
    """The moment, s since the line's start."""
    stream: StreamState | None = None
    """Random numbers of a simulated state; None: a real line, or one whose future is open."""
    parts: tuple[PartState, ...] = ()
    """Parts in the line, in the order in which they came to where they are."""
    stations: dict[Id, StationState] = Field(default_factory=dict)
    """Stations by id."""
    sources: dict[Id, SourceState] = Field(default_factory=dict)
    """Sources by id."""
    orders: dict[Id, OrderState] = Field(default_factory=dict)
    """Orders by id."""
    finished: int = Field(default=0, ge=0)
    """Good parts finished since the count began."""
    scrapped: int = Field(default=0, ge=0)
    """Parts scrapped since the count began."""
    turns: dict[str, int] = Field(default_factory=dict)
    """Parts that went to each operation whose stations take turns, by ``product/operation``."""
    queue: tuple[str, ...] = ()
    """Failures waiting for a crew, first come first: ``station/mode``."""

    crews: dict[Id, CrewState] = Field(default_factory=dict)
    """Crews that have a calendar, or of which people are away, by id."""
    vehicles: dict[Id, tuple[VehicleState, ...]] = Field(default_factory=dict)
    """The vehicles of each pool, by id of the pool, in the order of their numbers."""

    def opened(self) -> LineState:
        """Return the same state without its stream: whoever goes on draws a new future."""
        return self.model_copy(update={"stream": None})
