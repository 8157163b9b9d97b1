"""Cards of the loops: how many parts may yet enter each stretch of the line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from twin.line import CardLoop, Line

if TYPE_CHECKING:
    from twin.engine.reference.run import Part


class Loop:
    """One loop with the cards that are free; below zero where a state holds too many parts."""

    def __init__(self, spec: CardLoop) -> None:
        self.spec = spec
        self.free = spec.cards


class Cards:
    """The loops of one run. Who holds a card follows from where the parts are."""

    def __init__(self, line: Line) -> None:
        self._loops = [Loop(spec) for spec in line.loops]
        places = {station.id for station in line.stations} | {buffer.id for buffer in line.buffers}
        self._of: dict[tuple[str, str], tuple[Loop, ...]] = {
            (place, product.id): tuple(x for x in self._loops if x.spec.covers(place, product.id))
            for place in (places if self._loops else ())
            for product in line.products
        }

    def admit(self, product: str, origin: str, goal: str) -> bool:
        """Tell whether there are cards for one part to go from one place to another."""
        held = self._of.get((origin, product), ())
        return all(loop.free > 0 or loop in held for loop in self._of.get((goal, product), ()))

    def admit_all(self, parts: Iterable[Part], origin: str, goal: str) -> bool:
        """Tell whether there are cards for several parts to go together."""
        needed: dict[int, int] = {}
        for part in parts:
            product = part.way.spec.id
            held = self._of.get((origin, product), ())
            for i, loop in enumerate(self._loops):
                if loop in self._of.get((goal, product), ()) and loop not in held:
                    needed[i] = needed.get(i, 0) + 1
        return all(count <= self._loops[i].free for i, count in needed.items())

    def set_out(self, product: str, origin: str, goal: str) -> None:
        """Note that a part sets out on a vehicle: it holds the cards of both ends."""
        held = self._of.get((origin, product), ())
        for loop in self._of.get((goal, product), ()):
            loop.free -= loop not in held

    def arrive(self, product: str, origin: str, goal: str) -> None:
        """Note that a part on a vehicle is there; it has still to take the cards of its goal."""
        held = self._of.get((origin, product), ())
        for loop in held:
            loop.free += 1
        for loop in self._of.get((goal, product), ()):
            loop.free += loop not in held

    def take(self, product: str, place: str) -> None:
        """Note that a part came to a place."""
        for loop in self._of.get((place, product), ()):
            loop.free -= 1

    def give(self, product: str, place: str) -> None:
        """Note that a part went from a place."""
        for loop in self._of.get((place, product), ()):
            loop.free += 1
