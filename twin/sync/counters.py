"""Counters of a plant, made to rise without end: they wrap, are set back, and are corrected."""

from __future__ import annotations

from typing import Any

COUNTERS = frozenset({"processed", "scrapped", "created", "finished"})
"""Properties that count."""
WIDTHS = (8, 15, 16, 31, 32)
"""Bits after which counters of controllers begin again at zero."""
NEAR = 0.1
"""Share of a counter's range at its two ends in which a step back is a wrap."""


class Counters:
    """Adds up what counters counted, whatever they show.

    A step back is a wrap if it leads from the end of a usual range to its beginning: what was
    counted is exact. It is a reset if the counter shows less than half of what it showed: it is
    taken to have counted from zero, which is a lower bound. Anything else is a correction by hand,
    and nothing was made.
    """

    def __init__(self) -> None:
        self.wraps = 0
        """Counters that began again at the end of their range."""
        self.resets = 0
        """Counters that were set back or corrected: the count is less than certain."""
        self._last: dict[tuple[str, str], int] = {}
        self._offset: dict[tuple[str, str], int] = {}

    def risen(self, key: tuple[str, str], count: int) -> int:
        """Return what a counter has counted in all, and remember what it shows."""
        last = self._last.get(key)
        self._last[key] = count
        if last is not None and count < last:
            self._offset[key] = self._offset.get(key, 0) + self._hidden(last, count)
        return count + self._offset.get(key, 0)

    def _hidden(self, last: int, count: int) -> int:
        """Return what a step back hides."""
        for bits in WIDTHS:
            size = 1 << bits
            if size * (1.0 - NEAR) <= last < size and count < size * NEAR:
                self.wraps += 1
                return size
        self.resets += 1
        return last if 2 * count < last else last - count

    def forget(self) -> None:
        """Begin anew: what counters show then is what they counted."""
        self._last.clear()
        self._offset.clear()

    def document(self) -> list[list[object]]:
        """Return what each counter showed and what it hides, as something that JSON can hold."""
        return [[*key, last, self._offset.get(key, 0)] for key, last in self._last.items()]

    def restore(self, document: list[list[Any]]) -> None:
        """Take over what ``document`` gave."""
        self._last = {(element, prop): last for element, prop, last, _ in document}
        self._offset = {(element, prop): offset for element, prop, _, offset in document if offset}
