"""Where parts come from: an endless supply, arrivals by themselves, or the released orders."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from twin.engine.dispatch import NO_DUE_DATE
from twin.engine.model import Way
from twin.engine.reference.clock import Due, Timer
from twin.engine.reference.run import Part, Run
from twin.engine.streams import Purpose
from twin.events.beginning import PARTS_PER_SLOT
from twin.events.kinds import Kind
from twin.events.state import SourceState
from twin.line import Source


class SourcePlace:
    """One source. Arrivals wait in a queue without limit; other parts are made as they enter."""

    def __init__(self, run: Run, spec: Source, slot: int) -> None:
        self.run = run
        self.spec = spec
        self.id = spec.id
        self.number = run.index[spec.id]
        self.rank = slot
        self.slot = slot
        self.created = 0
        self.since_s: float = run.clock.now
        """Moment of the last part, since when the next one is on its way."""
        self.drawn_s: float | None = None
        """Moment at which the rest of the time to the next part was drawn; None: with the last."""
        self.queue: list[Part] = []
        self.called: list[Part] = []
        """Parts for which a vehicle was sent; they are still here."""
        self.shortages = 0
        """Supposed shortages in force; with any, nothing enters from here."""
        weights = spec.products or {run.line.products[0].id: 1.0}
        self.exits: tuple[str, ...] | None = None
        """Stations that the part that would enter next may go to; None until asked."""
        self._head: tuple[Way, str | None] | None = None
        self._head_releases = -1
        self._names = sorted(weights)
        self._shares = list(accumulate(weights[name] for name in self._names))
        self._coin = run.draws.coin(spec.id, Purpose.PRODUCT)
        self._between = (
            run.draws.time(spec.interarrival_s, spec.id, Purpose.ARRIVAL)
            if spec.interarrival_s
            else None
        )
        self._arrival = Timer(run.clock, (Due.ARRIVAL, slot, 0), spec.id, self._arrived)

    def expect(self) -> None:
        """Wait for the next arrival."""
        if self._between is None:
            return
        if self.created == 0 and self.spec.first_s is not None:
            self._arrival.load(max(0.0, self.spec.first_s - self.since_s))
            self._arrival.resume(self.since_s)
        elif self.drawn_s is None:
            self._arrival.load(self._between(self.created))
            self._arrival.resume(self.since_s)
        else:
            # Given that none had come by then, what was left then.
            self._arrival.load(self._between.left(self.drawn_s - self.since_s, self.created))
            self._arrival.resume(self.drawn_s)

    def _arrived(self) -> None:
        """Phase 1: one more part waits in front of the line."""
        self.queue.append(self._make(self._next_way(), None))
        self.expect()

    def _next_way(self) -> Way:
        """Return the product of the next part."""
        if len(self._names) == 1:
            return self.run.ways[self._names[0]]
        u = self._coin(self.created) * self._shares[-1]
        return self.run.ways[self._names[bisect_left(self._shares, u)]]

    def _make(self, way: Way, order: str | None) -> Part:
        run = self.run
        number = self.slot * PARTS_PER_SLOT + self.created
        self.created += 1
        self.since_s = now = run.clock.now
        self.drawn_s = None
        part = Part(number, way, order, now, self.id, now)
        run.put_in(part)
        run.watch(part)
        code = -1.0 if order is None else float(run.order_numbers[order])
        run.note(Kind.PART_CREATED, self.number, number, way.index, code)
        return part

    def drop(self, part: Part) -> None:
        """Take a part out of the queue."""
        self.queue.remove(part)
        self.exits = None

    def call(self) -> Part:
        """Return the part that a vehicle is sent for now; it waits here until it is loaded."""
        part = self.pop()
        self.called.append(part)
        return part

    def hand_over(self, part: Part) -> None:
        """Give a part to a vehicle."""
        self.called.remove(part)

    @property
    def next_number(self) -> int:
        """Number of the part that would enter next."""
        return self.queue[0].id if self.queue else self.slot * PARTS_PER_SLOT + self.created

    @property
    def waits_since_s(self) -> float:
        """Moment since which the part that would enter next waits, s."""
        return self.queue[0].created_s if self.queue else self.since_s

    def state(self) -> SourceState:
        """Return it as a piece of the state document."""
        return SourceState(created=self.created, since_s=self.since_s, drawn_s=self.drawn_s)

    def head(self) -> tuple[Way, str | None] | None:
        """Return product and order of the part that would enter next, or None."""
        if self.shortages:
            return None
        if self.queue:
            return self.queue[0].way, self.queue[0].order
        if self.spec.arrivals == "interarrival":
            return None
        if self._head_releases != self.run.releases:
            self._head, self._head_releases = self._choose(), self.run.releases
            self.exits = None
        return self._head

    def _choose(self) -> tuple[Way, str | None] | None:
        if self.spec.arrivals == "unlimited":
            return self._next_way(), None
        order = self._next_order()
        if order is None:
            return None
        return self.run.ways[self.run.order_specs[order].product], order

    def pop(self) -> Part:
        """Return the part that enters now."""
        self.exits = None
        if self.queue:
            return self.queue.pop(0)
        head = self.head()
        assert head is not None
        way, order = head
        part = self._make(way, order)
        if order is not None:
            self.run.orders[order].created += 1
        self._head_releases = -1
        return part

    def _next_order(self) -> str | None:
        """Return the order being fed: the one begun, else the first of those released.

        By the plan if there is one; otherwise higher priority, earlier due date, earlier release,
        name.
        """
        run = self.run
        open_orders = [
            name
            for name, count in run.orders.items()
            if count.released and count.created < run.order_specs[name].quantity
        ]
        if not open_orders:
            return None
        begun = [name for name in open_orders if run.orders[name].created]
        return min(begun or open_orders, key=self._urgency)

    def _urgency(self, name: str) -> tuple[int, float, float, float, str]:
        order, plan = self.run.order_specs[name], self.run.options.plan
        release = plan.release if plan else ()
        place = release.index(name) if name in release else len(release)
        due_s = NO_DUE_DATE if order.due_date_s is None else order.due_date_s
        return place, -order.priority, due_s, order.release_s, name
