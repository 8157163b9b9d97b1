"""What the objects of one run share: the clock, the log, the tables."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from twin.engine.dispatch import LAST, NO_DUE_DATE, Candidate
from twin.engine.model import Draws, Way, setup_s, ways
from twin.engine.options import SimulationOptions
from twin.engine.reference.cards import Cards
from twin.engine.reference.clock import Due, LineClock, Timer
from twin.events.builder import EventLogBuilder, Row
from twin.events.condition import OrderCount
from twin.events.kinds import Kind
from twin.events.state import PartStatus
from twin.line import JobOrder, Line

if TYPE_CHECKING:
    from twin.engine.reference.modes import StationMode
    from twin.engine.reference.places import StationPlace


@dataclass(slots=True)
class Part:
    """One part on its way."""

    id: int
    way: Way
    order: str | None
    created_s: float
    place: str
    entered_s: float
    step: int = 0
    """Place in the routing: the operation it waits for or is in; after it, the next one."""
    status: PartStatus = "waiting"
    visits: int = 0
    reworks: dict[int, int] = field(default_factory=dict)
    server: int | None = None
    stage: int = 0
    """What is over of this visit: 0 nothing, 1 loading, 2 processing."""
    team: dict[str, int] = field(default_factory=dict)
    """People who are with it, by crew."""
    slowed: float = 1.0
    """Factor of failures on the processing that is under way."""
    asked_s: float | None = None
    """Moment since which it waits for people in the middle of a visit, or, done, only for a
    vehicle, s."""
    done_s: float = 0.0
    ready_s: float | None = None
    """End of its last operation, where the product has a limit for waiting."""
    kitted: bool = False
    """Whether its components are there."""
    family: int | None = None
    """Number of the part, or of the first of the batch, that it was made of."""
    exits: tuple[str, ...] | None = None
    """Stations that it may go to now that it is done; None until asked."""
    called: bool = False
    """Whether a vehicle was sent for it, or has it on board."""

    @property
    def waits_since_s(self) -> float:
        """Moment since which it waits for its next operation, where that is limited, s."""
        return self.created_s if self.ready_s is None else self.ready_s


class Run:
    """One run of one line: shared by all its objects, made once, thrown away with the run."""

    def __init__(
        self, line: Line, options: SimulationOptions, clock: LineClock, builder: EventLogBuilder
    ) -> None:
        self.line = line
        self.options = options
        self.clock = clock
        self.builder = builder
        self.index = builder.index
        self.draws = Draws(options)
        self.ways: dict[str, Way] = ways(line, builder.names, self.draws)
        self.order_numbers = {name: i for i, name in enumerate(builder.names.orders)}
        self.order_specs: dict[str, JobOrder] = {order.id: order for order in line.orders}
        self.orders = {order.id: OrderCount() for order in line.orders}
        self.parts: dict[int, Part] = {}
        self.finished = 0
        self.scrapped = 0
        self.releases = 0
        """Orders released so far; sources look at it to know that their choice has changed."""
        self.newly_waiting: list[StationMode] = []
        """Failures and maintenance of this round that wait for people, or begin at once."""
        self.cards = Cards(line)
        self.overdue: list[tuple[Part, int, float]] = []
        """Parts that have waited too long, with the operation waited for and since when."""
        self.turns: dict[str, int] = {}
        """Parts that went to each operation whose stations take turns, by ``product/operation``."""
        self._rows = builder.rows
        plan = options.plan
        self.assignment: dict[str, str] = dict(plan.assignment) if plan else {}
        self._place: dict[str, dict[str, int]] = {
            station: {order: i for i, order in enumerate(orders)}
            for station, orders in (plan.sequence.items() if plan else ())
        }

    def note(
        self,
        kind: Kind,
        element: int,
        part: int = -1,
        detail: int = -1,
        value: float = math.nan,
    ) -> None:
        """Write one event of this moment to the log."""
        self._rows.append(
            tuple.__new__(Row, (self.clock.now, int(kind), element, part, detail, value, 0))
        )

    def candidates(self, waiting: list[tuple[int, Part]], at: StationPlace) -> list[Candidate]:
        """Return what a dispatch rule may know about parts that wait for a station.

        Each comes with its place in the buffer.
        """
        means = [part.way.steps[part.step].mean_s[at.id] for _, part in waiting]
        *_, whole_s = accumulate(means)  # sum may add up in another way
        mean_s = whole_s / len(means)
        return [self._candidate(part, at, i, mean_s) for i, part in waiting]

    def _candidate(self, part: Part, at: StationPlace, position: int, mean_s: float) -> Candidate:
        order = self.order_specs.get(part.order) if part.order else None
        due_s = None if order is None else order.due_date_s
        spec, step = part.way.spec, part.way.steps[part.step]
        return Candidate(
            product=spec.id,
            order=part.order,
            attributes={**spec.attributes, **(order.attributes if order else {})},
            processing_time_s=step.mean_s[at.id],
            rest_s=step.rest_s,
            operations=len(part.way.steps) - part.step,
            share=step.share,
            mean_time_s=mean_s,
            setup_s=setup_s(at.spec, at.group, spec.group),
            due_date_s=NO_DUE_DATE if due_s is None else due_s,
            release_s=order.release_s if order else NO_DUE_DATE,
            priority=order.priority if order else 0.0,
            place=self._place.get(at.id, {}).get(part.order or "", LAST),
            position=position,
            entered_s=part.entered_s,
            created_s=part.created_s,
        )

    def move(self, part: Part, place: str) -> None:
        """Note that a part comes to a place; parts stand in the order of their last move."""
        self.cards.give(part.way.spec.id, part.place)
        self.cards.take(part.way.spec.id, place)
        self.board(part, place)

    def board(self, part: Part, place: str) -> None:
        """Note that a part is elsewhere now, or on a vehicle; its cards are not looked at."""
        part.place, part.entered_s, part.status = place, self.clock.now, "waiting"
        part.asked_s = None
        del self.parts[part.id]
        self.parts[part.id] = part

    def leave(self, part: Part, *, good: bool) -> None:
        """Take a part out of the line and count it."""
        self.take_out(part, good=good)
        if good:
            self.finished += 1
        else:
            self.scrapped += 1

    def take_out(self, part: Part, *, good: bool) -> None:
        """Take a part out of the line; only its order counts it."""
        self.forget(part)
        count = self.orders.get(part.order) if part.order else None
        if count and good:
            count.finished += 1
        elif count:
            count.scrapped += 1

    def ready(self, part: Part) -> None:
        """Note that a part waits for its next operation from now on."""
        if part.way.limited:
            part.ready_s = self.clock.now
            self.watch(part)

    def watch(self, part: Part) -> None:
        """Have a look at a part when it has waited too long for its next operation."""
        longest_s, place, since_s = _longest_wait_s(part), part.step, part.waits_since_s
        if longest_s is None:
            return
        timer = Timer(
            self.clock,
            (Due.OVERDUE, part.id, 0),
            part.place,
            lambda: self.overdue.append((part, place, since_s)),
        )
        timer.resume_at(max(since_s + longest_s, self.clock.now))

    def look_at(self, part: Part) -> None:
        """Have a part that was put down taken for overdue if its limit has passed on the way."""
        longest_s, since_s = _longest_wait_s(part), part.waits_since_s
        if longest_s is not None and since_s + longest_s <= self.clock.now:
            self.overdue.append((part, part.step, since_s))

    def is_overdue(self, part: Part, place: int, since_s: float) -> bool:
        """Tell whether a part still waits for the same thing since the same moment."""
        waits = (part.server is None or part.status == "done") and not part.called
        same = part.step == place and part.waits_since_s == since_s
        return self.parts.get(part.id) is part and waits and same

    def put_in(self, part: Part) -> None:
        """Have a part in the line, where it says it is."""
        self.parts[part.id] = part
        self.cards.take(part.way.spec.id, part.place)

    def forget(self, part: Part) -> None:
        """Take a part out of the line; nobody counts it."""
        del self.parts[part.id]
        self.cards.give(part.way.spec.id, part.place)


def _longest_wait_s(part: Part) -> float | None:
    """Return how long a part may wait for its next operation, s; None: for ever."""
    steps = part.way.steps
    return steps[part.step].spec.max_wait_s if part.step < len(steps) else None
