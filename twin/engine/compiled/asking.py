"""Who asks for people, and who is given them: what ``reference.people`` decides of what is shared.

A server that may ask stands in a list from the moment it may until it is given people or does not
ask any more. Nobody is looked at unless somebody was freed, or has begun to ask, since last time.
"""

from __future__ import annotations

import math

from twin.engine.compiled.log import account
from twin.engine.compiled.memory import get, put, put_whole, real, whole
from twin.engine.compiled.people import ask, find, let_go, take
from twin.engine.compiled.phases import lacks, needs_at, needs_people
from twin.engine.compiled.stations import may_begin, people_came, runs
from twin.engine.compiled.tables import (
    ASKING,
    DONE,
    FIRST_NEED,
    FULL_SETTLE,
    GROUPED,
    N_ASKING,
    PART_ASKED_S,
    PART_ENTERED_S,
    PART_ID,
    PART_STATUS,
    PEOPLE_NEWS,
    SERVER_ASKS,
    SERVER_PART,
    SERVER_PEOPLE,
    SERVER_STATION,
    SERVERS,
    SINCE_S,
    STATION_CLAIM,
    STATION_ELEMENT,
    STATION_MANNED,
    WAITING,
    Floats,
    Ints,
)
from twin.engine.jit import inner, outlined


@inner
def _asks(M: Ints, X: Floats, v: int, p: int, s: int) -> bool:
    """Tell whether work on a part waits for people, and for nothing else."""
    if get(M, SERVER_PEOPLE, v) or get(M, PART_STATUS, p) == DONE:
        return False
    if get(M, PART_STATUS, p) == WAITING:
        held = whole(M, GROUPED) != 0 and lacks(M, p)
        return not held and may_begin(M, X, s) and needs_people(M, X, p, s)
    return math.isnan(real(M, X, SINCE_S, v)) and runs(M, X, s) and needs_people(M, X, p, s)


@inner
def _sort(M: Ints) -> None:
    """Put the servers that may ask in their order."""
    for i in range(1, whole(M, N_ASKING)):
        v, at = get(M, ASKING, i), i
        while at > 0 and get(M, ASKING, at - 1) > v:
            put(M, ASKING, at, get(M, ASKING, at - 1))
            at -= 1
        put(M, ASKING, at, v)


@outlined
def send_away(M: Ints, X: Floats) -> None:
    """Let people go who are with a part on which work may not begin."""
    _ask_all(M)
    if not whole(M, PEOPLE_NEWS):
        return
    _sort(M)
    for i in range(whole(M, N_ASKING)):
        v = get(M, ASKING, i)
        p, s = get(M, SERVER_PART, v), get(M, SERVER_STATION, v)
        waits = p >= 0 and get(M, SERVER_PEOPLE, v) and get(M, PART_STATUS, p) == WAITING
        if waits and not may_begin(M, X, s):
            let_go(M, X, v, get(M, PART_ID, p), get(M, STATION_ELEMENT, s))


@inner
def _ask_all(M: Ints) -> None:
    """Let all servers ask, where all are visited."""
    if whole(M, FULL_SETTLE):
        for v in range(whole(M, SERVERS)):
            if get(M, STATION_MANNED, get(M, SERVER_STATION, v)):
                ask(M, v)


@inner
def _who_asks(M: Ints, X: Floats) -> int:
    """Keep in the list who asks for people, and tell how many they are."""
    _sort(M)
    count = 0
    for i in range(whole(M, N_ASKING)):
        v = get(M, ASKING, i)
        p, s = get(M, SERVER_PART, v), get(M, SERVER_STATION, v)
        put(M, SERVER_ASKS, v, 0)
        if p >= 0 and _asks(M, X, v, p, s):
            put(M, SERVER_ASKS, v, 1)
            put(M, ASKING, count, v)
            count += 1
    return count


@inner
def _since_s(M: Ints, X: Floats, v: int) -> float:
    p = get(M, SERVER_PART, v)
    asked_s = real(M, X, PART_ASKED_S, p)
    return real(M, X, PART_ENTERED_S, p) if math.isnan(asked_s) else asked_s


@inner
def _is_before(M: Ints, X: Floats, v: int, w: int) -> bool:
    """Tell whether a server is given people before another."""
    s, z = get(M, SERVER_STATION, v), get(M, SERVER_STATION, w)
    if real(M, X, STATION_CLAIM, s) != real(M, X, STATION_CLAIM, z):
        return real(M, X, STATION_CLAIM, s) > real(M, X, STATION_CLAIM, z)
    if _since_s(M, X, v) != _since_s(M, X, w):
        return _since_s(M, X, v) < _since_s(M, X, w)
    return s > z if s != z else v < w


@outlined
def settle_work(M: Ints, X: Floats) -> None:
    """Give people to the work that waits for them, whoever claims most and longest first."""
    _ask_all(M)
    if not whole(M, PEOPLE_NEWS):
        return
    count = _who_asks(M, X)
    for i in range(1, count):
        v, at = get(M, ASKING, i), i
        while at > 0 and _is_before(M, X, v, get(M, ASKING, at - 1)):
            put(M, ASKING, at, get(M, ASKING, at - 1))
            at -= 1
        put(M, ASKING, at, v)
    kept = 0
    for i in range(count):
        v = get(M, ASKING, i)
        p, s = get(M, SERVER_PART, v), get(M, SERVER_STATION, v)
        at = needs_at(M, X, p, s)
        if find(M, get(M, FIRST_NEED, at), get(M, FIRST_NEED, at + 1)):
            put(M, SERVER_ASKS, v, 0)
            account(M, X, s)
            take(M, X, v, get(M, PART_ID, p), get(M, STATION_ELEMENT, s))
            people_came(M, X, v, p, s)
        else:
            put(M, ASKING, kept, v)
            kept += 1
    put_whole(M, N_ASKING, kept)
    put_whole(M, PEOPLE_NEWS, 0)
