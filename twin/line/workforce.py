"""People, and tools that are shared like people: pools, and who needs how many of them for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from twin.line.spec import Id, Spec

if TYPE_CHECKING:
    from twin.line.line import Line

Phase = Literal["setup", "load", "process", "unload"]
PHASES: tuple[Phase, ...] = ("setup", "load", "process", "unload")
"""What happens to a part in a station, in order."""


class Crew(Spec):
    """A pool of people, or of tools, that stations share."""

    later: ClassVar[frozenset[str]] = frozenset({"name", "skills", "calendar", "at_shift_end"})

    id: Id
    """Name, unique in the line."""
    name: str = ""
    """Name for people; empty: the id is shown."""
    size: int = Field(default=1, ge=1, le=1000)
    """How many there are."""
    skills: tuple[Id, ...] = ()
    """What each of them can do, in words that needs and failures name."""
    calendar: Id | None = None
    """When they are there; none: always."""
    at_shift_end: Literal["finish", "stop"] = "finish"
    """``finish``: they end what they have begun; ``stop``: they go, and it waits for people."""


class Need(Spec):
    """People that must be there while something is done to a part."""

    crew: Id | None = None
    """Crew they must be of."""
    skill: Id | None = None
    """In place of a crew: what they must be able to do."""
    count: int = Field(default=1, ge=1, le=1000)
    """How many of them."""
    during: tuple[Phase, ...] = Field(default=("process",), min_length=1)
    """When they are needed."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.crew is None) == (self.skill is None):
            raise ValueError("give a crew or a skill")
        return self


def by_versatility(line: Line) -> tuple[Crew, ...]:
    """Return the crews, those with the fewest skills first, then by id: who is asked in turn."""
    return tuple(sorted(line.crews, key=lambda crew: (len(crew.skills), crew.id)))


def chosen(
    needs: Iterable[Need], crews: Iterable[Crew], free: Mapping[str, int]
) -> dict[str, int] | None:
    """Return the people who meet all needs, as few skills used up as possible, or None.

    Needs that name a crew are met first; those for a skill take people in the order of ``crews``.

    Parameters
    ----------
    needs : iterable of Need
        What must be met at once.
    crews : iterable of Crew
        In the order in which they are asked; see ``by_versatility``.
    free : mapping of str to int
        People free, by crew.
    """
    left = dict(free)
    team: dict[str, int] = {}
    pools = tuple(crews)
    for need in sorted(needs, key=lambda need: need.crew is None):
        missing = need.count
        for crew in pools:
            able = crew.id == need.crew if need.crew is not None else need.skill in crew.skills
            taken = min(missing, max(0, left.get(crew.id, 0))) if able else 0
            if taken:
                left[crew.id] -= taken
                team[crew.id] = team.get(crew.id, 0) + taken
                missing -= taken
        if missing:
            return None
    return team
