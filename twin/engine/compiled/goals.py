"""Where a part may go next, and who else waits for it: what ``reference.routes`` does."""

from __future__ import annotations

from twin.engine.compiled.cards import admits
from twin.engine.compiled.carriers import can_be_sent, can_set_out, may_set_out, site_of
from twin.engine.compiled.looks import is_shut, room_at, takes
from twin.engine.compiled.memory import add, get, real, whole
from twin.engine.compiled.phases import choice
from twin.engine.compiled.sources import look, next_number, waits_since_s
from twin.engine.compiled.tables import (
    BATCH_MIN,
    BUFFER_COMING,
    BUFFER_LENGTH,
    BUFFERS,
    CAPACITY,
    CHOICE_SHARE,
    CHOICE_STATION,
    CONTENDED,
    DONE_COUNT,
    DONE_LIST,
    EXITS,
    FEEDERS,
    FIRST_CHOICE,
    FIRST_EXIT,
    FIRST_SENDER,
    FIRST_SERVER,
    FIRST_SOURCE,
    FIRST_STEP,
    GIVEN_STATIONS,
    HEAD_ORDER,
    HEAD_PRODUCT,
    LATE_HEAD,
    LATE_NEXT,
    LEAVES,
    ORDER_STATION,
    PART_AT,
    PART_DONE_S,
    PART_ID,
    PART_MATE,
    PART_ORDER,
    PART_PRODUCT,
    PART_ROW,
    PART_VISITS,
    POOLS,
    PROBABILITY,
    ROUND_ROBIN,
    SENDER,
    SERVER_PART,
    SHORTEST_QUEUE,
    STATION_FREE,
    STATION_INPUT,
    STATION_SEVERAL,
    STATIONS,
    STEERED,
    STEP_CHOICE,
    STEP_ROUTE,
    STEP_ROWS,
    STEP_TARGET,
    STEP_TURN,
    Floats,
    Ints,
)
from twin.engine.compiled.timers import chance
from twin.engine.jit import inlined, inner, outlined


@inlined
def assigned(M: Ints, X: Floats, order: int, step: int) -> int:
    """Return the station that the plan gives an operation of an order, or -1.

    A part may be of another product than its order: it may have been made of such a part.
    """
    if order < 0 or whole(M, GIVEN_STATIONS) == 0:
        return -1
    return get(M, ORDER_STATION, order * whole(M, STEP_ROWS) + step)


@inlined
def sole_goal(M: Ints, X: Floats, p: int) -> int:
    """Return the one station that a part may go to, or -1 where there are several or none."""
    if not whole(M, STEERED):
        return -1
    number, visits = (get(M, PART_ID, p), get(M, PART_VISITS, p))
    return _steer(M, X, get(M, PART_ROW, p), get(M, PART_ORDER, p), number, visits)


@inlined
def sole_goal_of_source(M: Ints, X: Floats, source: int) -> int:
    """Return the one station that the next part of a source may go to, or -1."""
    if not whole(M, STEERED):
        return -1
    order, step = (get(M, HEAD_ORDER, source), get(M, FIRST_STEP, get(M, HEAD_PRODUCT, source)))
    return _steer(M, X, step, order, next_number(M, X, source), 0)


@outlined
def _steer(M: Ints, X: Floats, step: int, order: int, number: int, visits: int) -> int:
    """Return the station that the plan gives, whose turn it is, or that is drawn; or -1."""
    first, after = (get(M, FIRST_CHOICE, step), get(M, FIRST_CHOICE, step + 1))
    if first == after:
        return -1
    given = assigned(M, X, order, step)
    if given >= 0:
        return given
    rule = get(M, STEP_CHOICE, step)
    if rule == ROUND_ROBIN:
        return get(M, CHOICE_STATION, first + get(M, STEP_TURN, step) % (after - first))
    if rule == PROBABILITY:
        u = chance(M, get(M, STEP_ROUTE, step), number, visits)
        u *= real(M, X, CHOICE_SHARE, after - 1)
        at = first
        while at < after - 1 and real(M, X, CHOICE_SHARE, at) < u:
            at += 1
        return get(M, CHOICE_STATION, at)
    return -1


