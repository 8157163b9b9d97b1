"""The kernel's people: who is free, who is chosen, who goes; as ``reference.people`` does."""

from __future__ import annotations

from twin.engine.compiled.log import note
from twin.engine.compiled.memory import (
    add,
    add_real,
    add_whole,
    get,
    moment,
    put,
    put_real,
    put_whole,
    real,
    whole,
)
from twin.engine.compiled.tables import (
    ABLE,
    ASKING,
    CREW_BUSY,
    CREW_CHOSEN,
    CREW_FREE,
    CREW_LEFT_OVER,
    CREW_ON,
    CREW_RELEASED,
    CREW_SINCE_S,
    CREW_SIZE,
    CREW_TAKEN,
    CREW_THERE_S,
    CREW_WORK_S,
    CREWS,
    FIRST_ABLE,
    FIRST_NEED,
    MODE_NEED,
    MODE_SKILL,
    MODE_TEAM,
    N_ASKING,
    NEED_COUNT,
    NOW,
    PEOPLE_NEWS,
    SERVER_ASKS,
    SERVER_PEOPLE,
    SERVER_TEAM,
    Floats,
    Ints,
)
from twin.engine.jit import inner, outlined

NO_PART = -2
"""What stands in place of a part for the people of a mode, less its number."""


@outlined
def ask(M: Ints, v: int) -> None:
    """Let a server be looked at when people are given out."""
    put_whole(M, PEOPLE_NEWS, 1)
    if not get(M, SERVER_ASKS, v):
        put(M, SERVER_ASKS, v, 1)
        put(M, ASKING, whole(M, N_ASKING), v)
        add_whole(M, N_ASKING, 1)


@inner
def _choose(M: Ints, first: int, last: int) -> bool:
    """Choose from those left who meets the needs; tell whether all are met."""
    for need in range(first, last):
        missing = get(M, NEED_COUNT, need)
        for i in range(get(M, FIRST_ABLE, need), get(M, FIRST_ABLE, need + 1)):
            crew = get(M, ABLE, i)
            taken = min(missing, get(M, CREW_LEFT_OVER, crew))
            if taken > 0:
                add(M, CREW_LEFT_OVER, crew, -taken)
                add(M, CREW_CHOSEN, crew, taken)
                missing -= taken
        if missing > 0:
            return False
    return True


@inner
def find(M: Ints, first: int, last: int) -> bool:
    """Look for people among those who are free; tell whether all needs are met."""
    for crew in range(whole(M, CREWS)):
        put(M, CREW_LEFT_OVER, crew, get(M, CREW_FREE, crew))
        put(M, CREW_CHOSEN, crew, 0)
    return _choose(M, first, last)


@outlined
def account_crew(M: Ints, X: Floats, crew: int) -> None:
    """Add the time since the last change to what a crew has worked, and has been there."""
    time_s = moment(M, X, NOW) - real(M, X, CREW_SINCE_S, crew)
    if time_s > 0.0:
        put_real(M, X, CREW_SINCE_S, crew, moment(M, X, NOW))
        busy, there = get(M, CREW_BUSY, crew), get(M, CREW_ON, crew) * get(M, CREW_SIZE, crew)
        add_real(M, X, CREW_WORK_S, crew, busy * time_s)
        add_real(M, X, CREW_THERE_S, crew, max(busy, there) * time_s)


@inner
def _employ(M: Ints, X: Floats, crew: int, count: int) -> None:
    """Have so many people more of a crew at work, or fewer."""
    account_crew(M, X, crew)
    add(M, CREW_FREE, crew, -count)
    add(M, CREW_BUSY, crew, count)


@inner
def take(M: Ints, X: Floats, v: int, number: int, element: int) -> None:
    """Give a server the people that were found."""
    crews = whole(M, CREWS)
    for crew in range(crews):
        count = get(M, CREW_CHOSEN, crew)
        if count:
            _employ(M, X, crew, count)
            put(M, SERVER_TEAM, v * crews + crew, count)
            add(M, SERVER_PEOPLE, v, count)
            note(M, X, CREW_TAKEN, element, number, crew, float(count))


@inner
def take_for_mode(M: Ints, X: Floats, m: int, number: int, element: int) -> None:
    """Give a mode the people that were found."""
    crews = whole(M, CREWS)
    for crew in range(crews):
        count = get(M, CREW_CHOSEN, crew)
        put(M, MODE_TEAM, m * crews + crew, count)
        _employ(M, X, crew, count)
        if count and get(M, MODE_SKILL, m):
            note(M, X, CREW_TAKEN, element, NO_PART - number, crew, float(count))


@inner
def release_mode(M: Ints, X: Floats, m: int, number: int, element: int) -> None:
    """Let the people of a mode go."""
    if get(M, MODE_NEED, m) < 0:
        return
    crews = whole(M, CREWS)
    put_whole(M, PEOPLE_NEWS, 1)
    for crew in range(crews):
        count = get(M, MODE_TEAM, m * crews + crew)
        put(M, MODE_TEAM, m * crews + crew, 0)
        _employ(M, X, crew, -count)
        if count and get(M, MODE_SKILL, m):
            note(M, X, CREW_RELEASED, element, NO_PART - number, crew, float(count))


@inner
def _release(M: Ints, X: Floats, v: int, number: int, element: int) -> None:
    """Let those people of a server go who are not chosen to stay."""
    crews = whole(M, CREWS)
    put_whole(M, PEOPLE_NEWS, 1)
    for crew in range(crews):
        gone = get(M, SERVER_TEAM, v * crews + crew) - get(M, CREW_CHOSEN, crew)
        if gone:
            add(M, SERVER_TEAM, v * crews + crew, -gone)
            add(M, SERVER_PEOPLE, v, -gone)
            _employ(M, X, crew, -gone)
            note(M, X, CREW_RELEASED, element, number, crew, float(gone))


@outlined
def let_go(M: Ints, X: Floats, v: int, number: int, element: int) -> None:
    """Let all people of a server go; ``number`` is that of the part they were with."""
    if get(M, SERVER_PEOPLE, v):
        for crew in range(whole(M, CREWS)):
            put(M, CREW_CHOSEN, crew, 0)
        _release(M, X, v, number, element)


@outlined
def keep(M: Ints, X: Floats, v: int, number: int, element: int, at: int) -> None:
    """Keep whoever is needed next too, if that is all who are needed; ``at``: see ``needs_at``."""
    first, last, crews = get(M, FIRST_NEED, at), get(M, FIRST_NEED, at + 1), whole(M, CREWS)
    for crew in range(crews):
        # Whoever is more than are on goes home at the end of a phase.
        there = get(M, SERVER_TEAM, v * crews + crew) - max(0, -get(M, CREW_FREE, crew))
        put(M, CREW_LEFT_OVER, crew, there)
        put(M, CREW_CHOSEN, crew, 0)
    if first == last or not _choose(M, first, last):
        let_go(M, X, v, number, element)
    else:
        _release(M, X, v, number, element)
