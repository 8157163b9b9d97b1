"""Values of one moment of the plant, brought together and put in order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from twin.sync.protocol import Value


@dataclass(slots=True)
class Moments:
    """Holds values back until those of the same moment are there, and gives them out in order.

    A server publishes item by item, so the values of one moment may come in two messages. The
    plant's clock, written after the values of the moments before it, says how far they are
    complete; ``hold_back_s`` of our time later the moments before it are given out.
    """

    hold_back_s: float
    """Time for which values wait for others, s on our clock."""
    limit: int = 200_000
    """Values held at one time; beyond it the oldest moments go out early."""
    late: int = 0
    """Values that came after their moment had been given out."""
    watermark: datetime | None = None
    """Every moment before this one has been given out."""
    _values: dict[datetime, list[Value]] = field(default_factory=dict)
    _held: int = 0
    _beats: deque[tuple[float, datetime]] = field(default_factory=deque)

    def add(self, value: Value) -> bool:
        """Hold a value; True if its moment has gone out already. It then goes with the next."""
        late = self.watermark is not None and value.source_time < self.watermark
        self.late += late
        moment = self.watermark if late and self.watermark else value.source_time
        self._values.setdefault(moment, []).append(value)
        self._held += 1
        return late

    def beat(self, moment: datetime, steady_s: float) -> None:
        """Note that the plant's clock said ``moment``, heard at ``steady_s`` on ours."""
        if not self._beats or moment > self._beats[-1][1]:
            self._beats.append((steady_s, moment))

    def due(self, steady_s: float) -> list[tuple[datetime, list[Value]]]:
        """Return the moments that are complete by now, in order, and move the watermark."""
        while self._beats and self._beats[0][0] + self.hold_back_s <= steady_s:
            self._raise(self._beats.popleft()[1])
        if self._held > self.limit:
            self._raise(sorted(self._values)[len(self._values) // 2])
        return self._out()

    def flush(self) -> list[tuple[datetime, list[Value]]]:
        """Return all that is held: nothing more will come."""
        if self._beats:
            self._raise(self._beats[-1][1])
        return self._out()

    def beyond(self, latest: datetime, before: datetime | None = None) -> list[Value]:
        """Return, and hold no more, values of moments after ``latest`` that came ``before``."""
        found: list[Value] = []
        for moment in [moment for moment in self._values if moment > latest]:
            values = self._values.pop(moment)
            rest = [value for value in values if before and value.received_at > before]
            found += [value for value in values if not before or value.received_at <= before]
            if rest:
                self._values[moment] = rest
        self._held -= len(found)
        return found

    def set(self, moment: datetime) -> list[Value]:
        """Go on from another moment, as the plant's clock was set; return what was held."""
        held = self.held()
        self.forget()
        self.watermark = moment
        return held

    def held(self) -> list[Value]:
        """Return what waits for others of its moment."""
        return [value for values in self._values.values() for value in values]

    def forget(self) -> None:
        """Drop all that is held and begin anew."""
        self._values.clear()
        self._beats.clear()
        self._held = 0
        self.watermark = None

    def _raise(self, moment: datetime) -> None:
        if self.watermark is None or moment > self.watermark:
            self.watermark = moment

    def _out(self) -> list[tuple[datetime, list[Value]]]:
        if self.watermark is None:
            return []
        ready = sorted(moment for moment in self._values if moment < self.watermark)
        out = [(moment, self._values.pop(moment)) for moment in ready]
        self._held -= sum(len(values) for _, values in out)
        return out