@inlined
def stays(M: Ints, X: Floats, step: int, given: int, s: int) -> bool:
    """Tell whether a part has its next operation where it is."""
    return given == s if given >= 0 else choice(M, X, step, s) >= 0


@inlined
def _entrance(M: Ints, X: Floats, s: int) -> int:
    return get(M, STATION_INPUT, s) if get(M, STATION_INPUT, s) >= 0 else whole(M, BUFFERS) + s


@outlined
def is_in_company(M: Ints, p: int, v: int, s: int) -> bool:
    """Tell whether a part has others beside it, or its station works in batches."""
    if get(M, BATCH_MIN, s):
        return True
    return bool(
        get(M, STATION_SEVERAL, s) and (get(M, SERVER_PART, v) != p or get(M, PART_MATE, p) >= 0)
    )


@inlined
def has_room(M: Ints, X: Floats, entrance: int) -> bool:
    """Tell whether one more part fits."""
    buffers = whole(M, BUFFERS)
    if entrance < buffers:
        return get(M, BUFFER_LENGTH, entrance) < get(M, CAPACITY, entrance)
    return takes(M, entrance - buffers) and get(M, STATION_FREE, entrance - buffers) > 0


@inlined
def _is_open(M: Ints, X: Floats, product: int, entrance: int, since_s: float, sender: int) -> bool:
    """Tell whether a place has room and cards, and nobody has waited longer for it."""
    return (
        has_room(M, X, entrance)
        and admits(M, X, product, _place_of(M, sender), entrance)
        and (whole(M, POOLS) == 0 or may_set_out(M, sender, entrance))
        and (get(M, FEEDERS, entrance) <= 1 or _is_first(M, X, entrance, since_s, sender))
    )


@inlined
def _place_of(M: Ints, sender: int) -> int:
    """Return where the parts of a sender are, as an entrance; -1: at a source."""
    stations = whole(M, STATIONS)
    if sender < stations:
        return whole(M, BUFFERS) + sender
    return sender - stations if sender < whole(M, FIRST_SOURCE) else -1


@inner
def open_to(
    M: Ints, X: Floats, product: int, step: int, given: int, since_s: float, sender: int
) -> int:
    """Return the first place that has room and cards and where nobody has waited longer, or -1.

    A sender is a station, or the place in a pass of a buffer or source.
    """
    if given >= 0:
        entrance = _entrance(M, X, given)
        return entrance if _is_open(M, X, product, entrance, since_s, sender) else -1
    first, after = (get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1))
    if get(M, STEP_CHOICE, step) == SHORTEST_QUEUE and after - first > 1:
        return _shortest(M, X, product, step, since_s, sender)
    for i in range(first, after):
        entrance = get(M, EXITS, i)
        if _is_open(M, X, product, entrance, since_s, sender):
            return entrance
    return -1


@outlined
def _shortest(M: Ints, X: Floats, product: int, step: int, since_s: float, sender: int) -> int:
    """Return the open place with the fewest parts; ties by preference. Each is of one station."""
    best, fewest = (-1, 0)
    exit_of = get(M, FIRST_EXIT, step) - get(M, FIRST_CHOICE, step)
    for i in range(get(M, FIRST_CHOICE, step), get(M, FIRST_CHOICE, step + 1)):
        s, b = (get(M, CHOICE_STATION, i), get(M, STATION_INPUT, get(M, CHOICE_STATION, i)))
        servers = get(M, FIRST_SERVER, s + 1) - get(M, FIRST_SERVER, s)
        parts = servers - get(M, STATION_FREE, s) + (get(M, BUFFER_LENGTH, b) if b >= 0 else 0)
        parts += get(M, BUFFER_COMING, b) if b >= 0 else 0
        entrance = get(M, EXITS, exit_of + i)
        if best >= 0 and parts >= fewest:
            continue
        if _is_open(M, X, product, entrance, since_s, sender):
            best, fewest = (entrance, parts)
    return best


@inlined
def went(M: Ints, X: Floats, step: int, given: int) -> None:
    """Note that a part went to its next operation: others may look again."""
    if whole(M, CONTENDED):
        _gave_way(M, X, step, given)
    if whole(M, STEERED) and get(M, STEP_CHOICE, step) == ROUND_ROBIN:
        took_turn(M, X, step)


