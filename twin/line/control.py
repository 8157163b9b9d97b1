"""What limits the parts in a stretch of the line: loops of cards, as in CONWIP and kanban."""

from __future__ import annotations

from pydantic import Field

from twin.line.gathered import Parts
from twin.line.spec import Id, Spec


class CardLoop(Spec):
    """A number of cards for a stretch of the line; each part inside holds one.

    All places: CONWIP. A station with the buffer behind it: kanban.
    """

    id: Id
    """Name."""
    cards: int = Field(ge=1, le=1_000_000_000)
    """Parts that may be inside at one time."""
    places: tuple[Id, ...] = ()
    """Stations and buffers of the stretch; none: all of the line."""
    products: tuple[Id, ...] = ()
    """Products that need a card; none: all."""

    def covers(self, place: str, product: str) -> bool:
        """Tell whether a part of this product holds a card at this place."""
        inside = not self.places or place in self.places
        return inside and (not self.products or product in self.products)


def loops(parts: Parts) -> None:
    """Note all findings about loops of cards."""
    places = (*parts.ids.get("stations", ()), *parts.ids.get("buffers", ()))
    for loop in parts.of("loops", CardLoop):
        path = f"loops.{loop.id}"
        for name in loop.places:
            if name not in places:
                known = ", ".join(sorted(places)[:12])
                message = f"unknown station or buffer {name!r}"
                parts.add(f"{path}.places", message, f"one of: {known}")
        for name in loop.products:
            parts.known("products", name, f"{path}.products", "product")
