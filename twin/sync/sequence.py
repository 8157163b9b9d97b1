"""The numbers of notifications: which was due, which came before, and how many are missing."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum

LAST_SEQUENCE = 2**32 - 1
"""After this number of a notification comes 1."""
REMEMBERED = 1000
"""Notifications that are known again if they come once more."""
MOST_MISSING = 10_000
"""Notifications in a row that may be asked for again; a greater step is a new beginning."""


class Verdict(Enum):
    """What a notification is, by its number."""

    NEXT = "next"
    """The one that was due, or a keep-alive."""
    REPEATED = "repeated"
    """One that came before."""
    AHEAD = "ahead"
    """Others should have come before it."""
    STRANGE = "strange"
    """Neither: the server began to count anew."""


@dataclass(slots=True)
class SequenceCheck:
    """The numbers of the notifications of one subscription."""

    expected: int | None = None
    """Number that the next notification will have; None before the first one."""
    _seen: dict[int, Hashable] = field(default_factory=dict)
    """What the newest notifications held, by number."""

    def see(self, number: int, *, carries: bool, held: Hashable = None) -> Verdict:
        """Return what a message is.

        Parameters
        ----------
        number : int
            Its sequence number. A keep-alive has the number of the next notification.
        carries : bool
            Whether it carries notifications; if not, it is a keep-alive.
        held : hashable
            What it holds: other values under a number that came before are not those of before.
        """
        if self.expected is None:
            self.expected = number
        ahead = (number - self.expected) % LAST_SEQUENCE
        if ahead == 0:
            return Verdict.NEXT
        if ahead <= MOST_MISSING:
            return Verdict.AHEAD
        if not carries:
            return Verdict.NEXT  # servers differ in what a keep-alive says; it carries no values
        known = number in self._seen and self._seen[number] == held
        return Verdict.REPEATED if known else Verdict.STRANGE

    def took(self, held: Hashable = None) -> None:
        """Note that the notification that was due is here, and what it holds."""
        assert self.expected is not None
        self._seen.pop(self.expected, None)  # it may have been here 2^32 numbers ago
        self._seen[self.expected] = held
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self.expected = self.expected % LAST_SEQUENCE + 1

    def missing(self, number: int) -> int:
        """Return how many notifications lie between the due one and ``number``."""
        assert self.expected is not None
        return (number - self.expected) % LAST_SEQUENCE