@outlined
def took_turn(M: Ints, X: Floats, step: int) -> None:
    """Let the next station have its turn; who waits for this operation looks again."""
    add(M, STEP_TURN, step, 1)
    for i in range(get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1)):
        room_at(M, get(M, EXITS, i))


@outlined
def _gave_way(M: Ints, X: Floats, step: int, given: int) -> None:
    """Let those look again who may have waited behind a part, wherever it could have gone."""
    if given >= 0:
        room_at(M, _entrance(M, X, given))
        return
    for i in range(get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1)):
        if get(M, FEEDERS, get(M, EXITS, i)) > 1:
            room_at(M, get(M, EXITS, i))


@inner
def leads_to(M: Ints, X: Floats, step: int, given: int, entrance: int) -> bool:
    """Tell whether a part may go to a place for a step."""
    if given >= 0:
        return _entrance(M, X, given) == entrance
    for i in range(get(M, FIRST_EXIT, step), get(M, FIRST_EXIT, step + 1)):
        if get(M, EXITS, i) == entrance:
            return True
    return False


@inlined
def _part_wants(M: Ints, X: Floats, p: int, entrance: int) -> bool:
    """Tell whether a part that is done could go to a place if there were room."""
    step = get(M, PART_ROW, p)
    return (
        get(M, STEP_TARGET, step) != LEAVES
        and leads_to(M, X, step, sole_goal(M, X, p), entrance)
        and admits(M, X, get(M, PART_PRODUCT, p), get(M, PART_AT, p), entrance)
        and (whole(M, POOLS) == 0 or can_be_sent(M, p, entrance))
    )


@inner
def before(since_s: float, sender: int, mine_s: float, me: int, stations: int) -> bool:
    """Tell whether a sender stands before me: longer wait, else station, else downstream."""
    if since_s != mine_s:
        return since_s < mine_s
    if (sender < stations) != (me < stations):
        return sender < stations
    return sender > me if sender < stations else sender < me


@outlined
def _is_first(M: Ints, X: Floats, entrance: int, since_s: float, me: int) -> bool:
    """Tell whether nobody else has waited longer for a place; ties: downstream first."""
    stations, first_source = whole(M, STATIONS), whole(M, FIRST_SOURCE)
    for k in range(get(M, FIRST_SENDER, entrance), get(M, FIRST_SENDER, entrance + 1)):
        place = get(M, SENDER, k)
        other = stations - 1 - place if place < stations else place
        if other == me:
            continue
        if place >= first_source:
            if _source_is_before(M, X, entrance, since_s, me, place - first_source):
                return False
        elif place >= stations:
            p = get(M, LATE_HEAD, place - stations)
            while p >= 0:
                if _is_before(M, X, p, other, since_s, me) and _part_wants(M, X, p, entrance):
                    return False
                p = get(M, LATE_NEXT, p)
        elif not is_shut(M, other):
            for i in range(get(M, DONE_COUNT, other)):
                p = get(M, SERVER_PART, get(M, DONE_LIST, get(M, FIRST_SERVER, other) + i))
                while p >= 0:
                    if _is_before(M, X, p, other, since_s, me) and _part_wants(M, X, p, entrance):
                        return False
                    p = get(M, PART_MATE, p) if get(M, STATION_SEVERAL, other) else -1
    return True


@inlined
def _is_before(M: Ints, X: Floats, p: int, sender: int, mine_s: float, me: int) -> bool:
    """Tell whether a part that is done stands before me."""
    return before(real(M, X, PART_DONE_S, p), sender, mine_s, me, whole(M, STATIONS))


@outlined
def _source_is_before(
    M: Ints, X: Floats, entrance: int, since_s: float, me: int, source: int
) -> bool:
    """Tell whether the part that a source would send to an entrance has waited longer."""
    if not look(M, X, source):
        return False
    other = whole(M, FIRST_SOURCE) + source
    if not before(waits_since_s(M, X, source), other, since_s, me, whole(M, STATIONS)):
        return False
    product = get(M, HEAD_PRODUCT, source)
    step, goal = get(M, FIRST_STEP, product), sole_goal_of_source(M, X, source)
    if whole(M, POOLS) and not can_set_out(M, site_of(M, -1 - source), entrance):
        return False
    return leads_to(M, X, step, goal, entrance) and admits(M, X, product, -1, entrance)
