"""What is made, and by which way."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from twin.line.distributions import Constant, Distribution
from twin.line.rules import RoutingRule
from twin.line.spec import Id, Spec
from twin.line.workforce import Need
from twin.units import PositiveDuration

NOTHING = Constant(value_s=0.0)
"""The time of what is not done."""

Count = Annotated[int, Field(ge=1, le=10_000)]
"""A number of parts."""


class Rework(Spec):
    """Parts that go back to an earlier operation, or repeat this one."""

    probability: float = Field(ge=0, le=1)
    """Share of the parts leaving this operation that go back."""
    to: Id
    """Operation they go back to."""
    limit: int = Field(default=3, ge=1, le=1000)
    """Times a part may go back from here; after that it is scrapped."""


class Operation(Spec):
    """One step of a routing."""

    later: ClassVar[frozenset[str]] = frozenset(
        {
            *("choice", "weights", "components", "makes", "max_wait_s", "max_wait_to"),
            *("load_time_s", "unload_time_s", "needs"),
        }
    )

    id: Id
    """Name, unique in its routing."""
    stations: tuple[Id, ...] = Field(min_length=1)
    """Stations that can do it, in order of preference."""
    choice: RoutingRule = "preference"
    """Where several stations can do it: the first with room (``preference``), the one with the
    fewest parts (``shortest_queue``), one after the other (``round_robin``), or drawn by
    ``weights`` (``probability``)."""
    weights: dict[Id, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Weight of each station, with ``choice: probability``."""
    processing_time_s: Distribution
    """Time per part, s; for a whole batch where the station works in batches."""
    components: dict[Id, Count] = Field(default_factory=dict)
    """Parts of other products that go into one part here, from the stock of each, by product."""
    makes: dict[Id, Count] = Field(default_factory=dict)
    """Parts that take the place of the one that is done, or of its batch, by product."""
    processing_time_by_station_s: dict[Id, Distribution] = Field(default_factory=dict)
    """Stations that need another time."""
    max_wait_s: PositiveDuration | None = None
    """Longest time from the end of the operation before, or from when the part was made, until it
    comes to a server for this one, s; none: no limit."""
    max_wait_to: Id | None = None
    """Earlier operation to which a part goes that has waited too long; none: it is scrapped."""
    load_time_s: Distribution = NOTHING
    """Time to put the part in before it is processed, s."""
    unload_time_s: Distribution = NOTHING
    """Time to take it out afterwards, s."""
    needs: tuple[Need, ...] = ()
    """People needed for this operation, beside those of the station."""
    scrap_probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the parts that are scrapped here."""
    rework: Rework | None = None
    """Parts that go back."""

    @property
    def loads(self) -> bool:
        """Whether it has a loading time of its own."""
        return self.load_time_s != NOTHING

    @property
    def unloads(self) -> bool:
        """Whether it has an unloading time of its own."""
        return self.unload_time_s != NOTHING


class Product(Spec):
    """A kind of part and its routing."""

    later: ClassVar[frozenset[str]] = frozenset({"attributes", "stock"})

    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people."""
    setup_group: str = ""
    """Group in the setup matrices; empty: the product's id."""
    routing: tuple[Operation, ...]
    """Operations in order; there may be none for parts that go straight to their ``stock``."""
    sink: Id | None = None
    """Where it leaves; none: the line's only sink."""
    stock: Id | None = None
    """Buffer in which finished parts wait to become components of others, in place of a sink."""
    attributes: dict[Id, float] = Field(default_factory=dict)
    """Numbers of your own that rules of your own may look at, e.g. ``temperature_c: 180``."""

    @property
    def group(self) -> str:
        """Setup group: as given, or the product's id."""
        return self.setup_group or self.id
